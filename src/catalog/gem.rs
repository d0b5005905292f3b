//! Ruby gems: `specifications/*.gemspec` as the installer wrote them, and gems that Bundler checked out.

use crate::model::{Dependency, Method, Package, PackageKind, Scope};

use super::field::{self, Several};
use super::{CatalogError, Cataloger, Dialect, Findings, Input, Takes};

/// Gem specifications.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "gem",
    what: "Ruby gems: installed gemspec files",
    takes: Takes::Path(is_specification),
    limit: 4 << 20,
    parse,
};

/// Most dependencies of one gem.
const DEPENDENCIES: usize = 1000;
/// Lines among which the stub is looked for.
const STUB_LINES: usize = 5;

fn is_specification(path: &str) -> bool {
    if !field::has_extension(path, "gemspec") {
        return false;
    }
    let folder = field::split(path).0;
    // `specifications/` and `specifications/default/`; a checkout has it at its top.
    field::is_named(folder, "specifications")
        || field::is_named(folder, "specifications/default")
        || field::is_named(field::split(folder).0, "bundler/gems")
}

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let text = field::text(input.bytes);
    let (folder, file) = field::split(input.path);
    let stem = file.strip_suffix(".gemspec").unwrap_or(file);
    let checkout = field::is_named(field::split(folder).0, "bundler/gems");
    let spec = Specification::read(&text);
    let mut gaps = Vec::new();
    let (stated_name, stated_version) = if checkout { (Some(stem), None) } else { stated(stem) };
    let name = spec.name.clone().or_else(|| stated_name.and_then(field::line));
    let version = spec.version.clone().or_else(|| {
        // A checkout computes its version when it runs.
        let instead = stated_version.map_or(String::new(), |version| format!("; `{version}` is from the file's name"));
        gaps.push(format!("the gem has no version that can be read without running it{instead}"));
        stated_version.and_then(field::line)
    });
    let Some(name) = name else { return Err(CatalogError("the gem has no name".to_owned())) };
    let mut package = Package::new(PackageKind::Gem, name, version.unwrap_or_default(), Method::Manifest);
    if let Some(platform) = spec.platform.filter(|platform| platform != "ruby") {
        package.qualifiers.insert("platform".to_owned(), platform);
    }
    package.licences = field::licence_list(Dialect::Spdx, spec.licences.iter().map(String::as_str), Several::Unsaid);
    package.supplier = Some(spec.authors.join(", ")).filter(|authors| !authors.is_empty());
    package.homepage = spec.homepage.as_deref().and_then(field::url);
    package.vcs = spec.source.as_deref().and_then(field::url);
    package.description = spec.summary.as_deref().and_then(field::summary);
    package.depends = spec.depends;
    package.depends.sort();
    package.depends.dedup();
    if checkout {
        let revision = field::split(folder).1.rsplit_once('-').map(|(_, revision)| revision);
        package.properties.extend(revision.and_then(field::line).map(|revision| ("gem:revision".to_owned(), revision)));
    }
    if folder.ends_with("/default") {
        package.properties.insert("gem:default".to_owned(), "true".to_owned());
    }
    Ok(Findings { packages: vec![package], gaps, ..Findings::default() })
}

/// `NAME-VERSION[-PLATFORM]`.
fn stated(stem: &str) -> (Option<&str>, Option<&str>) {
    let start =
        stem.match_indices('-').find(|(at, _)| stem[at + 1..].starts_with(|first: char| first.is_ascii_digit()));
    let Some((at, _)) = start else { return (Some(stem), None) };
    (Some(&stem[..at]), stem[at + 1..].split('-').next())
}

#[derive(Default)]
struct Specification {
    name: Option<String>,
    version: Option<String>,
    platform: Option<String>,
    licences: Vec<String>,
    authors: Vec<String>,
    homepage: Option<String>,
    source: Option<String>,
    summary: Option<String>,
    depends: Vec<Dependency>,
}

