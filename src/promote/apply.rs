//! A plan, carried out: content, the anchor, statements, then tags. Whatever moment it stops at, every tag points at a whole image that
//! was judged; the same again goes on from there.

use std::collections::BTreeSet;

use crate::evidence::attach_bundle;
use crate::model::Digest;
use crate::oci::FetchError;
use crate::registry::{ReadRepository, WriteRepository};
use crate::release::closure::Closure;
use crate::release::copy::{Copied, CopyError, execute, verify};
use crate::release::plan::CopyPlan;
use crate::release::publish::{PublishError, moved_by_others, write_tag};
use crate::release::tags::{Action, Step};
use crate::sign::{BUNDLE_TYPE, ReferrerDraft, StatementDraft, VSA_TYPE, VsaDraft};

use super::history::{Believe, statements};
use super::record::{PROMOTION_TYPE, Record, is_anchor};
use super::summary::is_last_word;

/// Why a promotion did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Something could not be copied, or a tag could not be written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Somebody else promoted at the same time.
    #[error("`{0}` was promoted to the same repository at the same time")]
    Concurrent(String),
    /// The evidence does not hold at the destination.
    #[error("at the destination the evidence does not hold: {0}")]
    Evidence(String),
    /// Nothing could be signed.
    #[error("nothing was signed: {0}")]
    Signing(String),
}

impl From<FetchError> for ApplyError {
    fn from(error: FetchError) -> Self {
        Self::Publish(error.into())
    }
}

impl From<CopyError> for ApplyError {
    fn from(error: CopyError) -> Self {
        Self::Publish(error.into())
    }
}

/// Signs the bytes of a statement and gives the bundle, or says why not.
pub type Sign<'a> = dyn Fn(Vec<u8>) -> Result<Vec<u8>, String> + 'a;

/// What is done.
pub struct Work<'a> {
    /// All that belongs to the image.
    pub closure: &'a Closure,
    /// What is copied of it.
    pub copy: &'a CopyPlan,
    /// Where it comes from.
    pub source: &'a dyn ReadRepository,
    /// The anchor, then the image's tags, in the order of writing.
    pub tags: &'a [Step],
    /// The images, and the root last: what a summary is written about.
    pub subjects: &'a [Digest],
    /// What a summary says.
    pub summary: &'a VsaDraft,
    /// What the record says.
    pub record: &'a Record,
    /// When, RFC 3339: a hint for readers of lists.
    pub created: &'a str,
    /// Blobs that travel at a time.
    pub jobs: usize,
}

/// The two ends of the destination.
pub struct Ends<'a> {
    /// For writing.
    pub writing: &'a dyn WriteRepository,
    /// Through a client that has no memory of the writing.
    pub fresh: &'a dyn WriteRepository,
}

/// What others have a say in.
pub struct Voices<'a> {
    /// Signs.
    pub sign: &'a Sign<'a>,
    /// Says whether a statement that is there is one of ours.
    pub believe: &'a Believe<'a>,
    /// Looks at the evidence at the destination: a sentence fragment when it does not hold.
    pub evidence: &'a dyn Fn(&dyn ReadRepository) -> Result<(), String>,
    /// Hears of bytes.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Blobs and manifests.
    pub copied: Copied,
    /// Statements that were written: their predicate types.
    pub statements: Vec<String>,
    /// The record: its bundle's digest, when one was written.
    pub record: Option<Digest>,
    /// Tags that were written, in order.
    pub tags: Vec<String>,
}

impl Applied {
    /// Whether nothing had to be written.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.statements.is_empty() && self.tags.is_empty() && self.copied == Copied::default()
    }
}

