//! `imgguard tags`: which tags a release writes, and whether those of a repository are in order.

use clap::{Args, Subcommand};

use crate::model::Digest;
use crate::oci::Reference;
use crate::promote::plan::Wish;
use crate::registry::{Client, Target};
use crate::release::tags::{
    Action, Astray, Context, Finding, Known, Latest, Named, Request, Scheme, Step, TagError, asked_by_audit,
    asked_by_plan, audit, check_tag, plan, tags_of, version_of_tag,
};
use crate::source::registry::resolve;

use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, output};

const FORMATS: &[&str] = &["text", "json"];

#[derive(Debug, Args)]
pub(super) struct TagsArguments {
    #[command(subcommand)]
    command: TagsCommand,
}

#[derive(Debug, Subcommand)]
enum TagsCommand {
    /// Say for each tag of a release what would become of it; nothing is written.
    Plan(Box<PlanArguments>),
    /// Find floating tags that point at another image than they should.
    Audit(AuditArguments),
}

#[derive(Debug, Args)]
struct PlanArguments {
    /// The image to be released, with its tag or digest: host/name:tag. Its repository is the one that gets the tags.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The version, such as 1.4.2, v1.4.2 or 2.0.0-rc.1; with the v the tags are written with it too.
    #[arg(long, value_name = "VERSION", required_unless_present = "metadata_tags")]
    version: Option<String>,
    #[command(flatten)]
    naming: Naming,
    /// Take the tags from the `tags` input of docker/metadata-action and the environment of the workflow run.
    #[arg(long, value_name = "TEXT", conflicts_with = "version")]
    metadata_tags: Option<String>,
    /// The `flavor` input that goes with it.
    #[arg(long, value_name = "TEXT", requires = "metadata_tags", default_value = "")]
    flavor: String,
    /// Output format: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    #[command(flatten)]
    source: SourceArguments,
}

/// How the tags of a release are named, and which of them it gets.
#[derive(Debug, Clone, Args)]
pub(super) struct Naming {
    /// The variant of this image, such as -alpine.
    #[arg(long, value_name = "SUFFIX", allow_hyphen_values = true, default_value = "")]
    pub variant: String,
    /// All suffixes that are variants in this repository, separated by commas.
    #[arg(long, value_name = "SUFFIX,…", allow_hyphen_values = true, value_delimiter = ',')]
    variants: Vec<String>,
    /// What latest follows: highest, a line such as 1 or 1.4, or off.
    #[arg(long, value_name = "LINE", default_value = "highest")]
    latest: String,
    /// Write neither MAJOR.MINOR nor MAJOR.
    #[arg(long)]
    no_floats: bool,
    /// A further tag that follows the highest version before a release, such as next; repeatable.
    #[arg(long, value_name = "TAG")]
    channel: Vec<String>,
    /// Allow a version that has been released to move to this image, for this reason.
    #[arg(long, value_name = "REASON")]
    allow_retag: Option<String>,
}

impl Naming {
    /// How tags of the repository are read.
    pub fn scheme(&self) -> Result<Scheme, Failure> {
        let own = (!self.variant.is_empty() && !self.variants.contains(&self.variant)).then(|| self.variant.clone());
        Ok(Scheme::new(self.variants.iter().cloned().chain(own))?)
    }

    /// How the tags are asked for, as data.
    pub fn wish(&self, version: Option<String>, tags: Vec<String>) -> Wish {
        Wish {
            version,
            tags,
            variant: self.variant.clone(),
            variants: self.variants.clone(),
            latest: self.latest.clone(),
            no_floats: self.no_floats,
            channels: self.channel.clone(),
            allow_retag: self.allow_retag.clone().filter(|reason| !reason.trim().is_empty()),
        }
    }

    /// The way back.
    pub fn of(wish: &Wish) -> Self {
        Self {
            variant: wish.variant.clone(),
            variants: wish.variants.clone(),
            latest: wish.latest.clone(),
            no_floats: wish.no_floats,
            channel: wish.channels.clone(),
            allow_retag: wish.allow_retag.clone(),
        }
    }

    /// The tags of this image as this version.
    pub fn request(&self, version: &str, digest: Digest) -> Result<Request, Failure> {
        self.request_of(version, &self.variant, digest)
    }

