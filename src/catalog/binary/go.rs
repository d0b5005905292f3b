//! Go programs: the build information that the linker embeds (Go standard library, debug/buildinfo and runtime/debug).

use std::collections::BTreeMap;

use memchr::memmem;
use object::{Object as _, ObjectSegment as _};

use crate::catalog::{BINARY, CatalogError, Cataloger, Findings, Input, Takes};
use crate::model::{Dependency, Method, Package, PackageKind, Role};

pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "go-buildinfo",
    what: "modules of Go programs, from the build information inside them",
    takes: Takes::Head(super::is_program),
    limit: BINARY,
    parse,
};

const MAGIC: &[u8] = b"\xff Go buildinf:";
const HEADER: usize = 32;
/// Most bytes of the version and of the module text.
const MAX_TEXT: usize = 16 << 20;
/// Most places that look like a header and are none.
const MAX_TRIES: usize = 64;
/// Most modules of one program.
const MAX_MODULES: usize = 50_000;
/// What stands before and after the module text.
const MARKER: usize = 16;

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings { judged_cut: true, ..Findings::default() };
    for at in memmem::find_iter(input.bytes, MAGIC).take(MAX_TRIES) {
        if let Some((version, modules)) = read(input.bytes, at) {
            findings.packages = packages(&version, &modules, &mut findings.gaps);
            if modules.is_empty() {
                findings.gaps.push("a Go program without a list of its modules".to_owned());
            }
            break;
        }
    }
    // Every Go program begins with the identity of its build; the modules stand much later.
    if findings.packages.is_empty() && !input.is_whole() && memmem::find(input.bytes, b"Go build ID: \"").is_some() {
        findings.gaps.push(super::cut(input, "the modules of a Go program were not found"));
    }
    Ok(findings)
}

/// The version and the module text behind the header at `at`.
fn read(bytes: &[u8], at: usize) -> Option<(String, String)> {
    let header = bytes.get(at..at.checked_add(HEADER)?)?;
    let (pointer, flags) = (usize::from(*header.get(14)?), *header.get(15)?);
    let (version, modules) = if flags & 2 != 0 {
        let (version, next) = inline(bytes, at + HEADER)?;
        (version, inline(bytes, next).map_or(&[][..], |(modules, _)| modules))
    } else {
        if pointer != 4 && pointer != 8 {
            return None;
        }
        let memory = Memory { file: object::File::parse(bytes).ok()?, pointer, big: flags & 1 != 0 };
        let version = memory.string(memory.number(header.get(16..16 + pointer)?)?)?;
        let modules = memory.string(memory.number(header.get(16 + pointer..16 + 2 * pointer)?)?);
        (version, modules.unwrap_or_default())
    };
    let version = std::str::from_utf8(version).ok()?;
    if !(version.starts_with("go") || version.starts_with("devel")) || version.len() > 200 {
        return None;
    }
    // The markers are no text; without them it is no module text.
    let modules = match modules {
        text if text.len() > 2 * MARKER && text[text.len() - MARKER - 1] == b'\n' => &text[MARKER..text.len() - MARKER],
        _ => &[],
    };
    Some((version.to_owned(), String::from_utf8_lossy(modules).into_owned()))
}

/// A length as an unsigned LEB128 number, then as many bytes.
fn inline(bytes: &[u8], mut at: usize) -> Option<(&[u8], usize)> {
    let (mut length, mut shift) = (0usize, 0u32);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
        if shift > 28 {
            return None;
        }
    }
    let end = at.checked_add(length).filter(|_| length <= MAX_TEXT)?;
    Some((bytes.get(at..end)?, end))
}

/// The program as it would lie in memory.
struct Memory<'a> {
    file: object::File<'a>,
    pointer: usize,
    big: bool,
}

impl<'a> Memory<'a> {
    fn number(&self, bytes: &[u8]) -> Option<u64> {
        Some(match (bytes.len(), self.big) {
            (4, false) => u64::from(u32::from_le_bytes(bytes.try_into().ok()?)),
            (4, true) => u64::from(u32::from_be_bytes(bytes.try_into().ok()?)),
            (8, false) => u64::from_le_bytes(bytes.try_into().ok()?),
            (8, true) => u64::from_be_bytes(bytes.try_into().ok()?),
            _ => return None,
        })
    }

    fn at(&self, address: u64, length: u64) -> Option<&'a [u8]> {
        self.file.segments().find_map(|segment| segment.data_range(address, length).ok().flatten())
    }

    /// The Go string whose header lies at this address.
    fn string(&self, address: u64) -> Option<&'a [u8]> {
        let header = self.at(address, 2 * self.pointer as u64)?;
        let (data, length) = header.split_at(self.pointer);
        let length = self.number(length).filter(|length| *length <= MAX_TEXT as u64)?;
        self.at(self.number(data)?, length)
    }
}

/// One line of the module text.
#[derive(Debug, Clone)]
struct Module {
    path: String,
    version: String,
    sum: Option<String>,
    replaced: Option<String>,
}

