//! A package as a component.

use std::collections::{BTreeMap, BTreeSet};

use super::own;
use super::subject::{diff_id, instruction, party};
use crate::model::{
    Checksum, ChecksumAlgorithm, Dependency, ImageFacts, Method, Package, PackageFact, PackageKind, Packages,
    Presence as Found, Role, TamperedFile, basename,
};
use crate::sbom::carry;
use crate::sbom::document::{
    Completeness, Component, ComponentKind, Deployable, Evidence, Hash, Party, Presence, Property,
};
use crate::sbom::identity::format_time;

/// Changed files that are told per package; how many more there are is told too.
const TAMPERED_MAX: usize = 20;

/// The changed files of each package.
pub(super) fn tampered(packages: &Packages) -> BTreeMap<&str, Vec<&TamperedFile>> {
    let mut found: BTreeMap<&str, Vec<&TamperedFile>> = BTreeMap::new();
    for file in &packages.tampered {
        found.entry(&file.package).or_default().push(file);
    }
    found
}

/// The package as a component.
pub(super) fn component(
    image: &ImageFacts,
    fact: &PackageFact,
    tampered: &[&TamperedFile],
    secret: &BTreeSet<u32>,
) -> Component {
    let package = &fact.package;
    let (version, dated) = version(image, fact);
    let mut properties = attribution(image, fact, secret);
    properties.extend(own_properties(package));
    properties.extend(dated.then(|| own("version-is", "the time of its file")));
    properties.extend(fact.unresolved.iter().map(|needed| own("unresolved", names(needed))));
    properties.extend(tampered.iter().take(TAMPERED_MAX).map(|file| {
        let how = serde_json::to_value(file.how).unwrap_or_default();
        own("changed-file", format!("{} {}", how.as_str().unwrap_or_default(), file.path))
    }));
    if tampered.len() > TAMPERED_MAX {
        properties.push(own("changed-files-more", (tampered.len() - TAMPERED_MAX).to_string()));
    }
    Component {
        id: fact.id.clone(),
        kind: kind(package.role),
        name: display_name(package),
        version,
        purl: Some(fact.purl.clone()).filter(|purl| !purl.is_empty()),
        cpes: package.cpes.clone(),
        supplier: package.supplier.as_deref().and_then(party),
        author: package.author.as_deref().and_then(party).map(|party| Party { person: true, ..party }),
        description: set(package.description.as_ref()),
        copyright: None,
        raw_licences: package.licences.raw.clone(),
        declared_licence: set(package.licences.declared.as_ref()),
        concluded_licence: set(package.licences.concluded.as_ref()),
        hashes: package.hashes.iter().map(hash).collect(),
        homepage: set(package.homepage.as_ref()),
        download: set(package.download.as_ref()),
        vcs: set(package.vcs.as_ref()),
        presence: presence(fact),
        contents: None,
        dependencies: Some(dependencies(fact)),
        evidence: fact
            .places
            .iter()
            .map(|place| Evidence {
                path: place.path.clone(),
                inside: place.inside.clone(),
                layer: Some(place.layer),
                diff_id: diff_id(image, place.layer),
                found_by: place.cataloger.clone(),
                method: Some(place.method),
            })
            .collect(),
        deployable: deployable(fact),
        properties,
    }
}

