//! What counts as size.

use serde::Deserialize;

/// Which number counts as the size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// The layers as the source stores them, mostly compressed.
    Compressed,
    /// The archives of all layers, uncompressed.
    #[default]
    Uncompressed,
    /// The files of the final file system.
    Visible,
}
