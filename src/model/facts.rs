//! `Inspection` and `ImageFacts`: everything known about an image, the waist between reading and judging.
//!
//! These types are what `inspect -o json` prints and `facts:FILE` reads; [`SCHEMA`] names their version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Account, BuildFacts, Derived, Digest, Document, Entry, Gap, Group, ImageConfig, Inherited, Note, Packages,
    Platform, ScanLedger, SecretFact, SourceLine, Startup,
};

/// The version of the facts document.
pub const SCHEMA: &str = "imgguard.facts/v1";

/// One reference, inspected: all its platforms that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Inspection {
    /// [`SCHEMA`].
    pub schema: String,
    /// One element per platform, in the order of the index.
    pub images: Vec<ImageFacts>,
    /// Gaps that belong to no single platform.
    pub gaps: Vec<Gap>,
}

/// What was inspected, resolved once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Subject {
    /// The reference as the user wrote it.
    pub reference: String,
    /// Repository without tag and digest, such as `registry.example/acme/app`; the path for local sources.
    pub repository: String,
    /// The tag it was resolved by, if any.
    pub tag: Option<String>,
    /// Digest of this platform's manifest; of the config where a format has no manifest (old docker archives).
    pub digest: Digest,
    /// Media type behind `digest`.
    pub media_type: String,
    /// Digest of the config.
    pub config_digest: Digest,
}

/// A child of an index that is an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IndexChild {
    /// Digest of its manifest.
    pub digest: Digest,
    /// The platform its descriptor names.
    pub platform: Platform,
}

/// The index around an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IndexFacts {
    /// Digest of the index.
    pub digest: Digest,
    /// Media type of the index.
    pub media_type: String,
    /// All image children (attestation manifests are no images), in order.
    pub children: Vec<IndexChild>,
    /// Annotations of the index.
    pub annotations: BTreeMap<String, String>,
}

/// A layer in its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Layer {
    /// Digest of the blob; none where the format names none (old docker archives).
    pub digest: Option<Digest>,
    /// Digest of the uncompressed archive.
    pub diff_id: Digest,
    /// Media type as the manifest says; empty where the format names none.
    pub media_type: String,
    /// Bytes of the blob as stored in the source.
    pub size: u64,
    /// Bytes of the uncompressed archive; none when the layer could not be read.
    pub unpacked_size: Option<u64>,
    /// Members of the archive.
    pub entries: u64,
    /// Bytes of regular files in the archive.
    pub file_bytes: u64,
    /// Bytes of this layer's regular files that are not in the final file system.
    pub hidden_bytes: u64,
    /// Bytes of lower layers' files that this layer hid.
    pub hid_bytes: u64,
    /// Index of the history entry that made it.
    pub history: Option<u32>,
    /// The instruction that made it, cleaned for people.
    pub instruction: Option<String>,
    /// The lines of the Dockerfile that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceLine>,
}

/// A path of the final file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct File {
    /// What it is; `path` is the resolved path.
    pub entry: Entry,
    /// Layer (from 0) since which the path exists without interruption.
    pub added: u32,
    /// Layer (from 0) that last wrote it: content or attributes.
    pub changed: u32,
}

/// How a version of a path went out of sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// A whiteout, an opaque directory, or a non-directory in place of a parent removed it.
    Deleted,
    /// Other content was written at the same path.
    Overwritten,
    /// The same content was written again with other attributes (`chmod`, `chown`, `touch`).
    Rewritten,
    /// The same archive names the path again.
    Duplicate,
}

/// A version of a path that is shipped but not in the final file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hidden {
    /// What it was.
    pub entry: Entry,
    /// Layer (from 0) that ships it.
    pub layer: u32,
    /// Layer (from 0) that hid it.
    pub by: u32,
    /// How.
    pub how: How,
}

/// Bytes shipped but not visible: the sum over [`Hidden`] regular files, hard links counted once per layer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Waste {
    /// Bytes of regular files in all layers.
    pub shipped: u64,
    /// Bytes of regular files in the final file system.
    pub visible: u64,
    /// Hidden because deleted.
    pub deleted: u64,
    /// Hidden because overwritten with other content.
    pub overwritten: u64,
    /// Hidden because only attributes changed.
    pub rewritten: u64,
    /// Hidden because one archive ships a path twice.
    pub duplicate: u64,
}

impl Waste {
    /// Bytes shipped and not visible.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.shipped.saturating_sub(self.visible)
    }
}

/// How well a base image is known, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BaseGrade {
    /// From environment, os-release and history: anyone could have written them.
    Guessed,
    /// An annotation or label names it.
    Claimed,
    /// An annotation names it with a digest that a list of known bases has for that name.
    Matched,
    /// The layers of the known base are the lowest layers of this image, or nothing of an operating system is there (`scratch`).
    Proved,
}

