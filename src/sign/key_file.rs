//! Encrypted private key files as cosign writes and reads them: PEM around JSON, scrypt and secretbox around PKCS#8.

use crypto_secretbox::aead::Aead as _;
use crypto_secretbox::{KeyInit as _, XSalsa20Poly1305};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::oci::parse_strict;

use super::encoding::{from_base64, one_pem, to_base64, to_pem};
use super::{Password, Unlocked};

/// The label that is written.
const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// The label of older files.
const OLD_LABEL: &str = "ENCRYPTED COSIGN PRIVATE KEY";
/// Bytes of a key file.
const MAX_FILE: usize = 64 << 10;
/// N = 2^16, r = 8, p = 1: what is written.
const LOG_N: u8 = 16;
const SALT: usize = 32;
const NONCE: usize = 24;

/// Why a key file was refused. A wrong password and damaged bytes look the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// It is no PEM file with one block.
    #[error("it is no PEM file with exactly one block")]
    NotPem,
    /// The block is something else.
    #[error("its label is `{0}`, not `{LABEL}`")]
    Label(String),
    /// The salt or the nonce is shorter or longer than the ciphers take.
    #[error("its {0} is of the wrong length")]
    Length(&'static str),
    /// What is in it is not what it should be.
    #[error("{0}")]
    Body(&'static str),
    /// Parameters of scrypt that nobody writes: they could be made to use up memory.
    #[error("its scrypt parameters are not N 32768, 65536 or 131072 with r 8 and p 1")]
    Scrypt,
    /// Wrong password, or damaged.
    #[error("the password is wrong or the file is damaged")]
    Locked,
}

impl KeyFileError {
    /// All codes.
    pub const CODES: &'static [&'static str] = &[
        "config.key.pem",
        "config.key.label",
        "config.key.length",
        "config.key.body",
        "config.key.scrypt",
        "config.key.locked",
    ];

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPem => "config.key.pem",
            Self::Label(_) => "config.key.label",
            Self::Length(_) => "config.key.length",
            Self::Body(_) => "config.key.body",
            Self::Scrypt => "config.key.scrypt",
            Self::Locked => "config.key.locked",
        }
    }
}

/// The random bytes of one key file: fresh for every file.
#[derive(Debug, Clone)]
pub struct Sealing {
    /// Salt of the key derivation.
    pub salt: [u8; SALT],
    /// Nonce of the encryption.
    pub nonce: [u8; NONCE],
}

/// Encrypts a PKCS#8 private key.
///
/// # Errors
/// [`KeyFileError::Body`] when the key cannot be encrypted; it does not happen.
pub fn seal_key(pkcs8: &[u8], password: &Password, sealing: &Sealing) -> Result<String, KeyFileError> {
    let key = derive(password, LOG_N, &sealing.salt)?;
    let cipher = XSalsa20Poly1305::new_from_slice(&key[..]).map_err(|_| KeyFileError::Scrypt)?;
    let ciphertext = cipher
        .encrypt(&sealing.nonce.into(), pkcs8)
        .map_err(|_| KeyFileError::Body("the key could not be encrypted"))?;
    let body = json!({
        "kdf": {
            "name": "scrypt",
            "params": { "N": 1_u32 << LOG_N, "r": 8, "p": 1 },
            "salt": to_base64(&sealing.salt),
        },
        "cipher": { "name": "nacl/secretbox", "nonce": to_base64(&sealing.nonce) },
        "ciphertext": to_base64(&ciphertext),
    });
    Ok(to_pem(LABEL, body.to_string().as_bytes()))
}

/// Decrypts a key file: PKCS#8, wiped from memory when dropped. The password is tried as given, then once with the line break
/// at its end added or left out.
///
/// # Errors
/// [`KeyFileError`].
pub fn open_key_file(file: &[u8], password: &Password) -> Result<(Zeroizing<Vec<u8>>, Unlocked), KeyFileError> {
    let sealed = Sealed::read(file)?;
    for (spelling, unlocked) in password.spellings() {
        if let Some(key) = sealed.open(&spelling)? {
            return Ok((key, unlocked));
        }
    }
    Err(KeyFileError::Locked)
}

