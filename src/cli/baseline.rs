//! The baseline of secrets: what was found before and accepted, by keyed fingerprint. No path and no line, so it
//! survives rebuilds and moves.

use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::model::SecretFact;
use crate::rules::Accepted;
use crate::rules::setting::{Day, Fingerprint, Words};
use crate::yaml;

use super::Failure;

/// Entries of one file.
const MAX_ENTRIES: usize = 100_000;
/// The reason of entries that `--write-baseline` adds.
const FRESH: &str = "found when this baseline was written";

/// A baseline file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Document {
    version: u32,
    /// Name of the fingerprint key; absent without one.
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    entries: Vec<Entry>,
}

/// One accepted secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    fingerprint: Fingerprint,
    /// Id of the detector.
    #[serde(default)]
    family: Option<Words>,
    /// Why it is accepted.
    reason: Words,
    /// Who answers for it.
    #[serde(default)]
    owner: Option<Words>,
    /// The last day on which it is accepted.
    #[serde(default)]
    until: Option<String>,
}

/// A baseline that has been read.
#[derive(Default)]
pub(super) struct Baseline {
    entries: Vec<Entry>,
    pub accepted: Vec<Accepted>,
}

impl Baseline {
    /// Reads a file. Fingerprints made with another key than the one in use would match nothing, so that is refused.
    #[expect(clippy::disallowed_methods, reason = "the command line reads files")]
    pub fn read(path: &Path, key: Option<&str>) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, "read", &error))?;
        Self::parse(&text, key).map_err(|why| {
            Failure::usage(format!("the baseline `{}` is refused: {why}", path.display()))
                .with_hint("write one with `imgguard secrets IMAGE --write-baseline FILE`")
        })
    }

    fn parse(text: &str, key: Option<&str>) -> Result<Self, String> {
        let placed = |error: yaml::YamlError| format!("line {}: {}", error.span.line, error.message);
        let node = yaml::parse(text).map_err(placed)?;
        let document: Document = yaml::read(&node).map_err(placed)?;
        if document.version != 1 {
            return Err(format!("its version is {}, not 1", document.version));
        }
        if document.key.as_deref() != key {
            let word = |key: Option<&str>| key.map_or("no key".to_owned(), |key| format!("the key {key}"));
            return Err(format!(
                "its fingerprints were made with {}, those of this run with {}",
                word(document.key.as_deref().map(|_| "it names")),
                word(key)
            ));
        }
        if document.entries.len() > MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} entries"));
        }
        let mut accepted = Vec::new();
        for entry in &document.entries {
            let until = match &entry.until {
                None => None,
                Some(day) => Some(Day::parse(day).ok_or_else(|| format!("`{}` is no day", day.escape_debug()))?.0),
            };
            accepted.push(Accepted { fingerprint: entry.fingerprint.0.clone(), until });
        }
        Ok(Self { entries: document.entries, accepted })
    }

    /// The text of a baseline that accepts these secrets; what this one knew of them is kept, the rest is dropped.
    pub fn renewed<'a>(&self, secrets: impl Iterator<Item = &'a SecretFact>, key: Option<&str>) -> String {
        let mut found: Vec<(&str, &str)> =
            secrets.map(|secret| (secret.fingerprint.as_str(), secret.detector.as_str())).collect();
        found.sort_unstable();
        found.dedup_by_key(|(fingerprint, _)| *fingerprint);
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = String::from(
            "# Secrets that are known and accepted, for `--baseline`. Fingerprints are keyed: no value can be read from them.\nversion: 1\n",
        );
        if let Some(key) = key {
            _ = writeln!(text, "key: {}", quoted(key));
        }
        text.push_str(if found.is_empty() { "entries: []\n" } else { "entries:\n" });
        for (fingerprint, detector) in found {
            let known = self.entries.iter().find(|entry| entry.fingerprint.0 == fingerprint);
            let reason = known.map_or(FRESH, |entry| &entry.reason.0);
            _ = writeln!(text, "  - fingerprint: {}", quoted(fingerprint));
            let family = known.and_then(|entry| entry.family.as_ref()).map_or(detector, |family| &family.0);
            _ = writeln!(text, "    family: {}", quoted(family));
            _ = writeln!(text, "    reason: {}", quoted(reason));
            if let Some(owner) = known.and_then(|entry| entry.owner.as_ref()) {
                _ = writeln!(text, "    owner: {}", quoted(&owner.0));
            }
            if let Some(until) = known.and_then(|entry| entry.until.as_ref()) {
                _ = writeln!(text, "    until: {}", quoted(until));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Grade, Nature, Severity};

    fn secret(fingerprint: &str) -> SecretFact {
        SecretFact {
            detector: "github-token".to_owned(),
            what: "GitHub token".to_owned(),
            grade: Grade::Proven,
            nature: Nature::Secret,
            severity: Severity::High,
            expires: None,
            redacted: "ghp_…".to_owned(),
            fingerprint: fingerprint.to_owned(),
            places: Vec::new(),
            halves: Vec::new(),
        }
    }

    #[test]
    fn what_is_written_is_read_and_keeps_what_people_wrote() {
        let (one, other) = ("0123456789abcdef0123456789abcdef", "00000000000000000000000000000000");
        let text = Baseline::default().renewed([secret(one), secret(one)].iter(), None);
        let edited = text.replace(FRESH, "a test key") + "    owner: me\n    until: \"2027-01-31\"\n";
        let baseline = Baseline::parse(&edited, None).expect("good");
        assert_eq!(baseline.accepted.len(), 1);
        assert!(baseline.accepted[0].until.is_some());
        let renewed = baseline.renewed([secret(one), secret(other)].iter(), None);
        for kept in ["a test key", "owner: \"me\"", "until: \"2027-01-31\"", FRESH] {
            assert!(renewed.contains(kept), "{kept}: {renewed}");
        }
        assert!(!baseline.renewed([].iter(), None).contains(one), "what is gone is dropped");
        assert!(Baseline::parse(&Baseline::default().renewed([].iter(), None), None).is_ok());
    }

    #[test]
    fn a_baseline_of_another_key_or_without_reasons_is_refused() {
        let text = Baseline::default().renewed([].iter(), Some("0011223344556677"));
        assert!(Baseline::parse(&text, Some("0011223344556677")).is_ok());
        assert!(Baseline::parse(&text, None).is_err_and(|why| why.contains("were made with")));
        let entry = "version: 1\nentries:\n  - fingerprint: 0123456789abcdef0123456789abcdef\n";
        assert!(Baseline::parse(entry, None).is_err_and(|why| why.contains("`reason` is missing")));
        let until = format!("{entry}    reason: x\n    until: soon\n");
        assert!(Baseline::parse(&until, None).is_err_and(|why| why.contains("is no day")));
        assert!(Baseline::parse("version: 2\n", None).is_err_and(|why| why.contains("version is 2")));
    }
}
