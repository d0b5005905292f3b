//! Bills of materials: what can be read can be written in every format and read again, the same.

#![no_main]

use imgguard::sbom::{FORMATS, WriteContext, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(first) = read(bytes) else { return };
    for format in FORMATS.iter().filter(|format| format.readable) {
        let text = (format.write)(&first.document, &WriteContext::default()).expect("no commit is needed");
        assert!(read(text.as_bytes()).is_ok(), "{} cannot be read back", format.name);
    }
});
