//! What could not be seen (a gap), and what was seen and odd (a note).

use serde::{Deserialize, Serialize};

/// What a gap is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// A layer's blob is missing from the source.
    LayerMissing,
    /// A layer's bytes differ from the digest, the size or the diffID that was promised.
    LayerForged,
    /// A layer could not be decompressed or its archive could not be read.
    LayerDamaged,
    /// A layer of a media type or compression that is not understood.
    LayerUnknownType,
    /// A layer that lies elsewhere (`urls`), which is never fetched.
    LayerForeign,
    /// A bound was reached: bytes, entries, ratio.
    LimitReached,
    /// The config lacks something or contradicts the manifest.
    Config,
    /// A child of the index could not be read.
    Child,
    /// A file that a rule needs was too large to keep or could not be parsed.
    Document,
    /// The operating system of the image is not supported.
    UnsupportedPlatform,
    /// Content could not be searched for secrets.
    SecretScan,
    /// A package record could not be read, or only a part of it.
    Catalog,
    /// A file that was given beside the image could not be read.
    Evidence,
}

impl GapKind {
    /// Whether files may exist, or be hidden, that nobody has seen because of such a gap.
    #[must_use]
    pub fn hides_files(self) -> bool {
        match self {
            Self::LayerMissing
            | Self::LayerForged
            | Self::LayerDamaged
            | Self::LayerUnknownType
            | Self::LayerForeign
            | Self::LimitReached
            | Self::UnsupportedPlatform => true,
            Self::Config | Self::Child | Self::Document | Self::SecretScan | Self::Catalog | Self::Evidence => false,
        }
    }
}

/// A part of the image that could not be seen. A gap is never a pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Gap {
    /// What it is about.
    pub kind: GapKind,
    /// Index of the layer, counted from 0 at the bottom, when it is about one.
    pub layer: Option<u32>,
    /// Path inside the image, when it is about one.
    pub path: Option<String>,
    /// A sentence without a full stop: what was not seen, and why.
    pub detail: String,
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoteKind {
    /// One layer names a path twice; the last one counts.
    DuplicateEntry,
    /// A name starts with `/`.
    AbsoluteName,
    /// A whiteout without a name, or one that hides nothing.
    OddWhiteout,
    /// A sparse file, whose logical size is larger than its stored bytes.
    SparseFile,
    /// History and layers do not pair up.
    History,
    /// The media type on the outside differs from the compression inside.
    MediaType,
    /// Anything about the source that a reader should know.
    Source,
}

/// Something odd that was seen completely.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// Index of the layer, counted from 0 at the bottom, when it is about one.
    pub layer: Option<u32>,
    /// Path inside the image, when it is about one.
    pub path: Option<String>,
    /// A sentence without a full stop.
    pub detail: String,
}
