//! Arch Linux's database of installed packages: `var/lib/pacman/local/NAME-VERSION/{desc,files,mtree}` (alpm-db-desc(5),
//! alpm-db-files(5), mtree(5)).

use std::collections::BTreeMap;
use std::io::Read as _;

use super::owned::{Room, checksum};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, Join, TEXT, Takes, licences_of};
use crate::model::{ChecksumAlgorithm, Dependency, Fragment, Method, OwnedFile, Owner, Package, PackageKind, Scope};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "pacman",
    what: "Arch Linux packages: var/lib/pacman/local/*/{desc,files,mtree}",
    takes: Takes::Path(|path| part(path).is_some()),
    limit: TEXT,
    parse,
};

/// Most bytes of an unpacked mtree.
const MAX_PLAIN: u64 = 256 << 20;

/// The folder and the name of a record.
fn part(path: &str) -> Option<(&str, &str)> {
    let (folder, name) = path.rsplit_once('/')?;
    let package = folder.strip_prefix("var/lib/pacman/local/")?;
    (matches!(name, "desc" | "files" | "mtree") && !package.is_empty() && !package.contains('/'))
        .then_some((folder, name))
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings::default();
    let mut room = Room::default();
    let Some((folder, name)) = part(input.path) else { return Ok(findings) };
    let mut fragment = Fragment::of(Owner::Folder { path: folder.to_owned() });
    match name {
        "desc" => {
            let fields = fields(input.bytes);
            findings.packages.extend(package(&fields, &mut findings.gaps));
        }
        "files" => fragment.files = files(&fields(input.bytes), &mut room),
        _ => fragment.files = mtree(input.bytes, &mut room, &mut findings.gaps),
    }
    if !fragment.files.is_empty() {
        findings.fragments.push(fragment);
    }
    findings.gaps.extend(room.gap());
    Ok(findings)
}

type Fields<'a> = BTreeMap<&'a [u8], Vec<&'a [u8]>>;

/// `%KEY%`, then its values up to a blank line.
fn fields(bytes: &[u8]) -> Fields<'_> {
    let mut fields = Fields::new();
    let mut open: Option<&[u8]> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.is_empty() {
            open = None;
        } else if let Some(key) = open {
            fields.entry(key).or_default().push(line);
        } else if let [b'%', key @ .., b'%'] = line {
            open = Some(key);
        }
    }
    fields
}

fn package(fields: &Fields<'_>, gaps: &mut Vec<String>) -> Option<Package> {
    let all = |key: &str| -> Vec<String> {
        let values = fields.get(key.as_bytes()).map_or(&[][..], Vec::as_slice);
        values.iter().map(|value| String::from_utf8_lossy(value).trim().to_owned()).collect()
    };
    let first = |key: &str| all(key).into_iter().next().filter(|value| !value.is_empty());
    let Some(name) = first("NAME") else {
        gaps.push("record lacks its name".to_owned());
        return None;
    };
    let version = first("VERSION").unwrap_or_default();
    if version.is_empty() {
        gaps.push(format!("record of `{name}` lacks its version"));
    }
    let mut package = Package::new(PackageKind::Alpm, name, version, Method::Database);
    package.arch = first("ARCH");
    if let Some(base) = first("BASE").filter(|base| *base != package.name) {
        package.qualifiers.insert("upstream".to_owned(), base);
    }
    package.licences = licences_of(Dialect::Blanks, Join::All, all("LICENSE").iter().map(String::as_str));
    package.supplier = first("PACKAGER").filter(|packager| packager != "Unknown Packager");
    package.description = first("DESC");
    package.homepage = first("URL");
    let optional = all("OPTDEPENDS").into_iter().map(|text| {
        let name = text.split(':').next().unwrap_or_default().trim().to_owned();
        (name, Scope::Optional)
    });
    let needed = all("DEPENDS").into_iter().map(|text| (text, Scope::Runtime)).chain(optional);
    package.depends = needed.filter_map(|(text, scope)| dependency(&text, scope)).collect();
    package.provides = all("PROVIDES").iter().map(|text| bare(text).to_owned()).collect();
    for (key, property) in [
        ("BUILDDATE", "alpm:build-date"),
        ("INSTALLDATE", "alpm:install-date"),
        ("REASON", "alpm:reason"),
        ("SIZE", "alpm:size"),
        ("VALIDATION", "alpm:validation"),
    ] {
        package.properties.extend(first(key).map(|value| (property.to_owned(), value)));
    }
    Some(package)
}

