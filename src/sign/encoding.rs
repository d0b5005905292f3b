//! Standard base64 and PEM, both strict.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Reason, Rejection};

/// Standard base64 with padding.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads standard base64: the standard alphabet, padding, no stray bits, no white space.
pub(super) fn from_base64(what: &str, text: &str) -> Result<Vec<u8>, Rejection> {
    STANDARD.decode(text).map_err(|_| Rejection::new(Reason::InvalidBase64, format!("`{what}` is not standard base64")))
}

/// The one block of a PEM text: its label and its bytes; none when there is none or more than one.
pub(super) fn one_pem(text: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut blocks = pem::parse_many(text).ok()?;
    let block = blocks.pop()?;
    if !blocks.is_empty() {
        return None;
    }
    Some((block.tag().to_owned(), block.into_contents()))
}

/// The blocks of a PEM text that have this label, at most `most`; none when one is damaged or there are more.
pub(super) fn pem_blocks(text: &[u8], label: &str, most: usize) -> Option<Vec<Vec<u8>>> {
    let blocks = pem::parse_many(text).ok()?;
    if blocks.len() > most || blocks.iter().any(|block| block.tag() != label) {
        return None;
    }
    Some(blocks.into_iter().map(pem::Pem::into_contents).collect())
}

/// A PEM block with lines of 64 characters.
pub(super) fn to_pem(label: &str, bytes: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(label, bytes), config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_standard_base64_with_padding_is_read() {
        assert_eq!(from_base64("x", "AAE=").expect("standard"), [0, 1]);
        for wrong in ["AAE", "AA E=", "AAF=", "-_8=", "AAE=\n", "="] {
            assert_eq!(from_base64("x", wrong).expect_err("refused").reason, Reason::InvalidBase64, "{wrong:?}");
        }
    }

    #[test]
    fn a_pem_text_has_exactly_one_block() {
        let text = to_pem("PUBLIC KEY", b"abc");
        assert_eq!(text, "-----BEGIN PUBLIC KEY-----\nYWJj\n-----END PUBLIC KEY-----\n");
        assert_eq!(one_pem(text.as_bytes()), Some(("PUBLIC KEY".to_owned(), b"abc".to_vec())));
        assert_eq!(one_pem([text.as_bytes(), text.as_bytes()].concat().as_slice()), None);
        assert_eq!(one_pem(&text.as_bytes()[..40]), None);
        assert_eq!(one_pem(b""), None);
    }
}
