//! Images as text: one line per thing, for the examples of rules and for everyone's tests.
//!
//! ```text
//! ref registry.example/acme/app          repository without tag
//! tag 1.4.2                              the tag it was named by
//! platform linux/arm64                   default linux/amd64
//! index linux/amd64 linux/arm64          children of the index around it
//! annotation k=v                         of the manifest
//! user 1000 · env PATH=/usr/bin · label k=v · port 8501/tcp · volume /data · workdir /app · author text
//! entrypoint ["a","b"] · cmd a b         JSON or words; also `shell`, `onbuild RUN x`
//! healthcheck CMD curl -f http://x       CMD splits at blanks, CMD-SHELL takes the rest, NONE; JSON is taken as it is
//! layer COPY . .                         starts a layer; its history line follows
//! diff-id sha256:… · unpacked 1GB · packed 9MB      of the layer begun last, when the derived ones do not suit
//! step ENV A=b                           a history line without a layer
//! 0755 0:0 usr/bin/su                    an empty file; what stands before the first `layer` is in a layer of its own
//! 0644 0:0 etc/passwd "root:x:0:0::/:\n" a file with content: `\n`, `\r`, `\t`, `\"`, `\\` are understood
//! 0644 0:0 var/cache/big @20MB           a file of that size; `@20MB#2` is of the same size and other content
//! 0755 0:0 usr/bin/curl elf arm64 interp /lib/ld-linux-aarch64.so.1 needs libc.so.6,libz.so.1
//!                                        an ELF file; also `soname x`, `rpath x`, `runpath x`, `unseen why`, `damaged why`
//! 0755 0:0 app/                          a directory
//! usr/lib64 -> usr/lib                   a symbolic link
//! usr/bin/b => usr/bin/a                 a hard link: further name, first name
//! 0644 0:0 app/.wh.x                     a whiteout
//! char 0666 0:0 dev/null                 also `block`, `fifo`
//! mtime 1700000000 · xattr NAME HEX      of the file, directory or device in the line above
//! created 2027-01-15T09:30:00Z           of the config; `at TIME` of the history line above
//! timing interval=30s timeout=5s start-period=20s retries=3      of the health check
//! gap layer 1 DETAIL                     layer 1 cannot be read
//! gap KIND DETAIL                        another gap, such as `gap secret-scan layer 0 was not searched`
//! base claimed python:3.12 sha256:…      an answer about the base, as if the facts had it
//! secret structured github-token in etc/app.conf layer 0 [hidden 2] [line 3] [value a]
//! secret weak generic in env TOKEN [value a]         also `label KEY`, `history 3`, `config /config/Cmd/0`
//! package pkg:deb/openssl@3.0-1 in var/lib/dpkg/status [by dpkg] [inside a.jar] [claimed|declared] [provides NAME] [owns usr/bin/openssl …]
//! ---                                    what follows is another image of the same index, see [`images`]
//! known debian:12 [moved] [created 2026-01-01] [recorded 2026-01-02]
//!                                        a recorded base of that name: the layers and the config so far; other layers when it
//!                                        moved. The last line of a name is what it points at.
//! now 2026-02-01                         the time of the run
//! before uncompressed 300MB [fails] [on linux/arm64]      an earlier image of that size, also compressed, visible
//! before tag 1.4.2 [same]                one of the same repository under that tag; the same image, or another one
//! stages 2                               what the provenance says; also `unknown`
//! --- compose.yml                        begins a file beside the image, see [`evidence`]: all lines behind it
//! # a comment
//! ```

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::catalog::{self, HEAD, Input, Takers};
use crate::companions::Evidence;
use crate::inspect::{StartupCollector, assemble, prove_base};
use crate::model::{
    BaseClaim, BuildFacts, CatalogRecord, Dependency, Digest, Document, Elf, Entry, FileHash, Gap, GapKind, Grade,
    Head, Healthcheck, History, How, ImageConfig, ImageFacts, IndexChild, IndexFacts, Kind, LayerFacts, LayerStartup,
    Linkage, Linking, Method, Nature, OwnedFile, Package, PackageKind, Place, Platform, Presence, Purl, SecretFact,
    Severity, Subject, parse_size,
};
use crate::oci::{BlobKey, Compression, ImagePlan, LayerPlan, media_types};
use crate::rules::setting::Period;
use crate::rules::{Circumstances, Earlier, EarlierImage};
use crate::secrets::Scanner;

