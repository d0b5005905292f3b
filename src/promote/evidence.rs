//! Evidence about an image that was walked: what the closure holds counts, and nothing that came later.

use std::collections::BTreeMap;

use crate::evidence::{Store, collect};
use crate::model::Digest;
use crate::oci::FetchError;
use crate::registry::{
    BlobToPush, Deleted, Linked, ManifestBytes, ManifestToPush, Opener, PutAnswer, ReadRepository, Referrer, Referrers,
    Target, Uploaded, WriteRepository,
};
use crate::release::closure::{Closure, Link};
use crate::sign::evidence::Listing;

/// An image's closure with the repository that holds its blobs, as a repository that cannot be written.
struct Frozen<'a> {
    closure: &'a Closure,
    repository: &'a dyn ReadRepository,
}

impl Frozen<'_> {
    fn refused<T>(&self) -> Result<T, FetchError> {
        Err(FetchError::Usage(format!("nothing is written to `{}` while it is looked at", self.repository.name())))
    }
}

impl ReadRepository for Frozen<'_> {
    fn name(&self) -> String {
        self.repository.name()
    }

    // What is not in the closure does not count, whatever a layout lists.
    fn place(&self) -> Option<(&str, &str)> {
        self.repository.place().or(Some(("", "")))
    }

    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        let digest = match target {
            Target::Digest(digest) => Some(digest.clone()),
            Target::Tag(tag) => self.closure.sidecars().get(tag).cloned(),
        };
        let node = digest.and_then(|digest| self.closure.nodes.get(&digest));
        let absent = || FetchError::NotFound { what: format!("manifest {target}") };
        node.map(|node| (*node.manifest).clone()).ok_or_else(absent)
    }

    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn std::io::Read + Send + 'a>, FetchError> {
        self.repository.open_blob(digest, size)
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        let evidence = self.closure.nodes.get(subject).map(|node| node.evidence.as_slice()).unwrap_or_default();
        let found = evidence.iter().filter_map(|(link, digest)| {
            let (Link::Referrer(found_by), node) = (link, self.closure.nodes.get(digest)?) else { return None };
            Some(Referrer {
                manifest: (*node.manifest).clone(),
                artifact_type: node.artifact_type.clone(),
                annotations: node.annotations.clone(),
                found_by: *found_by,
            })
        });
        Ok(Referrers { found: found.collect(), ..Referrers::default() })
    }

    fn tags(&self) -> Result<Vec<String>, FetchError> {
        Ok(self.closure.sidecars().into_keys().collect())
    }
}

impl WriteRepository for Frozen<'_> {
    fn has_blob(&self, _: &Digest, _: u64) -> Result<bool, FetchError> {
        self.refused()
    }

    fn push_blob(&self, _: &BlobToPush, _: &mut Opener<'_>) -> Result<Uploaded, FetchError> {
        self.refused()
    }

    fn put_manifest(&self, _: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        self.refused()
    }

    fn attach(&self, _: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        self.refused()
    }

    fn delete(&self, _: &Target) -> Result<Deleted, FetchError> {
        self.refused()
    }

    fn detach(&self, _: &Digest, _: &Digest) -> Result<(), FetchError> {
        self.refused()
    }
}

/// Everything that is known about an image and the images in it.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The index, or the image when there is no index.
    pub root: Option<Digest>,
    /// The images that can be run.
    pub images: Vec<Digest>,
    /// What was found, by subject.
    pub listings: BTreeMap<Digest, Listing>,
}

impl Evidence {
    /// Reads the evidence of a closure.
    #[must_use]
    pub fn of(closure: &Closure, repository: &dyn ReadRepository) -> Self {
        let Some(root) = closure.nodes.get(&closure.root) else { return Self::default() };
        let frozen = Box::new(Frozen { closure, repository });
        let store = Store::of(frozen, repository.name(), (*root.manifest).clone());
        let images: Vec<Digest> = closure.images().into_iter().collect();
        let subjects = images.iter().chain((!images.contains(&closure.root)).then_some(&closure.root));
        let listings = subjects.map(|digest| (digest.clone(), collect(&store, digest))).collect();
        Self { root: Some(closure.root.clone()), images, listings }
    }

    /// What was found about one of them.
    #[must_use]
    pub fn about(&self, digest: &Digest) -> Option<&Listing> {
        self.listings.get(digest)
    }
}
