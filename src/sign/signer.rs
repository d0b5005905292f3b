//! Private keys: made, imported, used. The bytes are wiped from memory when dropped.

use std::fmt;

use sigstore::crypto::SigningScheme;
use sigstore::crypto::signing_key::{SigStoreKeyPair, SigStoreSigner};
use zeroize::Zeroizing;

use super::encoding::one_pem;
use super::{Curve, KeyAlgorithm, KeyError, KeyFileError, Password, PublicKey, Sealing, Unlocked};
use super::{der, open_key_file, seal_key};

/// A private key that can sign. It prints as its public key's name.
pub struct SigningKey {
    signer: SigStoreSigner,
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKey({})", self.public.digest())
    }
}

impl SigningKey {
    /// Makes a key on P-256 or P-384, with random bytes of the cryptographic library.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn generate(curve: Curve) -> Result<Self, KeyError> {
        let scheme = match curve {
            Curve::P256 => SigningScheme::ECDSA_P256_SHA256_ASN1,
            Curve::P384 => SigningScheme::ECDSA_P384_SHA384_ASN1,
            Curve::P521 => return Err(KeyError::Signing("keys on P-521 are read, not made")),
        };
        let failed = KeyError::Signing("the key could not be made");
        let signer = scheme.create_signer().map_err(|_| failed.clone())?;
        let pair = signer.to_sigstore_keypair().map_err(|_| failed.clone())?;
        Self::from_pkcs8(&pair.private_key_to_der().map_err(|_| failed)?)
    }

    /// Takes a PKCS#8 private key. Anything else in its place is refused.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        let algorithm = der::algorithm_of_pkcs8(pkcs8).ok_or(KeyError::Form)?;
        let scheme = match algorithm {
            KeyAlgorithm::Ecdsa(Curve::P256) => SigningScheme::ECDSA_P256_SHA256_ASN1,
            KeyAlgorithm::Ecdsa(Curve::P384) => SigningScheme::ECDSA_P384_SHA384_ASN1,
            KeyAlgorithm::Ecdsa(Curve::P521) => SigningScheme::ECDSA_P521_SHA512_ASN1,
            KeyAlgorithm::Rsa => SigningScheme::RSA_PKCS1_SHA256(0),
            // Other signers use such keys as Ed25519ph: what one makes the other refuses.
            KeyAlgorithm::Ed25519 => {
                return Err(KeyError::Signing("Ed25519 keys do not sign here: other tools expect Ed25519ph of them"));
            }
        };
        let pair = SigStoreKeyPair::from_der(pkcs8).map_err(|_| KeyError::Form)?;
        let public = PublicKey::from_spki(pair.public_key_to_der().map_err(|_| KeyError::Form)?)?;
        let signer = pair.to_sigstore_signer(&scheme).map_err(|_| KeyError::Form)?;
        Ok(Self { signer, pkcs8: Zeroizing::new(pkcs8.to_vec()), public })
    }

    /// Reads a private key from an unencrypted PEM file: `PRIVATE KEY`, `EC PRIVATE KEY` (SEC1) or `RSA PRIVATE KEY` (PKCS#1).
    /// OpenSSL writes `EC PARAMETERS` in front of SEC1 keys; that block is passed over.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn import(text: &[u8]) -> Result<Self, KeyError> {
        const PARAMETERS: &str = "-----END EC PARAMETERS-----";
        let behind = text
            .windows(PARAMETERS.len())
            .position(|window| window == PARAMETERS.as_bytes())
            .and_then(|at| text.get(at.saturating_add(PARAMETERS.len())..))
            .unwrap_or(text);
        let (label, bytes) = one_pem(behind).ok_or(KeyError::Form)?;
        let bytes = Zeroizing::new(bytes);
        match label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&bytes),
            "EC PRIVATE KEY" => Self::from_pkcs8(&der::ec_to_pkcs8(&bytes).ok_or(KeyError::Form)?),
            "RSA PRIVATE KEY" => Self::from_pkcs8(&der::rsa_to_pkcs8(&bytes).ok_or(KeyError::Form)?),
            _ => Err(KeyError::Form),
        }
    }

    /// Opens an encrypted key file.
    ///
    /// # Errors
    /// [`KeyFileError`]; a key that is not PKCS#8 or cannot sign is [`KeyFileError::Body`].
    pub fn open(file: &[u8], password: &Password) -> Result<(Self, Unlocked), KeyFileError> {
        let (pkcs8, unlocked) = open_key_file(file, password)?;
        let key = Self::from_pkcs8(&pkcs8)
            .map_err(|_| KeyFileError::Body("what is encrypted in it is no PKCS#8 key that can sign"))?;
        Ok((key, unlocked))
    }

    /// The encrypted key file.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn seal(&self, password: &Password, sealing: &Sealing) -> Result<String, KeyFileError> {
        seal_key(&self.pkcs8, password, sealing)
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message with the scheme that belongs to the key.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        self.signer.sign(message).map_err(|_| KeyError::Signing("the cryptographic library could not sign"))
    }
}
