//! Copies between registries that do what registries do wrong, layouts and archives.

use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::oci::{Reference, media_types};
use crate::registry::{Client, Environment, Options, RemoteRepository, Retries, fallback_tag};
use crate::release::closure::{Evidence, Kind, walk};
use crate::release::plan::{Wanted, plan};
use crate::release::{copy_json, tree_json, tree_text};
use crate::source::{ConfigOf, LayoutRepository, open_archived};
use crate::testkit::layout::{ImageBuilder, LayoutBuilder, Packing, layer_of};
use crate::testkit::registry::{Action, FakeRegistry, Quirks};

const MANIFEST: &str = media_types::OCI_MANIFEST;

fn client() -> Client {
    let retries = Retries { pause: std::time::Duration::from_millis(5), ..Retries::default() };
    Client::new(Options { retries, ..Options::new(Environment::of_variables([])) }).expect("a client")
}

fn reference(registry: &FakeRegistry, repository: &str) -> Reference {
    format!("{}/{repository}", registry.host()).parse().expect("a reference")
}

fn reading(registry: &FakeRegistry, repository: &str) -> RemoteRepository {
    RemoteRepository::new(&client(), &reference(registry, repository))
}

fn writing(registry: &FakeRegistry, repository: &str) -> RemoteRepository {
    RemoteRepository::writable(&client(), &reference(registry, repository))
}

/// Stores a statement about a manifest, as an artifact with one layer.
fn statement(registry: &FakeRegistry, repository: &str, subject: &Digest, artifact_type: &str) -> (Digest, Vec<u8>) {
    registry.put_blob(repository, b"{}".to_vec());
    let layer = registry.put_blob(repository, format!("{artifact_type} about {subject}").into_bytes());
    let size = format!("{artifact_type} about {subject}").len();
    let document = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
        "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": Digest::of(b"{}").to_string(), "size": 2 },
        "layers": [{ "mediaType": "application/json", "digest": layer.to_string(), "size": size }],
        "annotations": { "org.example.made": "now" },
        "subject": { "mediaType": MANIFEST, "digest": subject.to_string(), "size": 1 },
    });
    let bytes = document.to_string().into_bytes();
    (registry.put_manifest(repository, None, MANIFEST, bytes.clone()), bytes)
}

fn list(registry: &FakeRegistry, repository: &str, subject: &Digest, entries: &[(&Digest, usize)]) {
    let entries: Vec<Value> = entries
        .iter()
        .map(|(digest, size)| json!({ "mediaType": MANIFEST, "digest": digest.to_string(), "size": size }))
        .collect();
    let index = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": entries });
    registry.put_manifest(repository, Some(&fallback_tag(subject)), media_types::OCI_INDEX, index.to_string());
}

/// Two platforms, an attestation of a builder, a bill of materials for one platform with a signature of its own, a signature
/// beside the index.
fn stocked() -> (FakeRegistry, Digest) {
    let registry = FakeRegistry::start();
    let image = |platform: &str| {
        let builder = ImageBuilder::new(platform).layer(layer_of(&[("etc/motd", platform)]), Packing::Gzip);
        builder.layer(layer_of(&[("shared", "x")]), Packing::Plain)
    };
    let mut layout = LayoutBuilder::new().image(image("linux/amd64")).image(image("linux/arm64")).build();
    let first = layout.manifests[0].clone();
    let attestation = json!({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": { "mediaType": media_types::OCI_CONFIG, "digest": Digest::of(b"{}").to_string(), "size": 2 }, "layers": [],
    });
    let mut listed = layout.add(MANIFEST, attestation.to_string().into_bytes());
    listed["platform"] = json!({ "os": "unknown", "architecture": "unknown" });
    listed["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": first.to_string() });
    let root: Value = serde_json::from_slice(&layout.blobs().blobs[&layout.root_descriptor().digest]).expect("JSON");
    let mut root = root;
    root["manifests"].as_array_mut().expect("a list").push(listed);
    let blobs = layout.blobs().blobs;
    for bytes in blobs.into_values() {
        let document: Option<Value> = serde_json::from_slice(&bytes).ok();
        match document.filter(|document| document.get("schemaVersion").is_some()) {
            Some(_) => _ = registry.put_manifest("team/app", None, MANIFEST, bytes),
            None => _ = registry.put_blob("team/app", bytes),
        }
    }
    let root = registry.put_manifest("team/app", Some("1.0"), media_types::OCI_INDEX, root.to_string());
    let (bill, bill_bytes) = statement(&registry, "team/app", &first, "application/spdx+json");
    let (signature, signature_bytes) =
        statement(&registry, "team/app", &bill, "application/vnd.dev.sigstore.bundle.v0.3+json");
    list(&registry, "team/app", &first, &[(&bill, bill_bytes.len())]);
    list(&registry, "team/app", &bill, &[(&signature, signature_bytes.len())]);
    let beside = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
        "config": { "mediaType": media_types::OCI_CONFIG, "digest": Digest::of(b"{}").to_string(), "size": 2 },
        "annotations": { "beside": "the index" },
    });
    registry.put_manifest("team/app", Some(&format!("{}.sig", fallback_tag(&root))), MANIFEST, beside.to_string());
    (registry, root)
}

