//! Packages and files, packages and packages: who owns what, who needs whom, what is not as it was installed.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    ChecksumAlgorithm, Dependency, How, ImageFacts, Method, OwnedFile, Package, PackageFact, PackageKind, Packages,
    Presence, Scope, TamperedFile, Tampering, parent,
};

use super::join::Joined;
use super::name;

/// Folders whose files images leave out on purpose (dpkg `path-exclude`, `--nodocs`).
const DOCUMENTATION: &[&str] = &[
    "usr/share/doc/",
    "usr/share/doc-base/",
    "usr/share/man/",
    "usr/share/info/",
    "usr/share/locale/",
    "usr/share/i18n/",
    "usr/share/groff/",
    "usr/share/lintian/",
    "usr/share/linda/",
    "usr/share/bug/",
    "usr/share/gtk-doc/",
    "usr/share/gnome/help/",
    "usr/share/help/",
    "usr/local/share/man/",
];

/// Where only packages should put programs and libraries.
const SYSTEM: &[&str] =
    &["bin/", "sbin/", "lib/", "lib64/", "usr/bin/", "usr/sbin/", "usr/lib/", "usr/lib64/", "usr/libexec/"];

/// Whether images often lack such a file although its package is whole.
pub(super) fn is_documentation(path: &str) -> bool {
    DOCUMENTATION.iter().any(|folder| path.starts_with(folder))
}

/// Relates the joined packages to the files of the image and to each other. `records` are the paths of all records.
pub(super) fn relate(image: &ImageFacts, joined: Joined, records: &BTreeSet<&str>) -> Packages {
    let Joined { mut facts, written, removed_databases } = joined;
    let mut paths = Resolver::new(image);
    let owners = owners(&facts, &mut paths);
    let tampered = tampered(image, &facts, &written, &mut paths);
    update_changed(image, &mut facts, &written, &mut paths);
    part_of(&mut facts, &owners);
    let unowned = unowned(image, &facts, &owners, records);
    forget_explained(&mut facts, &owners);
    depend(&mut facts);
    let unconfirmed = unconfirmed(&facts);
    Packages { list: facts, tampered, unowned, removed_databases, unconfirmed }
}

/// Paths as packages record them, resolved through the links of the final tree; each folder once.
struct Resolver<'a> {
    image: &'a ImageFacts,
    folders: BTreeMap<String, Option<String>>,
}

impl<'a> Resolver<'a> {
    fn new(image: &'a ImageFacts) -> Self {
        Self { image, folders: BTreeMap::new() }
    }

    /// Where the path leads, its last part not followed; none when its folder is not there.
    fn resolve(&mut self, path: &str) -> Option<String> {
        let (folder, base) = path.rsplit_once('/').unwrap_or(("", path));
        if folder.is_empty() {
            return Some(base.to_owned());
        }
        if !self.folders.contains_key(folder) {
            self.folders.insert(folder.to_owned(), self.image.resolve(folder));
        }
        let folder = self.folders.get(folder)?.as_ref()?;
        Some(if folder.is_empty() { base.to_owned() } else { format!("{folder}/{base}") })
    }
}

fn is_there(fact: &PackageFact) -> bool {
    fact.removed.is_none() && fact.package.presence == Presence::Installed
}

/// The package that owns each file: packages of the system before all others.
fn owners(facts: &[PackageFact], paths: &mut Resolver<'_>) -> BTreeMap<String, usize> {
    let mut owners = BTreeMap::new();
    let mut order: Vec<usize> = (0..facts.len()).filter(|index| is_there(&facts[*index])).collect();
    order.sort_by_key(|index| (!facts[*index].package.kind.is_system(), *index));
    for index in order {
        for file in &facts[index].package.files {
            if let Some(path) = paths.resolve(&file.path) {
                owners.entry(path).or_insert(index);
            }
        }
    }
    owners
}

