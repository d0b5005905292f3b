//! JSON as all formats write and read it.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::ser::{Formatter, PrettyFormatter};

use super::ReadError;
use crate::report::escape;

/// Writes a value with two blanks per level, LF, and one newline at the end. Characters that act on a terminal are written
/// as escapes, which mean the same.
pub(super) fn write(value: &impl Serialize) -> String {
    let mut bytes = Vec::with_capacity(1 << 16);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Safe(PrettyFormatter::new()));
    value.serialize(&mut serializer).expect("all keys are text and no value can fail to serialise");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("the serialiser writes UTF-8")
}

struct Safe(PrettyFormatter<'static>);

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // `##[` and the like are commands to CI runners; a fragment ends at an escape only, so that it holds all of one.
        let harmless =
            fragment.is_ascii() && memchr::memchr(0x7f, fragment.as_bytes()).is_none() && !fragment.contains("##");
        if harmless {
            writer.write_all(fragment.as_bytes())
        } else {
            writer.write_all(escape::json(fragment).as_bytes())
        }
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// Reads a value into the types of a format, and names what they have no place for: paths with `[]` for every element of
/// an array, each once.
pub(super) fn read<T: DeserializeOwned + Serialize>(value: &Value) -> Result<(T, Vec<String>), ReadError> {
    let typed = T::deserialize(value).map_err(|error| ReadError::Shape(error.to_string()))?;
    let known = serde_json::to_value(&typed).map_err(|error| ReadError::Shape(error.to_string()))?;
    let mut unknown = Vec::new();
    differences(value, &known, &mut String::new(), &mut unknown);
    unknown.sort();
    unknown.dedup();
    Ok((typed, unknown))
}

/// Distinct paths that are told.
const PATHS_MAX: usize = 1000;

fn differences(given: &Value, known: &Value, path: &mut String, unknown: &mut Vec<String>) {
    let length = path.len();
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (key, value) in given {
                path.push('.');
                path.push_str(super::text::cut(key, 80));
                match known.get(key) {
                    Some(known) => differences(value, known, path, unknown),
                    None => note(value, path, unknown),
                }
                path.truncate(length);
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            path.push_str("[]");
            for (given, known) in given.iter().zip(known) {
                differences(given, known, path, unknown);
            }
            if given.len() > known.len() {
                unknown.push(path.trim_start_matches('.').to_owned());
            }
            path.truncate(length);
        }
        _ => {}
    }
}

fn note(value: &Value, path: &str, unknown: &mut Vec<String>) {
    let says_nothing = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if says_nothing {
        return;
    }
    let path = path.trim_start_matches('.');
    if unknown.last().is_none_or(|last| last != path) {
        if unknown.len() >= PATHS_MAX {
            unknown.sort();
            unknown.dedup();
        }
        if unknown.len() < PATHS_MAX {
            unknown.push(path.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, serde::Deserialize)]
    struct Known {
        name: String,
        #[serde(default)]
        list: Vec<Inner>,
    }

    #[derive(Serialize, serde::Deserialize)]
    struct Inner {
        a: u8,
    }

    #[test]
    fn what_the_types_do_not_know_is_named() {
        let value =
            serde_json::json!({"name": "x", "more": 1, "empty": [], "list": [{"a": 1, "b": 2}, {"a": 1, "b": 3}]});
        let (known, unknown) = read::<Known>(&value).expect("readable");
        assert_eq!((known.name.as_str(), unknown), ("x", vec!["list[].b".to_owned(), "more".to_owned()]));
    }

    #[test]
    fn written_json_controls_no_terminal_and_means_the_same() {
        let text = "a\u{1b}[31m\u{202e}\u{7f}##[x]ü";
        let json = write(&text);
        assert!(!json.trim_end().chars().any(escape::is_dangerous), "{json:?}");
        assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
    }
}
