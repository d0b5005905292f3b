//! Which image of an OCI layout is meant (OCI image-spec, image-layout.md, "index.json file").

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{Digest, DocumentKind, Note, NoteKind};
use crate::oci::index::{is_attestation, is_statement, plan_index};
use crate::oci::manifest::{is_index_type, is_manifest_type, is_schema_1_type};
use crate::oci::{
    Blobs, Descriptor, Document, FetchError, Index, OciError, Plan, PlanError, RawDocument, Root, Selector,
    media_types, parse_document, parse_strict, plan,
};

use super::{Asked, names};

/// Names listed in a message.
const MAX_NAMED: usize = 40;

/// Checks the `oci-layout` file.
pub(super) fn check_version(bytes: &[u8], repository: &str) -> Result<(), FetchError> {
    let damaged = |why: String| FetchError::Damaged { what: format!("`oci-layout` in `{repository}`"), why };
    let value = parse_strict(bytes).map_err(|error| damaged(error.to_string()))?;
    match value.get("imageLayoutVersion").and_then(Value::as_str) {
        Some(version) if version == "1" || version.starts_with("1.") => Ok(()),
        Some(version) => Err(damaged(format!("its version is `{version}`, not 1.x"))),
        None => Err(damaged("it has no `imageLayoutVersion`".to_owned())),
    }
}

/// What a layout gives for what was asked for.
pub(super) enum Choice {
    /// One manifest or one index; `raw` is `index.json` where it says nothing about other images.
    One { descriptor: Box<Descriptor>, raw: Option<RawDocument>, tag: Option<String> },
    /// Manifests for several platforms under one name: `index.json` is itself their index.
    Several { index: Box<Index>, statements: Vec<Descriptor>, raw: RawDocument, tag: Option<String> },
}

impl Choice {
    /// Picks what is meant.
    pub(super) fn of(index_json: &[u8], asked: &Asked<'_>) -> Result<Self, PlanError> {
        let index = read_index(index_json)?;
        let candidates = candidates(&index, asked)?;
        let tag = chosen_tag(&candidates, asked);
        let distinct: BTreeSet<&Digest> = candidates.iter().map(|candidate| &candidate.digest).collect();
        match (&candidates[..], distinct.len()) {
            ([], _) => Err(PlanError::EmptyIndex(Digest::of(index_json))),
            ([first, ..], 1) => {
                let raw = (candidates.len() == index.manifests.len()).then(|| raw_index(index_json));
                Ok(Self::One { descriptor: Box::new((*first).clone()), raw, tag })
            }
            _ if are_one_image(&candidates) => {
                let manifests = candidates.into_iter().cloned().collect();
                let statements = index.manifests.iter().filter(|child| is_attestation(child)).cloned().collect();
                let index = Box::new(Index { manifests, ..index });
                Ok(Self::Several { index, statements, raw: raw_index(index_json), tag })
            }
            _ => Err(ambiguous(&candidates, asked).into()),
        }
    }

    /// The descriptors that were picked.
    pub(super) fn descriptors(&self) -> &[Descriptor] {
        match self {
            Self::One { descriptor, .. } => std::slice::from_ref(descriptor),
            Self::Several { index, .. } => &index.manifests,
        }
    }

    /// Plans what was picked.
    pub(super) fn plan(self, asked: &Asked<'_>, selector: &Selector, blobs: &dyn Blobs) -> Result<Plan, PlanError> {
        let root = |descriptor: Descriptor, tag: Option<String>| Root {
            reference: asked.reference.to_owned(),
            repository: asked.repository.to_owned(),
            tag,
            descriptor,
        };
        match self {
            Self::One { descriptor, raw, tag } => {
                let mut plan = plan(&root(*descriptor, tag), selector, blobs)?;
                for image in &mut plan.images {
                    image.documents.extend(raw.clone());
                }
                Ok(plan)
            }
            Self::Several { mut index, statements, raw, tag } => {
                index.manifests.extend(statements);
                let root = root(own_descriptor(&index, &raw.digest, raw.bytes.len() as u64), tag);
                let mut plan = plan_index(&root, &index, &raw, selector, blobs)?;
                let detail = "the platforms stand in `index.json` itself: the digest of the index is that of this file";
                for image in &mut plan.images {
                    let detail = detail.to_owned();
                    image.notes.push(Note { kind: NoteKind::Source, layer: None, path: None, detail });
                }
                Ok(plan)
            }
        }
    }
}

fn raw_index(bytes: &[u8]) -> RawDocument {
    RawDocument { kind: DocumentKind::Index, digest: Digest::of(bytes), bytes: bytes.into() }
}

/// A descriptor of `index.json` itself.
fn own_descriptor(index: &Index, digest: &Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: index.media_type.clone(),
        digest: digest.clone(),
        size,
        urls: Vec::new(),
        annotations: index.annotations.clone(),
        platform: None,
        artifact_type: None,
    }
}

