//! `pom.properties` and `pom.xml` (Maven POM 4.0.0).

use std::collections::BTreeMap;

use crate::catalog::Dialect;
use crate::catalog::field::{self, Several};
use crate::catalog::xml::{self, Element};
use crate::model::{Dependency, Licences, Scope};

/// What a project says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pom {
    pub group: Option<String>,
    pub artifact: Option<String>,
    pub version: Option<String>,
    pub packaging: Option<String>,
    pub licences: Licences,
    pub supplier: Option<String>,
    pub author: Option<String>,
    pub description: Option<String>,
    pub homepage: Option<String>,
    pub vcs: Option<String>,
    pub depends: Vec<Dependency>,
}

/// Most dependencies of one project.
const DEPENDENCIES: usize = 5000;
/// Most replacements in one value.
const REPLACEMENTS: usize = 16;

/// Java properties: ISO 8859-1, `\uXXXX`, comments, separators `=`, `:` or blanks, lines that go on behind `\`.
pub(super) fn properties(bytes: &[u8]) -> BTreeMap<String, String> {
    let text: String = bytes.iter().take(1 << 20).copied().map(char::from).collect();
    let mut found = BTreeMap::new();
    let mut pending = String::new();
    for line in text.split(['\n', '\r']) {
        let line = line.trim_start();
        if pending.is_empty() && line.starts_with(['#', '!']) {
            continue;
        }
        pending.push_str(line);
        let slashes = pending.len() - pending.trim_end_matches('\\').len();
        if slashes % 2 == 1 {
            pending.pop();
            continue;
        }
        let whole = std::mem::take(&mut pending);
        let end = whole.find(['=', ':', ' ', '\t']).unwrap_or(whole.len());
        let (key, value) = whole.split_at(end);
        let value = value.trim_start().trim_start_matches(['=', ':']).trim_start();
        if !key.is_empty() && found.len() < 1000 {
            found.insert(unescaped(key), unescaped(value));
        }
    }
    found
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some('u') => {
                let digits: String = letters.by_ref().take(4).collect();
                out.push(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).unwrap_or('\u{fffd}'));
            }
            Some('n' | 'r' | 't' | 'f') | None => out.push(' '),
            Some(other) => out.push(other),
        }
    }
    out
}

impl Pom {
    /// Reads `pom.properties`.
    pub fn of_properties(bytes: &[u8]) -> Self {
        let found = properties(bytes);
        let get = |key: &str| found.get(key).and_then(|value| field::line(value));
        Self { group: get("groupId"), artifact: get("artifactId"), version: get("version"), ..Self::default() }
    }

    /// Reads `pom.xml`.
    pub fn of_xml(bytes: &[u8]) -> (Self, Option<String>) {
        let (root, damage) = xml::parse(&field::text(bytes));
        let Some(root) = root.filter(|root| root.name == "project") else {
            return (Self::default(), damage.or_else(|| Some("the POM has no `project`".to_owned())));
        };
        let names = Names::of(&root);
        let get = |element: &Element, key: &str| element.value(key).and_then(|value| names.resolved(value));
        let organization = root.child("organization").and_then(|it| get(it, "name"));
        let developer = root.list("developers", "developer").find_map(|it| {
            field::person(get(it, "name").or_else(|| get(it, "id")).as_deref(), get(it, "email").as_deref())
        });
        let (supplier, author) = match (organization, developer) {
            (Some(organization), developer) => (Some(organization), developer),
            (None, developer) => (developer, None),
        };
        let licences: Vec<&str> =
            root.list("licenses", "license").filter_map(|it| it.value("name").or_else(|| it.value("url"))).collect();
        let pom = Self {
            group: names.resolved("${project.groupId}"),
            artifact: get(&root, "artifactId"),
            version: names.resolved("${project.version}"),
            packaging: get(&root, "packaging"),
            licences: field::licence_list(Dialect::Maven, licences, Several::Any),
            supplier,
            author,
            description: get(&root, "description").or_else(|| get(&root, "name")).as_deref().and_then(field::summary),
            homepage: get(&root, "url").as_deref().and_then(field::url),
            vcs: root
                .child("scm")
                .and_then(|scm| get(scm, "url").or_else(|| get(scm, "connection")))
                .as_deref()
                .and_then(field::url),
            depends: dependencies(&root, &names),
        };
        (pom, damage)
    }

    /// Takes what the other says and this one does not.
    pub fn complete(&mut self, other: Self) {
        let Self {
            group,
            artifact,
            version,
            packaging,
            licences,
            supplier,
            author,
            description,
            homepage,
            vcs,
            depends,
        } = other;
        for (mine, others) in [
            (&mut self.group, group),
            (&mut self.artifact, artifact),
            (&mut self.version, version),
            (&mut self.packaging, packaging),
            (&mut self.supplier, supplier),
            (&mut self.author, author),
            (&mut self.description, description),
            (&mut self.homepage, homepage),
            (&mut self.vcs, vcs),
        ] {
            if mine.is_none() {
                *mine = others;
            }
        }
        if self.licences.raw.is_empty() {
            self.licences = licences;
        }
        if self.depends.is_empty() {
            self.depends = depends;
        }
    }
}

