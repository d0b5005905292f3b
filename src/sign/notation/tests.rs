//! Envelopes and certificates that are made and signed here, and every way to spoil one.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RSA_PSS_SHA256, RsaKeyPair,
};
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;
use crate::sign::evidence::{Conditions, Found, FoundContent, Listing, Place, Proof, Requirement, answer, examine};
use crate::sign::verify::{self, Grounds, Signer, SignerRule};
use crate::sign::{RootKind, SigningKey, SigstoreTrust, TrustRoot};

const NOW: i64 = 1_792_713_600;
const DAY: i64 = 86_400;
const SERVER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];

fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match content.len() {
        length @ 0..0x80 => bytes.push(u8::try_from(length).expect("short")),
        length => {
            bytes.push(0x82);
            bytes.extend(u16::try_from(length).expect("not that long").to_be_bytes());
        }
    }
    bytes.extend(content);
    // The shortest form of lengths between 128 and 255.
    if (0x80..0x100).contains(&content.len()) {
        bytes.splice(1..4, [0x81, u8::try_from(content.len()).expect("a byte")]);
    }
    bytes
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn bits(content: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], content].concat())
}

/// A private key of one of the kinds that sign envelopes.
enum Private {
    Curve { pair: EcdsaKeyPair, curve: &'static [u8] },
    Rsa(RsaKeyPair),
}

impl Private {
    fn curve(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static [u8]) -> Self {
        Self::Curve { pair: EcdsaKeyPair::generate(algorithm).expect("a key"), curve }
    }

    fn p256() -> Self {
        Self::curve(&ECDSA_P256_SHA256_FIXED_SIGNING, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07])
    }

    fn p384() -> Self {
        Self::curve(&ECDSA_P384_SHA384_FIXED_SIGNING, &[0x2b, 0x81, 0x04, 0x00, 0x22])
    }

    fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("a key"))
    }

    fn spki(&self) -> Vec<u8> {
        let object = |bytes: &[u8]| tlv(0x06, bytes);
        match self {
            Self::Curve { pair, curve } => {
                let kind = object(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]);
                sequence(&[&sequence(&[&kind, &object(curve)]), &bits(pair.public_key().as_ref())])
            }
            Self::Rsa(pair) => {
                let kind = object(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]);
                sequence(&[&sequence(&[&kind, &[0x05, 0x00]]), &bits(pair.public_key().as_ref())])
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Curve { pair, .. } => pair.sign(&random, message).expect("signed").as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
        }
    }
}

fn name(organisation: &str, common: &str) -> Vec<u8> {
    let attribute = |kind: u8, value: &str| {
        let pair = sequence(&[&tlv(0x06, &[0x55, 0x04, kind]), &tlv(0x0c, value.as_bytes())]);
        tlv(0x31, &pair)
    };
    sequence(&[&attribute(10, organisation), &attribute(3, common)])
}

fn moment(second: i64) -> Vec<u8> {
    let time = jiff::Timestamp::from_second(second).expect("a time").strftime("%y%m%d%H%M%SZ").to_string();
    tlv(0x17, time.as_bytes())
}

/// What a certificate says.
#[derive(Clone)]
struct Says {
    organisation: &'static str,
    common: &'static str,
    from: i64,
    until: i64,
    is_authority: bool,
    digital: bool,
    purposes: Vec<&'static [u8]>,
}

impl Says {
    fn leaf() -> Self {
        Self {
            organisation: "acme",
            common: "release",
            from: NOW - DAY,
            until: NOW + DAY,
            is_authority: false,
            digital: true,
            purposes: vec![CODE_SIGNING],
        }
    }

    fn authority() -> Self {
        Self {
            common: "authority",
            is_authority: true,
            digital: false,
            purposes: Vec::new(),
            from: NOW - 9 * DAY,
            until: NOW + 9 * DAY,
            ..Self::leaf()
        }
    }

