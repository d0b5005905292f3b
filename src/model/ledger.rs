//! The byte ledger of the search for secrets: what was searched and how, what was unpacked, and what was not seen and why.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// How bytes that do not stand in the file as they are were reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ViewKind {
    /// Base64 or base64url.
    Base64,
    /// Pairs of hexadecimal digits.
    Hex,
    /// ASCII text in UTF-16, of either byte order.
    Utf16,
    /// Escapes of JSON, YAML, percent-encoding, HTML.
    Escapes,
    /// A gzip or zlib stream.
    Gzip,
    /// A zstd stream.
    Zstd,
    /// A bzip2 stream.
    Bzip2,
    /// Members of a zip archive: also jar, wheel, egg, nupkg.
    Zip,
    /// Members of a tar archive.
    Tar,
    /// Members of a Unix archive: also deb.
    Ar,
}

/// Why bytes were not unpacked. They were searched as they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// A bound was reached: decoded bytes, members, ratio, memory. This is a gap.
    Bounds,
    /// Archives inside archives inside archives: the depth that is looked into was reached. This is a gap.
    Depth,
    /// The archive is damaged. This is a gap.
    Damaged,
    /// The member is encrypted.
    Encrypted,
    /// A compression that is not understood, such as xz.
    UnknownCompression,
}

impl SkipReason {
    /// Tells whether something was cut off that would have been looked into otherwise.
    #[must_use]
    pub fn is_cut(self) -> bool {
        matches!(self, Self::Bounds | Self::Depth | Self::Damaged)
    }

    /// Says it in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Bounds => "a bound of unpacked bytes, members, ratio or memory was reached",
            Self::Depth => "it is nested too deep",
            Self::Damaged => "the archive is damaged",
            Self::Encrypted => "it is encrypted",
            Self::UnknownCompression => "its compression is not understood",
        }
    }
}

/// How much was reached in one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Decoded {
    /// Streams, members or runs.
    pub count: u64,
    /// Bytes that came out and were searched.
    pub bytes: u64,
}

/// How much was not unpacked for one reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Skipped {
    /// Streams or members.
    pub count: u64,
    /// Stored bytes, as far as they are known.
    pub bytes: u64,
    /// The first of their paths in alphabetical order, with the way inside the file.
    pub example: String,
}

/// The byte ledger: sums over files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, rename_all = "kebab-case")]
pub struct ScanLedger {
    /// Files with content.
    pub files: u64,
    /// Bytes searched as text.
    pub text_bytes: u64,
    /// Bytes searched as binary.
    pub binary_bytes: u64,
    /// What was decoded and then searched, besides being searched as it stands.
    pub decoded: BTreeMap<ViewKind, Decoded>,
    /// What was not unpacked.
    pub skipped: BTreeMap<SkipReason, Skipped>,
}

impl ScanLedger {
    /// Adds what came out of a view.
    pub fn add_decoded(&mut self, view: ViewKind, count: u64, bytes: u64) {
        let sum = self.decoded.entry(view).or_default();
        sum.count += count;
        sum.bytes = sum.bytes.saturating_add(bytes);
    }

    /// Adds what was not unpacked.
    pub fn add_skipped(&mut self, reason: SkipReason, count: u64, bytes: u64, example: &str) {
        let sum = self.skipped.entry(reason).or_default();
        if sum.count == 0 || example < sum.example.as_str() {
            example.clone_into(&mut sum.example);
        }
        sum.count += count;
        sum.bytes = sum.bytes.saturating_add(bytes);
    }

    /// Gives the bytes of files that were searched as they stand.
    #[must_use]
    pub fn searched(&self) -> u64 {
        self.text_bytes.saturating_add(self.binary_bytes)
    }
}

impl AddAssign<&Self> for ScanLedger {
    fn add_assign(&mut self, other: &Self) {
        let Self { files, text_bytes, binary_bytes, decoded, skipped } = other;
        self.files += files;
        self.text_bytes = self.text_bytes.saturating_add(*text_bytes);
        self.binary_bytes = self.binary_bytes.saturating_add(*binary_bytes);
        for (view, sum) in decoded {
            self.add_decoded(*view, sum.count, sum.bytes);
        }
        for (reason, sum) in skipped {
            self.add_skipped(*reason, sum.count, sum.bytes, &sum.example);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_do_not_depend_on_the_order() {
        let mut one = ScanLedger { files: 1, text_bytes: 5, ..ScanLedger::default() };
        one.add_decoded(ViewKind::Zip, 2, 10);
        one.add_skipped(SkipReason::Encrypted, 1, 7, "b.zip!/x");
        let mut other = ScanLedger { files: 2, binary_bytes: 3, ..ScanLedger::default() };
        other.add_skipped(SkipReason::Encrypted, 2, 1, "a.zip!/y");
        let sum = |parts: &[&ScanLedger]| {
            parts.iter().fold(ScanLedger::default(), |mut sum, part| {
                sum += part;
                sum
            })
        };
        assert_eq!(sum(&[&one, &other]), sum(&[&other, &one]));
        assert_eq!(sum(&[&one, &other]).skipped[&SkipReason::Encrypted].example, "a.zip!/y");
        assert_eq!(sum(&[&one, &other]).searched(), 8);
    }
}
