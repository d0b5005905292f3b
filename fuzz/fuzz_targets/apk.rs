//! The database of apk: every record is a package, a gap, or virtual.

#![no_main]

use imgguard::catalog::{CATALOGERS, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let cataloger = CATALOGERS.iter().find(|cataloger| cataloger.id == "apk").expect("apk");
    for path in ["lib/apk/db/installed", "etc/apk/world"] {
        let found = (cataloger.parse)(&Input { path, bytes, size: bytes.len() as u64 }).expect("damage gives gaps");
        assert!(found.packages.iter().all(|package| !package.name.is_empty()));
    }
});
