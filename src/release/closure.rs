//! The closure of an image: its index, the images in it, their blobs, and everything that refers to any of them.
//!
//! Children are what an index lists. Referrers are found in three ways: the registry's API, the fallback tag, and the tags beside an image
//! that signing tools used before both (`sha256-<hex>.sig`, `.att`, `.sbom`). Loops end, since every manifest is visited once; depth,
//! number and bytes are bounded.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{Digest, Platform};
use crate::oci::{Descriptor, Document, FetchError, is_image_config, layer_type, parse_document};
use crate::parallel::in_parallel;
use crate::registry::{FoundBy, ManifestBytes, ManifestToPush, ReadRepository, Target, fallback_tag};

/// Levels below the root.
const MAX_DEPTH: usize = 8;
/// Manifests and indexes.
const MAX_NODES: usize = 10_000;
/// Bytes of all manifests and indexes.
const MAX_BYTES: usize = 64 << 20;
/// Manifests that are fetched at a time.
const AT_A_TIME: usize = 8;
/// Endings of the tags beside an image.
const SIDECARS: &[&str] = &["sig", "att", "sbom"];

/// What a manifest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An index.
    Index,
    /// An image that can be run.
    Image,
    /// A statement of a builder, listed beside the images of an index.
    Attestation,
    /// Anything else: a signature, a list of packages, a chart.
    Artifact,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Image => "image",
            Self::Attestation => "attestation",
            Self::Artifact => "artifact",
        }
    }
}

/// How a manifest hangs on another one as its evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// It names the other as its subject.
    Referrer(FoundBy),
    /// It stands behind a tag that is made of the other's digest and this ending.
    Sidecar(&'static str),
}

/// One manifest or index.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its bytes, media type and digest, exactly as they were.
    pub manifest: Arc<ManifestBytes>,
    /// What it is.
    pub kind: Kind,
    /// The platform that an index gives it.
    pub platform: Option<Platform>,
    /// Its `artifactType`, else the media type of its config.
    pub artifact_type: Option<String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest that it refers to.
    pub subject: Option<Digest>,
    /// Its config, then its layers; nothing for an index.
    pub blobs: Vec<Descriptor>,
    /// What it lists, in order; nothing for a manifest.
    pub children: Vec<Descriptor>,
    /// The evidence that was found for it, by link and digest.
    pub evidence: Vec<(Link, Digest)>,
}

impl Node {
    /// Bytes of its blobs together.
    #[must_use]
    pub fn blob_bytes(&self) -> u64 {
        self.blobs.iter().fold(0, |sum, blob| sum.saturating_add(blob.size))
    }
}

/// An image and all that belongs to it.
#[derive(Debug, Clone)]
pub struct Closure {
    /// The manifest that was asked for.
    pub root: Digest,
    /// Everything, by digest.
    pub nodes: BTreeMap<Digest, Node>,
    /// The order in which all can be written: what is listed before its index, what refers after its subject.
    pub order: Vec<Digest>,
    /// Evidence that is listed and cannot be trusted, by subject: sentence fragments.
    pub problems: Vec<(Digest, String)>,
}

impl Closure {
    /// Whether the root is an index.
    #[must_use]
    pub fn is_index(&self) -> bool {
        self.nodes.get(&self.root).is_some_and(|node| node.kind == Kind::Index)
    }

    /// A manifest of the closure, to be written under a name.
    ///
    /// # Errors
    /// [`FetchError::NotFound`] when the closure does not hold it.
    pub fn to_push(&self, digest: &Digest, target: Target) -> Result<ManifestToPush, FetchError> {
        let node = self.nodes.get(digest).ok_or_else(|| FetchError::NotFound { what: format!("manifest {digest}") })?;
        Ok(ManifestToPush::from(&*node.manifest).named(target))
    }

    /// The root, to be written by its digest.
    ///
    /// # Errors
    /// [`FetchError::NotFound`] when the closure does not hold it.
    pub fn root_to_push(&self) -> Result<ManifestToPush, FetchError> {
        self.to_push(&self.root, Target::Digest(self.root.clone()))
    }

    /// All blobs once, by digest. Layers that must not be distributed are left out.
    ///
    /// # Errors
    /// [`FetchError::Damaged`] when two manifests say different sizes for one blob.
    pub fn blobs(&self) -> Result<BTreeMap<Digest, u64>, FetchError> {
        let mut blobs = BTreeMap::new();
        for blob in self.nodes.values().flat_map(|node| &node.blobs).filter(|blob| !is_foreign(blob)) {
            if let Some(size) = blobs.insert(blob.digest.clone(), blob.size)
                && size != blob.size
            {
                let why = format!("one manifest says that it has {size} bytes, another {}", blob.size);
                return Err(FetchError::Damaged { what: format!("blob {}", blob.digest), why });
            }
        }
        Ok(blobs)
    }

