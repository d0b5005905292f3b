//! SPDX 2.3 as JSON and as tag-value text (ISO/IEC 5962 and its revision 2.3); 2.2 is read too.
//!
//! What has no field stands in one annotation per package: a JSON object of names and values.

mod read;
mod tag_read;
mod tag_write;
mod types;
mod write;

use super::document::{ComponentKind, Document};
use super::{Read, ReadError, json};
use crate::model::Scope;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Json,
    TagValue,
}

/// Writes JSON.
pub(super) fn write_json(document: &Document) -> String {
    json::write(&write::objects(document, Encoding::Json))
}

/// Writes tag-value text.
pub(super) fn write_tag_value(document: &Document) -> String {
    tag_write::write(&write::objects(document, Encoding::TagValue))
}

/// Reads JSON.
pub(super) fn read_json(value: &serde_json::Value) -> Result<Read, ReadError> {
    let (objects, unknown) = json::read::<types::Objects>(value)?;
    finish(objects, unknown)
}

/// Reads tag-value text.
pub(super) fn read_tag_value(text: &str) -> Result<Read, ReadError> {
    let (objects, unknown) = tag_read::read(text)?;
    finish(objects, unknown)
}

fn finish(objects: types::Objects, mut unknown: Vec<String>) -> Result<Read, ReadError> {
    if !matches!(objects.spdx_version.as_str(), "SPDX-2.2" | "SPDX-2.3") {
        return Err(ReadError::Version(super::text::cut(&objects.spdx_version, 20).escape_debug().to_string()));
    }
    let format = objects.spdx_version.replace('-', " ");
    let document = read::document(objects, &mut unknown)?;
    unknown.sort();
    unknown.dedup();
    Ok(Read { document, format, unknown })
}

/// Id of the document itself.
const DOCUMENT: &str = "SPDXRef-DOCUMENT";
/// Begins every id.
const ID: &str = "SPDXRef-";
/// Nothing is said.
const NOTHING: &str = "NOASSERTION";
/// Key of the annotation's object.
const PROPERTIES: &str = "imgguard:properties";

/// The name of a purpose, and whether the kind comes back from it.
fn purpose(kind: ComponentKind) -> (&'static str, bool) {
    match kind {
        ComponentKind::Container => ("CONTAINER", true),
        ComponentKind::OperatingSystem => ("OPERATING-SYSTEM", true),
        ComponentKind::Layer => ("ARCHIVE", false),
        ComponentKind::Library => ("LIBRARY", true),
        ComponentKind::Application => ("APPLICATION", true),
        ComponentKind::Framework => ("FRAMEWORK", true),
        ComponentKind::DeviceDriver | ComponentKind::Data => ("OTHER", false),
        ComponentKind::Firmware => ("FIRMWARE", true),
        ComponentKind::File => ("FILE", true),
        ComponentKind::Other => ("OTHER", true),
    }
}

/// The relationship by which the second names the first, for scopes that SPDX tells that way round.
fn reversed(scope: Scope) -> Option<&'static str> {
    match scope {
        Scope::Runtime => None,
        Scope::Optional => Some("OPTIONAL_DEPENDENCY_OF"),
        Scope::Development => Some("DEV_DEPENDENCY_OF"),
        Scope::Build => Some("BUILD_DEPENDENCY_OF"),
    }
}
