//! A copy: look at the destination, plan, write in the order of the plan, read back.

use std::io::Read;

use crate::model::Digest;
use crate::oci::FetchError;
use crate::parallel::in_parallel;
use crate::registry::{BlobToPush, Linked, PutAnswer, ReadRepository, Target, Uploaded, WriteRepository};

use super::closure::Closure;
use super::plan::{BlobAction, BlobStep, CopyPlan, ManifestAction, Survey, TagAction, wanted_tags};

/// Questions that are asked at a time.
const AT_A_TIME: usize = 8;

/// Why a copy did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// Something could not be read or written.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The destination refuses to move a tag.
    #[error("tag `{tag}` stays at {old}")]
    TagKept {
        /// The tag.
        tag: String,
        /// Where it points.
        old: Digest,
        /// The refusal.
        source: FetchError,
    },
    /// What was read back is not what was written.
    #[error("the destination does not hold what was written: {0}")]
    Differs(String),
}

/// What a copy did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Blobs whose bytes were sent.
    pub sent: usize,
    /// Their bytes.
    pub sent_bytes: u64,
    /// Blobs that the registry took from the source's repository.
    pub mounted: usize,
    /// Manifests and indexes that were written.
    pub manifests: usize,
    /// Referrers that the registry linked itself.
    pub linked_by_registry: usize,
    /// Referrers that were entered into indexes behind fallback tags.
    pub linked_by_tag: usize,
    /// Tags that were written.
    pub tags: usize,
    /// What the destination wants people to know.
    pub warnings: Vec<String>,
}

/// Looks what the destination holds of a closure.
///
/// # Errors
/// [`FetchError`].
pub fn survey(closure: &Closure, destination: &dyn WriteRepository, tag: Option<&str>) -> Result<Survey, FetchError> {
    let blobs = in_parallel(closure.blobs()?.into_iter().collect(), AT_A_TIME, |(digest, size)| {
        destination.has_blob(&digest, size).map(|has| has.then_some(digest))
    })?;
    let manifests = in_parallel(closure.order.clone(), AT_A_TIME, |digest| {
        destination.has_manifest(&digest).map(|has| has.then_some(digest))
    })?;
    let manifests: std::collections::BTreeSet<Digest> = manifests.into_iter().flatten().collect();
    let mut subjects: Vec<Digest> = closure.nodes.values().filter_map(|node| node.subject.clone()).collect();
    subjects.retain(|subject| manifests.contains(subject));
    subjects.sort();
    subjects.dedup();
    let linked = in_parallel(subjects, AT_A_TIME, |subject| {
        let found = destination.referrers(&subject)?.found;
        Ok::<_, FetchError>(found.into_iter().map(|referrer| referrer.manifest.digest).collect::<Vec<_>>())
    })?;
    let tags = in_parallel(wanted_tags(closure, tag), AT_A_TIME, |(tag, _)| {
        destination.tagged(&tag).map(|digest| Some((tag, digest?)))
    })?;
    Ok(Survey {
        blobs: blobs.into_iter().flatten().collect(),
        manifests,
        linked: linked.into_iter().flatten().collect(),
        tags: tags.into_iter().flatten().collect(),
    })
}

