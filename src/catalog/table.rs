//! The one table of all catalogers.

use super::{Cataloger, apk, chisel, debian_copyright, dpkg, dpkg_info, kernel, nix, pacman, portage, rpm};

/// All catalogers, sorted by id; at most 128.
pub const CATALOGERS: &[Cataloger] = &[
    apk::CATALOGER,
    chisel::CATALOGER,
    debian_copyright::CATALOGER,
    dpkg::CATALOGER,
    dpkg_info::CATALOGER,
    kernel::CATALOGER,
    nix::CATALOGER,
    pacman::CATALOGER,
    portage::CATALOGER,
    rpm::CATALOGER,
    rpm::LISTS,
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
