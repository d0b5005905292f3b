//! Package records and what decides how processes start, out of one layer's files, chunk by chunk: files that somebody
//! takes are kept until their end.

use crate::catalog::{self, HEAD, Input, Takers};
use crate::layer::Pieces;
use crate::model::{CatalogRecord, LayerStartup};
use crate::secrets::Scanner;

use super::startup::{self, StartupCollector};

/// Most bytes of memory that are kept from one file for the next.
const SPARE: usize = 32 << 20;

/// The state between two chunks: at most one file is open.
#[derive(Default)]
pub(super) struct LayerCatalog {
    open: Option<Open>,
    /// Memory of the last file, for the next one.
    spare: Vec<u8>,
    records: Vec<CatalogRecord>,
    startup: StartupCollector,
}

/// A file whose end has not come yet.
struct Open {
    entry: u32,
    path: String,
    size: u64,
    /// Known once its head is there.
    takers: Option<Interest>,
    bytes: Vec<u8>,
}

/// Who wants a file.
#[derive(Debug, Clone, Copy, Default)]
struct Interest {
    takers: Takers,
    /// Bytes that are wanted to know how processes start; 0 when the file says nothing of it.
    startup: u64,
}

impl Interest {
    fn of(path: &str, head: &[u8]) -> Self {
        Self { takers: Takers::of(path, head), startup: startup::wanted(path, head) }
    }

    fn is_empty(self) -> bool {
        self.takers.is_empty() && self.startup == 0
    }

    fn limit(self) -> u64 {
        self.takers.limit().max(self.startup)
    }
}

impl LayerCatalog {
    /// Takes the pieces of a chunk.
    pub fn chunk(&mut self, chunk: &[u8], pieces: &Pieces) {
        for piece in &pieces.list {
            let bytes = &chunk[piece.range.clone()];
            if piece.first {
                let path = &pieces.paths[piece.path.clone()];
                let head = &bytes[..bytes.len().min(HEAD)];
                let known = head.len() == HEAD || piece.last;
                let takers = known.then(|| Interest::of(path, head));
                if takers.is_some_and(Interest::is_empty) {
                    self.open = None;
                    continue;
                }
                if piece.last {
                    let takers = takers.unwrap_or_default();
                    self.read(takers, piece.entry, &Input { path, bytes, size: piece.size });
                    continue;
                }
                self.open = Some(Open {
                    entry: piece.entry,
                    path: path.to_owned(),
                    size: piece.size,
                    takers,
                    bytes: std::mem::take(&mut self.spare),
                });
            }
            let Some(mut open) = self.open.take() else { continue };
            if open.take(bytes, piece.last) {
                if piece.last {
                    let Open { entry, path, size, takers, bytes } = open;
                    let input = Input { path: &path, bytes: &bytes, size };
                    self.read(takers.unwrap_or_default(), entry, &input);
                    self.keep(bytes);
                } else {
                    self.open = Some(open);
                }
            } else {
                self.keep(open.bytes);
            }
        }
    }

    /// Fresh memory costs a page fault for every few kilobytes: a file's is used again, unless it is very large.
    fn keep(&mut self, mut bytes: Vec<u8>) {
        if bytes.capacity() <= SPARE {
            bytes.clear();
            self.spare = bytes;
        }
    }

    fn read(&mut self, interest: Interest, entry: u32, input: &Input<'_>) {
        catalog::read(interest.takers, input, &mut self.records);
        if interest.startup > 0 {
            self.startup.file(entry, input.path, input.bytes, input.size);
        }
    }

    /// All records, in the order of the archive, and what decides how processes start.
    pub fn finish(self, scanner: &Scanner) -> (Vec<CatalogRecord>, LayerStartup) {
        (self.records, self.startup.finish(scanner))
    }
}

impl Open {
    /// Keeps the bytes as far as somebody wants them; false when nobody wants the file.
    fn take(&mut self, bytes: &[u8], last: bool) -> bool {
        let limit = usize::try_from(self.takers.map_or(u64::MAX, Interest::limit)).unwrap_or(usize::MAX);
        let room = limit.saturating_sub(self.bytes.len());
        if self.bytes.is_empty() && self.takers.is_some() {
            self.bytes.reserve(usize::try_from(self.size).unwrap_or(usize::MAX).min(limit));
        }
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if self.takers.is_none() && (self.bytes.len() >= HEAD || last) {
            let takers = Interest::of(&self.path, &self.bytes[..self.bytes.len().min(HEAD)]);
            self.takers = Some(takers);
            return !takers.is_empty();
        }
        true
    }
}
