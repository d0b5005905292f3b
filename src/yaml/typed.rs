//! Tree to typed values, through serde: every complaint carries the place it is about.

use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Expected, Unexpected, Visitor};

use super::{Member, Node, Scalar, Span, Value};

/// Why a YAML text was refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// Where. The whole text when serde knew no place.
    pub span: Span,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    /// A second place that belongs to it, and what is there.
    pub related: Option<Box<(Span, &'static str)>>,
    placed: bool,
}

impl YamlError {
    /// A complaint about the text at `span`.
    #[must_use]
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), hint: None, related: None, placed: true }
    }

    /// The same complaint with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same complaint with a second place, and what is there.
    #[must_use]
    pub fn with_related(mut self, span: Span, what: &'static str) -> Self {
        self.related = Some(Box::new((span, what)));
        self
    }

    /// The same complaint about a text that starts that many bytes further on.
    #[must_use]
    pub fn shifted(mut self, bytes: usize) -> Self {
        self.span = self.span.shifted(bytes);
        if let Some(related) = &mut self.related {
            related.0 = related.0.shifted(bytes);
        }
        self
    }

    fn at(mut self, span: Span) -> Self {
        if !self.placed {
            self.span = span;
            self.placed = true;
        }
        self
    }
}

impl de::Error for YamlError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { span: Span::default(), message: message.to_string(), hint: None, related: None, placed: false }
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let wanted = wanted.to_string();
        let mut error = Self::custom(format!("{} is wanted here, not {}", plain_words(&wanted), seen(&found)));
        let scalar = matches!(
            found,
            Unexpected::Bool(_) | Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_)
        );
        if scalar && wanted == "a string" {
            error.hint = Some("put the value in quotes".to_owned());
        }
        error
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::custom(format!("{} is wanted here, not {}", plain_words(&wanted.to_string()), seen(&found)))
    }

    fn invalid_length(length: usize, wanted: &dyn Expected) -> Self {
        Self::custom(format!("{} is wanted here, not {length} elements", plain_words(&wanted.to_string())))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let mut error = Self::custom(format!("unknown key `{field}`"));
        error.hint = suggest(field, expected);
        error
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let mut error = Self::custom(format!("unknown value `{variant}`"));
        error.hint = suggest(variant, expected);
        error
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("`{field}` is missing"))
    }
}

/// Serde's words for what a type expects, in the words of a policy's author.
fn plain_words(wanted: &str) -> &str {
    match wanted {
        "a string" | "a borrowed string" => "text",
        "a boolean" => "`true` or `false`",
        "a sequence" => "a list",
        "a map" => "a table",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number, 0 or more",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        _ if wanted.starts_with("struct ") => "a table",
        _ => wanted,
    }
}

/// What was found instead.
fn seen(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("the boolean `{value}`"),
        Unexpected::Unsigned(value) => format!("the number `{value}`"),
        Unexpected::Signed(value) => format!("the number `{value}`"),
        Unexpected::Float(value) => format!("the number `{value}`"),
        Unexpected::Str(text) if text.chars().count() <= 60 => format!("the text `{text}`"),
        Unexpected::Str(_) => "a long text".to_owned(),
        Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Map => "a table".to_owned(),
        other => other.to_string(),
    }
}

/// "did you mean" for a word and the words that are known, else the list of known words.
#[must_use]
pub fn suggest(word: &str, known: &[&str]) -> Option<String> {
    let best = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0));
    match best {
        Some((_, candidate)) => Some(format!("did you mean `{candidate}`?")),
        None if known.is_empty() => None,
        None => {
            Some(format!("known are {}", known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")))
        }
    }
}

/// Reads a typed value from the tree.
///
/// # Errors
/// [`YamlError`] at the innermost key or value that is wrong.
pub fn read<T: DeserializeOwned>(node: &Node) -> Result<T, YamlError> {
    T::deserialize(node).map_err(|error: YamlError| error.at(node.span))
}

macro_rules! forward {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> { self.deserialize_any(visitor) }
    )* };
}

