//! Files made to hold keys, and keys in binary.

use super::keyed::TOKEN;
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::der;
use crate::secrets::window::Window;

/// Something binary, of which nothing is shown.
const BINARY: Detector = Detector { may_show: false, ..TOKEN };

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "der-private-key",
        what: "private key in DER",
        rotate: "make a new key pair, replace the public key or certificate everywhere, revoke the old one",
        grade: Grade::Proven,
        severity: Severity::Critical,
        seek: Seek::Read { leads: der::LEADS, text_only: false, read: der_key },
        finds: &["{raw rsa}", "prefix{raw pkcs8}", "{raw ec}{raw ed25519}"],
        ignores: &["{raw encrypted}", "\u{2}\u{1}\u{1}\u{4} "],
        ..BINARY
    },
    Detector {
        id: "pkcs12-keystore",
        what: "private key in a PKCS#12 keystore; its password opens it",
        rotate: "make a new key pair and revoke the certificate, unless the password is strong and elsewhere",
        nature: Nature::Encrypted,
        seek: Seek::Read { leads: &["\r\u{1}\u{c}\n\u{1}\u{2}"], text_only: false, read: pkcs12 },
        finds: &["{raw p12}"],
        ignores: &["\r\u{1}\u{c}\n\u{1}\u{2} and nothing else"],
        ..BINARY
    },
    Detector {
        id: "java-keystore",
        what: "private key in a Java keystore; its password opens it",
        rotate: "make a new key pair and revoke the certificate, unless the password is strong and elsewhere",
        nature: Nature::Encrypted,
        seek: Seek::Read {
            leads: &[
                "\u{6}\n+\u{6}\u{1}\u{4}\u{1}*\u{2}\u{11}\u{1}\u{1}",
                "\u{6}\t+\u{6}\u{1}\u{4}\u{1}*\u{2}\u{13}\u{1}",
            ],
            text_only: false,
            read: java_key,
        },
        finds: &["{raw jks}"],
        ignores: &["\u{6}\n+\u{6}\u{1}\u{4}\u{1}*\u{2}\u{11}\u{1}\u{1} and nothing else"],
        ..BINARY
    },
    Detector {
        id: "kerberos-keytab",
        what: "Kerberos keytab",
        rotate: "change the keys of its principals with `kadmin ktadd` and replace the file",
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["\u{5}\u{2}\0\0"], text_only: false, read: keytab },
        finds: &[
            "\u{5}\u{2}\0\0\0U\0\u{2}\0\u{b}EXAMPLE.ORG\0\u{4}HTTP\0\u{7}web.lan\0\0\0\u{1}____\u{2}\0\u{12}\0 {b62 32}",
        ],
        ignores: &["x\u{5}\u{2}\0\0\0U\0\u{2}\0\u{b}EXAMPLE.ORG", "\u{5}\u{2}\0\0\0\u{1}\u{1}\u{1}"],
        ..BINARY
    },
    Detector {
        id: "gnupg-private-key",
        what: "private key of a GnuPG key ring without a passphrase",
        rotate: "publish a revocation certificate and make a new key",
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["11:private-key", "(private-key"], text_only: false, read: gnupg },
        finds: &[
            "(11:private-key(3:rsa(1:n257:{b62 257})(1:e3:abc)(1:d256:{b62 256})))",
            "Key: (private-key (ecc (curve Ed25519)(q #40{hex 64}#)(d #{hex 64}#)))",
        ],
        ignores: &["(private-key(rsa(n%m)(e%m)(d%m)))", "(21:protected-private-key(3:rsa(1:n257:{b62 257})))"],
        ..BINARY
    },
    Detector {
        id: "encrypted-gnupg-private-key",
        what: "private key of a GnuPG key ring that needs its passphrase",
        rotate: "publish a revocation certificate and make a new key if the passphrase may be known",
        grade: Grade::Contextual,
        nature: Nature::Encrypted,
        seek: Seek::Read {
            leads: &["21:protected-private-key", "(protected-private-key"],
            text_only: false,
            read: gnupg,
        },
        finds: &[
            "(21:protected-private-key(3:rsa(1:n257:{b62 257})(1:e3:abc)(9:protected25:openpgp-s2k3-ocb-aes)))",
            "Key: (protected-private-key (ecc (curve Ed25519)(q #40{hex 64}#)))",
        ],
        ignores: &["(protected-private-key(rsa(n%m)))", "21:protected-private-key"],
        ..BINARY
    },
];

