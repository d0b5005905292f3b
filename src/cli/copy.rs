//! `imgguard copy`: an image with all that belongs to it, digests kept.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::model::format_bytes;
use crate::oci::Reference;
use crate::registry::{Client, Options, ReadRepository, RemoteRepository, WriteRepository};
use crate::release::closure::{Closure, Evidence, walk};
use crate::release::copy::{Copied, CopyError, execute, survey, verify};
use crate::release::copy_json;
use crate::release::plan::{BlobAction, CopyPlan, ManifestAction, TagAction, Wanted, plan};
use crate::report::escape::visible;
use crate::source::LayoutRepository;

use super::connection::{ConnectionArguments, Source, open_source};
use super::progress::Bar;
use super::registry::Form;
use super::terminal::Terminal;
use super::{Exit, Failure, output};

/// Problems that are named in a message.
const NAMED: usize = 5;

/// Arguments of `copy`.
#[derive(Debug, Args)]
pub(super) struct CopyArguments {
    /// What is copied: a registry reference, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG],
    /// docker-daemon:REF or podman:REF.
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Where to: a registry reference, or oci:DIR[:TAG]. Without a tag it gets the source's.
    #[arg(value_name = "DESTINATION")]
    destination: String,
    /// Only tell what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Leave out what refers to the image: signatures, bills of materials, attestations beside it.
    #[arg(long)]
    without_evidence: bool,
    /// Blobs that travel at a time.
    #[arg(long, value_name = "N", default_value = "4")]
    jobs: NonZeroUsize,
    /// Credentials for the source, when they are not those of --authfile.
    #[arg(long, value_name = "FILE")]
    source_authfile: Option<PathBuf>,
    /// Form of what is told.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Where a copy goes.
enum Destination {
    Registry(Reference),
    Layout { folder: String, tag: Option<String> },
}

impl Destination {
    fn parse(text: &str) -> Result<Self, Failure> {
        let Some(rest) = text.strip_prefix("oci:") else {
            for prefix in ["oci-archive:", "docker-archive:", "docker-daemon:", "podman:", "dir:"] {
                if text.starts_with(prefix) {
                    let message = format!("nothing can be copied to `{prefix}`");
                    return Err(Failure::usage(message).with_hint("give a registry reference or oci:DIR[:TAG]"));
                }
            }
            return Ok(Self::Registry(text.strip_prefix("docker://").unwrap_or(text).parse()?));
        };
        let (folder, tag) = layout_place(rest)
            .ok_or_else(|| Failure::usage(format!("`{text}` names nothing: write oci:DIR or oci:DIR:TAG")))?;
        Ok(Self::Layout { folder, tag })
    }

    /// Opens it for writing, or as it is when nothing may be written.
    fn open(&self, options: &Options, dry_run: bool) -> Result<Box<dyn WriteRepository>, Failure> {
        Ok(match self {
            Self::Registry(reference) => {
                Box::new(RemoteRepository::writable(&Client::new(options.clone())?, reference))
            }
            Self::Layout { folder, .. } if dry_run => Box::new(LayoutRepository::new(folder)),
            Self::Layout { folder, .. } => Box::new(LayoutRepository::create(folder)?),
        })
    }

