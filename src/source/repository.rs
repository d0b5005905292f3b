//! OCI layouts as repositories: a directory to read and to write, an archive to read (OCI image-spec, image-layout.md).
//!
//! What refers to a manifest stands in `index.json` without a name, as other tools write it.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::model::Digest;
use crate::oci::{
    BlobKey, Blobs, Descriptor, Document, FetchError, Index, PlanError, check_layout_version, layout_index,
    layout_root, media_types, parse_document, parse_strict,
};
use crate::registry::{
    BlobToPush, Deleted, FoundBy, Linked, ManifestBytes, ManifestToPush, Opener, PutAnswer, ReadRepository,
    ReferrerLists, Referrers, SelfDescription, Target, Unfit, Uploaded, WriteRepository, check_referrer,
};

use super::archive_file::{self, ArchiveFile};
use super::layout::Layout;

/// Bytes of a manifest or an index.
const MAX_MANIFEST: u64 = 4 << 20;
/// Bytes copied at once.
const PIECE: usize = 256 << 10;
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// What `index.json` and blobs give, whatever holds them.
struct View<'a> {
    name: &'a str,
    index: Index,
    blobs: &'a dyn Blobs,
}

impl View<'_> {
    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        let (digest, listed) = match target {
            Target::Digest(digest) => {
                (digest.clone(), self.index.manifests.iter().find(|listed| listed.digest == *digest))
            }
            Target::Tag(tag) => {
                let found = self.named(tag)?.ok_or_else(|| self.absent(tag))?;
                (found.digest.clone(), Some(found))
            }
        };
        let announced = listed.map(|listed| listed.media_type.clone()).unwrap_or_default();
        self.read(&digest, &announced)
    }

    fn absent(&self, what: &str) -> FetchError {
        FetchError::NotFound { what: format!("`{what}` in `{}`", self.name) }
    }

    fn named(&self, tag: &str) -> Result<Option<&Descriptor>, FetchError> {
        let mut found: Option<&Descriptor> = None;
        for listed in &self.index.manifests {
            if listed.annotations.get(REF_NAME).is_some_and(|name| name == tag) {
                if found.is_some_and(|other| other.digest != listed.digest) {
                    let why = format!("`{}` lists several manifests as `{tag}`", self.name);
                    return Err(FetchError::Usage(why));
                }
                found = Some(listed);
            }
        }
        Ok(found)
    }

    /// Reads a manifest and compares it with its digest.
    fn read(&self, digest: &Digest, announced: &str) -> Result<ManifestBytes, FetchError> {
        let descriptor = Descriptor {
            media_type: announced.to_owned(),
            digest: digest.clone(),
            size: MAX_MANIFEST,
            urls: Vec::new(),
            annotations: std::collections::BTreeMap::new(),
            platform: None,
            artifact_type: None,
        };
        let bytes = match self.blobs.small(&descriptor, MAX_MANIFEST) {
            Err(FetchError::NotFound { .. }) => return Err(self.absent(&digest.to_string())),
            other => other?,
        };
        let mut hasher = digest.hasher();
        hasher.update(&bytes);
        let damaged = |why: String| FetchError::Damaged { what: format!("`{}@{digest}`", self.name), why };
        let found = hasher.finish();
        if found != *digest {
            return Err(damaged(format!("its digest is {found}")));
        }
        let media_type = match parse_document(&bytes, &[announced]).map_err(|error| damaged(error.to_string()))? {
            Document::Index(index) => index.media_type,
            Document::Manifest(manifest) => manifest.media_type,
        };
        Ok(ManifestBytes { bytes, media_type, digest: digest.clone() })
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        let mut all = Referrers { api: true, ..Referrers::default() };
        for listed in self.index.manifests.iter().filter(|listed| listed.digest != *subject) {
            // `index.json` of a shared store may list what was taken away, which is no problem for who copies what is there.
            let unfit = match self.read(&listed.digest, &listed.media_type) {
                Ok(manifest) => {
                    if let Ok(referrer) = check_referrer(subject, manifest, FoundBy::Layout) {
                        all.found.push(referrer);
                    }
                    continue;
                }
                Err(FetchError::NotFound { .. }) => Unfit::absent(&listed.digest),
                Err(FetchError::Damaged { why, .. }) => Unfit::damaged(&listed.digest, &why),
                Err(error) => return Err(error),
            };
            all.lost.push(unfit.problem);
        }
        all.lost.sort();
        all.lost.dedup();
        all.found.sort_by(|one, other| one.manifest.digest.cmp(&other.manifest.digest));
        all.found.dedup_by(|one, other| one.manifest.digest == other.manifest.digest);
        Ok(all)
    }

    /// Every entry may refer to the subject: only its manifest tells.
    fn lists(&self) -> ReferrerLists {
        ReferrerLists { api: Some(self.index.manifests.clone()), fallback: None }
    }

    fn tags(&self) -> Vec<String> {
        let names = self.index.manifests.iter().filter_map(|listed| listed.annotations.get(REF_NAME).cloned());
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    }
}

