//! Packages cut into slices by chisel: `var/lib/chisel/manifest.wall`, JSON lines packed with Zstandard.

use std::collections::BTreeMap;
use std::io::Read as _;

use serde::Deserialize;

use super::owned::{Room, checksum};
use super::{CatalogError, Cataloger, Findings, Input, TEXT, Takes};
use crate::model::{ChecksumAlgorithm, Method, Package, PackageKind};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "chisel",
    what: "Debian packages cut by chisel: var/lib/chisel/manifest.wall",
    takes: Takes::Path(|path| path == "var/lib/chisel/manifest.wall"),
    limit: TEXT,
    parse,
};

/// Most bytes of the unpacked manifest.
const MAX_PLAIN: u64 = 256 << 20;

/// A line of any kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Line {
    kind: String,
    name: String,
    version: String,
    arch: String,
    sha256: String,
    final_sha256: String,
    path: String,
    slices: Vec<String>,
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut plain = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(input.bytes)
        .map_err(|error| CatalogError(format!("the manifest of chisel cannot be unpacked: {error}")))?;
    let mut findings = Findings::default();
    if let Err(error) = decoder.take(MAX_PLAIN).read_to_end(&mut plain) {
        findings.gaps.push(format!("the manifest of chisel is damaged behind byte {}: {error}", plain.len()));
    } else if plain.len() as u64 == MAX_PLAIN {
        findings.gaps.push(format!("only the first {MAX_PLAIN} bytes of the manifest of chisel were looked at"));
    }
    let mut room = Room::default();
    let mut index = BTreeMap::new();
    for (at, line) in plain.split(|byte| *byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Line>(line) {
            Ok(line) if line.kind == "package" => add(line, at, &mut index, &mut findings),
            Ok(line) if line.kind == "path" => own(&line, &index, &mut findings, &mut room),
            Ok(_) => {}
            Err(error) => findings.gaps.push(format!("line {}: {error}", at + 1)),
        }
        if findings.gaps.len() > 100 {
            findings.gaps.push("more lines are damaged".to_owned());
            break;
        }
    }
    findings.gaps.extend(room.gap());
    Ok(findings)
}

fn add(line: Line, at: usize, index: &mut BTreeMap<String, usize>, findings: &mut Findings) {
    if line.name.is_empty() || line.version.is_empty() {
        findings.gaps.push(format!("line {}: record lacks its name or its version", at + 1));
        if line.name.is_empty() {
            return;
        }
    }
    let mut package = Package::new(PackageKind::Deb, line.name.clone(), line.version, Method::Database);
    package.arch = Some(line.arch).filter(|arch| !arch.is_empty());
    package.hashes.extend(checksum(ChecksumAlgorithm::Sha256, &line.sha256));
    index.insert(line.name, findings.packages.len());
    findings.packages.push(package);
}

/// A path belongs to the packages of its slices (`PACKAGE_SLICE`).
fn own(line: &Line, index: &BTreeMap<String, usize>, findings: &mut Findings, room: &mut Room) {
    if line.path.ends_with('/') {
        return;
    }
    let digits = if line.final_sha256.is_empty() { &line.sha256 } else { &line.final_sha256 };
    let digest = checksum(ChecksumAlgorithm::Sha256, digits);
    let mut last = None;
    for slice in &line.slices {
        let name = slice.split_once('_').map_or(slice.as_str(), |(package, _)| package);
        let found = index.get(name).copied().filter(|found| last != Some(*found));
        if let Some(package) = found.and_then(|found| findings.packages.get_mut(found)) {
            last = found;
            package.files.extend(room.whole(line.path.as_bytes(), digest.clone(), false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::read_bytes;
    use proptest::prelude::*;

    const LINES: &str = r#"{"jsonwall":"1.0","schema":"1.0","count":5}
{"kind":"content","slice":"libc6_libs","path":"/usr/lib/libc.so.6"}
{"kind":"package","name":"libc6","version":"2.39-0ubuntu8","sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","arch":"amd64"}
{"kind":"path","path":"/usr/lib/","mode":"0755","slices":["libc6_libs"]}
{"kind":"path","path":"/usr/lib/libc.so.6","mode":"0644","slices":["libc6_config","libc6_libs"],"sha256":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f","size":3}
{"kind":"package","name":"half"}
{"kind":
"#;

    #[test]
    fn packages_and_their_files_are_read() {
        let packed = zstd::stream::encode_all(LINES.as_bytes(), 3).expect("packed");
        let found = read_bytes(&CATALOGER, "var/lib/chisel/manifest.wall", &packed);
        let names: Vec<_> = found.packages.iter().map(|package| (&*package.name, package.files.len())).collect();
        assert_eq!(names, [("libc6", 1), ("half", 0)]);
        assert_eq!(&*found.packages[0].files[0].path, "usr/lib/libc.so.6");
        assert_eq!(found.packages[0].hashes.len(), 1);
        assert_eq!(found.gaps.len(), 2, "{:?}", found.gaps);
        let cut = read_bytes(&CATALOGER, "var/lib/chisel/manifest.wall", &packed[..packed.len() - 8]);
        assert!(!cut.gaps.is_empty());
    }

    proptest! {
        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            read_bytes(&CATALOGER, "var/lib/chisel/manifest.wall", &bytes);
            read_bytes(&CATALOGER, "var/lib/chisel/manifest.wall", &zstd::stream::encode_all(&bytes[..], 1).expect("packed"));
        }
    }
}
