//! `imgguard bases`: the list of recorded base images, and how every command finds it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::inspect::{prove_base, record_base};
use crate::model::{BaseLock, ImageFacts, Inspection, RecordedBase};
use crate::oci::Selector;
use crate::rules::setting::ImageName;
use crate::source::{ImageSpec, Opened};

use super::image::{Reader, look, selector};
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, output, policy};

/// The list's name, beside the policy file.
const FILE: &str = "imgguard-bases.json";
/// Seconds of a day.
const DAY: i64 = 86_400;

#[derive(Debug, Args)]
pub(super) struct BasesArguments {
    #[command(subcommand)]
    command: BasesCommand,
}

#[derive(Debug, Subcommand)]
enum BasesCommand {
    /// Look up what base images are now, and add what is new to the list. Nothing is ever taken out of it.
    Update(Box<UpdateArguments>),
    /// Print the recorded base images.
    List {
        /// The list; `imgguard-bases.json` beside the policy file unless given.
        #[arg(long, value_name = "FILE")]
        lock: Option<PathBuf>,
        /// Output format, repeatable: text, json; =FILE writes it there.
        #[arg(short, long, value_name = "FORMAT[=FILE]")]
        output: Vec<String>,
    },
    /// Take out of the list what was recorded long ago and is not current any more.
    Prune {
        /// The list; `imgguard-bases.json` beside the policy file unless given.
        #[arg(long, value_name = "FILE")]
        lock: Option<PathBuf>,
        /// Age from which a recorded base is taken out, such as 400d. Images built on it are not proved any more.
        #[arg(long, value_name = "DAYS")]
        older_than: String,
    },
}

#[derive(Debug, Args)]
struct UpdateArguments {
    /// Base images: registry references; any other source as NAME=SOURCE, such as
    /// python:3.12-slim=oci:mirror:3.12. Unless given, those that `base.allow` of the policy names exactly.
    #[arg(value_name = "REF")]
    references: Vec<String>,
    /// The list; `imgguard-bases.json` beside the policy file unless given. Made when it does not exist.
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// Policy file or built-in policy; what `check` would use unless given.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    parents: policy::ParentArguments,
    /// Record this platform only, such as linux/arm64; every platform of an index unless given.
    #[arg(long, value_name = "OS/ARCH|all")]
    platform: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

pub(super) fn run(arguments: &BasesArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    match &arguments.command {
        BasesCommand::Update(arguments) => update(arguments, terminal),
        BasesCommand::List { lock, output } => list(&place(lock.as_deref(), None), output),
        BasesCommand::Prune { lock, older_than } => prune(&place(lock.as_deref(), None), older_than),
    }
}

/// Where the list is: as asked for, else beside the policy file, else in the working folder.
pub(super) fn place(asked: Option<&Path>, policy: Option<&Path>) -> PathBuf {
    asked.map_or_else(
        || {
            let policy = policy.map(Path::to_owned).or_else(policy::usual_file);
            policy.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).join(FILE)
        },
        Path::to_owned,
    )
}

/// Reads the list; none when it does not exist and nobody asked for it.
pub(super) fn find(asked: Option<&Path>, policy: Option<&Path>) -> Result<Option<BaseLock>, Failure> {
    let path = place(asked, policy);
    if asked.is_none() && !path.exists() {
        return Ok(None);
    }
    read(&path).map(Some)
}

/// Proves the bases of all images that were read, before they are judged.
pub(super) fn prove(inspection: &mut Inspection, list: Option<&BaseLock>) {
    if let Some(list) = list {
        inspection.images.iter_mut().for_each(|image| prove_base(image, list));
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line reads files")]
fn read(path: &Path) -> Result<BaseLock, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, "read", &error))?;
    BaseLock::read(&text).map_err(|problem| {
        Failure::usage(format!("the list of bases `{}` is refused: {problem}", path.display()))
            .with_hint("restore it from version control, or make a new one with `imgguard bases update`")
    })
}

/// Writes the list whole or not at all.
fn write(path: &Path, lock: &BaseLock) -> Result<(), Failure> {
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    output::save(&fresh, &lock.text())?;
    std::fs::rename(&fresh, path).map_err(|error| Failure::file(path, "written", &error))
}

/// A base to look up.
struct Wanted {
    /// Canonical name that it is recorded under.
    name: String,
    /// Where it is read.
    source: String,
}

