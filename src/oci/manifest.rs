//! Manifests and indexes (OCI image-spec, manifest.md and image-index.md; Docker image manifest v2 schema 2).

use std::collections::BTreeMap;

use crate::model::{Digest, Platform};

use super::JsonError;

/// A pointer to a blob (OCI image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type.
    pub media_type: String,
    /// Digest.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Other places to fetch it from: never used.
    pub urls: Vec<String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Platform, in an index; none when absent.
    pub platform: Option<Platform>,
    /// Artifact type.
    pub artifact_type: Option<String>,
}

/// An index or Docker manifest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Media type, from the document, else from outside.
    pub media_type: String,
    /// Children in order.
    pub manifests: Vec<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest this refers to.
    pub subject: Option<Descriptor>,
    /// Artifact type.
    pub artifact_type: Option<String>,
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Media type, from the document, else from outside.
    pub media_type: String,
    /// The config.
    pub config: Descriptor,
    /// Layers, bottom first.
    pub layers: Vec<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest this refers to.
    pub subject: Option<Descriptor>,
    /// Artifact type.
    pub artifact_type: Option<String>,
}

/// What a digest can point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// An index.
    Index(Index),
    /// A manifest.
    Manifest(Manifest),
}

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field is missing or of the wrong type.
    #[error("`{pointer}` {problem}")]
    Field {
        /// JSON pointer.
        pointer: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It has the fields of an index and of a manifest.
    #[error("it is both an index and a manifest: it has `manifests` and `{0}`")]
    Ambiguous(&'static str),
    /// It has neither.
    #[error("it is neither an index nor a manifest")]
    Neither,
    /// The document says another media type than its descriptor or the server.
    #[error("it calls itself `{inside}`, but it was announced as `{outside}`")]
    MediaType {
        /// In the document.
        inside: String,
        /// In the descriptor or the Content-Type header.
        outside: String,
    },
    /// A manifest of schema 1 or of another unsupported kind.
    #[error("`{0}` is not supported")]
    Unsupported(String),
}

/// Reads an index or a manifest. `announced` are the media types that descriptor and server gave it, empty ones ignored.
///
/// # Errors
/// [`OciError`]: everything ambiguous is refused.
pub fn parse_document(bytes: &[u8], announced: &[&str]) -> Result<Document, OciError> {
    let _ = (bytes, announced);
    Err(OciError::Neither)
}
