//! JSON without ambiguity: duplicate keys, trailing bytes and deep nesting are refused.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text is not strict JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct JsonError {
    /// What is wrong.
    pub message: String,
    /// Line from 1.
    pub line: usize,
    /// Column from 1.
    pub column: usize,
}

/// Parses strict JSON.
///
/// # Errors
/// [`JsonError`] for syntax, duplicate keys (image-spec forbids them), invalid UTF-8, nesting deeper than 128.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let place = |error: serde_json::Error| {
        let text = error.to_string();
        let message = text.split(" at line ").next().unwrap_or_default().to_owned();
        JsonError { message, line: error.line(), column: error.column() }
    };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut deserializer).map_err(place)?;
    deserializer.end().map_err(place)?;
    Ok(value)
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(Self)? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(de::Error::custom(format_args!("the key `{}` is given twice", key.escape_debug())));
            }
            let value = access.next_value_seed(Self)?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::parse_strict;

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        let message = |text: &[u8]| parse_strict(text).expect_err("ambiguous").message;
        assert_eq!(message(b"{\"a\":1,\"a\":2}"), "the key `a` is given twice");
        assert_eq!(message(b"{\"x\":{\"a\":1,\"\\u0061\":2}}"), "the key `a` is given twice");
        assert_eq!(message(b"{} {}"), "trailing characters");
        assert!(parse_strict(b"{\"a\":\"\xff\"}").is_err());
        assert!(parse_strict(&vec![b'['; 100_000]).is_err());
        assert!(parse_strict(b"{\"a\":NaN}").is_err());
    }

    #[test]
    fn ordinary_documents_are_read() {
        let value = parse_strict(br#"{"a":[1,-2,3.5,null,true,"x"]}"#).expect("good");
        assert_eq!(value["a"][1], -2);
        assert_eq!(value["a"].as_array().map(Vec::len), Some(6));
    }
}
