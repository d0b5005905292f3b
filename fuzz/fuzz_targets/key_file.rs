//! Key files and private keys: no bytes panic, and none but a sealed key opens.

#![no_main]

use imgguard::sign::{Password, PublicKey, SigningKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // Deriving a key is slow by design: parameters that are accepted are rare enough.
    let _ = SigningKey::open(bytes, &Password::new(""));
    let _ = SigningKey::import(bytes);
    if let Ok(key) = PublicKey::from_pem(bytes) {
        assert_eq!(PublicKey::from_pem(key.to_pem().as_bytes()).expect("read back"), key);
    }
});
