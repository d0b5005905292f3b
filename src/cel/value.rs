//! Values while an expression is worked out. Long lists of the facts stay where they are: an element becomes a value when
//! it is looked at.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;
use serde_json::Value as Json;

use crate::model::{File, Hidden, ImageFacts, PackageFact, Packages};

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Rc<str>),
    List(Rc<Vec<Value<'a>>>),
    Map(Rc<BTreeMap<String, Value<'a>>>),
    /// A long list of the facts.
    Rows(Rows<'a>),
    /// The image.
    Image(&'a ImageFacts),
    /// Its packages.
    Packages(&'a Packages),
}

/// A long list of the facts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'a> {
    Files(&'a [File]),
    Hidden(&'a [Hidden]),
    Packages(&'a [PackageFact]),
}

impl<'a> Rows<'a> {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Files(list) => list.len(),
            Self::Hidden(list) => list.len(),
            Self::Packages(list) => list.len(),
        }
    }

    /// An element, from 0.
    pub(super) fn get(&self, at: usize) -> Option<Value<'a>> {
        match self {
            Self::Files(list) => list.get(at).map(value),
            Self::Hidden(list) => list.get(at).map(value),
            Self::Packages(list) => list.get(at).map(value),
        }
    }
}

impl<'a> Value<'a> {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(Rc::from(text))
    }

    /// What it is, for people.
    pub(super) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "a whole number",
            Self::Double(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) | Self::Rows(_) => "a list",
            Self::Map(_) => "a map",
            Self::Image(_) | Self::Packages(_) => "an object",
        }
    }

    /// A field, or the value of a key; null for a field that is left out where it says nothing.
    pub(super) fn field(&self, name: &str) -> Option<Value<'a>> {
        match self {
            Self::Map(map) => map.get(name).cloned(),
            Self::Image(image) => of_image(image, name),
            Self::Packages(packages) => Some(match name {
                "list" => Self::Rows(Rows::Packages(&packages.list)),
                name => value(packages).field(name).unwrap_or(Self::Null),
            }),
            _ => None,
        }
    }
}

/// A field of the image; see [`ImageFacts`] and the shorter ways of the schema.
fn of_image<'a>(image: &'a ImageFacts, name: &str) -> Option<Value<'a>> {
    Some(match name {
        "files" => Value::Rows(Rows::Files(&image.files)),
        "hidden" => Value::Rows(Rows::Hidden(&image.hidden)),
        "packages" => image.packages.as_ref().map_or(Value::Null, Value::Packages),
        "env" => {
            let pairs = image.config.env.iter().map(|(name, value)| (name.clone(), Value::text(value)));
            Value::Map(Rc::new(pairs.collect()))
        }
        "labels" => value(&image.config.labels),
        "compressed_size" => value(&image.compressed_size()),
        "uncompressed_size" => value(&image.uncompressed_size()),
        "subject" => value(&image.subject),
        "platform" => value(&image.platform),
        "index" => value(&image.index),
        "annotations" => value(&image.annotations),
        "config" => value(&image.config),
        "layers" => value(&image.layers),
        "waste" => value(&image.waste),
        "documents" => value(&image.documents),
        "accounts" => value(&image.accounts),
        "groups" => value(&image.groups),
        "os_release" => value(&image.os_release),
        "base" => value(&image.base),
        "inherited" => value(&image.inherited),
        "build" => value(&image.build),
        "secrets" => value(&image.secrets),
        "startup" => value(&image.startup),
        "scanned" => value(&image.scanned),
        "gaps" => value(&image.gaps),
        "notes" => value(&image.notes),
        _ => return None,
    })
}

/// A part of the facts as the facts document has it.
fn value<'a>(part: &impl Serialize) -> Value<'a> {
    serde_json::to_value(part).map_or(Value::Null, of_json)
}

fn of_json<'a>(json: Json) -> Value<'a> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        // Sizes above 2^63 bytes do not occur; what claims so counts as the largest number.
        Json::Number(number) => match (number.as_i64(), number.is_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, true) => Value::Int(i64::MAX),
            (None, false) => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(Rc::from(text)),
        Json::Array(list) => Value::List(Rc::new(list.into_iter().map(of_json).collect())),
        Json::Object(map) => Value::Map(Rc::new(map.into_iter().map(|(key, value)| (key, of_json(value))).collect())),
    }
}
