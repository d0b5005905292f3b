//! The decisions about certificates, log entries and timestamps, behind a trait: the library that takes them stands here only.

use std::collections::BTreeMap;

use sigstore_verify::bundle::Error as BundleError;
use sigstore_verify::crypto::{FulcioCiClaims, SubjectAltName};
use sigstore_verify::types::{Artifact as InnerArtifact, Sha256Hash};
use sigstore_verify::{
    CertificateError, Error, PublicKeyVerificationPolicy, TransparencyLogError, VerificationPolicy, VerificationResult,
    Verifier,
};

use crate::model::{Algorithm, Digest};

use super::bundle::printable;
use super::identity::Matcher;
use super::logs::{self, Logs};
use super::{
    Bundle, Content, Curve, IdentityRule, KeyAlgorithm, PublicKey, Reason, Rejection, RootKind, SanKind, TrustRoot,
};

/// What a bundle is said to be about.
#[derive(Debug, Clone, Copy)]
pub enum Artifact<'a> {
    /// Its bytes.
    Bytes(&'a [u8]),
    /// Its SHA-256 digest.
    Digest(&'a Digest),
}

/// What is known after a bundle with a certificate was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateEvidence {
    /// The kind of the identity.
    pub kind: SanKind,
    /// The identity.
    pub identity: String,
    /// Who vouched for it.
    pub issuer: String,
    /// Further claims of the certificate, by name.
    pub claims: BTreeMap<String, String>,
    /// Verified times, seconds since 1970, sorted.
    pub times: Vec<i64>,
    /// Verified log entries.
    pub logged: usize,
}

/// What is known after a bundle signed with a key was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyEvidence {
    /// Verified times, seconds since 1970, sorted; none when nothing proves a time.
    pub times: Vec<i64>,
    /// Verified log entries.
    pub logged: usize,
}

/// Takes trust decisions about bundles. Everything in a bundle must hold: what fails stays failed.
pub trait Trust {
    /// Accepts a bundle signed by an identity.
    ///
    /// # Errors
    /// [`Rejection`].
    fn certificate(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        rule: &IdentityRule,
    ) -> Result<CertificateEvidence, Rejection>;

    /// Accepts a bundle signed with a key that has a log entry or a timestamp. With `log` there must be a log entry.
    ///
    /// # Errors
    /// [`Rejection`].
    fn key(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        key: &PublicKey,
        log: bool,
    ) -> Result<KeyEvidence, Rejection>;
}

/// [`Trust`] by the `sigstore-verify` crate.
pub struct SigstoreTrust {
    verifier: Verifier,
    logs: Logs,
    kind: RootKind,
    now: i64,
}

impl SigstoreTrust {
    /// Prepares the keys and certificates of a root. `now` is in seconds since 1970: later times are refused.
    ///
    /// # Errors
    /// What is wrong with the root.
    pub fn new(root: &TrustRoot, now: i64) -> Result<Self, String> {
        let verifier = Verifier::new(root.inner()).map_err(|error| printable(&error.to_string()))?;
        Ok(Self { verifier, logs: Logs::of(root)?, kind: root.kind(), now })
    }

    fn times(&self, result: &VerificationResult) -> Result<Vec<i64>, Rejection> {
        let mut times: Vec<i64> = result.verified_timestamps().iter().map(|time| time.as_second()).collect();
        times.sort_unstable();
        if times.last().is_some_and(|latest| *latest > self.now) {
            return Err(Rejection::new(Reason::InvalidTime, "the signature claims to be from the future"));
        }
        Ok(times)
    }
}

