//! What the members of an image archive or the files of a layout mean, whatever holds them.

use std::collections::BTreeMap;
use std::io::Read;

use crate::model::{Digest, Gap, GapKind, Note, NoteKind, Platform, Subject, basename, normalise_path, parent};

use super::manifest::{Fields, field};
use super::plan::config_gaps;
use super::{
    BlobKey, Blobs, Descriptor, Document, FetchError, ImagePlan, LayerPlan, OciError, Plan, PlanError, Root, Selector,
    media_types, parse_config, parse_document, parse_strict, plan,
};

/// One member of an archive, or one file of a layout directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Member {
    /// A file: bytes of content, and the content itself where it was small enough to keep.
    File {
        /// Bytes.
        size: u64,
        /// Content of small members.
        content: Option<Vec<u8>>,
    },
    /// A symbolic or hard link, target as written; a hard link's is from the archive's root.
    Link {
        /// Target as written.
        target: String,
        /// Whether it is a hard link.
        hard: bool,
    },
}

/// All members by cleaned name.
#[derive(Debug, Clone, Default)]
pub struct ArchiveIndex {
    /// The members.
    pub members: BTreeMap<String, Member>,
    /// Names that occurred twice: refused when something needs them.
    pub duplicates: Vec<String>,
}

/// What an archive is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveKind {
    /// An OCI layout: `oci-layout` and `index.json`.
    Oci,
    /// `docker save` without a layout: `manifest.json` only.
    Docker,
}

/// Why an archive is no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Neither `index.json` nor `manifest.json`.
    #[error("it holds neither an OCI layout (`index.json`) nor a docker archive (`manifest.json`)")]
    NotAnImage,
    /// Something is missing, given twice or malformed.
    #[error("{0}")]
    Damaged(String),
    /// The choice is not clear.
    #[error("{0}")]
    Choice(String),
}

/// Most links that are followed inside an archive.
const MAX_HOPS: usize = 40;
/// Largest document of an archive.
const DOCUMENT_LIMIT: u64 = 16 << 20;

impl ArchiveIndex {
    /// What the archive is.
    ///
    /// # Errors
    /// [`ArchiveError::NotAnImage`].
    pub fn kind(&self) -> Result<ArchiveKind, ArchiveError> {
        if self.members.contains_key("index.json") {
            Ok(ArchiveKind::Oci)
        } else if self.members.contains_key("manifest.json") {
            Ok(ArchiveKind::Docker)
        } else {
            Err(ArchiveError::NotAnImage)
        }
    }

    /// The member that a name leads to, links followed inside the archive: its final name and size.
    ///
    /// # Errors
    /// [`ArchiveError::Damaged`] when it is missing, given twice, or links loop or leave the archive.
    pub fn resolve(&self, name: &str) -> Result<(String, u64), ArchiveError> {
        let damaged = |why: String| ArchiveError::Damaged(why);
        let mut at = normalise_path(name.as_bytes())
            .map_err(|_| damaged(format!("`{}` is no name in an archive", name.escape_debug())))?;
        for _ in 0..MAX_HOPS {
            if self.duplicates.contains(&at) {
                return Err(damaged(format!("`{at}` is in the archive twice")));
            }
            match self.members.get(&at) {
                None => return Err(damaged(format!("`{at}` is not in the archive"))),
                Some(Member::File { size, .. }) => return Ok((at, *size)),
                Some(Member::Link { target, hard }) => {
                    let from = if *hard { "" } else { parent(&at) };
                    at = join(from, target).ok_or_else(|| damaged(format!("the link `{at}` leaves the archive")))?;
                }
            }
        }
        Err(damaged(format!("the links behind `{}` loop", name.escape_debug())))
    }

