//! Reports of `imgguard secrets`: what was found, where it lies, what was searched and what was not. All formats are pure
//! and never see a value.

mod json;
mod sarif;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Class, Gap, Grade, ImageFacts, SecretFact};
use crate::rules::Circumstances;

pub(super) use json::schema;

use super::Context;

/// What was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A container image: all its layers, its config and its documents.
    Image,
    /// A directory tree.
    Directory,
    /// One file.
    File,
    /// Standard input, as bytes.
    Stdin,
}

/// What a finding means for the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It counts.
    Counts,
    /// The file has the bytes that a package recorded, and the secret proves itself: told, without weight.
    PackageSupplied,
    /// Its other half is not there: told, without weight.
    Incomplete,
    /// The baseline accepts it.
    Accepted,
    /// Suppressed by proof: the file has the bytes that a package recorded.
    Suppressed,
}

/// A finding that is told.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The secret.
    pub secret: &'a SecretFact,
    /// The image it lies in, if it lies in one.
    pub image: Option<&'a ImageFacts>,
    /// What it means.
    pub standing: Standing,
}

/// What was passed over or found, and the bytes looked at: the byte ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ledger {
    /// Files whose bytes were searched; in an image, in all layers.
    pub files: u64,
    /// Bytes of them.
    pub scanned_bytes: u64,
    /// Things that hold no bytes to search, such as links and sockets; all of them.
    pub skipped: u64,
    /// The first of them, each with the reason.
    pub skipped_paths: Vec<Skipped>,
}

/// Something that was not searched.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Skipped {
    /// Its path.
    pub path: String,
    /// Why.
    pub why: String,
}

/// Everything one run of `imgguard secrets` has to tell.
#[derive(Debug, Clone)]
pub struct SecretsReport<'a> {
    /// What the user named.
    pub subject: &'a str,
    /// What it is.
    pub target: Target,
    /// How sure a finding must be to be told.
    pub min_confidence: Grade,
    /// The findings, worst first.
    pub told: Vec<Told<'a>>,
    /// Values that are less sure than asked for.
    pub below: usize,
    /// Values suppressed by proof.
    pub suppressed: usize,
    /// Values that the baseline accepts.
    pub accepted: usize,
    /// Fingerprints of the baseline that match nothing.
    pub unused: Vec<String>,
    /// What could not be searched.
    pub gaps: Vec<&'a Gap>,
    /// What was searched.
    pub ledger: &'a Ledger,
    /// How to revoke or rotate, by detector.
    pub remedies: BTreeMap<&'a str, &'a str>,
    /// The time, in seconds since 1970.
    pub now: Option<i64>,
}

impl<'a> SecretsReport<'a> {
    /// Sorts out what is told. `show_suppressed` tells what is suppressed and what the baseline accepts as well.
    #[must_use]
    pub fn new(
        subject: &'a str,
        target: Target,
        secrets: impl Iterator<Item = (Option<&'a ImageFacts>, &'a SecretFact)>,
        min_confidence: Grade,
        show_suppressed: bool,
        circumstances: &Circumstances,
        ledger: &'a Ledger,
    ) -> Self {
        let mut report = Self {
            subject,
            target,
            min_confidence,
            told: Vec::new(),
            below: 0,
            suppressed: 0,
            accepted: 0,
            unused: Vec::new(),
            gaps: Vec::new(),
            ledger,
            remedies: BTreeMap::new(),
            now: circumstances.now,
        };
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        for (image, secret) in secrets {
            seen.insert(&secret.fingerprint);
            let standing = match secret.class() {
                Class::Suppressed => Standing::Suppressed,
                Class::PackageSupplied => Standing::PackageSupplied,
                Class::Incomplete => Standing::Incomplete,
                Class::Own if circumstances.accepts(&secret.fingerprint) => Standing::Accepted,
                Class::Own => Standing::Counts,
            };
            let counter = match standing {
                _ if secret.grade < min_confidence => {
                    report.below += 1;
                    continue;
                }
                Standing::Suppressed => Some(&mut report.suppressed),
                Standing::Accepted => Some(&mut report.accepted),
                Standing::Counts | Standing::PackageSupplied | Standing::Incomplete => None,
            };
            let is_told = show_suppressed || counter.is_none();
            if let Some(counter) = counter {
                *counter += 1;
            }
            if is_told {
                report.told.push(Told { secret, image, standing });
            }
        }
        let is_unused = |print: &&String| !seen.contains(print.as_str());
        report.unused = circumstances.baseline.iter().map(|one| &one.fingerprint).filter(is_unused).cloned().collect();
        report.told.sort_by(|one, other| {
            let weight =
                |told: &Told<'_>| (told.standing, std::cmp::Reverse((told.secret.severity, told.secret.grade)));
            let place = |told: &Told<'a>| {
                (told.secret.places.first(), &told.secret.fingerprint, told.image.map(|image| &image.platform))
            };
            weight(one).cmp(&weight(other)).then_with(|| place(one).cmp(&place(other)))
        });
        report
    }

    /// Whether something counts.
    #[must_use]
    pub fn has_findings(&self) -> bool {
        self.told.iter().any(|told| told.standing == Standing::Counts)
    }
}

/// An output format of `secrets`.
pub struct SecretsFormat {
    /// What `-o` says.
    pub name: &'static str,
    /// One line for the help.
    pub summary: &'static str,
    /// Writes the report as text in this format, ending with a newline.
    pub render: fn(&SecretsReport<'_>, &Context<'_>) -> String,
}

/// All output formats of `secrets`, the default first.
pub const SECRETS_FORMATS: &[SecretsFormat] = &[
    SecretsFormat { name: "text", summary: "for people", render: text::render },
    SecretsFormat { name: "json", summary: "everything, versioned (imgguard.secrets/v1)", render: json::render },
    SecretsFormat { name: "sarif", summary: "SARIF 2.1.0 for code scanning", render: sarif::render },
];

#[cfg(test)]
mod tests;
