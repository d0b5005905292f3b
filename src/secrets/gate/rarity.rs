//! How rare bytes are, to choose by which of its bytes a literal is looked for.

/// How often each byte occurs in text, roughly, by its upper and lower half.
pub(super) struct ByteModel {
    halves: [[f64; 16]; 16],
    share: [f64; 256],
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
        Self { halves, share }
    }

    /// Estimates how often these bytes follow each other.
    pub fn share(&self, bytes: &[u8]) -> f64 {
        bytes.iter().map(|&byte| self.share[usize::from(byte)]).product()
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
