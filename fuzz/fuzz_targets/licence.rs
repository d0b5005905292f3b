//! Licence texts in every dialect: what comes out can be read back.

#![no_main]

use imgguard::catalog::{Dialect, licences};
use libfuzzer_sys::fuzz_target;

const DIALECTS: [Dialect; 10] = [
    Dialect::Spdx,
    Dialect::Blanks,
    Dialect::Rpm,
    Dialect::Debian,
    Dialect::Python,
    Dialect::Npm,
    Dialect::Composer,
    Dialect::Maven,
    Dialect::Cran,
    Dialect::Portage,
];

fuzz_target!(|text: &str| {
    for dialect in DIALECTS {
        if let Some(declared) = licences(dialect, text).declared.filter(|declared| declared.len() < 4096) {
            assert_eq!(licences(Dialect::Spdx, &declared).declared, Some(declared));
        }
    }
});
