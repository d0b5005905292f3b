//! A document as `CycloneDX` objects.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{
    Bom, Checksum, Composition, Contact, Edges, ExternalReference, Identity, IdentityMethod, LicenceChoice, Lifecycle,
    Metadata, NameValue, NamedLicence, Occurrence, Organisation, Part, PartEvidence, Tools,
};
use super::{Encoding, Version, is_serial, kind_name, phase_name};
use crate::model::Method;
use crate::sbom::carry::{component_properties, document_properties, relation_property};
use crate::sbom::document::{
    Completeness, Component, ComponentKind, Document, Evidence, Hash, Party, Presence, Property,
};
use crate::sbom::identity::{document_id, safe_id, utc_seconds};
use crate::sbom::{licence, text};

/// Longest version that the schema admits.
const VERSION_MAX: usize = 1024;

/// Makes the objects; what they cannot hold exactly becomes properties.
pub(super) fn bom(document: &Document, version: Version, encoding: Encoding) -> Bom {
    let renamed = with_safe_ids(document, encoding);
    let document = renamed.as_ref().unwrap_or(document);
    let writer = Writer { version, encoding };
    let mut extra: BTreeMap<&str, Vec<Property>> = BTreeMap::new();
    let mut edges: BTreeMap<&str, BTreeSet<&str>> =
        document.components.iter().map(|component| (component.id.as_str(), BTreeSet::new())).collect();
    let mut plain: BTreeSet<(&str, &str)> = BTreeSet::new();
    for relation in &document.relations {
        edges.entry(&relation.from).or_default().insert(&relation.to);
        match relation_property(&relation.from, relation.kind) {
            Some(property) => extra.entry(&relation.to).or_default().push(property),
            None => _ = plain.insert((&relation.from, &relation.to)),
        }
    }
    // A plain dependency beside another relation of the same two components has to be told apart from its absence.
    for relation in &document.relations {
        let pair = (relation.from.as_str(), relation.to.as_str());
        if relation_property(&relation.from, relation.kind).is_some() && plain.remove(&pair) {
            extra
                .entry(&relation.to)
                .or_default()
                .push(Property::new("imgguard:needed-by", format!("runtime {}", pair.0)));
        }
    }
    let part =
        |component: &Component| writer.part(component, extra.get(component.id.as_str()).map_or(&[], Vec::as_slice));
    let root = document.root.as_deref();
    Bom {
        schema: (encoding == Encoding::Json)
            .then(|| format!("http://cyclonedx.org/schema/bom-{}.schema.json", version.name())),
        bom_format: "CycloneDX".to_owned(),
        spec_version: version.name().to_owned(),
        serial_number: Some(if is_serial(&document.id) { document.id.clone() } else { document_id(&[&document.id]) }),
        version: 1,
        metadata: writer.metadata(document, document.root_component().map(part)),
        components: document
            .components
            .iter()
            .filter(|component| Some(component.id.as_str()) != root)
            .map(part)
            .collect(),
        dependencies: edges
            .into_iter()
            .map(|(from, to)| Edges {
                reference: from.to_owned(),
                depends_on: to.into_iter().map(str::to_owned).collect(),
            })
            .collect(),
        compositions: compositions(document),
    }
}

/// The document with other ids where one cannot be a reference; none when all can. The true id is carried.
fn with_safe_ids(document: &Document, encoding: Encoding) -> Option<Document> {
    let fits = |id: &str| {
        let plain = encoding == Encoding::Json || text::is_plain(id);
        plain && !id.is_empty() && !id.starts_with("urn:cdx:")
    };
    let other: BTreeMap<&str, String> = document
        .components
        .iter()
        .filter(|component| !fits(&component.id))
        .map(|component| (component.id.as_str(), safe_id(&component.id)))
        .collect();
    if other.is_empty() {
        return None;
    }
    let mut renamed = document.clone();
    for component in &mut renamed.components {
        if let Some(id) = other.get(component.id.as_str()) {
            component.properties.push(Property::new("imgguard:id", std::mem::replace(&mut component.id, id.clone())));
        }
    }
    let rename = |id: &mut String| {
        if let Some(other) = other.get(id.as_str()) {
            id.clone_from(other);
        }
    };
    renamed.root.iter_mut().for_each(rename);
    for relation in &mut renamed.relations {
        rename(&mut relation.from);
        rename(&mut relation.to);
    }
    Some(renamed)
}

