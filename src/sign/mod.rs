//! Signatures and attestations: keys, envelopes, statements, bundles and the decisions about them. Pure: the clock, random
//! bytes and everything that was fetched are arguments.
//!
//! **Who decides.** Bundles with a certificate, a log entry or a timestamp are judged by the `sigstore-verify` crate behind
//! [`Trust`]; a signature with a key and nothing else is judged here ([`PublicKey::verify`]). What a statement says is read
//! only from a [`Verified`] one, which [`verify`](mod@verify) alone can make.

mod algorithm;
mod bundle;
mod consumer;
mod der;
mod dsse;
mod encoding;
pub mod evidence;
mod identity;
mod key;
mod key_file;
mod legacy;
mod logs;
mod notation;
mod password;
pub mod provenance;
mod reason;
mod referrer;
mod root;
mod signer;
mod simple_signing;
mod statement;
#[cfg(test)]
mod tests;
mod trust;
pub mod trust_kit;
pub mod trust_policy;
pub mod verify;
mod vsa;

pub use crate::model::{CHECK_TYPE, PREDICATES, Predicate, SIGNATURE_TYPE, predicate_type};
pub use algorithm::{Curve, KeyAlgorithm};
pub use bundle::{BUNDLE_TYPE, Bundle, BundleDraft, Content, MAX_BUNDLE, Material};
pub use consumer::{Consumer, ListEntry};
pub use dsse::{Envelope, IN_TOTO_TYPE, pae};
pub use identity::{IdentityRule, Pattern, PatternError, SanKind};
pub use key::{KeyError, PublicKey};
pub use key_file::{KeyFileError, Sealing, open_key_file, seal_key};
pub use legacy::{LegacySignature, legacy_tag};
pub use notation::{JWS_TYPE, NOTATION_TYPE, NotationRule, NotationSignature, SigningScheme, SubjectRule, Target};
pub use password::{Password, Unlocked};
pub use provenance::ProvenanceWishes;
pub use reason::{Reason, Rejection, Standing};
pub use referrer::{EMPTY_CONFIG, LegacyLayer, ReferrerDraft, ReferrerKind, read_referrer, with_layer};
pub use root::{RootKind, TrustRoot};
pub use signer::SigningKey;
pub use simple_signing::{SIMPLE_SIGNING_TYPE, SimpleSigning};
pub use statement::{Statement, StatementDraft, Subject};
pub use trust::{Artifact, CertificateEvidence, KeyEvidence, SigstoreTrust, Trust, Trusts};
pub use verify::Verified;
pub use vsa::{VSA_TYPE, VsaDraft, VsaWishes};
