//! Everything one layer says, independent of the image it is used in: the unit of caching.

use serde::{Deserialize, Serialize};

use super::{Digest, Entry, Gap, Hit, Note};

/// A small file whose whole content later steps need, such as `etc/passwd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Document {
    /// Path in the layer.
    pub path: Box<str>,
    /// Content; empty when `truncated`.
    pub bytes: Vec<u8>,
    /// The file was larger than the bound for documents and is not kept.
    pub truncated: bool,
}

/// The facts of one whole, verified layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LayerFacts {
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
    /// Bytes of the uncompressed archive.
    pub unpacked_size: u64,
    /// The members in the order of the archive, duplicates included (the last one counts), whiteouts included by name.
    pub entries: Vec<Entry>,
    /// Files kept whole.
    pub documents: Vec<Document>,
    /// Secrets seen in this layer's files.
    pub hits: Vec<Hit>,
    /// What was odd; `layer` is unset here.
    pub notes: Vec<Note>,
    /// What could not be seen inside this layer although its bytes are whole; `layer` is unset here.
    pub gaps: Vec<Gap>,
}
