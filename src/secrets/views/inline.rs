//! What stands encoded between other bytes: base64 and hexadecimal runs, UTF-16 text, escapes.
//!
//! Each is noticed by where it begins, and decoded from there on, byte by byte in order; so where the stream is cut never
//! matters. What lies behind the places of a piece is only looked at ahead.

use super::super::engine::Place;
use super::super::gate::runs::is_run_byte;
use super::{Child, Seen, Shared};
use crate::model::ViewKind;

/// Least number of characters of a run of base64 that is decoded.
const BASE64: usize = 40;
/// Least number of digits of a run of hexadecimal that is decoded.
const HEX: usize = 64;
/// Least number of characters of UTF-16 text.
const WIDE: usize = 20;
/// Shorter base64 is decoded when it begins like the tokens of GitHub or like a JWT in base64.
const LEADS: &[&[u8]] = &[b"Z2hwX", b"Z2hvX", b"Z2h1X", b"Z2hzX", b"Z2hyX", b"Z2l0aHViX3BhdF", b"ZXlK"];
/// Least length of a line of base64 that goes on in the next line.
const LINE: usize = 60;
/// Longest indent of such a line.
const INDENT: usize = 32;
/// Bytes decoded at once.
const PIECE: usize = 3072;
/// Bytes of a line with escapes that are decoded before and behind the first of them.
const ESCAPED_BEHIND: usize = 256;
const ESCAPED_AHEAD: usize = 2048;

/// The state between two pieces.
#[derive(Debug, Default)]
pub(super) struct Inline {
    run: Option<Run>,
    wide: Option<Wide>,
    /// Offsets in the stream up to which runs, wide text and escapes have been dealt with.
    run_done: u64,
    wide_done: u64,
    escapes_done: u64,
}

/// An open run of base64 or hexadecimal.
#[derive(Debug)]
struct Run {
    child: Child,
    hex: bool,
    /// Bits not yet given out, and their number.
    bits: u32,
    held: u32,
    /// Characters of the current line, and blanks of the current indent.
    line: usize,
    out: Vec<u8>,
}

/// Open text in UTF-16.
#[derive(Debug)]
struct Wide {
    child: Child,
    /// Whether the character stands before its NUL.
    little: bool,
}

impl Inline {
    /// Takes the places of a piece; see [`Watch::piece`](super::Watch::piece).
    pub fn piece(
        &mut self,
        shared: &mut Shared<'_>,
        seen: &mut Vec<Seen>,
        depth: u8,
        place: Place<'_>,
        (from, to): (usize, usize),
        runs: &[(usize, usize)],
    ) {
        let mut at = from;
        if let Some(run) = self.run.take() {
            at = self.go_on(run, shared, seen, place, (from, to));
        }
        for &(start, end) in runs {
            let begins = start >= at
                && place.base + start as u64 >= self.run_done
                && (start == 0 || !is_run_byte(place.bytes[start - 1]));
            if !begins || self.run.is_some() {
                continue;
            }
            if let Some(hex) = kind_of_run(&place.bytes[start..end]) {
                let (kind, label) = if hex { (ViewKind::Hex, "@hex") } else { (ViewKind::Base64, "@base64") };
                let child = Child::decoded(kind, label, place.name, depth, place.base + start as u64);
                let run = Run { child, hex, bits: 0, held: 0, line: 0, out: Vec::new() };
                at = self.go_on(run, shared, seen, place, (start, to));
            }
        }
        if place.text {
            self.escapes(shared, seen, depth, place, runs);
        } else {
            self.wide_text(shared, seen, depth, place, (from, to));
        }
    }

    /// Ends what is open behind the last byte of the stream.
    pub fn end(&mut self, shared: &mut Shared<'_>, seen: &mut Vec<Seen>) {
        if let Some(run) = self.run.take() {
            let end = self.run_done;
            run.end(shared, seen, end);
        }
        if let Some(wide) = self.wide.take() {
            wide.child.end(shared, self.wide_done, true, seen);
        }
    }

