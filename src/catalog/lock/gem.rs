//! `Gemfile.lock` of Bundler.

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field};
use crate::model::{Dependency, Package, PackageKind, Scope};

use super::{PACKAGES, declared, findings};

/// Lock files of Bundler.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "lock-gem",
    what: "declared Ruby gems: Gemfile.lock",
    takes: Takes::Path(|path| field::is_named(path, "Gemfile.lock") || field::is_named(path, "gems.locked")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let mut packages: Vec<Package> = Vec::new();
    let mut section = "";
    let mut inside = false;
    let (mut remote, mut revision) = (None, None);
    for line in text.lines() {
        if packages.len() > PACKAGES {
            break;
        }
        let indent = line.len() - line.trim_start().len();
        let trimmed = line.trim();
        match indent {
            _ if trimmed.is_empty() => inside = false,
            0 => {
                (section, inside, remote, revision) = (trimmed, false, None, None);
            }
            2 => {
                inside = trimmed == "specs:";
                remote = trimmed.strip_prefix("remote: ").and_then(field::url).or(remote);
                revision = trimmed.strip_prefix("revision: ").and_then(field::line).or(revision);
            }
            4 if inside && matches!(section, "GEM" | "GIT") => {
                let Some((name, version)) = spec(trimmed) else { continue };
                let (version, platform) =
                    version.split_once('-').map_or((version, None), |(version, platform)| (version, Some(platform)));
                let Some(mut package) = declared(PackageKind::Gem, name, version) else { continue };
                package
                    .qualifiers
                    .extend(platform.and_then(field::line).map(|platform| ("platform".to_owned(), platform)));
                if let (true, Some(remote), Some(revision)) = (section == "GIT", &remote, &revision) {
                    package.vcs = Some(format!("{remote}@{revision}"));
                }
                packages.push(package);
            }
            6 if inside && matches!(section, "GEM" | "GIT") => {
                let name = trimmed.split(' ').next().and_then(field::line);
                if let (Some(package), Some(name)) = (packages.last_mut(), name) {
                    package.depends.push(Dependency { names: vec![name], version: None, scope: Scope::Runtime });
                }
            }
            _ => {}
        }
    }
    Ok(findings(packages, Vec::new()))
}

/// `name (version)`.
fn spec(line: &str) -> Option<(&str, &str)> {
    let (name, version) = line.split_once(" (")?;
    Some((name, version.trim_end_matches(')')))
}