    /// The plan for what this archive holds. `tag` picks one image of several (`ref.name` of an OCI layout, repository
    /// tag of a docker archive); `name` is the reference as the user wrote it, `repository` its path.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn plan(
        &self,
        name: &str,
        repository: &str,
        tag: Option<&str>,
        selector: &Selector,
        blobs: &dyn Blobs,
    ) -> Result<Plan, PlanError> {
        let kept = Kept { index: self, blobs, name };
        let refused = |error: ArchiveError| match error {
            ArchiveError::NotAnImage => FetchError::Usage(format!("{name} is no image: {error}")),
            ArchiveError::Choice(why) => FetchError::Usage(format!("{name}: {why}")),
            ArchiveError::Damaged(why) => FetchError::Damaged { what: name.to_owned(), why },
        };
        match self.kind().map_err(refused)? {
            ArchiveKind::Oci => {
                let bytes = kept.document("index.json").map_err(refused)?;
                let root = layout_root(&bytes, name, repository, tag).map_err(refused)?;
                let holder = Rooted { inner: &kept, index: &root.descriptor.digest, bytes: &bytes };
                let plan = plan(&root, selector, &holder)?;
                if self.members.contains_key("manifest.json") {
                    let manifest = kept.document("manifest.json").map_err(refused)?;
                    self.agree(&manifest, &root, &holder).map_err(refused)?;
                }
                Ok(plan)
            }
            ArchiveKind::Docker => {
                let manifest = kept.document("manifest.json").map_err(refused)?;
                let image = self.docker_image(&manifest, name, repository, tag, &kept).map_err(refused)?;
                if let Selector::One(wanted) = selector
                    && !image.platform.matches(wanted)
                {
                    return Err(PlanError::NoPlatform {
                        wanted: wanted.to_string(),
                        available: image.platform.to_string(),
                    });
                }
                Ok(Plan { images: vec![image], gaps: Vec::new() })
            }
        }
    }

    /// An archive of Docker 25 and later says twice what it holds: both must lead to the same config.
    fn agree(&self, manifest: &[u8], root: &Root, blobs: &dyn Blobs) -> Result<(), ArchiveError> {
        let configs = configs_behind(&root.descriptor, blobs, 0);
        let named: Vec<String> = docker_entries(manifest)?.into_iter().map(|entry| entry.config).collect();
        let agrees = named.iter().any(|config| configs.iter().any(|digest| config.contains(digest.hex())));
        if agrees || configs.is_empty() {
            return Ok(());
        }
        Err(ArchiveError::Damaged("`manifest.json` and `index.json` name different configs".to_owned()))
    }

    fn docker_image(
        &self,
        manifest: &[u8],
        name: &str,
        repository: &str,
        tag: Option<&str>,
        kept: &Kept<'_>,
    ) -> Result<ImagePlan, ArchiveError> {
        let entry = choose(docker_entries(manifest)?, tag)?;
        let bytes = kept.document(&entry.config)?;
        let damaged = |why: String| ArchiveError::Damaged(why);
        let (config, mut notes) =
            parse_config(&bytes).map_err(|error| damaged(format!("its config is refused: {error}")))?;
        let digest = Digest::of(&bytes);
        // `docker save` names the config by its digest: a name that looks like one must be right.
        let stem = basename(&entry.config).trim_end_matches(".json");
        if format!("sha256:{stem}").parse::<Digest>().is_ok_and(|named| named != digest) {
            return Err(damaged(format!("the config `{}` has the digest {digest}", entry.config)));
        }
        let mut gaps = config_gaps(&config);
        if entry.layers.len() != config.diff_ids.len() {
            let detail = format!(
                "`manifest.json` has {} layers, the config has {} diffIDs",
                entry.layers.len(),
                config.diff_ids.len()
            );
            gaps.push(Gap { kind: GapKind::Config, layer: None, path: None, detail });
        }
        let layers = entry
            .layers
            .iter()
            .zip(&config.diff_ids)
            .map(|(layer, diff_id)| self.docker_layer(layer, diff_id))
            .collect();
        notes.push(Note {
            kind: NoteKind::Source,
            layer: None,
            path: None,
            detail: "a docker archive has no manifest digest: the digest is the config's".to_owned(),
        });
        let picked = entry.tags.iter().find_map(|full| Some(tag_of(full)?.to_owned()));
        let subject = Subject {
            reference: name.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(|tag| tag_of(tag).unwrap_or(tag).to_owned()).or(picked),
            digest: digest.clone(),
            media_type: media_types::DOCKER_CONFIG.to_owned(),
            config_digest: digest,
        };
        Ok(ImagePlan {
            subject,
            platform: Platform::new(&config.os, &config.architecture, &config.variant),
            index: None,
            annotations: BTreeMap::new(),
            config,
            layers,
            gaps,
            notes,
        })
    }

    fn docker_layer(&self, name: &str, diff_id: &Digest) -> LayerPlan {
        let (key, size, refused) = match self.resolve(name) {
            Ok((name, size)) => (BlobKey::Member(name), size, None),
            Err(error) => {
                let gap = Gap {
                    kind: GapKind::LayerMissing,
                    layer: None,
                    path: None,
                    detail: format!("the layer {diff_id}: {error}"),
                };
                (BlobKey::Member(name.to_owned()), 0, Some(gap))
            }
        };
        LayerPlan {
            key,
            digest: None,
            diff_id: diff_id.clone(),
            media_type: String::new(),
            size,
            compression: None,
            refused,
        }
    }
}