    /// Decodes a run from `from` on; gives the place behind what was decoded.
    fn go_on(
        &mut self,
        mut run: Run,
        shared: &mut Shared<'_>,
        seen: &mut Vec<Seen>,
        place: Place<'_>,
        (from, to): (usize, usize),
    ) -> usize {
        let done = usize::try_from(self.run_done.saturating_sub(place.base)).unwrap_or(usize::MAX);
        let mut at = from.max(done);
        while at < to {
            if let Some(value) = run.value(place.bytes[at]) {
                run.push(shared, value);
                at += 1;
            } else if let Some(next) = run.next_line(place.bytes, at) {
                run.line = 0;
                at = next;
            } else {
                run.end(shared, seen, place.base + at as u64);
                self.run_done = place.base + at as u64;
                return at;
            }
        }
        self.run_done = place.base + at as u64;
        self.run = Some(run);
        at
    }

    /// Decodes ASCII text in UTF-16 of either byte order.
    fn wide_text(
        &mut self,
        shared: &mut Shared<'_>,
        seen: &mut Vec<Seen>,
        depth: u8,
        place: Place<'_>,
        (from, to): (usize, usize),
    ) {
        let (bytes, base) = (place.bytes, place.base);
        let mut at = from;
        if let Some(wide) = self.wide.take() {
            at = self.go_on_wide(wide, shared, seen, place, (from, to));
        }
        // A text that begins before `to` and is long enough covers the first half of one of these groups.
        let end = bytes.len().min(to + 2 * WIDE);
        let (groups, _) = bytes.get(at..end).unwrap_or_default().as_chunks::<16>();
        let first = at;
        for (index, group) in groups.iter().enumerate() {
            let word = group.first_chunk::<8>().map_or(0, |half| u64::from_le_bytes(*half));
            let (low, high) = (word & 0x00ff_00ff_00ff_00ff, word >> 8 & 0x00ff_00ff_00ff_00ff);
            if low != 0 && high != 0 || word == 0 {
                continue;
            }
            // No character is NUL: no borrow reaches the upper half of a pair.
            let characters = low | high;
            if characters.wrapping_sub(0x0001_0001_0001_0001) & 0x8000_8000_8000_8000 != 0 {
                continue;
            }
            let (mut little, place_of_group) = (high == 0, first + index * 16);
            if place_of_group < at {
                continue;
            }
            let mut start = place_of_group;
            while start >= from + 2 && start >= at + 2 && wide_character(bytes, start - 2, little).is_some() {
                start -= 2;
            }
            let mut continues = start >= 2 && wide_character(bytes, start - 2, little).is_some();
            // Shifted by a byte it may be text of the other order as well. Which of the two a group shows depends on where
            // the piece begins; the one that starts first counts.
            if start >= 1 && wide_character(bytes, start - 1, !little).is_some() {
                (start, little) = (start - 1, !little);
                continues |= start < from.max(at);
            }
            let length = (start..).step_by(2).take(WIDE).take_while(|&at| wide_character(bytes, at, little).is_some());
            if continues || start >= to || length.count() < WIDE {
                continue;
            }
            let child = Child::decoded(ViewKind::Utf16, "@utf-16", place.name, depth, base + start as u64);
            at = self.go_on_wide(Wide { child, little }, shared, seen, place, (start, to));
            if self.wide.is_some() {
                return;
            }
        }
    }

    fn go_on_wide(
        &mut self,
        mut wide: Wide,
        shared: &mut Shared<'_>,
        seen: &mut Vec<Seen>,
        place: Place<'_>,
        (from, to): (usize, usize),
    ) -> usize {
        let done = usize::try_from(self.wide_done.saturating_sub(place.base)).unwrap_or(usize::MAX);
        let mut at = from.max(done);
        let mut out = Vec::with_capacity(PIECE);
        let mut ended = false;
        while at < to && !ended {
            match wide_character(place.bytes, at, wide.little) {
                Some(character) => {
                    out.push(character);
                    at += 2;
                }
                None => ended = true,
            }
            if out.len() == PIECE || ended || at >= to {
                wide.child.decode(shared, &out);
                out.clear();
            }
        }
        self.wide_done = place.base + at as u64;
        if ended {
            wide.child.end(shared, self.wide_done, true, seen);
        } else {
            self.wide = Some(wide);
        }
        at
    }

