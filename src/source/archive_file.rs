//! Archive files: uncompressed ones are read in any order, compressed ones as a stream.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use std::collections::BTreeMap;

use crate::model::normalise_path;
use crate::oci::{
    ArchiveIndex, BlobKey, Blobs, Compression, Descriptor, FetchError, Member, PlanError, Selector, sniff,
};

use super::Opened;

/// Bytes of an `index.json`.
const MAX_INDEX: u64 = 4 << 20;
/// Most members of an archive.
const MEMBERS: usize = 100_000;

pub(super) fn open(path: &str, tag: Option<&str>, selector: &Selector) -> Result<Opened, PlanError> {
    let (mut file, compression) = open_file(path)?;
    let name = tag.map_or_else(|| path.to_owned(), |tag| format!("{path}:{tag}"));
    if compression != Compression::None {
        let reader = decompress(Box::new(file), compression)
            .map_err(|source| FetchError::Io { what: path.to_owned(), source })?;
        return Ok(Opened::Stream { reader, name, repository: path.to_owned(), tag: tag.map(str::to_owned) });
    }
    let (index, places) = scan(&mut file, path)?;
    let blobs = ArchiveFile { file: Arc::new(file), places };
    let plan = index.plan(&name, path, tag, selector, &blobs)?;
    Ok(Opened::Blobs { plan, blobs: Box::new(blobs) })
}

/// Opens a file, and tells by its first bytes how it is compressed as a whole.
#[expect(clippy::disallowed_methods, reason = "a source is an edge")]
pub(super) fn open_file(path: &str) -> Result<(File, Compression), FetchError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => FetchError::NotFound { what: format!("the file `{path}`") },
        io::ErrorKind::PermissionDenied => {
            FetchError::Denied { what: format!("the file `{path}`"), why: source.to_string() }
        }
        _ => FetchError::Io { what: path.to_owned(), source },
    };
    let mut file = File::open(path).map_err(failed)?;
    let mut head = Vec::new();
    file.by_ref().take(6).read_to_end(&mut head).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok((file, sniff(&head)))
}

/// The members of an uncompressed archive, in any order.
///
/// # Errors
/// [`FetchError`].
pub(super) fn open_members(mut file: File, path: &str) -> Result<(ArchiveIndex, ArchiveFile), FetchError> {
    let (index, places) = scan(&mut file, path)?;
    Ok((index, ArchiveFile { file: Arc::new(file), places }))
}

/// The `index.json` of an archive that holds an OCI layout.
pub(super) fn index_json(blobs: &ArchiveFile, path: &str) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    let reader = blobs.open(&BlobKey::Member("index.json".to_owned()), 0)?;
    let read = reader.take(MAX_INDEX).read_to_end(&mut bytes);
    read.map_err(|source| FetchError::Io { what: path.to_owned(), source })?;
    Ok(bytes)
}

/// Undoes the compression of a whole archive.
pub(super) fn decompress(raw: Box<dyn Read + Send>, compression: Compression) -> io::Result<Box<dyn Read + Send>> {
    let buffered = BufReader::with_capacity(128 << 10, raw);
    Ok(match compression {
        Compression::None => Box::new(buffered),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)),
        Compression::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered)?;
            decoder.window_log_max(27)?;
            Box::new(decoder)
        }
    })
}

/// Where the content of a member lies in the file.
type Places = BTreeMap<String, (u64, u64)>;

/// Reads the headers of all members.
fn scan(file: &mut File, path: &str) -> Result<(ArchiveIndex, Places), FetchError> {
    let damaged = |why: String| FetchError::Damaged { what: path.to_owned(), why };
    let length = file.metadata().map_err(|source| FetchError::Io { what: path.to_owned(), source })?.len();
    let (mut index, mut places) = (ArchiveIndex::default(), Places::new());
    let mut archive = tar::Archive::new(file);
    let entries = archive.entries_with_seek().map_err(|error| damaged(error.to_string()))?;
    for (count, entry) in entries.enumerate() {
        let entry = entry.map_err(|error| match count {
            0 => FetchError::Usage(format!("`{path}` is no image archive: {error}")),
            _ => damaged(error.to_string()),
        })?;
        if count >= MEMBERS {
            return Err(damaged(format!("it has more than {MEMBERS} members")));
        }
        let Ok(name) = normalise_path(&entry.path_bytes()) else { continue };
        let kind = entry.header().entry_type();
        let member = if kind.is_symlink() || kind.is_hard_link() {
            let target = entry.link_name_bytes().unwrap_or_default();
            Member::Link { target: String::from_utf8_lossy(&target).into_owned(), hard: kind.is_hard_link() }
        } else if kind.is_file() {
            let (start, size) = (entry.raw_file_position(), entry.size());
            if start.checked_add(size).is_none_or(|end| end > length) {
                return Err(damaged(format!("it ends in the middle of `{name}`")));
            }
            places.insert(name.clone(), (start, size));
            Member::File { size, content: None }
        } else {
            continue;
        };
        if index.members.insert(name.clone(), member).is_some() {
            index.duplicates.push(name);
        }
    }
    Ok((index, places))
}

pub(super) struct ArchiveFile {
    file: Arc<File>,
    places: Places,
}

impl Blobs for ArchiveFile {
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        let reader = self.open(&BlobKey::Digest(descriptor.digest.clone()), descriptor.size)?;
        let read = reader.take(limit).read_to_end(&mut bytes);
        read.map_err(|source| FetchError::Io { what: descriptor.digest.to_string(), source })?;
        Ok(bytes)
    }

    fn open(&self, key: &BlobKey, _: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        let name = match key {
            BlobKey::Digest(digest) => format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()),
            BlobKey::Member(name) => name.clone(),
        };
        let (start, size) =
            *self.places.get(&name).ok_or_else(|| FetchError::NotFound { what: format!("`{name}`") })?;
        Ok(Box::new(Section { file: Arc::clone(&self.file), at: start, end: start + size }))
    }
}

/// A part of a file, with its own place: several can be read at a time.
struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let room = into.len().min(left);
        let count = self.file.read_at(&mut into[..room], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
