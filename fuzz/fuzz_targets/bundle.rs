//! Bundles: whatever is read has exactly one content and one kind of key material.

#![no_main]

use imgguard::sign::{Bundle, Content};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::read(bytes)
        && let Content::Envelope(envelope) = bundle.content()
    {
        assert_eq!(imgguard::sign::Envelope::read(envelope.to_json().as_bytes()).expect("read back").signature(), envelope.signature());
    }
});
