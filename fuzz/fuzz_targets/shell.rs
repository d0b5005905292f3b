//! A shell text as the health check of an image that has a shell and nothing else: it is read to an answer.

#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use imgguard::inspect::assemble;
use imgguard::model::{
    Digest, Elf, Entry, FileHash, Head, Healthcheck, ImageConfig, ImageFacts, Kind, LayerFacts, LayerStartup, Linkage, Linking,
    ScanLedger, Subject,
};
use imgguard::oci::ImagePlan;
use imgguard::rules::{Check, SettingsReader, find};
use imgguard::secrets::Scanner;
use libfuzzer_sys::fuzz_target;

fn entry(path: &str, kind: Kind, link: Option<&str>) -> Entry {
    Entry {
        path: path.into(),
        kind,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size: 100,
        mtime: 0,
        sha256: (kind == Kind::File).then_some(FileHash([0; 32])),
        link: link.map(Into::into),
        xattrs: Box::default(),
    }
}

/// `busybox`, `sh`, and a script whose functions can be read in.
fn image() -> ImageFacts {
    let linkage = Linkage::Seen(Linking::default());
    let elf = Head::Elf(Elf { bits: 64, big_endian: false, machine: 62, kind: 3, linkage });
    let startup = LayerStartup {
        heads: vec![(0, elf)],
        texts: vec![(2, "f() { busybox; gone; }\n".into(), false)],
        ..LayerStartup::default()
    };
    let layer = LayerFacts {
        diff_id: Digest::of(b""),
        unpacked_size: 0,
        entries: vec![
            entry("bin/busybox", Kind::File, None),
            entry("bin/sh", Kind::Symlink, Some("busybox")),
            entry("f.sh", Kind::File, None),
        ],
        documents: Vec::new(),
        hits: Vec::new(),
        catalog: Vec::new(),
        startup,
        scanned: ScanLedger::default(),
        asides: Vec::new(),
        supplied: Vec::new(),
        notes: Vec::new(),
        gaps: Vec::new(),
    };
    let plan = ImagePlan {
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
    };
    assemble(plan, vec![Ok(Arc::new(layer))], &Scanner::none(), false)
}

static IMAGE: LazyLock<ImageFacts> = LazyLock::new(image);

fn check() -> Box<dyn Check> {
    let node = imgguard::yaml::parse("{}").expect("YAML");
    let rule = find("healthcheck.exec").expect("a rule");
    (rule.build)(&mut SettingsReader::new(&node)).ok().expect("no settings")
}

static CHECK: LazyLock<Box<dyn Check>> = LazyLock::new(check);

fuzz_target!(|text: &str| {
    let mut image = IMAGE.clone();
    image.config.healthcheck = Some(Healthcheck { test: vec!["CMD-SHELL".to_owned(), text.to_owned()], ..Healthcheck::default() });
    let outcome = CHECK.decide(&image);
    assert_eq!(outcome, CHECK.decide(&image));
});
