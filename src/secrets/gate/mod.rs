//! The gate: finds the places where a lead stands, so that most bytes are never looked at one by one.
//!
//! Three ways, by what is known of a lead: tokens that form a long run of token characters are found by the run
//! ([`runs`]), other literals of 5 bytes and more by one of their groups of four ([`grams`]), the few that are left by a
//! packed search ([`packed`]). Only the cost of the last one grows with the number of leads. In programs these ways are gone
//! only where printable text stands ([`shown`]); what is not printable itself is looked for everywhere.

mod grams;
mod packed;
mod rarity;
pub(super) mod runs;
mod shown;

use super::shape::{Class, Part, Token};
use grams::Grams;
use packed::Packed;
use runs::Leads;

/// A literal that leads to a detector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead {
    /// The literal.
    pub literal: &'static [u8],
    /// Whether it is looked for in upper and lower case.
    pub any_case: bool,
    /// Index of the detector in the table.
    pub detector: u16,
    /// Index of the detector's token; unused when the detector reads by itself.
    pub token: u16,
}

impl Lead {
    fn begins(&self, bytes: &[u8]) -> bool {
        let Some(first) = bytes.get(..self.literal.len()) else { return false };
        if self.any_case { first.eq_ignore_ascii_case(self.literal) } else { first == self.literal }
    }
}

/// Leads to sort into the ways.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub lead: Lead,
    /// Whether it is looked for in text only.
    pub text_only: bool,
    /// Least number of run bytes from its first byte on.
    pub run: usize,
    /// Whether what it leads to is long and printable, so that it stands in a run of printable bytes in programs as well.
    pub shown: bool,
}

/// Tells whether what a token's lead leads to is long enough, and printable, to be found in programs by that.
pub(super) fn is_shown(token: &Token, lead: &str) -> bool {
    least(token, lead, shown::is_shown) >= shown::LEAST
}

/// Gives the number of run bytes that a token has at least from the first byte of a lead on.
pub(super) fn least_run(token: &Token, lead: &str) -> usize {
    least(token, lead, runs::is_run_byte)
}

/// Gives the number of such bytes that a token has at least from the first byte of a lead on.
fn least(token: &Token, lead: &str, is: impl Fn(u8) -> bool) -> usize {
    let runs = |class: Class| (0..=u8::MAX).all(|byte| !class.has(byte) || is(byte));
    let mut least = lead.len();
    if !lead.bytes().all(&is) {
        return 0;
    }
    for part in token.after {
        match *part {
            Part::Text(text) => {
                let inside = text.bytes().take_while(|&byte| is(byte)).count();
                least += inside;
                if inside < text.len() {
                    return least;
                }
            }
            Part::Run(class, min, _) if runs(class) => least += usize::from(min),
            Part::Run(..) => return least,
        }
    }
    least
}

/// Most short leads that are looked for in one go.
const FEW: usize = 48;

/// Most probes of one packed searcher.
const PACKED: usize = 96;

/// The literals that are not found by runs, for one kind of content.
struct Literals {
    long: Grams<4>,
    /// Those of five bytes and six; all of five and more where there are such, because one pass is cheaper than two.
    medium: Grams<2>,
    packed: Vec<Packed>,
}

impl Literals {
    fn new(leads: &[Lead]) -> Self {
        let of = |least: usize, below: usize| -> Vec<Lead> {
            leads.iter().filter(|lead| (least..below).contains(&lead.literal.len())).copied().collect()
        };
        let many = of(grams::least(2), grams::least(4)).len() > FEW;
        let from = if many { grams::least(2) } else { grams::least(4) };
        let (most, short) = (of(from, usize::MAX), of(0, from));
        let (long, medium) = if many { (Vec::new(), most) } else { (most, Vec::new()) };
        // Few of them are looked for in one go, although three bytes let more through than four.
        let (four, three): (Vec<Lead>, Vec<Lead>) =
            short.iter().partition(|lead| short.len() > FEW && lead.literal.len() >= 4);
        let packed = four.chunks(PACKED).map(|leads| Packed::new(leads, 4));
        let packed = packed.chain(three.chunks(PACKED).map(|leads| Packed::new(leads, 3))).collect();
        Self { long: Grams::new(long), medium: Grams::new(medium), packed }
    }

