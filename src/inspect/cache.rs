//! The layer cache: facts of whole, verified layers, one file each, shared by any number of processes.
//!
//! A file is written under a temporary name and renamed, so readers see a whole file or none; it carries a checksum of
//! its content, so a damaged one counts as absent. Failures and gaps of the source are never stored. The key binds the
//! blob's digest to the diffID: facts are only reused for a blob that has been seen to unpack to that archive.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::layer::{Limits, WantedContents};
use crate::model::{Digest, LayerFacts};

/// Changes whenever the meaning of stored facts changes.
const FORMAT: u32 = 7;
const MAGIC: &[u8; 8] = b"imgguard";

/// A folder of layer facts.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
}

/// What decides whether stored facts are the facts that would be found now.
#[derive(Debug, Clone)]
pub struct Analysers {
    /// Version of the secret detectors.
    pub scanner: u32,
    /// Version of the catalogers.
    pub catalog: u32,
    /// Name of the key of fingerprints; none without one.
    pub key: Option<String>,
    /// Bounds of a layer.
    pub limits: Limits,
    /// Files whose contents are kept.
    pub contents: Arc<WantedContents>,
}

/// How much the cache holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Layers.
    pub layers: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Cache {
    /// Uses `folder`, which is made when something is stored.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self, blob: Option<&Digest>, diff_id: &Digest, analysers: &Analysers) -> PathBuf {
        let Analysers { scanner, catalog, key, limits, contents } = analysers;
        let contents: Vec<&str> = contents.paths().collect();
        let contents = if contents.is_empty() { String::new() } else { format!("\n{contents:?}") };
        let blob = blob.map_or_else(|| "-".to_owned(), ToString::to_string);
        let program = env!("CARGO_PKG_VERSION");
        let key = Digest::of(
            format!("{FORMAT}\n{blob}\n{diff_id}\n{scanner}\n{catalog}\n{key:?}\n{limits:?}\n{program}{contents}")
                .as_bytes(),
        );
        self.folder.join(&key.hex()[..2]).join(&key.hex()[2..])
    }

    /// The stored facts of a layer; none when there are none, or when the file is damaged.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the cache is an edge")]
    pub fn get(&self, blob: Option<&Digest>, diff_id: &Digest, analysers: &Analysers) -> Option<LayerFacts> {
        let path = self.file(blob, diff_id, analysers);
        let file = std::fs::File::open(&path).ok()?;
        let mut bytes = Vec::with_capacity(usize::try_from(file.metadata().ok()?.len()).ok()?);
        (&file).read_to_end(&mut bytes).ok()?;
        let content = bytes.strip_prefix(MAGIC)?;
        let (seal, content) = content.split_first_chunk::<4>()?;
        if crc32fast::hash(content).to_le_bytes() != *seal {
            return None;
        }
        let facts: LayerFacts = postcard::from_bytes(content).ok()?;
        (facts.diff_id == *diff_id).then_some(facts)
    }

    /// Stores the facts of a layer. A failure to store is the caller's to ignore: it costs time, never truth.
    ///
    /// # Errors
    /// The file system's.
    pub fn put(&self, blob: Option<&Digest>, facts: &LayerFacts, analysers: &Analysers) -> io::Result<()> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let path = self.file(blob, &facts.diff_id, analysers);
        let folder = path.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder)?;
        let unique = format!(".new-{}-{}", std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed));
        let temporary = folder.join(unique);
        let written = write(&temporary, facts).and_then(|()| std::fs::rename(&temporary, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        written
    }

    fn files(&self) -> io::Result<Vec<(std::time::SystemTime, u64, PathBuf)>> {
        let mut files = Vec::new();
        let folders = match std::fs::read_dir(&self.folder) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(files),
            Err(error) => return Err(error),
        };
        for folder in folders {
            let folder = folder?;
            let is_ours = folder
                .file_name()
                .to_str()
                .is_some_and(|name| name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit()));
            if !is_ours || !folder.file_type()?.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder.path())? {
                let file = file?;
                let Ok(data) = file.metadata() else { continue };
                files.push((data.modified()?, data.len(), file.path()));
            }
        }
        files.sort();
        Ok(files)
    }

    /// Counts what is stored.
    ///
    /// # Errors
    /// The file system's.
    pub fn usage(&self) -> io::Result<Usage> {
        let files = self.files()?;
        Ok(Usage { layers: files.len() as u64, bytes: files.iter().map(|(_, bytes, _)| bytes).sum() })
    }

    /// Removes the layers stored longest ago until at most `keep` bytes are left, and returns what was removed.
    ///
    /// # Errors
    /// The file system's.
    pub fn prune(&self, keep: u64) -> io::Result<Usage> {
        let files = self.files()?;
        let mut left: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        let mut removed = Usage::default();
        for (_, bytes, path) in files {
            if left <= keep {
                break;
            }
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            left -= bytes;
            removed.layers += 1;
            removed.bytes += bytes;
        }
        Ok(removed)
    }
}

#[expect(clippy::disallowed_methods, reason = "the cache is an edge")]
fn write(path: &Path, facts: &LayerFacts) -> io::Result<()> {
    use std::io::Seek as _;
    let mut sealed = Sealing { inner: BufWriter::new(std::fs::File::create(path)?), hash: crc32fast::Hasher::new() };
    sealed.inner.write_all(MAGIC)?;
    sealed.inner.write_all(&[0; 4])?;
    let sealed = postcard::to_io(facts, sealed).map_err(io::Error::other)?;
    let seal = sealed.hash.finalize().to_le_bytes();
    let mut file = sealed.inner.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(io::SeekFrom::Start(MAGIC.len() as u64))?;
    file.write_all(&seal)
}

struct Sealing {
    inner: BufWriter<std::fs::File>,
    hash: crc32fast::Hasher,
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
