//! `packages.lock.json` of `NuGet`.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field, json};
use crate::model::{Dependency, PackageKind, Scope};

use super::{declared, findings};

/// Lock files of `NuGet`.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-nuget",
    what: "declared .NET packages: packages.lock.json",
    takes: Takes::Path(|path| field::is_named(path, "packages.lock.json")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let json::Document { root, damage } = json::parse(input.bytes);
    let mut packages = Vec::new();
    for (_, framework) in json::members(root.get("dependencies")) {
        for (name, entry) in json::members(Some(framework)) {
            if json::raw(entry, "type") == Some("Project") {
                continue;
            }
            let version = json::text(entry, "resolved").unwrap_or_default();
            let Some(mut package) = declared(PackageKind::Nuget, name, &version) else { continue };
            // Of the package without its signature, so it is not that of the file.
            package
                .properties
                .extend(json::text(entry, "contentHash").map(|sum| ("nuget:content-hash".to_owned(), sum)));
            package.depends = json::members(entry.get("dependencies"))
                .filter_map(|(name, _)| {
                    Some(Dependency { names: vec![field::line(name)?], version: None, scope: Scope::Runtime })
                })
                .take(2000)
                .collect();
            packages.push(package);
        }
    }
    Ok(findings(packages, damage.into_iter().collect()))
}
