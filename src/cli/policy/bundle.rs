//! Policy bundles: a manifest whose first layer is the policy, and whose other layers are the files that it names.

use std::collections::BTreeMap;

use serde_json::json;

use crate::evidence::Store;
use crate::model::Digest;
use crate::oci::{Document, media_types, parse_document};
use crate::policy::{BUNDLE_TYPE, Bundle};
use crate::report::escape::visible;
use crate::sign::EMPTY_CONFIG;

use super::super::Failure;

/// Media type of a file of a bundle that is no policy: a public key, structure tests.
const FILE_TYPE: &str = "application/vnd.imgguard.policy.file.v1";
const EMPTY_TYPE: &str = "application/vnd.oci.empty.v1+json";
const TITLE: &str = "org.opencontainers.image.title";
/// Most files of a bundle.
const MAX_FILES: usize = 64;
/// Most bytes of one file.
const MAX_FILE: u64 = 1 << 20;

/// The manifest of a bundle, the policy first.
pub(super) fn manifest(files: &[(String, String)]) -> Result<Vec<u8>, Failure> {
    if files.len() > MAX_FILES {
        return Err(Failure::usage(format!("the policy is made of more than {MAX_FILES} files")));
    }
    let mut layers = Vec::new();
    for (at, (path, text)) in files.iter().enumerate() {
        if !is_inside(path) {
            return Err(Failure::usage(format!("`{}` lies outside of the folder of the policy", visible(path)))
                .with_hint("what goes into a bundle lies beside the policy or below it"));
        }
        if text.len() as u64 > MAX_FILE {
            return Err(Failure::usage(format!("`{}` has more than {MAX_FILE} bytes", visible(path))));
        }
        layers.push(json!({
            "mediaType": if at == 0 || is_policy(path) { BUNDLE_TYPE } else { FILE_TYPE },
            "digest": Digest::of(text.as_bytes()).to_string(),
            "size": text.len(),
            "annotations": { TITLE: path },
        }));
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_types::OCI_MANIFEST,
        "artifactType": BUNDLE_TYPE,
        "config": {
            "mediaType": EMPTY_TYPE,
            "digest": Digest::of(EMPTY_CONFIG).to_string(),
            "size": EMPTY_CONFIG.len(),
        },
        "layers": layers,
    });
    serde_json::to_vec(&manifest).map_err(|error| Failure::usage(format!("the manifest cannot be written: {error}")))
}

fn is_policy(path: &str) -> bool {
    [".yaml", ".yml"].iter().any(|ending| path.as_bytes().ends_with(ending.as_bytes()))
}

/// Whether a path stays in its folder.
fn is_inside(path: &str) -> bool {
    !path.is_empty()
        && !path.starts_with('/')
        && !path.contains(|letter: char| letter.is_control() || letter == '\\')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Reads the files of a bundle whose manifest was verified.
pub(super) fn read(store: &Store<'_>) -> Result<Bundle, Failure> {
    let root = store.root();
    let odd = |why: String| Failure::usage(format!("it is no policy bundle: {why}"));
    let manifest = match parse_document(&root.bytes, &[&root.media_type]) {
        Ok(Document::Manifest(manifest)) => manifest,
        Ok(Document::Index(_)) => return Err(odd("it is an index".to_owned())),
        Err(error) => return Err(odd(error.to_string())),
    };
    let kind = manifest.artifact_type.unwrap_or(manifest.config.media_type);
    if kind != BUNDLE_TYPE {
        return Err(odd(format!("its artifact type is `{}`, not `{BUNDLE_TYPE}`", visible(&kind))));
    }
    if manifest.layers.is_empty() || manifest.layers.len() > MAX_FILES {
        return Err(odd(format!("it has {} files, and 1 to {MAX_FILES} are wanted", manifest.layers.len())));
    }
    let mut files = BTreeMap::new();
    let mut entry = None;
    for layer in &manifest.layers {
        let path = layer.annotations.get(TITLE).cloned().unwrap_or_default();
        let shown = visible(&path).into_owned();
        if !is_inside(&path) {
            return Err(odd(format!("`{shown}` is no path of a file in it")));
        }
        if layer.media_type != BUNDLE_TYPE && (entry.is_none() || layer.media_type != FILE_TYPE) {
            let media_type = visible(&layer.media_type);
            return Err(odd(format!("`{shown}` in it is of the media type `{media_type}`")));
        }
        if layer.size > MAX_FILE {
            return Err(odd(format!("`{shown}` in it has {} bytes, more than {MAX_FILE}", layer.size)));
        }
        let bytes = store.blob(layer, layer.size)?;
        if bytes.len() as u64 != layer.size {
            return Err(odd(format!("`{shown}` in it has another size than its manifest says")));
        }
        let text = String::from_utf8(bytes).map_err(|_| odd(format!("`{shown}` in it is no text")))?;
        entry.get_or_insert_with(|| path.clone());
        if files.insert(path, text).is_some() {
            return Err(odd(format!("`{shown}` is in it twice")));
        }
    }
    Ok(Bundle { entry: entry.unwrap_or_default(), files })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_bundle_stay_inside() {
        for good in ["policy.yaml", "sub/key.pub"] {
            assert!(is_inside(good), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a//b", "./a", "a\\b", "a\nb"] {
            assert!(!is_inside(bad), "{bad}");
        }
        let outside = manifest(&[("a.yaml".to_owned(), String::new()), ("../b.yaml".to_owned(), String::new())]);
        assert!(outside.is_err_and(|failure| failure.message.contains("outside of the folder")));
        let large = "x".repeat(usize::try_from(MAX_FILE).expect("small") + 1);
        assert!(manifest(&[("a.yaml".to_owned(), large)]).is_err());
    }

    #[test]
    fn the_same_policy_gives_the_same_manifest() {
        let files = [("a.yaml".to_owned(), "version: 1\n".to_owned()), ("k.pub".to_owned(), "key".to_owned())];
        let (one, other) = (manifest(&files).expect("good"), manifest(&files).expect("good"));
        assert_eq!(one, other);
        let text = String::from_utf8(one).expect("text");
        assert!(text.contains(BUNDLE_TYPE) && text.contains(FILE_TYPE), "{text}");
    }
}
