//! Good bundles are accepted, and every way to spoil one is refused with its own reason.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::evidence::{Conditions, Found, FoundContent, Listing, Place, Requirement, answer, examine};
use super::verify::{Grounds, SignerRule};
use super::*;
use crate::model::Digest;

/// A time after all fixtures: seconds since 1970.
const NOW: i64 = 1_792_713_600;

const MANAGED: &str = include_str!("../../testdata/sigstore/managed-key.sigstore.json");
const MANAGED_KEY: &str = include_str!("../../testdata/sigstore/managed-key.pub");
const MANAGED_FILE: &[u8] = include_bytes!("../../testdata/sigstore/managed-key.txt");
const BLOB: &str = include_str!("../../testdata/sigstore/blob.sigstore.json");
const BLOB_FILE: &[u8] = include_bytes!("../../testdata/sigstore/blob.txt");
const REKOR_1: &str = include_str!("../../testdata/sigstore/dsse-rekor-v1.sigstore.json");
const REKOR_2: &str = include_str!("../../testdata/sigstore/dsse-rekor-v2.sigstore.json");
const CHAIN: &str = include_str!("../../testdata/sigstore/chain-v0.1.sigstore.json");
const GITHUB: &str = "https://token.actions.githubusercontent.com";

fn trust(kind: RootKind) -> SigstoreTrust {
    SigstoreTrust::new(&TrustRoot::embedded(kind).expect("a root"), NOW).expect("a root that can be used")
}

fn managed_key() -> PublicKey {
    PublicKey::from_pem(MANAGED_KEY.as_bytes()).expect("a key")
}

fn blob_signer() -> IdentityRule {
    let email = "w.vollprecht@gmail.com";
    IdentityRule::exact(email, "https://github.com/login/oauth").with_kind(SanKind::Email)
}

fn rekor_1_signer() -> IdentityRule {
    let workflow = "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main";
    IdentityRule::exact(workflow, GITHUB)
}

fn rekor_2_signer() -> IdentityRule {
    let beacon = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/\
                  extremely-dangerous-oidc-beacon.yml@refs/heads/main";
    IdentityRule::exact(beacon, GITHUB)
}

fn reason_of<T>(outcome: Result<T, Rejection>) -> Reason {
    outcome.err().map_or(Reason::Verified, |rejection| rejection.reason)
}

#[derive(Clone, Copy)]
enum Base {
    Managed,
    Blob,
    Rekor1,
    Rekor2,
}

impl Base {
    fn judge(self, bundle: &[u8]) -> Result<(), Rejection> {
        let bundle = Bundle::read(bundle)?;
        let first: Digest =
            "sha256:54303491a8418fbed24344b513546182c29b43bf282ceb433af65e2299f9271f".parse().expect("a digest");
        let second: Digest =
            "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf".parse().expect("a digest");
        let (key, blob, one, two) = (managed_key(), blob_signer(), rekor_1_signer(), rekor_2_signer());
        let (kind, artifact, rule) = match self {
            Self::Managed => (RootKind::Production, Artifact::Bytes(MANAGED_FILE), SignerRule::Key(&key)),
            Self::Blob => (RootKind::Production, Artifact::Bytes(BLOB_FILE), SignerRule::Identity(&blob)),
            Self::Rekor1 => (RootKind::Production, Artifact::Digest(&first), SignerRule::Identity(&one)),
            Self::Rekor2 => (RootKind::Staging, Artifact::Digest(&second), SignerRule::Identity(&two)),
        };
        verify::artifact(&bundle, artifact, rule, &trust(kind)).map(|_| ())
    }

    fn text(self) -> &'static str {
        match self {
            Self::Managed => MANAGED,
            Self::Blob => BLOB,
            Self::Rekor1 => REKOR_1,
            Self::Rekor2 => REKOR_2,
        }
    }
}

#[test]
fn public_bundles_of_every_kind_are_accepted() {
    for base in [Base::Managed, Base::Blob, Base::Rekor1, Base::Rekor2] {
        base.judge(base.text().as_bytes()).expect("accepted");
        let with_line_break = format!("{}\n", base.text());
        base.judge(with_line_break.as_bytes()).expect("a line break at the end is harmless");
    }
}

#[test]
fn a_bundle_of_version_0_1_with_a_chain_is_accepted() {
    let workflow = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main";
    let rule = IdentityRule::exact(workflow, GITHUB)
        .with_claim("source-repository-uri", "https://github.com/sigstore/sigstore-js");
    let bundle = Bundle::read(CHAIN.as_bytes()).expect("read");
    assert_eq!(bundle.material(), &Material::Chain);
    // It is about a SHA-512 digest: nobody can claim it for a SHA-256 one.
    let outcome =
        verify::artifact(&bundle, Artifact::Bytes(b"other"), SignerRule::Identity(&rule), &trust(RootKind::Production));
    assert_eq!(reason_of(outcome), Reason::InvalidSubject);
}

/// Changes one bit of a base64 text in the middle.
fn flip(value: &mut Value, pointer: &str) {
    let field = value.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    let mut bytes = STANDARD.decode(field.as_str().expect("text")).expect("base64");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    *field = STANDARD.encode(bytes).into();
}

fn set(value: &mut Value, pointer: &str, to: Value) {
    *value.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = to;
}

fn take(value: &mut Value, pointer: &str, name: &str) -> Value {
    value.pointer_mut(pointer).and_then(Value::as_object_mut).and_then(|map| map.remove(name)).expect("a member")
}

const MATERIAL: &str = "/verificationMaterial";
const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

