//! `imgguard referrers`: the lists of what refers to an image, as they are and as they should be.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use schemars::JsonSchema;
use serde::Serialize;

use crate::evidence::{Store, closure};
use crate::model::Digest;
use crate::oci::{Descriptor, FetchError};
use crate::registry::{Referrer, Repair};
use crate::report::escape::visible;
use crate::sign::legacy_tag;

use super::super::registry::Form;
use super::super::{Exit, Failure, SourceArguments, output};
use super::image;
use super::signing::platform;

/// The name of the schema.
const SCHEMA: &str = "imgguard.referrers/v1";
/// Tags of cosign 1 and 2.
const ENDINGS: &[&str] = &["sig", "att", "sbom"];

#[derive(Debug, Args)]
pub(in crate::cli) struct ReferrersArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List what refers to an image and to everything in it, and what is wrong with the lists: 3 when something could not be seen.
    List(ListArguments),
    /// Make the index behind the fallback tag right, which clients keep where the registry keeps no list.
    Repair(RepairArguments),
}

#[derive(Debug, Args)]
struct ListArguments {
    /// The image: a registry reference, or a layout folder as oci:DIR:TAG.
    #[arg(value_name = "REF")]
    image: String,
    /// Form of the list.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    #[command(flatten)]
    source: SourceArguments,
}

#[derive(Debug, Args)]
struct RepairArguments {
    /// The image: a registry reference.
    #[arg(value_name = "REF")]
    image: String,
    /// List this manifest too, which refers to the image and was lost from the list; repeatable.
    #[arg(long, value_name = "DIGEST")]
    add: Vec<Digest>,
    /// Tell what would be changed, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    source: SourceArguments,
}

pub(in crate::cli) fn run(arguments: &ReferrersArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::List(arguments) => list(arguments),
        Command::Repair(arguments) => repair(arguments),
    }
}

/// What refers to an image and everything in it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Listing {
    /// Always `imgguard.referrers/v1`.
    schema: &'static str,
    /// The repository with its host, or the folder.
    repository: String,
    /// The index and its children.
    nodes: Vec<NodeListing>,
}

/// What refers to an index or an image.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct NodeListing {
    /// Its digest.
    digest: String,
    /// Its platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    platform: Option<String>,
    /// `api`: the registry keeps the list; `fallback-tag`: clients do; `none`: there is no list.
    list: &'static str,
    /// Manifests that refer to it, as they say themselves.
    referrers: Vec<ReferrerListing>,
    /// Tags of cosign 1 and 2 that belong to it.
    tags: Vec<String>,
    /// What was listed and is no referrer, or could not be seen.
    problems: Vec<String>,
}

/// A manifest that refers to it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ReferrerListing {
    /// Its digest.
    digest: String,
    /// What it says that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    /// Its own annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    /// What the list says wrong of it, or leaves out: others go by the list.
    defects: Vec<String>,
}

fn list(arguments: &ListArguments) -> Result<Exit, Failure> {
    let store = image::open(&arguments.image, &arguments.source)?;
    let mut exit = Exit::Pass;
    let mut nodes = Vec::new();
    for node in closure(&store)? {
        let (listing, whole) = look(&store, &node.digest)?;
        if !whole {
            exit = Exit::Inconclusive;
        }
        nodes.push(NodeListing { platform: node.platform.as_ref().map(ToString::to_string), ..listing });
    }
    let listing = Listing { schema: SCHEMA, repository: store.name().to_owned(), nodes };
    let text = match arguments.output {
        Form::Json => serde_json::to_string_pretty(&listing).unwrap_or_default() + "\n",
        Form::Text => text_of(&listing),
    };
    output::print(&text)?;
    Ok(exit)
}

/// What refers to one manifest, and whether all of it could be seen.
fn look(store: &Store, digest: &Digest) -> Result<(NodeListing, bool), FetchError> {
    let found = store.referrers(digest)?;
    let lists = store.repository().referrer_lists(digest)?;
    let kind = match (&lists.api, &lists.fallback) {
        (Some(_), _) => "api",
        (None, Some(_)) => "fallback-tag",
        (None, None) => "none",
    };
    let entries = lists.api.or(lists.fallback).unwrap_or_default();
    let mut tags = Vec::new();
    for ending in ENDINGS {
        let tag = legacy_tag(digest, ending);
        if store.tagged(&tag)?.is_some() {
            tags.push(tag);
        }
    }
    let mut problems = found.problems;
    problems.extend(found.lost.iter().cloned());
    problems.sort();
    problems.dedup();
    let referrers = found.found.iter().map(|one| ReferrerListing {
        digest: one.manifest.digest.to_string(),
        artifact_type: one.artifact_type.clone(),
        annotations: one.annotations.clone(),
        defects: defects(one, &entries),
    });
    let listing = NodeListing {
        digest: digest.to_string(),
        platform: None,
        list: kind,
        referrers: referrers.collect(),
        tags,
        problems,
    };
    Ok((listing, found.lost.is_empty()))
}

