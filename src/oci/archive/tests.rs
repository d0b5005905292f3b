use std::io::Read;

use serde_json::{Value, json};

use super::*;
use crate::model::{Digest, GapKind};
use crate::oci::{BlobKey, Descriptor, media_types};
use crate::testkit::layout::{
    ImageBuilder, Layout, LayoutBuilder, MemoryBlobs, Packing, Piece, bytes_of, index_of, layer_of,
};

/// A source that has nothing: everything needed was kept while the archive passed by.
struct Nothing;

impl Blobs for Nothing {
    fn small(&self, descriptor: &Descriptor, _: u64) -> Result<Vec<u8>, FetchError> {
        Err(FetchError::Usage(format!("{} was asked for", descriptor.digest)))
    }

    fn open(&self, key: &BlobKey, _: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        Err(FetchError::Usage(format!("{key} was opened")))
    }
}

type Members = Vec<(String, Piece)>;

fn image(user: &str) -> ImageBuilder {
    let tar = layer_of(&[("etc/user", user)]);
    ImageBuilder::new("linux/amd64").set("User", json!(user)).layer(tar, Packing::Gzip)
}

fn layout(user: &str) -> Layout {
    LayoutBuilder::new().image(image(user)).build()
}

fn run(members: &[(String, Piece)], tag: Option<&str>, selector: &Selector) -> Result<Plan, PlanError> {
    index_of(members).plan("archive.tar:x", "archive.tar", tag, selector, &Nothing)
}

#[track_caller]
fn user(members: &[(String, Piece)], tag: Option<&str>) -> String {
    let plan = run(members, tag, &Selector::Host).expect("a plan");
    assert_eq!(plan.images.len(), 1);
    plan.images[0].config.user.clone()
}

#[track_caller]
fn refused(members: &[(String, Piece)], tag: Option<&str>) -> String {
    run(members, tag, &Selector::Host).expect_err("refused").to_string()
}

#[track_caller]
fn damaged(members: &[(String, Piece)], tag: Option<&str>) -> String {
    let error = run(members, tag, &Selector::Host).expect_err("refused");
    assert!(matches!(error, PlanError::Fetch(FetchError::Damaged { .. })), "{error}");
    error.to_string()
}

fn file(name: &str, content: impl Into<Vec<u8>>) -> (String, Piece) {
    (name.to_owned(), Piece::File(content.into()))
}

fn link(name: &str, target: &str) -> (String, Piece) {
    (name.to_owned(), Piece::Symlink(target.to_owned()))
}

fn put(members: &mut Members, name: &str, piece: Piece) {
    members.retain(|(other, _)| other != name);
    members.push((name.to_owned(), piece));
}

/// A layout of two images, named in `index.json`.
fn two(first: &str, second: &str) -> Layout {
    let (one, other) = (layout("one"), layout("other"));
    let mut both = one.clone();
    both.files.extend(other.files.clone());
    both.list(&[one.named(first), other.named(second)]);
    both
}

#[test]
fn a_layout_with_one_image_needs_no_name() {
    let found = run(&layout("me").members(), None, &Selector::Host).expect("a plan");
    assert_eq!((found.images[0].subject.tag.as_deref(), found.images[0].config.user.as_str()), (None, "me"));
    let named = LayoutBuilder::new().image(image("me")).tag("example.test/app:1.0").build();
    let found = run(&named.members(), None, &Selector::Host).expect("a plan");
    assert_eq!(found.images[0].subject.tag.as_deref(), Some("1.0"));
    assert_eq!(found.images[0].subject.repository, "archive.tar");
}

#[test]
fn names_pick_an_image_of_a_layout() {
    let members = two("1.0", "example.test/app:2.0").members();
    assert_eq!(user(&members, Some("1.0")), "one");
    assert_eq!(user(&members, Some("2.0")), "other");
    assert_eq!(user(&members, Some("example.test/app:2.0")), "other");
    assert_eq!(user(&members, Some(&layout("other").manifests[0].to_string())), "other");
    let text = "`3.0` in `archive.tar` (which holds `1.0`, `example.test/app:2.0`) was not found";
    assert_eq!(refused(&members, Some("3.0")), text);
    let text = "`archive.tar:x` holds several images; name one of `1.0`, `example.test/app:2.0`";
    assert_eq!(refused(&members, None), text);
    let found = run(&members, Some("example.test/app:2.0"), &Selector::Host).expect("a plan");
    assert_eq!(found.images[0].subject.tag.as_deref(), Some("2.0"));
}

