//! DSSE envelopes (secure-systems-lab/dsse, protocol.md) with exactly one signature, as bundles and `.att` layers hold them.

use serde_json::{Value, json};

use crate::oci::parse_strict;

use super::bundle::json_rejection;
use super::encoding::{from_base64, to_base64};
use super::{KeyError, PublicKey, Reason, Rejection, SigningKey};

/// The payload type of statements.
pub const IN_TOTO_TYPE: &str = "application/vnd.in-toto+json";

/// Bytes of a payload; lists of packages are large.
const MAX_PAYLOAD: usize = 16 << 20;

/// An envelope. Nothing in it is trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    signature: Vec<u8>,
    key_id: String,
}

/// The bytes that are signed: `DSSEv1`, the type and the payload, each with its length in bytes.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

impl Envelope {
    /// Signs a payload.
    ///
    /// # Errors
    /// [`KeyError::Signing`].
    pub fn sign(payload: Vec<u8>, key: &SigningKey) -> Result<Self, KeyError> {
        let signature = key.sign(&pae(IN_TOTO_TYPE, &payload))?;
        Ok(Self { payload, signature, key_id: String::new() })
    }

    /// An envelope whose signature was made elsewhere.
    #[must_use]
    pub fn of(payload: Vec<u8>, signature: Vec<u8>) -> Self {
        Self { payload, signature, key_id: String::new() }
    }

    /// Reads an envelope on its own.
    ///
    /// # Errors
    /// [`Rejection`] with one of the `invalid.format` reasons.
    pub fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        Self::from_value(&parse_strict(bytes).map_err(|error| json_rejection(&error))?)
    }

    /// Reads an envelope inside a document that was read strictly.
    pub(super) fn from_value(value: &Value) -> Result<Self, Rejection> {
        let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let shape = |what: &str| Rejection::new(Reason::InvalidFormat, format!("the envelope has no {what}"));
        if text(value, "payloadType").as_deref() != Some(IN_TOTO_TYPE) {
            return Err(Rejection::new(
                Reason::InvalidPayloadType,
                format!("the envelope's payload type is not `{IN_TOTO_TYPE}`"),
            ));
        }
        let signatures = value.get("signatures").and_then(Value::as_array).ok_or_else(|| shape("signatures"))?;
        let [signature] = signatures.as_slice() else {
            let detail = format!("the envelope has {} signatures, not one", signatures.len());
            return Err(Rejection::new(Reason::InvalidSignatureCount, detail));
        };
        let payload = from_base64("payload", &text(value, "payload").ok_or_else(|| shape("payload"))?)?;
        if payload.len() > MAX_PAYLOAD {
            let detail = format!("the envelope's payload is longer than {MAX_PAYLOAD} bytes");
            return Err(Rejection::new(Reason::InvalidSize, detail));
        }
        Ok(Self {
            payload,
            signature: from_base64("sig", &text(signature, "sig").ok_or_else(|| shape("signature"))?)?,
            key_id: text(signature, "keyid").unwrap_or_default(),
        })
    }

    /// The envelope as JSON, fields in the usual order.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.to_value().to_string()
    }

    pub(super) fn to_value(&self) -> Value {
        json!({
            "payload": to_base64(&self.payload),
            "payloadType": IN_TOTO_TYPE,
            "signatures": [{ "sig": to_base64(&self.signature) }],
        })
    }

    /// The signature.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The bytes of the statement. Only [`super::verify`] reads them, after the signature was checked.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes that were signed.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(IN_TOTO_TYPE, &self.payload)
    }

    /// Verifies the signature with a key.
    ///
    /// # Errors
    /// [`Reason::InvalidSignature`].
    pub fn verify(&self, key: &PublicKey) -> Result<(), Rejection> {
        key.verify(&self.signed_bytes(), &self.signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_signed_bytes_are_those_of_the_specification() {
        assert_eq!(pae(IN_TOTO_TYPE, b"{}"), b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        assert_eq!(pae("é", "ü".as_bytes()), "DSSEv1 2 é 2 ü".as_bytes(), "lengths are bytes");
    }

    fn reason(change: impl FnOnce(&mut Value)) -> Reason {
        let mut value =
            json!({ "payloadType": IN_TOTO_TYPE, "payload": "e30=", "signatures": [{ "sig": "AAE=", "keyid": "" }] });
        change(&mut value);
        Envelope::read(value.to_string().as_bytes()).err().map_or(Reason::Verified, |rejection| rejection.reason)
    }

    #[test]
    fn each_malformed_envelope_has_its_reason() {
        assert_eq!(reason(|_| {}), Reason::Verified);
        assert_eq!(reason(|value| value["payloadType"] = "text/plain".into()), Reason::InvalidPayloadType);
        assert_eq!(reason(|value| value["signatures"] = json!([])), Reason::InvalidSignatureCount);
        assert_eq!(
            reason(|value| value["signatures"] = json!([{"sig": "AA=="}, {"sig": "AA=="}])),
            Reason::InvalidSignatureCount
        );
        assert_eq!(reason(|value| value["payload"] = "e30".into()), Reason::InvalidBase64);
        assert_eq!(reason(|value| value["signatures"][0]["sig"] = "A-E=".into()), Reason::InvalidBase64);
        assert_eq!(reason(|value| value["payload"] = Value::Null), Reason::InvalidFormat);
        let twice = br#"{"payloadType":"a","payloadType":"b"}"#;
        assert_eq!(Envelope::read(twice).expect_err("twice").reason, Reason::InvalidDuplicateKey);
        assert_eq!(Envelope::read(b"{").expect_err("no JSON").reason, Reason::InvalidJson);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Envelope::read(&bytes);
        }
    }
}