    fn request_of(&self, version: &str, variant: &str, digest: Digest) -> Result<Request, Failure> {
        Ok(Request {
            version: version_of_tag(version)?,
            with_v: version.starts_with('v'),
            variant: variant.to_owned(),
            digest,
            retag_reason: self.allow_retag.clone().filter(|reason| !reason.trim().is_empty()),
            latest: latest(&self.latest)?,
            floats: !self.no_floats,
            channels: self.channel.clone(),
        })
    }
}

#[derive(Debug, Args)]
struct AuditArguments {
    /// The repository: host/name.
    #[arg(value_name = "REPOSITORY")]
    repository: String,
    /// All suffixes that are variants in this repository, separated by commas.
    #[arg(long, value_name = "SUFFIX,…", allow_hyphen_values = true, value_delimiter = ',')]
    variants: Vec<String>,
    /// Output format: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    #[command(flatten)]
    source: SourceArguments,
}

impl From<TagError> for Failure {
    fn from(error: TagError) -> Self {
        Self::usage(error.to_string())
    }
}

pub(super) fn run(arguments: &TagsArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        TagsCommand::Plan(arguments) => run_plan(arguments),
        TagsCommand::Audit(arguments) => run_audit(arguments),
    }
}

/// All tags of a repository; one that does not exist yet has none.
pub(super) fn known_tags(client: &Client, reference: &Reference) -> Result<Known, Failure> {
    match client.tags(reference) {
        Ok(tags) => Ok(tags.into_iter().map(|tag| (tag, None)).collect()),
        Err(crate::oci::FetchError::NotFound { .. }) => Ok(Known::new()),
        Err(error) => Err(error.into()),
    }
}

