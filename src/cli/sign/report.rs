//! The result of `verify`, as lines and as JSON, version 1. The JSON types are the contract: they change only by adding a `v2`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::escape::visible;
use crate::sign::evidence::{Answer, Examined, Node, Proof};
use crate::sign::verify::Signer;
use crate::sign::{Reason, Standing};

/// The name of the schema.
pub(super) const SCHEMA: &str = "imgguard.verification/v1";

/// What `verify` found about the images.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Verification {
    /// Always `imgguard.verification/v1`.
    pub schema: &'static str,
    /// The images in the order of the arguments.
    pub images: Vec<Image>,
}

/// One image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Image {
    /// The reference as it was written.
    pub reference: String,
    /// The repository with its host, or the folder.
    pub repository: String,
    /// The digest that the reference was resolved to, once.
    pub digest: String,
    /// `verified`, `not-verified`, `undetermined` or `unreachable`.
    pub verdict: &'static str,
    /// The index and its children.
    pub nodes: Vec<NodeReport>,
}

/// An index or an image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeReport {
    /// Its digest.
    pub digest: String,
    /// Its platform, from the verified bytes of its index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// `own` when evidence about itself counts, `parent` when it is covered by its index, none when nothing counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered_by: Option<&'static str>,
    /// What was asked for, and the answer.
    pub requirements: Vec<RequirementReport>,
    /// Every piece of evidence that was found.
    pub evidence: Vec<EvidenceReport>,
    /// What could not be seen.
    pub gaps: Vec<ReasonReport>,
}

/// A requirement.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RequirementReport {
    /// The predicate type.
    pub predicate_type: String,
    /// A stable code: `verified`, `unsigned`, `untrusted.key`, …
    pub reason: &'static str,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The digests of the evidence that counts.
    pub by: Vec<String>,
}

/// A code and words.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReasonReport {
    /// A stable code.
    pub reason: &'static str,
    /// In words.
    pub detail: String,
}

/// A piece of evidence.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EvidenceReport {
    /// The digest of the bundle, the layer or the manifest.
    pub digest: String,
    /// `referrer`, `fallback-tag`, `sig-tag`, `att-tag`, `file` or `github`.
    pub place: &'static str,
    /// `bundle`, `simple-signing`, `dsse-layer`, `notation`, `unsupported` or `damaged`.
    pub format: &'static str,
    /// A stable code; `verified` when it counts.
    pub reason: &'static str,
    /// In words.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The verified predicate type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicate_type: Option<String>,
    /// Who signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signer: Option<SignerReport>,
    /// Verified times, seconds since 1970. Empty: nothing proves when it was signed.
    pub verified_times: Vec<i64>,
    /// Verified logs that it is in.
    pub logs: usize,
}

/// Who signed.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignerReport {
    /// The digest of the public key, DER.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    /// `email` or `uri`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity_kind: Option<&'static str>,
    /// The subject of the certificate of a signature of the Notary Project.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The digest of the certificate of the authority that vouches for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// Who vouched for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Further claims of the certificate.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub claims: BTreeMap<String, String>,
}

impl From<&Signer> for SignerReport {
    fn from(signer: &Signer) -> Self {
        match signer {
            Signer::Key { digest, algorithm: _ } => Self { key: Some(digest.to_string()), ..Self::default() },
            Signer::Identity { kind, identity, issuer, claims } => Self {
                identity: Some(identity.clone()),
                identity_kind: Some(kind.name()),
                issuer: Some(issuer.clone()),
                claims: claims.clone(),
                ..Self::default()
            },
            Signer::Certificate { subject, authority } => {
                Self { certificate: Some(subject.clone()), authority: Some(authority.to_string()), ..Self::default() }
            }
        }
    }
}

