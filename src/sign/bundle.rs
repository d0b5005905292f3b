//! Sigstore bundles, versions 0.1 to 0.3 (sigstore/protobuf-specs, `sigstore_bundle.proto`): read strictly, written as 0.3.

use serde_json::{Map, Value};
use sigstore_verify::bundle::{BundleV03, VerificationMaterialV03};
use sigstore_verify::types::{
    Bundle as Inner, DsseEnvelope, DsseSignature, KeyId, MediaType, PayloadBytes, SignatureBytes, SignatureContent,
    TimestampToken, VerificationMaterialContent,
};

use crate::model::Digest;
use crate::oci::{JsonError, parse_strict};

use super::{Envelope, IN_TOTO_TYPE, PublicKey, Reason, Rejection};

/// The media type of bundles that are written.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// Bytes of a bundle.
pub const MAX_BUNDLE: usize = 16 << 20;
/// Certificates in a chain.
const MAX_CHAIN: usize = 10;
/// Log entries and timestamps of one signature, each.
const MAX_EVIDENCE: usize = 16;

/// A bundle whose shape is known to be unambiguous. Nothing in it is trusted.
#[derive(Debug, Clone)]
pub struct Bundle {
    inner: Inner,
    digest: Digest,
    content: Content,
    material: Material,
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A statement in an envelope.
    Envelope(Envelope),
    /// The artifact itself.
    Message,
}

/// Who claims to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Material {
    /// One certificate.
    Certificate,
    /// A certificate with the chain above it; roots in it mean nothing.
    Chain,
    /// A key, with a hint that finds it.
    Key {
        /// The hint; may be empty.
        hint: String,
    },
}

/// The reason behind JSON that was refused.
pub(super) fn json_rejection(error: &JsonError) -> Rejection {
    let reason = if error.message.starts_with("duplicate key") {
        Reason::InvalidDuplicateKey
    } else if error.message.starts_with("more than") || error.message.contains("recursion limit") {
        Reason::InvalidSize
    } else {
        Reason::InvalidJson
    };
    Rejection::new(reason, format!("it is not strict JSON: {error}"))
}

impl Bundle {
    /// What the bundle claims, nothing of it verified: to find one's way among statements, never to believe one.
    #[must_use]
    pub fn claimed_statement(&self) -> Option<super::Statement> {
        match self.content() {
            Content::Envelope(envelope) => super::Statement::read(envelope.payload()).ok(),
            Content::Message => None,
        }
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// One of the `invalid.format` reasons; [`Reason::Unsupported`] for versions and log entries that are not known.
    pub fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_BUNDLE {
            let detail = format!("the bundle is longer than {MAX_BUNDLE} bytes");
            return Err(Rejection::new(Reason::InvalidSize, detail));
        }
        let value = parse_strict(bytes).map_err(|error| json_rejection(&error))?;
        let object = value.as_object().ok_or_else(|| malformed("the bundle is no object"))?;
        check_version(object)?;
        let content = read_content(object)?;
        check_material(object)?;
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("the bundle is no text"))?;
        let inner = Inner::from_json(text).map_err(|error| {
            let detail = error.to_string();
            let reason = if detail.contains("unsupported entry") { Reason::Unsupported } else { Reason::InvalidFormat };
            Rejection::new(reason, format!("the bundle cannot be read: {}", printable(&detail)))
        })?;
        let material = match &inner.verification_material.content {
            VerificationMaterialContent::Certificate(_) => Material::Certificate,
            VerificationMaterialContent::X509CertificateChain { .. } => Material::Chain,
            VerificationMaterialContent::PublicKey(key) => Material::Key { hint: key.hint.clone() },
            _ => return Err(Rejection::new(Reason::Unsupported, "the bundle's key material is not of a known kind")),
        };
        agree(&inner.content, &content)?;
        let bundle = Self { inner, digest: Digest::of(bytes), content, material };
        bundle.check_key_id()?;
        Ok(bundle)
    }

    /// The digest of the bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// What is signed.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Who claims to have signed.
    #[must_use]
    pub fn material(&self) -> &Material {
        &self.material
    }

    /// Log entries in it.
    #[must_use]
    pub fn log_entries(&self) -> usize {
        self.inner.verification_material.tlog_entries.len()
    }

    /// Timestamps in it.
    #[must_use]
    pub fn timestamps(&self) -> usize {
        self.inner.verification_material.timestamp_verification_data.rfc3161_timestamps.len()
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    /// The same bundle under the rules of version 0.2, which knows chains. Version 0.3 does not, and cosign writes them there
    /// on demand.
    pub(super) fn with_chain_allowed(&self) -> Self {
        let mut inner = self.inner.clone();
        if self.material == Material::Chain && inner.media_type == MediaType::Bundle0_3 {
            inner.media_type = MediaType::Bundle0_2;
        }
        Self { inner, ..self.clone() }
    }

    /// The key ID of the envelope repeats the hint, or it is empty.
    fn check_key_id(&self) -> Result<(), Rejection> {
        match (&self.material, &self.content) {
            (Material::Key { hint }, Content::Envelope(envelope))
                if !envelope.key_id().is_empty() && !hint.is_empty() && envelope.key_id() != hint =>
            {
                Err(Rejection::new(Reason::InvalidKeyId, "the envelope's key ID differs from the bundle's hint"))
            }
            _ => Ok(()),
        }
    }
}

