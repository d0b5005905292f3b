//! `Package.resolved` of Swift, versions 1 to 3.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field, json};
use crate::model::PackageKind;

use super::{behind_slash, declared, findings};

/// Lock files of the Swift package manager.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-swift",
    what: "declared Swift packages: Package.resolved",
    takes: Takes::Path(|path| field::is_named(path, "Package.resolved")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let json::Document { root, damage } = json::parse(input.bytes);
    let pins = root.get("pins").or_else(|| root.get("object").and_then(|object| object.get("pins")));
    let mut packages = Vec::new();
    for pin in json::elements(pins) {
        let location = json::raw(pin, "location").or_else(|| json::raw(pin, "repositoryURL")).and_then(field::url);
        let name = json::text(pin, "identity").or_else(|| json::text(pin, "package"));
        // The namespace is the host with the owner.
        let full = location.as_deref().map(|url| {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            let rest = rest.split_once('@').map_or(rest, |(_, rest)| rest);
            rest.trim_end_matches('/').trim_end_matches(".git").replacen(':', "/", 1)
        });
        let Some(full) = full.filter(|full| !full.is_empty()).or(name) else { continue };
        let state = pin.get("state");
        let version = state.and_then(|state| json::text(state, "version")).unwrap_or_default();
        let (namespace, name) = behind_slash(&full);
        let Some(mut package) = declared(PackageKind::Swift, name, &version) else { continue };
        package.namespace = namespace;
        package.vcs = location;
        package.properties.extend(
            state
                .and_then(|state| json::text(state, "revision"))
                .map(|revision| ("swift:revision".to_owned(), revision)),
        );
        packages.push(package);
    }
    Ok(findings(packages, damage.into_iter().collect()))
}
