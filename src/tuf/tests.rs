//! A mirror on loopback that is made and signed here, and everything that a mirror may do wrong.

use std::fmt::Write as _;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use sigstore_verify::crypto::KeyPair;

use super::*;
use crate::model::Digest;
use crate::testkit::registry::{Action, FakeRegistry};

const NOW: i64 = 1_792_713_600;
const LATER: &str = "2030-01-01T00:00:00Z";
const BEFORE: &str = "2026-01-01T00:00:00Z";
const TARGET: &[u8] = b"a trust root";

enum Pair {
    P256(KeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Pair {
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(pair) => pair.sign(bytes).expect("signed").as_bytes().to_vec(),
            Self::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
        }
    }
}

struct Key {
    id: String,
    entry: Value,
    pair: Pair,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl Key {
    fn p256() -> Self {
        let pair = KeyPair::generate_ecdsa_p256().expect("a key");
        let public = pair.public_key_der().expect("a public key").to_pem();
        Self::of(Pair::P256(pair), "ecdsa", "ecdsa-sha2-nistp256", &public)
    }

    fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().expect("a key");
        let public = hex(pair.public_key().as_ref());
        Self::of(Pair::Ed25519(pair), "ed25519", "ed25519", &public)
    }

    fn of(pair: Pair, kind: &str, scheme: &str, public: &str) -> Self {
        let entry = json!({ "keytype": kind, "scheme": scheme, "keyval": { "public": public } });
        let key: sigstore_tuf::Key = serde_json::from_value(entry.clone()).expect("a key");
        Self { id: key.key_id().expect("a name"), entry, pair }
    }
}

fn signed(content: &Value, keys: &[&Key]) -> Vec<u8> {
    let bytes = sigstore_tuf::canonical_json::to_canonical_bytes(content).expect("canonical");
    let signatures: Vec<Value> =
        keys.iter().map(|key| json!({ "keyid": key.id, "sig": hex(&key.pair.sign(&bytes)) })).collect();
    json!({ "signed": content, "signatures": signatures }).to_string().into_bytes()
}

fn head(kind: &str, version: u64, expires: &str) -> Value {
    json!({ "_type": kind, "spec_version": "1.0.31", "version": version, "expires": expires })
}

fn file(bytes: &[u8], version: Option<u64>) -> Value {
    let mut entry = json!({ "length": bytes.len(), "hashes": { "sha256": Digest::of(bytes).hex() } });
    if let Some(version) = version {
        entry["version"] = version.into();
    }
    entry
}

/// The keys of a repository: two of the root, of which both must sign, and one of everything else.
struct Keys {
    roots: [Key; 2],
    online: Key,
}

impl Keys {
    fn new() -> Self {
        Self { roots: [Key::p256(), Key::ed25519()], online: Key::p256() }
    }

    fn root(&self, version: u64, expires: &str) -> Value {
        let mut root = head("root", version, expires);
        root["consistent_snapshot"] = true.into();
        let all: Vec<&Key> = self.roots.iter().chain([&self.online]).collect();
        root["keys"] =
            all.iter().map(|key| (key.id.clone(), key.entry.clone())).collect::<serde_json::Map<_, _>>().into();
        let online = json!({ "keyids": [self.online.id], "threshold": 1 });
        root["roles"] = json!({
            "root": { "keyids": [self.roots[0].id, self.roots[1].id], "threshold": 2 },
            "timestamp": online, "snapshot": online, "targets": online,
        });
        root
    }

    fn both(&self) -> Vec<&Key> {
        self.roots.iter().collect()
    }

    fn first_root(&self) -> Vec<u8> {
        signed(&self.root(1, LATER), &self.both())
    }
}

/// What a mirror offers: the names and the bytes of its files.
#[derive(Clone)]
struct Files {
    timestamp: Vec<u8>,
    snapshot: (u64, Vec<u8>),
    targets: (u64, Vec<u8>),
    target: Vec<u8>,
}

/// A whole publication of one version.
fn publication(keys: &Keys, version: u64, expires: &str) -> Files {
    let mut targets = head("targets", version, LATER);
    targets["targets"] = json!({ TRUSTED_ROOT: file(TARGET, None) });
    let targets = signed(&targets, &[&keys.online]);
    let mut snapshot = head("snapshot", version, LATER);
    snapshot["meta"] = json!({ "targets.json": file(&targets, Some(version)) });
    let snapshot = signed(&snapshot, &[&keys.online]);
    let mut timestamp = head("timestamp", version, expires);
    timestamp["meta"] = json!({ "snapshot.json": file(&snapshot, Some(version)) });
    Files {
        timestamp: signed(&timestamp, &[&keys.online]),
        snapshot: (version, snapshot),
        targets: (version, targets),
        target: TARGET.to_vec(),
    }
}

struct Mirrored {
    server: FakeRegistry,
    state: tempfile::TempDir,
    keys: Keys,
}

