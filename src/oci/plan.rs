//! From a root document to the exact list of layers per platform: everything small is read and checked here.

use std::collections::BTreeMap;

use crate::model::{Digest, Gap, GapKind, ImageConfig, IndexChild, IndexFacts, Note, NoteKind, Platform, Subject};

use super::{
    BlobKey, Blobs, Compression, Descriptor, Document, FetchError, Index, Manifest, layer_type, media_types,
    parse_config, parse_document,
};

/// Which platforms are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// Every image of the index.
    All,
    /// Exactly this one.
    One(Platform),
    /// No wish: of an index this machine's platform, of a single image that image.
    Host,
}

/// What a reference points at, after its one resolution.
#[derive(Debug, Clone)]
pub struct Root {
    /// The reference as the user wrote it.
    pub reference: String,
    /// Repository without tag and digest; the path for local sources.
    pub repository: String,
    /// The tag, if the reference had one.
    pub tag: Option<String>,
    /// The root document. Its digest is final from here on.
    pub descriptor: Descriptor,
}

/// One layer to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerPlan {
    /// Where its bytes are.
    pub key: BlobKey,
    /// Digest of the blob, when the format names one.
    pub digest: Option<Digest>,
    /// Digest of the uncompressed archive, from the config.
    pub diff_id: Digest,
    /// Media type as the manifest says; empty where the format names none.
    pub media_type: String,
    /// Bytes of the blob as promised.
    pub size: u64,
    /// Compression by media type; none when it has to be read from the first bytes.
    pub compression: Option<Compression>,
    /// The reason why it is not to be read at all (foreign, unknown type).
    pub refused: Option<Gap>,
}

/// One platform's image, ready to be read.
#[derive(Debug, Clone)]
pub struct ImagePlan {
    /// What it is and how it was named.
    pub subject: Subject,
    /// The platform: of the descriptor, else of the config.
    pub platform: Platform,
    /// The index around it.
    pub index: Option<IndexFacts>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The config, its history paired with layers.
    pub config: ImageConfig,
    /// Bottom first.
    pub layers: Vec<LayerPlan>,
    /// What could not be seen so far.
    pub gaps: Vec<Gap>,
    /// What was odd so far.
    pub notes: Vec<Note>,
}

/// Everything that will be read for one reference.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// One element per platform.
    pub images: Vec<ImagePlan>,
    /// Gaps that belong to no single platform.
    pub gaps: Vec<Gap>,
}

/// Why there is nothing to read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A document could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A document was refused.
    #[error("{what} {digest} is refused")]
    Document {
        /// Which kind of document.
        what: &'static str,
        /// Its digest.
        digest: Digest,
        /// Why.
        source: super::OciError,
    },
    /// A document's bytes have another digest or size.
    #[error("{what} {expected} is forged: its {measure} is {found}")]
    Forged {
        /// Which kind of document.
        what: &'static str,
        /// What was promised.
        expected: Digest,
        /// `digest` or `size`.
        measure: &'static str,
        /// What was found.
        found: String,
    },
    /// The platform asked for does not exist.
    #[error("the image has no platform {wanted}; it has {available}")]
    NoPlatform {
        /// What was asked for.
        wanted: String,
        /// What there is, separated by commas.
        available: String,
    },
    /// The index has no image at all.
    #[error("the index {0} lists no image")]
    EmptyIndex(Digest),
}

/// Largest manifest or index (distribution-spec, "Pushing Manifests": at least 4 MiB).
const MANIFEST_LIMIT: u64 = 4 << 20;
/// Largest config.
const CONFIG_LIMIT: u64 = 16 << 20;
/// Deepest nesting of indexes.
const DEPTH: usize = 4;
/// Most children that are looked at.
const CHILDREN: usize = 1000;
/// Most layers of an image.
const LAYERS: usize = 1000;