fn other(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

type Change = fn(&mut Value);

/// What is done to a good bundle, and the reason that must come of it.
const SPOILED: &[(&str, Base, Reason, Change)] = &[
    ("the signature", Base::Managed, Reason::InvalidTime, |b| flip(b, "/messageSignature/signature")),
    ("the signature, without a timestamp about it", Base::Managed, Reason::InvalidSignature, |b| {
        take(b, MATERIAL, "timestampVerificationData");
        let at = "/messageSignature/signature";
        let mut bytes = STANDARD.decode(b.pointer(at).and_then(Value::as_str).expect("text")).expect("base64");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        set(b, at, STANDARD.encode(bytes).into());
    }),
    ("the digest beside the signature", Base::Managed, Reason::InvalidSubject, |b| {
        flip(b, "/messageSignature/messageDigest/digest");
    }),
    ("the content of the log entry", Base::Managed, Reason::InvalidLog, |b| {
        flip(b, &format!("{ENTRY}/canonicalizedBody"));
    }),
    ("the promise of the log", Base::Managed, Reason::InvalidLogPromise, |b| {
        flip(b, &format!("{ENTRY}/inclusionPromise/signedEntryTimestamp"));
    }),
    ("the time beside the promise", Base::Managed, Reason::InvalidLogPromise, |b| {
        set(b, &format!("{ENTRY}/integratedTime"), "1766077480".into());
    }),
    ("a hash of the proof", Base::Managed, Reason::InvalidLog, |b| {
        flip(b, &format!("{ENTRY}/inclusionProof/hashes/0"));
    }),
    ("the root of the proof", Base::Managed, Reason::InvalidLogCheckpoint, |b| {
        flip(b, &format!("{ENTRY}/inclusionProof/rootHash"));
    }),
    ("no checkpoint", Base::Managed, Reason::InvalidLogCheckpoint, |b| {
        take(b, &format!("{ENTRY}/inclusionProof"), "checkpoint");
    }),
    ("a checkpoint without signatures", Base::Managed, Reason::InvalidFormat, |b| {
        let at = format!("{ENTRY}/inclusionProof/checkpoint/envelope");
        let text =
            b.pointer(&at).and_then(Value::as_str).expect("text").split("\n\n").next().expect("a head").to_owned();
        set(b, &at, (text + "\n\n").into());
    }),
    ("a checkpoint signed by somebody else", Base::Managed, Reason::InvalidLogCheckpoint, |b| {
        let at = format!("{ENTRY}/inclusionProof/checkpoint/envelope");
        let text = b
            .pointer(&at)
            .and_then(Value::as_str)
            .expect("text")
            .replace("rekor.sigstore.dev wNI9", "rekor.sigstore.dev xNI9");
        set(b, &at, text.into());
    }),
    ("no proof", Base::Managed, Reason::InvalidLog, |b| {
        take(b, ENTRY, "inclusionProof");
    }),
    ("a second log entry without any proof", Base::Managed, Reason::InvalidLog, |b| {
        let mut entry = b.pointer(ENTRY).cloned().expect("an entry");
        take(&mut entry, "", "inclusionProof");
        take(&mut entry, "", "inclusionPromise");
        b.pointer_mut("/verificationMaterial/tlogEntries").and_then(Value::as_array_mut).expect("entries").push(entry);
    }),
    ("no log entry", Base::Managed, Reason::InvalidLog, |b| set(b, "/verificationMaterial/tlogEntries", json!([]))),
    ("a log that nobody knows", Base::Managed, Reason::InvalidLogPromise, |b| flip(b, &format!("{ENTRY}/logId/keyId"))),
    ("the log entry of another artifact", Base::Managed, Reason::InvalidLogBody, |b| {
        let entry = other(BLOB).pointer(ENTRY).cloned().expect("an entry");
        set(b, ENTRY, entry);
    }),
    ("a log entry of an unknown kind", Base::Managed, Reason::InvalidFormat, |b| {
        set(b, &format!("{ENTRY}/kindVersion/version"), "9.9.9".into());
    }),
    ("a timestamp about another signature", Base::Managed, Reason::InvalidTime, |b| {
        let stamps =
            other(BLOB).pointer("/verificationMaterial/timestampVerificationData").cloned().expect("a timestamp");
        set(b, "/verificationMaterial/timestampVerificationData", stamps);
    }),
    ("a certificate in place of the key", Base::Managed, Reason::UntrustedKey, |b| {
        take(b, MATERIAL, "publicKey");
        b[&MATERIAL[1..]]["certificate"] =
            other(BLOB).pointer("/verificationMaterial/certificate").cloned().expect("a certificate");
    }),
    ("two kinds of key material", Base::Managed, Reason::InvalidMaterial, |b| {
        b[&MATERIAL[1..]]["certificate"] =
            other(BLOB).pointer("/verificationMaterial/certificate").cloned().expect("a certificate");
    }),
    ("no key material", Base::Managed, Reason::InvalidMaterial, |b| {
        take(b, MATERIAL, "publicKey");
    }),
    ("two contents", Base::Managed, Reason::InvalidContent, |b| {
        b["dsseEnvelope"] = other(REKOR_1)["dsseEnvelope"].clone();
    }),
    ("two contents, one in the other spelling", Base::Managed, Reason::InvalidContent, |b| {
        b["dsse_envelope"] = other(REKOR_1)["dsseEnvelope"].clone();
    }),
    ("no content", Base::Managed, Reason::InvalidContent, |b| {
        take(b, "", "messageSignature");
    }),
    ("an unknown version", Base::Managed, Reason::Unsupported, |b| {
        b["mediaType"] = "application/vnd.dev.sigstore.bundle.v9.9+json".into();
    }),
    ("no version", Base::Managed, Reason::InvalidFormat, |b| {
        take(b, "", "mediaType");
    }),
    ("a thousand log entries", Base::Managed, Reason::InvalidSize, |b| {
        let entry = b.pointer(ENTRY).cloned().expect("an entry");
        set(b, "/verificationMaterial/tlogEntries", vec![entry; 1_000].into());
    }),
    ("base64 of the other alphabet", Base::Managed, Reason::InvalidBase64, |b| {
        let at = "/messageSignature/signature";
        let text = b.pointer(at).and_then(Value::as_str).expect("text").replace('+', "-").replace('/', "_");
        set(b, at, text.into());
    }),
    ("a key in the field of the certificate", Base::Blob, Reason::InvalidCertificate, |b| {
        let der = encoding::one_pem(MANAGED_KEY.as_bytes()).expect("a key").1;
        set(b, "/verificationMaterial/certificate/rawBytes", STANDARD.encode(der).into());
    }),
    ("the certificate", Base::Blob, Reason::UntrustedRoot, |b| {
        let at = "/verificationMaterial/certificate/rawBytes";
        let mut bytes = STANDARD.decode(b.pointer(at).and_then(Value::as_str).expect("text")).expect("base64");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        set(b, at, STANDARD.encode(bytes).into());
    }),
    ("the signing certificate outside of its time", Base::Rekor1, Reason::InvalidTimeExpired, |b| {
        let of = other(CHAIN)
            .pointer("/verificationMaterial/x509CertificateChain/certificates/0")
            .cloned()
            .expect("a certificate");
        set(b, "/verificationMaterial/certificate", of);
    }),
    ("a chain where version 0.3 has none", Base::Blob, Reason::InvalidMaterial, |b| {
        let certificate = take(b, MATERIAL, "certificate");
        b[&MATERIAL[1..]]["x509CertificateChain"] = json!({ "certificates": [certificate] });
    }),
    ("no time that is proven", Base::Blob, Reason::InvalidTime, |b| {
        take(b, MATERIAL, "timestampVerificationData");
        take(b, ENTRY, "inclusionPromise");
    }),
    ("the statement", Base::Rekor1, Reason::InvalidSignature, |b| {
        let at = "/dsseEnvelope/payload";
        let text =
            String::from_utf8(STANDARD.decode(b.pointer(at).and_then(Value::as_str).expect("text")).expect("base64"))
                .expect("text");
        set(b, at, STANDARD.encode(text.replace("54303491", "54303492")).into());
    }),
    ("the predicate", Base::Rekor1, Reason::InvalidSignature, |b| {
        let at = "/dsseEnvelope/payload";
        let text =
            String::from_utf8(STANDARD.decode(b.pointer(at).and_then(Value::as_str).expect("text")).expect("base64"))
                .expect("text");
        set(b, at, STANDARD.encode(text.replace("attestations-publish", "attestations-Publish")).into());
    }),
    ("two signatures", Base::Rekor1, Reason::InvalidSignatureCount, |b| {
        let one = b.pointer("/dsseEnvelope/signatures/0").cloned().expect("a signature");
        set(b, "/dsseEnvelope/signatures", vec![one; 2].into());
    }),
    ("no signature", Base::Rekor1, Reason::InvalidSignatureCount, |b| set(b, "/dsseEnvelope/signatures", json!([]))),
    ("the payload type", Base::Rekor1, Reason::InvalidPayloadType, |b| {
        set(b, "/dsseEnvelope/payloadType", "application/vnd.in-toto+JSON".into());
    }),
    ("a version without promise", Base::Rekor2, Reason::InvalidLogPromise, |b| {
        b["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    }),
    ("no timestamp where the log gives no time", Base::Rekor2, Reason::InvalidTime, |b| {
        take(b, MATERIAL, "timestampVerificationData");
    }),
    ("a log of the second generation that nobody knows", Base::Rekor2, Reason::InvalidLog, |b| {
        flip(b, &format!("{ENTRY}/logId/keyId"));
    }),
    ("another trusted log than the one that signed the checkpoint", Base::Rekor2, Reason::InvalidLogCheckpoint, |b| {
        let mine = b.pointer(&format!("{ENTRY}/logId/keyId")).and_then(Value::as_str).expect("a log").to_owned();
        let logs = other(sigstore_verify::trust_root::SIGSTORE_STAGING_TRUSTED_ROOT)["tlogs"].clone();
        let ids = logs.as_array().expect("logs").iter().filter_map(|log| log.pointer("/logId/keyId"));
        let theirs = ids.filter_map(Value::as_str).find(|id| *id != mine).expect("another log").to_owned();
        set(b, &format!("{ENTRY}/logId/keyId"), theirs.into());
    }),
    ("a log entry twice", Base::Managed, Reason::InvalidLog, |b| {
        let entry = b.pointer(ENTRY).cloned().expect("an entry");
        set(b, "/verificationMaterial/tlogEntries", vec![entry; 2].into());
    }),
    ("a timestamp twice", Base::Rekor2, Reason::InvalidTime, |b| {
        let at = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps";
        let stamp = b.pointer(&format!("{at}/0")).cloned().expect("a timestamp");
        set(b, at, vec![stamp; 2].into());
    }),
    ("the place in the log", Base::Rekor2, Reason::InvalidLog, |b| {
        set(b, &format!("{ENTRY}/logIndex"), "4026477".into());
    }),
];

#[test]
fn every_spoiled_bundle_is_refused_with_its_own_reason() {
    let mut wrong = Vec::new();
    for (what, base, reason, change) in SPOILED {
        let mut bundle = other(base.text());
        change(&mut bundle);
        let outcome = base.judge(bundle.to_string().as_bytes());
        let found = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        let is = reason_of(outcome);
        if is != *reason {
            wrong.push(format!("{what}: {is}, not {reason}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A root whose part at `list` was not to be believed when anything was signed: its window is moved there.
fn outside(text: &str, list: &str, start: &str, end: &str) -> Result<SigstoreTrust, String> {
    let mut root = other(text);
    for part in root[list].as_array_mut().expect("a list") {
        let window = json!({ "start": start, "end": end });
        if list.ends_with("logs") { part["publicKey"]["validFor"] = window } else { part["validFor"] = window }
    }
    SigstoreTrust::new(&TrustRoot::read(root.to_string().as_bytes()).expect("a root"), NOW)
}

#[test]
fn every_window_of_a_trust_root_is_compared_with_the_verified_time() {
    let second: Digest =
        "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf".parse().expect("a digest");
    let bundle = Bundle::read(REKOR_2.as_bytes()).expect("read");
    let rule = rekor_2_signer();
    let text = sigstore_verify::trust_root::SIGSTORE_STAGING_TRUSTED_ROOT;
    let judge = |list: &str, start: &str, end: &str| {
        let trust = outside(text, list, start, end).expect("a root");
        reason_of(verify::artifact(&bundle, Artifact::Digest(&second), SignerRule::Identity(&rule), &trust))
    };
    for (list, reason) in [
        ("tlogs", Reason::InvalidLog),
        ("ctlogs", Reason::InvalidSct),
        ("certificateAuthorities", Reason::UntrustedRoot),
        ("timestampAuthorities", Reason::InvalidTime),
    ] {
        assert_eq!(judge(list, "2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"), Reason::Verified, "{list}");
        assert_eq!(judge(list, "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"), reason, "{list} ended before");
    }
}

#[test]
fn each_root_stands_for_itself_alone() {
    let second: Digest =
        "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf".parse().expect("a digest");
    let bundle = Bundle::read(REKOR_2.as_bytes()).expect("read");
    let rule = rekor_2_signer();
    let judge = |trust: &dyn Trust| {
        reason_of(verify::artifact(&bundle, Artifact::Digest(&second), SignerRule::Identity(&rule), trust))
    };
    assert_eq!(judge(&Trusts(vec![trust(RootKind::Production), trust(RootKind::Staging)])), Reason::Verified);
    assert_ne!(judge(&Trusts(vec![trust(RootKind::Production), trust(RootKind::GitHub)])), Reason::Verified);
    assert_eq!(judge(&Trusts(Vec::new())), Reason::UntrustedRoot);
    // The authorities of one root with the logs of another are no root.
    let mut mixed = other(sigstore_verify::trust_root::SIGSTORE_STAGING_TRUSTED_ROOT);
    mixed["tlogs"] = other(sigstore_verify::trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT)["tlogs"].clone();
    let mixed = TrustRoot::read(mixed.to_string().as_bytes()).expect("a root");
    let mixed = SigstoreTrust::new(&mixed, NOW).expect("a root");
    assert_ne!(judge(&Trusts(vec![mixed, trust(RootKind::Production)])), Reason::Verified);
}

#[test]
fn a_key_given_twice_is_refused_wherever_it_stands() {
    for (text, twice) in [
        (MANAGED, r#""mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","mediaType""#),
        (MANAGED, r#""hint":"x","hint""#),
    ] {
        let name = twice.rsplit(',').next().expect("a key");
        let spoiled = text.replacen(name, twice, 1);
        assert_ne!(spoiled, text);
        assert_eq!(reason_of(Bundle::read(spoiled.as_bytes())), Reason::InvalidDuplicateKey);
    }
    assert_eq!(reason_of(Bundle::read(b"{")), Reason::InvalidJson);
    assert_eq!(
        reason_of(Bundle::read(format!("{}{}", "[".repeat(500), "]".repeat(500)).as_bytes())),
        Reason::InvalidSize
    );
    assert_eq!(reason_of(Bundle::read(&vec![b' '; MAX_BUNDLE + 1])), Reason::InvalidSize);
}

#[test]
fn another_signer_another_file_another_root_and_another_time_are_refused() {
    let blob = Bundle::read(BLOB.as_bytes()).expect("read");
    let with = |rule: &IdentityRule, file: &[u8], kind| {
        reason_of(verify::artifact(&blob, Artifact::Bytes(file), SignerRule::Identity(rule), &trust(kind)))
    };
    let good = blob_signer();
    assert_eq!(with(&good, BLOB_FILE, RootKind::Production), Reason::Verified);
    assert_eq!(with(&good, b"other", RootKind::Production), Reason::InvalidSubject);
    assert_ne!(with(&good, BLOB_FILE, RootKind::Staging), Reason::Verified);
    let issuer = "https://github.com/login/oauth";
    assert_eq!(
        with(&IdentityRule::exact("w.vollprecht@gmail.co", issuer), BLOB_FILE, RootKind::Production),
        Reason::UntrustedIdentity
    );
    assert_eq!(
        with(&IdentityRule::exact("w.vollprecht@gmail.com", GITHUB), BLOB_FILE, RootKind::Production),
        Reason::UntrustedIssuer
    );
    assert_eq!(with(&good.clone().with_kind(SanKind::Uri), BLOB_FILE, RootKind::Production), Reason::UntrustedIdentity);
    let part = good.clone().with_identity_pattern(Pattern::new("vollprecht").expect("a pattern"));
    assert_eq!(
        with(&part, BLOB_FILE, RootKind::Production),
        Reason::UntrustedIdentity,
        "a part of the identity is not it"
    );
    let whole = good.clone().with_identity_pattern(Pattern::new(".*@gmail\\.com").expect("a pattern"));
    assert_eq!(with(&whole, BLOB_FILE, RootKind::Production), Reason::Verified);
    let key = managed_key();
    let by_key =
        verify::artifact(&blob, Artifact::Bytes(BLOB_FILE), SignerRule::Key(&key), &trust(RootKind::Production));
    assert_eq!(reason_of(by_key), Reason::UntrustedKey);
    let early =
        SigstoreTrust::new(&TrustRoot::embedded(RootKind::Production).expect("a root"), 1_700_000_000).expect("usable");
    let before = verify::artifact(&blob, Artifact::Bytes(BLOB_FILE), SignerRule::Identity(&good), &early);
    assert_eq!(reason_of(before), Reason::InvalidTime, "a signature from the future");
}

fn signed(key: &SigningKey, draft: &StatementDraft) -> Vec<u8> {
    let envelope = Envelope::sign(draft.to_bytes(), key).expect("signed");
    BundleDraft::new(envelope, key.public()).to_bytes().expect("a bundle")
}

fn listing(bundles: &[&[u8]]) -> Listing {
    let found = |bytes: &&[u8]| Found {
        digest: Digest::of(bytes),
        manifest: None,
        place: Place::Referrer,
        content: FoundContent::Bundle(bytes.to_vec()),
    };
    Listing { found: bundles.iter().map(found).collect(), gaps: Vec::new() }
}

fn judged(
    listing: &Listing,
    subject: &Digest,
    key: &PublicKey,
    requirement: &Requirement,
    conditions: &Conditions,
) -> Reason {
    let trust = trust(RootKind::Production);
    let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
    let examined = examine(listing, subject, &[SignerRule::Key(key)], &grounds);
    answer(&examined, &listing.gaps, subject, requirement, conditions).reason
}

#[test]
fn a_signature_with_a_key_counts_for_its_image_and_its_key_only() {
    let subject = Digest::of(b"image");
    let (none, sign) = (Conditions::default(), Requirement::Signature);
    for curve in [Curve::P256, Curve::P384] {
        let key = SigningKey::generate(curve).expect("a key");
        let stranger = SigningKey::generate(curve).expect("a key");
        let bundle = signed(&key, &StatementDraft::signature(subject.clone(), None, BTreeMap::new()));
        let signed = listing(&[&bundle]);
        assert_eq!(judged(&signed, &subject, key.public(), &sign, &none), Reason::Verified, "{curve:?}");
        assert_eq!(judged(&signed, &subject, stranger.public(), &sign, &none), Reason::UntrustedHint);
        assert_eq!(judged(&signed, &Digest::of(b"other"), key.public(), &sign, &none), Reason::InvalidSubject);
        let mut unhinted = other(std::str::from_utf8(&bundle).expect("text"));
        set(&mut unhinted, "/verificationMaterial/publicKey/hint", "".into());
        let unhinted = unhinted.to_string().into_bytes();
        let found = listing(&[&unhinted]);
        assert_eq!(judged(&found, &subject, key.public(), &sign, &none), Reason::Verified, "no hint is no hint");
        assert_eq!(judged(&found, &subject, stranger.public(), &sign, &none), Reason::InvalidSignature);
    }
}

#[test]
fn a_wrong_key_id_is_refused() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let bundle = signed(&key, &StatementDraft::signature(subject, None, BTreeMap::new()));
    let mut value = other(std::str::from_utf8(&bundle).expect("text"));
    value["dsseEnvelope"]["signatures"][0]["keyid"] = "another".into();
    assert_eq!(reason_of(Bundle::read(value.to_string().as_bytes())), Reason::InvalidKeyId);
    value["dsseEnvelope"]["signatures"][0]["keyid"] = key.public().hint().into();
    assert_eq!(reason_of(Bundle::read(value.to_string().as_bytes())), Reason::Verified);
}

#[test]
fn another_statement_of_the_same_signer_is_no_signature() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let none = Conditions::default();
    let vex = "https://openvex.dev/ns/v0.2.0";
    let draft = StatementDraft::attestation(subject.clone(), None, vex, "{\"a\":1.10}").expect("a draft");
    let found = listing(&[&signed(&key, &draft)]);
    assert_eq!(judged(&found, &subject, key.public(), &Requirement::Signature, &none), Reason::UnsignedPredicate);
    let wanted = |uri: &str| Requirement::Attestation(uri.to_owned());
    assert_eq!(judged(&found, &subject, key.public(), &wanted("https://openvex.dev/ns"), &none), Reason::Verified);
    assert_eq!(judged(&found, &subject, key.public(), &wanted("https://spdx.dev/Document"), &none), Reason::Missing);
    let signature = StatementDraft::attestation(subject, None, SIGNATURE_TYPE, "{}");
    assert_eq!(reason_of(signature), Reason::InvalidPredicate);
    let text = String::from_utf8(draft.to_bytes()).expect("text");
    assert!(text.contains("{\"a\":1.10}"), "a predicate is signed as it was written: {text}");
}

#[test]
fn junk_hides_no_signature_and_what_was_not_seen_is_no_absence() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let stranger = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let (none, sign) = (Conditions::default(), Requirement::Signature);
    let draft = StatementDraft::signature(subject.clone(), None, BTreeMap::new());
    let (good, bad) = (signed(&key, &draft), signed(&stranger, &draft));
    let mut junk: Vec<Vec<u8>> = (0..999).map(|number| format!("{{\"junk\":{number}}}").into_bytes()).collect();
    junk.push(bad);
    let mut all: Vec<&[u8]> = junk.iter().map(Vec::as_slice).collect();
    let without = listing(&all);
    assert_eq!(
        judged(&without, &subject, key.public(), &sign, &none),
        Reason::UntrustedHint,
        "junk alone is a definite no"
    );
    all.push(&good);
    assert_eq!(judged(&listing(&all), &subject, key.public(), &sign, &none), Reason::Verified);
    for gap in [Reason::Denied, Reason::Unreachable, Reason::Limit] {
        let mut partial = without.clone();
        partial.gaps.push(Rejection::new(gap, "not seen"));
        assert_eq!(judged(&partial, &subject, key.public(), &sign, &none), gap);
        partial.found.extend(listing(&[&good]).found);
        assert_eq!(
            judged(&partial, &subject, key.public(), &sign, &none),
            Reason::Verified,
            "enough evidence is enough"
        );
    }
    assert_eq!(judged(&Listing::default(), &subject, key.public(), &sign, &none), Reason::Unsigned);
}

#[test]
fn conditions_look_at_what_was_signed_and_when() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let annotations = BTreeMap::from([("version".to_owned(), "1.4.2".to_owned())]);
    let found = listing(&[&signed(&key, &StatementDraft::signature(subject.clone(), None, annotations.clone()))]);
    let sign = Requirement::Signature;
    let wanted = Conditions { annotations, ..Conditions::default() };
    assert_eq!(judged(&found, &subject, key.public(), &sign, &wanted), Reason::Verified);
    let other =
        Conditions { annotations: [("version".to_owned(), "1.4.3".to_owned())].into(), ..Conditions::default() };
    assert_eq!(judged(&found, &subject, key.public(), &sign, &other), Reason::InvalidSubject);
    let fresh = Conditions { max_age: Some(60), now: NOW, ..Conditions::default() };
    assert_eq!(judged(&found, &subject, key.public(), &sign, &fresh), Reason::Stale, "nothing proves its age");
}

#[test]
fn a_sig_layer_counts_for_its_payload_and_its_key() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let payload =
        SimpleSigning { repository: "r.example/app".to_owned(), digest: subject.clone(), annotations: BTreeMap::new() };
    let bytes = payload.to_bytes();
    let signature = STANDARD.encode(key.sign(&bytes).expect("signed"));
    let layer = |payload: Vec<u8>, signature: &str| Listing {
        found: vec![Found {
            digest: Digest::of(&payload),
            manifest: None,
            place: Place::SignatureTag,
            content: FoundContent::Signature {
                payload,
                annotations: [("dev.cosignproject.cosign/signature".to_owned(), signature.to_owned())].into(),
            },
        }],
        gaps: Vec::new(),
    };
    let judge = |listing: &Listing, subject: &Digest| {
        judged(listing, subject, key.public(), &Requirement::Signature, &Conditions::default())
    };
    let good = layer(bytes.clone(), &signature);
    assert_eq!(judge(&good, &subject), Reason::Verified);
    assert_eq!(judge(&good, &Digest::of(b"other")), Reason::InvalidSubject);
    assert_eq!(judge(&layer([bytes.as_slice(), b" "].concat(), &signature), &subject), Reason::InvalidSignature);
    assert_eq!(judge(&layer(bytes.clone(), ""), &subject), Reason::InvalidSignatureCount);
    assert_eq!(judge(&layer(bytes, "?"), &subject), Reason::InvalidBase64);
}

#[test]
fn keys_of_every_form_are_imported_and_print_nothing() {
    for curve in [Curve::P256, Curve::P384] {
        let key = SigningKey::generate(curve).expect("a key");
        assert!(format!("{key:?}").starts_with("SigningKey(sha256:"));
        let public = PublicKey::from_pem(key.public().to_pem().as_bytes()).expect("read back");
        assert_eq!(&public, key.public());
        let signature = key.sign(b"message").expect("signed");
        public.verify(b"message", &signature).expect("verified");
        assert_eq!(reason_of(public.verify(b"another", &signature)), Reason::InvalidSignature);
        assert_eq!(reason_of(public.verify(b"message", &signature[1..])), Reason::InvalidSignature);
    }
    for wrong in [
        "",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN X-----\nAAAA\n-----END X-----\n",
    ] {
        assert_eq!(SigningKey::import(wrong.as_bytes()).err(), Some(KeyError::Form), "{wrong:?}");
        assert!(PublicKey::from_pem(wrong.as_bytes()).is_err());
    }
}

#[test]
fn a_sealed_key_signs_after_it_was_opened() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let sealing = Sealing { salt: [1; 32], nonce: [2; 24] };
    let file = key.seal(&Password::new("pass"), &sealing).expect("sealed");
    let (opened, unlocked) = SigningKey::open(file.as_bytes(), &Password::new("pass")).expect("opened");
    assert_eq!((opened.public(), unlocked), (key.public(), Unlocked::AsGiven));
    assert_eq!(SigningKey::open(file.as_bytes(), &Password::new("Pass")).err(), Some(KeyFileError::Locked));
    let sec1 = seal_key(b"no PKCS#8", &Password::new("pass"), &sealing).expect("sealed");
    assert!(matches!(SigningKey::open(sec1.as_bytes(), &Password::new("pass")), Err(KeyFileError::Body(_))));
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200), at in 0..4_000_usize, byte: u8) {
        let _ = Bundle::read(&bytes);
        let mut spoiled = MANAGED.as_bytes().to_vec();
        if let Some(place) = spoiled.get_mut(at) {
            *place = byte;
        }
        let _ = Bundle::read(&spoiled);
    }
}

fn policy(text: &str, keys: &[(&str, &PublicKey)]) -> trust_policy::TrustPolicy {
    let mut policy = trust_policy::TrustPolicy::parse(text).expect("a policy");
    for (name, key) in keys {
        policy.signers.get_mut(*name).expect("a signer").who = trust_policy::Who::Key((*key).clone());
    }
    policy
}

#[test]
fn a_policy_counts_different_signers() {
    let (one, two) =
        (SigningKey::generate(Curve::P256).expect("a key"), SigningKey::generate(Curve::P256).expect("a key"));
    let subject = Digest::of(b"image");
    let draft = StatementDraft::signature(subject.clone(), None, BTreeMap::new());
    let (by_one, by_two) = (signed(&one, &draft), signed(&two, &draft));
    let trust = trust(RootKind::Production);
    let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
    let judge = |wanted: &str, keys: &[(&str, &PublicKey)], bundles: &[&[u8]]| {
        let text =
            format!("version: 1\nsigners: {{ a: {{key: a}}, b: {{key: b}} }}\nrequire: [{{type: sign, {wanted}}}]");
        policy(&text, keys).judge(&listing(bundles), &subject, &grounds, NOW)[0].reason
    };
    let keys = [("a", one.public()), ("b", two.public())];
    assert_eq!(judge("any: [a, b]", &keys, &[&by_two]), Reason::Verified);
    assert_eq!(judge("all: [a, b]", &keys, &[&by_two]), Reason::UntrustedHint);
    assert_eq!(judge("all: [a, b]", &keys, &[&by_two, &by_one]), Reason::Verified);
    assert_eq!(judge("at-least: 2, of: [a, b]", &keys, &[&by_one, &by_one]), Reason::UntrustedHint);
    let same = [("a", one.public()), ("b", one.public())];
    assert_eq!(
        judge("all: [a, b]", &same, &[&by_one]),
        Reason::UntrustedKey,
        "two names for one signer are one signer"
    );
    assert_eq!(judge("any: [a]", &keys, &[]), Reason::Unsigned);
}

#[test]
fn a_signer_with_a_period_needs_a_time_that_is_proven() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let bundle = signed(&key, &StatementDraft::signature(subject.clone(), None, BTreeMap::new()));
    let trust = trust(RootKind::Production);
    let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
    let text = "version: 1\nsigners: { a: { key: a, until: 2030-01-01 } }\nrequire: [{ type: sign, any: [a] }]";
    let answers = policy(text, &[("a", key.public())]).judge(&listing(&[&bundle]), &subject, &grounds, NOW);
    assert_eq!(answers[0].reason, Reason::UntrustedKeyPeriod);
}

/// A `.sig` layer of cosign 1 and 2 whose log entry is that of a bundle.
fn legacy_layer(entry: &Value, body: &str) -> (Vec<u8>, BTreeMap<String, String>) {
    let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).expect("text");
    let number = |pointer: &str| text(pointer).parse::<i64>().expect("a number");
    let log_id = STANDARD.decode(text("/logId/keyId")).expect("base64");
    let log_id = log_id.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let log = json!({
        "SignedEntryTimestamp": text("/inclusionPromise/signedEntryTimestamp"),
        "Payload": {
            "body": body, "integratedTime": number("/integratedTime"), "logIndex": number("/logIndex"), "logID": log_id,
        },
    });
    let signature = other(MANAGED)["messageSignature"]["signature"].as_str().expect("text").to_owned();
    let annotations = BTreeMap::from([
        ("dev.cosignproject.cosign/signature".to_owned(), signature),
        ("dev.sigstore.cosign/bundle".to_owned(), log.to_string()),
    ]);
    (MANAGED_FILE.to_vec(), annotations)
}

#[test]
fn the_promise_of_a_log_counts_for_its_own_body_and_the_body_for_its_own_signature() {
    let subject = Digest::of(b"image");
    let key = managed_key();
    let judge = |(payload, annotations): (Vec<u8>, BTreeMap<String, String>)| {
        let content = FoundContent::Signature { payload, annotations };
        let found = Found { digest: subject.clone(), manifest: None, place: Place::SignatureTag, content };
        let listing = Listing { found: vec![found], gaps: Vec::new() };
        judged(&listing, &subject, &key, &Requirement::Signature, &Conditions::default())
    };
    let entry = other(MANAGED).pointer(ENTRY).cloned().expect("an entry");
    let body = entry["canonicalizedBody"].as_str().expect("text").to_owned();
    // The file that was signed is no payload of an image signature: what is refused first is what is wrong first.
    let good = judge(legacy_layer(&entry, &body));
    assert!(matches!(good, Reason::InvalidJson | Reason::InvalidStatement), "the log entry itself is right: {good}");
    let decoded = String::from_utf8(STANDARD.decode(&body).expect("base64")).expect("text");
    let at = decoded.find("\"value\":\"").expect("a hash") + 9;
    let digit = if decoded.as_bytes()[at] == b'0' { "1" } else { "0" };
    let mut changed = decoded.clone();
    changed.replace_range(at..=at, digit);
    assert_eq!(judge(legacy_layer(&entry, &STANDARD.encode(changed))), Reason::InvalidLogPromise);
    let others = other(BLOB).pointer(ENTRY).cloned().expect("an entry");
    let body = others["canonicalizedBody"].as_str().expect("text").to_owned();
    assert_eq!(judge(legacy_layer(&others, &body)), Reason::InvalidLogBody);
}

#[test]
fn an_attested_check_counts_when_it_passed() {
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let wanted = Requirement::Attestation(CHECK_TYPE.to_owned());
    let judge = |predicates: &[&str]| {
        let bundles: Vec<Vec<u8>> = predicates
            .iter()
            .map(|predicate| {
                StatementDraft::attestation(subject.clone(), None, CHECK_TYPE, predicate).expect("a draft")
            })
            .map(|draft| signed(&key, &draft))
            .collect();
        let all: Vec<&[u8]> = bundles.iter().map(Vec::as_slice).collect();
        judged(&listing(&all), &subject, key.public(), &wanted, &Conditions::default())
    };
    let (pass, fail) = (r#"{"report":{"verdict":"pass"}}"#, r#"{"report":{"verdict":"violations"}}"#);
    assert_eq!(judge(&[pass]), Reason::Verified);
    assert_eq!(judge(&[fail]), Reason::CheckVerdict);
    assert_eq!(judge(&["{}"]), Reason::CheckVerdict);
    assert_eq!(judge(&[r#"{"report":{"verdict":"PASS"}}"#]), Reason::CheckVerdict);
    assert_eq!(judge(&[fail, pass]), Reason::Verified);
}

#[test]
fn each_consumer_sees_what_it_would_find_and_take() {
    const BUNDLES: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let key = SigningKey::generate(Curve::P256).expect("a key");
    let subject = Digest::of(b"image");
    let manifest = Digest::of(b"manifest");
    let bundle = signed(&key, &StatementDraft::signature(subject.clone(), None, BTreeMap::new()));
    let payload =
        SimpleSigning { repository: "r.example/app".to_owned(), digest: subject.clone(), annotations: BTreeMap::new() };
    let payload = payload.to_bytes();
    let annotations =
        [("dev.cosignproject.cosign/signature".to_owned(), STANDARD.encode(key.sign(&payload).expect("signed")))];
    let simple = FoundContent::Signature { payload, annotations: annotations.into() };
    let found = |place, content: FoundContent| Found {
        digest: Digest::of(b"layer"),
        manifest: Some(manifest.clone()),
        place,
        content,
    };
    let as_bundle = found(Place::FallbackTag, FoundContent::Bundle(bundle));
    let as_tag = found(Place::SignatureTag, simple.clone());
    let listed =
        |kind: Option<&str>| vec![ListEntry { digest: manifest.clone(), artifact_type: kind.map(str::to_owned) }];
    let trust = trust(RootKind::Production);
    let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
    let sees = |consumer: Consumer, found: &[&Found], list: &[ListEntry], ignore_log: bool| {
        let listing = Listing { found: found.iter().map(|one| (*one).clone()).collect(), gaps: Vec::new() };
        let mut examined = examine(&listing, &subject, &[SignerRule::Key(key.public())], &grounds);
        consumer.restrict(&mut examined, list, ignore_log);
        answer(&examined, &[], &subject, &Requirement::Signature, &Conditions::default()).reason
    };
    let right = listed(Some(BUNDLES));
    let (wrong, bare) = (listed(Some("application/vnd.oci.empty.v1+json")), listed(None));
    for consumer in [Consumer::Cosign3, Consumer::Kyverno, Consumer::PolicyController] {
        assert_eq!(sees(consumer, &[&as_bundle], &right, true), Reason::Verified, "{consumer:?}");
        assert_eq!(sees(consumer, &[&as_bundle], &wrong, true), Reason::UnseenListing, "{consumer:?}");
        assert_eq!(sees(consumer, &[&as_bundle], &bare, true), Reason::UnseenListing, "{consumer:?}");
        assert_eq!(sees(consumer, &[&as_bundle], &[], true), Reason::UnseenListing, "{consumer:?}");
        assert_eq!(sees(consumer, &[&as_bundle], &right, false), Reason::UnseenTime, "nothing proves its time");
        assert_eq!(sees(consumer, &[&as_tag], &[], true), Reason::Verified, "{consumer:?}");
        let old = found(Place::Referrer, simple.clone());
        assert_eq!(sees(consumer, &[&old], &right, true), Reason::UnseenFormat, "{consumer:?}");
    }
    assert_eq!(sees(Consumer::Cosign3, &[&as_tag], &right, true), Reason::UnseenPlace, "a bundle is listed");
    assert_eq!(sees(Consumer::PolicyController, &[&as_tag], &[], false), Reason::Verified);
    assert_eq!(sees(Consumer::Cosign2, &[&as_bundle], &right, true), Reason::UnseenPlace);
    assert_eq!(sees(Consumer::Cosign2, &[&as_bundle, &as_tag], &right, true), Reason::Verified);
    assert_eq!(sees(Consumer::Cosign2, &[&as_tag], &[], false), Reason::UnseenTime);
    assert_eq!(sees(Consumer::Notation, &[&as_bundle, &as_tag], &right, true), Reason::UnseenFormat);
    let file = found(Place::File, simple);
    assert_eq!(sees(Consumer::Cosign3, &[&file], &right, true), Reason::UnseenPlace);
}
