//! The gate of literals of [`least`] bytes and more: four bytes at every second or fourth place, looked up by their hash.
//!
//! A literal of seven bytes holds four groups of four bytes that begin one after the other; wherever it stands, one of them
//! begins at a place that is a multiple of four. For one of five bytes the same is true of two groups and every second
//! place. So one look-up for four bytes is enough, and the cost does not depend on the number of literals. Which neighbours
//! represent a literal is chosen by how rare they are in text. Capitals and small letters are looked up as one, so that a
//! literal in any case fills no more of the table than another.

use super::Lead;
use super::rarity::ByteModel;

/// Least length of a literal in bytes when every so many bytes are looked up.
pub(super) const fn least(stride: usize) -> usize {
    stride + GRAM - 1
}

const GRAM: usize = 4;
/// Bytes that are judged in one go.
const BLOCK: usize = 32;
/// 2^18 bits, which stay in the fastest cache.
const BITS: u32 = 18;
const WORDS: usize = 1 << (BITS - 6);
/// The index of the aims goes by so many upper bits of the hash.
const INDEX: u32 = 12;

/// How much a new group costs, as a share of text: a filled table lets through what is not there.
const NEW: f64 = 2e-7;

/// A literal and where in it a group begins.
#[derive(Debug, Clone, Copy)]
struct Aim {
    gram: u32,
    /// The last group of the literal: it tells apart those that begin alike.
    last: u32,
    skip: u8,
    lead: u16,
}

/// All literals, compiled.
pub(super) struct Grams<const STRIDE: usize> {
    bitmap: Vec<u64>,
    /// Sorted by hash.
    aims: Vec<Aim>,
    /// By the upper bits of the hash: where its aims begin.
    index: Box<[u16; (1 << INDEX) + 1]>,
    leads: Vec<Lead>,
    /// Largest distance from the start of a literal to one of its groups.
    reach: usize,
}

impl<const STRIDE: usize> Grams<STRIDE> {
    /// Compiles the literals, each at least [`least`] bytes and at most 255.
    pub fn new(leads: Vec<Lead>) -> Self {
        let model = ByteModel::new();
        let mut aims: Vec<Aim> = Vec::new();
        let mut bitmap = vec![0; WORDS];
        let mut reach = 0;
        for (index, lead) in leads.iter().enumerate() {
            let Some(last) = lead.literal.last_chunk::<GRAM>() else { continue };
            let cost = |skip: usize| -> f64 {
                let grams = lead.literal[skip..skip + STRIDE + GRAM - 1].windows(GRAM);
                grams
                    .map(|gram| {
                        let (word, bit) = slot(fold(gram));
                        let known = bitmap[word] >> bit & 1 == 1;
                        model.share_in_any_case(gram) + if known { 0.0 } else { NEW }
                    })
                    .sum()
            };
            let skips = 0..=lead.literal.len().saturating_sub(least(STRIDE));
            let best = skips.min_by(|one, other| cost(*one).total_cmp(&cost(*other))).unwrap_or_default();
            for (skip, gram) in lead.literal.windows(GRAM).enumerate().skip(best).take(STRIDE) {
                let gram = fold(gram);
                let (word, bit) = slot(gram);
                bitmap[word] |= 1 << bit;
                let (Ok(short), Ok(lead)) = (u8::try_from(skip), u16::try_from(index)) else { continue };
                aims.push(Aim { gram, last: fold(last), skip: short, lead });
                reach = reach.max(skip);
            }
        }
        aims.sort_by_key(|aim| (hash(aim.gram), aim.gram, aim.lead, aim.skip));
        let mut index = Box::new([0; (1 << INDEX) + 1]);
        for (place, start) in index.iter_mut().enumerate() {
            let first = aims.partition_point(|aim| ((hash(aim.gram) >> (BITS - INDEX)) as usize) < place);
            *start = u16::try_from(first).unwrap_or(u16::MAX);
        }
        Self { bitmap, aims, index, leads, reach }
    }

    /// Calls `visit` with each literal that begins in `bytes[from..to]` and which is there in full, until it returns false.
    pub fn each(&self, bytes: &[u8], from: usize, to: usize, mut visit: impl FnMut(usize, &Lead) -> bool) {
        if self.leads.is_empty() {
            return;
        }
        let Some(bitmap) = self.bitmap.first_chunk::<WORDS>() else { return };
        let end = bytes.len().min(to.saturating_add(self.reach + GRAM));
        let mut at = from;
        while let Some(block) = bytes.get(at..end).and_then(|rest| rest.first_chunk::<{ BLOCK + 8 }>()) {
            // Two look-ups share what was loaded and shifted; whether any of them stands is asked once per block.
            let stands = |folded: u32| {
                let (word, bit) = slot(folded);
                bitmap[word] >> bit
            };
            let mut any = 0;
            for place in (0..BLOCK).step_by(4) {
                let Some(next) = block[place..].first_chunk::<8>() else { break };
                let eight = u64::from_le_bytes(*next) | CASES;
                any |= stands(low(eight));
                if STRIDE == 2 {
                    any |= stands(low(eight >> 16));
                }
            }
            let any = any & 1 == 1;
            if any && !self.block(bytes, (at, at + BLOCK), (from, to), &mut visit) {
                return;
            }
            at += BLOCK;
        }
        self.block(bytes, (at, end.saturating_sub(GRAM - 1)), (from, to), &mut visit);
    }

    #[inline(never)]
    fn block(
        &self,
        bytes: &[u8],
        (first, end): (usize, usize),
        (from, to): (usize, usize),
        visit: &mut impl FnMut(usize, &Lead) -> bool,
    ) -> bool {
        for place in (first..end).step_by(STRIDE) {
            let Some(gram) = group(bytes, place) else { return true };
            let (word, bit) = slot(gram);
            if self.bitmap[word] >> bit & 1 == 0 {
                continue;
            }
            let bucket = (hash(gram) >> (BITS - INDEX)) as usize;
            let aims = usize::from(self.index[bucket])..usize::from(self.index[bucket + 1]);
            for aim in self.aims.get(aims).unwrap_or_default() {
                if aim.gram != gram {
                    continue;
                }
                let Some(at) = place.checked_sub(usize::from(aim.skip)).filter(|at| (from..to).contains(at)) else {
                    continue;
                };
                let lead = &self.leads[usize::from(aim.lead)];
                if group(bytes, at + lead.literal.len() - GRAM) == Some(aim.last)
                    && lead.begins(&bytes[at..])
                    && !visit(at, lead)
                {
                    return false;
                }
            }
        }
        true
    }
}

/// The bit by which capitals and small letters differ, in each byte of a group. Other bytes become alike as well, which
/// only lets more through to the comparison.
const CASE: u32 = 0x2020_2020;
const CASES: u64 = 0x2020_2020_2020_2020;

#[expect(clippy::cast_possible_truncation, reason = "the lower half is asked for")]
fn low(eight: u64) -> u32 {
    eight as u32
}

fn fold(gram: &[u8]) -> u32 {
    group(gram, 0).unwrap_or_default()
}

fn group(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk::<GRAM>()?) | CASE)
}

fn hash(gram: u32) -> u32 {
    gram.wrapping_mul(0x9E37_79B1) >> (32 - BITS)
}

fn slot(gram: u32) -> (usize, u32) {
    let hash = hash(gram);
    ((hash >> 6) as usize, hash & 63)
}
