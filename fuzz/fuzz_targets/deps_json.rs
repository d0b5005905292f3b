//! `app/a.deps.json` and nothing else, for long runs.

#![no_main]

use imgguard::catalog::{Input, Takers, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let path = "app/a.deps.json";
    let takers = Takers::of(path, &bytes[..bytes.len().min(64)]);
    let mut records = Vec::new();
    read(takers, &Input { path, bytes, size: bytes.len() as u64 }, &mut records);
});
