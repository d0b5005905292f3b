//! Debian's and opkg's lists of installed packages (dpkg(1), deb-control(5)).

use super::deb822::{Stanza, stanzas};
use super::owned::{Room, checksum};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, TEXT, Takes, licences};
use crate::model::{ChecksumAlgorithm, Dependency, Fragment, Method, OwnedFile, Owner, Package, PackageKind, Scope};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "dpkg",
    what: "Debian and opkg packages: var/lib/dpkg/status, status.d, opkg/status and its control files",
    takes: Takes::Path(takes),
    limit: TEXT,
    parse,
};

fn takes(path: &str) -> bool {
    matches!(path, "var/lib/dpkg/status" | "usr/lib/opkg/status" | "var/lib/opkg/status")
        || single(path)
        || control(path)
}

/// One package per file, as images without dpkg have it.
fn single(path: &str) -> bool {
    path.strip_prefix("var/lib/dpkg/status.d/")
        .is_some_and(|name| !name.contains('/') && !name.is_empty() && !name.ends_with(".md5sums"))
}

fn control(path: &str) -> bool {
    let inside = path.strip_prefix("usr/lib/opkg/info/").or_else(|| path.strip_prefix("var/lib/opkg/info/"));
    inside.is_some_and(|name| name.ends_with(".control"))
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = String::from_utf8_lossy(input.bytes);
    let mut findings = Findings::default();
    let mut room = Room::default();
    let mut odd = Odd::default();
    for stanza in stanzas(&text, &mut |line| odd.line(line)) {
        if control(input.path) {
            findings.fragments.extend(about(&stanza));
        } else if let Some(package) = package(&stanza, &mut room, &mut findings.gaps) {
            findings.packages.push(package);
        }
    }
    findings.gaps.extend(odd.gap());
    findings.gaps.extend(room.gap());
    Ok(findings)
}

/// Lines that belong to nothing: the first is named, the others are counted.
#[derive(Default)]
struct Odd {
    first: Option<usize>,
    others: usize,
}

impl Odd {
    fn line(&mut self, line: usize) {
        if self.first.is_some() {
            self.others += 1;
        } else {
            self.first = Some(line);
        }
    }

    fn gap(&self) -> Option<String> {
        let line = self.first?;
        Some(match self.others {
            0 => format!("line {line}: neither a field nor its continuation"),
            others => format!("line {line} and {others} more: neither a field nor its continuation"),
        })
    }
}

/// What opkg's control file adds to its status.
fn about(stanza: &Stanza<'_>) -> Option<Fragment> {
    let name = stanza.first("Package")?.to_owned();
    let mut fragment = Fragment::of(Owner::Name { kind: PackageKind::Deb, name, arch: None });
    fragment.licences = licences(Dialect::Blanks, &stanza.text("License"));
    for (field, property) in [("Section", "deb:section"), ("SourceName", "deb:source")] {
        if let Some(value) = stanza.first(field) {
            fragment.properties.insert(property.to_owned(), value.to_owned());
        }
    }
    Some(fragment)
}

/// Whether files of a package are there.
enum State<'a> {
    Installed,
    /// Some may be: an installation was not finished, or the state is not known.
    Partly(&'a str),
    Absent,
}

/// The third word of `Status` decides; without that field the package is installed.
fn state<'a>(stanza: &Stanza<'a>, gaps: &mut Vec<String>) -> State<'a> {
    let Some(status) = stanza.first("Status") else { return State::Installed };
    match status.split_whitespace().nth(2) {
        Some("installed" | "triggers-awaited" | "triggers-pending") => State::Installed,
        Some("config-files" | "not-installed") => State::Absent,
        Some(state @ ("unpacked" | "half-configured" | "half-installed")) => State::Partly(state),
        _ => {
            gaps.push(format!("line {}: the package state `{status}` is not known", stanza.line));
            State::Partly("unknown")
        }
    }
}

