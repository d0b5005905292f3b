//! Small files beside the metadata: who installed a distribution, whether somebody asked for it, and where it came from
//! (PEP 610).

use crate::catalog::{CatalogError, Cataloger, Findings, Input, Takes, field, hashes, json};
use crate::model::{Fragment, Owner};

/// Origins.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "python-origin",
    what: "origins of Python distributions: direct_url.json, INSTALLER, REQUESTED, top_level.txt",
    takes: Takes::Path(is_origin),
    limit: 1 << 20,
    parse,
};

fn is_origin(path: &str) -> bool {
    let (folder, name) = field::split(path);
    matches!(name, "direct_url.json" | "INSTALLER" | "REQUESTED" | "top_level.txt") && super::is_info_folder(folder)
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let (folder, name) = field::split(input.path);
    let mut fragment = Fragment::of(Owner::Folder { path: folder.to_owned() });
    let mut gaps = Vec::new();
    let text = field::text(input.bytes);
    let property = match name {
        "INSTALLER" => field::line(&text).map(|value| ("python:installer", value)),
        "REQUESTED" => Some(("python:requested", "true".to_owned())),
        "top_level.txt" => field::line(&text.split_whitespace().take(100).collect::<Vec<_>>().join(" "))
            .map(|value| ("python:top-level", value)),
        _ => {
            gaps.extend(direct_url(input.bytes, &mut fragment));
            None
        }
    };
    fragment.properties.extend(property.map(|(key, value)| (key.to_owned(), value)));
    let says = !fragment.properties.is_empty() || fragment.vcs.is_some() || fragment.download.is_some();
    Ok(Findings { fragments: if says { vec![fragment] } else { Vec::new() }, gaps, ..Findings::default() })
}

fn direct_url(bytes: &[u8], fragment: &mut Fragment) -> Option<String> {
    let json::Document { root, damage } = json::parse(bytes);
    let url = json::raw(&root, "url").and_then(field::url);
    if let Some(vcs) = root.get("vcs_info") {
        let commit = json::text(vcs, "commit_id").map_or(String::new(), |commit| format!("@{commit}"));
        let tool = json::text(vcs, "vcs").map_or(String::new(), |tool| format!("{tool}+"));
        fragment.vcs = url.map(|url| format!("{tool}{url}{commit}"));
    } else if let Some(archive) = root.get("archive_info") {
        fragment.download = url.filter(|url| field::is_web(url));
        fragment.hashes = json::members(archive.get("hashes"))
            .filter_map(|(name, value)| field::hex_checksum(field::algorithm(name)?, value.as_str()?))
            .chain(json::raw(archive, "hash").and_then(|hash| {
                let (name, value) = hash.split_once('=')?;
                field::hex_checksum(field::algorithm(name)?, value)
            }))
            .collect();
        hashes::tidy(&mut fragment.hashes);
    } else if let Some(folder) = root.get("dir_info") {
        let editable = folder.get("editable").and_then(serde_json::Value::as_bool).unwrap_or(false);
        fragment.properties.insert("python:editable".to_owned(), editable.to_string());
    }
    damage
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Findings {
        let path = format!("lib/a-1.dist-info/{name}");
        parse(&Input { path: &path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn origins_have_no_credentials() {
        let found = read(
            "direct_url.json",
            r#"{"url":"https://me:word@host.example/a.git","vcs_info":{"vcs":"git","commit_id":"abc"}}"#,
        );
        assert_eq!(found.fragments[0].vcs.as_deref(), Some("git+https://host.example/a.git@abc"));
        let hash = "0".repeat(64);
        let text = format!(
            r#"{{"url":"https://host.example/a.whl","archive_info":{{"hash":"sha256={hash}","hashes":{{"sha256":"{hash}"}}}}}}"#
        );
        let found = read("direct_url.json", &text);
        assert_eq!(found.fragments[0].download.as_deref(), Some("https://host.example/a.whl"));
        assert_eq!(found.fragments[0].hashes.len(), 1);
    }

    #[test]
    fn the_installer_is_a_property() {
        assert_eq!(read("INSTALLER", "pip\n").fragments[0].properties["python:installer"], "pip");
        assert_eq!(read("REQUESTED", "").fragments[0].properties["python:requested"], "true");
        assert_eq!(read("top_level.txt", "a\nb\n").fragments[0].properties["python:top-level"], "a b");
        assert_eq!(read("INSTALLER", "\n"), Findings::default());
    }

    #[test]
    fn damage_is_a_gap() {
        assert_eq!(read("direct_url.json", "{\"url\":").gaps, ["line 1: the JSON ends early"]);
    }
}
