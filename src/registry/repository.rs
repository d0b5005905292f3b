//! One repository as a value: what the code that copies and releases depends on, so that its tests need no server.

use std::io::Read;

use crate::model::Digest;
use crate::oci::{FetchError, Reference};

use super::Client;
use super::manifest::{ManifestBytes, Target};
use super::push::{Deleted, ManifestToPush, PutAnswer};
use super::reading::Opener;
use super::referrers::{Linked, Referrers};
use super::repair::{ReferrerLists, Repair};
use super::upload::{BlobToPush, Uploaded};

/// A repository that can be read: of a registry, or an OCI layout as if it were one.
pub trait ReadRepository: Send + Sync {
    /// Its name, for people.
    fn name(&self) -> String;

    /// Host and repository, when it is one of a registry: blobs can be mounted between two with the same host.
    fn place(&self) -> Option<(&str, &str)> {
        None
    }

    /// Fetches a manifest or an index of at most 4 MiB; its bytes were compared with the digest asked for.
    ///
    /// # Errors
    /// [`FetchError`]; only [`FetchError::NotFound`] means that there is none.
    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError>;

    /// Opens a blob from its start; the caller verifies it.
    ///
    /// # Errors
    /// [`FetchError`].
    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send + 'a>, FetchError>;

    /// What refers to a manifest.
    ///
    /// # Errors
    /// [`FetchError`] whenever not all of it could be seen.
    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError>;

    /// The lists of what refers to a manifest, as they are: nothing in them is checked.
    ///
    /// # Errors
    /// [`FetchError`].
    fn referrer_lists(&self, _subject: &Digest) -> Result<ReferrerLists, FetchError> {
        Ok(ReferrerLists::default())
    }

    /// All tags, sorted.
    ///
    /// # Errors
    /// [`FetchError`].
    fn tags(&self) -> Result<Vec<String>, FetchError>;

