//! R packages: the `DESCRIPTION` of an installed package (Writing R Extensions, 1.1.1).

use crate::model::{Dependency, Method, Package, PackageKind, Scope};

use super::{CatalogError, Cataloger, Dialect, Findings, Input, Takes, field, header, licences};

/// Installed R packages.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "cran",
    what: "R packages: DESCRIPTION",
    takes: Takes::Path(|path| field::is_named(path, "DESCRIPTION") && path.contains('/')),
    limit: 4 << 20,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let (fields, _, strange) = header::read(&text);
    let get = |key: &str| header::first(&fields, key).and_then(field::line);
    // Installing adds this field; sources, and other files of this name, lack it.
    if get("built").is_none() || (get("package").is_none() && get("version").is_none()) {
        return Ok(Findings::default());
    }
    let mut gaps: Vec<String> =
        strange.first().map(|line| format!("line {line}: neither a field nor its continuation")).into_iter().collect();
    let name = get("package").or_else(|| {
        gaps.push("the description has no Package".to_owned());
        field::line(field::split(field::split(input.path).0).1)
    });
    let version = get("version").unwrap_or_else(|| {
        gaps.push("the description has no Version".to_owned());
        String::new()
    });
    let Some(name) = name else { return Err(CatalogError("the description names no package".to_owned())) };
    let mut package = Package::new(PackageKind::Cran, name, version, Method::Manifest);
    package.licences = get("license").map(|text| licences(Dialect::Cran, &text)).unwrap_or_default();
    package.supplier = get("maintainer");
    package.author = get("author").filter(|author| Some(author) != package.supplier.as_ref());
    package.description = get("title");
    package.homepage = header::first(&fields, "url")
        .and_then(|urls| urls.split([',', ' ', '\n']).find(|url| !url.is_empty()))
        .and_then(field::url)
        .filter(|url| field::is_web(url));
    for (key, scope) in [
        ("depends", Scope::Runtime),
        ("imports", Scope::Runtime),
        ("linkingto", Scope::Build),
        ("suggests", Scope::Optional),
    ] {
        let list = header::first(&fields, key).unwrap_or_default();
        let names = list
            .split(',')
            .map(|part| part.split('(').next().unwrap_or("").trim())
            .filter(|name| !matches!(*name, "" | "R"));
        package.depends.extend(
            names.filter_map(field::line).map(|name| Dependency { names: vec![name], version: None, scope }).take(1000),
        );
    }
    package.depends.sort();
    package.depends.dedup();
    for (key, property) in [("priority", "cran:priority"), ("repository", "cran:repository"), ("built", "cran:built")] {
        package.properties.extend(get(key).map(|value| (property.to_owned(), value)));
    }
    Ok(Findings { packages: vec![package], gaps, ..Findings::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Findings {
        let path = "usr/lib/R/library/dplyr/DESCRIPTION";
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn an_installed_package_says_what_it_is() {
        let findings = read(
            "Package: dplyr\nVersion: 1.1.4\nLicense: MIT + file LICENSE\nMaintainer: H <h@host.example>\nDepends: R (>= 3.5.0)\nImports: cli (>= 3.4.0),\n  generics\nURL: https://host.example/d, https://x\nBuilt: R 4.3.1; ; 2023\n",
        );
        let package = &findings.packages[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("dplyr", "1.1.4"));
        assert_eq!(package.depends.iter().map(|it| it.names[0].as_str()).collect::<Vec<_>>(), ["cli", "generics"]);
        assert_eq!(package.homepage.as_deref(), Some("https://host.example/d"));
    }

    #[test]
    fn sources_are_not_installed() {
        assert_eq!(read("Package: dplyr\nVersion: 1.1.4\n"), Findings::default());
        let findings = read("Package: dplyr\nBuilt: R 4.3.1\n");
        assert_eq!((findings.packages.len(), findings.gaps), (1, vec!["the description has no Version".to_owned()]));
    }
}
