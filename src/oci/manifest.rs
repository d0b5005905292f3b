//! Manifests and indexes (OCI image-spec, manifest.md and image-index.md; Docker image manifest v2 schema 2).

use std::collections::BTreeMap;

use crate::model::{Digest, DigestError, Platform};

use super::fields::Object;
use super::{JsonError, media_types, parse_strict};

/// Children of one index. An OCI layout's `index.json` may list a whole store.
const MAX_CHILDREN: usize = 10_000;
/// Layers of one manifest; runtimes stop far below.
const MAX_LAYERS: usize = 1_000;
/// Places of one blob: never used, only counted.
const MAX_URLS: usize = 1_000;

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
    #[error("its own media type is `{inside}`, but it was announced as `{outside}`")]
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

/// Reads an index or a manifest. `announced` are the media types that descriptor and server gave it. Those that name no
/// format of their own are ignored: empty ones, `application/json`, `text/plain; charset=utf-8`.
///
/// # Errors
/// [`OciError`]: everything ambiguous is refused.
pub fn parse_document(bytes: &[u8], announced: &[&str]) -> Result<Document, OciError> {
    let value = parse_strict(bytes)?;
    let object = Object::new("", &value)?;
    let inside = object.text("mediaType")?.filter(|inside| !inside.is_empty());
    let media_type = agreed_type(inside, announced)?;
    refuse_schema_1(&object, media_type.as_deref())?;
    let of_manifest = ["config", "layers", "fsLayers"].into_iter().find(|name| object.has(name));
    match (object.has("manifests"), of_manifest) {
        (true, Some(other)) => Err(OciError::Ambiguous(other)),
        (true, None) => read_index(&object, media_type).map(Document::Index),
        (false, Some(_)) => read_manifest(&object, media_type).map(Document::Manifest),
        (false, None) => Err(match media_type {
            Some(other) if !is_known(&other) => OciError::Unsupported(other),
            _ => OciError::Neither,
        }),
    }
}

pub(super) fn is_index_type(media_type: &str) -> bool {
    matches!(media_type, media_types::OCI_INDEX | media_types::DOCKER_LIST)
}

pub(super) fn is_manifest_type(media_type: &str) -> bool {
    matches!(media_type, media_types::OCI_MANIFEST | media_types::DOCKER_MANIFEST)
}

fn is_known(media_type: &str) -> bool {
    is_index_type(media_type) || is_manifest_type(media_type)
}

/// Whether it is Docker's first manifest format, signed or not.
pub(super) fn is_schema_1_type(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
}

/// The one media type that the document and everyone who announced it agree on.
fn agreed_type(inside: Option<String>, announced: &[&str]) -> Result<Option<String>, OciError> {
    let bare = |text: &&str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mut agreed = inside;
    for outside in announced.iter().map(bare).filter(|outside| outside.starts_with("application/vnd.")) {
        match &agreed {
            Some(agreed) if *agreed != outside => {
                return Err(OciError::MediaType { inside: agreed.clone(), outside });
            }
            _ => agreed = Some(outside),
        }
    }
    Ok(agreed)
}

fn refuse_schema_1(object: &Object<'_>, media_type: Option<&str>) -> Result<(), OciError> {
    let version = object.integer("schemaVersion")?;
    let by_type = media_type.is_some_and(is_schema_1_type);
    if by_type || version == Some(1) {
        return Err(OciError::Unsupported("Docker image manifest, schema 1".to_owned()));
    }
    match version {
        None | Some(2) => Ok(()),
        Some(other) => Err(object.error("schemaVersion", format!("is {other}, not 2"))),
    }
}

fn read_index(object: &Object<'_>, media_type: Option<String>) -> Result<Index, OciError> {
    let media_type = media_type.unwrap_or_else(|| media_types::OCI_INDEX.to_owned());
    if is_manifest_type(&media_type) {
        return Err(object.error("mediaType", "is that of a manifest, but the document has `manifests`"));
    }
    if !is_index_type(&media_type) {
        return Err(OciError::Unsupported(media_type));
    }
    Ok(Index {
        manifests: descriptors(object, "manifests", MAX_CHILDREN)?,
        annotations: object.text_map("annotations")?,
        subject: object.object("subject")?.as_ref().map(descriptor).transpose()?,
        artifact_type: object.text("artifactType")?,
        media_type,
    })
}

