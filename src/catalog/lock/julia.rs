//! `Manifest.toml` of Julia.

use crate::catalog::terms::{self, Language, Term};
use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{Package, PackageKind};

use super::{declared, findings};

/// Manifests of Julia.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-julia",
    what: "declared Julia packages: Manifest.toml",
    takes: Takes::Path(|path| field::is_named(path, "Manifest.toml") || field::is_named(path, "JuliaManifest.toml")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let (document, _) = terms::read(&field::text(input.bytes), Language::Toml);
    let packages = document.members().iter().filter_map(|(header, table)| package(header.as_deref()?, table)).collect();
    Ok(findings(packages, Vec::new()))
}

/// `[[deps.NAME]]`, before version 2 `[[NAME]]`. What has no version comes with Julia itself.
fn package(header: &str, table: &Term) -> Option<Package> {
    let get = |key: &str| table.get(key).and_then(Term::text);
    let (uuid, version) = (get("uuid")?, get("version")?);
    let mut package = declared(PackageKind::Generic, header.strip_prefix("deps.").unwrap_or(header), version)?;
    package.namespace = Some("julia".to_owned());
    package.qualifiers.extend(field::line(uuid).map(|uuid| ("uuid".to_owned(), uuid)));
    Some(package)
}
