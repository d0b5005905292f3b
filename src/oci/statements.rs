//! What stands beside the images of an index: attestation manifests, their configs and the statements they list.

use crate::model::{Digest, DocumentKind, GapKind};

use super::image::gap;
use super::index::{explain, is_about_document};
use super::plan::{fetch, read_raw};
use super::{Blobs, Descriptor, Document, FetchError, ImagePlan, PlanError, RawDocument};

/// Bytes of one statement; lists of packages are large.
const MAX_STATEMENT: u64 = 32 << 20;
/// Bytes of all statements of one index.
const MAX_STATEMENTS: u64 = 128 << 20;

/// Names the image that a statement is about (`BuildKit`, "Attestation storage").
const SUBJECT: &str = "vnd.docker.reference.digest";

/// Reads the statements about these images and gives each image its own. What cannot be read is a gap.
pub(super) fn attach(statements: &[Descriptor], images: &mut [ImagePlan], blobs: &dyn Blobs) -> Result<(), PlanError> {
    let mut left = MAX_STATEMENTS;
    for statement in statements {
        let subject: Option<Digest> = statement.annotations.get(SUBJECT).and_then(|digest| digest.parse().ok());
        let is_about = |image: &ImagePlan| subject.as_ref().is_none_or(|digest| *digest == image.subject.digest);
        if !images.iter().any(is_about) {
            continue;
        }
        let (documents, unread) = read(statement, blobs, &mut left)?;
        for image in images.iter_mut().filter(|image| is_about(image)) {
            image.documents.extend(documents.iter().cloned());
            image.gaps.extend(unread.iter().map(|detail| gap(GapKind::SecretScan, None, detail.clone())));
        }
    }
    Ok(())
}

/// The documents of one attestation manifest, and what of it could not be read.
fn read(
    statement: &Descriptor,
    blobs: &dyn Blobs,
    left: &mut u64,
) -> Result<(Vec<RawDocument>, Vec<String>), PlanError> {
    let (mut documents, mut unread) = (Vec::new(), Vec::new());
    let mut say = |digest: &Digest, why: &str| {
        unread.push(format!("the attestation {digest} was not searched for secrets: {why}"));
    };
    let manifest = match read_raw(statement, blobs, DocumentKind::Attestation) {
        Ok((Document::Manifest(manifest), raw)) => {
            documents.push(raw);
            manifest
        }
        Ok((Document::Index(_), raw)) => {
            documents.push(raw);
            say(&statement.digest, "it is an index");
            return Ok((documents, unread));
        }
        Err(error) if is_about_evidence(&error) => {
            say(&statement.digest, &explain(&error));
            return Ok((documents, unread));
        }
        Err(error) => return Err(error),
    };
    for part in std::iter::once(&manifest.config).chain(&manifest.layers) {
        if part.size > MAX_STATEMENT.min(*left) {
            say(&part.digest, &format!("it has {} bytes", part.size));
            continue;
        }
        match fetch("attestation", part, MAX_STATEMENT, blobs) {
            Ok(bytes) => {
                *left = left.saturating_sub(bytes.len() as u64);
                let (kind, digest) = (DocumentKind::Attestation, part.digest.clone());
                documents.push(RawDocument { kind, digest, bytes: bytes.into() });
            }
            Err(error) if is_about_evidence(&error) => say(&part.digest, &explain(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok((documents, unread))
}

/// Whether the failure leaves the image itself readable.
fn is_about_evidence(error: &PlanError) -> bool {
    is_about_document(error) || matches!(error, PlanError::Fetch(FetchError::Denied { .. }))
}
