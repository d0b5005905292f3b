//! What the members of an image archive or the files of a layout mean, whatever holds them.

mod agree;
mod docker;
mod layout;
mod members;
mod names;

use std::collections::BTreeMap;

use crate::model::{Note, NoteKind};

use super::{BlobKey, Blobs, Descriptor, FetchError, ImagePlan, Index, Plan, PlanError, Selector};
use members::Members;

const INDEX: &str = "index.json";
const LAYOUT: &str = "oci-layout";
const MANIFEST: &str = "manifest.json";

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
    /// Cleaned names that occurred twice: refused when something needs them.
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
    /// What the archive is: an `index.json` makes it a layout even where `manifest.json` stands beside it.
    ///
    /// # Errors
    /// [`ArchiveError::NotAnImage`].
    pub fn kind(&self) -> Result<ArchiveKind, ArchiveError> {
        if self.members.contains_key(INDEX) {
            Ok(ArchiveKind::Oci)
        } else if self.members.contains_key(MANIFEST) {
            Ok(ArchiveKind::Docker)
        } else {
            Err(ArchiveError::NotAnImage)
        }
    }

    /// The plan for what this archive holds. `tag` picks one image of several: a tag or a whole name (`ref.name` of an
    /// OCI layout, repository tag of a docker archive), or the digest of a manifest that `index.json` lists. `name` is
    /// the reference as the user wrote it, `repository` its path.
    ///
    /// Members whose content was kept are read from there; only others are asked of `blobs`.
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
        let kind = self.kind().map_err(|error| FetchError::Usage(format!("`{repository}` is no image: {error}")))?;
        let members = Members::new(self, repository, blobs);
        let asked = Asked { reference: name, repository, tag };
        match kind {
            ArchiveKind::Oci => plan_layout_archive(&members, &asked, selector),
            ArchiveKind::Docker => docker::plan_docker(&members, &asked, selector),
        }
    }
}

/// What the user asked for.
pub(super) struct Asked<'a> {
    pub(super) reference: &'a str,
    pub(super) repository: &'a str,
    /// A tag, a whole name or a digest.
    pub(super) tag: Option<&'a str>,
}

/// Plans an OCI layout from its `index.json`; the blobs lie elsewhere. The arguments are those of
/// [`ArchiveIndex::plan`].
///
/// # Errors
/// [`PlanError`].
pub fn plan_layout(
    index_json: &[u8],
    name: &str,
    repository: &str,
    tag: Option<&str>,
    selector: &Selector,
    blobs: &dyn Blobs,
) -> Result<Plan, PlanError> {
    let asked = Asked { reference: name, repository, tag };
    layout::Choice::of(index_json, &asked)?.plan(&asked, selector, blobs)
}

/// The descriptor of the manifest or index that is meant in an OCI layout, and its tag: for those who want it as it lies there.
/// The arguments are those of [`ArchiveIndex::plan`].
///
/// # Errors
/// [`PlanError`]; [`FetchError::Usage`] when several platforms stand in `index.json` itself, without an index around them.
pub fn layout_root(
    index_json: &[u8],
    name: &str,
    repository: &str,
    tag: Option<&str>,
) -> Result<(Descriptor, Option<String>), PlanError> {
    match layout::Choice::of(index_json, &Asked { reference: name, repository, tag })? {
        layout::Choice::One { descriptor, tag, .. } => Ok((*descriptor, tag)),
        layout::Choice::Several { .. } => Err(FetchError::Usage(format!(
            "the platforms of `{name}` stand in `index.json` itself, without an index around them: name one by its digest"
        ))
        .into()),
    }
}

/// Reads the `index.json` of an OCI layout.
///
/// # Errors
/// [`PlanError`].
pub fn layout_index(index_json: &[u8]) -> Result<Index, PlanError> {
    layout::read_index(index_json)
}

/// Checks the `oci-layout` file (OCI image-spec, image-layout.md).
///
/// # Errors
/// [`FetchError::Damaged`] for a version that is not 1.x.
pub fn check_layout_version(bytes: &[u8], repository: &str) -> Result<(), FetchError> {
    layout::check_version(bytes, repository)
}

fn plan_layout_archive(members: &Members<'_>, asked: &Asked<'_>, selector: &Selector) -> Result<Plan, PlanError> {
    if let Some(bytes) = members.read_named(LAYOUT)? {
        layout::check_version(&bytes, asked.repository)?;
    }
    let index_json = members.demand(INDEX)?;
    let choice = layout::Choice::of(&index_json, asked)?;
    if let Some(manifest_json) = members.read_named(MANIFEST)? {
        agree::check(&manifest_json, &index_json, &choice, members, asked)?;
    }
    let mut plan = choice.plan(asked, selector, members)?;
    for image in &mut plan.images {
        for (layer, at) in image.layers.iter_mut().zip(0..) {
            members.place(layer, at)?;
        }
        image.notes.extend(absent_children(members, image)?);
    }
    Ok(plan)
}

/// Names the platforms that the index lists and the archive does not hold, as exports of one platform leave them.
fn absent_children(members: &Members<'_>, image: &ImagePlan) -> Result<Option<Note>, FetchError> {
    let mut absent = Vec::new();
    for child in image.index.iter().flat_map(|index| &index.children) {
        if members.find(&BlobKey::Digest(child.digest.clone()).layout_path())?.is_none() {
            absent.push(format!("{} ({})", child.platform, child.digest));
        }
    }
    if absent.is_empty() {
        return Ok(None);
    }
    let detail = format!("the index lists images that the archive does not hold: {}", absent.join(", "));
    Ok(Some(Note { kind: NoteKind::Source, layer: None, path: None, detail }))
}

#[cfg(test)]
mod tests;
