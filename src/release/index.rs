//! One index over the images of several platforms, the same bytes for the same images in whatever order they come.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::closure::{Closure, Kind, Node};
use crate::model::{Digest, Platform};
use crate::oci::media_types;
use crate::registry::ManifestToPush;

/// Why images do not make an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Two images are for one platform.
    #[error("two images are for {platform}: {one} and {other}")]
    Twice {
        /// The platform.
        platform: Platform,
        /// An image.
        one: Digest,
        /// The other one.
        other: Digest,
    },
    /// There is nothing that can be run.
    #[error("there is no image among what is to be released")]
    Empty,
    /// The platform is not known.
    #[error("the platform of {0} is not known")]
    NoPlatform(Digest),
}

/// An entry of an index (OCI image-spec, "OCI Image Index Specification").
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
struct Entry {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    platform: Written,
}

/// A platform as an index writes it.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Written {
    architecture: String,
    os: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    variant: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Index<'a> {
    schema_version: u8,
    media_type: &'a str,
    manifests: Vec<Entry>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: &'a BTreeMap<String, String>,
}

/// Puts the images of all closures, and what builders stated about them, under one index.
///
/// `platforms` are the platforms of the images that no index names, by digest.
///
/// # Errors
/// [`IndexError`].
pub fn assemble(
    closures: &[&Closure],
    platforms: &BTreeMap<Digest, Platform>,
    annotations: &BTreeMap<String, String>,
) -> Result<ManifestToPush, IndexError> {
    let mut by_platform: BTreeMap<Platform, Entry> = BTreeMap::new();
    let mut images: BTreeSet<Digest> = BTreeSet::new();
    for closure in closures {
        for (digest, node) in members(closure).filter(|(_, node)| node.kind == Kind::Image) {
            let platform = node.platform.clone().or_else(|| platforms.get(digest).cloned());
            let platform = platform.ok_or_else(|| IndexError::NoPlatform(digest.clone()))?;
            if !images.insert(digest.clone()) {
                continue;
            }
            let new = entry(node, written(&platform), BTreeMap::new());
            if let Some(old) = by_platform.insert(platform.clone(), new) {
                let one = old.digest.parse().map_err(|_| IndexError::Empty)?;
                return Err(IndexError::Twice { platform, one, other: digest.clone() });
            }
        }
    }
    if by_platform.is_empty() {
        return Err(IndexError::Empty);
    }
    let mut manifests: Vec<Entry> = by_platform.into_values().collect();
    let mut statements: Vec<Entry> = closures.iter().flat_map(|closure| statements(closure, &images)).collect();
    statements.sort();
    statements.dedup();
    manifests.append(&mut statements);
    let index = Index { schema_version: 2, media_type: media_types::OCI_INDEX, manifests, annotations };
    let bytes = serde_json::to_vec(&index).unwrap_or_default();
    Ok(ManifestToPush::new(bytes, media_types::OCI_INDEX))
}

/// The root of a closure and what it lists, on all levels.
fn members(closure: &Closure) -> impl Iterator<Item = (&Digest, &Node)> {
    let mut listed = vec![&closure.root];
    let mut at = 0;
    while let Some(node) = listed.get(at).and_then(|digest| closure.nodes.get(*digest)) {
        at += 1;
        let new: Vec<&Digest> =
            node.children.iter().map(|child| &child.digest).filter(|child| !listed.contains(child)).collect();
        listed.extend(new);
    }
    listed.into_iter().filter_map(|digest| closure.nodes.get_key_value(digest))
}

/// The attestations of builders that an index lists beside its images, bound to images that are released.
fn statements(closure: &Closure, images: &BTreeSet<Digest>) -> Vec<Entry> {
    let Some(root) = closure.nodes.get(&closure.root) else { return Vec::new() };
    let about = |annotations: &BTreeMap<String, String>| {
        annotations.get("vnd.docker.reference.digest").and_then(|text| text.parse::<Digest>().ok())
    };
    let unknown = || written(&Platform::new("unknown", "unknown", ""));
    root.children
        .iter()
        .filter(|child| about(&child.annotations).is_some_and(|digest| images.contains(&digest)))
        .filter_map(|child| {
            let node = closure.nodes.get(&child.digest).filter(|node| node.kind == Kind::Attestation)?;
            Some(entry(node, unknown(), child.annotations.clone()))
        })
        .collect()
}

