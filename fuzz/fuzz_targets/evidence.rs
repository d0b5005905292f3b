//! Compose files and manifests: whatever it is, it is read or it is a gap, within bounds.

#![no_main]

use imgguard::companions::Evidence;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut evidence = Evidence::default();
    evidence.add("file.yaml", bytes, true);
    assert!(!evidence.workloads.is_empty() || !evidence.gaps.is_empty() || evidence.files.len() == 1);
    let mut again = Evidence::default();
    again.add("file.yaml", bytes, true);
    assert_eq!(evidence, again);
});