impl Specification {
    /// Reads the literals of a specification; nothing is run. The first value of a field counts, the stub before all.
    fn read(text: &str) -> Self {
        let mut spec = Self::default();
        for line in text.lines().take(STUB_LINES) {
            // `# stub: NAME VERSION PLATFORM REQUIRE_PATHS`; a second such line names native extensions.
            let Some(stub) = line.strip_prefix("# stub: ") else { continue };
            let mut words = stub.split(' ');
            spec.name = words.next().and_then(field::line);
            spec.version = words.next().and_then(field::line);
            spec.platform = words.next().and_then(field::line);
            break;
        }
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
            spec.dependency(line);
            let Some((left, right)) = line.split_once('=') else { continue };
            let Some((_, key)) = left.trim().split_once('.') else { continue };
            let one = || literals(right).into_iter().next();
            match key.trim() {
                "name" if spec.name.is_none() => spec.name = one(),
                "version" if spec.version.is_none() => spec.version = one(),
                "platform" if spec.platform.is_none() => spec.platform = one(),
                "licenses" | "license" if spec.licences.is_empty() => spec.licences = literals(right),
                "authors" | "author" if spec.authors.is_empty() => spec.authors = literals(right),
                "homepage" if spec.homepage.is_none() => spec.homepage = one(),
                "summary" if spec.summary.is_none() => spec.summary = one(),
                "metadata" | "metadata[\"source_code_uri\"]" | "metadata['source_code_uri']"
                    if spec.source.is_none() =>
                {
                    let values = literals(right);
                    let at = values.iter().position(|value| value == "source_code_uri");
                    spec.source = match at {
                        Some(at) => values.get(at + 1).cloned(),
                        None if key.contains('[') => values.into_iter().next(),
                        None => None,
                    };
                }
                _ => {}
            }
        }
        spec
    }

    /// `s.add_runtime_dependency(%q<x>.freeze, [">= 1"])`.
    fn dependency(&mut self, line: &str) {
        let Some((_, call)) = line.split_once(".add_") else { return };
        let (scope, rest) = if let Some(rest) = call.strip_prefix("runtime_dependency") {
            (Scope::Runtime, rest)
        } else if let Some(rest) = call.strip_prefix("development_dependency") {
            (Scope::Development, rest)
        } else if let Some(rest) = call.strip_prefix("dependency") {
            (Scope::Runtime, rest)
        } else {
            return;
        };
        let mut values = literals(rest).into_iter();
        let Some(name) = values.next() else { return };
        let bounds: Vec<String> = values.collect();
        let version = match &bounds[..] {
            [one] => one.strip_prefix("= ").map(str::to_owned),
            _ => None,
        };
        if self.depends.len() < DEPENDENCIES {
            self.depends.push(Dependency { names: vec![name], version, scope });
        }
    }
}