/// A text that is there and says something.
fn set(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

fn kind(role: Role) -> ComponentKind {
    match role {
        Role::Library => ComponentKind::Library,
        Role::Application => ComponentKind::Application,
        Role::Framework => ComponentKind::Framework,
        Role::OperatingSystem => ComponentKind::OperatingSystem,
        Role::DeviceDriver => ComponentKind::DeviceDriver,
    }
}

fn presence(fact: &PackageFact) -> Presence {
    match (fact.removed, fact.package.presence) {
        (Some(_), _) => Presence::Removed,
        (None, Found::Installed) => Presence::Installed,
        (None, Found::Declared) => Presence::Declared,
        (None, Found::Claimed) => Presence::Claimed,
    }
}

/// The name with the namespace that belongs to it: `@scope/name`, `group:artifact`. A distribution is no part of a name.
fn display_name(package: &Package) -> String {
    let namespace = package.namespace.as_deref().filter(|space| !space.is_empty() && !package.kind.is_system());
    match (namespace, package.kind) {
        (Some(group), PackageKind::Maven) => format!("{group}:{}", package.name),
        (Some(space), _) => format!("{space}/{}", package.name),
        (None, _) => package.name.clone(),
    }
}

/// The version; the time of the record's file when there is none (BSI TR-03183-2, section 5.2.2), which is told.
fn version(image: &ImageFacts, fact: &PackageFact) -> (Option<String>, bool) {
    if !fact.package.version.is_empty() {
        return (Some(fact.package.version.clone()), false);
    }
    let file = fact.places.first().and_then(|place| image.file(&place.path));
    match file.filter(|file| file.entry.mtime != 0) {
        Some(file) => (Some(format_time(file.entry.mtime)), true),
        None => (None, false),
    }
}

fn hash(checksum: &Checksum) -> Hash {
    let algorithm = match checksum.algorithm {
        ChecksumAlgorithm::Md5 => "MD5",
        ChecksumAlgorithm::Sha1 => "SHA-1",
        ChecksumAlgorithm::Sha256 => "SHA-256",
        ChecksumAlgorithm::Sha384 => "SHA-384",
        ChecksumAlgorithm::Sha512 => "SHA-512",
    };
    Hash { algorithm: algorithm.to_owned(), value: checksum.value.clone() }
}

/// The layers that brought, changed and removed it, with the instructions that did.
fn attribution(image: &ImageFacts, fact: &PackageFact, secret: &BTreeSet<u32>) -> Vec<Property> {
    let mut properties = Vec::with_capacity(8);
    for (word, layer) in
        [("introduced", Some(fact.introduced)), ("changed", Some(fact.changed)), ("removed", fact.removed)]
    {
        let Some(at) = layer else { continue };
        properties.push(own(&format!("layer:{word}"), at.to_string()));
        let Some(layer) = usize::try_from(at).ok().and_then(|at| image.layers.get(at)) else { continue };
        properties.push(own(&format!("layer:{word}:diff-id"), layer.diff_id.to_string()));
        if let Some(instruction) = instruction(layer, secret.contains(&at)) {
            properties.push(own(&format!("layer:{word}:by"), instruction));
        }
    }
    if let Some(count) = image.base.first().and_then(|base| base.layers) {
        properties.push(own("layer:origin", if fact.introduced < count { "base" } else { "own" }));
    }
    properties
}

/// What the record says beside the fields that formats know.
fn own_properties(package: &Package) -> Vec<Property> {
    let mut properties = vec![own("package:type", package.kind.purl_type())];
    properties.extend(package.arch.as_ref().map(|arch| own("package:arch", arch.clone())));
    for (name, value) in &package.properties {
        // No record may speak in the name of imgguard or of the BSI.
        let taken = name.starts_with(carry::PREFIX) || name.starts_with("bsi:");
        properties.push(if taken {
            own(&format!("package:{name}"), value.clone())
        } else {
            Property::new(name, value)
        });
    }
    properties
}

fn names(needed: &Dependency) -> String {
    let names = needed.names.join(" | ");
    match &needed.version {
        Some(version) => format!("{names} {version}"),
        None => names,
    }
}

/// Whether all dependencies are known: a package manager records them all; a Go program names modules without saying which
/// needs which; an archive or a landmark says nothing.
fn dependencies(fact: &PackageFact) -> Completeness {
    let method = fact.places.first().map_or(fact.package.method, |place| place.method);
    match (fact.package.kind, method) {
        (_, Method::Landmark | Method::FileName | Method::Claim)
        | (PackageKind::Maven | PackageKind::Generic | PackageKind::Bitnami, _) => Completeness::Unknown,
        (PackageKind::Golang, _) => Completeness::Incomplete,
        _ if fact.unresolved.is_empty() => Completeness::Complete,
        _ => Completeness::Incomplete,
    }
}

/// The file that a package is, when it is one: a program or an archive, not a record in a database.
fn deployable(fact: &PackageFact) -> Option<Deployable> {
    let place = fact.places.first()?;
    let path = if place.inside.is_empty() { &place.path } else { &place.inside };
    let name = basename(path.rsplit("!/").next().unwrap_or(path)).to_owned();
    let library = name.contains(".so");
    match (fact.package.kind, place.method) {
        (PackageKind::Maven, Method::Manifest | Method::FileName | Method::BuildInfo) => Some(Deployable {
            name,
            executable: fact.package.role == Role::Application,
            archive: true,
            structured: true,
        }),
        (_, Method::Landmark) => Some(Deployable { name, executable: !library, archive: false, structured: true }),
        (PackageKind::Golang | PackageKind::Cargo, Method::BuildInfo) if fact.package.role == Role::Application => {
            Some(Deployable { name, executable: !library, archive: false, structured: true })
        }
        _ => None,
    }
}
