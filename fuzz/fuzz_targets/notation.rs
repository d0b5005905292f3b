//! Envelopes of the Notary Project: whatever is read, nobody unknown is believed, and the same bytes are read the same.

#![no_main]

use imgguard::sign::{NotationRule, NotationSignature, SigningScheme, SubjectRule};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (one, two) = (NotationSignature::read(bytes), NotationSignature::read(bytes));
    assert_eq!(one.map(|read| format!("{read:?}")), two.map(|read| format!("{read:?}")));
    let _ = NotationRule::new(bytes, SubjectRule::Any, SigningScheme::X509, 0);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = SubjectRule::read(text);
    }
});
