//! What was found about an image, unverified; and the verdict about each node of the image. Fetching is done elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Digest, Platform};

use super::verify::{self, Grounds, Signer, SignerRule, Verified};
use super::{
    Bundle, CHECK_TYPE, LegacySignature, NotationSignature, ProvenanceWishes, Reason, Rejection, SIGNATURE_TYPE,
    SimpleSigning, Standing, Statement, Target, VsaWishes,
};

/// Predicate types that a message names.
const MAX_NAMED: usize = 5;

/// Where a piece of evidence was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The registry's list of referrers, or the layout's index.
    Referrer,
    /// The index under the fallback tag.
    FallbackTag,
    /// The tag `….sig`.
    SignatureTag,
    /// The tag `….att`.
    AttestationTag,
    /// A file of the user.
    File,
    /// GitHub's list of attestations.
    GitHub,
}

impl Place {
    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Referrer => "referrer",
            Self::FallbackTag => "fallback-tag",
            Self::SignatureTag => "sig-tag",
            Self::AttestationTag => "att-tag",
            Self::File => "file",
            Self::GitHub => "github",
        }
    }
}

/// The bytes of a piece of evidence.
#[derive(Debug, Clone)]
pub enum FoundContent {
    /// A bundle.
    Bundle(Vec<u8>),
    /// A layer of a `.sig` manifest.
    Signature {
        /// The payload.
        payload: Vec<u8>,
        /// The layer's annotations.
        annotations: BTreeMap<String, String>,
    },
    /// A layer of an `.att` manifest.
    Attestation {
        /// The envelope.
        blob: Vec<u8>,
        /// The layer's annotations.
        annotations: BTreeMap<String, String>,
    },
    /// An envelope of the Notary Project, as JWS.
    Notation(Vec<u8>),
    /// Evidence of a form that is not read: its name.
    Unsupported(String),
    /// It was listed and is not what its manifest says.
    Damaged(Rejection),
}

/// A piece of evidence.
#[derive(Debug, Clone)]
pub struct Found {
    /// The digest of the bundle, the layer or the manifest.
    pub digest: Digest,
    /// The manifest that it belongs to; none for a file.
    pub manifest: Option<Digest>,
    /// Where it was found.
    pub place: Place,
    /// What it is.
    pub content: FoundContent,
}

impl Found {
    /// A bundle from a file.
    #[must_use]
    pub fn file(bundle: &[u8]) -> Self {
        Self::bundle(bundle, Place::File)
    }

    /// A bundle that no manifest holds.
    #[must_use]
    pub fn bundle(bundle: &[u8], place: Place) -> Self {
        Self { digest: Digest::of(bundle), manifest: None, place, content: FoundContent::Bundle(bundle.to_vec()) }
    }
}

/// Everything that was found about one node, and what could not be seen.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The evidence, in the order of discovery.
    pub found: Vec<Found>,
    /// Why something may be missing: reasons that are undetermined or unreachable.
    pub gaps: Vec<Rejection>,
}

/// What is asked of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requirement {
    /// A signature.
    Signature,
    /// An attestation of this type.
    Attestation(String),
}

impl Requirement {
    /// The predicate type.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        match self {
            Self::Signature => SIGNATURE_TYPE,
            Self::Attestation(uri) => uri,
        }
    }
}

/// A verified piece of evidence of either form.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A statement.
    Statement(Verified<Statement>),
    /// The payload of a `.sig` layer.
    Simple(Verified<SimpleSigning>),
    /// The payload of a signature of the Notary Project.
    Notation(Verified<Target>),
}

impl Proof {
    /// Who signed.
    #[must_use]
    pub fn signer(&self) -> &Signer {
        match self {
            Self::Statement(proof) => proof.signer(),
            Self::Simple(proof) => proof.signer(),
            Self::Notation(proof) => proof.signer(),
        }
    }

