//! `pnpm-lock.yaml`, versions 5 to 9: the keys below `packages`.

use crate::catalog::npm::scoped;
use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{Package, PackageKind};

use super::{PACKAGES, declared, findings};

/// Lock files of pnpm.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-pnpm",
    what: "declared JavaScript packages: pnpm-lock.yaml",
    takes: Takes::Path(|path| field::is_named(path, "pnpm-lock.yaml")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let mut packages: Vec<Package> = Vec::new();
    let mut inside = false;
    // Whether the key of the entry says which package it is; what is not from a registry says it in its fields.
    let mut open: Option<Package> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
        if packages.len() > PACKAGES {
            break;
        }
        let indent = line.len() - line.trim_start().len();
        let trimmed = line.trim();
        match indent {
            0 => {
                packages.extend(open.take().filter(is_known));
                inside = trimmed == "packages:";
            }
            2 if inside => {
                packages.extend(open.take().filter(is_known));
                open = entry(trimmed);
            }
            4 => {
                if let Some(package) = &mut open {
                    describe(package, trimmed);
                }
            }
            _ => {}
        }
    }
    packages.extend(open.filter(is_known));
    Ok(findings(packages, Vec::new()))
}

fn is_known(package: &Package) -> bool {
    !package.name.is_empty() && package.name != UNKNOWN
}

/// Stands for a name that has not come yet.
const UNKNOWN: &str = "?";

/// `/@s/a/1.0.0_peer:`, `/a@1.0.0(peer):`, `'@s/a@1.0.0':`.
fn entry(line: &str) -> Option<Package> {
    let key = line.trim_end_matches("{}").trim().trim_end_matches(':').trim_matches(['\'', '"']);
    let key = key.split('(').next().unwrap_or(key);
    let path = key.strip_prefix('/').unwrap_or(key);
    let has_version = |version: &str| version.starts_with(|first: char| first.is_ascii_digit());
    let at = path.get(1..).and_then(|rest| rest.find('@')).map(|at| at + 1);
    let by_at = at.map(|at| (&path[..at], &path[at + 1..])).filter(|(_, version)| has_version(version));
    let by_slash =
        key.starts_with('/').then(|| path.rsplit_once('/')).flatten().filter(|(_, version)| has_version(version));
    let (name, version) = match (by_slash, by_at) {
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) => (UNKNOWN, ""),
    };
    let version = if key.starts_with('/') { version.split('_').next().unwrap_or(version) } else { version };
    let (namespace, name) = scoped(name);
    let mut package = declared(PackageKind::Npm, &name, version)?;
    package.namespace = namespace;
    Some(package)
}

fn describe(package: &mut Package, line: &str) {
    let Some((key, value)) = line.split_once(':') else { return };
    let value = value.trim().trim_matches(['\'', '"']);
    match key {
        "resolution" => {
            let part =
                |name: &str| value.split_once(name).map(|(_, rest)| rest.split([',', '}']).next().unwrap_or("").trim());
            package.hashes = part("integrity:").map(field::integrity).unwrap_or_default();
            package.download = part("tarball:").and_then(field::url).filter(|url| field::is_web(url));
        }
        "name" => {
            let (namespace, name) = scoped(value);
            package.namespace = namespace;
            package.name = field::line(&name).unwrap_or_default();
        }
        "version" => package.version = field::line(value).unwrap_or_default(),
        "dev" | "optional" if value == "true" => {
            package.properties.insert(format!("npm:{key}"), "true".to_owned());
        }
        _ => {}
    }
}