fn malformed(detail: &str) -> Rejection {
    Rejection::new(Reason::InvalidFormat, detail)
}

/// Text of a library about foreign bytes, shortened and without control characters.
pub(super) fn printable(text: &str) -> String {
    text.chars().take(300).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn check_version(object: &Map<String, Value>) -> Result<(), Rejection> {
    let known = [
        BUNDLE_TYPE,
        "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "application/vnd.dev.sigstore.bundle+json;version=0.2",
        "application/vnd.dev.sigstore.bundle+json;version=0.3",
    ];
    match object.get("mediaType").and_then(Value::as_str) {
        Some(version) if known.contains(&version) => Ok(()),
        Some(version) => Err(Rejection::new(
            Reason::Unsupported,
            format!("`{}` is no version of the bundle that is known", printable(version)),
        )),
        None => Err(malformed("the bundle does not say its version")),
    }
}

/// How many of these members there are, in either spelling that protobuf's JSON has.
fn count(object: &Map<String, Value>, names: &[&str]) -> usize {
    names.iter().filter(|name| object.contains_key(**name)).count()
}

fn read_content(object: &Map<String, Value>) -> Result<Content, Rejection> {
    let both = ["messageSignature", "dsseEnvelope", "message_signature", "dsse_envelope"];
    if count(object, &both) != 1 {
        return Err(Rejection::new(Reason::InvalidContent, "the bundle has not exactly one content"));
    }
    match (object.get("dsseEnvelope"), object.get("messageSignature")) {
        (Some(envelope), _) => Ok(Content::Envelope(Envelope::from_value(envelope)?)),
        (_, Some(message)) => {
            let signature = message.get("signature").and_then(Value::as_str);
            super::encoding::from_base64("signature", signature.ok_or_else(|| malformed("it has no signature"))?)?;
            Ok(Content::Message)
        }
        _ => Err(Rejection::new(Reason::InvalidContent, "the bundle's content is spelled in an unusual way")),
    }
}

fn check_material(object: &Map<String, Value>) -> Result<(), Rejection> {
    let material = object
        .get("verificationMaterial")
        .and_then(Value::as_object)
        .ok_or_else(|| malformed("the bundle has no verification material"))?;
    let kinds = ["certificate", "x509CertificateChain", "publicKey", "x509_certificate_chain", "public_key"];
    if count(material, &kinds) != 1 {
        return Err(Rejection::new(Reason::InvalidMaterial, "the bundle has not exactly one kind of key material"));
    }
    let length = |value: Option<&Value>| value.and_then(Value::as_array).map_or(0, Vec::len);
    let chain = length(material.get("x509CertificateChain").and_then(|chain| chain.get("certificates")));
    let entries = length(material.get("tlogEntries"));
    let stamps = length(material.get("timestampVerificationData").and_then(|data| data.get("rfc3161Timestamps")));
    if chain > MAX_CHAIN || entries > MAX_EVIDENCE || stamps > MAX_EVIDENCE {
        return Err(Rejection::new(
            Reason::InvalidSize,
            "the bundle has more certificates, log entries or timestamps than can be needed",
        ));
    }
    Ok(())
}

/// What the strict reader saw is what the library saw.
fn agree(inner: &SignatureContent, content: &Content) -> Result<(), Rejection> {
    let same = match (inner, content) {
        (SignatureContent::DsseEnvelope(inner), Content::Envelope(envelope)) => {
            inner.payload_type == IN_TOTO_TYPE
                && inner.payload.as_bytes() == envelope.payload()
                && inner.signature.sig.as_bytes() == envelope.signature()
        }
        (SignatureContent::MessageSignature(_), Content::Message) => true,
        _ => false,
    };
    if same { Ok(()) } else { Err(malformed("the bundle can be read in two ways")) }
}

/// A bundle to be written: an envelope signed with a key.
#[derive(Debug, Clone)]
pub struct BundleDraft {
    envelope: Envelope,
    hint: String,
    timestamps: Vec<Vec<u8>>,
}

impl BundleDraft {
    /// A bundle with the hint that cosign writes.
    #[must_use]
    pub fn new(envelope: Envelope, key: &PublicKey) -> Self {
        Self { envelope, hint: key.hint(), timestamps: Vec::new() }
    }

    /// The signature that timestamps are about.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        self.envelope.signature()
    }

    /// Adds a timestamp (RFC 3161, DER of the whole answer).
    #[must_use]
    pub fn with_timestamp(mut self, timestamp: Vec<u8>) -> Self {
        self.timestamps.push(timestamp);
        self
    }

    /// The bytes of the bundle.
    ///
    /// # Errors
    /// [`Reason::InvalidFormat`]; it does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Rejection> {
        let signature = SignatureBytes::from_bytes(self.envelope.signature());
        let envelope = DsseEnvelope::new(
            IN_TOTO_TYPE,
            PayloadBytes::from_bytes(self.envelope.payload()),
            DsseSignature::new(signature, KeyId::default()),
        );
        let material = VerificationMaterialV03::PublicKey { hint: self.hint.clone() };
        let mut bundle = BundleV03::new(material, SignatureContent::DsseEnvelope(envelope));
        for timestamp in &self.timestamps {
            bundle = bundle.with_rfc3161_timestamp(TimestampToken::from_bytes(timestamp));
        }
        let text = bundle.into_bundle().to_json().map_err(|_| malformed("the bundle cannot be written"))?;
        Ok(text.into_bytes())
    }
}
