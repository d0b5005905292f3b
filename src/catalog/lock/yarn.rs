//! `yarn.lock`: version 1, and the YAML of later ones; both have entries at the margin and fields at two blanks.

use crate::catalog::npm::{exact_version, scoped};
use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{Dependency, Package, PackageKind, Scope};

use super::{PACKAGES, declared, findings};

/// Lock files of yarn.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-yarn",
    what: "declared JavaScript packages: yarn.lock",
    takes: Takes::Path(|path| field::is_named(path, "yarn.lock")),
    limit: TEXT,
    parse,
};

#[derive(Default)]
struct Entry {
    name: String,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    depends: Vec<Dependency>,
    own: bool,
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let mut packages = Vec::new();
    let mut entry = Entry::default();
    let mut section = "";
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if packages.len() > PACKAGES {
            break;
        }
        let indent = line.len() - line.trim_start().len();
        let trimmed = line.trim();
        if indent == 0 {
            packages.extend(std::mem::take(&mut entry).package());
            section = "";
            name_of(trimmed).clone_into(&mut entry.name);
            entry.own = trimmed.contains("@workspace:");
            continue;
        }
        let (key, value) = pair(trimmed);
        match (indent, key, section) {
            (2, "version", _) => entry.version = Some(value.to_owned()),
            (2, "resolved", _) => entry.resolved = Some(value.to_owned()),
            (2, "integrity", _) => entry.integrity = Some(value.to_owned()),
            (2, "resolution", _) => {
                // The name here is the real one behind an alias.
                let real = value
                    .split(", ")
                    .next()
                    .and_then(|it| it.get(1..).and_then(|rest| rest.find('@')).map(|at| &it[..=at]));
                real.unwrap_or(&entry.name.clone()).clone_into(&mut entry.name);
                entry.own |= value.contains("@workspace:");
            }
            (2, key, _) => section = key,
            (4.., name, "dependencies" | "optionalDependencies") if entry.depends.len() < 2000 => {
                let scope = if section == "dependencies" { Scope::Runtime } else { Scope::Optional };
                let version = exact_version(Some(value.trim_start_matches("npm:")));
                entry.depends.extend(field::line(name).map(|name| Dependency { names: vec![name], version, scope }));
            }
            _ => {}
        }
    }
    packages.extend(entry.package());
    Ok(findings(packages, Vec::new()))
}

impl Entry {
    fn package(self) -> Option<Package> {
        if self.own || self.name == "__metadata" || self.name.is_empty() {
            return None;
        }
        let (namespace, name) = scoped(&self.name);
        let mut package = declared(PackageKind::Npm, &name, self.version.as_deref().unwrap_or_default())?;
        package.namespace = namespace;
        package.hashes = self.integrity.as_deref().map(field::integrity).unwrap_or_default();
        match self.resolved.as_deref().and_then(field::url) {
            Some(url) if url.starts_with("git") => package.vcs = Some(url),
            url => {
                package.download = url
                    .filter(|url| field::is_web(url))
                    .map(|url| url.split('#').next().unwrap_or_default().to_owned());
            }
        }
        package.depends = self.depends;
        Some(package)
    }
}

/// The name in `"@s/a@^1.0.0", "@s/a@^1.1.0":`; behind an alias the real one.
fn name_of(line: &str) -> &str {
    let first = line.trim_end_matches(':').split(", ").next().unwrap_or("").trim_matches('"');
    let at = first.get(1..).and_then(|rest| rest.find('@')).map_or(first.len(), |at| at + 1);
    let real = first
        .get(at..)
        .and_then(|range| range.strip_prefix("@npm:"))
        .filter(|range| range.get(1..).is_some_and(|rest| rest.contains('@')));
    match real {
        Some(range) => range.rsplit_once('@').map_or(range, |(name, _)| name),
        None => &first[..at],
    }
}

/// `key "value"`, `key: value` or `"key": value`.
fn pair(line: &str) -> (&str, &str) {
    let (key, value) = match line.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
        Some((key, value)) => (key, value),
        None => line.split_once([' ', ':']).unwrap_or((line, "")),
    };
    (key.trim_end_matches(':'), value.trim_start_matches(':').trim().trim_matches('"'))
}
