//! `requirements*.txt` (pinned lines), `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock.toml`, `Pipfile.lock`.

use crate::catalog::terms::{self, Language, Term};
use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field, json};
use crate::model::{Dependency, Package, PackageKind, Scope};

use super::{PACKAGES, declared, findings};

/// Lock files of Python.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-python",
    what: "declared Python distributions: requirements.txt, poetry.lock, uv.lock, Pipfile.lock and their like",
    takes: Takes::Path(is_lock),
    limit: TEXT,
    parse,
};

fn is_lock(path: &str) -> bool {
    let name = field::split(path).1;
    matches!(name, "poetry.lock" | "uv.lock" | "pdm.lock" | "pylock.toml" | "Pipfile.lock")
        || (name.starts_with("requirements") && field::has_extension(name, "txt"))
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    match field::split(input.path).1 {
        "Pipfile.lock" => Ok(pipfile(input.bytes)),
        name if field::has_extension(name, "txt") => Ok(findings(requirements(&text), Vec::new())),
        _ => Ok(tables(&text)),
    }
}

fn requirements(text: &str) -> Vec<Package> {
    text.lines()
        .filter_map(|line| {
            let line = line.split(" #").next().unwrap_or("").trim();
            if line.starts_with(['#', '-']) {
                return None;
            }
            let line = line.split([';', '\\']).next().unwrap_or("");
            let line = line.split(" --").next().unwrap_or("").trim();
            let (name, version) = line.split_once("==")?;
            let name = name.split('[').next().unwrap_or("").trim();
            let version = version.trim_start_matches('=').trim();
            let pinned = !version.contains(['*', ',', ' ']) && !version.is_empty();
            let is_name =
                name.chars().all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'));
            (pinned && is_name).then(|| declared(PackageKind::Pypi, name, version)).flatten()
        })
        .take(PACKAGES + 1)
        .collect()
}

fn pipfile(bytes: &[u8]) -> Findings {
    let json::Document { root, damage } = json::parse(bytes);
    let mut packages = Vec::new();
    for section in ["default", "develop"] {
        for (name, entry) in json::members(root.get(section)) {
            let version = json::text(entry, "version").unwrap_or_default();
            let Some(mut package) = declared(PackageKind::Pypi, name, version.trim_start_matches('=')) else {
                continue;
            };
            package.vcs = json::raw(entry, "git").and_then(field::url);
            if section == "develop" {
                package.properties.insert("python:dev".to_owned(), "true".to_owned());
            }
            packages.push(package);
        }
    }
    findings(packages, damage.into_iter().collect())
}

/// The `[[package]]` tables that poetry, uv and pdm write; `[[packages]]` in PEP 751.
fn tables(text: &str) -> Findings {
    let (document, whole) = terms::read(text, Language::Toml);
    let mut packages: Vec<Package> = Vec::new();
    // Whether the last table of a package was taken, for the tables below it.
    let mut taken = false;
    for (header, table) in document.members() {
        match header.as_deref().map(str::trim) {
            Some("package" | "packages") => {
                let package = package(table);
                taken = package.is_some();
                packages.extend(package);
            }
            Some("package.dependencies") if taken => {
                if let Some(package) = packages.last_mut() {
                    package.depends.extend(table.members().iter().take(2000).filter_map(|(name, value)| {
                        let optional = value.get("optional").and_then(Term::text) == Some("true");
                        let scope = if optional { Scope::Optional } else { Scope::Runtime };
                        Some(Dependency { names: vec![field::line(name.as_deref()?)?], version: None, scope })
                    }));
                }
            }
            _ => {}
        }
    }
    findings(packages, if whole { Vec::new() } else { vec!["a part of the lock file could not be read".to_owned()] })
}

fn package(table: &Term) -> Option<Package> {
    let get = |key: &str| table.get(key).and_then(Term::text);
    if let Some(source) = table.get("source") {
        // The project itself and parts of it.
        if ["virtual", "editable", "directory"].iter().any(|kind| source.get(kind).is_some()) {
            return None;
        }
    }
    let mut package = declared(PackageKind::Pypi, get("name")?, get("version").unwrap_or_default())?;
    package.description = get("description").and_then(field::summary);
    package.vcs = table.get("source").and_then(|source| source.get("git")?.text()).and_then(field::url);
    if get("category") == Some("dev") {
        package.properties.insert("python:dev".to_owned(), "true".to_owned());
    }
    package.depends = table
        .get("dependencies")
        .map_or(&[][..], Term::members)
        .iter()
        .take(2000)
        .filter_map(|(_, it)| it.get("name").unwrap_or(it).text())
        .filter_map(|text| text.split([' ', '[', '=', '<', '>', '~', '!', ';']).next().and_then(field::line))
        .map(|name| Dependency { names: vec![name], version: None, scope: Scope::Runtime })
        .collect();
    Some(package)
}
