//! The search through one stream of bytes, fed in chunks.
//!
//! A place is looked at as soon as its whole window is there, so the carry between two chunks is one window, and where
//! chunks are cut never changes what is found.

use super::engine::{Found, MAX_HITS, Place, Scanner};
use super::gate::Lead;
use super::name::Name;
use super::window::{AHEAD, BEHIND};
use crate::model::Grade;

/// Bytes at the start of a stream that decide whether it is text.
const SNIFF: usize = 8 * 1024;

/// Chunks below this are gathered before they are searched.
const GATHER: usize = 32 * 1024;

/// Longest distance between the first byte of a lead and its probe.
const MAX_SKIP: usize = 64;

/// Bytes that are kept before the first place not yet looked at.
pub(super) const KEEP: usize = BEHIND + MAX_SKIP;

/// The state of the search.
#[derive(Debug, Default)]
pub(super) struct Search {
    name: Name,
    /// Whether the stream is text; none until enough of it was seen.
    text: Option<bool>,
    /// Bytes whose windows were not whole yet, and those before them that windows reach back to.
    carry: Vec<u8>,
    /// Offset in the stream of the first byte of the carry, or of the next chunk if there is none.
    base: u64,
    /// Index in the carry of the first place not looked at.
    from: usize,
    /// Newlines before `base`.
    lines: u64,
    /// A NUL was seen before `base`.
    nul: bool,
    /// What is surer than [`Grade::Weak`].
    sure: Kept,
    /// What is not: counted apart, so that no crowd of examples pushes a secret out.
    weak: Kept,
}

/// The findings of one stream that come first, at most [`MAX_HITS`] of them.
#[derive(Debug, Default)]
struct Kept {
    found: Vec<Found>,
    /// Findings behind this place are beyond the limit.
    ceiling: Option<u64>,
    truncated: bool,
}

impl Kept {
    /// Keeps a finding, if it is one of the first [`MAX_HITS`]; which those are does not depend on the order they come in.
    fn keep(&mut self, one: Found) {
        if self.ceiling.is_some_and(|ceiling| one.start > ceiling) {
            self.truncated = true;
            return;
        }
        self.found.push(one);
        if self.found.len() >= 2 * MAX_HITS {
            self.prune();
        }
    }

    fn prune(&mut self) {
        if self.found.len() <= MAX_HITS {
            return;
        }
        self.found.sort_by(|one, other| {
            let key = |found: &Found| (found.start, found.end, found.detector, std::cmp::Reverse(found.grade));
            key(one).cmp(&key(other))
        });
        self.found
            .dedup_by(|one, other| (one.start, one.end, one.detector) == (other.start, other.end, other.detector));
        if self.found.len() > MAX_HITS {
            self.found.truncate(MAX_HITS);
            self.ceiling = self.found.last().map(|found| found.start);
            self.truncated = true;
        }
    }
}

/// What is told of each piece of the stream exactly once, in order, besides the search itself.
pub(super) trait Watch {
    /// Takes the places `from..to` of a piece of the stream, and the long runs that lie in them, clipped to
    /// `from..bytes.len()`. There are [`KEEP`] bytes before `from` and a window behind `to`, but for the ends of the stream.
    fn piece(&mut self, place: Place<'_>, from: usize, to: usize, runs: &[(usize, usize)]);
}

/// Nothing is watched.
impl Watch for () {
    fn piece(&mut self, _: Place<'_>, _: usize, _: usize, _: &[(usize, usize)]) {}
}

/// Tells whether a stream that begins like this is searched as text. The constants of compiled Python and Java are text.
fn is_text(bytes: &[u8]) -> bool {
    match bytes {
        // The version, then a newline that text transfers would break (PEP 3147); a class file (JVMS 4.1).
        [_, 0x0b..=0x0e, b'\r', b'\n', 0..=3, 0, 0, 0, ..] | [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 0x2d..=0x50, ..] => true,
        _ => memchr::memchr(0, &bytes[..bytes.len().min(SNIFF)]).is_none(),
    }
}

impl Search {
    /// Starts a stream whose name says this about it.
    pub fn new(name: Name) -> Self {
        Self { name, ..Self::default() }
    }

    /// Whether the stream is text; none until enough of it was seen.
    pub fn is_text(&self) -> Option<bool> {
        self.text
    }

    /// Tells whether there were more findings than are kept; weak ones do not count.
    pub fn truncated(&self) -> bool {
        self.sure.truncated
    }

