//! Small documents as they were read: whoever searches them sees every byte, also of fields that have no type.

use std::sync::Arc;

use crate::model::{Digest, DocumentKind};

/// A document and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawDocument {
    /// What kind of document.
    pub kind: DocumentKind,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes, checked against the digest.
    pub bytes: Arc<[u8]>,
}
