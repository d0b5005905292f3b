//! Files of dpkg: the first byte chooses which.

#![no_main]

use imgguard::catalog::{CATALOGERS, Input};
use libfuzzer_sys::fuzz_target;

const FILES: [(&str, &str); 8] = [
    ("dpkg", "var/lib/dpkg/status"),
    ("dpkg", "usr/lib/opkg/info/x.control"),
    ("dpkg-info", "var/lib/dpkg/info/x.list"),
    ("dpkg-info", "var/lib/dpkg/info/x.md5sums"),
    ("dpkg-info", "var/lib/dpkg/diversions"),
    ("dpkg-info", "var/lib/apt/extended_states"),
    ("debian-copyright", "usr/share/doc/x/copyright"),
    ("chisel", "var/lib/chisel/manifest.wall"),
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let (id, path) = FILES[usize::from(*choice) % FILES.len()];
    let cataloger = CATALOGERS.iter().find(|cataloger| cataloger.id == id).expect(id);
    let _ = (cataloger.parse)(&Input { path, bytes, size: bytes.len() as u64 });
});
