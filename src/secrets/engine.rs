//! The engine: detectors compiled once, and what one of them says of one place.
//!
//! The gate names the places where a token could begin; at each, a detector looks at a [`Window`] of fixed size.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::AhoCorasick;
use memchr::memmem;

use super::detectors::{self, Detector, Reading, Seek};
use super::gate::{self, Asked, Gate, Lead, least_run, runs};
use super::judge;
use super::name::Name;
use super::published;
use super::redact::{self, Fingerprints};
use super::shape::{Check, Token};
use super::window::Window;
use crate::model::{Grade, Nature, Severity};

/// Changes whenever detectors or the engine find something else in the same bytes.
const VERSION: u32 = 8;

/// Hits told of one file; what is beyond is told by [`FileScan::truncated`](super::FileScan::truncated).
pub const MAX_HITS: usize = 10_000;

/// All detectors, compiled. Cheap to share, costly to build: build one per process.
pub struct Scanner {
    detectors: Vec<&'static Detector>,
    leads: Gate,
    hash: memmem::Finder<'static>,
    /// The literals of four bytes and more by which tokens are found, each once.
    token_leads: Option<AhoCorasick>,
    shadows: Vec<u16>,
    fingerprints: Fingerprints,
}

impl Scanner {
    /// Compiles all detectors.
    #[must_use]
    pub fn new() -> Self {
        Self::of(detectors::all().collect())
    }

