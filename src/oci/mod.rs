//! Manifests, indexes, configs, layouts and references: exact bytes in, strict types out. Ambiguity is refused.

mod archive;
mod config;
mod fetch;
mod fields;
mod image;
mod index;
mod manifest;
mod media;
mod plan;
mod raw;
mod reference;
mod statements;
mod strict_json;

pub use archive::{
    ArchiveError, ArchiveIndex, ArchiveKind, Member, check_layout_version, layout_index, layout_root, plan_layout,
};
pub use config::parse_config;
pub use fetch::{BlobKey, Blobs, FetchError};
pub use manifest::{Descriptor, Document, Index, Manifest, OciError, parse_document};
pub use media::{Compression, LayerType, is_image_config, layer_type, media_types, sniff};
pub use plan::{ImagePlan, LayerPlan, Plan, PlanError, Root, Selector, plan};
pub use raw::RawDocument;
pub use reference::{Reference, ReferenceError};
pub use strict_json::{JsonError, parse_strict};
