//! `CycloneDX` 1.6 and 1.7 as JSON and XML; earlier versions from 1.3 on are read too.
//!
//! A component that contains another stands in `dependencies` as one that depends on it; a property on the second tells
//! which of the two is meant.

mod read;
mod types;
mod write;
mod xml_read;
mod xml_write;

use serde::{Deserialize, Serialize};

use super::document::{Completeness, ComponentKind, Document, Phase};
use super::{Read, ReadError, json};
use crate::model::Method;

/// A version that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// 1.6, ECMA-424 first edition.
    V1_6,
    /// 1.7, ECMA-424 second edition.
    V1_7,
}

impl Version {
    fn name(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    Xml,
}

/// Writes JSON.
pub(super) fn write_json(document: &Document, version: Version) -> String {
    json::write(&write::bom(document, version, Encoding::Json))
}

/// Writes XML.
pub(super) fn write_xml(document: &Document, version: Version) -> String {
    xml_write::write(&write::bom(document, version, Encoding::Xml))
}

/// Reads JSON.
pub(super) fn read_json(value: &serde_json::Value) -> Result<Read, ReadError> {
    let (bom, unknown) = json::read::<types::Bom>(value)?;
    let format = check_version(&bom.spec_version)?;
    Ok(Read { document: read::document(bom, Encoding::Json)?, format, unknown })
}

/// Reads XML.
pub(super) fn read_xml(text: &str) -> Result<Read, ReadError> {
    let (bom, unknown) = xml_read::read(text)?;
    let format = check_version(&bom.spec_version)?;
    Ok(Read { document: read::document(bom, Encoding::Xml)?, format, unknown })
}

fn check_version(version: &str) -> Result<String, ReadError> {
    if matches!(version, "1.3" | "1.4" | "1.5" | "1.6" | "1.7") {
        return Ok(format!("CycloneDX {version}"));
    }
    Err(ReadError::Version(format!("CycloneDX {}", super::text::cut(version, 20).escape_debug())))
}

const AGGREGATES: &[(Completeness, &str)] = &[
    (Completeness::Complete, "complete"),
    (Completeness::Incomplete, "incomplete"),
    (Completeness::Unknown, "unknown"),
];

/// Comment of a distribution that is a file of the image, not an address.
const IN_THE_IMAGE: &str = "the file in the image";

/// A path of the image as an IRI.
fn file_url(path: &str) -> String {
    let mut url = String::from("file:///");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            url.push(char::from(byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

/// The name of a kind, and whether it comes back from that name.
fn kind_name(kind: ComponentKind) -> (&'static str, bool) {
    match kind {
        ComponentKind::Container => ("container", true),
        ComponentKind::OperatingSystem => ("operating-system", true),
        ComponentKind::Layer => ("file", false),
        ComponentKind::Library => ("library", true),
        ComponentKind::Application => ("application", true),
        ComponentKind::Framework => ("framework", true),
        ComponentKind::DeviceDriver => ("device-driver", true),
        ComponentKind::Firmware => ("firmware", true),
        ComponentKind::File => ("file", true),
        ComponentKind::Data => ("data", true),
        ComponentKind::Other => ("data", false),
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Design => "design",
        Phase::PreBuild => "pre-build",
        Phase::Build => "build",
        Phase::PostBuild => "post-build",
        Phase::Operations => "operations",
        Phase::Discovery => "discovery",
        Phase::Decommission => "decommission",
    }
}

fn is_serial(id: &str) -> bool {
    let Some(uuid) = id.strip_prefix("urn:uuid:") else { return false };
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    uuid.len() == 36
        && uuid
            .bytes()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 8 | 13 | 18 | 23) { byte == b'-' } else { lower(byte) })
}

/// What an occurrence says beside its place, as JSON in `additionalContext`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct EvidenceContext {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    layer: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diff_id: Option<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    found_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    method: Option<Method>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    inside: String,
}
