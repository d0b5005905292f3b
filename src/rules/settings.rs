//! How a rule reads its settings.

use serde::de::DeserializeOwned;

use crate::yaml::{Node, Span, YamlError, read};

/// Why the settings of a rule were refused: what, where, what to write instead.
pub type SettingsError = YamlError;

/// The settings of one rule in the policy text. `level`, `since` and `scope` are taken out before.
pub struct SettingsReader<'a> {
    node: &'a Node,
}

impl<'a> SettingsReader<'a> {
    /// Reads from this table.
    #[must_use]
    pub fn new(node: &'a Node) -> Self {
        Self { node }
    }

    /// Reads all settings as one typed value.
    ///
    /// # Errors
    /// [`SettingsError`] at the innermost key or value that is wrong.
    pub fn read<T: DeserializeOwned>(&mut self) -> Result<T, SettingsError> {
        read(self.node)
    }

    /// Where the value of `key` stands, else where the whole table stands: for complaints about meaning.
    #[must_use]
    pub fn span(&self, key: &str) -> Span {
        self.node.get(key).map_or(self.node.span, |member| member.value.span)
    }
}
