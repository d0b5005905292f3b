//! The documents of `copy` and `tree`, version 1. These types are the contract: they change only by adding a version.

use crate::model::json_schema;
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::escape;

use super::closure::{Closure, Link};
use super::copy::Copied;
use super::plan::{CopyPlan, TagAction};

const COPY: &str = "imgguard.copy/v1";
const TREE: &str = "imgguard.tree/v1";

/// What a copy will do or did.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct CopyDocument<'a> {
    /// Always `imgguard.copy/v1`.
    schema: &'static str,
    /// What was copied.
    source: &'a str,
    /// Where to.
    destination: &'a str,
    /// Digest of the manifest that was asked for.
    digest: String,
    /// Whether this is only a plan.
    dry_run: bool,
    /// Blobs, the largest first.
    blobs: Vec<Blob>,
    /// Manifests and indexes in the order of writing.
    manifests: Vec<Manifest<'a>>,
    /// Tags, the image's own last.
    tags: Vec<Tag<'a>>,
    /// What was done; absent in a plan.
    done: Option<Done<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct Blob {
    digest: String,
    size: u64,
    /// `keep`: it is there; `mount`: taken from the source's repository where the registry does that; `send`; `leave`: it must not be distributed.
    action: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Manifest<'a> {
    digest: String,
    media_type: &'a str,
    size: u64,
    /// `index`, `image`, `attestation` or `artifact`.
    kind: &'static str,
    platform: Option<String>,
    artifact_type: Option<&'a str>,
    /// The manifest that it refers to.
    subject: Option<String>,
    /// `keep`, `write`, or `attach`: written and linked to its subject.
    action: &'static str,
}

#[derive(Serialize, JsonSchema)]
struct Tag<'a> {
    name: &'a str,
    digest: String,
    /// `keep`, `create` or `move`.
    action: &'static str,
    /// Where a tag that moves pointed before.
    from: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Done<'a> {
    blobs_sent: usize,
    bytes_sent: u64,
    blobs_mounted: usize,
    manifests_written: usize,
    referrers_linked_by_registry: usize,
    referrers_linked_by_tag: usize,
    tags_written: usize,
    /// Warnings of the destination.
    warnings: &'a [String],
}

/// Writes what a copy will do, or did, as one JSON document.
#[must_use]
pub fn copy_json(plan: &CopyPlan, done: Option<&Copied>) -> String {
    let blobs = plan.blobs.iter().map(|blob| Blob {
        digest: blob.digest.to_string(),
        size: blob.size,
        action: blob.action.word(),
    });
    let manifests = plan.manifests.iter().map(|step| Manifest {
        digest: step.digest.to_string(),
        media_type: &step.media_type,
        size: step.size,
        kind: step.kind.word(),
        platform: step.platform.as_ref().map(ToString::to_string),
        artifact_type: step.artifact_type.as_deref(),
        subject: step.subject.as_ref().map(ToString::to_string),
        action: step.action.word(),
    });
    let tags = plan.tags.iter().map(|step| {
        let (action, from) = match &step.action {
            TagAction::Keep => ("keep", None),
            TagAction::Create => ("create", None),
            TagAction::Move { from } => ("move", Some(from.to_string())),
        };
        Tag { name: &step.tag, digest: step.digest.to_string(), action, from }
    });
    write(&CopyDocument {
        schema: COPY,
        source: &plan.source,
        destination: &plan.destination,
        digest: plan.root.to_string(),
        dry_run: done.is_none(),
        blobs: blobs.collect(),
        manifests: manifests.collect(),
        tags: tags.collect(),
        done: done.map(|done| Done {
            blobs_sent: done.sent,
            bytes_sent: done.sent_bytes,
            blobs_mounted: done.mounted,
            manifests_written: done.manifests,
            referrers_linked_by_registry: done.linked_by_registry,
            referrers_linked_by_tag: done.linked_by_tag,
            tags_written: done.tags,
            warnings: &done.warnings,
        }),
    })
}

