//! Who an archive is: its project descriptions, its manifest and its name, in this order.

use std::collections::BTreeMap;

use crate::catalog::Dialect;
use crate::catalog::field::{self, Several};
use crate::model::{Dependency, Method, Package, PackageKind, Role, Scope};

use super::file_name::{self, FileName};
use super::manifest;
use super::pom::Pom;

/// What an archive says of itself.
pub(super) struct Testimony<'a> {
    /// Its name without the extension.
    pub stem: &'a str,
    /// The extension, in lower case.
    pub extension: &'a str,
    /// The main section of its manifest.
    pub manifest: BTreeMap<String, String>,
    /// Its project descriptions by their folder: `META-INF/maven/GROUP/ARTIFACT`.
    pub poms: BTreeMap<String, Pom>,
}

/// The archive itself, and the projects it contains with the folders of their descriptions.
pub(super) struct Identity {
    pub main: Package,
    pub contained: Vec<(String, Package)>,
}

impl Testimony<'_> {
    /// Decides.
    pub fn identity(mut self) -> Identity {
        let file = file_name::split(self.stem);
        let own = self.own_pom(&file);
        let own = own.and_then(|folder| self.poms.remove(&folder));
        let mut main = match own {
            Some(pom) => self.by_pom(pom),
            None => self.by_manifest(&file),
        };
        self.describe(&mut main);
        let contained = std::mem::take(&mut self.poms)
            .into_iter()
            .filter_map(|(folder, pom)| pom.artifact.is_some().then(|| (folder, package(pom))))
            .collect();
        Identity { main, contained }
    }

    /// The description that is the archive's own: the longest that fits its name; a single one also when the name was
    /// changed to one without a version.
    fn own_pom(&self, file: &FileName<'_>) -> Option<String> {
        let artifact = |pom: &Pom| pom.artifact.clone().unwrap_or_default();
        let fitting = self
            .poms
            .iter()
            .filter(|(_, pom)| fits(pom, file, self.stem) || self.manifest_names(pom))
            .max_by_key(|(_, pom)| artifact(pom).len());
        if let Some((folder, _)) = fitting {
            return Some(folder.clone());
        }
        let (folder, pom) = self.poms.first_key_value().filter(|_| self.poms.len() == 1)?;
        (file.version.is_none() && pom.artifact.is_some()).then(|| folder.clone())
    }

    /// Whether the manifest of a Jenkins plugin names the project.
    fn manifest_names(&self, pom: &Pom) -> bool {
        pom.artifact.is_some() && self.manifest.get("short-name") == pom.artifact.as_ref()
    }

    fn by_pom(&self, pom: Pom) -> Package {
        let classifier = match (&pom.artifact, &pom.version) {
            (Some(artifact), Some(version)) => self
                .stem
                .strip_prefix(artifact.as_str())
                .and_then(|rest| rest.strip_prefix('-')?.strip_prefix(version.as_str())?.strip_prefix('-'))
                .map(str::to_owned),
            _ => None,
        };
        let mut main = package(pom);
        if main.version.is_empty() {
            main.version = self.version(&file_name::split(self.stem)).0.unwrap_or_default();
        }
        main.qualifiers.extend(classifier.filter(|text| !text.is_empty()).map(|text| ("classifier".to_owned(), text)));
        main
    }

    fn by_manifest(&self, file: &FileName<'_>) -> Package {
        let plugin = self.is_plugin();
        let get = |names: &[&str]| manifest::first(&self.manifest, names);
        let (version, from_manifest) = self.version(file);
        let named = if plugin {
            get(&["short-name", "extension-name"])
        } else if self.manifest.contains_key("weave-classes") {
            // Instrumentation is named like what it instruments, and is something else.
            get(&["implementation-title"])
        } else {
            None
        };
        let name = named.unwrap_or_else(|| field::line(file.name).unwrap_or_default());
        let group = if plugin {
            get(&["group-id"]).or_else(|| Some("org.jenkins-ci.plugins".to_owned()))
        } else {
            self.group(&name)
        };
        let method = if from_manifest || group.is_some() { Method::Manifest } else { Method::FileName };
        let mut main = Package::new(PackageKind::Maven, name, version.unwrap_or_default(), method);
        main.namespace = group;
        main.qualifiers.extend(file.classifier.map(|text| ("classifier".to_owned(), text.to_owned())));
        main
    }

    fn is_plugin(&self) -> bool {
        matches!(self.extension, "hpi" | "jpi")
            || self.manifest.contains_key("jenkins-version") && self.manifest.contains_key("plugin-version")
    }

    /// The version, and whether the manifest says it. The manifest's versions are often those of a specification, of a bundle
    /// or of the release before, so a version in the name is believed before them; only a plugin has a version of its own.
    fn version(&self, file: &FileName<'_>) -> (Option<String>, bool) {
        let first_word = |name: &str| {
            let value = manifest::first(&self.manifest, &[name])?;
            let word = value.split_whitespace().next()?.to_owned();
            word.starts_with(|first: char| first.is_ascii_digit() || first == 'v').then_some(word)
        };
        if let Some(version) = first_word("plugin-version") {
            return (Some(version), true);
        }
        let names = ["implementation-version", "bundle-version", "specification-version"];
        let mut said = names.iter().filter_map(|name| first_word(name));
        // The name of instrumentation is that of what it instruments.
        let in_name = file.version.filter(|_| !self.manifest.contains_key("weave-classes")).and_then(field::line);
        match in_name {
            Some(version) => {
                let agrees = said.any(|said| said == version);
                (Some(version), agrees)
            }
            None => said.next().map_or((None, false), |said| (Some(said), true)),
        }
    }

    /// The group that a module or bundle name suggests.
    fn group(&self, artifact: &str) -> Option<String> {
        let names = ["automatic-module-name", "bundle-symbolicname", "implementation-vendor-id"];
        names.iter().find_map(|name| {
            let value = manifest::first(&self.manifest, &[name])?;
            let value = value.split(';').next()?.trim();
            let is_name = value.contains('.')
                && value.split('.').all(|part| {
                    !part.is_empty()
                        && part.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'))
                });
            if !is_name {
                return None;
            }
            let plain = |text: &str| -> String { text.chars().filter(|letter| letter.is_alphanumeric()).collect() };
            let (above, last) = value.rsplit_once('.')?;
            let repeats = plain(artifact).contains(&plain(last));
            Some(if repeats && above.contains('.') { above.to_owned() } else { value.to_owned() })
        })
    }

    /// Adds what is the same however the archive was identified.
    fn describe(&self, main: &mut Package) {
        let get = |names: &[&str]| manifest::first(&self.manifest, names);
        let kind = match self.extension {
            "jar" => None,
            extension => Some(extension.to_owned()),
        };
        main.qualifiers.extend(kind.map(|kind| ("type".to_owned(), kind)));
        if matches!(self.extension, "war" | "ear") || self.manifest.contains_key("start-class") {
            main.role = Role::Application;
        }
        if main.licences.raw.is_empty() {
            let said = get(&["bundle-license", "plugin-license-name"]).unwrap_or_default();
            let names = said.split(',').map(|part| part.split(';').next().unwrap_or("").trim());
            main.licences = field::licence_list(Dialect::Maven, names, Several::Any);
        }
        main.supplier =
            main.supplier.take().or_else(|| get(&["implementation-vendor", "bundle-vendor", "specification-vendor"]));
        main.description =
            main.description.take().or_else(|| get(&["bundle-description", "long-name", "implementation-title"]));
        main.homepage = main
            .homepage
            .take()
            .or_else(|| get(&["bundle-docurl", "implementation-url", "url"]))
            .as_deref()
            .and_then(field::url);
        if self.manifest.contains_key("weave-classes") {
            main.properties.insert("java:instrumentation".to_owned(), "true".to_owned());
        }
        if let Some(class) = get(&["main-class"]) {
            main.properties.insert("java:main-class".to_owned(), class);
        }
        if main.depends.is_empty() {
            main.depends = plugin_dependencies(&get(&["plugin-dependencies"]).unwrap_or_default());
        }
    }
}

