//! The checked policy and what judging by it yields.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::{Digest, Gap, Inspection, Platform};
use crate::rules::setting::{KnownBase, WantedPlatform};
use crate::rules::{Check, Fault, Level, Outcome, Rule};

use super::pipeline::Pipeline;
use super::promote::Gate;
use super::trial::Trial;
use super::waiver::Waiver;

/// Where a rule's level and settings were written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// Path of the file as the user gave it, or a preset's name such as `@recommended`.
    pub file: String,
    /// Line from 1; 0 when the whole file is meant.
    pub line: usize,
}

/// A key of a rule's table with its effective value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key.
    pub key: String,
    /// The value as YAML flow text.
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
}

/// What people are told of a rule, whether it comes with the program or stands in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// `group.rule`.
    pub id: Cow<'static, str>,
    /// Frozen code; of a rule that a policy brings along, its id.
    pub code: Cow<'static, str>,
    /// One line: what a finding says.
    pub summary: Cow<'static, str>,
    /// Why it matters: Markdown.
    pub why: Cow<'static, str>,
    /// How to fix it: Markdown.
    pub fix: Cow<'static, str>,
}

impl Descriptor {
    /// The group: the part of the id before the dot.
    #[must_use]
    pub fn group(&self) -> &str {
        self.id.split('.').next().unwrap_or(&self.id)
    }
}

impl From<&Rule> for Descriptor {
    fn from(rule: &Rule) -> Self {
        Self {
            id: rule.id.into(),
            code: rule.code.into(),
            summary: rule.summary.into(),
            why: rule.why.into(),
            fix: rule.fix.into(),
        }
    }
}

/// Whose findings of a rule count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Those that are not proved to come from the base image.
    Own,
    /// Those that are proved to come from the base image.
    Base,
    /// All.
    #[default]
    All,
}

/// The day from which a rule denies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Its first second, in seconds since 1970.
    pub start: i64,
}

/// What every rule's table may say beside the rule's own settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// Until then a deny counts as warn.
    pub since: Option<Since>,
    /// Whose findings count.
    pub scope: Scope,
    /// The platforms it is judged on; all when empty.
    pub platforms: Vec<WantedPlatform>,
}

impl Common {
    /// Whether the rule is judged on that platform.
    #[must_use]
    pub fn covers(&self, platform: &Platform) -> bool {
        self.platforms.is_empty() || self.platforms.iter().any(|wanted| platform.matches(&wanted.0))
    }
}

/// A rule that is switched on.
pub struct Configured {
    /// What people are told of it.
    pub rule: Arc<Descriptor>,
    /// Its level in this policy; never [`Level::Off`].
    pub level: Level,
    /// What every rule may be told.
    pub common: Common,
    /// Whether it looks at packages, which are put together only when somebody asks.
    pub needs_packages: bool,
    /// The rule with its settings.
    pub check: Box<dyn Check>,
    /// Where the rule was last set.
    pub origin: Origin,
    /// What was written for the rule, in all files together; `level` comes first when it was written at all.
    pub settings: Vec<Setting>,
}

/// A policy that has been checked completely, before any image is opened.
pub struct Policy {
    /// Its name, for people.
    pub name: String,
    /// Where the text came from: a path or a preset's name.
    pub source: String,
    /// SHA-256 of the policy text; with parents, of a list of the digests of all texts in the order they apply.
    pub digest: Digest,
    /// The rules that are on, sorted by id.
    pub rules: Vec<Configured>,
    /// The exceptions, in the order of the texts.
    pub waivers: Vec<Waiver>,
    /// Base images whose layers are known.
    pub bases: Vec<KnownBase>,
    /// Files and directories to compare images with, relative to the directory of the first policy file.
    pub evidence: Vec<String>,
    /// Rules and groups that may not be waived.
    pub locks: Vec<String>,
    /// Most days that a waiver may last.
    pub waiver_days: Option<u32>,
    /// How `imgguard run` builds and releases the image: of the file itself, never of one that it extends.
    pub pipeline: Option<Pipeline>,
    /// What promotions have to meet beside the rules.
    pub promote: Option<Gate>,
    /// What the policy must say of given facts.
    pub tests: Vec<Trial>,
    /// Paths from the image root whose contents its rules look at, sorted: they are kept only when somebody asks.
    pub contents: Vec<String>,
    /// Structure tests as `policy show` prints them.
    pub structure: Vec<Setting>,
}

impl Policy {
    /// A policy of rules and nothing else.
    #[must_use]
    pub fn of_rules(name: &str, source: &str, digest: Digest, rules: Vec<Configured>) -> Self {
        Self {
            name: name.to_owned(),
            source: source.to_owned(),
            digest,
            rules,
            waivers: Vec::new(),
            bases: Vec::new(),
            evidence: Vec::new(),
            locks: Vec::new(),
            waiver_days: None,
            pipeline: None,
            promote: None,
            tests: Vec::new(),
            contents: Vec::new(),
            structure: Vec::new(),
        }
    }