impl<'de> de::Deserializer<'de> for &'de Node {
    type Error = YamlError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        let result = match &self.value {
            Value::Scalar(_, Scalar::Null) => visitor.visit_unit(),
            Value::Scalar(_, Scalar::Bool(value)) => visitor.visit_bool(*value),
            Value::Scalar(_, Scalar::Integer(value)) => match u64::try_from(*value) {
                Ok(value) => visitor.visit_u64(value),
                Err(_) => visitor.visit_i64(*value),
            },
            Value::Scalar(_, Scalar::Float(value)) => visitor.visit_f64(*value),
            Value::Scalar(text, Scalar::Text) => visitor.visit_borrowed_str(text),
            Value::List(elements) => {
                let mut rest = Elements(elements.iter());
                match visitor.visit_seq(&mut rest) {
                    // A tuple takes what it needs: what it leaves must not go unnoticed.
                    Ok(_) if rest.0.len() > 0 => {
                        let extra = rest.0.as_slice()[0].span;
                        Err(YamlError::new(extra, "more elements than are wanted here"))
                    }
                    result => result,
                }
            }
            Value::Table(members) => visitor.visit_map(Members { rest: members.iter(), current: None }),
        };
        result.map_err(|error| error.at(self.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        match &self.value {
            Value::Scalar(_, Scalar::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, YamlError> {
        visitor.visit_newtype_struct(self).map_err(|error| error.at(self.span))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, YamlError> {
        let result = match &self.value {
            Value::Scalar(text, Scalar::Text) => visitor.visit_enum(de::value::StrDeserializer::new(text)),
            Value::Table(members) if members.len() == 1 => visitor
                .visit_enum(de::value::MapAccessDeserializer::new(Members { rest: members.iter(), current: None })),
            _ => Err(de::Error::custom(format!("a word is wanted here, not {}", self.describe()))),
        };
        result.map_err(|error: YamlError| error.at(self.span))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlError> {
        visitor.visit_unit()
    }

    forward! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string
        deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_seq deserialize_map deserialize_identifier
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, YamlError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, YamlError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, YamlError> {
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, YamlError> {
        self.deserialize_any(visitor)
    }
}

struct Elements<'de>(std::slice::Iter<'de, Node>);

impl<'de> de::SeqAccess<'de> for &mut Elements<'de> {
    type Error = YamlError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, YamlError> {
        self.0.next().map(|node| seed.deserialize(node).map_err(|error| error.at(node.span))).transpose()
    }
}

struct Members<'de> {
    rest: std::slice::Iter<'de, Member>,
    current: Option<&'de Member>,
}

impl<'de> de::MapAccess<'de> for Members<'de> {
    type Error = YamlError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, YamlError> {
        self.current = self.rest.next();
        let Some(member) = self.current else { return Ok(None) };
        let key = de::value::BorrowedStrDeserializer::<YamlError>::new(&member.key);
        seed.deserialize(key).map(Some).map_err(|error| error.at(member.key_span))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, YamlError> {
        let Some(member) = self.current else { return Err(de::Error::custom("a value without a key")) };
        seed.deserialize(&member.value).map_err(|error| error.at(member.value.span))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Budget {
        max_size: u64,
        #[serde(default)]
        paths: Vec<String>,
    }

    fn complaint(text: &str) -> (usize, usize, String, Option<String>) {
        let error = parse(text).and_then(|node| read::<Budget>(&node)).expect_err("wrong on purpose");
        (error.span.line, error.span.column, error.message, error.hint)
    }

    #[test]
    fn every_complaint_has_its_place() {
        assert_eq!(
            complaint("max-size: 1\nmax-sise: 2\n"),
            (2, 1, "unknown key `max-sise`".to_owned(), Some("did you mean `max-size`?".to_owned()))
        );
        assert_eq!(complaint("max-size: 1\npaths: [a, 2]\n").0, 2);
        assert_eq!(complaint("max-size: 1\npaths: [a, 2]\n").1, 12);
        assert_eq!(complaint("max-size: 'x'\n").1, 11);
        assert_eq!(complaint("paths: []\n").2, "`max-size` is missing");
        assert_eq!(complaint("max-size: 1\nmax-size: 2\n").2, "`max-size` is given twice, first in line 1");
        assert_eq!(complaint("max-size: &a 1\n").0, 1);
        assert_eq!(complaint("max-size: 1\n---\nx: 1\n").2, "a second document in one file");
    }

    #[test]
    fn nothing_is_coerced() {
        let node = parse("a: off\nb: 1.4\nc: '1'\nd: 2GB\ne: 2027-01-15\n").expect("good");
        let kinds: Vec<_> = node.table().expect("table").iter().map(|member| member.value.describe()).collect();
        assert_eq!(kinds, ["text", "a number", "text", "text", "text"]);
    }
}
