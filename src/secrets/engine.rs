//! The engine: detectors compiled once, and the search through one file.
//!
//! The gate names the places where a token could begin; at each, a detector looks at a [`Window`] of fixed size. A place is
//! looked at as soon as its whole window is there, so the carry between two chunks is one window.

use std::collections::BTreeMap;

use memchr::memmem;

use super::detectors::{self, Detector, Reading, Seek};
use super::gate::{Gate, Lead};
use super::judge;
use super::name::Name;
use super::published;
use super::redact::{self, Fingerprints};
use super::shape::{Check, Token};
use super::window::{AHEAD, BEHIND, Window};
use crate::model::{Grade, Hit, Nature, Severity};

/// Changes whenever detectors or the engine find something else in the same bytes.
const VERSION: u32 = 3;

/// Hits told of one file; what is beyond is told by [`FileScan::truncated`].
pub const MAX_HITS: usize = 10_000;

/// Bytes at the start of a file that decide whether it is text.
const SNIFF: usize = 8 * 1024;

/// Chunks below this are gathered before they are searched.
const GATHER: usize = 32 * 1024;

/// Longest distance between the first byte of a lead and its probe.
const MAX_SKIP: usize = 64;

/// Bytes that are kept before the first place not yet looked at.
const KEEP: usize = BEHIND + MAX_SKIP;

/// Ways of finding places, each with its own limit of hits.
const PASSES: usize = 5;

/// All detectors, compiled. Cheap to share, costly to build: build one per process.
pub struct Scanner {
    detectors: Vec<&'static Detector>,
    /// Leads of 4 bytes and more.
    long: Gate,
    /// Leads of 3 bytes.
    short: Gate,
    /// Key words of assignments.
    words: Gate,
    url: memmem::Finder<'static>,
    hash: memmem::Finder<'static>,
    urls: Vec<u16>,
    shadows: Vec<u16>,
    fingerprints: Fingerprints,
}

impl Scanner {
    /// Compiles all detectors.
    #[must_use]
    pub fn new() -> Self {
        let detectors: Vec<&'static Detector> = detectors::all().collect();
        let (mut long, mut short, mut words) = (Vec::new(), Vec::new(), Vec::new());
        let (mut urls, mut shadows) = (Vec::new(), Vec::new());
        for (detector, index) in detectors.iter().zip(0u16..) {
            let mut add = |literal: &'static str, token| {
                let lead = Lead { literal: literal.as_bytes(), detector: index, token };
                if literal.len() >= 4 { long.push(lead) } else { short.push(lead) }
            };
            match detector.seek {
                Seek::Tokens(tokens) => {
                    for (token, number) in tokens.iter().zip(0u16..) {
                        token.leads.iter().for_each(|lead| add(lead, number));
                    }
                }
                Seek::Read { leads, .. } => leads.iter().for_each(|lead| add(lead, 0)),
                Seek::Url(_) => urls.push(index),
                Seek::Shadow(_) => shadows.push(index),
                Seek::Assignment(_) => words.extend(super::assignment::WORDS.iter().map(|word| Lead {
                    literal: word.as_bytes(),
                    detector: index,
                    token: 0,
                })),
            }
        }
        Self {
            long: Gate::new(&long, 4),
            short: Gate::new(&short, 3),
            words: Gate::new(&words, 3),
            url: memmem::Finder::new(b"://"),
            hash: memmem::Finder::new(b":$"),
            urls,
            shadows,
            fingerprints: Fingerprints::new(),
            detectors,
        }
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
    fn look(&self, lead: &Lead, place: Place<'_>, at: usize) -> Option<Found> {
        let detector = self.detectors[usize::from(lead.detector)];
        let window = Window::cut(place.bytes, at, place.name);
        let reading = match detector.seek {
            Seek::Tokens(tokens) => read_token(detector, tokens, lead, &window)?,
            Seek::Read { text_only: true, .. } if !place.text => return None,
            Seek::Read { read, .. } | Seek::Url(read) | Seek::Assignment(read) | Seek::Shadow(read) => read(&window)?,
        };
        let value = window.bytes.get(reading.start..reading.end).filter(|value| !value.is_empty())?;
        let known = reading.canonical.as_deref().unwrap_or(value);
        let fingerprint = self.fingerprints.of(known);
        let grade = if published::is_published(&fingerprint) { Grade::Weak } else { reading.grade };
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

    /// Calls `visit` with each place that starts in `from..to`, pass by pass, each in ascending order.
    fn each_place(&self, place: Place<'_>, from: usize, to: usize, mut visit: impl FnMut(usize, usize, &Lead) -> bool) {
        self.long.each(place.bytes, from, to, |at, lead| visit(0, at, lead));
        self.short.each(place.bytes, from, to, |at, lead| visit(1, at, lead));
        if !place.text {
            return;
        }
        let mut literal = |pass, finder: &memmem::Finder<'_>, detectors: &[u16]| {
            let end = place.bytes.len().min(to + finder.needle().len() - 1);
            for at in finder.find_iter(&place.bytes[from..end]) {
                for &detector in detectors {
                    if !visit(pass, from + at, &Lead { literal: b"", detector, token: 0 }) {
                        return;
                    }
                }
            }
        };
        literal(2, &self.url, &self.urls);
        if place.name == Name::Shadow {
            literal(3, &self.hash, &self.shadows);
        }
        if place.name.has_assignments() {
            self.words.each(place.bytes, from, to, |at, lead| visit(4, at, lead));
        }
    }

