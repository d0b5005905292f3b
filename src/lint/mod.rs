//! What only a Dockerfile shows: rules over its text, one file each, registered in [`RULES`].
//!
//! The built image is judged by `check`. Here are the mistakes that a build swallows or that stop it, and habits that make
//! images larger or builds slower. There are no rules about pinned package versions: such pins rot and break builds.

mod handbook;
mod judge;
mod notes;
mod rules;
mod subject;
mod table;

use std::collections::BTreeMap;

use crate::rules::Level;

pub use handbook::{handbook, rule_page};
pub use judge::lint;
pub use notes::Notes;
pub use subject::{Run, Subject};
pub use table::{RULES, find};

/// A rule about Dockerfiles.
pub struct LintRule {
    /// `dockerfile.NAME`. Stable.
    pub id: &'static str,
    /// Frozen code for SARIF: `IG90` and two digits. Never reused.
    pub code: &'static str,
    /// What a finding means: deny is a violation.
    pub level: Level,
    /// One line: what a finding says, as a lowercase fragment.
    pub summary: &'static str,
    /// Why it matters: Markdown, without a heading.
    pub why: &'static str,
    /// How to fix it: Markdown, without a heading.
    pub fix: &'static str,
    /// Dockerfiles that it flags.
    pub flags: &'static [&'static str],
    /// Dockerfiles that it passes.
    pub passes: &'static [&'static str],
    /// The rule itself.
    pub check: fn(&Subject<'_>, &mut Notes),
}

/// A finding.
#[derive(Clone)]
pub struct Finding {
    /// The rule.
    pub rule: &'static LintRule,
    /// Its level in this run.
    pub level: Level,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong: a lowercase fragment with values in backticks.
    pub message: String,
    /// How to fix it here, when more is known than the rule's general advice.
    pub fix: Option<String>,
}

/// A finding that a waiver lets pass.
#[derive(Clone)]
pub struct Waived {
    /// The finding.
    pub finding: Finding,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds.
    pub until: String,
}

/// What one Dockerfile has to answer for.
pub struct LintReport {
    /// The file as the user named it.
    pub file: String,
    /// The lines that findings are about, by number; secrets in them are masked.
    pub lines: BTreeMap<usize, String>,
    /// Findings, in the order of the text.
    pub findings: Vec<Finding>,
    /// Findings that waivers let pass.
    pub waived: Vec<Waived>,
    /// Why a part of it was not seen.
    pub gaps: Vec<String>,
}

#[cfg(test)]
mod tests;
