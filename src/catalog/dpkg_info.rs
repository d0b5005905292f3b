//! What dpkg keeps beside its status: lists of files, their MD5 sums, diversions, what was installed automatically, and the
//! journal of an interrupted run (dpkg(1), dpkg-divert(1)).

use std::collections::BTreeSet;

use super::deb822::stanzas;
use super::owned::{Room, checksum};
use super::{CatalogError, Cataloger, Findings, Input, TEXT, Takes};
use crate::model::{ChecksumAlgorithm, Fragment, OwnedFile, Owner, PackageKind, encode_path};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "dpkg-info",
    what: "files of Debian and opkg packages: info/*.list, *.md5sums, diversions; extended_states of apt",
    takes: Takes::Path(|path| part(path).is_some()),
    limit: TEXT,
    parse,
};

/// Which of the files it is.
enum Part<'a> {
    List(&'a str),
    Sums(&'a str),
    Diversions,
    States,
    Journal,
}

fn part(path: &str) -> Option<Part<'_>> {
    let folders = ["var/lib/dpkg/info/", "usr/lib/opkg/info/", "var/lib/opkg/info/"];
    if let Some(name) = folders.iter().find_map(|folder| path.strip_prefix(folder)) {
        let list = name.strip_suffix(".list").map(Part::List);
        return list.or_else(|| name.strip_suffix(".md5sums").map(Part::Sums)).filter(|_| !name.contains('/'));
    }
    if let Some(name) = path.strip_prefix("var/lib/dpkg/status.d/") {
        return name.strip_suffix(".md5sums").filter(|name| !name.contains('/')).map(Part::Sums);
    }
    match path {
        "var/lib/dpkg/diversions" => Some(Part::Diversions),
        "var/lib/apt/extended_states" => Some(Part::States),
        _ => path.strip_prefix("var/lib/dpkg/updates/").filter(|name| !name.contains('/')).map(|_| Part::Journal),
    }
}

