//! Views: other ways to read the same bytes. What a view shows is searched like a file.
//!
//! A [`Stream`] is a file, a member of an archive, or what a decoder makes of it. Its bytes are searched as they stand. When
//! they begin like an archive or a compressed stream ([`container`]), they are unpacked as they come by; what stands in text
//! as base64, hexadecimal, UTF-16 or with escapes ([`inline`]) is decoded in place. Nothing is kept whole: each stream holds
//! one window and the state of its decoder.

mod ar;
mod container;
mod decoder;
mod inline;
mod packed;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

use super::engine::{Found, MAX_HITS, Place, Scanner};
use super::name::Name;
use super::search::{Search, Watch};
use crate::model::{Grade, ScanLedger, SkipReason, ViewKind};
use container::Container;
use inline::Inline;

/// How deep archives inside archives are looked into.
pub(super) const DEPTH: u8 = 3;

/// Most bytes that are unpacked out of one file, on all levels together.
pub(super) const MAX_UNPACKED: u64 = 1 << 30;

/// Most members of all archives in one file.
const MAX_MEMBERS: u32 = 100_000;

/// A stream that unpacks to more than this many times its size, and to more than [`FREE`], is a bomb.
const MAX_RATIO: u64 = 250;
const FREE: u64 = 64 << 20;

/// Bytes that decide what a stream is: a tar header tells it at its 257th.
const HEAD: usize = 512;

/// What the streams of one file share.
pub(super) struct Shared<'a> {
    pub scanner: &'a Scanner,
    pub account: &'a mut Account,
}

/// The ledger and the bounds of one file.
#[derive(Debug)]
pub(super) struct Account {
    pub ledger: ScanLedger,
    /// Bytes that may still be unpacked.
    pub unpackable: u64,
    members: u32,
    pub truncated: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self { ledger: ScanLedger::default(), unpackable: MAX_UNPACKED, members: 0, truncated: false }
    }
}

/// A finding and how it was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// The way to it inside the stream; empty when it stands there as it is.
    pub view: String,
    /// Where it begins in the stream, or the outermost container around it.
    pub start: u64,
    pub end: u64,
    /// Whether the outermost step was a decoder of text, not an archive.
    inline: bool,
    pub found: Found,
}

/// A sequence of bytes that is searched.
#[derive(Debug, Default)]
pub(super) struct Stream {
    search: Search,
    opening: Opening,
    inline: Option<Inline>,
    seen: Vec<Seen>,
    depth: u8,
}

#[derive(Debug)]
enum Opening {
    /// The first bytes, as long as they do not tell what the stream is.
    Unknown(Vec<u8>),
    Plain,
    Container(Box<Container>),
}

impl Default for Opening {
    fn default() -> Self {
        Self::Unknown(Vec::new())
    }
}

impl Stream {
    /// A file.
    pub fn file(name: Name) -> Self {
        Self { search: Search::new(name), inline: Some(Inline::default()), ..Self::default() }
    }

    /// A member of an archive, or an unpacked stream.
    fn inside(name: Name, depth: u8) -> Self {
        Self { depth, ..Self::file(name) }
    }

    /// What was decoded in place: not decoded in place again.
    fn decoded(name: Name, depth: u8) -> Self {
        Self { search: Search::new(name), depth, ..Self::default() }
    }

    /// The search of the bytes as they stand.
    pub fn search(&self) -> &Search {
        &self.search
    }

    /// Takes the next bytes. `last` is set with the last of them, which may be empty.
    pub fn feed(&mut self, shared: &mut Shared<'_>, bytes: &[u8], last: bool) {
        let scanner = shared.scanner;
        let Self { search, inline, seen, depth, .. } = self;
        match inline {
            Some(inline) => {
                let mut watching = Watching { inline, shared, seen, depth: *depth };
                search.feed(scanner, bytes, last, &mut watching);
                if last {
                    watching.inline.end(watching.shared, watching.seen);
                }
            }
            None => search.feed(scanner, bytes, last, &mut ()),
        }
        self.unpack(shared, bytes, last);
        self.bound(shared);
    }

    fn unpack(&mut self, shared: &mut Shared<'_>, bytes: &[u8], last: bool) {
        if let Opening::Unknown(head) = &mut self.opening {
            if head.is_empty() && (last || bytes.len() >= HEAD) {
                self.opening = Opening::of(bytes, self.depth);
            } else {
                let (first, rest) = bytes.split_at(bytes.len().min(HEAD - head.len()));
                head.extend_from_slice(first);
                if !last && head.len() < HEAD {
                    return;
                }
                let head = std::mem::take(head);
                self.opening = Opening::of(&head, self.depth);
                if let Opening::Container(container) = &mut self.opening {
                    container.feed(shared, &head, last && rest.is_empty(), &mut self.seen);
                    if !rest.is_empty() {
                        container.feed(shared, rest, last, &mut self.seen);
                    }
                }
                return;
            }
        }
        if let Opening::Container(container) = &mut self.opening {
            container.feed(shared, bytes, last, &mut self.seen);
        }
    }

    /// Keeps memory bounded when views show ever more.
    fn bound(&mut self, shared: &mut Shared<'_>) {
        if self.seen.len() > 4 * MAX_HITS {
            shared.account.truncated |= cut_to_limit(&mut self.seen);
        }
    }