    fn certificate(&self, spki: &[u8], issuer: &[u8], signer: &EcdsaKeyPair) -> Vec<u8> {
        let algorithm = sequence(&[&tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])]);
        let extension =
            |id: u8, value: &[u8]| sequence(&[&tlv(0x06, &[0x55, 0x1d, id]), &[0x01, 0x01, 0xff], &tlv(0x04, value)]);
        let constraints = if self.is_authority { sequence(&[&[0x01, 0x01, 0xff]]) } else { sequence(&[]) };
        let usage: &[u8] = match (self.is_authority, self.digital) {
            (true, _) => &[0x03, 0x02, 0x02, 0x04],
            (_, true) => &[0x03, 0x02, 0x07, 0x80],
            (_, false) => &[0x03, 0x02, 0x05, 0x20],
        };
        let mut extensions = [extension(0x13, &constraints), extension(0x0f, usage)].concat();
        if !self.purposes.is_empty() {
            let purposes: Vec<u8> = self.purposes.iter().flat_map(|purpose| tlv(0x06, purpose)).collect();
            extensions.extend(extension(0x25, &tlv(0x30, &purposes)));
        }
        let content = sequence(&[
            &tlv(0xa0, &[0x02, 0x01, 0x02]),
            &[0x02, 0x01, 0x05],
            &algorithm,
            issuer,
            &sequence(&[&moment(self.from), &moment(self.until)]),
            &name(self.organisation, self.common),
            spki,
            &tlv(0xa3, &tlv(0x30, &extensions)),
        ]);
        let signature = signer.sign(&SystemRandom::new(), &content).expect("signed");
        sequence(&[&content, &algorithm, &bits(signature.as_ref())])
    }
}

/// An authority, and somebody who signs with a certificate of it.
struct Fixture {
    root: Vec<u8>,
    key: Private,
    leaf: Vec<u8>,
}

fn issuer() -> Vec<u8> {
    name("acme", "authority")
}

impl Fixture {
    fn new(key: Private, leaf: &Says, root: &Says) -> Self {
        let authority = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let point = bits(authority.public_key().as_ref());
        let kind = sequence(&[
            &tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01]),
            &tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]),
        ]);
        let root = root.certificate(&sequence(&[&kind, &point]), &issuer(), &authority);
        let leaf = leaf.certificate(&key.spki(), &issuer(), &authority);
        Self { root, key, leaf }
    }

    fn usual() -> Self {
        Self::new(Private::p256(), &Says::leaf(), &Says::authority())
    }

    fn pem(&self) -> Vec<u8> {
        crate::sign::encoding::to_pem("CERTIFICATE", &self.root).into_bytes()
    }

    fn rule_for(&self, subject: &str, scheme: SigningScheme) -> NotationRule {
        NotationRule::new(&self.pem(), SubjectRule::read(subject).expect("a subject"), scheme, NOW).expect("a rule")
    }

    fn rule(&self) -> NotationRule {
        self.rule_for("O=acme", SigningScheme::X509)
    }

    /// An envelope with this protected header and payload.
    fn envelope(&self, head: &Value, payload: &Value) -> Value {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let (protected, payload) = (part(head), part(payload));
        let signature = self.key.sign(format!("{protected}.{payload}").as_bytes());
        json!({
            "payload": payload, "protected": protected, "signature": URL_SAFE_NO_PAD.encode(signature),
            "header": { "x5c": [STANDARD.encode(&self.leaf), STANDARD.encode(&self.root)], "io.cncf.notary.signingAgent": "test/1" },
        })
    }

    fn usual_envelope(&self) -> Value {
        self.envelope(&head(), &payload())
    }
}

fn subject() -> Digest {
    Digest::of(b"image")
}

fn head() -> Value {
    json!({
        "alg": "ES256", "cty": PAYLOAD_TYPE, "crit": [SCHEME],
        SCHEME: "notary.x509", SIGNING_TIME: "2026-10-01T00:00:00Z",
    })
}

fn payload() -> Value {
    json!({ "targetArtifact": {
        "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": subject().to_string(), "size": 5,
        "annotations": { "stage": "released" },
    } })
}

fn judge(envelope: &Value, rule: &NotationRule) -> Result<crate::sign::Verified<Target>, Rejection> {
    let signature = NotationSignature::read(envelope.to_string().as_bytes())?;
    verify::notation(&signature, &subject(), SignerRule::Notation(rule))
}

fn reason(envelope: &Value, rule: &NotationRule) -> Reason {
    judge(envelope, rule).err().map_or(Reason::Verified, |rejection| rejection.reason)
}

