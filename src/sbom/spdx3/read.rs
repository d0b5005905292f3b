//! SPDX 3.0.1 elements as a document.

use std::collections::BTreeMap;

use super::types::{Agent, Collection, CreationInfo, Extension, Graph, Link, Node, Package, Relationship};
use super::{NO_ASSERTION_ELEMENT, NONE_ELEMENT, purpose, sbom_type};
use crate::model::Scope;
use crate::sbom::carry::{restore_component, restore_document};
use crate::sbom::document::{
    Completeness, Component, ComponentKind, Deployable, Document, Hash, Party, Phase, Property, Relation, RelationKind,
    Tool,
};
use crate::sbom::{COMPONENTS_MAX, ReadError, text};

/// Makes the document; `unknown` gets relationships and elements that it has no place for.
pub(super) fn document(graph: Graph, unknown: &mut Vec<String>) -> Result<Document, ReadError> {
    let mut sorted = Sorted::default();
    for node in graph.graph {
        sorted.take(node, unknown)?;
    }
    let mut document = sorted.head();
    let mut components: BTreeMap<String, Component> = BTreeMap::new();
    let packages = std::mem::take(&mut sorted.packages);
    for package in packages {
        let id = package.spdx_id.clone();
        components.insert(id, sorted.component(package, unknown));
    }
    let relationships = std::mem::take(&mut sorted.relationships);
    let mut edges = Vec::new();
    for relationship in relationships {
        sorted.relate(&relationship, &mut components, &mut edges, unknown);
    }
    for component in components.values_mut() {
        restore_component(component);
    }
    let name_of = |iri: &str| components.get(iri).map_or_else(|| local(iri), |component| component.id.clone());
    document.root = sorted.root.as_deref().map(name_of);
    document.relations =
        edges.iter().map(|(from, kind, to)| Relation { from: name_of(from), kind: *kind, to: name_of(to) }).collect();
    document.components = components.into_values().collect();
    restore_document(&mut document);
    document.sort();
    Ok(document)
}

/// The part behind the `#`, or the whole.
fn local(iri: &str) -> String {
    iri.rsplit_once('#').map_or(iri, |(_, name)| name).to_owned()
}

/// The elements by what they are.
#[derive(Default)]
struct Sorted {
    creation: Option<CreationInfo>,
    top: Option<Collection>,
    phase: Option<Phase>,
    root: Option<String>,
    parties: BTreeMap<String, Party>,
    tools: BTreeMap<String, String>,
    packages: Vec<Package>,
    files: BTreeMap<String, Package>,
    relationships: Vec<Relationship>,
    expressions: BTreeMap<String, String>,
    texts: BTreeMap<String, String>,
}

impl Sorted {
    fn take(&mut self, node: Node, unknown: &mut Vec<String>) -> Result<(), ReadError> {
        match node {
            Node::CreationInfo(info) => _ = self.creation.get_or_insert(info),
            Node::Organization(agent) | Node::Agent(agent) => self.party(agent, false),
            Node::Person(agent) => self.party(agent, true),
            Node::SoftwareAgent(agent) | Node::Tool(agent) => {
                self.tools.insert(agent.spdx_id, agent.name.unwrap_or_default());
            }
            Node::SpdxDocument(top) => {
                if self.creation.is_none() {
                    self.creation = top.creation_info.as_ref().and_then(inline_creation);
                }
                self.top = Some(top);
            }
            Node::Sbom(sbom) => {
                self.root = sbom.root_element.first().and_then(Link::id).map(str::to_owned);
                self.phase = sbom.sbom_type.first().and_then(|name| phase(name));
            }
            Node::Package(package) => {
                if self.packages.len() >= COMPONENTS_MAX {
                    return Err(ReadError::Limit("there are too many packages"));
                }
                self.packages.push(*package);
            }
            Node::File(file) => _ = self.files.insert(file.spdx_id.clone(), *file),
            Node::Relationship(one) | Node::LifecycleScopedRelationship(one) => self.relationships.push(one),
            Node::LicenseExpression(one) => _ = self.expressions.insert(one.spdx_id, one.expression),
            Node::LicensingText(one) => {
                let name = one.name.filter(|name| !name.is_empty()).unwrap_or_else(|| local(&one.spdx_id));
                if one.text != "NOASSERTION" {
                    self.texts.insert(name, one.text);
                }
            }
            Node::Unknown => unknown.push("@graph[]".to_owned()),
        }
        Ok(())
    }

