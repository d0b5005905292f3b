//! `package-lock.json` and `npm-shrinkwrap.json`, versions 1 to 3.

use serde_json::Value;

use crate::catalog::npm::{exact_version, manifest, scoped};
use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field, json};
use crate::model::{Dependency, Package, PackageKind, Scope};

use super::{declared, findings};

/// Lock files of npm.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-npm",
    what: "declared JavaScript packages: package-lock.json",
    takes: Takes::Path(|path| {
        field::is_named(path, "package-lock.json") || field::is_named(path, "npm-shrinkwrap.json")
    }),
    limit: TEXT,
    parse,
};

/// Most levels of version 1, in which packages are inside packages.
const DEPTH: usize = 64;

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let json::Document { root, damage } = json::parse(input.bytes);
    let mut packages = Vec::new();
    if let Some(places) = root.get("packages") {
        for (place, entry) in json::members(Some(places)) {
            // Places outside `node_modules` are parts of the project itself.
            let Some((_, name)) = place.rsplit_once("node_modules/") else { continue };
            if entry.get("link") != Some(&Value::Bool(true)) {
                packages.extend(package(json::raw(entry, "name").unwrap_or(name), entry, "dependencies"));
            }
        }
    } else {
        let mut open: Vec<(&Value, usize)> = root.get("dependencies").map(|list| (list, 0)).into_iter().collect();
        while let Some((list, depth)) = open.pop() {
            for (name, entry) in json::members(Some(list)) {
                packages.extend(package(name, entry, "requires"));
                open.extend(entry.get("dependencies").filter(|_| depth < DEPTH).map(|inner| (inner, depth + 1)));
            }
        }
    }
    Ok(findings(packages, damage.into_iter().collect()))
}

fn package(name: &str, entry: &Value, needs: &str) -> Option<Package> {
    let said = json::text(entry, "version").unwrap_or_default();
    // `npm:real@1.0.0` for an alias, a location for what is not from a registry.
    let (name, version) = match said.strip_prefix("npm:").and_then(|alias| alias.rsplit_once('@')) {
        Some((real, version)) => (real, version),
        None if said.contains([':', '/']) => (name, ""),
        None => (name, said.as_str()),
    };
    let (namespace, name) = scoped(name);
    let mut package = declared(PackageKind::Npm, &name, version)?;
    package.namespace = namespace;
    package.licences = manifest::declared(entry);
    let resolved = json::raw(entry, "resolved").or(Some(said.as_str())).and_then(field::url);
    match resolved {
        Some(url) if url.starts_with("git") => package.vcs = Some(url),
        url => package.download = url.filter(|url| field::is_web(url)),
    }
    package.hashes = json::raw(entry, "integrity").map(field::integrity).unwrap_or_default();
    for flag in ["dev", "optional"] {
        if entry.get(flag) == Some(&Value::Bool(true)) {
            package.properties.insert(format!("npm:{flag}"), "true".to_owned());
        }
    }
    for (key, scope) in [(needs, Scope::Runtime), ("optionalDependencies", Scope::Optional)] {
        package.depends.extend(json::members(entry.get(key)).take(2000).filter_map(|(name, range)| {
            Some(Dependency { names: vec![field::line(name)?], version: exact_version(range.as_str()), scope })
        }));
    }
    Some(package)
}