use super::known::{self, Known};

/// Making one takes longer than everything else that a test does.
static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

pub use super::known::known_digest;

/// The image that the text describes, put together by the real overlay.
///
/// # Panics
/// With the line, when a line is malformed.
pub fn image(text: &str) -> ImageFacts {
    let parts = Parts::read(text);
    let (bases, secrets) = (parts.bases.clone(), parts.secrets.clone());
    let (known, build) = (parts.known.clone(), parts.build.clone());
    let (plan, layers) = parts.finish();
    let mut image = assemble(plan, layers, &SCANNER, true);
    image.base.extend(bases);
    image.base.sort_by_key(|claim| std::cmp::Reverse(claim.grade));
    image.build = build;
    if let Some(lock) = known::lock(&known, &image) {
        prove_base(&mut image, &lock);
    }
    for secret in secrets {
        match image.secrets.iter_mut().find(|known| known.fingerprint == secret.fingerprint) {
            Some(known) => known.places.extend(secret.places),
            None => image.secrets.push(secret),
        }
    }
    for secret in &mut image.secrets {
        secret.places.sort();
    }
    image.secrets.sort_by(|left, right| left.fingerprint.cmp(&right.fingerprint));
    image
}

/// The images of an index that the text describes, `---` between them.
///
/// # Panics
/// With the line, when a line is malformed.
pub fn images(text: &str) -> Vec<ImageFacts> {
    let mut parts = vec![String::new()];
    for line in text.lines() {
        match line.trim() {
            "---" => parts.push(String::new()),
            line => parts.last_mut().expect("there is a part").extend([line, "\n"]),
        }
    }
    parts.iter().map(|part| image(part)).collect()
}

/// The time and the recorded bases that the text tells.
///
/// # Panics
/// With the line, when a line is malformed.
pub fn circumstances(text: &str) -> Circumstances {
    let text = text.split("\n---").next().unwrap_or_default();
    let parts = Parts::read(text);
    let (now, known) = (parts.now, parts.known.clone());
    let earlier = parts.before.as_deref().map(|line| Arc::new(earlier(line, &image(text))));
    let bases = if known.is_empty() { None } else { known::lock(&known, &image(text)).map(Arc::new) };
    Circumstances { now, earlier, bases, ..Circumstances::default() }
}

/// The earlier image that a line `before` describes.
fn earlier(line: &str, image: &ImageFacts) -> Earlier {
    let words: Vec<&str> = line.split(' ').collect();
    let after = |word: &str| words.iter().position(|one| *one == word).and_then(|at| words.get(at + 1).copied());
    let size = |word: &str| after(word).map(|size| parse_size(size).unwrap_or_else(|_| panic!("{line}")));
    let mut one = EarlierImage::of(image);
    if let Some(platform) = after("on") {
        one.platform = platform.parse().unwrap_or_else(|_| panic!("{line}"));
    }
    if let Some(tag) = after("tag") {
        one.tag = Some(tag.to_owned());
        if !words.contains(&"same") {
            one.root = Digest::of(line.as_bytes());
        }
    }
    (one.compressed, one.uncompressed, one.visible) = (size("compressed"), size("uncompressed"), size("visible"));
    Earlier { name: "before".to_owned(), is_violated: words.contains(&"fails"), images: vec![one] }
}