fn package(stanza: &Stanza<'_>, room: &mut Room, gaps: &mut Vec<String>) -> Option<Package> {
    let state = match state(stanza, gaps) {
        State::Installed => None,
        State::Partly(state) => Some(state),
        State::Absent => return None,
    };
    let line = stanza.line;
    let Some(name) = stanza.first("Package") else {
        gaps.push(format!("line {line}: record lacks its name"));
        return None;
    };
    let version = stanza.first("Version").unwrap_or_default();
    if version.is_empty() {
        gaps.push(format!("line {line}: record of `{name}` lacks its version"));
    }
    let mut package = Package::new(PackageKind::Deb, name, version, Method::Database);
    package.arch = stanza.first("Architecture").map(str::to_owned);
    if let Some(source) = stanza.first("Source") {
        let upstream = match source.split_once('(') {
            Some((source, version)) => format!("{}@{}", source.trim(), version.trim_end_matches(')').trim()),
            None => source.to_owned(),
        };
        package.qualifiers.insert("upstream".to_owned(), upstream);
    }
    package.supplier = stanza.first("Maintainer").map(str::to_owned);
    package.description = stanza.first("Description").map(str::to_owned);
    package.homepage = stanza.first("Homepage").map(str::to_owned);
    package.licences = licences(Dialect::Blanks, &stanza.text("License"));
    package.depends = ["Pre-Depends", "Depends"].iter().flat_map(|field| relations(&stanza.text(field))).collect();
    package.depends.dedup();
    package.provides = relations(&stanza.text("Provides")).into_iter().flat_map(|provided| provided.names).collect();
    package.files = stanza.lines("Conffiles").iter().filter_map(|line| conffile(line, room)).collect();
    let properties = [
        ("Section", "deb:section"),
        ("Essential", "deb:essential"),
        ("Multi-Arch", "deb:multi-arch"),
        ("Installed-Size", "deb:installed-size"),
        ("Built-Using", "deb:built-using"),
        ("Static-Built-Using", "deb:static-built-using"),
    ];
    for (field, property) in properties {
        let value = stanza.text(field);
        if !value.is_empty() {
            package.properties.insert(property.to_owned(), value);
        }
    }
    if let Some(state) = state {
        package.properties.insert("deb:state".to_owned(), state.to_owned());
    }
    Some(package)
}

/// `a (>= 1) | b, c:any`: commas separate what is needed, bars what may stand for it.
fn relations(text: &str) -> Vec<Dependency> {
    text.split(',').filter_map(relation).collect()
}

fn relation(text: &str) -> Option<Dependency> {
    let mut names = Vec::new();
    let mut version = None;
    for choice in text.split('|') {
        let choice = choice.trim();
        let end = choice.find([' ', '(', '[', '<', ':']).unwrap_or(choice.len());
        if end == 0 {
            continue;
        }
        names.push(choice[..end].to_owned());
        let exact = choice.split_once("(=").and_then(|(_, rest)| rest.split_once(')'));
        version = exact.map(|(version, _)| version.trim().to_owned());
    }
    let version = version.filter(|_| names.len() == 1);
    (!names.is_empty()).then_some(Dependency { names, version, scope: Scope::Runtime })
}

