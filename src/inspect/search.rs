//! The search for secrets through one layer's files, chunk by chunk.

use crate::layer::Pieces;
use crate::model::{Gap, GapKind, Grade, Hit, ScanLedger};
use crate::secrets::{FileScan, Scanner};

use super::supply::Recordable;

/// Most files of a layer that are named for one kind of cut.
const MAX_CUT: usize = 100;

/// Largest file that is held, when it lies in several chunks, so that it can be hashed once it has a hit.
const MAX_HELD: u64 = 4 << 20;

/// A file whose end has not come yet.
struct Open {
    scan: FileScan<'static>,
    path: Box<str>,
    held: Option<Vec<u8>>,
}

/// Whether a hit is one that has to be answered for. The weak ones are not hashed for: they are many, and a verdict rests
/// on them only when somebody asks for it.
fn is_accusing(hit: &Hit) -> bool {
    hit.grade > Grade::Weak
}

/// Most bytes that are unpacked out of the archives in one layer.
const MAX_UNPACKED: u64 = 8 << 30;

/// The state between two chunks: at most one file is open.
#[derive(Default)]
pub(super) struct LayerSearch {
    open: Option<Open>,
    hits: Vec<Hit>,
    hashes: Vec<Recordable>,
    cut: Vec<Gap>,
    /// Files with cuts beyond [`MAX_CUT`].
    unnamed: u64,
    unpacked: u64,
    ledger: ScanLedger,
}

/// What the search through a whole layer came to.
pub(super) struct Searched {
    /// All hits, sorted.
    pub hits: Vec<Hit>,
    /// Hashes of files with hits; of those that are larger than is held, none.
    pub hashes: Vec<Recordable>,
    /// What was cut off.
    pub gaps: Vec<Gap>,
    /// What was searched, and what was not.
    pub ledger: ScanLedger,
}

impl LayerSearch {
    /// Searches the pieces of a chunk.
    pub fn chunk(&mut self, scanner: &Scanner, chunk: &[u8], pieces: &Pieces) {
        if scanner.is_none() {
            return;
        }
        for piece in &pieces.list {
            let bytes = &chunk[piece.range.clone()];
            let before = self.hits.len();
            if piece.first && piece.last {
                let path = &pieces.paths[piece.path.clone()];
                let mut scan = self.begin(path, piece.size);
                scan.feed(scanner, bytes, true, &mut self.hits);
                self.end(&scan, path);
                if self.hits[before..].iter().any(is_accusing) {
                    self.hashes.push(Recordable::of(path.into(), bytes));
                }
                continue;
            }
            if piece.first {
                let path = &pieces.paths[piece.path.clone()];
                let scan = self.begin(path, piece.size).without_path();
                let held = (piece.size <= MAX_HELD).then(Vec::new);
                self.open = Some(Open { scan, path: path.into(), held });
            }
            let Some(Open { mut scan, path, mut held }) = self.open.take() else { continue };
            scan.feed(scanner, bytes, piece.last, &mut self.hits);
            // The size may lie, the bytes that came do not.
            held = held.filter(|held| (held.len() + bytes.len()) as u64 <= MAX_HELD);
            if let Some(held) = &mut held {
                held.extend_from_slice(bytes);
            }
            for hit in &mut self.hits[before..] {
                hit.path.clone_from(&path);
            }
            if piece.last {
                self.end(&scan, &path);
                if let Some(held) = held.filter(|_| self.hits[before..].iter().any(is_accusing)) {
                    self.hashes.push(Recordable::of(path, &held));
                }
            } else {
                self.open = Some(Open { scan, path, held });
            }
        }
    }

    fn begin<'p>(&self, path: &'p str, size: u64) -> FileScan<'p> {
        FileScan::new(path, size).unpacking_at_most(MAX_UNPACKED.saturating_sub(self.unpacked))
    }

    fn end(&mut self, scan: &FileScan<'_>, path: &str) {
        scan.add_to(&mut self.ledger, path);
        self.unpacked += scan.unpacked();
        if scan.truncated() {
            self.note_cut(path, || format!("`{path}` has more places that look like secrets than are listed"));
        }
        for (reason, way) in scan.cuts() {
            self.note_cut(path, || format!("`{path}{way}` was not searched to its end: {}", reason.words()));
        }
    }

    fn note_cut(&mut self, path: &str, detail: impl FnOnce() -> String) {
        if self.cut.len() < MAX_CUT {
            self.cut.push(Gap {
                kind: GapKind::SecretScan,
                layer: None,
                path: Some(path.to_owned()),
                detail: detail(),
            });
        } else {
            self.unnamed += 1;
        }
    }

    /// Ends the search behind the last chunk.
    pub fn finish(mut self) -> Searched {
        self.hits.sort();
        if self.unnamed > 0 {
            let detail = format!("{} more files were not searched to their end", self.unnamed);
            self.cut.push(Gap { kind: GapKind::SecretScan, layer: None, path: None, detail });
        }
        Searched { hits: self.hits, hashes: self.hashes, gaps: self.cut, ledger: self.ledger }
    }
}
