//! Why a layer did not count.

use crate::model::{Digest, GapKind};
use crate::oci::FetchError;

/// Why a layer could not be seen whole. Whatever was collected of it is thrown away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayerError {
    /// The source failed; the class of the failure decides what happens.
    #[error(transparent)]
    Fetch(FetchError),
    /// Fewer or more bytes than promised.
    #[error("its size is wrong: the blob {problem} the {promised} bytes that were promised")]
    Size {
        /// `ends before` or `goes on behind`.
        problem: &'static str,
        /// Promised bytes.
        promised: u64,
    },
    /// Other bytes than promised.
    #[error("its blob has the digest {found}, not {promised}")]
    Digest {
        /// Promised.
        promised: Digest,
        /// Found.
        found: Digest,
    },
    /// The archive inside has other bytes than the config promised.
    #[error("its archive has the diffID {found}, not {promised}")]
    DiffId {
        /// Promised.
        promised: Digest,
        /// Found.
        found: Digest,
    },
    /// It cannot be decompressed.
    #[error("it cannot be decompressed: {0}")]
    Compression(String),
    /// It is no readable archive.
    #[error("its archive is damaged at byte {at}: {why}")]
    Archive {
        /// Offset in the uncompressed archive.
        at: u64,
        /// What is wrong.
        why: String,
    },
    /// imgguard itself failed on it.
    #[error("an internal error: {0}")]
    Internal(String),
    /// A bound was reached.
    #[error("it is over the limit: {0}")]
    Limit(String),
}

impl LayerError {
    /// The kind of gap this leaves, and why.
    ///
    /// # Errors
    /// The source's failure, when it is one that ends the whole run: a missing blob is a gap, an unreachable source is not.
    pub fn into_gap(self) -> Result<(GapKind, String), FetchError> {
        let why = match &self {
            Self::Fetch(FetchError::Io { what, source }) => format!("{what} could not be read: {source}"),
            other => other.to_string(),
        };
        let kind = match self {
            Self::Fetch(FetchError::NotFound { .. }) => GapKind::LayerMissing,
            Self::Fetch(FetchError::Damaged { .. } | FetchError::Io { .. })
            | Self::Compression(_)
            | Self::Internal(_)
            | Self::Archive { .. } => GapKind::LayerDamaged,
            Self::Fetch(error) => return Err(error),
            Self::Size { .. } | Self::Digest { .. } | Self::DiffId { .. } => GapKind::LayerForged,
            Self::Limit(_) => GapKind::LimitReached,
        };
        Ok((kind, why))
    }
}
