//! `package.json`: an installed package, or an application.

use serde_json::Value;

use crate::catalog::field::Several;
use crate::catalog::{CatalogError, Cataloger, Dialect, Findings, Input, Takes, field, json};
use crate::model::{Dependency, Licences, Method, Package, PackageKind, Role, Scope};

use super::{exact_version, installed_name, scoped};

/// Manifests of packages.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "npm-manifest",
    what: "JavaScript packages: package.json",
    takes: Takes::Path(is_manifest),
    // Real ones have some kilobytes; the largest known are below one megabyte.
    limit: 4 << 20,
    parse,
};

/// Most dependencies of one package.
const DEPENDENCIES: usize = 20_000;

fn is_manifest(path: &str) -> bool {
    let Some(folder) = path.strip_suffix("package.json") else { return false };
    let Some(folder) = folder.strip_suffix('/') else { return folder.is_empty() };
    installed_name(folder).is_some() || !is_inside(folder)
}

/// Whether a folder is part of an installed package.
fn is_inside(folder: &str) -> bool {
    folder.split('/').any(|part| part == "node_modules")
        || folder.starts_with("usr/share/nodejs/")
        || folder.starts_with("usr/lib/nodejs/")
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let folder = field::split(input.path).0;
    let json::Document { root, damage } = json::parse(input.bytes);
    let mut findings = Findings { gaps: damage.into_iter().collect(), ..Findings::default() };
    findings.packages.extend(package(&root, folder, !findings.gaps.is_empty()));
    if findings.packages.is_empty() && installed_name(folder).is_none() {
        // A damaged file that belongs to no package manager is somebody's own data.
        findings.gaps.clear();
    }
    Ok(findings)
}

/// The package of a manifest. Without a name or a version it is none, unless the file is damaged: then the folder's name
/// tells what it is.
pub(super) fn package(root: &Value, folder: &str, damaged: bool) -> Option<Package> {
    let place = installed_name(folder);
    let name =
        json::raw(root, "name").and_then(field::line).or_else(|| place.filter(|_| damaged).map(str::to_owned))?;
    let version = json::raw(root, "version").and_then(field::line);
    if version.is_none() && !(damaged && place.is_some()) {
        return None;
    }
    let (namespace, name) = scoped(&name);
    let mut package = Package::new(PackageKind::Npm, name, version.unwrap_or_default(), Method::Manifest);
    package.namespace = namespace;
    package.role = if place.is_some() { Role::Library } else { Role::Application };
    package.licences = declared(root);
    (package.supplier, package.author) = people(root);
    package.description = json::raw(root, "description").and_then(field::summary);
    package.homepage = json::elements_or_one(root.get("homepage")).find_map(|page| page.as_str().and_then(field::url));
    package.vcs = root.get("repository").and_then(repository);
    package.download = json::raw(root, "_resolved").and_then(field::url).filter(|url| field::is_web(url));
    package.hashes = json::raw(root, "_integrity").map(field::integrity).unwrap_or_default();
    package.depends = depends(root, package.role);
    let bundled = ["bundleDependencies", "bundledDependencies"].iter().flat_map(|key| json::texts(root.get(key)));
    let bundled: Vec<String> = bundled.take(500).filter_map(field::line).collect();
    if !bundled.is_empty() {
        package.properties.insert("npm:bundled".to_owned(), bundled.join(" "));
    }
    if root.get("private") == Some(&Value::Bool(true)) {
        package.properties.insert("npm:private".to_owned(), "true".to_owned());
    }
    Some(package)
}

/// `license` as a text or `{type, url}`, and the lists that older packages have in either field.
pub(in crate::catalog) fn declared(root: &Value) -> Licences {
    let of = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Object(_) => ["type", "name", "url"].iter().find_map(|key| json::text(value, key)),
        _ => None,
    };
    let names: Vec<String> = ["license", "licence", "licenses"]
        .iter()
        .map(|key| json::elements_or_one(root.get(key)).filter_map(of).collect::<Vec<_>>())
        .find(|names| !names.is_empty())
        .unwrap_or_default();
    field::licence_list(Dialect::Npm, names.iter().map(String::as_str), Several::Any)
}