/// `a:1.0,b:2;resolution:=optional`.
fn plugin_dependencies(text: &str) -> Vec<Dependency> {
    text.split(',')
        .filter_map(|part| {
            let optional = part.contains("resolution:=optional");
            let (name, version) = part.split(';').next()?.trim().split_once(':')?;
            let scope = if optional { Scope::Optional } else { Scope::Runtime };
            // The version is the lowest that will do.
            let _ = version;
            Some(Dependency { names: vec![name.to_owned()], version: None, scope })
        })
        .take(500)
        .collect()
}

/// Whether a project may be the archive of this name.
fn fits(pom: &Pom, file: &FileName<'_>, stem: &str) -> bool {
    let Some(artifact) = pom.artifact.as_deref().filter(|artifact| !artifact.is_empty()) else { return false };
    let with_version = pom.version.as_deref().is_some_and(|version| {
        stem.strip_prefix(artifact)
            .and_then(|rest| rest.strip_prefix('-'))
            .is_some_and(|rest| rest.starts_with(version))
    });
    let bundle_name = file.name.strip_suffix(artifact).is_some_and(|before| before.ends_with('.'));
    with_version || stem == artifact || file.name == artifact || bundle_name
}

fn package(pom: Pom) -> Package {
    let Pom { group, artifact, version, packaging: _, licences, supplier, author, description, homepage, vcs, depends } =
        pom;
    let mut package =
        Package::new(PackageKind::Maven, artifact.unwrap_or_default(), version.unwrap_or_default(), Method::Manifest);
    package.namespace = group;
    package.licences = licences;
    package.supplier = supplier;
    package.author = author;
    package.description = description;
    package.homepage = homepage;
    package.vcs = vcs;
    package.depends = depends;
    package
}
