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

/// What kind of thing a detector finds, apart from how sure it is.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Nature {
    /// Opens something: a key, a token, a password.
    #[default]
    Secret,
    /// A secret in an envelope whose key is elsewhere: an encrypted private key, a vault file.
    Encrypted,
    /// Names an account or a key and completes a pair; opens nothing by itself.
    Identifier,
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
    /// What kind of thing it is.
    pub nature: Nature,
    /// How the value was reached inside the file, such as `!/app.jar!/a.properties@base64`; empty when it stands there as
    /// it is. [`Self::offset`] is then the place of the outermost container.
    pub view: Box<str>,
    /// When the value itself says that it expires, in seconds since 1970.
    pub expires: Option<i64>,
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
