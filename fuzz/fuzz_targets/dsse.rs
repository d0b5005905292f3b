//! DSSE envelopes: what is read is written and read again the same.

#![no_main]

use imgguard::sign::Envelope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::read(bytes) {
        let again = Envelope::read(envelope.to_json().as_bytes()).expect("read back");
        assert_eq!(again.signed_bytes(), envelope.signed_bytes());
    }
});
