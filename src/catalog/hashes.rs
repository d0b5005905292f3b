//! Checksums of bytes that were read.

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use crate::model::{Checksum, ChecksumAlgorithm};

use super::field::hex;

/// SHA-1, SHA-256 and SHA-512.
pub(super) fn of(bytes: &[u8]) -> Vec<Checksum> {
    vec![
        Checksum { algorithm: ChecksumAlgorithm::Sha1, value: hex(&Sha1::digest(bytes)) },
        Checksum { algorithm: ChecksumAlgorithm::Sha256, value: hex(&Sha256::digest(bytes)) },
        Checksum { algorithm: ChecksumAlgorithm::Sha512, value: hex(&Sha512::digest(bytes)) },
    ]
}

/// Sorted, each once.
pub(super) fn tidy(hashes: &mut Vec<Checksum>) {
    hashes.sort();
    hashes.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_those_of_the_bytes() {
        let values: Vec<String> = of(b"abc").into_iter().map(|sum| sum.value[..8].to_owned()).collect();
        assert_eq!(values, ["a9993e36", "ba7816bf", "ddaf35a1"]);
    }
}
