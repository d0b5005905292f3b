//! `imgguard check`: read, judge, tell.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::model::{CHECK_TYPE, Digest, Inspection};
use crate::oci::{Compression, Selector, sniff};
use crate::policy::{Policy, Report, Verdict, judge, leave_known, settle};
use crate::report::{Context, FORMATS, check_predicate, format};
use crate::rules::{Circumstances, EarlierImage, SupplyEvidence};

use super::baseline::Baseline;
use super::image::{Reader, selector};
use super::sign::attaching::{AttestOption, Attester, root_of, subjects};
use super::sign::supply::{Gatherer, TrustArguments};
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, bases, evidence, output, policy};

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Images: a registry reference, or oci:DIR[:TAG], oci-archive:FILE, docker-archive:FILE, docker-daemon:REF,
    /// podman:REF, facts:FILE, or - for an archive on standard input.
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
    /// Policy file, or a built-in policy: @default, @recommended, @strict, @minimal.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    parents: policy::ParentArguments,
    /// Compare the image with this Dockerfile, compose file or Kubernetes manifest, or with all in this directory;
    /// repeatable.
    #[arg(long, value_name = "FILE|DIR")]
    with: Vec<PathBuf>,
    /// Judge this platform only, such as linux/arm64; every platform of an index unless given.
    #[arg(long, value_name = "OS/ARCH|all")]
    platform: Option<String>,
    /// Output format, repeatable: text, json, sarif, junit, github, markdown; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    /// Count only what is new: what the image named here, or the one behind a facts document, does not have as well. A file of
    /// `imgguard secrets --write-baseline` accepts the secrets that it lists.
    #[arg(long, value_name = "IMAGE|FACTS|FILE")]
    baseline: Option<String>,
    /// Prove base images by this list; `imgguard-bases.json` beside the policy file unless given. See `imgguard bases`.
    #[arg(long, value_name = "FILE")]
    bases: Option<PathBuf>,
    /// List the secrets that are suppressed by proof, too.
    #[arg(long)]
    show_suppressed: bool,
    /// Tell the whole reason behind each failed rule.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    trust: TrustArguments,
    #[command(flatten)]
    attest: AttestOption,
    #[command(flatten)]
    source: SourceArguments,
}

#[expect(clippy::disallowed_methods, reason = "the command line owns the clock")]
pub(super) fn run(arguments: &CheckArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let start = std::time::Instant::now();
    let known: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    let outputs = output::parse(&arguments.output, &known)?;
    let selector = selector(arguments.platform.as_deref(), Selector::All)?;
    let (mut policy, policy_file) =
        policy::load(arguments.policy.as_deref(), &arguments.parents, Some(&arguments.source.connection), terminal)?;
    let bases = bases::find(arguments.bases.as_deref(), policy_file.as_deref())?.map(Arc::new);
    let evidence = evidence::read(&arguments.with, &policy, policy_file.as_deref())?;
    evidence::adopt_waivers(&mut policy, &evidence)?;
    let reader = Reader::new(&arguments.source, terminal)?.for_policy(&policy);
    let before = arguments.baseline.as_deref().map(earlier);
    let baseline = match &before {
        Some(Earlier::Secrets(path)) => Baseline::read(path, reader.scanner().fingerprint_key_id().as_deref())?,
        Some(Earlier::Image(_)) | None => Baseline::default(),
    };
    let circumstances = Circumstances {
        now: Some(super::now()),
        baseline: baseline.accepted,
        bases,
        evidence,
        ..Circumstances::default()
    };
    let before = match &before {
        Some(Earlier::Image(image)) => {
            Some((image.as_str(), judge_earlier(image, &policy, &circumstances, &reader, &selector)?))
        }
        Some(Earlier::Secrets(_)) | None => None,
    };
    let circumstances = Circumstances { earlier: before.as_ref().map(compared), ..circumstances };
    if before.is_some() && arguments.attest.is_asked() {
        return Err(Failure::usage("a report that counts only what is new says nothing about the image alone")
            .with_hint("leave out --attest, or --baseline"));
    }
    let gatherer = Gatherer::open(&arguments.trust)?;
    let attester = Attester::open(&arguments.attest, &arguments.source, arguments.images.iter().map(String::as_str))?;
    let (reports, mut exit) =
        judge_all(arguments, &policy, &circumstances, (gatherer.as_ref(), before.as_ref()), &reader, &selector);
    say_unused(&circumstances, &reports);
    let repository_file = policy::repository_file(policy_file.as_deref());
    for output in &outputs {
        let context = Context {
            repository_file: repository_file.as_deref(),
            elapsed: (output.format == "text").then(|| start.elapsed()),
            explain: arguments.explain,
            show_suppressed: arguments.show_suppressed,
            exit_code: exit.code(),
            ..terminal.context(output.file.is_none())
        };
        if let Some(format) = format(&output.format) {
            output::write(output, &(format.render)(&reports, &context))?;
        }
    }
    if let Some(attester) = attester {
        exit = exit.worst(attest(attester, &reports, terminal));
    }
    // The process ends here: giving back a million small pieces of memory first would only take time.
    std::mem::forget(reports);
    Ok(exit)
}

/// What `--baseline` names.
enum Earlier {
    /// A list of accepted secrets.
    Secrets(PathBuf),
    /// An image, or its facts.
    Image(String),
}

