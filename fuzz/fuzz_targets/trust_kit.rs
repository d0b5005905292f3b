//! Trust kits: what is read has parts that can be used, and its digest is that of its bytes.

#![no_main]

use imgguard::model::Digest;
use imgguard::sign::trust_kit::TrustKit;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(kit) = TrustKit::read(bytes, 0) {
        assert_eq!(kit.digest(), &Digest::of(bytes));
        assert!(kit.policy().is_none_or(|policy| policy.rules().len() == policy.signers.len()));
    }
});
