use serde_json::{Value, json};

use super::*;
use crate::model::{GapKind, NoteKind};
use crate::oci::media_types;
use crate::testkit::layout::{ImageBuilder, Layout, LayoutBuilder, MemoryBlobs, Packing, bytes_of, describe, layer_of};

fn image(platform: &str) -> ImageBuilder {
    ImageBuilder::new(platform).layer(layer_of(&[("etc/platform", platform)]), Packing::Gzip)
}

fn root(layout: &Layout) -> Root {
    Root {
        reference: "example.test/app:1.0".to_owned(),
        repository: "example.test/app".to_owned(),
        tag: Some("1.0".to_owned()),
        descriptor: layout.root_descriptor(),
    }
}

fn one(platform: &str) -> Selector {
    Selector::One(platform.parse().expect("a platform"))
}

fn run(layout: &Layout, selector: &Selector) -> Result<Plan, PlanError> {
    plan(&root(layout), selector, &layout.blobs())
}

fn all(layout: &Layout) -> Plan {
    run(layout, &Selector::All).expect("a plan")
}

#[track_caller]
fn refused(layout: &Layout, selector: &Selector) -> String {
    run(layout, selector).expect_err("refused").to_string()
}

fn platforms(plan: &Plan) -> Vec<String> {
    plan.images.iter().map(|image| image.platform.to_string()).collect()
}

fn kinds(image: &ImagePlan) -> Vec<GapKind> {
    image.gaps.iter().map(|gap| gap.kind).collect()
}

fn source_notes(image: &ImagePlan) -> Vec<&str> {
    image.notes.iter().filter(|note| note.kind == NoteKind::Source).map(|note| note.detail.as_str()).collect()
}

fn two() -> Layout {
    LayoutBuilder::new().image(image("linux/amd64")).image(image("linux/arm64")).build()
}

#[test]
fn one_image_is_planned_with_every_digest() {
    let tar = layer_of(&[("a", "1")]);
    let builder = ImageBuilder::new("linux/amd64")
        .layer(tar.clone(), Packing::Gzip)
        .layer(layer_of(&[("b", "2")]), Packing::Zstd)
        .layer(layer_of(&[("c", "3")]), Packing::Plain)
        .set("User", json!("1000"))
        .manifest_field("annotations", json!({ "k": "v" }))
        .history(json!([{ "created_by": "a" }, { "created_by": "b" }, { "created_by": "c" }]));
    let config = Digest::of(&builder.config_bytes());
    let layout = LayoutBuilder::new().image(builder).build();
    let plan = run(&layout, &Selector::Host).expect("a plan");
    let [found] = &plan.images[..] else { panic!("one image") };
    let subject = Subject {
        reference: "example.test/app:1.0".to_owned(),
        repository: "example.test/app".to_owned(),
        tag: Some("1.0".to_owned()),
        digest: layout.manifests[0].clone(),
        media_type: media_types::OCI_MANIFEST.to_owned(),
        config_digest: config,
    };
    assert_eq!(found.subject, subject);
    assert_eq!((&found.index, found.platform.to_string().as_str()), (&None, "linux/amd64"));
    assert_eq!(found.annotations, [("k".to_owned(), "v".to_owned())].into());
    assert_eq!((found.config.user.as_str(), found.config.history[2].layer), ("1000", Some(2)));
    assert_eq!((&found.gaps, &found.notes, &plan.gaps), (&vec![], &vec![], &vec![]));
    let packed = Packing::Gzip.pack(&tar);
    let layer = LayerPlan {
        key: BlobKey::Digest(Digest::of(&packed)),
        digest: Some(Digest::of(&packed)),
        diff_id: Digest::of(&tar),
        media_type: Packing::Gzip.media_type().to_owned(),
        size: packed.len() as u64,
        compression: Some(Compression::Gzip),
        refused: None,
    };
    assert_eq!(found.layers[0], layer);
    let others: Vec<_> = found.layers.iter().map(|layer| layer.compression).collect();
    assert_eq!(others, [Some(Compression::Gzip), Some(Compression::Zstd), Some(Compression::None)]);
}