    /// The images that can be run: the root, or those that it lists. What only refers to them is none of them, although tools
    /// write signatures in the form of images.
    #[must_use]
    pub fn images(&self) -> BTreeSet<Digest> {
        let mut images = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![&self.root];
        while let Some(digest) = open.pop() {
            let Some(node) = self.nodes.get(digest).filter(|_| seen.insert(digest)) else { continue };
            if node.kind == Kind::Image {
                images.insert(digest.clone());
            }
            open.extend(node.children.iter().map(|child| &child.digest));
        }
        images
    }

    /// Layers that must not be distributed: they stay where they are.
    #[must_use]
    pub fn foreign(&self) -> BTreeSet<Digest> {
        let blobs = self.nodes.values().flat_map(|node| &node.blobs);
        blobs.filter(|blob| is_foreign(blob)).map(|blob| blob.digest.clone()).collect()
    }

    /// The tags beside the images: name and digest.
    #[must_use]
    pub fn sidecars(&self) -> BTreeMap<String, Digest> {
        let mut tags = BTreeMap::new();
        for (subject, node) in &self.nodes {
            for (link, digest) in &node.evidence {
                if let Link::Sidecar(ending) = link {
                    tags.insert(sidecar_tag(subject, ending), digest.clone());
                }
            }
        }
        tags
    }
}

/// Whether a layer must not be distributed (OCI image-spec, layer.md, "Non-Distributable Layers").
fn is_foreign(blob: &Descriptor) -> bool {
    layer_type(&blob.media_type).is_some_and(|known| known.foreign)
}

/// The tag beside an image.
#[must_use]
pub fn sidecar_tag(subject: &Digest, ending: &str) -> String {
    format!("{}.{ending}", fallback_tag(subject))
}

/// Which evidence is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// All of it.
    All,
    /// None: only what the root lists itself.
    None,
}

/// A manifest that is to be visited.
struct Visit {
    target: Digest,
    /// What lists it, if anything does.
    descriptor: Option<Descriptor>,
    /// Whether it was found behind a tag beside its subject.
    sidecar: bool,
    manifest: Option<ManifestBytes>,
}

/// What a visit gave.
struct Visited {
    node: Node,
    next: Vec<Visit>,
    problems: Vec<String>,
}

/// Walks the closure of a manifest that was fetched already.
///
/// # Errors
/// [`FetchError`] whenever a part of it could not be seen; nothing is left out silently.
pub fn walk(source: &dyn ReadRepository, root: ManifestBytes, evidence: Evidence) -> Result<Closure, FetchError> {
    let root_digest = root.digest.clone();
    let mut nodes: BTreeMap<Digest, Node> = BTreeMap::new();
    let mut problems = Vec::new();
    let mut level = vec![Visit { target: root_digest.clone(), descriptor: None, sidecar: false, manifest: Some(root) }];
    let mut bytes = 0;
    for depth in 0.. {
        let mut seen = BTreeSet::new();
        level.retain(|visit| !nodes.contains_key(&visit.target) && seen.insert(visit.target.clone()));
        if level.is_empty() {
            break;
        }
        let whole = || format!("the image {root_digest}");
        if depth > MAX_DEPTH {
            return Err(FetchError::Damaged { what: whole(), why: format!("it nests more than {MAX_DEPTH} deep") });
        }
        if nodes.len() + level.len() > MAX_NODES {
            let why = format!("it has more than {MAX_NODES} manifests");
            return Err(FetchError::Damaged { what: whole(), why });
        }
        let mut next = Vec::new();
        let visits = std::mem::take(&mut level);
        for visited in in_parallel(visits, AT_A_TIME, |one| visit(source, one, evidence))? {
            let digest = visited.node.manifest.digest.clone();
            bytes += visited.node.manifest.bytes.len();
            problems.extend(visited.problems.into_iter().map(|problem| (digest.clone(), problem)));
            next.extend(visited.next);
            nodes.insert(digest, visited.node);
        }
        if bytes > MAX_BYTES {
            let why = format!("its manifests have more than {MAX_BYTES} bytes");
            return Err(FetchError::Damaged { what: whole(), why });
        }
        level = next;
    }
    problems.sort();
    let order = order(&root_digest, &nodes);
    Ok(Closure { root: root_digest, nodes, order, problems })
}