    /// Verified times, seconds since 1970.
    #[must_use]
    pub fn times(&self) -> &[i64] {
        match self {
            Self::Statement(proof) => proof.times(),
            Self::Simple(proof) => proof.times(),
            Self::Notation(proof) => proof.times(),
        }
    }

    /// Verified log entries.
    #[must_use]
    pub fn logged(&self) -> usize {
        match self {
            Self::Statement(proof) => proof.logged(),
            Self::Simple(proof) => proof.logged(),
            Self::Notation(proof) => proof.logged(),
        }
    }

    /// The predicate type; that of signatures for a `.sig` layer.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        match self {
            Self::Statement(proof) => proof.value().predicate_type(),
            Self::Simple(_) | Self::Notation(_) => SIGNATURE_TYPE,
        }
    }

    /// Whether it is what is asked for. "Signed" is said by a signature only, never by another statement of the same signer.
    #[must_use]
    pub fn meets(&self, requirement: &Requirement) -> bool {
        match (self, requirement) {
            (Self::Simple(_) | Self::Notation(_), Requirement::Signature) => true,
            (Self::Simple(_) | Self::Notation(_), Requirement::Attestation(_)) => false,
            (Self::Statement(proof), Requirement::Signature) => proof.value().is_signature(),
            (Self::Statement(proof), Requirement::Attestation(wanted)) => proof.value().is_of_type(wanted),
        }
    }

    /// Annotations that were signed with the subject.
    #[must_use]
    pub fn annotations(&self, subject: &Digest) -> BTreeMap<String, String> {
        match self {
            Self::Simple(proof) => proof.value().annotations.clone(),
            Self::Notation(proof) => proof.value().annotations.clone(),
            Self::Statement(proof) => {
                proof.value().subject(subject).map(|subject| subject.annotations.clone()).unwrap_or_default()
            }
        }
    }
}

/// A piece of evidence and what became of it.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The digest of the bundle, the layer or the manifest.
    pub digest: Digest,
    /// The manifest that it belongs to; none for a file.
    pub manifest: Option<Digest>,
    /// Where it was found.
    pub place: Place,
    /// The form of it.
    pub format: &'static str,
    /// The proof, or why it does not count.
    pub outcome: Result<Proof, Rejection>,
}

/// Further conditions on a proof that would count.
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    /// Annotations that must have been signed.
    pub annotations: BTreeMap<String, String>,
    /// Seconds that the latest verified time may be in the past.
    pub max_age: Option<i64>,
    /// The time, seconds since 1970.
    pub now: i64,
    /// The first second at which the signer may sign; none for always.
    pub from: Option<i64>,
    /// The last one.
    pub until: Option<i64>,
    /// What a verification summary must say.
    pub vsa: Option<VsaWishes>,
    /// What a provenance must say.
    pub provenance: ProvenanceWishes,
}

impl Conditions {
    /// Whether a proof fits.
    ///
    /// # Errors
    /// [`Reason::Stale`], [`Reason::InvalidSubject`], [`Reason::CheckVerdict`], one of the `vsa` reasons.
    pub fn check(&self, proof: &Proof, subject: &Digest) -> Result<(), Rejection> {
        let signed = proof.annotations(subject);
        for (name, wanted) in &self.annotations {
            if signed.get(name) != Some(wanted) {
                let detail = format!("the signed annotation `{name}` is not `{wanted}`");
                return Err(Rejection::new(Reason::InvalidSubject, detail));
            }
        }
        self.check_period(proof)?;
        if let Proof::Statement(statement) = proof {
            if let Some(vsa) = &self.vsa {
                vsa.check(statement.value().predicate())?;
            }
            self.provenance.check(statement.value().predicate())?;
            check_report(statement.value())?;
        }
        if let Some(age) = self.max_age {
            let Some(latest) = proof.times().last() else {
                return Err(Rejection::new(Reason::Stale, "nothing proves how old the signature is"));
            };
            if self.now.saturating_sub(*latest) > age {
                let detail = format!("the signature is {} seconds old", self.now.saturating_sub(*latest));
                return Err(Rejection::new(Reason::Stale, detail));
            }
        }
        Ok(())
    }
}