    /// Decodes lines in which an escape stands before or behind a long run of token characters.
    fn escapes(
        &mut self,
        shared: &mut Shared<'_>,
        seen: &mut Vec<Seen>,
        depth: u8,
        place: Place<'_>,
        runs: &[(usize, usize)],
    ) {
        let (bytes, base) = (place.bytes, place.base);
        for &(run_start, run_end) in runs {
            let whole = run_start == 0 || !is_run_byte(bytes[run_start - 1]);
            // Whatever is longer was seen as it stands, and what is behind it may not be here yet.
            if !whole || run_end - run_start > ESCAPED_AHEAD || base + (run_start as u64) < self.escapes_done {
                continue;
            }
            let before = (1..=6).take(run_start).find_map(|back| {
                let at = run_start - back;
                joining(&bytes[at..]).filter(|length| at + length >= run_start).map(|_| at)
            });
            let Some(at) = before.or_else(|| joining(&bytes[run_end..]).map(|_| run_end)) else { continue };
            let behind = &bytes[run_start.saturating_sub(ESCAPED_BEHIND)..at.min(run_start)];
            let start = at.min(run_start) - behind.iter().rev().take_while(|&&byte| byte != b'\n').count();
            let ahead = &bytes[run_end..bytes.len().min(run_end + ESCAPED_AHEAD)];
            let end = run_end + memchr::memchr(b'\n', ahead).unwrap_or(ahead.len());
            self.escapes_done = base + end as u64;
            let mut child = Child::decoded(ViewKind::Escapes, "@escapes", place.name, depth, base + start as u64);
            child.decode(shared, &unescaped(&bytes[start..end]));
            child.end(shared, base + end as u64, true, seen);
        }
    }
}

impl Run {
    /// The value of a character of the run.
    fn value(&self, byte: u8) -> Option<u32> {
        if self.hex {
            return char::from(byte).to_digit(16);
        }
        base64_value(byte)
    }

    fn push(&mut self, shared: &mut Shared<'_>, value: u32) {
        let width = if self.hex { 4 } else { 6 };
        self.bits = self.bits << width | value;
        self.held += width;
        self.line += 1;
        if self.held >= 8 {
            self.held -= 8;
            #[expect(clippy::cast_possible_truncation, reason = "eight bits are taken")]
            self.out.push((self.bits >> self.held) as u8);
            self.bits &= (1 << self.held) - 1;
        }
        if self.out.len() >= PIECE {
            self.child.decode(shared, &self.out);
            self.out.clear();
        }
    }

    /// Gives the start of the next line, if the run goes on there: lines of base64 are of one length, often indented.
    fn next_line(&self, bytes: &[u8], at: usize) -> Option<usize> {
        if self.hex || self.line < LINE || !self.line.is_multiple_of(4) {
            return None;
        }
        let rest = bytes.get(at..)?;
        let newline = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.first() == Some(&b'\n')) };
        let indent = rest[newline..].iter().take(INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let next = rest.get(newline + indent)?;
        (newline > 0 && base64_value(*next).is_some()).then_some(at + newline + indent)
    }

    fn end(mut self, shared: &mut Shared<'_>, seen: &mut Vec<Seen>, end: u64) {
        self.child.decode(shared, &self.out);
        self.child.end(shared, end, true, seen);
    }
}

fn base64_value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    }))
}

