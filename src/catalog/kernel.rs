//! Linux kernels and their modules: the version text of a boot image (Linux, "The Linux/x86 Boot Protocol" and "Booting `AArch64`
//! Linux"), and the `.modinfo` of modules.

use std::io::Read as _;

use super::{BINARY, CatalogError, Cataloger, Dialect, Findings, Input, Takes, licences};
use crate::model::{Dependency, Method, Package, PackageKind, Role, Scope, basename};

pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "kernel",
    what: "Linux kernels and kernel modules: boot/vmlinuz*, lib/modules/**/vmlinuz, *.ko, *.ko.gz, *.ko.zst, *.ko.xz",
    takes: Takes::Path(|path| image(path) || module(path)),
    limit: BINARY,
    parse,
};

/// Most bytes of an unpacked module.
const MAX_PLAIN: u64 = 64 << 20;
/// Most bytes of the texts in a module's `.modinfo`.
const MAX_INFO: usize = 1 << 20;

fn image(path: &str) -> bool {
    let name = basename(path);
    let folder = path.starts_with("boot/") || path.starts_with("lib/modules/") || path.starts_with("usr/lib/modules/");
    folder && ["vmlinuz", "vmlinux", "bzImage"].iter().any(|start| name.starts_with(start))
}

fn module(path: &str) -> bool {
    let inside = path.starts_with("lib/modules/") || path.starts_with("usr/lib/modules/");
    inside && [".ko", ".ko.gz", ".ko.zst", ".ko.xz"].iter().any(|ending| path.ends_with(ending))
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    if image(input.path) { kernel(input) } else { driver(input) }
}

fn kernel(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings::default();
    if input.bytes.is_empty() {
        return Ok(findings);
    }
    let version = boot_header(input.bytes).or_else(|| banner(input.bytes));
    let Some(version) = version else {
        return Err(CatalogError("the kernel image does not tell its version".to_owned()));
    };
    let mut package = Package::new(PackageKind::Generic, "linux", &*version, Method::Landmark);
    package.role = Role::OperatingSystem;
    // The CPE's version is what upstream released: `6.1.0` of `6.1.0-18-amd64`.
    let released: String = version.chars().take_while(|letter| letter.is_ascii_digit() || *letter == '.').collect();
    if !released.is_empty() {
        package.cpes.push(format!("cpe:2.3:o:linux:linux_kernel:{released}:*:*:*:*:*:*:*"));
    }
    package.homepage = Some("https://www.kernel.org/".to_owned());
    findings.packages.push(package);
    Ok(findings)
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    Some(usize::from(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?)))
}

/// The first word of a text that ends with a zero byte.
fn first_word(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().take(256).position(|byte| *byte == 0 || *byte == b' ')?;
    let word = std::str::from_utf8(&bytes[..end]).ok()?;
    (word.starts_with(|letter: char| letter.is_ascii_digit()) && word.bytes().all(|byte| byte.is_ascii_graphic()))
        .then(|| word.to_owned())
}

/// x86: `HdrS` at 0x202, and at 0x20e where the version stands, counted from 0x200.
fn boot_header(bytes: &[u8]) -> Option<String> {
    if bytes.get(0x202..0x206) != Some(b"HdrS") {
        return None;
    }
    first_word(bytes.get(half(bytes, 0x20e)? + 0x200..)?)
}

/// Not packed: the banner that the kernel prints.
fn banner(bytes: &[u8]) -> Option<String> {
    let text = b"Linux version ";
    memchr::memmem::find_iter(bytes, text).find_map(|at| first_word(bytes.get(at + text.len()..)?))
}

fn driver(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings::default();
    let name = basename(input.path);
    let mut plain = Vec::new();
    let damaged = |error: std::io::Error| CatalogError(format!("the module cannot be unpacked: {error}"));
    let packed = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let bytes = match packed {
        "gz" => {
            flate2::read::MultiGzDecoder::new(input.bytes).take(MAX_PLAIN).read_to_end(&mut plain).map_err(damaged)?;
            &plain
        }
        "zst" => {
            let decoder = zstd::stream::read::Decoder::with_buffer(input.bytes).map_err(damaged)?;
            decoder.take(MAX_PLAIN).read_to_end(&mut plain).map_err(damaged)?;
            &plain
        }
        _ => input.bytes,
    };
    let stem = name.split(".ko").next().unwrap_or(name);
    let info = information(bytes);
    let value = |key: &str| info.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    let release = value("vermagic").and_then(|magic| magic.split(' ').next().map(str::to_owned));
    let version = value("version").or_else(|| release.clone()).unwrap_or_default();
    let name = value("name").unwrap_or_else(|| stem.to_owned());
    if version.is_empty() {
        let why = if packed == "xz" { "it is packed with xz" } else { "it has no `.modinfo`" };
        findings.gaps.push(format!("the kernel module `{name}` does not tell its version: {why}"));
    }
    let mut package = Package::new(PackageKind::Generic, name, version, Method::BuildInfo);
    package.role = Role::DeviceDriver;
    package.licences = licences(Dialect::Spdx, &value("license").unwrap_or_default());
    package.author = value("author");
    package.description = value("description");
    let needed = value("depends").unwrap_or_default();
    package.depends = needed
        .split(',')
        .filter(|name| !name.is_empty())
        .map(|name| Dependency { names: vec![name.to_owned()], version: None, scope: Scope::Runtime })
        .collect();
    package.properties.extend(release.map(|release| ("linux:kernel-release".to_owned(), release)));
    package.properties.extend(value("srcversion").map(|version| ("linux:srcversion".to_owned(), version)));
    findings.packages.push(package);
    Ok(findings)
}