/// The string literals of a line: `"…"`, `'…'`, `%q<…>`, `%q{…}`, `%q(…)`; only escapes of one letter are undone.
fn literals(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while found.len() < 100 {
        let Some(start) = rest.find(['"', '\'', '%', '#']) else { break };
        let (close, skip) = match rest.as_bytes().get(start..start + 3) {
            Some([b'%', b'q' | b'Q', open]) => match open {
                b'<' => ('>', 3),
                b'{' => ('}', 3),
                b'(' => (')', 3),
                b'[' => (']', 3),
                _ => (' ', 0),
            },
            _ if rest[start..].starts_with('"') => ('"', 1),
            _ if rest[start..].starts_with('\'') => ('\'', 1),
            // A comment to the end of the line.
            _ if rest[start..].starts_with('#') => break,
            _ => (' ', 0),
        };
        if skip == 0 {
            rest = &rest[start + 1..];
            continue;
        }
        let mut value = String::new();
        let mut end = None;
        let mut letters = rest[start + skip..].char_indices();
        while let Some((at, letter)) = letters.next() {
            if letter == close {
                end = Some(start + skip + at + 1);
                break;
            }
            if letter == '\\' {
                match letters.next() {
                    Some((_, 'n' | 't' | 'r')) => value.push(' '),
                    Some((_, other)) => value.push(other),
                    None => {}
                }
            } else {
                value.push(letter);
            }
        }
        let Some(end) = end else { break };
        found.extend(field::line(&value));
        rest = &rest[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "usr/local/bundle/specifications/nokogiri-1.16.0-x86_64-linux.gemspec";

    fn read(path: &str, text: &str) -> Findings {
        parse(&Input { path, bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    #[test]
    fn only_installed_specifications_are_taken() {
        for path in [
            PATH,
            "a/specifications/default/json-2.6.gemspec",
            "a/bundler/gems/x-0123abc/x.gemspec",
            "specifications/a-1.gemspec",
        ] {
            assert!(is_specification(path), "{path}");
        }
        for path in
            ["a/gems/x-1/x.gemspec", "x.gemspec", "a/bundler/gems/x-1/spec/x.gemspec", "a/xspecifications/a.gemspec"]
        {
            assert!(!is_specification(path), "{path}");
        }
    }

    #[test]
    fn an_installed_gem_says_what_it_is() {
        let findings = read(
            PATH,
            r#"# -*- encoding: utf-8 -*-
# stub: nokogiri 1.16.0 x86_64-linux lib
# stub: ext/nokogiri/extconf.rb

Gem::Specification.new do |s|
  s.name = "other".freeze
  s.version = "9"
  s.metadata = { "bug_tracker_uri" => "https://host.example/b", "source_code_uri" => "https://host.example/s" } if s.respond_to? :metadata=
  s.authors = ["Mike D".freeze, "O'Neil".freeze]
  s.licenses = ["MIT".freeze]
  s.homepage = "https://host.example".freeze
  s.summary = "Says \"hi\"".freeze # it does
  s.add_runtime_dependency(%q<racc>.freeze, ["~> 1.4"])
  s.add_runtime_dependency(%q<exact>.freeze, ["= 1.2"])
  s.add_development_dependency("rake", [">= 0"])
end
"#,
        );
        assert_eq!(findings.gaps, Vec::<String>::new());
        let package = &findings.packages[0];
        assert_eq!((package.name.as_str(), package.version.as_str()), ("nokogiri", "1.16.0"));
        assert_eq!(package.qualifiers["platform"], "x86_64-linux");
        assert_eq!(package.supplier.as_deref(), Some("Mike D, O'Neil"));
        assert_eq!(package.vcs.as_deref(), Some("https://host.example/s"));
        assert_eq!(package.description.as_deref(), Some("Says \"hi\""));
        assert_eq!(package.licences.raw, ["MIT"]);
        let depends: Vec<_> =
            package.depends.iter().map(|it| (it.names[0].as_str(), it.version.as_deref(), it.scope)).collect();
        assert_eq!(
            depends,
            [
                ("exact", Some("1.2"), Scope::Runtime),
                ("racc", None, Scope::Runtime),
                ("rake", None, Scope::Development)
            ]
        );
    }

    #[test]
    fn a_version_that_is_computed_is_a_gap() {
        let findings = read(
            "b/bundler/gems/rails-0123abcd/active.gemspec",
            "Gem::Specification.new do |s|\n s.name = 'active'\n s.version = version\nend",
        );
        assert_eq!((findings.packages[0].name.as_str(), findings.packages[0].version.as_str()), ("active", ""));
        assert_eq!(findings.packages[0].properties["gem:revision"], "0123abcd");
        assert_eq!(findings.gaps, ["the gem has no version that can be read without running it"]);
        let findings = read(PATH, "");
        assert_eq!((findings.packages[0].name.as_str(), findings.packages[0].version.as_str()), ("nokogiri", "1.16.0"));
        assert_eq!(findings.gaps.len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,120}") {
            let _ = read(PATH, &format!("# stub: {text}\ns.authors = [{text}\ns.add_dependency({text}"));
            let _ = read(PATH, &text);
        }
    }
}