#[test]
fn one_tag_for_two_images_is_refused() {
    let text = refused(&two("a:1.0", "b:1.0").members(), Some("1.0"));
    assert_eq!(text, "`archive.tar:x` holds several images; name one of `a:1.0`, `b:1.0`");
}

#[test]
fn one_image_with_two_names_needs_no_name() {
    let mut one = layout("one");
    one.list(&[one.named("1.0"), one.named("latest")]);
    let found = run(&one.members(), None, &Selector::Host).expect("a plan");
    assert_eq!((found.images[0].config.user.as_str(), found.images[0].subject.tag.as_deref()), ("one", None));
}

#[test]
fn platforms_that_stand_in_the_index_file_are_one_index() {
    let arm = ImageBuilder::new("linux/arm64").set("User", json!("arm"));
    let (one, other) = (layout("amd"), LayoutBuilder::new().image(arm).build());
    let mut both = one.clone();
    both.files.extend(other.files.clone());
    let child = |layout: &Layout, architecture: &str| {
        let mut child = layout.root.clone();
        child["platform"] = json!({ "os": "linux", "architecture": architecture });
        child
    };
    both.list(&[child(&one, "amd64"), child(&other, "arm64")]);
    let found = run(&both.members(), None, &Selector::All).expect("a plan");
    let users: Vec<_> = found.images.iter().map(|image| image.config.user.as_str()).collect();
    assert_eq!(users, ["amd", "arm"]);
    let facts = found.images[0].index.as_ref().expect("an index");
    assert_eq!((&facts.digest, facts.children.len()), (&Digest::of(&both.files["index.json"]), 2));
    assert!(found.images[0].notes.iter().any(|note| note.detail.contains("`index.json` itself")));
    let wanted = Selector::One("linux/arm64".parse().expect("a platform"));
    assert_eq!(run(&both.members(), None, &wanted).expect("a plan").images[0].config.user, "arm");
}

#[test]
fn a_missing_layer_is_refused_by_name_and_a_linked_one_is_followed() {
    let mut one = layout("one").members();
    let at =
        one.iter().position(|(_, piece)| matches!(piece, Piece::File(content) if content.starts_with(b"\x1f\x8b")));
    let (name, piece) = one.remove(at.expect("a layer"));
    let found = run(&one, None, &Selector::Host).expect("a plan");
    let gap = found.images[0].layers[0].refused.as_ref().expect("refused");
    assert_eq!((gap.kind, gap.layer), (GapKind::LayerMissing, Some(0)));
    assert_eq!(gap.detail, format!("the archive does not hold `{name}`"));
    one.push(("elsewhere.tar".to_owned(), piece));
    one.push((name, Piece::Hardlink("./elsewhere.tar".to_owned())));
    let found = run(&one, None, &Selector::Host).expect("a plan");
    assert_eq!(found.images[0].layers[0].key, BlobKey::Member("elsewhere.tar".to_owned()));
}

#[test]
fn platforms_that_were_not_exported_are_named_and_no_error() {
    let arm = ImageBuilder::new("linux/arm64");
    let host = ImageBuilder::new(&crate::model::Platform::host().to_string());
    let attestation = ImageBuilder::new("unknown/unknown");
    let arm = if host.platform == arm.platform { ImageBuilder::new("linux/s390x") } else { arm };
    let layout = LayoutBuilder::new().image(host).image(arm).image(attestation).build();
    let mut members = layout.members();
    members.retain(|(name, _)| layout.manifests[1..].iter().all(|digest| !name.contains(digest.hex())));
    let found = run(&members, None, &Selector::Host).expect("a plan");
    assert_eq!(found.gaps, []);
    let note = &found.images[0].notes[0].detail;
    assert!(note.starts_with("the index lists images that the archive does not hold: linux/"), "{note}");
    assert!(note.ends_with(&format!("({})", layout.manifests[1])), "{note}");
    let found = run(&members, None, &Selector::All).expect("a plan");
    assert_eq!(found.gaps.len(), 1);
    assert_eq!(found.gaps[0].kind, GapKind::Child);
}

#[test]
fn duplicates_are_refused_where_something_needs_them() {
    let mut members = layout("one").members();
    members.push(file("README", "a"));
    members.push(file("./README", "b"));
    assert_eq!(user(&members, None), "one");
    for at in 0..members.len() - 2 {
        let (name, _) = members[at].clone();
        let mut twice = members.clone();
        twice.push(file(&name, "x"));
        assert_eq!(damaged(&twice, None), format!("`archive.tar` is damaged: it has the member `{name}` twice"));
    }
}