/// What describes the images, and the files beside them: a line `--- NAME` begins a file, which goes on to the next such
/// line.
pub fn evidence(text: &str) -> (&str, Evidence) {
    let mut parts = text.split("--- ");
    let images = parts.next().unwrap_or_default();
    let mut evidence = Evidence::default();
    for part in parts {
        let (name, content) = part.split_once('\n').unwrap_or((part, ""));
        evidence.add(name.trim(), content.as_bytes(), true);
    }
    (images, evidence)
}

/// An image and the files beside it.
///
/// # Panics
/// With the line, when a line before the first file is malformed.
pub fn with_evidence(text: &str) -> (ImageFacts, Evidence) {
    let (text, evidence) = evidence(text);
    (image(text), evidence)
}

/// The plan and the layers that the text describes, before the overlay.
///
/// # Panics
/// With the line, when a line is malformed.
pub fn plan(text: &str) -> (ImagePlan, Vec<Result<Arc<LayerFacts>, Gap>>) {
    Parts::read(text).finish()
}

#[derive(Default)]
struct LayerText {
    /// All lines of the layer: equal layers get equal diffIDs.
    text: String,
    diff_id: Option<Digest>,
    unpacked: Option<u64>,
    packed: Option<u64>,
    entries: Vec<Entry>,
    documents: Vec<Document>,
    records: Vec<CatalogRecord>,
    startup: LayerStartup,
}

#[derive(Default)]
struct Parts {
    repository: String,
    tag: Option<String>,
    platform: Option<Platform>,
    index: Option<Vec<Platform>>,
    annotations: BTreeMap<String, String>,
    config: ImageConfig,
    layers: Vec<LayerText>,
    unread: BTreeMap<u32, String>,
    gaps: Vec<Gap>,
    bases: Vec<BaseClaim>,
    secrets: Vec<SecretFact>,
    known: Vec<Known>,
    before: Option<String>,
    now: Option<i64>,
    build: Option<BuildFacts>,
}

