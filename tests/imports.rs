//! Which folder of `src` may name which: the structure as a test.
#![expect(clippy::disallowed_methods, reason = "the test reads the sources")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folder, then the folders it may name. A folder that is missing here fails the test too.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("yaml", &[]),
    ("cel", &["model", "yaml"]),
    ("companions", &["model", "yaml"]),
    ("oci", &["model"]),
    ("layer", &["model", "oci"]),
    ("catalog", &["model"]),
    ("secrets", &["model"]),
    ("inspect", &["model", "oci", "layer", "catalog", "secrets", "companions"]),
    ("rules", &["model", "yaml", "companions"]),
    ("lint", &["model", "yaml", "companions", "secrets", "rules"]),
    ("policy", &["model", "yaml", "cel", "companions", "rules", "sign"]),
    ("report", &["model", "policy", "rules", "lint"]),
    ("sbom", &["model", "report"]),
    ("registry", &["model", "oci"]),
    ("source", &["model", "oci", "registry"]),
    ("release", &["model", "oci", "registry", "report"]),
    ("promote", &["model", "yaml", "oci", "registry", "release", "sign", "evidence", "policy", "report"]),
    ("sign", &["model", "yaml", "oci"]),
    ("build", &["model"]),
    ("keyless", &[]),
    ("fetch", &[]),
    ("tuf", &["fetch"]),
    ("github", &["fetch", "model", "sign"]),
    ("kms", &["sign"]),
    ("pkcs11", &["sign"]),
    ("evidence", &["model", "oci", "registry", "source", "sign"]),
    (
        "cli",
        &[
            "model",
            "yaml",
            "oci",
            "layer",
            "secrets",
            "inspect",
            "rules",
            "policy",
            "report",
            "sbom",
            "registry",
            "source",
            "release",
            "promote",
            "build",
            "sign",
            "keyless",
            "fetch",
            "tuf",
            "github",
            "kms",
            "pkcs11",
            "evidence",
            "cel",
            "companions",
            "lint",
        ],
    ),
];
/// Only tests use it; it may name everything.
const FOR_TESTS: &str = "testkit";

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder of src") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Tests stand at the end of a file, or in a file of their own.
fn without_tests(path: &Path, text: &str) -> String {
    if path.file_stem().is_some_and(|stem| {
        stem == "tests" || stem == "push_tests" || stem == "fake" || stem == "sample" || stem == "examples"
    }) {
        return String::new();
    }
    let at = ["#[cfg(test)]\nmod tests {", "#[cfg(test)]\npub(super) mod tests {"]
        .iter()
        .filter_map(|start| text.find(start))
        .min();
    text[..at.unwrap_or(text.len())].to_owned()
}

fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for rest in line.split("crate::").skip(1) {
            let word = |text: &str| {
                text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect::<String>()
            };
            match rest.strip_prefix('{') {
                Some(list) => names.extend(list.split(',').map(|part| word(part.trim()))),
                None => {
                    names.insert(word(rest));
                }
            }
        }
    }
    names.remove("");
    names
}

#[test]
fn every_folder_names_only_what_it_may() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in sources(&root) {
        let inside = file.strip_prefix(&root).expect("below src");
        let Some(folder) =
            inside.parent().and_then(|parent| parent.iter().next()).map(|name| name.to_string_lossy().into_owned())
        else {
            continue;
        };
        if folder == FOR_TESTS {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == folder) else {
            wrong.push(format!("src/{folder} is not in the table"));
            continue;
        };
        seen.insert(folder.clone());
        let text = std::fs::read_to_string(&file).expect("a source file");
        for name in named(&without_tests(&file, &text)) {
            let is_folder = root.join(&name).is_dir();
            if is_folder && name != folder && !allowed.contains(&name.as_str()) {
                wrong.push(format!("src/{} names crate::{name}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(seen.len(), MAY_IMPORT.len(), "the table names folders that do not exist");
}