impl From<&Examined> for EvidenceReport {
    fn from(examined: &Examined) -> Self {
        let Examined { digest, manifest: _, place, format, outcome } = examined;
        let proof = outcome.as_ref().ok();
        let (reason, detail) = match outcome {
            Ok(_) => (Reason::Verified, String::new()),
            Err(rejection) => (rejection.reason, rejection.detail.clone()),
        };
        Self {
            digest: digest.to_string(),
            place: place.name(),
            format,
            reason: reason.code(),
            detail,
            predicate_type: proof.map(|proof| proof.predicate_type().to_owned()),
            signer: proof.map(|proof| proof.signer().into()),
            verified_times: proof.map(|proof| proof.times().to_vec()).unwrap_or_default(),
            logs: proof.map(Proof::logged).unwrap_or_default(),
        }
    }
}

impl RequirementReport {
    pub fn new(predicate_type: &str, answer: &Answer, examined: &[Examined]) -> Self {
        Self {
            predicate_type: predicate_type.to_owned(),
            reason: answer.reason.code(),
            detail: answer.detail.clone(),
            by: answer.proofs.iter().filter_map(|at| examined.get(*at)).map(|one| one.digest.to_string()).collect(),
        }
    }
}

/// The name of a verdict.
pub(super) fn verdict(standing: Standing) -> &'static str {
    match standing {
        Standing::Verified => "verified",
        Standing::NotVerified => "not-verified",
        Standing::Undetermined => "undetermined",
        Standing::Unreachable => "unreachable",
    }
}

/// The lines of one image.
pub(super) fn text(image: &Image, verbose: bool) -> String {
    let mut text = format!("{}: {}@{}\n", image.verdict, visible(&image.repository), image.digest);
    for node in &image.nodes {
        let platform = node.platform.as_deref().map(|platform| format!(" ({})", visible(platform))).unwrap_or_default();
        text.push_str(&format!("  {}{platform}\n", node.digest));
        for requirement in &node.requirements {
            let what = visible(&requirement.predicate_type);
            let detail = match (requirement.detail.as_str(), node.covered_by) {
                ("", Some("parent")) => ", covered by its index".to_owned(),
                ("", _) => String::new(),
                (detail, _) => format!(": {}", visible(detail)),
            };
            text.push_str(&format!("    {what}: {}{detail}\n", requirement.reason));
        }
        let counts = |one: &&EvidenceReport| verbose || one.reason == Reason::Verified.code();
        for one in node.evidence.iter().filter(counts) {
            let signer = one.signer.as_ref().map(signer_text).unwrap_or_default();
            let detail = if one.detail.is_empty() { String::new() } else { format!(": {}", visible(&one.detail)) };
            text.push_str(&format!("      {} {} {}{signer}{detail}\n", one.place, one.digest, one.reason));
        }
        for gap in &node.gaps {
            text.push_str(&format!("    not seen: {} ({})\n", visible(&gap.detail), gap.reason));
        }
    }
    text
}

fn signer_text(signer: &SignerReport) -> String {
    if let (Some(certificate), Some(authority)) = (&signer.certificate, &signer.authority) {
        return format!(", certificate `{}` of {authority}", visible(certificate));
    }
    match (&signer.key, &signer.identity, &signer.issuer) {
        (Some(key), ..) => format!(", key {key}"),
        (None, Some(identity), Some(issuer)) => format!(", {} of {}", visible(identity), visible(issuer)),
        _ => String::new(),
    }
}

/// A node without evidence yet.
pub(super) fn node_report(node: &Node) -> NodeReport {
    NodeReport {
        digest: node.digest.to_string(),
        platform: node.platform.as_ref().map(ToString::to_string),
        covered_by: None,
        requirements: Vec::new(),
        evidence: Vec::new(),
        gaps: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_in_the_documentation_is_that_of_the_types() {
        let schema =
            serde_json::to_string_pretty(&schemars::schema_for!(super::Verification)).expect("a schema") + "\n";
        crate::testkit::schemas::are_up_to_date(&[("verification-v1.json", schema)]);
    }
}