/// Reads everything small behind `root` and lists the layers to read.
///
/// # Errors
/// [`PlanError`] when nothing can be judged; a child that cannot be read beside others that can is a gap instead.
pub fn plan(root: &Root, selector: &Selector, blobs: &dyn Blobs) -> Result<Plan, PlanError> {
    let planner = Planner { root, selector, blobs };
    match planner.document(&root.descriptor)? {
        Document::Manifest(manifest) => {
            let image = planner.image(&root.descriptor, manifest, None)?;
            if let Selector::One(wanted) = selector
                && !image.platform.matches(wanted)
            {
                return Err(no_platform(wanted, [&image.platform]));
            }
            Ok(Plan { images: vec![image], gaps: Vec::new() })
        }
        Document::Index(index) => planner.index(&root.descriptor, &index),
    }
}

/// Compares bytes with the descriptor that promised them.
fn verified(what: &'static str, descriptor: &Descriptor, bytes: &[u8]) -> Result<(), PlanError> {
    let forged = |measure, found| PlanError::Forged { what, expected: descriptor.digest.clone(), measure, found };
    let mut hasher = descriptor.digest.hasher();
    hasher.update(bytes);
    let found = hasher.finish();
    if found != descriptor.digest {
        return Err(forged("digest", found.to_string()));
    }
    if bytes.len() as u64 != descriptor.size {
        return Err(forged("size", bytes.len().to_string()));
    }
    Ok(())
}

fn no_platform<'a>(wanted: &Platform, available: impl IntoIterator<Item = &'a Platform>) -> PlanError {
    let mut available: Vec<String> = available.into_iter().map(ToString::to_string).collect();
    available.sort();
    available.dedup();
    PlanError::NoPlatform { wanted: wanted.to_string(), available: available.join(", ") }
}

struct Planner<'a> {
    root: &'a Root,
    selector: &'a Selector,
    blobs: &'a dyn Blobs,
}

