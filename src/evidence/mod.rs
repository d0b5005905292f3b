//! Where evidence is kept: asked for, listed, fetched, written. An edge: registries and layout folders.

mod closure;
mod collect;
mod layout;
mod registry;

pub use closure::closure;
pub use collect::collect;
pub use layout::LayoutStore;
pub use registry::RegistryStore;

use crate::model::Digest;
use crate::oci::{Descriptor, FetchError};
use crate::sign::evidence::Place;

/// A manifest or index with its type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Media type.
    pub media_type: String,
    /// The bytes; their digest was computed, not believed.
    pub bytes: Vec<u8>,
    /// The digest of the bytes.
    pub digest: Digest,
}

/// A repository: of a registry, or a layout folder.
pub trait Store {
    /// The repository with its host, without tag; the path of a layout.
    fn name(&self) -> &str;

    /// The image that was asked for: resolved once, its bytes hashed.
    fn root(&self) -> &Stored;

    /// Fetches a manifest by digest and checks it.
    ///
    /// # Errors
    /// [`FetchError`].
    fn manifest(&self, digest: &Digest) -> Result<Stored, FetchError>;

    /// Fetches what stands under a tag; none when there is no such tag.
    ///
    /// # Errors
    /// [`FetchError`]: access that is denied is an error, never "none".
    fn tagged(&self, tag: &str) -> Result<Option<Stored>, FetchError>;

    /// Fetches a blob of at most `limit` bytes and checks it.
    ///
    /// # Errors
    /// [`FetchError`].
    fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError>;

    /// Fetches what refers to a digest, from every list that there is; none means that there is nothing.
    ///
    /// # Errors
    /// [`FetchError`].
    fn referrers(&self, digest: &Digest) -> Result<Vec<(Stored, Place)>, FetchError>;

    /// Writes a blob.
    ///
    /// # Errors
    /// [`FetchError`].
    fn put_blob(&self, bytes: &[u8]) -> Result<(), FetchError>;

    /// Writes a manifest by digest; one with a `subject` becomes its referrer, wherever the list of those is kept.
    ///
    /// # Errors
    /// [`FetchError`].
    fn put_referrer(&self, referrer: &NewReferrer<'_>) -> Result<(), FetchError>;

    /// Writes a manifest under a tag.
    ///
    /// # Errors
    /// [`FetchError`].
    fn put_tagged(&self, tag: &str, bytes: &[u8]) -> Result<(), FetchError>;
}

/// Bytes that are those of the digest.
fn checked(bytes: Vec<u8>, digest: &Digest) -> Result<Vec<u8>, FetchError> {
    let mut hasher = digest.hasher();
    hasher.update(&bytes);
    if hasher.finish() == *digest {
        return Ok(bytes);
    }
    Err(FetchError::Damaged { what: digest.to_string(), why: "its digest is another".to_owned() })
}

/// A referrer's manifest to be written.
#[derive(Debug, Clone)]
pub struct NewReferrer<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Its artifact type.
    pub artifact_type: &'a str,
    /// Its annotations, for lists of referrers.
    pub annotations: std::collections::BTreeMap<String, String>,
}