impl Parts {
    fn read(text: &str) -> Self {
        let mut parts = Self { repository: "registry.example/acme/app".to_owned(), ..Self::default() };
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let read = parts.line(line);
            assert!(read.is_some(), "this line describes no image: {line}");
        }
        parts
    }

    /// Reads one line; none when it is malformed.
    fn line(&mut self, line: &str) -> Option<()> {
        let (word, rest) = line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim()));
        let pair = || rest.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let config = &mut self.config;
        match word {
            "ref" => rest.clone_into(&mut self.repository),
            "tag" => self.tag = Some(rest.to_owned()),
            "platform" => self.platform = Some(rest.parse().ok()?),
            "index" => {
                let platforms: Result<_, _> = rest.split_whitespace().map(str::parse).collect();
                self.index = Some(platforms.ok()?);
            }
            "annotation" => self.annotations.extend([pair()?]),
            "user" => rest.clone_into(&mut config.user),
            "env" => config.env.push(pair()?),
            "label" => config.labels.extend([pair()?]),
            "port" => config.exposed_ports.push(rest.to_owned()),
            "volume" => config.volumes.push(rest.to_owned()),
            "workdir" => rest.clone_into(&mut config.working_dir),
            "author" => config.author = Some(rest.to_owned()),
            "entrypoint" => config.entrypoint = Some(words(rest)?),
            "cmd" => config.cmd = Some(words(rest)?),
            "shell" => config.shell = Some(words(rest)?),
            "onbuild" => config.on_build.push(rest.to_owned()),
            "healthcheck" => config.healthcheck = Some(Healthcheck { test: test(rest)?, ..Healthcheck::default() }),
            "timing" => timing(config.healthcheck.as_mut()?, rest)?,
            "created" => config.created = Some(rest.to_owned()),
            "at" => config.history.last_mut()?.created = Some(rest.to_owned()),
            "mtime" => self.layer().entries.last_mut()?.mtime = rest.parse().ok()?,
            "xattr" => {
                let (name, value) = rest.split_once(' ')?;
                let entry = self.layer().entries.last_mut()?;
                let mut all = std::mem::take(&mut entry.xattrs).into_vec();
                all.push((name.into(), value.into()));
                entry.xattrs = all.into_boxed_slice();
            }
            "char" => self.odd(rest, Kind::CharDevice)?,
            "block" => self.odd(rest, Kind::BlockDevice)?,
            "fifo" => self.odd(rest, Kind::Fifo)?,
            "step" => {
                config.history.push(History { created_by: rest.to_owned(), empty_layer: true, ..History::default() });
            }
            "layer" => self.begin_layer(rest),
            "diff-id" => self.layer().diff_id = Some(rest.parse().ok()?),
            "unpacked" => self.layer().unpacked = Some(parse_size(rest).ok()?),
            "packed" => self.layer().packed = Some(parse_size(rest).ok()?),
            "gap" => self.gap(rest)?,
            "package" => self.package(rest)?,
            "base" => self.bases.push(base(rest)?),
            "known" => self.known.push(Known::read(line, rest, self.layers.len(), config)?),
            "now" => self.now = Some(known::day(rest)?),
            "before" => self.before = Some(rest.to_owned()),
            "stages" => self.build = Some(BuildFacts { images: Vec::new(), stages: rest.parse().ok() }),
            "secret" => self.secrets.push(secret(line, rest)?),
            _ => self.entry(line)?,
        }
        Some(())
    }

    fn begin_layer(&mut self, created_by: &str) {
        let layer = u32::try_from(self.layers.len()).ok();
        let created_by = created_by.to_owned();
        self.layers.push(LayerText { text: created_by.clone(), ..LayerText::default() });
        self.config.history.push(History { created_by, layer, ..History::default() });
    }

    fn layer(&mut self) -> &mut LayerText {
        if self.layers.is_empty() {
            self.begin_layer("COPY . /");
        }
        self.layers.last_mut().expect("a layer was begun")
    }

    fn gap(&mut self, rest: &str) -> Option<()> {
        let (kind, detail) = rest.split_once(' ')?;
        if kind == "layer" {
            let (index, detail) = detail.split_once(' ')?;
            self.unread.insert(index.parse().ok()?, detail.to_owned());
            return Some(());
        }
        let kind: GapKind = serde_json::from_value(kind.into()).ok()?;
        let path = detail.split_whitespace().find(|word| word.contains('/')).map(str::to_owned);
        self.gaps.push(Gap { kind, layer: None, path, detail: detail.to_owned() });
        Some(())
    }

    /// A package, as if a cataloger had read it out of the file it is in.
    fn package(&mut self, rest: &str) -> Option<()> {
        let (purl, rest) = rest.split_once(" in ")?;
        let (rest, owned) = rest.split_once(" owns ").unwrap_or((rest, ""));
        let mut words = rest.split_whitespace();
        let path = words.next()?;
        let purl: Purl = purl.parse().ok()?;
        let kind: PackageKind = serde_json::from_value(purl.kind.as_str().into()).ok()?;
        let method = if kind.is_system() { Method::Database } else { Method::Manifest };
        let mut package = Package::new(kind, purl.name, purl.version.unwrap_or_default(), method);
        package.namespace = purl.namespace;
        package.arch = purl.qualifiers.get("arch").cloned();
        package.licences.declared = purl.qualifiers.get("licence").cloned();
        package.files = owned
            .split_whitespace()
            .map(|path| OwnedFile { path: path.into(), digest: None, may_differ: false })
            .collect();
        let mut cataloger = "test".to_owned();
        while let Some(word) = words.next() {
            match word {
                "by" => words.next()?.clone_into(&mut cataloger),
                "inside" => words.next()?.clone_into(&mut package.inside),
                "needs" => {
                    package.depends.push(Dependency { names: vec![words.next()?.to_owned()], ..Dependency::default() });
                }
                "provides" => package.provides.push(words.next()?.to_owned()),
                "landmark" => package.method = Method::Landmark,
                "declared" => package.presence = Presence::Declared,
                "claimed" => package.presence = Presence::Claimed,
                _ => return None,
            }
        }
        let layer = self.layer();
        layer.text.push_str(rest);
        if !layer.entries.iter().any(|entry| entry.path.as_ref() == path) {
            layer.entries.push(bare(path, Kind::File, 0o644));
        }
        match layer.records.iter_mut().find(|record| record.path == path && record.cataloger == cataloger) {
            Some(record) => record.packages.push(package),
            None => layer.records.push(CatalogRecord {
                path: path.to_owned(),
                cataloger,
                packages: vec![package],
                fragments: Vec::new(),
                gaps: Vec::new(),
            }),
        }
        Some(())
    }

    /// An entry that is neither a file nor a directory nor a link.
    fn odd(&mut self, line: &str, kind: Kind) -> Option<()> {
        self.entry(line)?;
        let entry = self.layer().entries.last_mut()?;
        (entry.kind, entry.sha256) = (kind, None);
        Some(())
    }

    fn entry(&mut self, line: &str) -> Option<()> {
        let layer = self.layer();
        layer.text.push_str(line);
        layer.text.push('\n');
        if let Some((path, target)) = line.split_once(" -> ") {
            layer.entries.push(Entry { link: Some(target.into()), ..bare(path, Kind::Symlink, 0o777) });
            return Some(());
        }
        if let Some((path, other)) = line.split_once(" => ") {
            layer.entries.push(Entry { link: Some(other.into()), ..bare(path, Kind::Hardlink, 0o644) });
            return Some(());
        }
        let (mode, rest) = line.split_once(' ')?;
        let (owner, rest) = rest.split_once(' ')?;
        let (uid, gid) = owner.split_once(':')?;
        let (path, content) = rest.split_once(' ').map_or((rest, None), |(path, content)| (path, Some(content.trim())));
        let mode = u16::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777)?;
        let mut entry = match path.strip_suffix('/') {
            Some(path) => bare(path, Kind::Directory, mode),
            None => bare(path, Kind::File, mode),
        };
        (entry.uid, entry.gid) = (uid.parse().ok()?, gid.parse().ok()?);
        if entry.kind == Kind::Directory {
            layer.entries.push(entry);
            return content.is_none().then_some(());
        }
        let bytes = match content {
            None => Vec::new(),
            Some(content) if content == "elf" || content.starts_with("elf ") => {
                let index = u32::try_from(layer.entries.len()).ok()?;
                layer.startup.heads.push((index, Head::Elf(elf(content)?)));
                entry.size = 100;
                content.as_bytes().to_vec()
            }
            Some(content) => match content.strip_prefix('@') {
                Some(size) => {
                    entry.size = parse_size(size.split('#').next()?).ok()?;
                    size.as_bytes().to_vec()
                }
                None => unquote(content)?.into_bytes(),
            },
        };
        if content.is_some_and(|content| content.starts_with('"')) {
            entry.size = bytes.len() as u64;
            layer.documents.push(Document { path: path.into(), bytes: bytes.clone(), truncated: false });
            let takers = Takers::of(path, &bytes[..bytes.len().min(HEAD)]);
            catalog::read(takers, &Input { path, bytes: &bytes, size: entry.size }, &mut layer.records);
            let mut collector = StartupCollector::default();
            collector.file(u32::try_from(layer.entries.len()).ok()?, path, &bytes, entry.size);
            let found = collector.finish(&SCANNER);
            layer.startup.heads.extend(found.heads);
            layer.startup.texts.extend(found.texts);
            layer.startup.open_accounts.extend(found.open_accounts);
        }
        entry.sha256 = Some(hash(&bytes));
        layer.entries.push(entry);
        Some(())
    }

    fn finish(mut self) -> (ImagePlan, Vec<Result<Arc<LayerFacts>, Gap>>) {
        let platform = self.platform.clone().unwrap_or_else(|| Platform::new("linux", "amd64", ""));
        let unread = std::mem::take(&mut self.unread);
        let layers = std::mem::take(&mut self.layers);
        let config = &mut self.config;
        config.os.clone_from(&platform.os);
        config.architecture.clone_from(&platform.architecture);
        config.variant.clone_from(&platform.variant);
        let mut plans = Vec::new();
        let mut facts = Vec::new();
        for (index, layer) in layers.into_iter().enumerate() {
            let index = u32::try_from(index).expect("few layers");
            let padded = |entry: &Entry| 512 + entry.size.div_ceil(512) * 512;
            let unpacked = layer.unpacked.unwrap_or_else(|| layer.entries.iter().map(padded).sum::<u64>() + 1024);
            let diff_id = layer.diff_id.unwrap_or_else(|| Digest::of(layer.text.as_bytes()));
            let digest = Digest::of(format!("blob of {diff_id}").as_bytes());
            config.diff_ids.push(diff_id.clone());
            plans.push(LayerPlan {
                key: BlobKey::Digest(digest.clone()),
                digest: Some(digest),
                diff_id: diff_id.clone(),
                media_type: "application/vnd.oci.image.layer.v1.tar+gzip".to_owned(),
                size: layer.packed.unwrap_or(unpacked / 3),
                compression: Some(Compression::Gzip),
                refused: None,
            });
            facts.push(match unread.get(&index) {
                Some(detail) => {
                    Err(Gap { kind: GapKind::LayerMissing, layer: Some(index), path: None, detail: detail.clone() })
                }
                None => Ok(Arc::new(LayerFacts {
                    diff_id,
                    unpacked_size: unpacked,
                    entries: layer.entries,
                    documents: layer.documents,
                    hits: Vec::new(),
                    catalog: catalog::encode(&layer.records),
                    startup: layer.startup,
                    scanned: crate::model::ScanLedger::default(),
                    asides: Vec::new(),
                    supplied: Vec::new(),
                    notes: Vec::new(),
                    gaps: Vec::new(),
                })),
            });
        }
        (self.into_plan(platform, plans), facts)
    }

    fn into_plan(self, platform: Platform, layers: Vec<LayerPlan>) -> ImagePlan {
        let config_digest = Digest::of(format!("{:?}", self.config).as_bytes());
        let of_platform = |platform: &Platform| Digest::of(format!("{config_digest} for {platform}").as_bytes());
        let tag = self.tag.as_ref().map_or_else(String::new, |tag| format!(":{tag}"));
        let index = self.index.map(|platforms| IndexFacts {
            digest: Digest::of(format!("index of {config_digest}").as_bytes()),
            media_type: media_types::OCI_INDEX.to_owned(),
            children: platforms
                .into_iter()
                .map(|platform| IndexChild { digest: of_platform(&platform), platform })
                .collect(),
            annotations: BTreeMap::new(),
        });
        ImagePlan {
            subject: Subject {
                reference: format!("{}{tag}", self.repository),
                repository: self.repository,
                tag: self.tag,
                digest: of_platform(&platform),
                media_type: media_types::OCI_MANIFEST.to_owned(),
                config_digest,
            },
            platform,
            index,
            annotations: self.annotations,
            config: self.config,
            layers,
            documents: Vec::new(),
            gaps: self.gaps,
            notes: Vec::new(),
        }
    }
}

