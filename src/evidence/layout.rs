//! OCI layout folders (OCI image-spec, image-layout.md): referrers are manifests in its index that have a subject.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::model::Digest;
use crate::oci::{BlobKey, Descriptor, Document, FetchError, Index, media_types, parse_document, parse_strict};
use crate::sign::evidence::Place;

use super::{NewReferrer, Store, Stored, checked};

/// Bytes of a manifest or of the layout's index.
const MAX_MANIFEST: u64 = 4 << 20;
const TAG: &str = "org.opencontainers.image.ref.name";

/// A layout folder.
pub struct LayoutStore {
    folder: PathBuf,
    name: String,
    root: Stored,
}

impl LayoutStore {
    /// Opens a folder and resolves `tag`: a tag, `@` and a digest, or none for the only image in it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn open(path: &str, tag: Option<&str>) -> Result<Self, FetchError> {
        let mut store = Self {
            folder: PathBuf::from(path),
            name: path.to_owned(),
            root: Stored { media_type: String::new(), bytes: Vec::new(), digest: Digest::of(b"") },
        };
        let index = store.index()?;
        let descriptor = choose(&index, tag).ok_or_else(|| match tag {
            Some(tag) => FetchError::NotFound { what: format!("`{tag}` in `{path}`") },
            None => FetchError::Usage(format!("`{path}` has not exactly one image: name one, as in oci:{path}:TAG")),
        })?;
        store.root = Stored { media_type: descriptor.media_type.clone(), ..store.manifest(&descriptor.digest)? };
        Ok(store)
    }

    fn index(&self) -> Result<Index, FetchError> {
        let bytes = read(&self.folder.join("index.json"), MAX_MANIFEST)?;
        match parse_document(&bytes, &[media_types::OCI_INDEX]) {
            Ok(Document::Index(index)) => Ok(index),
            Ok(Document::Manifest(_)) => Err(self.damaged("its index is a manifest".to_owned())),
            Err(error) => Err(self.damaged(error.to_string())),
        }
    }

    fn damaged(&self, why: String) -> FetchError {
        FetchError::Damaged { what: format!("`{}`", self.name), why }
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(BlobKey::Digest(digest.clone()).layout_path())
    }

    fn put(&self, bytes: &[u8]) -> Result<Digest, FetchError> {
        let digest = Digest::of(bytes);
        let path = self.blob_path(&digest);
        if !path.is_file() {
            write(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Adds an entry to the index, in place of those that `replaced` accepts. Fields that are not known stay.
    fn add(&self, entry: &Value, replaced: impl Fn(&Value) -> bool) -> Result<(), FetchError> {
        let path = self.folder.join("index.json");
        let bytes = read(&path, MAX_MANIFEST)?;
        let mut index = parse_strict(&bytes).map_err(|error| self.damaged(error.to_string()))?;
        let list = index
            .get_mut("manifests")
            .and_then(Value::as_array_mut)
            .ok_or_else(|| self.damaged("its index lists nothing".to_owned()))?;
        list.retain(|other| other.get("digest") != entry.get("digest") && !replaced(other));
        list.push(entry.clone());
        write(&path, index.to_string().as_bytes())
    }
}

fn choose<'a>(index: &'a Index, tag: Option<&str>) -> Option<&'a Descriptor> {
    let tag_of = |entry: &'a Descriptor| entry.annotations.get(TAG).map(String::as_str);
    if let Some(tag) = tag {
        return match tag.strip_prefix('@') {
            Some(digest) => index.manifests.iter().find(|entry| entry.digest.to_string() == digest),
            None => index.manifests.iter().find(|entry| tag_of(entry) == Some(tag)),
        };
    }
    // Evidence is no image: signing must not make the only image ambiguous.
    let is_evidence = |entry: &&'a Descriptor| {
        let suffix = tag_of(entry).and_then(|tag| tag.rsplit('.').next());
        entry.artifact_type.is_some() || matches!(suffix, Some("sig" | "att"))
    };
    let mut images = index.manifests.iter().filter(|entry| !is_evidence(entry));
    let only = images.next()?;
    images.next().is_none().then_some(only)
}