impl Planner<'_> {
    fn document(&self, descriptor: &Descriptor) -> Result<Document, PlanError> {
        let bytes = self.blobs.small(descriptor, MANIFEST_LIMIT)?;
        verified("the manifest", descriptor, &bytes)?;
        parse_document(&bytes, &[&descriptor.media_type]).map_err(|source| PlanError::Document {
            what: "the manifest",
            digest: descriptor.digest.clone(),
            source,
        })
    }

    fn index(&self, descriptor: &Descriptor, index: &Index) -> Result<Plan, PlanError> {
        let mut children = Vec::new();
        self.collect(index, 0, &mut children)?;
        if children.is_empty() {
            return Err(PlanError::EmptyIndex(descriptor.digest.clone()));
        }
        let host = Platform::host();
        let wanted = match self.selector {
            Selector::All => None,
            Selector::One(wanted) => Some(wanted),
            Selector::Host => Some(&host),
        };
        let chosen: Vec<&(Descriptor, Platform)> = match wanted {
            None => children.iter().collect(),
            Some(wanted) => children.iter().filter(|(_, platform)| platform.matches(wanted)).take(1).collect(),
        };
        if let (true, Some(wanted)) = (chosen.is_empty(), wanted) {
            return Err(no_platform(wanted, children.iter().map(|(_, platform)| platform)));
        }
        let facts = IndexFacts {
            digest: descriptor.digest.clone(),
            media_type: index.media_type.clone(),
            children: children
                .iter()
                .map(|(child, platform)| IndexChild { digest: child.digest.clone(), platform: platform.clone() })
                .collect(),
            annotations: index.annotations.clone(),
        };
        let mut plan = Plan::default();
        for (child, platform) in &chosen {
            match self.child(child, platform, &facts) {
                Ok(mut image) => {
                    image.notes.extend(duplicates(&children, platform));
                    plan.images.push(image);
                }
                Err(error) if chosen.len() > 1 && !ends_the_run(&error) => plan.gaps.push(Gap {
                    kind: GapKind::Child,
                    layer: None,
                    path: None,
                    detail: format!("the image for {platform} could not be read: {}", chain(&error)),
                }),
                Err(error) => return Err(error),
            }
        }
        Ok(plan)
    }

    /// All image children, nested indexes opened.
    fn collect(&self, index: &Index, depth: usize, into: &mut Vec<(Descriptor, Platform)>) -> Result<(), PlanError> {
        let damaged = |why: String| FetchError::Damaged { what: self.root.reference.clone(), why };
        if depth > DEPTH {
            return Err(damaged(format!("indexes are nested deeper than {DEPTH}")).into());
        }
        for child in &index.manifests {
            if into.len() >= CHILDREN {
                return Err(damaged(format!("its index has more than {CHILDREN} images")).into());
            }
            if is_attestation(child) {
                continue;
            }
            let is_index = matches!(&*child.media_type, media_types::OCI_INDEX | media_types::DOCKER_LIST);
            match (&child.platform, is_index) {
                (_, true) => {
                    if let Document::Index(nested) = self.document(child)? {
                        self.collect(&nested, depth + 1, into)?;
                    }
                }
                (Some(platform), false) => into.push((child.clone(), platform.clone())),
                (None, false) => {
                    // Without a platform in the index only the config tells; artifacts are passed over.
                    if let Document::Manifest(manifest) = self.document(child)?
                        && is_image(&manifest)
                    {
                        let (config, _) = self.config(&manifest)?;
                        into.push((child.clone(), Platform::new(&config.os, &config.architecture, &config.variant)));
                    }
                }
            }
        }
        Ok(())
    }

    fn child(&self, child: &Descriptor, platform: &Platform, index: &IndexFacts) -> Result<ImagePlan, PlanError> {
        match self.document(child)? {
            Document::Manifest(manifest) => {
                let mut image = self.image(child, manifest, Some(index.clone()))?;
                if image.platform != *platform {
                    image.gaps.push(Gap {
                        kind: GapKind::Config,
                        layer: None,
                        path: None,
                        detail: format!("the index says {platform}, the config says {}", image.platform),
                    });
                }
                image.platform = platform.clone();
                Ok(image)
            }
            Document::Index(_) => {
                let why = "it was announced as a manifest and is an index".to_owned();
                Err(FetchError::Damaged { what: format!("the manifest {}", child.digest), why }.into())
            }
        }
    }

    fn config(&self, manifest: &Manifest) -> Result<(ImageConfig, Vec<Note>), PlanError> {
        let descriptor = &manifest.config;
        let bytes = self.blobs.small(descriptor, CONFIG_LIMIT)?;
        verified("the config", descriptor, &bytes)?;
        parse_config(&bytes).map_err(|source| PlanError::Document {
            what: "the config",
            digest: descriptor.digest.clone(),
            source,
        })
    }

    fn image(
        &self,
        descriptor: &Descriptor,
        manifest: Manifest,
        index: Option<IndexFacts>,
    ) -> Result<ImagePlan, PlanError> {
        if !is_image(&manifest) {
            let kind = manifest.artifact_type.as_deref().unwrap_or(&manifest.config.media_type);
            return Err(FetchError::Usage(format!(
                "{} is an artifact of type `{kind}`, not an image",
                self.root.reference
            ))
            .into());
        }
        let (config, notes) = self.config(&manifest)?;
        let pairs = manifest.layers.iter().zip(&config.diff_ids);
        let layers = pairs.map(|(layer, diff_id)| layer_plan(layer, diff_id)).collect();
        let subject = Subject {
            reference: self.root.reference.clone(),
            repository: self.root.repository.clone(),
            tag: self.root.tag.clone(),
            digest: descriptor.digest.clone(),
            media_type: manifest.media_type,
            config_digest: manifest.config.digest,
        };
        let mut gaps = Vec::new();
        let (blobs, ids) = (manifest.layers.len(), config.diff_ids.len());
        if blobs != ids {
            gaps.push(config_gap(format!("the manifest has {blobs} layers, the config has {ids} diffIDs")));
        }
        gaps.extend(config_gaps(&config));
        Ok(ImagePlan {
            subject,
            platform: Platform::new(&config.os, &config.architecture, &config.variant),
            index,
            annotations: manifest.annotations,
            config,
            layers,
            gaps,
            notes,
        })
    }
}