#[test]
fn an_envelope_of_each_kind_of_key_counts() {
    for (algorithm, key) in [("ES256", Private::p256()), ("ES384", Private::p384()), ("PS256", Private::rsa())] {
        let fixture = Fixture::new(key, &Says::leaf(), &Says::authority());
        let mut head = head();
        head["alg"] = algorithm.into();
        let proof = judge(&fixture.envelope(&head, &payload()), &fixture.rule()).expect(algorithm);
        let Signer::Certificate { subject, authority } = proof.signer() else { panic!("{:?}", proof.signer()) };
        assert_eq!((subject.as_str(), authority), ("O=acme, CN=release", &Digest::of(&fixture.root)));
        assert_eq!((proof.times().len(), proof.logged()), (0, 0), "nothing proves when it was signed");
        // The algorithm is that of the key, whatever the envelope says.
        head["alg"] = if algorithm == "ES256" { "ES384" } else { "ES256" }.into();
        assert_eq!(reason(&fixture.envelope(&head, &payload()), &fixture.rule()), Reason::InvalidSignature);
    }
}

#[test]
fn a_signature_counts_as_one_and_as_nothing_else() {
    let fixture = Fixture::usual();
    let envelope = fixture.usual_envelope().to_string().into_bytes();
    let found = Found {
        digest: Digest::of(&envelope),
        manifest: None,
        place: Place::Referrer,
        content: FoundContent::Notation(envelope),
    };
    let listing = Listing { found: vec![found], gaps: Vec::new() };
    let root = TrustRoot::embedded(RootKind::Production).expect("a root");
    let trust = SigstoreTrust::new(&root, NOW).expect("usable");
    let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
    let rule = fixture.rule();
    let asked = |rules: &[SignerRule<'_>], requirement: &Requirement, stage: &str| {
        let examined = examine(&listing, &subject(), rules, &grounds);
        let annotations = BTreeMap::from([("stage".to_owned(), stage.to_owned())]);
        let conditions = Conditions { annotations, now: NOW, ..Conditions::default() };
        answer(&examined, &listing.gaps, &subject(), requirement, &conditions).reason
    };
    let signature = Requirement::Signature;
    assert_eq!(asked(&[SignerRule::Notation(&rule)], &signature, "released"), Reason::Verified);
    assert_eq!(asked(&[SignerRule::Notation(&rule)], &signature, "tested"), Reason::InvalidSubject);
    let statement = Requirement::Attestation("https://example.com/x".to_owned());
    assert_eq!(asked(&[SignerRule::Notation(&rule)], &statement, "released"), Reason::Missing);
    let key = SigningKey::generate(Curve::P256).expect("a key");
    assert_eq!(asked(&[SignerRule::Key(key.public())], &signature, "released"), Reason::UntrustedKey);
    let both = [SignerRule::Key(key.public()), SignerRule::Notation(&rule)];
    assert_eq!(asked(&both, &signature, "released"), Reason::Verified);
    let examined = examine(&listing, &subject(), &both, &grounds);
    assert!(matches!(examined[0].outcome, Ok(Proof::Notation(_))) && examined[0].format == "notation");
}

#[test]
fn everything_that_is_signed_and_changed_is_missed() {
    let fixture = Fixture::usual();
    let (good, rule) = (fixture.usual_envelope(), fixture.rule());
    assert_eq!(reason(&good, &rule), Reason::Verified);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut envelope = good.clone();
        change(&mut envelope);
        reason(&envelope, &rule)
    };
    let again = |name: &'static str, value: Value| {
        move |envelope: &mut Value| envelope[name] = URL_SAFE_NO_PAD.encode(value.to_string()).into()
    };
    let mut other = payload();
    other["targetArtifact"]["size"] = 6.into();
    assert_eq!(changed(&again("payload", other)), Reason::InvalidSignature);
    let mut other = head();
    other[SIGNING_TIME] = "2026-10-02T00:00:00Z".into();
    assert_eq!(changed(&again("protected", other)), Reason::InvalidSignature);
    assert_eq!(
        changed(&|envelope| envelope["signature"] = URL_SAFE_NO_PAD.encode([7; 64]).into()),
        Reason::InvalidSignature
    );
    assert_eq!(changed(&|envelope| envelope["signature"] = "AAA=".into()), Reason::InvalidBase64);
    assert_eq!(changed(&|envelope| envelope["signatures"] = json!([])), Reason::InvalidSignatureCount);
    assert_eq!(changed(&|envelope| envelope["header"]["x5c"] = json!([])), Reason::InvalidMaterial);
    assert_eq!(changed(&|envelope| envelope["header"] = json!({})), Reason::InvalidFormat);
    assert_eq!(changed(&|envelope| envelope["header"]["x5c"] = json!(["AAAA"])), Reason::InvalidCertificate);
    let twice = good.to_string().replacen("\"payload\"", "\"payload\":\"\",\"payload\"", 1);
    let error = NotationSignature::read(twice.as_bytes()).expect_err("refused");
    assert_eq!(error.reason, Reason::InvalidDuplicateKey);
    assert_eq!(
        NotationSignature::read(&vec![b' '; MAX_ENVELOPE + 1]).expect_err("refused").reason,
        Reason::InvalidSize
    );
    // Signed, and about another image.
    let mut elsewhere = payload();
    elsewhere["targetArtifact"]["digest"] = Digest::of(b"other").to_string().into();
    assert_eq!(reason(&fixture.envelope(&head(), &elsewhere), &rule), Reason::InvalidSubject);
    assert_eq!(reason(&fixture.envelope(&head(), &json!({})), &rule), Reason::InvalidStatement);
}