    /// Whether one of its rules looks at packages.
    #[must_use]
    pub fn reads_packages(&self) -> bool {
        self.rules.iter().any(|configured| configured.needs_packages)
    }
}

/// A fault that a waiver lets pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waived {
    /// The fault.
    pub fault: Fault,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day of the waiver, such as `2027-01-15`.
    pub until: String,
    /// Where the waiver stands.
    pub origin: Origin,
}

/// What one rule said of one image.
pub struct RuleResult {
    /// The rule.
    pub rule: Arc<Descriptor>,
    /// Its level in the policy; warn while `since` holds a deny back.
    pub level: Level,
    /// Its answer: [`Outcome::Waived`] when every fault is waived, [`Outcome::Fail`] with the rest when some are.
    pub outcome: Outcome,
    /// Where the policy says so.
    pub origin: Origin,
    /// The faults that waivers let pass.
    pub waived: Vec<Waived>,
    /// What the policy did to the answer, one sentence each.
    pub remarks: Vec<String>,
}

impl RuleResult {
    /// Whether it is what makes the verdict a violation.
    #[must_use]
    pub fn violates(&self) -> bool {
        self.level == Level::Deny && self.outcome.is_fail()
    }

    /// An answer to which the policy added nothing.
    #[must_use]
    pub fn plain(rule: Arc<Descriptor>, level: Level, outcome: Outcome, origin: Origin) -> Self {
        Self { rule, level, outcome, origin, waived: Vec::new(), remarks: Vec::new() }
    }

    /// The same answer for another platform.
    pub(super) fn again(&self) -> Self {
        let Self { rule, level, outcome, origin, waived, remarks } = self;
        Self {
            rule: Arc::clone(rule),
            level: *level,
            outcome: outcome.clone(),
            origin: origin.clone(),
            waived: waived.clone(),
            remarks: remarks.clone(),
        }
    }
}

/// What the policy said of one platform's image: `results` are in the order of [`Policy::rules`].
pub struct ImageReport {
    /// Answers, one per rule.
    pub results: Vec<RuleResult>,
}

impl ImageReport {
    /// Counts the answers of this image.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for result in &self.results {
            counts.waived += result.waived.len();
            let counter = match (&result.outcome, result.level) {
                (Outcome::Fail(_), Level::Deny) => &mut counts.denied,
                (Outcome::Fail(_), Level::Warn) => &mut counts.warned,
                (Outcome::Fail(_), Level::Info | Level::Off) => &mut counts.informed,
                (Outcome::Unknown(_), _) => &mut counts.unknown,
                (Outcome::Pass(_), _) => &mut counts.passed,
                (Outcome::NotApplicable(_), _) => &mut counts.not_applicable,
                (Outcome::Waived, _) => continue,
            };
            *counter += 1;
        }
        counts
    }
}

/// How many rules gave which answer; a rule counts once per image, however many faults it found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Failed at level deny.
    pub denied: usize,
    /// Failed at level warn.
    pub warned: usize,
    /// Failed at level info.
    pub informed: usize,
    /// Could not be decided, at any level.
    pub unknown: usize,
    /// Hold.
    pub passed: usize,
    /// Had nothing to judge.
    pub not_applicable: usize,
    /// Faults that waivers let pass.
    pub waived: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self { denied, warned, informed, unknown, passed, not_applicable, waived } = other;
        self.denied += denied;
        self.warned += warned;
        self.informed += informed;
        self.unknown += unknown;
        self.passed += passed;
        self.not_applicable += not_applicable;
        self.waived += waived;
    }
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

impl Report {
    /// Counts the answers of all images together.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for image in &self.images {
            counts += image.counts();
        }
        counts
    }

    /// Tells why the verdict is inconclusive, one sentence per cause, each once; empty for every other verdict.
    #[must_use]
    pub fn inconclusive_because(&self) -> Vec<String> {
        if self.verdict != Verdict::Inconclusive {
            return Vec::new();
        }
        let mut causes: Vec<String> = self.gaps.iter().map(|gap| gap.detail.clone()).collect();
        if self.images.is_empty() {
            causes.push("there is no image to judge".to_owned());
        }
        for result in self.images.iter().flat_map(|image| &image.results) {
            if let Outcome::Unknown(why) = &result.outcome
                && (result.level == Level::Deny || why == super::judge::RULE_PANICKED)
            {
                causes.push(format!("`{}` could not be decided: {why}", result.rule.id));
            }
        }
        let mut told = std::collections::BTreeSet::new();
        causes.retain(|cause| told.insert(cause.clone()));
        causes
    }
}
