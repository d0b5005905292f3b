//! The lines of a Dockerfile that a build step comes from.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How it is known which lines made a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceGrade {
    /// The builder recorded it (SLSA provenance of `BuildKit`).
    Provenance,
    /// The texts of the instruction and of the history entry match.
    Matched,
}

/// Lines of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SourceLine {
    /// The file: as the builder recorded it, relative to the repository where that is known, or as the user named it.
    pub file: String,
    /// First line, from 1.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// How it is known.
    pub by: SourceGrade,
}

impl fmt::Display for SourceLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = match self.by {
            SourceGrade::Provenance => "provenance",
            SourceGrade::Matched => "matched",
        };
        write!(formatter, "{}:{} ({by})", self.file, self.line)
    }
}
