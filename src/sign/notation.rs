//! Signatures of the Notary Project in JWS envelopes (notaryproject/specifications, `signature-specification.md` and
//! `signature-envelope-jws.md`): read and verified, never written. COSE envelopes, plugins, timestamps and revocation are not read.

use std::collections::BTreeMap;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use serde_json::{Map, Value};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage as KeyUsageExtension};

use crate::model::Digest;
use crate::oci::parse_strict;

use super::bundle::json_rejection;
use super::encoding::{from_base64, pem_blocks};
use super::{Curve, KeyAlgorithm, Reason, Rejection, der};

/// The artifact type of manifests that hold such signatures.
pub const NOTATION_TYPE: &str = "application/vnd.cncf.notary.signature";
/// The media type of JWS envelopes.
pub const JWS_TYPE: &str = "application/jose+json";
const PAYLOAD_TYPE: &str = "application/vnd.cncf.notary.payload.v1+json";
const SCHEME: &str = "io.cncf.notary.signingScheme";
const SIGNING_TIME: &str = "io.cncf.notary.signingTime";
const AUTHENTIC_TIME: &str = "io.cncf.notary.authenticSigningTime";
const EXPIRY: &str = "io.cncf.notary.expiry";
/// Bytes of an envelope.
const MAX_ENVELOPE: usize = 4 << 20;
/// Certificates in a chain, and in a file of authorities.
const MAX_CHAIN: usize = 10;
const MAX_AUTHORITIES: usize = 100;
/// 1.3.6.1.5.5.7.3.3
const CODE_SIGNING: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 3];
/// Purposes that a certificate for signatures must not have: any, server, mail, timestamps.
const FOREIGN_PURPOSES: &[&str] = &["2.5.29.37.0", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.8"];

/// Who says when it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningScheme {
    /// `notary.x509`: nobody who is trusted; the certificates must be valid now.
    X509,
    /// `notary.x509.signingAuthority`: the authority, which signs for others; the certificates must be valid at that time.
    SigningAuthority,
}

/// A subject of a certificate that is asked for: all of these attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubjectRule {
    /// Any certificate of the authorities.
    Any,
    /// These attributes, such as `C` and `O`.
    Attributes(BTreeMap<String, String>),
}

impl SubjectRule {
    /// Reads `*`, or attributes as in `C=DE, O=acme, CN=release`; a comma in a value is written `\,`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let mut attributes = BTreeMap::new();
        for part in split(text) {
            let (name, value) =
                part.split_once('=').ok_or_else(|| format!("`{}` is no attribute", part.escape_debug()))?;
            let (name, value) = (name.trim().to_ascii_uppercase(), value.trim().to_owned());
            if name.is_empty() || value.is_empty() {
                return Err("an attribute has no name or no value".to_owned());
            }
            if !NAMES.iter().any(|(_, known)| *known == name) {
                return Err(format!("there is no attribute `{}`", name.escape_debug()));
            }
            if attributes.insert(name, value).is_some() {
                return Err("an attribute is given twice".to_owned());
            }
        }
        Ok(Self::Attributes(attributes))
    }
}

/// At commas that no backslash protects; the backslashes go.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut escaped) = (Vec::new(), String::new(), false);
    for letter in text.chars() {
        match letter {
            _ if escaped => {
                part.push(letter);
                escaped = false;
            }
            '\\' => escaped = true,
            ',' => parts.push(std::mem::take(&mut part)),
            _ => part.push(letter),
        }
    }
    parts.push(part);
    parts
}

/// Attribute types and their short names (RFC 4514).
const NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("0.9.2342.19200300.100.1.1", "UID"),
];

/// A certificate that is trusted: it signs others, or only for itself.
#[derive(Debug, Clone)]
struct Authority {
    der: Vec<u8>,
    spki: Vec<u8>,
    window: (i64, i64),
    signs_others: bool,
}

impl Authority {
    fn read(der: Vec<u8>) -> Result<Self, String> {
        let unreadable = |_| "it holds a certificate that cannot be read".to_owned();
        let certificate = Certificate::from_der(&der).map_err(unreadable)?;
        let parts = &certificate.tbs_certificate;
        let constraints = parts.get::<BasicConstraints>().map_err(unreadable)?;
        let signs_others = constraints.is_some_and(|(_, constraints)| constraints.ca);
        if !signs_others && parts.issuer != parts.subject {
            return Err("it holds a certificate that is neither an authority's nor signed by itself".to_owned());
        }
        let spki = parts.subject_public_key_info.to_der().map_err(unreadable)?;
        Ok(Self { spki, window: window_of(&certificate), signs_others, der })
    }

