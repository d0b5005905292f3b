//! XML as `CycloneDX` objects. Entities are not expanded, a document type is refused, depth and number of elements are bounded.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};

use super::types::{
    Bom, Checksum, Composition, Contact, Edges, ExternalReference, Identity, IdentityMethod, LicenceChoice, Lifecycle,
    Metadata, NameValue, NamedLicence, Occurrence, OldTool, Organisation, Part, PartEvidence, Tools,
};
use crate::sbom::{ReadError, text};

/// Elements inside elements.
const DEPTH_MAX: usize = 128;
/// Elements of a document.
const ELEMENTS_MAX: usize = 20_000_000;

/// Reads the objects, and names the elements that they have no place for.
pub(super) fn read(xml: &str) -> Result<(Bom, Vec<String>), ReadError> {
    let root = tree(xml)?;
    if root.name != "bom" {
        return Err(ReadError::Shape("the outermost element is not `bom`".to_owned()));
    }
    let mut reader = Known { unknown: BTreeSet::new() };
    let bom = reader.bom(&root)?;
    Ok((bom, reader.unknown.into_iter().collect()))
}

#[derive(Debug, Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn text_of(&self, name: &str) -> Option<String> {
        self.child(name).map(Self::content)
    }

    /// The text; blanks around it are those of the layout.
    fn content(&self) -> String {
        self.text.trim().to_owned()
    }
}

fn broken(error: impl std::fmt::Display) -> ReadError {
    ReadError::Xml(error.to_string())
}

/// Parses without recursion.
fn tree(xml: &str) -> Result<Element, ReadError> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0;
    loop {
        match reader.read_event().map_err(broken)? {
            Event::Start(start) => {
                count += 1;
                if open.len() >= DEPTH_MAX || count > ELEMENTS_MAX {
                    return Err(ReadError::Limit("elements lie too deep inside each other, or there are too many"));
                }
                open.push(element(&start)?);
            }
            Event::Empty(start) => {
                count += 1;
                if count > ELEMENTS_MAX {
                    return Err(ReadError::Limit("there are too many elements"));
                }
                place(element(&start)?, &mut open, &mut root)?;
            }
            Event::End(_) => {
                let done = open.pop().ok_or_else(|| broken("an element ends that did not begin"))?;
                place(done, &mut open, &mut root)?;
            }
            Event::Text(part) => {
                if let Some(top) = open.last_mut() {
                    top.text.push_str(&part.xml10_content());
                }
            }
            Event::CData(part) => {
                if let Some(top) = open.last_mut() {
                    top.text.push_str(&part.xml10_content());
                }
            }
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref().map_err(broken)? {
                    Some(letter) => letter,
                    None => match &*reference.xml10_content() {
                        "amp" => '&',
                        "lt" => '<',
                        "gt" => '>',
                        "quot" => '"',
                        "apos" => '\'',
                        other => {
                            return Err(broken(format!(
                                "entity `{}` is not expanded",
                                text::cut(other, 40).escape_debug()
                            )));
                        }
                    },
                };
                if let Some(top) = open.last_mut() {
                    top.text.push(letter);
                }
            }
            Event::DocType(_) => return Err(broken("a document type is not accepted")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
            Event::Eof => break,
        }
    }
    if !open.is_empty() {
        return Err(broken("the document ends inside an element"));
    }
    root.ok_or_else(|| broken("there is no element"))
}

fn place(done: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), ReadError> {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None if root.is_none() => *root = Some(done),
        None => return Err(broken("there is more than one outermost element")),
    }
    Ok(())
}

fn element(start: &BytesStart<'_>) -> Result<Element, ReadError> {
    let local = |name: &str| name.rsplit(':').next().unwrap_or(name).to_owned();
    let mut element = Element { name: local(start.local_name().as_ref()), ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(broken)?;
        let key: &str = attribute.key.as_ref();
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(broken)?;
        let name = if key.starts_with("xmlns") { key.to_owned() } else { local(key) };
        element.attributes.push((name, value.into_owned()));
    }
    Ok(element)
}

struct Known {
    unknown: BTreeSet<String>,
}

impl Known {
    /// Notes children that are none of the known ones.
    fn only(&mut self, element: &Element, known: &[&str]) {
        for child in &element.children {
            let empty = child.children.is_empty() && child.text.trim().is_empty() && child.attributes.is_empty();
            if !empty && !known.contains(&child.name.as_str()) && self.unknown.len() < 1000 {
                self.unknown.insert(format!("{}.{}", element.name, text::cut(&child.name, 80)));
            }
        }
    }

