//! Repositories of registries.

use std::io::{Cursor, Read};

use crate::model::Digest;
use crate::oci::{Descriptor, FetchError, Reference, media_types};
use crate::registry::{BlobToPush, Client, FoundBy, ManifestBytes, ManifestToPush, Target};
use crate::sign::evidence::Place;
use crate::source::registry::resolve;

use super::{NewReferrer, Store, Stored, checked};

/// A repository.
pub struct RegistryStore {
    client: Client,
    reference: Reference,
    name: String,
    root: Stored,
}

impl From<ManifestBytes> for Stored {
    fn from(found: ManifestBytes) -> Self {
        Self { media_type: found.media_type, bytes: found.bytes, digest: found.digest }
    }
}

impl RegistryStore {
    /// Resolves a reference once.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn open(client: &Client, reference: &Reference) -> Result<Self, FetchError> {
        let (_, blobs) = resolve(client, reference)?;
        Ok(Self {
            client: client.clone(),
            reference: reference.clone(),
            name: reference.repository_name(),
            root: blobs.root().clone().into(),
        })
    }
}

impl Store for RegistryStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> &Stored {
        &self.root
    }

    fn manifest(&self, digest: &Digest) -> Result<Stored, FetchError> {
        self.client.manifest(&self.reference, &Target::Digest(digest.clone())).map(Into::into)
    }

    fn tagged(&self, tag: &str) -> Result<Option<Stored>, FetchError> {
        match self.client.manifest(&self.reference, &Target::Tag(tag.to_owned())) {
            Ok(found) => Ok(Some(found.into())),
            Err(FetchError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        checked(self.client.small_blob(&self.reference, &descriptor.digest, limit)?, &descriptor.digest)
    }

    fn referrers(&self, digest: &Digest) -> Result<Vec<(Stored, Place)>, FetchError> {
        let found = self.client.referrers(&self.reference, digest)?.found;
        let place = |found_by: FoundBy| match found_by {
            FoundBy::FallbackTag => Place::FallbackTag,
            FoundBy::Api | FoundBy::Layout => Place::Referrer,
        };
        Ok(found.into_iter().map(|referrer| (referrer.manifest.into(), place(referrer.found_by))).collect())
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<(), FetchError> {
        let blob = BlobToPush { digest: Digest::of(bytes), size: bytes.len() as u64, mount_from: None };
        let mut open = || Ok(Box::new(Cursor::new(bytes)) as Box<dyn Read + Send + '_>);
        self.client.push_blob(&self.reference, &blob, &mut open).map(|_| ())
    }

    fn put_referrer(&self, referrer: &NewReferrer<'_>) -> Result<(), FetchError> {
        let put = manifest(referrer.bytes, Target::Digest(Digest::of(referrer.bytes)));
        self.client.attach(&self.reference, &put).map(|_| ())
    }

    fn put_tagged(&self, tag: &str, bytes: &[u8]) -> Result<(), FetchError> {
        self.client.put_manifest(&self.reference, &manifest(bytes, Target::Tag(tag.to_owned()))).map(|_| ())
    }
}

fn manifest(bytes: &[u8], target: Target) -> ManifestToPush {
    ManifestToPush {
        bytes: bytes.to_vec(),
        media_type: media_types::OCI_MANIFEST.to_owned(),
        digest: Digest::of(bytes),
        target,
        tags: Vec::new(),
    }
}
