//! `imgguard inspect` for people.

use super::Context;
use crate::model::Inspection;

/// What is shown beside the overview.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InspectOptions {
    /// Which layers' changes are listed.
    pub tree: Tree,
}

/// Which layers' changes are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tree {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// This one, from 1.
    Layer(u32),
}

/// Writes the overview.
#[must_use]
pub fn inspect_text(inspection: &Inspection, _options: &InspectOptions, _context: &Context<'_>) -> String {
    super::inspect_json(inspection)
}
