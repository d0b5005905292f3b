//! A release, carried out: content first, then its index, then everything read back, then the tags one after the other.
//!
//! Whenever it stops, every tag of the repository points at a whole image that was judged: at the new one, or at the one before.
//! The same release again goes on where it stopped.

use super::closure::Closure;
use super::copy::{Copied, CopyError, execute, verify};
use super::plan::CopyPlan;
use super::tags::{Action, Step};
use crate::model::Digest;
use crate::oci::FetchError;
use crate::registry::{ManifestToPush, ReadRepository, Target, WriteRepository};

/// Why a release did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Something could not be copied.
    #[error(transparent)]
    Copy(#[from] CopyError),
    /// Somebody moved a tag after the plan was made.
    #[error("tag `{tag}` points at {found} now, and at {planned} when the release was planned")]
    Drift {
        /// The tag.
        tag: String,
        /// Where it pointed.
        planned: String,
        /// Where it points.
        found: String,
    },
    /// A higher version was released at the same time.
    #[error("`{higher}` was released at the same time, and tag `{tag}` points at {digest} again")]
    Overtaken {
        /// The tag.
        tag: String,
        /// The tag of the higher version.
        higher: String,
        /// The image of this release.
        digest: Digest,
    },
    /// The registry does not let a tag move.
    #[error("tag `{tag}` could not be written: {why}")]
    TagRefused {
        /// The tag.
        tag: String,
        /// The registry's answer.
        why: String,
    },
}

impl From<FetchError> for PublishError {
    fn from(error: FetchError) -> Self {
        Self::Copy(error.into())
    }
}

/// One of the images that are released together.
pub struct Part<'a> {
    /// Where it comes from.
    pub source: &'a dyn ReadRepository,
    /// All that belongs to it.
    pub closure: &'a Closure,
    /// What is copied of it; without tags.
    pub plan: &'a CopyPlan,
}

/// A whole release.
pub struct Publication<'a> {
    /// Its images.
    pub parts: Vec<Part<'a>>,
    /// The manifest or index that the tags point at: of a part, or one made for the release.
    pub root: ManifestToPush,
    /// Its tags, in the order in which they are written.
    pub tags: &'a [Step],
    /// Blobs that travel at a time.
    pub jobs: usize,
}

/// What a release did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// Blobs and manifests.
    pub copied: Copied,
    /// Tags that were written, in order.
    pub tags: Vec<String>,
}

/// Carries a release out: [`place`], then [`move_tags`]. `fresh` gives the repository through a client that has no memory of the
/// writing.
///
/// # Errors
/// [`PublishError`]. What was written before stays; no tag points at anything that is not whole.
pub fn publish(
    publication: &Publication<'_>,
    destination: &dyn WriteRepository,
    fresh: &dyn WriteRepository,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Published, PublishError> {
    let copied = place(publication, destination, fresh, progress)?;
    let tags = move_tags(&publication.root, publication.tags, destination, fresh)?;
    Ok(Published { copied, tags })
}

/// Brings in all content and the index, by digest, and reads it back. No tag is touched.
///
/// # Errors
/// [`PublishError`].
pub fn place(
    publication: &Publication<'_>,
    destination: &dyn WriteRepository,
    fresh: &dyn WriteRepository,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Copied, PublishError> {
    let Publication { parts, root, jobs, .. } = publication;
    let mut copied = Copied::default();
    for part in parts {
        copied += execute(part.plan, part.closure, part.source, destination, *jobs, progress)?;
    }
    let is_new = parts.iter().all(|part| part.closure.root != root.digest);
    if is_new && !destination.has_manifest(&root.digest)? {
        destination.put_manifest(&ManifestToPush { target: Target::Digest(root.digest.clone()), ..root.clone() })?;
        copied.manifests += 1;
    }
    for part in parts {
        verify(part.plan, part.closure, fresh)?;
    }
    same_bytes(fresh, root)?;
    Ok(copied)
}

/// Writes the tags one after the other, each read back before the next; returns those that moved.
///
/// # Errors
/// [`PublishError`]: then no later tag was touched.
pub fn move_tags(
    root: &ManifestToPush,
    tags: &[Step],
    destination: &dyn WriteRepository,
    fresh: &dyn WriteRepository,
) -> Result<Vec<String>, PublishError> {
    let mut moved = Vec::new();
    for step in tags.iter().filter(|step| matches!(step.action, Action::Create | Action::Advance)) {
        if write_tag(step, root, destination, fresh)? {
            moved.push(step.tag.clone());
        }
    }
    Ok(moved)
}

fn same_bytes(fresh: &dyn WriteRepository, root: &ManifestToPush) -> Result<(), PublishError> {
    let differs = |why: String| PublishError::Copy(CopyError::Differs(why));
    match fresh.manifest(&Target::Digest(root.digest.clone())) {
        Ok(found) if found.bytes == root.bytes => Ok(()),
        Ok(_) => Err(differs(format!("manifest {} has other bytes", root.digest))),
        Err(FetchError::NotFound { .. }) => Err(differs(format!("manifest {} is not there", root.digest))),
        Err(error) => Err(error.into()),
    }
}

/// Writes one tag, if it still is where the plan saw it, and reads it back; false when it points at the image already.
///
/// # Errors
/// [`PublishError`].
pub(crate) fn write_tag(
    step: &Step,
    root: &ManifestToPush,
    destination: &dyn WriteRepository,
    fresh: &dyn WriteRepository,
) -> Result<bool, PublishError> {
    let found = fresh.tagged(&step.tag)?;
    if found.as_ref() == Some(&root.digest) {
        return Ok(false);
    }
    if found != step.from {
        return Err(drift(step, found.as_ref()));
    }
    let put = ManifestToPush { target: Target::Tag(step.tag.clone()), ..root.clone() };
    let put = match destination.put_manifest_over(&put, step.from.as_ref()) {
        // It may be the condition that was refused, or the second sending of what had arrived.
        Err(FetchError::Refused { .. }) => match fresh.tagged(&step.tag)? {
            found if found.as_ref() == Some(&root.digest) => return Ok(true),
            found if found != step.from => return Err(drift(step, found.as_ref())),
            _ => destination.put_manifest(&put),
        },
        put => put,
    };
    match put {
        Ok(_) => {}
        Err(FetchError::Refused { why, .. }) => return Err(PublishError::TagRefused { tag: step.tag.clone(), why }),
        Err(error) => return Err(error.into()),
    }
    match fresh.tagged(&step.tag)? {
        Some(found) if found == root.digest => Ok(true),
        found => Err(moved_by_others(step, found.as_ref()).into()),
    }
}

fn told(digest: Option<&Digest>) -> String {
    digest.map_or("nothing".to_owned(), ToString::to_string)
}

fn drift(step: &Step, found: Option<&Digest>) -> PublishError {
    PublishError::Drift { tag: step.tag.clone(), planned: told(step.from.as_ref()), found: told(found) }
}

/// A tag that was written and points elsewhere. It is not put back: whoever moved it may have had a reason, and where it pointed
/// before stands in the message.
pub(crate) fn moved_by_others(step: &Step, found: Option<&Digest>) -> CopyError {
    CopyError::Differs(format!(
        "tag `{}` was written and points at {} now, not at {}: somebody else moved it; before it pointed at {}, and nothing is put back",
        step.tag,
        told(found),
        step.to,
        told(step.from.as_ref())
    ))
}

#[cfg(test)]
mod tests;