/// A name without its version.
fn bare(text: &str) -> &str {
    text.split(['<', '>', '=']).next().unwrap_or(text)
}

fn dependency(text: &str, scope: Scope) -> Option<Dependency> {
    let name = bare(text);
    let exact = text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='));
    (!name.is_empty()).then(|| Dependency { names: vec![name.to_owned()], version: exact.map(str::to_owned), scope })
}

/// Owned paths; those that a user may edit have the digest that they were installed with.
fn files(fields: &Fields<'_>, room: &mut Room) -> Vec<OwnedFile> {
    let mut backup = BTreeMap::new();
    for line in fields.get(&b"BACKUP"[..]).map_or(&[][..], Vec::as_slice) {
        let mut parts = line.splitn(2, |byte| *byte == b'\t');
        let path = parts.next().unwrap_or_default();
        let digits = parts.next().and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
        backup.insert(path, checksum(ChecksumAlgorithm::Md5, digits));
    }
    let paths = fields.get(&b"FILES"[..]).map_or(&[][..], Vec::as_slice);
    let mut files = Vec::new();
    for path in paths.iter().filter(|path| !path.ends_with(b"/")) {
        let edited = backup.get(path);
        files.extend(room.whole(path, edited.cloned().flatten(), edited.is_some()));
    }
    files
}

/// A gzip-packed mtree: `/set` gives defaults, each other line is a path with keywords.
fn mtree(bytes: &[u8], room: &mut Room, gaps: &mut Vec<String>) -> Vec<OwnedFile> {
    let mut plain = Vec::new();
    if let Err(error) = flate2::read::MultiGzDecoder::new(bytes).take(MAX_PLAIN).read_to_end(&mut plain) {
        gaps.push(format!("the mtree is damaged behind byte {}: {error}", plain.len()));
    } else if plain.len() as u64 == MAX_PLAIN {
        gaps.push(format!("only the first {MAX_PLAIN} bytes of the mtree were looked at"));
    }
    let mut usual = true;
    let mut files = Vec::new();
    for line in plain.split(|byte| *byte == b'\n') {
        let mut words = line.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let Some(first) = words.next() else { continue };
        let (mut md5, mut sha256, mut is_file) = (None, None, usual);
        for word in words {
            let Ok(word) = std::str::from_utf8(word) else { continue };
            match word.split_once('=') {
                Some(("type", kind)) => is_file = matches!(kind, "file" | "link"),
                Some(("md5digest" | "md5", digits)) => md5 = checksum(ChecksumAlgorithm::Md5, digits),
                Some(("sha256digest" | "sha256", digits)) => sha256 = checksum(ChecksumAlgorithm::Sha256, digits),
                _ => {}
            }
        }
        if first == b"/set" {
            usual = is_file;
        } else if let Some(path) = first.strip_prefix(b"./").filter(|path| is_file && !path.starts_with(b".")) {
            files.extend(room.whole(&unescaped(path), sha256.or(md5), false));
        }
    }
    files
}

