//! The one table of all catalogers.

<<<<<<< HEAD
use super::{
    Cataloger, apk, chisel, claim, composer, conda, cran, debian_copyright, dpkg, dpkg_info, erlang, gem, java, kernel,
    lock, luarocks, nix, npm, nuget, pacman, pear, portage, python, rpm, wordpress,
};
=======
use super::{Cataloger, apk, binary, chisel, debian_copyright, dpkg, dpkg_info, kernel, nix, pacman, portage, rpm};
>>>>>>> d15a6fa (Rules over packages, licences and runtimes; programs known by what is inside them)

/// All catalogers, sorted by id; at most 128.
pub const CATALOGERS: &[Cataloger] = &[
    apk::CATALOGER,
<<<<<<< HEAD
    claim::BITNAMI,
=======
    binary::rust::CATALOGER,
>>>>>>> d15a6fa (Rules over packages, licences and runtimes; programs known by what is inside them)
    chisel::CATALOGER,
    composer::CATALOGER,
    conda::CATALOGER,
    cran::CATALOGER,
    debian_copyright::CATALOGER,
    dpkg::CATALOGER,
    dpkg_info::CATALOGER,
<<<<<<< HEAD
    erlang::CATALOGER,
    gem::CATALOGER,
    java::ARCHIVE,
    java::RUNTIME,
    kernel::CATALOGER,
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
=======
    binary::note::CATALOGER,
    binary::go::CATALOGER,
    kernel::CATALOGER,
    binary::landmark::CATALOGER,
>>>>>>> d15a6fa (Rules over packages, licences and runtimes; programs known by what is inside them)
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