fn read_manifest(object: &Object<'_>, media_type: Option<String>) -> Result<Manifest, OciError> {
    let media_type = media_type.unwrap_or_else(|| media_types::OCI_MANIFEST.to_owned());
    if is_index_type(&media_type) {
        return Err(object.error("mediaType", "is that of an index, but the document is a manifest"));
    }
    if !is_manifest_type(&media_type) {
        return Err(OciError::Unsupported(media_type));
    }
    let config = object.object("config")?.ok_or_else(|| object.error("config", "is missing"))?;
    Ok(Manifest {
        config: descriptor(&config)?,
        layers: descriptors(object, "layers", MAX_LAYERS)?,
        annotations: object.text_map("annotations")?,
        subject: object.object("subject")?.as_ref().map(descriptor).transpose()?,
        artifact_type: object.text("artifactType")?,
        media_type,
    })
}

/// An array of descriptors; null is an empty one, as Go writes it.
fn descriptors(object: &Object<'_>, name: &str, most: usize) -> Result<Vec<Descriptor>, OciError> {
    let elements = object.array(name, most)?.unwrap_or_default();
    elements.iter().map(|(pointer, value)| descriptor(&Object::new(pointer, value)?)).collect()
}

fn descriptor(object: &Object<'_>) -> Result<Descriptor, OciError> {
    let digest = object.required_text("digest")?;
    Ok(Descriptor {
        media_type: object.required_text("mediaType")?,
        digest: digest.parse().map_err(|error: DigestError| object.error("digest", format!("is refused: {error}")))?,
        size: object.size("size")?,
        urls: object.texts("urls", MAX_URLS)?.unwrap_or_default(),
        annotations: object.text_map("annotations")?,
        platform: object.object("platform")?.as_ref().map(platform).transpose()?.flatten(),
        artifact_type: object.text("artifactType")?.filter(|text| !text.is_empty()),
    })
}

/// A platform; none when os and architecture are both empty, as some builders write it.
fn platform(object: &Object<'_>) -> Result<Option<Platform>, OciError> {
    let os = object.text_or_empty("os")?;
    let architecture = object.text_or_empty("architecture")?;
    let variant = object.text_or_empty("variant")?;
    if os.is_empty() && architecture.is_empty() && variant.is_empty() {
        return Ok(None);
    }
    checked_platform(&os, &architecture, &variant)
        .map(Some)
        .ok_or_else(|| object.error("os", "and `architecture` do not make a platform"))
}

