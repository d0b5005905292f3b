//! PHP packages that Composer installed: `vendor/composer/installed.json`, versions 1 and 2.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{ChecksumAlgorithm, Dependency, Method, Package, PackageKind, Scope};

use super::field::{self, Several};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, TEXT, Takes, json};

/// Composer's list of what it installed.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "composer",
    what: "PHP packages: composer/installed.json",
    takes: Takes::Path(|path| field::is_named(path, "composer/installed.json")),
    limit: TEXT,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let json::Document { root, damage } = json::parse(input.bytes);
    let mut findings = Findings { gaps: damage.into_iter().collect(), ..Findings::default() };
    let list = if root.is_array() { Some(&root) } else { root.get("packages") };
    let development: BTreeSet<&str> = json::texts(root.get("dev-package-names")).into_iter().collect();
    for (index, record) in json::elements(list).into_iter().enumerate() {
        match package(record) {
            Some(mut package) => {
                if package.version.is_empty() {
                    findings.gaps.push(format!("package {}: `{}` has no version", index + 1, package.name));
                }
                let name = json::raw(record, "name").unwrap_or_default();
                if development.contains(name) {
                    package.properties.insert("composer:dev".to_owned(), "true".to_owned());
                }
                findings.packages.push(package);
            }
            None => findings.gaps.push(format!("package {} has no name", index + 1)),
        }
    }
    findings.gaps.truncate(50);
    Ok(findings)
}

/// One record of `installed.json` or `composer.lock`.
pub(super) fn package(record: &Value) -> Option<Package> {
    let full = json::text(record, "name")?;
    let (vendor, name) =
        full.split_once('/').map_or((None, full.as_str()), |(vendor, name)| (Some(vendor.to_owned()), name));
    let version = json::text(record, "version").unwrap_or_default();
    // Tags are often written `v1.2`; the registry knows them without.
    let plain = version.strip_prefix('v').filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let mut package = Package::new(PackageKind::Composer, name, plain.unwrap_or(&version), Method::Database);
    package.namespace = vendor;
    package.licences = field::licence_list(Dialect::Composer, json::texts(record.get("license")), Several::Any);
    package.supplier = json::elements(record.get("authors"))
        .into_iter()
        .find_map(|author| field::person(json::raw(author, "name"), json::raw(author, "email")));
    package.description = json::raw(record, "description").and_then(field::summary);
    package.homepage = json::raw(record, "homepage").and_then(field::url);
    if let Some(dist) = record.get("dist") {
        package.download = json::raw(dist, "url").and_then(field::url).filter(|url| field::is_web(url));
        package.hashes = json::raw(dist, "shasum")
            .and_then(|sum| field::hex_checksum(ChecksumAlgorithm::Sha1, sum))
            .into_iter()
            .collect();
    }
    if let Some(source) = record.get("source") {
        package.vcs = json::raw(source, "url").and_then(field::url);
        package.properties.extend(json::text(source, "reference").map(|it| ("composer:reference".to_owned(), it)));
    }
    package.properties.extend(json::text(record, "type").map(|it| ("composer:type".to_owned(), it)));
    package.properties.extend(json::text(record, "install-path").map(|it| ("composer:path".to_owned(), it)));
    // Names without a vendor are the platform: php, ext-json, lib-curl.
    package.depends = json::members(record.get("require"))
        .filter(|(name, _)| name.contains('/'))
        .filter_map(|(name, _)| {
            Some(Dependency { names: vec![field::line(name)?], version: None, scope: Scope::Runtime })
        })
        .take(1000)
        .collect();
    package.provides = ["provide", "replace"]
        .iter()
        .flat_map(|key| json::members(record.get(key)))
        .filter_map(|(name, _)| field::line(name))
        .take(1000)
        .collect();
    Some(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Findings {
        let path = "srv/vendor/composer/installed.json";
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    const RECORD: &str = r#"{"name":"symfony/http-kernel","version":"v6.4.1","license":["MIT"],"type":"library","authors":[{"name":"F","email":"f@host.example"}],
        "source":{"type":"git","url":"https://u:p@host.example/k.git","reference":"abc"},"dist":{"url":"https://host.example/k.zip","shasum":""},
        "require":{"php":">=8.1","ext-json":"*","symfony/error-handler":"^6"},"replace":{"symfony/old":"*"}}"#;

    #[test]
    fn both_versions_of_the_list_are_read() {
        for text in [
            format!("[{RECORD}]"),
            format!(r#"{{"packages":[{RECORD}],"dev":true,"dev-package-names":["symfony/http-kernel"]}}"#),
        ] {
            let findings = read(&text);
            assert_eq!(findings.gaps, Vec::<String>::new());
            let package = &findings.packages[0];
            assert_eq!(
                (package.namespace.as_deref(), package.name.as_str(), package.version.as_str()),
                (Some("symfony"), "http-kernel", "6.4.1")
            );
            assert_eq!(package.vcs.as_deref(), Some("https://host.example/k.git"));
            assert_eq!(package.hashes, Vec::new());
            assert_eq!(package.supplier.as_deref(), Some("F <f@host.example>"));
            assert_eq!(
                package.depends.iter().map(|it| it.names[0].as_str()).collect::<Vec<_>>(),
                ["symfony/error-handler"]
            );
            assert_eq!(package.provides, ["symfony/old"]);
            assert_eq!(package.properties.contains_key("composer:dev"), text.starts_with('{'));
        }
    }

    #[test]
    fn half_records_are_kept_or_are_gaps() {
        let findings = read(r#"{"packages":[{"name":"a/b"},{"version":"1"},{"name":"c/d","version":"1"},{"na"#);
        assert_eq!(findings.packages.len(), 2);
        assert_eq!(
            findings.gaps,
            [
                "line 1: the JSON ends early",
                "package 1: `b` has no version",
                "package 2 has no name",
                "package 4 has no name"
            ]
        );
    }
}
