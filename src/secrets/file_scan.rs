//! The search through one file.

use super::engine::{MAX_HITS, Scanner};
use super::name::Name;
use super::search::Search;
use crate::model::{Hit, ScanLedger};

/// The search through one file.
///
/// Making one allocates nothing, and a file that is fed at once is searched where it lies.
#[derive(Debug, Default)]
pub struct FileScan<'p> {
    path: &'p str,
    search: Search,
    bytes: u64,
    truncated: bool,
}

impl<'p> FileScan<'p> {
    /// Starts with a file's path and its size in bytes.
    #[must_use]
    pub fn new(path: &'p str, _size: u64) -> Self {
        Self { path, search: Search::new(Name::of(path)), ..Self::default() }
    }

    /// Lets go of the path, so that the search can outlive it: the hits to come carry an empty path, which the caller
    /// fills in.
    #[must_use]
    pub fn without_path(self) -> FileScan<'static> {
        let Self { path: _, search, bytes, truncated } = self;
        FileScan { path: "", search, bytes, truncated }
    }

    /// Tells whether the file holds more than [`MAX_HITS`] hits, so that not all were told.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated || self.search.truncated()
    }

    /// Gives the room of the bytes kept between two chunks.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.search.held()
    }

    /// Adds what was searched of this file to a ledger.
    pub fn add_to(&self, ledger: &mut ScanLedger) {
        ledger.files += 1;
        if self.search.is_text() == Some(false) {
            ledger.binary_bytes += self.bytes;
        } else {
            ledger.text_bytes += self.bytes;
        }
    }

    /// Takes the next bytes. `last` is set with the last of them (which may be empty); with it the hits are appended to
    /// `hits` in order of their offset, with `path` as given to [`FileScan::new`].
    pub fn feed(&mut self, scanner: &Scanner, bytes: &[u8], last: bool, hits: &mut Vec<Hit>) {
        self.bytes += bytes.len() as u64;
        self.search.feed(scanner, bytes, last, &mut ());
        if last {
            self.deliver(scanner, hits);
        }
    }

    fn deliver(&mut self, scanner: &Scanner, hits: &mut Vec<Hit>) {
        let mut settled = self.search.finish(scanner);
        if settled.len() > MAX_HITS {
            settled.truncate(MAX_HITS);
            self.truncated = true;
        }
        hits.extend(settled.into_iter().map(|found| Hit {
            path: self.path.into(),
            offset: found.start,
            line: found.line,
            detector: scanner.id(&found).into(),
            grade: found.grade,
            nature: scanner.nature(&found),
            view: Box::default(),
            expires: found.expires,
            redacted: found.redacted,
            fingerprint: found.fingerprint,
        }));
    }
}
