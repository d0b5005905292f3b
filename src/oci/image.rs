//! One image from its parts: which blob has which diffID, and everything about them that keeps it from being seen whole.

use std::collections::BTreeMap;

use crate::model::{Gap, GapKind, ImageConfig, Note, Platform, Subject};

use super::manifest::checked_platform;
use super::{BlobKey, Descriptor, ImagePlan, LayerPlan, RawDocument, layer_type};

/// A layer's blob before it is paired with a diffID.
pub(super) struct LayerBlob {
    pub(super) key: BlobKey,
    pub(super) digest: Option<crate::model::Digest>,
    pub(super) media_type: String,
    pub(super) size: u64,
    pub(super) compression: Option<super::Compression>,
    /// Why it is not to be read.
    pub(super) refused: Option<(GapKind, String)>,
}

impl From<Descriptor> for LayerBlob {
    fn from(descriptor: Descriptor) -> Self {
        let known = layer_type(&descriptor.media_type);
        let refused = match known {
            None => {
                let detail = format!("layers of the media type `{}` are not understood", descriptor.media_type);
                Some((GapKind::LayerUnknownType, detail))
            }
            Some(known) if known.foreign => {
                let detail = format!("the layer lies elsewhere: it is of the media type `{}`", descriptor.media_type);
                Some((GapKind::LayerForeign, detail))
            }
            Some(_) if !descriptor.urls.is_empty() => {
                let detail = "the layer names other places to fetch it from, which is never done".to_owned();
                Some((GapKind::LayerForeign, detail))
            }
            Some(_) => None,
        };
        Self {
            key: BlobKey::Digest(descriptor.digest.clone()),
            digest: Some(descriptor.digest),
            media_type: descriptor.media_type,
            size: descriptor.size,
            compression: known.map(|known| known.compression),
            refused,
        }
    }
}

/// The parts of an image.
pub(super) struct Draft {
    pub(super) subject: Subject,
    /// What the descriptor says.
    pub(super) platform: Option<Platform>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) config: ImageConfig,
    pub(super) documents: Vec<RawDocument>,
    pub(super) notes: Vec<Note>,
    /// Bottom first.
    pub(super) blobs: Vec<LayerBlob>,
}

impl Draft {
    /// Puts the parts together; contradictions become gaps.
    pub(super) fn finish(self) -> ImagePlan {
        let Self { subject, platform, annotations, config, documents, notes, blobs } = self;
        let mut gaps = Vec::new();
        let platform = agree_on_platform(platform, &config, &mut gaps);
        if platform.os == "windows" || config.os.eq_ignore_ascii_case("windows") {
            gaps.push(gap(GapKind::UnsupportedPlatform, None, WINDOWS));
        }
        let windows = gaps.iter().any(|gap| gap.kind == GapKind::UnsupportedPlatform);
        count_layers(blobs.len(), config.diff_ids.len(), &mut gaps);
        let pairs = blobs.into_iter().zip(&config.diff_ids).zip(0..);
        let layers = pairs.map(|((blob, diff_id), at)| {
            let refused = if windows { Some((GapKind::UnsupportedPlatform, WINDOWS.to_owned())) } else { blob.refused };
            LayerPlan {
                key: blob.key,
                digest: blob.digest,
                diff_id: diff_id.clone(),
                media_type: blob.media_type,
                size: blob.size,
                compression: blob.compression,
                refused: refused.map(|(kind, detail)| gap(kind, Some(at), detail)),
            }
        });
        let layers = layers.collect();
        ImagePlan { subject, platform, index: None, annotations, config, layers, documents, gaps, notes }
    }
}

const WINDOWS: &str = "Windows images are not supported: their layers are not read";

pub(super) fn gap(kind: GapKind, layer: Option<u32>, detail: impl Into<String>) -> Gap {
    Gap { kind, layer, path: None, detail: detail.into() }
}

/// The platform that the config names; none when it names none or a malformed one.
pub(super) fn config_platform(config: &ImageConfig) -> Option<Platform> {
    checked_platform(&config.os, &config.architecture, &config.variant)
}

/// The platform of the descriptor, else of the config; a gap where they contradict each other or where there is none.
fn agree_on_platform(outside: Option<Platform>, config: &ImageConfig, gaps: &mut Vec<Gap>) -> Platform {
    match (outside, config_platform(config)) {
        (Some(outside), Some(inside)) => {
            if !is_same(&outside, &inside, config) {
                let detail = format!("the index says {outside}, and the config says {inside}");
                gaps.push(gap(GapKind::Config, None, detail));
            }
            outside
        }
        (Some(outside), None) => {
            let detail = format!("the index says {outside}, and the config names no platform");
            gaps.push(gap(GapKind::Config, None, detail));
            outside
        }
        (None, Some(inside)) => inside,
        (None, None) => {
            gaps.push(gap(GapKind::Config, None, "the config names no platform"));
            Platform::new("unknown", "unknown", "")
        }
    }
}

/// Builders often leave the variant out on one side, which contradicts nothing.
fn is_same(outside: &Platform, inside: &Platform, config: &ImageConfig) -> bool {
    outside.os == inside.os
        && outside.architecture == inside.architecture
        && (config.variant.is_empty() || outside.variant.is_empty() || outside.variant == inside.variant)
}

/// A layer without a diffID cannot be verified, and a diffID without a layer cannot be read: neither is seen.
fn count_layers(blobs: usize, diff_ids: usize, gaps: &mut Vec<Gap>) {
    if blobs == diff_ids {
        return;
    }
    let detail = format!("there are {blobs} layers, and the config has {diff_ids} diffIDs");
    gaps.push(gap(GapKind::Config, None, detail));
    let first = u32::try_from(blobs.min(diff_ids)).ok();
    let (kind, detail) = if blobs > diff_ids {
        (GapKind::LayerForged, "from here on, layers have no diffID to be verified against: they are not read")
    } else {
        (GapKind::LayerMissing, "from here on, the config has diffIDs without layers")
    };
    gaps.push(gap(kind, first, detail));
}