    /// Finds everything in a text of the image's config.
    pub(super) fn in_text(&self, bytes: &[u8]) -> Vec<Found> {
        let place = Place { bytes, base: 0, text: true, name: Name::Config };
        let mut found = Vec::new();
        self.each_place(place, 0, bytes.len(), |_, at, lead| {
            found.extend(self.look(lead, place, at));
            found.len() < MAX_HITS
        });
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
    /// comes first in the table. A pair of AWS key id and secret proves both better than either alone.
    pub(super) fn settled(&self, mut all: Vec<Found>) -> Vec<Found> {
        let has_id = all.iter().any(|found| found.grade >= Grade::Structured && self.id(found) == "aws-access-key-id");
        if has_id {
            for found in &mut all {
                if found.grade == Grade::Contextual && self.id(found) == "aws-secret-access-key" {
                    found.grade = Grade::Structured;
                }
            }
        }
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
struct Place<'a> {
    bytes: &'a [u8],
    /// Offset of the first byte in the file.
    base: u64,
    text: bool,
    name: Name,
}

/// A value found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub start: u64,
    pub end: u64,
    pub detector: u16,
    pub grade: Grade,
    line: Option<u32>,
    pub expires: Option<i64>,
    pub redacted: Box<str>,
    pub fingerprint: Box<str>,
}

/// The search through one file.
///
/// Making one allocates nothing, and a file that is fed at once is searched where it lies.
#[derive(Debug, Default)]
pub struct FileScan<'p> {
    path: &'p str,
    name: Name,
    /// Whether the file is text; none until enough of it was seen.
    text: Option<bool>,
    /// Bytes whose windows were not whole yet, and those before them that windows reach back to.
    carry: Vec<u8>,
    /// Offset in the file of the first byte of the carry, or of the next chunk if there is none.
    base: u64,
    /// Index in the carry of the first place not looked at.
    from: usize,
    /// Newlines before `base`.
    lines: u64,
    /// A NUL was seen before `base`.
    nul: bool,
    found: Vec<Found>,
    by_pass: [usize; PASSES],
    truncated: bool,
}

impl<'p> FileScan<'p> {
    /// Starts with a file's path and its size in bytes.
    #[must_use]
    pub fn new(path: &'p str, _size: u64) -> Self {
        Self { path, name: Name::of(path), ..Self::default() }
    }

