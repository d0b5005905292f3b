//! ELF package notes (systemd, "Package Metadata for Executable Files"): who built a program, told by the program.

use object::read::elf::{FileHeader, ProgramHeader as _};
use object::{Endianness, elf};
use serde::Deserialize;

use crate::catalog::{BINARY, CatalogError, Cataloger, Findings, Input, Takes};
use crate::model::{Method, Package, PackageKind};

pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "elf-package-note",
    what: "the package that a program says it belongs to, from its `.note.package`",
    takes: Takes::Head(super::is_elf),
    limit: BINARY,
    parse,
};

const OWNER: &[u8] = b"FDO";
const TYPE: u32 = 0xcafe_1a7e;
/// Most bytes of the JSON text.
const MAX_TEXT: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    version: Option<String>,
    architecture: Option<String>,
    os: Option<String>,
    os_version: Option<String>,
    os_cpe: Option<String>,
    debug_info_url: Option<String>,
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = match input.bytes.get(4) {
        Some(1) => find::<elf::FileHeader32<Endianness>>(input.bytes),
        Some(2) => find::<elf::FileHeader64<Endianness>>(input.bytes),
        _ => None,
    };
    // Linkers put the notes in front: behind the beginning of a large program there are none.
    let findings = Findings { judged_cut: true, ..Findings::default() };
    let Some(text) = text else { return Ok(findings) };
    let end = text.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let note: Note = serde_json::from_slice(text.get(..end.min(MAX_TEXT)).unwrap_or_default())
        .map_err(|error| CatalogError(format!("the package note is no JSON object: {error}")))?;
    let Some(name) = note.name.filter(|name| !name.is_empty()) else {
        return Err(CatalogError("the package note names no package".to_owned()));
    };
    let kind = match note.kind.as_deref() {
        Some("deb") => PackageKind::Deb,
        Some("rpm") => PackageKind::Rpm,
        Some("apk") => PackageKind::Apk,
        Some("alpm" | "pacman" | "arch") => PackageKind::Alpm,
        _ => PackageKind::Generic,
    };
    let mut package = Package::new(kind, name, note.version.unwrap_or_default(), Method::BuildInfo);
    package.arch = note.architecture;
    package.cpes.extend(note.os_cpe);
    if let (Some(os), Some(version)) = (&note.os, &note.os_version) {
        package.qualifiers.insert("distro".to_owned(), format!("{os}-{version}"));
    }
    let told = [("elf:note-type", note.kind), ("elf:os", note.os), ("elf:debug-info", note.debug_info_url)];
    package.properties.extend(told.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    Ok(Findings { packages: vec![package], ..findings })
}

/// The text of the note, from the program headers: they stand at the start of the file, the sections may be cut off.
fn find<E: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Option<&[u8]> {
    let header = E::parse(bytes).ok()?;
    let endian = header.endian().ok()?;
    for segment in header.program_headers(endian, bytes).ok()?.iter().take(1024) {
        let Ok(Some(mut notes)) = segment.notes(endian, bytes) else { continue };
        for _ in 0..1024 {
            match notes.next() {
                Ok(Some(note)) if note.n_type(endian).0 == TYPE && note.name() == OWNER => return Some(note.desc()),
                Ok(Some(_)) => {}
                _ => break,
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 64-bit ELF file with one note segment.
    fn elf(text: &str) -> Vec<u8> {
        let mut note = Vec::new();
        note.extend(4u32.to_le_bytes());
        note.extend(u32::try_from(text.len()).expect("short").to_le_bytes());
        note.extend(TYPE.to_le_bytes());
        note.extend(b"FDO\0");
        note.extend(text.as_bytes());
        note.resize(note.len().next_multiple_of(4), 0);
        let mut bytes = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(3u16.to_le_bytes());
        bytes.extend(62u16.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(64u64.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        bytes.extend(0u32.to_le_bytes());
        for number in [64u16, 56, 1, 64, 0, 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(4u32.to_le_bytes());
        bytes.extend(120u64.to_le_bytes());
        bytes.extend([0; 16]);
        bytes.extend((note.len() as u64).to_le_bytes());
        bytes.extend((note.len() as u64).to_le_bytes());
        bytes.extend(4u64.to_le_bytes());
        bytes.extend(note);
        bytes
    }

    fn found(bytes: &[u8]) -> Result<Findings, CatalogError> {
        parse(&Input { path: "usr/bin/x", bytes, size: bytes.len() as u64 })
    }

    #[test]
    fn the_package_of_a_program_is_read() {
        let text = r#"{"type":"rpm","name":"systemd","version":"254-1.fc39","architecture":"x86_64","osCpe":"cpe:/o:fedoraproject:fedora:39"}"#;
        let package = found(&elf(text)).expect("readable").packages.remove(0);
        assert_eq!(
            (package.kind, package.name.as_str(), package.version.as_str()),
            (PackageKind::Rpm, "systemd", "254-1.fc39")
        );
        assert_eq!(package.cpes, ["cpe:/o:fedoraproject:fedora:39"]);
    }

    #[test]
    fn damaged_notes_are_errors_and_other_files_are_nothing() {
        assert!(found(&elf("{\"type\":\"rpm\"}")).is_err());
        assert!(found(&elf("no json")).is_err());
        assert_eq!(found(b"\x7fELF").map(|findings| findings.packages), Ok(Vec::new()));
        for cut in 0..180 {
            let mut bytes = elf("{\"name\":\"a\"}");
            bytes.truncate(bytes.len() - cut.min(bytes.len()));
            let _ = found(&bytes);
        }
    }
}
