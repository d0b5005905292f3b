//! Why evidence does not count, as stable codes: scripts and policies may depend on them.

use std::fmt;

/// How a reason weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// The evidence counts.
    Verified,
    /// It was seen and does not count.
    NotVerified,
    /// It could not be seen or understood.
    Undetermined,
    /// Nothing answered; a retry may help.
    Unreachable,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $standing:ident;)*) => {
        /// A reason. The codes never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name,)* }

        impl Reason {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable code, such as `invalid.signature`.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// How it weighs.
            #[must_use]
            pub const fn standing(self) -> Standing {
                match self { $(Self::$name => Standing::$standing,)* }
            }
        }
    };
}

reasons! {
    /// It counts.
    Verified = "verified", Verified;
    /// Everything was seen, and there is no signature.
    Unsigned = "unsigned", NotVerified;
    /// There are statements of trusted signers, and none of them says "signed".
    UnsignedPredicate = "unsigned.predicate", NotVerified;
    /// A child of an index has no signature of its own, and no index above it covers it.
    UnsignedChild = "unsigned.child", NotVerified;
    /// The attestation that is asked for is not there.
    Missing = "missing", NotVerified;
    /// Another key signed.
    UntrustedKey = "untrusted.key", NotVerified;
    /// The key was not to be used at the time.
    UntrustedKeyPeriod = "untrusted.key-period", NotVerified;
    /// The hint names another key.
    UntrustedHint = "untrusted.hint", NotVerified;
    /// Another identity signed.
    UntrustedIdentity = "untrusted.identity", NotVerified;
    /// Another issuer vouched for the identity.
    UntrustedIssuer = "untrusted.issuer", NotVerified;
    /// The certificate does not lead to a trusted authority.
    UntrustedRoot = "untrusted.root", NotVerified;
    /// The signature does not fit the bytes.
    InvalidSignature = "invalid.signature", NotVerified;
    /// It is about something else.
    InvalidSubject = "invalid.subject", NotVerified;
    /// The predicate type is not the one asked for.
    InvalidPredicate = "invalid.predicate", NotVerified;
    /// The log entry or its proof is wrong.
    InvalidLog = "invalid.tlog", NotVerified;
    /// The log entry is about another signature, key or artifact.
    InvalidLogBody = "invalid.tlog.body", NotVerified;
    /// There is no signed checkpoint, or a wrong one.
    InvalidLogCheckpoint = "invalid.tlog.checkpoint", NotVerified;
    /// The log's promise is missing or wrong.
    InvalidLogPromise = "invalid.tlog.promise", NotVerified;
    /// There is no trusted time, or it is wrong.
    InvalidTime = "invalid.time", NotVerified;
    /// The certificate was not valid at the verified time.
    InvalidTimeExpired = "invalid.time.expired", NotVerified;
    /// The certificate's own log proof is missing or wrong.
    InvalidSct = "invalid.sct", NotVerified;
    /// The certificate cannot be read or may not sign.
    InvalidCertificate = "invalid.certificate", NotVerified;
    /// It cannot be read.
    InvalidFormat = "invalid.format", NotVerified;
    /// It is not strict JSON.
    InvalidJson = "invalid.format.json", NotVerified;
    /// A JSON object has a key twice.
    InvalidDuplicateKey = "invalid.format.duplicate-key", NotVerified;
    /// Not exactly one signature.
    InvalidSignatureCount = "invalid.format.signatures", NotVerified;
    /// Not exactly one content.
    InvalidContent = "invalid.format.content", NotVerified;
    /// Not exactly one kind of key material.
    InvalidMaterial = "invalid.format.material", NotVerified;
    /// The base64 is not the standard one.
    InvalidBase64 = "invalid.format.base64", NotVerified;
    /// The DSSE payload type is not in-toto's.
    InvalidPayloadType = "invalid.format.payload-type", NotVerified;
    /// The statement cannot be read.
    InvalidStatement = "invalid.format.statement", NotVerified;
    /// The DSSE key ID differs from the hint.
    InvalidKeyId = "invalid.format.keyid", NotVerified;
    /// It is larger or deeper than the bounds.
    InvalidSize = "invalid.format.size", NotVerified;
    /// The signer gave the signature an end, which is over.
    Expired = "expired", NotVerified;
    /// The verified time is too long ago.
    Stale = "stale", NotVerified;
    /// Summary: not by the verifier that was asked for.
    VsaVerifier = "vsa.verifier", NotVerified;
    /// Summary: about another resource.
    VsaResource = "vsa.resource", NotVerified;
    /// Summary: the verdict is not `PASSED`.
    VsaResult = "vsa.result", NotVerified;
    /// Summary: a level that is required is not among those verified.
    VsaLevels = "vsa.levels", NotVerified;
    /// The attested report of a check does not say that the image passed.
    CheckVerdict = "check.verdict", NotVerified;
    /// The consumer does not look where it is.
    UnseenPlace = "unseen.place", NotVerified;
    /// The consumer goes by a list in which it is not, or not as what it is.
    UnseenListing = "unseen.listing", NotVerified;
    /// The consumer does not read its form.
    UnseenFormat = "unseen.format", NotVerified;
    /// The consumer wants a log entry or a timestamp, and it has none.
    UnseenTime = "unseen.time", NotVerified;
    /// The builder is not the one that belongs to the signer.
    UntrustedBuilder = "untrusted.builder", NotVerified;
    /// The sources are not the expected ones.
    UntrustedSource = "untrusted.source", NotVerified;
    /// The list of evidence may not be read (401, 403).
    Denied = "undetermined.denied", Undetermined;
    /// There is more than the bounds allow to read.
    Limit = "undetermined.limit", Undetermined;
    /// Only evidence of formats that are not supported was found.
    Unsupported = "undetermined.unsupported", Undetermined;
    /// Part of the image or of its evidence is damaged.
    Damaged = "undetermined.damaged", Undetermined;
    /// Nothing answered.
    Unreachable = "infra.unreachable", Unreachable;
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// Evidence that does not count: the code, and what was found in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail} ({reason})")]
pub struct Rejection {
    /// The stable code.
    pub reason: Reason,
    /// What was found: a lowercase fragment.
    pub detail: String,
}

impl Rejection {
    /// A rejection.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::KeyFileError;
    use std::collections::BTreeSet;

    /// Every code that output may hold has its row in the documentation.
    #[test]
    fn every_code_is_documented() {
        let handbook = include_str!("../../docs/signing.md");
        let codes = Reason::ALL.iter().map(|reason| reason.code()).chain(KeyFileError::CODES.iter().copied());
        let missing: Vec<&str> = codes.filter(|code| !handbook.contains(&format!("| `{code}` |"))).collect();
        assert!(missing.is_empty(), "docs/signing.md lacks {missing:?}");
    }

    #[test]
    fn every_code_is_unique_and_says_its_standing() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            let by_name = match reason.code().split('.').next() {
                Some("verified") => Standing::Verified,
                Some("undetermined") => Standing::Undetermined,
                Some("infra") => Standing::Unreachable,
                _ => Standing::NotVerified,
            };
            assert_eq!(reason.standing(), by_name, "{reason}");
        }
    }
}