/// `Name <mail> (url)` or an object.
fn person(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let text = text.split('(').next().unwrap_or("").trim();
            field::line(text)
        }
        Value::Object(_) => field::person(
            json::text(value, "name").as_deref(),
            json::text(value, "email").or_else(|| json::text(value, "mail")).as_deref(),
        ),
        _ => None,
    }
}

/// Supplier and author: who wrote it, else who maintains it; a second name only if it is somebody else.
fn people(root: &Value) -> (Option<String>, Option<String>) {
    let first = |key: &str| json::elements_or_one(root.get(key)).find_map(person);
    let author = first("author").or_else(|| first("authors"));
    let other = first("maintainers").or_else(|| first("contributors"));
    match (author, other) {
        (Some(author), _) => (Some(author), None),
        (None, other) => (other, None),
    }
}

/// `{type, url, directory}`, a location, or the short forms `owner/name` and `host:owner/name`.
fn repository(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Object(_) => json::text(value, "url")?,
        Value::Array(list) => return list.first().filter(|first| !first.is_array()).and_then(repository),
        _ => return None,
    };
    let text = field::url(&text)?;
    if text.contains("://") || text.starts_with("git@") {
        return Some(text);
    }
    let (host, path) = text.split_once(':').unwrap_or(("github", &text));
    let host = match host {
        "github" => "github.com",
        "gitlab" => "gitlab.com",
        "bitbucket" => "bitbucket.org",
        "gist" => "gist.github.com",
        _ => return Some(text),
    };
    let is_short = path.split('/').count() == 2 || host == "gist.github.com";
    Some(if is_short { format!("https://{host}/{path}") } else { text })
}

