//! Alpine's and Wolfi's database of installed packages (apk(5), `APKINDEX` fields) and the list of what was asked for.

use std::collections::BTreeMap;

use base64::Engine as _;

use super::owned::{Room, checksum, hex};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, TEXT, Takes, licences};
use crate::model::{
    Checksum, ChecksumAlgorithm, Dependency, Fragment, Method, OwnedFile, Owner, Package, PackageKind, Scope,
};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "apk",
    what: "Alpine and Wolfi packages: lib/apk/db/installed, etc/apk/world",
    takes: Takes::Path(|path| matches!(path, "lib/apk/db/installed" | "usr/lib/apk/db/installed" | "etc/apk/world")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    if input.path == "etc/apk/world" {
        return Ok(world(input.bytes));
    }
    let mut findings = Findings::default();
    let mut room = Room::default();
    let mut record = Record::default();
    let mut odd = None;
    for (at, line) in input.bytes.split(|byte| *byte == b'\n').enumerate() {
        match line {
            [] => std::mem::take(&mut record).finish(at, &mut findings),
            [letter, b':', value @ ..] => record.field(*letter, value, &mut room),
            _ => odd = odd.or(Some(at + 1)),
        }
    }
    record.finish(input.bytes.split(|byte| *byte == b'\n').count(), &mut findings);
    findings.gaps.extend(odd.map(|line| format!("line {line}: no field")));
    findings.gaps.extend(room.gap());
    Ok(findings)
}

/// Names that were asked for; the others came as dependencies.
fn world(bytes: &[u8]) -> Findings {
    let text = String::from_utf8_lossy(bytes);
    let mut findings = Findings::default();
    for word in text.split_whitespace().filter(|word| !word.starts_with('!')) {
        let name = bare(word).to_owned();
        if !name.is_empty() && !name.starts_with('.') {
            let mut fragment = Fragment::of(Owner::Name { kind: PackageKind::Apk, name, arch: None });
            fragment.properties.insert("apk:world".to_owned(), word.to_owned());
            findings.fragments.push(fragment);
        }
    }
    findings
}

/// A name without its version and its repository tag.
fn bare(word: &str) -> &str {
    word.split(['<', '>', '=', '~', '@']).next().unwrap_or(word)
}

/// One record, field by field.
#[derive(Default)]
struct Record {
    /// Any field was seen.
    begun: bool,
    fields: BTreeMap<u8, String>,
    folder: Vec<u8>,
    files: Vec<OwnedFile>,
}

impl Record {
    fn field(&mut self, letter: u8, value: &[u8], room: &mut Room) {
        self.begun = true;
        match letter {
            b'F' => self.folder = value.to_vec(),
            b'R' => self.files.extend(room.file(&self.folder, value, None, false)),
            b'M' | b'a' => {}
            b'Z' => {
                let cut = self.fields.get(&b'f').is_some_and(|flags| flags.contains('S'));
                if let Some(file) = self.files.last_mut() {
                    file.digest = digest(&String::from_utf8_lossy(value), cut);
                }
            }
            letter => {
                self.fields.insert(letter, String::from_utf8_lossy(value).into_owned());
            }
        }
    }