/// A report of `imgguard check` counts when it says that the image passed: who asks for one does not ask for any.
fn check_report(statement: &Statement) -> Result<(), Rejection> {
    if statement.predicate_type() != CHECK_TYPE {
        return Ok(());
    }
    let verdict = statement.predicate().pointer("/report/verdict").and_then(serde_json::Value::as_str);
    if verdict == Some("pass") {
        return Ok(());
    }
    let found = verdict.unwrap_or("missing").escape_debug();
    Err(Rejection::new(Reason::CheckVerdict, format!("the verdict of the attested check is `{found}`")))
}

impl Conditions {
    /// Every verified time lies in the period in which the signer may sign.
    fn check_period(&self, proof: &Proof) -> Result<(), Rejection> {
        if self.from.is_none() && self.until.is_none() {
            return Ok(());
        }
        let inside =
            |time: &i64| self.from.is_none_or(|from| from <= *time) && self.until.is_none_or(|until| *time <= until);
        if proof.times().is_empty() {
            let detail = "the signer may sign for a time only, and nothing proves when it did";
            return Err(Rejection::new(Reason::UntrustedKeyPeriod, detail));
        }
        if !proof.times().iter().all(inside) {
            return Err(Rejection::new(Reason::UntrustedKeyPeriod, "the signer may not sign at the verified time"));
        }
        Ok(())
    }
}