/// Asks for the digests of these tags. A tag that has gone in the meantime is no longer known.
fn ask(client: &Client, reference: &Reference, known: &mut Known, tags: Vec<String>) -> Result<(), Failure> {
    for tag in tags {
        match client.manifest(reference, &Target::Tag(tag.clone())) {
            Ok(manifest) => {
                known.insert(tag, Some(manifest.digest));
            }
            Err(crate::oci::FetchError::NotFound { .. }) => {
                known.remove(&tag);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn run_plan(arguments: &PlanArguments) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, FORMATS)?;
    let reference: Reference = arguments.image.parse()?;
    let scheme = arguments.naming.scheme()?;
    let wanted = match (&arguments.version, &arguments.metadata_tags) {
        (Some(version), _) => Asked::Version(version.clone()),
        (None, Some(tags)) => Asked::Names(metadata(tags, &arguments.flavor)?),
        (None, None) => return Err(Failure::usage("neither a version nor tags are given")),
    };
    let client = &Client::new(arguments.source.connection.options()?)?;
    let digest = resolve(client, &reference)?.0.descriptor.digest;
    let mut known = known_tags(client, &reference)?;
    let steps = match wanted {
        Asked::Version(version) => {
            let request = arguments.naming.request(&version, digest)?;
            steps_of(&request, &scheme, client, &reference, &mut known)?
        }
        Asked::Names(names) => steps_of_names(arguments, &names, &scheme, &digest, (client, &reference, &mut known))?,
    };
    for one in &outputs {
        let text = if one.format == "json" { plan_json(&reference, &steps)? } else { plan_text(&reference, &steps) };
        output::write(one, &text)?;
    }
    let refused = steps.iter().any(|step| step.action == Action::Refuse);
    Ok(if refused { Exit::Violations } else { Exit::Pass })
}

enum Asked {
    Version(String),
    Names(Vec<String>),
}

fn latest(text: &str) -> Result<Latest, Failure> {
    match text {
        "highest" => return Ok(Latest::Highest),
        "off" => return Ok(Latest::Off),
        _ => {}
    }
    match Scheme::default().read(text).0 {
        Named::Major(major) => Ok(Latest::Line(major, None)),
        Named::Minor(major, minor) => Ok(Latest::Line(major, Some(minor))),
        Named::Exact(_) | Named::Latest | Named::Other => {
            Err(Failure::usage(format!("`--latest {text}` is neither highest, off, nor a line such as 1 or 1.4")))
        }
    }
}

/// Says what becomes of the tags of a release, after having asked for the digests that matter.
pub(super) fn steps_of(
    request: &Request,
    scheme: &Scheme,
    client: &Client,
    reference: &Reference,
    known: &mut Known,
) -> Result<Vec<Step>, Failure> {
    let asked = asked_by_plan(request, scheme, known)?;
    ask(client, reference, known, asked)?;
    // The same version under its other spelling.
    let other = known.keys().find(|tag| {
        matches!(scheme.read(tag), (Named::Exact(version), variant) if version == request.version && variant == request.variant)
    });
    if let Some(tag) = other.cloned().filter(|tag| known.get(tag).is_some_and(Option::is_none)) {
        ask(client, reference, known, vec![tag])?;
    }
    Ok(plan(request, scheme, known)?)
}

/// The plan for tags that are named one by one: a full version stays with its image, all others go where they are sent.
pub(super) fn steps_of_tags(
    tags: &[String],
    retag_reason: Option<&str>,
    digest: &Digest,
    (client, reference): (&Client, &Reference),
) -> Result<Vec<Step>, Failure> {
    let scheme = Scheme::default();
    let mut known: Known = tags.iter().map(|tag| (tag.clone(), None)).collect();
    for tag in tags {
        check_tag(tag)?;
    }
    ask(client, reference, &mut known, tags.to_vec())?;
    let step = |tag: &String| {
        let from = known.get(tag).cloned().flatten();
        let is_version = matches!(scheme.read(tag).0, Named::Exact(_));
        let (action, reason) = match (&from, retag_reason) {
            (None, _) => (Action::Create, "it is asked for".to_owned()),
            (Some(from), _) if from == digest => (Action::Keep, "it points at this image already".to_owned()),
            (Some(_), None) if is_version => {
                (Action::Refuse, "a version that has been released never moves to another image".to_owned())
            }
            (Some(_), Some(why)) if is_version => (Action::Advance, format!("it is given to another image: {why}")),
            (Some(_), _) => (Action::Advance, "it is asked for".to_owned()),
        };
        Step { tag: tag.clone(), action, from, to: digest.clone(), reason }
    };
    let mut steps: Vec<Step> = tags.iter().map(step).collect();
    // Full versions first: what floats is moved when they are there.
    steps.sort_by_key(|step| !matches!(scheme.read(&step.tag).0, Named::Exact(_)));
    Ok(steps)
}

/// The plan for names that a workflow asks for: full versions and what floats by the rules, all others freely.
fn steps_of_names(
    arguments: &PlanArguments,
    names: &[String],
    scheme: &Scheme,
    digest: &Digest,
    (client, reference, known): (&Client, &Reference, &mut Known),
) -> Result<Vec<Step>, Failure> {
    let mut steps: Vec<Step> = Vec::new();
    for name in names {
        check_tag(name)?;
        if let (Named::Exact(_), variant) = scheme.read(name) {
            let version = name.strip_suffix(variant).unwrap_or(name);
            let request = arguments.naming.request_of(version, variant, digest.clone())?;
            steps.extend(steps_of(&request, scheme, client, reference, known)?.into_iter().filter(|step| {
                // A channel or a float that the workflow did not ask for is not its business.
                step.tag == *name || names.contains(&step.tag)
            }));
        }
    }
    for name in names {
        if steps.iter().any(|step| step.tag == *name) {
            continue;
        }
        ask(client, reference, known, if known.contains_key(name) { vec![name.clone()] } else { Vec::new() })?;
        let there = known.get(name).cloned();
        let from = there.clone().flatten();
        let (action, reason) = match scheme.read(name).0 {
            Named::Other if from.as_ref() == Some(digest) => (Action::Keep, "it points at this image already"),
            Named::Other if there.is_some() => (Action::Advance, "the workflow asks for it"),
            Named::Other => (Action::Create, "the workflow asks for it"),
            Named::Exact(_) | Named::Minor(..) | Named::Major(_) | Named::Latest => (
                Action::Refuse,
                "it reads as a version or as latest, but this run releases no stable version of its line",
            ),
        };
        steps.push(Step { tag: name.clone(), action, from, to: digest.clone(), reason: reason.to_owned() });
    }
    Ok(steps)
}

#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn metadata(tags: &str, flavor: &str) -> Result<Vec<String>, Failure> {
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let reference = variable("GITHUB_REF");
    let pull_request = reference.strip_prefix("refs/pull/").and_then(|rest| rest.split('/').next()?.parse().ok());
    let context = Context {
        event: variable("GITHUB_EVENT_NAME"),
        sha: variable("GITHUB_SHA"),
        pull_request,
        default_branch: variable("IMGGUARD_DEFAULT_BRANCH"),
        base_reference: variable("GITHUB_BASE_REF"),
        now: Some(super::now()),
        reference,
    };
    let made = tags_of(tags, flavor, &context).map_err(|error| Failure::usage(error.to_string()))?;
    for warning in &made.warnings {
        Terminal::say(&format!("warning: {warning}"));
    }
    let names: Vec<String> = made.names.into_iter().chain(made.latest).collect();
    if names.is_empty() {
        return Err(
            Failure::usage("the inputs ask for no tag in this run").with_hint("GITHUB_REF decides which lines apply")
        );
    }
    Ok(names)
}

fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Advance => "advance",
        Action::Keep => "keep",
        Action::Refuse => "refuse",
    }
}

