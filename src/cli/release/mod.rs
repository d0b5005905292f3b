//! `imgguard release`: images in, checked, under one index, with the tags of their version.

mod prepare;
mod tell;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::evidence::Store;
use crate::model::Digest;
use crate::oci::Reference;
use crate::policy::{Report, Verdict, judge};
use crate::registry::{Client, ManifestToPush, RemoteRepository};
use crate::release::copy::survey;
use crate::release::index::IndexError;
use crate::release::plan::{BlobAction, CopyPlan, Wanted, plan as copy_plan};
use crate::release::publish::{Part, Publication, PublishError, Published, move_tags, place};
use crate::release::tags::{Action, Request, Scheme, Step, overtaken, version_of_tag};
use crate::report::{Context, format};
use crate::rules::Circumstances;

use super::annotations::annotations;
use super::connection::repository;
use super::copy::mount_from;
use super::image::Reader;
use super::progress::Bar;
use super::sign::released::{Bill, Carried, EvidenceArguments, carry};
use super::sign::signing::Method;
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, bases, output, policy, sbom, tags};

pub(super) use self::prepare::{Opened, inspect, name};
use self::prepare::{open_all, root};
use self::tell::{Done, Told};

/// Arguments of `release`.
#[derive(Debug, Args)]
pub(super) struct ReleaseArguments {
    /// The images: one index, or the images of several platforms. A registry reference, oci:DIR[:TAG], oci-archive:FILE,
    /// docker-archive:FILE, docker-daemon:REF or podman:REF.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// The repository that gets the release: host/name.
    #[arg(long, value_name = "REPOSITORY")]
    to: String,
    /// The version, such as 1.4.2, v1.4.2 or 2.0.0-rc.1; with the v the tags are written with it too.
    #[arg(long, value_name = "VERSION")]
    version: String,
    #[command(flatten)]
    naming: tags::Naming,
    /// Policy file, or a built-in policy, that every platform has to pass.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    parents: policy::ParentArguments,
    /// Prove base images by this list; `imgguard-bases.json` beside the policy file unless given. See `imgguard bases`.
    #[arg(long, value_name = "FILE")]
    bases: Option<PathBuf>,
    /// An annotation of the index, as NAME=VALUE; repeatable. Only for an index that is made here.
    #[arg(long, value_name = "NAME=VALUE")]
    annotation: Vec<String>,
    /// Make an index even for a single image.
    #[arg(long)]
    index: bool,
    /// Check and plan, and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Blobs that travel at a time.
    #[arg(long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
    /// Output format: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    #[command(flatten)]
    evidence: EvidenceArguments,
    #[command(flatten)]
    source: SourceArguments,
}

impl From<IndexError> for Failure {
    fn from(error: IndexError) -> Self {
        let hint = match error {
            IndexError::Twice { .. } => "give one image for each platform",
            IndexError::Empty => "give images that can be run",
            IndexError::NoPlatform(_) => "the config of an image names its platform: build it again",
        };
        Self::usage(error.to_string()).with_hint(hint)
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        let (message, hint) = match error {
            PublishError::Copy(error) => return error.into(),
            PublishError::Drift { .. } => {
                (error.to_string(), "somebody else released meanwhile: run it again for a new plan")
            }
            PublishError::Overtaken { ref higher, .. } => {
                let hint = format!("run the release of {higher} once more: it puts its tags right");
                return Self { exit: Exit::Violations, message: error.to_string(), hint: Some(hint) };
            }
            PublishError::TagRefused { .. } => (error.to_string(), "the registry keeps tags where they are"),
        };
        Self { exit: Exit::Violations, message, hint: Some(hint.to_owned()) }
    }
}

/// Runs `release`.
pub(super) fn run(arguments: &ReleaseArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, &["text", "json"])?;
    let destination = repository(&arguments.to)?;
    let (scheme, annotations) = (arguments.naming.scheme()?, annotations(&arguments.annotation)?);
    let version = version_of_tag(&arguments.version)?;
    let (policy, policy_file) =
        policy::load(arguments.policy.as_deref(), &arguments.parents, Some(&arguments.source.connection), terminal)?;
    let bases = bases::find(arguments.bases.as_deref(), policy_file.as_deref())?.map(Arc::new);
    let reader = Reader::new(&arguments.source, terminal)?.for_policy(&policy);
    let reader = if arguments.evidence.sbom.is_empty() { reader } else { reader.with_packages() };
    let method = arguments.evidence.open()?;
    let client = reader.client()?;
    let opened = open_all(&arguments.images, client)?;
    let mut inspection = inspect(&opened, &arguments.images, &reader)?;
    let root = root(arguments, &opened, &inspection, (&version, annotations))?;
    let request = arguments.naming.request(&arguments.version, root.digest.clone())?;
    name(&mut inspection, &destination, &request.exact_tag(), &root);
    bases::prove(&mut inspection, bases.as_deref());
    let circumstances = Circumstances { now: Some(super::now()), bases, ..Circumstances::default() };
    let report = judge(&policy, inspection, &circumstances);
    let judged = Exit::from(&report.verdict);
    if judged != Exit::Pass || terminal.verbose {
        tell_report(&report, judged, policy_file.as_deref(), terminal)?;
    }
    let Verdict::Pass(approved) = &report.verdict else {
        Terminal::say("error: the images do not pass the policy: nothing was released");
        return Ok(judged);
    };
    let steps = tag_steps(&request, &scheme, client, &destination)?;
    let refused = steps.iter().any(|step| step.action == Action::Refuse);
    let writing = RemoteRepository::writable(&Client::new(reader.options()?)?, &destination);
    let plans = copy_plans(&opened, &arguments.images, &writing)?;
    let mut done = None;
    if !refused && !arguments.dry_run {
        let bound = approved.digests().iter().cloned().collect::<BTreeSet<_>>();
        let bills = sbom::bills(&report.inspection, &arguments.evidence.sbom)?;
        let evidence = method.as_ref().map(|method| (method, &bills[..]));
        done = Some(carry_out(
            arguments,
            &opened,
            &plans,
            (&root, &steps, &request, &scheme),
            (&writing, &bound),
            evidence,
            (&reader, terminal),
        )?);
    }
    let told = Told {
        destination: &destination,
        root: &root,
        plans: &plans,
        steps: &steps,
        done: done.as_ref(),
        report: &report,
    };
    for one in &outputs {
        output::write(one, &if one.format == "json" { told.json()? } else { told.text() })?;
    }
    Ok(if refused { Exit::Violations } else { Exit::Pass })
}
pub(super) fn tell_report(
    report: &Report,
    exit: Exit,
    policy_file: Option<&std::path::Path>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let file = policy::repository_file(policy_file);
    let context = Context { repository_file: file.as_deref(), exit_code: exit.code(), ..terminal.context(true) };
    match format("text") {
        Some(format) => output::print(&(format.render)(std::slice::from_ref(report), &context)),
        None => Ok(()),
    }
}

