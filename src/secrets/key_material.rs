//! Private keys as text: PEM (RFC 7468) on many lines, on one, escaped, in string literals.
//!
//! A header alone is nothing: the body has to decode and to have the structure of a key.

use super::der::Der;
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
    const LENIENT_URL: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::RequireNone)
            .with_decode_allow_trailing_bits(true),
    );
    LENIENT_URL.decode(text).ok()
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
                b'+' | b'.' if follows_quote(&bytes[from..at]) => {}
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                    body.base64.push(byte);
                    body.end = at + 1;
                }
                b'=' | b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b',' | b'|' | b'>' => {}
                b'\\' => {
                    // `\n`, `\\n`, `\/`, and a backslash at the end of a line.
                    at += bytes[at..].iter().take_while(|&&byte| byte == b'\\').count();
                    at += escape_length(&bytes[at..]);
                    continue;
                }
                b'&' if bytes[at..].starts_with(b"&#") => {
                    // `&#10;` and `&#xA;`
                    at += memchr::memchr(b';', &bytes[at..bytes.len().min(at + 7)]).unwrap_or(0);
                }
                b'#' | b'*' if at > from && begins_line(&bytes[from..at]) => {}
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

/// Tells whether the last thing was the end of a string literal, so that a sign joins it to the next.
fn follows_quote(before: &[u8]) -> bool {
    before
        .iter()
        .rev()
        .find(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .is_some_and(|byte| matches!(byte, b'"' | b'\''))
}

/// Tells whether only blanks stand before this on its line.
fn begins_line(before: &[u8]) -> bool {
    before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t')).is_some_and(|&byte| byte == b'\n')
}

/// Gives the length of what follows a backslash and stands for white space: `n`, `r`, `t`, a line break, `u000a`, `x0a`.
fn escape_length(after: &[u8]) -> usize {
    match after {
        [b'n' | b'r' | b't' | b'\n' | b'\r', ..] => 1,
        [b'u', b'0', b'0', b'0', b'a' | b'A' | b'd' | b'D', ..] => 5,
        [b'x', b'0', b'a' | b'A' | b'd' | b'D', ..] => 3,
        _ => 0,
    }
}

/// Collects base64 from `from` on, over line breaks and escapes, and decodes it; gives the end of it as well.
pub(super) fn base64_block(bytes: &[u8], from: usize) -> Option<(Vec<u8>, usize)> {
    let body = Body::collect(bytes, from);
    let whole = body.base64.len() - usize::from(body.base64.len() % 4 == 1);
    Some((decode_base64(&body.base64[..whole])?, body.end))
}

/// What the first packet of an `OpenPGP` message says about its secret key (RFC 9580, sections 4.2 and 5.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet {
    /// The key is there as it is.
    Plain,
    /// A passphrase is needed.
    Encrypted,
    /// No secret key, or only its place on a smart card.
    Other,
}

/// Reads a secret key packet.
pub(super) fn secret_packet(bytes: &[u8]) -> Packet {
    let read = || {
        let (&tag, rest) = bytes.split_first()?;
        let body = match tag {
            0x94 => rest.get(1..)?,
            0x95 => rest.get(2..)?,
            0x96 => rest.get(4..)?,
            0xc5 => match *rest.first()? {
                0..=191 => rest.get(1..)?,
                192..=223 => rest.get(2..)?,
                _ => rest.get(5..)?,
            },
            _ => return None,
        };
        let (&version, rest) = body.split_first()?;
        if !matches!(version, 4..=6) {
            return None;
        }
        let (&algorithm, rest) = rest.get(4..)?.split_first()?;
        let mut rest = if version > 4 { rest.get(4..)? } else { rest };
        let numbers = match algorithm {
            1..=3 => 2,
            16 => 3,
            17 => 4,
            18 | 19 | 22 => {
                rest = rest.get(1 + usize::from(*rest.first()?)..)?;
                1
            }
            25 | 27 => {
                rest = rest.get(32..)?;
                0
            }
            _ => return None,
        };
        for _ in 0..numbers {
            let (bits, after) = rest.split_first_chunk::<2>()?;
            rest = after.get(usize::from(u16::from_be_bytes(*bits)).div_ceil(8)..)?;
        }
        if algorithm == 18 {
            rest = rest.get(1 + usize::from(*rest.first()?)..)?;
        }
        Some(match rest {
            [0, ..] => Packet::Plain,
            // GNU's own kind of S2K: the secret part is elsewhere.
            [253..=255, _, 101, ..] => Packet::Other,
            [_, ..] => Packet::Encrypted,
            [] => return None,
        })
    };
    read().unwrap_or(Packet::Other)
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
            let _ = (structure(b"", &bytes, false), base64_block(&text, 0), secret_packet(&bytes));
        }
    }
}