fn closure_of(source: &dyn ReadRepository, tag: &str) -> Closure {
    let root = source.manifest(&Target::Tag(tag.to_owned())).expect("a root");
    walk(source, root, Evidence::All).expect("a closure")
}

/// Copies everything under a tag; the plan that was carried out, and what was done.
fn copy(
    source: &dyn ReadRepository,
    destination: &dyn WriteRepository,
    closure: &Closure,
    mount_from: Option<&str>,
) -> Result<(CopyPlan, Copied), CopyError> {
    let seen = survey(closure, destination, Some("1.0"))?;
    let wanted = Wanted {
        source: source.name(),
        destination: destination.name(),
        tag: Some("1.0".to_owned()),
        mount_from: mount_from.map(str::to_owned),
    };
    let plan = plan(closure, wanted, &seen)?;
    let copied = execute(&plan, closure, source, destination, 3, &|_| {})?;
    verify(&plan, closure, destination)?;
    Ok((plan, copied))
}

#[test]
fn the_closure_holds_platforms_attestations_and_evidence_of_every_node() {
    let (registry, root) = stocked();
    let closure = closure_of(&reading(&registry, "team/app"), "1.0");
    assert_eq!(closure.root, root);
    assert_eq!(closure.problems, []);
    let kinds: Vec<Kind> = closure.order.iter().map(|digest| closure.nodes[digest].kind).collect();
    let (images, rest) = kinds.split_at(2);
    assert_eq!(images, [Kind::Image, Kind::Image]);
    assert_eq!(rest[..2], [Kind::Attestation, Kind::Index]);
    assert_eq!(rest.len(), 5, "{kinds:?}");
    let place = |digest: &Digest| closure.order.iter().position(|one| one == digest).expect("in the order");
    for node in closure.nodes.values() {
        let own = place(&node.manifest.digest);
        assert!(node.children.iter().all(|child| place(&child.digest) < own), "children first");
        assert!(node.subject.iter().all(|subject| place(subject) < own), "subjects first");
    }
    let text = tree_text("app:1.0", &closure);
    for part in [
        "index  sha256",
        "image linux/amd64",
        "attestation",
        "found by fallback-tag",
        "found by sig",
        "application/spdx+json",
        "config  sha256",
        "layer  sha256",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    let document: Value = serde_json::from_str(&tree_json("app:1.0", &closure)).expect("JSON");
    assert_eq!(document["nodes"].as_array().map(Vec::len), Some(7));
}

#[test]
fn a_copy_keeps_every_byte_and_the_second_one_writes_nothing() {
    for api in [false, true] {
        let (registry, root) = stocked();
        let other = FakeRegistry::start();
        other.behave(Quirks { referrers_api: api, location_after_put: false, ..Quirks::default() });
        let source = reading(&registry, "team/app");
        let closure = closure_of(&source, "1.0");
        let destination = writing(&other, "prod/app");
        let (plan, copied) = copy(&source, &destination, &closure, None).expect("copied");
        assert!(!plan.is_done());
        assert_eq!((copied.manifests, copied.tags, copied.mounted), (7, 2, 0));
        assert_eq!(copied.linked_by_registry + copied.linked_by_tag, 2);
        assert_eq!(copied.linked_by_tag == 0, api);
        for (digest, node) in &closure.nodes {
            let stored = other.stored("prod/app", &digest.to_string()).expect("there");
            assert_eq!(stored, (node.manifest.media_type.clone(), node.manifest.bytes.clone()));
        }
        let copy_of = closure_of(&reading(&other, "prod/app"), "1.0");
        assert_eq!(copy_of.order, closure.order);
        assert_eq!(copy_of.root, root);
        let writes =
            || other.requests().iter().filter(|request| !matches!(request.method.as_str(), "GET" | "HEAD")).count();
        let before = writes();
        let (plan, copied) = copy(&source, &destination, &closure, None).expect("copied");
        assert!(plan.is_done(), "{plan:?}");
        assert_eq!((copied, writes()), (Copied::default(), before));
        let document: Value = serde_json::from_str(&copy_json(&plan, None)).expect("JSON");
        assert_eq!(document["dry-run"], true);
    }
}

#[test]
fn the_tag_is_written_last_and_nothing_before_what_it_needs() {
    let (registry, root) = stocked();
    let other = FakeRegistry::start();
    let source = reading(&registry, "team/app");
    let closure = closure_of(&source, "1.0");
    copy(&source, &writing(&other, "prod/app"), &closure, None).expect("copied");
    let puts: Vec<String> = other
        .requests()
        .into_iter()
        .filter(|request| request.method == "PUT" && request.path.contains("/manifests/"))
        .map(|request| request.path.rsplit('/').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(puts.last().map(String::as_str), Some("1.0"));
    assert!(
        puts.iter().position(|put| *put == root.to_string()) < puts.iter().position(|put| put.starts_with("sha256-"))
    );
}

#[test]
fn blobs_are_mounted_within_one_registry() {
    let (registry, _) = stocked();
    let source = reading(&registry, "team/app");
    let closure = closure_of(&source, "1.0");
    let (_, copied) = copy(&source, &writing(&registry, "prod/app"), &closure, Some("team/app")).expect("copied");
    assert_eq!((copied.sent, copied.mounted), (0, closure.blobs().expect("blobs").len()));
}

#[test]
fn a_copy_that_broke_goes_on_where_it_was() {
    let (registry, _) = stocked();
    let source = reading(&registry, "team/app");
    let closure = closure_of(&source, "1.0");
    for (path, skip) in [
        ("PUT /v2/prod/app/blobs", 2),
        ("PUT /v2/prod/app/manifests/", 0),
        ("PUT /v2/prod/app/manifests/", 3),
        ("PUT /v2/prod/app/manifests/1.0", 0),
    ] {
        let other = FakeRegistry::start();
        let refusal = Action::Answer { status: 403, headers: Vec::new(), body: Vec::new() };
        other.fault(path, skip, 1, refusal);
        let error = copy(&source, &writing(&other, "prod/app"), &closure, None).expect_err("refused");
        assert!(matches!(error, CopyError::Fetch(FetchError::Denied { .. })), "{error}");
        assert!(!other.tags("prod/app").contains(&"1.0".to_owned()), "no tag before its image");
        let (_, copied) = copy(&source, &writing(&other, "prod/app"), &closure, None).expect("copied");
        assert!(copied.tags >= 1, "the rest was written: {copied:?}");
        assert_eq!(closure_of(&reading(&other, "prod/app"), "1.0").order, closure.order);
    }
}

#[test]
fn an_immutable_tag_stays_and_says_so() {
    let (registry, _) = stocked();
    let other = FakeRegistry::start();
    other.behave(Quirks { immutable_tags: true, referrers_api: true, location_after_put: false, ..Quirks::default() });
    let old = other.put_manifest("prod/app", Some("1.0"), MANIFEST, "{}");
    let source = reading(&registry, "team/app");
    let closure = closure_of(&source, "1.0");
    let error = copy(&source, &writing(&other, "prod/app"), &closure, None).expect_err("kept");
    assert!(matches!(&error, CopyError::TagKept { tag, old: kept, .. } if tag == "1.0" && *kept == old), "{error}");
}

#[test]
fn a_registry_that_forgets_is_caught_by_reading_back() {
    let (registry, _) = stocked();
    let source = reading(&registry, "team/app");
    let closure = closure_of(&source, "1.0");
    let other = FakeRegistry::start();
    other.fault(
        "PUT /v2/prod/app/manifests/1.0",
        0,
        1,
        Action::Answer { status: 201, headers: Vec::new(), body: Vec::new() },
    );
    let error = copy(&source, &writing(&other, "prod/app"), &closure, None).expect_err("forgotten");
    assert!(matches!(&error, CopyError::Differs(why) if why.contains("tag `1.0` is not there")), "{error}");
}

#[test]
fn evidence_that_cannot_be_seen_is_no_evidence_of_absence() {
    for status in [401, 403, 429, 500] {
        let (registry, _) = stocked();
        let source = reading(&registry, "team/app");
        let root = source.manifest(&Target::Tag("1.0".to_owned())).expect("a root");
        registry.fault(".att", 0, 99, Action::Answer { status, headers: Vec::new(), body: Vec::new() });
        assert!(walk(&source, root, Evidence::All).is_err(), "{status}");
    }
}

#[test]
fn a_missing_or_forged_child_ends_the_walk() {
    let (registry, _) = stocked();
    let source = reading(&registry, "team/app");
    let root = source.manifest(&Target::Tag("1.0".to_owned())).expect("a root");
    let index: Value = serde_json::from_slice(&root.bytes).expect("JSON");
    let child = index["manifests"][1]["digest"].as_str().expect("a digest");
    for action in [
        Action::Body(b"{\"schemaVersion\":2}".to_vec()),
        Action::Answer { status: 404, headers: Vec::new(), body: Vec::new() },
    ] {
        registry.fault(child, 0, 1, action);
        assert!(walk(&source, root.clone(), Evidence::None).is_err());
    }
    assert_eq!(walk(&source, root, Evidence::None).expect("a closure").nodes.len(), 4);
}

#[test]
fn a_loop_of_referrers_ends() {
    let registry = FakeRegistry::start();
    let subject = registry.put_manifest(
        "team/app",
        Some("1.0"),
        MANIFEST,
        json!({ "schemaVersion": 2, "layers": [],
        "config": { "mediaType": media_types::OCI_CONFIG, "digest": Digest::of(b"{}").to_string(), "size": 2 } })
        .to_string(),
    );
    let (one, bytes) = statement(&registry, "team/app", &subject, "a/b");
    list(&registry, "team/app", &subject, &[(&one, bytes.len())]);
    // A list that leads back: the statement would be its own referrer, and the image one of the statement's.
    list(&registry, "team/app", &one, &[(&one, bytes.len()), (&subject, 1)]);
    let closure = closure_of(&reading(&registry, "team/app"), "1.0");
    assert_eq!((closure.nodes.len(), closure.problems.len()), (2, 2), "{:?}", closure.problems);
}

#[test]
fn layouts_and_archives_are_sources_and_layouts_destinations() {
    let (registry, root) = stocked();
    let source = reading(&registry, "team/app");
    let closure = closure_of(&source, "1.0");
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let layout = LayoutRepository::create(&path("layout")).expect("a layout");
    let (_, copied) = copy(&source, &layout, &closure, None).expect("copied");
    assert_eq!((copied.manifests, copied.tags), (7, 2));
    let (_, again) = copy(&source, &layout, &closure, None).expect("copied");
    assert_eq!(again, Copied::default());
    let (found, tag) = layout.root(Some("1.0")).expect("a root");
    assert_eq!((found.digest, tag.as_deref()), (root.clone(), Some("1.0")));
    let read = LayoutRepository::new(&path("layout"));
    assert_eq!(closure_of(&read, "1.0").order, closure.order);
    // Back into a registry, and the same layout as an archive.
    let other = FakeRegistry::start();
    copy(&read, &writing(&other, "back/app"), &closure_of(&read, "1.0"), None).expect("copied");
    assert_eq!(closure_of(&reading(&other, "back/app"), "1.0").order, closure.order);
    archive(&folder.path().join("layout"), &folder.path().join("layout.tar"));
    let archive = open_archived(&path("layout.tar"), Some("1.0"), ConfigOf::Image).expect("an archive");
    assert_eq!(archive.root.digest, root);
    assert_eq!(closure_of(&*archive.repository, "1.0").order, closure.order);
}

#[expect(clippy::disallowed_methods, reason = "the test makes an archive")]
fn archive(folder: &Path, to: &Path) {
    let mut builder = tar::Builder::new(std::fs::File::create(to).expect("a file"));
    builder.append_dir_all("", folder).expect("an archive");
    builder.finish().expect("an archive");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test damages a layout")]
fn a_damaged_layout_is_not_copied() {
    let (registry, _) = stocked();
    let source = reading(&registry, "team/app");
    let closure = closure_of(&source, "1.0");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("layout");
    let layout = LayoutRepository::create(&path.display().to_string()).expect("a layout");
    copy(&source, &layout, &closure, None).expect("copied");
    let (digest, size) = closure.blobs().expect("blobs").into_iter().max_by_key(|(_, size)| *size).expect("a blob");
    std::fs::write(path.join(format!("blobs/sha256/{}", digest.hex())), vec![7; usize::try_from(size).expect("small")])
        .expect("written");
    let other = FakeRegistry::start();
    let error = copy(&layout, &writing(&other, "prod/app"), &closure, None).expect_err("forged");
    assert!(matches!(&error, CopyError::Fetch(FetchError::Damaged { .. })), "{error}");
    assert_eq!(other.tags("prod/app"), Vec::<String>::new());
    // Another folder with something else in it is left alone.
    std::fs::create_dir(folder.path().join("other")).expect("a folder");
    std::fs::write(folder.path().join("other/file"), "x").expect("written");
    let refused = LayoutRepository::create(&folder.path().join("other").display().to_string());
    assert!(matches!(refused.map(|_| ()), Err(FetchError::Usage(_))));
}