    /// Gives the room of the bytes kept between two chunks.
    #[cfg(test)]
    pub fn held(&self) -> usize {
        self.carry.capacity()
    }

    /// Takes the next bytes. `last` is set with the last of them, which may be empty.
    pub fn feed(&mut self, scanner: &Scanner, bytes: &[u8], last: bool, watch: &mut dyn Watch) {
        if bytes.len() < GATHER && !(last && self.carry.is_empty()) {
            self.carry.extend_from_slice(bytes);
            if last || self.carry.len() >= GATHER {
                let mut carry = std::mem::take(&mut self.carry);
                let keep = self.search_whole_windows(scanner, &carry, last, watch);
                carry.drain(..keep);
                self.carry = carry;
            }
        } else {
            if !self.carry.is_empty() {
                self.search_seam(scanner, bytes, watch);
            }
            let keep = self.search_whole_windows(scanner, bytes, last, watch);
            self.carry.extend_from_slice(&bytes[keep..]);
        }
    }

    /// Gives what was found, sorted out.
    pub fn finish(&mut self, scanner: &Scanner) -> Vec<Found> {
        let (mut sure, mut weak) = (std::mem::take(&mut self.sure), std::mem::take(&mut self.weak));
        self.sure.truncated = sure.truncated;
        if sure.found.is_empty() && weak.found.is_empty() {
            return Vec::new();
        }
        sure.prune();
        weak.prune();
        self.sure.truncated = sure.truncated;
        sure.found.append(&mut weak.found);
        scanner.settled(sure.found)
    }

    /// Searches the carry up to the first place whose window reaches back no further than `bytes`, which follow it.
    fn search_seam(&mut self, scanner: &Scanner, bytes: &[u8], watch: &mut dyn Watch) {
        let mut carry = std::mem::take(&mut self.carry);
        let old = carry.len();
        carry.extend_from_slice(&bytes[..bytes.len().min(KEEP + SNIFF)]);
        self.search(scanner, &carry, old + KEEP, watch);
        self.pass_by(&carry[..old]);
        self.from = KEEP;
        carry.clear();
        self.carry = carry;
    }

    /// Searches all places whose windows are whole; gives the number of bytes that no later window needs.
    fn search_whole_windows(&mut self, scanner: &Scanner, bytes: &[u8], last: bool, watch: &mut dyn Watch) -> usize {
        if last {
            self.search(scanner, bytes, bytes.len(), watch);
            return bytes.len();
        }
        let to = bytes.len().saturating_sub(AHEAD).max(self.from);
        self.search(scanner, bytes, to, watch);
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

    /// Looks at the places from `self.from` to `to` of a piece of the stream that begins at `self.base`.
    fn search(&mut self, scanner: &Scanner, bytes: &[u8], to: usize, watch: &mut dyn Watch) {
        let text = *self.text.get_or_insert_with(|| is_text(bytes));
        let place = Place { bytes, base: self.base, text, name: self.name };
        let from = self.from;
        let mut runs = Vec::new();
        let mut any = false;
        let mut visit = |at: usize, lead: &Lead| {
            if self.sure.ceiling.is_some_and(|ceiling| place.base + at as u64 > ceiling + KEEP as u64) {
                return false;
            }
            if let Some(one) = scanner.look(lead, place, at) {
                any = true;
                if one.grade == Grade::Weak { self.weak.keep(one) } else { self.sure.keep(one) }
            }
            true
        };
        scanner.each_place(place, (from, to), &mut visit, &mut |start, end| runs.push((start, end)));
        if text && any {
            self.number_lines(bytes);
        }
        watch.piece(place, from, to, &runs);
    }

    /// Gives the findings that have none yet their lines; all lie in `bytes` or behind.
    fn number_lines(&mut self, bytes: &[u8]) {
        let base = self.base;
        let mut new: Vec<&mut Found> = self
            .sure
            .found
            .iter_mut()
            .chain(&mut self.weak.found)
            .filter(|found| found.start >= base && found.line.is_none())
            .collect();
        new.sort_by_key(|found| found.start);
        let (mut line, mut seen, mut nul) = (self.lines, 0, self.nul);
        for found in new {
            let Ok(at) = usize::try_from(found.start - base) else { return };
            let step = bytes.get(seen..at).unwrap_or_default();
            nul = nul || memchr::memchr(0, step).is_some();
            line += memchr::memchr_iter(b'\n', step).count() as u64;
            seen = seen.max(at);
            found.line = if nul { None } else { u32::try_from(line + 1).ok() };
        }
    }
}