    fn text(&self, letter: u8) -> Option<&str> {
        self.fields.get(&letter).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// `line` is the number of lines before the blank one that ended it.
    fn finish(mut self, line: usize, findings: &mut Findings) {
        if !self.begun {
            return;
        }
        let Some(name) = self.text(b'P') else {
            findings.gaps.push(format!("line {line}: record lacks its name"));
            return;
        };
        // `.build-deps` and its like only hold a set of packages together.
        if name.starts_with('.') {
            return;
        }
        let version = self.text(b'V').unwrap_or_default();
        if version.is_empty() {
            findings.gaps.push(format!("line {line}: record of `{name}` lacks its version"));
        }
        let mut package = Package::new(PackageKind::Apk, name, version, Method::Database);
        package.arch = self.text(b'A').map(str::to_owned);
        if let Some(origin) = self.text(b'o').filter(|origin| *origin != name) {
            package.qualifiers.insert("upstream".to_owned(), origin.to_owned());
        }
        package.licences = licences(Dialect::Blanks, self.text(b'L').unwrap_or_default());
        package.supplier = self.text(b'm').map(str::to_owned);
        package.description = self.text(b'T').map(str::to_owned);
        package.homepage = self.text(b'U').map(str::to_owned);
        package.depends = self.text(b'D').map(depends).unwrap_or_default();
        package.provides = self.text(b'p').map(provides).unwrap_or_default();
        for (letter, property) in PROPERTIES {
            if let Some(value) = self.text(*letter) {
                package.properties.insert((*property).to_owned(), value.to_owned());
            }
        }
        package.files = std::mem::take(&mut self.files);
        findings.packages.push(package);
    }
}

/// Fields that have no place of their own. `C` is a digest of the control segment, not of the package file.
const PROPERTIES: &[(u8, &str)] = &[
    (b'C', "apk:control-digest"),
    (b'I', "apk:installed-size"),
    (b'S', "apk:size"),
    (b'c', "apk:commit"),
    (b'f', "apk:flags"),
    (b'g', "apk:tags"),
    (b'i', "apk:install-if"),
    (b'k', "apk:provider-priority"),
    (b'o', "apk:origin"),
    (b'q', "apk:replaces-priority"),
    (b'r', "apk:replaces"),
    (b's', "apk:repository-tag"),
    (b't', "apk:build-time"),
];

fn depends(text: &str) -> Vec<Dependency> {
    let needed = text.split_whitespace().filter(|word| !word.starts_with('!'));
    needed
        .map(|word| {
            let version = word.split_once('=').filter(|(name, _)| !name.ends_with(['<', '>', '~']));
            Dependency {
                names: vec![bare(word).to_owned()],
                version: version.map(|(_, version)| version.to_owned()),
                scope: Scope::Runtime,
            }
        })
        .filter(|needed| needed.names.iter().all(|name| !name.is_empty()))
        .collect()
}

fn provides(text: &str) -> Vec<String> {
    text.split_whitespace().map(|word| bare(word).to_owned()).filter(|name| !name.is_empty()).collect()
}

/// `Q1`, `Q2` and base64, or `X1`, `X2` and hexadecimal digits. `cut`: SHA-256 cut to 160 bits, which no checksum here can say.
fn digest(text: &str, cut: bool) -> Option<Checksum> {
    let (kind, value) = text.split_at_checked(2)?;
    let digits = match kind {
        "Q1" | "Q2" => hex(&base64::engine::general_purpose::STANDARD.decode(value).ok()?),
        "X1" | "X2" => value.to_owned(),
        _ => return None,
    };
    let algorithm = if kind.ends_with('1') { ChecksumAlgorithm::Sha1 } else { ChecksumAlgorithm::Sha256 };
    checksum(algorithm, &digits).filter(|_| !(cut && algorithm == ChecksumAlgorithm::Sha1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::{read_bytes, read_text};
    use proptest::prelude::*;

    const INSTALLED: &str = "\
C:Q1pYvMB6XHfpKsdTpRkNTQ6mxTcnM=
P:libcurl
V:8.9.1-r2
A:x86_64
S:1
I:2
T:The multiprotocol file transfer library
U:https://curl.example/
L:curl AND MIT
o:curl
m:Some Body <body@example.org>
t:1720000000
c:0123456789abcdef0123456789abcdef01234567
D:ca-certificates so:libc.musl-x86_64.so.1 !bad zlib>=1.3 nghttp2=1.2-r0
p:so:libcurl.so.4=4.8.0 pc:libcurl=8
F:usr
F:usr/lib
M:0:0:755
R:libcurl.so.4
a:0:0:777
Z:Q1wKLqzDeEzqx0Tl4FzCBF0oVcTxM=
R:libcurl.so.4.8.0
Z:X2000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
R:plain

P:.build-deps
V:20240101

P:musl
V:1.2.5-r0
f:S
F:lib
R:ld.so
Z:Q1wKLqzDeEzqx0Tl4FzCBF0oVcTxM=
";

    #[test]
    fn a_record_gives_every_fact() {
        let found = read_text(&CATALOGER, "lib/apk/db/installed", INSTALLED);
        assert!(found.gaps.is_empty(), "{:?}", found.gaps);
        let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, &*package.version)).collect();
        assert_eq!(names, [("libcurl", "8.9.1-r2"), ("musl", "1.2.5-r0")]);
        let package = &found.packages[0];
        assert_eq!(package.qualifiers["upstream"], "curl");
        assert_eq!(package.licences.declared.as_deref(), Some("curl AND MIT"));
        assert_eq!(package.provides, ["so:libcurl.so.4", "pc:libcurl"]);
        let needs: Vec<_> =
            package.depends.iter().map(|needed| (&*needed.names[0], needed.version.as_deref())).collect();
        let wanted = [("ca-certificates", None), ("so:libc.musl-x86_64.so.1", None), ("zlib", None)];
        assert_eq!(needs[..3], wanted);
        assert_eq!(needs[3], ("nghttp2", Some("1.2-r0")));
        let files: Vec<_> = package
            .files
            .iter()
            .map(|file| (&*file.path, file.digest.as_ref().map(|digest| (digest.algorithm, digest.value.len()))))
            .collect();
        assert_eq!(
            files,
            [
                ("usr/lib/libcurl.so.4", Some((ChecksumAlgorithm::Sha1, 40))),
                ("usr/lib/libcurl.so.4.8.0", Some((ChecksumAlgorithm::Sha256, 64))),
                ("usr/lib/plain", None),
            ]
        );
        // A SHA-256 cut to 160 bits must not be taken for a SHA-1.
        assert_eq!(found.packages[1].files[0].digest, None);
    }

    #[test]
    fn half_a_record_is_a_gap_and_not_a_missing_package() {
        let found = read_text(&CATALOGER, "lib/apk/db/installed", "P:musl\n\nV:1\nA:x\n\nwhat\nP:a\nV:1");
        let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, &*package.version)).collect();
        assert_eq!(names, [("musl", ""), ("a", "1")]);
        assert_eq!(
            found.gaps,
            ["line 1: record of `musl` lacks its version", "line 4: record lacks its name", "line 6: no field"]
        );
    }

    #[test]
    fn the_world_marks_what_was_asked_for() {
        let found = read_text(&CATALOGER, "etc/apk/world", "curl>8\n.build-deps\n!bad\nnginx@edge\n");
        let names: Vec<_> = found.fragments.iter().map(|fragment| fragment.owner.clone()).collect();
        let owner = |name: &str| Owner::Name { kind: PackageKind::Apk, name: name.to_owned(), arch: None };
        assert_eq!(names, [owner("curl"), owner("nginx")]);
    }

    #[test]
    fn a_long_folder_for_many_names_is_bounded() {
        let mut text = format!("P:a\nV:1\nF:{}\n", "x".repeat(4080));
        text.push_str(&"R:aaaa\n".repeat(100_000));
        let found = read_text(&CATALOGER, "lib/apk/db/installed", &text);
        assert!(found.packages[0].files.len() < 70_000);
        assert_eq!(found.gaps.len(), 1);
    }

    proptest! {
        #[test]
        fn mutated_records_never_panic(at in 0..INSTALLED.len(), with in proptest::collection::vec(any::<u8>(), 0..6)) {
            let mut bytes = INSTALLED.as_bytes().to_vec();
            bytes.splice(at..(at + with.len()).min(bytes.len()), with);
            let found = read_bytes(&CATALOGER, "lib/apk/db/installed", &bytes);
            prop_assert!(found.packages.len() + found.gaps.len() >= 1);
        }
    }
}
