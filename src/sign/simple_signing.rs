//! The payload of `.sig` layers (containers/image, "atomic container signature").

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::Digest;
use crate::oci::parse_strict;

use super::bundle::json_rejection;
use super::{Reason, Rejection};

/// The media type of the layer.
pub const SIMPLE_SIGNING_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const KIND: &str = "cosign container image signature";

/// What a `.sig` layer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSigning {
    /// The repository with its host, without tag.
    pub repository: String,
    /// The digest of the image.
    pub digest: Digest,
    /// Annotations that are texts.
    pub annotations: BTreeMap<String, String>,
}

fn refused(problem: &str) -> Rejection {
    Rejection::new(Reason::InvalidStatement, format!("the signed payload {problem}"))
}

impl SimpleSigning {
    /// Reads a payload.
    ///
    /// # Errors
    /// [`Reason::InvalidStatement`], [`Reason::InvalidPredicate`], [`Reason::InvalidJson`], [`Reason::InvalidDuplicateKey`].
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        let value = parse_strict(bytes).map_err(|error| json_rejection(&error))?;
        let root = value.as_object().ok_or_else(|| refused("is no object"))?;
        let critical =
            member(root, "critical")?.and_then(Value::as_object).ok_or_else(|| refused("has no `critical`"))?;
        if member(critical, "type")?.and_then(Value::as_str) != Some(KIND) {
            return Err(Rejection::new(Reason::InvalidPredicate, "the signed payload is no image signature"));
        }
        let image = member(critical, "image")?.and_then(Value::as_object).ok_or_else(|| refused("has no image"))?;
        let digest = member(image, "docker-manifest-digest")?.and_then(Value::as_str).unwrap_or_default();
        let identity = member(critical, "identity")?.and_then(Value::as_object);
        let repository = identity.map(|identity| member(identity, "docker-reference")).transpose()?.flatten();
        let annotations = match member(root, "optional")? {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(Value::Object(map)) => {
                map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
            }
            Some(_) => return Err(refused("has annotations that are no object")),
        };
        Ok(Self {
            repository: repository.and_then(Value::as_str).unwrap_or_default().to_owned(),
            digest: digest.parse().map_err(|_| refused("has no digest"))?,
            annotations,
        })
    }

    /// Whether it is about this image.
    pub(super) fn check(&self, subject: &Digest) -> Result<(), Rejection> {
        if self.digest == *subject {
            return Ok(());
        }
        Err(Rejection::new(Reason::InvalidSubject, format!("the signed payload is about {}", self.digest)))
    }

    /// The bytes to be signed: this field order, no spaces, `<`, `>` and `&` escaped as Go does.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let optional =
            if self.annotations.is_empty() { "null".to_owned() } else { go(&serde_json::json!(self.annotations)) };
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":{}}},"image":{{"docker-manifest-digest":{}}},"type":"{KIND}"}},"optional":{optional}}}"#,
            go(&Value::from(self.repository.as_str())),
            go(&Value::from(self.digest.to_string())),
        )
        .into_bytes()
    }
}

fn go(value: &Value) -> String {
    let text = value.to_string();
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => escaped.push_str(&format!("\\u{:04x}", u32::from(letter))),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A member by its name. Go takes keys whatever their case: a second spelling would mean two things.
fn member<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a Value>, Rejection> {
    if object.keys().any(|key| key != name && key.eq_ignore_ascii_case(name)) {
        let detail = format!("the signed payload spells `{name}` in another way too");
        return Err(Rejection::new(Reason::InvalidDuplicateKey, detail));
    }
    Ok(object.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload() -> SimpleSigning {
        SimpleSigning {
            repository: "registry.example/app".to_owned(),
            digest: Digest::of(b""),
            annotations: BTreeMap::new(),
        }
    }

    #[test]
    fn the_bytes_are_those_that_cosign_writes() {
        assert_eq!(
            String::from_utf8(payload().to_bytes()).expect("text"),
            "{\"critical\":{\"identity\":{\"docker-reference\":\"registry.example/app\"},\"image\":{\"docker-manifest-digest\":\
             \"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\
             \"type\":\"cosign container image signature\"},\"optional\":null}"
        );
        let annotated =
            SimpleSigning { annotations: [("b".into(), "<&>".into()), ("a".into(), "1".into())].into(), ..payload() };
        let text = String::from_utf8(annotated.to_bytes()).expect("text");
        assert!(text.ends_with("\"optional\":{\"a\":\"1\",\"b\":\"\\u003c\\u0026\\u003e\"}}"), "{text}");
        assert_eq!(SimpleSigning::read(text.as_bytes()).expect("read back"), annotated);
    }

    #[test]
    fn each_malformed_payload_has_its_reason() {
        let good = String::from_utf8(payload().to_bytes()).expect("text");
        let reason = |text: String| {
            let read = SimpleSigning::read(text.as_bytes()).and_then(|payload| payload.check(&Digest::of(b"")));
            read.err().map_or(Reason::Verified, |rejection| rejection.reason)
        };
        assert_eq!(reason(good.clone()), Reason::Verified);
        assert_eq!(reason(good.replace("cosign container", "atomic container")), Reason::InvalidPredicate);
        assert_eq!(reason(good.replace("sha256:e3", "sha256:e4")), Reason::InvalidSubject);
        assert_eq!(reason(good.replace("sha256:", "sha256")), Reason::InvalidStatement);
        assert_eq!(reason(good.replace("\"type\"", "\"Type\":\"x\",\"type\"")), Reason::InvalidDuplicateKey);
        assert_eq!(reason(good.replace("\"type\"", "\"type\":\"x\",\"type\"")), Reason::InvalidDuplicateKey);
        assert_eq!(reason(good.replace("null", "3")), Reason::InvalidStatement);
        assert_eq!(reason(good.replace("{\"critical\"", "{\"other\"")), Reason::InvalidStatement);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = SimpleSigning::read(&bytes);
        }
    }
}
