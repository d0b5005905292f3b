//! Where printable text stands in a program: most of its bytes are none, and hold no token.
//!
//! Whatever lies in a run of [`LEAST`] printable bytes has a word of eight that are all printable at most [`NEAR`] bytes away,
//! wherever words begin. So one look at each word, in a form that compilers turn into vector instructions, finds the regions
//! that need a closer look; [`stands_in_run`] then tells exactly.

/// Least number of printable bytes around a lead that is looked for in programs.
pub(super) const LEAST: usize = 2 * WORD - 1;

const WORD: usize = 8;
const BLOCK: usize = 64;
/// How far what lies in a run may be from the nearest whole word in it.
const NEAR: usize = 2 * WORD;

/// Tells whether the byte is printable ASCII.
pub(super) const fn is_shown(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Gives 0 if all bytes of the word are printable.
fn foreign(word: u64) -> u64 {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // Only bytes that are foreign themselves borrow from their neighbours or carry over to them.
    let below = word.wrapping_sub(0x2020_2020_2020_2020) & !word;
    let above = word.wrapping_add(0x0101_0101_0101_0101);
    (word | below | above) & HIGH
}

fn holds_shown_word(block: &[u8; BLOCK]) -> bool {
    let (words, _) = block.as_chunks::<WORD>();
    let mut any = false;
    for word in words {
        any |= foreign(u64::from_le_bytes(*word)) == 0;
    }
    any
}

/// Calls `visit` with regions of `bytes[from..to]`, in ascending order and apart from each other, that together hold every
/// place in a run of [`LEAST`] printable bytes.
pub(super) fn each_region(bytes: &[u8], from: usize, to: usize, mut visit: impl FnMut(usize, usize)) {
    let end = bytes.len().min(to.saturating_add(NEAR));
    let mut region: Option<(usize, usize)> = None;
    let mut at = from.saturating_sub(NEAR);
    while at < end {
        let holds = if let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
            holds_shown_word(block)
        } else {
            let mut block = [0; BLOCK];
            block[..bytes.len() - at].copy_from_slice(&bytes[at..]);
            holds_shown_word(&block)
        };
        if holds {
            let (start, stop) = (at.saturating_sub(NEAR).max(from), (at + BLOCK + NEAR).min(to));
            region = match region {
                Some((first, last)) if start <= last => Some((first, stop)),
                before => {
                    if let Some((first, last)) = before {
                        visit(first, last);
                    }
                    (start < stop).then_some((start, stop))
                }
            };
        }
        at += BLOCK;
    }
    if let Some((first, last)) = region {
        visit(first, last);
    }
}

/// Tells whether [`LEAST`] printable bytes stand in a row around a place.
pub(super) fn stands_in_run(bytes: &[u8], at: usize) -> bool {
    let shown = |byte: &&u8| is_shown(**byte);
    let ahead = bytes[at..].iter().take(LEAST).take_while(shown).count();
    ahead > 0 && (ahead >= LEAST || ahead + bytes[..at].iter().rev().take(LEAST).take_while(shown).count() >= LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_foreign_if_one_of_its_bytes_is() {
        for byte in 0..=u8::MAX {
            for place in 0..WORD {
                for filler in [b' ', b'a', b'~'] {
                    let mut word = [filler; WORD];
                    word[place] = byte;
                    assert_eq!(foreign(u64::from_le_bytes(word)) == 0, is_shown(byte), "{byte} at {place}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn regions_hold_every_place_in_a_run(
            parts in proptest::collection::vec((proptest::bool::ANY, 0..40usize), 0..40),
            from in 0..200usize, length in 0..900usize,
        ) {
            let bytes: Vec<u8> =
                parts.iter().flat_map(|&(shown, length)| vec![if shown { b'a' } else { 0 }; length]).collect();
            let from = from.min(bytes.len());
            let to = (from + length).min(bytes.len());
            let mut regions = Vec::new();
            each_region(&bytes, from, to, |start, end| regions.push((start, end)));
            proptest::prop_assert!(regions.iter().all(|(start, end)| from <= *start && start < end && *end <= to));
            proptest::prop_assert!(regions.windows(2).all(|pair| pair[0].1 < pair[1].0));
            for at in from..to {
                let inside = regions.iter().any(|(start, end)| (*start..*end).contains(&at));
                proptest::prop_assert!(inside || !stands_in_run(&bytes, at), "{}", at);
            }
        }
    }
}
