//! What the members of an image archive or the files of a layout mean, whatever holds them.

use std::collections::BTreeMap;

use super::{Blobs, Plan, PlanError, Selector};

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
}

impl ArchiveIndex {
    /// What the archive is.
    ///
    /// # Errors
    /// [`ArchiveError::NotAnImage`].
    pub fn kind(&self) -> Result<ArchiveKind, ArchiveError> {
        Err(ArchiveError::NotAnImage)
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
        let _ = (name, repository, tag, selector, blobs);
        Err(PlanError::Fetch(super::FetchError::Usage(ArchiveError::NotAnImage.to_string())))
    }
}
