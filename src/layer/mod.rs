//! Verify, unpack, walk: the bytes of one layer, read exactly once, and only a whole layer counts.
//!
//! The three steps take and give chunks, so that they can run on different threads: [`Unpacker`] reads and hashes the
//! blob and fills chunks; [`Walker`] hashes the archive and its files and parses the members; whoever searches contents
//! gets the pieces. [`read`] does all three on one thread.

mod error;
mod gzip;
mod hash;
mod limits;
mod pax;
mod slack;
mod unpack;
mod verify;
mod walk;
mod wanted;

use std::io::Read;

use crate::model::Digest;

pub use error::LayerError;
pub use limits::Limits;
pub use slack::{SlackBytes, SlackKind, SlackPiece};
pub use unpack::{Promise, Unpacked, Unpacker};
pub use verify::Verified;
pub use walk::{MemberText, Piece, Pieces, TAR_BLOCK, Walked, Walker};
pub use wanted::WantedContents;

/// Compares what was found with what was promised, and returns the digest of the blob.
///
/// # Errors
/// [`LayerError::Digest`], [`LayerError::DiffId`].
pub fn check_promise(promise: &Promise, unpacked: &Unpacked, walked: &Walked) -> Result<Digest, LayerError> {
    let found = unpacked.digest.as_ref().unwrap_or(&walked.diff_id).clone();
    match (&promise.digest, &promise.diff_id) {
        (Some(promised), _) if *promised != found => Err(LayerError::Digest { promised: promised.clone(), found }),
        (_, Some(promised)) if *promised != walked.diff_id => {
            Err(LayerError::DiffId { promised: promised.clone(), found: walked.diff_id.clone() })
        }
        _ => Ok(found),
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
            let _ = check_promise(&promise, &unpacked, &walked)?;
            return Ok((unpacked, walked));
        }
        walker.push(&chunk[..filled], &mut pieces)?;
    }
}