fn inner_artifact(artifact: Artifact<'_>) -> Result<InnerArtifact<'_>, Rejection> {
    match artifact {
        Artifact::Bytes(bytes) => Ok(InnerArtifact::from_blob(bytes)),
        Artifact::Digest(digest) if digest.algorithm() == Algorithm::Sha256 => Sha256Hash::from_hex(digest.hex())
            .map(|hash| InnerArtifact::Digest(hash.into()))
            .map_err(|_| Rejection::new(Reason::InvalidSubject, "the digest cannot be read")),
        Artifact::Digest(_) => {
            Err(Rejection::new(Reason::Unsupported, "signatures are about SHA-256 digests, and the digest is another"))
        }
    }
}

/// The name and kind of an identity; kinds that are not known are refused.
fn san_of(identity: Option<&SubjectAltName>) -> Option<(SanKind, &str)> {
    match identity? {
        SubjectAltName::Email(email) => Some((SanKind::Email, email)),
        SubjectAltName::Uri(uri) => Some((SanKind::Uri, uri)),
        _ => None,
    }
}

fn claims_of(claims: &FulcioCiClaims) -> BTreeMap<String, String> {
    [
        ("build-signer-uri", &claims.build_signer_uri),
        ("build-signer-digest", &claims.build_signer_digest),
        ("runner-environment", &claims.runner_environment),
        ("source-repository-uri", &claims.source_repository_uri),
        ("source-repository-digest", &claims.source_repository_digest),
        ("source-repository-ref", &claims.source_repository_ref),
        ("source-repository-identifier", &claims.source_repository_identifier),
        ("source-repository-owner-uri", &claims.source_repository_owner_uri),
        ("source-repository-owner-identifier", &claims.source_repository_owner_identifier),
        ("build-config-uri", &claims.build_config_uri),
        ("build-config-digest", &claims.build_config_digest),
        ("build-trigger", &claims.build_trigger),
        ("run-invocation-uri", &claims.run_invocation_uri),
        ("source-repository-visibility-at-signing", &claims.source_repository_visibility_at_signing),
        ("deployment-environment", &claims.deployment_environment),
        ("token-subject", &claims.token_subject),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)))
    .collect()
}

impl Trust for SigstoreTrust {
    fn certificate(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        rule: &IdentityRule,
    ) -> Result<CertificateEvidence, Rejection> {
        logs::check_evidence(bundle)?;
        let mut policy = VerificationPolicy::any_identity();
        // The library checks what it can: exact texts. Everything is checked again below.
        if let Matcher::Exact(issuer) = &rule.issuer {
            policy = policy.require_issuer(issuer);
        }
        if let Matcher::Exact(identity) = &rule.san {
            policy = policy.require_identity(identity);
        }
        if self.kind == RootKind::GitHub {
            policy = policy.skip_sct();
            if bundle.log_entries() == 0 {
                policy = policy.skip_tlog_unsafe();
            }
        }
        let result =
            self.verifier.verify(inner_artifact(artifact)?, bundle.inner(), &policy).map_err(|e| reject(&e))?;
        let certificate = result
            .certificate()
            .ok_or_else(|| Rejection::new(Reason::InvalidCertificate, "there is no certificate"))?;
        let claims = claims_of(&certificate.ci_claims);
        let san = san_of(result.identity());
        rule.check(san, result.issuer(), &claims)?;
        let times = self.times(&result)?;
        let (Some((kind, identity)), Some(issuer)) = (san, result.issuer()) else {
            return Err(Rejection::new(Reason::UntrustedIdentity, "the certificate names nobody"));
        };
        self.logs.check(bundle, &times)?;
        if times.is_empty() {
            return Err(Rejection::new(Reason::InvalidTime, "nothing proves when the signature was made"));
        }
        Ok(CertificateEvidence {
            kind,
            identity: identity.to_owned(),
            issuer: issuer.to_owned(),
            claims,
            times,
            logged: logs::count(bundle),
        })
    }

    fn key(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        key: &PublicKey,
        log: bool,
    ) -> Result<KeyEvidence, Rejection> {
        if key.algorithm() == KeyAlgorithm::Ecdsa(Curve::P521) {
            let detail = "log entries and timestamps of P-521 signatures cannot be verified";
            return Err(Rejection::new(Reason::Unsupported, detail));
        }
        logs::check_evidence(bundle)?;
        let mut policy = PublicKeyVerificationPolicy::new(key.der());
        if bundle.log_entries() == 0 && !log {
            policy = policy.skip_tlog_unsafe();
        }
        let result =
            self.verifier.verify(inner_artifact(artifact)?, bundle.inner(), &policy).map_err(|e| reject(&e))?;
        // A second look at the signature, with our own reading of the key.
        if let Content::Envelope(envelope) = bundle.content() {
            envelope.verify(key)?;
        }
        let times = self.times(&result)?;
        self.logs.check(bundle, &times)?;
        Ok(KeyEvidence { times, logged: logs::count(bundle) })
    }
}

