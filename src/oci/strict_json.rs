//! JSON without ambiguity: duplicate keys, trailing bytes and deep nesting are refused (RFC 8259, image-spec's
//! "duplicate keys" rule in canonicalization.md).

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Values in one document, counting every element and member: a bound on memory, since two bytes of text can become
/// hundreds in memory.
const MAX_VALUES: u32 = 200_000;

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
/// [`JsonError`] for syntax, duplicate keys (image-spec forbids them), invalid UTF-8, nesting deeper than 128, more
/// than 200000 values.
pub fn parse_strict(bytes: &[u8]) -> Result<Value, JsonError> {
    let left = Cell::new(MAX_VALUES);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { left: &left }.deserialize(&mut reader).map_err(|error| explain(&error))?;
    reader.end().map_err(|error| explain(&error))?;
    Ok(value)
}

fn explain(error: &serde_json::Error) -> JsonError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let message = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
    JsonError { message, line: line.max(1), column: column.max(1) }
}

/// Reads one value and everything below it.
#[derive(Clone, Copy)]
struct Strict<'a> {
    left: &'a Cell<u32>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let left = self.left.get();
        self.left.set(left.checked_sub(1).ok_or_else(|| D::Error::custom("more than 200000 values"))?);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
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

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(self)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key_seed(Key)? {
            if object.contains_key(&key) {
                let shown: String = key.chars().take(80).flat_map(char::escape_debug).collect();
                return Err(A::Error::custom(format_args!("duplicate key `{shown}`")));
            }
            let value = members.next_value_seed(self)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        String::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(text: &[u8]) -> String {
        parse_strict(text).expect_err("refused").to_string()
    }

    #[test]
    fn duplicate_keys_are_refused_at_any_depth_with_their_place() {
        let error = parse_strict(b"{\"a\": 1,\n \"b\": [{\"c\": 1, \"\\u0063\": 2}]}").expect_err("duplicate");
        assert_eq!(error.message, "duplicate key `c`");
        assert_eq!((error.line, error.column), (2, 24), "{error}");
        assert!(message(b"{\"a\":1,\"a\":1}").starts_with("duplicate key `a` (line 1, column "));
    }

    #[test]
    fn trailing_bytes_are_refused() {
        assert!(message(b"{} {}").starts_with("trailing characters"));
        assert!(parse_strict(b" {} \n").is_ok());
    }

    #[test]
    fn text_that_is_not_utf8_is_refused() {
        assert!(message(b"{\"a\": \"\xff\"}").contains("unicode"));
        assert!(parse_strict(b"{\"\xc3\x28\": 1}").is_err());
        assert!(parse_strict(b"\"\\ud800\"").is_err());
        assert!(parse_strict(b"\xef\xbb\xbf{}").is_err());
    }

    #[test]
    fn depth_and_count_are_bounded() {
        let nested = |depth: usize| [vec![b'['; depth], vec![b']'; depth]].concat();
        assert!(parse_strict(&nested(100)).is_ok());
        assert!(message(&nested(200)).contains("recursion limit"));
        assert!(message(&nested(1_000_000)).contains("recursion limit"));
        let many = format!("[{}0]", "0,".repeat(250_000));
        assert!(message(many.as_bytes()).starts_with("more than 200000 values"));
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert!(parse_strict(b"1e999").is_err());
        assert_eq!(parse_strict(b"18446744073709551615"), Ok(Value::from(u64::MAX)));
        assert!(parse_strict(b"NaN").is_err());
        assert!(parse_strict(b"01").is_err());
    }

    proptest! {
        #[test]
        fn whatever_serde_writes_is_read_back(text in "\\PC{0,20}", number in any::<i64>()) {
            let value = serde_json::json!({ "list": [number, null, true], "text": text, "in": { "x": 1.5 } });
            let bytes = serde_json::to_vec(&value).expect("serialises");
            prop_assert_eq!(parse_strict(&bytes), Ok(value));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_strict(&bytes);
        }
    }
}
