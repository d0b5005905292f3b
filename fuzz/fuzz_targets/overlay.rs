//! Layers on top of each other. Each line is a member, `kind path [target or content]` with the kinds f, d, l and h; a line
//! `-` starts the next layer. Whatever the layers say, the final tree is a tree and no shipped byte is lost from the sums.

#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use imgguard::inspect::assemble;
use imgguard::model::{
    Digest, Entry, FileHash, ImageConfig, ImageFacts, Kind, LayerFacts, LayerStartup, ScanLedger, Subject, encode_path, normalise_path, parent,
};
use imgguard::oci::ImagePlan;
use imgguard::secrets::Scanner;
use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_ascii_whitespace();
    let kind = match words.next()? {
        "f" => Kind::File,
        "d" => Kind::Directory,
        "l" => Kind::Symlink,
        "h" => Kind::Hardlink,
        _ => return None,
    };
    let path = normalise_path(words.next()?.as_bytes()).ok()?;
    let rest = words.next().unwrap_or_default();
    let content = if kind == Kind::File { rest } else { "" };
    let link = match kind {
        Kind::Symlink => Some(encode_path(rest.as_bytes())),
        Kind::Hardlink => Some(normalise_path(rest.as_bytes()).unwrap_or_default()),
        _ => None,
    };
    let mut hash = [0; 32];
    hash.iter_mut().zip(content.bytes()).for_each(|(to, from)| *to = from);
    Some(Entry {
        path: path.into_boxed_str(),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: content.len() as u64,
        mtime: 0,
        sha256: (kind == Kind::File).then_some(FileHash(hash)),
        link: link.map(String::into_boxed_str),
        xattrs: Box::default(),
    })
}

fn layer(text: &str) -> LayerFacts {
    LayerFacts {
        diff_id: Digest::of(text.as_bytes()),
        unpacked_size: 0,
        entries: text.lines().filter_map(entry).collect(),
        documents: Vec::new(),
        hits: Vec::new(),
        catalog: Vec::new(),
        startup: LayerStartup::default(),
        scanned: ScanLedger::default(),
        asides: Vec::new(),
        supplied: Vec::new(),
        notes: Vec::new(),
        gaps: Vec::new(),
    }
}

fn plan() -> ImagePlan {
    ImagePlan {
        subject: Subject {
            reference: "fuzz".to_owned(),
            repository: "fuzz".to_owned(),
            tag: None,
            digest: Digest::of(b""),
            media_type: String::new(),
            config_digest: Digest::of(b""),
        },
        platform: "linux/amd64".parse().expect("a platform"),
        index: None,
        annotations: BTreeMap::new(),
        config: ImageConfig::default(),
        layers: Vec::new(),
        documents: Vec::new(),
        gaps: Vec::new(),
        notes: Vec::new(),
    }
}

fn check(layers: &[LayerFacts], image: &ImageFacts) {
    // The tree is a tree: sorted, no path twice, every parent a directory.
    assert!(image.files.windows(2).all(|pair| pair[0].entry.path < pair[1].entry.path));
    for file in &image.files {
        let above = parent(&file.entry.path);
        assert!(above.is_empty() || image.file(above).is_some_and(|above| above.entry.is_directory()), "{above}");
        assert!(file.added <= file.changed && (file.changed as usize) < layers.len());
        if file.entry.kind == Kind::Hardlink {
            let target = file.entry.link.as_deref().and_then(|link| image.file(link));
            assert!(target.is_some_and(|target| target.entry.kind == Kind::File), "{:?}", file.entry);
        }
    }
    // No regular file is lost, none counts twice.
    let regular = |entries: &mut dyn Iterator<Item = &Entry>| {
        let sizes: Vec<u64> = entries.filter(|entry| entry.kind == Kind::File).map(|entry| entry.size).collect();
        (sizes.len(), sizes.iter().sum::<u64>())
    };
    let shipped = regular(&mut layers.iter().flat_map(|layer| &layer.entries));
    let visible = regular(&mut image.files.iter().map(|file| &file.entry));
    let hidden = regular(&mut image.hidden.iter().map(|hidden| &hidden.entry));
    let whiteouts = regular(&mut layers.iter().flat_map(|layer| &layer.entries).filter(|entry| {
        imgguard::model::basename(&entry.path).starts_with(".wh.")
    }));
    assert_eq!(shipped.0 - whiteouts.0, visible.0 + hidden.0);
    assert_eq!(image.waste.shipped - whiteouts.1, visible.1 + hidden.1);
    assert_eq!(image.waste.total(), hidden.1);
    assert!(image.hidden.iter().all(|hidden| hidden.layer <= hidden.by));
}

fuzz_target!(|text: &str| {
    let layers: Vec<LayerFacts> = text.split("\n-\n").take(8).map(layer).collect();
    let given = || layers.iter().map(|layer| Ok(Arc::new(layer.clone()))).collect();
    let image = assemble(plan(), given(), &SCANNER, false);
    check(&layers, &image);
    assert_eq!(image, assemble(plan(), given(), &SCANNER, false));
});
