//! `--attest` of the commands that make documents about images: signed and attached in one go.

use clap::Args;

use crate::evidence::closure;
use crate::model::{Digest, ImageFacts, Inspection};
use crate::sign::StatementDraft;

use super::super::terminal::Terminal;
use super::super::{Failure, SourceArguments};
use super::image;
use super::signing::{Method, MethodArguments, attach, save};

/// Whether and how to sign.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct AttestOption {
    /// Sign what is written as a statement about the image, and store it beside the image.
    #[arg(long)]
    attest: bool,
    #[command(flatten)]
    method: MethodArguments,
}

impl AttestOption {
    /// Whether something is to be signed.
    pub fn is_asked(&self) -> bool {
        self.attest
    }
}

/// Signs documents.
pub(in crate::cli) struct Attester<'a> {
    arguments: &'a AttestOption,
    source: &'a SourceArguments,
    method: Method,
    bundles: Vec<Vec<u8>>,
}

impl<'a> Attester<'a> {
    /// Opens the key and looks whether every image has a place for statements; none when nothing is to be signed.
    pub fn open<'t>(
        arguments: &'a AttestOption,
        source: &'a SourceArguments,
        images: impl IntoIterator<Item = &'t str>,
    ) -> Result<Option<Self>, Failure> {
        if !arguments.attest {
            if arguments.method.are_given() {
                return Err(Failure::usage("a key or an identity was given, and nothing is to be signed")
                    .with_hint("give --attest too"));
            }
            return Ok(None);
        }
        for text in images {
            image::check_place(text)?;
        }
        let method = Method::open(arguments.method.sign_as())?;
        Ok(Some(Self { arguments, source, method, bundles: Vec::new() }))
    }

    /// Signs a document about one image of an inspection, or about its index. What was inspected is what the statement is about,
    /// wherever the tag points by now.
    pub fn attest(
        &mut self,
        text: &str,
        root: &Digest,
        subject: &Digest,
        kind: &str,
        predicate: &str,
    ) -> Result<(), Failure> {
        let draft = StatementDraft::attestation(subject.clone(), None, kind, predicate)
            .map_err(|error| Failure::usage(format!("the document cannot be attested: {error}")))?;
        let store = image::open_at(text, root, self.source)?;
        let nodes = closure(&store)?;
        let Some(node) = nodes.iter().find(|node| node.digest == *subject) else {
            return Err(Failure::usage(format!("`{text}` has no manifest {subject} that a statement could be about")));
        };
        let signed = self.method.sign(draft.to_bytes())?;
        if !self.arguments.method.no_push() {
            attach(&store, node, &signed.bundle, kind)?;
        }
        Terminal::say(&format!("attested {kind} about {}@{subject}", store.name()));
        self.bundles.push(signed.bundle);
        Ok(())
    }

    /// Writes the bundles to the file that was asked for.
    pub fn finish(self) -> Result<(), Failure> {
        save(self.arguments.method.bundle_out(), &self.bundles)
    }
}

/// What the reference names: the index when there is one, else the image.
pub(in crate::cli) fn root_of(image: &ImageFacts) -> &Digest {
    image.index.as_ref().map_or(&image.subject.digest, |index| &index.digest)
}

/// What a statement about everything that was inspected is about: the index when all of its images were, else each image.
pub(in crate::cli) fn subjects(inspection: &Inspection) -> Vec<&Digest> {
    let whole = inspection.images.first().and_then(|image| image.index.as_ref()).filter(|index| {
        index.children.iter().all(|child| inspection.images.iter().any(|image| image.subject.digest == child.digest))
    });
    match whole {
        Some(index) => vec![&index.digest],
        None => inspection.images.iter().map(|image| &image.subject.digest).collect(),
    }
}
