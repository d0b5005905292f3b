//! A document as SPDX 3.0.1 elements.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{
    Agent, Collection, CreationInfo, DictionaryEntry, Entry, Extension, ExternalIdentifier, ExternalRef, Graph, Hash,
    LicenceExpression, LicenceText, Link, Node, Package, Relationship,
};
use super::{CONTEXT, CREATION, NO_ASSERTION_ELEMENT, NONE_ELEMENT, dependency, purpose, sbom_type};
use crate::model::Scope;
use crate::sbom::carry::{component_properties, document_properties};
use crate::sbom::document::{Completeness, Component, Document, Hash as Checksum, Party, Property, RelationKind};
use crate::sbom::identity::{document_id, format_time, safe_id, short_hash, utc_seconds};
use crate::sbom::{licence, text};

/// Makes the elements; what they cannot hold exactly goes into extensions.
pub(super) fn graph(document: &Document) -> Graph {
    let base = if text::is_iri(&document.id) && !document.id.contains('#') {
        document.id.clone()
    } else {
        document_id(&[&document.id])
    };
    let mut writer = Writer { document, base, agents: BTreeMap::new(), expressions: BTreeMap::new() };
    let mut inside: Vec<Node> = Vec::new();
    for component in &document.components {
        writer.component(component, &mut inside);
    }
    writer.relations(&mut inside);
    let creation = writer.creation();
    let sbom = writer.sbom(&inside);
    let mut outside = writer.parties();
    writer.licences(&mut outside);
    let top = writer.top(&sbom, &outside);
    let mut graph = vec![Node::CreationInfo(creation), Node::SpdxDocument(top), Node::Sbom(sbom)];
    graph.extend(outside);
    graph.extend(inside);
    Graph { context: CONTEXT.to_owned(), graph }
}

struct Writer<'a> {
    document: &'a Document,
    base: String,
    /// Everybody who is named, by id.
    agents: BTreeMap<String, &'a Party>,
    /// Every expression in use, by id.
    expressions: BTreeMap<String, String>,
}

fn creation() -> Option<Link> {
    Some(Link::Id(CREATION.to_owned()))
}

impl<'a> Writer<'a> {
    fn iri(&self, id: &str) -> String {
        format!("{}#{}", self.base, safe_id(id))
    }

    fn agent(&mut self, party: &'a Party) -> Link {
        let id = format!("{}#agent-{}", self.base, short_hash(&format!("{party:?}")));
        self.agents.insert(id.clone(), party);
        Link::Id(id)
    }

    fn expression(&mut self, text: &str) -> Link {
        let id = format!("{}#licence-{}", self.base, short_hash(text));
        self.expressions.insert(id.clone(), text.to_owned());
        Link::Id(id)
    }

    fn creation(&mut self) -> CreationInfo {
        let by = match &self.document.creator {
            Some(creator) => self.agent(creator),
            None => Link::Id(self.iri("agent-software")),
        };
        CreationInfo {
            id: Some(CREATION.to_owned()),
            spec_version: "3.0.1".to_owned(),
            created: utc_seconds(&self.document.created).unwrap_or_else(|| format_time(0)),
            created_by: vec![by],
            created_using: self.document.tool.iter().map(|_| Link::Id(self.iri("tool"))).collect(),
        }
    }

    fn tool_name(&self) -> String {
        match &self.document.tool {
            Some(tool) => match &tool.version {
                Some(version) => format!("{}-{version}", tool.name),
                None => tool.name.clone(),
            },
            None => "imgguard".to_owned(),
        }
    }

    /// Everybody who is named, and the program.
    fn parties(&self) -> Vec<Node> {
        let program = |id: &str| Agent {
            spdx_id: self.iri(id),
            creation_info: creation(),
            name: Some(self.tool_name()),
            ..Agent::default()
        };
        let mut nodes = Vec::new();
        if self.document.tool.is_some() {
            nodes.push(Node::Tool(program("tool")));
        }
        if self.document.creator.is_none() {
            nodes.push(Node::SoftwareAgent(program("agent-software")));
        }
        for (id, party) in &self.agents {
            let mut names = Vec::new();
            names.extend(party.email.as_deref().map(|mail| identifier("email", mail)));
            names.extend(party.url.as_deref().map(|url| identifier("urlScheme", url)));
            let agent = Agent {
                spdx_id: id.clone(),
                creation_info: creation(),
                name: Some(party.name.clone()),
                external_identifier: names,
                extension: Vec::new(),
            };
            nodes.push(if party.person { Node::Person(agent) } else { Node::Organization(agent) });
        }
        nodes
    }

