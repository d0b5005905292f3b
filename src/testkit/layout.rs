//! Images, OCI layouts, docker archives and layer archives, built in memory.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

use serde_json::{Value, json};

use crate::model::{Digest, Platform};
use crate::oci::{ArchiveIndex, BlobKey, Blobs, Descriptor, FetchError, Member, media_types};

/// One member of an archive.
#[derive(Debug, Clone)]
pub enum Piece {
    /// A regular file.
    File(Vec<u8>),
    /// A symbolic link.
    Symlink(String),
    /// A hard link.
    Hardlink(String),
    /// A directory.
    Directory,
}

/// Writes a tar archive of members in this order; names and link targets are written exactly as given.
#[must_use]
pub fn archive(members: &[(String, Piece)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, piece) in members {
        let (kind, content, link): (_, &[u8], &str) = match piece {
            Piece::File(content) => (tar::EntryType::Regular, content, ""),
            Piece::Symlink(target) => (tar::EntryType::Symlink, &[], target),
            Piece::Hardlink(target) => (tar::EntryType::Link, &[], target),
            Piece::Directory => (tar::EntryType::Directory, &[], ""),
        };
        let mut header = tar::Header::new_gnu();
        let raw = header.as_old_mut();
        // Written directly, since the library refuses names that climb; every name in these tests is short.
        raw.name[..name.len()].copy_from_slice(name.as_bytes());
        raw.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(content.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A layer of regular files.
#[must_use]
pub fn layer_of(files: &[(&str, &str)]) -> Vec<u8> {
    let file = |(name, content): &(&str, &str)| ((*name).to_owned(), Piece::File(content.as_bytes().to_vec()));
    archive(&files.iter().map(file).collect::<Vec<_>>())
}

/// How a layer is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// As it is.
    Plain,
    /// gzip.
    Gzip,
    /// Zstandard.
    Zstd,
}

impl Packing {
    /// Packs bytes.
    #[must_use]
    pub fn pack(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Plain => bytes.to_vec(),
            Self::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(bytes).expect("memory takes all");
                encoder.finish().expect("memory takes all")
            }
            Self::Zstd => zstd::encode_all(bytes, 1).expect("memory takes all"),
        }
    }

    /// The OCI media type of a layer packed so.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Plain => "application/vnd.oci.image.layer.v1.tar",
            Self::Gzip => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Zstd => "application/vnd.oci.image.layer.v1.tar+zstd",
        }
    }
}

/// Serialises a document.
#[must_use]
pub fn bytes_of(document: &Value) -> Vec<u8> {
    serde_json::to_vec(document).expect("serialises")
}

