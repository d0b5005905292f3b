//! Verify, unpack, walk: the bytes of one layer, read exactly once, and only a whole layer counts.
//!
//! The three steps take and give chunks, so that they can run on different threads: [`Unpacker`] reads and hashes the
//! blob and fills chunks; [`Walker`] hashes the archive and its files and parses the members; whoever searches contents
//! gets the pieces. [`read`] does all three on one thread.

mod error;
mod hash;
mod limits;
mod pax;
mod unpack;
mod verify;
mod walk;

use std::io::Read;

pub use error::LayerError;
pub use limits::Limits;
pub use unpack::{Promise, Unpacked, Unpacker};
pub use verify::Verified;
pub use walk::{Piece, Pieces, TAR_BLOCK, Walked, Walker};

/// Compares the archive with the diffID that was promised.
///
/// # Errors
/// [`LayerError::DiffId`].
pub fn check_diff_id(promise: &Promise, walked: &Walked) -> Result<(), LayerError> {
    match &promise.diff_id {
        Some(promised) if *promised != walked.diff_id => {
            Err(LayerError::DiffId { promised: promised.clone(), found: walked.diff_id.clone() })
        }
        _ => Ok(()),
    }
}

/// Reads one layer on this thread, without searching contents.
///
/// # Errors
/// [`LayerError`]: the layer was not whole.
pub fn read<'a>(
    raw: Box<dyn Read + Send + 'a>,
    promise: Promise,
    limits: Limits,
    wants: fn(&str) -> bool,
) -> Result<(Unpacked, Walked), LayerError> {
    let mut unpacker = Unpacker::new(raw, promise, limits)?;
    let mut walker = Walker::new(limits, wants);
    let mut chunk = vec![0; 128 * TAR_BLOCK];
    loop {
        let filled = unpacker.fill(&mut chunk)?;
        let mut pieces = Pieces::default();
        if unpacker.ended() {
            let promise = unpacker.promise().clone();
            let unpacked = unpacker.finish()?;
            let walked = walker.finish(&chunk[..filled], &mut pieces)?;
            check_diff_id(&promise, &walked)?;
            return Ok((unpacked, walked));
        }
        walker.push(&chunk[..filled], &mut pieces)?;
    }
}