    fn each(&self, bytes: &[u8], from: usize, to: usize, visit: &mut dyn FnMut(usize, &Lead) -> bool) -> bool {
        let mut going = true;
        let mut visit = |at, lead: &Lead| {
            going = going && visit(at, lead);
            going
        };
        self.long.each(bytes, from, to, &mut visit);
        self.medium.each(bytes, from, to, &mut visit);
        for packed in &self.packed {
            packed.each(bytes, from, to, &mut visit);
        }
        going
    }
}

/// All leads, compiled.
pub(super) struct Gate {
    runs: Leads,
    /// What is looked for in programs, where printable text stands.
    shown: Literals,
    /// What is looked for in programs everywhere.
    anywhere: Vec<Packed>,
    text: Literals,
}

impl Gate {
    pub fn new(asked: &[Asked]) -> Self {
        let by_run = |asked: &&Asked| asked.run >= runs::LEAST && !asked.text_only && !asked.lead.any_case;
        let of = |wanted: &dyn Fn(&&Asked) -> bool| -> Vec<Lead> {
            asked.iter().filter(wanted).map(|asked| asked.lead).collect()
        };
        let in_programs = |asked: &&Asked| !by_run(asked) && !asked.text_only;
        // The packed search knows one case only.
        let is_shown = |asked: &&Asked| asked.shown || asked.lead.any_case;
        let anywhere = of(&|asked| in_programs(asked) && !is_shown(asked));
        let (four, three): (Vec<Lead>, Vec<Lead>) = anywhere.iter().partition(|lead| lead.literal.len() >= 4);
        let packed = [(four, 4), (three, 3)].into_iter().filter(|(leads, _)| !leads.is_empty());
        Self {
            runs: Leads::new(&of(&by_run)),
            shown: Literals::new(&of(&|asked| in_programs(asked) && is_shown(asked))),
            anywhere: packed.map(|(leads, width)| Packed::new(&leads, width)).collect(),
            text: Literals::new(&of(&|asked| !by_run(asked))),
        }
    }

    /// Calls `visit` with each lead that stands in `bytes[from..to]`, while it returns true, and `run` with each long run that
    /// begins there.
    pub fn each(
        &self,
        bytes: &[u8],
        (from, to): (usize, usize),
        text: bool,
        visit: &mut dyn FnMut(usize, &Lead) -> bool,
        run: &mut dyn FnMut(usize, usize),
    ) {
        if text {
            self.each_in_runs(bytes, (from, to), visit, run);
            self.text.each(bytes, from, to, visit);
            return;
        }
        for packed in &self.anywhere {
            packed.each(bytes, from, to, &mut *visit);
        }
        let mut visit = |at: usize, lead: &Lead| !shown::stands_in_run(bytes, at) || visit(at, lead);
        shown::each_region(bytes, from, to, |start, end| {
            self.each_in_runs(bytes, (start, end), &mut visit, run);
            self.shown.each(bytes, start, end, &mut visit);
        });
    }