/// Carries a plan out: blobs, then manifests, then tags. `jobs` blobs travel at a time; `progress` hears of bytes.
///
/// # Errors
/// [`CopyError`]. What was written before stays; the same copy again goes on from there.
pub fn execute(
    plan: &CopyPlan,
    closure: &Closure,
    source: &dyn ReadRepository,
    destination: &dyn WriteRepository,
    jobs: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Copied, CopyError> {
    let mut copied = Copied::default();
    let missing: Vec<&BlobStep> =
        plan.blobs.iter().filter(|blob| matches!(blob.action, BlobAction::Send | BlobAction::Mount)).collect();
    let uploads = in_parallel(missing, jobs.max(1), |blob| {
        let push = BlobToPush {
            digest: blob.digest.clone(),
            size: blob.size,
            mount_from: plan.mount_from.clone().filter(|_| blob.action == BlobAction::Mount),
        };
        let uploaded = destination.push_blob(&push, &mut || {
            let reader = source.open_blob(&blob.digest, blob.size)?;
            Ok(Box::new(Counted { reader, progress }))
        })?;
        if uploaded != Uploaded::Sent {
            progress(blob.size);
        }
        Ok::<_, FetchError>((uploaded, blob.size))
    })?;
    for (uploaded, size) in uploads {
        match uploaded {
            Uploaded::Sent => {
                copied.sent += 1;
                copied.sent_bytes += size;
            }
            Uploaded::Mounted => copied.mounted += 1,
            Uploaded::Found => {}
        }
    }
    for step in plan.manifests.iter().filter(|step| step.action != ManifestAction::Keep) {
        let put = closure.to_push(&step.digest, Target::Digest(step.digest.clone()))?;
        let answer = if step.action == ManifestAction::Attach {
            let (linked, answer) = destination.attach(&put)?;
            match linked {
                Linked::Api => copied.linked_by_registry += 1,
                Linked::FallbackTag => copied.linked_by_tag += 1,
            }
            answer
        } else {
            destination.put_manifest(&put)?
        };
        copied.manifests += 1;
        copied.warn(answer);
    }
    for step in plan.tags.iter().filter(|step| step.action != TagAction::Keep) {
        let put = closure.to_push(&step.digest, Target::Tag(step.tag.clone()))?;
        match (destination.put_manifest(&put), &step.action) {
            (Ok(answer), _) => copied.warn(answer),
            (Err(error @ FetchError::Refused { .. }), TagAction::Move { from }) => {
                return Err(CopyError::TagKept { tag: step.tag.clone(), old: from.clone(), source: error });
            }
            (Err(error), _) => return Err(error.into()),
        }
        copied.tags += 1;
    }
    Ok(copied)
}

impl std::ops::AddAssign for Copied {
    fn add_assign(&mut self, other: Self) {
        let Self { sent, sent_bytes, mounted, manifests, linked_by_registry, linked_by_tag, tags, warnings } = other;
        self.sent += sent;
        self.sent_bytes += sent_bytes;
        self.mounted += mounted;
        self.manifests += manifests;
        self.linked_by_registry += linked_by_registry;
        self.linked_by_tag += linked_by_tag;
        self.tags += tags;
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }
}

impl Copied {
    fn warn(&mut self, answer: PutAnswer) {
        for warning in answer.warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
    }
}

/// Reads back what a plan wrote; give a repository whose client has no memory of the writing.
///
/// # Errors
/// [`CopyError::Differs`] when something is not there or is something else.
pub fn verify(plan: &CopyPlan, closure: &Closure, destination: &dyn WriteRepository) -> Result<(), CopyError> {
    let differs = |why: String| CopyError::Differs(why);
    in_parallel(plan.manifests.iter().collect(), AT_A_TIME, |step| {
        match destination.manifest(&Target::Digest(step.digest.clone())) {
            Ok(found) if closure.nodes.get(&step.digest).is_some_and(|node| node.manifest.bytes == found.bytes) => {
                Ok(())
            }
            Ok(_) => Err(differs(format!("manifest {} has other bytes", step.digest))),
            Err(FetchError::NotFound { .. }) => Err(differs(format!("manifest {} is not there", step.digest))),
            Err(error) => Err(error.into()),
        }
    })?;
    let blobs = plan.blobs.iter().filter(|blob| blob.action != BlobAction::Leave);
    in_parallel(blobs.collect(), AT_A_TIME, |blob| match destination.has_blob(&blob.digest, blob.size) {
        Ok(true) => Ok(()),
        Ok(false) => Err(differs(format!("blob {} is not there", blob.digest))),
        Err(error) => Err(CopyError::from(error)),
    })?;
    let attached = plan.manifests.iter().filter_map(|step| Some((step.subject.clone()?, step.digest.clone())));
    in_parallel(attached.collect(), AT_A_TIME, |(subject, digest): (Digest, Digest)| {
        let found = destination.referrers(&subject)?.found;
        if found.iter().any(|referrer| referrer.manifest.digest == digest) {
            return Ok(());
        }
        Err(differs(format!("{digest} is not found from {subject}, which it refers to")))
    })?;
    in_parallel(plan.tags.iter().collect(), AT_A_TIME, |step| match destination.tagged(&step.tag)? {
        Some(found) if found == step.digest => Ok(()),
        Some(found) => Err(differs(format!("tag `{}` points at {found}, not at {}", step.tag, step.digest))),
        None => Err(differs(format!("tag `{}` is not there", step.tag))),
    })?;
    Ok(())
}

/// A reader that tells how much went by.
struct Counted<'a> {
    reader: Box<dyn Read + Send + 'a>,
    progress: &'a (dyn Fn(u64) + Sync),
}

impl Read for Counted<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(into)?;
        (self.progress)(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