fn depends(root: &Value, role: Role) -> Vec<Dependency> {
    let meta = root.get("peerDependenciesMeta");
    let is_optional_peer =
        |name: &str| meta.and_then(|meta| meta.get(name)?.get("optional")) == Some(&Value::Bool(true));
    let optional = root.get("optionalDependencies");
    let mut all = Vec::new();
    let mut add = |key: &str, scope: &dyn Fn(&str) -> Option<Scope>| {
        for (name, range) in json::members(root.get(key)).take(DEPENDENCIES) {
            let (Some(scope), Some(shown)) = (scope(name), field::line(name)) else { continue };
            let version = exact_version(range.as_str());
            all.push(Dependency { names: vec![shown], version, scope });
        }
    };
    add("dependencies", &|name| optional.and_then(|optional| optional.get(name)).is_none().then_some(Scope::Runtime));
    add("optionalDependencies", &|_| Some(Scope::Optional));
    add("peerDependencies", &|name| Some(if is_optional_peer(name) { Scope::Optional } else { Scope::Runtime }));
    if role == Role::Application {
        add("devDependencies", &|_| Some(Scope::Development));
    }
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Findings {
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn manifests_inside_packages_are_not_taken() {
        for path in
            ["package.json", "app/package.json", "app/node_modules/a/package.json", "node_modules/@s/a/package.json"]
        {
            assert!(is_manifest(path), "{path}");
        }
        for path in [
            "node_modules/a/dist/package.json",
            "node_modules/a/test/x/package.json",
            "a/xpackage.json",
            "usr/share/nodejs/a/lib/package.json",
        ] {
            assert!(!is_manifest(path), "{path}");
        }
    }

    #[test]
    fn a_package_says_what_it_is() {
        let findings = read(
            "app/node_modules/@s/a/package.json",
            r#"{"name":"@s/a","version":"1.2.3","license":"(MIT OR Apache-2.0)","author":"A B <a@host.example> (https://x)",
               "repository":"owner/name","homepage":"https://t:k@host.example","dependencies":{"b":"^1","c":"2.0.0","o":"1"},
               "optionalDependencies":{"o":"1"},"peerDependencies":{"p":"*","q":"*"},"peerDependenciesMeta":{"q":{"optional":true}},
               "devDependencies":{"d":"1"},"bundleDependencies":["b"]}"#,
        );
        let package = &findings.packages[0];
        assert_eq!(
            (package.namespace.as_deref(), package.name.as_str(), package.version.as_str()),
            (Some("@s"), "a", "1.2.3")
        );
        assert_eq!(package.role, Role::Library);
        assert_eq!(package.supplier.as_deref(), Some("A B <a@host.example>"));
        assert_eq!(package.vcs.as_deref(), Some("https://github.com/owner/name"));
        assert_eq!(package.homepage.as_deref(), Some("https://host.example"));
        assert_eq!(package.properties["npm:bundled"], "b");
        let depends: Vec<_> = package
            .depends
            .iter()
            .map(|needed| (needed.names[0].as_str(), needed.version.as_deref(), needed.scope))
            .collect();
        assert_eq!(
            depends,
            [
                ("b", None, Scope::Runtime),
                ("c", Some("2.0.0"), Scope::Runtime),
                ("o", None, Scope::Optional),
                ("p", None, Scope::Runtime),
                ("q", None, Scope::Optional),
            ]
        );
    }

    #[test]
    fn fields_of_the_wrong_type_are_no_reason_to_lose_a_package() {
        let findings = read(
            "node_modules/a/package.json",
            r#"{"name":"a","version":"1","license":[{"type":"MIT"},7],"author":[{"name":"x"}],"repository":["u/n"],"dependencies":["b"],
               "homepage":{"a":1},"licenses":3,"contributors":"me","bundleDependencies":true,"description":[]}"#,
        );
        assert_eq!(findings.gaps, Vec::<String>::new());
        assert_eq!(findings.packages[0].licences.raw, ["MIT"]);
        assert_eq!(findings.packages[0].supplier.as_deref(), Some("x"));
    }

    #[test]
    fn without_a_name_or_a_version_it_is_no_package() {
        for text in ["{}", r#"{"name":"a"}"#, r#"{"version":"1"}"#, "[]", r#"{"type":"commonjs"}"#] {
            assert_eq!(read("node_modules/a/package.json", text), Findings::default());
            assert_eq!(read("app/package.json", text), Findings::default());
        }
        let findings = read("app/package.json", r#"{"name":"a","version":"1","devDependencies":{"d":"1"}}"#);
        assert_eq!(findings.packages[0].role, Role::Application);
        assert_eq!(findings.packages[0].depends[0].scope, Scope::Development);
    }

    #[test]
    fn a_damaged_manifest_keeps_what_came_before() {
        let findings = read("node_modules/a/package.json", r#"{"name":"a","version":"1.0.0","readme":"xx"#);
        assert_eq!(findings.packages[0].version, "1.0.0");
        assert_eq!(findings.gaps, ["line 1: the JSON ends early"]);
        let findings = read("node_modules/@s/a/package.json", "\0\0\0");
        assert_eq!((findings.packages[0].name.as_str(), findings.packages[0].version.as_str()), ("a", ""));
        assert_eq!(read("srv/fixtures/package.json", "{oops"), Findings::default());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), cut in 0usize..200) {
            let real = br#"{"name":"@s/a","version":"1.2.3","license":{"type":"MIT"},"dependencies":{"b":"^1"},"author":{"name":"x"}}"#;
            let mut mutated = real[..cut.min(real.len())].to_vec();
            mutated.extend(&bytes);
            for bytes in [bytes, mutated] {
                let _ = parse(&Input { path: "node_modules/@s/a/package.json", bytes: &bytes, size: bytes.len() as u64 });
            }
        }
    }
}
