//! From places where a value was seen to secrets: one per value, with all its places, paired with its other half.

use std::collections::BTreeMap;

use crate::model::{Grade, Hit, Nature, Place, SecretFact, Severity};
use crate::secrets::{Scanner, TextHit};

use super::pairs;

/// Where a value lies, with what the detector said.
#[derive(Debug, Clone)]
pub(super) struct Sighting {
    detector: Box<str>,
    grade: Grade,
    nature: Nature,
    expires: Option<i64>,
    redacted: Box<str>,
    fingerprint: Box<str>,
    place: Place,
}

impl Sighting {
    /// A hit in bytes.
    pub(super) fn of_hit(hit: &Hit, place: Place) -> Self {
        Self {
            detector: hit.detector.clone(),
            grade: hit.grade,
            nature: hit.nature,
            expires: hit.expires,
            redacted: hit.redacted.clone(),
            fingerprint: hit.fingerprint.clone(),
            place,
        }
    }

    /// A hit in a short text.
    pub(super) fn of_text(hit: TextHit, place: Place) -> Self {
        Self {
            detector: hit.detector.into(),
            grade: hit.grade,
            nature: hit.nature,
            expires: hit.expires,
            redacted: hit.redacted.into(),
            fingerprint: hit.fingerprint.into(),
            place,
        }
    }
}

/// One secret per value, sorted by fingerprint: the surest detector names it, places are sorted, pairs are joined
/// within `reach`.
pub(super) fn join(sightings: Vec<Sighting>, scanner: &Scanner, reach: pairs::Reach) -> Vec<SecretFact> {
    let mut joined: BTreeMap<Box<str>, SecretFact> = BTreeMap::new();
    for sighting in sightings {
        let Sighting { detector, grade, nature, expires, redacted, fingerprint, place } = sighting;
        let fact = joined.entry(fingerprint.clone()).or_insert_with(|| SecretFact {
            detector: detector.to_string(),
            what: String::new(),
            grade,
            nature,
            severity: Severity::Low,
            expires,
            redacted: redacted.to_string(),
            fingerprint: fingerprint.to_string(),
            places: Vec::new(),
            halves: Vec::new(),
        });
        if (grade, &*fact.detector) > (fact.grade, &*detector) {
            fact.grade = grade;
            fact.detector = detector.to_string();
            fact.nature = nature;
            fact.redacted = redacted.to_string();
        }
        fact.expires = fact.expires.or(expires);
        fact.places.push(place);
    }
    let facts = joined.into_values().map(|mut fact| {
        fact.places.sort();
        fact.places.dedup();
        fact.what = scanner.what(&fact.detector).unwrap_or(&fact.detector).to_owned();
        fact.severity = scanner.severity(&fact.detector).unwrap_or(Severity::High);
        fact
    });
    pairs::join(facts.collect(), reach)
}

/// The secrets of files that are no part of an image, from all their hits; a pair is joined only inside one file.
#[must_use]
pub fn secrets_of_files(hits: &[Hit], scanner: &Scanner) -> Vec<SecretFact> {
    let sighting = |hit: &Hit| {
        let place =
            Place::Path { path: hit.path.to_string(), line: hit.line, offset: hit.offset, view: hit.view.to_string() };
        Sighting::of_hit(hit, place)
    };
    join(hits.iter().map(sighting).collect(), scanner, pairs::Reach::File)
}