    /// Lets go of the path, so that the search can outlive it: the hits to come carry an empty path, which the caller
    /// fills in.
    #[must_use]
    pub fn without_path(self) -> FileScan<'static> {
        let Self { path: _, name, text, carry, base, from, lines, nul, found, by_pass, truncated } = self;
        FileScan { path: "", name, text, carry, base, from, lines, nul, found, by_pass, truncated }
    }

    /// Tells whether the file holds more than [`MAX_HITS`] hits, so that not all were told.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Gives the room of the bytes kept between two chunks.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.carry.capacity()
    }

    /// Takes the next bytes. `last` is set with the last of them (which may be empty); with it the hits are appended to
    /// `hits` in order of their offset, with `path` as given to [`FileScan::new`].
    pub fn feed(&mut self, scanner: &Scanner, bytes: &[u8], last: bool, hits: &mut Vec<Hit>) {
        if bytes.len() < GATHER && !(last && self.carry.is_empty()) {
            self.carry.extend_from_slice(bytes);
            if last || self.carry.len() >= GATHER {
                let mut carry = std::mem::take(&mut self.carry);
                let keep = self.search_whole_windows(scanner, &carry, last);
                carry.drain(..keep);
                self.carry = carry;
            }
        } else {
            if !self.carry.is_empty() {
                self.search_seam(scanner, bytes);
            }
            let keep = self.search_whole_windows(scanner, bytes, last);
            self.carry.extend_from_slice(&bytes[keep..]);
        }
        if last {
            self.deliver(scanner, hits);
        }
    }

    /// Searches the carry up to the first place whose window reaches back no further than `bytes`, which follow it.
    fn search_seam(&mut self, scanner: &Scanner, bytes: &[u8]) {
        let mut carry = std::mem::take(&mut self.carry);
        let old = carry.len();
        carry.extend_from_slice(&bytes[..bytes.len().min(KEEP + SNIFF)]);
        self.search(scanner, &carry, old + KEEP);
        self.pass_by(&carry[..old]);
        self.from = KEEP;
        carry.clear();
        self.carry = carry;
    }

    /// Searches all places whose windows are whole; gives the number of bytes that no later window needs.
    fn search_whole_windows(&mut self, scanner: &Scanner, bytes: &[u8], last: bool) -> usize {
        if last {
            self.search(scanner, bytes, bytes.len());
            return bytes.len();
        }
        let to = bytes.len().saturating_sub(AHEAD).max(self.from);
        self.search(scanner, bytes, to);
        let keep = to.saturating_sub(KEEP);
        self.pass_by(&bytes[..keep]);
        self.from = to - keep;
        keep
    }

    /// Leaves bytes behind.
    fn pass_by(&mut self, bytes: &[u8]) {
        self.base += bytes.len() as u64;
        if self.text == Some(true) && !self.nul {
            self.lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
            self.nul = memchr::memchr(0, bytes).is_some();
        }
    }

    /// Looks at the places from `self.from` to `to` of a piece of the file that begins at `self.base`.
    fn search(&mut self, scanner: &Scanner, bytes: &[u8], to: usize) {
        let text = *self.text.get_or_insert_with(|| memchr::memchr(0, &bytes[..bytes.len().min(SNIFF)]).is_none());
        let place = Place { bytes, base: self.base, text, name: self.name };
        let first = self.found.len();
        let Self { found, by_pass, truncated, .. } = self;
        scanner.each_place(place, self.from, to, |pass, at, lead| {
            if by_pass[pass] > MAX_HITS {
                return false;
            }
            if let Some(one) = scanner.look(lead, place, at) {
                by_pass[pass] += 1;
                if by_pass[pass] > MAX_HITS {
                    *truncated = true;
                    return false;
                }
                found.push(one);
            }
            true
        });
        if text && found.len() > first {
            self.number_lines(bytes, first);
        }
    }

    /// Gives the findings from `first` on their lines.
    fn number_lines(&mut self, bytes: &[u8], first: usize) {
        let new = &mut self.found[first..];
        new.sort_by_key(|found| found.start);
        let (mut line, mut seen, mut nul) = (self.lines, 0, self.nul);
        for found in new {
            let Ok(at) = usize::try_from(found.start - self.base) else { return };
            let step = bytes.get(seen..at).unwrap_or_default();
            nul = nul || memchr::memchr(0, step).is_some();
            line += memchr::memchr_iter(b'\n', step).count() as u64;
            seen = seen.max(at);
            found.line = if nul { None } else { u32::try_from(line + 1).ok() };
        }
    }

    fn deliver(&mut self, scanner: &Scanner, hits: &mut Vec<Hit>) {
        if self.found.is_empty() {
            return;
        }
        let mut settled = scanner.settled(std::mem::take(&mut self.found));
        if settled.len() > MAX_HITS {
            settled.truncate(MAX_HITS);
            self.truncated = true;
        }
        hits.extend(settled.into_iter().map(|found| Hit {
            path: self.path.into(),
            offset: found.start,
            line: found.line,
            detector: scanner.id(&found).into(),
            grade: found.grade,
            nature: scanner.nature(&found),
            view: Box::default(),
            expires: found.expires,
            redacted: found.redacted,
            fingerprint: found.fingerprint,
        }));
    }
}
