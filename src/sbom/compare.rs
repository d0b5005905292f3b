//! Where a document differs from what the image says.

use std::collections::{BTreeMap, BTreeSet};

use super::build::TOOL;
use super::carry::{PREFIX, component_properties, document_properties, relation_property};
use super::document::{Component, Document, Property};
use super::packages;
use crate::model::Purl;

/// A difference in one field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// Name and version of the component; none for the document itself.
    pub component: Option<String>,
    /// The field.
    pub field: String,
    /// What the image says; none when it says nothing.
    pub image: Option<String>,
    /// What the file says; none when it says nothing.
    pub file: Option<String>,
}

/// Compares what was derived from an image with what a file says. Documents that imgguard made are compared in every field;
/// those of other programs in their packages, and in the versions, licences and checksums that they state.
#[must_use]
pub fn compare(image: &Document, file: &Document) -> Vec<Difference> {
    let ours = file.tool.as_ref().is_some_and(|tool| tool.name == TOOL);
    let mut differences = if ours { exactly(image, file) } else { by_purl(image, file) };
    differences.sort();
    differences
}

type Fields = BTreeMap<String, BTreeSet<String>>;

fn fields(properties: Vec<Property>) -> Fields {
    let mut fields = Fields::new();
    for property in properties {
        let name = property.name.strip_prefix(PREFIX).unwrap_or(&property.name).to_owned();
        fields.entry(name).or_default().insert(property.value);
    }
    fields
}

fn differing(component: Option<&str>, image: &Fields, file: &Fields, into: &mut Vec<Difference>) {
    let names: BTreeSet<&String> = image.keys().chain(file.keys()).collect();
    let nothing = BTreeSet::new();
    for name in names {
        let (left, right) = (image.get(name).unwrap_or(&nothing), file.get(name).unwrap_or(&nothing));
        let joined = |values: Vec<&String>| -> Option<String> {
            (!values.is_empty()).then(|| values.into_iter().map(String::as_str).collect::<Vec<_>>().join(", "))
        };
        if left != right {
            into.push(Difference {
                component: component.map(str::to_owned),
                field: name.clone(),
                image: joined(left.difference(right).collect()),
                file: joined(right.difference(left).collect()),
            });
        }
    }
}

fn label(component: &Component) -> String {
    match &component.version {
        Some(version) => format!("{} {version}", component.name),
        None => component.name.clone(),
    }
}

fn presence(component: &Component, in_image: bool) -> Difference {
    let shown = component.purl.clone().unwrap_or_else(|| component.id.clone());
    Difference {
        component: Some(label(component)),
        field: "component".to_owned(),
        image: in_image.then(|| shown.clone()),
        file: (!in_image).then_some(shown),
    }
}

fn exactly(image: &Document, file: &Document) -> Vec<Difference> {
    let mut differences = Vec::new();
    differing(
        None,
        &fields(document_properties(image, |_| false)),
        &fields(document_properties(file, |_| false)),
        &mut differences,
    );
    let relations = |document: &Document| {
        let mut relations: BTreeMap<String, Vec<Property>> = BTreeMap::new();
        for relation in &document.relations {
            let property = relation_property(&relation.from, relation.kind)
                .unwrap_or_else(|| Property::new("imgguard:needed-by", format!("runtime {}", relation.from)));
            relations.entry(relation.to.clone()).or_default().push(property);
        }
        relations
    };
    let (mut image_relations, mut file_relations) = (relations(image), relations(file));
    let in_file: BTreeMap<&str, &Component> =
        file.components.iter().map(|component| (component.id.as_str(), component)).collect();
    let in_image: BTreeSet<&str> = image.components.iter().map(|component| component.id.as_str()).collect();
    for left in &image.components {
        let Some(right) = in_file.get(left.id.as_str()) else {
            differences.push(presence(left, true));
            continue;
        };
        let all = |component: &Component, relations: &mut BTreeMap<String, Vec<Property>>| {
            let mut properties = component_properties(component, |_| false);
            properties.extend(relations.remove(&component.id).unwrap_or_default());
            fields(properties)
        };
        let (image_fields, file_fields) = (all(left, &mut image_relations), all(right, &mut file_relations));
        differing(Some(&label(left)), &image_fields, &file_fields, &mut differences);
    }
    let extra = file.components.iter().filter(|component| !in_image.contains(component.id.as_str()));
    differences.extend(extra.map(|component| presence(component, false)));
    differences
}

/// A purl without qualifiers, which differ from program to program.
fn key(component: &Component) -> Option<String> {
    let purl: Purl = component.purl.as_deref()?.parse().ok()?;
    Some(Purl { qualifiers: BTreeMap::new(), subpath: None, ..purl }.to_string())
}

fn by_purl(image: &Document, file: &Document) -> Vec<Difference> {
    let mut differences = Vec::new();
    let index = |document: &'_ Document| -> BTreeMap<String, Component> {
        packages(document).filter_map(|component| Some((key(component)?, component.clone()))).collect()
    };
    let (in_image, in_file) = (index(image), index(file));
    let nameless = packages(file).filter(|component| key(component).is_none());
    differences.extend(nameless.map(|component| Difference {
        component: Some(label(component)),
        field: "purl".to_owned(),
        image: None,
        file: Some(component.purl.clone().unwrap_or_else(|| "none: it cannot be compared".to_owned())),
    }));
    for (purl, left) in &in_image {
        let Some(right) = in_file.get(purl) else {
            differences.push(presence(left, true));
            continue;
        };
        let of = |component: &Component, other: &Component| {
            let mut fields = Fields::new();
            // What the file does not say cannot be wrong.
            for (name, text, said) in [
                ("declared-licence", &component.declared_licence, &other.declared_licence),
                ("concluded-licence", &component.concluded_licence, &other.concluded_licence),
            ] {
                if let (Some(text), Some(_)) = (text, said) {
                    fields.entry(name.to_owned()).or_default().insert(text.clone());
                }
            }
            for hash in &component.hashes {
                if other.hashes.iter().any(|one| one.algorithm == hash.algorithm) {
                    fields.entry(format!("hashes {}", hash.algorithm)).or_default().insert(hash.value.to_lowercase());
                }
            }
            fields
        };
        differing(Some(&label(left)), &of(left, right), &of(right, left), &mut differences);
    }
    let extra = in_file.iter().filter(|(purl, _)| !in_image.contains_key(*purl));
    differences.extend(extra.map(|(_, component)| presence(component, false)));
    differences
}