    /// Gives what was found, behind the last byte: each value once per place.
    pub fn finish(&mut self, shared: &mut Shared<'_>) -> Vec<Seen> {
        let raw = self.search.finish(shared.scanner);
        shared.account.truncated |= self.search.truncated();
        let mut seen = std::mem::take(&mut self.seen);
        let mut raw: Vec<Seen> = raw
            .into_iter()
            .map(|found| Seen { view: String::new(), start: found.start, end: found.end, inline: false, found })
            .collect();
        if seen.is_empty() {
            return raw;
        }
        let same = |one: &Seen, other: &Seen| {
            one.found.fingerprint == other.found.fingerprint && one.start < other.end && other.start < one.end
        };
        // A decoder tells what the bytes tell already, an archive tells it better: it knows the member.
        seen.retain(|view| !view.inline || !raw.iter().any(|plain| same(view, plain)));
        raw.retain(|plain| !seen.iter().any(|view| !view.inline && same(view, plain)));
        // What a run of base64 or hexadecimal decodes to is surer than that the run is a value at all.
        let surer = |view: &Seen, plain: &Seen| {
            (view.view.starts_with("@base64") || view.view.starts_with("@hex"))
                && view.found.grade > plain.found.grade
                && view.start < plain.end
                && plain.start < view.end
        };
        raw.retain(|plain| !seen.iter().any(|view| surer(view, plain)));
        raw.append(&mut seen);
        raw.sort_by(|one, other| {
            let key = |seen: &Seen| (seen.start, seen.end, seen.found.start, seen.found.detector);
            key(one).cmp(&key(other)).then_with(|| one.view.cmp(&other.view))
        });
        raw
    }
}

/// Leaves the first [`MAX_HITS`] of the sure findings and as many of the weak ones; tells whether a sure one was left out.
pub(super) fn cut_to_limit(seen: &mut Vec<Seen>) -> bool {
    let (mut sure, mut weak) = (0, 0);
    seen.retain(|one| {
        let count = if one.found.grade == Grade::Weak { &mut weak } else { &mut sure };
        *count += 1;
        *count <= MAX_HITS
    });
    sure > MAX_HITS
}

impl Opening {
    fn of(head: &[u8], depth: u8) -> Self {
        match Container::of(head, depth) {
            Some(container) => Self::Container(Box::new(container)),
            None => Self::Plain,
        }
    }
}

struct Watching<'w, 'a> {
    inline: &'w mut Inline,
    shared: &'w mut Shared<'a>,
    seen: &'w mut Vec<Seen>,
    depth: u8,
}

impl Watch for Watching<'_, '_> {
    fn piece(&mut self, place: Place<'_>, from: usize, to: usize, runs: &[(usize, usize)]) {
        self.inline.piece(self.shared, self.seen, self.depth, place, (from, to), runs);
    }
}

/// A stream inside another one.
#[derive(Debug)]
struct Child {
    stream: Box<Stream>,
    /// How it is written behind the way to the outer stream.
    label: String,
    kind: ViewKind,
    /// Where it begins in the outer stream.
    start: u64,
    bytes: u64,
    /// Nothing is taken any more: a bound was reached.
    cut: bool,
}

impl Child {
    /// Begins a member or an unpacked stream; none when it lies too deep or there are too many.
    fn unpacked(
        shared: &mut Shared<'_>,
        kind: ViewKind,
        label: String,
        name: Name,
        depth: u8,
        start: u64,
    ) -> Option<Self> {
        if depth >= DEPTH {
            shared.skip(SkipReason::Depth, 0, &label);
            return None;
        }
        if shared.account.members >= MAX_MEMBERS {
            shared.skip(SkipReason::Bounds, 0, &label);
            return None;
        }
        shared.account.members += 1;
        let stream = Box::new(Stream::inside(name, depth + 1));
        Some(Self { stream, label, kind, start, bytes: 0, cut: false })
    }

    /// Begins what is decoded in place.
    fn decoded(kind: ViewKind, label: &str, name: Name, depth: u8, start: u64) -> Self {
        let stream = Box::new(Stream::decoded(name, depth));
        Self { stream, label: label.to_owned(), kind, start, bytes: 0, cut: false }
    }

    /// Takes unpacked bytes; `stored` is how many bytes of the outer stream they and those before them took. Gives false
    /// when no more are taken.
    fn unpack(&mut self, shared: &mut Shared<'_>, bytes: &[u8], stored: u64) -> bool {
        if self.cut {
            return false;
        }
        let left = usize::try_from(shared.account.unpackable).unwrap_or(usize::MAX);
        let bomb = self.bytes > FREE && self.bytes / MAX_RATIO > stored;
        let taken = if bomb { &[] } else { &bytes[..bytes.len().min(left)] };
        shared.account.unpackable -= taken.len() as u64;
        self.bytes += taken.len() as u64;
        self.stream.feed(shared, taken, false);
        if taken.len() < bytes.len() {
            self.cut = true;
            shared.skip(SkipReason::Bounds, 0, &self.label);
        }
        !self.cut
    }

    /// Takes bytes decoded in place: there are never more of them than of the outer stream.
    fn decode(&mut self, shared: &mut Shared<'_>, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.stream.feed(shared, bytes, false);
    }

    /// Ends the stream, which ended at `end` of the outer one, and passes on what was found.
    fn end(mut self, shared: &mut Shared<'_>, end: u64, inline: bool, seen: &mut Vec<Seen>) {
        self.stream.feed(shared, &[], true);
        shared.account.ledger.add_decoded(self.kind, 1, self.bytes);
        seen.extend(self.stream.finish(shared).into_iter().map(|mut one| {
            if inline {
                one.found.line = None;
            }
            one.view.insert_str(0, &self.label);
            Seen { start: self.start, end: end.max(self.start + 1), inline, ..one }
        }));
    }
}

impl Shared<'_> {
    /// Notes what is not unpacked.
    fn skip(&mut self, reason: SkipReason, bytes: u64, label: &str) {
        self.account.ledger.add_skipped(reason, 1, bytes, label);
    }
}
