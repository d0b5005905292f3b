//! The one table of all rules.

use super::Rule;

/// All rules, sorted by id.
pub const RULES: &[Rule] = &[];

/// The rule of that id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}