/// A link's target from the folder it stands in; none when it leaves the archive.
fn join(folder: &str, target: &str) -> Option<String> {
    if target.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The documents that were kept with the index, else those of the source.
struct Kept<'a> {
    index: &'a ArchiveIndex,
    blobs: &'a dyn Blobs,
    name: &'a str,
}

impl Kept<'_> {
    fn document(&self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        let (name, size) = self.index.resolve(name)?;
        if size > DOCUMENT_LIMIT {
            return Err(ArchiveError::Damaged(format!("`{name}` has {size} bytes, more than {DOCUMENT_LIMIT}")));
        }
        if let Some(Member::File { content: Some(content), .. }) = self.index.members.get(&name) {
            return Ok(content.clone());
        }
        let mut bytes = Vec::new();
        let damaged = |why: String| ArchiveError::Damaged(format!("`{name}` cannot be read: {why}"));
        let reader =
            self.blobs.open(&BlobKey::Member(name.clone()), size).map_err(|error| damaged(error.to_string()))?;
        reader.take(DOCUMENT_LIMIT).read_to_end(&mut bytes).map_err(|error| damaged(error.to_string()))?;
        Ok(bytes)
    }
}

impl Blobs for Kept<'_> {
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        let digest = &descriptor.digest;
        let name = format!("blobs/{}/{}", digest.algorithm().name(), digest.hex());
        if !self.index.members.contains_key(&name) {
            return Err(FetchError::NotFound { what: format!("`{name}` in {}", self.name) });
        }
        let bytes = self
            .document(&name)
            .map_err(|error| FetchError::Damaged { what: self.name.to_owned(), why: error.to_string() })?;
        if bytes.len() as u64 > limit {
            let why = format!("`{name}` has {} bytes, more than {limit}", bytes.len());
            return Err(FetchError::Damaged { what: self.name.to_owned(), why });
        }
        Ok(bytes)
    }

    fn open(&self, key: &BlobKey, size: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        self.blobs.open(key, size)
    }
}

/// `index.json` itself can be the root: it is no blob of the layout.
struct Rooted<'a> {
    inner: &'a dyn Blobs,
    index: &'a Digest,
    bytes: &'a [u8],
}

impl Blobs for Rooted<'_> {
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        if descriptor.digest == *self.index && Digest::of(self.bytes) == *self.index {
            return Ok(self.bytes.to_vec());
        }
        self.inner.small(descriptor, limit)
    }

    fn open(&self, key: &BlobKey, size: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        self.inner.open(key, size)
    }
}