/// Carries a plan out.
///
/// # Errors
/// [`ApplyError`]. What was written before stays; no tag points at anything that is not whole.
pub fn carry_out(work: &Work<'_>, ends: &Ends<'_>, voices: &Voices<'_>) -> Result<Applied, ApplyError> {
    let Ends { writing, fresh } = *ends;
    let anchors = anchors(fresh)?;
    let mut applied = Applied::default();
    if !work.copy.is_done() {
        applied.copied = execute(work.copy, work.closure, work.source, writing, work.jobs, voices.progress)?;
    }
    verify(work.copy, work.closure, fresh)?;
    (voices.evidence)(fresh).map_err(ApplyError::Evidence)?;
    let root = work.closure.root_to_push()?;
    let (anchor, own) = match work.tags.split_first() {
        Some((anchor, own)) => (Some(anchor), own),
        None => (None, work.tags),
    };
    for step in anchor.into_iter().filter(|step| is_written(step)) {
        if write_tag(step, &root, writing, fresh)? {
            applied.tags.push(step.tag.clone());
        }
    }
    for subject in work.subjects {
        attest(work, subject, ends, voices, &mut applied)?;
    }
    let alone = |anchors: &BTreeSet<String>| -> Result<(), ApplyError> {
        let mine = anchor.map(|step| step.tag.as_str());
        match self::anchors(fresh)?.into_iter().find(|tag| !anchors.contains(tag) && mine != Some(tag)) {
            Some(other) => Err(ApplyError::Concurrent(other)),
            None => Ok(()),
        }
    };
    let moving: Vec<&Step> = own.iter().filter(|step| is_written(step)).collect();
    if !moving.is_empty() {
        alone(&anchors)?;
    }
    for step in &moving {
        if write_tag(step, &root, writing, fresh)? {
            applied.tags.push(step.tag.clone());
        }
    }
    if !moving.is_empty() {
        alone(&anchors)?;
    }
    // A tag that somebody took away while the others were written is noticed at the end.
    for step in &moving {
        match fresh.tagged(&step.tag)? {
            Some(found) if found == step.to => {}
            found => return Err(moved_by_others(step, found.as_ref()).into()),
        }
    }
    Ok(applied)
}

fn is_written(step: &Step) -> bool {
    matches!(step.action, Action::Create | Action::Advance)
}

fn anchors(repository: &dyn ReadRepository) -> Result<BTreeSet<String>, FetchError> {
    match repository.tags() {
        Ok(tags) => Ok(tags.into_iter().filter(|tag| is_anchor(tag)).collect()),
        Err(FetchError::NotFound { .. }) => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

/// Writes the summary about one subject, and the record about the root, unless they are there.
fn attest(
    work: &Work<'_>,
    subject: &Digest,
    ends: &Ends<'_>,
    voices: &Voices<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let there = statements(ends.fresh, subject)?;
    let believed = || there.iter().filter(|statement| (voices.believe)(&statement.bundle, subject).is_some());
    let summary = work.summary;
    let mut missing = Vec::new();
    if !is_last_word(believed(), summary) {
        let predicate = summary.to_predicate().map_err(|error| ApplyError::Signing(error.to_string()))?;
        missing.push((VSA_TYPE, predicate));
    }
    if *subject == work.closure.root {
        let record = work.record;
        let has_record = believed().any(|statement| {
            statement.predicate_type == PROMOTION_TYPE
                && Record::read(&statement.predicate)
                    .is_some_and(|known| known.is_same_deed(record) && is_latest(&known, &there))
        });
        if !has_record {
            missing.push((PROMOTION_TYPE, record.to_predicate()));
        }
    }
    for (kind, predicate) in missing {
        let signing = |error: String| ApplyError::Signing(error);
        let draft = StatementDraft::attestation(subject.clone(), Some(summary.resource.clone()), kind, &predicate)
            .map_err(|error| signing(error.to_string()))?;
        let bundle = (voices.sign)(draft.to_bytes()).map_err(signing)?;
        attach(work.closure, subject, kind, (&bundle, work.created), ends)?;
        if kind == PROMOTION_TYPE {
            applied.record = Some(Digest::of(&bundle));
        }
        applied.statements.push(kind.to_owned());
    }
    Ok(())
}

/// Whether no later record about the same image and repository is there: going there and back again is told twice.
fn is_latest(known: &Record, there: &[super::history::Statement]) -> bool {
    let others = there.iter().filter(|statement| statement.predicate_type == PROMOTION_TYPE);
    let others = others.filter_map(|statement| Record::read(&statement.predicate));
    others.filter(|other| other.destination == known.destination).all(|other| other.second() <= known.second())
}

/// Attaches a bundle to an image of a closure, and looks whether it is found from there. `created` is a hint for readers of lists.
pub(super) fn attach(
    closure: &Closure,
    subject: &Digest,
    kind: &str,
    (bundle, created): (&[u8], &str),
    ends: &Ends<'_>,
) -> Result<(), ApplyError> {
    let node = closure.nodes.get(subject);
    let node = node.ok_or_else(|| FetchError::NotFound { what: format!("manifest {subject}") })?;
    let draft = ReferrerDraft {
        subject_type: &node.manifest.media_type,
        subject,
        subject_size: node.manifest.bytes.len() as u64,
        bundle,
        predicate_type: kind,
        created,
    };
    let bytes = draft.to_bytes().map_err(|error| ApplyError::Signing(error.to_string()))?;
    let digest = attach_bundle(ends.writing, bundle, &bytes)?;
    let found = ends.fresh.referrers(subject)?.found;
    if found.iter().any(|referrer| referrer.manifest.digest == digest) {
        return Ok(());
    }
    Err(CopyError::Differs(format!("the statement {digest} is not found from {subject} ({BUNDLE_TYPE})")).into())
}
