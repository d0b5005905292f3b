//! OCI layout directories (OCI image-spec, image-layout.md).

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::oci::{ArchiveIndex, BlobKey, Blobs, Descriptor, FetchError, Member, PlanError, Selector};

use super::Opened;

pub(super) fn open(path: &str, tag: Option<&str>, selector: &Selector) -> Result<Opened, PlanError> {
    let blobs = Layout { folder: PathBuf::from(path) };
    let mut index = ArchiveIndex::default();
    for name in ["oci-layout", "index.json", "manifest.json"] {
        if let Some(size) = blobs.size(Path::new(name)) {
            index.members.insert(name.to_owned(), Member::File { size, content: None });
        }
    }
    for algorithm in ["sha256", "sha512"] {
        let Ok(entries) = std::fs::read_dir(blobs.folder.join("blobs").join(algorithm)) else { continue };
        for entry in entries {
            let entry = entry.map_err(|source| FetchError::Io { what: path.to_owned(), source })?;
            let Some(name) = entry.file_name().to_str().map(|name| format!("blobs/{algorithm}/{name}")) else {
                continue;
            };
            if let Some(size) = blobs.size(Path::new(&name)) {
                index.members.insert(name, Member::File { size, content: None });
            }
        }
    }
    let name = match tag {
        Some(tag) if tag.starts_with('@') => format!("oci:{path}{tag}"),
        Some(tag) => format!("oci:{path}:{tag}"),
        None => format!("oci:{path}"),
    };
    let plan = index.plan(&name, path, tag, selector, &blobs)?;
    Ok(Opened::Blobs { plan, blobs: Box::new(blobs) })
}

pub(super) struct Layout {
    pub folder: PathBuf,
}

impl Layout {
    /// The size of a regular file in the layout, links followed.
    fn size(&self, name: &Path) -> Option<u64> {
        std::fs::metadata(self.folder.join(name)).ok().filter(std::fs::Metadata::is_file).map(|data| data.len())
    }
}

impl Blobs for Layout {
    fn small(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>, FetchError> {
        let mut bytes = Vec::new();
        let reader = self.open(&BlobKey::Digest(descriptor.digest.clone()), descriptor.size)?;
        let read = reader.take(limit + 1).read_to_end(&mut bytes);
        read.map_err(|source| FetchError::Io { what: descriptor.digest.to_string(), source })?;
        if bytes.len() as u64 > limit {
            return Err(FetchError::Damaged {
                what: descriptor.digest.to_string(),
                why: format!("it has more than {limit} bytes"),
            });
        }
        Ok(bytes)
    }

    #[expect(clippy::disallowed_methods, reason = "a source is an edge")]
    fn open(&self, key: &BlobKey, _: u64) -> Result<Box<dyn Read + Send + '_>, FetchError> {
        let name = match key {
            BlobKey::Digest(digest) => format!("blobs/{}/{}", digest.algorithm().name(), digest.hex()),
            BlobKey::Member(name) => name.clone(),
        };
        let path = self.folder.join(&name);
        match std::fs::File::open(&path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(FetchError::NotFound { what: format!("`{name}`") })
            }
            Err(source) => Err(FetchError::Io { what: path.display().to_string(), source }),
        }
    }
}