/// A descriptor of these bytes, as JSON.
#[must_use]
pub fn describe(media_type: &str, bytes: &[u8]) -> Value {
    json!({ "mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len() })
}

/// One image: layers, config, annotations.
#[derive(Debug, Clone)]
pub struct ImageBuilder {
    /// The whole config document; `rootfs` is written by [`LayoutBuilder`].
    pub config: Value,
    /// Fields to replace in the manifest.
    pub manifest: Value,
    /// The platform of its descriptor in an index; none to leave it out.
    pub platform: Option<Platform>,
    /// Uncompressed archives and how they are stored, bottom first.
    pub layers: Vec<(Vec<u8>, Packing)>,
}

impl ImageBuilder {
    /// An image without layers for a platform such as `linux/arm64`.
    #[must_use]
    pub fn new(platform: &str) -> Self {
        let platform: Platform = platform.parse().expect("a platform");
        let mut config = json!({ "os": platform.os, "architecture": platform.architecture, "config": {} });
        if !platform.variant.is_empty() {
            config["variant"] = json!(platform.variant);
        }
        Self { config, manifest: json!({}), platform: Some(platform), layers: Vec::new() }
    }

    /// Adds a layer from an uncompressed archive.
    #[must_use]
    pub fn layer(mut self, archive: Vec<u8>, packing: Packing) -> Self {
        self.layers.push((archive, packing));
        self
    }

    /// Sets a field of the config's `config` object, such as `User`.
    #[must_use]
    pub fn set(mut self, name: &str, value: Value) -> Self {
        self.config["config"][name] = value;
        self
    }

    /// Sets the `history`.
    #[must_use]
    pub fn history(mut self, history: Value) -> Self {
        self.config["history"] = history;
        self
    }

    /// Replaces a field of the manifest, such as `annotations`.
    #[must_use]
    pub fn manifest_field(mut self, name: &str, value: Value) -> Self {
        self.manifest[name] = value;
        self
    }

    /// The config with its `rootfs`.
    #[must_use]
    pub fn config_bytes(&self) -> Vec<u8> {
        let mut config = self.config.clone();
        if config.get("rootfs").is_none() {
            let diff_ids: Vec<String> =
                self.layers.iter().map(|(archive, _)| Digest::of(archive).to_string()).collect();
            config["rootfs"] = json!({ "type": "layers", "diff_ids": diff_ids });
        }
        bytes_of(&config)
    }

    /// The members of a docker archive as `docker save` up to 24 writes it: `manifest.json` last, layers uncompressed.
    #[must_use]
    pub fn docker_members(&self, tags: &[&str]) -> Vec<(String, Piece)> {
        let mut members = Vec::new();
        let mut layers = Vec::new();
        for (at, (archive, _)) in self.layers.iter().enumerate() {
            let name = format!("{at:064x}/layer.tar");
            members.push((name.clone(), Piece::File(archive.clone())));
            layers.push(name);
        }
        let config = self.config_bytes();
        let name = format!("{}.json", Digest::of(&config).hex());
        members.push((name.clone(), Piece::File(config)));
        let manifest = json!([{ "Config": name, "RepoTags": tags, "Layers": layers }]);
        members.push(("manifest.json".to_owned(), Piece::File(bytes_of(&manifest))));
        members
    }
}

/// A finished layout: its files by path, `index.json` and `oci-layout` among them.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Content by path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// Digests of the manifests in the order of the images.
    pub manifests: Vec<Digest>,
    /// Descriptor of the index, if there is one, else of the only manifest.
    pub root: Value,
}

impl Layout {
    /// Adds a blob and returns its descriptor.
    pub fn add(&mut self, media_type: &str, bytes: Vec<u8>) -> Value {
        let descriptor = describe(media_type, &bytes);
        self.files.insert(format!("blobs/sha256/{}", Digest::of(&bytes).hex()), bytes);
        descriptor
    }

    /// Replaces `index.json` by an index of these descriptors.
    pub fn list(&mut self, descriptors: &[Value]) {
        let index = json!({ "schemaVersion": 2, "manifests": descriptors });
        self.files.insert("index.json".to_owned(), bytes_of(&index));
    }

    /// The root with a name, for [`Self::list`].
    #[must_use]
    pub fn named(&self, name: &str) -> Value {
        let mut descriptor = self.root.clone();
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        descriptor
    }

    /// Writes the files below a directory.
    #[expect(clippy::disallowed_methods, reason = "tests may write below their own directory")]
    pub fn write_to(&self, directory: &Path) {
        for (name, content) in &self.files {
            let path = directory.join(name);
            std::fs::create_dir_all(path.parent().expect("has a parent")).expect("a directory");
            std::fs::write(path, content).expect("a file");
        }
    }

    /// The members of the layout as an archive holds them.
    #[must_use]
    pub fn members(&self) -> Vec<(String, Piece)> {
        self.files.iter().map(|(name, content)| (name.clone(), Piece::File(content.clone()))).collect()
    }

    /// The layout as a tar archive.
    #[must_use]
    pub fn archive(&self) -> Vec<u8> {
        archive(&self.members())
    }

    /// The blobs, by digest.
    #[must_use]
    pub fn blobs(&self) -> MemoryBlobs {
        let digest = |path: &str| {
            let (algorithm, hex) = path.strip_prefix("blobs/")?.split_once('/')?;
            format!("{algorithm}:{hex}").parse().ok()
        };
        let blobs = self.files.iter().filter_map(|(path, content)| Some((digest(path)?, content.clone())));
        MemoryBlobs { blobs: blobs.collect(), ..MemoryBlobs::default() }
    }

    /// The descriptor of the root, parsed.
    #[must_use]
    pub fn root_descriptor(&self) -> Descriptor {
        Descriptor {
            media_type: self.root["mediaType"].as_str().expect("a media type").to_owned(),
            digest: self.root["digest"].as_str().expect("a digest").parse().expect("a digest"),
            size: self.root["size"].as_u64().expect("a size"),
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }
}

/// Builds an OCI layout of one image, or of several below an index.
#[derive(Debug, Clone, Default)]
pub struct LayoutBuilder {
    images: Vec<ImageBuilder>,
    /// Further descriptors for the index.
    extra: Vec<Value>,
    index: bool,
    tag: Option<String>,
}

impl LayoutBuilder {
    /// A layout without images.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an image; from the second on they are listed in an index.
    #[must_use]
    pub fn image(mut self, image: ImageBuilder) -> Self {
        self.images.push(image);
        self
    }

    /// Makes an index even of one image.
    #[must_use]
    pub fn index(mut self) -> Self {
        self.index = true;
        self
    }

    /// Adds a descriptor to the index as it is.
    #[must_use]
    pub fn child(mut self, descriptor: Value) -> Self {
        self.extra.push(descriptor);
        self.index = true;
        self
    }

    /// Names the root in `index.json`.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tag = Some(tag.to_owned());
        self
    }

    /// Builds it.
    #[must_use]
    pub fn build(self) -> Layout {
        let mut layout = Layout::default();
        layout.files.insert("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        let index = self.index || self.images.len() != 1;
        let mut children = Vec::new();
        for image in &self.images {
            let config = layout.add(media_types::OCI_CONFIG, image.config_bytes());
            let mut layers = Vec::new();
            for (archive, packing) in &image.layers {
                layers.push(layout.add(packing.media_type(), packing.pack(archive)));
            }
            let mut manifest = json!({
                "schemaVersion": 2, "mediaType": media_types::OCI_MANIFEST, "config": config, "layers": layers,
            });
            for (name, value) in image.manifest.as_object().expect("an object") {
                manifest[name] = value.clone();
            }
            let bytes = bytes_of(&manifest);
            layout.manifests.push(Digest::of(&bytes));
            let mut descriptor = layout.add(media_types::OCI_MANIFEST, bytes);
            if let Some(platform) = image.platform.as_ref().filter(|_| index) {
                descriptor["platform"] = json!({ "os": platform.os, "architecture": platform.architecture });
                if !platform.variant.is_empty() {
                    descriptor["platform"]["variant"] = json!(platform.variant);
                }
            }
            children.push(descriptor);
        }
        children.extend(self.extra);
        layout.root = if index {
            let document = json!({
                "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": children,
            });
            layout.add(media_types::OCI_INDEX, bytes_of(&document))
        } else {
            children.remove(0)
        };
        let listed = self.tag.map_or_else(|| layout.root.clone(), |tag| layout.named(&tag));
        layout.list(&[listed]);
        layout
    }
}

/// Blobs in memory, with faults on request.
#[derive(Debug, Default)]
pub struct MemoryBlobs {
    /// Content by digest.
    pub blobs: BTreeMap<Digest, Vec<u8>>,
    /// Content by member name.
    pub members: BTreeMap<String, Vec<u8>>,
    /// Digests that the source does not answer for.
    pub unavailable: Vec<Digest>,
    /// Digests that were asked for.
    pub asked: std::sync::Mutex<Vec<Digest>>,
}

impl MemoryBlobs {
    fn get(&self, key: &BlobKey) -> Result<&Vec<u8>, FetchError> {
        let found = match key {
            BlobKey::Digest(digest) if self.unavailable.contains(digest) => {
                return Err(FetchError::Unavailable { what: key.to_string(), why: "status 503".to_owned() });
            }
            BlobKey::Digest(digest) => self.blobs.get(digest),
            BlobKey::Member(name) => self.members.get(name),
        };
        found.ok_or_else(|| FetchError::NotFound { what: key.to_string() })
    }
}

impl Blobs for MemoryBlobs {
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        self.asked.lock().expect("not poisoned").push(descriptor.digest.clone());
        let bytes = self.get(&BlobKey::Digest(descriptor.digest.clone()))?;
        if bytes.len() as u64 > limit {
            let why = format!("longer than {limit} bytes");
            return Err(FetchError::Damaged { what: descriptor.digest.to_string(), why });
        }
        Ok(bytes.clone())
    }

    fn open(&self, key: &BlobKey, _size: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        Ok(Box::new(self.get(key)?.as_slice()))
    }
}

/// The index that one pass over an archive gives: every file with its content.
#[must_use]
pub fn index_of(members: &[(String, Piece)]) -> ArchiveIndex {
    let mut index = ArchiveIndex::default();
    for (name, piece) in members {
        let name = crate::model::normalise_path(name.as_bytes()).expect("a plain name");
        let member = match piece {
            Piece::File(content) => Member::File { size: content.len() as u64, content: Some(content.clone()) },
            Piece::Symlink(target) => Member::Link { target: target.clone(), hard: false },
            Piece::Hardlink(target) => Member::Link { target: target.clone(), hard: true },
            Piece::Directory => continue,
        };
        if index.members.insert(name.clone(), member).is_some() {
            index.duplicates.push(name);
        }
    }
    index
}