fn der_key(window: &Window<'_>) -> Option<Reading> {
    let (start, end) = der::key_around(window.bytes, window.at)?;
    Some(Reading::new(start, end, Grade::Proven))
}

/// Reads an encrypted key, a sequence that `len` bytes behind the place begins, as far as the window shows it.
fn envelope<'a>(window: &Window<'a>, from: usize) -> Option<&'a [u8]> {
    let bytes = window.bytes.get(from..)?;
    let envelope = der::Der { bytes, cut: true };
    let length = envelope.length().unwrap_or(bytes.len()).min(bytes.len());
    (envelope.is_encrypted_key() && length >= 64).then(|| &bytes[..length])
}

/// Reads a shrouded key bag (RFC 7292, section 4.2.2): its object identifier, a context tag, an encrypted key.
fn pkcs12(window: &Window<'_>) -> Option<Reading> {
    const OID_START: &[u8] = b"\x06\x0b\x2a\x86\x48\x86\xf7";
    if !window.behind().ends_with(OID_START) {
        return None;
    }
    let after = window.at + 6;
    let header = match window.bytes.get(after..after + 2)? {
        [0xa0, 0x82] => 4,
        [0xa0, 0x81] => 3,
        [0xa0, _] => 2,
        _ => return None,
    };
    let key = envelope(window, after + header)?;
    Some(Reading::new(window.at, after + header + key.len(), Grade::Structured).known_as(key.to_vec()))
}

/// Reads an encrypted key whose algorithm is one of the two that only Java's keystores have.
fn java_key(window: &Window<'_>) -> Option<Reading> {
    // The key begins with its length (30 82 xx xx) and that of the algorithm (30 xx).
    let start = window.at.checked_sub(6).filter(|&start| window.bytes[start] == 0x30)?;
    let key = envelope(window, start)?;
    Some(Reading::new(start, start + key.len(), Grade::Structured).known_as(key.to_vec()))
}

/// Reads the first entry of a keytab: its length, the number of its names, its realm.
fn keytab(window: &Window<'_>) -> Option<Reading> {
    let bytes = window.ahead();
    if window.at != 0 {
        return None;
    }
    let number = |at: usize| bytes.get(at..at + 2).map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
    let (length, names, realm) = (number(4)?, number(6)?, number(8)?);
    let name = bytes.get(10..10 + realm)?;
    let whole = (20..4096).contains(&length)
        && (1..=8).contains(&names)
        && (1..=255).contains(&realm)
        && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    let end = bytes.len().min(6 + length);
    whole.then(|| Reading::new(0, end, Grade::Structured))
}

/// Reads the first number of a key as an S-expression; programs hold the form without numbers.
fn gnupg(window: &Window<'_>) -> Option<Reading> {
    let ahead = &window.ahead()[..window.ahead().len().min(160)];
    let protected = memchr::memmem::find(ahead, b"protected-private-key").is_some_and(|at| at < 4);
    if window.behind().ends_with(b"protected-")
        || !window.behind().last().is_none_or(|&byte| matches!(byte, b'(' | b' ' | b'\n'))
    {
        return None;
    }
    let counted = memchr::memmem::find(ahead, b"(1:").and_then(|at| ahead.get(at + 4..)).is_some_and(|rest| {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length = std::str::from_utf8(&rest[..digits]).ok().and_then(|digits| digits.parse::<usize>().ok());
        // The number has to be as long as it says, as far as it can be seen.
        let ends = |length: usize| {
            window.ahead().get(ahead.len() - rest.len() + digits + 1 + length).is_none_or(|&byte| byte == b')')
        };
        (1..=4).contains(&digits) && rest.get(digits) == Some(&b':') && length.is_some_and(ends)
    });
    let hexadecimal = memchr::memchr(b'#', ahead)
        .is_some_and(|at| ahead[at + 1..].iter().take_while(|byte| byte.is_ascii_hexdigit()).count() >= 32);
    if !counted && !hexadecimal {
        return None;
    }
    let body = &window.ahead()[..window.ahead().len().min(700)];
    let grade = if protected { Grade::Contextual } else { Grade::Structured };
    Some(Reading::new(window.at, window.at + ahead.len(), grade).known_as(body.to_vec()))
}
