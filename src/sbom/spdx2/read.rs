//! SPDX 2.3 objects as a document.

use super::types::{Annotation, Objects, Package};
use super::{DOCUMENT, ID, NOTHING, PROPERTIES, purpose};
use crate::model::Scope;
use crate::sbom::carry::{restore_component, restore_document};
use crate::sbom::document::{Component, ComponentKind, Document, Hash, Party, Property, Relation, RelationKind, Tool};
use crate::sbom::{COMPONENTS_MAX, ReadError, text};

/// Makes the document; `unknown` gets relationships that it has no place for.
pub(super) fn document(objects: Objects, unknown: &mut Vec<String>) -> Result<Document, ReadError> {
    if objects.packages.len() > COMPONENTS_MAX {
        return Err(ReadError::Limit("there are too many packages"));
    }
    let mut document = Document {
        id: objects.document_namespace,
        name: objects.name,
        created: objects.creation_info.created,
        tool: objects.creation_info.creators.iter().find_map(|creator| tool(creator)),
        creator: objects.creation_info.creators.iter().find_map(|creator| actor(creator)),
        root: objects.document_describes.first().map(|id| own_id(id)),
        properties: properties(&objects.annotations, unknown, "annotations"),
        licence_texts: objects
            .has_extracted_licensing_infos
            .into_iter()
            .filter(|one| one.extracted_text != NOTHING)
            .map(|one| (one.license_id, one.extracted_text))
            .collect(),
        ..Document::default()
    };
    for one in objects.relationships {
        relation(&mut document, &one.spdx_element_id, &one.relationship_type, &one.related_spdx_element, unknown);
    }
    let mut renamed = std::collections::BTreeMap::new();
    for package in objects.packages {
        let given = own_id(&package.spdx_id);
        let component = component(package, unknown);
        if component.id != given {
            renamed.insert(given, component.id.clone());
        }
        document.components.push(component);
    }
    let rename = |id: &mut String| {
        if let Some(name) = renamed.get(id) {
            id.clone_from(name);
        }
    };
    if !renamed.is_empty() {
        document.root.iter_mut().for_each(rename);
        for relation in &mut document.relations {
            rename(&mut relation.from);
            rename(&mut relation.to);
        }
    }
    restore_document(&mut document);
    document.sort();
    Ok(document)
}

fn own_id(id: &str) -> String {
    id.strip_prefix(ID).unwrap_or(id).to_owned()
}

fn tool(creator: &str) -> Option<Tool> {
    let text = creator.strip_prefix("Tool:")?.trim();
    let cut = text
        .rsplit_once('-')
        .filter(|(name, version)| !name.is_empty() && version.contains(|letter: char| letter.is_ascii_digit()));
    Some(match cut {
        Some((name, version)) => Tool { name: name.to_owned(), version: Some(version.to_owned()) },
        None => Tool { name: text.to_owned(), version: None },
    })
}

fn actor(text: &str) -> Option<Party> {
    let (person, rest) = match (text.strip_prefix("Person:"), text.strip_prefix("Organization:")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return None,
    };
    let rest = rest.trim();
    let (name, email) = match rest.strip_suffix(')').and_then(|head| head.rsplit_once('(')) {
        Some((name, mail)) => (name.trim(), Some(mail.trim().to_owned()).filter(|mail| !mail.is_empty())),
        None => (rest, None),
    };
    (!name.is_empty()).then(|| Party { name: name.to_owned(), email, url: None, person })
}

fn properties(annotations: &[Annotation], unknown: &mut Vec<String>, place: &str) -> Vec<Property> {
    let mut properties = Vec::new();
    for annotation in annotations {
        let value: Option<serde_json::Value> = serde_json::from_str(&annotation.comment).ok();
        let pairs: Option<Vec<(String, String)>> = value
            .as_ref()
            .and_then(|value| value.get(PROPERTIES))
            .and_then(|pairs| serde_json::from_value(pairs.clone()).ok());
        match pairs {
            Some(pairs) => properties.extend(pairs.into_iter().map(|(name, value)| Property { name, value })),
            None => unknown.push(place.to_owned()),
        }
    }
    properties
}