    fn is_valid(&self, at: i64) -> bool {
        self.window.0 <= at && at <= self.window.1
    }
}

/// From when until when a certificate is valid, seconds since 1970.
fn window_of(certificate: &Certificate) -> (i64, i64) {
    let second = |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let window = &certificate.tbs_certificate.validity;
    (second(window.not_before), second(window.not_after))
}

/// Authorities and whom of theirs to believe, at a time.
#[derive(Debug, Clone)]
pub struct NotationRule {
    authorities: Vec<Authority>,
    subject: SubjectRule,
    scheme: SigningScheme,
    now: i64,
}

impl NotationRule {
    /// Believes certificates of the authorities in a PEM file; `now` is in seconds since 1970.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn new(pem: &[u8], subject: SubjectRule, scheme: SigningScheme, now: i64) -> Result<Self, String> {
        let authorities = pem_blocks(pem, "CERTIFICATE", MAX_AUTHORITIES)
            .filter(|blocks| !blocks.is_empty())
            .ok_or_else(|| format!("it is no PEM file with 1 to {MAX_AUTHORITIES} certificates"))?;
        let authorities = authorities.into_iter().map(Authority::read).collect::<Result<_, _>>()?;
        Ok(Self { authorities, subject, scheme, now })
    }
}

/// A signature whose form is known. Nothing in it is trusted.
#[derive(Debug, Clone)]
pub struct NotationSignature {
    algorithm: String,
    scheme: SigningScheme,
    authentic_time: Option<i64>,
    expiry: Option<i64>,
    signed: Vec<u8>,
    signature: Vec<u8>,
    chain: Vec<Vec<u8>>,
    target: Target,
}

/// What is signed: a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The digest of the image.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What the signer added.
    pub annotations: BTreeMap<String, String>,
}

/// What is known of a signature that counts.
#[derive(Debug, Clone)]
pub(super) struct NotationEvidence {
    /// The subject of the certificate.
    pub subject: String,
    /// The digest of the certificate of the authority.
    pub authority: Digest,
    /// The time that a trusted authority vouches for.
    pub times: Vec<i64>,
}

fn malformed(detail: &str) -> Rejection {
    Rejection::new(Reason::InvalidFormat, format!("the envelope {detail}"))
}

fn from_url_base64(text: &str) -> Result<Vec<u8>, Rejection> {
    let refused = || Rejection::new(Reason::InvalidBase64, "a part of the envelope is not base64url without padding");
    URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())
}

fn object_of<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, Rejection> {
    value.as_object().ok_or_else(|| malformed(&format!("has no {what}")))
}

/// Seconds since 1970 of a time in RFC 3339, whole seconds.
fn time(header: &Map<String, Value>, name: &str) -> Result<Option<i64>, Rejection> {
    let Some(value) = header.get(name) else { return Ok(None) };
    let read = value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    read.map(|time| Some(time.as_second())).ok_or_else(|| malformed("has a time that cannot be read"))
}