fn tag_steps(
    request: &Request,
    scheme: &Scheme,
    client: &Client,
    destination: &Reference,
) -> Result<Vec<Step>, Failure> {
    let mut known = tags::known_tags(client, destination)?;
    tags::steps_of(request, scheme, client, destination, &mut known)
}

/// Looks whether somebody released a higher version meanwhile, whose tags this release has taken.
fn alone(request: &Request, scheme: &Scheme, written: &[String], fresh: &RemoteRepository) -> Result<(), Failure> {
    if written.is_empty() {
        return Ok(());
    }
    let now = crate::registry::ReadRepository::tags(fresh)?.into_iter().map(|tag| (tag, None)).collect();
    let Some((tag, higher)) = overtaken(request, scheme, written, &now)? else { return Ok(()) };
    let digest = request.digest.clone();
    if crate::registry::ReadRepository::tagged(fresh, &tag)?.as_ref() == Some(&digest) {
        return Err(PublishError::Overtaken { tag, higher, digest }.into());
    }
    Ok(())
}

fn copy_plans(opened: &[Opened], images: &[String], writing: &RemoteRepository) -> Result<Vec<CopyPlan>, Failure> {
    let mut plans = Vec::new();
    for (one, text) in opened.iter().zip(images) {
        let seen = survey(&one.closure, writing, None)?;
        let wanted = Wanted {
            source: text.clone(),
            destination: crate::registry::ReadRepository::name(writing),
            tag: None,
            mount_from: mount_from(&*one.source.repository, writing),
        };
        plans.push(copy_plan(&one.closure, wanted, &seen)?);
    }
    Ok(plans)
}

fn carry_out(
    arguments: &ReleaseArguments,
    opened: &[Opened],
    plans: &[CopyPlan],
    (root, steps, request, scheme): (&ManifestToPush, &[Step], &Request, &Scheme),
    (writing, approved): (&RemoteRepository, &BTreeSet<Digest>),
    evidence: Option<(&Method, &[Bill])>,
    (reader, terminal): (&Reader<'_>, &Terminal),
) -> Result<Done, Failure> {
    let mut runnable = opened.iter().flat_map(|one| one.closure.images());
    if let Some(digest) = runnable.find(|digest| !approved.contains(digest)) {
        let message = format!("internal error: {digest} was never judged");
        return Err(Failure { exit: Exit::Inconclusive, message, hint: None });
    }
    let parts = opened.iter().zip(plans);
    let parts =
        parts.map(|(one, plan)| Part { source: &*one.source.repository, closure: &one.closure, plan }).collect();
    let publication = Publication { parts, root: root.clone(), tags: steps, jobs: arguments.jobs.get() };
    let bytes =
        plans.iter().map(|plan| plan.blobs_with(BlobAction::Send).1 + plan.blobs_with(BlobAction::Mount).1).sum();
    let bar = Bar::labelled(terminal.interactive, bytes, "releasing");
    // Nothing that the writing client remembers counts.
    let client = Client::new(reader.options()?)?;
    let fresh = RemoteRepository::writable(&client, &repository(&arguments.to)?);
    let copied = place(&publication, writing, &fresh, &|bytes| bar.add(bytes));
    bar.end();
    let copied = copied?;
    for warning in &copied.warnings {
        Terminal::say(&format!("warning: the registry says: {warning}"));
    }
    let carried = match evidence {
        None => Carried::default(),
        Some((method, bills)) => {
            let at = Reference { digest: Some(root.digest.clone()), ..repository(&arguments.to)? };
            let store = |client: &Client| Store::registry(client, &at);
            carry(method, bills, &store(writing.client())?, &store(&client)?)?
        }
    };
    arguments.evidence.save(&carried)?;
    let tags = move_tags(root, steps, writing, &fresh)?;
    alone(request, scheme, &tags, &fresh)?;
    Ok(Done { published: Published { copied, tags }, carried })
}
