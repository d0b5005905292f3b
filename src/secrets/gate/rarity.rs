//! How rare bytes are, to choose by which of its bytes a literal is looked for.

use std::collections::BTreeSet;

/// Words of programs and settings, in lower case, which are more frequent than their letters are.
const COMMON: &str = "\
    access account address admin after align alloc append apply args array assert attr auth back base basic before \
    begin block bool break buffer build bytes call case catch change char character check circle class clear client \
    close code column command comment config const contain content context continue convert copy count create \
    current data date debug decode default define delete deploy device digest direct disable double each else empty \
    enable encode entry enum equal error event except export extern false field file filter find first flag float \
    format from function github global group handle hash header height help http://www. https:// ignore image import \
    include index info init inline input insert internal into invalid item iter label last length level library \
    license line link list load local lock login long lookup main make mark match member memory message method mode \
    model module name name= next node none null number object offset open operator option order other output package \
    page param parent parse pass password path pattern point policy port position prefix print private process \
    program property protocol public query quest random range read record regex register release remove replace \
    request require reset resource response result return root same save schema scope script search secret section \
    select self send sequence server service session setup short shutdown sign size socket software sort source \
    space spec split stack standard start state static status stop store stream string struct style support switch \
    symbol system table target template test text that this thread time token trace transform true tuple type undef \
    union unit update user util valid value vector version view virtual void when width will window with word work \
    wrap write yield ----- ===== ***** ##### _key key_ _api api_ .com .api on_s on_p th_s _sec l_ad est_";

/// Bytes of a group that is looked up in words.
const GROUP: usize = 4;

/// How often such a word occurs at a place of text, at least.
const COMMON_SHARE: f64 = 2e-4;

/// How often each byte occurs in text, roughly, by its upper and lower half.
pub(super) struct ByteModel {
    halves: [[f64; 16]; 16],
    share: [f64; 256],
    /// The groups of [`GROUP`] bytes that common words hold, or that begin with a blank before such a word.
    common: BTreeSet<Vec<u8>>,
}

impl ByteModel {
    pub fn new() -> Self {
        let mut share = [0.0004; 256];
        let mut letter = 0.075;
        for byte in *b"etaoinsrhldcumfpgwybvkxjqz" {
            share[usize::from(byte)] = letter;
            share[usize::from(byte.to_ascii_uppercase())] = 0.006;
            letter *= 0.88;
        }
        share[usize::from(b'0')..=usize::from(b'9')].fill(0.012);
        for byte in *b"./,-()\"'=:;<>*#" {
            share[usize::from(byte)] = 0.01;
        }
        for (byte, part) in [(b' ', 0.14), (b'\n', 0.025), (b'_', 0.03), (0, 0.05)] {
            share[usize::from(byte)] = part;
        }
        let mut halves = [[0.0; 16]; 16];
        for (byte, part) in share.iter().enumerate() {
            halves[byte >> 4][byte & 15] = *part;
        }
        let common = COMMON
            .split_ascii_whitespace()
            .flat_map(|word| {
                let behind_blank = [b" ", word.as_bytes()].concat();
                behind_blank.windows(GROUP).map(<[u8]>::to_vec).collect::<Vec<_>>()
            })
            .collect();
        Self { halves, share, common }
    }

    /// Estimates how often these four bytes follow each other in any mixture of capitals and small letters.
    pub fn share_in_any_case(&self, bytes: &[u8]) -> f64 {
        let of = |byte: u8| self.share[usize::from(byte)];
        let share = bytes
            .iter()
            .map(|&byte| if byte.is_ascii_alphabetic() { of(byte) + of(byte ^ 0x20) } else { of(byte) })
            .product();
        let common = self.common.contains(bytes.to_ascii_lowercase().as_slice());
        if common { COMMON_SHARE.max(share) } else { share }
    }

    /// Estimates how often a bucket with these probes lets a place through.
    pub fn cost(&self, probes: &[&[u8]]) -> f64 {
        let Some(first) = probes.first() else { return 0.0 };
        let mut cost = 1.0;
        for position in 0..first.len() {
            let (mut upper, mut lower) = (0u16, 0u16);
            for probe in probes {
                upper |= 1 << (probe[position] >> 4);
                lower |= 1 << (probe[position] & 15);
            }
            let mut sum = 0.0;
            for (_, row) in self.halves.iter().enumerate().filter(|(half, _)| upper >> half & 1 == 1) {
                for (_, part) in row.iter().enumerate().filter(|(half, _)| lower >> half & 1 == 1) {
                    sum += part;
                }
            }
            cost *= sum;
        }
        cost
    }
}