impl Store for LayoutStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn root(&self) -> &Stored {
        &self.root
    }

    fn manifest(&self, digest: &Digest) -> Result<Stored, FetchError> {
        let bytes = read(&self.blob_path(digest), MAX_MANIFEST)?;
        if Digest::of(&bytes) != *digest {
            return Err(FetchError::Damaged { what: digest.to_string(), why: "its digest is another".to_owned() });
        }
        let media_type = match parse_document(&bytes, &[]) {
            Ok(Document::Index(index)) => index.media_type,
            Ok(Document::Manifest(manifest)) => manifest.media_type,
            Err(error) => return Err(FetchError::Damaged { what: digest.to_string(), why: error.to_string() }),
        };
        Ok(Stored { media_type, bytes, digest: digest.clone() })
    }

    fn tagged(&self, tag: &str) -> Result<Option<Stored>, FetchError> {
        let index = self.index()?;
        match choose(&index, Some(tag)) {
            Some(entry) => self.manifest(&entry.digest).map(Some),
            None => Ok(None),
        }
    }

    fn blob(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        checked(read(&self.blob_path(&descriptor.digest), limit)?, &descriptor.digest)
    }

    fn referrers(&self, digest: &Digest) -> Result<Vec<(Stored, Place)>, FetchError> {
        let mut found = Vec::new();
        for entry in self.index()?.manifests {
            if entry.digest == *digest || !entry.media_type.contains("manifest") {
                continue;
            }
            let Ok(stored) = self.manifest(&entry.digest) else { continue };
            let Ok(Document::Manifest(manifest)) = parse_document(&stored.bytes, &[]) else { continue };
            if manifest.subject.is_some_and(|subject| subject.digest == *digest) {
                found.push((stored, Place::Referrer));
            }
        }
        Ok(found)
    }

    fn put_blob(&self, bytes: &[u8]) -> Result<(), FetchError> {
        self.put(bytes).map(|_| ())
    }

    fn put_referrer(&self, referrer: &NewReferrer<'_>) -> Result<(), FetchError> {
        let digest = self.put(referrer.bytes)?;
        let entry = json!({
            "mediaType": media_types::OCI_MANIFEST,
            "digest": digest.to_string(),
            "size": referrer.bytes.len(),
            "artifactType": referrer.artifact_type,
            "annotations": referrer.annotations,
        });
        self.add(&entry, |_| false)
    }

    fn put_tagged(&self, tag: &str, bytes: &[u8]) -> Result<(), FetchError> {
        let digest = self.put(bytes)?;
        let annotations = BTreeMap::from([(TAG, tag)]);
        let entry = json!({
            "mediaType": media_types::OCI_MANIFEST,
            "digest": digest.to_string(),
            "size": bytes.len(),
            "annotations": annotations,
        });
        self.add(&entry, |other| {
            other.pointer("/annotations").and_then(|all| all.get(TAG)).and_then(Value::as_str) == Some(tag)
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "a store of evidence is an edge")]
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FetchError> {
    let failed = |source: std::io::Error| {
        let what = format!("`{}`", path.display());
        if source.kind() == std::io::ErrorKind::NotFound {
            FetchError::NotFound { what }
        } else {
            FetchError::Io { what, source }
        }
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let why = format!("it has more than {limit} bytes");
        return Err(FetchError::Damaged { what: format!("`{}`", path.display()), why });
    }
    Ok(bytes)
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), FetchError> {
    let failed = |source: std::io::Error| FetchError::Io { what: format!("`{}`", path.display()), source };
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let temporary =
        folder.join(format!(".{}.{}", path.file_name().unwrap_or_default().to_string_lossy(), std::process::id()));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).open(&temporary).map_err(failed)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(failed)
}
