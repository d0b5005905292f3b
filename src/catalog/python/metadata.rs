//! `METADATA`, `PKG-INFO`: what a distribution says of itself.

use crate::catalog::header::{self, Header};
use crate::catalog::zip::Zip;
use crate::catalog::{BINARY, CatalogError, Cataloger, Dialect, Findings, Input, TEXT, Takes, field, hashes, licences};
use crate::model::{Licences, Method, Package, PackageKind};

use super::{is_info_folder, python_version, requirement, stated};

/// Installed distributions.
pub(in crate::catalog) const CATALOGER: Cataloger = Cataloger {
    id: "python-metadata",
    what: "Python distributions: dist-info and egg-info",
    takes: Takes::Path(is_metadata),
    limit: TEXT,
    parse,
};

/// Eggs that are zip archives.
pub(in crate::catalog) const EGG: Cataloger = Cataloger {
    id: "python-egg",
    what: "Python eggs that are zip archives",
    takes: Takes::Head(|path, head| field::ends_with(path, ".egg") && head.starts_with(b"PK")),
    limit: BINARY,
    parse: parse_egg,
};

/// Most bytes of the metadata in an egg.
const IN_EGG: u64 = 4 << 20;
/// Longest `License` that is read as a name and not kept as a text only.
const LICENCE_NAME: usize = 120;

fn is_metadata(path: &str) -> bool {
    let (folder, name) = field::split(path);
    if name.eq_ignore_ascii_case("METADATA") {
        return field::ends_with(folder, ".dist-info");
    }
    if name.eq_ignore_ascii_case("PKG-INFO") {
        return field::ends_with(folder, ".egg-info") || field::ends_with(folder, ".egg/EGG-INFO");
    }
    field::ends_with(name, ".egg-info")
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let (folder, name) = field::split(input.path);
    let shown = if is_info_folder(folder) {
        field::split(folder).1
    } else if field::ends_with(folder, "/EGG-INFO") {
        field::split(field::split(folder).0).1
    } else {
        name
    };
    let mut findings = Findings::default();
    let text = field::text(input.bytes);
    findings.packages.extend(distribution(&text, shown, input.path, &mut findings.gaps));
    Ok(findings)
}

fn parse_egg(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let mut findings = Findings::default();
    let (_, name) = field::split(input.path);
    let zip = match Zip::open(input.bytes) {
        Ok(zip) => zip,
        Err(error) => {
            findings.gaps.push(error.to_string());
            findings.packages.extend(by_name(name));
            return Ok(findings);
        }
    };
    findings.gaps.extend(zip.gaps.iter().cloned());
    let member = zip.members.iter().find(|member| *member.name() == *"EGG-INFO/PKG-INFO");
    let package = match member.map(|member| zip.read(member, IN_EGG)) {
        Some(Ok(bytes)) => {
            distribution(&field::text(&bytes), name, input.path, &mut findings.gaps).map(|mut package| {
                "EGG-INFO/PKG-INFO".clone_into(&mut package.inside);
                package
            })
        }
        Some(Err(error)) => {
            findings.gaps.push(error.to_string());
            by_name(name)
        }
        None => by_name(name),
    };
    findings.packages.extend(package.map(|mut package| {
        if input.is_whole() {
            package.hashes = hashes::of(input.bytes);
        }
        package
    }));
    Ok(findings)
}

/// What only the name of a file or folder tells.
fn by_name(shown: &str) -> Option<Package> {
    let (name, version) = stated(shown);
    Some(Package::new(PackageKind::Pypi, name?, version.unwrap_or_default(), Method::FileName))
}

