//! `CycloneDX` objects as XML, in the order that the schema prescribes.

use super::types::{
    Bom, Checksum, Contact, ExternalReference, LicenceChoice, Metadata, NameValue, Organisation, Part, PartEvidence,
    Tools,
};
use crate::report::escape;

/// Writes the document.
pub(super) fn write(bom: &Bom) -> String {
    let mut xml = Xml { text: String::with_capacity(1 << 16), depth: 0 };
    xml.text.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let space = format!("http://cyclonedx.org/schema/bom/{}", bom.spec_version);
    let version = bom.version.to_string();
    let mut attributes = vec![("xmlns", space.as_str())];
    attributes.extend(bom.serial_number.as_deref().map(|serial| ("serialNumber", serial)));
    attributes.push(("version", &version));
    xml.element("bom", &attributes, |xml| {
        metadata(xml, &bom.metadata);
        xml.element("components", &[], |xml| bom.components.iter().for_each(|one| part(xml, one)));
        xml.element("dependencies", &[], |xml| {
            for edges in &bom.dependencies {
                xml.element("dependency", &[("ref", &edges.reference)], |xml| {
                    edges.depends_on.iter().for_each(|to| xml.empty("dependency", &[("ref", to)]));
                });
            }
        });
        if !bom.compositions.is_empty() {
            xml.element("compositions", &[], |xml| compositions(xml, bom));
        }
    });
    xml.text
}

fn compositions(xml: &mut Xml, bom: &Bom) {
    for one in &bom.compositions {
        xml.element("composition", &[], |xml| {
            xml.leaf("aggregate", &[], &one.aggregate);
            for (list, name, refs) in
                [("assemblies", "assembly", &one.assemblies), ("dependencies", "dependency", &one.dependencies)]
            {
                if !refs.is_empty() {
                    xml.element(list, &[], |xml| refs.iter().for_each(|to| xml.empty(name, &[("ref", to)])));
                }
            }
        });
    }
}

fn metadata(xml: &mut Xml, metadata: &Metadata) {
    xml.element("metadata", &[], |xml| {
        xml.optional("timestamp", metadata.timestamp.as_deref());
        if !metadata.lifecycles.is_empty() {
            xml.element("lifecycles", &[], |xml| {
                for one in &metadata.lifecycles {
                    xml.element("lifecycle", &[], |xml| {
                        xml.optional("phase", one.phase.as_deref());
                        xml.optional("name", one.name.as_deref());
                    });
                }
            });
        }
        if let Some(Tools::Parts { components }) = &metadata.tools {
            xml.element("tools", &[], |xml| {
                xml.element("components", &[], |xml| components.iter().for_each(|one| part(xml, one)));
            });
        }
        contacts(xml, &metadata.authors);
        if let Some(root) = &metadata.component {
            part(xml, root);
        }
        organisation(xml, "manufacturer", metadata.manufacturer.as_ref());
        organisation(xml, "supplier", metadata.supplier.as_ref());
        licences(xml, &metadata.licenses);
        properties(xml, &metadata.properties);
    });
}

fn contacts(xml: &mut Xml, contacts: &[Contact]) {
    if !contacts.is_empty() {
        xml.element("authors", &[], |xml| contacts.iter().for_each(|one| contact(xml, "author", one)));
    }
}

fn contact(xml: &mut Xml, name: &str, contact: &Contact) {
    xml.element(name, &[], |xml| {
        xml.optional("name", contact.name.as_deref());
        xml.optional("email", contact.email.as_deref());
    });
}

fn organisation(xml: &mut Xml, name: &str, organisation: Option<&Organisation>) {
    let Some(organisation) = organisation else { return };
    xml.element(name, &[], |xml| {
        xml.optional("name", organisation.name.as_deref());
        organisation.url.iter().for_each(|url| xml.leaf("url", &[], url));
        organisation.contact.iter().for_each(|one| contact(xml, "contact", one));
    });
}

fn part(xml: &mut Xml, part: &Part) {
    let mut attributes = vec![("type", part.kind.as_str())];
    attributes.extend(part.bom_ref.as_deref().map(|id| ("bom-ref", id)));
    xml.element("component", &attributes, |xml| {
        organisation(xml, "supplier", part.supplier.as_ref());
        organisation(xml, "manufacturer", part.manufacturer.as_ref());
        contacts(xml, &part.authors);
        xml.optional("author", part.author.as_deref());
        xml.optional("publisher", part.publisher.as_deref());
        xml.optional("group", part.group.as_deref());
        xml.leaf("name", &[], &part.name);
        xml.optional("version", part.version.as_deref());
        xml.optional("description", part.description.as_deref());
        xml.optional("scope", part.scope.as_deref());
        hashes(xml, &part.hashes);
        licences(xml, &part.licenses);
        xml.optional("copyright", part.copyright.as_deref());
        xml.optional("cpe", part.cpe.as_deref());
        xml.optional("purl", part.purl.as_deref());
        references(xml, &part.external_references);
        properties(xml, &part.properties);
        if !part.components.is_empty() {
            xml.element("components", &[], |xml| part.components.iter().for_each(|one| self::part(xml, one)));
        }
        if let Some(found) = &part.evidence {
            evidence(xml, found);
        }
    });
}

