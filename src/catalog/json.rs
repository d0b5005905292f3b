//! JSON that may be damaged, deep or huge: what comes before the damage is kept.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::field;

/// Most values in one document; each takes about 32 bytes.
const VALUES: u32 = 3_000_000;

/// A document as far as it could be read.
#[derive(Debug)]
pub(super) struct Document {
    /// The tree; incomplete when there is damage.
    pub root: Value,
    /// What is wrong, and where.
    pub damage: Option<String>,
}

/// Reads a document: at most 128 levels deep (RFC 8259 section 9 allows limits), with a bounded number of values.
pub(super) fn parse(bytes: &[u8]) -> Document {
    let text = field::text(bytes);
    let mut root = Value::Null;
    let left = Cell::new(VALUES);
    let mut reader = serde_json::Deserializer::from_str(&text);
    let read = Slot { value: &mut root, left: &left }.deserialize(&mut reader).and_then(|()| reader.end());
    let damage = read.err().map(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the JSON ends early",
            _ if left.get() == 0 => "the JSON has too many values",
            _ => "the JSON is damaged",
        };
        format!("line {}: {what}", error.line())
    });
    Document { root, damage }
}

/// A value that is filled in place, so that what was read before an error stays.
struct Slot<'a> {
    value: &'a mut Value,
    left: &'a Cell<u32>,
}

impl<'de> DeserializeSeed<'de> for Slot<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        let Some(left) = self.left.get().checked_sub(1) else { return Err(D::Error::custom("too many values")) };
        self.left.set(left);
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Slot<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        *self.value = Value::Bool(value);
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        *self.value = value.into();
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        *self.value = Value::String(value.to_owned());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        *self.value = Value::Array(Vec::new());
        let Value::Array(values) = self.value else { return Ok(()) };
        loop {
            values.push(Value::Null);
            let Some(last) = values.last_mut() else { return Ok(()) };
            if list.next_element_seed(Slot { value: last, left: self.left })?.is_none() {
                values.pop();
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        *self.value = Value::Object(Map::new());
        let Value::Object(members) = self.value else { return Ok(()) };
        while let Some(key) = map.next_key::<String>()? {
            let value = members.entry(key).or_insert(Value::Null);
            *value = Value::Null;
            map.next_value_seed(Slot { value, left: self.left })?;
        }
        Ok(())
    }
}

/// A member that is a text, as one line; numbers count too, as people forget the quotes.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    match value.get(key)? {
        Value::String(text) => field::line(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A member that is a text, unchanged.
pub(super) fn raw<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str()
}

/// The members of an object; none of anything else.
pub(super) fn members(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

/// The elements of a list; of an object its values (some tools write lists so).
pub(super) fn elements(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(Value::Object(map)) => map.values().collect(),
        _ => Vec::new(),
    }
}

/// The elements of a list, or the one value that stands where a list may be.
pub(super) fn elements_or_one(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let list = match value {
        Some(Value::Array(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    list.iter()
}

/// A text, or the texts of a list.
pub(super) fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_before_the_damage_is_kept() {
        let document = parse(br#"{"a":{"b":[1,{"c":"d"},{"e":"#);
        assert_eq!(document.root.to_string(), r#"{"a":{"b":[1,{"c":"d"},{"e":null}]}}"#);
        assert_eq!(document.damage.as_deref(), Some("line 1: the JSON ends early"));
    }

    #[test]
    fn whole_documents_have_no_damage() {
        let document = parse(b"\xef\xbb\xbf{\"a\":[true,null,1.5,-2,\"x\"],\"a\":1}\n");
        assert_eq!(document.damage, None);
        assert_eq!(document.root.to_string(), r#"{"a":1}"#);
    }

    #[test]
    fn depth_and_number_of_values_are_bounded() {
        assert!(parse("[".repeat(100_000).as_bytes()).damage.is_some());
        let many = format!("[{}0]", "0,".repeat(VALUES as usize));
        assert_eq!(parse(many.as_bytes()).damage.as_deref(), Some("line 1: the JSON has too many values"));
    }
}