#[test]
fn other_archives_are_no_images() {
    assert_eq!(ArchiveIndex::default().kind(), Err(ArchiveError::NotAnImage));
    let error = run(&[file("etc/passwd", "root")], None, &Selector::Host).expect_err("no image");
    assert!(matches!(&error, PlanError::Fetch(FetchError::Usage(text)) if text.contains("no image")), "{error}");
    let mut members = layout("one").members();
    put(&mut members, "oci-layout", Piece::File(br#"{"imageLayoutVersion":"2.0.0"}"#.to_vec()));
    assert!(damaged(&members, None).contains("its version is `2.0.0`"));
    put(&mut members, "oci-layout", Piece::File(br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
    put(&mut members, "index.json", Piece::File(br#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#.to_vec()));
    assert!(matches!(run(&members, None, &Selector::Host), Err(PlanError::Document { what: "index.json", .. })));
}

#[test]
fn what_was_not_kept_is_asked_of_the_source() {
    let one = layout("one");
    let mut index = index_of(&one.members());
    for (name, member) in &mut index.members {
        if let Member::File { content, .. } = member
            && name.starts_with("blobs/")
        {
            *content = None;
        }
    }
    let found = index.plan("x", "x", None, &Selector::Host, &one.blobs()).expect("a plan");
    assert_eq!(found.images[0].config.user, "one");

    let members = image("docker").docker_members(&["app:1"]);
    let mut index = index_of(&members);
    let mut source = MemoryBlobs::default();
    for (name, member) in &mut index.members {
        let Member::File { content, .. } = member else { panic!("only files") };
        source.members.insert(name.clone(), content.take().expect("kept"));
    }
    let found = index.plan("x", "x", None, &Selector::Host, &source).expect("a plan");
    assert_eq!(found.images[0].config.user, "docker");
}

#[test]
fn a_docker_archive_has_no_manifest_and_says_so() {
    let builder = image("me");
    let config = Digest::of(&builder.config_bytes());
    let found = run(&builder.docker_members(&["app:1.0"]), None, &Selector::Host).expect("a plan");
    let image = &found.images[0];
    assert_eq!((&image.subject.digest, &image.subject.config_digest), (&config, &config));
    assert_eq!(image.subject.media_type, media_types::DOCKER_CONFIG);
    assert_eq!(image.subject.tag.as_deref(), Some("1.0"));
    let last = image.notes.last().map(|note| note.detail.as_str());
    assert_eq!(last, Some("a docker archive has no manifest: the digest is that of the config"));
    let layer = &image.layers[0];
    assert_eq!((&layer.digest, layer.compression, layer.media_type.as_str()), (&None, None, ""));
    assert_eq!(layer.key, BlobKey::Member(format!("{:064x}/layer.tar", 0)));
    assert_eq!(layer.diff_id, Digest::of(&layer_of(&[("etc/user", "me")])));
    assert_eq!(image.gaps, []);
}

#[test]
fn names_pick_an_image_of_a_docker_archive() {
    let manifest = |members: &Members| match &members.last().expect("manifest.json").1 {
        Piece::File(content) => serde_json::from_slice::<Value>(content).expect("JSON")[0].clone(),
        _ => panic!("a file"),
    };
    let one = ImageBuilder::new("linux/amd64").set("User", json!("one")).docker_members(&["app:1.0", "app:latest"]);
    let other = ImageBuilder::new("linux/amd64").set("User", json!("other")).docker_members(&["example.test/app:2.0"]);
    let list = bytes_of(&json!([manifest(&one), manifest(&other)]));
    let mut members = [one, other].concat();
    put(&mut members, "manifest.json", Piece::File(list));
    assert_eq!(user(&members, Some("1.0")), "one");
    assert_eq!(user(&members, Some("docker.io/library/app:latest")), "one");
    assert_eq!(user(&members, Some("example.test/app:2.0")), "other");
    assert!(refused(&members, None).ends_with("name one of `app:1.0`, `example.test/app:2.0`"));
    assert!(refused(&members, Some("3.0")).ends_with("was not found"));
    assert!(refused(&[file("manifest.json", "[]")], None).ends_with("was not found"));
}

#[test]
fn linked_layers_are_followed_inside_the_archive_only() {
    let tar = layer_of(&[("etc/user", "me")]);
    let mut members = image("me").docker_members(&[]);
    let (name, _) = members.remove(0);
    members.push(link(&name, "../real.tar"));
    let found = run(&members, None, &Selector::Host).expect("a plan");
    assert_eq!(found.images[0].layers[0].refused.as_ref().map(|gap| gap.kind), Some(GapKind::LayerMissing));
    members.push(link("real.tar", "data/real.tar"));
    members.push(file("data/real.tar", tar.clone()));
    let found = run(&members, None, &Selector::Host).expect("a plan");
    let layer = &found.images[0].layers[0];
    assert_eq!((&layer.key, layer.size), (&BlobKey::Member("data/real.tar".to_owned()), tar.len() as u64));

    for (target, why) in
        [("../../../../etc/passwd", "leads outside"), ("/etc/passwd", "leads outside"), ("layer.tar", "loops")]
    {
        put(&mut members, &name, Piece::Symlink(target.to_owned()));
        let text = damaged(&members, None);
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn a_docker_config_whose_name_lies_is_refused() {
    let mut members = image("me").docker_members(&[]);
    let (name, _) = members[1].clone();
    put(&mut members, &name, Piece::File(image("root").config_bytes()));
    let text = damaged(&members, None);
    assert!(text.contains(&format!("its member `{name}` has the digest sha256:")), "{text}");
    members.retain(|(other, _)| *other != name);
    assert!(damaged(&members, None).ends_with("is missing"));
}

#[test]
fn a_docker_archive_is_for_one_platform() {
    let wanted = Selector::One("linux/arm64".parse().expect("a platform"));
    let error = run(&image("me").docker_members(&[]), None, &wanted).expect_err("other platform");
    assert_eq!(error.to_string(), "the image has no platform linux/arm64; it has linux/amd64");
}

/// A layout with a `manifest.json` that names these configs and tags.
fn with_docker_manifest(layout: &Layout, entries: &[(&ImageBuilder, &str)]) -> Members {
    let entry = |(image, tag): &(&ImageBuilder, &str)| {
        let config = format!("blobs/sha256/{}", Digest::of(&image.config_bytes()).hex());
        json!({ "Config": config, "RepoTags": [tag], "Layers": [] })
    };
    let mut members = layout.members();
    for (image, _) in entries {
        let config = image.config_bytes();
        put(&mut members, &format!("blobs/sha256/{}", Digest::of(&config).hex()), Piece::File(config));
    }
    members.push(file("manifest.json", bytes_of(&json!(entries.iter().map(entry).collect::<Vec<_>>()))));
    members
}

#[test]
fn both_manifests_of_an_archive_must_mean_the_same_image() {
    let (one, other) = (image("one"), image("other"));
    let alone = LayoutBuilder::new().image(one.clone()).tag("app:1").build();
    assert_eq!(user(&with_docker_manifest(&alone, &[(&one, "app:1")]), None), "one");
    assert!(damaged(&with_docker_manifest(&alone, &[(&other, "app:1")]), None).ends_with("does not lead to it"));
    assert!(damaged(&with_docker_manifest(&alone, &[(&one, "app:1"), (&other, "b:1")]), None).ends_with("lead to it"));

    let both = two("app:1", "app:2");
    let good = with_docker_manifest(&both, &[(&one, "app:1"), (&other, "app:2")]);
    assert_eq!((user(&good, Some("1")), user(&good, Some("2"))), ("one".to_owned(), "other".to_owned()));
    let swapped = with_docker_manifest(&both, &[(&other, "app:1"), (&one, "app:2")]);
    assert!(damaged(&swapped, Some("1")).ends_with("does not lead to it"));
}

#[test]
fn any_platform_of_the_index_may_stand_in_the_docker_manifest_but_no_attestation() {
    let (amd, arm) = (image("amd"), ImageBuilder::new("linux/arm64"));
    let hidden = ImageBuilder { platform: "unknown/unknown".parse().ok(), ..image("hidden") };
    let all = [amd, arm.clone(), hidden.clone()].into_iter().fold(LayoutBuilder::new(), LayoutBuilder::image);
    let layout = all.build();
    let wanted = Selector::One("linux/amd64".parse().expect("a platform"));
    assert!(run(&with_docker_manifest(&layout, &[(&arm, "app:1")]), None, &wanted).is_ok());
    assert!(damaged(&with_docker_manifest(&layout, &[(&hidden, "app:1")]), None).ends_with("does not lead to it"));
}
