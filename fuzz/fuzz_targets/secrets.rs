//! The search for secrets, with all views. Where the bytes are cut never changes what is found.

#![no_main]

use std::sync::LazyLock;

use imgguard::model::{Hit, ScanLedger};
use imgguard::secrets::{FileScan, Scanner};
use libfuzzer_sys::fuzz_target;

static SCANNER: LazyLock<Scanner> = LazyLock::new(Scanner::new);

fn scan(path: &str, pieces: &[&[u8]]) -> (Vec<Hit>, ScanLedger) {
    let mut scan = FileScan::new(path, 0).unpacking_at_most(1 << 20);
    let mut hits = Vec::new();
    for piece in pieces {
        scan.feed(&SCANNER, piece, false, &mut hits);
    }
    scan.feed(&SCANNER, &[], true, &mut hits);
    let mut ledger = ScanLedger::default();
    scan.add_to(&mut ledger, path);
    (hits, ledger)
}

fuzz_target!(|input: &[u8]| {
    let Some((&[path, cut], bytes)) = input.split_first_chunk::<2>() else { return };
    let paths = ["opt/app/data", "app/.env", "root/.npmrc", "etc/shadow"];
    let path = paths[usize::from(path) % paths.len()];
    let cut = bytes.len() * usize::from(cut) / 256;
    let whole = scan(path, &[bytes]);
    assert_eq!(scan(path, &[&bytes[..cut], &bytes[cut..]]), whole);
    let ones: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(scan(path, &ones), whole);
});