fn packages(toolchain: &str, text: &str, gaps: &mut Vec<String>) -> Vec<Package> {
    let (mut main, mut modules, mut settings) = (None, Vec::<Module>::new(), BTreeMap::new());
    let mut main_is_last = false;
    for (number, line) in (1..).zip(text.lines()) {
        let mut fields = line.split('\t');
        let word = fields.next().unwrap_or_default();
        let mut field = || fields.next().unwrap_or_default().to_owned();
        match word {
            "mod" => {
                (main, main_is_last) = (Some(module(field(), field(), field())), true);
            }
            "dep" if modules.len() >= MAX_MODULES => {
                gaps.push(format!("only the first {MAX_MODULES} modules were read"));
                break;
            }
            "dep" => {
                modules.push(module(field(), field(), field()));
                main_is_last = false;
            }
            "=>" => {
                let by = module(field(), field(), field());
                let last = if main_is_last { main.as_mut() } else { modules.last_mut() };
                if let Some(last) = last {
                    let replaced = format!("{}@{}", last.path, last.version);
                    // A replacement by a folder has neither version nor sum: the module keeps its own path.
                    *last = if by.version.is_empty() {
                        Module { version: String::new(), sum: None, replaced: Some(by.path), ..last.clone() }
                    } else {
                        Module { replaced: Some(replaced), ..by }
                    };
                }
            }
            "build" => {
                let setting = field();
                if let Some((key, value)) = setting.split_once('=') {
                    settings.insert(key.trim_matches('"').to_owned(), unquoted(value));
                }
            }
            "path" | "" => {}
            _ => gaps.push(format!("line {number} of the module text has the unknown word `{}`", word.escape_debug())),
        }
    }
    let mut found: Vec<Package> = modules.iter().map(|module| package(module, &module.version)).collect();
    found.push(standard_library(toolchain));
    if let Some(main) = main {
        let mut package = package(&main, &main_version(&main, &settings));
        package.role = Role::Application;
        package.depends = found
            .iter()
            .map(|module| Dependency {
                names: vec![full_name(module)],
                version: Some(module.version.clone()).filter(|version| !version.is_empty()),
                ..Dependency::default()
            })
            .collect();
        let kept = settings.iter().filter(|(key, _)| {
            key.starts_with("vcs") || matches!(key.as_str(), "CGO_ENABLED" | "GOOS" | "GOARCH" | "-tags")
        });
        package.properties.extend(kept.map(|(key, value)| (format!("go:{key}"), value.clone())));
        found.push(package);
    }
    found
}

fn module(path: String, version: String, sum: String) -> Module {
    Module { path, version, sum: Some(sum).filter(|sum| !sum.is_empty()), replaced: None }
}

fn full_name(package: &Package) -> String {
    match &package.namespace {
        Some(namespace) => format!("{namespace}/{}", package.name),
        None => package.name.clone(),
    }
}

fn package(module: &Module, version: &str) -> Package {
    let (namespace, name) = match module.path.rsplit_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, module.path.as_str()),
    };
    let mut package = Package::new(PackageKind::Golang, name, version, Method::BuildInfo);
    package.namespace = namespace;
    if let Some(sum) = &module.sum {
        package.properties.insert("go:h1".to_owned(), sum.clone());
    }
    if let Some(replaced) = &module.replaced {
        package.properties.insert("go:replaces".to_owned(), replaced.clone());
    }
    package
}

/// The toolchain's version without experiments (`go1.22.3 X:boringcrypto`) and vendors' suffixes.
fn standard_library(toolchain: &str) -> Package {
    let version = toolchain.split([' ', '-']).next().unwrap_or_default().trim_start_matches("go");
    let version = if toolchain.starts_with("devel") { "" } else { version };
    let mut package = Package::new(PackageKind::Golang, "stdlib", version, Method::BuildInfo);
    package.licences.declared = Some("BSD-3-Clause".to_owned());
    package.properties.insert("go:toolchain".to_owned(), toolchain.to_owned());
    package
}

/// The main module says `(devel)` unless it was built from a tag: then the linker flags or the commit tell more.
fn main_version(main: &Module, settings: &BTreeMap<String, String>) -> String {
    if !main.version.is_empty() && main.version != "(devel)" {
        return main.version.clone();
    }
    let flags = settings.get("-ldflags").map(String::as_str).unwrap_or_default();
    flag_version(flags, &main.path).or_else(|| pseudo_version(settings)).unwrap_or_default()
}

/// `-X main.version=1.2.3`, also of a package of the main module, quoted or not.
fn flag_version(flags: &str, module: &str) -> Option<String> {
    let words: Vec<&str> = flags.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).collect();
    words.iter().enumerate().filter(|(_, word)| word.starts_with("-X")).find_map(|(at, word)| {
        let setting = match word.strip_prefix("-X=").or_else(|| word.strip_prefix("-X")) {
            Some("") | None => words.get(at + 1).copied()?,
            Some(setting) => setting,
        };
        let (name, value) = setting.split_once('=')?;
        let value = value.trim_matches(['\'', '"']);
        let (package, variable) = name.rsplit_once('.')?;
        let ours = package == "main" || package.starts_with(module);
        let names_version = variable.to_ascii_lowercase().ends_with("version");
        let plain = value.trim_start_matches('v');
        (ours && names_version && plain.starts_with(|letter: char| letter.is_ascii_digit())).then(|| value.to_owned())
    })
}

