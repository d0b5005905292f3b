//! What cosign 1 and 2 keep under the tags `sha256-….sig` and `sha256-….att`: read, put into a bundle of version 0.1 for the
//! decisions, and written for readers that know nothing else.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::Digest;
use crate::oci::parse_strict;

use super::bundle::json_rejection;
use super::encoding::{from_base64, pem_blocks, to_base64};
use super::{BUNDLE_TYPE, Bundle, Envelope, PublicKey, Reason, Rejection};

/// Annotation with the signature, base64; empty for envelopes.
pub(super) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CHAIN: &str = "dev.sigstore.cosign/chain";
const LOG: &str = "dev.sigstore.cosign/bundle";
const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";
/// Certificates in a chain.
const MAX_CHAIN: usize = 10;

/// The tag of an image's signatures (`sig`), attestations (`att`) or bills of materials (`sbom`).
#[must_use]
pub fn legacy_tag(digest: &Digest, suffix: &str) -> String {
    format!("{}-{}.{suffix}", digest.algorithm().name(), digest.hex())
}

/// A layer of a `.sig` or `.att` manifest. Nothing in it is trusted.
#[derive(Debug, Clone)]
pub struct LegacySignature {
    blob: Vec<u8>,
    envelope: Option<Envelope>,
    signature: Vec<u8>,
    annotations: BTreeMap<String, String>,
}

impl LegacySignature {
    /// A layer of a `.sig` manifest: the payload, and the layer's annotations.
    ///
    /// # Errors
    /// [`Reason::InvalidBase64`], [`Reason::InvalidSignatureCount`].
    pub fn of_signature(payload: Vec<u8>, annotations: &BTreeMap<String, String>) -> Result<Self, Rejection> {
        let text = annotations.get(SIGNATURE).filter(|text| !text.is_empty()).ok_or_else(|| {
            Rejection::new(Reason::InvalidSignatureCount, "the layer has no signature among its annotations")
        })?;
        Ok(Self {
            blob: payload,
            envelope: None,
            signature: from_base64(SIGNATURE, text)?,
            annotations: annotations.clone(),
        })
    }

    /// A layer of an `.att` manifest: the envelope, and the layer's annotations.
    ///
    /// # Errors
    /// One of the `invalid.format` reasons.
    pub fn of_attestation(blob: Vec<u8>, annotations: &BTreeMap<String, String>) -> Result<Self, Rejection> {
        let envelope = Envelope::read(&blob)?;
        let signature = envelope.signature().to_vec();
        Ok(Self { blob, envelope: Some(envelope), signature, annotations: annotations.clone() })
    }

    /// The bytes of the layer.
    pub(super) fn signed(&self) -> &[u8] {
        &self.blob
    }

    pub(super) fn envelope(&self) -> Option<&Envelope> {
        self.envelope.as_ref()
    }

    /// The bytes that the signature is over.
    pub(super) fn signed_bytes(&self) -> Vec<u8> {
        self.envelope.as_ref().map_or_else(|| self.blob.clone(), Envelope::signed_bytes)
    }

    pub(super) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The same evidence as a bundle: with the certificate, or with the key's hint. None when it has neither a certificate nor,
    /// for a key, a log entry or a timestamp.
    pub(super) fn to_bundle(&self, key: Option<&PublicKey>) -> Result<Option<Bundle>, Rejection> {
        let log = self.log_entry()?;
        let stamp = self.timestamp()?;
        let material = match key {
            Some(key) if log.is_some() || stamp.is_some() => json!({ "publicKey": { "hint": key.hint() } }),
            Some(_) => return Ok(None),
            None => match self.certificates()? {
                Some(certificates) => json!({ "x509CertificateChain": { "certificates": certificates } }),
                None => return Ok(None),
            },
        };
        let version = match log {
            Some(_) => "application/vnd.dev.sigstore.bundle+json;version=0.1",
            None => BUNDLE_TYPE,
        };
        let mut material = material;
        material["tlogEntries"] = log.into_iter().collect();
        material["timestampVerificationData"] = json!({ "rfc3161Timestamps": stamp.into_iter().collect::<Vec<_>>() });
        let mut bundle = json!({ "mediaType": version, "verificationMaterial": material });
        if let Some(envelope) = &self.envelope {
            bundle["dsseEnvelope"] = envelope.to_value();
        } else {
            use sha2::Digest as _;
            bundle["messageSignature"] = json!({
                "messageDigest": { "algorithm": "SHA2_256", "digest": to_base64(&sha2::Sha256::digest(&self.blob)) },
                "signature": to_base64(&self.signature),
            });
        }
        Bundle::read(bundle.to_string().as_bytes()).map(Some)
    }

