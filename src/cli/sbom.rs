//! `imgguard sbom`: bills of materials: make, verify, score, convert.

mod files;

use clap::{Args, Subcommand, ValueEnum};

use crate::model::{Digest, Gap, GapKind, ImageFacts, Inspection, predicate_type};
use crate::oci::Selector;
use crate::sbom::{
    Difference, Document, FORMATS, Job, Options, Party, Read, WriteContext, YARDSTICKS, build, build_index, compare,
    format, score, score_json, score_text,
};

use self::files::{place, read_document, written_files};
use super::image::{Reader, selector};
use super::sign::attaching::{AttestOption, Attester, root_of};
use super::sign::released::Bill;
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, output};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct SbomArguments {
    #[command(subcommand)]
    command: Option<SbomCommand>,
    #[command(flatten)]
    make: MakeArguments,
}

#[derive(Debug, Subcommand)]
enum SbomCommand {
    /// Derive the document of an image anew and compare it with a file: 0 when they agree, 1 when they differ.
    Verify(VerifyArguments),
    /// Tell which required fields a document lacks: 1 when one of a yardstick given with --against is missing.
    Score(ScoreArguments),
    /// Write a document in another format.
    Convert(ConvertArguments),
}

#[derive(Debug, Args)]
struct MakeArguments {
    /// The image, named as for `check`.
    #[arg(value_name = "IMAGE", required = true)]
    image: Option<String>,
    /// This platform, or all (one document each, and one for the index); this machine's unless given.
    #[arg(long, value_name = "OS/ARCH|all")]
    platform: Option<String>,
    /// Output format, repeatable: table, cyclonedx-json, cyclonedx-xml, cyclonedx-1.6-json, cyclonedx-1.6-xml, spdx-json,
    /// spdx-tag-value, spdx-3-json, github, csv; =FILE writes it there, with {platform} in its name, or a folder, for
    /// several documents.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    /// List more than installed packages, repeatable.
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    include: Vec<Include>,
    /// Organisation that answers for the document.
    #[arg(long, value_name = "NAME")]
    creator: Option<String>,
    /// Its mail address.
    #[arg(long, value_name = "MAIL")]
    creator_email: Option<String>,
    /// Its page.
    #[arg(long, value_name = "URL")]
    creator_url: Option<String>,
    #[command(flatten)]
    attest: AttestOption,
    #[command(flatten)]
    source: SourceArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Include {
    /// Packages that a later layer removed.
    Removed,
    /// Packages that only a lock file names.
    Declared,
    /// Packages that only a bill of materials inside the image names.
    Claimed,
}

#[derive(Debug, Args)]
struct VerifyArguments {
    /// The image, named as for `check`.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// The document.
    #[arg(value_name = "FILE")]
    file: std::path::PathBuf,
    /// The platform that the document is about, when it does not say so itself.
    #[arg(long, value_name = "OS/ARCH")]
    platform: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

#[derive(Debug, Args)]
struct ScoreArguments {
    /// The document.
    #[arg(value_name = "FILE")]
    file: std::path::PathBuf,
    /// The yardstick, repeatable: ntia, cisa2025, bsi; all unless given.
    #[arg(long, value_name = "YARDSTICK")]
    against: Vec<String>,
    /// Output format: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
}

#[derive(Debug, Args)]
struct ConvertArguments {
    /// The document.
    #[arg(value_name = "FILE")]
    file: std::path::PathBuf,
    /// Output format, repeatable: the same as of `sbom IMAGE`.
    #[arg(short, long, value_name = "FORMAT[=FILE]", required = true)]
    output: Vec<String>,
}

pub(super) fn run(arguments: &SbomArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    match &arguments.command {
        Some(SbomCommand::Verify(arguments)) => verify(arguments, terminal),
        Some(SbomCommand::Score(arguments)) => run_score(arguments),
        Some(SbomCommand::Convert(arguments)) => convert(arguments, terminal),
        None => make(&arguments.make, terminal),
    }
}

fn outputs(texts: &[String]) -> Result<Vec<output::Output>, Failure> {
    let known: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
    output::parse(texts, &known)
}

fn make(arguments: &MakeArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = outputs(&arguments.output)?;
    let selector = selector(arguments.platform.as_deref(), Selector::Host)?;
    let options = Options {
        removed: arguments.include.contains(&Include::Removed),
        declared: arguments.include.contains(&Include::Declared),
        claimed: arguments.include.contains(&Include::Claimed),
        creator: creator(arguments),
        created: source_date()?,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let image = arguments.image.as_deref().unwrap_or_default();
    let attester = Attester::open(&arguments.attest, &arguments.source, [image])?;
    let inspection = Reader::new(&arguments.source, terminal)?.with_packages().inspect(image, &selector)?;
    let documents = documents(&inspection, &options, selector == Selector::All)?;
    write_all(&documents, &outputs, terminal)?;
    if let Some(attester) = attester {
        attest(attester, image, &inspection, &documents, &outputs)?;
    }
    let exit = if gaps(&inspection).next().is_some() { Exit::Inconclusive } else { Exit::Pass };
    // The process ends here: giving back many small pieces of memory first would only take time.
    std::mem::forget((inspection, documents));
    Ok(exit)
}

/// One document per image, and one for the index when all of its images were asked for.
fn documents(inspection: &Inspection, options: &Options, with_index: bool) -> Result<Vec<(String, Document)>, Failure> {
    let mut documents = Vec::new();
    for image in &inspection.images {
        documents.push((image.platform.to_string().replace('/', "-"), build(image, options)?));
    }
    if with_index {
        documents.extend(build_index(inspection, options).map(|document| ("index".to_owned(), document)));
    }
    if documents.is_empty() {
        return Err(Failure::usage("there is no image to make a document of"));
    }
    Ok(documents)
}

fn write_all(documents: &[(String, Document)], outputs: &[output::Output], terminal: &Terminal) -> Result<(), Failure> {
    for output in outputs {
        let Some(format) = format(&output.format) else { continue };
        let Some(file) = &output.file else {
            if documents.len() > 1 && format.name != "table" {
                return Err(Failure::usage(format!("there are {} documents, and stdout holds one", documents.len()))
                    .with_hint(format!(
                        "write them to files: -o {}=NAME-{{platform}}.{}",
                        format.name, format.extension
                    )));
            }
            let context = WriteContext { color: terminal.color, job: job() };
            let texts: Result<Vec<String>, _> =
                documents.iter().map(|(_, document)| (format.write)(document, &context)).collect();
            output::print(&texts?.join("\n"))?;
            continue;
        };
        let context = WriteContext { color: false, job: job() };
        let paths = written_files(file, documents, format)?;
        for (path, (_, document)) in paths.into_iter().zip(documents) {
            let text = (format.write)(document, &context)?;
            output::write(&place(&output.format, path), &text)?;
        }
    }
    Ok(())
}

/// The predicate type of a format that can be signed as a statement.
fn predicate_of(format: &str) -> Option<&'static str> {
    match format {
        "cyclonedx-json" | "cyclonedx-1.6-json" => predicate_type("cyclonedx"),
        "spdx-json" => predicate_type("spdx"),
        "spdx-3-json" => Some("https://spdx.dev/Document/v3.0"),
        _ => None,
    }
}

/// The documents of everything that was inspected, in formats that can be signed as statements.
pub(super) fn bills(inspection: &Inspection, formats: &[String]) -> Result<Vec<Bill>, Failure> {
    if formats.is_empty() {
        return Ok(Vec::new());
    }
    let options =
        Options { created: source_date()?, tool_version: env!("CARGO_PKG_VERSION").to_owned(), ..Options::default() };
    let mut subjects: Vec<&Digest> = inspection.images.iter().map(|image| &image.subject.digest).collect();
    let index = inspection.images.first().and_then(|image| image.index.as_ref());
    subjects.extend(index.map(|index| &index.digest));
    let documents = documents(inspection, &options, index.is_some())?;
    let mut bills = Vec::new();
    for name in formats {
        let (Some(format), Some(kind)) = (format(name), predicate_of(name)) else { continue };
        for (subject, (_, document)) in subjects.iter().zip(&documents) {
            let predicate = (format.write)(document, &WriteContext { color: false, job: None })?;
            bills.push(Bill { subject: (*subject).clone(), kind, predicate });
        }
    }
    Ok(bills)
}

/// Signs each document in each format that was asked for and can be signed, `CycloneDX` when there is none.
fn attest(
    mut attester: Attester<'_>,
    image: &str,
    inspection: &Inspection,
    documents: &[(String, Document)],
    outputs: &[output::Output],
) -> Result<(), Failure> {
    let Some(first) = inspection.images.first() else { return Ok(()) };
    let root = root_of(first);
    let mut wanted: Vec<&str> =
        outputs.iter().map(|output| output.format.as_str()).filter(|format| predicate_of(format).is_some()).collect();
    wanted.dedup();
    if wanted.is_empty() {
        wanted.push("cyclonedx-json");
    }
    // One document for each image, in their order; what follows is that of the index.
    let subjects = inspection.images.iter().map(|image| &image.subject.digest).chain(std::iter::once(root));
    for (subject, (_, document)) in subjects.zip(documents) {
        for name in &wanted {
            let (Some(format), Some(kind)) = (format(name), predicate_of(name)) else { continue };
            let text = (format.write)(document, &WriteContext { color: false, job: None })?;
            attester.attest(image, root, subject, kind, &text)?;
        }
    }
    attester.finish()
}

/// Everything that keeps a document from being complete; secrets are no part of it.
fn gaps(inspection: &Inspection) -> impl Iterator<Item = &Gap> {
    let images = inspection.images.iter().flat_map(|image| &image.gaps);
    inspection.gaps.iter().chain(images).filter(|gap| gap.kind != GapKind::SecretScan)
}

fn creator(arguments: &MakeArguments) -> Option<Party> {
    let (email, url) = (arguments.creator_email.clone(), arguments.creator_url.clone());
    let name = arguments.creator.clone().or_else(|| email.clone()).or_else(|| url.clone())?;
    Some(Party { name, email, url, person: false })
}

/// `SOURCE_DATE_EPOCH`: seconds since 1970 (reproducible-builds.org).
fn source_date() -> Result<Option<i64>, Failure> {
    let Some(text) = variable("SOURCE_DATE_EPOCH") else { return Ok(None) };
    let seconds =
        text.parse().map_err(|_| Failure::usage("SOURCE_DATE_EPOCH is not a number of seconds since 1970"))?;
    Ok(Some(seconds))
}

#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The run of GitHub Actions that this is, as its variables tell.
fn job() -> Option<Job> {
    let sha = variable("GITHUB_SHA")
        .filter(|sha| matches!(sha.len(), 40 | 64) && sha.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let reference = variable("GITHUB_REF").filter(|reference| reference.starts_with("refs/"))?;
    let of = |name: &str| variable(name).unwrap_or_default();
    let correlator = [of("GITHUB_WORKFLOW"), of("GITHUB_JOB")].join(" ").trim().to_owned();
    Some(Job {
        sha,
        reference,
        id: variable("GITHUB_RUN_ID").unwrap_or_else(|| "0".to_owned()),
        correlator: if correlator.is_empty() { "imgguard".to_owned() } else { correlator },
        page: format!("{}/{}", of("GITHUB_SERVER_URL"), of("GITHUB_REPOSITORY")),
    })
}

fn verify(arguments: &VerifyArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let read = read_document(&arguments.file)?;
    let file = &read.document;
    let said = file.property("imgguard:platform");
    let is_index = said == Some("index");
    let wanted = arguments.platform.as_deref().or(said).filter(|_| !is_index);
    let selector = selector(wanted, if is_index { Selector::All } else { Selector::Host })?;
    let inspection = Reader::new(&arguments.source, terminal)?.with_packages().inspect(&arguments.image, &selector)?;
    let mut options = Options::of(file);
    if options.tool_version.is_empty() {
        options = Options { tool_version: env!("CARGO_PKG_VERSION").to_owned(), ..options };
    }
    let derived = if is_index {
        build_index(&inspection, &options)
            .ok_or_else(|| Failure::usage("the file is about an index, and the image is none"))?
    } else {
        build(chosen(&inspection, wanted)?, &options)?
    };
    note_unknown(&read, terminal);
    let differences = compare(&derived, file);
    let seen = gaps(&inspection).next().is_none();
    output::print(&told(&differences, file, seen))?;
    Ok(match (differences.is_empty(), seen) {
        (false, _) => Exit::Violations,
        (true, false) => Exit::Inconclusive,
        (true, true) => Exit::Pass,
    })
}

/// The image of the platform; the only one when none is named.
fn chosen<'a>(inspection: &'a Inspection, platform: Option<&str>) -> Result<&'a ImageFacts, Failure> {
    let fits = |image: &&ImageFacts| platform.is_none_or(|platform| image.platform.to_string() == platform);
    let found = inspection.images.iter().find(fits).or_else(|| match &inspection.images[..] {
        [only] => Some(only),
        _ => None,
    });
    found.ok_or_else(|| {
        Failure::usage(format!("the image has no platform `{}`", platform.unwrap_or_default().escape_debug()))
    })
}

/// The differences as lines for people.
fn told(differences: &[Difference], file: &Document, seen: bool) -> String {
    use crate::report::escape::visible;
    let mut text = String::new();
    for one in differences {
        let value =
            |value: &Option<String>| value.as_deref().map_or("nothing".into(), |value| format!("`{}`", visible(value)));
        let subject = one.component.as_deref().map_or("document".into(), visible);
        let (image, found) = (value(&one.image), value(&one.file));
        text.push_str(&match (one.field.as_str(), &one.image, &one.file) {
            ("component", Some(_), None) => format!("{subject}: in the image as {image}, not in the file\n"),
            ("component", None, Some(_)) => format!("{subject}: in the file as {found}, not in the image\n"),
            (field, ..) => format!("{subject}: {}: the image says {image}, the file {found}\n", visible(field)),
        });
    }
    match (differences.len(), seen) {
        (0, true) => text.push_str(&format!("the file agrees with the image: {} components\n", file.components.len())),
        (0, false) => {
            text.push_str("the file agrees with what could be seen of the image; a part of it could not be seen\n");
        }
        (count, _) => text.push_str(&format!("{count} differences\n")),
    }
    text
}

fn run_score(arguments: &ScoreArguments) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, &["text", "json"])?;
    let names: Vec<&str> = YARDSTICKS.iter().map(|yardstick| yardstick.name).collect();
    if let Some(wrong) = arguments.against.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(Failure::usage(format!("there is no yardstick `{wrong}`"))
            .with_hint(format!("they are {}", names.join(", "))));
    }
    let read = read_document(&arguments.file)?;
    let asked = |name: &str| arguments.against.is_empty() || arguments.against.iter().any(|one| one == name);
    let scores: Vec<_> =
        YARDSTICKS.iter().filter(|yardstick| asked(yardstick.name)).map(|yardstick| score(&read, yardstick)).collect();
    for output in &outputs {
        let text = if output.format == "json" { score_json(&scores) } else { score_text(&scores) };
        output::write(output, &text)?;
    }
    let complete = arguments.against.is_empty() || scores.iter().all(crate::sbom::Score::is_complete);
    Ok(if complete { Exit::Pass } else { Exit::Violations })
}

fn convert(arguments: &ConvertArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = outputs(&arguments.output)?;
    let read = read_document(&arguments.file)?;
    note_unknown(&read, terminal);
    let platform = read.document.property("imgguard:platform").unwrap_or("document").replace('/', "-");
    write_all(&[(platform, read.document)], &outputs, terminal)?;
    Ok(Exit::Pass)
}

/// What a document says and no other format would repeat is named.
fn note_unknown(read: &Read, terminal: &Terminal) {
    use crate::report::escape::visible;
    if read.unknown.is_empty() {
        return;
    }
    let shown = if terminal.verbose { read.unknown.len() } else { 5 };
    let names: Vec<_> = read.unknown.iter().take(shown).map(|name| visible(name).into_owned()).collect();
    let more = read.unknown.len().saturating_sub(shown);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    Terminal::say(&format!("note: the file also says what imgguard does not read: {}{rest}", names.join(", ")));
}
