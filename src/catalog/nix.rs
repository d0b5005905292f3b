//! Nix store paths, as the database of the Nix store lists them: `nix/var/nix/db/db.sqlite`.

use std::collections::BTreeMap;

use super::owned::checksum;
use super::sqlite::{Database, Value};
use super::{CatalogError, Cataloger, Findings, Input, Takes};
use crate::model::{ChecksumAlgorithm, Dependency, Method, Package, PackageKind, Scope};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "nix",
    what: "Nix store paths: nix/var/nix/db/db.sqlite",
    takes: Takes::Path(|path| path == "nix/var/nix/db/db.sqlite" || path == "nix/var/nix/db/db.sqlite-wal"),
    limit: 512 << 20,
    parse,
};

/// What a store path may end with when it is one of several outputs.
const OUTPUTS: &[&str] = &["bin", "debug", "dev", "devdoc", "doc", "info", "lib", "man", "out", "static"];

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings::default();
    let database = if input.path.ends_with("-wal") {
        if input.bytes.is_empty() {
            return Ok(findings);
        }
        findings
            .gaps
            .push("the write-ahead log was read without its database: paths that it removes still count".to_owned());
        Database::open_log(input.bytes).map_err(CatalogError)?
    } else {
        Some(Database::open(input.bytes).map_err(CatalogError)?)
    };
    if let Some(database) = database {
        read(database, &mut findings);
    }
    Ok(findings)
}

fn read(mut database: Database<'_>, findings: &mut Findings) {
    let tables = database.tables();
    let root = |name: &str| tables.iter().find(|table| table.name == name).map(|table| table.root);
    let Some(paths) = root("ValidPaths") else {
        findings.gaps.push("the database has no table `ValidPaths`".to_owned());
        findings.gaps.extend(database.into_gaps());
        return;
    };
    // Row key to index; the base name of every path, which edges name.
    let mut index: BTreeMap<i64, usize> = BTreeMap::new();
    let mut bases: BTreeMap<i64, String> = BTreeMap::new();
    let Findings { packages, gaps, .. } = findings;
    database.rows(paths, &mut |key, row| {
        let text = |at: usize| row.get(at).and_then(Value::text).unwrap_or_default();
        let Some(base) = text(1).strip_prefix("/nix/store/") else {
            gaps.push(format!("path {key}: it is not in the store"));
            return;
        };
        bases.insert(key, base.to_owned());
        if let Some(mut package) = package(base) {
            let hash = text(2);
            package.properties.insert("nix:nar-hash".to_owned(), hash.to_owned());
            if !text(4).is_empty() {
                package.properties.insert("nix:deriver".to_owned(), text(4).to_owned());
            }
            // The hash of the store path's archive: the nearest thing to a package file that Nix knows.
            let digest = hash.strip_prefix("sha256:").and_then(|digits| checksum(ChecksumAlgorithm::Sha256, digits));
            package.properties.extend(digest.map(|digest| ("nix:nar-sha256".to_owned(), digest.value)));
            index.insert(key, packages.len());
            packages.push(package);
        }
    });
    if let Some(references) = root("Refs") {
        database.rows(references, &mut |_, row| {
            let number = |at: usize| row.get(at).and_then(Value::integer);
            let (Some(from), Some(to)) = (number(0), number(1)) else { return };
            let (Some(from), Some(to)) = (index.get(&from).filter(|_| from != to), bases.get(&to)) else { return };
            if let Some(package) = packages.get_mut(*from) {
                let needed = Dependency { names: vec![to.clone()], version: None, scope: Scope::Runtime };
                package.depends.push(needed);
            }
        });
    }
    for package in packages.iter_mut() {
        package.depends.sort();
    }
    gaps.extend(database.into_gaps());
}

/// `HASH32-NAME-VERSION[-OUTPUT]`. None for derivations, which only describe how to build.
fn package(base: &str) -> Option<Package> {
    let (hash, rest) = base.split_at_checked(32)?;
    let rest = rest.strip_prefix('-').filter(|rest| !rest.is_empty() && rest.strip_suffix(".drv").is_none())?;
    let (name, version) = split(rest);
    let (version, output) = match version.rsplit_once('-').filter(|(_, last)| OUTPUTS.contains(last)) {
        Some((version, output)) => (version, Some(output)),
        None => (version, None),
    };
    let mut package = Package::new(PackageKind::Nix, name, version, Method::Database);
    package.qualifiers.extend(output.map(|output| ("output".to_owned(), output.to_owned())));
    package.properties.insert("nix:store-hash".to_owned(), hash.to_owned());
    package.provides.push(base.to_owned());
    Some(package)
}

/// The version starts behind the first hyphen that no letter follows.
fn split(name: &str) -> (&str, &str) {
    let cut = name.match_indices('-').find(|(at, _)| {
        let next = name[at + 1..].chars().next();
        next.is_some_and(|letter| !letter.is_alphabetic())
    });
    cut.map_or((name, ""), |(at, _)| (&name[..at], &name[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::read_bytes;
    use proptest::prelude::*;

    const DATABASE: &[u8] = include_bytes!("../../testdata/catalog/nix.sqlite");
    const PATH: &str = "nix/var/nix/db/db.sqlite";

    #[test]
    fn store_paths_become_packages_with_their_references() {
        let found = read_bytes(&CATALOGER, PATH, DATABASE);
        assert!(found.gaps.is_empty(), "{:?}", found.gaps);
        let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, &*package.version)).collect();
        assert_eq!(names, [("glibc", "2.38-44"), ("hello", "2.12.1"), ("openssl", "3.0.13"), ("builder.sh", "")]);
        assert_eq!(found.packages[2].qualifiers["output"], "dev");
        assert_eq!(found.packages[0].depends, []);
        assert_eq!(found.packages[1].depends[0].names, found.packages[0].provides);
        assert!(!found.packages[0].properties["nix:deriver"].is_empty());
    }

    #[test]
    fn damage_is_a_gap() {
        assert_eq!(read_bytes(&CATALOGER, PATH, b"no").gaps.len(), 1);
        assert!(!read_bytes(&CATALOGER, PATH, &DATABASE[..8192]).gaps.is_empty());
        assert!(read_bytes(&CATALOGER, "nix/var/nix/db/db.sqlite-wal", b"").gaps.is_empty());
    }

    proptest! {
        #[test]
        fn damaged_databases_never_panic(hits in proptest::collection::vec((0..DATABASE.len(), any::<u8>()), 0..20)) {
            let mut bytes = DATABASE.to_vec();
            for (at, byte) in hits {
                bytes[at] = byte;
            }
            read_bytes(&CATALOGER, PATH, &bytes);
        }

        #[test]
        fn names_never_panic(name in "\\PC{0,60}") {
            let _ = package(&name);
            let (name_part, version) = split(&name);
            prop_assert!(name_part.len() + version.len() <= name.len());
        }
    }
}
