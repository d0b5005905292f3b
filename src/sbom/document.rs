//! The bill of materials between facts and formats: what every format says in its own words.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Method, Scope};

/// A bill of materials of one image, or of the index around several.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Absolute URI without a fragment, unique to the document: `urn:uuid:…` in those that imgguard makes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// When it was made: RFC 3339, in UTC and whole seconds in those that imgguard makes.
    pub created: String,
    /// The program that made it.
    pub tool: Option<Tool>,
    /// Who is responsible for it.
    pub creator: Option<Party>,
    /// At which point of the life of the software the data was gathered.
    pub phase: Option<Phase>,
    /// Id of the component that it is about.
    pub root: Option<String>,
    /// All components, the root too; sorted by purl, name and id.
    pub components: Vec<Component>,
    /// How the components belong together, sorted.
    pub relations: Vec<Relation>,
    /// Texts behind the `LicenseRef-…` identifiers of the licence expressions.
    pub licence_texts: BTreeMap<String, String>,
    /// Known unknowns, each a sentence without a full stop, sorted.
    pub unknowns: Vec<String>,
    /// Anything else about the document, sorted.
    pub properties: Vec<Property>,
}

/// A program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version, when known.
    pub version: Option<String>,
}

/// A person or an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Party {
    /// Its name.
    pub name: String,
    /// Its mail address.
    pub email: Option<String>,
    /// Its page.
    pub url: Option<String>,
    /// Whether it is a natural person.
    #[serde(default)]
    pub person: bool,
}

/// Where in the life of the software the data comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Plans.
    Design,
    /// Sources and manifests before a build.
    PreBuild,
    /// The build itself.
    Build,
    /// What a build made: this is what imgguard reads.
    PostBuild,
    /// A running system.
    Operations,
    /// A look at a network or a system from outside.
    Discovery,
    /// A system that is taken down.
    Decommission,
}

/// What a component is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentKind {
    /// A container image, or an index of several.
    Container,
    /// An operating system.
    OperatingSystem,
    /// A layer of an image.
    Layer,
    /// A library, or a package of an operating system.
    #[default]
    Library,
    /// A program.
    Application,
    /// A framework or a language runtime.
    Framework,
    /// A kernel module.
    DeviceDriver,
    /// Firmware.
    Firmware,
    /// A file.
    File,
    /// Data.
    Data,
    /// Anything else.
    Other,
}

/// How a component is there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    /// In the final file system.
    #[default]
    Installed,
    /// Shipped in a layer, but removed by a later one.
    Removed,
    /// Named by a lock file.
    Declared,
    /// Named by a bill of materials inside the image.
    Claimed,
}

/// How complete a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completeness {
    /// Nothing is missing.
    Complete,
    /// Something is missing.
    Incomplete,
    /// It is not known whether something is missing.
    Unknown,
}

/// A checksum.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hash {
    /// The algorithm, spelt as in `CycloneDX`: `SHA-256`.
    pub algorithm: String,
    /// Hexadecimal digits.
    pub value: String,
}

impl Hash {
    /// Whether the value is what the algorithm gives, in lower case.
    pub(super) fn fits(&self) -> bool {
        let length = match self.algorithm.as_str() {
            "MD5" => 32,
            "SHA-1" => 40,
            "SHA-256" | "SHA3-256" | "BLAKE2b-256" | "BLAKE3" => 64,
            "SHA-384" | "SHA3-384" | "BLAKE2b-384" => 96,
            "SHA-512" | "SHA3-512" | "BLAKE2b-512" => 128,
            _ => return false,
        };
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        self.value.len() == length && self.value.bytes().all(digit)
    }
}

/// What speaks for a component.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// Path of the record in the image, without a leading `/`.
    pub path: String,
    /// Place inside the file, parts separated by `!/`; empty when the file itself is the record.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub inside: String,
    /// Layer, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<u32>,
    /// Digest of the uncompressed layer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diff_id: Option<String>,
    /// What found it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub found_by: String,
    /// How.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Method>,
}

/// What BSI TR-03183-2 asks of a component that is a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deployable {
    /// The file's name without its folder.
    pub name: String,
    /// Whether it can be executed.
    pub executable: bool,
    /// Whether it bundles other files.
    pub archive: bool,
    /// Whether what it bundles can be told apart.
    pub structured: bool,
}

/// A name and a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Property {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

impl Property {
    /// A property.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// A part of the image, or the image itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Component {
    /// Unique in the document; of letters, digits, `.` and `-` in those that imgguard makes.
    pub id: String,
    /// What it is.
    pub kind: ComponentKind,
    /// Its name in its family's own spelling.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// Its package URL.
    pub purl: Option<String>,
    /// Its CPE names.
    pub cpes: Vec<String>,
    /// Who made or distributes it.
    pub supplier: Option<Party>,
    /// Who wrote it, when that is somebody else.
    pub author: Option<Party>,
    /// One line.
    pub description: Option<String>,
    /// Copyright notice.
    pub copyright: Option<String>,
    /// Licences as the package says them.
    pub raw_licences: Vec<String>,
    /// What the author declared: an SPDX expression, `NONE`, or nothing known.
    pub declared_licence: Option<String>,
    /// What follows from texts.
    pub concluded_licence: Option<String>,
    /// Checksums of its own file.
    pub hashes: Vec<Hash>,
    /// Home page.
    pub homepage: Option<String>,
    /// Where its own file can be fetched.
    pub download: Option<String>,
    /// Where its sources are kept.
    pub vcs: Option<String>,
    /// How it is there.
    pub presence: Presence,
    /// Whether the components that it contains are all listed.
    pub contents: Option<Completeness>,
    /// Whether the components that it depends on are all listed.
    pub dependencies: Option<Completeness>,
    /// What speaks for it, the best first.
    pub evidence: Vec<Evidence>,
    /// The file that it is, when it is one.
    pub deployable: Option<Deployable>,
    /// Anything else, sorted.
    pub properties: Vec<Property>,
}

impl Component {
    /// The first property of that name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        value_of(&self.properties, name)
    }
}

/// How one component belongs to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RelationKind {
    /// The first contains the second.
    Contains,
    /// The first depends on the second.
    DependsOn(Scope),
}

/// Two components that belong together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Relation {
    /// Id of the first.
    pub from: String,
    /// How.
    pub kind: RelationKind,
    /// Id of the second.
    pub to: String,
}

/// The value of the first property of that name.
pub(super) fn value_of<'a>(properties: &'a [Property], name: &str) -> Option<&'a str> {
    properties.iter().find(|property| property.name == name).map(|property| property.value.as_str())
}

impl Document {
    /// The component with this id.
    #[must_use]
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.id == id)
    }

    /// The component that the document is about.
    #[must_use]
    pub fn root_component(&self) -> Option<&Component> {
        self.component(self.root.as_deref()?)
    }

    /// The first property of that name.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        value_of(&self.properties, name)
    }

    /// Brings every list into its one order and drops what is there twice.
    pub(super) fn sort(&mut self) {
        for component in &mut self.components {
            component.properties.sort_unstable();
            component.properties.dedup();
        }
        self.components
            .sort_by(|left, right| (&left.purl, &left.name, &left.id).cmp(&(&right.purl, &right.name, &right.id)));
        self.relations.sort_unstable();
        self.relations.dedup();
        self.unknowns.sort();
        self.unknowns.dedup();
        self.properties.sort();
        self.properties.dedup();
    }
}