impl Wanted {
    fn read(text: &str) -> Result<Self, Failure> {
        let (name, source) = match text.split_once('=') {
            Some((name, source)) => (Some(name), source),
            None => (None, text),
        };
        let spec = ImageSpec::parse(source, &look)?;
        let name = match (name, &spec) {
            (Some(name), _) => name.to_owned(),
            (None, ImageSpec::Registry(reference) | ImageSpec::Docker(reference) | ImageSpec::Podman(reference)) => {
                reference.clone()
            }
            // Archives and layouts may carry the whole name.
            (None, ImageSpec::Layout { tag: Some(tag), .. } | ImageSpec::Archive { tag: Some(tag), .. })
                if tag.contains('/') =>
            {
                tag.clone()
            }
            _ => {
                return Err(Failure::usage(format!("`{text}` does not tell the name of the base"))
                    .with_hint(format!("write the name that images use before it: `python:3.12-slim={text}`")));
            }
        };
        let bad = || Failure::usage(format!("`{}` is not the name of a base image", name.escape_debug()));
        let wanted = ImageName::read(&name)
            .filter(|_| name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'*'))
            .filter(|wanted| wanted.repository != "scratch")
            .ok_or_else(bad)?;
        let name = match (&wanted.tag, &wanted.digest) {
            // What a tag and a digest name together is recorded under the tag, which images use as well.
            (Some(tag), _) => format!("{}:{tag}", wanted.repository),
            (None, Some(_)) => wanted.to_string(),
            (None, None) => format!("{}:latest", wanted.repository),
        };
        Ok(Self { name, source: source.to_owned() })
    }
}

fn update(arguments: &UpdateArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let selector = selector(arguments.platform.as_deref(), Selector::All)?;
    let (texts, file) = wanted(arguments, terminal)?;
    let wanted: Vec<Wanted> = texts.iter().map(|text| Wanted::read(text)).collect::<Result<_, _>>()?;
    let path = place(arguments.lock.as_deref(), file.as_deref());
    let mut lock = if path.exists() { read(&path)? } else { BaseLock::default() };
    let reader = Reader::new(&arguments.source, terminal)?;
    let now = super::now();
    let mut exit = Exit::Pass;
    for one in &wanted {
        match look_up(&reader, one, &selector, now) {
            Ok((found, gaps)) => {
                for gap in &gaps {
                    Terminal::say(&format!("warning: {}: {gap}", one.name));
                    exit = exit.worst(Exit::Inconclusive);
                }
                report(one, &found, &mut lock, now)?;
            }
            // One that cannot be read does not keep the others from being recorded.
            Err(failure) => {
                terminal.complain(&failure);
                exit = exit.worst(failure.exit);
            }
        }
    }
    write(&path, &lock)?;
    Ok(exit)
}

/// Adds what was found to the list, and says so.
fn report(one: &Wanted, found: &[RecordedBase], lock: &mut BaseLock, now: i64) -> Result<(), Failure> {
    let platforms: Vec<String> = found.iter().map(|base| base.platform.to_string()).collect();
    let moved = found
        .first()
        .and_then(|base| lock.references.get(&one.name).filter(|known| known.digest != base.digest))
        .is_some();
    let fresh = lock.record(found.to_vec(), now);
    let Some(base) = found.first() else {
        return output::print(&format!("{}: no platform that could be recorded\n", one.name));
    };
    let what = match (fresh, moved) {
        (0, _) => "known",
        (_, true) => "moved",
        (_, false) => "new",
    };
    output::print(&format!("{}  {what}  {}  {}\n", one.name, base.digest, platforms.join(", ")))
}

/// What to look up, and the policy file.
fn wanted(arguments: &UpdateArguments, terminal: &Terminal) -> Result<(Vec<String>, Option<PathBuf>), Failure> {
    if !arguments.references.is_empty() {
        let file = arguments.policy.as_ref().filter(|name| !name.starts_with('@')).map(PathBuf::from);
        return Ok((arguments.references.clone(), file));
    }
    let (policy, file) =
        policy::load(arguments.policy.as_deref(), &arguments.parents, Some(&arguments.source.connection), terminal)?;
    let mut texts: Vec<String> = policy.rules.iter().flat_map(|configured| configured.check.named_bases()).collect();
    texts.sort();
    texts.dedup();
    if texts.is_empty() {
        return Err(Failure::usage(format!("`{}` names no base image exactly, only patterns or none", policy.source))
            .with_hint("name the base images to record: `imgguard bases update python:3.12-slim`"));
    }
    Ok((texts, file))
}