/// Octal escapes: `\040` is a blank.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first == b'\\'
            && let [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', behind @ ..] = behind
        {
            plain.push((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'));
            rest = behind;
        } else {
            plain.push(*first);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::{read_bytes, read_text};
    use proptest::prelude::*;
    use std::io::Write as _;

    const DESC: &str = "%NAME%\nzlib\n\n%VERSION%\n1:1.3.1-2\n\n%BASE%\nzlib-src\n\n%DESC%\nCompression\n\n%URL%\nhttps://z.example/\n\n\
                        %ARCH%\nx86_64\n\n%PACKAGER%\nSome Body <s@example.org>\n\n%LICENSE%\nZlib\ncustom:own\n\n\
                        %DEPENDS%\nglibc>=2\nsh=1\n\n%OPTDEPENDS%\nperl: for scripts\n\n%PROVIDES%\nlibz.so=1-64\n\n";

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).expect("packed");
        encoder.finish().expect("packed")
    }

    #[test]
    fn a_record_gives_every_fact() {
        let found = read_text(&CATALOGER, "var/lib/pacman/local/zlib-1:1.3.1-2/desc", DESC);
        let package = &found.packages[0];
        assert_eq!((&*package.name, &*package.version), ("zlib", "1:1.3.1-2"));
        assert_eq!(package.licences.declared.as_deref(), Some("Zlib AND LicenseRef-custom-own"));
        assert_eq!(package.qualifiers["upstream"], "zlib-src");
        assert_eq!(package.provides, ["libz.so"]);
        let needs: Vec<_> =
            package.depends.iter().map(|needed| (&*needed.names[0], needed.version.as_deref(), needed.scope)).collect();
        let runtime = Scope::Runtime;
        assert_eq!(needs, [("glibc", None, runtime), ("sh", Some("1"), runtime), ("perl", None, Scope::Optional)]);
        assert!(found.gaps.is_empty());
    }

    #[test]
    fn half_a_record_is_kept_with_a_gap() {
        let found = read_text(&CATALOGER, "var/lib/pacman/local/a-1-1/desc", "%NAME%\na\n");
        assert_eq!(found.packages.len(), 1);
        assert_eq!(found.gaps, ["record of `a` lacks its version"]);
        let found = read_text(&CATALOGER, "var/lib/pacman/local/a-1-1/desc", "%VERSION%\n1\n");
        assert_eq!(found.gaps, ["record lacks its name"]);
    }

    #[test]
    fn files_and_digests_come_from_the_files_beside() {
        let text = "%FILES%\netc/\netc/a.conf\nusr/bin/a\n\n%BACKUP%\netc/a.conf\t0123456789abcdef0123456789abcdef\n";
        let found = read_text(&CATALOGER, "var/lib/pacman/local/a-1-1/files", text);
        let files: Vec<_> = found.fragments[0].files.iter().map(|file| (&*file.path, file.may_differ)).collect();
        assert_eq!(files, [("etc/a.conf", true), ("usr/bin/a", false)]);
        assert_eq!(found.fragments[0].owner, Owner::Folder { path: "var/lib/pacman/local/a-1-1".to_owned() });
        let digest = "0".repeat(64);
        let mtree = format!(
            "#mtree\n/set type=file uid=0\n./.PKGINFO sha256digest={digest}\n./usr type=dir\n\
             ./usr/a\\040b time=1.0 size=3 md5digest=0 sha256digest={digest}\n./usr/link type=link link=a\n"
        );
        let found = read_bytes(&CATALOGER, "var/lib/pacman/local/a-1-1/mtree", &packed(&mtree));
        let files: Vec<_> = found.fragments[0].files.iter().map(|file| (&*file.path, file.digest.is_some())).collect();
        assert_eq!(files, [("usr/a b", true), ("usr/link", false)]);
        assert_eq!(read_text(&CATALOGER, "var/lib/pacman/local/a-1-1/mtree", "no gzip").gaps.len(), 1);
    }

    proptest! {
        #[test]
        fn bytes_never_panic(text in "([%a-z\\\\0-9=./ \n\t]|%FILES%\n|/set type=)*", raw in proptest::collection::vec(any::<u8>(), 0..100)) {
            read_text(&CATALOGER, "var/lib/pacman/local/a/desc", &text);
            read_text(&CATALOGER, "var/lib/pacman/local/a/files", &text);
            read_bytes(&CATALOGER, "var/lib/pacman/local/a/mtree", &packed(&text));
            read_bytes(&CATALOGER, "var/lib/pacman/local/a/mtree", &raw);
        }
    }
}