    fn bom(&mut self, bom: &Element) -> Result<Bom, ReadError> {
        self.only(bom, &["metadata", "components", "dependencies", "compositions"]);
        let space = bom
            .attributes
            .iter()
            .find(|(key, value)| key.starts_with("xmlns") && value.contains("cyclonedx.org/schema/bom/"));
        let version = space.and_then(|(_, space)| space.rsplit('/').next()).unwrap_or_default();
        let mut compositions = Vec::new();
        for one in bom.child("compositions").into_iter().flat_map(|list| list.all("composition")) {
            self.only(one, &["aggregate", "assemblies", "dependencies"]);
            let refs = |list: &str, name: &str| -> Vec<String> {
                one.child(list)
                    .into_iter()
                    .flat_map(|list| list.all(name))
                    .filter_map(|item| item.attribute("ref"))
                    .collect()
            };
            compositions.push(Composition {
                aggregate: one.text_of("aggregate").unwrap_or_default(),
                assemblies: refs("assemblies", "assembly"),
                dependencies: refs("dependencies", "dependency"),
            });
        }
        let dependencies = bom.child("dependencies").into_iter().flat_map(|list| list.all("dependency"));
        Ok(Bom {
            schema: None,
            bom_format: "CycloneDX".to_owned(),
            spec_version: version.to_owned(),
            serial_number: bom.attribute("serialNumber"),
            version: bom.attribute("version").and_then(|version| version.parse().ok()).unwrap_or(1),
            metadata: bom.child("metadata").map(|metadata| self.metadata(metadata)).transpose()?.unwrap_or_default(),
            components: self.parts(bom, 0)?,
            dependencies: dependencies
                .filter_map(|from| {
                    let depends_on = from.all("dependency").filter_map(|to| to.attribute("ref")).collect();
                    Some(Edges { reference: from.attribute("ref")?, depends_on })
                })
                .collect(),
            compositions,
        })
    }

    fn metadata(&mut self, metadata: &Element) -> Result<Metadata, ReadError> {
        self.only(
            metadata,
            &[
                "timestamp",
                "lifecycles",
                "tools",
                "authors",
                "component",
                "manufacturer",
                "supplier",
                "licenses",
                "properties",
            ],
        );
        let lifecycles = metadata.child("lifecycles").into_iter().flat_map(|list| list.all("lifecycle"));
        let tools = match metadata.child("tools") {
            Some(tools) if tools.child("tool").is_some() => Some(Tools::Old(
                tools
                    .all("tool")
                    .map(|tool| OldTool {
                        vendor: tool.text_of("vendor"),
                        name: tool.text_of("name"),
                        version: tool.text_of("version"),
                    })
                    .collect(),
            )),
            Some(tools) => Some(Tools::Parts { components: self.parts(tools, 0)? }),
            None => None,
        };
        Ok(Metadata {
            timestamp: metadata.text_of("timestamp"),
            lifecycles: lifecycles
                .map(|one| Lifecycle { phase: one.text_of("phase"), name: one.text_of("name") })
                .collect(),
            tools,
            authors: contacts(metadata),
            component: metadata.child("component").map(|part| self.part(part, 0)).transpose()?,
            manufacturer: metadata.child("manufacturer").map(organisation),
            supplier: metadata.child("supplier").map(organisation),
            licenses: licences(metadata),
            properties: properties(metadata),
        })
    }

    fn parts(&mut self, parent: &Element, depth: usize) -> Result<Vec<Part>, ReadError> {
        let list = parent.child("components").into_iter().flat_map(|list| list.all("component"));
        list.map(|part| self.part(part, depth)).collect()
    }

    fn part(&mut self, part: &Element, depth: usize) -> Result<Part, ReadError> {
        if depth > DEPTH_MAX {
            return Err(ReadError::Limit("components lie too deep inside each other"));
        }
        self.only(
            part,
            &[
                "supplier",
                "manufacturer",
                "authors",
                "author",
                "publisher",
                "group",
                "name",
                "version",
                "description",
                "scope",
                "hashes",
                "licenses",
                "copyright",
                "cpe",
                "purl",
                "externalReferences",
                "properties",
                "components",
                "evidence",
            ],
        );
        let references = part.child("externalReferences").into_iter().flat_map(|list| list.all("reference"));
        Ok(Part {
            kind: part.attribute("type").unwrap_or_default(),
            bom_ref: part.attribute("bom-ref"),
            supplier: part.child("supplier").map(organisation),
            manufacturer: part.child("manufacturer").map(organisation),
            authors: contacts(part),
            author: part.text_of("author"),
            publisher: part.text_of("publisher"),
            group: part.text_of("group"),
            name: part.text_of("name").unwrap_or_default(),
            version: part.text_of("version"),
            description: part.text_of("description"),
            scope: part.text_of("scope"),
            hashes: checksums(part),
            licenses: licences(part),
            copyright: part.text_of("copyright"),
            cpe: part.text_of("cpe"),
            purl: part.text_of("purl"),
            external_references: references
                .map(|one| ExternalReference {
                    kind: one.attribute("type").unwrap_or_default(),
                    url: one.text_of("url").unwrap_or_default(),
                    comment: one.text_of("comment"),
                    hashes: checksums(one),
                })
                .collect(),
            properties: properties(part),
            components: self.parts(part, depth + 1)?,
            evidence: part.child("evidence").map(|evidence| self.evidence(evidence)),
        })
    }