    fn licences(&mut self, nodes: &mut Vec<Node>) {
        // The licence of the document's own data.
        self.expression("CC0-1.0");
        let document = self.document;
        let mut names: BTreeSet<&str> = document.licence_texts.keys().map(String::as_str).collect();
        let used: Vec<Vec<String>> = self.expressions.values().map(|text| licence::references(text)).collect();
        names.extend(used.iter().flatten().map(String::as_str));
        for (id, expression) in &self.expressions {
            let custom_ids = licence::references(expression)
                .into_iter()
                .map(|name| DictionaryEntry { node: "DictionaryEntry".to_owned(), value: self.iri(&name), key: name })
                .collect();
            nodes.push(Node::LicenseExpression(LicenceExpression {
                spdx_id: id.clone(),
                creation_info: creation(),
                expression: expression.clone(),
                custom_ids,
            }));
        }
        for name in names {
            nodes.push(Node::LicensingText(LicenceText {
                spdx_id: self.iri(name),
                creation_info: creation(),
                name: Some(name.to_owned()),
                text: document.licence_texts.get(name).cloned().unwrap_or_else(|| "NOASSERTION".to_owned()),
            }));
        }
    }

    fn top(&self, sbom: &Collection, outside: &[Node]) -> Collection {
        let mut element = vec![Link::Id(sbom.spdx_id.clone())];
        element.extend(outside.iter().filter_map(id_of).map(Link::from));
        let document = self.document;
        let tool_fits = document.tool.as_ref().is_some_and(|tool| {
            !tool.name.is_empty()
                && tool.version.as_deref().is_some_and(|version| !version.is_empty() && !version.contains('-'))
        });
        let exact = |field: &str| match field {
            "document-id" => self.base == document.id,
            "document-name" | "creator" => true,
            "created" => utc_seconds(&document.created).as_deref() == Some(document.created.as_str()),
            "tool" => tool_fits,
            "phase" => document.phase.is_some_and(|phase| sbom_type(phase).1),
            "licence-texts" => document.licence_texts.iter().all(|(_, text)| text != "NOASSERTION"),
            _ => false,
        };
        Collection {
            spdx_id: self.iri("document"),
            creation_info: creation(),
            name: Some(document.name.clone()),
            data_license: Some(Link::Id(format!("{}#licence-{}", self.base, short_hash("CC0-1.0")))),
            // The published context reads `extension` here as the field of that name, so it is not claimed.
            profile_conformance: ["core", "simpleLicensing", "software"].map(str::to_owned).to_vec(),
            root_element: vec![Link::Id(sbom.spdx_id.clone())],
            element,
            extension: extension(document_properties(document, exact)),
            ..Collection::default()
        }
    }

    fn sbom(&self, inside: &[Node]) -> Collection {
        let root = self.document.root.as_deref().map(|root| self.iri(root));
        let element: Vec<Link> = inside.iter().filter_map(id_of).map(Link::from).collect();
        Collection {
            spdx_id: self.iri("sbom"),
            creation_info: creation(),
            sbom_type: self.document.phase.map(|phase| sbom_type(phase).0.to_owned()).into_iter().collect(),
            root_element: root.map(Link::Id).into_iter().collect(),
            element,
            ..Collection::default()
        }
    }

