//! A package out of an RPM header.

use super::super::owned::{Room, checksum, hex};
use super::super::{Dialect, licences};
use super::header::{Header, tag};
use crate::model::{ChecksumAlgorithm, Dependency, Method, OwnedFile, Package, PackageKind, Scope};

/// `FILEFLAGS`: configuration, documentation, may be missing, never on disk, licence.
const MAY_DIFFER: u32 = 1 | 1 << 1 | 1 << 3 | 1 << 6;
/// The type bits of a file mode, and a directory's.
const TYPE: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
/// `REQUIREFLAGS`: less, greater, equal.
const SENSE: u32 = 0b1110;
const EQUAL: u32 = 0b1000;

/// Reads a header. None for what is no package: the keys that rpm trusts. `place` names the header in gaps.
pub(super) fn package(bytes: &[u8], place: &str, room: &mut Room, gaps: &mut Vec<String>) -> Option<Package> {
    let header = match Header::read(bytes) {
        Ok(header) => header,
        Err(error) => {
            gaps.push(format!("{place}: {error}"));
            return None;
        }
    };
    let Some(name) = header.text(tag::NAME) else {
        gaps.push(format!("{place}: the header lacks its name"));
        return None;
    };
    if name == "gpg-pubkey" {
        return None;
    }
    let (version, release) = (header.text(tag::VERSION), header.text(tag::RELEASE));
    if version.is_none() || release.is_none() {
        gaps.push(format!("{place}: the header of `{name}` lacks its version or its release"));
    }
    let full = [version, release].into_iter().flatten().collect::<Vec<_>>().join("-");
    let mut package = Package::new(PackageKind::Rpm, name, full, Method::Database);
    package.arch = header.text(tag::ARCH);
    qualify(&header, &mut package);
    package.licences = licences(Dialect::Rpm, &header.text(tag::LICENSE).unwrap_or_default());
    package.supplier = header.text(tag::VENDOR).or_else(|| header.text(tag::PACKAGER));
    package.description = header.text(tag::SUMMARY);
    package.homepage = header.text(tag::URL);
    package.depends = requires(&header);
    package.provides = provides(&header, &package.name);
    package.files = files(&header, room, place, gaps);
    properties(&header, &mut package);
    Some(package)
}

fn qualify(header: &Header<'_>, package: &mut Package) {
    if let Some(epoch) = header.number(tag::EPOCH).filter(|epoch| *epoch > 0) {
        package.qualifiers.insert("epoch".to_owned(), epoch.to_string());
    }
    if let Some(source) = header.text(tag::SOURCERPM) {
        package.qualifiers.insert("upstream".to_owned(), source);
    }
    if let Some(label) = header.text(tag::MODULARITYLABEL) {
        let module: Vec<&str> = label.split(':').take(2).collect();
        package.qualifiers.insert("rpmmod".to_owned(), module.join(":"));
        package.properties.insert("rpm:modularity-label".to_owned(), label);
    }
}

/// None of these is the hash of the package file: the first covers header and payload, others one of the two.
fn properties(header: &Header<'_>, package: &mut Package) {
    let mut keep = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            package.properties.insert(name.to_owned(), value);
        }
    };
    keep("rpm:sigmd5", Some(hex(header.bytes(tag::SIGMD5))));
    keep("rpm:sha1header", header.text(tag::SHA1HEADER));
    keep("rpm:sha256header", header.text(tag::SHA256HEADER));
    keep("rpm:payloadsha256", header.text(tag::PAYLOADSHA256));
    keep("rpm:payloadsha512", header.text(tag::PAYLOADSHA512));
    keep("rpm:buildtime", header.number(tag::BUILDTIME).map(|time| time.to_string()));
    keep("rpm:installtime", header.number(tag::INSTALLTIME).map(|time| time.to_string()));
    keep("rpm:size", header.number(tag::SIZE).map(|size| size.to_string()));
}

