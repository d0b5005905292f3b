//! Secrets as facts: where a value lies and how sure we are, never the value itself.

use serde::{Deserialize, Serialize};

use super::{Digest, How, Severity};

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

/// Which part of an archive member holds a secret, apart from the content of the file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Its name.
    Name,
    /// The target of a link.
    Link,
    /// The name of its owner or group.
    Owner,
    /// An extended attribute of this name.
    Attribute(String),
    /// A pax record with this key.
    Record(String),
}

/// Bytes of a layer that belong to no member of its archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Slack {
    /// Between the end of a file and the next block, or behind the end of a text in a header.
    Padding,
    /// Behind the end marker of the archive.
    BehindArchive,
    /// Behind the compressed stream.
    BehindStream,
    /// Name, comment or extra field of a gzip header, or a zstd frame that is skipped.
    StreamHeader,
}

/// A place in a layer that is not the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spot {
    /// A part of the archive member [`Hit::path`].
    Member(Part),
    /// Bytes that belong to no member; [`Hit::path`] names the file before them, if there is one.
    Slack(Slack),
}

/// A secret in a place of a layer that is not the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Aside {
    /// Where.
    pub spot: Spot,
    /// What was seen there.
    pub hit: Hit,
}

/// A file with hits whose bytes are those that a package recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Supplied {
    /// Path in the layer.
    pub path: Box<str>,
    /// The kind of record and the package, such as `dpkg openssl`.
    pub by: Box<str>,
}

/// A small document of an image or of its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentKind {
    /// The index.
    Index,
    /// The manifest.
    Manifest,
    /// The config.
    Config,
    /// A manifest, config or statement that is no part of a runnable image, such as a provenance attestation.
    Attestation,
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
        /// How the value was reached inside the file; empty when it stands there as it is.
        #[serde(default)]
        view: String,
        /// The layer that hides this version of the file; none when it is in the final file system.
        hidden_by: Option<u32>,
        /// How that layer hides it.
        #[serde(default)]
        how: Option<How>,
        /// The package record that has the same bytes, such as `dpkg openssl`.
        #[serde(default)]
        supplied: Option<String>,
    },
    /// In an environment variable of the config.
    Env {
        /// Name of the variable.
        name: String,
    },
    /// In a label of the config.
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
    /// In a manifest, an index or an attestation.
    Document {
        /// What kind of document.
        document: DocumentKind,
        /// Its digest.
        digest: Digest,
        /// JSON pointer; empty when the document is no JSON.
        pointer: String,
    },
    /// In the name or the attributes of a layer's archive member.
    Member {
        /// Index of the layer, from 0.
        layer: u32,
        /// Path in the layer, masked where it is itself the secret.
        path: String,
        /// Which part.
        part: Part,
    },
    /// In bytes of a layer that no runtime unpacks.
    Slack {
        /// Index of the layer, from 0.
        layer: u32,
        /// Where.
        slack: Slack,
        /// The file before them, for padding.
        path: Option<String>,
        /// Byte offset in the archive, or from the first such byte.
        offset: u64,
    },
    /// In a file that is no part of an image.
    Path {
        /// Its path; `-` for standard input.
        path: String,
        /// Line, from 1, when the file is text.
        line: Option<u32>,
        /// Byte offset in the file, from 0.
        offset: u64,
        /// How the value was reached inside the file; empty when it stands there as it is.
        view: String,
    },
}

impl Place {
    /// The path of the file it is in, if it is in one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File { path, .. } | Self::Member { path, .. } | Self::Path { path, .. } => Some(path),
            Self::Slack { path, .. } => path.as_deref(),
            Self::Env { .. }
            | Self::Label { .. }
            | Self::History { .. }
            | Self::Config { .. }
            | Self::Document { .. } => None,
        }
    }

    /// The index of the layer it is in, if it is in one.
    #[must_use]
    pub fn layer(&self) -> Option<u32> {
        match self {
            Self::File { layer, .. } | Self::Member { layer, .. } | Self::Slack { layer, .. } => Some(*layer),
            _ => None,
        }
    }

    /// The package record that has the same bytes as the file.
    #[must_use]
    pub fn supplied(&self) -> Option<&str> {
        match self {
            Self::File { supplied, .. } => supplied.as_deref(),
            _ => None,
        }
    }
}

/// The other half of a pair, such as the key id beside the key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Half {
    /// Id of the detector.
    pub detector: String,
    /// What it is, in words.
    pub what: String,
    /// First and last few characters and the length.
    pub redacted: String,
    /// Keyed hash of the value.
    pub fingerprint: String,
    /// Everywhere it lies, sorted.
    pub places: Vec<Place>,
}

/// Why a secret is told as something less than a secret of this image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing speaks against it.
    Own,
    /// Every file it lies in has the bytes that a package recorded, and its bytes prove that it is one: it is told.
    PackageSupplied,
    /// The same, and its bytes prove nothing: it is counted, and listed when asked for.
    Suppressed,
    /// It opens nothing without its other half, which is not in the image.
    Incomplete,
}

/// One secret of the image: a value, at all its places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SecretFact {
    /// Id of the detector.
    pub detector: String,
    /// What it is, in words.
    pub what: String,
    /// How sure.
    pub grade: Grade,
    /// What kind of thing it is.
    #[serde(default)]
    pub nature: Nature,
    /// How much harm follows.
    pub severity: Severity,
    /// When the value itself says that it expires, in seconds since 1970.
    #[serde(default)]
    pub expires: Option<i64>,
    /// First and last few characters and the length.
    pub redacted: String,
    /// Keyed hash of the value.
    pub fingerprint: String,
    /// Everywhere it lies, sorted.
    pub places: Vec<Place>,
    /// The other half or halves, when the image holds them too: they are no findings of their own.
    #[serde(default)]
    pub halves: Vec<Half>,
}

impl SecretFact {
    /// How it is to be told.
    #[must_use]
    pub fn class(&self) -> Class {
        let is_supplied = !self.places.is_empty() && self.places.iter().all(|place| place.supplied().is_some());
        match self.nature {
            _ if is_supplied && (self.grade == Grade::Proven || self.detector.contains("private-key")) => {
                Class::PackageSupplied
            }
            _ if is_supplied => Class::Suppressed,
            Nature::Identifier | Nature::Encrypted if self.halves.is_empty() => Class::Incomplete,
            _ => Class::Own,
        }
    }
}
