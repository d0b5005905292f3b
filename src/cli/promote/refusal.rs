//! `--attest-refusals`: what the gate refuses is on record, beside the image where it is or in a file.

use std::path::{Path, PathBuf};

use crate::promote::apply::Ends;
use crate::promote::refusal::{self, Refused};
use crate::registry::{RemoteRepository, WriteRepository};
use crate::source::{ImageSpec, LayoutRepository};

use super::super::Failure;
use super::super::image::look;
use super::super::release::Opened;
use super::super::sign::gate::save_bundles;
use super::super::terminal::Terminal;
use super::{Context, Order};

/// Where refusals go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Refusals {
    /// Beside the image, at the source.
    Source,
    /// Into this file, as bundles.
    File(PathBuf),
}

impl Refusals {
    /// Reads the value of the option: a file, or nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        Ok(if text.is_empty() { Self::Source } else { Self::File(PathBuf::from(text)) })
    }
}

/// Leaves summaries that say FAILED. The refusal is the answer all the same: what cannot be written is told beside it.
pub(super) fn record(order: &Order, opened: &Opened, refused: &Refused, context: &Context<'_>) {
    let result = match context.refusals() {
        None => return,
        Some(Refusals::Source) => beside(order, opened, refused, context),
        Some(Refusals::File(path)) => into_file(path, order, refused, context),
    };
    if let Err(failure) = result {
        context
            .terminal()
            .complain(&Failure { message: format!("the refusal is not on record: {}", failure.message), ..failure });
    }
}

fn into_file(path: &Path, order: &Order, refused: &Refused, context: &Context<'_>) -> Result<(), Failure> {
    let summary = context.refusal(order, refused);
    let signed = refusal::sign(&refused.subjects, &summary, &|statement| context.sign(statement))?;
    let bundles: Vec<Vec<u8>> = signed.into_iter().map(|(_, bundle)| bundle).collect();
    save_bundles(path, &bundles)?;
    Terminal::say(&format!("note: {} summaries that say FAILED are in `{}`", bundles.len(), path.display()));
    told(order, refused, context)
}

fn beside(order: &Order, opened: &Opened, refused: &Refused, context: &Context<'_>) -> Result<(), Failure> {
    let (writing, fresh) = at_source(order, context)?;
    let summary = context.refusal(order, refused);
    let believers = context.believers();
    let written = refusal::leave(
        &refused.subjects,
        &summary,
        &opened.closure,
        &Ends { writing: &*writing, fresh: &*fresh },
        (&|statement| context.sign(statement), &|bundle, subject| believers.is_own(bundle, subject)),
    )?;
    let name = writing.name();
    if written.is_empty() {
        Terminal::say(&format!("note: summaries that say FAILED are in `{name}` already"));
        return Ok(());
    }
    Terminal::say(&format!("note: {} summaries that say FAILED were attached in `{name}`", written.len()));
    told(order, refused, context)
}

fn told(order: &Order, refused: &Refused, context: &Context<'_>) -> Result<(), Failure> {
    context.journal.append(&serde_json::json!({
        "time": context.time(), "event": "refused", "source": order.source,
        "destination": order.destination.repository_name(), "digest": refused.subjects.last(),
        "more": { "subjects": refused.subjects, "reasons": refused.reasons },
    }))
}

/// A way to the source.
type Way = Box<dyn WriteRepository>;

/// The source, to be written and to be looked at again.
fn at_source(order: &Order, context: &Context<'_>) -> Result<(Way, Way), Failure> {
    match ImageSpec::parse(&order.source, &look)? {
        ImageSpec::Registry(text) => {
            let reference = text.parse()?;
            let client = context.reader.client()?;
            let writing = RemoteRepository::writable(client, &reference);
            Ok((Box::new(writing), Box::new(RemoteRepository::new(client, &reference))))
        }
        ImageSpec::Layout { path, .. } => {
            Ok((Box::new(LayoutRepository::create(&path)?), Box::new(LayoutRepository::new(&path))))
        }
        _ => Err(Failure::usage(format!("nothing can be attached in `{}`", order.source))
            .with_hint("write the summaries to a file: --attest-refusals=FILE")),
    }
}
