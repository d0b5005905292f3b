//! From a root document to the exact list of layers per platform: everything small is read and checked here.

use std::collections::BTreeMap;

use crate::model::{Digest, DocumentKind, Gap, ImageConfig, IndexFacts, Note, Platform, Subject};

use super::image::{Draft, LayerBlob, config_platform};
use super::index::plan_index;
use super::manifest::is_index_type;
use super::{
    BlobKey, Blobs, Compression, Descriptor, Document, FetchError, Manifest, OciError, RawDocument, is_image_config,
    parse_config, parse_document,
};

/// Bytes of an index, a manifest or a config: what registries accept at least (distribution-spec, "Pushing Manifests").
pub(super) const MAX_DOCUMENT: u64 = 4 << 20;

/// Which platforms are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Every image of the index.
    All,
    /// Exactly this one.
    One(Platform),
    /// No wish: of an index this machine's platform, of a single image that image.
    Host,
}

/// What a reference points at, after its one resolution.
#[derive(Debug, Clone)]
pub struct Root {
    /// The reference as the user wrote it.
    pub reference: String,
    /// Repository without tag and digest; the path for local sources.
    pub repository: String,
    /// The tag, if the reference had one.
    pub tag: Option<String>,
    /// The root document. Its digest is final from here on.
    pub descriptor: Descriptor,
}

/// One layer to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerPlan {
    /// Where its bytes are.
    pub key: BlobKey,
    /// Digest of the blob, when the format names one.
    pub digest: Option<Digest>,
    /// Digest of the uncompressed archive, from the config.
    pub diff_id: Digest,
    /// Media type as the manifest says; empty where the format names none.
    pub media_type: String,
    /// Bytes of the blob as promised.
    pub size: u64,
    /// Compression by media type; none when it has to be read from the first bytes.
    pub compression: Option<Compression>,
    /// The reason why it is not to be read at all (foreign, unknown type).
    pub refused: Option<Gap>,
}

/// One platform's image, ready to be read.
#[derive(Debug, Clone)]
pub struct ImagePlan {
    /// What it is and how it was named.
    pub subject: Subject,
    /// The platform: of the descriptor, else of the config.
    pub platform: Platform,
    /// The index around it.
    pub index: Option<IndexFacts>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The config, its history paired with layers.
    pub config: ImageConfig,
    /// Bottom first.
    pub layers: Vec<LayerPlan>,
    /// The documents it comes from, and those that make statements about it.
    pub documents: Vec<RawDocument>,
    /// What could not be seen so far.
    pub gaps: Vec<Gap>,
    /// What was odd so far.
    pub notes: Vec<Note>,
}

/// Everything that will be read for one reference.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One element per platform.
    pub images: Vec<ImagePlan>,
    /// Gaps that belong to no single platform.
    pub gaps: Vec<Gap>,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A document could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A document was refused.
    #[error("{what} {digest} is refused")]
    Document {
        /// Which kind of document.
        what: &'static str,
        /// Its digest.
        digest: Digest,
        /// Why.
        source: OciError,
    },
    /// A document's bytes have another digest or size.
    #[error("{what} {expected} is forged: its {measure} is {found}")]
    Forged {
        /// Which kind of document.
        what: &'static str,
        /// What was promised.
        expected: Digest,
        /// `digest` or `size`.
        measure: &'static str,
        /// What was found.
        found: String,
    },
    /// The platform asked for does not exist.
    #[error("the image has no platform {wanted}; it has {available}")]
    NoPlatform {
        /// What was asked for.
        wanted: String,
        /// What there is, separated by commas.
        available: String,
    },
    /// The index has no image at all.
    #[error("the index {0} lists no image")]
    EmptyIndex(Digest),
}

/// Reads everything small behind `root` and lists the layers to read.
///
/// # Errors
/// [`PlanError`] when nothing can be judged; a child that cannot be read beside others that can is a gap instead.
pub fn plan(root: &Root, selector: &Selector, blobs: &dyn Blobs) -> Result<Plan, PlanError> {
    let descriptor = &root.descriptor;
    match read_raw(descriptor, blobs, DocumentKind::Manifest)? {
        (Document::Index(index), raw) => {
            let raw = RawDocument { kind: DocumentKind::Index, ..raw };
            plan_index(root, &index, &raw, selector, blobs)
        }
        (Document::Manifest(manifest), raw) => plan_manifest(root, manifest, raw, selector, blobs),
    }
}