fn hashes(xml: &mut Xml, hashes: &[Checksum]) {
    if !hashes.is_empty() {
        xml.element("hashes", &[], |xml| {
            for hash in hashes {
                xml.leaf("hash", &[("alg", &hash.alg)], &hash.content);
            }
        });
    }
}

fn licences(xml: &mut Xml, choices: &[LicenceChoice]) {
    if choices.is_empty() {
        return;
    }
    xml.element("licenses", &[], |xml| {
        for choice in choices {
            if let Some(expression) = &choice.expression {
                let said: Vec<(&str, &str)> =
                    choice.acknowledgement.as_deref().map(|said| ("acknowledgement", said)).into_iter().collect();
                xml.leaf("expression", &said, expression);
            }
            if let Some(licence) = &choice.license {
                let said: Vec<(&str, &str)> =
                    licence.acknowledgement.as_deref().map(|said| ("acknowledgement", said)).into_iter().collect();
                xml.element("license", &said, |xml| {
                    xml.optional("id", licence.id.as_deref());
                    xml.optional("name", licence.name.as_deref());
                });
            }
        }
    });
}

fn references(xml: &mut Xml, references: &[ExternalReference]) {
    if references.is_empty() {
        return;
    }
    xml.element("externalReferences", &[], |xml| {
        for one in references {
            xml.element("reference", &[("type", &one.kind)], |xml| {
                xml.leaf("url", &[], &one.url);
                xml.optional("comment", one.comment.as_deref());
                hashes(xml, &one.hashes);
            });
        }
    });
}

fn properties(xml: &mut Xml, properties: &[NameValue]) {
    if !properties.is_empty() {
        xml.element("properties", &[], |xml| {
            for one in properties {
                xml.leaf("property", &[("name", &one.name)], &one.value);
            }
        });
    }
}

fn evidence(xml: &mut Xml, evidence: &PartEvidence) {
    xml.element("evidence", &[], |xml| {
        for identity in &evidence.identity {
            xml.element("identity", &[], |xml| {
                xml.leaf("field", &[], &identity.field);
                xml.optional("confidence", identity.confidence.map(|value| value.to_string()).as_deref());
                xml.optional("concludedValue", identity.concluded_value.as_deref());
                xml.element("methods", &[], |xml| {
                    for method in &identity.methods {
                        xml.element("method", &[], |xml| {
                            xml.leaf("technique", &[], &method.technique);
                            xml.leaf("confidence", &[], &method.confidence.to_string());
                            xml.optional("value", method.value.as_deref());
                        });
                    }
                });
            });
        }
        if !evidence.occurrences.is_empty() {
            xml.element("occurrences", &[], |xml| {
                for one in &evidence.occurrences {
                    xml.element("occurrence", &[], |xml| {
                        xml.leaf("location", &[], &one.location);
                        xml.optional("additionalContext", one.additional_context.as_deref());
                    });
                }
            });
        }
    });
}

/// A text that grows by elements, two blanks per level.
struct Xml {
    text: String,
    depth: usize,
}

impl Xml {
    fn open(&mut self, name: &str, attributes: &[(&str, &str)]) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
        self.text.push('<');
        self.text.push_str(name);
        for (key, value) in attributes {
            self.text.push(' ');
            self.text.push_str(key);
            self.text.push_str("=\"");
            self.escaped(value);
            self.text.push('"');
        }
    }

    fn escaped(&mut self, value: &str) {
        let harmless = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" -._/@+(),;=".contains(&byte));
        if harmless { self.text.push_str(value) } else { self.text.push_str(&escape::xml(value)) }
    }

    fn element(&mut self, name: &str, attributes: &[(&str, &str)], inside: impl FnOnce(&mut Self)) {
        self.open(name, attributes);
        let before = self.text.len();
        self.text.push_str(">\n");
        let start = self.text.len();
        self.depth += 1;
        inside(self);
        self.depth -= 1;
        if self.text.len() == start {
            self.text.truncate(before);
            self.text.push_str("/>\n");
            return;
        }
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
        self.close(name);
    }

    fn close(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push_str(">\n");
    }

    fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.open(name, attributes);
        self.text.push_str("/>\n");
    }

    fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], value: &str) {
        self.open(name, attributes);
        self.text.push('>');
        self.escaped(value);
        self.close(name);
    }

    fn optional(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.leaf(name, &[], value);
        }
    }
}
