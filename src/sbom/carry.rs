//! What a format has no field for travels as properties with the prefix `imgguard:`, so that every format gives back the
//! whole document.
//!
//! A value is the text itself when the field is a text, else JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::document::{Component, Document, Property, RelationKind};
use crate::model::Scope;

/// Begins the names of all properties that imgguard defines.
pub(super) const PREFIX: &str = "imgguard:";
/// On the second component of a relation: id of the component that contains it.
const CONTAINED_IN: &str = "imgguard:contained-in";
/// On the second component of a relation: scope, a blank, and the id of the component that needs it.
const NEEDED_BY: &str = "imgguard:needed-by";

fn put<T: Serialize + Default + PartialEq>(value: &T) -> Option<String> {
    if *value == T::default() {
        return None;
    }
    match serde_json::to_value(value).expect("all keys are text and no value can fail to serialise") {
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

fn take<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(Value::String(text.to_owned())).ok().or_else(|| serde_json::from_str(text).ok())
}

/// The table of fields: the name a format knows it by, and the field.
macro_rules! carried {
    ($put:ident, $take:ident, $type:ty, $names:ident: $($name:literal => $field:ident,)+) => {
        /// The names of the fields that can be carried.
        #[cfg(test)]
        pub(super) const $names: &[&str] = &[$($name),+];

        /// The properties, with those fields added that the format does not hold exactly.
        pub(super) fn $put(subject: &$type, exact: impl Fn(&str) -> bool) -> Vec<Property> {
            let mut properties = Vec::with_capacity(subject.properties.len() + 4);
            properties.extend_from_slice(&subject.properties);
            $(if !exact($name) {
                if let Some(value) = put(&subject.$field) {
                    properties.push(Property::new(concat!("imgguard:", $name), value));
                }
            })+
            properties
        }

        /// Moves carried fields from the properties to their places; a value that does not fit stays a property.
        pub(super) fn $take(subject: &mut $type) {
            let mut kept = Vec::with_capacity(subject.properties.len());
            for property in std::mem::take(&mut subject.properties) {
                let placed = match property.name.strip_prefix(PREFIX) {
                    $(Some($name) => take(&property.value).map(|value| subject.$field = value).is_some(),)+
                    _ => false,
                };
                if !placed {
                    kept.push(property);
                }
            }
            subject.properties = kept;
        }
    };
}

carried! { component_properties, restore_component, Component, COMPONENT_FIELDS:
    "id" => id,
    "kind" => kind,
    "name" => name,
    "version" => version,
    "purl" => purl,
    "cpes" => cpes,
    "supplier" => supplier,
    "author" => author,
    "description" => description,
    "copyright" => copyright,
    "raw-licences" => raw_licences,
    "declared-licence" => declared_licence,
    "concluded-licence" => concluded_licence,
    "hashes" => hashes,
    "homepage" => homepage,
    "download" => download,
    "vcs" => vcs,
    "presence" => presence,
    "contents" => contents,
    "dependencies" => dependencies,
    "evidence" => evidence,
    "deployable" => deployable,
}

carried! { document_properties, restore_document, Document, DOCUMENT_FIELDS:
    "document-id" => id,
    "document-name" => name,
    "created" => created,
    "tool" => tool,
    "creator" => creator,
    "phase" => phase,
    "licence-texts" => licence_texts,
    "unknowns" => unknowns,
}

/// The property on the second component by which a format that knows plain dependencies only tells `kind`; none for a
/// plain dependency.
pub(super) fn relation_property(from: &str, kind: RelationKind) -> Option<Property> {
    match kind {
        RelationKind::Contains => Some(Property::new(CONTAINED_IN, from)),
        RelationKind::DependsOn(Scope::Runtime) => None,
        RelationKind::DependsOn(scope) => Some(Property::new(NEEDED_BY, format!("{} {from}", scope_name(scope)))),
    }
}

/// Reads [`relation_property`].
pub(super) fn relation_of(property: &Property) -> Option<(String, RelationKind)> {
    match property.name.as_str() {
        CONTAINED_IN => Some((property.value.clone(), RelationKind::Contains)),
        NEEDED_BY => {
            let (scope, from) = property.value.split_once(' ')?;
            Some((from.to_owned(), RelationKind::DependsOn(scope_of(scope)?)))
        }
        _ => None,
    }
}

fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Runtime => "runtime",
        Scope::Optional => "optional",
        Scope::Development => "development",
        Scope::Build => "build",
    }
}

fn scope_of(name: &str) -> Option<Scope> {
    [Scope::Runtime, Scope::Optional, Scope::Development, Scope::Build]
        .into_iter()
        .find(|scope| scope_name(*scope) == name)
}
