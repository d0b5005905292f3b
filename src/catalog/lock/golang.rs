//! `go.mod` and `go.sum` (Go modules reference).

use std::collections::BTreeMap;

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{Package, PackageKind};

use super::{PACKAGES, behind_slash, declared, findings};

/// Lock files of Go.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-go",
    what: "declared Go modules: go.mod, go.sum",
    takes: Takes::Path(|path| field::is_named(path, "go.mod") || field::is_named(path, "go.sum")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let packages = if field::has_extension(input.path, "sum") { sums(&text) } else { requirements(&text) };
    Ok(findings(packages, Vec::new()))
}

fn module(path: &str, version: &str) -> Option<Package> {
    let (namespace, name) = behind_slash(path);
    let mut package = declared(PackageKind::Golang, name, version)?;
    package.namespace = namespace;
    Some(package)
}

fn requirements(text: &str) -> Vec<Package> {
    let mut required: Vec<(&str, &str, bool)> = Vec::new();
    let mut replaced: BTreeMap<&str, (Option<&str>, &str, &str)> = BTreeMap::new();
    let mut block = "";
    for line in text.lines().take(PACKAGES * 2) {
        let (line, comment) = line.split_once("//").unwrap_or((line, ""));
        let line = line.trim();
        if line == ")" {
            block = "";
            continue;
        }
        if let Some(directive) = line.strip_suffix('(') {
            block = directive.trim();
            continue;
        }
        let (directive, rest) =
            if block.is_empty() { line.split_once(' ').unwrap_or((line, "")) } else { (block, line) };
        match directive {
            "require" => {
                if let Some((path, version)) = rest.trim().split_once(' ') {
                    required.push((path, version.trim(), comment.trim() == "indirect"));
                }
            }
            "replace" => {
                let Some((from, to)) = rest.split_once("=>") else { continue };
                let mut from = from.split_whitespace();
                let mut to = to.split_whitespace();
                if let (Some(path), Some(other)) = (from.next(), to.next()) {
                    replaced.insert(path, (from.next(), other, to.next().unwrap_or_default()));
                }
            }
            _ => {}
        }
    }
    required
        .into_iter()
        .filter_map(|(path, version, indirect)| {
            let change = replaced.get(path).filter(|(only, ..)| only.is_none_or(|only| only == version));
            let mut package = match change {
                // A local folder has no version.
                Some((_, _, "")) => module(path, "")?,
                Some((_, other, version)) => module(other, version)?,
                None => module(path, version)?,
            };
            if indirect {
                package.properties.insert("go:indirect".to_owned(), "true".to_owned());
            }
            Some(package)
        })
        .collect()
}

/// The sum of a module's content is one of a list of files, not of an archive; lines for `go.mod` alone name modules of
/// which nothing else was needed.
fn sums(text: &str) -> Vec<Package> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (path, version, sum) = (words.next()?, words.next()?, words.next()?);
            if version.ends_with("/go.mod") {
                return None;
            }
            let mut package = module(path, version)?;
            package.properties.extend(field::line(sum).map(|sum| ("go:h1".to_owned(), sum)));
            Some(package)
        })
        .take(PACKAGES + 1)
        .collect()
}
