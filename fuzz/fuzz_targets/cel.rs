//! Expressions of custom rules: read, checked and worked out over an image, within the bound of steps; every complaint lies in
//! the text, and the answer is the same each time.

#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use imgguard::cel::Program;
use imgguard::inspect::assemble;
use imgguard::model::{
    Digest, Entry, FileHash, Healthcheck, ImageConfig, ImageFacts, Kind, LayerFacts, LayerStartup, ScanLedger, Subject,
};
use imgguard::oci::ImagePlan;
use imgguard::secrets::Scanner;
use libfuzzer_sys::fuzz_target;

fn entry(path: String, kind: Kind) -> Entry {
    Entry {
        path: path.into(),
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        size: 100,
        mtime: 0,
        sha256: (kind == Kind::File).then_some(FileHash([0; 32])),
        link: None,
        xattrs: Box::default(),
    }
}

/// Enough files that going through them once for each is beyond the bound.
fn image() -> ImageFacts {
    let layer = LayerFacts {
        diff_id: Digest::of(b""),
        unpacked_size: 0,
        entries: (0..3_000).map(|at| entry(format!("app/{}/f{at}", at % 10), Kind::File)).collect(),
        documents: Vec::new(),
        hits: Vec::new(),
        catalog: Vec::new(),
        startup: LayerStartup::default(),
        scanned: ScanLedger::default(),
        asides: Vec::new(),
        supplied: Vec::new(),
        notes: Vec::new(),
        gaps: Vec::new(),
    };
    let config = ImageConfig {
        user: "1000:1000".to_owned(),
        env: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned()), ("A".to_owned(), "\u{e9}\u{1f600}".to_owned())],
        cmd: Some(vec!["/bin/app".to_owned(), String::new()]),
        exposed_ports: vec!["8080/tcp".to_owned()],
        labels: BTreeMap::from([("l".to_owned(), "x".to_owned())]),
        healthcheck: Some(Healthcheck { interval: i64::MAX, retries: i64::MIN, ..Healthcheck::default() }),
        ..ImageConfig::default()
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
        config,
        layers: Vec::new(),
        documents: Vec::new(),
        gaps: Vec::new(),
        notes: Vec::new(),
    };
    assemble(plan, vec![Ok(Arc::new(layer))], &Scanner::none(), false)
}

static IMAGE: LazyLock<ImageFacts> = LazyLock::new(image);

fuzz_target!(|text: &str| {
    for costly in [false, true] {
        match Program::compile(text, costly) {
            Ok(program) => {
                let answer = program.decide(&IMAGE);
                if let Err(stopped) = &answer {
                    assert!(text.get(stopped.at.clone()).is_some(), "{stopped:?}");
                }
                assert_eq!(answer, program.decide(&IMAGE));
            }
            Err(problems) => {
                assert!(!problems.is_empty());
                for problem in problems {
                    assert!(text.get(problem.at.clone()).is_some(), "{problem:?}");
                }
            }
        }
    }
});