/// `v0.0.0-20240102030405-0123456789ab` (Go modules reference, "Pseudo-versions").
fn pseudo_version(settings: &BTreeMap<String, String>) -> Option<String> {
    let time: String = settings.get("vcs.time")?.chars().filter(char::is_ascii_digit).take(14).collect();
    let revision = settings.get("vcs.revision")?.get(..12)?;
    (time.len() == 14).then(|| format!("v0.0.0-{time}-{revision}"))
}

/// A value may be a quoted Go string.
fn unquoted(value: &str) -> String {
    serde_json::from_str(value).unwrap_or_else(|_| value.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn program(version: &str, text: &str) -> Vec<u8> {
        let mut bytes = b"\x7fELF".to_vec();
        bytes.resize(64, 0);
        bytes.extend(MAGIC);
        bytes.extend([8, 2]);
        bytes.resize(96, 0);
        let text = [&[0x30; 16][..], text.as_bytes(), &[0xf9; 16][..]].concat();
        for part in [version.as_bytes(), &text] {
            let mut length = part.len();
            while length >= 0x80 {
                bytes.push(u8::try_from(length & 0x7f).expect("7 bits") | 0x80);
                length >>= 7;
            }
            bytes.push(u8::try_from(length).expect("7 bits"));
            bytes.extend(part);
        }
        bytes
    }

    fn found(bytes: &[u8]) -> Findings {
        parse(&Input { path: "usr/bin/x", bytes, size: bytes.len() as u64 }).expect("readable")
    }

    fn names(findings: &Findings) -> Vec<String> {
        findings.packages.iter().map(|package| format!("{}@{}", full_name(package), package.version)).collect()
    }

    #[test]
    fn modules_replacements_and_the_standard_library_are_read() {
        let text = "path\texample.org/app/cmd/x\nmod\texample.org/app\tv1.2.3\t\ndep\tgithub.com/A/b\tv0.1.0\th1:abc=\n\
                    dep\tgithub.com/old/c\tv1.0.0\n=>\tgithub.com/new/c\tv1.0.1\th1:def=\ndep\tgithub.com/local/d\tv1.0.0\n=>\t./d\t\t\n\
                    build\tCGO_ENABLED=0\nbuild\tvcs.revision=0123456789abcdef\n";
        let findings = found(&program("go1.22.3 X:boringcrypto", text));
        assert_eq!(
            names(&findings),
            [
                "github.com/A/b@v0.1.0",
                "github.com/new/c@v1.0.1",
                "github.com/local/d@",
                "stdlib@1.22.3",
                "example.org/app@v1.2.3"
            ]
        );
        assert_eq!(findings.packages[0].properties["go:h1"], "h1:abc=");
        assert_eq!(findings.packages[1].properties["go:replaces"], "github.com/old/c@v1.0.0");
        assert_eq!(findings.packages[4].depends.len(), 4);
        assert!(findings.gaps.is_empty(), "{:?}", findings.gaps);
    }

    #[test]
    fn the_version_of_the_main_module_comes_from_flags_or_the_commit() {
        let of = |settings: &str| {
            let text = format!("mod\texample.org/app\t(devel)\t\n{settings}");
            names(&found(&program("go1.21.0", &text))).pop().expect("main")
        };
        assert_eq!(of("build\t-ldflags=\"-s -w -X main.version=1.4.2 -X main.date=x\"\n"), "example.org/app@1.4.2");
        assert_eq!(of("build\t-ldflags=\"-X 'example.org/app/internal.Version=v2.0.0'\"\n"), "example.org/app@v2.0.0");
        assert_eq!(of("build\t-ldflags=\"-X other.org/lib.Version=v9\"\n"), "example.org/app@");
        assert_eq!(
            of("build\tvcs.revision=0123456789abcdef\nbuild\tvcs.time=2024-01-02T03:04:05Z\n"),
            "example.org/app@v0.0.0-20240102030405-0123456789ab"
        );
    }

    #[test]
    fn a_program_without_modules_is_a_gap() {
        let findings = found(&program("go1.20.1", ""));
        assert_eq!(names(&findings), ["stdlib@1.20.1"]);
        assert_eq!(findings.gaps.len(), 1);
        assert!(found(b"\x7fELF no Go here").packages.is_empty());
    }

    proptest! {
        #[test]
        fn mutated_programs_never_panic(at in 0usize..400, flip in 1u8..=255, cut in 0usize..400) {
            let mut bytes = program("go1.22.3", "mod\ta/b\tv1\nbuild\t-ldflags=\"-X main.version=1\"\n");
            let at = at % bytes.len();
            bytes[at] ^= flip;
            bytes.truncate(bytes.len() - cut % bytes.len());
            let _ = found(&bytes);
        }
    }
}
