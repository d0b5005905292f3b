//! Which files have exactly the bytes that a package manager recorded: proof that nobody put them there by hand.
//!
//! The record has to lie in the same layer as the file (an earlier one counts too, see `assemble`): who writes a file
//! later cannot point at a record that is later still.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use md5::{Digest as _, Md5};
use sha1::Sha1;

use crate::model::{Document, Entry, Supplied, basename, parent};

/// The hashes of one version of a file that package managers record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recordable {
    /// Path in the layer.
    pub path: Box<str>,
    md5: [u8; 16],
    sha1: [u8; 20],
}

impl Recordable {
    /// Hashes a file's content.
    pub(super) fn of(path: Box<str>, content: &[u8]) -> Self {
        Self { path, md5: Md5::digest(content).into(), sha1: Sha1::digest(content).into() }
    }
}

/// Whether a file lists what a package installed.
pub(super) fn is_record(path: &str) -> bool {
    let base = basename(path);
    match base {
        "RECORD" => basename(parent(path)).ends_with(".dist-info"),
        "status" => path == "var/lib/dpkg/status",
        "installed" => matches!(path, "lib/apk/db/installed" | "usr/lib/apk/db/installed"),
        _ => base.ends_with(".md5sums") && matches!(parent(path), "var/lib/dpkg/info" | "var/lib/dpkg/status.d"),
    }
}

/// Names the files among those with hits whose every version has recorded bytes.
pub(super) fn of_layer(
    with_hits: &BTreeSet<&str>,
    hashes: &[Recordable],
    entries: &[Entry],
    records: &[Document],
) -> Vec<Supplied> {
    if with_hits.is_empty() || records.is_empty() {
        return Vec::new();
    }
    let mut wanted = Wanted { files: BTreeMap::new(), found: BTreeMap::new() };
    for path in with_hits {
        wanted.files.insert(one_name(path), Content { path, ..Content::default() });
    }
    for hash in hashes {
        if let Some(content) = wanted.files.get_mut(one_name(&hash.path)) {
            content.md5.push(hash.md5);
            content.sha1.push(hash.sha1);
        }
    }
    for entry in entries.iter().filter(|entry| with_hits.contains(&*entry.path)) {
        if let (Some(content), Some(hash)) = (wanted.files.get_mut(one_name(&entry.path)), entry.sha256) {
            content.sha256.push(hash.0);
        }
    }
    for record in records {
        let text = String::from_utf8_lossy(&record.bytes);
        match basename(&record.path) {
            "RECORD" => wanted.python(&record.path, &text),
            "status" => wanted.conffiles(&text),
            "installed" => wanted.apk(&text),
            base => wanted.md5sums(base.strip_suffix(".md5sums").unwrap_or(base), &text),
        }
    }
    wanted.found.into_iter().map(|(path, by)| Supplied { path: path.into(), by: by.into() }).collect()
}

#[derive(Default)]
struct Content<'a> {
    path: &'a str,
    md5: Vec<[u8; 16]>,
    sha1: Vec<[u8; 20]>,
    sha256: Vec<[u8; 32]>,
}

struct Wanted<'a> {
    files: BTreeMap<&'a str, Content<'a>>,
    found: BTreeMap<&'a str, String>,
}

/// Whether there is a hash and every one is the recorded one.
fn agree<const N: usize>(hashes: &[[u8; N]], recorded: &[u8]) -> bool {
    !hashes.is_empty() && hashes.iter().all(|hash| hash[..] == *recorded)
}

impl Wanted<'_> {
    fn md5(&mut self, package: &str, path: &str, digits: &str) {
        if let Some(content) = self.files.get(one_name(path))
            && let Some(recorded) = from_hex(digits)
            && agree(&content.md5, &recorded)
        {
            self.found.insert(content.path, format!("dpkg {package}"));
        }
    }

    /// dpkg, `deb-md5sums(5)`: digits, two blanks, a path from the root.
    fn md5sums(&mut self, package: &str, text: &str) {
        for line in text.lines() {
            if let Some((digits, path)) = line.split_once("  ") {
                self.md5(package, path, digits);
            }
        }
    }

    /// dpkg's status: the configuration files of each package with their hashes.
    fn conffiles(&mut self, text: &str) {
        let (mut package, mut listing) = ("", false);
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("Package: ") {
                package = name;
            }
            listing = line.starts_with("Conffiles:") || (listing && line.starts_with(' '));
            let mut words = line.split_ascii_whitespace();
            if listing && let (Some(path), Some(digits)) = (words.next(), words.next()) {
                self.md5(package, path, digits);
            }
        }
    }

    /// apk's database: `F:` a folder, `R:` a file in it, `Z:` its SHA-1 in base64 behind `Q1`.
    fn apk(&mut self, text: &str) {
        let (mut package, mut folder, mut file) = ("", "", "");
        for line in text.lines() {
            match line.split_once(':') {
                Some(("P", name)) => package = name,
                Some(("F", name)) => folder = name,
                Some(("R", name)) => file = name,
                Some(("Z", sum)) => {
                    let path = format!("{folder}/{file}");
                    if let Some(content) = self.files.get(one_name(&path))
                        && let Some(recorded) = sum.strip_prefix("Q1").and_then(|sum| STANDARD.decode(sum).ok())
                        && agree(&content.sha1, &recorded)
                    {
                        self.found.insert(content.path, format!("apk {package}"));
                    }
                }
                _ => {}
            }
        }
    }

    /// Python's `RECORD` (Python packaging guide, "Recording installed projects"): path, `sha256=` and the hash in base64, size.
    fn python(&mut self, record: &str, text: &str) {
        let folder = parent(record);
        let project = basename(folder).trim_end_matches(".dist-info");
        for line in text.lines() {
            let Some((rest, _size)) = line.rsplit_once(',') else { continue };
            let Some((path, sum)) = rest.rsplit_once(',') else { continue };
            let Some(sum) = sum.strip_prefix("sha256=") else { continue };
            let path = path.trim_matches('"').replace("\"\"", "\"");
            let Some(path) = joined(parent(folder), &path) else { continue };
            if let Some(content) = self.files.get(one_name(&path))
                && let Ok(recorded) = URL_SAFE_NO_PAD.decode(sum.trim_end_matches('='))
                && agree(&content.sha256, &recorded)
            {
                self.found.insert(content.path, format!("python {project}"));
            }
        }
    }
}