const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The descriptor that a tag, a digest or nothing picks from `index.json` (OCI image-layout.md).
fn layout_root(bytes: &[u8], name: &str, repository: &str, tag: Option<&str>) -> Result<Root, ArchiveError> {
    let document = parse_document(bytes, &[])
        .map_err(|error| ArchiveError::Damaged(format!("`index.json` is refused: {error}")))?;
    let Document::Index(index) = document else {
        return Err(ArchiveError::Damaged("`index.json` is no index".to_owned()));
    };
    let label = |child: &Descriptor| child.annotations.get(REF_NAME).cloned();
    let whole = || Descriptor {
        media_type: index.media_type.clone(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        urls: Vec::new(),
        annotations: BTreeMap::new(),
        platform: None,
        artifact_type: None,
    };
    let chosen: Vec<&Descriptor> = match tag {
        None => index.manifests.iter().collect(),
        Some(tag) => {
            let digest = tag.strip_prefix('@').unwrap_or(tag).parse::<Digest>().ok();
            let named = |child: &&Descriptor| {
                digest.as_ref().is_some_and(|digest| *digest == child.digest)
                    || label(child).is_some_and(|label| label == tag || tag_of(&label) == Some(tag))
            };
            index.manifests.iter().filter(named).collect()
        }
    };
    let root = |descriptor: Descriptor, tag: Option<String>| Root {
        reference: name.to_owned(),
        repository: repository.to_owned(),
        tag,
        descriptor,
    };
    let plain_tag = tag.filter(|tag| !tag.starts_with('@') && tag.parse::<Digest>().is_err()).map(str::to_owned);
    let of_label = |child: &Descriptor| label(child).map(|label| tag_of(&label).unwrap_or(&label).to_owned());
    let mut labels: Vec<String> = index.manifests.iter().filter_map(&label).collect();
    labels.sort();
    labels.dedup();
    match chosen[..] {
        [] if tag.is_some() => Err(ArchiveError::Choice(match labels.len() {
            0 => "it has no tags: leave the tag out".to_owned(),
            _ => format!("it has no such tag; it has {}", labels.join(", ")),
        })),
        [] => Err(ArchiveError::Damaged("its `index.json` lists nothing".to_owned())),
        [one] => Ok(root(one.clone(), plain_tag.or_else(|| of_label(one)))),
        // Several platforms under one name, or under none: `index.json` is the index.
        _ if labels.len() <= 1 && chosen.iter().all(|child| child.platform.is_some()) => Ok(root(whole(), plain_tag)),
        _ => Err(ArchiveError::Choice(format!("it holds several images: add one of the tags {}", labels.join(", ")))),
    }
}

/// The tag of a full reference such as `localhost/app:1.0`.
fn tag_of(reference: &str) -> Option<&str> {
    let name = reference.rsplit('/').next()?;
    name.split_once(':').map(|(_, tag)| tag)
}

fn configs_behind(descriptor: &Descriptor, blobs: &dyn Blobs, depth: usize) -> Vec<Digest> {
    let Ok(bytes) = blobs.small(descriptor, DOCUMENT_LIMIT) else { return Vec::new() };
    match parse_document(&bytes, &[]) {
        Ok(Document::Manifest(manifest)) => vec![manifest.config.digest],
        Ok(Document::Index(index)) if depth < 4 => {
            index.manifests.iter().take(1000).flat_map(|child| configs_behind(child, blobs, depth + 1)).collect()
        }
        _ => Vec::new(),
    }
}

/// One image of `manifest.json`.
struct DockerEntry {
    config: String,
    tags: Vec<String>,
    layers: Vec<String>,
}

fn docker_entries(bytes: &[u8]) -> Result<Vec<DockerEntry>, ArchiveError> {
    let refused = |why: String| ArchiveError::Damaged(format!("`manifest.json` is refused: {why}"));
    let value = parse_strict(bytes).map_err(|error| refused(error.to_string()))?;
    let list = value.as_array().ok_or_else(|| refused("it is no list".to_owned()))?;
    list.iter()
        .take(1000)
        .enumerate()
        .map(|(at, entry)| {
            let read = || -> Result<DockerEntry, OciError> {
                let fields = Fields::new(entry, &format!("/{at}"))?;
                Ok(DockerEntry {
                    config: fields.text("Config")?.ok_or_else(|| field(&fields.at("Config"), "is missing"))?,
                    tags: fields.text_list("RepoTags")?.unwrap_or_default(),
                    layers: fields.text_list("Layers")?.unwrap_or_default(),
                })
            };
            read().map_err(|error| refused(error.to_string()))
        })
        .collect()
}

fn choose(mut entries: Vec<DockerEntry>, tag: Option<&str>) -> Result<DockerEntry, ArchiveError> {
    let all: Vec<String> = entries.iter().flat_map(|entry| entry.tags.iter().cloned()).collect();
    if let Some(tag) = tag {
        entries.retain(|entry| entry.tags.iter().any(|full| full == tag || tag_of(full) == Some(tag)));
    }
    match (entries.len(), tag) {
        (1, _) => Ok(entries.remove(0)),
        (0, Some(_)) => Err(ArchiveError::Choice(format!("it has no such tag; it has {}", all.join(", ")))),
        (0, None) => Err(ArchiveError::Damaged("its `manifest.json` lists nothing".to_owned())),
        _ => Err(ArchiveError::Choice(format!("it holds several images: add one of the tags {}", all.join(", ")))),
    }
}
