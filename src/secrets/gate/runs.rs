//! The gate of tokens: long runs of token characters, and in them the places where one of the leads stands.
//!
//! A token that begins with its lead and is at least [`LEAST`] characters long lies in a run of characters of
//! [`is_run_byte`]. Wherever such a run lies, it covers two neighbouring halves of 8 bytes that hold nothing else. Those
//! are looked for 64 bytes at a time, in a form that compilers turn into vector instructions; so the cost of most bytes does
//! not depend on the number of leads. Inside a run each place is a candidate: a token may stand between the packed strings
//! of a program.

use super::Lead;

/// Least number of characters of a token that is found by its run: two halves, wherever it begins.
pub(in crate::secrets) const LEAST: usize = 23;

/// Bytes of a lead that are looked up.
const KEY: usize = 3;
const BLOCK: usize = 64;
const HALF: usize = 8;

/// Tells whether the byte is one of `A-Z a-z 0-9 _ + - . /`.
pub(in crate::secrets) const fn is_run_byte(byte: u8) -> bool {
    (byte | 0x20).wrapping_sub(b'a') < 26 || byte.wrapping_sub(b'-') < 13 || byte == b'_' || byte == b'+'
}

const RUN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let is = is_run_byte(byte as u8);
        table[byte] = is;
        byte += 1;
    }
    table
};

/// Which bytes of a block are run bytes: all bits set, or none.
type Marks = [u8; BLOCK];

fn marks(block: &[u8; BLOCK]) -> Marks {
    let mut marks = [0u8; BLOCK];
    for (mark, &byte) in marks.iter_mut().zip(block) {
        *mark = if is_run_byte(byte) { u8::MAX } else { 0 };
    }
    marks
}

/// Gives a bit for each half of the block that holds nothing but run bytes.
fn full_halves(marks: &Marks) -> u8 {
    let (halves, _) = marks.as_chunks::<HALF>();
    let mut bits = 0;
    for (index, half) in halves.iter().enumerate() {
        bits |= u8::from(u64::from_ne_bytes(*half) == u64::MAX) << index;
    }
    bits
}

/// Gives a bit for each byte.
fn mask(marks: &Marks) -> u64 {
    let (halves, _) = marks.as_chunks::<HALF>();
    let mut mask = 0;
    for (index, half) in halves.iter().enumerate() {
        // The product gathers the lowest bits of eight bytes in the highest byte.
        let ones = u64::from_le_bytes(*half) & 0x0101_0101_0101_0101;
        mask |= (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) << (index * HALF);
    }
    mask
}

/// Calls `visit` with each run of at least [`LEAST`] run bytes that begins before `to`, clipped to `from..bytes.len()`, in
/// ascending order, until it returns false.
pub(in crate::secrets) fn each_run(bytes: &[u8], from: usize, to: usize, mut visit: impl FnMut(usize, usize) -> bool) {
    let end = bytes.len().min(to.saturating_add(LEAST));
    let mut at = from;
    // First byte that is not part of a run already told.
    let mut next = from;
    let mut before = false;
    while at < end {
        let marks = if let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
            marks(block)
        } else {
            let mut block = [0; BLOCK];
            block[..bytes.len() - at].copy_from_slice(&bytes[at..]);
            marks(&block)
        };
        let bits = full_halves(&marks);
        let pairs = bits & (bits << 1 | u8::from(before));
        before = bits >> 7 == 1;
        if pairs != 0 {
            let Some(told) = in_block(bytes, at, next, (pairs, mask(&marks)), to, &mut visit) else { return };
            next = told;
        }
        at += BLOCK;
        if next > at {
            // A run of many blocks was told at once.
            let whole = (next - at) / BLOCK * BLOCK;
            at += whole;
            before |= whole > 0;
        }
    }
}

/// Tells the runs of a block, and gives the end of the last one.
fn in_block(
    bytes: &[u8],
    at: usize,
    mut next: usize,
    (mut pairs, mask): (u8, u64),
    to: usize,
    visit: &mut impl FnMut(usize, usize) -> bool,
) -> Option<usize> {
    while pairs != 0 {
        // The pair ends with this half.
        let half = pairs.trailing_zeros() as usize * HALF;
        pairs &= pairs - 1;
        if at + half + HALF <= next {
            continue;
        }
        let after = (mask >> half).trailing_ones() as usize;
        let mut end = at + half + after;
        if half + after == BLOCK {
            let more = bytes[end..].iter().position(|&byte| !RUN_BYTES[usize::from(byte)]);
            end = more.map_or(bytes.len(), |length| end + length);
        }
        let in_block = if half == 0 { 0 } else { (mask << (BLOCK - half)).leading_ones() as usize };
        let mut start = at + half - in_block;
        if in_block == half && start > next {
            let run = bytes[next..start].iter().rev().take_while(|&&byte| RUN_BYTES[usize::from(byte)]);
            start -= run.count();
        }
        let start = start.max(next);
        next = end;
        if end - start >= LEAST && start < to && !visit(start, end) {
            return None;
        }
    }
    Some(next)
}