impl NotationSignature {
    /// Reads an envelope.
    ///
    /// # Errors
    /// One of the `invalid.format` reasons; [`Reason::Unsupported`] for critical headers that are not known.
    pub fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(Rejection::new(
                Reason::InvalidSize,
                format!("the envelope has more than {MAX_ENVELOPE} bytes"),
            ));
        }
        let value = parse_strict(bytes).map_err(|error| json_rejection(&error))?;
        let envelope = object_of(&value, "members")?;
        if envelope.contains_key("signatures") {
            return Err(Rejection::new(Reason::InvalidSignatureCount, "the envelope has not exactly one signature"));
        }
        let text = |name: &str| {
            envelope.get(name).and_then(Value::as_str).ok_or_else(|| malformed(&format!("has no `{name}`")))
        };
        let (payload, protected) = (text("payload")?, text("protected")?);
        let signature = from_url_base64(text("signature")?)?;
        let head = parse_strict(&from_url_base64(protected)?).map_err(|error| json_rejection(&error))?;
        let head = object_of(&head, "protected header")?;
        let head = Head::read(head)?;
        let open = object_of(envelope.get("header").unwrap_or(&Value::Null), "header")?;
        let chain = chain_of(open)?;
        let target = read_payload(&from_url_base64(payload)?)?;
        Ok(Self {
            algorithm: head.algorithm,
            scheme: head.scheme,
            authentic_time: head.authentic_time,
            expiry: head.expiry,
            signed: format!("{protected}.{payload}").into_bytes(),
            signature,
            chain,
            target,
        })
    }

    /// What is signed.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// Verifies signature, chain, subject and times. What is signed is looked at by the caller, afterwards.
    pub(super) fn verify(&self, rule: &NotationRule) -> Result<NotationEvidence, Rejection> {
        if self.scheme != rule.scheme {
            return Err(Rejection::new(
                Reason::UntrustedRoot,
                "the authorities are not trusted for its signing scheme",
            ));
        }
        let leaf = self.chain.first().ok_or_else(|| malformed("has no certificate"))?;
        let certificate = Certificate::from_der(leaf)
            .map_err(|_| Rejection::new(Reason::InvalidCertificate, "the signing certificate cannot be read"))?;
        self.verify_signature(&certificate)?;
        let at = match (self.scheme, self.authentic_time) {
            (SigningScheme::X509, _) => rule.now,
            (SigningScheme::SigningAuthority, Some(time)) if time <= rule.now => time,
            (SigningScheme::SigningAuthority, Some(_)) => {
                return Err(Rejection::new(Reason::InvalidTime, "the signature claims to be from the future"));
            }
            (SigningScheme::SigningAuthority, None) => return Err(malformed("has no authentic time")),
        };
        check_leaf(&certificate)?;
        let authority = self.verify_chain(leaf, rule, at)?;
        let attributes = attributes_of(&certificate);
        if let SubjectRule::Attributes(wanted) = &rule.subject
            && !wanted.iter().all(|wanted| attributes.iter().any(|(name, value)| (name, value) == wanted))
        {
            return Err(Rejection::new(Reason::UntrustedIdentity, "the certificate is made out to another subject"));
        }
        if self.expiry.is_some_and(|expiry| expiry < rule.now) {
            return Err(Rejection::new(Reason::Expired, "the signer gave the signature an end, and it is over"));
        }
        let times = if self.scheme == SigningScheme::SigningAuthority { vec![at] } else { Vec::new() };
        let subject = attributes.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ");
        Ok(NotationEvidence { subject, authority, times })
    }

    /// The algorithm is the one that belongs to the key of the certificate, and nothing else.
    fn verify_signature(&self, certificate: &Certificate) -> Result<(), Rejection> {
        let unsuitable = |detail: &str| Rejection::new(Reason::InvalidCertificate, detail);
        let public = &certificate.tbs_certificate.subject_public_key_info;
        let spki = public.to_der().map_err(|_| unsuitable("the key of the certificate cannot be read"))?;
        let (name, algorithm): (&str, &'static dyn VerificationAlgorithm) =
            match (der::algorithm_of_spki(&spki), der::rsa_bits(&spki)) {
                (Some(KeyAlgorithm::Ecdsa(Curve::P256)), _) => ("ES256", &ECDSA_P256_SHA256_FIXED),
                (Some(KeyAlgorithm::Ecdsa(Curve::P384)), _) => ("ES384", &ECDSA_P384_SHA384_FIXED),
                (Some(KeyAlgorithm::Ecdsa(Curve::P521)), _) => ("ES512", &ECDSA_P521_SHA512_FIXED),
                (Some(KeyAlgorithm::Rsa), Some(2_048)) => ("PS256", &RSA_PSS_2048_8192_SHA256),
                (Some(KeyAlgorithm::Rsa), Some(3_072)) => ("PS384", &RSA_PSS_2048_8192_SHA384),
                (Some(KeyAlgorithm::Rsa), Some(4_096)) => ("PS512", &RSA_PSS_2048_8192_SHA512),
                _ => return Err(unsuitable("the key of the certificate is of a kind that may not sign")),
            };
        if self.algorithm != name {
            let detail = format!("the envelope names an algorithm that is not {name}, which belongs to the key");
            return Err(Rejection::new(Reason::InvalidSignature, detail));
        }
        let raw = public.subject_public_key.as_bytes().unwrap_or_default();
        UnparsedPublicKey::new(algorithm, raw)
            .verify(&self.signed, &self.signature)
            .map_err(|_| Rejection::new(Reason::InvalidSignature, "the signature does not fit the envelope"))
    }

    /// Up to one of the authorities; returns its digest.
    fn verify_chain(&self, leaf: &[u8], rule: &NotationRule, at: i64) -> Result<Digest, Rejection> {
        let expired =
            || Rejection::new(Reason::InvalidTimeExpired, "a certificate of the chain is not valid at the time");
        // A certificate that signs for itself is trusted by being among the trusted ones.
        if let (1, Some(own)) = (self.chain.len(), rule.authorities.iter().find(|authority| authority.der == leaf)) {
            return if own.is_valid(at) { Ok(Digest::of(leaf)) } else { Err(expired()) };
        }
        let ders: Vec<CertificateDer<'_>> = rule
            .authorities
            .iter()
            .filter(|authority| authority.signs_others)
            .map(|authority| CertificateDer::from(authority.der.as_slice()))
            .collect();
        let anchors: Vec<TrustAnchor<'_>> = ders.iter().filter_map(|der| anchor_from_trusted_cert(der).ok()).collect();
        let between: Vec<CertificateDer<'_>> =
            self.chain.iter().skip(1).map(|der| CertificateDer::from(der.as_slice())).collect();
        let der = CertificateDer::from(leaf);
        let end = EndEntityCert::try_from(&der)
            .map_err(|_| Rejection::new(Reason::InvalidCertificate, "the signing certificate cannot be read"))?;
        let seconds = u64::try_from(at).unwrap_or_default();
        let path = end
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &anchors,
                &between,
                UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
                KeyUsage::required_if_present(CODE_SIGNING),
                None,
                None,
            )
            .map_err(|error| match error {
                webpki::Error::CertExpired { .. } | webpki::Error::CertNotValidYet { .. } => expired(),
                webpki::Error::RequiredEkuNotFoundContext(_) => Rejection::new(
                    Reason::InvalidCertificate,
                    "a certificate of the chain is not meant for signing code",
                ),
                _ => Rejection::new(Reason::UntrustedRoot, "the chain does not lead to a trusted authority"),
            })?;
        // The library looks at the key of the authority only; its certificate is valid at the time too.
        let key = path.anchor().subject_public_key_info.as_ref();
        let mut same = rule.authorities.iter().filter(|authority| authority.spki.ends_with(key));
        same.find(|authority| authority.is_valid(at)).map(|authority| Digest::of(&authority.der)).ok_or_else(expired)
    }
}

