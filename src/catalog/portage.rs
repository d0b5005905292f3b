//! Gentoo's database of installed packages: `var/db/pkg/CATEGORY/NAME-VERSION/`, one file per fact (Package Manager
//! Specification, "installed package database").
//!
//! The file `PF` makes the package; the others say more of the package of their folder.

use super::owned::{Room, checksum};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, TEXT, Takes, licences};
use crate::model::{ChecksumAlgorithm, Fragment, Method, OwnedFile, Owner, Package, PackageKind};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "portage",
    what: "Gentoo packages: var/db/pkg/*/*/{PF,CONTENTS,LICENSE,SLOT,…}",
    takes: Takes::Path(|path| part(path).is_some()),
    limit: TEXT,
    parse,
};

/// Files whose one value is kept as it is, and the property.
const VALUES: &[(&str, &str)] = &[
    ("DESCRIPTION", "portage:description"),
    ("HOMEPAGE", "portage:homepage"),
    ("RDEPEND", "portage:rdepend"),
    ("SIZE", "portage:size"),
    ("SLOT", "portage:slot"),
    ("USE", "portage:use"),
    ("repository", "portage:repository"),
];

/// Folder, category and file name.
fn part(path: &str) -> Option<(&str, &str, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    let (category, package) = folder.strip_prefix("var/db/pkg/")?.split_once('/')?;
    let known = matches!(name, "PF" | "CONTENTS" | "LICENSE") || VALUES.iter().any(|(file, _)| *file == name);
    (known && !package.contains('/')).then_some((folder, category, name))
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings::default();
    let Some((folder, category, name)) = part(input.path) else { return Ok(findings) };
    let mut fragment = Fragment::of(Owner::Folder { path: folder.to_owned() });
    let value = || String::from_utf8_lossy(input.bytes).trim().to_owned();
    match name {
        "PF" => {
            let value = value();
            let (name, version) = split(&value);
            if name.is_empty() {
                findings.gaps.push("record lacks its name".to_owned());
                return Ok(findings);
            }
            if version.is_empty() {
                findings.gaps.push(format!("record of `{name}` lacks its version"));
            }
            let mut package = Package::new(PackageKind::Ebuild, name, version, Method::Database);
            package.namespace = Some(category.to_owned());
            findings.packages.push(package);
            return Ok(findings);
        }
        "CONTENTS" => {
            let mut room = Room::default();
            fragment.files = contents(input.bytes, &mut room, &mut findings.gaps);
            findings.gaps.extend(room.gap());
        }
        "LICENSE" => fragment.licences = licences(Dialect::Portage, &value()),
        name => {
            let property = VALUES.iter().find(|(file, _)| *file == name);
            fragment.properties.extend(property.map(|(_, property)| ((*property).to_owned(), value())));
        }
    }
    findings.fragments.push(fragment);
    Ok(findings)
}

/// Name and version: the version starts behind the last hyphen before a digit, its revision (`-r1`) aside.
fn split(full: &str) -> (&str, &str) {
    let is_revision = |text: &str| {
        text.strip_prefix('r')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let base = full.rsplit_once('-').filter(|(_, last)| is_revision(last)).map_or(full, |(base, _)| base);
    match base.rfind('-').filter(|at| base[at + 1..].starts_with(|letter: char| letter.is_ascii_digit())) {
        Some(at) => (&full[..at], &full[at + 1..]),
        None => (full, ""),
    }
}

/// `dir PATH`, `obj PATH MD5 TIME`, `sym PATH -> TARGET TIME`: paths may have blanks, so lines are read from the right.
fn contents(bytes: &[u8], room: &mut Room, gaps: &mut Vec<String>) -> Vec<OwnedFile> {
    let mut files = Vec::new();
    let mut odd = None;
    for (at, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let file = match line.split_at_checked(4) {
            Some((b"obj ", rest)) => object(rest, room),
            Some((b"sym ", rest)) => {
                let arrow = rest.windows(4).position(|window| window == b" -> ");
                arrow.and_then(|arrow| room.whole(&rest[..arrow], None, false))
            }
            Some((b"dir " | b"fif " | b"dev ", _)) => continue,
            _ if line.is_empty() => continue,
            _ => None,
        };
        if file.is_none() {
            odd = odd.or(Some(at + 1));
        }
        files.extend(file);
    }
    gaps.extend(odd.map(|line| format!("line {line}: no entry of a known kind")));
    files
}

fn object(rest: &[u8], room: &mut Room) -> Option<OwnedFile> {
    let mut parts = rest.rsplitn(3, |byte| *byte == b' ');
    let (_, digits, path) = (parts.next()?, parts.next()?, parts.next()?);
    room.whole(path, checksum(ChecksumAlgorithm::Md5, std::str::from_utf8(digits).ok()?), is_configuration(path))
}

/// What Portage protects from being overwritten (`CONFIG_PROTECT`).
fn is_configuration(path: &[u8]) -> bool {
    path.starts_with(b"/etc/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::{read_bytes, read_text};
    use proptest::prelude::*;

    #[test]
    fn names_end_where_versions_start() {
        for (full, name, version) in [
            ("bash-5.2_p26-r3", "bash", "5.2_p26-r3"),
            ("gtk+-3.24", "gtk+", "3.24"),
            ("font-adobe-100dpi-1.0.4", "font-adobe-100dpi", "1.0.4"),
            ("none", "none", ""),
            ("", "", ""),
        ] {
            assert_eq!(split(full), (name, version), "{full}");
        }
    }

    #[test]
    fn a_folder_gives_a_package_and_what_is_said_of_it() {
        let folder = "var/db/pkg/app-shells/bash-5.2_p26";
        let found = read_text(&CATALOGER, &format!("{folder}/PF"), "bash-5.2_p26\n");
        assert_eq!((&*found.packages[0].name, &*found.packages[0].version), ("bash", "5.2_p26"));
        assert_eq!(found.packages[0].namespace.as_deref(), Some("app-shells"));
        let text = "dir /bin\nobj /bin/a b 0123456789abcdef0123456789abcdef 1700000000\nsym /bin/sh -> bash 1700000000\n\
                    obj /etc/x 0123456789abcdef0123456789abcdef 1\nwhat\n";
        let found = read_text(&CATALOGER, &format!("{folder}/CONTENTS"), text);
        let files: Vec<_> =
            found.fragments[0].files.iter().map(|file| (&*file.path, file.digest.is_some(), file.may_differ)).collect();
        assert_eq!(files, [("bin/a b", true, false), ("bin/sh", false, false), ("etc/x", true, true)]);
        assert_eq!(found.gaps, ["line 5: no entry of a known kind"]);
        let found = read_text(&CATALOGER, &format!("{folder}/LICENSE"), "GPL-3+\n");
        assert_eq!(found.fragments[0].licences.declared.as_deref(), Some("GPL-3.0-or-later"));
        let found = read_text(&CATALOGER, &format!("{folder}/SLOT"), "0\n");
        assert_eq!(found.fragments[0].properties["portage:slot"], "0");
        assert_eq!(read_text(&CATALOGER, &format!("{folder}/PF"), "").gaps, ["record lacks its name"]);
    }

    proptest! {
        #[test]
        fn bytes_never_panic(text in "([a-z0-9 /\n-]|obj |sym | -> )*", raw in proptest::collection::vec(any::<u8>(), 0..60)) {
            read_text(&CATALOGER, "var/db/pkg/a/b-1/CONTENTS", &text);
            read_text(&CATALOGER, "var/db/pkg/a/b-1/PF", &text);
            read_bytes(&CATALOGER, "var/db/pkg/a/b-1/PF", &raw);
        }
    }
}
