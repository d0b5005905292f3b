//! Images in registries: one resolution of the tag, digests from then on.

use std::io::Read;

use crate::oci::{BlobKey, Blobs, Descriptor, FetchError, Plan, PlanError, Reference, Root, Selector, plan};
use crate::registry::{Client, ManifestBytes, Options, Target, is_manifest_type};

/// Resolves a reference and reads everything small behind it.
///
/// # Errors
/// [`PlanError`].
pub fn open_registry(
    reference: &Reference,
    selector: &Selector,
    options: Options,
) -> Result<(Plan, Box<dyn Blobs>), PlanError> {
    open_with(&Client::new(options)?, reference, selector)
}

/// The same with a client that is shared by several images.
///
/// # Errors
/// [`PlanError`].
pub fn open_with(
    client: &Client,
    reference: &Reference,
    selector: &Selector,
) -> Result<(Plan, Box<dyn Blobs>), PlanError> {
    let (root, blobs) = resolve(client, reference)?;
    let plan = plan(&root, selector, &blobs)?;
    Ok((plan, Box::new(blobs)))
}

/// Resolves a reference once: its root document is fetched, and its digest is final. A reference without tag and digest
/// asks for `latest`, and its root says so. Given both tag and digest, the tag must point at the digest.
///
/// # Errors
/// [`FetchError`]; [`FetchError::Usage`] when the tag points elsewhere.
pub fn resolve(client: &Client, reference: &Reference) -> Result<(Root, RegistryBlobs), FetchError> {
    let tag = reference.effective_tag();
    let target = match (&reference.digest, tag) {
        (Some(digest), _) => Target::Digest(digest.clone()),
        (None, tag) => Target::Tag(tag.unwrap_or("latest").to_owned()),
    };
    let document = client.manifest(reference, &target)?;
    if let (Some(digest), Some(tag)) = (&reference.digest, tag) {
        let tagged = client.manifest(reference, &Target::Tag(tag.to_owned()))?;
        // Compared by content: the two digests may be of different algorithms.
        if tagged.bytes != document.bytes {
            return Err(FetchError::Usage(format!(
                "tag `{tag}` of `{}` points to {} now, not to {digest}",
                reference.repository_name(),
                tagged.digest
            )));
        }
    }
    let root = Root {
        reference: reference.to_string(),
        repository: reference.repository_name(),
        tag: tag.map(str::to_owned),
        descriptor: Descriptor {
            media_type: document.media_type.clone(),
            digest: document.digest.clone(),
            size: document.bytes.len() as u64,
            urls: Vec::new(),
            annotations: std::collections::BTreeMap::new(),
            platform: None,
            artifact_type: None,
        },
    };
    Ok((root, RegistryBlobs { client: client.clone(), reference: reference.clone(), root: document }))
}

/// The blobs of one repository.
pub struct RegistryBlobs {
    client: Client,
    reference: Reference,
    root: ManifestBytes,
}

impl RegistryBlobs {
    fn manifest(&self, descriptor: &Descriptor) -> Result<Vec<u8>, FetchError> {
        let found = self.client.manifest(&self.reference, &Target::Digest(descriptor.digest.clone()))?;
        // Media types that disagree make one document mean two things.
        if is_manifest_type(&found.media_type) && found.media_type != descriptor.media_type {
            return Err(FetchError::Damaged {
                what: format!("`{}@{}`", self.reference.repository_name(), descriptor.digest),
                why: format!("it was announced as `{}` and sent as `{}`", descriptor.media_type, found.media_type),
            });
        }
        Ok(found.bytes)
    }
}

impl Blobs for RegistryBlobs {
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        let bytes = if descriptor.digest == self.root.digest {
            self.root.bytes.clone()
        } else if is_manifest_type(&descriptor.media_type) {
            self.manifest(descriptor)?
        } else {
            return self.client.small_blob(&self.reference, &descriptor.digest, limit);
        };
        if bytes.len() as u64 > limit {
            return Err(FetchError::Damaged {
                what: format!("`{}@{}`", self.reference.repository_name(), descriptor.digest),
                why: format!("it is longer than {limit} bytes"),
            });
        }
        Ok(bytes)
    }

    fn open(&self, key: &BlobKey, size: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        match key {
            BlobKey::Digest(digest) => Ok(Box::new(self.client.open_blob(&self.reference, digest, size)?)),
            BlobKey::Member(name) => {
                Err(FetchError::Usage(format!("a registry knows blobs by digest only, and `{name}` is none")))
            }
        }
    }

    fn is_remote(&self) -> bool {
        true
    }
}
