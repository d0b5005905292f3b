//! Private keys: PEM (RFC 7468), PKCS#1 (RFC 8017), PKCS#8 (RFC 5208), SEC1 (RFC 5915), `OpenSSH`.
//!
//! A header alone is nothing: the body has to decode and to have the structure of a key.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 as found in the wild: with, without or with stray padding bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Decodes base64 with or without padding; none if it is not base64. A single character too many is ignored.
pub(super) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    LENIENT.decode(&text[..text.len() - usize::from(text.len() % 4 == 1)]).ok()
}

/// Decodes unpadded base64url; none if it is not.
pub(super) fn decode_base64url(text: &[u8]) -> Option<Vec<u8>> {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()
}

/// What a PEM block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A key that anybody can use.
    Plain,
    /// A key that needs its passphrase.
    Encrypted,
    /// An armoured `OpenPGP` key, whose packets are not looked into.
    OpenPgp,
    /// The body decodes but has not the structure of a key.
    Broken,
}

/// A PEM block of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pem {
    /// Offset of `-----BEGIN`.
    pub start: usize,
    /// End of the body.
    pub end: usize,
    /// What it holds.
    pub kind: Kind,
    /// The decoded body.
    pub body: Vec<u8>,
}

const BEGIN: &[u8] = b"-----BEGIN ";

/// Reads the block whose header holds `PRIVATE KEY` at `at`.
///
/// The body may be spread over lines, string literals or escapes; what lies behind the end of `bytes` is not missed as
/// long as the structure that is there is right.
pub(super) fn read_pem(bytes: &[u8], at: usize) -> Option<Pem> {
    let head = &bytes[at.saturating_sub(BEGIN.len() + 15)..at];
    let begin = memchr::memmem::rfind(head, BEGIN)?;
    let label = &head[begin + BEGIN.len()..];
    let start = at - head.len() + begin;
    let mut from = at + b"PRIVATE KEY".len();
    let pgp = bytes[from..].starts_with(b" BLOCK");
    from += if pgp { b" BLOCK".len() } else { 0 };
    if !bytes[from..].starts_with(b"-----") {
        return None;
    }
    let body = Body::collect(bytes, from + 5);
    let decoded = decode_base64(&body.base64)?;
    if decoded.len() < 36 {
        return None;
    }
    let kind = if pgp {
        Kind::OpenPgp
    } else if body.encrypted {
        Kind::Encrypted
    } else {
        structure(label, &decoded, body.cut)
    };
    Some(Pem { start, end: body.end, kind, body: decoded })
}

/// The characters of a PEM body.
struct Body {
    base64: Vec<u8>,
    end: usize,
    /// A header such as `DEK-Info` says that the key is encrypted (RFC 1421).
    encrypted: bool,
    /// The bytes ended before the footer.
    cut: bool,
}

impl Body {
    fn collect(bytes: &[u8], from: usize) -> Self {
        let mut body = Self { base64: Vec::new(), end: from, encrypted: false, cut: true };
        let mut at = from;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                    body.base64.push(byte);
                    body.end = at + 1;
                }
                b'=' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b',' | b'|' | b'>' => {}
                b'\\' => {
                    // `\n`, `\\n`, `\/`, and a backslash at the end of a line.
                    at += bytes[at..].iter().take_while(|&&byte| byte == b'\\').count();
                    if !matches!(bytes.get(at), Some(b'n' | b'r' | b't' | b'\n' | b'\r')) {
                        continue;
                    }
                }
                b':' | b'-' if body.header_line(bytes, at) => {
                    at = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |newline| at + newline);
                }
                _ => {
                    body.cut = false;
                    break;
                }
            }
            at += 1;
        }
        body
    }

    /// Takes back the name of a header line (RFC 1421, RFC 9580) that was taken for base64.
    fn header_line(&mut self, bytes: &[u8], at: usize) -> bool {
        let line = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
        let name = &bytes[line..at];
        let rest = &bytes[at..bytes.len().min(at + 40)];
        let is_header = [&b"Proc-Type:"[..], b"DEK-Info:", b"Version:", b"Comment:", b"Hash:", b"Charset:"]
            .iter()
            .any(|header| header.starts_with(name) && !name.is_empty() && rest.starts_with(&header[name.len()..]));
        if !is_header || self.base64.len() > 128 {
            return false;
        }
        self.encrypted |= memchr::memmem::find(rest, b"ENCRYPTED").is_some() || name.starts_with(b"DEK");
        self.base64.clear();
        true
    }
}

fn structure(label: &[u8], body: &[u8], cut: bool) -> Kind {
    if let Some(rest) = body.strip_prefix(b"openssh-key-v1\0") {
        return match field(rest) {
            Some((b"none", _)) => Kind::Plain,
            Some((cipher, _)) if cipher.is_ascii() && !cipher.is_empty() => Kind::Encrypted,
            _ => Kind::Broken,
        };
    }
    let whole = Der { bytes: body, cut };
    if label.starts_with(b"ENCRYPTED") {
        return if whole.is_encrypted_key() { Kind::Encrypted } else { Kind::Broken };
    }
    if whole.is_key() { Kind::Plain } else { Kind::Broken }
}

