//! Bills of materials: one document between facts and formats, one file or folder per format, readers for all that can be
//! read back, a comparison and a score. All pure.
//!
//! Every format that has a reader gives back the whole [`Document`]: what it has no field for travels as properties.

mod build;
mod carry;
mod compare;
mod csv;
mod cyclonedx;
mod document;
mod identity;
mod json;
mod licence;
mod score;
mod snapshot;
mod spdx2;
mod spdx3;
mod table;
mod text;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use build::{BuildError, Options, build, build_index};
pub use compare::{Difference, compare};
pub use document::{
    Completeness, Component, ComponentKind, Deployable, Document, Evidence, Hash, Party, Phase, Presence, Property,
    Relation, RelationKind, Tool,
};
pub use score::{Score, YARDSTICKS, Yardstick, score, score_json, score_text};
pub use snapshot::Job;

/// Most bytes of a document that are read.
pub const BYTES_MAX: u64 = 512 << 20;
/// Most components of a document that are read.
const COMPONENTS_MAX: usize = 2_000_000;

/// What a format needs to know beside the document.
#[derive(Debug, Clone, Default)]
pub struct WriteContext {
    /// Whether to use ANSI colours.
    pub color: bool,
    /// The run that a dependency snapshot belongs to.
    pub job: Option<Job>,
}

/// Why a document could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A dependency snapshot belongs to a commit.
    #[error("a dependency snapshot belongs to a commit and a branch, and neither is known")]
    NoCommit,
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is neither JSON, nor XML, nor tag-value text of a known kind.
    #[error("it is no bill of materials: neither SPDX 2.2, 2.3 or 3.0, nor CycloneDX 1.3 to 1.7")]
    Unknown,
    /// It is of a version that is not read.
    #[error("`{0}` is not read")]
    Version(String),
    /// It is no UTF-8.
    #[error("it is not UTF-8 text")]
    Encoding,
    /// It is no JSON.
    #[error("it is no JSON: {0}")]
    Json(String),
    /// It is no XML.
    #[error("it is no XML: {0}")]
    Xml(String),
    /// A field has another form than the specification prescribes.
    #[error("it does not have the form of its format: {0}")]
    Shape(String),
    /// A line of tag-value text is wrong.
    #[error("line {number}: {what}")]
    Line {
        /// The line, from 1.
        number: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A bound was reached.
    #[error("it is too large: {0}")]
    Limit(&'static str),
}

/// A document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What it says.
    pub document: Document,
    /// Its format: `CycloneDX` or `SPDX`, a blank, and the version.
    pub format: String,
    /// What it says that [`Document`] has no place for: paths or tags, sorted, each once.
    pub unknown: Vec<String>,
}

/// An output format.
pub struct Format {
    /// What `-o` says.
    pub name: &'static str,
    /// One line for the help.
    pub summary: &'static str,
    /// Usual end of a file's name.
    pub extension: &'static str,
    /// Media type, for storing it in a registry.
    pub media_type: &'static str,
    /// Whether it can be read back.
    pub readable: bool,
    /// Writes a document, ending with one newline.
    pub write: fn(&Document, &WriteContext) -> Result<String, WriteError>,
}

