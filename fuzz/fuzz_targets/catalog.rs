//! Package files. The first line picks the path that the bytes pretend to have; each parser must come to an end, and what it
//! says must be within its bounds.

#![no_main]

use imgguard::catalog::{Input, Takers, read};
use libfuzzer_sys::fuzz_target;

/// One path per parser; the first byte of the input picks one.
const PATHS: &[&str] = &[
    "lib/a-1.jar",
    "lib/a-1.war",
    "lib/python3.11/site-packages/a-1.dist-info/METADATA",
    "lib/python3.11/site-packages/a-1.dist-info/RECORD",
    "lib/python3.11/site-packages/a-1.dist-info/direct_url.json",
    "lib/python3.11/site-packages/a-1-py3.11.egg",
    "app/node_modules/@s/a/package.json",
    "app/node_modules/.package-lock.json",
    "app/.yarn/cache/a-npm-1.0.0-0123456789.zip",
    "usr/share/gems/specifications/a-1.gemspec",
    "app/a.deps.json",
    "app/vendor/composer/installed.json",
    "opt/conda/conda-meta/a-1-0.json",
    "usr/lib/R/library/a/DESCRIPTION",
    "usr/lib/luarocks/rocks-5.1/a/1-1/a-1-1.rockspec",
    "lib/a-1/ebin/a.app",
    "php/.registry/a.reg",
    "a.spdx",
    "a.cdx.json",
    "a.cdx.xml",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "requirements.txt",
    "poetry.lock",
    "Gemfile.lock",
    "Cargo.lock",
    "go.mod",
    "mix.lock",
];

fuzz_target!(|bytes: &[u8]| {
    let Some((&pick, bytes)) = bytes.split_first() else { return };
    let Some(path) = PATHS.get(usize::from(pick) % PATHS.len()) else { return };
    let takers = Takers::of(path, &bytes[..bytes.len().min(64)]);
    let mut records = Vec::new();
    read(takers, &Input { path, bytes, size: bytes.len() as u64 }, &mut records);
    for package in records.iter().flat_map(|record| &record.packages) {
        assert!(!package.name.chars().any(char::is_control), "{path}: a control character in a name");
        assert!(package.files.iter().all(|file| !file.path.starts_with('/') && !file.path.contains("/../")));
    }
});