    fn party(&mut self, agent: Agent, person: bool) {
        let find = |kind: &str| {
            agent
                .external_identifier
                .iter()
                .find(|one| one.external_identifier_type == kind)
                .map(|one| one.identifier.clone())
        };
        let party = Party {
            email: find("email"),
            url: find("urlScheme"),
            name: agent.name.clone().unwrap_or_default(),
            person,
        };
        self.parties.insert(agent.spdx_id, party);
    }

    fn party_of(&self, link: Option<&Link>) -> Option<Party> {
        self.parties.get(link?.id()?).cloned()
    }

    /// The document without its components.
    fn head(&self) -> Document {
        let top = self.top.clone().unwrap_or_default();
        let creation = self.creation.clone().unwrap_or_default();
        let tool =
            creation.created_using.iter().chain(&creation.created_by).find_map(|link| self.tools.get(link.id()?));
        let named = creation.created_using.iter().any(|link| link.id().is_some_and(|id| self.tools.contains_key(id)));
        Document {
            id: top.spdx_id.rsplit_once('#').map_or(top.spdx_id.as_str(), |(base, _)| base).to_owned(),
            name: top.name.unwrap_or_default(),
            created: creation.created,
            tool: tool.filter(|_| named).map(|name| match name.rsplit_once('-') {
                Some((name, version))
                    if !name.is_empty() && version.contains(|letter: char| letter.is_ascii_digit()) =>
                {
                    Tool { name: name.to_owned(), version: Some(version.to_owned()) }
                }
                _ => Tool { name: name.clone(), version: None },
            }),
            creator: creation.created_by.iter().find_map(|link| self.party_of(Some(link))),
            phase: self.phase,
            licence_texts: self.texts.clone(),
            properties: properties(&top.extension),
            ..Document::default()
        }
    }

    fn component(&self, package: Package, unknown: &mut Vec<String>) -> Component {
        let supplier = self.party_of(package.supplied_by.as_ref());
        let author = self.party_of(package.originated_by.first()).filter(|author| supplier.as_ref() != Some(author));
        let mut component = Component {
            id: local(&package.spdx_id),
            kind: package.purpose.as_deref().map_or(ComponentKind::Library, kind),
            name: package.name.unwrap_or_default(),
            version: package.version.filter(|version| !version.is_empty()),
            purl: package.purl,
            supplier,
            author,
            description: package.description,
            copyright: package.copyright,
            hashes: hashes(&package.verified_using),
            homepage: package.homepage,
            download: package.download,
            properties: properties(&package.extension),
            ..Component::default()
        };
        for one in package.external_identifier {
            match one.external_identifier_type.as_str() {
                "packageUrl" => _ = component.purl.get_or_insert(one.identifier),
                "cpe23" | "cpe22" => component.cpes.push(one.identifier),
                other => unknown.push(format!("@graph[].externalIdentifier.{}", text::cut(other, 60))),
            }
        }
        for one in package.external_ref {
            match one.external_ref_type.as_str() {
                "vcs" => component.vcs = one.locator.into_iter().next(),
                other => unknown.push(format!("@graph[].externalRef.{}", text::cut(other, 60))),
            }
        }
        component
    }

    fn relate(
        &self,
        relationship: &Relationship,
        components: &mut BTreeMap<String, Component>,
        edges: &mut Vec<(String, RelationKind, String)>,
        unknown: &mut Vec<String>,
    ) {
        let Some(from) = relationship.from.id() else { return };
        let targets = relationship
            .to
            .iter()
            .filter_map(Link::id)
            .filter(|to| !matches!(*to, NONE_ELEMENT | NO_ASSERTION_ELEMENT));
        let kind = match (relationship.relationship_type.as_str(), relationship.scope.as_deref()) {
            ("contains", _) => RelationKind::Contains,
            ("hasOptionalDependency", _) => RelationKind::DependsOn(Scope::Optional),
            ("dependsOn", Some("development" | "test")) => RelationKind::DependsOn(Scope::Development),
            ("dependsOn", Some("build")) => RelationKind::DependsOn(Scope::Build),
            ("dependsOn", _) => RelationKind::DependsOn(Scope::Runtime),
            ("hasDeclaredLicense", _) => {
                self.licence(relationship, components.get_mut(from), |component| &mut component.declared_licence);
                return;
            }
            ("hasConcludedLicense", _) => {
                self.licence(relationship, components.get_mut(from), |component| &mut component.concluded_licence);
                return;
            }
            ("hasDistributionArtifact", _) => {
                let file = targets.into_iter().find_map(|to| self.files.get(to));
                if let (Some(component), Some(file)) = (components.get_mut(from), file) {
                    component.deployable = Some(deployable(file));
                    if component.hashes.is_empty() {
                        component.hashes = hashes(&file.verified_using);
                    }
                }
                return;
            }
            (other, _) => {
                unknown.push(format!("@graph[].relationshipType.{}", text::cut(other, 60)));
                return;
            }
        };
        edges.extend(targets.map(|to| (from.to_owned(), kind, to.to_owned())));
        let state = match relationship.completeness.as_deref() {
            Some("complete") => Some(Completeness::Complete),
            Some("incomplete") => Some(Completeness::Incomplete),
            Some("noAssertion") => Some(Completeness::Unknown),
            _ => None,
        };
        if let (Some(component), Some(state)) = (components.get_mut(from), state) {
            match kind {
                RelationKind::Contains => component.contents = Some(state),
                RelationKind::DependsOn(Scope::Runtime) => component.dependencies = Some(state),
                RelationKind::DependsOn(_) => {}
            }
        }
    }

