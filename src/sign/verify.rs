//! From bundles and layers to statements that may be believed. A [`Verified`] value is made here and nowhere else.

use std::collections::BTreeMap;

use crate::model::Digest;

use super::{
    Artifact, Bundle, Content, Curve, IdentityRule, KeyAlgorithm, LegacySignature, Material, NotationRule,
    NotationSignature, PublicKey, Reason, Rejection, SanKind, SimpleSigning, Statement, Target, Trust,
};

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signer {
    /// A key.
    Key {
        /// The digest of its DER form.
        digest: Digest,
        /// What it is.
        algorithm: KeyAlgorithm,
    },
    /// An identity.
    Identity {
        /// Its kind.
        kind: SanKind,
        /// The identity.
        identity: String,
        /// Who vouched for it.
        issuer: String,
        /// Further claims of the certificate.
        claims: BTreeMap<String, String>,
    },
    /// The holder of a certificate of a trusted authority (Notary Project).
    Certificate {
        /// The subject of the certificate.
        subject: String,
        /// The digest of the certificate of the authority.
        authority: Digest,
    },
}

/// Something that a signer we trust has signed, about the subject that was asked for, with all its evidence verified.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified<T> {
    value: T,
    signer: Signer,
    times: Vec<i64>,
    logged: usize,
}

impl<T> Verified<T> {
    /// What was signed.
    #[must_use]
    pub fn value(&self) -> &T {
        &self.value
    }

    /// Who signed.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// Verified times, seconds since 1970, sorted; none when nothing proves a time.
    #[must_use]
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// Verified log entries.
    #[must_use]
    pub fn logged(&self) -> usize {
        self.logged
    }
}

/// Whom to believe.
#[derive(Debug, Clone, Copy)]
pub enum SignerRule<'a> {
    /// This key.
    Key(&'a PublicKey),
    /// These identities.
    Identity(&'a IdentityRule),
    /// Holders of certificates, who sign as Notation does.
    Notation(&'a NotationRule),
}

impl SignerRule<'_> {
    /// Why something that is not signed in the way of this signer does not count.
    fn other_kind(self) -> Rejection {
        match self {
            Self::Key(_) => Rejection::new(Reason::UntrustedKey, "it is signed with a certificate, not with the key"),
            Self::Identity(_) => {
                Rejection::new(Reason::UntrustedIdentity, "it is signed with a key, not by an identity")
            }
            Self::Notation(_) => {
                Rejection::new(Reason::UntrustedIdentity, "it is signed as Sigstore does, not as Notation does")
            }
        }
    }
}

/// What bundles are judged with.
#[derive(Clone, Copy)]
pub struct Grounds<'a> {
    /// Decides about certificates, log entries and timestamps.
    pub trust: &'a dyn Trust,
    /// Log entries and timestamps of signatures with keys are passed over, and prove nothing.
    pub ignore_log: bool,
    /// Signatures with P-384 keys may be made with SHA-256, as old versions of cosign did.
    pub p384_sha256: bool,
}

impl Grounds<'_> {
    fn key_signature(&self, key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), Rejection> {
        key.verify(message, signature).or_else(|rejection| {
            let old = self.p384_sha256 && key.algorithm() == KeyAlgorithm::Ecdsa(Curve::P384);
            if old { key.verify_p384_sha256(message, signature) } else { Err(rejection) }
        })
    }
}

/// Judges a bundle about an image: the statement in it, when it counts.
///
/// # Errors
/// [`Rejection`].
pub fn bundle(
    bundle: &Bundle,
    subject: &Digest,
    rule: SignerRule<'_>,
    grounds: &Grounds<'_>,
) -> Result<Verified<Statement>, Rejection> {
    let Content::Envelope(envelope) = bundle.content() else {
        return Err(Rejection::new(Reason::Unsupported, "the bundle signs bytes, not a statement about an image"));
    };
    let artifact = Artifact::Digest(subject);
    let (signer, times, logged) = match (rule, bundle.material()) {
        (SignerRule::Key(key), Material::Key { hint }) => {
            key.check_hint(hint)?;
            grounds.key_signature(key, &envelope.signed_bytes(), envelope.signature())?;
            let bare = bundle.log_entries() == 0 && bundle.timestamps() == 0;
            let (times, logged) = if bare || grounds.ignore_log {
                (Vec::new(), 0)
            } else {
                let evidence = grounds.trust.key(bundle, artifact, key, false)?;
                (evidence.times, evidence.logged)
            };
            (key_signer(key), times, logged)
        }
        (SignerRule::Identity(rule), Material::Certificate | Material::Chain) => {
            let evidence = grounds.trust.certificate(&bundle.with_chain_allowed(), artifact, rule)?;
            identity_signer(evidence)
        }
        (rule, _) => return Err(rule.other_kind()),
    };
    let statement = Statement::read(envelope.payload())?;
    statement.subject(subject)?;
    Ok(Verified { value: statement, signer, times, logged })
}

