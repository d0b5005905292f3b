//! Lua rocks: the rockspec in a tree of installed rocks.

use crate::model::{Dependency, Method, Package, PackageKind, Scope};

use super::terms::{self, Language, Term};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, Takes, field, licences};

/// Installed rocks.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "luarocks",
    what: "Lua rocks: installed rockspec files",
    takes: Takes::Path(is_rockspec),
    limit: 4 << 20,
    parse,
};

/// `…/rocks-5.x/NAME/VERSION/NAME-VERSION.rockspec`.
fn is_rockspec(path: &str) -> bool {
    if !path.ends_with(".rockspec") {
        return false;
    }
    let rocks = path.rsplit('/').nth(3).unwrap_or_default();
    rocks == "rocks" || rocks.starts_with("rocks-")
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let (spec, _) = terms::read(&text, Language::Lua);
    let get = |key: &str| spec.get(key).and_then(Term::text).and_then(field::line);
    let mut places = input.path.rsplit('/').skip(1);
    let (version, name) = (places.next().and_then(field::line), places.next().and_then(field::line));
    let mut gaps = Vec::new();
    let mut or_place = |key: &str, place: Option<String>| {
        get(key).or_else(|| {
            gaps.push(format!("the rockspec has no `{key}` that can be read without running it"));
            place
        })
    };
    let name = or_place("package", name).ok_or_else(|| CatalogError("the rockspec names no package".to_owned()))?;
    let version = or_place("version", version).unwrap_or_default();
    let mut package = Package::new(PackageKind::Luarocks, name, version, Method::Manifest);
    if let Some(described) = spec.get("description") {
        let get = |key: &str| described.get(key).and_then(Term::text);
        package.licences = get("license").map(|text| licences(Dialect::Spdx, text)).unwrap_or_default();
        package.homepage = get("homepage").and_then(field::url);
        package.description = get("summary").and_then(field::summary);
        package.supplier = get("maintainer").and_then(field::line);
    }
    let source = spec.get("source").and_then(|source| source.get("url")?.text()).and_then(field::url);
    match source {
        Some(url) if url.starts_with("git") => package.vcs = Some(url),
        url => package.download = url.filter(|url| field::is_web(url)),
    }
    package.depends = spec
        .get("dependencies")
        .map_or(&[][..], Term::members)
        .iter()
        .filter_map(|(key, it)| if key.is_none() { it.text() } else { None })
        .filter_map(|text| text.split([' ', '=', '<', '>', '~']).find(|word| !word.is_empty()))
        .filter(|name| *name != "lua")
        .filter_map(|name| Some(Dependency { names: vec![field::line(name)?], version: None, scope: Scope::Runtime }))
        .take(500)
        .collect();
    Ok(Findings { packages: vec![package], gaps, ..Findings::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "usr/local/lib/luarocks/rocks-5.1/lpeg/1.0.2-1/lpeg-1.0.2-1.rockspec";

    fn read(text: &str) -> Findings {
        parse(&Input { path: PATH, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn an_installed_rock_says_what_it_is() {
        assert!(is_rockspec(PATH) && !is_rockspec("src/lpeg-1.0.2-1.rockspec"));
        let findings = read(
            "package = \"LPeg\"\nversion = \"1.0.2-1\"\nsource = { url = \"https://host.example/l.tgz\" }\ndescription = { license = \"MIT/X11\", homepage = \"https://host.example\" }\ndependencies = { \"lua >= 5.1\", \"x >= 1\" }\nbuild = { type = \"make\" }\n",
        );
        let package = &findings.packages[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("LPeg", "1.0.2-1"));
        assert_eq!(package.depends[0].names, ["x"]);
        assert_eq!(package.licences.raw, ["MIT/X11"]);
        assert_eq!(findings.gaps, Vec::<String>::new());
    }

    #[test]
    fn what_is_computed_comes_from_the_place() {
        let findings = read("package = 'lpeg'\nversion = v .. '-1'\n");
        assert_eq!(findings.packages[0].version, "1.0.2-1");
        assert_eq!(findings.gaps.len(), 1);
    }
}
