//! The search through one file.

use super::engine::Scanner;
use super::name::Name;
use super::views::{Account, MAX_UNPACKED, Shared, Stream, cut_to_limit};
use crate::model::{Hit, ScanLedger, SkipReason};

/// The search through one file.
///
/// Making one allocates nothing, and a file that is fed at once is searched where it lies.
#[derive(Debug, Default)]
pub struct FileScan<'p> {
    path: &'p str,
    stream: Stream,
    account: Account,
    bytes: u64,
}

impl<'p> FileScan<'p> {
    /// Starts with a file's path and its size in bytes.
    #[must_use]
    pub fn new(path: &'p str, _size: u64) -> Self {
        Self { path, stream: Stream::file(Name::of(path)), ..Self::default() }
    }

    /// Lets go of the path, so that the search can outlive it: the hits to come carry an empty path, which the caller
    /// fills in.
    #[must_use]
    pub fn without_path(self) -> FileScan<'static> {
        let Self { path: _, stream, account, bytes } = self;
        FileScan { path: "", stream, account, bytes }
    }

    /// Bounds the bytes that are unpacked out of archives in the file, on all levels together; no more than a gigabyte
    /// unless this is called.
    #[must_use]
    pub fn unpacking_at_most(mut self, bytes: u64) -> Self {
        self.account.unpackable = bytes.min(MAX_UNPACKED);
        self
    }

    /// Bytes that were unpacked out of archives in the file.
    #[must_use]
    pub fn unpacked(&self) -> u64 {
        use crate::model::ViewKind::{Base64, Escapes, Hex, Utf16};
        let decoded = self.account.ledger.decoded.iter();
        decoded.filter(|(kind, _)| !matches!(kind, Base64 | Hex | Utf16 | Escapes)).map(|(_, sum)| sum.bytes).sum()
    }

    /// Tells whether the file holds more than [`MAX_HITS`](super::MAX_HITS) hits that are not weak, so that not all were told.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.account.truncated || self.stream.search().truncated()
    }

    /// What was cut off inside the file: why, and the way to the first of it in alphabetical order.
    pub fn cuts(&self) -> impl Iterator<Item = (SkipReason, &str)> {
        let skipped = self.account.ledger.skipped.iter();
        skipped.filter(|(reason, _)| reason.is_cut()).map(|(reason, skipped)| (*reason, skipped.example.as_str()))
    }

    /// Gives the room of the bytes kept between two chunks.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.stream.search().held()
    }

    /// Adds what was searched of this file, whose path is given, to a ledger.
    pub fn add_to(&self, ledger: &mut ScanLedger, path: &str) {
        ledger.files += 1;
        if self.stream.search().is_text() == Some(false) {
            ledger.binary_bytes += self.bytes;
        } else {
            ledger.text_bytes += self.bytes;
        }
        for (view, sum) in &self.account.ledger.decoded {
            ledger.add_decoded(*view, sum.count, sum.bytes);
        }
        for (reason, sum) in &self.account.ledger.skipped {
            ledger.add_skipped(*reason, sum.count, sum.bytes, &format!("{path}{}", sum.example));
        }
    }

    /// Takes the next bytes. `last` is set with the last of them (which may be empty); with it the hits are appended to
    /// `hits` in order of their offset, with `path` as given to [`FileScan::new`].
    pub fn feed(&mut self, scanner: &Scanner, bytes: &[u8], last: bool, hits: &mut Vec<Hit>) {
        self.bytes += bytes.len() as u64;
        let mut shared = Shared { scanner, account: &mut self.account };
        self.stream.feed(&mut shared, bytes, last);
        if last {
            self.deliver(scanner, hits);
        }
    }

    fn deliver(&mut self, scanner: &Scanner, hits: &mut Vec<Hit>) {
        let mut shared = Shared { scanner, account: &mut self.account };
        let mut seen = self.stream.finish(&mut shared);
        self.account.truncated |= cut_to_limit(&mut seen);
        let from = hits.len();
        hits.extend(seen.into_iter().map(|one| Hit {
            path: self.path.into(),
            offset: one.start,
            line: one.found.line,
            detector: scanner.id(&one.found).into(),
            grade: one.found.grade,
            nature: scanner.nature(&one.found),
            view: one.view.into_boxed_str(),
            expires: one.found.expires,
            redacted: one.found.redacted,
            fingerprint: one.found.fingerprint,
        }));
        // The same value twice in one view at one place is one hit.
        let mut last: Option<usize> = None;
        let mut kept = from;
        for at in from..hits.len() {
            if last.is_some_and(|last| hits[last] == hits[at]) {
                continue;
            }
            hits.swap(kept, at);
            last = Some(kept);
            kept += 1;
        }
        hits.truncate(kept);
    }
}
