//! Erlang and Elixir applications: `ebin/NAME.app`.

use crate::model::{Dependency, Method, Package, PackageKind, Scope};

use super::terms::{self, Language, Term};
use super::{CatalogError, Cataloger, Findings, Input, Takes, field};

/// Application resource files.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "erlang",
    what: "Erlang and Elixir applications: ebin/*.app",
    takes: Takes::Path(|path| field::has_extension(path, "app") && field::is_named(field::split(path).0, "ebin")),
    limit: 4 << 20,
    parse,
};

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let (term, whole) = terms::read(&text, Language::Erlang);
    let (folder, file) = field::split(input.path);
    let stem = file.strip_suffix(".app").unwrap_or(file);
    let mut gaps = Vec::new();
    let (name, facts) = match term.members() {
        [(_, kind), (_, name), (_, facts)] if kind.text() == Some("application") => {
            (name.text().and_then(field::line), Some(facts))
        }
        _ if whole => return Ok(Findings::default()),
        _ => (None, None),
    };
    let get = |key: &str| facts.and_then(|facts| facts.pair(key)).and_then(Term::text);
    let name = name.or_else(|| {
        gaps.push("the application resource is damaged".to_owned());
        field::line(stem)
    });
    let Some(name) = name else { return Err(CatalogError("the application has no name".to_owned())) };
    // The folder of an application is NAME-VERSION.
    let stated =
        field::split(field::split(folder).0).1.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('-'));
    let version = get("vsn").and_then(field::line).or_else(|| {
        gaps.push("the application has no `vsn`".to_owned());
        stated.and_then(field::line)
    });
    // What comes with the runtime is not from the package registry.
    let part_of_runtime = input.path.contains("erlang/lib/") || input.path.contains("elixir/lib/");
    let kind = if part_of_runtime { PackageKind::Generic } else { PackageKind::Hex };
    let mut package = Package::new(kind, name, version.unwrap_or_default(), Method::Manifest);
    if part_of_runtime {
        package.namespace = Some("otp".to_owned());
    }
    package.description = get("description").and_then(field::summary);
    let optional: Vec<&str> = facts
        .and_then(|facts| facts.pair("optional_applications"))
        .map_or(&[][..], Term::members)
        .iter()
        .filter_map(|(_, it)| it.text())
        .collect();
    package.depends = facts
        .and_then(|facts| facts.pair("applications"))
        .map_or(&[][..], Term::members)
        .iter()
        .filter_map(|(_, it)| it.text())
        .filter_map(|name| {
            let scope = if optional.contains(&name) { Scope::Optional } else { Scope::Runtime };
            Some(Dependency { names: vec![field::line(name)?], version: None, scope })
        })
        .take(1000)
        .collect();
    Ok(Findings { packages: vec![package], gaps, ..Findings::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> Findings {
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn applications_have_a_version() {
        let findings = read(
            "srv/lib/jason-1.4.1/ebin/jason.app",
            "{application,jason,[{description,\"JSON\"},{applications,[kernel,decimal]},{optional_applications,[decimal]},{vsn,\"1.4.1\"}]}.",
        );
        let package = &findings.packages[0];
        assert_eq!(
            (package.kind, package.name.as_str(), package.version.as_str()),
            (PackageKind::Hex, "jason", "1.4.1")
        );
        assert_eq!(package.depends[1].scope, Scope::Optional);
        let findings =
            read("usr/lib/erlang/lib/kernel-9.1/ebin/kernel.app", "{application, kernel, [{vsn, \"9.1\"}]}.");
        assert_eq!((findings.packages[0].kind, findings.packages[0].version.as_str()), (PackageKind::Generic, "9.1"));
    }

    #[test]
    fn damage_leaves_what_the_place_tells() {
        let findings = read("srv/lib/jason-1.4.1/ebin/jason.app", "{application,jason,[");
        assert_eq!((findings.packages[0].name.as_str(), findings.packages[0].version.as_str()), ("jason", "1.4.1"));
        assert_eq!(findings.gaps.len(), 2);
    }
}