    fn component(&mut self, component: &'a Component, nodes: &mut Vec<Node>) {
        let id = self.iri(&component.id);
        let expression = |text: &Option<String>| text.clone().filter(|text| licence::is_expression(text));
        let declared = expression(&component.declared_licence);
        let concluded = expression(&component.concluded_licence);
        let uri = |text: &Option<String>| text.clone().filter(|text| text::is_iri(text));
        let purl = component.purl.clone().filter(|purl| text::is_iri(purl) && purl.starts_with("pkg:"));
        let same = component.author.is_some() && component.author == component.supplier;
        let exact = |field: &str| match field {
            "id" => safe_id(&component.id) == component.id,
            "kind" => purpose(component.kind).1,
            "name" => !component.name.is_empty(),
            "version" => component.version.as_deref().is_some_and(|version| !version.is_empty()),
            "purl" => purl.is_some(),
            "cpes" => component.cpes.iter().all(|cpe| text::is_cpe23(cpe)),
            "supplier" => component.supplier.as_ref().is_some_and(|party| !party.name.is_empty()),
            "author" => !same && component.author.as_ref().is_some_and(|party| !party.name.is_empty()),
            "description" => component.description.is_some(),
            "copyright" => component.copyright.is_some(),
            "declared-licence" => declared.is_some(),
            "concluded-licence" => concluded.is_some(),
            "hashes" => component.hashes.iter().all(Checksum::fits),
            "homepage" => uri(&component.homepage).is_some(),
            "download" => uri(&component.download).is_some(),
            "vcs" => uri(&component.vcs).is_some(),
            "contents" | "dependencies" => true,
            "deployable" => component.deployable.as_ref().is_some_and(|file| !file.name.is_empty()),
            _ => false,
        };
        let properties = component_properties(component, exact);
        let supplied_by = component.supplier.as_ref().map(|party| self.agent(party));
        let originated_by = component.author.as_ref().or(component.supplier.as_ref()).map(|party| self.agent(party));
        let hashes: Vec<Hash> = component.hashes.iter().filter(|hash| hash.fits()).map(hash).collect();
        let mut names: Vec<ExternalIdentifier> = purl.iter().map(|purl| identifier("packageUrl", purl)).collect();
        names.extend(component.cpes.iter().filter(|cpe| text::is_cpe23(cpe)).map(|cpe| identifier("cpe23", cpe)));
        nodes.push(Node::Package(Box::new(Package {
            spdx_id: id.clone(),
            creation_info: creation(),
            name: Some(if component.name.is_empty() { "-".to_owned() } else { component.name.clone() }),
            description: component.description.clone(),
            version: component.version.clone(),
            purl,
            download: uri(&component.download),
            homepage: uri(&component.homepage),
            source_info: source_info(component),
            purpose: Some(purpose(component.kind).0.to_owned()),
            copyright: component.copyright.clone(),
            supplied_by,
            originated_by: originated_by.into_iter().collect(),
            verified_using: hashes.clone(),
            external_identifier: names,
            external_ref: uri(&component.vcs)
                .map(|url| ExternalRef {
                    node: "ExternalRef".to_owned(),
                    external_ref_type: "vcs".to_owned(),
                    locator: vec![url],
                })
                .into_iter()
                .collect(),
            extension: extension(properties),
            ..Package::default()
        })));
        for (kind, text) in [("hasDeclaredLicense", declared), ("hasConcludedLicense", concluded)] {
            if let Some(text) = text {
                let to = vec![self.expression(&text)];
                nodes.push(relationship(&id, kind, None, to, None));
            }
        }
        if let Some(file) = &component.deployable {
            let file_id = format!("{id}-file");
            let purposes = [(file.archive, "archive"), (file.structured, "container"), (file.executable, "executable")];
            let mut additional: Vec<String> =
                purposes.iter().filter(|(is, _)| *is).map(|(_, name)| (*name).to_owned()).collect();
            if !file.structured {
                additional.push("firmware".to_owned());
            }
            nodes.push(Node::File(Box::new(Package {
                spdx_id: file_id.clone(),
                creation_info: creation(),
                name: Some(if file.name.is_empty() { "-".to_owned() } else { file.name.clone() }),
                additional_purpose: additional,
                verified_using: hashes,
                ..Package::default()
            })));
            nodes.push(relationship(&id, "hasDistributionArtifact", None, vec![Link::Id(file_id)], None));
        }
    }

