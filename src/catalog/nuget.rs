//! .NET applications and frameworks: `*.deps.json` (runtime configuration, "deps.json").

use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::{Dependency, Method, OwnedFile, Package, PackageKind, Role, Scope};

use super::{CatalogError, Cataloger, Findings, Input, Takes, field, json};

/// Dependency files of .NET.
pub(super) const CATALOGER: Cataloger = Cataloger {
    id: "nuget",
    what: ".NET packages: *.deps.json",
    takes: Takes::Path(|path| path.ends_with(".deps.json")),
    limit: 32 << 20,
    parse,
};

/// Most files of one package.
const FILES: usize = 5000;

fn parse(input: &Input<'_>) -> Result<Findings, CatalogError> {
    let (folder, file) = field::split(input.path);
    let application = file.strip_suffix(".deps.json").unwrap_or(file);
    let json::Document { root, damage } = json::parse(input.bytes);
    let damaged = damage.is_some();
    let mut findings = Findings { gaps: damage.into_iter().collect(), ..Findings::default() };
    let targets = root.get("targets");
    let name = root.get("runtimeTarget").and_then(|target| json::raw(target, "name").or_else(|| target.as_str()));
    let target = match (name, targets.and_then(Value::as_object)) {
        (Some(name), Some(targets)) => targets.get(name),
        (None, Some(targets)) => targets.values().next(),
        _ => None,
    };
    let libraries = root.get("libraries");
    if target.is_none() && libraries.is_none() {
        if !damaged {
            findings.gaps.push("neither targets nor libraries".to_owned());
        }
        return Ok(findings);
    }
    // A damaged file may have lost its second half, in which the libraries are.
    let keys: BTreeSet<&String> = json::members(target).chain(json::members(libraries)).map(|(key, _)| key).collect();
    for key in keys {
        let library = libraries.and_then(|libraries| libraries.get(key));
        let assets = target.and_then(|target| target.get(key));
        findings.packages.extend(package(key, library, assets, application, folder));
    }
    Ok(findings)
}

/// One library `NAME/VERSION`. Projects other than the application, and assemblies that are referenced directly, are no
/// packages.
fn package(
    key: &str,
    library: Option<&Value>,
    assets: Option<&Value>,
    application: &str,
    folder: &str,
) -> Option<Package> {
    let (name, version) = key.split_once('/')?;
    let kind = library.and_then(|library| json::text(library, "type"));
    let role = match kind.as_deref() {
        Some("project") | None if name == application => Role::Application,
        Some("project" | "reference" | "referenceassembly") => return None,
        Some("runtimepack") => Role::Framework,
        _ if is_framework(name) => Role::Framework,
        _ => Role::Library,
    };
    let name = name.strip_prefix("runtimepack.").unwrap_or(name);
    let mut package = Package::new(PackageKind::Nuget, field::line(name)?, field::line(version)?, Method::Manifest);
    package.role = role;
    if let Some(sum) = library.and_then(|library| json::text(library, "sha512")).filter(|sum| !sum.is_empty()) {
        // Of the package without its signature, so it is not that of the file.
        package.properties.insert("nuget:sha512".to_owned(), sum);
    }
    package.properties.extend(kind.map(|kind| ("nuget:type".to_owned(), kind)));
    let Some(assets) = assets else { return Some(package) };
    package.depends = json::members(assets.get("dependencies"))
        .filter_map(|(name, version)| {
            let version = version.as_str().and_then(field::line);
            Some(Dependency { names: vec![field::line(name)?], version, scope: Scope::Runtime })
        })
        .take(2000)
        .collect();
    package.files = files(assets, folder);
    Some(package)
}