fn dependencies(root: &Element, names: &Names<'_>) -> Vec<Dependency> {
    let managed: BTreeMap<(String, String), String> = root
        .child("dependencyManagement")
        .into_iter()
        .flat_map(|management| management.list("dependencies", "dependency"))
        .take(DEPENDENCIES)
        .filter_map(|it| {
            let get = |key: &str| it.value(key).and_then(|value| names.resolved(value));
            Some(((get("groupId")?, get("artifactId")?), get("version")?))
        })
        .collect();
    let mut all: Vec<Dependency> = root
        .list("dependencies", "dependency")
        .take(DEPENDENCIES)
        .filter_map(|it| {
            let get = |key: &str| it.value(key).and_then(|value| names.resolved(value));
            let (group, artifact) = (get("groupId")?, get("artifactId")?);
            let scope = match (get("scope").as_deref(), get("optional").as_deref()) {
                (Some("test"), _) => Scope::Development,
                (Some("provided" | "system"), _) | (_, Some("true")) => Scope::Optional,
                (Some("import"), _) => return None,
                _ => Scope::Runtime,
            };
            let names = vec![format!("{group}:{artifact}")];
            let version = get("version").or_else(|| managed.get(&(group, artifact)).cloned());
            // `[1,2)` is a range.
            Some(Dependency { names, version: version.filter(|version| !version.contains(['[', '(', ','])), scope })
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The values behind `${…}`.
struct Names<'a>(BTreeMap<String, &'a str>);

impl<'a> Names<'a> {
    fn of(root: &'a Element) -> Self {
        let mut names = BTreeMap::new();
        let parent = root.child("parent");
        for key in ["groupId", "artifactId", "version", "name", "url", "description"] {
            let own = root.value(key);
            let inherited = parent.and_then(|parent| parent.value(key));
            let from_parent = if matches!(key, "groupId" | "version") { inherited } else { None };
            if let Some(value) = own.or(from_parent) {
                for prefix in ["project.", "pom.", ""] {
                    names.insert(format!("{prefix}{key}"), value);
                }
            }
            if let Some(value) = inherited {
                for prefix in ["project.parent.", "parent."] {
                    names.insert(format!("{prefix}{key}"), value);
                }
            }
        }
        for property in root.child("properties").into_iter().flat_map(|list| &list.children).take(5000) {
            names.insert(property.name.clone(), property.text.trim());
        }
        Self(names)
    }

    /// The value with every `${…}` replaced; none when one is not known.
    fn resolved(&self, value: &str) -> Option<String> {
        let mut value = field::cut(value.trim(), 4096).to_owned();
        for _ in 0..REPLACEMENTS {
            let Some(start) = value.find("${") else { return field::line(&value) };
            let end = start + value.get(start..)?.find('}')?;
            let name = value.get(start + 2..end)?;
            let known = self.0.get(name).copied()?;
            if value.len() + known.len() > 8192 {
                return None;
            }
            value.replace_range(start..=end, known);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_as_java_reads_them() {
        let pom = Pom::of_properties(
            b"#Created by Maven\ngroupId=org.x\nartifactId : a\\u002Db\nversion 1.\\\n   2\nx=\xe9\n",
        );
        assert_eq!(
            (pom.group.as_deref(), pom.artifact.as_deref(), pom.version.as_deref()),
            (Some("org.x"), Some("a-b"), Some("1.2"))
        );
    }

    #[test]
    fn a_project_inherits_and_replaces() {
        let (pom, damage) = Pom::of_xml(
            br"<project><parent><groupId>org.p</groupId><artifactId>parent</artifactId><version>3</version></parent>
            <artifactId>${base}-core</artifactId><properties><base>x</base><dep.version>1.${minor}</dep.version><minor>2</minor></properties>
            <licenses><license><name>Apache-2.0</name></license></licenses><organization><name>Org</name></organization>
            <dependencies><dependency><groupId>${project.groupId}</groupId><artifactId>y</artifactId><version>${dep.version}</version></dependency>
            <dependency><groupId>g</groupId><artifactId>t</artifactId><scope>test</scope></dependency>
            <dependency><groupId>g</groupId><artifactId>o</artifactId><version>[1,2)</version><optional>true</optional></dependency></dependencies></project>",
        );
        assert_eq!(damage, None);
        assert_eq!(
            (pom.group.as_deref(), pom.artifact.as_deref(), pom.version.as_deref()),
            (Some("org.p"), Some("x-core"), Some("3"))
        );
        assert_eq!(pom.supplier.as_deref(), Some("Org"));
        assert_eq!(pom.licences.raw, ["Apache-2.0"]);
        let depends: Vec<_> =
            pom.depends.iter().map(|it| (it.names[0].as_str(), it.version.as_deref(), it.scope)).collect();
        assert_eq!(
            depends,
            [
                ("g:o", None, Scope::Optional),
                ("g:t", None, Scope::Development),
                ("org.p:y", Some("1.2"), Scope::Runtime)
            ]
        );
    }

    #[test]
    fn values_that_replace_themselves_come_to_an_end() {
        let (pom, _) = Pom::of_xml(
            b"<project><version>${a}</version><properties><a>${b}${b}</a><b>${a}${a}</b></properties></project>",
        );
        assert_eq!(pom.version, None);
        assert_eq!(Pom::of_xml(b"<other/>").1.as_deref(), Some("the POM has no `project`"));
    }
}