impl Mirrored {
    fn new() -> Self {
        Self { server: FakeRegistry::start(), state: tempfile::tempdir().expect("a folder"), keys: Keys::new() }
    }

    fn put(&self, path: &str, bytes: &[u8]) {
        let action = Action::Answer { status: 200, headers: Vec::new(), body: bytes.to_vec() };
        self.server.fault(path, 0, 1_000, action);
    }

    /// Everything that is offered from now on.
    fn offer(&self, roots: &[(u64, Vec<u8>)], files: &Files) {
        self.server.heal();
        for (version, bytes) in roots {
            self.put(&format!("/mirror/{version}.root.json"), bytes);
        }
        self.put("/mirror/timestamp.json", &files.timestamp);
        self.put(&format!("/mirror/{}.snapshot.json", files.snapshot.0), &files.snapshot.1);
        self.put(&format!("/mirror/{}.targets.json", files.targets.0), &files.targets.1);
        self.put(&format!("/mirror/targets/{}.{TRUSTED_ROOT}", Digest::of(TARGET).hex()), &files.target);
    }

    fn update_at(&self, now: i64) -> Result<Updated, TufError> {
        let url = format!("http://{}/mirror", self.server.host());
        update(&url, &self.keys.first_root(), self.state.path(), TRUSTED_ROOT, now)
    }

    fn update(&self) -> Result<Updated, TufError> {
        self.update_at(NOW)
    }