/// Judges a bundle about any artifact, as a client of the Sigstore protocol does: with a log entry, always.
///
/// # Errors
/// [`Rejection`].
pub fn artifact(
    bundle: &Bundle,
    artifact: Artifact<'_>,
    rule: SignerRule<'_>,
    trust: &dyn Trust,
) -> Result<Signer, Rejection> {
    let (signer, ..) = match (rule, bundle.material()) {
        (SignerRule::Key(key), Material::Key { .. }) => {
            let evidence = trust.key(bundle, artifact, key, true)?;
            (key_signer(key), evidence.times, evidence.logged)
        }
        (SignerRule::Identity(rule), Material::Certificate | Material::Chain) => {
            identity_signer(trust.certificate(bundle, artifact, rule)?)
        }
        (rule, _) => return Err(rule.other_kind()),
    };
    if let Content::Envelope(envelope) = bundle.content() {
        Statement::read(envelope.payload())?;
    }
    Ok(signer)
}

/// Judges a layer of a `.sig` manifest about an image.
///
/// # Errors
/// [`Rejection`].
pub fn legacy_signature(
    layer: &LegacySignature,
    subject: &Digest,
    rule: SignerRule<'_>,
    grounds: &Grounds<'_>,
) -> Result<Verified<SimpleSigning>, Rejection> {
    let (signer, times, logged) = judge_legacy(layer, Artifact::Bytes(layer.signed()), rule, grounds)?;
    let payload = SimpleSigning::read(layer.signed())?;
    payload.check(subject)?;
    Ok(Verified { value: payload, signer, times, logged })
}

/// Judges a layer of an `.att` manifest about an image.
///
/// # Errors
/// [`Rejection`].
pub fn legacy_attestation(
    layer: &LegacySignature,
    subject: &Digest,
    rule: SignerRule<'_>,
    grounds: &Grounds<'_>,
) -> Result<Verified<Statement>, Rejection> {
    let envelope = layer.envelope().ok_or_else(|| Rejection::new(Reason::InvalidFormat, "the layer is no envelope"))?;
    let (signer, times, logged) = judge_legacy(layer, Artifact::Digest(subject), rule, grounds)?;
    let statement = Statement::read(envelope.payload())?;
    statement.subject(subject)?;
    Ok(Verified { value: statement, signer, times, logged })
}

/// Judges a signature of the Notary Project about an image.
///
/// # Errors
/// [`Rejection`].
pub fn notation(
    signature: &NotationSignature,
    subject: &Digest,
    rule: SignerRule<'_>,
) -> Result<Verified<Target>, Rejection> {
    let SignerRule::Notation(rule) = rule else {
        let reason = if matches!(rule, SignerRule::Key(_)) { Reason::UntrustedKey } else { Reason::UntrustedIdentity };
        return Err(Rejection::new(reason, "it is signed as Notation does, with a certificate"));
    };
    let evidence = signature.verify(rule)?;
    let target = signature.target();
    if target.digest != *subject {
        return Err(Rejection::new(Reason::InvalidSubject, format!("it is about {}, not {subject}", target.digest)));
    }
    let signer = Signer::Certificate { subject: evidence.subject, authority: evidence.authority };
    Ok(Verified { value: target.clone(), signer, times: evidence.times, logged: 0 })
}

fn judge_legacy(
    layer: &LegacySignature,
    artifact: Artifact<'_>,
    rule: SignerRule<'_>,
    grounds: &Grounds<'_>,
) -> Result<(Signer, Vec<i64>, usize), Rejection> {
    match rule {
        SignerRule::Key(key) => {
            grounds.key_signature(key, &layer.signed_bytes(), layer.signature())?;
            let rewrapped = if grounds.ignore_log { None } else { layer.to_bundle(Some(key))? };
            let Some(rewrapped) = rewrapped else {
                return Ok((key_signer(key), Vec::new(), 0));
            };
            let evidence = grounds.trust.key(&rewrapped, artifact, key, false)?;
            Ok((key_signer(key), evidence.times, evidence.logged))
        }
        SignerRule::Identity(rule) => {
            let rewrapped = layer.to_bundle(None)?.ok_or_else(|| SignerRule::Identity(rule).other_kind())?;
            Ok(identity_signer(grounds.trust.certificate(&rewrapped, artifact, rule)?))
        }
        SignerRule::Notation(_) => Err(rule.other_kind()),
    }
}

fn key_signer(key: &PublicKey) -> Signer {
    Signer::Key { digest: key.digest(), algorithm: key.algorithm() }
}

fn identity_signer(evidence: super::CertificateEvidence) -> (Signer, Vec<i64>, usize) {
    let super::CertificateEvidence { kind, identity, issuer, claims, times, logged } = evidence;
    (Signer::Identity { kind, identity, issuer, claims }, times, logged)
}