fn bare(path: &str, kind: Kind, mode: u16) -> Entry {
    Entry {
        path: path.into(),
        kind,
        mode,
        uid: 0,
        gid: 0,
        size: 0,
        mtime: 0,
        sha256: None,
        link: None,
        xattrs: Box::default(),
    }
}

fn hash(bytes: &[u8]) -> FileHash {
    let digest = Digest::of(bytes);
    let byte = |at: usize| u8::from_str_radix(&digest.hex()[at * 2..at * 2 + 2], 16).expect("a digest is hexadecimal");
    FileHash(std::array::from_fn(byte))
}

/// JSON, or words split at blanks.
fn words(text: &str) -> Option<Vec<String>> {
    if text.starts_with('[') {
        return serde_json::from_str(text).ok();
    }
    Some(text.split_whitespace().map(str::to_owned).collect())
}

fn test(text: &str) -> Option<Vec<String>> {
    match text.strip_prefix("CMD-SHELL ") {
        Some(command) => Some(vec!["CMD-SHELL".to_owned(), command.to_owned()]),
        None => words(text),
    }
}

fn timing(check: &mut Healthcheck, text: &str) -> Option<()> {
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=')?;
        let period = || i64::try_from(Period::parse(value)?.nanoseconds).ok();
        match key {
            "interval" => check.interval = period()?,
            "timeout" => check.timeout = period()?,
            "start-period" => check.start_period = period()?,
            "retries" => check.retries = value.parse().ok()?,
            _ => return None,
        }
    }
    Some(())
}

fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut plain = String::new();
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.push(match letter {
            '\\' => match letters.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                same @ ('"' | '\\') => same,
                _ => return None,
            },
            letter => letter,
        });
    }
    Some(plain)
}

/// An ELF file, as its words say; for the platform's usual machine when none is named.
fn elf(text: &str) -> Option<Elf> {
    let mut elf = Elf { bits: 64, big_endian: false, machine: 62, kind: 3, linkage: Linkage::Seen(Linking::default()) };
    let mut linking = Linking::default();
    let mut words = text.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        match word {
            "amd64" => {}
            "arm64" => elf.machine = 183,
            "arm" => (elf.machine, elf.bits) = (40, 32),
            "386" => (elf.machine, elf.bits) = (3, 32),
            "object" => elf.kind = 1,
            "interp" => linking.interpreter = Some(words.next()?.into()),
            "needs" => linking.needed = words.next()?.split(',').map(Into::into).collect(),
            "soname" => linking.soname = Some(words.next()?.into()),
            "rpath" => linking.rpath = Some(words.next()?.into()),
            "runpath" => linking.runpath = Some(words.next()?.into()),
            "unseen" | "damaged" => {
                let why = words.by_ref().collect::<Vec<_>>().join(" ").into();
                elf.linkage = if word == "unseen" { Linkage::Unseen(why) } else { Linkage::Damaged(why) };
                return Some(elf);
            }
            _ => return None,
        }
    }
    elf.linkage = Linkage::Seen(linking);
    Some(elf)
}