    fn licence(
        &self,
        relationship: &Relationship,
        component: Option<&mut Component>,
        field: fn(&mut Component) -> &mut Option<String>,
    ) {
        let text = relationship.to.iter().filter_map(Link::id).find_map(|to| {
            // A listed licence may be named by its own address.
            self.expressions
                .get(to)
                .cloned()
                .or_else(|| to.strip_prefix("https://spdx.org/licenses/").map(str::to_owned))
        });
        if let (Some(component), Some(text)) = (component, text) {
            *field(component) = Some(text);
        }
    }
}

fn inline_creation(link: &Link) -> Option<CreationInfo> {
    match link {
        Link::Id(_) => None,
        Link::Inline(value) => serde_json::from_value::<CreationInfo>(value.clone()).ok(),
    }
}

fn phase(name: &str) -> Option<Phase> {
    [Phase::Design, Phase::PreBuild, Phase::Build, Phase::PostBuild, Phase::Operations, Phase::Decommission]
        .into_iter()
        .find(|phase| sbom_type(*phase).0 == name)
}

fn kind(name: &str) -> ComponentKind {
    use ComponentKind as Kind;
    [
        Kind::Container,
        Kind::OperatingSystem,
        Kind::Library,
        Kind::Application,
        Kind::Framework,
        Kind::DeviceDriver,
        Kind::Firmware,
        Kind::File,
        Kind::Data,
    ]
    .into_iter()
    .find(|kind| purpose(*kind).0 == name)
    .unwrap_or(Kind::Other)
}

fn properties(extensions: &[Extension]) -> Vec<Property> {
    let entries = extensions.iter().flat_map(|extension| &extension.properties);
    entries.map(|entry| Property::new(entry.name.clone(), entry.value.clone())).collect()
}

fn hashes(hashes: &[super::types::Hash]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash { algorithm: algorithm(&hash.algorithm), value: hash.hash_value.clone() }).collect()
}

/// The spellings of algorithms: ours and SPDX's.
const ALGORITHMS: &[(&str, &str)] = &[
    ("MD5", "md5"),
    ("SHA-1", "sha1"),
    ("SHA-224", "sha224"),
    ("SHA-256", "sha256"),
    ("SHA-384", "sha384"),
    ("SHA-512", "sha512"),
    ("SHA3-256", "sha3_256"),
    ("SHA3-384", "sha3_384"),
    ("SHA3-512", "sha3_512"),
    ("BLAKE2b-256", "blake2b256"),
    ("BLAKE2b-384", "blake2b384"),
    ("BLAKE2b-512", "blake2b512"),
    ("BLAKE3", "blake3"),
];

fn algorithm(name: &str) -> String {
    ALGORITHMS.iter().find(|(_, theirs)| *theirs == name).map_or(name, |(ours, _)| ours).to_owned()
}

/// An algorithm in SPDX's spelling.
pub(super) fn algorithm_name(name: &str) -> String {
    ALGORITHMS.iter().find(|(ours, _)| *ours == name).map_or("other", |(_, theirs)| theirs).to_owned()
}

fn deployable(file: &Package) -> Deployable {
    let has =
        |name: &str| file.additional_purpose.iter().any(|one| one == name) || file.purpose.as_deref() == Some(name);
    Deployable {
        name: file.name.clone().unwrap_or_default(),
        executable: has("executable"),
        archive: has("archive"),
        structured: has("container"),
    }
}