/// What the protected header says.
struct Head {
    algorithm: String,
    scheme: SigningScheme,
    authentic_time: Option<i64>,
    expiry: Option<i64>,
}

impl Head {
    fn read(head: &Map<String, Value>) -> Result<Self, Rejection> {
        let text = |name: &str| {
            head.get(name).and_then(Value::as_str).ok_or_else(|| malformed(&format!("has no `{name}` that is signed")))
        };
        if text("cty")? != PAYLOAD_TYPE {
            return Err(Rejection::new(
                Reason::InvalidPayloadType,
                "what is signed is not of the type of the Notary Project",
            ));
        }
        let scheme = match text(SCHEME)? {
            "notary.x509" => SigningScheme::X509,
            "notary.x509.signingAuthority" => SigningScheme::SigningAuthority,
            _ => return Err(Rejection::new(Reason::Unsupported, "its signing scheme is not known")),
        };
        let critical: Vec<&str> = head
            .get("crit")
            .and_then(Value::as_array)
            .ok_or_else(|| malformed("does not say what is critical"))?
            .iter()
            .map(|name| name.as_str().ok_or_else(|| malformed("has a critical header that is no text")))
            .collect::<Result<_, _>>()?;
        for name in &critical {
            if !head.contains_key(*name) {
                return Err(malformed("names a critical header that it does not have"));
            }
            if ![SCHEME, EXPIRY, AUTHENTIC_TIME].contains(name) {
                return Err(Rejection::new(
                    Reason::Unsupported,
                    "the envelope has a critical header that is not known",
                ));
            }
        }
        // These must be understood by everyone, so their signer has to say so.
        for name in [SCHEME, EXPIRY, AUTHENTIC_TIME] {
            if head.contains_key(name) && !critical.contains(&name) {
                return Err(malformed(&format!("does not call `{name}` critical")));
            }
        }
        time(head, SIGNING_TIME)?;
        let authentic_time = time(head, AUTHENTIC_TIME)?;
        if authentic_time.is_some() != (scheme == SigningScheme::SigningAuthority) {
            return Err(malformed("has an authentic time without an authority, or an authority without that time"));
        }
        Ok(Self { algorithm: text("alg")?.to_owned(), scheme, authentic_time, expiry: time(head, EXPIRY)? })
    }
}

