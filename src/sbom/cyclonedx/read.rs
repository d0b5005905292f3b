//! `CycloneDX` objects as a document.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{Bom, Contact, ExternalReference, LicenceChoice, Organisation, Part, Tools};
use super::{AGGREGATES, Encoding, EvidenceContext, kind_name, phase_name};
use crate::model::Scope;
use crate::sbom::carry::{relation_of, restore_component, restore_document};
use crate::sbom::document::{
    Completeness, Component, ComponentKind, Deployable, Document, Evidence, Hash, Party, Phase, Presence, Property,
    Relation, RelationKind, Tool,
};
use crate::sbom::{COMPONENTS_MAX, ReadError, licence, text};

/// Depth of components inside components.
const DEPTH_MAX: usize = 64;

/// Makes the document; fields carried as properties are put in their places.
pub(super) fn document(bom: Bom, encoding: Encoding) -> Result<Document, ReadError> {
    let mut reader =
        Reader { encoding, document: Document::default(), told: BTreeSet::new(), renamed: BTreeMap::new() };
    let metadata = bom.metadata;
    reader.document.id = bom.serial_number.unwrap_or_default();
    reader.document.created = metadata.timestamp.unwrap_or_default();
    reader.document.tool = tool(metadata.tools);
    reader.document.creator = metadata
        .manufacturer
        .and_then(organisation)
        .or_else(|| metadata.supplier.and_then(organisation))
        .or_else(|| metadata.authors.into_iter().find_map(contact));
    reader.document.phase = metadata.lifecycles.iter().find_map(|one| phase(one.phase.as_deref()?));
    reader.document.properties = reader.properties(metadata.properties.into_iter().map(|one| (one.name, one.value)));
    if let Some(root) = metadata.component {
        reader.document.root = Some(reader.part(root, None, 0)?);
    }
    for part in bom.components {
        reader.part(part, None, 0)?;
    }
    reader.compositions(
        &bom.compositions.into_iter().map(|one| (one.aggregate, one.assemblies, one.dependencies)).collect::<Vec<_>>(),
    );
    for edges in bom.dependencies {
        for to in edges.depends_on {
            if !reader.told.contains(&(edges.reference.clone(), to.clone())) {
                let kind = RelationKind::DependsOn(Scope::Runtime);
                reader.document.relations.push(Relation { from: edges.reference.clone(), kind, to });
            }
        }
    }
    let renamed = reader.renamed;
    let mut document = reader.document;
    let rename = |id: &mut String| {
        if let Some(other) = renamed.get(id) {
            id.clone_from(other);
        }
    };
    document.root.iter_mut().for_each(rename);
    for relation in &mut document.relations {
        rename(&mut relation.from);
        rename(&mut relation.to);
    }
    restore_document(&mut document);
    if document.name.is_empty() {
        document.name = document.root_component().map(|root| root.name.clone()).unwrap_or_default();
    }
    document.sort();
    Ok(document)
}

fn tool(tools: Option<Tools>) -> Option<Tool> {
    match tools? {
        Tools::Parts { components } => {
            components.into_iter().next().map(|part| Tool { name: part.name, version: part.version })
        }
        Tools::Old(list) => {
            let first = list.into_iter().next()?;
            Some(Tool { name: first.name.or(first.vendor)?, version: first.version })
        }
    }
}

fn phase(name: &str) -> Option<Phase> {
    [
        Phase::Design,
        Phase::PreBuild,
        Phase::Build,
        Phase::PostBuild,
        Phase::Operations,
        Phase::Discovery,
        Phase::Decommission,
    ]
    .into_iter()
    .find(|phase| phase_name(*phase) == name)
}

fn organisation(organisation: Organisation) -> Option<Party> {
    let email = organisation.contact.into_iter().find_map(|contact| contact.email);
    let url = organisation.url.into_iter().next();
    let name = organisation.name.or_else(|| email.clone()).or_else(|| url.clone())?;
    Some(Party { name, email, url, person: false })
}