    /// Knows no detector: nothing is searched. To measure what the search costs.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    /// Tells whether there is anything to look for.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.detectors.is_empty()
    }

    fn of(detectors: Vec<&'static Detector>) -> Self {
        let mut leads = Vec::new();
        let mut shadows = Vec::new();
        let mut token_leads = BTreeSet::new();
        for (detector, index) in detectors.iter().zip(0u16..) {
            let lead = |literal: &'static str, any_case, token| Lead {
                literal: literal.as_bytes(),
                any_case,
                detector: index,
                token,
            };
            let read = |literal: &'static str, any_case, text_only| Asked {
                lead: lead(literal, any_case, 0),
                text_only,
                run: 0,
                shown: literal.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '),
            };
            let in_run = |literal| Asked { run: runs::LEAST, ..read(literal, false, false) };
            match detector.seek {
                Seek::Tokens(tokens) => {
                    let literals = tokens.iter().flat_map(|token| token.leads).map(|literal| literal.as_bytes());
                    token_leads.extend(literals.filter(|literal| literal.len() >= 4));
                    for (token, number) in tokens.iter().zip(0u16..) {
                        leads.extend(token.leads.iter().map(|literal| Asked {
                            lead: lead(literal, false, number),
                            text_only: false,
                            run: if token.before.is_empty() { least_run(token, literal) } else { 0 },
                            shown: gate::is_shown(token, literal),
                        }));
                    }
                }
                Seek::Read { leads: literals, text_only, .. } => {
                    leads.extend(literals.iter().map(|literal| read(literal, false, text_only)));
                }
                Seek::InRun { leads: literals, .. } => leads.extend(literals.iter().copied().map(in_run)),
                Seek::Words { words, .. } => leads.extend(words.iter().map(|literal| read(literal, true, true))),
                Seek::Url(_) => leads.push(read("://", false, true)),
                Seek::Shadow(_) => shadows.push(index),
                Seek::Assignment(_) => {
                    leads.extend(super::assignment::WORDS.iter().map(|literal| read(literal, false, true)));
                }
            }
        }
        Self {
            leads: Gate::new(&leads),
            hash: memmem::Finder::new(b":$"),
            token_leads: AhoCorasick::new(token_leads).ok(),
            shadows,
            fingerprints: Fingerprints::new(),
            detectors,
        }
    }

    /// Uses a key of the user's for fingerprints; all else stays the same.
    #[must_use]
    pub fn with_fingerprint_key(mut self, key: &[u8]) -> Self {
        self.fingerprints = Fingerprints::keyed(key);
        self
    }

    /// Names the user's fingerprint key without telling it; none without one.
    #[must_use]
    pub fn fingerprint_key_id(&self) -> Option<String> {
        self.fingerprints.key_id()
    }

    /// How to revoke or rotate what a detector finds; none for an unknown id.
    #[must_use]
    pub fn rotate(&self, detector: &str) -> Option<&'static str> {
        self.detectors.iter().find(|known| known.id == detector).map(|known| known.rotate)
    }

    /// Names the set of detectors and the engine's behaviour: part of the key of cached layers.
    #[must_use]
    pub fn version(&self) -> u32 {
        VERSION
    }

    /// What a detector finds, in words; none for an unknown id.
    #[must_use]
    pub fn what(&self, detector: &str) -> Option<&'static str> {
        self.detectors.iter().find(|known| known.id == detector).map(|known| known.what)
    }

    /// How much harm a detector's find does; none for an unknown id.
    #[must_use]
    pub fn severity(&self, detector: &str) -> Option<Severity> {
        self.detectors.iter().find(|known| known.id == detector).map(|known| known.severity)
    }

    /// Gives the table of detectors, in the order of precedence.
    pub fn detectors(&self) -> impl Iterator<Item = &'static Detector> {
        self.detectors.iter().copied()
    }

    /// Looks with one detector at one place.
    pub(super) fn look(&self, lead: &Lead, place: Place<'_>, at: usize) -> Option<Found> {
        let detector = self.detectors[usize::from(lead.detector)];
        let window = Window::cut(place.bytes, at, place.name);
        let reading = match detector.seek {
            Seek::Tokens(tokens) => read_token(detector, tokens, lead, &window)?,
            Seek::Read { read, .. }
            | Seek::InRun { read, .. }
            | Seek::Words { read, .. }
            | Seek::Url(read)
            | Seek::Assignment(read)
            | Seek::Shadow(read) => read(&window)?,
        };
        let value = window.bytes.get(reading.start..reading.end).filter(|value| !value.is_empty())?;
        let known = reading.canonical.as_deref().unwrap_or(value);
        let fingerprint = self.fingerprints.of(known);
        let grade = if published::is_published(&self.fingerprints.common(known)) { Grade::Weak } else { reading.grade };
        // A program that knows how tokens begin has those beginnings packed one behind the other.
        let is_table = !place.text && grade == Grade::Structured && self.holds_another_lead(lead, value);
        let grade = if is_table { Grade::Weak } else { grade };
        let start = place.base + (at - window.at + reading.start) as u64;
        Some(Found {
            start,
            end: start + value.len() as u64,
            detector: lead.detector,
            grade,
            line: None,
            expires: reading.expires,
            redacted: redact::redacted(value, detector.may_show),
            fingerprint,
        })
    }

    /// Tells whether a value, behind its own lead, holds the literal by which another kind of token is found.
    fn holds_another_lead(&self, lead: &Lead, value: &[u8]) -> bool {
        let body = value.get(lead.literal.len()..).unwrap_or_default();
        self.token_leads.as_ref().is_some_and(|leads| leads.is_match(body))
    }

    /// Calls `visit` with each place that starts in `from..to` while it returns true, and `run` with each long run of token
    /// characters there.
    pub(super) fn each_place(
        &self,
        place: Place<'_>,
        (from, to): (usize, usize),
        visit: &mut dyn FnMut(usize, &Lead) -> bool,
        run: &mut dyn FnMut(usize, usize),
    ) {
        let Place { bytes, text, name, .. } = place;
        let mut going = true;
        let mut visit = |at: usize, lead: &Lead| {
            going = going && visit(at, lead);
            going
        };
        self.leads.each(bytes, (from, to), text, &mut visit, run);
        if !text || name != Name::Shadow {
            return;
        }
        let end = bytes.len().min(to + self.hash.needle().len() - 1);
        for at in self.hash.find_iter(bytes.get(from..end).unwrap_or_default()) {
            for &detector in &self.shadows {
                if !visit(from + at, &Lead { literal: b"", any_case: false, detector, token: 0 }) {
                    return;
                }
            }
        }
    }

    /// Finds everything in a text of the image's config.
    pub(super) fn in_text(&self, bytes: &[u8]) -> Vec<Found> {
        let place = Place { bytes, base: 0, text: true, name: Name::Config };
        let mut found = Vec::new();
        let (mut sure, mut weak) = (0, 0);
        let mut visit = |at: usize, lead: &Lead| {
            if let Some(one) = self.look(lead, place, at) {
                let count = if one.grade == Grade::Weak { &mut weak } else { &mut sure };
                *count += 1;
                if *count <= MAX_HITS {
                    found.push(one);
                }
            }
            sure < MAX_HITS
        };
        self.each_place(place, (0, bytes.len()), &mut visit, &mut |_, _| {});
        found
    }

    /// Makes a finding of a value that a key name makes a secret.
    pub(super) fn found_by_name(&self, text: &[u8], reading: &Reading) -> Option<Found> {
        let detector = self.detectors.iter().position(|detector| matches!(detector.seek, Seek::Assignment(_)))?;
        let value = text.get(reading.start..reading.end)?;
        Some(Found {
            start: reading.start as u64,
            end: reading.end as u64,
            detector: u16::try_from(detector).ok()?,
            grade: reading.grade,
            line: None,
            expires: reading.expires,
            redacted: redact::redacted(value, false),
            fingerprint: self.fingerprints.of(value),
        })
    }

    /// Gives the nature of a finding.
    pub(super) fn nature(&self, found: &Found) -> Nature {
        self.detectors[usize::from(found.detector)].nature
    }

    /// Gives the id of a finding's detector.
    pub(super) fn id(&self, found: &Found) -> &'static str {
        self.detectors[usize::from(found.detector)].id
    }

    /// Leaves one finding per value, sorted by place: of two that overlap, the surer one, then the one of the detector that
    /// comes first in the table. A pair of key id and secret is surer than the secret alone.
    pub(super) fn settled(&self, mut all: Vec<Found>) -> Vec<Found> {
        for (id, secret) in detectors::PAIRS {
            if all.iter().any(|found| found.grade >= Grade::Structured && self.id(found) == *id) {
                let secrets =
                    all.iter_mut().filter(|found| found.grade == Grade::Contextual && self.id(found) == *secret);
                secrets.for_each(|found| found.grade = Grade::Structured);
            }
        }
        self.share_what_names_tell(&mut all);
        all.sort_by(|one, other| {
            let key = |found: &Found| (std::cmp::Reverse(found.grade), found.detector, found.start, found.end);
            key(one).cmp(&key(other))
        });
        let mut taken: BTreeMap<u64, Found> = BTreeMap::new();
        for found in all {
            let before = taken.range(..found.end).next_back();
            if before.is_none_or(|(_, other)| other.end <= found.start) {
                taken.insert(found.start, found);
            }
        }
        taken.into_values().collect()
    }
}

