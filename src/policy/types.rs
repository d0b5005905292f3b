//! The checked policy and what judging by it yields.

use crate::model::{Digest, Gap, Inspection};
use crate::rules::{Check, Level, Outcome, Rule};

/// Where a rule's level and settings were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Path of the file as the user gave it, or a preset's name such as `@recommended`.
    pub file: String,
    /// Line from 1; 0 when the whole file is meant.
    pub line: usize,
}

/// A rule that is switched on.
pub struct Configured {
    /// The rule.
    pub rule: &'static Rule,
    /// Its level in this policy; never [`Level::Off`].
    pub level: Level,
    /// The rule with its settings.
    pub check: Box<dyn Check>,
    /// Where that was written.
    pub origin: Origin,
}

/// A policy that has been checked completely, before any image is opened.
pub struct Policy {
    /// Its name, for people.
    pub name: String,
    /// Where the text came from: a path or a preset's name.
    pub source: String,
    /// SHA-256 over the effective policy text (all files it was made of, in order).
    pub digest: Digest,
    /// The rules that are on, sorted by id.
    pub rules: Vec<Configured>,
}

/// What one rule said of one image.
pub struct RuleResult {
    /// The rule.
    pub rule: &'static Rule,
    /// Its level in the policy.
    pub level: Level,
    /// Its answer.
    pub outcome: Outcome,
    /// Where the policy says so.
    pub origin: Origin,
}

/// What the policy said of one platform's image: `results` are in the order of [`Policy::rules`].
pub struct ImageReport {
    /// Answers, one per rule.
    pub results: Vec<RuleResult>,
}

/// Proof that the image with this digest satisfied the policy with that digest. Only [`super::judge`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    pub(super) digests: Vec<Digest>,
    pub(super) policy: Digest,
}

impl Approved {
    /// Manifest digests of all images that were judged.
    #[must_use]
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Digest of the policy.
    #[must_use]
    pub fn policy(&self) -> &Digest {
        &self.policy
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every deny-level rule holds and everything was seen.
    Pass(Approved),
    /// At least one deny-level rule does not hold.
    Violations,
    /// Nothing bad was seen, but not everything was seen.
    Inconclusive,
}

/// Everything that was judged for one reference.
pub struct Report {
    /// The facts that were judged.
    pub inspection: Inspection,
    /// One element per element of `inspection.images`.
    pub images: Vec<ImageReport>,
    /// All gaps that make the verdict inconclusive, of all images, each once.
    pub gaps: Vec<Gap>,
    /// Name of the policy.
    pub policy: String,
    /// Where the policy came from.
    pub policy_source: String,
    /// Digest of the policy.
    pub policy_digest: Digest,
    /// The answer.
    pub verdict: Verdict,
}