/// A package has changed when one of its files has, in a layer in which its record changed as well.
fn update_changed(image: &ImageFacts, facts: &mut [PackageFact], written: &[BTreeSet<u32>], paths: &mut Resolver<'_>) {
    for (fact, written) in facts.iter_mut().zip(written) {
        if !is_there(fact) {
            continue;
        }
        for file in &fact.package.files {
            let found = paths.resolve(&file.path).and_then(|path| image.file(&path));
            if let Some(found) = found.filter(|found| written.contains(&found.changed)) {
                fact.changed = fact.changed.max(found.changed);
            }
        }
    }
}

fn tampered(
    image: &ImageFacts,
    facts: &[PackageFact],
    written: &[BTreeSet<u32>],
    paths: &mut Resolver<'_>,
) -> Vec<TamperedFile> {
    let mut hidden: BTreeMap<&str, Vec<(How, u32)>> = BTreeMap::new();
    for out in &image.hidden {
        hidden.entry(&out.entry.path).or_default().push((out.how, out.by));
    }
    let mut found = Vec::new();
    // What cannot be seen may be anything.
    if image.tree_gap().is_some() {
        return found;
    }
    for (fact, written) in facts.iter().zip(written).filter(|(fact, _)| is_there(fact)) {
        for file in fact.package.files.iter().filter(|file| !file.may_differ) {
            if let Some((how, layer)) = tampering(image, fact, file, written, paths, &hidden) {
                found.push(TamperedFile { package: fact.id.clone(), path: file.path.to_string(), how, layer });
            }
        }
    }
    found.sort();
    found
}

fn tampering(
    image: &ImageFacts,
    fact: &PackageFact,
    file: &OwnedFile,
    written: &BTreeSet<u32>,
    paths: &mut Resolver<'_>,
    hidden: &BTreeMap<&str, Vec<(How, u32)>>,
) -> Option<(Tampering, Option<u32>)> {
    let resolved = paths.resolve(&file.path);
    let Some(there) = resolved.as_deref().and_then(|path| image.file(path)) else {
        // A language's list names files that were never unpacked (compiled on demand): only those with a digest count.
        // So do folders and links in lists that have digests of the files.
        let has_digests = fact.package.files.iter().any(|file| file.digest.is_some());
        let counts = file.digest.is_some() || fact.package.kind.is_system() && !has_digests;
        let path = resolved.as_deref().unwrap_or(&file.path);
        let by =
            hidden.get(path).into_iter().flatten().filter(|(how, _)| *how == How::Deleted).map(|(_, by)| *by).max();
        return (counts && !is_documentation(&file.path)).then_some((Tampering::Missing, by));
    };
    if !there.entry.is_file() {
        return None;
    }
    if let (Some(digest), Some(content)) = (&file.digest, &there.entry.sha256)
        && digest.algorithm == ChecksumAlgorithm::Sha256
    {
        return (digest.value != content.to_string()).then_some((Tampering::Digest, Some(there.changed)));
    }
    let layer = there.changed;
    let other_content = hidden.get(there.entry.path.as_ref()).is_some_and(|outs| {
        outs.iter().any(|out| matches!(out, (How::Overwritten | How::Deleted, by) if *by == layer))
    });
    (layer > fact.introduced && other_content && !written.contains(&layer))
        .then_some((Tampering::Overwritten, Some(layer)))
}

/// The record of a package that another package installed, or that lies in another package's archive.
fn part_of(facts: &mut [PackageFact], owners: &BTreeMap<String, usize>) {
    let archives: BTreeMap<(String, String), String> = facts
        .iter()
        .filter(|fact| is_there(fact))
        .flat_map(|fact| fact.places.iter().map(|place| ((place.path.clone(), place.inside.clone()), fact.id.clone())))
        .collect();
    let ids: Vec<String> = facts.iter().map(|fact| fact.id.clone()).collect();
    for (index, fact) in facts.iter_mut().enumerate() {
        fact.part_of = fact.places.iter().find_map(|place| {
            let mut inside = place.inside.as_str();
            while !inside.is_empty() {
                inside = inside.rsplit_once("!/").map_or("", |(outer, _)| outer);
                if let Some(id) = archives.get(&(place.path.clone(), inside.to_owned())).filter(|id| **id != fact.id) {
                    return Some(id.clone());
                }
            }
            let owner = *owners.get(&place.path)?;
            (owner != index).then(|| ids[owner].clone())
        });
    }
}

