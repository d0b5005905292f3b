//! `mix.lock` of Elixir: one line per package, `"name": {:hex, :name, "version", …}`.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{ChecksumAlgorithm, PackageKind};

use super::{PACKAGES, declared, findings};

/// Lock files of mix.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-hex",
    what: "declared Erlang and Elixir packages: mix.lock",
    takes: Takes::Path(|path| field::is_named(path, "mix.lock")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let mut packages = Vec::new();
    for line in text.lines().take(PACKAGES * 2) {
        let Some((key, value)) = line.trim().split_once(": {") else { continue };
        let strings: Vec<&str> = value.split('"').skip(1).step_by(2).collect();
        let key = key.trim_matches('"');
        let package = if let Some(rest) = value.strip_prefix(":hex, :") {
            // The package may have another name than the application.
            let name = rest.split(',').next().unwrap_or(key).trim_matches('"');
            declared(PackageKind::Hex, name, strings.first().copied().unwrap_or_default()).map(|mut package| {
                // The last text is the sum of the whole archive; older locks have only that of its inner part.
                let sum = strings.last().filter(|_| strings.len() > 3);
                package.hashes =
                    sum.and_then(|sum| field::hex_checksum(ChecksumAlgorithm::Sha256, sum)).into_iter().collect();
                package
            })
        } else if value.starts_with(":git,") {
            declared(PackageKind::Hex, key, "").map(|mut package| {
                let place = strings.first().and_then(|place| field::url(place));
                let revision = strings.get(1).and_then(|revision| field::line(revision));
                package.vcs = place.zip(revision).map(|(place, revision)| format!("{place}@{revision}"));
                package
            })
        } else {
            None
        };
        packages.extend(package);
    }
    Ok(findings(packages, Vec::new()))
}
