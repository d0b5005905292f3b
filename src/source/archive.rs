//! Archives as repositories: of either kind, compressed or not, from a file or from a stream.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::model::{Digest, Platform};
use crate::oci::{ArchiveKind, Compression, FetchError};
use crate::registry::{ManifestBytes, ReadRepository};

use super::archive_file::{decompress, open_file, open_members};
use super::{ArchiveRepository, ConfigOf, ConvertedRepository};

/// Bytes copied at once.
const PIECE: usize = 256 << 10;

/// An archive whose parts can be read by digest.
pub struct ArchivedImage {
    /// The repository.
    pub repository: Box<dyn ReadRepository>,
    /// What the archive holds, or what of it was asked for.
    pub root: ManifestBytes,
    /// Its tag.
    pub tag: Option<String>,
    /// Digest of the config, where the archive has no manifest and one was made for it.
    pub converted: Option<Digest>,
    /// The platform that the config of a converted image names.
    pub platform: Option<Platform>,
    /// The uncompressed archive.
    pub file: ArchivedFile,
}

/// Where an uncompressed archive lies; one that was written aside is removed with this.
pub enum ArchivedFile {
    /// As it was.
    Given(PathBuf),
    /// Written aside.
    Aside(NamedTempFile),
}

impl ArchivedFile {
    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Aside(file) => file.path(),
        }
    }
}

/// Opens an archive file; one that is compressed as a whole is unpacked aside first.
///
/// # Errors
/// [`FetchError`].
pub fn open_archived(path: &str, tag: Option<&str>, config: ConfigOf) -> Result<ArchivedImage, FetchError> {
    let (file, compression) = open_file(path)?;
    if compression == Compression::None {
        return open(path, tag, ArchivedFile::Given(PathBuf::from(path)), config);
    }
    let reader =
        decompress(Box::new(file), compression).map_err(|source| FetchError::Io { what: path.to_owned(), source })?;
    ArchivedImage::of_stream(reader, path, tag, config)
}

impl ArchivedImage {
    /// An archive that comes as a stream, such as a daemon sends it: it is written to a private file among the temporary ones, because
    /// whoever copies an image reads its parts more than once.
    ///
    /// # Errors
    /// [`FetchError`].
    pub fn of_stream(
        mut reader: Box<dyn Read + Send>,
        name: &str,
        tag: Option<&str>,
        config: ConfigOf,
    ) -> Result<Self, FetchError> {
        let io = |what: &str, source| FetchError::Io { what: what.to_owned(), source };
        let aside = "the temporary copy of the archive";
        let mut file = NamedTempFile::with_prefix("imgguard.").map_err(|source| io(aside, source))?;
        let mut piece = vec![0; PIECE];
        loop {
            let count = match reader.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(io(name, source)),
            };
            file.write_all(&piece[..count]).map_err(|source| io(aside, source))?;
        }
        file.flush().map_err(|source| io(aside, source))?;
        open(name, tag, ArchivedFile::Aside(file), config)
    }
}

fn open(name: &str, tag: Option<&str>, place: ArchivedFile, config: ConfigOf) -> Result<ArchivedImage, FetchError> {
    let (file, _) = open_file(&place.path().to_string_lossy())?;
    let (index, members) = open_members(file, name)?;
    let kind = index.kind().map_err(|error| FetchError::Usage(format!("`{name}` is no image: {error}")))?;
    Ok(match kind {
        ArchiveKind::Oci => {
            let repository = ArchiveRepository::new(&format!("oci-archive:{name}"), members)?;
            let (root, tag) = repository.root(tag)?;
            ArchivedImage { repository: Box::new(repository), root, tag, converted: None, platform: None, file: place }
        }
        ArchiveKind::Docker => {
            let repository = ConvertedRepository::new(name, tag, &index, members, config)?;
            let (root, tag) = (repository.root().clone(), repository.tag().map(str::to_owned));
            let converted = Some(repository.config_digest().clone());
            let platform = Some(repository.platform().clone());
            ArchivedImage { repository: Box::new(repository), root, tag, converted, platform, file: place }
        }
    })
}