/// A list of secrets is a file of text; facts are JSON; everything else is an image.
#[expect(clippy::disallowed_methods, reason = "the command line reads files")]
fn earlier(text: &str) -> Earlier {
    let path = Path::new(text);
    let mut head = Vec::new();
    let opened = path.is_file().then(|| std::fs::File::open(path).ok()).flatten();
    if opened.is_none_or(|file| file.take(512).read_to_end(&mut head).is_err()) {
        return Earlier::Image(text.to_owned());
    }
    if head.trim_ascii_start().starts_with(b"{") {
        return Earlier::Image(format!("facts:{text}"));
    }
    let is_text = !head.contains(&0) && sniff(&head) == Compression::None;
    if is_text { Earlier::Secrets(path.to_owned()) } else { Earlier::Image(text.to_owned()) }
}

/// Judges the earlier image by the same policy, as far as its own content goes.
fn judge_earlier(
    image: &str,
    policy: &Policy,
    circumstances: &Circumstances,
    reader: &Reader<'_>,
    selector: &Selector,
) -> Result<Report, Failure> {
    let mut inspection = reader.inspect(image, selector)?;
    bases::prove(&mut inspection, circumstances.bases.as_deref());
    Ok(judge(policy, inspection, circumstances))
}

/// What rules that compare get to know of the earlier image.
fn compared((name, report): &(&str, Report)) -> Arc<crate::rules::Earlier> {
    Arc::new(crate::rules::Earlier {
        name: name.strip_prefix("facts:").unwrap_or(name).to_owned(),
        is_violated: report.verdict == Verdict::Violations,
        images: report.inspection.images.iter().map(EarlierImage::of).collect(),
    })
}

/// Judges every image; one that cannot be read does not keep the others from being judged.
fn judge_all(
    arguments: &CheckArguments,
    policy: &Policy,
    circumstances: &Circumstances,
    (gatherer, before): (Option<&Gatherer>, Option<&(&str, Report)>),
    reader: &Reader<'_>,
    selector: &Selector,
) -> (Vec<Report>, Exit) {
    let terminal = reader.terminal;
    let mut reports = Vec::new();
    let mut exit = Exit::Pass;
    for image in &arguments.images {
        match reader.inspect(image, selector) {
            Ok(mut inspection) => {
                bases::prove(&mut inspection, circumstances.bases.as_deref());
                evidence::place_steps(&mut inspection, &circumstances.evidence);
                let supply = gatherer.map(|gatherer| supply(gatherer, image, &inspection, reader));
                let circumstances = match supply.transpose() {
                    Ok(supply) => Circumstances { supply: supply.unwrap_or_default(), ..circumstances.clone() },
                    Err(failure) => {
                        terminal.complain(&failure);
                        circumstances.clone()
                    }
                };
                let mut report = judge(policy, inspection, &circumstances);
                if let Some((name, before)) = before {
                    let known = leave_known(policy, &mut report, before, name);
                    let word = if known == 1 { "finding" } else { "findings" };
                    Terminal::say(&format!("note: {known} {word} of {image} left out, which {name} had as well"));
                }
                exit = exit.worst(Exit::from(&report.verdict));
                reports.push(report);
            }
            Err(failure) => {
                terminal.complain(&failure);
                exit = exit.worst(failure.exit);
            }
        }
    }
    settle(&mut reports);
    (reports, exit)
}

/// Signs each report, whatever its verdict, as a statement about what was judged. One that cannot be signed does not keep the others
/// from it.
fn attest(mut attester: Attester<'_>, reports: &[Report], terminal: &Terminal) -> Exit {
    let mut exit = Exit::Pass;
    let checked_at = jiff::Timestamp::from_second(super::now()).unwrap_or_default().to_string();
    let mut complain = |failure: Failure| {
        terminal.complain(&failure);
        exit = exit.worst(failure.exit);
    };
    for report in reports {
        let Some(first) = report.inspection.images.first() else { continue };
        let context = Context { exit_code: Exit::from(&report.verdict).code(), ..terminal.context(false) };
        let predicate = check_predicate(report, &context, &checked_at);
        for subject in subjects(&report.inspection) {
            let reference = &first.subject.reference;
            if let Err(failure) = attester.attest(reference, root_of(first), subject, CHECK_TYPE, &predicate) {
                complain(failure);
            }
        }
    }
    if let Err(failure) = attester.finish() {
        complain(failure);
    }
    exit
}

/// The verified evidence about an image; without it the rules `supply.*` stay open.
fn supply(
    gatherer: &Gatherer,
    image: &str,
    inspection: &Inspection,
    reader: &Reader<'_>,
) -> Result<BTreeMap<Digest, SupplyEvidence>, Failure> {
    let mut gathered = gatherer.gather(image, reader.arguments)?;
    gathered.compare(inspection);
    Ok(gathered.evidence)
}

/// Entries of the baseline that match nothing are named: they may be removed from it.
fn say_unused(circumstances: &Circumstances, reports: &[Report]) {
    let images = || reports.iter().flat_map(|report| &report.inspection.images);
    for entry in &circumstances.baseline {
        let found = images().flat_map(|image| &image.secrets).any(|secret| secret.fingerprint == entry.fingerprint);
        if !found {
            Terminal::say(&format!("note: the baseline's {} matches nothing", entry.fingerprint));
        }
    }
}

/// A path as the repository sees it: relative, with `/`, without `./`; none when it lies outside.
pub(super) fn relative(path: &Path) -> Option<String> {
    let clean: PathBuf = path.components().filter(|part| !matches!(part, std::path::Component::CurDir)).collect();
    let inside = clean.components().all(|part| matches!(part, std::path::Component::Normal(_)));
    inside.then(|| clean.to_string_lossy().replace('\\', "/"))
}