/// Tells how a run of token characters is decoded: as hexadecimal, as base64, or not at all. What comes out has to begin
/// like text or like a compressed stream.
fn kind_of_run(run: &[u8]) -> Option<bool> {
    let shown = |byte: &u8| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let known = |first: &[u8]| {
        first.iter().all(shown)
            || [&[0x1f, 0x8b, 8][..], b"PK\x03\x04", &[0x28, 0xb5, 0x2f, 0xfd]]
                .iter()
                .any(|magic| first.starts_with(magic))
    };
    if run.len() >= HEX && run[..16].iter().all(u8::is_ascii_hexdigit) {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default();
        let (pairs, _) = run[..16].as_chunks::<2>();
        let first: Vec<u8> =
            pairs.iter().map(|pair| u8::try_from(digit(pair[0]) << 4 | digit(pair[1])).unwrap_or_default()).collect();
        let even = run.iter().take_while(|byte| byte.is_ascii_hexdigit()).count() >= HEX;
        if even && known(&first) {
            return Some(true);
        }
    }
    let lead = || run[0] == b'Z' && LEADS.iter().any(|lead| run.starts_with(lead));
    if run.len() < BASE64 && !lead() {
        return None;
    }
    let mut first = Vec::with_capacity(12);
    let (groups, _) = run[..16].as_chunks::<4>();
    for group in groups {
        let bits = group.iter().try_fold(0, |bits, &byte| Some(bits << 6 | base64_value(byte)?))?;
        first.extend_from_slice(&bits.to_be_bytes()[1..]);
    }
    let long = || run.len() >= BASE64 && run[..BASE64].iter().all(|&byte| base64_value(byte).is_some());
    (known(&first) && (lead() || long())).then_some(false)
}

/// Gives the ASCII character of UTF-16 at `at`.
fn wide_character(bytes: &[u8], at: usize, little: bool) -> Option<u8> {
    let pair = bytes.get(at..at + 2)?;
    let (character, nul) = if little { (pair[0], pair[1]) } else { (pair[1], pair[0]) };
    (nul == 0 && (matches!(character, b' '..=b'~') || matches!(character, b'\t' | b'\r' | b'\n'))).then_some(character)
}

/// Reads an escape at the start of `bytes`: its length, and the ASCII character that it stands for; 0 when it stands for
/// one that ends words.
fn escape(bytes: &[u8]) -> Option<(usize, u8)> {
    const NAMED: &[(&[u8], u8)] = &[
        (b"&amp;", b'&'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&#34;", b'"'),
        (b"&#39;", b'\''),
        (b"&#43;", b'+'),
        (b"&#47;", b'/'),
        (b"&#61;", b'='),
    ];
    let hex = |from: usize, digits: usize| {
        let text = bytes.get(from..from + digits).filter(|text| text.iter().all(u8::is_ascii_hexdigit))?;
        let value = text.iter().fold(0, |value, &byte| value << 4 | char::from(byte).to_digit(16).unwrap_or_default());
        u8::try_from(value).ok().filter(|byte| matches!(byte, b' '..=b'~')).map(|byte| (from + digits, byte))
    };
    match bytes {
        [b'%', ..] => hex(1, 2),
        [b'\\', b'x', ..] => hex(2, 2),
        [b'\\', b'u', ..] => hex(2, 4),
        [b'\\', byte @ (b'/' | b'=' | b':' | b'+' | b'-' | b'_' | b'.'), ..] => Some((2, *byte)),
        [b'\\', b'n' | b'r' | b't' | b'"' | b'\'', ..] => Some((2, 0)),
        [b'&', ..] => NAMED.iter().find(|(name, _)| bytes.starts_with(name)).map(|(name, byte)| (name.len(), *byte)),
        _ => None,
    }
}

/// Gives the length of an escape at the start of `bytes` whose character does not end a word.
fn joining(bytes: &[u8]) -> Option<usize> {
    matches!(bytes.first(), Some(b'\\' | b'%' | b'&'))
        .then(|| escape(bytes))
        .flatten()
        .filter(|(_, byte)| *byte != 0)
        .map(|(length, _)| length)
}

/// Replaces the escapes of a line.
fn unescaped(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        match escape(&line[at..]) {
            Some((length, 0)) => {
                out.push(if line[at + 1] == b'"' { b'"' } else { b'\n' });
                at += length;
            }
            Some((length, byte)) => {
                out.push(byte);
                at += length;
            }
            None => {
                out.push(line[at]);
                at += 1;
            }
        }
    }
    out
}