impl Scanner {
    /// What the name beside a value tells counts for the detector that knows the kind of the value as well: else the
    /// general one would be the surer of the two. Where that one says that the value is none of its kind, a name alone is
    /// not as good as a form.
    fn share_what_names_tell(&self, all: &mut [Found]) {
        let is_general =
            |found: &Found| matches!(self.detectors[usize::from(found.detector)].seek, Seek::Assignment(_));
        let spans = |of: &dyn Fn(&Found) -> bool, all: &[Found]| -> BTreeMap<u64, u64> {
            all.iter().filter(|found| of(found)).map(|found| (found.start, found.end)).collect()
        };
        let meets = |spans: &BTreeMap<u64, u64>, found: &Found| {
            spans.range(..found.end).next_back().is_some_and(|(_, end)| *end > found.start)
        };
        let told = spans(&|found| found.grade == Grade::Structured && is_general(found), all);
        if told.is_empty() {
            return;
        }
        let refused = spans(&|found| found.grade == Grade::Weak && !is_general(found), all);
        for found in all {
            if found.grade == Grade::Contextual && !is_general(found) && meets(&told, found) {
                found.grade = Grade::Structured;
            } else if found.grade == Grade::Structured && is_general(found) && meets(&refused, found) {
                found.grade = Grade::Contextual;
            }
        }
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// Matches the token of the lead, unless one that stands before it in the table matches as well.
fn read_token(detector: &Detector, tokens: &[Token], lead: &Lead, window: &Window<'_>) -> Option<Reading> {
    let token = tokens.get(usize::from(lead.token))?;
    let earlier = &tokens[..usize::from(lead.token)];
    let literal = lead.literal.len();
    if earlier.iter().any(|token| {
        token.leads.iter().any(|other| other.as_bytes() == lead.literal) && token.matches(window, literal).is_some()
    }) {
        return None;
    }
    let matched = token.matches(window, literal)?;
    let value = &window.bytes[matched.start..matched.end];
    let check = token.check.map_or(Check::Silent, |check| check(value));
    // A long lead or a checksum is proof enough inside the packed strings of a compiled program; a short lead is not.
    let proves = check == Check::Agrees || literal >= 6 && token.before.is_empty();
    if !matched.begins_word && !proves {
        return None;
    }
    let regular =
        matched.body.is_some_and(|(start, end, class)| judge::is_too_regular(&window.bytes[start..end], class));
    // Between the packed strings of a program, words run on behind a lead as a token would.
    let regular = regular
        || matched.body.is_some_and(|(start, end, class)| {
            let body = &window.bytes[start..end];
            class.size() >= 62 && body.len() >= 16 && super::words::is_wordy(body)
        });
    let grade = match check {
        Check::Agrees => Grade::Proven,
        Check::Fails => Grade::Weak,
        Check::Silent if regular || judge::holds_example_word(value) => Grade::Weak,
        Check::Silent if !matched.bounded => judge::lowered(detector.grade),
        Check::Silent => detector.grade,
    };
    Some(Reading::new(matched.start, matched.end, grade))
}

/// A piece of a file, and what is known of the file.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub bytes: &'a [u8],
    /// Offset of the first byte in the file.
    pub base: u64,
    pub text: bool,
    pub name: Name,
}

/// A value found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub start: u64,
    pub end: u64,
    pub detector: u16,
    pub grade: Grade,
    pub line: Option<u32>,
    pub expires: Option<i64>,
    pub redacted: Box<str>,
    pub fingerprint: Box<str>,
}