/// The platform of three fields as written; none when one has letters that no platform has.
pub(super) fn checked_platform(os: &str, architecture: &str, variant: &str) -> Option<Platform> {
    let text =
        if variant.is_empty() { format!("{os}/{architecture}") } else { format!("{os}/{architecture}/{variant}") };
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn digest() -> String {
        Digest::of(b"").to_string()
    }

    fn blob(media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": digest(), "size": 0 })
    }

    fn manifest() -> Value {
        json!({
            "schemaVersion": 2,
            "mediaType": media_types::OCI_MANIFEST,
            "config": blob(media_types::OCI_CONFIG),
            "layers": [blob("application/vnd.oci.image.layer.v1.tar+gzip")],
        })
    }

    fn index() -> Value {
        json!({ "schemaVersion": 2, "mediaType": media_types::OCI_INDEX, "manifests": [blob(media_types::OCI_MANIFEST)] })
    }

    fn read(value: &Value, announced: &[&str]) -> Result<Document, OciError> {
        parse_document(&serde_json::to_vec(value).expect("serialises"), announced)
    }

    #[track_caller]
    fn refused(value: &Value, announced: &[&str]) -> String {
        read(value, announced).expect_err("refused").to_string()
    }

    fn with(mut value: Value, name: &str, field: Value) -> Value {
        value[name] = field;
        value
    }

    fn without(mut value: Value, name: &str) -> Value {
        value.as_object_mut().expect("object").remove(name);
        value
    }

    #[test]
    fn what_is_both_index_and_manifest_is_refused() {
        for (name, field) in
            [("config", json!({})), ("layers", Value::Null), ("Layers", json!([])), ("fsLayers", json!([]))]
        {
            let text = refused(&with(index(), name, field), &[]);
            assert!(text.starts_with("it is both an index and a manifest"), "{text}");
        }
        assert!(matches!(read(&with(manifest(), "Manifests", json!([])), &[]), Err(OciError::Ambiguous("config"))));
    }

    #[test]
    fn what_is_neither_is_refused() {
        assert_eq!(read(&json!({ "schemaVersion": 2 }), &[]), Err(OciError::Neither));
        assert_eq!(refused(&json!([]), &[]), "`/` is not an object");
        assert!(matches!(parse_document(b"<html>", &[]), Err(OciError::Json(_))));
    }

    #[test]
    fn media_types_must_agree() {
        assert!(matches!(read(&manifest(), &[media_types::DOCKER_MANIFEST]), Err(OciError::MediaType { .. })));
        assert!(matches!(read(&manifest(), &[media_types::OCI_INDEX]), Err(OciError::MediaType { .. })));
        let silent = without(manifest(), "mediaType");
        let both = [media_types::OCI_MANIFEST, media_types::DOCKER_MANIFEST];
        assert!(matches!(read(&silent, &both), Err(OciError::MediaType { .. })));
        assert!(refused(&silent, &[media_types::OCI_INDEX]).contains("is that of an index"));
        assert!(
            refused(&without(index(), "mediaType"), &[media_types::OCI_MANIFEST]).contains("is that of a manifest")
        );
    }

    #[test]
    fn types_that_say_nothing_are_ignored() {
        for outside in ["", "application/json", "text/plain; charset=utf-8", "application/octet-stream"] {
            assert!(read(&manifest(), &[outside]).is_ok(), "{outside}");
        }
        let outside = format!("{}; charset=utf-8", media_types::OCI_MANIFEST.to_ascii_uppercase());
        assert!(read(&manifest(), &[&outside]).is_ok());
    }

    #[test]
    fn a_document_without_a_type_takes_the_announced_one() {
        let silent = without(manifest(), "mediaType");
        let Ok(Document::Manifest(found)) = read(&silent, &["", media_types::DOCKER_MANIFEST]) else {
            panic!("refused")
        };
        assert_eq!(found.media_type, media_types::DOCKER_MANIFEST);
        let Ok(Document::Index(found)) = read(&without(index(), "mediaType"), &[]) else { panic!("refused") };
        assert_eq!(found.media_type, media_types::OCI_INDEX);
    }

    #[test]
    fn schema_1_and_unknown_documents_are_unsupported() {
        let old = json!({ "schemaVersion": 1, "name": "a", "fsLayers": [], "history": [] });
        for document in [old.clone(), without(old, "fsLayers")] {
            assert!(matches!(read(&document, &[]), Err(OciError::Unsupported(_))));
        }
        let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
        assert!(matches!(read(&json!({ "fsLayers": [] }), &[signed]), Err(OciError::Unsupported(_))));
        let artifact = json!({ "mediaType": "application/vnd.oci.artifact.manifest.v1+json", "blobs": [] });
        assert!(matches!(read(&artifact, &[]), Err(OciError::Unsupported(_))));
        assert!(refused(&with(manifest(), "schemaVersion", json!(3)), &[]).contains("is 3, not 2"));
    }

    #[test]
    fn unknown_fields_are_ignored_and_nulls_tolerated() {
        let odd = with(with(manifest(), "later", json!({ "x": [1] })), "annotations", Value::Null);
        assert!(read(&odd, &[]).is_ok());
        let Ok(Document::Index(empty)) = read(&with(index(), "manifests", Value::Null), &[]) else { panic!("refused") };
        assert!(empty.manifests.is_empty());
    }

    #[test]
    fn descriptors_are_checked() {
        let config = |config: Value| with(manifest(), "config", config);
        let good = blob(media_types::OCI_CONFIG);
        for (name, field, pointer) in [
            ("digest", json!("sha256:../../etc/passwd"), "/config/digest"),
            ("digest", json!("md5:d41d8cd98f00b204e9800998ecf8427e"), "/config/digest"),
            ("size", json!(-1), "/config/size"),
            ("size", json!(1.5), "/config/size"),
            ("size", json!("1"), "/config/size"),
            ("mediaType", Value::Null, "/config/mediaType"),
            ("annotations", json!({ "a": 1 }), "/config/annotations/a"),
            ("platform", json!({ "os": "linux", "architecture": "amd 64" }), "/config/platform/os"),
            ("platform", json!({ "os": "linux" }), "/config/platform/os"),
        ] {
            let text = refused(&config(with(good.clone(), name, field)), &[]);
            assert!(text.starts_with(&format!("`{pointer}`")), "{text}");
        }
        let empty = config(with(good, "platform", json!({ "os": "", "architecture": "" })));
        let Ok(Document::Manifest(found)) = read(&empty, &[]) else { panic!("refused") };
        assert_eq!(found.config.platform, None);
    }

    #[test]
    fn lists_are_bounded() {
        let layers: Vec<Value> = std::iter::repeat_n(blob("x"), MAX_LAYERS + 1).collect();
        assert!(refused(&with(manifest(), "layers", json!(layers)), &[]).contains("more than 1000 elements"));
    }

    #[test]
    fn platforms_are_normalised() {
        let mut child = blob(media_types::OCI_MANIFEST);
        child["platform"] = json!({ "os": "linux", "architecture": "arm64", "variant": "v8", "os.version": "1" });
        let Ok(Document::Index(found)) = read(&with(index(), "manifests", json!([child])), &[]) else {
            panic!("refused")
        };
        assert_eq!(found.manifests[0].platform.as_ref().map(ToString::to_string).as_deref(), Some("linux/arm64"));
    }
}