    /// One relationship per component, kind and scope; those whose completeness is known even when they lead nowhere.
    fn relations(&self, nodes: &mut Vec<Node>) {
        let mut groups: BTreeMap<(&str, RelationKind), Vec<Link>> = BTreeMap::new();
        for component in &self.document.components {
            if component.contents.is_some() {
                groups.entry((&component.id, RelationKind::Contains)).or_default();
            }
            if component.dependencies.is_some() {
                groups.entry((&component.id, RelationKind::DependsOn(Scope::Runtime))).or_default();
            }
        }
        for relation in &self.document.relations {
            groups.entry((&relation.from, relation.kind)).or_default().push(Link::Id(self.iri(&relation.to)));
        }
        let states: BTreeMap<&str, &Component> =
            self.document.components.iter().map(|component| (component.id.as_str(), component)).collect();
        for ((from, kind), mut to) in groups {
            let component = states.get(from);
            let state = component.and_then(|component| match kind {
                RelationKind::Contains => component.contents,
                RelationKind::DependsOn(Scope::Runtime) => component.dependencies,
                RelationKind::DependsOn(_) => None,
            });
            if to.is_empty() {
                let end = if state == Some(Completeness::Complete) { NONE_ELEMENT } else { NO_ASSERTION_ELEMENT };
                to.push(Link::Id(end.to_owned()));
            }
            let state = state.map(|state| {
                match state {
                    Completeness::Complete => "complete",
                    Completeness::Incomplete => "incomplete",
                    Completeness::Unknown => "noAssertion",
                }
                .to_owned()
            });
            let (name, scope) = match kind {
                RelationKind::Contains => ("contains", None),
                RelationKind::DependsOn(scope) => {
                    let (name, scope) = dependency(scope);
                    (name, Some(scope))
                }
            };
            nodes.push(relationship(&self.iri(from), name, scope, to, state));
        }
    }
}

fn relationship(from: &str, kind: &str, scope: Option<&str>, to: Vec<Link>, completeness: Option<String>) -> Node {
    let of_scope = scope.filter(|scope| *scope != "runtime").map(|scope| format!("-{scope}")).unwrap_or_default();
    let relationship = Relationship {
        spdx_id: format!("{from}-{kind}{of_scope}"),
        creation_info: creation(),
        from: Link::Id(from.to_owned()),
        relationship_type: kind.to_owned(),
        to,
        completeness,
        scope: scope.map(str::to_owned),
    };
    if scope.is_some() { Node::LifecycleScopedRelationship(relationship) } else { Node::Relationship(relationship) }
}

fn id_of(node: &Node) -> Option<String> {
    Some(match node {
        Node::Organization(one) | Node::Person(one) | Node::SoftwareAgent(one) | Node::Agent(one) | Node::Tool(one) => {
            one.spdx_id.clone()
        }
        Node::SpdxDocument(one) | Node::Sbom(one) => one.spdx_id.clone(),
        Node::Package(one) | Node::File(one) => one.spdx_id.clone(),
        Node::Relationship(one) | Node::LifecycleScopedRelationship(one) => one.spdx_id.clone(),
        Node::LicenseExpression(one) => one.spdx_id.clone(),
        Node::LicensingText(one) => one.spdx_id.clone(),
        Node::CreationInfo(_) | Node::Unknown => return None,
    })
}

fn identifier(kind: &str, text: &str) -> ExternalIdentifier {
    ExternalIdentifier {
        node: "ExternalIdentifier".to_owned(),
        external_identifier_type: kind.to_owned(),
        identifier: text.to_owned(),
    }
}

fn hash(hash: &Checksum) -> Hash {
    Hash {
        node: "Hash".to_owned(),
        algorithm: super::read::algorithm_name(&hash.algorithm),
        hash_value: hash.value.clone(),
    }
}

fn extension(properties: Vec<Property>) -> Vec<Extension> {
    if properties.is_empty() {
        return Vec::new();
    }
    let entry = |property: Property| Entry {
        node: "extension_CdxPropertyEntry".to_owned(),
        name: property.name,
        value: property.value,
    };
    vec![Extension {
        node: "extension_CdxPropertiesExtension".to_owned(),
        properties: properties.into_iter().map(entry).collect(),
    }]
}

/// Where the package was found, for people.
fn source_info(component: &Component) -> Option<String> {
    let best = component.evidence.first()?;
    let inside = if best.inside.is_empty() { String::new() } else { format!("!/{}", best.inside) };
    let layer = best.layer.map(|layer| format!(" of layer {layer}")).unwrap_or_default();
    Some(text::readable(&format!("found in {}{inside}{layer}", best.path)).into_owned())
}