/// `/lib` and `/usr/lib` are one folder on merged systems, and lists name either.
fn one_name(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_start_matches('/');
    match path.strip_prefix("usr/") {
        Some(rest)
            if ["bin/", "sbin/", "lib/", "lib32/", "lib64/", "libx32/"].iter().any(|top| rest.starts_with(top)) =>
        {
            rest
        }
        _ => path,
    }
}

/// A path from a folder; none when it climbs out of the root.
fn joined(folder: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> =
        if path.starts_with('/') { Vec::new() } else { folder.split('/').filter(|part| !part.is_empty()).collect() };
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn from_hex(digits: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if digits.len() != 32 || !digits.is_ascii() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FileHash, Kind};

    const CONTENT: &[u8] = b"what the package ships\n";

    fn hex(bytes: &[u8]) -> String {
        let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("a digit");
        bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }

    fn supplied(path: &str, content: &[u8], record: &str, text: String) -> Vec<String> {
        let entry = Entry {
            path: path.into(),
            kind: Kind::File,
            mode: 0o644,
            uid: 0,
            gid: 0,
            size: content.len() as u64,
            mtime: 0,
            sha256: Some(FileHash(sha2::Sha256::digest(content).into())),
            link: None,
            xattrs: Box::default(),
        };
        assert!(is_record(record), "{record}");
        let records = [Document { path: record.into(), bytes: text.into_bytes(), truncated: false }];
        let hashes = [Recordable::of(path.into(), content)];
        let found = of_layer(&BTreeSet::from([path]), &hashes, &[entry], &records);
        found.into_iter().map(|one| format!("{} {}", one.path, one.by)).collect()
    }

    #[test]
    fn bytes_that_dpkg_recorded_are_known_under_either_name_of_their_folder() {
        let sum = hex(&Md5::digest(CONTENT));
        let list = format!("00112233445566778899aabbccddeeff  usr/bin/other\n{sum}  lib/x/libx.so\n");
        let record = "var/lib/dpkg/info/libx:amd64.md5sums";
        assert_eq!(supplied("usr/lib/x/libx.so", CONTENT, record, list.clone()), ["usr/lib/x/libx.so dpkg libx:amd64"]);
        assert!(supplied("usr/lib/x/libx.so", b"edited", record, list.clone()).is_empty());
        assert!(supplied("usr/lib/x/liby.so", CONTENT, record, list).is_empty());
    }

    #[test]
    fn configuration_files_stand_in_the_status_of_dpkg() {
        let sum = hex(&Md5::digest(CONTENT));
        let status = format!(
            "Package: a\nStatus: ok\n\nPackage: b\nConffiles:\n /etc/b.conf {sum}\n /etc/c 0 obsolete\nDescription: x\n /etc/z {sum}\n"
        );
        assert_eq!(supplied("etc/b.conf", CONTENT, "var/lib/dpkg/status", status.clone()), ["etc/b.conf dpkg b"]);
        assert!(supplied("etc/z", CONTENT, "var/lib/dpkg/status", status).is_empty());
    }

    #[test]
    fn apk_and_python_record_other_hashes() {
        let sum = STANDARD.encode(Sha1::digest(CONTENT));
        let installed = format!("P:musl\nF:etc/x\nR:y\na:0:0:644\nZ:Q1{sum}\n");
        assert_eq!(supplied("etc/x/y", CONTENT, "lib/apk/db/installed", installed), ["etc/x/y apk musl"]);
        let sum = URL_SAFE_NO_PAD.encode(sha2::Sha256::digest(CONTENT));
        let record = "opt/venv/lib/python3.13/site-packages/a-1.0.dist-info/RECORD";
        let list = format!("a/b.py,sha256={sum},23\n../../../bin/a,sha256={sum},23\na-1.0.dist-info/RECORD,,\n");
        let path = "opt/venv/lib/python3.13/site-packages/a/b.py";
        assert_eq!(supplied(path, CONTENT, record, list.clone()), [format!("{path} python a-1.0")]);
        assert_eq!(supplied("opt/venv/bin/a", CONTENT, record, list), ["opt/venv/bin/a python a-1.0"]);
    }

    #[test]
    fn a_path_shipped_twice_counts_only_if_both_are_recorded() {
        let sum = hex(&Md5::digest(CONTENT));
        let records = [Document {
            path: "var/lib/dpkg/info/a.md5sums".into(),
            bytes: format!("{sum}  usr/share/a\n").into_bytes(),
            truncated: false,
        }];
        let hashes = [Recordable::of("usr/share/a".into(), CONTENT), Recordable::of("usr/share/a".into(), b"other")];
        assert!(of_layer(&BTreeSet::from(["usr/share/a"]), &hashes, &[], &records).is_empty());
        assert_eq!(of_layer(&BTreeSet::from(["usr/share/a"]), &hashes[..1], &[], &records).len(), 1);
    }
}
