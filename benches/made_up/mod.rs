//! An image as large as real ones get, made up: what the benchmarks judge and write, and how they tell the time.

#![expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "made-up numbers are small")]

use std::collections::BTreeMap;
use std::time::Instant;

use imgguard::model::{
    Derived, Digest, Entry, File, FileHash, Healthcheck, Hidden, History, How, ImageConfig, ImageFacts, Kind, Layer,
    Method, Package, PackageFact, PackageKind, PackagePlace, Packages, Platform, ScanLedger, Startup, Subject, Waste,
};

/// Files of the image.
pub const FILES: usize = 100_000;
/// Files that a later layer hides.
pub const HIDDEN: usize = 10_000;
/// Packages of the image.
pub const PACKAGES: usize = 10_000;
const LAYERS: u32 = 12;

/// An image such as a large Python and Node.js application: most of its files belong to packages.
pub fn image() -> ImageFacts {
    let mut files: Vec<File> = (0..FILES).map(file).collect();
    files.sort_by(|left, right| left.entry.path.cmp(&right.entry.path));
    files.dedup_by(|left, right| left.entry.path == right.entry.path);
    let hidden: Vec<Hidden> = (0..HIDDEN)
        .map(|at| Hidden {
            entry: entry(format!("var/lib/old/{}/{at}", at % 100), Kind::File, at),
            layer: (at % 5) as u32,
            by: 6 + (at % 5) as u32,
            how: [How::Deleted, How::Overwritten, How::Rewritten][at % 3],
        })
        .collect();
    let bytes: u64 = files.iter().map(|file| file.entry.size).sum();
    let wasted: u64 = hidden.iter().map(|hidden| hidden.entry.size).sum();
    let digest = Digest::of(b"image");
    ImageFacts {
        subject: Subject {
            reference: "registry.example/acme/app:1.4.2".to_owned(),
            repository: "registry.example/acme/app".to_owned(),
            tag: Some("1.4.2".to_owned()),
            digest: digest.clone(),
            media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
            config_digest: digest,
        },
        platform: Platform::new("linux", "amd64", ""),
        index: None,
        annotations: BTreeMap::new(),
        config: config(),
        layers: (0..LAYERS).map(layer).collect(),
        files,
        hidden,
        waste: Waste { shipped: bytes + wasted, visible: bytes, deleted: wasted, ..Waste::default() },
        documents: Vec::new(),
        startup: Some(Startup::default()),
        accounts: Some(Vec::new()),
        groups: Some(Vec::new()),
        os_release: [("ID", "debian"), ("VERSION_ID", "13")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        base: Vec::new(),
        build: None,
        inherited: None,
        secrets: Vec::new(),
        packages: Some(Packages { list: (0..PACKAGES).map(package).collect(), ..Packages::default() }),
        scanned: ScanLedger::default(),
        gaps: Vec::new(),
        notes: Vec::new(),
        derived: Derived::default(),
    }
}

fn file(at: usize) -> File {
    let (module, part) = (at / 20, at % 20);
    let path = match (at % 4, part) {
        (0, _) => format!("usr/local/lib/python3.13/site-packages/package_{module}/module_{part}.py"),
        (1, _) => format!(
            "usr/local/lib/python3.13/site-packages/package_{module}/__pycache__/module_{}.cpython-313.pyc",
            part - 1
        ),
        (2, _) => format!("app/node_modules/@scope/library-{module}/dist/esm/internal/file-{part}.js"),
        (_, 19) => format!("app/.next/static/chunks/{module}-{part}.js"),
        _ => format!("usr/share/locale/language_{module}/LC_MESSAGES/catalogue_{part}.mo"),
    };
    let layer = (at % LAYERS as usize) as u32;
    File { entry: entry(path, Kind::File, at), added: layer, changed: layer }
}

fn entry(path: String, kind: Kind, at: usize) -> Entry {
    let mut hash = [0_u8; 32];
    // Every hundredth file is a copy of another.
    let content = if at.is_multiple_of(100) { at / 1_000 } else { at };
    hash[..8].copy_from_slice(&content.to_le_bytes());
    Entry {
        path: path.into(),
        kind,
        mode: if at % 5_000 == 7 { 0o4755 } else { 0o644 },
        uid: 0,
        gid: 0,
        size: 500 + (content as u64 * 7_919) % 60_000,
        mtime: 1_700_000_000 + (at % 1_000) as i64,
        sha256: Some(FileHash(hash)),
        link: None,
        xattrs: Box::default(),
    }
}

fn layer(at: u32) -> Layer {
    let digest = Digest::of(&at.to_le_bytes());
    Layer {
        digest: Some(digest.clone()),
        diff_id: digest,
        media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
        size: 50_000_000,
        unpacked_size: Some(150_000_000),
        entries: 10_000,
        file_bytes: 140_000_000,
        hidden_bytes: 1_000_000,
        hid_bytes: 1_000_000,
        history: Some(at * 2),
        instruction: Some(format!("RUN step {at}")),
        source: None,
    }
}

fn config() -> ImageConfig {
    let history = (0..LAYERS * 2).map(|at| History {
        created_by: format!("RUN |1 VERSION=1.{at} /bin/sh -c apt-get update && apt-get install -y tool-{at} && rm -rf /var/lib/apt/lists/* # buildkit"),
        created: Some("2026-11-20T12:00:00Z".to_owned()),
        empty_layer: !at.is_multiple_of(2),
        layer: at.is_multiple_of(2).then_some(at / 2),
        ..History::default()
    });
    ImageConfig {
        os: "linux".to_owned(),
        architecture: "amd64".to_owned(),
        created: Some("2026-11-20T12:00:00Z".to_owned()),
        user: "1000".to_owned(),
        env: (0..30).map(|at| (format!("SETTING_{at}"), format!("value {at}"))).collect(),
        cmd: Some(vec!["python".to_owned(), "-m".to_owned(), "app".to_owned()]),
        exposed_ports: vec!["8501/tcp".to_owned()],
        volumes: vec!["/data".to_owned()],
        working_dir: "/app".to_owned(),
        healthcheck: Some(Healthcheck {
            test: ["CMD", "curl", "-f", "http://localhost:8501/_stcore/health"].map(str::to_owned).to_vec(),
            ..Healthcheck::default()
        }),
        history: history.collect(),
        ..ImageConfig::default()
    }
}

fn package(at: usize) -> PackageFact {
    let (kind, name, namespace) = match at % 10 {
        0 => (PackageKind::Deb, format!("libtool{at}-dev-data"), None),
        1..=3 => (PackageKind::Pypi, format!("package-{at}"), None),
        _ => (PackageKind::Npm, format!("library-{at}"), Some("@scope".to_owned())),
    };
    let mut package = Package::new(kind, name.clone(), "1.2.3", Method::Database);
    let scope = namespace.as_ref().map_or(String::new(), |_| "%40scope/".to_owned());
    package.namespace = namespace;
    package.provides = vec![format!("virtual-{at}")];
    package.licences.declared = Some("MIT OR Apache-2.0".to_owned());
    let layer = (at % LAYERS as usize) as u32;
    PackageFact {
        id: identity(at),
        purl: format!("pkg:{}/{scope}{name}@1.2.3", kind.purl_type()),
        package,
        places: vec![PackagePlace {
            path: format!("app/node_modules/@scope/library-{at}/package.json"),
            inside: String::new(),
            layer,
            cataloger: "bench".to_owned(),
            method: Method::Database,
        }],
        introduced: layer,
        changed: layer,
        removed: None,
        depends_on: (1..4).map(|by| identity((at + by * 7) % PACKAGES)).collect(),
        unresolved: Vec::new(),
        part_of: None,
    }
}

/// The id of a package, in the order of packages.
fn identity(at: usize) -> String {
    format!("package-{at:06}-0123456789ab")
}

/// The time.
#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub fn now() -> Instant {
    Instant::now()
}

/// Tells a result.
#[expect(clippy::print_stdout, reason = "a benchmark tells its result")]
pub fn say(text: &str) {
    println!("{text}");
}
