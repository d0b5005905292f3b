//! Strict JSON against the library's own parser: whatever is accepted means the same to both.

#![no_main]

use imgguard::oci::parse_strict;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(value) = parse_strict(bytes) {
        assert_eq!(serde_json::from_slice::<serde_json::Value>(bytes).ok(), Some(value));
    }
});
