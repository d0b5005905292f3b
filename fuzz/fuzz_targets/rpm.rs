//! The database formats of rpm: the first byte chooses which. Feed it `testdata/catalog/{rpmdb.sqlite,Packages,Packages.db}`.

#![no_main]

use imgguard::catalog::{CATALOGERS, Input};
use libfuzzer_sys::fuzz_target;

const PATHS: [&str; 4] = [
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite-wal",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let cataloger = CATALOGERS.iter().find(|cataloger| cataloger.id == "rpm").expect("rpm");
    let path = PATHS[usize::from(*choice) % PATHS.len()];
    let _ = (cataloger.parse)(&Input { path, bytes, size: bytes.len() as u64 });
});
