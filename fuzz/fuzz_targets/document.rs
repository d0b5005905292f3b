//! Manifests and indexes. The first byte picks what was announced; whatever is accepted has the announced type.

#![no_main]

use imgguard::oci::{Document, media_types, parse_document};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&first, bytes)) = input.split_first() else { return };
    let types = [
        "",
        "application/json",
        media_types::OCI_INDEX,
        media_types::OCI_MANIFEST,
        media_types::DOCKER_LIST,
        media_types::DOCKER_MANIFEST,
    ];
    let announced = types[usize::from(first) % types.len()];
    let found = match parse_document(bytes, &[announced]) {
        Ok(Document::Index(index)) => index.media_type,
        Ok(Document::Manifest(manifest)) => manifest.media_type,
        Err(error) => {
            let _ = error.to_string();
            return;
        }
    };
    assert!(!announced.starts_with("application/vnd.") || found == announced);
});
