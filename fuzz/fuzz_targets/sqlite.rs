//! The reader of SQLite, through the database of Nix: as a database and as a write-ahead log.

#![no_main]

use imgguard::catalog::{CATALOGERS, Input};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let cataloger = CATALOGERS.iter().find(|cataloger| cataloger.id == "nix").expect("nix");
    for path in ["nix/var/nix/db/db.sqlite", "nix/var/nix/db/db.sqlite-wal"] {
        let _ = (cataloger.parse)(&Input { path, bytes, size: bytes.len() as u64 });
    }
});