fn index_of(bytes: &[u8], name: &str) -> Result<Index, FetchError> {
    layout_index(bytes).map_err(|error| flat(error, name))
}

/// The error of a layout in the words of a repository.
pub(super) fn flat(error: PlanError, name: &str) -> FetchError {
    match error {
        PlanError::Fetch(error) => error,
        PlanError::EmptyIndex(_) => FetchError::NotFound { what: format!("an image in `{name}`") },
        other => {
            let why = std::error::Error::source(&other).map_or_else(|| other.to_string(), ToString::to_string);
            FetchError::Damaged { what: format!("`{name}`"), why }
        }
    }
}

/// An OCI layout in an archive.
pub struct ArchiveRepository {
    name: String,
    index_json: Vec<u8>,
    blobs: ArchiveFile,
}

impl ArchiveRepository {
    /// The layout in an archive whose members were found.
    ///
    /// # Errors
    /// [`FetchError`] when `index.json` cannot be read.
    pub(super) fn new(name: &str, blobs: ArchiveFile) -> Result<Self, FetchError> {
        let index_json = archive_file::index_json(&blobs, name)?;
        Ok(Self { name: name.to_owned(), index_json, blobs })
    }

    /// The manifest or index that is meant, and its tag.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn root(&self, tag: Option<&str>) -> Result<(ManifestBytes, Option<String>), FetchError> {
        let (descriptor, tag) =
            layout_root(&self.index_json, &self.name, &self.name, tag).map_err(|error| flat(error, &self.name))?;
        Ok((self.view()?.read(&descriptor.digest, &descriptor.media_type)?, tag))
    }

    fn view(&self) -> Result<View<'_>, FetchError> {
        Ok(View { name: &self.name, index: index_of(&self.index_json, &self.name)?, blobs: &self.blobs })
    }
}

impl ReadRepository for ArchiveRepository {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        self.view()?.manifest(target)
    }

    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send + 'a>, FetchError> {
        self.blobs.open(&BlobKey::Digest(digest.clone()), size)
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        self.view()?.referrers(subject)
    }

    fn referrer_lists(&self, _: &Digest) -> Result<ReferrerLists, FetchError> {
        Ok(self.view()?.lists())
    }

    fn tags(&self) -> Result<Vec<String>, FetchError> {
        Ok(self.view()?.tags())
    }
}

/// An OCI layout directory.
pub struct LayoutRepository {
    name: String,
    blobs: Layout,
    writing: Mutex<()>,
}

impl LayoutRepository {
    /// A layout that is there.
    #[must_use]
    pub fn new(folder: &str) -> Self {
        let blobs = Layout { folder: PathBuf::from(folder) };
        Self { name: format!("oci:{folder}"), blobs, writing: Mutex::default() }
    }

    /// A layout to write to: made when there is none.
    ///
    /// # Errors
    /// [`FetchError`] when something else stands there.
    pub fn create(folder: &str) -> Result<Self, FetchError> {
        let layout = Self::new(folder);
        let version = layout.blobs.folder.join("oci-layout");
        match read(&version) {
            Ok(bytes) => check_layout_version(&bytes, folder)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut entries = std::fs::read_dir(&layout.blobs.folder).into_iter().flatten();
                if entries.next().is_some() {
                    let why = format!("the folder `{folder}` holds something that is no OCI layout");
                    return Err(FetchError::Usage(why));
                }
                make_folder(&layout.blobs.folder.join("blobs/sha256"))?;
                replace(&version, br#"{"imageLayoutVersion":"1.0.0"}"#)?;
            }
            Err(source) => return Err(FetchError::Io { what: version.display().to_string(), source }),
        }
        Ok(layout)
    }

