//! Repositories of registries.

use crate::model::Digest;
use crate::oci::{Descriptor, FetchError, Reference};
use crate::registry::{Client, ManifestBytes, Target};
use crate::source::registry::resolve;

use super::{NewReferrer, Store, Stored};

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
        let (root, _) = resolve(client, reference)?;
        let target = Target::Digest(root.descriptor.digest.clone());
        let stored = client.manifest(reference, &target)?.into();
        Ok(Self {
            client: client.clone(),
            reference: reference.clone(),
            name: reference.repository_name(),
            root: stored,
        })
    }

    fn not_yet(&self) -> FetchError {
        FetchError::Usage(format!("`{}` cannot be written: give --no-push and --bundle-out", self.name))
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
        let bytes = self.client.small_blob(&self.reference, &descriptor.digest, limit)?;
        let mut hasher = descriptor.digest.hasher();
        hasher.update(&bytes);
        if hasher.finish() != descriptor.digest {
            let why = "its digest is another".to_owned();
            return Err(FetchError::Damaged { what: descriptor.digest.to_string(), why });
        }
        Ok(bytes)
    }

    fn referrers(&self, _: &Digest) -> Result<Vec<Descriptor>, FetchError> {
        Err(FetchError::Usage(format!("the list of referrers of `{}` is not read by this version", self.name)))
    }

    fn put_blob(&self, _: &[u8]) -> Result<(), FetchError> {
        Err(self.not_yet())
    }

    fn put_referrer(&self, _: &NewReferrer<'_>) -> Result<(), FetchError> {
        Err(self.not_yet())
    }

    fn put_tagged(&self, _: &str, _: &[u8]) -> Result<(), FetchError> {
        Err(self.not_yet())
    }
}
