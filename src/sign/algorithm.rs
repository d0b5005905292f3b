//! Key algorithms. The scheme follows from the key alone, never from what a bundle says.

use std::fmt;

/// A curve of NIST (FIPS 186-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Curve {
    /// P-256, with SHA-256.
    P256,
    /// P-384, with SHA-384.
    P384,
    /// P-521, with SHA-512.
    P521,
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyAlgorithm {
    /// ECDSA; signatures are DER.
    Ecdsa(Curve),
    /// RSA, PKCS#1 v1.5 with SHA-256; 2048 bits or more.
    Rsa,
    /// Ed25519 without a hash in front (RFC 8032). Not the Ed25519ph of other signers: the two are never interchanged.
    Ed25519,
}

impl KeyAlgorithm {
    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecdsa(Curve::P256) => "ecdsa-p256",
            Self::Ecdsa(Curve::P384) => "ecdsa-p384",
            Self::Ecdsa(Curve::P521) => "ecdsa-p521",
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