    /// The digest that a tag points at; none when there is no such tag.
    ///
    /// # Errors
    /// [`FetchError`].
    fn tagged(&self, tag: &str) -> Result<Option<Digest>, FetchError> {
        match self.manifest(&Target::Tag(tag.to_owned())) {
            Ok(found) => Ok(Some(found.digest)),
            Err(FetchError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A repository that can be written.
pub trait WriteRepository: ReadRepository {
    /// Whether a manifest is there.
    ///
    /// # Errors
    /// [`FetchError`].
    fn has_manifest(&self, digest: &Digest) -> Result<bool, FetchError> {
        match self.manifest(&Target::Digest(digest.clone())) {
            Ok(_) => Ok(true),
            Err(FetchError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether a blob of this size is there.
    ///
    /// # Errors
    /// [`FetchError`].
    fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, FetchError>;

    /// Brings a blob in; `open` gives its bytes from the start, and again when a broken upload needs them.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when the bytes are not those of the digest.
    fn push_blob(&self, blob: &BlobToPush, open: &mut Opener<'_>) -> Result<Uploaded, FetchError>;

    /// Writes a manifest; its children and blobs are there already.
    ///
    /// # Errors
    /// [`FetchError`].
    fn put_manifest(&self, put: &ManifestToPush) -> Result<PutAnswer, FetchError>;

    /// Writes a tag that a moment ago pointed at what was seen, or at nothing: where the repository can tell, not over anything else.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Refused`] when it points elsewhere by now, or the registry does not take it.
    fn put_manifest_over(&self, put: &ManifestToPush, _seen: Option<&Digest>) -> Result<PutAnswer, FetchError> {
        self.put_manifest(put)
    }

    /// Writes a manifest that refers to another one, so that it is found from there.
    ///
    /// # Errors
    /// [`FetchError`].
    fn attach(&self, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError>;

    /// Deletes a tag or a manifest.
    ///
    /// # Errors
    /// [`FetchError`].
    fn delete(&self, target: &Target) -> Result<Deleted, FetchError>;

    /// Takes a referrer that was deleted off the list of its subject.
    ///
    /// # Errors
    /// [`FetchError`].
    fn detach(&self, subject: &Digest, referrer: &Digest) -> Result<(), FetchError>;

    /// Makes the list that clients keep right, and lists the manifests of `add` in it; tells what that changes, and with `write` does
    /// it. Where clients keep no list there is nothing to make right.
    ///
    /// # Errors
    /// [`FetchError`].
    fn repair(&self, _subject: &Digest, _add: &[Digest], _write: bool) -> Result<Repair, FetchError> {
        Ok(Repair::default())
    }
}

/// A repository of a registry.
#[derive(Clone)]
pub struct RemoteRepository {
    client: Client,
    reference: Reference,
}

impl RemoteRepository {
    /// The repository of a reference, to be read.
    #[must_use]
    pub fn new(client: &Client, reference: &Reference) -> Self {
        Self { client: client.clone(), reference: reference.clone() }
    }

    /// The same, to be written: from its first request on it asks for the right to write.
    #[must_use]
    pub fn writable(client: &Client, reference: &Reference) -> Self {
        Self { client: client.for_writing(), reference: reference.clone() }
    }

    /// The client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

impl ReadRepository for RemoteRepository {
    fn name(&self) -> String {
        self.reference.repository_name()
    }

    fn place(&self) -> Option<(&str, &str)> {
        Some((&self.reference.registry, &self.reference.repository))
    }

    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        self.client.manifest(&self.reference, target)
    }

    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send + 'a>, FetchError> {
        Ok(Box::new(self.client.open_blob(&self.reference, digest, size)?))
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        self.client.referrers(&self.reference, subject)
    }

    fn referrer_lists(&self, subject: &Digest) -> Result<ReferrerLists, FetchError> {
        self.client.referrer_lists(&self.reference, subject)
    }

    fn tags(&self) -> Result<Vec<String>, FetchError> {
        self.client.tags(&self.reference)
    }

    fn tagged(&self, tag: &str) -> Result<Option<Digest>, FetchError> {
        let target = Target::Tag(tag.to_owned());
        match self.client.head(&self.reference, &target) {
            Ok(Some(digest)) => Ok(Some(digest)),
            Ok(None) => self.manifest(&target).map(|found| Some(found.digest)),
            Err(FetchError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl WriteRepository for RemoteRepository {
    fn has_manifest(&self, digest: &Digest) -> Result<bool, FetchError> {
        match self.client.head(&self.reference, &Target::Digest(digest.clone())) {
            Ok(Some(told)) if told.algorithm() == digest.algorithm() && told != *digest => Err(FetchError::Damaged {
                what: format!("`{}@{digest}`", self.name()),
                why: format!("the registry answers for it with {told}"),
            }),
            Ok(_) => Ok(true),
            Err(FetchError::NotFound { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, FetchError> {
        self.client.has_blob(&self.reference, digest, size)
    }

    fn push_blob(&self, blob: &BlobToPush, open: &mut Opener<'_>) -> Result<Uploaded, FetchError> {
        self.client.push_blob(&self.reference, blob, open)
    }

    fn put_manifest(&self, put: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        self.client.put_manifest(&self.reference, put)
    }

    fn put_manifest_over(&self, put: &ManifestToPush, seen: Option<&Digest>) -> Result<PutAnswer, FetchError> {
        self.client.put_manifest_over(&self.reference, put, seen)
    }

    fn attach(&self, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        self.client.attach(&self.reference, put)
    }

    fn delete(&self, target: &Target) -> Result<Deleted, FetchError> {
        self.client.delete(&self.reference, target)
    }

    fn detach(&self, subject: &Digest, referrer: &Digest) -> Result<(), FetchError> {
        self.client.detach(&self.reference, subject, referrer)
    }

    fn repair(&self, subject: &Digest, add: &[Digest], write: bool) -> Result<Repair, FetchError> {
        self.client.repair(&self.reference, subject, add, write)
    }
}