fn derive(password: &Password, log_n: u8, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let parameters = scrypt::Params::new(log_n, 8, 1).map_err(|_| KeyFileError::Scrypt)?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password.bytes(), salt, &parameters, &mut key[..]).map_err(|_| KeyFileError::Scrypt)?;
    Ok(key)
}

struct Sealed {
    log_n: u8,
    salt: [u8; SALT],
    nonce: [u8; NONCE],
    ciphertext: Vec<u8>,
}

impl Sealed {
    fn read(file: &[u8]) -> Result<Self, KeyFileError> {
        if file.len() > MAX_FILE {
            return Err(KeyFileError::Body("it is larger than a key file can be"));
        }
        let (label, body) = one_pem(file).ok_or(KeyFileError::NotPem)?;
        if label != LABEL && label != OLD_LABEL {
            let shown = label.chars().take(80).flat_map(char::escape_debug).collect();
            return Err(KeyFileError::Label(shown));
        }
        let body = parse_strict(&body).map_err(|_| KeyFileError::Body("what is in it is no JSON"))?;
        let is = |pointer: &str, wanted: &str| body.pointer(pointer).and_then(Value::as_str) == Some(wanted);
        if !is("/kdf/name", "scrypt") || !is("/cipher/name", "nacl/secretbox") {
            return Err(KeyFileError::Body("it is not encrypted with scrypt and nacl/secretbox"));
        }
        let number = |pointer: &str| body.pointer(pointer).and_then(Value::as_u64);
        let log_n = match (number("/kdf/params/N"), number("/kdf/params/r"), number("/kdf/params/p")) {
            (Some(0x8000), Some(8), Some(1)) => 15,
            (Some(0x1_0000), Some(8), Some(1)) => 16,
            (Some(0x2_0000), Some(8), Some(1)) => 17,
            _ => return Err(KeyFileError::Scrypt),
        };
        let bytes = |pointer: &str| {
            let text = body.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            from_base64(pointer, text).map_err(|_| KeyFileError::Body("its base64 is damaged"))
        };
        Ok(Self {
            log_n,
            salt: bytes("/kdf/salt")?.try_into().map_err(|_| KeyFileError::Length("salt"))?,
            nonce: bytes("/cipher/nonce")?.try_into().map_err(|_| KeyFileError::Length("nonce"))?,
            ciphertext: bytes("/ciphertext")?,
        })
    }

