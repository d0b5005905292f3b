//! Lock files: what somebody decided to install. Whether it is installed is another question, so it is only declared.

mod cargo;
mod composer;
mod conan;
mod gem;
mod golang;
mod gradle;
mod hex;
mod julia;
mod npm;
mod nuget;
mod pnpm;
mod python;
mod swift;
mod yarn;

use crate::model::{Method, Package, PackageKind, Presence};

use super::{Findings, field};

pub(super) use cargo::CATALOGER as CARGO;
pub(super) use composer::CATALOGER as COMPOSER;
pub(super) use conan::CATALOGER as CONAN;
pub(super) use gem::CATALOGER as GEM;
pub(super) use golang::CATALOGER as GO;
pub(super) use gradle::CATALOGER as GRADLE;
pub(super) use hex::CATALOGER as HEX;
pub(super) use julia::CATALOGER as JULIA;
pub(super) use npm::CATALOGER as NPM;
pub(super) use nuget::CATALOGER as NUGET;
pub(super) use pnpm::CATALOGER as PNPM;
pub(super) use python::CATALOGER as PYTHON;
pub(super) use swift::CATALOGER as SWIFT;
pub(super) use yarn::CATALOGER as YARN;

/// Most packages of one lock file.
const PACKAGES: usize = 100_000;

/// A declared package; none when there is no name left.
fn declared(kind: PackageKind, name: &str, version: &str) -> Option<Package> {
    let mut package =
        Package::new(kind, field::line(name)?, field::line(version).unwrap_or_default(), Method::Manifest);
    package.presence = Presence::Declared;
    Some(package)
}

/// Sorted, equal ones once, bounded.
fn findings(mut packages: Vec<Package>, mut gaps: Vec<String>) -> Findings {
    if packages.len() > PACKAGES {
        gaps.push(format!("only the first {PACKAGES} of {} packages were looked at", packages.len()));
        packages.truncate(PACKAGES);
    }
    let key = |package: &Package| (package.namespace.clone(), package.name.clone(), package.version.clone());
    packages.sort_by_cached_key(key);
    packages.dedup_by(|one, other| {
        one.namespace == other.namespace && one.name == other.name && one.version == other.version
    });
    Findings { packages, gaps, ..Findings::default() }
}

/// Splits a path-like full name at its last `/`.
fn behind_slash(full: &str) -> (Option<String>, &str) {
    full.rsplit_once('/').map_or((None, full), |(namespace, name)| (Some(namespace.to_owned()), name))
}

#[cfg(test)]
mod tests;