#[test]
fn headers_are_what_the_specification_says_or_the_envelope_is_refused() {
    let fixture = Fixture::usual();
    let with = |changes: &[(&str, Value)]| {
        let mut head = head();
        for (name, value) in changes {
            if value.is_null() {
                head.as_object_mut().expect("an object").remove(*name);
            } else {
                head[*name] = value.clone();
            }
        }
        reason(&fixture.envelope(&head, &payload()), &fixture.rule())
    };
    let (soon, past) = (json!("2099-01-01T00:00:00Z"), json!("2026-01-01T00:00:00Z"));
    assert_eq!(with(&[("crit", json!([SCHEME, EXPIRY])), (EXPIRY, soon.clone())]), Reason::Verified);
    assert_eq!(with(&[("crit", json!([SCHEME, EXPIRY])), (EXPIRY, past.clone())]), Reason::Expired);
    assert_eq!(with(&[(EXPIRY, soon)]), Reason::InvalidFormat, "an end that may be ignored");
    assert_eq!(with(&[("crit", json!([SCHEME, "x"])), ("x", json!(1))]), Reason::Unsupported);
    assert_eq!(with(&[("crit", json!([SCHEME, "x"]))]), Reason::InvalidFormat, "critical, and not there");
    assert_eq!(with(&[("x", json!(1))]), Reason::Verified, "what is not critical may be unknown");
    assert_eq!(with(&[("crit", json!([]))]), Reason::InvalidFormat);
    assert_eq!(with(&[("crit", Value::Null)]), Reason::InvalidFormat);
    assert_eq!(with(&[(SCHEME, json!("notary.x510"))]), Reason::Unsupported);
    assert_eq!(with(&[("cty", json!("text/plain"))]), Reason::InvalidPayloadType);
    assert_eq!(with(&[("alg", json!("none"))]), Reason::InvalidSignature);
    assert_eq!(with(&[("alg", json!("HS256"))]), Reason::InvalidSignature);
    assert_eq!(with(&[(SIGNING_TIME, json!("yesterday"))]), Reason::InvalidFormat);
    assert_eq!(with(&[("crit", json!([SCHEME, AUTHENTIC_TIME])), (AUTHENTIC_TIME, past)]), Reason::InvalidFormat);
}

#[test]
fn certificates_are_those_of_a_trusted_authority_for_this_use_and_time() {
    let with = |leaf: &Says, root: &Says| {
        let fixture = Fixture::new(Private::p256(), leaf, root);
        reason(&fixture.usual_envelope(), &fixture.rule())
    };
    let (leaf, root) = (Says::leaf(), Says::authority());
    assert_eq!(with(&leaf, &root), Reason::Verified);
    assert_eq!(with(&Says { purposes: Vec::new(), ..leaf.clone() }, &root), Reason::Verified);
    assert_eq!(with(&Says { until: NOW - 1, ..leaf.clone() }, &root), Reason::InvalidTimeExpired);
    assert_eq!(with(&Says { from: NOW + 1, ..leaf.clone() }, &root), Reason::InvalidTimeExpired);
    assert_eq!(with(&leaf, &Says { until: NOW - 1, ..root.clone() }), Reason::InvalidTimeExpired);
    assert_eq!(with(&Says { digital: false, ..leaf.clone() }, &root), Reason::InvalidCertificate);
    assert_eq!(with(&Says { is_authority: true, ..leaf.clone() }, &root), Reason::InvalidCertificate);
    let server = Says { purposes: vec![CODE_SIGNING, SERVER], ..leaf.clone() };
    assert_eq!(with(&server, &root), Reason::InvalidCertificate);
    let (fixture, stranger) = (Fixture::usual(), Fixture::usual());
    assert_eq!(reason(&fixture.usual_envelope(), &stranger.rule()), Reason::UntrustedRoot);
    // The chain that comes with a signature is no authority.
    let mut mixed = fixture.usual_envelope();
    mixed["header"]["x5c"][1] = STANDARD.encode(&stranger.root).into();
    assert_eq!(reason(&mixed, &stranger.rule()), Reason::UntrustedRoot);
    assert_eq!(reason(&mixed, &fixture.rule()), Reason::Verified, "the authority is ours already");
    for (subject, wanted) in [
        ("*", Reason::Verified),
        ("O=acme, CN=release", Reason::Verified),
        ("cn=release", Reason::Verified),
        ("O=acm", Reason::UntrustedIdentity),
        ("O=acme, CN=other", Reason::UntrustedIdentity),
        ("C=DE, O=acme", Reason::UntrustedIdentity),
    ] {
        let rule = fixture.rule_for(subject, SigningScheme::X509);
        assert_eq!(reason(&fixture.usual_envelope(), &rule), wanted, "{subject}");
    }
    for wrong in ["", "acme", "O=", "=x", "O=a,O=b", "X=1"] {
        assert!(SubjectRule::read(wrong).is_err(), "{wrong}");
    }
    let escaped = SubjectRule::read("O=acme\\, inc").expect("read");
    assert_eq!(escaped, SubjectRule::Attributes(BTreeMap::from([("O".to_owned(), "acme, inc".to_owned())])));
}

