//! `imgguard secrets`: the search for secrets on its own, over an image, a tree, a file or standard input.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::inspect::secrets_of_files;
use crate::model::{Gap, Grade, ImageFacts, SecretFact};
use crate::oci::Selector;
use crate::report::{Context, Ledger, SECRETS_FORMATS, SecretsReport, Target};
use crate::rules::Circumstances;

use super::baseline::Baseline;
use super::image::{Reader, selector, threads};
use super::terminal::Terminal;
use super::tree::{self, Searched};
use super::{Exit, Failure, SourceArguments, output};

#[derive(Debug, Args)]
pub(super) struct SecretsArguments {
    /// What to search: a folder, a file, - for the bytes of standard input, or an image named as for `check`.
    /// What exists as a file or folder is searched as such, also an image archive; a prefix such as oci: or
    /// docker-archive:, or --as image, makes it an image.
    #[arg(value_name = "IMAGE|DIR|FILE|-")]
    subject: String,
    /// Take a folder, a file or standard input for an image, or an image's name for that of a file.
    #[arg(long = "as", value_enum, value_name = "KIND")]
    kind: Option<Kind>,
    /// Tell what is at least that sure.
    #[arg(long, value_enum, default_value_t = Confidence::Structured)]
    min_confidence: Confidence,
    /// This platform of an image, or all; this machine's unless given.
    #[arg(long, value_name = "OS/ARCH|all")]
    platform: Option<String>,
    /// Output format, repeatable: text, json, sarif; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    /// Accept what this file lists.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write a baseline that accepts everything that counts now, and exit with 0 unless something was not seen.
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// List what is suppressed by proof and what the baseline accepts, too.
    #[arg(long)]
    show_suppressed: bool,
    #[command(flatten)]
    source: SourceArguments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// An image.
    Image,
    /// Files, whatever they hold.
    Files,
}

/// The grades of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Confidence {
    /// Anything that looks like one, placeholders too.
    Weak,
    /// Its name or place makes it one.
    #[value(alias = "medium")]
    Contextual,
    /// Its form is that of a known kind.
    #[value(alias = "high")]
    Structured,
    /// The value verifies itself.
    Proven,
}

impl From<Confidence> for Grade {
    fn from(confidence: Confidence) -> Self {
        match confidence {
            Confidence::Weak => Self::Weak,
            Confidence::Contextual => Self::Contextual,
            Confidence::Structured => Self::Structured,
            Confidence::Proven => Self::Proven,
        }
    }
}

/// What is searched, before anything is opened.
enum Subject<'a> {
    Tree(&'a Path),
    File(&'a Path),
    Stdin,
    Image,
}

/// What the search gave.
struct Found {
    target: Target,
    images: Vec<ImageFacts>,
    files: Vec<SecretFact>,
    gaps: Vec<Gap>,
    ledger: Ledger,
}

pub(super) fn run(arguments: &SecretsArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let known: Vec<&str> = SECRETS_FORMATS.iter().map(|format| format.name).collect();
    let outputs = output::parse(&arguments.output, &known)?;
    let subject = subject(arguments)?;
    let reader = Reader::new(&arguments.source, terminal)?;
    let key = reader.scanner().fingerprint_key_id();
    let baseline = match &arguments.baseline {
        Some(path) => Baseline::read(path, key.as_deref())?,
        None => Baseline::default(),
    };
    let circumstances =
        Circumstances { now: Some(super::now()), baseline: baseline.accepted.clone(), ..Circumstances::default() };
    let found = search(arguments, &subject, &reader)?;
    let of_images = found.images.iter().flat_map(|image| image.secrets.iter().map(move |secret| (Some(image), secret)));
    let secrets = of_images.chain(found.files.iter().map(|secret| (None, secret)));
    let mut report = SecretsReport::new(
        &arguments.subject,
        found.target,
        secrets.clone(),
        arguments.min_confidence.into(),
        arguments.show_suppressed,
        &circumstances,
        &found.ledger,
    );
    report.gaps = found.gaps.iter().collect();
    for detector in reader.scanner().detectors() {
        report.remedies.insert(detector.id, detector.rotate);
    }
    let written = arguments.write_baseline.is_some();
    let exit = match (report.has_findings() && !written, report.gaps.is_empty()) {
        (true, _) => Exit::Violations,
        (false, true) => Exit::Pass,
        (false, false) => Exit::Inconclusive,
    };
    if let Some(path) = &arguments.write_baseline {
        let counted = secrets.map(|(_, secret)| secret).filter(|secret| {
            secret.class() == crate::model::Class::Own && secret.grade >= arguments.min_confidence.into()
        });
        output::save(path, &baseline.renewed(counted, key.as_deref()))?;
    }
    for output in &outputs {
        let context = Context { exit_code: exit.code(), ..terminal.context(output.file.is_none()) };
        if let Some(format) = SECRETS_FORMATS.iter().find(|format| format.name == output.format) {
            output::write(output, &(format.render)(&report, &context))?;
        }
    }
    Ok(exit)
}

/// Decides what is meant. Nothing is guessed from content: what exists is a file or a folder unless it is said to be an image.
fn subject(arguments: &SecretsArguments) -> Result<Subject<'_>, Failure> {
    let text = arguments.subject.as_str();
    let path = Path::new(text);
    if arguments.kind == Some(Kind::Image) {
        return Ok(Subject::Image);
    }
    if text == "-" {
        return Ok(Subject::Stdin);
    }
    match std::fs::metadata(path) {
        Ok(data) if data.is_dir() => {
            if path.join("oci-layout").exists() && arguments.kind.is_none() {
                Terminal::say(&format!("note: `{text}` holds an OCI layout; oci:{text} searches the image in it"));
            }
            Ok(Subject::Tree(path))
        }
        Ok(_) => Ok(Subject::File(path)),
        Err(error) => {
            let is_path = arguments.kind == Some(Kind::Files) || text.starts_with(['/', '.', '~']);
            if is_path { Err(Failure::file(path, "read", &error)) } else { Ok(Subject::Image) }
        }
    }
}

fn search(arguments: &SecretsArguments, subject: &Subject<'_>, reader: &Reader<'_>) -> Result<Found, Failure> {
    let scanner = reader.scanner();
    let of_files = |target, searched: Searched| {
        let Searched { hits, gaps, ledger } = searched;
        let files = secrets_of_files(&hits, scanner);
        Found { target, images: Vec::new(), files, gaps, ledger }
    };
    Ok(match subject {
        Subject::Tree(path) => {
            of_files(Target::Directory, tree::search_tree(path, scanner, threads(arguments.source.threads)))
        }
        Subject::File(path) => of_files(Target::File, tree::search_one(path, scanner)),
        Subject::Stdin => of_files(Target::Stdin, tree::search_stdin(scanner)),
        Subject::Image => {
            let selector = selector(arguments.platform.as_deref(), Selector::Host)?;
            let inspection = reader.inspect(&arguments.subject, &selector)?;
            let mut gaps: Vec<Gap> = inspection.gaps;
            let mut ledger = Ledger::default();
            for image in &inspection.images {
                gaps.extend(image.gaps.iter().cloned());
                ledger.files += image.scanned.files;
                ledger.scanned_bytes = ledger.scanned_bytes.saturating_add(image.scanned.searched());
            }
            gaps.sort();
            gaps.dedup();
            Found { target: Target::Image, images: inspection.images, files: Vec::new(), gaps, ledger }
        }
    })
}
