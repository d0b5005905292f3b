//! Public keys, and signatures that stand on a key alone.

use sigstore::crypto::{CosignVerificationKey, Signature};
use sigstore_verify::crypto::{SigningScheme, verify_signature};
use sigstore_verify::types::{DerPublicKey, SignatureBytes};

use crate::model::Digest;

use super::encoding::{from_base64, one_pem, to_base64, to_pem};
use super::{Curve, KeyAlgorithm, Reason, Rejection, der};

const LABEL: &str = "PUBLIC KEY";
/// Bits of an RSA key, at least.
const RSA_LEAST: usize = 2_048;
const RSA_MOST: usize = 8_192;
/// Bytes of a public key file.
const MAX_FILE: usize = 64 << 10;

/// Why a key was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// It is no PEM file with one block of the right label.
    #[error("it is no PEM file with exactly one block `{0}`")]
    NotPem(&'static str),
    /// The algorithm is not known or malformed.
    #[error("it is not an ECDSA key on P-256, P-384 or P-521, nor an RSA or Ed25519 key")]
    Algorithm,
    /// An RSA key of an unusual size.
    #[error("it is an RSA key of {0} bits; {RSA_LEAST} to {RSA_MOST} are accepted")]
    RsaSize(usize),
    /// The key cannot sign here.
    #[error("{0}")]
    Signing(&'static str),
    /// The bytes are not a private key of a form that is read.
    #[error("it is not a private key in PKCS#8, SEC1 or PKCS#1")]
    Form,
}

/// A public key (`SubjectPublicKeyInfo`). Its scheme follows from the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
    algorithm: KeyAlgorithm,
}

impl PublicKey {
    /// Reads a PEM file with one `PUBLIC KEY`.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(text: &[u8]) -> Result<Self, KeyError> {
        if text.len() > MAX_FILE {
            return Err(KeyError::NotPem(LABEL));
        }
        match one_pem(text) {
            Some((label, spki)) if label == LABEL => Self::from_spki(spki),
            _ => Err(KeyError::NotPem(LABEL)),
        }
    }

    /// Takes the DER form.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_spki(spki: Vec<u8>) -> Result<Self, KeyError> {
        let algorithm = der::algorithm_of_spki(&spki).ok_or(KeyError::Algorithm)?;
        if algorithm == KeyAlgorithm::Rsa {
            let bits = der::rsa_bits(&spki).ok_or(KeyError::Algorithm)?;
            if !(RSA_LEAST..=RSA_MOST).contains(&bits) {
                return Err(KeyError::RsaSize(bits));
            }
        }
        // The strict parser agrees, where it knows the algorithm.
        if algorithm != KeyAlgorithm::Ecdsa(Curve::P521)
            && sigstore_verify::crypto::KeyAlgorithm::from_spki(&DerPublicKey::from_bytes(&spki)).is_err()
        {
            return Err(KeyError::Algorithm);
        }
        Ok(Self { spki, algorithm })
    }

    /// The DER form.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The PEM form.
    #[must_use]
    pub fn to_pem(&self) -> String {
        to_pem(LABEL, &self.spki)
    }

    /// What it is.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The SHA-256 digest of the DER form: the key's name in output.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.spki)
    }

    /// The hint that cosign writes into bundles: base64 of the SHA-256 of the DER form. It finds a key and proves nothing.
    #[must_use]
    pub fn hint(&self) -> String {
        use sha2::Digest as _;
        to_base64(&sha2::Sha256::digest(&self.spki))
    }

    /// Whether an RSA key is of the smallest accepted size, which deserves a warning.
    #[must_use]
    pub fn is_weak(&self) -> bool {
        self.algorithm == KeyAlgorithm::Rsa && der::rsa_bits(&self.spki).is_some_and(|bits| bits < 3_072)
    }

    /// Verifies a signature over a message with the scheme that belongs to the key.
    ///
    /// # Errors
    /// [`Reason::InvalidSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        let scheme = match self.algorithm {
            KeyAlgorithm::Ecdsa(Curve::P256) => SigningScheme::EcdsaP256Sha256,
            KeyAlgorithm::Ecdsa(Curve::P384) => SigningScheme::EcdsaP384Sha384,
            KeyAlgorithm::Ecdsa(Curve::P521) => return self.verify_p521(message, signature),
            KeyAlgorithm::Rsa => SigningScheme::RsaPkcs1Sha256,
            KeyAlgorithm::Ed25519 => SigningScheme::Ed25519,
        };
        self.verify_with(scheme, message, signature)
    }

    /// Verifies what older signers made with P-384 and SHA-256. Only where the caller was told to accept that.
    ///
    /// # Errors
    /// [`Reason::InvalidSignature`].
    pub fn verify_p384_sha256(&self, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        if self.algorithm != KeyAlgorithm::Ecdsa(Curve::P384) {
            return Err(wrong());
        }
        self.verify_with(SigningScheme::EcdsaP384Sha256, message, signature)
    }

    fn verify_with(&self, scheme: SigningScheme, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        let signature = SignatureBytes::from_bytes(signature);
        verify_signature(&self.der(), message, &signature, scheme).map_err(|_| wrong())
    }

    fn verify_p521(&self, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        let key = CosignVerificationKey::try_from_der(&self.spki).map_err(|_| wrong())?;
        key.verify_signature(Signature::Raw(signature), message).map_err(|_| wrong())
    }

    pub(super) fn der(&self) -> DerPublicKey {
        DerPublicKey::from_bytes(&self.spki)
    }

    /// Refuses a hint that names another key. No hint is no hint.
    pub(super) fn check_hint(&self, hint: &str) -> Result<(), Rejection> {
        if hint.is_empty() || hint == self.hint() || from_base64("hint", hint).is_ok_and(|raw| raw == self.spki) {
            return Ok(());
        }
        Err(Rejection::new(Reason::UntrustedHint, "the bundle says that it was signed with another key"))
    }
}

fn wrong() -> Rejection {
    Rejection::new(Reason::InvalidSignature, "the signature does not fit the key and the signed bytes")
}
