//! Owned files as catalogers collect them, bounded: records that repeat one long folder for many short names cannot fill the
//! memory.

use crate::model::{Checksum, ChecksumAlgorithm, OwnedFile, encode_path};

/// Longest path, in bytes (Linux `PATH_MAX`).
const MAX_PATH: usize = 4096;
/// Most bytes of paths that one file of records may give.
const MAX_TOTAL: usize = 256 << 20;

/// What is left of the bound.
pub(super) struct Room {
    left: usize,
    refused: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left: MAX_TOTAL, refused: 0 }
    }
}

impl Room {
    /// The file `name` in `folder` (raw bytes, with or without slashes at the ends), if it fits.
    pub fn file(
        &mut self,
        folder: &[u8],
        name: &[u8],
        digest: Option<Checksum>,
        may_differ: bool,
    ) -> Option<OwnedFile> {
        let start = folder.iter().position(|byte| *byte != b'/').unwrap_or(folder.len());
        let end = folder.iter().rposition(|byte| *byte != b'/').map_or(start, |last| last + 1);
        let folder = folder.get(start..end).unwrap_or_default();
        let length = folder.len() + name.len() + 1;
        if length > MAX_PATH || length > self.left || name.is_empty() {
            self.refused += 1;
            return None;
        }
        self.left -= length;
        let mut path = Vec::with_capacity(length);
        if !folder.is_empty() {
            path.extend_from_slice(folder);
            path.push(b'/');
        }
        path.extend_from_slice(name);
        Some(OwnedFile { path: encode_path(&path).into(), digest, may_differ })
    }

    /// A file whose whole path is one text.
    pub fn whole(&mut self, path: &[u8], digest: Option<Checksum>, may_differ: bool) -> Option<OwnedFile> {
        let start = path.iter().position(|byte| *byte != b'/').unwrap_or(path.len());
        let mut path = &path[start..];
        while let Some(rest) = path.strip_suffix(b"/") {
            path = rest;
        }
        self.file(b"", path, digest, may_differ)
    }

    /// The gap, if anything was refused.
    pub fn gap(&self) -> Option<String> {
        (self.refused > 0)
            .then(|| format!("{} owned files have paths that are empty or too long to keep", self.refused))
    }
}

/// A checksum from hexadecimal digits of either case; none when they are not as many as the algorithm gives.
pub(super) fn checksum(algorithm: ChecksumAlgorithm, digits: &str) -> Option<Checksum> {
    let length = match algorithm {
        ChecksumAlgorithm::Md5 => 32,
        ChecksumAlgorithm::Sha1 => 40,
        ChecksumAlgorithm::Sha256 => 64,
        ChecksumAlgorithm::Sha384 => 96,
        ChecksumAlgorithm::Sha512 => 128,
    };
    let fits = digits.len() == length && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| Checksum { algorithm, value: digits.to_ascii_lowercase() })
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
