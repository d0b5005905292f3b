//! The short form: counts, one word per group of rules, one word for the verdict.

use std::collections::BTreeMap;

use crate::model::Digest;
use crate::policy::{Report, Verdict};
use crate::rules::{Level, Outcome};

use super::findings::{Finding, Weight};

/// How many things there are to tell, each counted once for all platforms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Faults of deny-level rules.
    pub(super) errors: usize,
    /// Faults of warn-level rules.
    pub(super) warnings: usize,
    /// Faults of info-level rules.
    pub(super) infos: usize,
    /// Deny-level rules that could not be decided.
    pub(super) undecided: usize,
    /// Rules of any level that could not be decided.
    pub(super) unknown: usize,
    /// Faults that waivers let pass.
    pub(super) waived: usize,
}

impl Counts {
    /// Counts findings.
    pub(super) fn of(findings: &[Finding<'_>]) -> Self {
        let mut counts = Self::default();
        for finding in findings {
            match finding.weight {
                Weight::Error => counts.errors += 1,
                Weight::Warning => counts.warnings += 1,
                Weight::Info => counts.infos += 1,
                Weight::Waived => counts.waived += 1,
                Weight::Open => counts.unknown += 1,
                Weight::Undecided => {
                    counts.undecided += 1;
                    counts.unknown += 1;
                }
            }
        }
        counts
    }
}

/// What became of a group of rules, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Failed,
    Undecided,
    Warned,
    Open,
    Told,
    Waived,
    Held,
    Nothing,
}

impl Standing {
    /// The standing of one answer.
    pub(super) fn of(level: Level, outcome: &Outcome) -> Self {
        match (outcome, level) {
            (_, Level::Off) | (Outcome::NotApplicable(_), _) => Self::Nothing,
            (Outcome::Pass(_), _) => Self::Held,
            (Outcome::Waived, _) => Self::Waived,
            (Outcome::Fail(_), Level::Deny) => Self::Failed,
            (Outcome::Fail(_), Level::Warn) => Self::Warned,
            (Outcome::Fail(_), Level::Info) => Self::Told,
            (Outcome::Unknown(_), Level::Deny) => Self::Undecided,
            (Outcome::Unknown(_), Level::Warn | Level::Info) => Self::Open,
        }
    }

    /// The word for people.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Failed => "FAILED",
            Self::Undecided => "UNKNOWN",
            Self::Warned => "warning",
            Self::Open => "unknown",
            Self::Told => "info",
            Self::Waived => "waived",
            Self::Held => "ok",
            Self::Nothing => "n/a",
        }
    }
}

/// The groups of rules (the part of the id before the dot) with their worst answer over all platforms; worst first.
pub(super) fn groups(report: &Report) -> Vec<(&str, Standing)> {
    let mut worst: BTreeMap<&str, Standing> = BTreeMap::new();
    for result in report.images.iter().flat_map(|image| &image.results) {
        let group = result.rule.group();
        let standing = Standing::of(result.level, &result.outcome);
        worst.entry(group).and_modify(|known| *known = standing.min(*known)).or_insert(standing);
    }
    let mut groups: Vec<_> = worst.into_iter().collect();
    groups.sort_by_key(|(name, standing)| (*standing, *name));
    groups
}

/// The verdict as one word for people.
pub(super) fn verdict_word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Pass(_) => "PASS",
        Verdict::Violations => "DENY",
        Verdict::Inconclusive => "INCONCLUSIVE",
    }
}

/// The reference as the user wrote it.
pub(super) fn reference(report: &Report) -> &str {
    report.inspection.images.first().map_or("(no image)", |image| image.subject.reference.as_str())
}

/// Repository without tag and digest; empty when no image was seen.
pub(super) fn repository(report: &Report) -> &str {
    report.inspection.images.first().map_or("", |image| image.subject.repository.as_str())
}

/// What the reference names: the index when there is one, else the image.
pub(super) fn digest(report: &Report) -> Option<&Digest> {
    let image = report.inspection.images.first()?;
    Some(image.index.as_ref().map_or(&image.subject.digest, |index| &index.digest))
}

/// A count with its noun: `1 error`, `2 errors`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{} {noun}{}", grouped(&number), if number == 1 { "" } else { "s" })
}

/// A number with its thousands separated: `28,126`.
pub(super) fn grouped(number: &impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A duration for people: `340 ms`, `1.9 s`.
pub(super) fn duration(time: std::time::Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}

/// The first sentence of a text, without its line breaks.
pub(super) fn first_sentence(text: &str) -> String {
    let paragraph = text.trim().split("\n\n").next().unwrap_or_default();
    let line = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let end = line.match_indices(". ").map(|(at, _)| at).find(|at| {
        let next = line[at + 2..].chars().next();
        let abbreviated = ["e.g", "i.e", "etc", "vs"].iter().any(|short| line[..*at].ends_with(short));
        next.is_some_and(|letter| letter.is_uppercase() || letter == '`') && !abbreviated
    });
    end.map_or(line.clone(), |at| line[..=at].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{findings, sample};

    #[test]
    fn groups_stand_with_their_worst_rule_first() {
        let words: Vec<_> =
            groups(&sample::denied()).iter().map(|(name, standing)| format!("{name} {}", standing.word())).collect();
        assert_eq!(
            words.join(" · "),
            "secrets FAILED · user FAILED · base UNKNOWN · files warning · layers info · size ok · healthcheck n/a"
        );
    }

    #[test]
    fn a_fault_on_two_platforms_counts_once() {
        let counts = Counts::of(&findings::of_report(&sample::denied()));
        assert_eq!(counts, Counts { errors: 2, warnings: 4, infos: 1, undecided: 1, unknown: 1, waived: 0 });
    }

    #[test]
    fn words_are_cut_after_the_first_sentence() {
        assert_eq!(first_sentence("A file, e.g. Foo, is\nbad. It is 1.2 MB. So."), "A file, e.g. Foo, is bad.");
        assert_eq!(first_sentence("One line"), "One line");
        assert_eq!(duration(std::time::Duration::from_millis(1_960)), "1.9 s");
        assert_eq!(grouped(&1_234_567), "1,234,567");
        assert_eq!(count(1, "error"), "1 error");
    }
}
