//! Image configs. What is accepted pairs each layer with at most one history step.

#![no_main]

use imgguard::oci::parse_config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok((config, _)) = parse_config(bytes) else { return };
    let layers: Vec<u32> = config.history.iter().filter_map(|step| step.layer).collect();
    assert!(layers.is_empty() || layers.len() == config.diff_ids.len());
    assert!(layers.windows(2).all(|pair| pair[0] < pair[1]));
});
