//! `conan.lock` of Conan 1 and 2.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field, json};
use crate::model::{Package, PackageKind};

use super::{declared, findings};

/// Lock files of Conan.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-conan",
    what: "declared C and C++ packages: conan.lock",
    takes: Takes::Path(|path| field::is_named(path, "conan.lock")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let json::Document { root, damage } = json::parse(input.bytes);
    let nodes = root.get("graph_lock").and_then(|graph| graph.get("nodes"));
    let packages = json::members(nodes)
        .filter_map(|(_, node)| json::raw(node, "ref"))
        .chain(["requires", "build_requires", "python_requires"].iter().flat_map(|key| json::texts(root.get(key))))
        .filter_map(package)
        .collect();
    Ok(findings(packages, damage.into_iter().collect()))
}

/// `name/version@user/channel#revision%time`.
fn package(reference: &str) -> Option<Package> {
    let (reference, revision) = reference.split_once('#').unwrap_or((reference, ""));
    let (reference, place) = reference.split_once('@').unwrap_or((reference, ""));
    let (name, version) = reference.split_once('/')?;
    let mut package = declared(PackageKind::Conan, name, version)?;
    if let Some((user, channel)) = place.split_once('/') {
        for (key, value) in [("user", user), ("channel", channel)] {
            package.qualifiers.extend(field::line(value).map(|value| (key.to_owned(), value)));
        }
    }
    let revision = revision.split('%').next().and_then(field::line);
    package.properties.extend(revision.map(|revision| ("conan:revision".to_owned(), revision)));
    Some(package)
}