    /// The manifest or index that is meant, and its tag.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn root(&self, tag: Option<&str>) -> Result<(ManifestBytes, Option<String>), FetchError> {
        let (descriptor, tag) =
            layout_root(&self.index_json()?, &self.name, &self.name, tag).map_err(|error| flat(error, &self.name))?;
        Ok((self.view()?.read(&descriptor.digest, &descriptor.media_type)?, tag))
    }

    fn index_json(&self) -> Result<Vec<u8>, FetchError> {
        let path = self.blobs.folder.join("index.json");
        match read(&path) {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(empty_index().to_string().into_bytes()),
            Err(source) => Err(FetchError::Io { what: path.display().to_string(), source }),
        }
    }

    fn view(&self) -> Result<View<'_>, FetchError> {
        Ok(View { name: &self.name, index: index_of(&self.index_json()?, &self.name)?, blobs: &self.blobs })
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.blobs.folder.join(BlobKey::Digest(digest.clone()).layout_path())
    }

    fn store(&self, digest: &Digest, bytes: &[u8]) -> Result<(), FetchError> {
        let path = self.blob_path(digest);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        replace(&path, bytes)
    }

    /// Changes `index.json`; entries and fields that are not touched stay as they are.
    fn change(&self, change: impl FnOnce(&mut Vec<Value>)) -> Result<(), FetchError> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = self.index_json()?;
        index_of(&bytes, &self.name)?;
        let damaged = |why: String| FetchError::Damaged { what: format!("`index.json` of `{}`", self.name), why };
        let mut document = parse_strict(&bytes).map_err(|error| damaged(error.to_string()))?;
        let mut entries = match document.get_mut("manifests").map(Value::take) {
            Some(Value::Array(entries)) => entries,
            _ => Vec::new(),
        };
        change(&mut entries);
        document["manifests"] = Value::Array(entries);
        replace(&self.blobs.folder.join("index.json"), document.to_string().as_bytes())
    }
}

fn make_folder(folder: &Path) -> Result<(), FetchError> {
    std::fs::create_dir_all(folder).map_err(|source| io(folder, source))
}

/// Writes a file beside its place and moves it there, so that nobody ever sees a half one.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let beside = temporary(path);
    let mut written = create(&beside).and_then(|mut file| file.write_all(bytes));
    if written.is_ok() {
        written = std::fs::rename(&beside, path);
    }
    written.map_err(|source| io(path, source))
}

fn empty_index() -> Value {
    json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": [] })
}

#[expect(clippy::disallowed_methods, reason = "a source is an edge")]
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_MANIFEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[expect(clippy::disallowed_methods, reason = "a source is an edge")]
fn create(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::File::create(path)
}

/// A name beside a file, which no other process uses.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", std::process::id()))
}

impl ReadRepository for LayoutRepository {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn manifest(&self, target: &Target) -> Result<ManifestBytes, FetchError> {
        self.view()?.manifest(target)
    }

    fn open_blob<'a>(&'a self, digest: &Digest, size: u64) -> Result<Box<dyn Read + Send + 'a>, FetchError> {
        self.blobs.open(&BlobKey::Digest(digest.clone()), size)
    }

    fn referrers(&self, subject: &Digest) -> Result<Referrers, FetchError> {
        self.view()?.referrers(subject)
    }

    fn referrer_lists(&self, _: &Digest) -> Result<ReferrerLists, FetchError> {
        Ok(self.view()?.lists())
    }

    fn tags(&self) -> Result<Vec<String>, FetchError> {
        Ok(self.view()?.tags())
    }
}

impl WriteRepository for LayoutRepository {
    fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, FetchError> {
        // One of another size is half of one: it is written anew.
        Ok(std::fs::metadata(self.blob_path(digest)).is_ok_and(|data| data.is_file() && data.len() == size))
    }