    fn tag(&self, source: &Source) -> Result<Option<String>, Failure> {
        match self {
            Self::Layout { tag, .. } => {
                Ok(Some(tag.clone().or_else(|| source.tag.clone()).unwrap_or_else(|| "latest".to_owned())))
            }
            Self::Registry(Reference { digest: Some(digest), tag, .. }) => {
                if *digest != source.root.digest {
                    let found = &source.root.digest;
                    return Err(Failure::usage(format!("the source is {found}, and the destination names {digest}")));
                }
                Ok(tag.clone())
            }
            Self::Registry(reference) => Ok(reference.tag.clone().or_else(|| source.tag.clone())),
        }
    }
}

/// Folder and tag of a layout, from what stands behind `oci:`; none when one of them is empty. A colon behind the last slash starts the
/// tag, unless a folder of that very name is there.
pub(super) fn layout_place(rest: &str) -> Option<(String, Option<String>)> {
    let (folder, tag) = match rest.rsplit_once(':') {
        Some((folder, tag)) if !tag.contains('/') && !std::path::Path::new(rest).is_dir() => (folder, Some(tag)),
        _ => (rest, None),
    };
    let named = !folder.is_empty() && tag != Some("");
    named.then(|| (folder.to_owned(), tag.map(str::to_owned)))
}

/// Runs `copy`.
pub(super) fn run(arguments: &CopyArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let destination = Destination::parse(&arguments.destination)?;
    let options = arguments.connection.options()?;
    let from = match &arguments.source_authfile {
        Some(file) => Options { authfile: Some(file.clone()), login: None, ..options.clone() },
        None => options.clone(),
    };
    let source = open_source(&arguments.source, &Client::new(from)?)?;
    let tag = destination.tag(&source)?;
    let evidence = if arguments.without_evidence { Evidence::None } else { Evidence::All };
    let closure = walk(&*source.repository, source.root.clone(), evidence)?;
    let to = destination.open(&options, arguments.dry_run)?;
    let wanted = Wanted {
        source: arguments.source.clone(),
        destination: arguments.destination.clone(),
        mount_from: mount_from(&*source.repository, &*to),
        tag,
    };
    let seen = survey(&closure, &*to, wanted.tag.as_deref())?;
    let plan = plan(&closure, wanted, &seen)?;
    if arguments.dry_run {
        tell(arguments, &plan, None)?;
        return Ok(if closure.problems.is_empty() { Exit::Pass } else { complain(&closure) });
    }
    if !closure.problems.is_empty() {
        return Err(untrusted(&closure));
    }
    let mut copied = Copied::default();
    if !plan.is_done() {
        let bytes = plan.blobs_with(BlobAction::Send).1 + plan.blobs_with(BlobAction::Mount).1;
        let bar = Bar::labelled(terminal.interactive, bytes, "copying");
        let advance = |bytes| bar.add(bytes);
        let done = execute(&plan, &closure, &*source.repository, &*to, arguments.jobs.get(), &advance);
        bar.end();
        copied = done?;
        // Nothing that the writing client remembers counts.
        verify(&plan, &closure, &*destination.open(&options, true)?)?;
    }
    for warning in &copied.warnings {
        Terminal::say(&format!("warning: the registry says: {warning}"));
    }
    tell(arguments, &plan, Some(&copied))?;
    Ok(Exit::Pass)
}

/// The source's repository, when it is another one on the same registry.
pub(super) fn mount_from(source: &dyn ReadRepository, destination: &dyn WriteRepository) -> Option<String> {
    let ((from_host, from), (to_host, to)) = source.place().zip(destination.place())?;
    (from_host == to_host && from != to).then(|| from.to_owned())
}

fn problems(closure: &Closure) -> String {
    let named = closure.problems.iter().take(NAMED);
    let mut text: Vec<String> = named.map(|(subject, problem)| format!("{}: {problem}", subject.short())).collect();
    let more = closure.problems.len().saturating_sub(NAMED);
    if more > 0 {
        text.push(format!("{more} more"));
    }
    text.join("; ")
}

/// Evidence that cannot be trusted stops a copy.
pub(super) fn untrusted(closure: &Closure) -> Failure {
    Failure {
        exit: Exit::Inconclusive,
        message: format!("the evidence of the image cannot be trusted: {}", problems(closure)),
        hint: Some("look at it with imgguard tree; --without-evidence copies the image alone".to_owned()),
    }
}

fn complain(closure: &Closure) -> Exit {
    Terminal::say(&format!("warning: the evidence of the image cannot be trusted: {}", problems(closure)));
    Exit::Inconclusive
}

fn tell(arguments: &CopyArguments, plan: &CopyPlan, done: Option<&Copied>) -> Result<(), Failure> {
    let text = match arguments.output {
        Form::Json => copy_json(plan, done),
        Form::Text => match done {
            None => plan_text(plan),
            Some(done) => done_text(plan, done),
        },
    };
    output::print(&text)
}

fn plan_text(plan: &CopyPlan) -> String {
    let mut text = format!("{} -> {}\n", visible(&plan.source), visible(&plan.destination));
    for blob in &plan.blobs {
        let word = match blob.action {
            BlobAction::Keep => "keep",
            BlobAction::Mount => "mount",
            BlobAction::Send => "send",
            BlobAction::Leave => "leave",
        };
        text.push_str(&format!("  {word:7} blob         {}  {}\n", blob.digest, format_bytes(blob.size)));
    }
    for step in &plan.manifests {
        let word = match step.action {
            ManifestAction::Keep => "keep",
            ManifestAction::Write => "write",
            ManifestAction::Attach => "attach",
        };
        let platform = step.platform.as_ref().map_or(String::new(), |platform| format!("  {platform}"));
        let kind = step.artifact_type.as_ref().map_or(String::new(), |kind| format!("  {}", visible(kind)));
        text.push_str(&format!("  {word:7} {:12} {}{platform}{kind}\n", step.kind.word(), step.digest));
    }
    for step in &plan.tags {
        let (word, from) = match &step.action {
            TagAction::Keep => ("keep", String::new()),
            TagAction::Create => ("create", String::new()),
            TagAction::Move { from } => ("move", format!("  from {}", from.short())),
        };
        text.push_str(&format!("  {word:7} tag          {}  {}{from}\n", visible(&step.tag), step.digest.short()));
    }
    let (send, bytes) = plan.blobs_with(BlobAction::Send);
    let (mount, mount_bytes) = plan.blobs_with(BlobAction::Mount);
    text.push_str(&format!(
        "{send} blobs to send ({}), {mount} to mount ({})",
        format_bytes(bytes),
        format_bytes(mount_bytes)
    ));
    text.push_str(if plan.is_done() { "; all is there already\n" } else { "\n" });
    text
}

fn done_text(plan: &CopyPlan, done: &Copied) -> String {
    let tags: Vec<&str> = plan.tags.iter().map(|step| step.tag.as_str()).collect();
    let mut text = format!("{} -> {}\n", visible(&plan.source), visible(&plan.destination));
    if plan.is_done() {
        text.push_str("all is there already; nothing was written\n");
    } else {
        text.push_str(&format!(
            "{} blobs sent ({}), {} mounted, {} manifests and {} tags written, read back\n",
            done.sent,
            format_bytes(done.sent_bytes),
            done.mounted,
            done.manifests,
            done.tags
        ));
        let linked = done.linked_by_registry + done.linked_by_tag;
        if linked > 0 {
            let by_tag = done.linked_by_tag;
            text.push_str(&format!("{linked} referrers linked, {by_tag} of them by fallback tag\n"));
        }
    }
    let named = if tags.is_empty() { "without a tag".to_owned() } else { format!("tags {}", tags.join(", ")) };
    text.push_str(&format!("digest {}  {}\n", plan.root, visible(&named)));
    text
}

impl From<CopyError> for Failure {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Fetch(error) => error.into(),
            CopyError::TagKept { ref source, .. } => Self {
                exit: Exit::Violations,
                message: format!("{error}: {source}"),
                hint: Some("the destination keeps tags where they are; copy to another tag".to_owned()),
            },
            CopyError::Differs(_) => Self {
                exit: Exit::Violations,
                message: error.to_string(),
                hint: Some("someone else writes there, or the registry is broken; copy again".to_owned()),
            },
        }
    }
}
