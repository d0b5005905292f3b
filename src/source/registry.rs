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
    /// The root document as it came.
    #[must_use]
    pub fn root(&self) -> &ManifestBytes {
        &self.root
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::media_types;
    use crate::registry::Environment;
    use crate::testkit::registry::{Action, FakeRegistry};

    const MANIFEST: &str = media_types::OCI_MANIFEST;

    fn client() -> Client {
        Client::new(Options::new(Environment::of_variables([]))).expect("a client")
    }

    fn reference(registry: &FakeRegistry, rest: &str) -> Reference {
        format!("{}/team/app{rest}", registry.host()).parse().expect("a reference")
    }

    fn descriptor(media_type: &str, digest: crate::model::Digest, size: u64) -> Descriptor {
        let annotations = std::collections::BTreeMap::new();
        Descriptor {
            media_type: media_type.to_owned(),
            digest,
            size,
            urls: vec!["http://127.0.0.1:1/never".to_owned()],
            annotations,
            platform: None,
            artifact_type: None,
        }
    }

    #[test]
    fn a_tag_is_resolved_once_and_the_root_is_not_fetched_again() {
        let registry = FakeRegistry::start();
        let digest = registry.put_manifest("team/app", Some("1.0"), MANIFEST, "{}");
        let (root, blobs) = resolve(&client(), &reference(&registry, ":1.0")).expect("an image");
        assert_eq!(root.descriptor.digest, digest);
        assert_eq!((root.descriptor.media_type.as_str(), root.descriptor.size), (MANIFEST, 2));
        assert_eq!(root.tag.as_deref(), Some("1.0"));
        assert_eq!(root.repository, format!("{}/team/app", registry.host()));
        registry.put_manifest("team/app", Some("1.0"), MANIFEST, "{ }");
        assert_eq!(blobs.small(&root.descriptor, 100).expect("the root"), b"{}");
        assert_eq!(registry.requests().len(), 1);
        assert!(blobs.is_remote());
    }

    #[test]
    fn without_tag_and_digest_latest_is_asked_for_and_told() {
        let registry = FakeRegistry::start();
        registry.put_manifest("team/app", Some("latest"), MANIFEST, "{}");
        let (root, _) = resolve(&client(), &reference(&registry, "")).expect("an image");
        assert_eq!(root.tag.as_deref(), Some("latest"));
    }

    #[test]
    fn a_tag_beside_a_digest_must_point_at_it() {
        let registry = FakeRegistry::start();
        let old = registry.put_manifest("team/app", Some("1.0"), MANIFEST, "{}");
        let both = reference(&registry, &format!(":1.0@{old}"));
        let (root, _) = resolve(&client(), &both).expect("an image");
        assert_eq!((root.tag.as_deref(), &root.descriptor.digest), (Some("1.0"), &old));
        let new = registry.put_manifest("team/app", Some("1.0"), MANIFEST, "{ }");
        let error = resolve(&client(), &both).map(|_| ()).expect_err("moved").to_string();
        assert!(error.contains("tag `1.0`") && error.contains(&new.to_string()), "{error}");
        let absent = reference(&registry, &format!(":2.0@{old}"));
        let error = resolve(&client(), &absent).map(|_| ()).expect_err("absent");
        assert!(matches!(&error, FetchError::NotFound { what } if what.contains(":2.0")), "{error}");
        let (root, _) = resolve(&client(), &reference(&registry, &format!("@{old}"))).expect("an image");
        assert_eq!(root.tag, None);
    }

    #[test]
    fn manifests_and_blobs_come_from_their_places_and_urls_are_never_used() {
        let registry = FakeRegistry::start();
        registry.put_manifest("team/app", Some("1.0"), media_types::OCI_INDEX, "{}");
        let child = registry.put_manifest("team/app", None, MANIFEST, "{ }");
        let config = registry.put_blob("team/app", "config");
        let (_, blobs) = resolve(&client(), &reference(&registry, ":1.0")).expect("an image");
        assert_eq!(blobs.small(&descriptor(MANIFEST, child.clone(), 3), 100).expect("a manifest"), b"{ }");
        let config = descriptor(media_types::OCI_CONFIG, config, 6);
        assert_eq!(blobs.small(&config, 100).expect("a config"), b"config");
        for limited in [blobs.small(&config, 5), blobs.small(&descriptor(MANIFEST, child.clone(), 3), 2)] {
            assert!(matches!(limited, Err(FetchError::Damaged { .. })));
        }
        let wrong = blobs.small(&descriptor(media_types::DOCKER_MANIFEST, child, 3), 100);
        assert!(matches!(wrong, Err(FetchError::Damaged { .. })), "the registry calls it something else");
        let absent = descriptor(media_types::OCI_CONFIG, crate::model::Digest::of(b"absent"), 6);
        assert!(matches!(blobs.small(&absent, 100), Err(FetchError::NotFound { .. })));
        let mut layer = String::new();
        let key = BlobKey::Digest(config.digest.clone());
        blobs.open(&key, 6).expect("a blob").read_to_string(&mut layer).expect("read");
        assert_eq!(layer, "config");
        let error = blobs.open(&BlobKey::Member("x".to_owned()), 6).map(|_| ()).expect_err("no digest");
        assert!(matches!(error, FetchError::Usage(_)));
    }

    #[test]
    fn failures_of_a_registry_reach_the_caller_with_their_class() {
        let registry = FakeRegistry::start();
        registry.put_manifest("team/app", Some("1.0"), MANIFEST, "{}");
        registry.fault("/manifests/", 0, 1, Action::Answer { status: 403, headers: Vec::new(), body: Vec::new() });
        let open = || {
            open_registry(&reference(&registry, ":1.0"), &Selector::All, Options::new(Environment::of_variables([])))
        };
        assert!(matches!(open(), Err(PlanError::Fetch(FetchError::Denied { .. }))));
        assert!(open().is_err(), "`{{}}` is no image");
    }
}