/// A reference that is one image, without an index around it.
fn plan_manifest(
    root: &Root,
    manifest: Manifest,
    raw: RawDocument,
    selector: &Selector,
    blobs: &dyn Blobs,
) -> Result<Plan, PlanError> {
    let digest = root.descriptor.digest.clone();
    if !is_image_config(&manifest.config.media_type) {
        let source = OciError::Unsupported(manifest.config.media_type);
        return Err(PlanError::Document { what: "manifest", digest, source });
    }
    let image = read_image(root, &root.descriptor, manifest, raw, blobs)?;
    demand_platform(&image, selector)?;
    Ok(Plan { images: vec![image], gaps: Vec::new() })
}

/// Refuses a single image whose config is for another platform than the one asked for.
pub(super) fn demand_platform(image: &ImagePlan, selector: &Selector) -> Result<(), PlanError> {
    let platform = config_platform(&image.config).unwrap_or_else(|| image.platform.clone());
    match selector {
        Selector::One(wanted) if !platform.matches(wanted) => {
            Err(PlanError::NoPlatform { wanted: wanted.to_string(), available: platform.to_string() })
        }
        _ => Ok(()),
    }
}

/// Fetches a document and refuses it unless size and digest are as promised.
pub(super) fn fetch(
    what: &'static str,
    descriptor: &Descriptor,
    limit: u64,
    blobs: &dyn Blobs,
) -> Result<Vec<u8>, PlanError> {
    let expected = &descriptor.digest;
    if descriptor.size > limit {
        let why = format!("it is said to have {} bytes, and documents may have {limit}", descriptor.size);
        return Err(FetchError::Damaged { what: format!("{what} {expected}"), why }.into());
    }
    let bytes = blobs.small(descriptor, limit)?;
    let forged = |measure, found| PlanError::Forged { what, expected: expected.clone(), measure, found };
    if bytes.len() as u64 != descriptor.size {
        return Err(forged("size", format!("{} bytes, not {}", bytes.len(), descriptor.size)));
    }
    let mut hasher = expected.hasher();
    hasher.update(&bytes);
    let found = hasher.finish();
    if found == *expected { Ok(bytes) } else { Err(forged("digest", found.to_string())) }
}

/// Fetches and reads an index or a manifest.
pub(super) fn read_document(descriptor: &Descriptor, blobs: &dyn Blobs) -> Result<Document, PlanError> {
    read_raw(descriptor, blobs, DocumentKind::Manifest).map(|(document, _)| document)
}

/// The same, with the bytes.
pub(super) fn read_raw(
    descriptor: &Descriptor,
    blobs: &dyn Blobs,
    kind: DocumentKind,
) -> Result<(Document, RawDocument), PlanError> {
    let what = if is_index_type(&descriptor.media_type) { "index" } else { "manifest" };
    let bytes = fetch(what, descriptor, MAX_DOCUMENT, blobs)?;
    let digest = descriptor.digest.clone();
    match parse_document(&bytes, &[&descriptor.media_type]) {
        Ok(document) => Ok((document, RawDocument { kind, digest, bytes: bytes.into() })),
        Err(source) => Err(PlanError::Document { what, digest, source }),
    }
}

/// Fetches the config of an image and lists its layers. The index around it is added by the caller.
pub(super) fn read_image(
    root: &Root,
    descriptor: &Descriptor,
    manifest: Manifest,
    raw: RawDocument,
    blobs: &dyn Blobs,
) -> Result<ImagePlan, PlanError> {
    let Manifest { media_type, config: config_descriptor, layers, annotations, .. } = manifest;
    let digest = config_descriptor.digest.clone();
    let bytes = fetch("config", &config_descriptor, MAX_DOCUMENT, blobs)?;
    let (config, notes) = parse_config(&bytes).map_err(|source| PlanError::Document {
        what: "config",
        digest: digest.clone(),
        source,
    })?;
    let subject = Subject {
        reference: root.reference.clone(),
        repository: root.repository.clone(),
        tag: root.tag.clone(),
        digest: descriptor.digest.clone(),
        media_type,
        config_digest: digest.clone(),
    };
    let documents = vec![raw, RawDocument { kind: DocumentKind::Config, digest, bytes: bytes.into() }];
    let blobs = layers.into_iter().map(LayerBlob::from).collect();
    Ok(Draft { subject, platform: descriptor.platform.clone(), annotations, config, documents, notes, blobs }.finish())
}

#[cfg(test)]
mod tests;
