//! A document as SPDX 2.3 objects.

use std::collections::{BTreeMap, BTreeSet};

use super::types::{Annotation, Checksum, CreationInfo, ExternalRef, ExtractedLicence, Objects, Package, Relationship};
use super::{DOCUMENT, Encoding, ID, NOTHING, PROPERTIES, purpose, reversed};
use crate::sbom::carry::{component_properties, document_properties};
use crate::sbom::document::{Component, Document, Hash, Party, Property, RelationKind};
use crate::sbom::identity::{document_id, format_time, safe_id, utc_seconds};
use crate::sbom::{licence, text};

/// Makes the objects; what they cannot hold exactly goes into annotations.
pub(super) fn objects(document: &Document, encoding: Encoding) -> Objects {
    let created = utc_seconds(&document.created);
    let date = created.clone().unwrap_or_else(|| format_time(0));
    let ids: BTreeMap<&str, String> = document
        .components
        .iter()
        .map(|component| (component.id.as_str(), format!("{ID}{}", safe_id(&component.id))))
        .collect();
    let writer = Writer { encoding, annotator: annotator(document), date };
    let namespace_fits = text::is_iri(&document.id) && !document.id.contains('#');
    let texts = extracted(document, encoding);
    let texts_fit = document.licence_texts.iter().all(|(name, text)| {
        texts.iter().any(|one| one.license_id == *name && one.extracted_text == *text && text != NOTHING)
    });
    let exact = |field: &str| match field {
        "document-id" => namespace_fits,
        "document-name" => writer.holds(&document.name),
        "created" => created.as_deref() == Some(document.created.as_str()),
        "tool" => document.tool.as_ref().is_some_and(|tool| {
            text::is_plain(&tool.name)
                && tool.version.as_deref().is_some_and(|version| text::is_plain(version) && !version.contains('-'))
        }),
        "creator" => document.creator.as_ref().is_some_and(holds_party),
        "licence-texts" => texts_fit,
        _ => false,
    };
    Objects {
        spdx_id: DOCUMENT.to_owned(),
        spdx_version: "SPDX-2.3".to_owned(),
        creation_info: CreationInfo { created: writer.date.clone(), creators: creators(document, &writer.annotator) },
        name: writer.text(if document.name.is_empty() { "-" } else { &document.name }),
        data_license: "CC0-1.0".to_owned(),
        document_namespace: if namespace_fits { document.id.clone() } else { document_id(&[&document.id]) },
        document_describes: Vec::new(),
        annotations: writer.annotation(&document_properties(document, exact)).into_iter().collect(),
        packages: document.components.iter().map(|component| writer.package(component, &ids)).collect(),
        has_extracted_licensing_infos: texts,
        relationships: relationships(document, &ids),
    }
}

fn annotator(document: &Document) -> String {
    let tool = document.tool.as_ref();
    let name = tool.map_or("imgguard", |tool| tool.name.as_str());
    let version =
        tool.and_then(|tool| tool.version.as_deref()).map(|version| format!("-{version}")).unwrap_or_default();
    format!("Tool: {}", text::readable(&format!("{name}{version}")))
}

fn creators(document: &Document, tool: &str) -> Vec<String> {
    let mut creators = vec![tool.to_owned()];
    creators.extend(document.creator.as_ref().map(actor));
    creators
}

fn holds_party(party: &Party) -> bool {
    text::is_plain(&party.name)
        && !party.name.contains(['(', ')'])
        && party.url.is_none()
        && party.email.as_deref().is_none_or(text::is_mail)
}

fn actor(party: &Party) -> String {
    let word = if party.person { "Person" } else { "Organization" };
    let name = text::readable(&party.name).replace(['(', ')'], " ");
    let name = if name.trim().is_empty() { "-" } else { name.trim() };
    match party.email.as_deref().filter(|mail| text::is_mail(mail)) {
        Some(mail) => format!("{word}: {name} ({mail})"),
        None => format!("{word}: {name}"),
    }
}

