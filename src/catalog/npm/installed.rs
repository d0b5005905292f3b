//! `node_modules/.package-lock.json`: where npm fetched what it installed, and the checksums of the archives.

use serde_json::Value;

use crate::catalog::{CatalogError, Cataloger, Findings, Input, TEXT, Takes, field, json};
use crate::model::{Fragment, Owner};

/// The hidden lock file of an installed tree.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "npm-installed",
    what: "where JavaScript packages came from: node_modules/.package-lock.json",
    takes: Takes::Path(|path| field::is_named(path, "node_modules/.package-lock.json")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let root = field::split(field::split(input.path).0).0;
    let json::Document { root: document, damage } = json::parse(input.bytes);
    let mut findings = Findings { gaps: damage.into_iter().collect(), ..Findings::default() };
    for (place, entry) in json::members(document.get("packages")).filter(|(place, _)| !place.is_empty()) {
        let Some(path) = field::joined(root, place) else { continue };
        let mut fragment = Fragment::of(Owner::Folder { path: path.into() });
        let resolved = json::raw(entry, "resolved").and_then(field::url);
        match resolved {
            Some(url) if url.starts_with("git") => fragment.vcs = Some(url),
            Some(url) if field::is_web(&url) => fragment.download = Some(url),
            _ => {}
        }
        fragment.hashes = json::raw(entry, "integrity").map(field::integrity).unwrap_or_default();
        for flag in ["dev", "optional", "devOptional", "peer", "inBundle", "hasInstallScript"] {
            if entry.get(flag) == Some(&Value::Bool(true)) {
                fragment.properties.insert(format!("npm:{flag}"), "true".to_owned());
            }
        }
        if fragment != Fragment::of(fragment.owner.clone()) {
            findings.fragments.push(fragment);
        }
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_folder_learns_where_it_came_from() {
        let text = br#"{"lockfileVersion":3,"packages":{"":{},"node_modules/a":{"version":"1.0.0",
            "resolved":"https://u:p@host.example/a-1.0.0.tgz","integrity":"sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=","dev":true},
            "node_modules/a/node_modules/b":{"resolved":"git+ssh://git@host.example/b.git#abc"},"node_modules/c":{"link":true,"resolved":"../c"},
            "../../../etc":{"dev":true}}}"#;
        let input = Input { path: "srv/app/node_modules/.package-lock.json", bytes: text, size: text.len() as u64 };
        let findings = parse(&input).expect("findings");
        let folders: Vec<_> = findings
            .fragments
            .iter()
            .map(|fragment| match &fragment.owner {
                Owner::Folder { path } => path.as_str(),
                Owner::Name { name, .. } => name,
            })
            .collect();
        assert_eq!(folders, ["srv/app/node_modules/a", "srv/app/node_modules/a/node_modules/b"]);
        assert_eq!(findings.fragments[0].download.as_deref(), Some("https://host.example/a-1.0.0.tgz"));
        assert_eq!(findings.fragments[0].hashes.len(), 1);
        assert_eq!(findings.fragments[0].properties["npm:dev"], "true");
        assert_eq!(findings.fragments[1].vcs.as_deref(), Some("git+ssh://git@host.example/b.git#abc"));
    }
}