#[test]
fn a_certificate_that_signs_for_itself_is_trusted_for_itself_only() {
    let mut fixture = Fixture::usual();
    let Private::Curve { pair, .. } = &fixture.key else { panic!("a curve") };
    // The same key in both forms of signatures.
    let document = pair.to_pkcs8v1().expect("exported");
    let own = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref()).expect("a key");
    let says = Says { common: "authority", ..Says::leaf() };
    fixture.root = says.certificate(&fixture.key.spki(), &issuer(), &own);
    let mut envelope = fixture.usual_envelope();
    envelope["header"]["x5c"] = json!([STANDARD.encode(&fixture.root)]);
    assert_eq!(reason(&envelope, &fixture.rule()), Reason::Verified);
    // It signs a certificate for somebody else, which is not its business.
    let other = Private::p256();
    let leaf = Says::leaf().certificate(&other.spki(), &issuer(), &own);
    let second = Fixture { root: fixture.root.clone(), key: other, leaf };
    assert_eq!(reason(&second.usual_envelope(), &second.rule()), Reason::UntrustedRoot);
    let neither = Says::leaf().certificate(&fixture.key.spki(), &issuer(), &own);
    let pem = crate::sign::encoding::to_pem("CERTIFICATE", &neither);
    assert!(NotationRule::new(pem.as_bytes(), SubjectRule::Any, SigningScheme::X509, NOW).is_err());
    assert!(NotationRule::new(b"", SubjectRule::Any, SigningScheme::X509, NOW).is_err());
}

#[test]
fn an_authority_that_signs_for_others_vouches_for_the_time() {
    // The certificate is over by now; it was not when it was used.
    let leaf = Says { from: NOW - 3 * DAY, until: NOW - DAY, ..Says::leaf() };
    let fixture = Fixture::new(Private::p256(), &leaf, &Says::authority());
    let signed_at = |second: i64| {
        let mut head = head();
        head.as_object_mut().expect("an object").remove(SIGNING_TIME);
        head["crit"] = json!([SCHEME, AUTHENTIC_TIME]);
        head[SCHEME] = "notary.x509.signingAuthority".into();
        head[AUTHENTIC_TIME] = jiff::Timestamp::from_second(second).expect("a time").to_string().into();
        fixture.envelope(&head, &payload())
    };
    let rule = fixture.rule_for("*", SigningScheme::SigningAuthority);
    let proof = judge(&signed_at(NOW - 2 * DAY), &rule).expect("verified");
    assert_eq!(proof.times(), [NOW - 2 * DAY]);
    assert_eq!(reason(&signed_at(NOW - 5 * DAY), &rule), Reason::InvalidTimeExpired);
    assert_eq!(reason(&signed_at(NOW + 1), &rule), Reason::InvalidTime);
    // A store of the one kind is none of the other.
    assert_eq!(reason(&signed_at(NOW - 2 * DAY), &fixture.rule()), Reason::UntrustedRoot);
    assert_eq!(reason(&fixture.usual_envelope(), &rule), Reason::UntrustedRoot);
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let _ = NotationSignature::read(&bytes);
        let _ = NotationRule::new(&bytes, SubjectRule::Any, SigningScheme::X509, NOW);
    }
}