fn compositions(document: &Document) -> Vec<Composition> {
    let mut all = Vec::new();
    for (state, aggregate) in super::AGGREGATES {
        let ids = |of: fn(&Component) -> Option<Completeness>| -> Vec<String> {
            let mut ids: Vec<String> = document
                .components
                .iter()
                .filter(|component| of(component) == Some(*state))
                .map(|component| component.id.clone())
                .collect();
            ids.sort();
            ids
        };
        let assemblies = ids(|component| component.contents);
        let dependencies = ids(|component| component.dependencies);
        if !assemblies.is_empty() {
            all.push(Composition { aggregate: (*aggregate).to_owned(), assemblies, ..Composition::default() });
        }
        if !dependencies.is_empty() {
            all.push(Composition { aggregate: (*aggregate).to_owned(), dependencies, ..Composition::default() });
        }
    }
    all
}

struct Writer {
    version: Version,
    encoding: Encoding,
}

impl Writer {
    /// Whether the encoding holds the text as it is.
    fn holds(&self, text: &str) -> bool {
        self.encoding == Encoding::Json || text::is_plain(text)
    }

    /// The text, or something readable in its place.
    fn text(&self, text: &str) -> String {
        match self.encoding {
            Encoding::Json => text.to_owned(),
            Encoding::Xml => text::readable(text).into_owned(),
        }
    }

    fn properties(&self, properties: Vec<Property>, extra: &[Property]) -> Vec<NameValue> {
        let mut all: Vec<Property> = properties;
        all.extend_from_slice(extra);
        all.sort();
        let wrap = |text: String| match self.encoding {
            Encoding::Json => text,
            Encoding::Xml => text::wrap(&text).into_owned(),
        };
        all.into_iter().map(|property| NameValue { name: wrap(property.name), value: wrap(property.value) }).collect()
    }

    fn metadata(&self, document: &Document, root: Option<Part>) -> Metadata {
        let created = utc_seconds(&document.created);
        let exact = |field: &str| match field {
            "document-id" => is_serial(&document.id),
            "created" => created.as_deref() == Some(document.created.as_str()),
            "tool" => document.tool.as_ref().is_some_and(|tool| {
                self.holds(&tool.name) && tool.version.as_deref().is_none_or(|version| self.holds(version))
            }),
            "creator" => document.creator.as_ref().is_some_and(|creator| self.holds_organisation(creator)),
            "phase" => true,
            _ => false,
        };
        let tool = document.tool.as_ref().map(|tool| Tools::Parts {
            components: vec![Part {
                kind: "application".to_owned(),
                name: self.text(&tool.name),
                version: tool.version.as_deref().map(|version| self.text(version)),
                ..Part::default()
            }],
        });
        Metadata {
            timestamp: created.clone(),
            lifecycles: document
                .phase
                .map(|phase| Lifecycle { phase: Some(phase_name(phase).to_owned()), name: None })
                .into_iter()
                .collect(),
            tools: tool,
            authors: Vec::new(),
            component: root,
            manufacturer: document.creator.as_ref().map(|party| self.organisation(party)),
            supplier: None,
            licenses: vec![LicenceChoice {
                license: Some(NamedLicence { id: Some("CC0-1.0".to_owned()), ..NamedLicence::default() }),
                ..LicenceChoice::default()
            }],
            properties: self.properties(document_properties(document, exact), &[]),
        }
    }

    fn holds_organisation(&self, party: &Party) -> bool {
        !party.person
            && self.holds(&party.name)
            && party.email.as_deref().is_none_or(text::is_mail)
            && party.url.as_deref().is_none_or(text::is_iri)
    }

    fn organisation(&self, party: &Party) -> Organisation {
        Organisation {
            name: Some(self.text(&party.name)),
            url: party.url.iter().filter(|url| text::is_iri(url)).cloned().collect(),
            contact: party
                .email
                .iter()
                .filter(|mail| text::is_mail(mail))
                .map(|mail| Contact { name: None, email: Some(mail.clone()) })
                .collect(),
        }
    }