fn config_gap(detail: String) -> Gap {
    Gap { kind: GapKind::Config, layer: None, path: None, detail }
}

/// What a config says that keeps the image from being judged.
pub(super) fn config_gaps(config: &ImageConfig) -> Vec<Gap> {
    let mut gaps = Vec::new();
    if config.diff_ids.len() > LAYERS {
        gaps.push(config_gap(format!("the image has {} layers, more than {LAYERS}", config.diff_ids.len())));
    }
    if config.os.is_empty() || config.architecture.is_empty() {
        gaps.push(config_gap("the config names no operating system or no architecture".to_owned()));
    } else if !config.os.eq_ignore_ascii_case("linux") {
        gaps.push(Gap {
            kind: GapKind::UnsupportedPlatform,
            layer: None,
            path: None,
            detail: format!(
                "images for `{}` are not supported: their layers were not understood",
                config.os.escape_debug()
            ),
        });
    }
    gaps
}

fn layer_plan(layer: &Descriptor, diff_id: &Digest) -> LayerPlan {
    let known = layer_type(&layer.media_type);
    let refused = if !layer.urls.is_empty() || known.is_some_and(|known| known.foreign) {
        let detail = format!(
            "layer {} lies elsewhere (`{}`): it is never fetched",
            layer.digest,
            layer.media_type.escape_debug()
        );
        Some((GapKind::LayerForeign, detail))
    } else if known.is_none() {
        let detail = format!(
            "layer {} has the media type `{}`, which is not known",
            layer.digest,
            layer.media_type.escape_debug()
        );
        Some((GapKind::LayerUnknownType, detail))
    } else {
        None
    };
    LayerPlan {
        key: BlobKey::Digest(layer.digest.clone()),
        digest: Some(layer.digest.clone()),
        diff_id: diff_id.clone(),
        media_type: layer.media_type.clone(),
        size: layer.size,
        compression: known.map(|known| known.compression),
        refused: refused.map(|(kind, detail)| Gap { kind, layer: None, path: None, detail }),
    }
}

/// BuildKit's attestation manifests stand in an index beside the images they are about; they are no images.
fn is_attestation(child: &Descriptor) -> bool {
    let marked = child.annotations.get("vnd.docker.reference.type").is_some_and(|kind| kind == "attestation-manifest");
    let nowhere =
        child.platform.as_ref().is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown");
    let artifact =
        child.artifact_type.as_deref().is_some_and(|kind| !kind.is_empty() && kind != media_types::OCI_CONFIG);
    marked || nowhere || artifact
}

fn is_image(manifest: &Manifest) -> bool {
    matches!(&*manifest.config.media_type, "" | media_types::OCI_CONFIG | media_types::DOCKER_CONFIG)
}

/// Failures that no other child makes up for.
fn ends_the_run(error: &PlanError) -> bool {
    matches!(error, PlanError::Fetch(FetchError::Unavailable { .. } | FetchError::Denied { .. } | FetchError::Usage(_)))
}

/// An error with its causes.
fn chain(error: &PlanError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn duplicates(children: &[(Descriptor, Platform)], platform: &Platform) -> Option<Note> {
    let same = children.iter().filter(|(_, other)| other == platform).count();
    (same > 1).then(|| Note {
        kind: NoteKind::Source,
        layer: None,
        path: None,
        detail: format!("the index lists {platform} {same} times: which one is pulled depends on the client"),
    })
}
