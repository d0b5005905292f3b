//! Secrets as facts: where a value lies and how sure we are, never the value itself.

use serde::{Deserialize, Serialize};

/// How well the bytes prove that they are a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Lowered from above, or generic: a placeholder, a failed checksum.
    Weak,
    /// A value whose key name or place makes it a secret.
    Contextual,
    /// Prefix, length and alphabet are specific; there is nothing to verify.
    Structured,
    /// The bytes verify themselves: a checksum agrees, or a key parses.
    Proven,
}

/// One place in one layer where a detector saw a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Hit {
    /// Path in the layer.
    pub path: Box<str>,
    /// Byte offset of the value in the file, from 0.
    pub offset: u64,
    /// Line of the value, from 1, when the file is text.
    pub line: Option<u32>,
    /// Id of the detector.
    pub detector: Box<str>,
    /// How sure.
    pub grade: Grade,
    /// First and last few characters and the length; never more.
    pub redacted: Box<str>,
    /// Keyed hash of the value: 32 hexadecimal digits, the same for the same value everywhere.
    pub fingerprint: Box<str>,
}

/// Where a secret was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "in")]
pub enum Place {
    /// In a file of a layer.
    File {
        /// Index of the layer, from 0.
        layer: u32,
        /// Path in the layer.
        path: String,
        /// Line, from 1, when the file is text.
        line: Option<u32>,
        /// Byte offset in the file, from 0.
        offset: u64,
        /// The layer that hides this version of the file; none when it is in the final file system.
        hidden_by: Option<u32>,
    },
    /// In an environment variable of the config.
    Env {
        /// Name of the variable.
        name: String,
    },
    /// In a label or an annotation.
    Label {
        /// Its key.
        name: String,
    },
    /// In a history entry.
    History {
        /// Index of the entry, from 0.
        index: u32,
    },
    /// In another field of the config, such as `Cmd`.
    Config {
        /// JSON pointer.
        pointer: String,
    },
}