    fn evidence(&mut self, evidence: &Element) -> PartEvidence {
        self.only(evidence, &["identity", "occurrences"]);
        let number = |element: &Element, name: &str| element.text_of(name).and_then(|text| text.parse().ok());
        let occurrences = evidence.child("occurrences").into_iter().flat_map(|list| list.all("occurrence"));
        PartEvidence {
            identity: evidence
                .all("identity")
                .map(|one| Identity {
                    field: one.text_of("field").unwrap_or_default(),
                    confidence: number(one, "confidence"),
                    concluded_value: one.text_of("concludedValue"),
                    methods: one
                        .child("methods")
                        .into_iter()
                        .flat_map(|list| list.all("method"))
                        .map(|method| IdentityMethod {
                            technique: method.text_of("technique").unwrap_or_default(),
                            confidence: number(method, "confidence").unwrap_or_default(),
                            value: method.text_of("value"),
                        })
                        .collect(),
                })
                .collect(),
            occurrences: occurrences
                .map(|one| Occurrence {
                    location: one.text_of("location").unwrap_or_default(),
                    additional_context: one.text_of("additionalContext"),
                })
                .collect(),
        }
    }
}

fn organisation(element: &Element) -> Organisation {
    Organisation {
        name: element.text_of("name"),
        url: element.all("url").map(Element::content).collect(),
        contact: element.all("contact").map(contact).collect(),
    }
}

fn contact(element: &Element) -> Contact {
    Contact { name: element.text_of("name"), email: element.text_of("email") }
}

fn contacts(parent: &Element) -> Vec<Contact> {
    parent.child("authors").into_iter().flat_map(|list| list.all("author")).map(contact).collect()
}

fn checksums(parent: &Element) -> Vec<Checksum> {
    let list = parent.child("hashes").into_iter().flat_map(|list| list.all("hash"));
    list.map(|hash| Checksum { alg: hash.attribute("alg").unwrap_or_default(), content: hash.content() }).collect()
}

fn licences(parent: &Element) -> Vec<LicenceChoice> {
    let Some(list) = parent.child("licenses") else { return Vec::new() };
    list.children
        .iter()
        .map(|one| {
            let said = one.attribute("acknowledgement");
            if one.name == "license" {
                let named = NamedLicence { id: one.text_of("id"), name: one.text_of("name"), acknowledgement: said };
                return LicenceChoice { license: Some(named), ..LicenceChoice::default() };
            }
            let expression = one.text_of("expression").unwrap_or_else(|| one.content());
            LicenceChoice { expression: Some(expression), acknowledgement: said, ..LicenceChoice::default() }
        })
        .collect()
}

fn properties(parent: &Element) -> Vec<NameValue> {
    let list = parent.child("properties").into_iter().flat_map(|list| list.all("property"));
    list.map(|one| NameValue { name: one.attribute("name").unwrap_or_default(), value: one.content() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(xml: &str) -> String {
        read(xml).expect_err("refused").to_string()
    }

    #[test]
    fn what_could_blow_up_is_refused() {
        assert!(refused("<!DOCTYPE bom [<!ENTITY a \"b\">]><bom>&a;</bom>").contains("document type"));
        assert!(refused("<bom>&a;</bom>").contains("is not expanded"));
        assert!(refused(&"<a>".repeat(200)).contains("too deep"));
        assert!(refused("<bom><a></bom>").contains("XML"));
        assert!(refused("<bom/><bom/>").contains("more than one"));
        assert!(refused("").contains("no element"));
        assert!(refused("<html/>").contains("not `bom`"));
    }

    #[test]
    fn what_has_no_place_is_named() {
        let (_, unknown) =
            read("<bom xmlns='http://cyclonedx.org/schema/bom/1.6'><services><x/></services></bom>").expect("readable");
        assert_eq!(unknown, ["bom.services"]);
    }
}