/// One answer to "what is this image built on".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct BaseClaim {
    /// Canonical name, such as `docker.io/library/python:3.11-slim`, or `scratch`.
    pub reference: String,
    /// Digest of the base, when known.
    pub digest: Option<Digest>,
    /// How well it is known.
    pub grade: BaseGrade,
    /// Layers of this image that belong to the base, when proved.
    pub layers: Option<u32>,
    /// What the answer rests on, in words.
    pub by: String,
}

/// Everything known about one platform's image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ImageFacts {
    /// What it is and how it was named.
    pub subject: Subject,
    /// The platform: of the descriptor, else of the config.
    pub platform: Platform,
    /// The index around it, when the reference is an index.
    pub index: Option<IndexFacts>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
    /// The config.
    pub config: ImageConfig,
    /// Bottom first.
    pub layers: Vec<Layer>,
    /// The final file system, sorted by path.
    pub files: Vec<File>,
    /// Shipped but not visible, sorted by layer, then path.
    pub hidden: Vec<Hidden>,
    /// Bytes shipped against bytes visible.
    pub waste: Waste,
    /// Files of the final file system that were kept whole, sorted by path.
    pub documents: Vec<Document>,
    /// Accounts, in the order of the file (the first of a name counts); none when there is no readable file.
    pub accounts: Option<Vec<Account>>,
    /// Groups, in the order of the file; none when there is no readable file.
    pub groups: Option<Vec<Group>>,
    /// Keys and values of `os-release`; empty when there is none.
    pub os_release: BTreeMap<String, String>,
    /// Answers about the base image, best first. Claims that need a list of known bases are added by the rule.
    pub base: Vec<BaseClaim>,
    /// What the image has from its base, when a recorded base is proved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inherited: Option<Inherited>,
    /// What its provenance says of the build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build: Option<BuildFacts>,
    /// Secrets, sorted by fingerprint.
    pub secrets: Vec<SecretFact>,
    /// Packages; none when they were not asked for.
    #[serde(default)]
    pub packages: Option<Packages>,
    /// What decides how processes start; none in facts that were saved before it was looked at.
    #[serde(default)]
    pub startup: Option<Startup>,
    /// What was searched for secrets in all layers, and what was not.
    #[serde(default)]
    pub scanned: ScanLedger,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// What was odd.
    pub notes: Vec<Note>,
    /// What readers of these facts work out from them; no fact itself.
    #[serde(skip)]
    pub derived: Derived,
}

impl ImageFacts {
    /// The file at `path` of the final file system; the last part of the path is not followed if it is a link.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&File> {
        let path = path.trim_matches('/');
        self.files.binary_search_by(|file| file.entry.path.as_ref().cmp(path)).ok().map(|at| &self.files[at])
    }

    /// The path that `path` leads to in the final file system, links followed inside the image root (at most 40);
    /// none when it leads nowhere.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<String> {
        let mut pending: Vec<String> = path.split('/').rev().map(str::to_owned).collect();
        let mut at: Vec<String> = Vec::new();
        let mut hops = 0;
        while let Some(part) = pending.pop() {
            match part.as_str() {
                "" | "." => {}
                ".." => {
                    at.pop();
                }
                _ => {
                    at.push(part);
                    let entry = &self.file(&at.join("/"))?.entry;
                    if let (super::Kind::Symlink, Some(target)) = (entry.kind, &entry.link) {
                        hops += 1;
                        if hops > 40 {
                            return None;
                        }
                        at.pop();
                        if target.starts_with('/') {
                            at.clear();
                        }
                        pending.extend(target.split('/').rev().map(str::to_owned));
                    }
                }
            }
        }
        Some(at.join("/"))
    }

    /// Layers of the longest proved base; none when no base is proved.
    #[must_use]
    pub fn base_layers(&self) -> Option<u32> {
        self.base.iter().filter(|claim| claim.grade == BaseGrade::Proved).filter_map(|claim| claim.layers).max()
    }

    /// Whether some part of the layers was not seen, so that the absence of a file proves nothing.
    #[must_use]
    pub fn tree_gap(&self) -> Option<&Gap> {
        self.gaps.iter().find(|gap| gap.kind.hides_files())
    }

    /// Sum of the stored (mostly compressed) bytes of all layers.
    #[must_use]
    pub fn compressed_size(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }

    /// Sum of the uncompressed archives of all layers; none when one could not be read.
    #[must_use]
    pub fn uncompressed_size(&self) -> Option<u64> {
        self.layers.iter().map(|layer| layer.unpacked_size).sum()
    }
}
