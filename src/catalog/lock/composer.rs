//! `composer.lock`.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, composer, field, json};
use crate::model::{Method, Presence};

use super::findings;

/// Lock files of Composer.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-composer",
    what: "declared PHP packages: composer.lock",
    takes: Takes::Path(|path| field::is_named(path, "composer.lock")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let json::Document { root, damage } = json::parse(input.bytes);
    let mut packages = Vec::new();
    for (section, development) in [("packages", false), ("packages-dev", true)] {
        for mut package in json::elements(root.get(section)).into_iter().filter_map(composer::package) {
            package.presence = Presence::Declared;
            package.method = Method::Manifest;
            if development {
                package.properties.insert("composer:dev".to_owned(), "true".to_owned());
            }
            packages.push(package);
        }
    }
    Ok(findings(packages, damage.into_iter().collect()))
}