#[test]
fn all_takes_every_image_of_an_index_and_one_reads_only_its_own() {
    let layout = two();
    let plan_of_all = all(&layout);
    assert_eq!(platforms(&plan_of_all), ["linux/amd64", "linux/arm64"]);
    let facts = plan_of_all.images[1].index.as_ref().expect("an index");
    assert_eq!(facts.digest, layout.root_descriptor().digest);
    assert_eq!(facts.children.iter().map(|child| child.digest.clone()).collect::<Vec<_>>(), layout.manifests);
    assert_eq!(plan_of_all.images[1].subject.digest, layout.manifests[1]);

    let blobs = layout.blobs();
    let found = plan(&root(&layout), &one("linux/arm64"), &blobs).expect("a plan");
    assert_eq!(platforms(&found), ["linux/arm64"]);
    assert_eq!(found.images[0].index.as_ref().map(|facts| facts.children.len()), Some(2));
    assert!(!blobs.asked.lock().expect("not poisoned").contains(&layout.manifests[0]));
}

#[test]
fn the_host_platform_is_taken_of_an_index_and_any_single_image_without_one() {
    let host = Platform::host().to_string();
    let layout = LayoutBuilder::new().image(image("linux/s390x")).image(image(&host)).build();
    assert_eq!(platforms(&run(&layout, &Selector::Host).expect("a plan")), [host]);
    let single = LayoutBuilder::new().image(image("linux/s390x")).build();
    assert_eq!(platforms(&run(&single, &Selector::Host).expect("a plan")), ["linux/s390x"]);
}

#[test]
fn an_absent_platform_is_an_error_that_lists_what_there_is() {
    let text = "the image has no platform linux/riscv64; it has linux/amd64, linux/arm64";
    assert_eq!(refused(&two(), &one("linux/riscv64")), text);
    let layout = LayoutBuilder::new().image(image("linux/s390x")).index().build();
    assert!(matches!(run(&layout, &Selector::Host), Err(PlanError::NoPlatform { .. })));
    let single = LayoutBuilder::new().image(image("linux/amd64")).build();
    let text = "the image has no platform linux/arm64; it has linux/amd64";
    assert_eq!(refused(&single, &one("linux/arm64")), text);
    assert!(run(&single, &one("linux/amd64")).is_ok());
}

#[test]
fn an_exact_variant_comes_before_a_better_one() {
    let layout = LayoutBuilder::new().image(image("linux/amd64/v3")).image(image("linux/amd64")).build();
    let found = run(&layout, &one("linux/amd64")).expect("a plan");
    assert_eq!(found.images[0].subject.digest, layout.manifests[1]);
    let found = run(&layout, &one("linux/amd64/v3")).expect("a plan");
    assert_eq!(found.images[0].subject.digest, layout.manifests[0]);
}

#[test]
fn attestations_and_artifacts_are_no_images() {
    let attestation = ImageBuilder::new("unknown/unknown");
    let artifact =
        image("linux/arm64").manifest_field("config", describe("application/vnd.wasm.config.v0+json", b"{}"));
    let builder = LayoutBuilder::new().image(image("linux/amd64")).image(attestation).image(artifact);
    let layout = builder.child(describe("application/vnd.cncf.helm.chart", b"x")).build();
    let found = all(&layout);
    assert_eq!(platforms(&found), ["linux/amd64"]);
    assert_eq!(found.gaps, []);
    assert_eq!(found.images[0].index.as_ref().map(|facts| facts.children.len()), Some(1));
    let notes = source_notes(&found.images[0]);
    assert!(notes.iter().any(|note| note.contains("application/vnd.cncf.helm.chart")), "{notes:?}");
    assert!(notes.iter().any(|note| note.contains("application/vnd.wasm.config.v0+json")), "{notes:?}");
}

