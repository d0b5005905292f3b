//! The elements of SPDX 3.0.1 that imgguard writes and reads, named as in its JSON schema.
#![expect(clippy::struct_field_names, reason = "fields are named as in the schema")]

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The serialisation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Graph {
    #[serde(rename = "@context")]
    pub context: String,
    #[serde(rename = "@graph")]
    pub graph: Vec<Node>,
}

/// A node of the graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type")]
pub(super) enum Node {
    CreationInfo(CreationInfo),
    Organization(Agent),
    Person(Agent),
    SoftwareAgent(Agent),
    Agent(Agent),
    Tool(Agent),
    SpdxDocument(Collection),
    #[serde(rename = "software_Sbom")]
    Sbom(Collection),
    #[serde(rename = "software_Package")]
    Package(Box<Package>),
    #[serde(rename = "software_File")]
    File(Box<Package>),
    Relationship(Relationship),
    LifecycleScopedRelationship(Relationship),
    #[serde(rename = "simplelicensing_LicenseExpression")]
    LicenseExpression(LicenceExpression),
    #[serde(rename = "simplelicensing_SimpleLicensingText")]
    LicensingText(LicenceText),
    /// An element that has no place.
    #[serde(other)]
    Unknown,
}

/// Another element: its id, or the element itself in its place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Link {
    Id(String),
    Inline(Value),
}

impl Link {
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::Inline(value) => value.get("spdxId").and_then(Value::as_str),
        }
    }
}

impl From<String> for Link {
    fn from(id: String) -> Self {
        Self::Id(id)
    }
}

/// When and by whom.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreationInfo {
    #[serde(rename = "@id", default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default)]
    pub spec_version: String,
    #[serde(default)]
    pub created: String,
    #[serde(default)]
    pub created_by: Vec<Link>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created_using: Vec<Link>,
}

/// Somebody, or a program.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    #[serde(default)]
    pub spdx_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_info: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_identifier: Vec<ExternalIdentifier>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<Extension>,
}

/// Another name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalIdentifier {
    #[serde(rename = "type", default)]
    pub node: String,
    pub external_identifier_type: String,
    pub identifier: String,
}

/// An address.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExternalRef {
    #[serde(rename = "type", default)]
    pub node: String,
    #[serde(default)]
    pub external_ref_type: String,
    #[serde(default)]
    pub locator: Vec<String>,
}

/// A checksum.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Hash {
    #[serde(rename = "type", default)]
    pub node: String,
    #[serde(default)]
    pub algorithm: String,
    #[serde(default)]
    pub hash_value: String,
}

/// Names and values that have no field.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Extension {
    #[serde(rename = "type", default)]
    pub node: String,
    #[serde(rename = "extension_cdxProperty", default)]
    pub properties: Vec<Entry>,
}

/// A name and a value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    #[serde(rename = "type", default)]
    pub node: String,
    #[serde(rename = "extension_cdxPropName", default)]
    pub name: String,
    #[serde(rename = "extension_cdxPropValue", default)]
    pub value: String,
}

/// A document or a bill of materials.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Collection {
    #[serde(default)]
    pub spdx_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_info: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_license: Option<Link>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profile_conformance: Vec<String>,
    #[serde(rename = "software_sbomType", default, skip_serializing_if = "Vec::is_empty")]
    pub sbom_type: Vec<String>,
    #[serde(default)]
    pub root_element: Vec<Link>,
    #[serde(default)]
    pub element: Vec<Link>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<Extension>,
}

/// A package or a file.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Package {
    #[serde(default)]
    pub spdx_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_info: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(rename = "software_packageVersion", default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    #[serde(rename = "software_packageUrl", default, skip_serializing_if = "Option::is_none")]
    pub purl: Option<String>,
    #[serde(rename = "software_downloadLocation", default, skip_serializing_if = "Option::is_none")]
    pub download: Option<String>,
    #[serde(rename = "software_homePage", default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    #[serde(rename = "software_sourceInfo", default, skip_serializing_if = "Option::is_none")]
    pub source_info: Option<String>,
    #[serde(rename = "software_primaryPurpose", default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    #[serde(rename = "software_additionalPurpose", default, skip_serializing_if = "Vec::is_empty")]
    pub additional_purpose: Vec<String>,
    #[serde(rename = "software_copyrightText", default, skip_serializing_if = "Option::is_none")]
    pub copyright: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplied_by: Option<Link>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub originated_by: Vec<Link>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub verified_using: Vec<Hash>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_identifier: Vec<ExternalIdentifier>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_ref: Vec<ExternalRef>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension: Vec<Extension>,
}

/// How elements belong together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Relationship {
    #[serde(default)]
    pub spdx_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_info: Option<Link>,
    pub from: Link,
    pub relationship_type: String,
    #[serde(default)]
    pub to: Vec<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completeness: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}

impl Default for Link {
    fn default() -> Self {
        Self::Id(String::new())
    }
}

/// An expression.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenceExpression {
    #[serde(default)]
    pub spdx_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_info: Option<Link>,
    #[serde(rename = "simplelicensing_licenseExpression", default)]
    pub expression: String,
    #[serde(rename = "simplelicensing_customIdToUri", default, skip_serializing_if = "Vec::is_empty")]
    pub custom_ids: Vec<DictionaryEntry>,
}

/// An identifier of an expression and the element with its text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct DictionaryEntry {
    #[serde(rename = "type", default)]
    pub node: String,
    pub key: String,
    #[serde(default)]
    pub value: String,
}

/// The text of a licence.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LicenceText {
    #[serde(default)]
    pub spdx_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creation_info: Option<Link>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(rename = "simplelicensing_licenseText", default)]
    pub text: String,
}