/// An image and all that belongs to it.
#[derive(Serialize, JsonSchema)]
struct TreeDocument<'a> {
    /// Always `imgguard.tree/v1`.
    schema: &'static str,
    /// The reference as it was written.
    reference: &'a str,
    /// Digest of the manifest that was asked for.
    digest: String,
    /// Everything, in an order in which it can be written.
    nodes: Vec<TreeNode<'a>>,
    /// Evidence that is listed and cannot be trusted.
    problems: Vec<TreeProblem<'a>>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct TreeNode<'a> {
    digest: String,
    media_type: &'a str,
    size: u64,
    /// `index`, `image`, `attestation` or `artifact`.
    kind: &'static str,
    platform: Option<String>,
    /// Its artifact type, else the media type of its config.
    artifact_type: Option<&'a str>,
    annotations: &'a BTreeMap<String, String>,
    /// The manifest that it refers to.
    subject: Option<String>,
    /// What an index lists.
    children: Vec<String>,
    /// The config, then the layers.
    blobs: Vec<TreeBlob<'a>>,
    evidence: Vec<TreeEvidence>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct TreeBlob<'a> {
    digest: String,
    media_type: &'a str,
    size: u64,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct TreeEvidence {
    digest: String,
    /// `api`, `fallback-tag`, `layout`, or the ending of the tag beside the image: `sig`, `att`, `sbom`.
    found_by: String,
}

#[derive(Serialize, JsonSchema)]
struct TreeProblem<'a> {
    subject: String,
    problem: &'a str,
}

/// Writes a closure as one JSON document.
#[must_use]
pub fn tree_json(reference: &str, closure: &Closure) -> String {
    let nodes = closure.order.iter().filter_map(|digest| {
        let node = closure.nodes.get(digest)?;
        let evidence = node
            .evidence
            .iter()
            .map(|(link, digest)| TreeEvidence { digest: digest.to_string(), found_by: way(*link).to_owned() });
        let blobs = node.blobs.iter().map(|blob| TreeBlob {
            digest: blob.digest.to_string(),
            media_type: &blob.media_type,
            size: blob.size,
        });
        Some(TreeNode {
            digest: digest.to_string(),
            media_type: &node.manifest.media_type,
            size: node.manifest.bytes.len() as u64,
            kind: node.kind.word(),
            platform: node.platform.as_ref().map(ToString::to_string),
            artifact_type: node.artifact_type.as_deref(),
            annotations: &node.annotations,
            subject: node.subject.as_ref().map(ToString::to_string),
            children: node.children.iter().map(|child| child.digest.to_string()).collect(),
            blobs: blobs.collect(),
            evidence: evidence.collect(),
        })
    });
    let problems =
        closure.problems.iter().map(|(subject, problem)| TreeProblem { subject: subject.to_string(), problem });
    write(&TreeDocument {
        schema: TREE,
        reference,
        digest: closure.root.to_string(),
        nodes: nodes.collect(),
        problems: problems.collect(),
    })
}

/// The word for a way to find evidence.
pub(super) fn way(link: Link) -> &'static str {
    use crate::registry::FoundBy;
    match link {
        Link::Referrer(FoundBy::Api) => "api",
        Link::Referrer(FoundBy::FallbackTag) => "fallback-tag",
        Link::Referrer(FoundBy::Layout) => "layout",
        Link::Sidecar(ending) => ending,
    }
}

fn write(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("all keys are text and no value can fail to serialise");
    escape::json(&text) + "\n"
}

/// JSON schemas of the documents: file name and text.
#[must_use]
pub fn schemas() -> Vec<(&'static str, String)> {
    vec![
        ("copy-v1.json", json_schema::<CopyDocument<'_>>(COPY, "imgguard copy")),
        ("tree-v1.json", json_schema::<TreeDocument<'_>>(TREE, "imgguard tree")),
    ]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_files_are_those_the_types_describe() {
        crate::testkit::schemas::are_up_to_date(&super::schemas());
    }
}
