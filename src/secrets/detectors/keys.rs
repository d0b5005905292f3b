//! Key material.

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::checksum;
use crate::secrets::key_material::{self, Kind, Pem};
use crate::secrets::shape::{Class, Part, Token};
use crate::secrets::window::Window;

/// Where PEM headers of private keys are noticed.
const PEM: &[&str] = &["PRIVATE KEY"];

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "private-key",
        what: "private key",
        rotate: "make a new key pair, replace the public key or certificate everywhere, revoke the old one",
        grade: Grade::Proven,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: PEM, text_only: false, read: plain_key },
        finds: &[
            "-----BEGIN RSA PRIVATE KEY-----\n{der rsa}\n-----END RSA PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\n{der pkcs8}\n-----END PRIVATE KEY-----\n",
            "-----BEGIN EC PRIVATE KEY-----\n{der ec}\n-----END EC PRIVATE KEY-----\n",
            "-----BEGIN OPENSSH PRIVATE KEY-----\n{der openssh}\n-----END OPENSSH PRIVATE KEY-----\n",
            "KEY=\"-----BEGIN PRIVATE KEY-----\\n{der1 pkcs8}\\n-----END PRIVATE KEY-----\\n\"",
        ],
        ignores: &[
            "-----BEGIN RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE...\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\n{der noise}\n-----END PRIVATE KEY-----\n",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n{der encrypted}\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "-----BEGIN PUBLIC KEY-----\n{der noise}\n-----END PUBLIC KEY-----\n",
        ],
    },
    Detector {
        id: "encrypted-private-key",
        what: "private key that needs its passphrase",
        rotate: "make a new key pair if the passphrase may be known, and keep the key out of the image",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: PEM, text_only: false, read: encrypted_key },
        finds: &["-----BEGIN ENCRYPTED PRIVATE KEY-----\n{der encrypted}\n-----END ENCRYPTED PRIVATE KEY-----\n"],
        ignores: &["-----BEGIN ENCRYPTED PRIVATE KEY-----\n{der noise}\n-----END ENCRYPTED PRIVATE KEY-----\n"],
    },
    Detector {
        id: "openpgp-private-key",
        what: "OpenPGP private key",
        rotate: "publish a revocation certificate and make a new key",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: PEM, text_only: false, read: openpgp_key },
        finds: &[
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQOY{b64 400}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----\n",
        ],
        ignores: &[
            "-----BEGIN PGP PRIVATE KEY BLOCK-----",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nmQOY{b64 400}\n-----END",
        ],
    },
    Detector {
        id: "base64-private-key",
        what: "private key in base64, as in a kubeconfig",
        rotate: "make a new key pair and revoke the certificate of the old one",
        grade: Grade::Proven,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: &["LS0tLS1CRUdJTi"], text_only: false, read: base64_key },
        finds: &["    client-key-data: {pem64 pkcs8}\n", "TLS_KEY={pem64 rsa}"],
        ignores: &["client-certificate-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t{b64 400}", "LS0tLS1CRUdJTi"],
    },
    Detector {
        id: "putty-private-key",
        what: "PuTTY private key without a passphrase",
        rotate: "make a new key pair and remove the old public key from all hosts",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: &["PuTTY-User-Key-File-"], text_only: true, read: putty_key },
        finds: &[
            "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: none\nComment: a\nPublic-Lines: 1\n{b64 64}\nPrivate-Lines: 2\n{b64 64}\n{b64 64}\nPrivate-MAC: {hex 64}\n",
        ],
        ignores: &[
            "PuTTY-User-Key-File-3: ssh-rsa\nEncryption: aes256-cbc\nPublic-Lines: 1\n{b64 64}\nPrivate-Lines: 1\n{b64 64}\n",
            "PuTTY-User-Key-File-2: is the first line",
        ],
    },
    Detector {
        id: "age-identity",
        what: "age identity",
        rotate: "make a new identity and encrypt again for its recipient",
        grade: Grade::Proven,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[Token::new(&["AGE-SECRET-KEY-1"], &[Part::exactly(Class::UpperBech32, 58)])
            .checked_by(checksum::age_identity)]),
        finds: &["AGE-SECRET-KEY-1{bech32 52}{sumbech32}"],
        ignores: &["AGE-SECRET-KEY-1{bech32 58}", "AGE-SECRET-KEY-1{bech32 20}"],
    },
];

fn pem(window: &Window<'_>) -> Option<Pem> {
    key_material::read_pem(window.bytes, window.at)
}

fn reading(key: Pem, grade: Grade) -> Reading {
    Reading::new(key.start, key.end, grade).known_as(key.body)
}

fn plain_key(window: &Window<'_>) -> Option<Reading> {
    let key = pem(window)?;
    match key.kind {
        Kind::Plain => Some(reading(key, Grade::Proven)),
        Kind::Broken => Some(reading(key, Grade::Weak)),
        Kind::Encrypted | Kind::OpenPgp => None,
    }
}

fn encrypted_key(window: &Window<'_>) -> Option<Reading> {
    pem(window).filter(|key| key.kind == Kind::Encrypted).map(|key| reading(key, Grade::Contextual))
}

/// Reads an armoured key whose first packet is a secret key (RFC 9580, section 5.5.1.3).
fn openpgp_key(window: &Window<'_>) -> Option<Reading> {
    let key = pem(window).filter(|key| key.kind == Kind::OpenPgp)?;
    let secret = key.body.first().is_some_and(|tag| tag & 0xfc == 0x94 || *tag == 0xc5);
    Some(reading(key, if secret { Grade::Structured } else { Grade::Weak }))
}

fn base64_key(window: &Window<'_>) -> Option<Reading> {
    if window.behind().last().is_some_and(|&byte| Class::Base64.has(byte)) {
        return None;
    }
    let length = Class::Base64.run(window.ahead(), usize::MAX);
    let decoded = key_material::decode_base64(&window.ahead()[..length])?;
    let at = memchr::memmem::find(&decoded, b"PRIVATE KEY")?;
    let key = key_material::read_pem(&decoded, at).filter(|key| key.kind == Kind::Plain)?;
    Some(Reading::new(window.at, window.at + length, Grade::Proven).known_as(key.body))
}

fn putty_key(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let find = |text: &str| memchr::memmem::find(ahead, text.as_bytes());
    let (unencrypted, private) = (find("Encryption: none")?, find("Private-Lines: ")?);
    if unencrypted > 200 || private < unencrypted {
        return None;
    }
    let from = private + memchr::memchr(b'\n', &ahead[private..])? + 1;
    let ends = memchr::memchr(b'-', &ahead[from..]).map_or(ahead.len(), |dash| from + dash);
    let body: Vec<u8> =
        ahead[from..ends].iter().copied().filter(|&byte| Class::Base64.has(byte) || byte == b'=').collect();
    (body.len() >= 64).then(|| Reading::new(window.at, window.at + from, Grade::Structured).known_as(body))
}