/// Leaves out places that tell what their owner's record tells already: a program of that version in a package of the system,
/// a note with the name of its package. What the owner does not explain stays: a vendored library hides nowhere.
fn forget_explained(facts: &mut Vec<PackageFact>, owners: &BTreeMap<String, usize>) {
    let records: Vec<Option<(String, String, String)>> = facts
        .iter()
        .map(|fact| {
            let Package { kind, name, version, method, qualifiers, .. } = &fact.package;
            let source = qualifiers.get("upstream").unwrap_or(name);
            (*method == Method::Database && kind.is_system())
                .then(|| (name.clone(), source.clone(), upstream(version).to_owned()))
        })
        .collect();
    for fact in facts.iter_mut() {
        let Package { kind, name, version, method, .. } = &fact.package;
        let is_explained = |path: &str| {
            let Some((owner, source, known)) = owners.get(path).and_then(|index| records[*index].as_ref()) else {
                return false;
            };
            match method {
                Method::Landmark => !known.is_empty() && (continues(known, version) || continues(version, known)),
                Method::BuildInfo => kind.is_system() && (name == owner || name == source),
                _ => false,
            }
        };
        let before = fact.places.len();
        fact.places.retain(|place| !is_explained(&place.path));
        if fact.places.len() < before {
            fact.part_of = None;
        }
    }
    facts.retain(|fact| !fact.places.is_empty());
}

/// Whether a version is the other one, or that one with more behind it.
fn continues(long: &str, short: &str) -> bool {
    long.strip_prefix(short).is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
}

/// The version of the software in the version of its package: `3.0.11` in `1:3.0.11-1~deb12u2`, `1.36.1` in `1.36.1-r5`.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    version.split(['-', '+', '~']).next().unwrap_or(version)
}

/// Packages by the names under which others may need them.
struct Providers<'a> {
    by_name: BTreeMap<(PackageKind, String), Vec<usize>>,
    facts: &'a [PackageFact],
}

impl<'a> Providers<'a> {
    fn of(facts: &'a [PackageFact]) -> Self {
        let mut by_name: BTreeMap<(PackageKind, String), Vec<usize>> = BTreeMap::new();
        for (index, fact) in facts.iter().enumerate() {
            let kind = fact.package.kind;
            let provided = fact.package.provides.iter().map(|name| name::canonical(kind, name));
            for name in std::iter::once(name::full_name(&fact.package)).chain(provided) {
                let known = by_name.entry((kind, name)).or_default();
                if known.last() != Some(&index) {
                    known.push(index);
                }
            }
        }
        Self { by_name, facts }
    }

    /// The packages that fulfil a dependency of `from`.
    fn fulfil(&self, from: usize, dependency: &Dependency) -> Vec<usize> {
        let needing = &self.facts[from];
        let alike = |index: &usize| {
            let fact = &self.facts[*index];
            *index != from
                && fact.package.presence == needing.package.presence
                && fact.removed.is_none() == needing.removed.is_none()
        };
        for name in &dependency.names {
            let name = name::canonical(needing.package.kind, name);
            let known = self.by_name.get(&(needing.package.kind, name));
            let candidates: Vec<usize> = known.into_iter().flatten().copied().filter(alike).collect();
            let wanted = |index: &&usize| {
                dependency.version.as_ref().is_none_or(|version| self.facts[**index].package.version == *version)
            };
            let exact: Vec<usize> = candidates.iter().filter(wanted).copied().collect();
            let candidates = if exact.is_empty() { candidates } else { exact };
            match candidates.len() {
                0 => {}
                1 => return candidates,
                _ if needing.package.kind == PackageKind::Npm => return self.nearest(needing, &candidates),
                _ => return self.same_record(needing, candidates),
            }
        }
        Vec::new()
    }