/// Reads `index.json`.
pub(super) fn read_index(bytes: &[u8]) -> Result<Index, PlanError> {
    let refuse = |source| PlanError::Document { what: "index.json", digest: Digest::of(bytes), source };
    match parse_document(bytes, &[]).map_err(refuse)? {
        Document::Index(index) => Ok(index),
        Document::Manifest(manifest) => {
            Err(refuse(OciError::MediaType { inside: manifest.media_type, outside: media_types::OCI_INDEX.to_owned() }))
        }
    }
}

/// The names that a descriptor has: OCI's own, and the whole one that containerd and Docker add.
fn names_of(descriptor: &Descriptor) -> Vec<&str> {
    let keys = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];
    keys.iter().filter_map(|key| descriptor.annotations.get(*key)).map(String::as_str).collect()
}

/// The descriptors that are meant; without a wish those that can be images.
fn candidates<'a>(index: &'a Index, asked: &Asked<'_>) -> Result<Vec<&'a Descriptor>, FetchError> {
    let documents: Vec<&Descriptor> = index.manifests.iter().filter(|descriptor| is_document(descriptor)).collect();
    let Some(wanted) = asked.tag else {
        let is_image = |descriptor: &&Descriptor| {
            !is_attestation(descriptor) && !is_statement(descriptor) && !is_sidecar(descriptor)
        };
        return Ok(documents.into_iter().filter(is_image).collect());
    };
    let is_wanted = |descriptor: &&&Descriptor| match wanted.parse::<Digest>() {
        Ok(digest) => descriptor.digest == digest,
        Err(_) => names_of(descriptor).iter().any(|name| names::is_meant(wanted, name)),
    };
    let found: Vec<&Descriptor> = documents.iter().filter(is_wanted).copied().collect();
    if found.is_empty() {
        let what = format!("`{wanted}` in `{}` (which holds {})", asked.repository, listed(&documents));
        return Err(FetchError::NotFound { what });
    }
    Ok(found)
}

/// Whether the name is one under which cosign 1 and 2 keep what belongs to an image: `sha256-….sig`.
fn is_sidecar(descriptor: &Descriptor) -> bool {
    let is_one = |name: &str| {
        let Some((digest, ending)) = name.rsplit_once('.') else { return false };
        matches!(ending, "sig" | "att" | "sbom")
            && digest
                .split_once('-')
                .is_some_and(|(algorithm, hex)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
    };
    let names = names_of(descriptor);
    !names.is_empty() && names.into_iter().all(is_one)
}

fn is_document(descriptor: &Descriptor) -> bool {
    let media_type = &descriptor.media_type;
    is_index_type(media_type) || is_manifest_type(media_type) || is_schema_1_type(media_type)
}

/// Whether these manifests are the platforms of one image: each has a platform, and all have the same names.
fn are_one_image(candidates: &[&Descriptor]) -> bool {
    let names: BTreeSet<Vec<&str>> = candidates.iter().map(|descriptor| names_of(descriptor)).collect();
    let for_platforms =
        |descriptor: &&Descriptor| descriptor.platform.is_some() && !is_index_type(&descriptor.media_type);
    names.len() == 1 && candidates.iter().all(for_platforms)
}

fn listed(descriptors: &[&Descriptor]) -> String {
    let mut texts: BTreeSet<String> = BTreeSet::new();
    for descriptor in descriptors {
        match names_of(descriptor).first() {
            Some(name) => texts.insert(format!("`{name}`")),
            None => texts.insert(format!("@{}", descriptor.digest)),
        };
    }
    shorten(texts)
}

/// A list for a message, cut where it is long.
pub(super) fn shorten(texts: BTreeSet<String>) -> String {
    let more = texts.len().saturating_sub(MAX_NAMED);
    let mut shown: Vec<String> = texts.into_iter().take(MAX_NAMED).collect();
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
}

fn ambiguous(candidates: &[&Descriptor], asked: &Asked<'_>) -> FetchError {
    FetchError::Usage(format!("`{}` holds several images; name one of {}", asked.reference, listed(candidates)))
}

/// The tag: of what was asked for, else the only one that the picked descriptors have.
fn chosen_tag(candidates: &[&Descriptor], asked: &Asked<'_>) -> Option<String> {
    if let Some(wanted) = asked.tag {
        return if wanted.parse::<Digest>().is_ok() { None } else { names::tag_of(wanted).map(str::to_owned) };
    }
    let names = candidates.iter().flat_map(|descriptor| names_of(descriptor));
    only_tag(names)
}

/// The one tag that all these names have.
pub(super) fn only_tag<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let tags: BTreeSet<Option<&str>> = names.map(names::tag_of).collect();
    match tags.into_iter().collect::<Vec<_>>()[..] {
        [Some(tag)] => Some(tag.to_owned()),
        _ => None,
    }
}