/// Several roots, each for itself: no root lends another its authorities, logs or times.
pub struct Trusts(pub Vec<SigstoreTrust>);

impl Trusts {
    fn first<T>(&self, judge: impl Fn(&SigstoreTrust) -> Result<T, Rejection>) -> Result<T, Rejection> {
        let mut told = Rejection::new(Reason::UntrustedRoot, "no root is trusted");
        for (at, trust) in self.0.iter().enumerate() {
            match judge(trust) {
                Ok(evidence) => return Ok(evidence),
                // The first root is the one that is meant, unless it does not know the authority.
                Err(rejection) if at == 0 || told.reason == Reason::UntrustedRoot => told = rejection,
                Err(_) => {}
            }
        }
        Err(told)
    }
}

impl Trust for Trusts {
    fn certificate(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        rule: &IdentityRule,
    ) -> Result<CertificateEvidence, Rejection> {
        self.first(|trust| trust.certificate(bundle, artifact, rule))
    }

    fn key(
        &self,
        bundle: &Bundle,
        artifact: Artifact<'_>,
        key: &PublicKey,
        log: bool,
    ) -> Result<KeyEvidence, Rejection> {
        self.first(|trust| trust.key(bundle, artifact, key, log))
    }
}

/// Which reason an error of the library is.
fn reject(error: &Error) -> Rejection {
    let reason = match error {
        Error::IdentityMismatch { .. } => Reason::UntrustedIdentity,
        Error::IssuerMismatch { .. } => Reason::UntrustedIssuer,
        Error::SignatureInvalid(_) => Reason::InvalidSignature,
        // Words of the library: it has one error for the artifact and for what a log entry says of it.
        Error::ArtifactMismatch(detail) if detail.contains("entry") => Reason::InvalidLogBody,
        Error::ArtifactMismatch(_) => Reason::InvalidSubject,
        Error::UnsupportedArtifact(_) | Error::UnsupportedBundle(_) => Reason::Unsupported,
        Error::Certificate(error) => match error {
            CertificateError::ChainInvalid(detail)
                if detail.contains("CertExpired") || detail.contains("CertNotValidYet") =>
            {
                Reason::InvalidTimeExpired
            }
            CertificateError::ChainInvalid(_) | CertificateError::NoValidAuthority { .. } => Reason::UntrustedRoot,
            CertificateError::NotYetValid { .. } | CertificateError::Expired { .. } => Reason::InvalidTimeExpired,
            CertificateError::Sct(_) => Reason::InvalidSct,
            _ => Reason::InvalidCertificate,
        },
        Error::TransparencyLog(error) => match error {
            TransparencyLogError::Checkpoint(_) => Reason::InvalidLogCheckpoint,
            TransparencyLogError::InclusionPromise(_) => Reason::InvalidLogPromise,
            TransparencyLogError::EntryMismatch(_) => Reason::InvalidLogBody,
            TransparencyLogError::IntegratedTime(_) => Reason::InvalidTimeExpired,
            _ => Reason::InvalidLog,
        },
        Error::Timestamp(_) => Reason::InvalidTime,
        Error::Bundle(error) => match error {
            BundleError::MissingCheckpoint | BundleError::CheckpointRootMismatch => Reason::InvalidLogCheckpoint,
            BundleError::MissingInclusionPromise(_) => Reason::InvalidLogPromise,
            BundleError::CertificateChainNotAllowed(_) => Reason::InvalidMaterial,
            BundleError::MissingSigningTimeEvidence | BundleError::MissingTimestamp => Reason::InvalidTime,
            BundleError::UnsupportedMediaType(_) | BundleError::UnsupportedVerificationMaterial => Reason::Unsupported,
            _ => Reason::InvalidLog,
        },
        _ => Reason::InvalidFormat,
    };
    Rejection::new(reason, printable(&error.to_string()))
}
