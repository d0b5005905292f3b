//! `Base58Check`: numbers of Bitcoin in text, with four bytes of a double SHA-256 at their end.

use sha2::{Digest as _, Sha256};

const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Tells whether the byte is one of the 58.
pub(super) fn has(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l')
}

/// Decodes a text of at most 64 characters whose checksum agrees, without the checksum.
pub(super) fn checked(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > 64 {
        return None;
    }
    let mut number: Vec<u8> = Vec::new();
    for byte in text {
        let mut carry = ALPHABET.iter().position(|known| known == byte)?;
        for digit in number.iter_mut().rev() {
            carry += usize::from(*digit) * 58;
            *digit = u8::try_from(carry & 0xff).ok()?;
            carry >>= 8;
        }
        while carry > 0 {
            number.insert(0, u8::try_from(carry & 0xff).ok()?);
            carry >>= 8;
        }
    }
    let (body, check) = number.split_last_chunk::<4>()?;
    (Sha256::digest(Sha256::digest(body))[..4] == *check).then(|| body.to_vec())
}

/// Tells whether it is a private key in the wallet import format: 0x80, 32 bytes, and 1 if its public key is compressed.
pub(super) fn is_wif(text: &[u8]) -> bool {
    let key = checked(text);
    key.is_some_and(|key| {
        matches!(key.first(), Some(0x80 | 0xef)) && (key.len() == 33 || key.len() == 34 && key.ends_with(&[1]))
    })
}

/// Writes a private key in the wallet import format.
#[cfg(test)]
pub(super) fn wif(key: &[u8]) -> Vec<u8> {
    let body = [&[0x80], key, &[1]].concat();
    let check = Sha256::digest(Sha256::digest(&body));
    let mut number = [&body[..], &check[..4]].concat();
    let mut text = Vec::new();
    while number.iter().any(|&byte| byte != 0) {
        let mut rest = 0usize;
        for byte in &mut number {
            rest = rest << 8 | usize::from(*byte);
            *byte = u8::try_from(rest / 58).expect("below 256");
            rest %= 58;
        }
        text.insert(0, ALPHABET[rest]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let mut text = wif(&[0x5a; 32]);
        assert_eq!(text.len(), 52);
        assert!(is_wif(&text) && text.iter().all(|&byte| has(byte)));
        text[20] = if text[20] == b'x' { b'y' } else { b'x' };
        assert!(!is_wif(&text));
        assert!(!is_wif(b"0OIl") && !is_wif(b"") && !is_wif(&[b'z'; 65]));
    }
}
