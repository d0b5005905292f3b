//! The search for secrets through one layer's files, chunk by chunk.

use crate::layer::Pieces;
use crate::model::{Gap, GapKind, Hit, ScanLedger};
use crate::secrets::{FileScan, Scanner};

/// Most files of a layer that are named for one kind of cut.
const MAX_CUT: usize = 100;

/// The state between two chunks: at most one file is open.
#[derive(Default)]
pub(super) struct LayerSearch {
    open: Option<(FileScan<'static>, Box<str>)>,
    hits: Vec<Hit>,
    cut: Vec<String>,
    ledger: ScanLedger,
}

/// What the search through a whole layer came to.
pub(super) struct Searched {
    /// All hits, sorted.
    pub hits: Vec<Hit>,
    /// What was cut off.
    pub gaps: Vec<Gap>,
    /// What was searched, and what was not.
    pub ledger: ScanLedger,
}

impl LayerSearch {
    /// Searches the pieces of a chunk.
    pub fn chunk(&mut self, scanner: &Scanner, chunk: &[u8], pieces: &Pieces) {
        for piece in &pieces.list {
            let bytes = &chunk[piece.range.clone()];
            let before = self.hits.len();
            if piece.first && piece.last {
                let path = &pieces.paths[piece.path.clone()];
                let mut scan = FileScan::new(path, piece.size);
                scan.feed(scanner, bytes, true, &mut self.hits);
                self.end(&scan, path);
                continue;
            }
            if piece.first {
                let path = &pieces.paths[piece.path.clone()];
                self.open = Some((FileScan::new(path, piece.size).without_path(), path.into()));
            }
            let Some((mut scan, path)) = self.open.take() else { continue };
            scan.feed(scanner, bytes, piece.last, &mut self.hits);
            for hit in &mut self.hits[before..] {
                hit.path.clone_from(&path);
            }
            if piece.last {
                self.end(&scan, &path);
            } else {
                self.open = Some((scan, path));
            }
        }
    }

    fn end(&mut self, scan: &FileScan<'_>, path: &str) {
        scan.add_to(&mut self.ledger);
        if scan.truncated() && self.cut.len() < MAX_CUT {
            self.cut.push(path.to_owned());
        }
    }

    /// Ends the search behind the last chunk.
    pub fn finish(mut self) -> Searched {
        self.hits.sort();
        let too_many = self.cut.into_iter().map(|path| Gap {
            kind: GapKind::SecretScan,
            layer: None,
            detail: format!("`{path}` has more places that look like secrets than are listed"),
            path: Some(path),
        });
        Searched { hits: self.hits, gaps: too_many.collect(), ledger: self.ledger }
    }
}