/// A plan for people.
pub(super) fn plan_text(reference: &Reference, steps: &[Step]) -> String {
    let width = steps.iter().map(|step| step.tag.chars().count()).max().unwrap_or_default();
    let mut text = format!("{}\n", reference.repository_name());
    for step in steps {
        let from = step.from.as_ref().map(|digest| format!("  from {}", digest.short())).unwrap_or_default();
        text.push_str(&format!(
            "  {:7}  {:width$}  {}{from}: {}\n",
            word(step.action),
            step.tag,
            step.to.short(),
            step.reason
        ));
    }
    text
}

fn plan_json(reference: &Reference, steps: &[Step]) -> Result<String, Failure> {
    json(&serde_json::json!({
        "schema": "imgguard.tags-plan/v1",
        "repository": reference.repository_name(),
        "steps": steps,
    }))
}

/// A document for programs.
pub(super) fn json(value: &serde_json::Value) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map(|text| format!("{text}\n"))
        .map_err(|error| Failure::usage(error.to_string()))
}

fn run_audit(arguments: &AuditArguments) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, FORMATS)?;
    let reference: Reference = arguments.repository.parse()?;
    let scheme = Scheme::new(arguments.variants.clone())?;
    let client = &Client::new(arguments.source.connection.options()?)?;
    let mut known: Known = client.tags(&reference)?.into_iter().map(|tag| (tag, None)).collect();
    let asked = asked_by_audit(&scheme, &known);
    ask(client, &reference, &mut known, asked)?;
    let findings = audit(&scheme, &known);
    for one in &outputs {
        let text = if one.format == "json" {
            json(&serde_json::json!({
                "schema": "imgguard.tags-audit/v1",
                "repository": reference.repository_name(),
                "tags": known.len(),
                "findings": findings,
            }))?
        } else {
            audit_text(&reference, known.len(), &findings)
        };
        output::write(one, &text)?;
    }
    Ok(if findings.iter().any(Finding::misleads) { Exit::Violations } else { Exit::Pass })
}

fn audit_text(reference: &Reference, tags: usize, findings: &[Finding]) -> String {
    let mut text = format!("{}: {tags} tags, {} astray\n", reference.repository_name(), findings.len());
    for Finding { tag, astray } in findings {
        let told = match astray {
            Astray::Drift { highest, points_at: Some(other), .. } => {
                format!("points at {other}, but the highest version of its line is {highest}")
            }
            Astray::Drift { highest, found, .. } => format!(
                "points at {}, which is no released version; the highest version of its line is {highest}",
                found.as_ref().map_or("nothing", Digest::short)
            ),
            Astray::Missing { highest } => format!("is missing; it would follow {highest}"),
            Astray::Orphan => "follows no version that is there".to_owned(),
            Astray::Zero => "should not exist: versions 0.x promise nothing to each other".to_owned(),
            Astray::Twice { other } => format!("is the same version as {other}, but another image"),
        };
        text.push_str(&format!("  {tag}  {told}\n"));
    }
    text
}
