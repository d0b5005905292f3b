//! A snapshot for GitHub's dependency submission (REST API, "Create a snapshot of dependencies for a repository").

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::document::{Document, Presence, RelationKind};
use super::{WriteError, json, packages};
use crate::model::Scope;

/// The run of a workflow that submits the snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Job {
    /// Commit: 40 hexadecimal digits.
    pub sha: String,
    /// Git reference such as `refs/heads/main`.
    pub reference: String,
    /// Id of the run.
    pub id: String,
    /// Tells snapshots of different jobs apart; a later one of the same name takes the place of an earlier one.
    pub correlator: String,
    /// Page of the repository.
    pub page: String,
}

#[derive(Serialize)]
struct Snapshot<'a> {
    version: u8,
    sha: &'a str,
    r#ref: &'a str,
    job: JobOf<'a>,
    detector: Detector<'a>,
    scanned: &'a str,
    manifests: BTreeMap<&'a str, Manifest<'a>>,
}

#[derive(Serialize)]
struct JobOf<'a> {
    id: &'a str,
    correlator: &'a str,
}

#[derive(Serialize)]
struct Detector<'a> {
    name: &'a str,
    version: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Manifest<'a> {
    name: &'a str,
    metadata: BTreeMap<&'a str, &'a str>,
    resolved: BTreeMap<&'a str, Dependency<'a>>,
}

#[derive(Serialize)]
struct Dependency<'a> {
    package_url: &'a str,
    relationship: &'static str,
    scope: &'static str,
    dependencies: BTreeSet<&'a str>,
}

/// Writes the snapshot: packages in the final file system, by package URL. A package of which no other one depends is direct.
pub(super) fn write(document: &Document, job: Option<&Job>) -> Result<String, WriteError> {
    let job = job.ok_or(WriteError::NoCommit)?;
    let listed: BTreeMap<&str, &str> = packages(document)
        .filter(|component| component.presence != Presence::Removed)
        .filter_map(|component| Some((component.id.as_str(), component.purl.as_deref()?)))
        .collect();
    let mut needs: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut needed = BTreeSet::new();
    let mut development = BTreeSet::new();
    for relation in &document.relations {
        let RelationKind::DependsOn(scope) = relation.kind else { continue };
        if let (Some(from), Some(to)) = (listed.get(relation.from.as_str()), listed.get(relation.to.as_str())) {
            needs.entry(from).or_default().insert(to);
            needed.insert(*to);
            if matches!(scope, Scope::Development | Scope::Build) {
                development.insert(*to);
            }
        }
    }
    let resolved = listed
        .values()
        .map(|purl| {
            let dependency = Dependency {
                package_url: purl,
                relationship: if needed.contains(purl) { "indirect" } else { "direct" },
                scope: if development.contains(purl) { "development" } else { "runtime" },
                dependencies: needs.remove(purl).unwrap_or_default(),
            };
            (*purl, dependency)
        })
        .collect();
    let root = document.root_component();
    let mut metadata = BTreeMap::new();
    metadata.extend(root.and_then(|root| root.purl.as_deref()).map(|purl| ("image", purl)));
    metadata.insert("document", &document.id);
    let tool = document.tool.as_ref();
    let snapshot = Snapshot {
        version: 0,
        sha: &job.sha,
        r#ref: &job.reference,
        job: JobOf { id: &job.id, correlator: &job.correlator },
        detector: Detector {
            name: tool.map_or("imgguard", |tool| &tool.name),
            version: tool.and_then(|tool| tool.version.as_deref()).unwrap_or("0"),
            url: &job.page,
        },
        scanned: &document.created,
        manifests: BTreeMap::from([(document.name.as_str(), Manifest { name: &document.name, metadata, resolved })]),
    };
    Ok(json::write(&snapshot))
}
