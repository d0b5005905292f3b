//! The engine as a whole: every way of reading an image gives the same facts.

use std::num::NonZeroUsize;

use serde_json::json;

use super::{Cache, Engine, PackageWork, Silent, StreamName};
use crate::layer::Limits;
use crate::model::{GapKind, Inspection, NoteKind};
use crate::oci::{Selector, plan};
use crate::secrets::Scanner;
use crate::testkit::layout::{ImageBuilder, Layout, LayoutBuilder, Packing, archive, layer_of};

fn layout() -> Layout {
    let image = ImageBuilder::new("linux/amd64")
        .layer(
            layer_of(&[("etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:\n"), ("a", "one"), ("b", "two")]),
            Packing::Gzip,
        )
        .layer(layer_of(&[("a", "changed"), (".wh.b", "")]), Packing::Zstd)
        .layer(layer_of(&[("c", &"x".repeat(100_000))]), Packing::Plain)
        .set("User", json!("app"));
    LayoutBuilder::new().image(image).tag("1.0").build()
}

fn engine<'a>(scanner: &'a Scanner, cache: Option<&'a Cache>, threads: usize) -> Engine<'a> {
    Engine {
        threads: NonZeroUsize::new(threads).expect("some"),
        limits: Limits::default(),
        scanner,
        packages: PackageWork::Together,
        cache,
        contents: std::sync::Arc::default(),
        progress: &Silent,
    }
}

fn root(layout: &Layout) -> crate::oci::Root {
    crate::oci::Root {
        reference: "test".to_owned(),
        repository: "test".to_owned(),
        tag: Some("1.0".to_owned()),
        descriptor: layout.root_descriptor(),
    }
}

fn read(layout: &Layout, engine: &Engine<'_>) -> Inspection {
    let blobs = layout.blobs();
    let plan = plan(&root(layout), &Selector::All, &blobs).expect("a plan");
    engine.inspect(plan, &blobs).expect("readable")
}

fn without_source_notes(mut inspection: Inspection) -> Inspection {
    for image in &mut inspection.images {
        image.notes.retain(|note| note.kind != NoteKind::Source);
    }
    inspection
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (layout, scanner) = (layout(), Scanner::new());
    let alone = read(&layout, &engine(&scanner, None, 1));
    let image = &alone.images[0];
    assert!(image.gaps.is_empty(), "{:?}", image.gaps);
    let paths: Vec<&str> = image.files.iter().map(|file| &*file.entry.path).collect();
    assert_eq!(paths, ["a", "c", "etc", "etc/passwd"]);
    assert_eq!(image.hidden.len(), 2);
    assert_eq!(image.waste.total(), 6);
    assert_eq!(image.accounts.as_ref().map(Vec::len), Some(2));
    for threads in [2, 3, 4, 8] {
        assert_eq!(read(&layout, &engine(&scanner, None, threads)), alone, "{threads} threads");
    }
}

#[test]
fn a_stream_gives_the_same_facts_as_a_layout() {
    let (layout, scanner) = (layout(), Scanner::new());
    let engine = engine(&scanner, None, 2);
    let name = StreamName { reference: "test".to_owned(), repository: "test".to_owned(), tag: Some("1.0".to_owned()) };
    let bytes = archive(&layout.members());
    let streamed = engine.inspect_stream(&bytes[..], &name, &Selector::All).expect("an image");
    assert_eq!(without_source_notes(streamed), without_source_notes(read(&layout, &engine)));
}

#[test]
fn a_stream_that_ends_early_is_an_error() {
    let (layout, scanner) = (layout(), Scanner::new());
    let engine = engine(&scanner, None, 2);
    let name = StreamName { reference: "test".to_owned(), repository: "test".to_owned(), tag: None };
    let bytes = archive(&layout.members());
    for cut in [100, bytes.len() / 2] {
        assert!(engine.inspect_stream(&bytes[..cut], &name, &Selector::All).is_err(), "{cut}");
    }
}

#[test]
fn saved_facts_are_the_facts() {
    let (layout, scanner) = (layout(), Scanner::new());
    let inspection = read(&layout, &engine(&scanner, None, 2));
    let text = serde_json::to_string(&inspection).expect("JSON");
    assert_eq!(serde_json::from_str::<Inspection>(&text).expect("facts"), inspection);
}

#[test]
fn the_cache_gives_the_same_facts_and_damage_counts_as_absence() {
    let (layout, scanner) = (layout(), Scanner::new());
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::new(folder.path().to_owned());
    let fresh = read(&layout, &engine(&scanner, None, 2));
    for _ in 0..2 {
        assert_eq!(read(&layout, &engine(&scanner, Some(&cache), 2)), fresh);
    }
    assert_eq!(cache.usage().expect("readable").layers, 3);
    let mut damaged = 0;
    for entry in std::fs::read_dir(folder.path()).expect("a folder").flatten() {
        for file in std::fs::read_dir(entry.path()).expect("a folder").flatten() {
            let length = file.metadata().expect("a file").len();
            std::fs::OpenOptions::new()
                .write(true)
                .open(file.path())
                .and_then(|file| file.set_len(length - 1))
                .expect("writable");
            damaged += 1;
        }
    }
    assert_eq!(damaged, 3);
    assert_eq!(read(&layout, &engine(&scanner, Some(&cache), 2)), fresh);
    assert_eq!(cache.prune(0).expect("writable").layers, 3);
    assert_eq!(cache.usage().expect("readable").layers, 0);
}

#[test]
fn one_damaged_layer_is_a_gap_and_is_never_cached() {
    let (mut layout, scanner) = (layout(), Scanner::new());
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::new(folder.path().to_owned());
    let gzip = layout
        .files
        .iter()
        .find(|(_, bytes)| bytes.starts_with(&[0x1f, 0x8b]))
        .map(|(name, _)| name.clone())
        .expect("a gzip layer");
    let blob = layout.files.get_mut(&gzip).expect("the blob");
    let middle = blob.len() / 2;
    blob[middle] ^= 1;
    for _ in 0..2 {
        let inspection = read(&layout, &engine(&scanner, Some(&cache), 4));
        let gaps = &inspection.images[0].gaps;
        assert!(gaps.iter().any(|gap| gap.kind == GapKind::LayerForged && gap.layer == Some(0)), "{gaps:?}");
        assert!(inspection.images[0].files.iter().all(|file| &*file.entry.path != "etc/passwd"));
    }
    assert_eq!(cache.usage().expect("readable").layers, 2);
}

#[test]
fn many_small_layers_end() {
    let scanner = Scanner::new();
    let image = (0..200).fold(ImageBuilder::new("linux/amd64"), |image, at| {
        image.layer(layer_of(&[(&format!("f{at}"), "x")]), Packing::Gzip)
    });
    let layout = LayoutBuilder::new().image(image).tag("1.0").build();
    let inspection = read(&layout, &engine(&scanner, None, 4));
    assert_eq!(inspection.images[0].files.len(), 200);
}
