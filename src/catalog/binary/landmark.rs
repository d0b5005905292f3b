//! Programs known by a text inside them: for what no package manager and no compiler tells.
//!
//! The file's name picks the candidates, a text proves the program and its version. A lone number proves nothing: where a
//! version stands alone, a second text of the same program has to be there.

use memchr::memmem;

use super::landmarks::LANDMARKS;
use crate::catalog::{BINARY, CatalogError, Cataloger, Findings, Input, Takes};
use crate::model::{Method, Package, PackageKind, Role, basename};

pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "landmark",
    what: "programs that no package manager installed, by their name and a text inside them",
    takes: Takes::Head(takes),
    limit: BINARY,
    parse,
};

/// Most places of one text that are looked at.
const MAX_PLACES: usize = 2000;
/// Longest version.
const MAX_VERSION: usize = 64;

/// A program.
#[derive(Clone, Copy)]
pub(super) struct Landmark {
    /// Name in the package URL.
    pub name: &'static str,
    /// Names of its files.
    pub files: &'static [Files],
    /// Texts that prove it, tried in this order.
    pub marks: &'static [Mark],
    /// Texts of which one has to be there too; none needed when empty.
    pub also: &'static [&'static str],
    /// Vendor and product of its CPE name.
    pub cpe: (&'static str, &'static str),
    /// What it is for.
    pub role: Role,
}

/// Names of files.
pub(super) enum Files {
    /// Exactly this name.
    Is(&'static str),
    /// This name, followed by digits and dots: `python3.12`, `php8.2`.
    Versioned(&'static str),
    /// This name, followed by anything: `libssl.so.3`.
    Starts(&'static str),
}

impl Files {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::Is(known) => name == *known,
            Self::Starts(known) => name.starts_with(known),
            Self::Versioned(known) => name
                .strip_prefix(known)
                .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')),
        }
    }
}

/// Where a version stands.
pub(super) enum Mark {
    /// Behind the first text, before the second (which may be empty).
    Between(&'static str, &'static str),
    /// Before the text, behind a NUL.
    Before(&'static str),
    /// Between two NULs, beginning with the version in the file's name: `3.12.4` in `python3.12`.
    Named,
}

fn takes(path: &str, head: &[u8]) -> bool {
    // The last is the `VERSION` file of a Go toolchain.
    let is_script = head.starts_with(b"#!") || head.starts_with(b"<?php") || head.starts_with(b"go1.");
    (super::is_elf(path, head) || is_script) && LANDMARKS.iter().any(|known| known.is_named(basename(path)))
}

impl Landmark {
    fn is_named(&self, name: &str) -> bool {
        self.files.iter().any(|files| files.has(name))
    }

    fn version(&self, name: &str, bytes: &[u8]) -> Option<String> {
        let holds = |text: &&str| memmem::find(bytes, text.as_bytes()).is_some();
        if !self.also.is_empty() && !self.also.iter().any(holds) {
            return None;
        }
        self.marks.iter().find_map(|mark| match mark {
            Mark::Between(before, after) => memmem::find_iter(bytes, before.as_bytes())
                .take(MAX_PLACES)
                .find_map(|at| version_at(bytes, at + before.len(), after.as_bytes())),
            Mark::Before(after) => {
                memmem::find_iter(bytes, after.as_bytes()).take(MAX_PLACES).find_map(|at| version_before(bytes, at))
            }
            Mark::Named => {
                let from = name.find(|letter: char| letter.is_ascii_digit())?;
                let named = name.get(from..)?.split(".so").next()?.trim_end_matches('.');
                let lead = format!("\0{named}.");
                memmem::find_iter(bytes, lead.as_bytes())
                    .take(MAX_PLACES)
                    .find_map(|at| version_at(bytes, at + 1, b"\0"))
            }
        })
    }
}

/// The version that begins at `at` and is followed by `after`: two numbers or more, then perhaps letters.
fn version_at(bytes: &[u8], at: usize, after: &[u8]) -> Option<String> {
    let text = bytes.get(at..)?;
    let text = &text[..text.len().min(MAX_VERSION)];
    let numbers = text.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    let plain = text.get(..numbers)?;
    if !plain.contains(&b'.') || !plain.first()?.is_ascii_digit() || plain.windows(2).any(|pair| pair == b"..") {
        return None;
    }
    let more = text[numbers..]
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'~' | b'_' | b'.'))
        .count();
    // The longest version that is followed by the text, so that `1.1.1w` and `2.4.57-MariaDB` both end where they do.
    let lengths = (numbers..=numbers + more).rev();
    for length in lengths {
        if text.get(length..)?.starts_with(after) {
            let version = text[..length].trim_ascii_end();
            let version = std::str::from_utf8(version).ok()?.trim_end_matches(['.', '-', '+', '_', '~']);
            return (version.len() >= 3).then(|| version.to_owned());
        }
    }
    None
}