/// Judges every piece of evidence on its own. Junk hides nothing: a failed piece concerns only itself.
#[must_use]
pub fn examine(listing: &Listing, subject: &Digest, rules: &[SignerRule<'_>], grounds: &Grounds<'_>) -> Vec<Examined> {
    listing
        .found
        .iter()
        .map(|found| {
            let (format, outcome) = examine_one(&found.content, subject, rules, grounds);
            Examined {
                digest: found.digest.clone(),
                manifest: found.manifest.clone(),
                place: found.place,
                format,
                outcome,
            }
        })
        .collect()
}

fn examine_one(
    content: &FoundContent,
    subject: &Digest,
    rules: &[SignerRule<'_>],
    grounds: &Grounds<'_>,
) -> (&'static str, Result<Proof, Rejection>) {
    match content {
        FoundContent::Bundle(bytes) => {
            let proof = Bundle::read(bytes).and_then(|bundle| {
                first(rules, |rule| verify::bundle(&bundle, subject, rule, grounds).map(Proof::Statement))
            });
            ("bundle", proof)
        }
        FoundContent::Signature { payload, annotations } => {
            let proof = LegacySignature::of_signature(payload.clone(), annotations).and_then(|layer| {
                first(rules, |rule| verify::legacy_signature(&layer, subject, rule, grounds).map(Proof::Simple))
            });
            ("simple-signing", proof)
        }
        FoundContent::Attestation { blob, annotations } => {
            let proof = LegacySignature::of_attestation(blob.clone(), annotations).and_then(|layer| {
                first(rules, |rule| verify::legacy_attestation(&layer, subject, rule, grounds).map(Proof::Statement))
            });
            ("dsse-layer", proof)
        }
        FoundContent::Notation(envelope) => {
            let proof = NotationSignature::read(envelope).and_then(|signature| {
                first(rules, |rule| verify::notation(&signature, subject, rule).map(Proof::Notation))
            });
            ("notation", proof)
        }
        FoundContent::Unsupported(name) => (
            "unsupported",
            Err(Rejection::new(Reason::Unsupported, format!("signatures of the form `{name}` are not read"))),
        ),
        FoundContent::Damaged(rejection) => ("damaged", Err(rejection.clone())),
    }
}

/// The first rule that accepts; else the rejection that came furthest: a wrong signer says less than anything else.
fn first(
    rules: &[SignerRule<'_>],
    judge: impl Fn(SignerRule<'_>) -> Result<Proof, Rejection>,
) -> Result<Proof, Rejection> {
    let mut last = Rejection::new(Reason::UntrustedKey, "nobody is trusted");
    let mut found = false;
    for rule in rules {
        match judge(*rule) {
            Ok(proof) => return Ok(proof),
            Err(rejection) => {
                let says_little = matches!(
                    rejection.reason,
                    Reason::UntrustedKey | Reason::UntrustedHint | Reason::UntrustedIdentity | Reason::UntrustedIssuer
                );
                if !found || !says_little {
                    last = rejection;
                }
                found = true;
            }
        }
    }
    Err(last)
}

/// What is known about one requirement of one node.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The reason, [`Reason::Verified`] when it holds.
    pub reason: Reason,
    /// In words.
    pub detail: String,
    /// The proofs that count, as places in the list of examined evidence.
    pub proofs: Vec<usize>,
}

/// Answers one requirement from everything that was examined. Enough valid evidence passes, whatever else there is; a
/// definite no needs a complete view.
#[must_use]
pub fn answer(
    examined: &[Examined],
    gaps: &[Rejection],
    subject: &Digest,
    requirement: &Requirement,
    conditions: &Conditions,
) -> Answer {
    let mut proofs = Vec::new();
    let mut best: Option<Rejection> = None;
    for (place, one) in examined.iter().enumerate() {
        let judged = match &one.outcome {
            Ok(proof) if !proof.meets(requirement) => continue,
            Ok(proof) => conditions.check(proof, subject),
            Err(rejection) => Err(rejection.clone()),
        };
        match judged {
            Ok(()) => proofs.push(place),
            Err(rejection) if best.as_ref().is_none_or(|best| weight(&rejection) > weight(best)) => {
                best = Some(rejection);
            }
            Err(_) => {}
        }
    }
    if !proofs.is_empty() {
        return Answer { reason: Reason::Verified, detail: String::new(), proofs };
    }
    let of = |rejection: &Rejection| Answer {
        reason: rejection.reason,
        detail: rejection.detail.clone(),
        proofs: Vec::new(),
    };
    // What was not seen may hold the good signature.
    if let Some(gap) = gaps.iter().min_by_key(|gap| gap.reason.standing()) {
        return of(gap);
    }
    if let Some(rejection) = best {
        return of(&rejection);
    }
    let others: BTreeSet<&str> =
        examined.iter().filter_map(|one| one.outcome.as_ref().ok()).map(Proof::predicate_type).collect();
    let (reason, detail) = match requirement {
        Requirement::Signature if !others.is_empty() => {
            let named: Vec<&str> = others.into_iter().take(MAX_NAMED).collect();
            (Reason::UnsignedPredicate, format!("there is no signature; what was signed is {}", named.join(", ")))
        }
        Requirement::Signature => (Reason::Unsigned, "there is no signature".to_owned()),
        Requirement::Attestation(uri) => (Reason::Missing, format!("there is no attestation of the type `{uri}`")),
    };
    Answer { reason, detail, proofs: Vec::new() }
}

/// Which rejection to tell when several pieces failed: the one that was closest to being accepted.
fn weight(rejection: &Rejection) -> u8 {
    let begins = |start: &str| rejection.reason.code().starts_with(start);
    match rejection.reason {
        Reason::Stale | Reason::Expired | Reason::UntrustedKeyPeriod | Reason::CheckVerdict => 5,
        _ if begins("unseen.") || begins("vsa.") => 6,
        _ if begins("invalid.") && !begins("invalid.format") => 4,
        Reason::UntrustedIdentity | Reason::UntrustedIssuer | Reason::UntrustedKey | Reason::UntrustedHint => 3,
        reason if reason.standing() == Standing::NotVerified => 2,
        _ => 1,
    }
}

/// A node of an image: an index, an image or something beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its digest.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its platform, from the verified bytes of its parent.
    pub platform: Option<Platform>,
    /// The index that lists it; none for the root.
    pub parent: Option<Digest>,
    /// A statement of a builder, unsigned: it is signed, but nobody asks for its signature.
    pub is_statement: bool,
}
