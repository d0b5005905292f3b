//! What a copy will do, as data: made from the closure and from what the destination holds.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Digest, Platform};
use crate::oci::FetchError;

use super::closure::{Closure, Kind};

/// What becomes of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlobAction {
    /// It is there.
    Keep,
    /// The registry may take it from the source's repository; else it is sent.
    Mount,
    /// Its bytes are sent.
    Send,
    /// It must not be distributed and stays where it is.
    Leave,
}

impl BlobAction {
    /// Its name in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Mount => "mount",
            Self::Send => "send",
            Self::Leave => "leave",
        }
    }
}

/// One blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobStep {
    /// Its digest.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// What becomes of it.
    pub action: BlobAction,
}

/// What becomes of a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestAction {
    /// It is there, and found from its subject if it has one.
    Keep,
    /// It is written.
    Write,
    /// It is written and linked to its subject.
    Attach,
}

impl ManifestAction {
    /// Its name in documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Write => "write",
            Self::Attach => "attach",
        }
    }
}

/// One manifest or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestStep {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub kind: Kind,
    /// The platform that its index gives it.
    pub platform: Option<Platform>,
    /// Its artifact type, for what is no image.
    pub artifact_type: Option<String>,
    /// The manifest in the closure that it refers to.
    pub subject: Option<Digest>,
    /// What becomes of it.
    pub action: ManifestAction,
}

/// What becomes of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagAction {
    /// It points there already.
    Keep,
    /// It is new.
    Create,
    /// It points elsewhere and moves.
    Move {
        /// Where it points now.
        from: Digest,
    },
}

/// One tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagStep {
    /// Its name.
    pub tag: String,
    /// Where it is to point.
    pub digest: Digest,
    /// What becomes of it.
    pub action: TagAction,
}

/// All that a copy does, in the order in which it does it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyPlan {
    /// The source's name.
    pub source: String,
    /// The destination's name.
    pub destination: String,
    /// The manifest that was asked for.
    pub root: Digest,
    /// The repository that blobs are mounted from.
    pub mount_from: Option<String>,
    /// Blobs, the largest first.
    pub blobs: Vec<BlobStep>,
    /// Manifests: listed ones before their index, referrers after their subject.
    pub manifests: Vec<ManifestStep>,
    /// Tags, the image's own last.
    pub tags: Vec<TagStep>,
}

impl CopyPlan {
    /// Number and bytes of the blobs with this action.
    #[must_use]
    pub fn blobs_with(&self, action: BlobAction) -> (usize, u64) {
        let blobs = self.blobs.iter().filter(|blob| blob.action == action);
        blobs.fold((0, 0), |(count, bytes), blob| (count + 1, bytes.saturating_add(blob.size)))
    }

    /// Whether all is there already.
    #[must_use]
    pub fn is_done(&self) -> bool {
        let blobs = self.blobs.iter().all(|blob| matches!(blob.action, BlobAction::Keep | BlobAction::Leave));
        let manifests = self.manifests.iter().all(|manifest| manifest.action == ManifestAction::Keep);
        blobs && manifests && self.tags.iter().all(|tag| tag.action == TagAction::Keep)
    }
}

/// What the destination holds of a closure.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Blobs that are there.
    pub blobs: BTreeSet<Digest>,
    /// Manifests that are there.
    pub manifests: BTreeSet<Digest>,
    /// Referrers that are found from their subjects.
    pub linked: BTreeSet<Digest>,
    /// Where the wanted tags point.
    pub tags: BTreeMap<String, Digest>,
}

/// Names for a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The source's name.
    pub source: String,
    /// The destination's name.
    pub destination: String,
    /// The tag that the image gets.
    pub tag: Option<String>,
    /// The repository that blobs can be mounted from.
    pub mount_from: Option<String>,
}

/// The tags that a copy writes: those beside the images first, the image's own last.
#[must_use]
pub fn wanted_tags(closure: &Closure, tag: Option<&str>) -> Vec<(String, Digest)> {
    let own = tag.map(|tag| (tag.to_owned(), closure.root.clone()));
    closure.sidecars().into_iter().chain(own).collect()
}

/// Makes the plan.
///
/// # Errors
/// [`FetchError::Damaged`] when the manifests contradict each other.
pub fn plan(closure: &Closure, wanted: Wanted, seen: &Survey) -> Result<CopyPlan, FetchError> {
    let foreign = closure.foreign();
    let missing = if wanted.mount_from.is_some() { BlobAction::Mount } else { BlobAction::Send };
    let mut blobs: Vec<BlobStep> = closure
        .blobs()?
        .into_iter()
        .map(|(digest, size)| {
            let action = if seen.blobs.contains(&digest) { BlobAction::Keep } else { missing };
            BlobStep { digest, size, action }
        })
        .collect();
    blobs.extend(foreign.into_iter().map(|digest| BlobStep { digest, size: 0, action: BlobAction::Leave }));
    blobs.sort_by(|one, other| other.size.cmp(&one.size).then_with(|| one.digest.cmp(&other.digest)));
    let manifests = closure.order.iter().filter_map(|digest| {
        let node = closure.nodes.get(digest)?;
        let subject = node.subject.clone().filter(|subject| closure.nodes.contains_key(subject));
        let there = seen.manifests.contains(digest);
        let action = match &subject {
            Some(_) if there && seen.linked.contains(digest) => ManifestAction::Keep,
            Some(_) => ManifestAction::Attach,
            None if there => ManifestAction::Keep,
            None => ManifestAction::Write,
        };
        Some(ManifestStep {
            digest: digest.clone(),
            media_type: node.manifest.media_type.clone(),
            size: node.manifest.bytes.len() as u64,
            kind: node.kind,
            platform: node.platform.clone(),
            artifact_type: node.artifact_type.clone().filter(|_| node.kind == Kind::Artifact),
            subject,
            action,
        })
    });
    let manifests = manifests.collect();
    let tags = wanted_tags(closure, wanted.tag.as_deref()).into_iter().map(|(tag, digest)| {
        let action = match seen.tags.get(&tag) {
            None => TagAction::Create,
            Some(old) if *old == digest => TagAction::Keep,
            Some(old) => TagAction::Move { from: old.clone() },
        };
        TagStep { tag, digest, action }
    });
    Ok(CopyPlan {
        source: wanted.source,
        destination: wanted.destination,
        root: closure.root.clone(),
        mount_from: wanted.mount_from,
        blobs,
        manifests,
        tags: tags.collect(),
    })
}