fn entry(node: &Node, platform: Written, annotations: BTreeMap<String, String>) -> Entry {
    Entry {
        media_type: node.manifest.media_type.clone(),
        digest: node.manifest.digest.to_string(),
        size: node.manifest.bytes.len() as u64,
        annotations,
        platform,
    }
}

fn written(platform: &Platform) -> Written {
    Written { architecture: platform.architecture.clone(), os: platform.os.clone(), variant: platform.variant.clone() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::registry::ManifestBytes;

    fn node(name: &str, kind: Kind, platform: Option<&str>) -> Node {
        let bytes = name.as_bytes().to_vec();
        let manifest =
            ManifestBytes { digest: Digest::of(&bytes), bytes, media_type: media_types::OCI_MANIFEST.to_owned() };
        Node {
            manifest: Arc::new(manifest),
            kind,
            platform: platform.map(|text| text.parse().expect("a platform")),
            artifact_type: None,
            annotations: BTreeMap::new(),
            subject: None,
            blobs: Vec::new(),
            children: Vec::new(),
            evidence: Vec::new(),
        }
    }

    fn single(name: &str) -> Closure {
        let node = node(name, Kind::Image, None);
        let root = node.manifest.digest.clone();
        Closure {
            root: root.clone(),
            order: vec![root.clone()],
            nodes: BTreeMap::from([(root, node)]),
            problems: Vec::new(),
        }
    }

    fn platforms(of: &[(&str, &str)]) -> BTreeMap<Digest, Platform> {
        of.iter().map(|(name, platform)| (Digest::of(name.as_bytes()), platform.parse().expect("a platform"))).collect()
    }

    #[test]
    fn the_order_of_images_does_not_change_the_index() {
        let (one, other) = (single("amd"), single("arm"));
        let platforms = platforms(&[("amd", "linux/amd64"), ("arm", "linux/arm/v7")]);
        let annotations = BTreeMap::from([("org.opencontainers.image.version".to_owned(), "1.0.0".to_owned())]);
        let index = assemble(&[&one, &other], &platforms, &annotations).expect("an index");
        assert_eq!(assemble(&[&other, &one], &platforms, &annotations), Ok(index.clone()));
        let value: serde_json::Value = serde_json::from_slice(&index.bytes).expect("JSON");
        assert_eq!(value["manifests"][0]["platform"], serde_json::json!({ "architecture": "amd64", "os": "linux" }));
        let arm = serde_json::json!({ "architecture": "arm", "os": "linux", "variant": "v7" });
        assert_eq!(value["manifests"][1]["platform"], arm);
        assert_eq!(value["annotations"]["org.opencontainers.image.version"], "1.0.0");
        assert_eq!(index.digest, Digest::of(&index.bytes));
        crate::oci::parse_document(&index.bytes, &[media_types::OCI_INDEX]).expect("a good index");
    }

    #[test]
    fn two_images_for_one_platform_and_none_at_all_are_refused() {
        let (one, other) = (single("a"), single("b"));
        let twice = platforms(&[("a", "linux/amd64"), ("b", "linux/amd64")]);
        assert!(matches!(assemble(&[&one, &other], &twice, &BTreeMap::new()), Err(IndexError::Twice { .. })));
        assert_eq!(assemble(&[], &twice, &BTreeMap::new()), Err(IndexError::Empty));
        let unknown = assemble(&[&one], &BTreeMap::new(), &BTreeMap::new());
        assert_eq!(unknown, Err(IndexError::NoPlatform(one.root.clone())));
        let same = assemble(&[&one, &one], &twice, &BTreeMap::new()).expect("one image given twice is one image");
        assert_eq!(Digest::of(&same.bytes), same.digest);
    }
}