/// `NAME` or `NAME:ARCH`.
fn owner(name: &str) -> Owner {
    let (name, arch) = name.split_once(':').map_or((name, None), |(name, arch)| (name, Some(arch.to_owned())));
    Owner::Name { kind: PackageKind::Deb, name: name.to_owned(), arch }
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings::default();
    let mut room = Room::default();
    match part(input.path) {
        Some(Part::List(name)) => {
            let mut fragment = Fragment::of(owner(name));
            fragment.files = list(input.bytes, &mut room);
            findings.fragments.push(fragment);
        }
        Some(Part::Sums(name)) => {
            let mut fragment = Fragment::of(owner(name));
            fragment.files = sums(input.bytes, &mut room, &mut findings.gaps);
            findings.fragments.push(fragment);
        }
        Some(Part::Diversions) => diversions(input.bytes, &mut findings),
        Some(Part::States) => states(input.bytes, &mut findings),
        Some(Part::Journal) if input.size > 0 => {
            findings.gaps.push("dpkg was interrupted: its journal holds changes that its status lacks".to_owned());
        }
        Some(Part::Journal) | None => {}
    }
    findings.fragments.retain(|fragment| !fragment.files.is_empty() || !fragment.properties.is_empty());
    findings.gaps.extend(room.gap());
    Ok(findings)
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// All paths but the folders that only lead to others.
fn list(bytes: &[u8], room: &mut Room) -> Vec<OwnedFile> {
    let mut folders = BTreeSet::new();
    for line in lines(bytes) {
        if let Some(slash) = line.iter().rposition(|byte| *byte == b'/') {
            folders.insert(&line[..slash]);
        }
    }
    let paths = lines(bytes).filter(|line| !matches!(*line, b"" | b"/." | b"/") && !folders.contains(line));
    paths.filter_map(|path| room.whole(path, None, false)).collect()
}

/// `MD5`, two blanks, path.
fn sums(bytes: &[u8], room: &mut Room, gaps: &mut Vec<String>) -> Vec<OwnedFile> {
    let mut files = Vec::new();
    let mut odd = 0;
    for (at, line) in lines(bytes).enumerate() {
        if line.is_empty() {
            continue;
        }
        let parts = line.split_at_checked(32).and_then(|(digits, path)| {
            let digest = checksum(ChecksumAlgorithm::Md5, std::str::from_utf8(digits).ok()?)?;
            let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
            Some((digest, path.strip_prefix(b"./").unwrap_or(path)))
        });
        if let Some((digest, path)) = parts {
            files.extend(room.whole(path, Some(digest), false));
        } else {
            odd += 1;
            if odd == 1 {
                gaps.push(format!("line {}: no MD5 sum and path", at + 1));
            }
        }
    }
    files
}

/// Three lines per entry: where the file would be, where it is, who moved it (`:` stands for the administrator). Kept as a
/// property `deb:diverts:PATH` = `MOVED-TO` of whoever diverts.
fn diversions(bytes: &[u8], findings: &mut Findings) {
    let lines: Vec<&[u8]> = lines(bytes).filter(|line| !line.is_empty()).collect();
    for entry in lines.chunks(3) {
        let [from, to, by] = entry else {
            findings.gaps.push("the last diversion is cut off".to_owned());
            break;
        };
        let text = |path: &[u8]| encode_path(path.strip_prefix(b"/").unwrap_or(path));
        let by = String::from_utf8_lossy(by);
        let owner = if by == ":" {
            Owner::Name { kind: PackageKind::Deb, name: ":".to_owned(), arch: None }
        } else {
            owner(&by)
        };
        let mut fragment = Fragment::of(owner);
        fragment.properties.insert(format!("deb:diverts:{}", text(from)), text(to));
        findings.fragments.push(fragment);
    }
}

fn states(bytes: &[u8], findings: &mut Findings) {
    let text = String::from_utf8_lossy(bytes);
    for stanza in stanzas(&text, &mut |_| {}) {
        let automatic = stanza.first("Auto-Installed") == Some("1");
        let Some(name) = stanza.first("Package").filter(|_| automatic) else { continue };
        let arch = stanza.first("Architecture").map(str::to_owned);
        let mut fragment = Fragment::of(Owner::Name { kind: PackageKind::Deb, name: name.to_owned(), arch });
        fragment.properties.insert("deb:auto-installed".to_owned(), "true".to_owned());
        findings.fragments.push(fragment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::{read_bytes, read_text};
    use proptest::prelude::*;

    fn paths(found: &Findings) -> Vec<&str> {
        found.fragments[0].files.iter().map(|file| &*file.path).collect()
    }

    #[test]
    fn a_list_gives_files_links_and_empty_folders_of_its_package() {
        let text = b"/.\n/usr\n/usr/lib\n/usr/lib/a.so\n/usr/lib-x\n/var/empty\n/etc/caf\xe9\n";
        let found = read_bytes(&CATALOGER, "var/lib/dpkg/info/libc6:amd64.list", text);
        assert_eq!(paths(&found), ["usr/lib/a.so", "usr/lib-x", "var/empty", "etc/caf\\xe9"]);
        let owner = Owner::Name { kind: PackageKind::Deb, name: "libc6".to_owned(), arch: Some("amd64".to_owned()) };
        assert_eq!(found.fragments[0].owner, owner);
    }

    #[test]
    fn sums_give_digests_and_name_the_first_odd_line() {
        let text = "0123456789abcdef0123456789abcdef  usr/bin/a b\nshort\n\n0123456789abcdef0123456789abcdeX  y\n";
        let found = read_text(&CATALOGER, "var/lib/dpkg/info/x.md5sums", text);
        assert_eq!(paths(&found), ["usr/bin/a b"]);
        assert!(found.fragments[0].files[0].digest.is_some());
        assert_eq!(found.gaps, ["line 2: no MD5 sum and path"]);
    }

    #[test]
    fn diversions_states_and_an_unfinished_journal_are_seen() {
        let found = read_text(&CATALOGER, "var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\ndash\n/a\n/b\n:\n/c\n");
        assert_eq!(found.fragments[0].properties["deb:diverts:bin/sh"], "bin/sh.distrib");
        assert_eq!(found.fragments.len(), 2);
        assert_eq!(found.gaps, ["the last diversion is cut off"]);
        let states = "Package: a\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: b\nAuto-Installed: 0\n";
        let found = read_text(&CATALOGER, "var/lib/apt/extended_states", states);
        assert_eq!(found.fragments.len(), 1);
        assert_eq!(read_text(&CATALOGER, "var/lib/dpkg/updates/0001", "Package: x\n").gaps.len(), 1);
        assert!(!(matches!(CATALOGER.takes, Takes::Path(takes) if takes("var/lib/dpkg/info/x.postinst"))));
    }

    proptest! {
        #[test]
        fn bytes_never_panic(which in 0..4_usize, bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let names = ["var/lib/dpkg/info/a.list", "var/lib/dpkg/info/a.md5sums", "var/lib/dpkg/diversions", "var/lib/apt/extended_states"];
            read_bytes(&CATALOGER, names[which], &bytes);
        }
    }
}
