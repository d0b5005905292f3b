//! The beginning of a program: whatever it is, a bound on what is read of it holds, and less of it never tells more.

#![no_main]

use imgguard::inspect::program_head;
use imgguard::model::{Head, Linkage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let whole = program_head(bytes, bytes.len() as u64);
    if let Some(Head::Script(line)) = &whole {
        assert!(line.len() <= 4 * 254 && !line.contains('\n'));
    }
    let cut = program_head(&bytes[..bytes.len() / 2], bytes.len() as u64);
    if let (Some(Head::Elf(whole)), Some(Head::Elf(cut))) = (whole, cut)
        && let Linkage::Seen(seen) = &cut.linkage
        && let Linkage::Seen(all) = &whole.linkage
    {
        assert_eq!(seen, all);
    }
});
