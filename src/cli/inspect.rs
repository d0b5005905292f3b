//! `imgguard inspect`: what is in an image, before anything is judged.

use std::path::PathBuf;

use clap::Args;

use crate::inspect::prove_base;
use crate::oci::Selector;
use crate::report::{InspectOptions, Tree, inspect_json, inspect_text};

use super::image::{Reader, selector};
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
    source: SourceArguments,
}

pub(super) fn run(arguments: &InspectArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let outputs = output::parse(&arguments.output, &["text", "json"])?;
    let selector = selector(arguments.platform.as_deref(), Selector::Host)?;
    let bases = bases::find(arguments.bases.as_deref(), None)?;
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
    let seen = inspection.gaps.is_empty() && inspection.images.iter().all(|image| image.gaps.is_empty());
    Ok(if seen { Exit::Pass } else { Exit::Inconclusive })
}