    fn open(&self, password: &Password) -> Result<Option<Zeroizing<Vec<u8>>>, KeyFileError> {
        let key = derive(password, self.log_n, &self.salt)?;
        let cipher = XSalsa20Poly1305::new_from_slice(&key[..]).map_err(|_| KeyFileError::Scrypt)?;
        Ok(cipher.decrypt(&self.nonce.into(), &self.ciphertext[..]).ok().map(Zeroizing::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sealing() -> Sealing {
        Sealing { salt: [7; SALT], nonce: [9; NONCE] }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    #[test]
    fn key_derivation_and_encryption_give_the_published_values() {
        let key = derive(&Password::new("hello"), 16, &[7; SALT]).expect("derived");
        assert_eq!(hex(&key[..]), "0162a9129c964e72592efbd055bc3040084d4feec38f23645438bc7b99171288");
        let file = seal_key(b"hello", &Password::new("hello"), &sealing()).expect("sealed");
        let sealed = Sealed::read(file.as_bytes()).expect("read back");
        assert_eq!(hex(&sealed.ciphertext), "5b4ff24712e422617bf276bc25212c1f478be094b1");
        assert!(file.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    }

    #[test]
    fn the_end_of_a_password_is_tried_both_ways_and_that_is_said() {
        let file = seal_key(b"secret", &Password::new("pw\n"), &sealing()).expect("sealed");
        let open = |password: &str| open_key_file(file.as_bytes(), &Password::new(password));
        let (key, unlocked) = open("pw\n").expect("as given");
        assert_eq!((&key[..], unlocked), (&b"secret"[..], Unlocked::AsGiven));
        assert_eq!(open("pw").expect("added").1, Unlocked::WithLineBreak);
        assert_eq!(open("pw ").expect_err("wrong"), KeyFileError::Locked);
        let bare = seal_key(b"secret", &Password::new("pw"), &sealing()).expect("sealed");
        let (_, unlocked) = open_key_file(bare.as_bytes(), &Password::new("pw\n")).expect("left out");
        assert_eq!(unlocked, Unlocked::WithoutLineBreak);
        assert_eq!(format!("{:?}", Password::new("pw")), "***");
    }

    fn with(change: impl FnOnce(&mut Value)) -> KeyFileError {
        let mut body = json!({
            "kdf": { "name": "scrypt", "params": { "N": 65536, "r": 8, "p": 1 }, "salt": to_base64(&[7; SALT]) },
            "cipher": { "name": "nacl/secretbox", "nonce": to_base64(&[9; NONCE]) },
            "ciphertext": to_base64(&[0; 40]),
        });
        change(&mut body);
        let file = to_pem(LABEL, body.to_string().as_bytes());
        Sealed::read(file.as_bytes()).err().unwrap_or(KeyFileError::Locked)
    }

    #[test]
    fn everything_else_in_a_key_file_is_refused_without_deriving_a_key() {
        assert_eq!(with(|_| {}), KeyFileError::Locked, "the unchanged file is read");
        for (pointer, value) in [("N", 1_u64 << 30), ("N", 1 << 14), ("N", 0), ("r", 1 << 20), ("p", 9)] {
            assert_eq!(with(|body| body["kdf"]["params"][pointer] = value.into()), KeyFileError::Scrypt, "{pointer}");
        }
        assert_eq!(KeyFileError::Scrypt.code(), "config.key.scrypt");
        for length in [0, 23, 25] {
            let nonce = with(|body| body["cipher"]["nonce"] = to_base64(&vec![9; length]).into());
            assert_eq!((&nonce, nonce.code()), (&KeyFileError::Length("nonce"), "config.key.length"));
        }
        assert_eq!(with(|body| body["kdf"]["salt"] = "".into()), KeyFileError::Length("salt"));
        assert!(matches!(with(|body| body["ciphertext"] = "AA".into()), KeyFileError::Body(_)));
        assert!(matches!(with(|body| body["kdf"]["name"] = "pbkdf2".into()), KeyFileError::Body(_)));
        assert!(matches!(with(|body| body["cipher"] = Value::Null), KeyFileError::Body(_)));
        let file = seal_key(b"secret", &Password::new("pw"), &sealing()).expect("sealed");
        for end in [0, 20, file.len() / 2, file.len() - 10] {
            let cut = &file.as_bytes()[..end];
            let error = open_key_file(cut, &Password::new("pw")).expect_err("cut off");
            assert_eq!((&error, error.code()), (&KeyFileError::NotPem, "config.key.pem"));
        }
        let other = to_pem("PRIVATE KEY", b"x");
        assert!(matches!(open_key_file(other.as_bytes(), &Password::new("")), Err(KeyFileError::Label(_))));
        let twice = to_pem(LABEL, br#"{"kdf":{},"kdf":{}}"#);
        assert!(matches!(open_key_file(twice.as_bytes(), &Password::new("")), Err(KeyFileError::Body(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Sealed::read(&bytes).err();
            let _ = Sealed::read(to_pem(LABEL, &bytes).as_bytes()).err();
        }
    }
}