fn contact(contact: Contact) -> Option<Party> {
    let name = contact.name.or_else(|| contact.email.clone())?;
    Some(Party { name, email: contact.email, url: None, person: true })
}

struct Reader {
    encoding: Encoding,
    document: Document,
    /// Pairs whose relation a property has told.
    told: BTreeSet<(String, String)>,
    /// Ids in the file that stand for others.
    renamed: BTreeMap<String, String>,
}

impl Reader {
    fn properties(&self, pairs: impl Iterator<Item = (String, String)>) -> Vec<Property> {
        let plain = |text: String| match self.encoding {
            Encoding::Json => text,
            Encoding::Xml => text::unwrap(&text),
        };
        pairs.map(|(name, value)| Property::new(plain(name), plain(value))).collect()
    }

    /// Takes a component and those inside it; returns its id.
    fn part(&mut self, part: Part, parent: Option<&str>, depth: usize) -> Result<String, ReadError> {
        if depth > DEPTH_MAX {
            return Err(ReadError::Limit("components lie too deep inside each other"));
        }
        if self.document.components.len() >= COMPONENTS_MAX {
            return Err(ReadError::Limit("there are too many components"));
        }
        let mut properties = self.properties(part.properties.into_iter().map(|one| (one.name, one.value)));
        let deployable = deployable(&mut properties);
        let (declared, concluded) = licences(part.licenses);
        let supplier = part.supplier.and_then(organisation);
        let author = part.authors.into_iter().find_map(contact).or_else(|| person(part.author));
        let manufacturer = part.manufacturer.and_then(organisation);
        let publisher = part.publisher.map(|name| Party { name, ..Party::default() });
        let addresses = Addresses::of(part.external_references);
        let mut component = Component {
            id: part.bom_ref.unwrap_or_else(|| format!("component-{}", self.document.components.len())),
            kind: kind(&part.kind),
            name: match part.group {
                Some(group) if !group.is_empty() => format!("{group}/{}", part.name),
                _ => part.name,
            },
            version: part.version.filter(|version| !version.is_empty()),
            purl: part.purl,
            cpes: part.cpe.into_iter().collect(),
            supplier: supplier.or(publisher).or(if author.is_none() { manufacturer } else { None }),
            author,
            description: part.description,
            copyright: part.copyright,
            declared_licence: declared,
            concluded_licence: concluded,
            hashes: part.hashes.into_iter().map(|hash| Hash { algorithm: hash.alg, value: hash.content }).collect(),
            homepage: addresses.homepage,
            download: addresses.download,
            vcs: addresses.vcs,
            presence: if part.scope.as_deref() == Some("excluded") { Presence::Removed } else { Presence::Installed },
            evidence: part
                .evidence
                .map(|evidence| evidence.occurrences.into_iter().map(occurrence).collect())
                .unwrap_or_default(),
            deployable,
            ..Component::default()
        };
        for property in properties {
            match relation_of(&property) {
                Some((from, kind)) => {
                    self.told.insert((from.clone(), component.id.clone()));
                    self.document.relations.push(Relation { from, kind, to: component.id.clone() });
                }
                None => component.properties.push(property),
            }
        }
        let id = component.id.clone();
        restore_component(&mut component);
        if component.id != id {
            self.renamed.insert(id.clone(), component.id.clone());
        }
        if let Some(parent) = parent {
            self.document.relations.push(Relation {
                from: parent.to_owned(),
                kind: RelationKind::Contains,
                to: id.clone(),
            });
        }
        self.document.components.push(component);
        for inner in part.components {
            self.part(inner, Some(&id), depth + 1)?;
        }
        Ok(id)
    }

