//! Licence texts of package records as SPDX expressions (SPDX 2.3, annex D).

use crate::model::Licences;

/// How a family of packages writes licences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SPDX expressions.
    Spdx,
    /// Names separated by blanks that all apply: apk, pacman.
    Blanks,
    /// RPM: SPDX, or the older short names of Fedora with `and` and `or`.
    Rpm,
    /// Debian's machine-readable short names: `GPL-2+`, `Expat`.
    Debian,
    /// The `License` field or a `License ::` classifier of a Python distribution.
    Python,
    /// npm: SPDX, `UNLICENSED`, `SEE LICENSE IN …`.
    Npm,
    /// Composer: SPDX with lower-case `and` and `or`.
    Composer,
    /// The name or the URL in a Maven `<license>`.
    Maven,
    /// R: `GPL (>= 2) | MIT + file LICENSE`.
    Cran,
    /// Portage: `|| ( A B )`, `use? ( C )`, a list that all applies.
    Portage,
}

/// Reads what a package says of its licence. What is not understood stays as [`Licences::raw`] and becomes a
/// `LicenseRef-…` with its text.
#[must_use]
pub fn licences(_dialect: Dialect, raw: &str) -> Licences {
    let raw = raw.trim();
    Licences { raw: if raw.is_empty() { Vec::new() } else { vec![raw.to_owned()] }, ..Licences::default() }
}