    fn each_in_runs(
        &self,
        bytes: &[u8],
        (from, to): (usize, usize),
        visit: &mut dyn FnMut(usize, &Lead) -> bool,
        run: &mut dyn FnMut(usize, usize),
    ) {
        let mut going = true;
        runs::each_run(bytes, from, to, |start, end| {
            going = going && self.runs.each_in_run(bytes, (start, end), to, visit);
            run(start, end);
            true
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[(&str, bool)] = &[
        ("ghp_", false),
        ("tok-", false),
        ("glpat-", false),
        ("PRIVATE KEY", false),
        ("AccountKey=", false),
        ("api_key", true),
        ("aaaaaaa", false),
        ("KEY=", false),
        ("a=b", false),
        ("\"auth\"", false),
        ("session-secret", true),
    ];

    fn asked() -> Vec<Asked> {
        let ask = |(index, (word, any_case)): (usize, &(&'static str, bool))| Asked {
            lead: Lead {
                literal: word.as_bytes(),
                any_case: *any_case,
                detector: u16::try_from(index).expect("few"),
                token: 0,
            },
            text_only: index % 3 == 2,
            run: if index < 3 { 40 } else { 0 },
            shown: index % 2 == 1,
        };
        WORDS.iter().enumerate().map(ask).collect()
    }

    /// What the gate has to find, byte by byte.
    fn slow(bytes: &[u8], (from, to): (usize, usize), text: bool) -> Vec<(usize, u16)> {
        let (mut all, asked) = (Vec::new(), asked());
        for at in from..to {
            for asked in &asked {
                let run = bytes[at..].iter().take(runs::LEAST).take_while(|&&byte| runs::is_run_byte(byte)).count();
                let in_run = asked.run >= runs::LEAST && !asked.text_only;
                let is_shown = asked.shown || asked.lead.any_case;
                let in_programs = !asked.text_only && (!is_shown || shown::stands_in_run(bytes, at));
                let wanted = if in_run { run >= runs::LEAST } else { text || in_programs };
                if wanted && asked.lead.begins(&bytes[at..]) {
                    all.push((at, asked.lead.detector));
                }
            }
        }
        all.sort_unstable();
        all
    }

    fn fast(gate: &Gate, bytes: &[u8], (from, to): (usize, usize), text: bool) -> Vec<(usize, u16)> {
        let mut all = Vec::new();
        let mut visit = |at, lead: &Lead| {
            all.push((at, lead.detector));
            true
        };
        gate.each(bytes, (from, to), text, &mut visit, &mut |_, _| {});
        all.sort_unstable();
        all
    }

    fn compare(bytes: &[u8], text: bool) {
        thread_local! {
            static GATE: Gate = Gate::new(&asked());
        }
        GATE.with(|gate| assert_eq!(fast(gate, bytes, (0, bytes.len()), text), slow(bytes, (0, bytes.len()), text)));
    }

    #[test]
    fn hostile_buffers_are_searched_like_byte_by_byte() {
        for text in [true, false] {
            for (word, _) in WORDS {
                for filler in ["", "a", "-", "=", " ", "ap", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "KEY", "\0", "\x7f"] {
                    for shift in 0..9 {
                        let bytes = ["x".repeat(shift), format!("{filler}{word}").repeat(60)].concat();
                        compare(bytes.as_bytes(), text);
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn random_buffers_are_searched_like_byte_by_byte(
            picks in proptest::collection::vec((0..WORDS.len(), "[a-zA-Z0-9_= \0-]{0,40}", proptest::bool::ANY), 0..20),
            cut in 0..200usize, text: bool,
        ) {
            let whole: String = picks
                .into_iter()
                .flat_map(|(word, filler, upper)| {
                    let word = WORDS[word].0;
                    [filler, if upper { word.to_ascii_uppercase() } else { word.to_owned() }]
                })
                .collect();
            compare(&whole.as_bytes()[..whole.len().saturating_sub(cut)], text);
        }

        #[test]
        fn places_that_are_searched_piece_by_piece_are_the_same(
            picks in proptest::collection::vec((0..WORDS.len(), "[a-zA-Z0-9_=\0]{0,40}"), 0..20), cut in 0..600usize,
            text: bool,
        ) {
            let whole: String = picks.into_iter().flat_map(|(word, filler)| [filler, WORDS[word].0.to_owned()]).collect();
            let bytes = whole.as_bytes();
            let gate = Gate::new(&asked());
            let mut all = Vec::new();
            let mut at = 0;
            while at < bytes.len() {
                let to = bytes.len().min(at + cut.max(1));
                all.extend(fast(&gate, bytes, (at, to), text));
                at = to;
            }
            all.sort_unstable();
            proptest::prop_assert_eq!(all, slow(bytes, (0, bytes.len()), text));
        }
    }
}
