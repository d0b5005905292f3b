//! Manifests and indexes (OCI image-spec, manifest.md and image-index.md; Docker image manifest v2 schema 2).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::model::{Digest, Platform};

use super::{JsonError, media_types, parse_strict};

/// A pointer to a blob (OCI image-spec, descriptor.md).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// Media type.
    pub media_type: String,
    /// Digest.
    pub digest: Digest,
    /// Size in bytes.
    pub size: u64,
    /// Other places to fetch it from: never used.
    pub urls: Vec<String>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// Platform, in an index; none when absent.
    pub platform: Option<Platform>,
    /// Artifact type.
    pub artifact_type: Option<String>,
}

/// An index or Docker manifest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// Media type, from the document, else from outside.
    pub media_type: String,
    /// Children in order.
    pub manifests: Vec<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest this refers to.
    pub subject: Option<Descriptor>,
    /// Artifact type.
    pub artifact_type: Option<String>,
}

/// An image manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Media type, from the document, else from outside.
    pub media_type: String,
    /// The config.
    pub config: Descriptor,
    /// Layers, bottom first.
    pub layers: Vec<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
    /// The manifest this refers to.
    pub subject: Option<Descriptor>,
    /// Artifact type.
    pub artifact_type: Option<String>,
}

/// What a digest can point at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// An index.
    Index(Index),
    /// A manifest.
    Manifest(Manifest),
}

/// Why a document was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// It is not strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A field is missing or of the wrong type.
    #[error("`{pointer}` {problem}")]
    Field {
        /// JSON pointer.
        pointer: String,
        /// What is wrong with it.
        problem: String,
    },
    /// It has the fields of an index and of a manifest.
    #[error("it is both an index and a manifest: it has `manifests` and `{0}`")]
    Ambiguous(&'static str),
    /// It has neither.
    #[error("it is neither an index nor a manifest")]
    Neither,
    /// The document says another media type than its descriptor or the server.
    #[error("it says its media type is `{inside}`, but it was announced as `{outside}`")]
    MediaType {
        /// In the document.
        inside: String,
        /// In the descriptor or the Content-Type header.
        outside: String,
    },
    /// A manifest of schema 1 or of another unsupported kind.
    #[error("`{0}` is not supported")]
    Unsupported(String),
}

/// Most children of an index, and most layers of a manifest.
const MOST: usize = 10_000;

/// Reads an index or a manifest. `announced` are the media types that descriptor and server gave it, empty ones ignored.
///
/// # Errors
/// [`OciError`]: everything ambiguous is refused.
pub fn parse_document(bytes: &[u8], announced: &[&str]) -> Result<Document, OciError> {
    let value = parse_strict(bytes)?;
    let fields = Fields::new(&value, "")?;
    if fields.map.get("schemaVersion").and_then(Value::as_u64) == Some(1) || fields.map.contains_key("fsLayers") {
        return Err(OciError::Unsupported("a manifest of schema version 1".to_owned()));
    }
    let is_index = fields.map.contains_key("manifests");
    let of_manifest = ["config", "layers", "blobs"].into_iter().find(|key| fields.map.contains_key(*key));
    if let (true, Some(key)) = (is_index, of_manifest) {
        return Err(OciError::Ambiguous(key));
    }
    let inside = fields.text("mediaType")?;
    let media_type = agreed_media_type(inside.as_deref(), announced, is_index)?;
    let annotations = fields.texts("annotations")?;
    let subject = fields.map.get("subject").filter(|value| !value.is_null());
    let subject = subject.map(|value| descriptor(value, "/subject")).transpose()?;
    let artifact_type = fields.text("artifactType")?;
    if is_index {
        let manifests = fields.list("manifests")?;
        return Ok(Document::Index(Index { media_type, manifests, annotations, subject, artifact_type }));
    }
    let Some(config) = fields.map.get("config") else { return Err(OciError::Neither) };
    let config = descriptor(config, "/config")?;
    let layers = fields.list("layers")?;
    Ok(Document::Manifest(Manifest { media_type, config, layers, annotations, subject, artifact_type }))
}

/// The one media type that document, descriptor and server agree on. What a server says of JSON in general says nothing.
fn agreed_media_type(inside: Option<&str>, announced: &[&str], is_index: bool) -> Result<String, OciError> {
    let mut agreed = inside.filter(|inside| !inside.is_empty());
    for outside in announced {
        let outside = outside.split(';').next().unwrap_or_default().trim();
        if outside.is_empty() || matches!(outside, "application/json" | "text/plain" | "application/octet-stream") {
            continue;
        }
        match agreed {
            None => agreed = Some(outside),
            Some(inside) if inside == outside => {}
            Some(inside) => {
                return Err(OciError::MediaType { inside: inside.to_owned(), outside: outside.to_owned() });
            }
        }
    }
    let known = if is_index {
        [media_types::OCI_INDEX, media_types::DOCKER_LIST]
    } else {
        [media_types::OCI_MANIFEST, media_types::DOCKER_MANIFEST]
    };
    match agreed {
        None => Ok(known[0].to_owned()),
        Some(agreed) if known.contains(&agreed) => Ok(agreed.to_owned()),
        Some(other) => {
            let shape = if is_index { "an index" } else { "a manifest" };
            Err(OciError::Unsupported(format!("media type {other} on what has the fields of {shape}")))
        }
    }
}

/// The fields of a JSON object, with its place for messages.
pub(super) struct Fields<'a> {
    pub(super) map: &'a Map<String, Value>,
    place: String,
}

