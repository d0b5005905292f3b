//! What is damaged or denied is never "nothing there", and junk hides nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Store, collect};
use crate::model::Digest;
use crate::oci::{Reference, media_types};
use crate::registry::{Client, Environment, Options, Retries, fallback_tag};
use crate::sign::evidence::{Conditions, Listing, Requirement, answer, examine};
use crate::sign::verify::{Grounds, SignerRule};
use crate::sign::{
    BundleDraft, Curve, Envelope, PublicKey, Reason, ReferrerDraft, RootKind, SIGNATURE_TYPE, SigningKey,
    SigstoreTrust, StatementDraft, TrustRoot, legacy_tag,
};
use crate::testkit::layout::{ImageBuilder, LayoutBuilder};
use crate::testkit::registry::{Action, FakeRegistry, Quirks};

const MANIFEST: &str = media_types::OCI_MANIFEST;
const REPOSITORY: &str = "team/app";
const NOW: i64 = 1_792_713_600;

/// A bundle that signs the subject, and the manifest that attaches it.
fn evidence(key: &SigningKey, subject: &Digest, size: u64) -> (Vec<u8>, Vec<u8>) {
    let draft = StatementDraft::signature(subject.clone(), None, BTreeMap::new());
    let envelope = Envelope::sign(draft.to_bytes(), key).expect("signed");
    let bundle = BundleDraft::new(envelope, key.public()).to_bytes().expect("a bundle");
    let draft = ReferrerDraft {
        subject_type: MANIFEST,
        subject,
        subject_size: size,
        bundle: &bundle,
        predicate_type: SIGNATURE_TYPE,
        created: "2026-01-01T00:00:00Z",
    };
    let manifest = draft.to_bytes().expect("a manifest");
    (bundle, manifest)
}

fn judged(listing: &Listing, subject: &Digest, key: &PublicKey) -> Reason {
    let root = TrustRoot::embedded(RootKind::Production).expect("a root");
    let trust = SigstoreTrust::new(&root, NOW).expect("usable");
    let grounds = Grounds { trust: &trust, ignore_log: false, p384_sha256: false };
    let examined = examine(listing, subject, &[SignerRule::Key(key)], &grounds);
    answer(&examined, &listing.gaps, subject, &Requirement::Signature, &Conditions::default()).reason
}

/// A signed image in a layout folder.
struct Folder {
    place: tempfile::TempDir,
    key: SigningKey,
    bundle: Digest,
    manifest: Digest,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        LayoutBuilder::new().image(ImageBuilder::new("linux/amd64")).tag("1").build().write_to(folder.path());
        let key = SigningKey::generate(Curve::P256).expect("a key");
        let signed = Self { place: folder, key, bundle: Digest::of(b""), manifest: Digest::of(b"") };
        let store = signed.store();
        let (bundle, manifest) = evidence(&signed.key, &store.root().digest, store.root().bytes.len() as u64);
        store.put_blob(b"{}").expect("a blob");
        store.put_blob(&bundle).expect("a blob");
        store.put_referrer(&manifest).expect("attached");
        Self { bundle: Digest::of(&bundle), manifest: Digest::of(&manifest), ..signed }
    }

    fn store(&self) -> Store<'static> {
        Store::layout(self.place.path().to_str().expect("text"), Some("1")).expect("a layout")
    }

    fn path(&self, digest: &Digest) -> std::path::PathBuf {
        self.place.path().join("blobs/sha256").join(digest.hex())
    }

    fn judge(&self) -> Reason {
        let store = self.store();
        judged(&collect(&store, &store.root().digest), &store.root().digest, self.key.public())
    }

    #[expect(clippy::disallowed_methods, reason = "tests may write below their own directory")]
    fn write(&self, digest: &Digest, bytes: &[u8]) {
        std::fs::write(self.path(digest), bytes).expect("written");
    }

    /// Lists another manifest under a tag.
    fn tag(&self, tag: &str, digest: &Digest) {
        let path = self.place.path().join("index.json");
        let mut index: Value = serde_json::from_slice(&read(&path)).expect("JSON");
        index["manifests"].as_array_mut().expect("a list").push(json!({
            "mediaType": MANIFEST, "digest": digest.to_string(), "size": 2,
            "annotations": { "org.opencontainers.image.ref.name": tag },
        }));
        #[expect(clippy::disallowed_methods, reason = "tests may write below their own directory")]
        std::fs::write(path, index.to_string()).expect("written");
    }
}

