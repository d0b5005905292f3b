//! `Cargo.lock`.

use crate::catalog::terms::{self, Language, Term};
use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{ChecksumAlgorithm, Dependency, Package, PackageKind, Scope};

use super::{declared, findings};

/// Lock files of Cargo.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-cargo",
    what: "declared Rust crates: Cargo.lock",
    takes: Takes::Path(|path| field::is_named(path, "Cargo.lock")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let (document, whole) = terms::read(&field::text(input.bytes), Language::Toml);
    let tables = document.members().iter().filter(|(header, _)| header.as_deref() == Some("package"));
    let packages = tables.filter_map(|(_, table)| package(table)).collect();
    Ok(findings(
        packages,
        if whole { Vec::new() } else { vec!["a part of the lock file could not be read".to_owned()] },
    ))
}

/// A crate; without a source it is a part of the project itself.
fn package(table: &Term) -> Option<Package> {
    let get = |key: &str| table.get(key).and_then(Term::text);
    let source = get("source")?;
    let mut package = declared(PackageKind::Cargo, get("name")?, get("version").unwrap_or_default())?;
    package.vcs = source.starts_with("git+").then(|| field::url(source)).flatten();
    package.hashes =
        get("checksum").and_then(|sum| field::hex_checksum(ChecksumAlgorithm::Sha256, sum)).into_iter().collect();
    // `name`, `name version` or `name version (source)`.
    package.depends = table
        .get("dependencies")
        .map_or(&[][..], Term::members)
        .iter()
        .take(2000)
        .filter_map(|(_, it)| it.text())
        .filter_map(|text| {
            let mut words = text.split(' ');
            let name = words.next().and_then(field::line)?;
            Some(Dependency { names: vec![name], version: words.next().and_then(field::line), scope: Scope::Runtime })
        })
        .collect();
    Some(package)
}
