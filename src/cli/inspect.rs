//! `imgguard inspect`: what is in an image, before anything is judged.

use std::path::PathBuf;

use clap::Args;

use crate::inspect::prove_base;
use crate::model::{FACTS_TYPE, Inspection};
use crate::oci::Selector;
use crate::report::{InspectOptions, Tree, inspect_json, inspect_text};

use super::image::{Reader, selector};
use super::sign::attaching::{AttestOption, Attester, root_of, subjects};
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, bases, output};

#[derive(Debug, Args)]
pub(super) struct InspectArguments {
    /// The image, named as for `check`.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// This platform, or all; this machine's unless given.
    #[arg(long, value_name = "OS/ARCH|all")]
    platform: Option<String>,
    /// Output format, repeatable: text, json; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    /// List what each layer adds, changes and removes.
    #[arg(long, conflicts_with = "layer")]
    tree: bool,
    /// List what this layer (from 0) adds, changes and removes.
    #[arg(long, value_name = "N")]
    layer: Option<u32>,
    /// Prove base images by this list; `imgguard-bases.json` beside the policy file unless given. See `imgguard bases`.
    #[arg(long, value_name = "FILE")]
    bases: Option<PathBuf>,
    #[command(flatten)]
    attest: AttestOption,
    #[command(flatten)]
    source: SourceArguments,
}

/// Bytes of facts that are attested, at most: nobody reads larger bundles.
const MAX_ATTESTED: usize = 8 << 20;

pub(super) fn run(arguments: &InspectArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, &["text", "json"])?;
    let selector = selector(arguments.platform.as_deref(), Selector::Host)?;
    let bases = bases::find(arguments.bases.as_deref(), None)?;
    let attester = Attester::open(&arguments.attest, &arguments.source, [arguments.image.as_str()])?;
    let reader = Reader::new(&arguments.source, terminal)?.with_packages();
    let mut inspection = reader.inspect(&arguments.image, &selector)?;
    if let Some(lock) = &bases {
        inspection.images.iter_mut().for_each(|image| prove_base(image, lock));
    }
    for output in &outputs {
        let text = if output.format == "json" {
            inspect_json(&inspection)
        } else {
            let context = terminal.context(output.file.is_none());
            let tree = match (arguments.tree, arguments.layer) {
                (_, Some(layer)) => Tree::Layer(layer),
                (true, None) => Tree::All,
                (false, None) => Tree::None,
            };
            inspect_text(&inspection, &InspectOptions { tree }, &context)
        };
        output::write(output, &text)?;
    }
    if let Some(attester) = attester {
        attest(attester, &arguments.image, &inspection)?;
    }
    let seen = inspection.gaps.is_empty() && inspection.images.iter().all(|image| image.gaps.is_empty());
    Ok(if seen { Exit::Pass } else { Exit::Inconclusive })
}

/// Signs the facts: about the index when all of its images were inspected, else about each image its own.
fn attest(mut attester: Attester<'_>, text: &str, inspection: &Inspection) -> Result<(), Failure> {
    let Some(first) = inspection.images.first() else { return Ok(()) };
    for subject in subjects(inspection) {
        let own = inspection.images.iter().filter(|image| image.subject.digest == *subject);
        let one = Inspection { images: own.cloned().collect(), ..inspection.clone() };
        let facts = inspect_json(if one.images.is_empty() { inspection } else { &one });
        if facts.len() > MAX_ATTESTED {
            let message = format!("the facts about {subject} have {} bytes, too many to be attested", facts.len());
            return Err(Failure::usage(message).with_hint("attest a bill of materials: `imgguard sbom --attest`"));
        }
        attester.attest(text, root_of(first), subject, FACTS_TYPE, &facts)?;
    }
    attester.finish()
}