#[expect(clippy::disallowed_methods, reason = "tests may read below their own directory")]
fn read(path: &std::path::Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}

#[test]
fn evidence_in_a_layout_that_is_damaged_or_gone_is_undetermined() {
    assert_eq!(Folder::new().judge(), Reason::Verified);
    let damaged = Folder::new();
    damaged.write(&damaged.manifest, b"{}");
    assert_eq!(damaged.judge(), Reason::Damaged);
    let cut = Folder::new();
    let bytes = read(&cut.path(&cut.manifest));
    cut.write(&cut.manifest, &bytes[..bytes.len() / 2]);
    assert_eq!(cut.judge(), Reason::Damaged);
    let gone = Folder::new();
    std::fs::remove_file(gone.path(&gone.manifest)).expect("removed");
    assert_eq!(gone.judge(), Reason::Damaged);
    let bundle = Folder::new();
    bundle.write(&bundle.bundle, b"{}");
    assert_eq!(bundle.judge(), Reason::InvalidFormat, "its manifest says that it is evidence, and it is not");
    let bare = tempfile::tempdir().expect("a folder");
    LayoutBuilder::new().image(ImageBuilder::new("linux/amd64")).tag("1").build().write_to(bare.path());
    let store = Store::layout(bare.path().to_str().expect("text"), Some("1")).expect("a layout");
    let listing = collect(&store, &store.root().digest);
    assert_eq!(judged(&listing, &store.root().digest, gone.key.public()), Reason::Unsigned, "nothing is nothing");
}

#[test]
fn damage_beside_a_good_signature_hides_it_not() {
    let folder = Folder::new();
    folder.tag("other", &Digest::of(b"gone"));
    assert_eq!(folder.judge(), Reason::Verified);
}

#[test]
fn a_tag_of_signatures_in_a_layout_is_damaged_when_what_it_points_at_is_gone() {
    let folder = Folder::new();
    let store = folder.store();
    folder.tag(&legacy_tag(&store.root().digest, "sig"), &Digest::of(b"gone"));
    let listing = collect(&store, &store.root().digest);
    assert!(listing.gaps.iter().any(|gap| gap.reason == Reason::Damaged && gap.detail.contains(".sig")), "{listing:?}");
}

#[test]
fn the_only_image_of_a_layout_stays_the_only_one_after_it_was_signed() {
    let folder = Folder::new();
    let store = folder.store();
    store
        .put_tagged(&legacy_tag(&store.root().digest, "sig"), &evidence(&folder.key, &Digest::of(b""), 0).1)
        .expect("put");
    let found = Store::layout(folder.place.path().to_str().expect("text"), None).expect("one image");
    assert_eq!(found.root().digest, store.root().digest);
}

/// An image in a registry with a signature that stands nowhere yet.
struct Registry {
    server: FakeRegistry,
    key: SigningKey,
    subject: Digest,
    size: u64,
    bundle: Vec<u8>,
    manifest: Vec<u8>,
}

impl Registry {
    fn new() -> Self {
        let registry = FakeRegistry::start();
        registry.put_blob(REPOSITORY, b"{}".to_vec());
        let image = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": { "mediaType": media_types::OCI_CONFIG, "digest": Digest::of(b"{}").to_string(), "size": 2 } })
        .to_string();
        let size = image.len() as u64;
        let subject = registry.put_manifest(REPOSITORY, Some("1"), MANIFEST, image);
        let key = SigningKey::generate(Curve::P256).expect("a key");
        let (bundle, manifest) = evidence(&key, &subject, size);
        Self { server: registry, key, subject, size, bundle, manifest }
    }