#[test]
fn an_image_that_calls_itself_an_attestation_is_still_judged() {
    let mut layout = LayoutBuilder::new().image(image("linux/amd64")).build();
    let mut child = layout.root.clone();
    child["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    child["annotations"] = json!({ "vnd.docker.reference.type": "attestation-manifest" });
    child["artifactType"] = json!("application/vnd.docker.attestation.manifest.v1+json");
    relist(&mut layout, &[child]);
    assert_eq!(platforms(&all(&layout)), ["linux/amd64"]);
}

/// Makes an index of these children the root.
fn relist(layout: &mut Layout, children: &[Value]) {
    let document = json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": children });
    layout.root = layout.add(media_types::OCI_INDEX, bytes_of(&document));
}

#[test]
fn children_without_a_platform_are_known_by_their_config() {
    let unnamed = |platform: &str| ImageBuilder { platform: None, ..image(platform) };
    let layout = LayoutBuilder::new().image(unnamed("linux/amd64")).image(unnamed("linux/arm64")).build();
    assert_eq!(platforms(&all(&layout)), ["linux/amd64", "linux/arm64"]);
    let found = run(&layout, &one("linux/arm64")).expect("a plan");
    assert_eq!(found.images[0].subject.digest, layout.manifests[1]);
    assert_eq!(found.images[0].index.as_ref().map(|facts| facts.children.len()), Some(2));
    let layout = LayoutBuilder::new().image(unnamed("linux/amd64")).image(unnamed("unknown/unknown")).build();
    assert_eq!(platforms(&all(&layout)), ["linux/amd64"]);
}

#[test]
fn an_index_without_images_is_refused() {
    let layout = LayoutBuilder::new().image(ImageBuilder::new("unknown/unknown")).index().build();
    for selector in [Selector::All, Selector::Host, one("linux/amd64")] {
        assert!(matches!(run(&layout, &selector), Err(PlanError::EmptyIndex(_))), "{selector:?}");
    }
}

#[test]
fn nested_indexes_are_read_to_a_depth() {
    let mut layout = LayoutBuilder::new().image(image("linux/amd64")).index().build();
    for depth in 2..=6 {
        let inner = layout.root.clone();
        relist(&mut layout, &[inner]);
        let found = run(&layout, &Selector::All);
        if depth <= 4 {
            assert_eq!(platforms(&found.expect("a plan")), ["linux/amd64"]);
        } else {
            let Err(PlanError::Document { source, .. }) = found else { panic!("refused") };
            assert!(source.to_string().contains("more than 4 deep"), "{source}");
        }
    }
}

#[test]
fn children_are_bounded_even_when_indexes_multiply_them() {
    let mut layout = LayoutBuilder::new().image(image("linux/amd64")).index().build();
    for round in 0..3 {
        let mut inner = layout.root.clone();
        inner["annotations"] = json!({ "round": round.to_string() });
        relist(&mut layout, &vec![inner; 40]);
    }
    let Err(PlanError::Document { source, .. }) = run(&layout, &Selector::All) else { panic!("refused") };
    assert!(source.to_string().contains("more than 1000 children"), "{source}");
}

#[test]
fn a_child_that_is_missing_or_forged_is_a_gap_beside_others_and_an_error_alone() {
    let layout = two();
    for forge in [false, true] {
        let mut blobs = layout.blobs();
        let bytes = blobs.blobs.remove(&layout.manifests[1]).expect("is there");
        if forge {
            blobs.blobs.insert(layout.manifests[1].clone(), bytes.to_ascii_uppercase());
        }
        let found = plan(&root(&layout), &Selector::All, &blobs).expect("a plan");
        assert_eq!(platforms(&found), ["linux/amd64"]);
        assert_eq!(found.gaps.len(), 1);
        assert_eq!(found.gaps[0].kind, GapKind::Child);
        assert!(found.gaps[0].detail.contains(&layout.manifests[1].to_string()));
        assert_eq!(found.images[0].index.as_ref().map(|facts| facts.children.len()), Some(2));
        assert!(plan(&root(&layout), &one("linux/arm64"), &blobs).is_err());
        blobs.blobs.remove(&layout.manifests[0]);
        assert!(plan(&root(&layout), &Selector::All, &blobs).is_err());
    }
}

#[test]
fn a_child_whose_source_does_not_answer_is_never_a_gap() {
    let layout = two();
    let blobs = MemoryBlobs { unavailable: vec![layout.manifests[1].clone()], ..layout.blobs() };
    let error = plan(&root(&layout), &Selector::All, &blobs).expect_err("no answer");
    assert!(matches!(error, PlanError::Fetch(FetchError::Unavailable { .. })), "{error}");
    assert!(plan(&root(&layout), &one("linux/amd64"), &blobs).is_ok());
}

#[test]
fn a_platform_listed_twice_is_noted() {
    let other = image("linux/amd64").set("User", json!("other"));
    let layout = LayoutBuilder::new().image(image("linux/amd64")).image(other).build();
    let found = all(&layout);
    assert_eq!(platforms(&found), ["linux/amd64", "linux/amd64"]);
    assert!(source_notes(&found.images[0])[0].starts_with("the index has several images for linux/amd64: sha256:"));
    let mut layout = LayoutBuilder::new().image(image("linux/amd64")).build();
    let mut child = layout.root.clone();
    child["platform"] = json!({ "os": "linux", "architecture": "amd64" });
    relist(&mut layout, &[child.clone(), child]);
    let found = all(&layout);
    assert_eq!(found.images.len(), 1);
    assert!(source_notes(&found.images[0])[0].ends_with("twice"));
}

#[test]
fn lying_documents_are_refused() {
    let layout = LayoutBuilder::new().image(image("linux/amd64")).build();
    let mut root = root(&layout);
    root.descriptor.size += 1;
    let error = plan(&root, &Selector::Host, &layout.blobs()).expect_err("size");
    assert!(matches!(error, PlanError::Forged { measure: "size", .. }), "{error}");
    root.descriptor.size = u64::MAX;
    let error = plan(&root, &Selector::Host, &layout.blobs()).expect_err("size");
    assert!(matches!(error, PlanError::Fetch(FetchError::Damaged { .. })), "{error}");

    let mut blobs = layout.blobs();
    let config = blobs.blobs.iter().find(|(_, bytes)| bytes.starts_with(b"{\"architecture\"")).expect("a config");
    let (digest, mut bytes) = (config.0.clone(), config.1.clone());
    *bytes.last_mut().expect("not empty") = b' ';
    blobs.blobs.insert(digest, bytes);
    let error = plan(&self::root(&layout), &Selector::Host, &blobs).expect_err("digest");
    assert!(matches!(error, PlanError::Forged { what: "config", measure: "digest", .. }), "{error}");
}

#[test]
fn what_is_no_image_is_refused() {
    let chart =
        image("linux/amd64").manifest_field("config", describe("application/vnd.cncf.helm.config.v1+json", b"{}"));
    let layout = LayoutBuilder::new().image(chart).build();
    let Err(PlanError::Document { source, .. }) = run(&layout, &Selector::Host) else { panic!("refused") };
    assert_eq!(source.to_string(), "`application/vnd.cncf.helm.config.v1+json` is not supported");
}

#[test]
fn windows_images_are_a_gap_and_no_layer_of_them_is_read() {
    let layout = LayoutBuilder::new().image(image("windows/amd64")).image(image("linux/amd64")).build();
    let found = all(&layout);
    assert_eq!(kinds(&found.images[0]), [GapKind::UnsupportedPlatform]);
    let refused = found.images[0].layers[0].refused.as_ref().expect("refused");
    assert_eq!((refused.kind, refused.layer), (GapKind::UnsupportedPlatform, Some(0)));
    assert_eq!(kinds(&found.images[1]), []);
}

#[test]
fn a_descriptor_that_contradicts_the_config_is_a_gap() {
    let lying = ImageBuilder { platform: "linux/arm64".parse().ok(), ..image("linux/amd64") };
    let layout = LayoutBuilder::new().image(lying).index().build();
    let found = all(&layout);
    assert_eq!(kinds(&found.images[0]), [GapKind::Config]);
    assert_eq!(found.images[0].gaps[0].detail, "the index says linux/arm64, and the config says linux/amd64");
    assert_eq!(platforms(&found), ["linux/arm64"]);
    let silent = ImageBuilder {
        platform: "linux/arm/v6".parse().ok(),
        config: json!({ "os": "linux", "architecture": "arm" }),
        ..image("linux/arm")
    };
    let layout = LayoutBuilder::new().image(silent).index().build();
    assert_eq!(kinds(&all(&layout).images[0]), []);
}

#[test]
fn a_config_without_a_platform_is_a_gap() {
    let layout =
        LayoutBuilder::new().image(ImageBuilder { config: json!({ "config": {} }), ..image("linux/amd64") }).build();
    let found = all(&layout);
    assert_eq!(
        (kinds(&found.images[0]), platforms(&found)),
        (vec![GapKind::Config], vec!["unknown/unknown".to_owned()])
    );
    assert!(matches!(run(&layout, &one("linux/amd64")), Err(PlanError::NoPlatform { .. })));
}

#[test]
fn layers_that_do_not_pair_with_diff_ids_are_gaps() {
    let id = |text: &str| Digest::of(text.as_bytes()).to_string();
    for (diff_ids, layers, kind, first) in
        [(vec![], 0, GapKind::LayerForged, 0), (vec![id("a"), id("b")], 1, GapKind::LayerMissing, 1)]
    {
        let mut builder = image("linux/amd64");
        builder.config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        let found = all(&LayoutBuilder::new().image(builder).build());
        assert_eq!(kinds(&found.images[0]), [GapKind::Config, kind]);
        assert_eq!(found.images[0].gaps[1].layer, Some(first));
        assert_eq!(found.images[0].layers.len(), layers);
    }
}

#[test]
fn foreign_and_unknown_layers_are_refused_and_never_fetched() {
    let tar = layer_of(&[("a", "1")]);
    let layer = |media_type: &str| describe(media_type, &tar);
    let mut elsewhere = layer("application/vnd.oci.image.layer.v1.tar");
    elsewhere["urls"] = json!(["http://169.254.169.254/x"]);
    let layers = json!([
        layer("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"),
        elsewhere,
        layer("application/vnd.oci.image.layer.v1.tar+zstd:chunked"),
        layer("application/vnd.oci.image.layer.v1.tar"),
    ]);
    let mut builder = ImageBuilder::new("linux/amd64").manifest_field("layers", layers);
    builder.config["rootfs"] = json!({ "type": "layers", "diff_ids": vec![Digest::of(&tar).to_string(); 4] });
    let found = all(&LayoutBuilder::new().image(builder).build());
    let layers = &found.images[0].layers;
    let refused: Vec<_> = layers.iter().map(|layer| layer.refused.as_ref().map(|gap| (gap.kind, gap.layer))).collect();
    let expected = [
        Some((GapKind::LayerForeign, Some(0))),
        Some((GapKind::LayerForeign, Some(1))),
        Some((GapKind::LayerUnknownType, Some(2))),
        None,
    ];
    assert_eq!(refused, expected);
    assert_eq!(layers[2].compression, None);
}

#[test]
fn a_child_of_docker_schema_1_is_a_gap() {
    let old = bytes_of(&json!({ "schemaVersion": 1, "fsLayers": [], "history": [] }));
    let mut child = describe("application/vnd.docker.distribution.manifest.v1+prettyjws", &old);
    child["platform"] = json!({ "os": "linux", "architecture": "arm64" });
    let mut layout = LayoutBuilder::new().image(image("linux/amd64")).child(child).build();
    layout.add("", old);
    let found = all(&layout);
    assert_eq!(found.gaps[0].kind, GapKind::Child);
    assert!(
        found.gaps[0].detail.ends_with("`Docker image manifest, schema 1` is not supported"),
        "{}",
        found.gaps[0].detail
    );
    assert!(run(&layout, &one("linux/arm64")).is_err());
}
