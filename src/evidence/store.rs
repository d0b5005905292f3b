//! A repository, of a registry or a layout folder, with the image in it that was asked for.

use std::io::{Cursor, Read as _};

use crate::model::Digest;
use crate::oci::{Descriptor, FetchError, Reference, media_types};
use crate::registry::{
    BlobToPush, Client, Linked, ManifestBytes, ManifestToPush, ReadRepository, Referrers, RemoteRepository, Target,
    WriteRepository,
};
use crate::sign::EMPTY_CONFIG;
use crate::source::LayoutRepository;
use crate::source::registry::resolve;

/// A repository, and the image that was asked for: resolved once, its bytes hashed.
pub struct Store<'a> {
    repository: Box<dyn WriteRepository + 'a>,
    name: String,
    root: ManifestBytes,
}

impl Store<'static> {
    /// The repository of a reference, which is resolved once.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn registry(client: &Client, reference: &Reference) -> Result<Self, FetchError> {
        let (_, blobs) = resolve(client, reference)?;
        Ok(Self {
            repository: Box::new(RemoteRepository::new(client, reference)),
            name: reference.repository_name(),
            root: blobs.root().clone(),
        })
    }

    /// A layout folder; `tag` is a tag, a digest, or none for the only image in it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn layout(path: &str, tag: Option<&str>) -> Result<Self, FetchError> {
        let repository = LayoutRepository::new(path);
        let (root, _) = repository.root(tag)?;
        Ok(Self { repository: Box::new(repository), name: path.to_owned(), root })
    }
}

impl<'a> Store<'a> {
    /// A repository, and an image in it that was fetched already.
    #[must_use]
    pub fn of(repository: Box<dyn WriteRepository + 'a>, name: String, root: ManifestBytes) -> Self {
        Self { repository, name, root }
    }

    /// The repository with its host, without tag; the path of a layout.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The image that was asked for.
    #[must_use]
    pub fn root(&self) -> &ManifestBytes {
        &self.root
    }

    /// The repository.
    #[must_use]
    pub fn repository(&self) -> &(dyn WriteRepository + 'a) {
        &*self.repository
    }

    /// Fetches a manifest by digest and checks it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn manifest(&self, digest: &Digest) -> Result<ManifestBytes, FetchError> {
        if *digest == self.root.digest {
            return Ok(self.root.clone());
        }
        self.repository.manifest(&Target::Digest(digest.clone()))
    }

    /// Fetches what stands under a tag; none when there is no such tag.
    ///
    /// # Errors
    /// [`FetchError`]: access that is denied is an error, never "none". A tag whose manifest is gone is damaged.
    pub fn tagged(&self, tag: &str) -> Result<Option<ManifestBytes>, FetchError> {
        match self.repository.manifest(&Target::Tag(tag.to_owned())) {
            Ok(found) => Ok(Some(found)),
            // A registry answers so when there is no such tag; a layout also when what it lists is gone.
            Err(FetchError::NotFound { .. }) => {
                if self.repository.place().is_none() && self.repository.tags()?.iter().any(|listed| listed == tag) {
                    let what = format!("the tag `{tag}` of `{}`", self.name);
                    return Err(FetchError::Damaged { what, why: "what it points at is not there".to_owned() });
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Fetches a blob of at most `limit` bytes and checks it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        read_blob(&*self.repository, &descriptor.digest, limit)
    }

    /// What refers to a digest, from every list that there is.
    ///
    /// # Errors
    /// [`FetchError`] when a list could not be had: then nothing is known.
    pub fn referrers(&self, digest: &Digest) -> Result<Referrers, FetchError> {
        self.repository.referrers(digest)
    }

    /// Writes a blob.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn put_blob(&self, bytes: &[u8]) -> Result<(), FetchError> {
        put_blob(&*self.repository, bytes)
    }

    /// Writes a manifest by digest that has a `subject`, and sees to it that it is listed there.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn put_referrer(&self, bytes: &[u8]) -> Result<Linked, FetchError> {
        self.repository.attach(&manifest_of(bytes)).map(|(linked, _)| linked)
    }

    /// Writes a manifest under a tag.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn put_tagged(&self, tag: &str, bytes: &[u8]) -> Result<(), FetchError> {
        self.repository.put_manifest(&manifest_of(bytes).named(Target::Tag(tag.to_owned()))).map(|_| ())
    }
}

/// Fetches a blob of at most `limit` bytes and checks it.
///
/// # Errors
/// [`FetchError`].
pub fn read_blob(repository: &dyn ReadRepository, digest: &Digest, limit: u64) -> Result<Vec<u8>, FetchError> {
    let damaged = |why: &str| FetchError::Damaged { what: digest.to_string(), why: why.to_owned() };
    let mut bytes = Vec::new();
    let reader = repository.open_blob(digest, limit)?;
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| {
        error.downcast::<FetchError>().unwrap_or_else(|source| FetchError::Io { what: digest.to_string(), source })
    })?;
    if bytes.len() as u64 > limit {
        return Err(damaged("it is longer than its descriptor says"));
    }
    let mut hasher = digest.hasher();
    hasher.update(&bytes);
    if hasher.finish() == *digest { Ok(bytes) } else { Err(damaged("its digest is another")) }
}

/// Stores a bundle, and the manifest that ties it to its subject; returns the manifest's digest.
///
/// # Errors
/// [`FetchError`].
pub fn attach_bundle(repository: &dyn WriteRepository, bundle: &[u8], manifest: &[u8]) -> Result<Digest, FetchError> {
    put_blob(repository, EMPTY_CONFIG)?;
    put_blob(repository, bundle)?;
    let put = manifest_of(manifest);
    repository.attach(&put)?;
    Ok(put.digest)
}

fn put_blob(repository: &dyn WriteRepository, bytes: &[u8]) -> Result<(), FetchError> {
    let blob = BlobToPush { digest: Digest::of(bytes), size: bytes.len() as u64, mount_from: None };
    let mut open = || Ok(Box::new(Cursor::new(bytes)) as Box<dyn std::io::Read + Send + '_>);
    repository.push_blob(&blob, &mut open).map(|_| ())
}

fn manifest_of(bytes: &[u8]) -> ManifestToPush {
    ManifestToPush::new(bytes.to_vec(), media_types::OCI_MANIFEST)
}
