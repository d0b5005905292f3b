//! Rust programs that carry their dependencies (cargo-auditable, "Data format"): zlib-compressed JSON in a section.

use std::io::Read as _;

use object::{Object as _, ObjectSection as _};
use serde::Deserialize;

use crate::catalog::{BINARY, CatalogError, Cataloger, Findings, Input, Takes};
use crate::model::{Dependency, Method, Package, PackageKind, Role, Scope};

pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "cargo-auditable",
    what: "crates of Rust programs, from the list embedded by cargo-auditable",
    takes: Takes::Head(super::is_program),
    limit: BINARY,
    parse,
};

const SECTION: &[u8] = b".dep-v0";
/// Most bytes of the list once unpacked.
const MAX_JSON: u64 = 8 << 20;

#[derive(Deserialize)]
struct List {
    packages: Vec<Crate>,
    /// 0: proc-macros count as run-time dependencies; 1 and above: they are build dependencies.
    #[serde(default)]
    format: u32,
}

#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    dependencies: Vec<usize>,
    #[serde(default)]
    root: bool,
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    // Cheap first: most programs do not have the section.
    if input.is_whole() && memchr::memmem::find(input.bytes, SECTION).is_none() {
        return Ok(Findings::default());
    }
    // The table of sections stands at the end: a program of which only the beginning was seen has none.
    let Ok(file) = object::File::parse(input.bytes) else { return Ok(without_list(input)) };
    let Some(section) = file.section_by_name_bytes(SECTION) else { return Ok(without_list(input)) };
    let damaged = |why: String| CatalogError(format!("the list of crates cannot be read: {why}"));
    let packed = section.data().map_err(|error| damaged(error.to_string()))?;
    let mut json = Vec::new();
    flate2::read::ZlibDecoder::new(packed)
        .take(MAX_JSON + 1)
        .read_to_end(&mut json)
        .map_err(|error| damaged(error.to_string()))?;
    if json.len() as u64 > MAX_JSON {
        return Err(damaged(format!("it has more than {MAX_JSON} bytes")));
    }
    let list: List = serde_json::from_slice(&json).map_err(|error| damaged(error.to_string()))?;
    let mut findings = Findings { judged_cut: true, ..Findings::default() };
    if list.packages.iter().filter(|one| one.root).count() != 1 {
        findings.gaps.push("the list of crates does not have exactly one root".to_owned());
    }
    findings.packages = list.packages.iter().map(|one| package(one, &list)).collect();
    Ok(findings)
}

/// What is said when no list was found: nothing of a whole program; of the beginning of a Rust program, which the paths of
/// the standard library's sources betray, that its end may hold one.
fn without_list(input: &Input<'_>) -> Findings {
    let mut findings = Findings { judged_cut: true, ..Findings::default() };
    if !input.is_whole() && memchr::memmem::find(input.bytes, b"/rustc/").is_some() {
        findings.gaps.push(super::cut(input, "the list of crates of a Rust program was not found"));
    }
    findings
}

fn package(one: &Crate, list: &List) -> Package {
    let mut package = Package::new(PackageKind::Cargo, &one.name, &one.version, Method::BuildInfo);
    if one.root {
        package.role = Role::Application;
    }
    if let Some(kind) = &one.kind {
        package.properties.insert("cargo:kind".to_owned(), kind.clone());
    }
    package.properties.insert("cargo:source".to_owned(), one.source.clone());
    package.properties.insert("cargo:format".to_owned(), list.format.to_string());
    package.depends = one
        .dependencies
        .iter()
        .filter_map(|index| list.packages.get(*index))
        .map(|other| Dependency {
            names: vec![other.name.clone()],
            version: Some(other.version.clone()),
            scope: if other.kind.as_deref() == Some("build") { Scope::Build } else { Scope::Runtime },
        })
        .collect();
    package
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[test]
    fn the_beginning_of_a_rust_program_is_a_gap_and_of_another_program_none() {
        let cut = |bytes: &[u8]| {
            let mut records = Vec::new();
            let takers = crate::catalog::Takers::of("usr/bin/a", bytes);
            crate::catalog::read(takers, &Input { path: "usr/bin/a", bytes, size: 1 << 40 }, &mut records);
            records.into_iter().flat_map(|record| record.gaps).collect::<Vec<_>>()
        };
        let head = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 57]].concat();
        assert_eq!(cut(&[&head[..], b"/rustc/0123/library/core/src/fmt/mod.rs"].concat()).len(), 1);
        assert!(cut(&head).is_empty());
    }

    /// An ELF file with one section of that name and content.
    fn elf(section: &[u8], content: &[u8]) -> Vec<u8> {
        let names = [b"\0", section, b"\0.shstrtab\0"].concat();
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let (at, names_at) = (64u64, 64 + content.len() as u64);
        let headers = (names_at + names.len() as u64).next_multiple_of(8);
        for field in [
            &2u16.to_le_bytes()[..],
            &62u16.to_le_bytes(),
            &1u32.to_le_bytes(),
            &[0; 16],
            &headers.to_le_bytes(),
            &[0; 4],
        ] {
            bytes.extend(field);
        }
        for number in [64u16, 0, 0, 64, 3, 2] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(content);
        bytes.extend(&names);
        bytes.resize(usize::try_from(headers).expect("small"), 0);
        let mut header = |name: u32, kind: u32, offset: u64, size: usize| {
            bytes.extend(name.to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend([0; 16]);
            bytes.extend(offset.to_le_bytes());
            bytes.extend((size as u64).to_le_bytes());
            bytes.extend([0; 24]);
        };
        header(0, 0, 0, 0);
        header(1, 1, at, content.len());
        header(u32::try_from(section.len() + 2).expect("short"), 3, names_at, names.len());
        bytes
    }

    fn packed(json: &str) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(json.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    }

    fn found(bytes: &[u8]) -> Result<Findings, CatalogError> {
        parse(&Input { path: "usr/bin/x", bytes, size: bytes.len() as u64 })
    }

    #[test]
    fn crates_and_their_edges_are_read() {
        let json = r#"{"packages":[{"name":"a","version":"1.0.0","source":"crates.io","dependencies":[]},
            {"name":"app","version":"0.1.0","source":"local","dependencies":[0,9],"root":true}]}"#;
        let findings = found(&elf(SECTION, &packed(json))).expect("readable");
        let names: Vec<_> = findings.packages.iter().map(|one| (one.name.as_str(), one.version.as_str())).collect();
        assert_eq!(names, [("a", "1.0.0"), ("app", "0.1.0")]);
        assert_eq!(findings.packages[1].depends[0].names, ["a"]);
        assert_eq!(findings.packages[1].depends.len(), 1, "an index without a crate is no edge");
        assert_eq!(findings.packages[1].role, Role::Application);
        assert!(findings.gaps.is_empty());
    }

    #[test]
    fn a_damaged_list_is_an_error_and_a_bomb_is_not_unpacked() {
        assert!(found(&elf(SECTION, b"no zlib")).is_err());
        let bomb = packed(&" ".repeat(9 << 20));
        assert!(found(&elf(SECTION, &bomb)).expect_err("a bomb").to_string().contains("more than"));
        assert_eq!(found(&elf(b".text", b"x")), Ok(Findings::default()));
        for cut in 0..200 {
            let mut bytes = elf(SECTION, &packed("{}"));
            bytes.truncate(bytes.len().saturating_sub(cut));
            let _ = found(&bytes);
        }
    }
}