/// The texts of all `LicenseRef-…` in use, those without a known text too.
fn extracted(document: &Document, encoding: Encoding) -> Vec<ExtractedLicence> {
    let mut names: BTreeSet<String> =
        document.licence_texts.keys().filter(|name| is_reference(name)).cloned().collect();
    for component in &document.components {
        for expression in [&component.declared_licence, &component.concluded_licence].into_iter().flatten() {
            if expression.contains("LicenseRef-") && licence::is_expression(expression) {
                names.extend(licence::references(expression));
            }
        }
    }
    let text = |name: &String| match document.licence_texts.get(name) {
        Some(text) if encoding == Encoding::Json => text.clone(),
        Some(text) => lines_in_tags(text),
        None => NOTHING.to_owned(),
    };
    names
        .iter()
        .map(|name| {
            let text = Some(text(name)).filter(|text| !text.trim().is_empty()).unwrap_or_else(|| NOTHING.to_owned());
            ExtractedLicence { license_id: name.clone(), extracted_text: text, name: None }
        })
        .collect()
}

fn is_reference(name: &str) -> bool {
    name.strip_prefix("LicenseRef-").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    })
}

/// A text of several lines that can stand between `<text>` and `</text>`.
pub(super) fn lines_in_tags(text: &str) -> String {
    let plain = |letter: char| letter == '\n' || letter == '\t' || !letter.is_control();
    if text.chars().all(plain) && !text.contains("</text>") && !text.contains("<text>") {
        return text.to_owned();
    }
    let lines: Vec<String> =
        text.replace('<', "‹").split('\n').map(|line| crate::report::escape::visible(line).into_owned()).collect();
    lines.join("\n")
}

fn relationships(document: &Document, ids: &BTreeMap<&str, String>) -> Vec<Relationship> {
    let mut all = Vec::with_capacity(document.relations.len() + 1);
    let mut add = |from: &str, kind: &str, to: &str| {
        all.push(Relationship {
            spdx_element_id: from.to_owned(),
            relationship_type: kind.to_owned(),
            related_spdx_element: to.to_owned(),
        });
    };
    if let Some(root) = document.root.as_deref().and_then(|root| ids.get(root)) {
        add(DOCUMENT, "DESCRIBES", root);
    }
    for relation in &document.relations {
        let (Some(from), Some(to)) = (ids.get(relation.from.as_str()), ids.get(relation.to.as_str())) else { continue };
        match relation.kind {
            RelationKind::Contains => add(from, "CONTAINS", to),
            RelationKind::DependsOn(scope) => match reversed(scope) {
                None => add(from, "DEPENDS_ON", to),
                Some(kind) => add(to, kind, from),
            },
        }
    }
    all
}

struct Writer {
    encoding: Encoding,
    annotator: String,
    date: String,
}

impl Writer {
    fn holds(&self, text: &str) -> bool {
        match self.encoding {
            Encoding::Json => !text.is_empty(),
            Encoding::TagValue => text::is_plain(text) && !text.starts_with("<text>"),
        }
    }

    fn text(&self, text: &str) -> String {
        match self.encoding {
            Encoding::Json => text.to_owned(),
            Encoding::TagValue => text::readable(text).replace("<text>", "‹text>"),
        }
    }

    fn annotation(&self, properties: &[Property]) -> Option<Annotation> {
        if properties.is_empty() {
            return None;
        }
        let pairs: Vec<(&str, &str)> =
            properties.iter().map(|property| (property.name.as_str(), property.value.as_str())).collect();
        let comment = serde_json::to_string(&BTreeMap::from([(PROPERTIES, pairs)])).ok()?;
        let comment = match self.encoding {
            Encoding::Json => comment,
            // Inside a JSON string these mean the same, and no tag can end early.
            Encoding::TagValue => crate::report::escape::json(&comment).replace('<', "\\u003c"),
        };
        Some(Annotation {
            annotation_date: self.date.clone(),
            annotation_type: "OTHER".to_owned(),
            annotator: self.annotator.clone(),
            comment,
        })
    }