fn chain_of(open: &Map<String, Value>) -> Result<Vec<Vec<u8>>, Rejection> {
    let chain = open.get("x5c").and_then(Value::as_array).ok_or_else(|| malformed("has no chain of certificates"))?;
    if chain.is_empty() || chain.len() > MAX_CHAIN {
        return Err(Rejection::new(
            Reason::InvalidMaterial,
            format!("the chain has not 1 to {MAX_CHAIN} certificates"),
        ));
    }
    let read = |value: &Value| {
        from_base64("x5c", value.as_str().ok_or_else(|| malformed("has a certificate that is no text"))?)
    };
    chain.iter().map(read).collect()
}

fn read_payload(bytes: &[u8]) -> Result<Target, Rejection> {
    let refused = || Rejection::new(Reason::InvalidStatement, "what is signed is no descriptor of an image");
    let value = parse_strict(bytes).map_err(|error| json_rejection(&error))?;
    let target = value.get("targetArtifact").and_then(Value::as_object).ok_or_else(refused)?;
    let text = |name: &str| target.get(name).and_then(Value::as_str).ok_or_else(refused);
    let annotations = match target.get("annotations") {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(value) => value
            .as_object()
            .ok_or_else(refused)?
            .iter()
            .map(|(name, value)| Ok((name.clone(), value.as_str().ok_or_else(refused)?.to_owned())))
            .collect::<Result<_, Rejection>>()?,
    };
    Ok(Target {
        digest: text("digest")?.parse().map_err(|_| refused())?,
        media_type: text("mediaType")?.to_owned(),
        size: target.get("size").and_then(Value::as_u64).ok_or_else(refused)?,
        annotations,
    })
}

/// A certificate that signs is no authority, may make signatures, and is not meant for servers, mails or timestamps.
fn check_leaf(certificate: &Certificate) -> Result<(), Rejection> {
    let refused = |detail: &str| Err(Rejection::new(Reason::InvalidCertificate, detail));
    let parts = &certificate.tbs_certificate;
    match parts.get::<BasicConstraints>() {
        Ok(None) => {}
        Ok(Some((_, constraints))) if !constraints.ca => {}
        Ok(Some(_)) => return refused("an authority's certificate signs no images"),
        Err(_) => return refused("the certificate's constraints cannot be read"),
    }
    match parts.get::<KeyUsageExtension>() {
        Ok(Some((true, usage))) if usage.digital_signature() => {}
        _ => return refused("the certificate is not marked, critically, for digital signatures"),
    }
    match parts.get::<ExtendedKeyUsage>() {
        Ok(None) => Ok(()),
        Ok(Some((_, usage))) => {
            let purposes: Vec<String> = usage.0.iter().map(ToString::to_string).collect();
            if purposes.iter().any(|purpose| FOREIGN_PURPOSES.contains(&purpose.as_str())) {
                return refused("the certificate is meant for something else than signing code");
            }
            Ok(())
        }
        Err(_) => refused("the certificate's purposes cannot be read"),
    }
}

/// The attributes of the subject that have a known name, in order.
fn attributes_of(certificate: &Certificate) -> Vec<(String, String)> {
    let subject = &certificate.tbs_certificate.subject;
    let named = |oid: &str| NAMES.iter().find(|(known, _)| *known == oid).map(|(_, name)| (*name).to_owned());
    subject
        .0
        .iter()
        .flat_map(|relative| relative.0.iter())
        .filter_map(|attribute| {
            let value = std::str::from_utf8(attribute.value.value()).ok()?;
            Some((named(&attribute.oid.to_string())?, value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests;
