//! Records of the smaller package managers and of kernels: the first byte chooses which.

#![no_main]

use imgguard::catalog::{CATALOGERS, Input};
use libfuzzer_sys::fuzz_target;

const FILES: [(&str, &str); 9] = [
    ("pacman", "var/lib/pacman/local/x-1-1/desc"),
    ("pacman", "var/lib/pacman/local/x-1-1/files"),
    ("pacman", "var/lib/pacman/local/x-1-1/mtree"),
    ("portage", "var/db/pkg/a/x-1/PF"),
    ("portage", "var/db/pkg/a/x-1/CONTENTS"),
    ("rpm-list", "var/lib/rpmmanifest/container-manifest-2"),
    ("rpm-list", "usr/share/bottlerocket/application-inventory.json"),
    ("kernel", "boot/vmlinuz"),
    ("kernel", "lib/modules/6/x.ko"),
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let (id, path) = FILES[usize::from(*choice) % FILES.len()];
    let cataloger = CATALOGERS.iter().find(|cataloger| cataloger.id == id).expect(id);
    let _ = (cataloger.parse)(&Input { path, bytes, size: bytes.len() as u64 });
});
