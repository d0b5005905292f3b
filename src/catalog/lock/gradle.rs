//! `gradle.lockfile`: `group:artifact:version=configuration,…`.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::PackageKind;

use super::{PACKAGES, declared, findings};

/// Lock files of Gradle.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-gradle",
    what: "declared Java archives: gradle.lockfile",
    takes: Takes::Path(|path| path.ends_with("gradle.lockfile")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let packages = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (coordinates, configurations) = line.trim().split_once('=')?;
            let mut parts = coordinates.split(':');
            let (group, artifact, version) = (parts.next()?, parts.next()?, parts.next()?);
            let mut package = declared(PackageKind::Maven, artifact, version)?;
            package.namespace = field::line(group);
            package.properties.extend(field::line(configurations).map(|it| ("gradle:configurations".to_owned(), it)));
            Some(package)
        })
        .take(PACKAGES + 1)
        .collect();
    Ok(findings(packages, Vec::new()))
}