fn requires(header: &Header<'_>) -> Vec<Dependency> {
    let versions = header.strings(tag::REQUIREVERSION);
    let flags = header.numbers(tag::REQUIREFLAGS);
    let mut needed: Vec<Dependency> = Vec::new();
    for (at, name) in header.strings(tag::REQUIRENAME).into_iter().enumerate() {
        let name = String::from_utf8_lossy(name);
        if name.starts_with("rpmlib(") || name.is_empty() {
            continue;
        }
        if name.starts_with('(') {
            needed.extend(rich(&name));
            continue;
        }
        let exact = flags.get(at).is_some_and(|flags| flags & SENSE == EQUAL);
        let version = versions.get(at).filter(|version| exact && !version.is_empty());
        needed.push(Dependency {
            names: vec![name.into_owned()],
            version: version.map(|version| String::from_utf8_lossy(version).into_owned()),
            scope: Scope::Runtime,
        });
    }
    needed.sort();
    needed.dedup();
    needed
}

/// `(a or b)`, `(a and b)`, `(a if b)`: what is needed only under a condition is optional.
fn rich(text: &str) -> Vec<Dependency> {
    let words: Vec<&str> = text.split([' ', '(', ')']).filter(|word| !word.is_empty()).collect();
    let optional = words.iter().any(|word| matches!(*word, "if" | "unless" | "else"));
    let choice = words.contains(&"or");
    let scope = if optional { Scope::Optional } else { Scope::Runtime };
    let mut names = Vec::new();
    let mut skip = false;
    for word in words {
        match word {
            "or" | "and" | "if" | "unless" | "else" | "with" | "without" => {}
            "<" | ">" | "=" | "<=" | ">=" => skip = true,
            _ if skip => skip = false,
            word => names.push(word.to_owned()),
        }
    }
    if choice && !names.is_empty() {
        return vec![Dependency { names, version: None, scope }];
    }
    names.into_iter().map(|name| Dependency { names: vec![name], version: None, scope }).collect()
}

fn provides(header: &Header<'_>, name: &str) -> Vec<String> {
    let mut provided: Vec<String> = header
        .strings(tag::PROVIDENAME)
        .into_iter()
        .map(|provided| String::from_utf8_lossy(provided).into_owned())
        .filter(|provided| provided != name && !provided.is_empty())
        .collect();
    provided.sort();
    provided.dedup();
    provided
}

/// All files but directories.
fn files(header: &Header<'_>, room: &mut Room, place: &str, gaps: &mut Vec<String>) -> Vec<OwnedFile> {
    let digests = header.strings(tag::FILEDIGESTS);
    let flags = header.numbers(tag::FILEFLAGS);
    let modes = header.numbers(tag::FILEMODES);
    let states = header.bytes(tag::FILESTATES);
    let algorithm = match header.number(tag::FILEDIGESTALGO) {
        None | Some(1) => Some(ChecksumAlgorithm::Md5),
        Some(2) => Some(ChecksumAlgorithm::Sha1),
        Some(8) => Some(ChecksumAlgorithm::Sha256),
        Some(9) => Some(ChecksumAlgorithm::Sha384),
        Some(10) => Some(ChecksumAlgorithm::Sha512),
        Some(_) => None,
    };
    let folders = header.strings(tag::DIRNAMES);
    let indexes = header.numbers(tag::DIRINDEXES);
    let names = header.strings(tag::BASENAMES);
    let old = header.strings(tag::OLDFILENAMES);
    let mut placeless = 0;
    let mut files = Vec::new();
    for at in 0..names.len().max(old.len()) {
        if modes.get(at).is_some_and(|mode| mode & TYPE == DIRECTORY) {
            continue;
        }
        let may_differ = flags.get(at).is_some_and(|flags| flags & MAY_DIFFER != 0)
            || states.get(at).is_some_and(|state| *state != 0);
        let digits = digests.get(at).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default();
        let digest = algorithm.and_then(|algorithm| checksum(algorithm, digits));
        let Some(name) = names.get(at) else {
            files.extend(old.get(at).and_then(|path| room.whole(path, digest, may_differ)));
            continue;
        };
        match indexes.get(at).and_then(|index| folders.get(*index as usize)) {
            Some(folder) => files.extend(room.file(folder, name, digest, may_differ)),
            None => placeless += 1,
        }
    }
    if placeless > 0 {
        gaps.push(format!("{place}: {placeless} owned files have no folder"));
    }
    files
}