    fn package(&self, component: &Component, ids: &BTreeMap<&str, String>) -> Package {
        let purl = component.purl.as_deref().filter(|purl| is_locator(purl) && purl.starts_with("pkg:"));
        let cpes_fit = component.cpes.iter().all(|cpe| text::is_cpe23(cpe));
        let holds = |text: &Option<String>| text.as_deref().is_some_and(|text| self.holds(text));
        let uri = |text: &Option<String>| text.clone().filter(|text| text::is_iri(text));
        let expression =
            |text: &Option<String>| text.clone().filter(|text| text == "NONE" || licence::is_expression(text));
        let declared = expression(&component.declared_licence);
        let concluded = expression(&component.concluded_licence);
        let id = ids.get(component.id.as_str()).cloned().unwrap_or_default();
        let exact = |field: &str| match field {
            "id" => id.strip_prefix(ID) == Some(component.id.as_str()),
            "kind" => purpose(component.kind).1,
            "name" => self.holds(&component.name),
            "version" => holds(&component.version),
            "purl" => purl.is_some(),
            "cpes" => cpes_fit,
            "supplier" => component.supplier.as_ref().is_some_and(holds_party),
            "author" => component.author.as_ref().is_some_and(holds_party),
            "description" => self.holds_lines(component.description.as_deref()),
            "copyright" => {
                self.holds_lines(component.copyright.as_deref()) && component.copyright.as_deref() != Some(NOTHING)
            }
            "declared-licence" => declared.is_some(),
            "concluded-licence" => concluded.is_some(),
            "hashes" => component.hashes.iter().all(Hash::fits),
            "homepage" => uri(&component.homepage).is_some(),
            "download" => uri(&component.download).is_some(),
            _ => false,
        };
        let mut external_refs: Vec<ExternalRef> =
            purl.map(|purl| external("PACKAGE-MANAGER", "purl", purl)).into_iter().collect();
        external_refs.extend(
            component.cpes.iter().filter(|cpe| text::is_cpe23(cpe)).map(|cpe| external("SECURITY", "cpe23Type", cpe)),
        );
        Package {
            name: self.text(if component.name.is_empty() { "-" } else { &component.name }),
            version_info: component.version.as_deref().map(|version| self.text(version)),
            package_file_name: component.deployable.as_ref().map(|file| self.text(&file.name)),
            supplier: Some(component.supplier.as_ref().map_or_else(|| NOTHING.to_owned(), actor)),
            originator: component.author.as_ref().map(actor),
            download_location: uri(&component.download).unwrap_or_else(|| NOTHING.to_owned()),
            files_analyzed: Some(false),
            checksums: component
                .hashes
                .iter()
                .filter(|hash| hash.fits())
                .map(|hash| Checksum {
                    algorithm: hash
                        .algorithm
                        .strip_prefix("SHA-")
                        .map_or_else(|| hash.algorithm.clone(), |bits| format!("SHA{bits}")),
                    checksum_value: hash.value.clone(),
                })
                .collect(),
            homepage: uri(&component.homepage),
            source_info: self.source_info(component),
            license_concluded: Some(concluded.clone().unwrap_or_else(|| NOTHING.to_owned())),
            license_declared: Some(declared.clone().unwrap_or_else(|| NOTHING.to_owned())),
            copyright_text: Some(
                component.copyright.as_deref().map_or_else(|| NOTHING.to_owned(), |text| self.lines(text)),
            ),
            description: component.description.as_deref().map(|text| self.lines(text)),
            external_refs,
            primary_package_purpose: Some(match self.encoding {
                // The JSON schema spells it with a low line.
                Encoding::Json => purpose(component.kind).0.replace('-', "_"),
                Encoding::TagValue => purpose(component.kind).0.to_owned(),
            }),
            annotations: self.annotation(&component_properties(component, exact)).into_iter().collect(),
            spdx_id: id,
        }
    }

    fn holds_lines(&self, text: Option<&str>) -> bool {
        text.is_some_and(|text| !text.is_empty() && self.lines(text) == text)
    }

    fn lines(&self, text: &str) -> String {
        match self.encoding {
            Encoding::Json => text.to_owned(),
            Encoding::TagValue => lines_in_tags(text),
        }
    }

    /// Where the package was found, for people.
    fn source_info(&self, component: &Component) -> Option<String> {
        let best = component.evidence.first()?;
        let inside = if best.inside.is_empty() { String::new() } else { format!("!/{}", best.inside) };
        let layer = best.layer.map(|layer| format!(" of layer {layer}")).unwrap_or_default();
        let by = if best.found_by.is_empty() { String::new() } else { format!(" by {}", best.found_by) };
        Some(self.lines(&text::readable(&format!("found in {}{inside}{layer}{by}", best.path))))
    }
}

fn is_locator(text: &str) -> bool {
    text::is_plain(text) && !text.contains(char::is_whitespace)
}

fn external(category: &str, kind: &str, locator: &str) -> ExternalRef {
    ExternalRef {
        reference_category: category.to_owned(),
        reference_type: kind.to_owned(),
        reference_locator: locator.to_owned(),
    }
}
