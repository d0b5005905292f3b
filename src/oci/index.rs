//! From an index to the images that are asked for: nested indexes, attestations, platforms.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Digest, DocumentKind, GapKind, IndexChild, IndexFacts, Note, NoteKind, Platform};

use super::image::gap;
use super::manifest::{is_index_type, is_manifest_type, is_schema_1_type};
use super::plan::{read_document, read_image, read_raw};
use super::statements;
use super::{
    Blobs, Descriptor, Document, FetchError, ImagePlan, Index, OciError, Plan, PlanError, RawDocument, Root, Selector,
    is_image_config,
};

/// Levels of indexes inside indexes, the outermost counted.
const MAX_DEPTH: usize = 4;
/// Descriptors in an index and the indexes in it.
const MAX_CHILDREN: usize = 1_000;
/// Platforms named in a message.
const MAX_NAMED: usize = 40;

/// Plans the images of an index, whose bytes are `raw`.
pub(super) fn plan_index(
    root: &Root,
    index: &Index,
    raw: &RawDocument,
    selector: &Selector,
    blobs: &dyn Blobs,
) -> Result<Plan, PlanError> {
    let mut tree = Tree {
        digest: &raw.digest,
        blobs,
        listed: 0,
        images: Vec::new(),
        statements: Vec::new(),
        notes: Vec::new(),
        unread: Vec::new(),
    };
    tree.flatten(index, 1)?;
    tree.drop_repeated();
    let mut reader = Reader { root, blobs, tree, platforms: BTreeMap::new(), others: BTreeSet::new() };
    let mut images = match selector {
        Selector::All => reader.read_all()?,
        Selector::One(wanted) => vec![reader.read_one(wanted)?],
        Selector::Host => vec![reader.read_one(&Platform::host())?],
    };
    statements::attach(&reader.tree.statements, &mut images, blobs)?;
    for image in &mut images {
        image.documents.push(raw.clone());
    }
    reader.finish(index, images)
}

/// Whether a descriptor in an index is that of a statement about a sibling, as builders write them. No runtime runs
/// what is for no platform; what is for a platform counts as an image, whatever its annotations say.
pub(super) fn is_attestation(descriptor: &Descriptor) -> bool {
    descriptor.platform.as_ref().is_some_and(is_unknown)
}

/// Whether a descriptor calls itself an artifact or a statement. That alone does not keep a runtime from running it.
pub(super) fn is_statement(descriptor: &Descriptor) -> bool {
    let kind = descriptor.annotations.get("vnd.docker.reference.type").map(String::as_str);
    let is_artifact = descriptor.artifact_type.as_deref().is_some_and(|artifact| !is_image_config(artifact));
    kind == Some("attestation-manifest") || is_artifact
}

fn is_unknown(platform: &Platform) -> bool {
    platform.os == "unknown" && platform.architecture == "unknown"
}

/// Whether the failure is about this one document, so that others can still be read.
pub(super) fn is_about_document(error: &PlanError) -> bool {
    match error {
        PlanError::Fetch(error) => matches!(error, FetchError::NotFound { .. } | FetchError::Damaged { .. }),
        PlanError::Document { .. } | PlanError::Forged { .. } => true,
        PlanError::NoPlatform { .. } | PlanError::EmptyIndex(_) => false,
    }
}

/// An error and its causes in one line.
pub(super) fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The leaves of an index and of the indexes in it.
struct Tree<'a> {
    digest: &'a Digest,
    blobs: &'a dyn Blobs,
    listed: usize,
    images: Vec<Descriptor>,
    /// Attestations and other manifests that are no images.
    statements: Vec<Descriptor>,
    notes: Vec<Note>,
    unread: Vec<(Digest, PlanError)>,
}