    fn compositions(&mut self, all: &[(String, Vec<String>, Vec<String>)]) {
        let mut contents: BTreeMap<String, Completeness> = BTreeMap::new();
        let mut dependencies: BTreeMap<String, Completeness> = BTreeMap::new();
        for (aggregate, assemblies, edges) in all {
            let state = AGGREGATES.iter().find(|(_, name)| name == aggregate).map(|(state, _)| *state);
            let state = match aggregate.as_str() {
                "incomplete_first_party_only" | "incomplete_third_party_only" => Some(Completeness::Incomplete),
                "not_specified" => Some(Completeness::Unknown),
                _ => state,
            };
            let Some(state) = state else { continue };
            let id = |id: &'_ String| self.renamed.get(id).unwrap_or(id).clone();
            contents.extend(assemblies.iter().map(|one| (id(one), state)));
            dependencies.extend(edges.iter().map(|one| (id(one), state)));
        }
        for component in &mut self.document.components {
            component.contents = contents.get(component.id.as_str()).copied();
            component.dependencies = dependencies.get(component.id.as_str()).copied();
        }
    }
}

fn person(name: Option<String>) -> Option<Party> {
    name.filter(|name| !name.is_empty()).map(|name| Party { name, person: true, ..Party::default() })
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
    .find(|kind| kind_name(*kind).0 == name)
    .unwrap_or(Kind::Other)
}

/// Takes the properties that BSI TR-03183-2 defines.
fn deployable(properties: &mut Vec<Property>) -> Option<Deployable> {
    let mut file = Deployable::default();
    let mut named = false;
    properties.retain(|property| {
        match (property.name.as_str(), property.value.as_str()) {
            ("bsi:component:filename", name) => {
                name.clone_into(&mut file.name);
                named = true;
            }
            ("bsi:component:executable", value) => file.executable = value == "executable",
            ("bsi:component:archive", value) => file.archive = value == "archive",
            ("bsi:component:structured", value) => file.structured = value == "structured",
            _ => return true,
        }
        false
    });
    named.then_some(file)
}

/// The declared and the concluded licence. Without a word on which it is, a licence counts as declared.
fn licences(choices: Vec<LicenceChoice>) -> (Option<String>, Option<String>) {
    let mut declared = Vec::new();
    let mut concluded = Vec::new();
    for choice in choices {
        let said =
            choice.acknowledgement.or_else(|| choice.license.as_ref().and_then(|one| one.acknowledgement.clone()));
        let text = choice.expression.or_else(|| choice.license.and_then(|one| one.id.or(one.name)));
        let list = if said.as_deref() == Some("concluded") { &mut concluded } else { &mut declared };
        list.extend(text.filter(|text| !text.is_empty()));
    }
    (joined(declared), joined(concluded))
}

/// Several licences all apply.
fn joined(mut texts: Vec<String>) -> Option<String> {
    if texts.len() <= 1 {
        return texts.pop();
    }
    let part =
        |text: String| if licence::is_expression(&text) && text.contains(" OR ") { format!("({text})") } else { text };
    Some(texts.into_iter().map(part).collect::<Vec<_>>().join(" AND "))
}

#[derive(Default)]
struct Addresses {
    homepage: Option<String>,
    download: Option<String>,
    vcs: Option<String>,
}

impl Addresses {
    fn of(references: Vec<ExternalReference>) -> Self {
        let mut found = Self::default();
        for reference in references {
            let slot = match reference.kind.as_str() {
                "website" => &mut found.homepage,
                "distribution" if reference.comment.as_deref() != Some(super::IN_THE_IMAGE) => &mut found.download,
                "vcs" => &mut found.vcs,
                _ => continue,
            };
            slot.get_or_insert(reference.url);
        }
        found
    }
}

fn occurrence(occurrence: super::types::Occurrence) -> Evidence {
    let context =
        occurrence.additional_context.as_deref().and_then(|text| serde_json::from_str::<EvidenceContext>(text).ok());
    let context = context.unwrap_or_default();
    let path = match occurrence.location.strip_suffix(&format!("!/{}", context.inside)) {
        Some(path) if !context.inside.is_empty() => path.to_owned(),
        _ => occurrence.location,
    };
    Evidence {
        path,
        inside: context.inside,
        layer: context.layer,
        diff_id: context.diff_id,
        found_by: context.found_by,
        method: context.method,
    }
}
