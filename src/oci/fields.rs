//! Typed access to the members of JSON objects, as strict as the programs that run images are lenient.
//!
//! Those programs are written in Go, whose decoder takes `user` for `User` and lets the last one win. So a key is
//! found whatever its case, and two keys that such a decoder would take for the same field are refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::OciError;

/// One JSON object and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Object<'a> {
    pointer: String,
    members: &'a Map<String, Value>,
}

/// Where a value stands, and the value; never null.
type Found<'a> = (String, &'a Value);

fn field(pointer: &str, problem: impl Into<String>) -> OciError {
    let pointer = if pointer.is_empty() { "/" } else { pointer };
    OciError::Field { pointer: pointer.to_owned(), problem: problem.into() }
}

/// Folds a key as Go's `encoding/json` does: ASCII case, and the two letters that fold into ASCII.
fn folds_to(key: &str, name: &str) -> bool {
    let folded = key.chars().map(|letter| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    });
    folded.eq(name.chars().map(|letter| letter.to_ascii_lowercase()))
}

/// One step of a JSON pointer (RFC 6901), escaped and bounded.
pub(super) fn step(pointer: &str, key: &str) -> String {
    let shown: String = key.chars().take(80).collect();
    format!("{pointer}/{}", shown.replace('~', "~0").replace('/', "~1"))
}

impl<'a> Object<'a> {
    pub(super) fn new(pointer: &str, value: &'a Value) -> Result<Self, OciError> {
        let members = value.as_object().ok_or_else(|| field(pointer, "is not an object"))?;
        Ok(Self { pointer: pointer.to_owned(), members })
    }

    pub(super) fn error(&self, name: &str, problem: impl Into<String>) -> OciError {
        field(&step(&self.pointer, name), problem)
    }

    /// Whether the key is there, be its value null.
    pub(super) fn has(&self, name: &str) -> bool {
        self.members.keys().any(|key| folds_to(key, name))
    }

    /// The value of a field; none when it is absent or null.
    pub(super) fn get(&self, name: &str) -> Result<Option<Found<'a>>, OciError> {
        let mut found: Option<(&String, &Value)> = None;
        for (key, value) in self.members {
            if !folds_to(key, name) {
                continue;
            }
            if let Some((other, _)) = found {
                return Err(self.error(name, format!("is given twice, as `{other}` and as `{key}`")));
            }
            found = Some((key, value));
        }
        Ok(found.filter(|(_, value)| !value.is_null()).map(|(key, value)| (step(&self.pointer, key), value)))
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, OciError> {
        let Some((pointer, value)) = self.get(name)? else { return Ok(None) };
        value.as_str().map(|text| Some(text.to_owned())).ok_or_else(|| field(&pointer, "is not a string"))
    }

    pub(super) fn text_or_empty(&self, name: &str) -> Result<String, OciError> {
        Ok(self.text(name)?.unwrap_or_default())
    }

    pub(super) fn required_text(&self, name: &str) -> Result<String, OciError> {
        self.text(name)?.ok_or_else(|| self.error(name, "is missing"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, OciError> {
        let Some((pointer, value)) = self.get(name)? else { return Ok(false) };
        value.as_bool().ok_or_else(|| field(&pointer, "is neither true nor false"))
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, OciError> {
        let Some((pointer, value)) = self.get(name)? else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| field(&pointer, "is not a whole number that fits 64 bits"))
    }

    /// A number of bytes: from 0 to 2^63 - 1.
    pub(super) fn size(&self, name: &str) -> Result<u64, OciError> {
        let size = self.integer(name)?.ok_or_else(|| self.error(name, "is missing"))?;
        u64::try_from(size).map_err(|_| self.error(name, "is negative"))
    }

    pub(super) fn array(&self, name: &str, most: usize) -> Result<Option<Vec<Found<'a>>>, OciError> {
        let Some((pointer, value)) = self.get(name)? else { return Ok(None) };
        let elements = value.as_array().ok_or_else(|| field(&pointer, "is not an array"))?;
        if elements.len() > most {
            return Err(field(&pointer, format!("has more than {most} elements")));
        }
        Ok(Some(elements.iter().enumerate().map(|(at, value)| (format!("{pointer}/{at}"), value)).collect()))
    }

    pub(super) fn texts(&self, name: &str, most: usize) -> Result<Option<Vec<String>>, OciError> {
        let Some(elements) = self.array(name, most)? else { return Ok(None) };
        let text = |(pointer, value): &Found<'_>| {
            value.as_str().map(str::to_owned).ok_or_else(|| field(pointer, "is not a string"))
        };
        elements.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// A command: an array of strings, or one string as Docker also takes it.
    pub(super) fn command(&self, name: &str, most: usize) -> Result<Option<Vec<String>>, OciError> {
        match self.get(name)? {
            Some((_, Value::String(text))) => Ok(Some(vec![text.clone()])),
            _ => self.texts(name, most),
        }
    }

    /// A nested object; none when absent or null.
    pub(super) fn object(&self, name: &str) -> Result<Option<Object<'a>>, OciError> {
        self.get(name)?.map(|(pointer, value)| Object::new(&pointer, value)).transpose()
    }

    /// An object whose keys are free and whose values are strings.
    pub(super) fn text_map(&self, name: &str) -> Result<BTreeMap<String, String>, OciError> {
        let Some(object) = self.object(name)? else { return Ok(BTreeMap::new()) };
        let text = |(key, value): (&String, &Value)| match value {
            Value::String(text) => Ok((key.clone(), text.clone())),
            // Go decodes null to the empty string.
            Value::Null => Ok((key.clone(), String::new())),
            _ => Err(object.error(key, "is not a string")),
        };
        object.members.iter().map(text).collect()
    }

    /// The keys of an object that is used as a set, sorted.
    pub(super) fn keys(&self, name: &str) -> Result<Vec<String>, OciError> {
        let Some(object) = self.object(name)? else { return Ok(Vec::new()) };
        let mut keys: Vec<String> = object.members.keys().cloned().collect();
        keys.sort_unstable();
        Ok(keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_field_written_twice_in_different_case_is_refused() {
        let value = json!({ "User": "1000", "u\u{17f}er": "root" });
        let error = Object::new("/config", &value).expect("object").text("User").expect_err("ambiguous");
        assert_eq!(error.to_string(), "`/config/User` is given twice, as `User` and as `u\u{17f}er`");
    }

    #[test]
    fn a_field_in_other_case_is_found_as_runtimes_find_it() {
        let value = json!({ "entryPoint": "sh" });
        let object = Object::new("", &value).expect("object");
        assert_eq!(object.command("Entrypoint", 9), Ok(Some(vec!["sh".to_owned()])));
    }

    #[test]
    fn errors_point_at_the_value() {
        let value = json!({ "a": ["x", 1], "m": { "k/v": 1 }, "n": -1 });
        let object = Object::new("", &value).expect("object");
        assert_eq!(object.texts("a", 9).expect_err("number").to_string(), "`/a/1` is not a string");
        assert_eq!(object.texts("a", 1).expect_err("long").to_string(), "`/a` has more than 1 elements");
        assert_eq!(object.text_map("m").expect_err("number").to_string(), "`/m/k~1v` is not a string");
        assert_eq!(object.size("n").expect_err("negative").to_string(), "`/n` is negative");
        assert_eq!(object.size("none").expect_err("absent").to_string(), "`/none` is missing");
    }
}