/// The version that ends at `end`, behind a NUL.
fn version_before(bytes: &[u8], end: usize) -> Option<String> {
    let from = bytes.get(end.saturating_sub(MAX_VERSION)..end)?;
    let start = from.iter().rposition(|byte| *byte == 0)? + 1;
    version_at(from, start, b"").filter(|version| version.len() == from.len() - start)
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let name = basename(input.path);
    let packages = LANDMARKS
        .iter()
        .filter(|known| known.is_named(name))
        .filter_map(|known| {
            let version = known.version(name, input.bytes)?;
            let mut package = Package::new(PackageKind::Generic, known.name, version, Method::Landmark);
            package.role = known.role;
            let (vendor, product) = known.cpe;
            package.cpes.push(format!("cpe:2.3:a:{vendor}:{product}:{}:*:*:*:*:*:*:*", cpe_escaped(&package.version)));
            Some(package)
        })
        .collect();
    let mut findings = Findings { packages, judged_cut: true, ..Findings::default() };
    if findings.packages.is_empty() && !input.is_whole() {
        findings.gaps.push(super::cut(input, "the version of a well-known program was not found"));
    }
    Ok(findings)
}

/// Escapes what has a meaning in a formatted CPE name (CPE 2.3 naming, section 6.2).
fn cpe_escaped(version: &str) -> String {
    let mut out = String::with_capacity(version.len());
    for letter in version.chars() {
        if !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_')) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(path: &str, text: &[u8]) -> Vec<(String, String)> {
        let bytes = [b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", text, b"\0end"].concat();
        if !takes(path, &bytes) {
            return Vec::new();
        }
        let findings = parse(&Input { path, bytes: &bytes, size: bytes.len() as u64 }).expect("readable");
        findings.packages.into_iter().map(|package| (package.name, package.version)).collect()
    }

    fn one(path: &str, text: &[u8]) -> Option<String> {
        found(path, text).pop().map(|(name, version)| format!("{name} {version}"))
    }

    #[test]
    fn at_least_forty_programs_are_known_and_every_one_of_them_can_be_found() {
        assert!(LANDMARKS.len() >= 40, "{}", LANDMARKS.len());
        for known in LANDMARKS {
            let file = match &known.files[0] {
                Files::Is(name) => (*name).to_owned(),
                Files::Versioned(name) | Files::Starts(name) => format!("{name}3.4"),
            };
            for mark in known.marks {
                let text = match mark {
                    Mark::Between(before, after) => format!("{before}3.4.5{after}"),
                    Mark::Before(after) => format!("\x003.4.5{after}"),
                    Mark::Named => "\x003.4.5\0".to_owned(),
                };
                let text = format!("{text}\0{}", known.also.first().unwrap_or(&""));
                let all = found(&format!("opt/{file}"), text.as_bytes());
                assert!(
                    all.contains(&(known.name.to_owned(), "3.4.5".to_owned())),
                    "{} by {text:?}: {all:?}",
                    known.name
                );
            }
        }
    }

    #[test]
    fn a_name_alone_or_a_number_alone_proves_nothing() {
        assert_eq!(one("usr/bin/node", b"no version here"), None);
        assert_eq!(one("usr/bin/sort", b"node.js/v20.1.0"), None);
        assert_eq!(one("usr/local/bin/gzip", b"BusyBox v1.36.1"), None, "not the name of a landmark");
        assert_eq!(one("usr/lib/libsqlite3.so.0", b"\x003.40.1\0"), None, "a number without the program's own text");
    }

    #[test]
    fn versions_end_where_they_end() {
        assert_eq!(one("usr/bin/openssl", b"\0OpenSSL 1.1.1w  11 Sep 2023\0").as_deref(), Some("openssl 1.1.1w"));
        assert_eq!(one("usr/bin/busybox", b"BusyBox v1.36.1 (2023)").as_deref(), Some("busybox 1.36.1"));
        assert_eq!(one("usr/bin/python3.12", b"\x003.12.4\0\x003.11.1\0").as_deref(), Some("python 3.12.4"));
        assert_eq!(one("usr/lib/libpython3.12.so.1.0", b"\x003.12.4\0").as_deref(), Some("python 3.12.4"));
        assert_eq!(one("usr/sbin/sshd", b"OpenSSH_9.2p1 Debian").as_deref(), Some("openssh 9.2p1"));
        assert_eq!(version_at(b"1..2", 0, b""), None);
        assert_eq!(version_at(b"20240101", 0, b""), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0usize..80) {
            let known = &LANDMARKS[which % LANDMARKS.len()];
            let _ = known.version("python3.1", &bytes);
        }
    }
}