/// What the list that others go by says wrong of a referrer.
fn defects(referrer: &Referrer, entries: &[Descriptor]) -> Vec<String> {
    let of_this = |entry: &&Descriptor| entry.digest == referrer.manifest.digest;
    let Some(entry) = entries.iter().find(of_this) else { return vec!["it is not in the list".to_owned()] };
    let mut defects = Vec::new();
    if entry.artifact_type.as_deref().filter(|kind| !kind.is_empty()) != referrer.artifact_type.as_deref() {
        let listed = entry.artifact_type.as_deref().unwrap_or("nothing").escape_debug();
        defects.push(format!("the list says that its artifact type is `{listed}`"));
    }
    let missing = referrer.annotations.iter().filter(|(key, value)| entry.annotations.get(*key) != Some(value)).count();
    if missing > 0 {
        defects.push(format!("the list lacks {missing} of its annotations"));
    }
    if entry.size != referrer.manifest.bytes.len() as u64 {
        defects.push(format!("the list says that it has {} bytes", entry.size));
    }
    defects
}

fn text_of(listing: &Listing) -> String {
    let mut text = String::new();
    for node in &listing.nodes {
        let platform = node.platform.as_deref().map(|platform| format!(" ({})", visible(platform))).unwrap_or_default();
        let list = match node.list {
            "api" => "listed by the registry",
            "fallback-tag" => "listed under the fallback tag",
            _ => "no list",
        };
        text.push_str(&format!("{}@{}{platform}: {list}\n", visible(&listing.repository), node.digest));
        for one in &node.referrers {
            let kind = visible(one.artifact_type.as_deref().unwrap_or("no type")).into_owned();
            let predicate = one.annotations.get("dev.sigstore.bundle.predicateType");
            let predicate = predicate.map(|kind| format!(", {}", visible(kind))).unwrap_or_default();
            text.push_str(&format!("  {} {kind}{predicate}\n", one.digest));
            for defect in &one.defects {
                text.push_str(&format!("    wrong: {}\n", visible(defect)));
            }
        }
        for tag in &node.tags {
            text.push_str(&format!("  tag {tag}\n"));
        }
        for problem in &node.problems {
            text.push_str(&format!("  problem: {}\n", visible(problem)));
        }
    }
    text
}

fn repair(arguments: &RepairArguments) -> Result<Exit, Failure> {
    let store = image::open(&arguments.image, &arguments.source)?;
    let mut lost: Vec<&Digest> = arguments.add.iter().collect();
    let mut text = String::new();
    for node in closure(&store)? {
        let add = belonging(&store, &node.digest, &mut lost)?;
        let done = store.repository().repair(&node.digest, &add, !arguments.dry_run)?;
        text.push_str(&told(&store, &format!("{}{}", node.digest, platform(&node)), &done, arguments.dry_run));
    }
    output::print(&text)?;
    match lost.first() {
        None => Ok(Exit::Pass),
        Some(digest) => Err(Failure::usage(format!("{digest} refers to nothing in the image"))),
    }
}

/// Those of the manifests that refer to a node; they are taken out of the list.
fn belonging(store: &Store, subject: &Digest, lost: &mut Vec<&Digest>) -> Result<Vec<Digest>, FetchError> {
    let mut found = Vec::new();
    let mut others = Vec::new();
    for digest in std::mem::take(lost) {
        let manifest = store.manifest(digest)?;
        let described = crate::registry::SelfDescription::read(&manifest.bytes, &manifest.media_type);
        if described.is_ok_and(|described| described.subject.as_ref() == Some(subject)) {
            found.push(digest.clone());
        } else {
            others.push(digest);
        }
    }
    *lost = others;
    Ok(found)
}

fn told(store: &Store, node: &str, repair: &Repair, dry_run: bool) -> String {
    let mut text = format!("{}@{node}: ", visible(store.name()));
    let count = |digests: &[Digest], what: &str| (!digests.is_empty()).then(|| format!("{} {what}", digests.len()));
    let parts: Vec<String> =
        [count(&repair.completed, "completed"), count(&repair.removed, "removed"), count(&repair.added, "added")]
            .into_iter()
            .flatten()
            .collect();
    text.push_str(&match (parts.is_empty(), dry_run) {
        (true, _) => "nothing to repair".to_owned(),
        (false, true) => format!("would be {}", parts.join(", ")),
        (false, false) => parts.join(", "),
    });
    text.push('\n');
    for why in &repair.left {
        text.push_str(&format!("  left as it is: {}\n", visible(why)));
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_in_the_documentation_is_that_of_the_types() {
        let schema = serde_json::to_string_pretty(&schemars::schema_for!(super::Listing)).expect("a schema") + "\n";
        crate::testkit::schemas::are_up_to_date(&[("referrers-v1.json", schema)]);
    }
}
