//! The search for secrets through one layer's files, chunk by chunk.

use crate::layer::Pieces;
use crate::model::Hit;
use crate::secrets::{FileScan, Scanner};

/// Most files of a layer that are named for having too many hits.
const MAX_CUT: usize = 100;

/// The state between two chunks: at most one file is open.
#[derive(Default)]
pub(super) struct LayerSearch {
    open: Option<(FileScan<'static>, Box<str>)>,
    hits: Vec<Hit>,
    cut: Vec<String>,
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
                self.note_cut(&scan, path);
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
                self.note_cut(&scan, &path);
            } else {
                self.open = Some((scan, path));
            }
        }
    }

    fn note_cut(&mut self, scan: &FileScan<'_>, path: &str) {
        if scan.truncated() && self.cut.len() < MAX_CUT {
            self.cut.push(path.to_owned());
        }
    }

    /// All hits, and the files that had more than are listed.
    pub fn into_hits(mut self) -> (Vec<Hit>, Vec<String>) {
        self.hits.sort();
        (self.hits, self.cut)
    }
}