/// Reads everything small of a base, on all platforms that are asked for; also what of it could not be read.
fn look_up(
    reader: &Reader<'_>,
    wanted: &Wanted,
    selector: &Selector,
    now: i64,
) -> Result<(Vec<RecordedBase>, Vec<String>), Failure> {
    let spec = ImageSpec::parse(&wanted.source, &look)?;
    let opened = if matches!(spec, ImageSpec::Facts(_)) { None } else { Some(reader.open(&spec, selector)?) };
    let (mut found, gaps) = match opened {
        Some(Opened::Blobs { plan, .. }) => {
            let record = |image| record_base(&wanted.name, image, reader.scanner(), now);
            (plan.images.iter().map(record).collect(), plan.gaps)
        }
        // What comes as a stream is read to its end to get at the config, and facts have it masked.
        Some(Opened::Stream { .. }) | None => {
            let Inspection { images, gaps, .. } = reader.inspect(&wanted.source, selector)?;
            (images.iter().map(|image| of_facts(&wanted.name, image, now)).collect::<Vec<_>>(), gaps)
        }
    };
    let gaps = gaps.into_iter().map(|gap| gap.detail).collect();
    found.retain(|base| !base.diff_ids.is_empty());
    Ok((found, gaps))
}

fn of_facts(name: &str, image: &ImageFacts, now: i64) -> RecordedBase {
    let manifest = &image.subject.digest;
    let digest = image.index.as_ref().map_or(manifest, |index| &index.digest);
    RecordedBase::new(name, (digest, manifest), &image.platform, &image.config, now)
}

fn list(path: &Path, outputs: &[String]) -> Result<Exit, Failure> {
    let outputs = output::parse(outputs, &["text", "json"])?;
    let lock = read(path)?;
    for output in &outputs {
        output::write(output, &if output.format == "json" { lock.text() } else { table(&lock) })?;
    }
    Ok(Exit::Pass)
}

/// One line per base: name, platform, layers, when it was built and recorded, digest, and whether the name points at it.
fn table(lock: &BaseLock) -> String {
    let widest = |width: fn(&RecordedBase) -> usize| lock.bases.iter().map(width).max().unwrap_or(0);
    let name = widest(|base| base.reference.len());
    let platform = widest(|base| base.platform.to_string().len());
    let day = |time: Option<&str>| time.map_or("-", |time| time.get(..10).unwrap_or(time)).to_owned();
    let mut text = String::new();
    for base in &lock.bases {
        let is_current = lock.references.get(&base.reference).is_some_and(|lookup| lookup.digest == base.digest);
        _ = writeln!(
            text,
            "{:name$}  {:platform$}  built {:10}  recorded {}  {:>3} layers  {}{}",
            base.reference,
            base.platform.to_string(),
            day(base.created.as_deref()),
            day(Some(&base.recorded)),
            base.diff_ids.len(),
            base.digest,
            if is_current { "  current" } else { "" },
        );
    }
    if text.is_empty() { "no base is recorded\n".to_owned() } else { text }
}

fn prune(path: &Path, older_than: &str) -> Result<Exit, Failure> {
    let days = older_than
        .strip_suffix('d')
        .and_then(|days| days.parse::<u32>().ok())
        .ok_or_else(|| Failure::usage(format!("`{older_than}` is no age: write it as `400d`")))?;
    let mut lock = read(path)?;
    let gone = lock.prune(super::now() - i64::from(days) * DAY);
    if gone > 0 {
        write(path, &lock)?;
    }
    output::print(&format!("{gone} of {} recorded bases taken out\n", lock.bases.len() + gone))?;
    Ok(Exit::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Result<String, String> {
        Wanted::read(text).map(|wanted| wanted.name).map_err(|failure| failure.message)
    }

    #[test]
    fn bases_are_recorded_under_canonical_names() {
        assert_eq!(name("python:3.12-slim").as_deref(), Ok("docker.io/library/python:3.12-slim"));
        assert_eq!(name("registry.example/base").as_deref(), Ok("registry.example/base:latest"));
        let digest = crate::model::Digest::of(b"x");
        assert_eq!(name(&format!("debian:13@{digest}")).as_deref(), Ok("docker.io/library/debian:13"));
        assert_eq!(name(&format!("debian@{digest}")), Ok(format!("docker.io/library/debian@{digest}")));
        assert_eq!(name("debian:13=docker-daemon:mirror/debian").as_deref(), Ok("docker.io/library/debian:13"));
        assert_eq!(name("podman:localhost/base:1").as_deref(), Ok("localhost/base:1"));
    }

    #[test]
    fn what_names_no_base_is_refused() {
        assert!(name("facts:x.json").is_err_and(|why| why.contains("does not tell the name")));
        assert!(name("scratch").is_err());
        assert!(name("a b=podman:x").is_err());
        assert!(name("=podman:x").is_err());
        assert!(name("python:*").is_err());
    }

    #[test]
    fn the_list_lies_beside_the_policy() {
        assert_eq!(place(None, Some(Path::new("ci/imgguard.yaml"))), Path::new("ci/imgguard-bases.json"));
        assert_eq!(place(Some(Path::new("x.json")), Some(Path::new("ci/imgguard.yaml"))), Path::new("x.json"));
    }
}
