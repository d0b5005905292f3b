//! `imgguard tree`: an image and all that belongs to it.

use clap::Args;

use crate::registry::Client;
use crate::release::closure::{Evidence, walk};
use crate::release::{tree_json, tree_text};

use super::connection::{ConnectionArguments, open_source};
use super::registry::Form;
use super::{Exit, Failure, output};

/// Arguments of `tree`.
#[derive(Debug, Args)]
pub(super) struct TreeArguments {
    /// The image: a registry reference, oci:DIR or oci-archive:FILE.
    #[arg(value_name = "IMAGE")]
    image: String,
    /// Leave out what refers to the image: signatures, bills of materials, attestations beside it.
    #[arg(long)]
    without_evidence: bool,
    /// Form of the tree.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    #[command(flatten)]
    connection: ConnectionArguments,
}

/// Runs `tree`.
pub(super) fn run(arguments: &TreeArguments) -> Result<Exit, Failure> {
    let client = Client::new(arguments.connection.options()?)?;
    let source = open_source(&arguments.image, &client)?;
    let evidence = if arguments.without_evidence { Evidence::None } else { Evidence::All };
    let closure = walk(&*source.repository, source.root, evidence)?;
    let text = match arguments.output {
        Form::Text => tree_text(&arguments.image, &closure),
        Form::Json => tree_json(&arguments.image, &closure),
    };
    output::print(&text)?;
    Ok(if closure.problems.is_empty() { Exit::Pass } else { Exit::Inconclusive })
}
