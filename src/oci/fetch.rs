//! How the bytes of an image are asked for, whatever holds them. Implemented at the edges, used everywhere.

use std::io::Read;

use crate::model::Digest;

use super::Descriptor;

/// Names a blob in its source.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKey {
    /// By digest: registries, OCI layouts and archives.
    Digest(Digest),
    /// By member name: docker archives without digests.
    Member(String),
}

impl BlobKey {
    /// The path or member name of the blob in an OCI layout or an archive (OCI image-spec, image-layout.md).
    #[must_use]
    pub fn layout_path(&self) -> String {
        match self {
            Self::Digest(digest) => format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()),
            Self::Member(name) => name.clone(),
        }
    }
}

impl std::fmt::Display for BlobKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Digest(digest) => digest.fmt(formatter),
            Self::Member(name) => formatter.write_str(name),
        }
    }
}

/// Why bytes could not be had. The classes decide the exit code (see `cli/exit.rs`).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The source answered: there is no such thing.
    #[error("{what} was not found")]
    NotFound {
        /// The image or blob.
        what: String,
    },
    /// The source answered: not for you (401, 403, rejected credentials).
    #[error("access to {what} was denied: {why}")]
    Denied {
        /// The image or blob.
        what: String,
        /// The answer, without credentials.
        why: String,
    },
    /// The request could not have worked: a malformed reference, no such socket, a file that is no archive.
    #[error("{0}")]
    Usage(String),
    /// Nothing answered, or throttled or broken beyond the retry budget. A retry may help.
    #[error("{what} could not be fetched: {why}")]
    Unavailable {
        /// The image or blob.
        what: String,
        /// The last failure, without credentials.
        why: String,
    },
    /// An answer came, and it is not what was promised: damaged, ambiguous, lying, or over a bound.
    #[error("{what} is damaged: {why}")]
    Damaged {
        /// The image or blob.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// The destination does not take it: a kind it does not know, a tag that may not move, a right that is not given.
    #[error("the destination refused {what}: {why}")]
    Refused {
        /// The blob, manifest or tag.
        what: String,
        /// The answer.
        why: String,
    },
    /// Reading failed half-way.
    #[error("{what} could not be read")]
    Io {
        /// The file or blob.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
}

/// Access to the blobs of one image source. Implementations do not verify digests; callers do.
pub trait Blobs: Send + Sync {
    /// Reads a manifest, an index or a config whole: at most `limit` bytes.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when it is longer than `limit`.
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError>;

    /// Opens a layer for reading from its start, exactly once per call. Reading happens on a blocking thread.
    /// A failure in mid-stream appears as an [`std::io::Error`] whose inner error is a [`FetchError`] where one is known.
    ///
    /// # Errors
    /// [`FetchError`].
    fn open(&self, key: &BlobKey, size: u64) -> Result<Box<dyn Read + Send + '_>, FetchError>;

    /// Whether reading waits for a network, so that more blobs should be open at a time than there are cores.
    fn is_remote(&self) -> bool {
        false
    }
}
