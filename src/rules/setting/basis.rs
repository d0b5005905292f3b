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

impl Basis {
    /// The word for it, as a policy writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Compressed => "compressed",
            Self::Uncompressed => "uncompressed",
            Self::Visible => "visible",
        }
    }
}