    fn store(&self) -> Store<'static> {
        let retries = Retries { pause: std::time::Duration::from_millis(5), ..Retries::default() };
        let client = Client::new(Options { retries, ..Options::new(Environment::of_variables([])) }).expect("a client");
        let reference: Reference = format!("{}/{REPOSITORY}:1", self.server.host()).parse().expect("a reference");
        Store::registry(&client, &reference).expect("an image")
    }

    fn collect(&self) -> Listing {
        collect(&self.store(), &self.subject)
    }

    fn judge(&self) -> Reason {
        judged(&self.collect(), &self.subject, self.key.public())
    }

    fn put_good(&self) -> Digest {
        self.server.put_blob(REPOSITORY, self.bundle.clone());
        self.server.put_manifest(REPOSITORY, None, MANIFEST, self.manifest.clone())
    }

    fn list(&self, digests: &[Digest]) {
        let entries: Vec<Value> = digests
            .iter()
            .map(|digest| json!({ "mediaType": MANIFEST, "digest": digest.to_string(), "size": 2 }))
            .collect();
        let index = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": entries });
        let tag = fallback_tag(&self.subject);
        self.server.put_manifest(REPOSITORY, Some(&tag), media_types::OCI_INDEX, index.to_string());
    }

    fn junk(&self, number: usize) -> Digest {
        let manifest = json!({ "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "test/junk",
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}").to_string(), "size": 2 },
            "layers": [], "annotations": { "number": number.to_string() },
            "subject": { "mediaType": MANIFEST, "digest": self.subject.to_string(), "size": self.size } });
        self.server.put_manifest(REPOSITORY, None, MANIFEST, manifest.to_string())
    }
}

#[test]
fn a_thousand_junk_referrers_before_the_good_one_hide_nothing_and_alone_are_a_definite_no() {
    let registry = Registry::new();
    let mut listed: Vec<Digest> = (0..1_000).map(|number| registry.junk(number)).collect();
    registry.list(&listed);
    assert_eq!(registry.judge(), Reason::Unsigned);
    listed.push(registry.put_good());
    registry.list(&listed);
    assert_eq!(registry.judge(), Reason::Verified);
}

#[test]
fn more_referrers_than_the_bound_are_undetermined() {
    let registry = Registry::new();
    let absent: Vec<Digest> = (0..2_001).map(|number: u32| Digest::of(&number.to_be_bytes())).collect();
    registry.list(&absent);
    assert_eq!(registry.judge(), Reason::Limit);
}

#[test]
fn a_listed_referrer_that_cannot_be_had_is_undetermined_in_a_registry_too() {
    let registry = Registry::new();
    registry.list(&[Digest::of(b"gone")]);
    assert_eq!(registry.judge(), Reason::Damaged);
    let good = registry.put_good();
    registry.list(std::slice::from_ref(&good));
    assert_eq!(registry.judge(), Reason::Verified);
    registry.server.fault(&format!("/manifests/{good}"), 0, 9, Action::Body(b"{}".to_vec()));
    assert_eq!(registry.judge(), Reason::Damaged);
}

#[test]
fn a_fallback_tag_that_something_else_took_is_no_empty_list() {
    let registry = Registry::new();
    let (media_type, bytes) = registry.server.stored(REPOSITORY, "1").expect("the image");
    registry.server.put_manifest(REPOSITORY, Some(&fallback_tag(&registry.subject)), &media_type, bytes);
    assert_eq!(registry.judge(), Reason::Damaged, "the only list was written over");
    registry.server.behave(Quirks { referrers_api: true, ..Quirks::default() });
    assert_eq!(registry.judge(), Reason::Unsigned, "the API is the list");
}

#[test]
fn a_tag_of_signatures_that_holds_something_else_is_told() {
    let registry = Registry::new();
    let index = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": [] }).to_string();
    let tag = legacy_tag(&registry.subject, "sig");
    registry.server.put_manifest(REPOSITORY, Some(&tag), media_types::OCI_INDEX, index);
    let listing = registry.collect();
    assert_eq!(listing.found.len(), 1);
    assert_eq!(judged(&listing, &registry.subject, registry.key.public()), Reason::InvalidFormat);
}