fn is_framework(name: &str) -> bool {
    ["Microsoft.NETCore.App.", "Microsoft.AspNetCore.App.", "Microsoft.WindowsDesktop.App."]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Where publishing puts what a package brings: assemblies and native libraries beside the dependency file, those for a
/// platform below `runtimes`, translations below their language.
fn files(assets: &Value, folder: &str) -> Vec<OwnedFile> {
    let beside = ["runtime", "native"]
        .iter()
        .flat_map(|key| json::members(assets.get(key)))
        .map(|(path, _)| field::split(path).1.to_owned());
    let platform = json::members(assets.get("runtimeTargets")).map(|(path, _)| path.clone());
    let translated = json::members(assets.get("resources"))
        .filter_map(|(path, value)| Some(format!("{}/{}", json::raw(value, "locale")?, field::split(path).1)));
    let paths: BTreeSet<Box<str>> = beside
        .chain(platform)
        .chain(translated)
        .filter(|path| !path.ends_with("_._"))
        .take(FILES)
        .filter_map(|path| field::joined(folder, &path))
        .collect();
    paths.into_iter().map(|path| OwnedFile { path, digest: None, may_differ: true }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Findings {
        parse(&Input { path: "app/Web.deps.json", bytes: text.as_bytes(), size: text.len() as u64 }).expect("findings")
    }

    const TEXT: &str = r#"{"runtimeTarget":{"name":".NETCoreApp,Version=v8.0/linux-x64","signature":""},
        "targets":{".NETCoreApp,Version=v8.0":{"Old/1.0.0":{}},".NETCoreApp,Version=v8.0/linux-x64":{
        "Web/1.0.0":{"dependencies":{"Newtonsoft.Json":"13.0.3"},"runtime":{"Web.dll":{}}},
        "Newtonsoft.Json/13.0.3":{"runtime":{"lib/net6.0/Newtonsoft.Json.dll":{}},"resources":{"lib/de/N.resources.dll":{"locale":"de"}},"runtimeTargets":{"runtimes/linux/native/x.so":{}}},
        "Own.Project/1.0.0":{},"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.0":{}}},
        "libraries":{"Web/1.0.0":{"type":"project","sha512":""},"Newtonsoft.Json/13.0.3":{"type":"package","sha512":"sha512-AAAA"},
        "Own.Project/1.0.0":{"type":"project"},"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.0":{"type":"runtimepack"}}}"#;

    #[test]
    fn packages_of_the_running_target_are_told_with_their_files() {
        let findings = read(TEXT);
        let told: Vec<_> =
            findings.packages.iter().map(|it| (it.name.as_str(), it.version.as_str(), it.role)).collect();
        assert_eq!(
            told,
            [
                ("Newtonsoft.Json", "13.0.3", Role::Library),
                ("Web", "1.0.0", Role::Application),
                ("Microsoft.NETCore.App.Runtime.linux-x64", "8.0.0", Role::Framework),
            ]
        );
        let files: Vec<_> = findings.packages[0].files.iter().map(|file| &*file.path).collect();
        assert_eq!(files, ["app/Newtonsoft.Json.dll", "app/de/N.resources.dll", "app/runtimes/linux/native/x.so"]);
        assert_eq!(findings.packages[1].depends[0].version.as_deref(), Some("13.0.3"));
        assert_eq!(findings.packages[0].hashes, Vec::new());
    }

    #[test]
    fn damage_keeps_the_first_half() {
        let findings = read(&TEXT[..TEXT.find("\"libraries\"").expect("libraries")]);
        assert_eq!(findings.packages.len(), 4);
        assert_eq!(findings.gaps, ["line 6: the JSON ends early"]);
        assert_eq!(read("{}").gaps, ["neither targets nor libraries"]);
    }

    proptest::proptest! {
        #[test]
        fn no_cut_makes_it_panic(cut in 0usize..900, noise in "\\PC{0,20}") {
            let mut end = cut.min(TEXT.len());
            while !TEXT.is_char_boundary(end) { end -= 1; }
            let _ = read(&format!("{}{noise}", &TEXT[..end]));
        }
    }
}