    /// Node looks into the nearest `node_modules` upwards (`Node.js` documentation, "Modules: loading from folders").
    fn nearest(&self, needing: &PackageFact, candidates: &[usize]) -> Vec<usize> {
        let mut found = BTreeSet::new();
        for place in &needing.places {
            let mut folder = parent(&place.path);
            'up: loop {
                for index in candidates {
                    let name = name::full_name(&self.facts[*index].package);
                    let wanted = if folder.is_empty() {
                        format!("node_modules/{name}/package.json")
                    } else {
                        format!("{folder}/node_modules/{name}/package.json")
                    };
                    if self.facts[*index].places.iter().any(|place| place.path == wanted) {
                        found.insert(*index);
                        break 'up;
                    }
                }
                if folder.is_empty() {
                    break;
                }
                folder = parent(folder);
            }
        }
        found.into_iter().collect()
    }

    /// Of several versions those that the same file records, else those in the same folder tree, else all.
    fn same_record(&self, needing: &PackageFact, candidates: Vec<usize>) -> Vec<usize> {
        let shares = |index: &&usize| {
            self.facts[**index].places.iter().any(|one| needing.places.iter().any(|other| one.path == other.path))
        };
        let near: Vec<usize> = candidates.iter().filter(shares).copied().collect();
        if !near.is_empty() {
            return near;
        }
        let root = |fact: &PackageFact| fact.places.first().map(|place| parent(parent(&place.path)).to_owned());
        let mine = root(needing);
        let near: Vec<usize> = candidates.iter().copied().filter(|index| root(&self.facts[*index]) == mine).collect();
        if near.is_empty() { candidates } else { near }
    }
}

fn depend(facts: &mut [PackageFact]) {
    let mut edges: Vec<(Vec<String>, Vec<Dependency>)> = Vec::with_capacity(facts.len());
    let providers = Providers::of(facts);
    for (index, fact) in facts.iter().enumerate() {
        let (mut ids, mut unresolved) = (BTreeSet::new(), Vec::new());
        for dependency in &fact.package.depends {
            let found = providers.fulfil(index, dependency);
            if found.is_empty() && dependency.scope == Scope::Runtime {
                unresolved.push(dependency.clone());
            }
            ids.extend(found.into_iter().map(|index| facts[index].id.clone()));
        }
        edges.push((ids.into_iter().collect(), unresolved));
    }
    for (fact, (depends_on, unresolved)) in facts.iter_mut().zip(edges) {
        fact.depends_on = depends_on;
        fact.unresolved = unresolved;
    }
}

/// Programs and libraries in system folders that nobody owns. Without a package manager nothing is owned, and nothing is said.
fn unowned(
    image: &ImageFacts,
    facts: &[PackageFact],
    owners: &BTreeMap<String, usize>,
    records: &BTreeSet<&str>,
) -> Vec<String> {
    if !facts.iter().any(|fact| is_there(fact) && fact.package.kind.is_system() && !fact.package.files.is_empty()) {
        return Vec::new();
    }
    image
        .files
        .iter()
        .map(|file| &file.entry)
        .filter(|entry| entry.is_file())
        .filter(|entry| SYSTEM.iter().any(|folder| entry.path.starts_with(folder)))
        .filter(|entry| entry.mode & 0o111 != 0 || is_library(&entry.path))
        .filter(|entry| !owners.contains_key(entry.path.as_ref()) && !records.contains(entry.path.as_ref()))
        .map(|entry| entry.path.to_string())
        .collect()
}

fn is_library(path: &str) -> bool {
    let base = path.rsplit('/').next().unwrap_or(path);
    base.strip_suffix(".so").is_some() || base.contains(".so.")
}

/// Claims of a bill of materials in the image that no other record confirms.
fn unconfirmed(facts: &[PackageFact]) -> Vec<(String, String)> {
    let known: BTreeSet<(PackageKind, String, &str)> = facts
        .iter()
        .filter(|fact| is_there(fact))
        .map(|fact| (fact.package.kind, name::full_name(&fact.package), fact.package.version.as_str()))
        .collect();
    let claimed = facts.iter().filter(|fact| fact.removed.is_none() && fact.package.presence == Presence::Claimed);
    claimed
        .filter(|fact| {
            let key = (fact.package.kind, name::full_name(&fact.package), fact.package.version.as_str());
            !known.contains(&key)
        })
        .flat_map(|fact| fact.places.iter().map(|place| (fact.id.clone(), place.path.clone())))
        .collect()
}
