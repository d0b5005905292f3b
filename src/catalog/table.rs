//! The one table of all catalogers.

use super::{
    Cataloger, apk, binary, chisel, claim, composer, conda, cran, debian_copyright, dpkg, dpkg_info, erlang, gem, java,
    kernel, lock, luarocks, nix, npm, nuget, pacman, pear, portage, python, rpm, wordpress,
};

/// All catalogers, sorted by id; at most 128.
pub const CATALOGERS: &[Cataloger] = &[
    apk::CATALOGER,
    claim::BITNAMI,
    binary::rust::CATALOGER,
    chisel::CATALOGER,
    composer::CATALOGER,
    conda::CATALOGER,
    cran::CATALOGER,
    debian_copyright::CATALOGER,
    dpkg::CATALOGER,
    dpkg_info::CATALOGER,
    binary::note::CATALOGER,
    erlang::CATALOGER,
    gem::CATALOGER,
    binary::go::CATALOGER,
    java::ARCHIVE,
    java::RUNTIME,
    kernel::CATALOGER,
    binary::landmark::CATALOGER,
    lock::CARGO,
    lock::COMPOSER,
    lock::CONAN,
    lock::GEM,
    lock::GO,
    lock::GRADLE,
    lock::HEX,
    lock::JULIA,
    lock::NPM,
    lock::NUGET,
    lock::PNPM,
    lock::PYTHON,
    lock::SWIFT,
    lock::YARN,
    luarocks::CATALOGER,
    nix::CATALOGER,
    npm::INSTALLED,
    npm::MANIFEST,
    npm::YARN_CACHE,
    nuget::CATALOGER,
    pacman::CATALOGER,
    pear::CATALOGER,
    portage::CATALOGER,
    python::EGG,
    python::METADATA,
    python::ORIGIN,
    python::RECORD,
    rpm::CATALOGER,
    rpm::LISTS,
    claim::CATALOGER,
    wordpress::CATALOGER,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_sorted_and_unique_and_fit_the_set() {
        assert!(CATALOGERS.windows(2).all(|pair| pair[0].id < pair[1].id));
        assert!(CATALOGERS.len() <= 128);
        for cataloger in CATALOGERS {
            assert!(!cataloger.what.is_empty() && cataloger.limit > 0, "{}", cataloger.id);
        }
    }
}