fn base(rest: &str) -> Option<BaseClaim> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let (grade, reference, digest) = match words[..] {
        [grade, reference] => (grade, reference, None),
        [grade, reference, digest] => (grade, reference, Some(digest.parse().ok()?)),
        _ => return None,
    };
    Some(BaseClaim {
        reference: reference.to_owned(),
        digest,
        grade: serde_json::from_value(grade.into()).ok()?,
        layers: None,
        by: "the test says so".to_owned(),
    })
}

fn secret(line: &str, rest: &str) -> Option<SecretFact> {
    let (grade, rest) = rest.split_once(' ')?;
    let (detector, rest) = rest.split_once(' ')?;
    let words: Vec<&str> = rest.strip_prefix("in ")?.split_whitespace().collect();
    let (head, options) = words.split_at_checked(2)?;
    let mut option: BTreeMap<&str, &str> = BTreeMap::new();
    let place = match head {
        ["env", name] => Place::Env { name: (*name).to_owned() },
        ["label", name] => Place::Label { name: (*name).to_owned() },
        ["history", index] => Place::History { index: index.parse().ok()? },
        ["config", pointer] => Place::Config { pointer: (*pointer).to_owned() },
        [path, "layer"] => {
            let (layer, rest) = options.split_first()?;
            for pair in rest.chunks(2) {
                option.insert(pair.first()?, pair.get(1)?);
            }
            let number = |key: &str| option.get(key).map(|text| text.parse().expect("a number"));
            Place::File {
                layer: layer.parse().ok()?,
                path: (*path).to_owned(),
                line: number("line"),
                offset: 0,
                view: String::new(),
                hidden_by: number("hidden"),
                how: number("hidden").map(|_| How::Deleted),
                supplied: option.get("by").map(|package| format!("dpkg {package}")),
            }
        }
        _ => return None,
    };
    if !matches!(place, Place::File { .. }) {
        for pair in options.chunks(2) {
            option.insert(pair.first()?, pair.get(1)?);
        }
    }
    if option.keys().any(|key| !matches!(*key, "line" | "hidden" | "value" | "by" | "nature" | "expires")) {
        return None;
    }
    let value = option.get("value").map_or_else(|| line.to_owned(), |value| format!("{detector} {value}"));
    let grade: Grade = serde_json::from_value(grade.into()).ok()?;
    let nature = option.get("nature").map(|nature| serde_json::from_value((*nature).into()).expect("a nature"));
    Some(SecretFact {
        detector: detector.to_owned(),
        what: detector.replace('-', " "),
        grade,
        nature: nature.unwrap_or(Nature::Secret),
        severity: Severity::High,
        expires: option.get("expires").map(|seconds| seconds.parse().expect("a number")),
        halves: Vec::new(),
        redacted: "abcd…wxyz (40)".to_owned(),
        fingerprint: Digest::of(value.as_bytes()).hex()[..32].to_owned(),
        places: vec![place],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_what_its_lines_say() {
        let image = image(
            "ref registry.example/acme/app\ntag 1.4.2\nuser node\nenv A=b=c\nport 80/tcp\nhealthcheck CMD true x\n\
             index linux/amd64 linux/arm64\nlayer ADD base.tar /\n0644 0:0 etc/passwd \"node:x:1000:1000::/:\\n\"\n\
             0644 0:0 var/cache/big @20MB\nusr/lib64 -> usr/lib\nstep ENV A=b\nlayer RUN rm\n0644 0:0 var/cache/.wh.big\n\
             usr/bin/b => etc/passwd",
        );
        assert_eq!(image.subject.reference, "registry.example/acme/app:1.4.2");
        assert_eq!(image.config.env_value("A"), Some("b=c"));
        assert_eq!(image.config.healthcheck.as_ref().map(|check| check.test.len()), Some(3));
        assert_eq!(image.index.as_ref().map(|index| index.children.len()), Some(2));
        assert_eq!(image.accounts.as_ref().map(|accounts| accounts[0].uid), Some(1000));
        assert_eq!(image.config.history.len(), 3);
        assert_eq!(image.layers[1].instruction.as_deref(), Some("RUN rm"));
        let [hidden] = &image.hidden[..] else { panic!("{:?}", image.hidden) };
        assert_eq!((hidden.layer, hidden.by, hidden.how, hidden.entry.size), (0, 1, How::Deleted, 20_000_000));
        assert!(image.file("usr/lib64").is_some_and(|file| file.entry.kind == Kind::Symlink));
        assert!(image.gaps.is_empty(), "{:?}", image.gaps);
    }

    #[test]
    fn an_unread_layer_is_a_gap_and_equal_secrets_are_one() {
        let image = image(
            "layer a\n0644 0:0 x\nlayer b\n0644 0:0 y\ngap layer 1 was not there\ngap secret-scan a/b was not searched\n\
             secret proven key in x layer 0 line 3 value k\nsecret proven key in env K value k",
        );
        assert_eq!(image.tree_gap().map(|gap| gap.detail.as_str()), Some("was not there"));
        assert_eq!(image.uncompressed_size(), None);
        assert!(image.file("y").is_none() && image.file("x").is_some());
        assert_eq!(image.secrets.len(), 1);
        assert_eq!(image.secrets[0].places.len(), 2);
        assert_eq!(image.gaps.len(), 2);
    }

    #[test]
    #[should_panic(expected = "this line describes no image: 0644 root:0 x")]
    fn a_malformed_line_panics_with_the_line() {
        image("user 1000\n0644 root:0 x");
    }
}