/// Looks at one manifest and at what hangs on it.
fn visit(source: &dyn ReadRepository, visit: Visit, evidence: Evidence) -> Result<Visited, FetchError> {
    let Visit { target, descriptor, sidecar, manifest } = visit;
    let manifest = match manifest {
        Some(manifest) => manifest,
        None => source.manifest(&Target::Digest(target.clone()))?,
    };
    let mut node = read_node(manifest, descriptor.as_ref())?;
    let mut next: Vec<Visit> = node.children.iter().map(child).collect();
    let mut problems = Vec::new();
    if evidence == Evidence::All {
        let referrers = source.referrers(&target)?;
        problems = referrers.problems;
        for referrer in referrers.found {
            node.evidence.push((Link::Referrer(referrer.found_by), referrer.manifest.digest.clone()));
            next.push(found(referrer.manifest, false));
        }
        if !sidecar {
            for ending in SIDECARS {
                match source.manifest(&Target::Tag(sidecar_tag(&target, ending))) {
                    Ok(manifest) => {
                        node.evidence.push((Link::Sidecar(ending), manifest.digest.clone()));
                        next.push(found(manifest, true));
                    }
                    Err(FetchError::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }
    Ok(Visited { node, next, problems })
}

fn child(descriptor: &Descriptor) -> Visit {
    let target = descriptor.digest.clone();
    Visit { target, descriptor: Some(descriptor.clone()), sidecar: false, manifest: None }
}

fn found(manifest: ManifestBytes, sidecar: bool) -> Visit {
    Visit { target: manifest.digest.clone(), descriptor: None, sidecar, manifest: Some(manifest) }
}

/// Reads a manifest; its size and its type must be those that its descriptor promises.
fn read_node(mut manifest: ManifestBytes, descriptor: Option<&Descriptor>) -> Result<Node, FetchError> {
    let damaged = |digest: &Digest, why: String| FetchError::Damaged { what: format!("manifest {digest}"), why };
    let mut announced = vec![manifest.media_type.as_str()];
    if let Some(descriptor) = descriptor {
        if descriptor.size != manifest.bytes.len() as u64 {
            let why = format!("it has {} bytes, and its index promises {}", manifest.bytes.len(), descriptor.size);
            return Err(damaged(&manifest.digest, why));
        }
        announced.push(&descriptor.media_type);
    }
    let document =
        parse_document(&manifest.bytes, &announced).map_err(|error| damaged(&manifest.digest, error.to_string()))?;
    let platform = descriptor.and_then(|descriptor| descriptor.platform.clone());
    let node = match document {
        Document::Index(index) => {
            manifest.media_type.clone_from(&index.media_type);
            Node {
                manifest: Arc::new(manifest),
                kind: Kind::Index,
                platform,
                artifact_type: index.artifact_type.filter(|text| !text.is_empty()),
                annotations: index.annotations,
                subject: index.subject.map(|subject| subject.digest),
                blobs: Vec::new(),
                children: index.manifests,
                evidence: Vec::new(),
            }
        }
        Document::Manifest(inner) => {
            manifest.media_type.clone_from(&inner.media_type);
            let says = descriptor.and_then(|descriptor| descriptor.annotations.get("vnd.docker.reference.type"));
            let unknown = platform.as_ref().is_some_and(|platform| platform.os == "unknown");
            let artifact_type = inner.artifact_type.filter(|text| !text.is_empty());
            let kind = if unknown || says.is_some_and(|kind| kind == "attestation-manifest") {
                Kind::Attestation
            } else if is_image_config(&inner.config.media_type) && artifact_type.is_none() && inner.subject.is_none() {
                Kind::Image
            } else {
                Kind::Artifact
            };
            Node {
                manifest: Arc::new(manifest),
                kind,
                platform,
                artifact_type: artifact_type.or_else(|| Some(inner.config.media_type.clone())),
                annotations: inner.annotations,
                subject: inner.subject.map(|subject| subject.digest),
                blobs: std::iter::once(inner.config).chain(inner.layers).collect(),
                children: Vec::new(),
                evidence: Vec::new(),
            }
        }
    };
    Ok(node)
}

/// What is listed before what lists it; then, node by node, what refers to it.
fn order(root: &Digest, nodes: &BTreeMap<Digest, Node>) -> Vec<Digest> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut placed = BTreeSet::new();
    place(root, nodes, &mut placed, &mut order);
    let mut at = 0;
    while let Some(digest) = order.get(at).cloned() {
        at += 1;
        for (_, evidence) in nodes.get(&digest).iter().flat_map(|node| &node.evidence) {
            place(evidence, nodes, &mut placed, &mut order);
        }
    }
    order
}

/// Places the children of a manifest, then the manifest. Depth is bounded by the walk.
fn place(digest: &Digest, nodes: &BTreeMap<Digest, Node>, placed: &mut BTreeSet<Digest>, order: &mut Vec<Digest>) {
    if !placed.insert(digest.clone()) {
        return;
    }
    let Some(node) = nodes.get(digest) else { return };
    for child in &node.children {
        place(&child.digest, nodes, placed, order);
    }
    order.push(digest.clone());
}