    fn part(&self, component: &Component, extra: &[Property]) -> Part {
        let licences = self.licences(component);
        let holds = |text: &Option<String>| text.as_deref().is_some_and(|text| self.holds(text));
        let is_iri = |text: &Option<String>| text.as_deref().is_some_and(text::is_iri);
        let exact = |field: &str| match field {
            "id" | "contents" | "dependencies" => true,
            "kind" => kind_name(component.kind).1,
            "name" => self.holds(&component.name),
            "version" => {
                holds(&component.version) && component.version.as_ref().is_some_and(|text| text.len() <= VERSION_MAX)
            }
            "purl" => component.purl.as_deref().is_some_and(|purl| text::is_plain(purl) && purl.starts_with("pkg:")),
            "cpes" => matches!(&component.cpes[..], [cpe] if text::is_cpe23(cpe)),
            "supplier" => component.supplier.as_ref().is_some_and(|party| self.holds_organisation(party)),
            "author" => component.author.as_ref().is_some_and(|party| {
                party.person
                    && party.url.is_none()
                    && self.holds(&party.name)
                    && party.email.as_deref().is_none_or(text::is_mail)
            }),
            "description" => holds(&component.description),
            "copyright" => holds(&component.copyright),
            "declared-licence" => licences.declared,
            "concluded-licence" => licences.concluded,
            "hashes" => component.hashes.iter().all(Hash::fits),
            "homepage" => is_iri(&component.homepage),
            "download" => is_iri(&component.download),
            "vcs" => is_iri(&component.vcs),
            "evidence" => component.evidence.iter().all(|evidence| {
                let inside = evidence.inside.is_empty() || self.holds(&evidence.inside);
                let found_by = evidence.found_by.is_empty() || self.holds(&evidence.found_by);
                self.holds(&evidence.path) && inside && found_by
            }),
            "deployable" => component.deployable.as_ref().is_some_and(|file| self.holds(&file.name)),
            _ => false,
        };
        let mut properties = component_properties(component, exact);
        properties.extend(self.deployable(component));
        Part {
            kind: kind_name(component.kind).0.to_owned(),
            bom_ref: Some(component.id.clone()),
            supplier: component.supplier.as_ref().map(|party| self.organisation(party)),
            manufacturer: component
                .author
                .as_ref()
                .or(component.supplier.as_ref())
                .map(|party| self.organisation(party)),
            authors: component
                .author
                .iter()
                .map(|party| Contact {
                    name: Some(self.text(&party.name)),
                    email: party.email.clone().filter(|mail| text::is_mail(mail)),
                })
                .collect(),
            name: self.text(&component.name),
            version: component.version.as_deref().map(|version| text::cut(&self.text(version), VERSION_MAX).to_owned()),
            description: component.description.as_deref().map(|text| self.text(text)),
            scope: scope(component).map(str::to_owned),
            hashes: checksums(&component.hashes),
            licenses: licences.choices,
            copyright: component.copyright.as_deref().map(|text| self.text(text)),
            cpe: component.cpes.iter().find(|cpe| text::is_cpe23(cpe)).cloned(),
            purl: component.purl.clone().filter(|purl| text::is_plain(purl) && purl.starts_with("pkg:")),
            external_references: external_references(component),
            properties: self.properties(properties, extra),
            evidence: self.evidence(component),
            ..Part::default()
        }
    }

    /// The properties that BSI TR-03183-2 defines for `CycloneDX`.
    fn deployable(&self, component: &Component) -> Vec<Property> {
        let Some(file) = &component.deployable else { return Vec::new() };
        vec![
            Property::new("bsi:component:filename", self.text(&file.name)),
            Property::new("bsi:component:executable", if file.executable { "executable" } else { "non-executable" }),
            Property::new("bsi:component:archive", if file.archive { "archive" } else { "no archive" }),
            Property::new("bsi:component:structured", if file.structured { "structured" } else { "unstructured" }),
        ]
    }

    fn licences(&self, component: &Component) -> Licences {
        let known = |text: &Option<String>| text.clone().filter(|text| self.holds(text));
        let (declared, concluded) = (known(&component.declared_licence), known(&component.concluded_licence));
        let expression = |text: String, said: &str| LicenceChoice {
            expression: Some(text),
            acknowledgement: Some(said.to_owned()),
            ..LicenceChoice::default()
        };
        let named = |text: &str, said: &str| LicenceChoice {
            license: Some(NamedLicence {
                id: licence::single_id(text).map(str::to_owned),
                name: licence::single_id(text).is_none().then(|| text.to_owned()),
                acknowledgement: Some(said.to_owned()),
            }),
            ..LicenceChoice::default()
        };
        let is_single =
            |text: &str| licence::single_id(text).is_some() || (text.starts_with("LicenseRef-") && !text.contains(' '));
        match (declared, concluded) {
            (None, None) => Licences { choices: Vec::new(), declared: false, concluded: false },
            (Some(text), None) => {
                Licences { choices: vec![expression(text, "declared")], declared: true, concluded: false }
            }
            (None, Some(text)) => {
                Licences { choices: vec![expression(text, "concluded")], declared: false, concluded: true }
            }
            (Some(declared), Some(concluded)) if self.version == Version::V1_7 => Licences {
                choices: vec![expression(declared, "declared"), expression(concluded, "concluded")],
                declared: true,
                concluded: true,
            },
            // 1.6 admits one expression alone, or any number of single licences.
            (Some(declared), Some(concluded)) if is_single(&declared) && is_single(&concluded) => Licences {
                choices: vec![named(&declared, "declared"), named(&concluded, "concluded")],
                declared: true,
                concluded: true,
            },
            (Some(_), Some(concluded)) => {
                Licences { choices: vec![expression(concluded, "concluded")], declared: false, concluded: true }
            }
        }
    }

