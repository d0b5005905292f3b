//! Semantic versions as tags of a repository: which tag says what, which of them may move, and which have gone astray.
//!
//! A full version (`1.4.2`) is written once and never moves. `1.4`, `1` and `latest` float: each follows the highest stable
//! version of its line, so that the release of an older line never moves them back. A version before a release
//! (`2.0.0-rc.1`) moves the tag of its channel (`rc`) only. There is no tag `0`: a version 0.x promises nothing. Variants
//! (`1.4.2-alpine`) are lines of their own; which suffixes are variants has to be said, because a semantic version of that
//! form would be one before a release.

mod audit;
mod metadata_action;
mod name;
mod plan;

pub use audit::{Astray, Finding, asked_by_audit, audit};
pub use metadata_action::{Context, MetadataError, Tags, tags_of};
pub use name::{Named, Scheme, TagError, check_tag, version_of_tag, version_tag};
pub use plan::{Action, Latest, Request, Step, asked_by_plan, overtaken, plan};

use std::collections::BTreeMap;

use crate::model::Digest;

/// Tags of a repository, each with the digest that it points at; none where nobody has asked yet.
pub type Known = BTreeMap<String, Option<Digest>>;