/// The distribution of a metadata text; `shown` is the name of its folder or file.
fn distribution(text: &str, shown: &str, path: &str, gaps: &mut Vec<String>) -> Option<Package> {
    let (fields, body, strange) = header::read(text);
    if let Some(line) = strange.first() {
        gaps.push(format!("line {line}: neither a field nor its continuation"));
    }
    let (name, version) = stated(shown);
    let get = |key: &str| header::first(&fields, key).and_then(field::line);
    let mut missing = |what: &str, by_folder: Option<String>| {
        let instead =
            by_folder.as_ref().map_or(String::new(), |value| format!("; `{value}` is from the name `{shown}`"));
        gaps.push(format!("the metadata has no {what}{instead}"));
        by_folder.unwrap_or_default()
    };
    let name = get("name").unwrap_or_else(|| missing("Name", name));
    let version = get("version").unwrap_or_else(|| missing("Version", version));
    // The interpreter's own metadata is no distribution.
    if name.is_empty() || name == "Python" {
        return None;
    }
    let mut package = Package::new(PackageKind::Pypi, name, version, Method::Manifest);
    package.licences = declared_licences(&fields);
    describe(&fields, body, &mut package);
    let python = python_version(path);
    package.depends = header::all(&fields, "requires-dist")
        .chain(header::all(&fields, "requires"))
        .filter_map(|header| requirement::dependency(&header.value, python))
        .collect();
    package.depends.sort();
    package.depends.dedup();
    Some(package)
}

fn describe(fields: &[Header], body: &str, package: &mut Package) {
    let get = |key: &str| header::first(fields, key);
    let author = field::person(get("author"), get("author-email"));
    let maintainer = field::person(get("maintainer"), get("maintainer-email"));
    (package.supplier, package.author) = match (author, maintainer) {
        (author, None) => (author, None),
        (None, maintainer) => (maintainer, None),
        (author, maintainer) if author == maintainer => (author, None),
        (author, maintainer) => (maintainer, author),
    };
    package.description = get("summary").and_then(field::summary).or_else(|| {
        get("description")
            .or(Some(body))
            .and_then(field::summary)
            .filter(|_| get("summary").is_none() && !body.is_empty())
    });
    package.homepage = get("home-page").and_then(web);
    package.download = get("download-url").and_then(web);
    for header in header::all(fields, "project-url") {
        let Some((label, url)) = header.value.split_once(',') else { continue };
        let label: String = label.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
        let place = match label.as_str() {
            "homepage" | "home" => &mut package.homepage,
            "source" | "repository" | "sourcecode" | "github" | "code" => &mut package.vcs,
            _ => continue,
        };
        if place.is_none() {
            *place = web(url);
        }
    }
    if let Some(python) = get("requires-python").and_then(field::line) {
        package.properties.insert("python:requires".to_owned(), python);
    }
}

fn web(text: &str) -> Option<String> {
    field::url(text).filter(|url| url != "UNKNOWN" && field::is_web(url))
}

