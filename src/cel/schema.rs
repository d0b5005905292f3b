//! Kinds of values, and which fields the facts have: from the schema of the facts document.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::model::ImageFacts;

/// The object that `image` is.
pub(super) const IMAGE: &str = "ImageFacts";
/// Deepest nesting of kinds inside one definition.
const MAX_DEPTH: usize = 16;

/// Lists that grow with the image: paths into `image`.
pub(super) const LONG: &[&[&str]] = &[&["files"], &["hidden"], &["packages", "list"], &["secrets"]];

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// Nothing is known of it.
    Any,
    Null,
    Bool,
    Int,
    Double,
    Text,
    /// One of these words.
    Word(Vec<String>),
    List(Box<Type>),
    /// Any text as key.
    Map(Box<Type>),
    /// An object of that name.
    Object(String),
    /// That, or null.
    Nullable(Box<Type>),
}

impl Type {
    /// What it is, for people: `text`, `a list of numbers`.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Any => "anything".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Bool => "a boolean".to_owned(),
            Self::Int => "a whole number".to_owned(),
            Self::Double => "a number".to_owned(),
            Self::Text | Self::Word(_) => "text".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Map(_) => "a map".to_owned(),
            Self::Object(name) => format!("an object ({name})"),
            Self::Nullable(kind) => format!("{} or null", kind.describe()),
        }
    }

    /// The kind without null.
    pub(super) fn present(&self) -> &Self {
        match self {
            Self::Nullable(kind) => kind,
            kind => kind,
        }
    }
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) kind: Type,
    pub(super) about: String,
}

/// An object: its fields by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) about: String,
    pub(super) fields: BTreeMap<String, Field>,
}

/// All objects of the facts, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) objects: BTreeMap<String, Object>,
}

/// Name, kind and meaning of a field.
type Short = (&'static str, fn() -> Type, &'static str);

/// Fields of `image` that are no facts by themselves but shorter ways to some.
const SHORT: &[Short] = &[
    ("env", || Type::Map(Box::new(Type::Text)), "`config.env` as a map; the last value of a name counts."),
    ("labels", || Type::Map(Box::new(Type::Text)), "`config.labels`."),
    ("compressed_size", || Type::Int, "Sum of the stored bytes of all layers."),
    (
        "uncompressed_size",
        || Type::Nullable(Box::new(Type::Int)),
        "Sum of the uncompressed archives of all layers; null when one could not be read.",
    ),
];

impl Schema {
    /// The schema of [`ImageFacts`].
    pub(super) fn of_facts() -> &'static Self {
        static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
            let mut schema = Schema::read(&schemars::schema_for!(ImageFacts).to_value());
            let image = schema.objects.entry(IMAGE.to_owned()).or_default();
            for (name, kind, about) in SHORT {
                image.fields.insert((*name).to_owned(), Field { kind: kind(), about: (*about).to_owned() });
            }
            schema
        });
        &SCHEMA
    }

    fn read(root: &Json) -> Self {
        let mut schema = Self::default();
        let empty = serde_json::Map::new();
        let definitions = root.get("$defs").and_then(Json::as_object).unwrap_or(&empty);
        for (name, definition) in std::iter::once((IMAGE, root)).chain(definitions.iter().map(|(n, d)| (n.as_str(), d)))
        {
            if let Some(properties) = definition.get("properties").and_then(Json::as_object) {
                let field = |(name, property): (&String, &Json)| {
                    let about = text(property, "description");
                    (name.clone(), Field { kind: kind(property, definitions, 0), about })
                };
                let object =
                    Object { about: text(definition, "description"), fields: properties.iter().map(field).collect() };
                schema.objects.insert(name.to_owned(), object);
            }
        }
        schema
    }

    /// An object by name.
    pub(super) fn object(&self, name: &str) -> Option<&Object> {
        self.objects.get(name)
    }
}

fn text(node: &Json, key: &str) -> String {
    node.get(key).and_then(Json::as_str).unwrap_or_default().to_owned()
}

type Definitions = serde_json::Map<String, Json>;

/// The kind that a JSON schema describes.
fn kind(node: &Json, definitions: &Definitions, depth: usize) -> Type {
    if depth > MAX_DEPTH {
        return Type::Any;
    }
    let again = |node: &Json| kind(node, definitions, depth + 1);
    if let Some(name) = node.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/")) {
        return match definitions.get(name) {
            Some(definition) if definition.get("properties").is_some() => Type::Object(name.to_owned()),
            Some(definition) => again(definition),
            None => Type::Any,
        };
    }
    if let Some(words) = words(node) {
        return Type::Word(words);
    }
    if let Some(choices) = node.get("anyOf").or_else(|| node.get("oneOf")).and_then(Json::as_array) {
        let (nulls, others): (Vec<&Json>, Vec<&Json>) =
            choices.iter().partition(|choice| choice.get("type").and_then(Json::as_str) == Some("null"));
        return match (nulls.is_empty(), others.as_slice()) {
            (false, [one]) => Type::Nullable(Box::new(again(one))),
            _ => Type::Any,
        };
    }
    match node.get("type") {
        Some(Json::String(name)) => plain(name, node, &again),
        Some(Json::Array(names)) => {
            let names: Vec<&str> = names.iter().filter_map(Json::as_str).collect();
            match names.as_slice() {
                [one, "null"] | ["null", one] => Type::Nullable(Box::new(plain(one, node, &again))),
                _ => Type::Any,
            }
        }
        _ => Type::Any,
    }
}

fn plain(name: &str, node: &Json, again: &dyn Fn(&Json) -> Type) -> Type {
    match name {
        "null" => Type::Null,
        "boolean" => Type::Bool,
        "integer" => Type::Int,
        "number" => Type::Double,
        "string" => Type::Text,
        "array" => {
            let elements: Vec<Type> = match (node.get("items"), node.get("prefixItems").and_then(Json::as_array)) {
                (_, Some(all)) => all.iter().map(again).collect(),
                (Some(items), None) => vec![again(items)],
                (None, None) => Vec::new(),
            };
            let same = elements.first().filter(|first| elements.iter().all(|one| one == *first));
            Type::List(Box::new(same.cloned().unwrap_or(Type::Any)))
        }
        "object" => match node.get("additionalProperties") {
            Some(values) if node.get("properties").is_none() => Type::Map(Box::new(again(values))),
            _ => Type::Any,
        },
        _ => Type::Any,
    }
}

/// The words of an enumeration.
fn words(node: &Json) -> Option<Vec<String>> {
    let texts = |all: &[Json]| all.iter().map(|one| one.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
    if let Some(all) = node.get("enum").and_then(Json::as_array) {
        return texts(all);
    }
    let choices = node.get("oneOf").and_then(Json::as_array)?;
    let constants: Option<Vec<Json>> = choices.iter().map(|choice| choice.get("const").cloned()).collect();
    texts(&constants?)
}