/// Splits off a string with its length in front (RFC 4251, section 5).
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// DER (X.690) as far as a key needs it.
struct Der<'a> {
    bytes: &'a [u8],
    /// The end is missing, so that lengths may point behind it.
    cut: bool,
}

impl<'a> Der<'a> {
    /// Splits off an element: its tag, its content, what follows.
    fn element(&self, bytes: &'a [u8]) -> Option<(u8, &'a [u8], &'a [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => (usize::from(*rest.first()?), &rest[1..]),
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        match rest.split_at_checked(length) {
            Some((content, after)) => Some((tag, content, after)),
            None => self.cut.then_some((tag, rest, &[])),
        }
    }

    fn is_key(&self) -> bool {
        let read = || {
            let (0x30, content, _) = self.element(self.bytes)? else { return None };
            let (2, version, rest) = self.element(content)? else { return None };
            if !matches!(version, [0 | 1]) {
                return None;
            }
            let (tag, second, rest) = self.element(rest)?;
            match tag {
                // PKCS#1 and the form of DSA keys: further numbers.
                2 => (second.len() >= 32 && self.element(rest)?.0 == 2).then_some(()),
                // PKCS#8: an algorithm, then the key.
                0x30 => (self.element(second)?.0 == 6 && self.element(rest)?.0 == 4).then_some(()),
                // SEC1: the number itself.
                4 => (second.len() >= 16).then_some(()),
                _ => None,
            }
        };
        read().is_some()
    }

    fn is_encrypted_key(&self) -> bool {
        let read = || {
            let (0x30, content, _) = self.element(self.bytes)? else { return None };
            let (0x30, algorithm, rest) = self.element(content)? else { return None };
            (self.element(algorithm)?.0 == 6 && self.element(rest)?.0 == 4).then_some(())
        };
        read().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::expand;
    use super::*;

    fn read(text: &str) -> Option<Pem> {
        let text = expand(text);
        read_pem(text.as_bytes(), text.find("PRIVATE KEY").expect("a header"))
    }

    fn kind(text: &str) -> Option<Kind> {
        read(text).map(|pem| pem.kind)
    }

    #[test]
    fn keys_of_all_kinds_are_told_apart() {
        for (label, body, expected) in [
            ("RSA ", "rsa", Kind::Plain),
            ("", "pkcs8", Kind::Plain),
            ("EC ", "ec", Kind::Plain),
            ("OPENSSH ", "openssh", Kind::Plain),
            ("ENCRYPTED ", "encrypted", Kind::Encrypted),
            ("", "noise", Kind::Broken),
        ] {
            let text =
                format!("-----BEGIN {label}PRIVATE KEY-----\n{{der {body}}}\n-----END {label}PRIVATE KEY-----\n");
            assert_eq!(kind(&text), Some(expected), "{label}{body}");
        }
    }

    #[test]
    fn a_key_is_the_same_on_one_line_in_json_and_on_many_lines() {
        let many = read("-----BEGIN PRIVATE KEY-----\n{der pkcs8}\n-----END PRIVATE KEY-----").expect("a key");
        for text in [
            "-----BEGIN PRIVATE KEY-----\\n{der1 pkcs8}\\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\\\\n{der1 pkcs8}\\\\n-----END PRIVATE KEY-----",
            "key: >\n  -----BEGIN PRIVATE KEY-----\r\n{der pkcs8}",
        ] {
            let one = read(text).expect("a key");
            assert_eq!((one.kind, one.body), (Kind::Plain, many.body.clone()), "{text}");
        }
    }

    #[test]
    fn a_header_without_a_body_is_nothing() {
        assert_eq!(kind("-----BEGIN RSA PRIVATE KEY-----"), None);
        assert_eq!(kind("-----BEGIN RSA PRIVATE KEY-----\0-----END"), None);
        assert_eq!(kind("-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----"), None);
        assert_eq!(kind("a PRIVATE KEY-----\n{der rsa}"), None);
    }

    #[test]
    fn an_old_header_tells_that_the_key_is_encrypted() {
        let head = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\n";
        assert_eq!(kind(&format!("{head}{{der noise}}\n-----END")), Some(Kind::Encrypted));
    }

    #[test]
    fn a_key_without_its_end_is_one_only_where_the_bytes_end() {
        let text = expand("-----BEGIN RSA PRIVATE KEY-----\n{der rsa}");
        let at = text.find("PRIVATE KEY").expect("a header");
        let cut = &text.as_bytes()[..text.len() - 100];
        assert_eq!(read_pem(cut, at).map(|pem| pem.kind), Some(Kind::Plain));
        assert_eq!(read_pem(&[cut, b"\n-----END"].concat(), at).map(|pem| pem.kind), Some(Kind::Broken));
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, tail: Vec<u8>) {
            let text = [&bytes[..], b"-----BEGIN RSA PRIVATE KEY-----", &tail].concat();
            let at = memchr::memmem::rfind(&text, b"PRIVATE KEY").expect("a header");
            let _ = read_pem(&text, at);
            let der = Der { bytes: &bytes, cut: true };
            let _ = (der.is_key(), der.is_encrypted_key(), structure(b"", &bytes, false));
        }
    }
}