    /// The code of a refusal.
    fn refusal(&self, what: &str) -> &'static str {
        match self.update() {
            Err(TufError::Refused { code, .. }) => code,
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[test]
fn a_mirror_is_followed_through_new_roots_and_new_publications() {
    let mirror = Mirrored::new();
    mirror.offer(&[], &publication(&mirror.keys, 1, LATER));
    let first = mirror.update().expect("updated");
    assert_eq!((first.target.as_slice(), first.root_version, first.timestamp_version), (TARGET, 1, 1));
    assert_eq!(first.expires, 1_893_456_000);
    // The second root has other keys of its own; the third is signed by them.
    let next = Keys::new();
    let crossed: Vec<&Key> = mirror.keys.both().into_iter().chain(next.both()).collect();
    let roots = [(2, signed(&next.root(2, BEFORE), &crossed)), (3, signed(&next.root(3, LATER), &next.both()))];
    mirror.offer(&roots, &publication(&next, 2, LATER));
    // An expired root between two others is passed through.
    let second = mirror.update().expect("updated");
    assert_eq!((second.root_version, second.timestamp_version), (3, 2));
    assert_eq!(mirror.update().expect("nothing new").timestamp_version, 2);
}

#[test]
fn roots_that_the_old_or_the_new_keys_did_not_sign_in_number_are_refused() {
    let mirror = Mirrored::new();
    let next = Keys::new();
    let files = publication(&next, 1, LATER);
    let crossed: Vec<&Key> = mirror.keys.both().into_iter().chain(next.both()).collect();
    let one_old: Vec<&Key> = mirror.keys.roots.iter().take(1).chain(next.both()).collect();
    let one_new: Vec<&Key> = mirror.keys.both().into_iter().chain(next.roots.iter().take(1)).collect();
    let twice: Vec<&Key> = [&mirror.keys.roots[0], &mirror.keys.roots[0]].into_iter().chain(next.both()).collect();
    for (what, version, signers, code) in [
        ("by the new keys alone", 2, next.both(), "tuf.signatures"),
        ("by one of two old keys", 2, one_old, "tuf.signatures"),
        ("by one of two new keys", 2, one_new, "tuf.signatures"),
        ("by one old key twice", 2, twice, "tuf.signatures"),
        ("a version is left out", 3, crossed, "tuf.rollback"),
    ] {
        mirror.offer(&[(2, signed(&next.root(version, LATER), &signers))], &files);
        assert_eq!(mirror.refusal(what), code, "{what}");
    }
}

#[test]
fn expiry_is_told_by_the_clock() {
    let mirror = Mirrored::new();
    mirror.offer(&[], &publication(&mirror.keys, 1, BEFORE));
    assert_eq!(mirror.refusal("a timestamp that is over"), "tuf.expired");
    // The freeze: what was good once is offered for ever.
    mirror.offer(&[], &publication(&mirror.keys, 2, LATER));
    mirror.update().expect("updated");
    let end = 1_893_456_000;
    assert!(mirror.update_at(end - 1).is_ok());
    assert!(matches!(mirror.update_at(end + 1), Err(TufError::Refused { code: "tuf.expired", .. })));
    // The last root decides.
    mirror
        .offer(&[(2, signed(&mirror.keys.root(2, BEFORE), &mirror.keys.both()))], &publication(&mirror.keys, 3, LATER));
    assert_eq!(mirror.refusal("a root that is over"), "tuf.expired");
}

#[test]
fn nothing_goes_back_behind_what_was_seen_by_an_earlier_run() {
    let mirror = Mirrored::new();
    mirror.offer(&[], &publication(&mirror.keys, 5, LATER));
    mirror.update().expect("updated");
    mirror.offer(&[], &publication(&mirror.keys, 4, LATER));
    assert_eq!(mirror.refusal("an older timestamp"), "tuf.rollback");
    // A newer timestamp over an older snapshot.
    let old = publication(&mirror.keys, 4, LATER);
    let mut timestamp = head("timestamp", 6, LATER);
    timestamp["meta"] = json!({ "snapshot.json": file(&old.snapshot.1, Some(4)) });
    mirror.offer(&[], &Files { timestamp: signed(&timestamp, &[&mirror.keys.online]), ..old.clone() });
    assert_eq!(mirror.refusal("an older snapshot"), "tuf.rollback");
    // A newer snapshot over older targets.
    let mut snapshot = head("snapshot", 6, LATER);
    snapshot["meta"] = json!({ "targets.json": file(&old.targets.1, Some(4)) });
    let snapshot = signed(&snapshot, &[&mirror.keys.online]);
    let mut timestamp = head("timestamp", 6, LATER);
    timestamp["meta"] = json!({ "snapshot.json": file(&snapshot, Some(6)) });
    let timestamp = signed(&timestamp, &[&mirror.keys.online]);
    mirror.offer(&[], &Files { timestamp, snapshot: (6, snapshot), ..old });
    assert_eq!(mirror.refusal("older targets"), "tuf.rollback");
}

#[test]
fn files_of_different_publications_do_not_mix() {
    // What is good of a refused publication is kept, so each begins anew.
    let mixed = |spoil: &dyn Fn(&Mirrored, Files, Files) -> Files, what: &str, code: &str| {
        let mirror = Mirrored::new();
        let (one, two) = (publication(&mirror.keys, 1, LATER), publication(&mirror.keys, 2, LATER));
        mirror.offer(&[], &spoil(&mirror, one, two.clone()));
        assert_eq!(mirror.refusal(what), code, "{what}");
        mirror.offer(&[], &two);
        assert!(mirror.update().is_ok(), "{what}");
    };
    mixed(&|_, one, two| Files { snapshot: (2, one.snapshot.1), ..two }, "another snapshot", "tuf.content");
    mixed(&|_, one, two| Files { targets: (2, one.targets.1), ..two }, "other targets", "tuf.content");
    mixed(&|_, _, two| Files { target: b"a trust rook".to_vec(), ..two }, "another target", "tuf.content");
    mixed(&|_, _, two| Files { snapshot: (9, two.snapshot.1), ..two }, "no snapshot", "tuf.content");
    mixed(&|_, _, _| publication(&Keys::new(), 2, LATER), "signed by a stranger", "tuf.signatures");
}

#[test]
fn bounds_hold_and_a_mirror_that_is_away_says_nothing() {
    let mirror = Mirrored::new();
    let files = publication(&mirror.keys, 1, LATER);
    mirror.offer(&[], &Files { target: [TARGET, b"!"].concat(), ..files.clone() });
    assert!(matches!(mirror.update(), Err(TufError::Fetch(Trouble::TooLong { .. }))), "a target is as long as it says");
    mirror.offer(&[], &Files { timestamp: vec![b' '; 20_000], ..files.clone() });
    assert!(matches!(mirror.update(), Err(TufError::Fetch(Trouble::TooLong { .. }))));
    mirror.offer(&[], &Files { timestamp: b"{".to_vec(), ..files.clone() });
    assert_eq!(mirror.refusal("no JSON"), "tuf.format");
    mirror.offer(&[], &files);
    let url = format!("http://{}/mirror", mirror.server.host());
    let other = |name: &str| update(&url, &mirror.keys.first_root(), mirror.state.path(), name, NOW);
    assert!(matches!(other("other.json"), Err(TufError::Refused { code: "tuf.target", .. })));
    let first = update(&url, b"{}", mirror.state.path(), TRUSTED_ROOT, NOW);
    assert!(matches!(first, Err(TufError::FirstRoot(_))), "{first:?}");
    let unsigned = signed(&mirror.keys.root(1, LATER), &[&mirror.keys.roots[0]]);
    let first = update(&url, &unsigned, mirror.state.path(), TRUSTED_ROOT, NOW);
    assert!(matches!(first, Err(TufError::FirstRoot(_))), "{first:?}");
    mirror.server.heal();
    mirror.server.fault("/mirror/", 0, 99, Action::Close);
    assert!(matches!(mirror.update(), Err(TufError::Fetch(Trouble::Unavailable { .. }))));
}

#[test]
fn the_first_roots_that_come_with_imgguard_are_signed() {
    for instance in [Instance::Production, Instance::Staging, Instance::GitHub] {
        assert!(sigstore_tuf::TrustedMetadataSet::from_root(instance.root()).is_ok(), "{}", instance.name());
        assert!(address(instance.url()).is_ok());
    }
}