/// The texts around `vermagic=`: neighbours of the form `key=value` that end with a zero byte. Found without the section table,
/// which may lie.
fn information(bytes: &[u8]) -> Vec<(String, String)> {
    let Some(at) = memchr::memmem::find(bytes, b"\0vermagic=") else { return Vec::new() };
    let pair = |text: &[u8]| -> Option<(String, String)> {
        let (key, value) = std::str::from_utf8(text).ok()?.split_once('=')?;
        let fits =
            !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
        fits.then(|| (key.to_owned(), value.to_owned()))
    };
    let before = &bytes[at.saturating_sub(MAX_INFO)..at];
    let behind = &bytes[at + 1..bytes.len().min(at + MAX_INFO)];
    let mut pairs: Vec<_> =
        before.rsplit(|byte| *byte == 0).skip_while(|text| text.is_empty()).map_while(pair).collect();
    pairs.reverse();
    // Without its end the last text may be cut off.
    let ended = behind.iter().rposition(|byte| *byte == 0).map_or(&[][..], |end| &behind[..end]);
    pairs.extend(ended.split(|byte| *byte == 0).filter(|text| !text.is_empty()).map_while(pair));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::tests::read_bytes;
    use proptest::prelude::*;

    const INFO: &[u8] = b"\x7fELF....\0version=1.2\0license=GPL\0author=A B\0depends=x,y\0vermagic=6.1.0-18-amd64 SMP mod\0name=foo\0\0rest";

    #[test]
    fn a_boot_image_tells_its_version() {
        let mut bytes = vec![0; 0x400];
        bytes[0x202..0x206].copy_from_slice(b"HdrS");
        bytes[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        bytes[0x300..0x31a].copy_from_slice(b"6.1.0-18-amd64 (x@y) #1 S\0");
        let found = read_bytes(&CATALOGER, "boot/vmlinuz-6.1.0-18-amd64", &bytes);
        assert_eq!(found.packages[0].version, "6.1.0-18-amd64");
        assert_eq!(found.packages[0].cpes, ["cpe:2.3:o:linux:linux_kernel:6.1.0:*:*:*:*:*:*:*"]);
        let found = read_bytes(&CATALOGER, "boot/vmlinux", b"\x7fELF Linux version %s\0Linux version 5.10.3 (a@b)");
        assert_eq!(found.packages[0].version, "5.10.3");
        assert_eq!(read_bytes(&CATALOGER, "boot/vmlinuz", &bytes[..0x300]).gaps.len(), 1);
    }

    #[test]
    fn a_module_tells_its_facts_packed_or_not() {
        let zst = zstd::stream::encode_all(INFO, 1).expect("packed");
        for (path, bytes) in [("lib/modules/6/a/foo.ko", INFO), ("usr/lib/modules/6/foo.ko.zst", &zst)] {
            let found = read_bytes(&CATALOGER, path, bytes);
            let package = &found.packages[0];
            assert_eq!((&*package.name, &*package.version), ("foo", "1.2"));
            assert_eq!(package.properties["linux:kernel-release"], "6.1.0-18-amd64");
            assert_eq!(package.depends.len(), 2);
            assert_eq!(package.author.as_deref(), Some("A B"));
            assert!(found.gaps.is_empty());
        }
    }

    #[test]
    fn a_module_without_facts_is_kept_with_a_gap() {
        let found = read_bytes(&CATALOGER, "lib/modules/6/bar.ko.xz", b"\xfd7zXZ");
        assert_eq!(found.packages[0].name, "bar");
        assert_eq!(found.gaps, ["the kernel module `bar` does not tell its version: it is packed with xz"]);
        assert_eq!(read_bytes(&CATALOGER, "lib/modules/6/bar.ko.gz", b"no gzip").gaps.len(), 1);
    }

    proptest! {
        #[test]
        fn bytes_never_panic(at in 0..INFO.len(), with in proptest::collection::vec(any::<u8>(), 0..20), cut in 0..INFO.len()) {
            let mut bytes = INFO.to_vec();
            bytes.splice(at..(at + with.len()).min(INFO.len()), with);
            read_bytes(&CATALOGER, "lib/modules/6/foo.ko", &bytes[..cut.min(bytes.len())]);
            read_bytes(&CATALOGER, "boot/vmlinuz", &bytes);
            let mut image = vec![0; 0x202];
            image.extend(b"HdrS........");
            image.extend(bytes);
            read_bytes(&CATALOGER, "boot/vmlinuz", &image);
        }
    }
}
