//! Values of variables that a rule looks for.

use serde::{Deserialize, Deserializer, de};

use super::NonEmpty;

/// One value or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Values(Vec<String>);

impl Values {
    /// Whether the value is one of these.
    #[must_use]
    pub fn contains(&self, value: &str) -> bool {
        self.0.iter().any(|one| one == value)
    }

    /// The values, in the order they were written.
    #[must_use]
    pub fn list(&self) -> &[String] {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;

        impl<'de> de::Visitor<'de> for OneOrMore {
            type Value = Values;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("a value in quotes, or a list of such")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Values, E> {
                Ok(Values(vec![text.to_owned()]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, elements: A) -> Result<Values, A::Error> {
                let list = NonEmpty::<String>::deserialize(de::value::SeqAccessDeserializer::new(elements))?;
                Ok(Values(list.into()))
            }
        }

        deserializer.deserialize_any(OneOrMore)
    }
}

impl schemars::JsonSchema for Values {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Values".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string" },
                { "type": "array", "items": { "type": "string" }, "minItems": 1 }
            ]
        })
    }
}