impl<'a> Fields<'a> {
    pub(super) fn new(value: &'a Value, place: &str) -> Result<Self, OciError> {
        let map = value.as_object().ok_or_else(|| field(if place.is_empty() { "/" } else { place }, "is no object"))?;
        Ok(Self { map, place: place.to_owned() })
    }

    pub(super) fn at(&self, key: &str) -> String {
        format!("{}/{key}", self.place)
    }

    /// The value of a key; `null` counts as absent, as builders write it for empty lists and maps.
    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<String>, OciError> {
        let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(|| field(&self.at(key), "is no text"));
        self.get(key).map(text).transpose()
    }

    pub(super) fn texts(&self, key: &str) -> Result<BTreeMap<String, String>, OciError> {
        let Some(value) = self.get(key) else { return Ok(BTreeMap::new()) };
        let map = value.as_object().ok_or_else(|| field(&self.at(key), "is no object"))?;
        map.iter()
            .map(|(name, value)| {
                let text = value.as_str().ok_or_else(|| field(&self.at(key), "has a value that is no text"))?;
                Ok((name.clone(), text.to_owned()))
            })
            .collect()
    }

    pub(super) fn text_list(&self, key: &str) -> Result<Option<Vec<String>>, OciError> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let list = value.as_array().ok_or_else(|| field(&self.at(key), "is no list"))?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let texts: Option<Vec<String>> = list.iter().map(text).collect();
        texts.map(Some).ok_or_else(|| field(&self.at(key), "has an element that is no text"))
    }

    fn list(&self, key: &str) -> Result<Vec<Descriptor>, OciError> {
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let list = value.as_array().ok_or_else(|| field(&self.at(key), "is no list"))?;
        if list.len() > MOST {
            return Err(field(&self.at(key), format!("has {} elements, more than {MOST}", list.len())));
        }
        list.iter().enumerate().map(|(at, value)| descriptor(value, &format!("{}/{at}", self.at(key)))).collect()
    }
}

pub(super) fn field(pointer: &str, problem: impl Into<String>) -> OciError {
    OciError::Field { pointer: pointer.to_owned(), problem: problem.into() }
}

fn descriptor(value: &Value, place: &str) -> Result<Descriptor, OciError> {
    let fields = Fields::new(value, place)?;
    let digest = fields.text("digest")?.ok_or_else(|| field(&fields.at("digest"), "is missing"))?;
    let digest =
        digest.parse().map_err(|error: crate::model::DigestError| field(&fields.at("digest"), error.to_string()))?;
    let size = fields.get("size").and_then(Value::as_u64).filter(|size| i64::try_from(*size).is_ok());
    let platform = match fields.get("platform") {
        None => None,
        Some(value) => {
            let fields = Fields::new(value, &fields.at("platform"))?;
            let word = |key: &str| fields.text(key).map(Option::unwrap_or_default);
            Some(Platform::new(&word("os")?, &word("architecture")?, &word("variant")?))
        }
    };
    Ok(Descriptor {
        media_type: fields.text("mediaType")?.unwrap_or_default(),
        digest,
        size: size.ok_or_else(|| field(&fields.at("size"), "is no number of bytes"))?,
        urls: fields.text_list("urls")?.unwrap_or_default(),
        annotations: fields.texts("annotations")?,
        platform,
        artifact_type: fields.text("artifactType")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn refused(json: &str, announced: &[&str]) -> String {
        parse_document(json.as_bytes(), announced).expect_err("wrong on purpose").to_string()
    }

    #[test]
    fn ambiguous_documents_are_refused() {
        assert_eq!(
            refused(r#"{"manifests":[],"layers":[]}"#, &[]),
            "it is both an index and a manifest: it has `manifests` and `layers`"
        );
        assert_eq!(refused(r#"{"schemaVersion":2}"#, &[]), "it is neither an index nor a manifest");
        assert_eq!(
            refused(r#"{"manifests":[],"manifests":[]}"#, &[]),
            "the key `manifests` is given twice (line 1, column 27)"
        );
        assert!(refused(r#"{"manifests":[]}"#, &[media_types::OCI_MANIFEST]).contains("not supported"));
        let inside = format!(r#"{{"mediaType":"{}","manifests":[]}}"#, media_types::OCI_INDEX);
        assert!(refused(&inside, &[media_types::DOCKER_LIST]).starts_with("it says its media type is"));
        assert!(refused(r#"{"schemaVersion":1,"fsLayers":[]}"#, &[]).contains("schema version 1"));
    }

    #[test]
    fn fields_of_the_wrong_kind_are_named() {
        let of = |config: &str| refused(&format!(r#"{{"config":{config},"layers":[]}}"#), &[]);
        assert_eq!(of("[]"), "`/config` is no object");
        assert_eq!(of(r#"{"digest":"sha256:../x","size":1}"#).split("` ").next(), Some("`/config/digest"));
        assert_eq!(of(&format!(r#"{{"digest":"{DIGEST}","size":-1}}"#)), "`/config/size` is no number of bytes");
        assert_eq!(
            of(&format!(r#"{{"digest":"{DIGEST}","size":18446744073709551615}}"#)),
            "`/config/size` is no number of bytes"
        );
    }

    #[test]
    fn a_document_without_media_type_takes_the_announced_one() {
        let json = format!(r#"{{"schemaVersion":2,"config":{{"digest":"{DIGEST}","size":0}},"layers":null}}"#);
        let Ok(Document::Manifest(manifest)) =
            parse_document(json.as_bytes(), &[media_types::DOCKER_MANIFEST, "application/json; charset=utf-8"])
        else {
            panic!("a manifest");
        };
        assert_eq!(manifest.media_type, media_types::DOCKER_MANIFEST);
        assert!(manifest.layers.is_empty());
    }
}