/// All output formats, the default first.
pub const FORMATS: &[Format] = &[
    Format {
        name: "table",
        summary: "for people",
        extension: "txt",
        media_type: "text/plain",
        readable: false,
        write: |document, context| Ok(table::write(document, context.color)),
    },
    Format {
        name: "cyclonedx-json",
        summary: "CycloneDX 1.7 as JSON",
        extension: "cdx.json",
        media_type: "application/vnd.cyclonedx+json",
        readable: true,
        write: |document, _| Ok(cyclonedx::write_json(document, cyclonedx::Version::V1_7)),
    },
    Format {
        name: "cyclonedx-xml",
        summary: "CycloneDX 1.7 as XML",
        extension: "cdx.xml",
        media_type: "application/vnd.cyclonedx+xml",
        readable: true,
        write: |document, _| Ok(cyclonedx::write_xml(document, cyclonedx::Version::V1_7)),
    },
    Format {
        name: "cyclonedx-1.6-json",
        summary: "CycloneDX 1.6 as JSON",
        extension: "cdx.json",
        media_type: "application/vnd.cyclonedx+json",
        readable: true,
        write: |document, _| Ok(cyclonedx::write_json(document, cyclonedx::Version::V1_6)),
    },
    Format {
        name: "cyclonedx-1.6-xml",
        summary: "CycloneDX 1.6 as XML",
        extension: "cdx.xml",
        media_type: "application/vnd.cyclonedx+xml",
        readable: true,
        write: |document, _| Ok(cyclonedx::write_xml(document, cyclonedx::Version::V1_6)),
    },
    Format {
        name: "spdx-json",
        summary: "SPDX 2.3 as JSON",
        extension: "spdx.json",
        media_type: "application/spdx+json",
        readable: true,
        write: |document, _| Ok(spdx2::write_json(document)),
    },
    Format {
        name: "spdx-tag-value",
        summary: "SPDX 2.3 as tag-value text",
        extension: "spdx",
        media_type: "text/spdx",
        readable: true,
        write: |document, _| Ok(spdx2::write_tag_value(document)),
    },
    Format {
        name: "spdx-3-json",
        summary: "SPDX 3.0.1 as JSON-LD",
        extension: "spdx3.json",
        media_type: "application/spdx+json",
        readable: true,
        write: |document, _| Ok(spdx3::write_json(document)),
    },
    Format {
        name: "github",
        summary: "snapshot for GitHub's dependency submission",
        extension: "json",
        media_type: "application/json",
        readable: false,
        write: |document, context| snapshot::write(document, context.job.as_ref()),
    },
    Format {
        name: "csv",
        summary: "one line per package, safe to open in a spreadsheet",
        extension: "csv",
        media_type: "text/csv",
        readable: false,
        write: |document, _| Ok(csv::write(document)),
    },
];

/// The output format of that name.
#[must_use]
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Reads a document of any format that can be read; which one it is, is what its first bytes and keys say.
///
/// # Errors
/// When it is of no known format, or does not have that format's form, or is larger than the bounds.
pub fn read(bytes: &[u8]) -> Result<Read, ReadError> {
    if u64::try_from(bytes.len()).is_ok_and(|length| length > BYTES_MAX) {
        return Err(ReadError::Limit("it has more than 512 MB"));
    }
    let text =
        std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).map_err(|_| ReadError::Encoding)?;
    match text.trim_start().as_bytes().first() {
        Some(b'{') => read_json(text),
        Some(b'<') => cyclonedx::read_xml(text),
        Some(_) if text.lines().take(100).any(|line| line.trim_start().starts_with("SPDXVersion:")) => {
            spdx2::read_tag_value(text)
        }
        _ => Err(ReadError::Unknown),
    }
}

fn read_json(text: &str) -> Result<Read, ReadError> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| ReadError::Json(error.to_string()))?;
    if value.get("bomFormat").and_then(serde_json::Value::as_str) == Some("CycloneDX") {
        cyclonedx::read_json(&value)
    } else if value.get("spdxVersion").is_some() {
        spdx2::read_json(&value)
    } else if value.get("@graph").is_some() {
        spdx3::read_json(&value)
    } else {
        Err(ReadError::Unknown)
    }
}

/// The packages of a document: all components but images, layers and the operating system itself, in their order.
fn packages(document: &Document) -> impl Iterator<Item = &Component> {
    document.components.iter().filter(|component| {
        let is_frame = matches!(component.kind, ComponentKind::Container | ComponentKind::Layer);
        let is_system = component.kind == ComponentKind::OperatingSystem && component.id.starts_with("os-");
        !is_frame && !is_system && document.root.as_deref() != Some(component.id.as_str())
    })
}