    fn push_blob(&self, blob: &BlobToPush, open: &mut Opener<'_>) -> Result<Uploaded, FetchError> {
        if self.has_blob(&blob.digest, blob.size)? {
            return Ok(Uploaded::Found);
        }
        let path = self.blob_path(&blob.digest);
        if let Some(folder) = path.parent() {
            make_folder(folder)?;
        }
        let beside = temporary(&path);
        let done = write_blob(blob, open, &beside);
        match done.and_then(|()| std::fs::rename(&beside, &path).map_err(|source| io(&path, source))) {
            Ok(()) => Ok(Uploaded::Sent),
            Err(error) => {
                // What is half written must not stay; that it cannot be taken away changes nothing.
                let _ = std::fs::remove_file(&beside);
                Err(error)
            }
        }
    }

    fn put_manifest(&self, put: &ManifestToPush) -> Result<PutAnswer, FetchError> {
        self.store(&put.digest, &put.bytes)?;
        let Target::Tag(tag) = &put.target else { return Ok(PutAnswer::default()) };
        let mut entry =
            json!({ "mediaType": put.media_type, "digest": put.digest.to_string(), "size": put.bytes.len() });
        entry["annotations"] = json!({ REF_NAME: tag });
        self.change(|entries| {
            entries.retain(|entry| entry["annotations"][REF_NAME] != json!(tag));
            entries.push(entry);
        })?;
        Ok(PutAnswer::default())
    }

    fn attach(&self, put: &ManifestToPush) -> Result<(Linked, PutAnswer), FetchError> {
        let described = SelfDescription::read(&put.bytes, &put.media_type)
            .map_err(|why| FetchError::Usage(format!("{} is no referrer: {why}", put.digest)))?;
        self.store(&put.digest, &put.bytes)?;
        let mut entry =
            json!({ "mediaType": put.media_type, "digest": put.digest.to_string(), "size": put.bytes.len() });
        if let Some(artifact_type) = described.artifact_type {
            entry["artifactType"] = json!(artifact_type);
        }
        if !described.annotations.is_empty() {
            // A name in `index.json` is a tag: a manifest must not name itself.
            let annotations = described.annotations.into_iter().filter(|(key, _)| key != REF_NAME);
            entry["annotations"] =
                annotations.map(|(key, value)| (key, json!(value))).collect::<serde_json::Map<_, _>>().into();
        }
        self.change(|entries| {
            if !entries.iter().any(|listed| listed["digest"] == entry["digest"]) {
                entries.push(entry);
            }
        })?;
        Ok((Linked::Api, PutAnswer::default()))
    }

    fn delete(&self, target: &Target) -> Result<Deleted, FetchError> {
        let Target::Tag(tag) = target else { return Ok(Deleted::Disabled) };
        if self.view()?.named(tag)?.is_none() {
            return Ok(Deleted::Absent);
        }
        self.change(|entries| entries.retain(|entry| entry["annotations"][REF_NAME] != json!(tag)))?;
        Ok(Deleted::Gone)
    }

    fn detach(&self, _: &Digest, referrer: &Digest) -> Result<(), FetchError> {
        self.change(|entries| entries.retain(|entry| entry["digest"] != json!(referrer.to_string())))
    }
}

fn io(path: &Path, source: std::io::Error) -> FetchError {
    FetchError::Io { what: path.display().to_string(), source }
}

/// Writes a blob into a file and compares it with digest and size.
fn write_blob(blob: &BlobToPush, open: &mut Opener<'_>, path: &Path) -> Result<(), FetchError> {
    let damaged = |why: String| FetchError::Damaged { what: format!("blob {}", blob.digest), why };
    // One byte more shows that there is more.
    let mut reader = open()?.take(blob.size.saturating_add(1));
    let mut file = create(path).map_err(|source| io(path, source))?;
    let mut hasher = blob.digest.hasher();
    let mut buffer = vec![0; PIECE];
    let mut size = 0_u64;
    loop {
        let count = reader.read(&mut buffer).map_err(|error| match error.downcast::<FetchError>() {
            Ok(inner) => inner,
            Err(source) => FetchError::Io { what: format!("blob {}", blob.digest), source },
        })?;
        let Some(piece) = buffer.get(..count).filter(|piece| !piece.is_empty()) else { break };
        hasher.update(piece);
        file.write_all(piece).map_err(|source| io(path, source))?;
        size += piece.len() as u64;
    }
    if size != blob.size {
        return Err(damaged(format!("it has {size} bytes or more, not {}", blob.size)));
    }
    let found = hasher.finish();
    if found == blob.digest { Ok(()) } else { Err(damaged(format!("its digest is {found}"))) }
}