impl Tree<'_> {
    fn note(&mut self, detail: String) {
        self.notes.push(Note { kind: NoteKind::Source, layer: None, path: None, detail });
    }

    fn flatten(&mut self, index: &Index, depth: usize) -> Result<(), PlanError> {
        for child in &index.manifests {
            self.listed += 1;
            if self.listed > MAX_CHILDREN {
                return Err(self.refuse("/manifests", format!("lists more than {MAX_CHILDREN} children")));
            }
            if is_attestation(child) {
                self.statements.push(child.clone());
                continue;
            }
            if is_index_type(&child.media_type) {
                self.nested(child, depth)?;
            } else if is_manifest_type(&child.media_type) || is_schema_1_type(&child.media_type) {
                self.images.push(child.clone());
            } else {
                self.note(format!(
                    "{} in the index is no image: its media type is `{}`",
                    child.digest, child.media_type
                ));
            }
        }
        Ok(())
    }

    fn nested(&mut self, child: &Descriptor, depth: usize) -> Result<(), PlanError> {
        let read = if depth >= MAX_DEPTH {
            Err(self.refuse("/manifests", format!("nests indexes more than {MAX_DEPTH} deep")))
        } else {
            read_document(child, self.blobs)
        };
        match read {
            Ok(Document::Index(inner)) => self.flatten(&inner, depth + 1),
            // A descriptor's type and its document's agree, or the document would have been refused.
            Ok(Document::Manifest(_)) => Err(self.refuse("/manifests", "calls a manifest an index".to_owned())),
            Err(error) if is_about_document(&error) => {
                self.unread.push((child.digest.clone(), error));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn refuse(&self, pointer: &str, problem: String) -> PlanError {
        let source = OciError::Field { pointer: pointer.to_owned(), problem };
        PlanError::Document { what: "index", digest: self.digest.clone(), source }
    }

    /// Drops what is listed twice for the same platform, and notes platforms that several images claim.
    fn drop_repeated(&mut self) {
        let mut seen = BTreeSet::new();
        let mut by_platform: BTreeMap<Platform, Vec<Digest>> = BTreeMap::new();
        let mut repeated = Vec::new();
        self.images.retain(|child| {
            let fresh = seen.insert((child.digest.clone(), child.platform.clone()));
            if !fresh {
                repeated.push(child.digest.clone());
            } else if let Some(platform) = &child.platform {
                by_platform.entry(platform.clone()).or_default().push(child.digest.clone());
            }
            fresh
        });
        for digest in repeated {
            self.note(format!("the index lists {digest} twice"));
        }
        for (platform, digests) in by_platform {
            // Windows images of one architecture differ in `os.version`.
            if digests.len() > 1 && platform.os != "windows" {
                let digests: Vec<String> = digests.iter().take(MAX_NAMED).map(ToString::to_string).collect();
                let detail = format!("the index has several images for {platform}: {}", digests.join(", "));
                self.note(detail);
            }
        }
    }
}

/// Reads children and remembers what they turned out to be.
struct Reader<'a> {
    root: &'a Root,
    blobs: &'a dyn Blobs,
    tree: Tree<'a>,
    /// Platforms that only configs named.
    platforms: BTreeMap<Digest, Platform>,
    /// Children that turned out to be no images.
    others: BTreeSet<Digest>,
}

impl Reader<'_> {
    /// Reads a child; none when it is no image.
    fn read(&mut self, child: &Descriptor) -> Result<Option<ImagePlan>, PlanError> {
        let (manifest, raw) = match read_raw(child, self.blobs, DocumentKind::Manifest)? {
            (Document::Manifest(manifest), raw) => (manifest, raw),
            (Document::Index(_), _) => {
                return Err(self.tree.refuse("/manifests", format!("calls the index {} a manifest", child.digest)));
            }
        };
        if !is_image_config(&manifest.config.media_type) {
            let media_type = &manifest.config.media_type;
            let detail = format!("{} in the index is no image: its config is of the type `{media_type}`", child.digest);
            self.tree.note(detail);
            self.others.insert(child.digest.clone());
            self.tree.statements.push(child.clone());
            return Ok(None);
        }
        let image = read_image(self.root, child, manifest, raw, self.blobs)?;
        if child.platform.is_none() {
            let says_unknown = image.config.os == "unknown" && image.config.architecture == "unknown";
            if says_unknown {
                self.others.insert(child.digest.clone());
                return Ok(None);
            }
            self.platforms.insert(child.digest.clone(), image.platform.clone());
        }
        Ok(Some(image))
    }

    fn read_all(&mut self) -> Result<Vec<ImagePlan>, PlanError> {
        let mut images = Vec::new();
        for child in self.tree.images.clone() {
            match self.read(&child) {
                Ok(image) => images.extend(image),
                Err(error) if is_about_document(&error) => self.tree.unread.push((child.digest, error)),
                Err(error) => return Err(error),
            }
        }
        if images.is_empty() {
            return Err(self.nothing());
        }
        Ok(images)
    }

    /// Reads the image for one platform. Children whose descriptor names no platform are read only where none fits.
    fn read_one(&mut self, wanted: &Platform) -> Result<ImagePlan, PlanError> {
        let (mut named, unnamed): (Vec<_>, Vec<_>) =
            self.tree.images.clone().into_iter().partition(|child| child.platform.is_some());
        named.retain(|child| child.platform.as_ref().is_some_and(|platform| platform.matches(wanted)));
        named.sort_by_key(|child| child.platform.as_ref() != Some(wanted));
        for child in named {
            if let Some(image) = self.read(&child)? {
                return Ok(image);
            }
        }
        let mut found: Option<ImagePlan> = None;
        for child in unnamed {
            match self.read(&child) {
                Ok(Some(image)) if image.platform.matches(wanted) => {
                    let exact = image.platform == *wanted;
                    if found.as_ref().is_none_or(|other| exact && other.platform != *wanted) {
                        found = Some(image);
                    }
                }
                Ok(_) => {}
                Err(error) if is_about_document(&error) => self.tree.unread.push((child.digest, error)),
                Err(error) => return Err(error),
            }
        }
        match found {
            Some(image) => Ok(image),
            None if !self.tree.unread.is_empty() => Err(self.nothing()),
            None => {
                let available = self.available();
                if available.is_empty() {
                    return Err(self.nothing());
                }
                Err(PlanError::NoPlatform { wanted: wanted.to_string(), available: available.join(", ") })
            }
        }
    }

    /// Why there is no image at all.
    fn nothing(&mut self) -> PlanError {
        if self.tree.unread.is_empty() {
            return PlanError::EmptyIndex(self.tree.digest.clone());
        }
        self.tree.unread.swap_remove(0).1
    }

    fn children(&self) -> Vec<IndexChild> {
        let images = self.tree.images.iter().filter(|child| !self.others.contains(&child.digest));
        let child = |descriptor: &Descriptor| {
            let platform = descriptor.platform.as_ref().or_else(|| self.platforms.get(&descriptor.digest))?;
            Some(IndexChild { digest: descriptor.digest.clone(), platform: platform.clone() })
        };
        images.filter_map(child).collect()
    }

    fn available(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for child in self.children() {
            let name = child.platform.to_string();
            if !names.contains(&name) && names.len() < MAX_NAMED {
                names.push(name);
            }
        }
        names
    }

    /// Adds to each image what belongs to the whole index.
    fn finish(self, index: &Index, mut images: Vec<ImagePlan>) -> Result<Plan, PlanError> {
        let facts = IndexFacts {
            digest: self.tree.digest.clone(),
            media_type: index.media_type.clone(),
            children: self.children(),
            annotations: index.annotations.clone(),
        };
        let is_unlisted = |child: &&Descriptor| {
            let known = self.platforms.contains_key(&child.digest) || self.others.contains(&child.digest);
            child.platform.is_none() && !known && !is_statement(child)
        };
        let unlisted = self.tree.images.iter().filter(is_unlisted).count();
        let mut notes = self.tree.notes;
        if unlisted > 0 {
            let detail = format!("the index lists {unlisted} manifests without a platform, which were not read");
            notes.push(Note { kind: NoteKind::Source, layer: None, path: None, detail });
        }
        for image in &mut images {
            image.index = Some(facts.clone());
            image.notes.extend(notes.iter().cloned());
        }
        let unread = self.tree.unread.iter().map(|(digest, error)| {
            let detail = format!("{digest} in the index could not be read: {}", explain(error));
            gap(GapKind::Child, None, detail)
        });
        Ok(Plan { images, gaps: unread.collect() })
    }
}