/// A text that says something.
fn said(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty() && text != NOTHING)
}

fn component(package: Package, unknown: &mut Vec<String>) -> Component {
    let mut component = Component {
        id: own_id(&package.spdx_id),
        kind: package.primary_package_purpose.as_deref().map_or(ComponentKind::Library, kind),
        name: package.name,
        version: package.version_info.filter(|version| !version.is_empty()),
        supplier: package.supplier.as_deref().and_then(actor),
        author: package.originator.as_deref().and_then(actor),
        description: package.description.filter(|text| !text.is_empty()),
        copyright: said(package.copyright_text),
        declared_licence: said(package.license_declared),
        concluded_licence: said(package.license_concluded),
        hashes: package
            .checksums
            .into_iter()
            .map(|one| Hash { algorithm: algorithm(&one.algorithm), value: one.checksum_value })
            .collect(),
        homepage: said(package.homepage),
        download: said(Some(package.download_location)).filter(|text| text != "NONE"),
        properties: properties(&package.annotations, unknown, "packages[].annotations"),
        ..Component::default()
    };
    for one in package.external_refs {
        match one.reference_type.as_str() {
            "purl" if component.purl.is_none() => component.purl = Some(one.reference_locator),
            "cpe23Type" | "cpe22Type" => component.cpes.push(one.reference_locator),
            other => unknown.push(format!("packages[].externalRefs.{}", text::cut(other, 60))),
        }
    }
    restore_component(&mut component);
    if component.evidence.is_empty() && package.source_info.is_some() {
        unknown.push("packages[].sourceInfo".to_owned());
    }
    component
}

fn algorithm(name: &str) -> String {
    match name {
        "SHA1" | "SHA224" | "SHA256" | "SHA384" | "SHA512" => format!("SHA-{}", name.trim_start_matches("SHA")),
        other => other.to_owned(),
    }
}

fn kind(name: &str) -> ComponentKind {
    use ComponentKind as Kind;
    [
        Kind::Container,
        Kind::OperatingSystem,
        Kind::Library,
        Kind::Application,
        Kind::Framework,
        Kind::Firmware,
        Kind::File,
    ]
    .into_iter()
    .find(|kind| purpose(*kind).0 == name.replace('_', "-"))
    .unwrap_or(Kind::Other)
}

fn relation(document: &mut Document, from: &str, kind: &str, to: &str, unknown: &mut Vec<String>) {
    let nothing = |id: &str| matches!(id, "NONE" | NOTHING);
    if nothing(from) || nothing(to) {
        return;
    }
    let depends = RelationKind::DependsOn;
    let (kind, turned) = match kind {
        "DESCRIBES" if from == DOCUMENT => {
            document.root.get_or_insert(own_id(to));
            return;
        }
        "DESCRIBED_BY" if to == DOCUMENT => {
            document.root.get_or_insert(own_id(from));
            return;
        }
        "CONTAINS" => (RelationKind::Contains, false),
        "CONTAINED_BY" => (RelationKind::Contains, true),
        "DEPENDS_ON" => (depends(Scope::Runtime), false),
        "DEPENDENCY_OF" | "RUNTIME_DEPENDENCY_OF" => (depends(Scope::Runtime), true),
        "OPTIONAL_DEPENDENCY_OF" => (depends(Scope::Optional), true),
        "DEV_DEPENDENCY_OF" | "TEST_DEPENDENCY_OF" => (depends(Scope::Development), true),
        "BUILD_DEPENDENCY_OF" => (depends(Scope::Build), true),
        other => {
            unknown.push(format!("relationships.{}", text::cut(other, 60)));
            return;
        }
    };
    let (from, to) = if turned { (to, from) } else { (from, to) };
    document.relations.push(Relation { from: own_id(from), kind, to: own_id(to) });
}