/// The expression, else a short `License`, else the classifiers.
fn declared_licences(fields: &[Header]) -> Licences {
    if let Some(expression) = header::first(fields, "license-expression").and_then(field::line) {
        return licences(Dialect::Spdx, &expression);
    }
    let named = header::first(fields, "license").filter(|name| *name != "UNKNOWN");
    let short = named.filter(|name| name.len() <= LICENCE_NAME && !name.contains('\n'));
    let by_name = short.map(|name| licences(Dialect::Python, name));
    if let Some(found) = by_name.as_ref().filter(|found| found.declared.is_some() && found.texts.is_empty()) {
        return found.clone();
    }
    let classifiers = header::all(fields, "classifier")
        .filter(|header| header.value.starts_with("License ::"))
        .map(|header| header.value.as_str());
    let mut found = field::licence_list(Dialect::Python, classifiers, field::Several::Unsaid);
    match (by_name, found.declared.is_some() && found.texts.is_empty()) {
        (Some(by_name), true) => found.raw.splice(..0, by_name.raw).for_each(drop),
        (Some(by_name), false) => return by_name,
        (None, _) => {
            if let Some(long) = named.filter(|_| found.raw.is_empty()) {
                found.raw.push(field::cut(long, 64 << 10).to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::zip::tests::archive;

    const PATH: &str = "usr/lib/python3.11/site-packages/Flask_Login-0.6.3.dist-info/METADATA";

    fn read(path: &str, text: &str) -> Findings {
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn metadata_is_taken_where_distributions_are_installed() {
        for path in [
            PATH,
            "a/six-1.dist-info/metadata",
            "a/b.egg-info/PKG-INFO",
            "a/argparse.egg-info",
            "a/x-1-py3.9.egg/EGG-INFO/PKG-INFO",
            "a/setuptools/_vendor/tomli-2.0.1.dist-info/METADATA",
        ] {
            assert!(is_metadata(path), "{path}");
        }
        for path in ["a/foo-1.0/PKG-INFO", "a/METADATA", "a/b.dist-info/RECORD", "PKG-INFO"] {
            assert!(!is_metadata(path), "{path}");
        }
    }

    #[test]
    fn a_distribution_says_what_it_is() {
        let findings = read(
            PATH,
            "Metadata-Version: 2.1\nName: Flask-Login\nVersion: 0.6.3\nSummary: User sessions\nHome-page: https://u:p@host.example/f\n\
             Author: Matthew\nAuthor-email: m@host.example\nMaintainer: Max\nLicense-Expression: MIT\n\
             Project-URL: Source Code, https://host.example/src\nRequires-Dist: Flask>=1.0.4\n\
             Requires-Dist: pywin32; sys_platform == 'win32'\nRequires-Dist: pytest; extra == 'test'\nRequires-Python: >=3.7\n\nLong text\nVersion: 9\n",
        );
        assert_eq!(findings.gaps, Vec::<String>::new());
        let package = &findings.packages[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("Flask-Login", "0.6.3"));
        assert_eq!(package.author.as_deref(), Some("Matthew <m@host.example>"));
        assert_eq!(package.supplier.as_deref(), Some("Max"));
        assert_eq!(package.homepage.as_deref(), Some("https://host.example/f"));
        assert_eq!(package.vcs.as_deref(), Some("https://host.example/src"));
        assert_eq!(package.licences.raw, ["MIT"]);
        let names: Vec<_> = package.depends.iter().map(|needed| needed.names[0].as_str()).collect();
        assert_eq!(names, ["Flask", "pytest"]);
    }

    #[test]
    fn a_version_that_is_missing_comes_from_the_folder_and_is_a_gap() {
        let findings = read(PATH, "Metadata-Version: 2.1\nName: Flask-Login\n");
        assert_eq!(findings.packages[0].version, "0.6.3");
        assert_eq!(
            findings.gaps,
            ["the metadata has no Version; `0.6.3` is from the name `Flask_Login-0.6.3.dist-info`"]
        );
        let findings = read("a/x.egg-info/PKG-INFO", "Name: x\n");
        assert_eq!(findings.packages[0].version, "");
        assert_eq!(findings.gaps, ["the metadata has no Version"]);
    }

    #[test]
    fn an_empty_file_is_half_a_record() {
        let findings = read(PATH, "");
        assert_eq!(findings.packages[0].name, "Flask_Login");
        assert_eq!(findings.gaps.len(), 2);
    }

    #[test]
    fn the_interpreter_itself_is_no_distribution() {
        assert_eq!(read("a/Python-3.9.egg-info", "Name: Python\nVersion: 3.9\n"), Findings::default());
    }

    #[test]
    fn a_licence_text_is_kept_as_it_is() {
        let findings =
            read(PATH, "Name: a\nVersion: 1\nLicense: Permission is granted\n  to all\nClassifier: Topic :: X\n");
        assert_eq!(findings.packages[0].licences.raw, ["Permission is granted\nto all"]);
        assert_eq!(findings.packages[0].licences.declared, None);
    }

    #[test]
    fn eggs_are_opened() {
        let bytes = archive(&[("EGG-INFO/PKG-INFO", b"Name: x\nVersion: 2\n", true), ("x.py", b"", false)]);
        let input = Input { path: "a/x-1-py3.9.egg", bytes: &bytes, size: bytes.len() as u64 };
        let findings = parse_egg(&input).expect("findings");
        assert_eq!((findings.packages[0].version.as_str(), findings.packages[0].hashes.len()), ("2", 3));
        let broken = parse_egg(&Input { bytes: &bytes[..60], size: 60, ..input }).expect("findings");
        assert_eq!((broken.packages[0].name.as_str(), broken.packages[0].version.as_str()), ("x", "1"));
        assert_eq!(broken.gaps, ["the archive has no central directory"]);
    }
}
