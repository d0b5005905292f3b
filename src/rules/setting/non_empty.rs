//! Lists that must name something.

use serde::{Deserialize, Deserializer, de::Error as _};

/// A list with at least one element: an empty one would match nothing, and a rule that matches nothing is always green.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NonEmpty<T>(Vec<T>);

impl<T> NonEmpty<T> {
    /// A list of this one element.
    #[must_use]
    pub fn one(element: T) -> Self {
        Self(vec![element])
    }

    /// A list of this element and others.
    #[must_use]
    pub fn of(first: T, mut others: Vec<T>) -> Self {
        others.insert(0, first);
        Self(others)
    }
}

impl<T> std::ops::Deref for NonEmpty<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> From<NonEmpty<T>> for Vec<T> {
    fn from(list: NonEmpty<T>) -> Self {
        list.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NonEmpty<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::deserialize(deserializer)?;
        if list.is_empty() {
            return Err(D::Error::custom("an empty list matches nothing: name at least one, or turn the rule `off`"));
        }
        Ok(Self(list))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for NonEmpty<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("NonEmpty_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let items = generator.subschema_for::<T>();
        schemars::json_schema!({ "type": "array", "items": items, "minItems": 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn an_empty_list_is_refused_at_its_place() {
        let error = read::<NonEmpty<String>>("[]").expect_err("empty");
        assert_eq!(error, "1:4: an empty list matches nothing: name at least one, or turn the rule `off`");
        assert_eq!(read::<NonEmpty<String>>("[a]"), Ok(NonEmpty::one("a".to_owned())));
    }
}
