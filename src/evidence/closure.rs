//! From the root of an image to all of its nodes, through verified bytes only.

use std::collections::BTreeSet;

use crate::oci::{Document, FetchError, parse_document};
use crate::registry::ManifestBytes;
use crate::sign::evidence::Node;

use super::Store;

/// Levels of indexes.
const MAX_DEPTH: usize = 4;
/// Nodes of an image.
const MAX_NODES: usize = 1_000;

/// Lists the nodes of an image: the root first, then what it lists, each once. Descriptors that are no manifests are left out.
///
/// # Errors
/// [`FetchError`].
pub fn closure(store: &Store<'_>) -> Result<Vec<Node>, FetchError> {
    let root = store.root();
    let mut nodes = vec![Node {
        digest: root.digest.clone(),
        media_type: root.media_type.clone(),
        size: root.bytes.len() as u64,
        platform: None,
        parent: None,
        is_statement: false,
    }];
    let mut seen = BTreeSet::from([root.digest.clone()]);
    descend(store, root, 1, &mut nodes, &mut seen)?;
    Ok(nodes)
}

fn descend(
    store: &Store<'_>,
    stored: &ManifestBytes,
    depth: usize,
    nodes: &mut Vec<Node>,
    seen: &mut BTreeSet<crate::model::Digest>,
) -> Result<(), FetchError> {
    let damaged = |why: String| FetchError::Damaged { what: format!("`{}@{}`", store.name(), stored.digest), why };
    let document = parse_document(&stored.bytes, &[&stored.media_type]).map_err(|error| damaged(error.to_string()))?;
    let Document::Index(index) = document else { return Ok(()) };
    if depth > MAX_DEPTH {
        return Err(damaged(format!("it nests indexes more than {MAX_DEPTH} deep")));
    }
    for child in &index.manifests {
        let is_index = child.media_type.contains("image.index") || child.media_type.contains("manifest.list");
        let is_manifest = child.media_type.contains("image.manifest") || child.media_type.contains("manifest.v2");
        if !(is_index || is_manifest) || !seen.insert(child.digest.clone()) {
            continue;
        }
        if nodes.len() >= MAX_NODES {
            return Err(damaged(format!("it lists more than {MAX_NODES} manifests")));
        }
        let unknown = child.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
        nodes.push(Node {
            digest: child.digest.clone(),
            media_type: child.media_type.clone(),
            size: child.size,
            platform: child.platform.clone(),
            parent: Some(stored.digest.clone()),
            is_statement: unknown || child.annotations.contains_key("vnd.docker.reference.type"),
        });
        if is_index {
            descend(store, &store.manifest(&child.digest)?, depth + 1, nodes, seen)?;
        }
    }
    Ok(())
}
