//! What the builder's provenance says of a build.

use serde::{Deserialize, Serialize};

use super::Digest;

/// An image that a build used: as a base, in a stage, or to copy from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BuildImage {
    /// Canonical name, such as `docker.io/library/python:3.12-slim`.
    pub reference: String,
    /// Its digest, when it is told.
    pub digest: Option<Digest>,
}

/// What the provenance of an image (SLSA v0.2 or v1) says of its build. Nobody has verified who said it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BuildFacts {
    /// Images the build used, sorted, without those of the builder itself.
    pub images: Vec<BuildImage>,
    /// Stages that have a part in the result, when the Dockerfile is told.
    pub stages: Option<u32>,
}
