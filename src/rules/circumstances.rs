//! What a run brings along beside the facts and the policy: the time, what was accepted before, recorded bases, files
//! beside the image, and what signers say.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::companions::Evidence;
use crate::model::{BaseLock, Digest, Platform};

/// A secret that was accepted before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accepted {
    /// Its fingerprint, as reports print it.
    pub fingerprint: String,
    /// When it counts again, in seconds since 1970; none for never.
    pub until: Option<i64>,
}

/// A statement about an image that a trusted signer has signed: verified before any rule looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// Its predicate type.
    pub predicate_type: String,
    /// The signer's name in the trust policy.
    pub signer: String,
    /// The builder that a provenance names.
    pub builder: Option<String>,
    /// The repositories that a provenance names, as URLs without revision.
    pub sources: Vec<String>,
    /// Differences between a bill of materials and the image; none when it is no such thing, or could not be compared.
    pub differences: Option<usize>,
}

/// What is known about the signatures and attestations of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SupplyEvidence {
    /// What counts.
    pub proofs: Vec<Proven>,
    /// Why something may be missing; none when everything was seen.
    pub gap: Option<String>,
    /// Why other evidence does not count, the most telling first.
    pub problems: Vec<String>,
}

/// What is known of one platform's image of an earlier release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierImage {
    /// Its platform.
    pub platform: Platform,
    /// Its repository without tag and digest.
    pub repository: String,
    /// The tag that it was named by.
    pub tag: Option<String>,
    /// The digest that the tag pointed at: of the index when there is one.
    pub root: Digest,
    /// Bytes of the layers as stored; none when not all was seen, as for the other two.
    pub compressed: Option<u64>,
    /// Bytes of the layers, uncompressed.
    pub uncompressed: Option<u64>,
    /// Bytes of the files of the final file system.
    pub visible: Option<u64>,
}

/// An earlier release that the image is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// What people call it.
    pub name: String,
    /// Whether a deny-level rule of the same policy does not hold for it.
    pub is_violated: bool,
    /// Its images.
    pub images: Vec<EarlierImage>,
}

/// The circumstances of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The time, in seconds since 1970; none when nothing may depend on it, so that nothing expires.
    pub now: Option<i64>,
    /// The baseline.
    pub baseline: Vec<Accepted>,
    /// An earlier release of the image; none when nobody named one.
    pub earlier: Option<Arc<Earlier>>,
    /// The base images recorded so far; none when there is no list.
    pub bases: Option<Arc<BaseLock>>,
    /// Verified signatures and attestations, by the digest of the image; an image is missing when none were looked for.
    pub supply: BTreeMap<Digest, SupplyEvidence>,
    /// Dockerfiles, compose files and manifests that were given beside the image.
    pub evidence: Evidence,
}

impl Circumstances {
    /// Whether a time has passed.
    #[must_use]
    pub fn is_past(&self, time: i64) -> bool {
        self.now.is_some_and(|now| time <= now)
    }

    /// Whether the baseline accepts a secret.
    #[must_use]
    pub fn accepts(&self, fingerprint: &str) -> bool {
        let counts =
            |one: &Accepted| one.fingerprint == fingerprint && !one.until.is_some_and(|until| self.is_past(until));
        self.baseline.iter().any(counts)
    }
}
