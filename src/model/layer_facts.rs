//! Everything one layer says, independent of the image it is used in: the unit of caching.

use serde::{Deserialize, Serialize};

use super::{Aside, Digest, Entry, Gap, Hit, LayerStartup, Note, ScanLedger, Supplied};

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
    #[serde(deserialize_with = "all_at_once")]
    pub entries: Vec<Entry>,
    /// Files kept whole.
    pub documents: Vec<Document>,
    /// Secrets seen in this layer's files.
    pub hits: Vec<Hit>,
    /// What the catalogers read, as the bytes of `catalog::encode`: most users of a cached layer never look at it.
    pub catalog: Vec<u8>,
    /// What decides how processes start.
    pub startup: LayerStartup,
    /// What was searched for secrets in this layer, and what was not.
    pub scanned: ScanLedger,
    /// Secrets seen in this layer outside of the content of files.
    pub asides: Vec<Aside>,
    /// Files with hits whose bytes are those of a package's record in this layer, sorted by path.
    pub supplied: Vec<Supplied>,
    /// What was odd; `layer` is unset here.
    pub notes: Vec<Note>,
    /// What could not be seen inside this layer although its bytes are whole; `layer` is unset here.
    pub gaps: Vec<Gap>,
}

/// Reads a long list into memory of the right size from the start, where the format tells its length.
fn all_at_once<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    struct Entries;
    impl<'de> serde::de::Visitor<'de> for Entries {
        type Value = Vec<Entry>;

        fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a list of entries")
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut access: A) -> Result<Vec<Entry>, A::Error> {
            let mut entries = Vec::with_capacity(access.size_hint().unwrap_or_default().min(10_000_000));
            while let Some(entry) = access.next_element()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_seq(Entries)
}