    fn certificates(&self) -> Result<Option<Vec<Value>>, Rejection> {
        let Some(leaf) = self.annotations.get(CERTIFICATE).filter(|text| !text.is_empty()) else { return Ok(None) };
        let damaged = || Rejection::new(Reason::InvalidCertificate, "the certificate or its chain is damaged");
        let read = |text: &str, most| pem_blocks(text.as_bytes(), "CERTIFICATE", most).ok_or_else(damaged);
        let mut certificates = read(leaf, 1)?;
        if certificates.is_empty() {
            return Err(damaged());
        }
        if let Some(chain) = self.annotations.get(CHAIN) {
            certificates.extend(read(chain, MAX_CHAIN - 1)?);
        }
        Ok(Some(certificates.into_iter().map(|der| json!({ "rawBytes": to_base64(&der) })).collect()))
    }

    /// `{"SignedEntryTimestamp":…,"Payload":{"body":…,"integratedTime":…,"logIndex":…,"logID":…}}` as an entry of a bundle.
    fn log_entry(&self) -> Result<Option<Value>, Rejection> {
        let Some(text) = self.annotations.get(LOG).filter(|text| !text.is_empty() && *text != "null") else {
            return Ok(None);
        };
        let damaged = || Rejection::new(Reason::InvalidLog, "the log entry is damaged");
        let entry = parse_strict(text.as_bytes()).map_err(|error| json_rejection(&error))?;
        let text_at = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).ok_or_else(damaged);
        let number_at = |pointer: &str| entry.pointer(pointer).and_then(Value::as_i64).ok_or_else(damaged);
        let body = text_at("/Payload/body")?;
        let decoded = parse_strict(&from_base64("body", body)?).map_err(|error| json_rejection(&error))?;
        let of_body = |name: &str| decoded.get(name).and_then(Value::as_str).ok_or_else(damaged);
        Ok(Some(json!({
            "logIndex": number_at("/Payload/logIndex")?.to_string(),
            "logId": { "keyId": to_base64(&from_hex(text_at("/Payload/logID")?).ok_or_else(damaged)?) },
            "kindVersion": { "kind": of_body("kind")?, "version": of_body("apiVersion")? },
            "integratedTime": number_at("/Payload/integratedTime")?.to_string(),
            "inclusionPromise": { "signedEntryTimestamp": text_at("/SignedEntryTimestamp")? },
            "canonicalizedBody": body,
        })))
    }

    fn timestamp(&self) -> Result<Option<Value>, Rejection> {
        let Some(text) = self.annotations.get(TIMESTAMP).filter(|text| !text.is_empty() && *text != "null") else {
            return Ok(None);
        };
        let value = parse_strict(text.as_bytes()).map_err(|error| json_rejection(&error))?;
        let stamp = value
            .get("SignedRFC3161Timestamp")
            .and_then(Value::as_str)
            .ok_or_else(|| Rejection::new(Reason::InvalidTime, "the timestamp is damaged"))?;
        Ok(Some(json!({ "signedTimestamp": stamp })))
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .chars()
        .map(|letter| letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    (digits.len().is_multiple_of(2) && digits.len() <= 128)
        .then(|| digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| (byte << 4) | digit)).collect())
}

/// The annotations of a `.sig` layer.
#[must_use]
pub(super) fn signature_annotations(signature: &[u8]) -> BTreeMap<String, String> {
    BTreeMap::from([(SIGNATURE.to_owned(), to_base64(signature))])
}