    fn evidence(&self, component: &Component) -> Option<PartEvidence> {
        let best = component.evidence.first()?;
        let method = best.method.unwrap_or(Method::Claim);
        let confidence = f64::from(method.confidence()) / 100.0;
        let field = if component.purl.is_some() { "purl" } else { "name" };
        Some(PartEvidence {
            identity: vec![Identity {
                field: field.to_owned(),
                confidence: Some(confidence),
                concluded_value: None,
                methods: vec![IdentityMethod {
                    technique: technique(method).to_owned(),
                    confidence,
                    value: Some(self.text(&best.found_by)).filter(|text| !text.is_empty()),
                }],
            }],
            occurrences: component.evidence.iter().map(|evidence| self.occurrence(evidence)).collect(),
        })
    }

    fn occurrence(&self, evidence: &Evidence) -> Occurrence {
        let mut location = self.text(&evidence.path);
        if !evidence.inside.is_empty() {
            location.push_str("!/");
            location.push_str(&self.text(&evidence.inside));
        }
        let context = super::EvidenceContext {
            layer: evidence.layer,
            diff_id: evidence.diff_id.clone(),
            found_by: evidence.found_by.clone(),
            method: evidence.method,
            inside: evidence.inside.clone(),
        };
        Occurrence { location, additional_context: serde_json::to_string(&context).ok() }
    }
}

struct Licences {
    choices: Vec<LicenceChoice>,
    /// Whether the declared licence is told exactly.
    declared: bool,
    concluded: bool,
}

fn technique(method: Method) -> &'static str {
    match method {
        Method::Database | Method::Manifest => "manifest-analysis",
        Method::BuildInfo | Method::Landmark => "binary-analysis",
        Method::FileName => "filename",
        Method::Claim => "attestation",
    }
}

fn scope(component: &Component) -> Option<&'static str> {
    match component.presence {
        Presence::Installed if component.kind == ComponentKind::Container => None,
        Presence::Installed => Some("required"),
        Presence::Removed => Some("excluded"),
        Presence::Declared | Presence::Claimed => Some("optional"),
    }
}

fn checksums(hashes: &[Hash]) -> Vec<Checksum> {
    hashes
        .iter()
        .filter(|hash| hash.fits())
        .map(|hash| Checksum { alg: hash.algorithm.clone(), content: hash.value.clone() })
        .collect()
}

/// Addresses; the checksum of a file stands at its distribution, as BSI TR-03183-2 wants it.
fn external_references(component: &Component) -> Vec<ExternalReference> {
    let mut all = Vec::new();
    let mut add = |kind: &str, url: String, hashes: Vec<Checksum>, comment: Option<&str>| {
        all.push(ExternalReference { kind: kind.to_owned(), url, comment: comment.map(str::to_owned), hashes });
    };
    let address = |text: &Option<String>| text.clone().filter(|text| text::is_iri(text));
    let hashes = if component.deployable.is_some() { checksums(&component.hashes) } else { Vec::new() };
    match (address(&component.download), component.evidence.first()) {
        (Some(url), _) => add("distribution", url, hashes, None),
        (None, Some(evidence)) if !hashes.is_empty() => {
            add("distribution", super::file_url(&evidence.path), hashes, Some(super::IN_THE_IMAGE));
        }
        _ => {}
    }
    if let Some(url) = address(&component.vcs) {
        add("vcs", url, Vec::new(), None);
    }
    if let Some(url) = address(&component.homepage) {
        add("website", url, Vec::new(), None);
    }
    all
}