/// ` /etc/x md5 [obsolete]`; the path may have blanks.
fn conffile(line: &str, room: &mut Room) -> Option<OwnedFile> {
    let mut rest = line.trim();
    for flag in [" remove-on-upgrade", " obsolete"] {
        rest = rest.strip_suffix(flag).unwrap_or(rest);
    }
    let (path, digest) = rest.rsplit_once(' ')?;
    room.whole(path.trim().as_bytes(), checksum(ChecksumAlgorithm::Md5, digest), true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::read_text;
    use proptest::prelude::*;

    const STATUS: &str = "\
Package: libssl3
Status: install ok installed
Priority: optional
Section: libs
Installed-Size: 6037
Maintainer: Debian OpenSSL Team <pkg-openssl@example.org>
Architecture: amd64
Multi-Arch: same
Source: openssl (3.0.11-1)
Version: 3.0.11-1~deb12u2
Depends: libc6 (>= 2.34), debconf (>= 0.5) | debconf-2.0, zlib1g (= 1:1.2.13), x:any
Provides: ssl-lib (= 3), other
Conffiles:
 /etc/ssl/a file.cnf 0123456789abcdef0123456789abcdef
 /etc/old 0123456789ABCDEF0123456789abcdef obsolete
 /etc/new newconffile
Description: Secure Sockets Layer toolkit
 more words
Homepage: https://www.example.org/

Package: gone
Status: deinstall ok config-files
Version: 1

Package: kept
Status: hold ok installed
Version: 1:2-3
Architecture: all

Package: half
Status: install reinstreq half-installed
Version: 2
";

    #[test]
    fn takes_status_files_and_nothing_beside_them() {
        for path in ["var/lib/dpkg/status", "var/lib/dpkg/status.d/base", "usr/lib/opkg/info/x.control"] {
            assert!(takes(path), "{path}");
        }
        for path in ["var/lib/dpkg/status-old", "var/lib/dpkg/status.d/base.md5sums", "x/var/lib/dpkg/status"] {
            assert!(!takes(path), "{path}");
        }
    }

    #[test]
    fn a_record_gives_every_fact() {
        let found = read_text(&CATALOGER, "var/lib/dpkg/status", STATUS);
        assert!(found.gaps.is_empty(), "{:?}", found.gaps);
        let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, &*package.version)).collect();
        assert_eq!(names, [("libssl3", "3.0.11-1~deb12u2"), ("kept", "1:2-3"), ("half", "2")]);
        let package = &found.packages[0];
        assert_eq!(package.arch.as_deref(), Some("amd64"));
        assert_eq!(package.qualifiers["upstream"], "openssl@3.0.11-1");
        assert_eq!(package.description.as_deref(), Some("Secure Sockets Layer toolkit"));
        assert_eq!(package.provides, ["ssl-lib", "other"]);
        let needs: Vec<_> =
            package.depends.iter().map(|needed| (needed.names.join("|"), needed.version.as_deref())).collect();
        let wanted = [("libc6", None), ("debconf|debconf-2.0", None), ("zlib1g", Some("1:1.2.13")), ("x", None)];
        assert_eq!(needs, wanted.map(|(names, version)| (names.to_owned(), version)));
        let files: Vec<_> =
            package.files.iter().map(|file| (&*file.path, file.digest.is_some(), file.may_differ)).collect();
        assert_eq!(files, [("etc/ssl/a file.cnf", true, true), ("etc/old", true, true), ("etc/new", false, true)]);
        assert_eq!(package.properties["deb:section"], "libs");
        assert_eq!(found.packages[2].properties["deb:state"], "half-installed");
    }

    #[test]
    fn half_records_are_kept_with_a_gap_that_names_the_line() {
        let text = "Package: a\nStatus: install ok installed\n\nVersion: 1\n\nnonsense\nPackage: b\nVersion: 2\nStatus: x y z\n";
        let found = read_text(&CATALOGER, "var/lib/dpkg/status", text);
        let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, &*package.version)).collect();
        assert_eq!(names, [("a", ""), ("b", "2")]);
        assert_eq!(
            found.gaps,
            [
                "line 1: record of `a` lacks its version",
                "line 4: record lacks its name",
                "line 7: the package state `x y z` is not known",
                "line 6: neither a field nor its continuation",
            ]
        );
    }

    #[test]
    fn images_without_dpkg_have_one_record_per_file() {
        let found = read_text(&CATALOGER, "var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a-0\n");
        assert_eq!(found.packages.len(), 1);
        assert!(found.gaps.is_empty());
    }

    #[test]
    fn a_control_file_of_opkg_adds_the_licence() {
        let text = "Package: busybox\nVersion: 1.36\nLicense: GPL-2.0\nSection: base\n";
        let found = read_text(&CATALOGER, "usr/lib/opkg/info/busybox.control", text);
        assert!(found.packages.is_empty());
        assert_eq!(found.fragments[0].licences.declared.as_deref(), Some("GPL-2.0-only"));
    }

    proptest! {
        #[test]
        fn mutated_records_never_panic(at in 0..STATUS.len(), with in proptest::collection::vec(any::<u8>(), 0..6)) {
            let mut bytes = STATUS.as_bytes().to_vec();
            bytes.splice(at..(at + with.len()).min(bytes.len()), with);
            let input = Input { path: "var/lib/dpkg/status", bytes: &bytes, size: bytes.len() as u64 };
            let found = parse(&input).expect("damage gives gaps");
            prop_assert!(found.packages.len() + found.gaps.len() >= 2);
        }
    }
}
