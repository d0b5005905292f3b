//! The gate of long literals: four bytes at every fourth place, looked up by their hash.
//!
//! A literal of [`LEAST`] bytes holds four groups of four bytes that begin one after the other; wherever it stands, one of
//! them begins at a place that is a multiple of four. So one look-up for four bytes is enough, and the cost does not depend
//! on the number of literals. Which four neighbours represent a literal is chosen by how rare they are in text.

use super::Lead;
use super::rarity::ByteModel;

/// Least length of a literal in bytes.
pub(super) const LEAST: usize = STRIDE + GRAM - 1;

const STRIDE: usize = 4;
const GRAM: usize = 4;
/// Words of the bitmap: 2^17 bits, which stay in the fastest cache.
const WORDS: usize = 1 << 11;

/// A literal and where in it a group begins.
#[derive(Debug, Clone, Copy)]
struct Aim {
    gram: u32,
    skip: u8,
    lead: u16,
}

/// All literals, compiled.
pub(super) struct Grams {
    bitmap: Box<[u64; WORDS]>,
    /// Sorted by group.
    aims: Vec<Aim>,
    leads: Vec<Lead>,
    /// Largest distance from the start of a literal to one of its groups.
    reach: usize,
}

impl Grams {
    /// Compiles the literals, each at least [`LEAST`] bytes and at most 255.
    pub fn new(leads: Vec<Lead>) -> Self {
        let model = ByteModel::new();
        let mut table = Self { bitmap: Box::new([0; WORDS]), aims: Vec::new(), leads, reach: 0 };
        for (index, lead) in table.leads.iter().enumerate() {
            let literal = lead.literal;
            let cost = |skip: usize| -> f64 {
                (skip..skip + STRIDE)
                    .map(|at| {
                        spellings(&literal[at..at + GRAM], lead.any_case)
                            .iter()
                            .map(|gram| model.share(gram))
                            .sum::<f64>()
                    })
                    .sum()
            };
            let skips = 0..=literal.len() - LEAST;
            let best = skips.min_by(|one, other| cost(*one).total_cmp(&cost(*other))).unwrap_or_default();
            for skip in best..best + STRIDE {
                for gram in spellings(&literal[skip..skip + GRAM], lead.any_case) {
                    let gram = u32::from_le_bytes(gram);
                    let (word, bit) = slot(gram);
                    table.bitmap[word] |= 1 << bit;
                    let (Ok(skip), Ok(lead)) = (u8::try_from(skip), u16::try_from(index)) else { continue };
                    table.aims.push(Aim { gram, skip, lead });
                }
                table.reach = table.reach.max(skip);
            }
        }
        table.aims.sort_by_key(|aim| (aim.gram, aim.lead, aim.skip));
        table
    }

    /// Calls `visit` with each literal that begins in `bytes[from..to]` and which is there in full, until it returns false.
    pub fn each(&self, bytes: &[u8], from: usize, to: usize, mut visit: impl FnMut(usize, &Lead) -> bool) {
        if self.leads.is_empty() {
            return;
        }
        let end = bytes.len().min(to.saturating_add(self.reach + GRAM));
        let Some(range) = bytes.get(from..end) else { return };
        let (blocks, tail) = range.as_chunks::<{ 8 * STRIDE }>();
        for (index, block) in blocks.iter().enumerate() {
            let (grams, _) = block.as_chunks::<GRAM>();
            let mut bits = 0u64;
            for gram in grams {
                let (word, bit) = slot(u32::from_le_bytes(*gram));
                bits |= self.bitmap[word] >> bit;
            }
            if bits & 1 == 1 && !self.block(bytes, from + index * block.len(), grams, (from, to), &mut visit) {
                return;
            }
        }
        let (grams, _) = tail.as_chunks::<GRAM>();
        self.block(bytes, end - tail.len(), grams, (from, to), &mut visit);
    }

    #[cold]
    fn block(
        &self,
        bytes: &[u8],
        base: usize,
        grams: &[[u8; GRAM]],
        (from, to): (usize, usize),
        visit: &mut impl FnMut(usize, &Lead) -> bool,
    ) -> bool {
        for (index, gram) in grams.iter().enumerate() {
            let gram = u32::from_le_bytes(*gram);
            let (word, bit) = slot(gram);
            if self.bitmap[word] >> bit & 1 == 0 {
                continue;
            }
            let first = self.aims.partition_point(|aim| aim.gram < gram);
            for aim in self.aims[first..].iter().take_while(|aim| aim.gram == gram) {
                let Some(at) = (base + index * STRIDE).checked_sub(usize::from(aim.skip)) else { continue };
                let lead = &self.leads[usize::from(aim.lead)];
                if (from..to).contains(&at) && lead.begins(&bytes[at..]) && !visit(at, lead) {
                    return false;
                }
            }
        }
        true
    }
}

fn slot(gram: u32) -> (usize, u32) {
    let hash = gram.wrapping_mul(0x9E37_79B1) >> 15;
    ((hash >> 6) as usize, hash & 63)
}

/// Gives the group itself, or in all spellings.
fn spellings(gram: &[u8], any_case: bool) -> Vec<[u8; GRAM]> {
    let mut all: Vec<[u8; GRAM]> = gram.first_chunk::<GRAM>().copied().into_iter().collect();
    if any_case {
        for position in 0..GRAM {
            let other: Vec<_> = all
                .iter()
                .filter(|gram| gram[position].is_ascii_alphabetic())
                .map(|gram| {
                    let mut other = *gram;
                    other[position] ^= 0x20;
                    other
                })
                .collect();
            all.extend(other);
        }
    }
    all
}
