//! Reports of `imgguard lint`: one file per format, pure.

mod github;
mod json;
mod sarif;
mod text;

use crate::lint::LintReport;
use crate::rules::Level;

use super::Context;

pub(super) use json::schema;

/// An output format of `lint`.
pub struct LintFormat {
    /// What `-o` says.
    pub name: &'static str,
    /// One line for the help.
    pub summary: &'static str,
    /// Writes the reports of one run as text, ending with a newline unless empty.
    pub render: fn(&[LintReport], &Context<'_>) -> String,
}

/// All output formats of `lint`, the default first.
pub const LINT_FORMATS: &[LintFormat] = &[
    LintFormat { name: "text", summary: "for people", render: text::render },
    LintFormat { name: "json", summary: "everything, versioned (imgguard.lint/v1)", render: json::render },
    LintFormat { name: "sarif", summary: "SARIF 2.1.0 for code scanning", render: sarif::render },
    LintFormat { name: "github", summary: "annotations of GitHub Actions", render: github::render },
];

/// The word of a level for people.
fn word(level: Level) -> &'static str {
    match level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Info | Level::Off => "info",
    }
}

#[cfg(test)]
mod tests;
