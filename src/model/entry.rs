//! What one archive member says about one path.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a file system object (OCI image-spec, layer.md, "File Types").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; [`Entry::link`] is its target as written.
    Symlink,
    /// A further name of a regular file; [`Entry::link`] is the other name, from the image root.
    Hardlink,
    /// A character device.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// A named pipe.
    Fifo,
}

/// The SHA-256 of a file's content.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(with = "String")]
pub struct FileHash(pub [u8; 32]);

impl fmt::Display for FileHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for FileHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "FileHash({self})")
    }
}

impl Serialize for FileHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for FileHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 32]>::deserialize(deserializer).map(Self);
        }
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        let bad = || serde::de::Error::custom("a file hash is 64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(bad());
        }
        let mut raw = [0; 32];
        for (at, byte) in raw.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(raw))
    }
}

/// One path of one layer, as its archive member describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Entry {
    /// Cleaned path from the image root, without a leading `/`; see [`super::encode_path`] for names that are not UTF-8.
    pub path: Box<str>,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with set-id and sticky bits: at most `0o7777`.
    pub mode: u16,
    /// Numeric owner.
    pub uid: u32,
    /// Numeric group.
    pub gid: u32,
    /// Bytes of content; 0 for everything that is no regular file.
    pub size: u64,
    /// Modification time in seconds since 1970.
    pub mtime: i64,
    /// SHA-256 of the content of a regular file.
    pub sha256: Option<FileHash>,
    /// Target of a link.
    pub link: Option<Box<str>>,
    /// Extended attributes from pax records: name and value, the value in lower-case hexadecimal.
    pub xattrs: Box<[(Box<str>, Box<str>)]>,
}

impl Entry {
    /// Whether this is a regular file or a further name of one.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.kind, Kind::File | Kind::Hardlink)
    }

    /// Whether this is a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }
}
