//! SHA-256 over blocks, and one message schedule for two states at once.
//!
//! File content in a tar archive starts at a multiple of 512 bytes, so the 64-byte blocks of the archive's digest and of
//! the file's digest coincide: both can be computed in one go. With the processor's SHA instructions the two round chains
//! fill each other's latency, and the second digest is almost free.

use sha2::block_api::compress256;

/// Bytes of a SHA-256 block.
pub const BLOCK: usize = 64;

const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A running SHA-256 that is fed whole blocks (FIPS 180-4).
#[derive(Debug, Clone)]
pub struct BlockHash {
    state: [u32; 8],
    blocks: u64,
}

impl BlockHash {
    /// A hash that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: INITIAL, blocks: 0 }
    }

    /// Adds bytes; whatever is behind the last whole block is ignored, so give whole blocks.
    pub fn update(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        debug_assert!(rest.is_empty(), "only whole blocks");
        compress256(&mut self.state, blocks);
        self.blocks += blocks.len() as u64;
    }

    /// Adds the last bytes, of any number, and returns the digest.
    #[must_use]
    pub fn finish(mut self, tail: &[u8]) -> [u8; 32] {
        let (blocks, rest) = tail.as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        let bits = (self.blocks + blocks.len() as u64) * (BLOCK as u64 * 8) + rest.len() as u64 * 8;
        let mut last = [[0u8; BLOCK]; 2];
        last[0][..rest.len()].copy_from_slice(rest);
        last[0][rest.len()] = 0x80;
        let used = if rest.len() < BLOCK - 8 { 1 } else { 2 };
        last[used - 1][BLOCK - 8..].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, &last[..used]);
        let mut raw = [0; 32];
        for (word, bytes) in self.state.iter().zip(raw.as_chunks_mut::<4>().0) {
            *bytes = word.to_be_bytes();
        }
        raw
    }
}

impl Default for BlockHash {
    fn default() -> Self {
        Self::new()
    }
}

/// Adds the same whole blocks to two hashes.
pub fn update_both(first: &mut BlockHash, second: &mut BlockHash, bytes: &[u8]) {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    debug_assert!(rest.is_empty(), "only whole blocks");
    compress_both(&mut first.state, &mut second.state, blocks);
    first.blocks += blocks.len() as u64;
    second.blocks += blocks.len() as u64;
}

