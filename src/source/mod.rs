//! Image sources, the edge where images come from: one file each.

mod archive;
mod archive_file;
mod converted;
pub mod daemon;
mod gzip;
mod layout;
pub mod registry;
mod repository;
mod spec;
mod stdin;

use std::io::Read;

use crate::oci::{Blobs, Plan, PlanError, Selector};

pub use archive::{ArchivedFile, ArchivedImage, open_archived};
pub use converted::{ConfigOf, ConvertedRepository};
pub use repository::{ArchiveRepository, LayoutRepository};
pub use spec::{Found, ImageSpec, SpecError};

/// An image that is ready to be read.
pub enum Opened {
    /// Layers can be read in any order.
    Blobs {
        /// What there is to read.
        plan: Plan,
        /// Where it is read.
        blobs: Box<dyn Blobs>,
    },
    /// Everything comes once, in the archive's own order.
    Stream {
        /// The archive, unpacked.
        reader: Box<dyn Read + Send>,
        /// The reference as the user wrote it.
        name: String,
        /// Repository without tag and digest; the path for local sources.
        repository: String,
        /// The tag that picks one of several images.
        tag: Option<String>,
    },
}

/// Opens a layout directory.
///
/// # Errors
/// [`PlanError`].
pub fn open_layout(path: &str, tag: Option<&str>, selector: &Selector) -> Result<Opened, PlanError> {
    layout::open(path, tag, selector)
}

/// Opens an archive file of either kind, compressed or not.
///
/// # Errors
/// [`PlanError`].
pub fn open_archive(path: &str, tag: Option<&str>, selector: &Selector) -> Result<Opened, PlanError> {
    archive_file::open(path, tag, selector)
}

/// Opens the archive that comes from standard input.
///
/// # Errors
/// [`PlanError`].
pub fn open_stdin() -> Result<Opened, PlanError> {
    stdin::open()
}
