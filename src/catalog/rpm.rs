//! RPM packages: the three database formats of rpm, and the lists of images without a database.

mod bdb;
mod header;
mod ndb;
mod package;

use std::borrow::Cow;

use serde::Deserialize;

use super::owned::Room;
use super::sqlite::{Database, Value};
use super::{CatalogError, Cataloger, Findings, Input, TEXT, Takes};
use crate::model::{Method, Package, PackageKind};

/// rpm's databases.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "rpm",
    what: "RPM packages: rpmdb.sqlite with its write-ahead log, Packages.db (ndb), Packages (Berkeley DB)",
    takes: Takes::Path(|path| backend(path).is_some()),
    limit: 512 << 20,
    parse,
};

/// Lists of RPM packages where there is no database.
pub(super) const LISTS: Cataloger = Cataloger {
    id: "rpm-list",
    what: "RPM packages of images without a database: container-manifest-2, Bottlerocket's application inventory",
    takes: Takes::Path(|path| path == MANIFEST || path == INVENTORY),
    limit: TEXT,
    parse: parse_list,
};

const MANIFEST: &str = "var/lib/rpmmanifest/container-manifest-2";
const INVENTORY: &str = "usr/share/bottlerocket/application-inventory.json";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backend {
    Sqlite,
    Log,
    Ndb,
    Bdb,
}

/// The folder is rpm's wherever it lies: distributions move it and leave links behind.
fn backend(path: &str) -> Option<Backend> {
    let (folder, name) = path.rsplit_once('/')?;
    let backend = match name {
        "rpmdb.sqlite" => Backend::Sqlite,
        "rpmdb.sqlite-wal" => Backend::Log,
        "Packages.db" => Backend::Ndb,
        "Packages" => Backend::Bdb,
        _ => return None,
    };
    matches!(folder.rsplit('/').next(), Some("rpm" | "rpm-ostree-base-db")).then_some(backend)
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut packages = Vec::new();
    let mut gaps = Vec::new();
    let mut room = Room::default();
    let mut visit = |header: &[u8], place: String, gaps: &mut Vec<String>| {
        packages.extend(package::package(header, &place, &mut room, gaps));
    };
    let done = match backend(input.path) {
        Some(Backend::Sqlite) => Database::open(input.bytes).map(|database| sqlite(database, &mut gaps, &mut visit)),
        Some(Backend::Log) => log(input.bytes, &mut gaps, &mut visit),
        Some(Backend::Ndb) => ndb::read(input.bytes, &mut gaps, &mut visit),
        Some(Backend::Bdb) => bdb::read(input.bytes, &mut gaps, &mut visit),
        None => Ok(()),
    };
    done.map_err(CatalogError)?;
    gaps.extend(room.gap());
    Ok(Findings { packages, gaps, ..Findings::default() })
}

/// Takes a header, the words for its place, and where gaps go.
type Visit<'v> = &'v mut dyn FnMut(&[u8], String, &mut Vec<String>);

fn sqlite(mut database: Database<'_>, gaps: &mut Vec<String>, visit: Visit<'_>) {
    match database.tables().into_iter().find(|table| table.name == "Packages") {
        Some(table) => database.rows(table.root, &mut |key, row| match row {
            [_, Value::Blob(header), ..] => visit(header, format!("package {key}"), gaps),
            _ => gaps.push(format!("package {key}: the row holds no header")),
        }),
        None => gaps.push("the database has no table `Packages`".to_owned()),
    }
    gaps.extend(database.into_gaps());
}

/// A log is a file of its own here: what it changes in the database is known, what it leaves alone is not.
fn log(bytes: &[u8], gaps: &mut Vec<String>, visit: Visit<'_>) -> Result<(), String> {
    if bytes.is_empty() {
        return Ok(());
    }
    match Database::open_log(bytes) {
        Ok(None) => return Ok(()),
        Ok(Some(database)) => sqlite(database, gaps, visit),
        Err(error) => gaps.push(error),
    }
    gaps.push("the write-ahead log was read without its database: packages that it removes still count".to_owned());
    Ok(())
}

fn parse_list(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = String::from_utf8_lossy(input.bytes);
    if input.path == INVENTORY { inventory(&text) } else { Ok(manifest(&text)) }
}

/// Tabs between name, version-release, install time, build time, vendor, epoch or `(none)`, size, architecture, epoch number,
/// source package.
fn manifest(text: &str) -> Findings {
    let mut findings = Findings::default();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let columns: Vec<&str> = line.split('\t').collect();
        let column = |at: usize| columns.get(at).map(|text| text.trim()).filter(|text| !matches!(*text, "" | "(none)"));
        let Some(name) = column(0) else {
            findings.gaps.push(format!("line {}: record lacks its name", at + 1));
            continue;
        };
        if name == "gpg-pubkey" {
            continue;
        }
        if column(1).is_none() || columns.len() < 10 {
            findings.gaps.push(format!("line {}: record of `{name}` is cut off", at + 1));
        }
        let mut package = Package::new(PackageKind::Rpm, name, column(1).unwrap_or_default(), Method::Database);
        package.arch = column(7).map(str::to_owned);
        package.supplier = column(4).map(str::to_owned);
        let qualifiers = [("epoch", column(5).filter(|epoch| *epoch != "0")), ("upstream", column(9))];
        for (key, value) in qualifiers {
            package.qualifiers.extend(value.map(|value| (key.to_owned(), value.to_owned())));
        }
        for (name, value) in [("rpm:installtime", column(2)), ("rpm:buildtime", column(3)), ("rpm:size", column(6))] {
            package.properties.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        }
        findings.packages.push(package);
    }
    findings
}

/// Bottlerocket's list of what it is made of.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Inventory<'a> {
    #[serde(borrow)]
    content: Vec<Application<'a>>,
}

/// One entry; all fields are text.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Application<'a> {
    name: Cow<'a, str>,
    publisher: Cow<'a, str>,
    version: Cow<'a, str>,
    release: Cow<'a, str>,
    epoch: Cow<'a, str>,
    architecture: Cow<'a, str>,
    url: Cow<'a, str>,
    summary: Cow<'a, str>,
}

fn inventory(text: &str) -> Result<Findings, CatalogError> {
    let inventory: Inventory<'_> = serde_json::from_str(text)
        .map_err(|error| CatalogError(format!("the application inventory cannot be read: {error}")))?;
    let mut findings = Findings::default();
    let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    for (at, entry) in inventory.content.iter().enumerate() {
        if entry.name.is_empty() || entry.version.is_empty() {
            findings.gaps.push(format!("entry {}: it lacks its name or its version", at + 1));
            if entry.name.is_empty() {
                continue;
            }
        }
        let version = if entry.release.is_empty() {
            entry.version.to_string()
        } else {
            format!("{}-{}", entry.version, entry.release)
        };
        let mut package = Package::new(PackageKind::Rpm, &*entry.name, version, Method::Database);
        package.arch = said(&entry.architecture);
        package.supplier = said(&entry.publisher);
        package.homepage = said(&entry.url);
        package.description = said(&entry.summary);
        if !matches!(&*entry.epoch, "" | "0" | "(none)") {
            package.qualifiers.insert("epoch".to_owned(), entry.epoch.to_string());
        }
        findings.packages.push(package);
    }
    Ok(findings)
}

#[cfg(test)]
mod tests;