#[cfg(target_arch = "x86_64")]
fn compress_both(first: &mut [u32; 8], second: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
    if fused::available() {
        fused::run(first, second, blocks);
    } else {
        compress256(first, blocks);
        compress256(second, blocks);
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn compress_both(first: &mut [u32; 8], second: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
    compress256(first, blocks);
    compress256(second, blocks);
}

#[cfg(target_arch = "x86_64")]
mod fused {
    //! The only unsafe code of imgguard: one call of a function that needs processor features, behind the test for them.

    use std::arch::x86_64::{
        __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_extract_epi32, _mm_set_epi32, _mm_set_epi64x,
        _mm_sha256msg1_epu32, _mm_sha256msg2_epu32, _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
    };

    use super::BLOCK;

    pub(super) fn available() -> bool {
        is_x86_feature_detected!("sha") && is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1")
    }

    pub(super) fn run(first: &mut [u32; 8], second: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
        assert!(available());
        #[expect(unsafe_code, reason = "a call across target features; the features were tested in the line above")]
        // SAFETY: `compress` is an ordinary safe function but for the processor features it is compiled for, and
        // `available` has just found exactly those on this processor.
        unsafe {
            compress(first, second, blocks);
        }
    }

    /// Round constants (FIPS 180-4, 4.2.2).
    #[rustfmt::skip]
    const K: [u32; 64] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ];

    /// The state as the instructions want it: words A, B, E, F and C, D, G, H.
    #[derive(Clone, Copy)]
    struct State {
        abef: __m128i,
        cdgh: __m128i,
    }

    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn words(low: u32, second: u32, third: u32, high: u32) -> __m128i {
        _mm_set_epi32(high.cast_signed(), third.cast_signed(), second.cast_signed(), low.cast_signed())
    }

    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn load(state: &[u32; 8]) -> State {
        let abcd = _mm_shuffle_epi32::<0xB1>(words(state[0], state[1], state[2], state[3]));
        let efgh = _mm_shuffle_epi32::<0x1B>(words(state[4], state[5], state[6], state[7]));
        State { abef: _mm_alignr_epi8::<8>(abcd, efgh), cdgh: _mm_blend_epi16::<0xF0>(efgh, abcd) }
    }

    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn store(state: State, into: &mut [u32; 8]) {
        let feba = _mm_shuffle_epi32::<0x1B>(state.abef);
        let dchg = _mm_shuffle_epi32::<0xB1>(state.cdgh);
        let abcd = _mm_blend_epi16::<0xF0>(feba, dchg);
        let efgh = _mm_alignr_epi8::<8>(dchg, feba);
        for (half, vector) in into.as_chunks_mut::<4>().0.iter_mut().zip([abcd, efgh]) {
            *half = [
                _mm_extract_epi32::<0>(vector).cast_unsigned(),
                _mm_extract_epi32::<1>(vector).cast_unsigned(),
                _mm_extract_epi32::<2>(vector).cast_unsigned(),
                _mm_extract_epi32::<3>(vector).cast_unsigned(),
            ];
        }
    }

    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn four_rounds(state: &mut State, message: __m128i) {
        state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, message);
        state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, _mm_shuffle_epi32::<0x0E>(message));
    }

    #[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
    fn compress(first: &mut [u32; 8], second: &mut [u32; 8], blocks: &[[u8; BLOCK]]) {
        let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
        let (mut one, mut two) = (load(first), load(second));
        for block in blocks {
            let (one_before, two_before) = (one, two);
            let mut schedule = [swap; 4];
            for (quarter, bytes) in schedule.iter_mut().zip(block.as_chunks::<16>().0) {
                let (halves, _) = bytes.as_chunks::<8>();
                let raw = _mm_set_epi64x(i64::from_le_bytes(halves[1]), i64::from_le_bytes(halves[0]));
                *quarter = _mm_shuffle_epi8(raw, swap);
            }
            for round in 0..16 {
                let at = round % 4;
                if round >= 4 {
                    let (previous, before) = (schedule[(at + 3) % 4], schedule[(at + 2) % 4]);
                    let partial = _mm_sha256msg1_epu32(schedule[at], schedule[(at + 1) % 4]);
                    let partial = _mm_add_epi32(partial, _mm_alignr_epi8::<4>(previous, before));
                    schedule[at] = _mm_sha256msg2_epu32(partial, previous);
                }
                let constants = words(K[round * 4], K[round * 4 + 1], K[round * 4 + 2], K[round * 4 + 3]);
                let message = _mm_add_epi32(schedule[at], constants);
                four_rounds(&mut one, message);
                four_rounds(&mut two, message);
            }
            one = State {
                abef: _mm_add_epi32(one.abef, one_before.abef),
                cdgh: _mm_add_epi32(one.cdgh, one_before.cdgh),
            };
            two = State {
                abef: _mm_add_epi32(two.abef, two_before.abef),
                cdgh: _mm_add_epi32(two.cdgh, two_before.cdgh),
            };
        }
        store(one, first);
        store(two, second);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::Digest as _;

    fn expected(bytes: &[u8]) -> [u8; 32] {
        sha2::Sha256::digest(bytes).into()
    }

    proptest! {
        #[test]
        fn two_states_in_one_go_equal_two_digests(before in 0usize..5, blocks in 0usize..9, tail in 0usize..200, seed: u8) {
            let bytes: Vec<u8> = (0..(before + blocks) * BLOCK + tail)
                .map(|at| (at as u8).wrapping_mul(31).wrapping_add(seed) ^ (at >> 8) as u8)
                .collect();
            let (head, rest) = bytes.split_at(before * BLOCK);
            let (mut whole, mut part) = (BlockHash::new(), BlockHash::new());
            whole.update(head);
            update_both(&mut whole, &mut part, &rest[..blocks * BLOCK]);
            prop_assert_eq!(whole.finish(&rest[blocks * BLOCK..]), expected(&bytes));
            prop_assert_eq!(part.finish(&rest[blocks * BLOCK..]), expected(rest));
        }
    }

    #[test]
    fn padding_is_right_at_every_length_around_a_block() {
        for length in 0..=130 {
            let bytes = vec![b'a'; length];
            assert_eq!(BlockHash::new().finish(&bytes), expected(&bytes), "{length}");
        }
    }
}
