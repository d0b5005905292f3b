//! Manifests that hold evidence: written as OCI 1.1 referrers, read whatever their index entry says of them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::Digest;
use crate::oci::{Descriptor, Manifest, media_types};

use super::legacy::signature_annotations;
use super::{BUNDLE_TYPE, JWS_TYPE, NOTATION_TYPE, SIGNATURE_TYPE, SIMPLE_SIGNING_TYPE};

/// The empty config: two bytes.
pub const EMPTY_CONFIG: &[u8] = b"{}";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const DSSE_TYPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The artifact type of cosign's short-lived form between tags and bundles.
const OLD_REFERRER: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
/// Layers of a `.sig` manifest that are looked at.
const MAX_LAYERS: usize = 1_000;

/// What a manifest holds, by its own fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReferrerKind {
    /// A bundle, in this layer.
    Bundle(Descriptor),
    /// Layers as under the tag `.sig`.
    Signatures(Vec<Descriptor>),
    /// Envelopes as under the tag `.att`.
    Attestations(Vec<Descriptor>),
    /// An envelope of the Notary Project, as JWS, in this layer.
    Notation(Descriptor),
    /// Evidence of a form that is not read: its name.
    Unsupported(String),
    /// No evidence.
    Other,
}

/// Says what a manifest holds: its own artifact type and layers count, not what an index says of it.
#[must_use]
pub fn read_referrer(manifest: &Manifest) -> ReferrerKind {
    let of_config = Some(manifest.config.media_type.clone());
    let kind = manifest.artifact_type.clone().filter(|kind| !kind.is_empty()).or(of_config).unwrap_or_default();
    let is = |layer: &&Descriptor, wanted: &str| layer.media_type == wanted;
    let of_type = |wanted: &str| -> Vec<Descriptor> {
        manifest.layers.iter().filter(|layer| is(layer, wanted)).take(MAX_LAYERS).cloned().collect()
    };
    if let [layer] = manifest.layers.as_slice()
        && layer.media_type.starts_with("application/vnd.dev.sigstore.bundle")
    {
        return ReferrerKind::Bundle(layer.clone());
    }
    if kind.starts_with(NOTATION_TYPE) {
        return match manifest.layers.as_slice() {
            [layer] if layer.media_type == JWS_TYPE => ReferrerKind::Notation(layer.clone()),
            [layer] if layer.media_type == "application/cose" => {
                ReferrerKind::Unsupported("notation (COSE)".to_owned())
            }
            _ => ReferrerKind::Unsupported("notation".to_owned()),
        };
    }
    let signatures = of_type(SIMPLE_SIGNING_TYPE);
    if !signatures.is_empty() || kind == OLD_REFERRER {
        return ReferrerKind::Signatures(signatures);
    }
    let envelopes = of_type(DSSE_TYPE);
    if !envelopes.is_empty() {
        return ReferrerKind::Attestations(envelopes);
    }
    ReferrerKind::Other
}

#[derive(Serialize)]
struct Part<'a> {
    #[serde(rename = "mediaType")]
    media_type: &'a str,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl<'a> Part<'a> {
    fn of(media_type: &'a str, bytes: &[u8]) -> Self {
        Self {
            media_type,
            digest: Digest::of(bytes).to_string(),
            size: bytes.len() as u64,
            annotations: BTreeMap::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    schema_version: u8,
    media_type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    config: Part<'a>,
    layers: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Part<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// A bundle to be attached to an image.
#[derive(Debug, Clone)]
pub struct ReferrerDraft<'a> {
    /// Media type of the image's manifest or index.
    pub subject_type: &'a str,
    /// Its digest.
    pub subject: &'a Digest,
    /// Its size in bytes.
    pub subject_size: u64,
    /// The bytes of the bundle.
    pub bundle: &'a [u8],
    /// The predicate type of the statement in it.
    pub predicate_type: &'a str,
    /// When it was made, RFC 3339; a hint for readers, not signed.
    pub created: &'a str,
}

impl ReferrerDraft<'_> {
    /// The bytes of the manifest.
    ///
    /// # Errors
    /// The serialiser's; it does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let subject = Part {
            media_type: self.subject_type,
            digest: self.subject.to_string(),
            size: self.subject_size,
            annotations: BTreeMap::new(),
        };
        serde_json::to_vec(&Document {
            schema_version: 2,
            media_type: media_types::OCI_MANIFEST,
            artifact_type: Some(BUNDLE_TYPE),
            config: Part::of(EMPTY_TYPE, EMPTY_CONFIG),
            layers: vec![Part::of(BUNDLE_TYPE, self.bundle)],
            subject: Some(subject),
            annotations: self.annotations(),
        })
    }

    /// The annotations: whoever lists the referrer copies them into its descriptor.
    fn annotations(&self) -> BTreeMap<String, String> {
        [
            ("org.opencontainers.image.created", self.created),
            ("dev.sigstore.bundle.content", "dsse-envelope"),
            ("dev.sigstore.bundle.predicateType", self.predicate_type),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
    }
}

/// A layer of a `.sig` or `.att` manifest that is written.
#[derive(Debug, Clone)]
pub struct LegacyLayer {
    media_type: &'static str,
    blob: Vec<u8>,
    annotations: BTreeMap<String, String>,
}

impl LegacyLayer {
    /// A layer of a `.sig` manifest.
    #[must_use]
    pub fn signature(payload: Vec<u8>, signature: &[u8]) -> Self {
        Self { media_type: SIMPLE_SIGNING_TYPE, blob: payload, annotations: signature_annotations(signature) }
    }

    /// A layer of an `.att` manifest.
    #[must_use]
    pub fn attestation(envelope: &super::Envelope, predicate_type: &str) -> Self {
        let mut annotations = BTreeMap::from([(super::legacy::SIGNATURE.to_owned(), String::new())]);
        if predicate_type != SIGNATURE_TYPE {
            annotations.insert("predicateType".to_owned(), predicate_type.to_owned());
        }
        Self { media_type: DSSE_TYPE, blob: envelope.to_json().into_bytes(), annotations }
    }

    /// The bytes of the layer.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }
}

/// The manifest under a `.sig` or `.att` tag with one more layer, and its config. The layers that are there stay as they are.
///
/// # Errors
/// The serialiser's; it does not happen.
pub fn with_layer(existing: &[Descriptor], layer: &LegacyLayer) -> Result<(Vec<u8>, Vec<u8>), serde_json::Error> {
    let mut layers: Vec<Part<'_>> = existing
        .iter()
        .map(|layer| Part {
            media_type: &layer.media_type,
            digest: layer.digest.to_string(),
            size: layer.size,
            annotations: layer.annotations.clone(),
        })
        .collect();
    layers.push(Part { annotations: layer.annotations.clone(), ..Part::of(layer.media_type, &layer.blob) });
    let diff_ids: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let config = serde_json::to_vec(&serde_json::json!({
        "architecture": "", "created": "0001-01-01T00:00:00Z", "history": [{ "created": "0001-01-01T00:00:00Z" }],
        "os": "", "rootfs": { "type": "layers", "diff_ids": diff_ids }, "config": {},
    }))?;
    let manifest = serde_json::to_vec(&Document {
        schema_version: 2,
        media_type: media_types::OCI_MANIFEST,
        artifact_type: None,
        config: Part::of(media_types::OCI_CONFIG, &config),
        layers,
        subject: None,
        annotations: BTreeMap::new(),
    })?;
    Ok((manifest, config))
}