/// The leads, by their first bytes.
pub(super) struct Leads {
    bitmap: Box<[u64; 1024]>,
    /// Leads with their keys, sorted by key, in table order where the keys are equal.
    leads: Vec<(u32, Lead)>,
}

impl Leads {
    pub fn new(leads: &[Lead]) -> Self {
        let mut table = Self { bitmap: Box::new([0; 1024]), leads: Vec::new() };
        for lead in leads {
            let Some(key) = lead.literal.first_chunk::<KEY>().copied().map(key) else { continue };
            let (word, bit) = slot(key);
            table.bitmap[word] |= 1 << bit;
            table.leads.push((key, *lead));
        }
        table.leads.sort_by_key(|(key, _)| *key);
        table
    }

    /// Calls `visit` with each lead that begins in `start..to` and has [`LEAST`] bytes of the run before `end`.
    pub fn each_in_run(
        &self,
        bytes: &[u8],
        (start, end): (usize, usize),
        to: usize,
        visit: &mut dyn FnMut(usize, &Lead) -> bool,
    ) -> bool {
        let last = to.min((end + 1).saturating_sub(LEAST));
        let Some(run) = bytes.get(start..(last + KEY - 1).min(end)) else { return true };
        for (offset, first) in run.windows(KEY).enumerate() {
            let key = u32::from(first[0]) | u32::from(first[1]) << 8 | u32::from(first[2]) << 16;
            let (word, bit) = slot(key);
            if self.bitmap[word] >> bit & 1 == 0 {
                continue;
            }
            let at = start + offset;
            let from = self.leads.partition_point(|(known, _)| *known < key);
            for (known, lead) in &self.leads[from..] {
                if *known != key {
                    break;
                }
                if bytes[at..].starts_with(lead.literal) && !visit(at, lead) {
                    return false;
                }
            }
        }
        true
    }
}

fn key(first: [u8; KEY]) -> u32 {
    u32::from_le_bytes([first[0], first[1], first[2], 0])
}

fn slot(key: u32) -> (usize, u32) {
    let hash = key.wrapping_mul(0x9E37_79B1) >> 16;
    ((hash >> 6) as usize, hash & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The runs as their definition says.
    fn slow_runs(bytes: &[u8], from: usize, to: usize) -> Vec<(usize, usize)> {
        let mut runs = Vec::new();
        let mut at = from;
        while at < bytes.len() && at < to {
            let length = bytes[at..].iter().take_while(|&&byte| is_run_byte(byte)).count();
            if length >= LEAST {
                runs.push((at, at + length));
            }
            at += length + 1;
        }
        runs
    }

    fn runs(bytes: &[u8], from: usize, to: usize) -> Vec<(usize, usize)> {
        let mut all = Vec::new();
        each_run(bytes, from, to, |start, end| {
            all.push((start, end));
            true
        });
        all
    }

    #[test]
    fn a_run_of_any_length_is_found_at_any_place() {
        for length in [22, 23, 24, 40, 64, 127, 128, 129, 1000] {
            for start in 0..130 {
                let bytes = [vec![b' '; start], vec![b'x'; length], vec![b'!'; 70]].concat();
                let expected: Vec<_> = (length >= LEAST).then_some((start, start + length)).into_iter().collect();
                assert_eq!(runs(&bytes, 0, bytes.len()), expected, "{length} at {start}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn runs_are_what_their_definition_says(
            parts in proptest::collection::vec((proptest::bool::ANY, 0..90usize), 0..40), from in 0..60usize, cut in 0..400usize,
        ) {
            let bytes: Vec<u8> =
                parts.iter().flat_map(|&(run, length)| vec![if run { b'a' } else { b' ' }; length]).collect();
            let to = bytes.len().saturating_sub(cut);
            let from = from.min(to);
            proptest::prop_assert_eq!(runs(&bytes, from, to), slow_runs(&bytes, from, to));
        }
    }
}
