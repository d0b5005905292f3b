//! Equal packages joined over layers and records, with the layers that brought, changed and removed them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Fragment, ImageFacts, Licences, Method, OwnedFile, Owner, Package, PackageFact, PackageKind, PackagePlace,
    Presence, RemovedDatabase, parent,
};

use super::name::{self, Distribution};
use super::relate::is_documentation;
use super::sightings::{Sighting, Span};

/// The packages, without their relations.
pub(super) struct Joined {
    /// Sorted by purl, then place.
    pub facts: Vec<PackageFact>,
    /// For each fact the layers (from 0) in which its record was new or changed.
    pub written: Vec<BTreeSet<u32>>,
    pub removed_databases: Vec<RemovedDatabase>,
}

/// What makes two records speak of one package. Packages of a database are known by name, version and architecture;
/// everything else by its place too.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    kind: PackageKind,
    namespace: Option<&'a str>,
    name: &'a str,
    version: &'a str,
    arch: Option<&'a str>,
    presence: Presence,
    place: Option<(&'a str, &'a str)>,
}

fn key<'a>(sighting: &'a Sighting, package: &'a Package) -> Key<'a> {
    Key {
        kind: package.kind,
        namespace: package.namespace.as_deref(),
        name: &package.name,
        version: &package.version,
        arch: package.arch.as_deref(),
        presence: package.presence,
        place: (package.method != Method::Database).then_some((sighting.path.as_str(), package.inside.as_str())),
    }
}

/// The layers in which a package is there without interruption, up to the last.
struct Presences<'a> {
    introduced: u32,
    last: (&'a Sighting, &'a Package),
    written: BTreeSet<u32>,
}

impl<'a> Presences<'a> {
    /// `seen` is sorted by layer.
    fn of(seen: &[(&'a Sighting, &'a Package)]) -> Option<Self> {
        let mut all: Option<Self> = None;
        // A layer in which a file could not be seen any more ends the presence; the next record may begin it anew.
        let mut end = Some(0);
        for &(sighting, package) in seen {
            let Span { from, until, .. } = sighting.span;
            let goes_on = end.is_none_or(|end| from <= end);
            match &mut all {
                Some(presence) if goes_on => {
                    if presence.last.1 != package {
                        presence.written.insert(from);
                    }
                    presence.last = (sighting, package);
                }
                _ => all = Some(Self { introduced: from, last: (sighting, package), written: BTreeSet::from([from]) }),
            }
            end = match (end, until) {
                (Some(end), Some(until)) => Some(if goes_on { end.max(until) } else { until }),
                _ => None,
            };
        }
        all
    }
}

/// Joins all records.
pub(super) fn join(image: &ImageFacts, sightings: &[Sighting]) -> Joined {
    let distribution = Distribution::of(&image.os_release);
    let fragments = Fragments::of(sightings);
    let mut groups: BTreeMap<Key<'_>, Vec<(&Sighting, &Package)>> = BTreeMap::new();
    for sighting in sightings {
        for package in &sighting.packages {
            groups.entry(key(sighting, package)).or_default().push((sighting, package));
        }
    }
    let mut merged: BTreeMap<(String, Presence), (PackageFact, BTreeSet<u32>)> = BTreeMap::new();
    let mut databases: BTreeMap<(String, PackageKind), RemovedDatabase> = BTreeMap::new();
    for mut seen in groups.into_values() {
        seen.sort_by_key(|(sighting, _)| sighting.span);
        let Some(presence) = Presences::of(&seen) else { continue };
        let (fact, written) = fact(image, &distribution, &fragments, presence, &mut databases);
        match merged.entry((fact.purl.clone(), fact.package.presence)) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert((fact, written));
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                let (known, layers) = slot.get_mut();
                merge(known, fact);
                layers.extend(written);
            }
        }
    }
    let mut facts = Vec::with_capacity(merged.len());
    let mut written = Vec::with_capacity(merged.len());
    for (fact, layers) in merged.into_values() {
        facts.push(fact);
        written.push(layers);
    }
    Joined { facts, written, removed_databases: databases.into_values().collect() }
}

fn fact(
    image: &ImageFacts,
    distribution: &Distribution,
    fragments: &Fragments<'_>,
    presence: Presences<'_>,
    databases: &mut BTreeMap<(String, PackageKind), RemovedDatabase>,
) -> (PackageFact, BTreeSet<u32>) {
    let (sighting, package) = presence.last;
    let mut package = package.clone();
    for fragment in fragments.about(&package, sighting, presence.introduced) {
        complete(&mut package, fragment);
    }
    package.files.sort();
    package.files.dedup_by(|next, kept| next.path == kept.path);
    let mut removed = sighting.span.until;
    if let (Some(by), true, Method::Database) = (removed, sighting.span.deleted, package.method)
        && most_files_exist(image, &package.files)
    {
        // The record is gone, the package is not.
        removed = None;
        package.properties.insert("imgguard:database-removed-in-layer".to_owned(), by.to_string());
        let database = databases.entry((sighting.path.clone(), package.kind)).or_insert_with(|| RemovedDatabase {
            path: sighting.path.clone(),
            kind: package.kind,
            layer: sighting.span.from,
            by,
            packages: 0,
        });
        database.packages += 1;
    }
    let purl = name::purl(&package, distribution).to_string();
    let place = PackagePlace {
        path: sighting.path.clone(),
        inside: package.inside.clone(),
        layer: sighting.span.from,
        cataloger: sighting.cataloger.clone(),
        method: package.method,
    };
    let changed = presence.written.last().copied().unwrap_or(presence.introduced);
    let fact = PackageFact {
        id: name::id(&package, &purl, ""),
        purl,
        package,
        places: vec![place],
        introduced: presence.introduced,
        changed,
        removed,
        depends_on: Vec::new(),
        unresolved: Vec::new(),
        part_of: None,
    };
    (fact, presence.written)
}

/// Whether more than half of the files that a runtime would install are still there; a package without a list of files
/// counts as there.
fn most_files_exist(image: &ImageFacts, files: &[OwnedFile]) -> bool {
    let (mut there, mut all) = (0usize, 0usize);
    for file in files.iter().filter(|file| !file.may_differ && !is_documentation(&file.path)).take(200) {
        all += 1;
        there += usize::from(image.resolve(&file.path).is_some());
    }
    all == 0 || there * 2 > all
}

/// Two facts with one name: copies of one jar, a package that two databases know.
fn merge(known: &mut PackageFact, other: PackageFact) {
    let PackageFact { id: _, purl: _, mut package, places, introduced, changed, removed, .. } = other;
    let newer = match (known.removed, removed) {
        (Some(_), None) => true,
        (None, Some(_)) => false,
        _ => package.method < known.package.method,
    };
    if newer {
        std::mem::swap(&mut known.package, &mut package);
    }
    fill(&mut known.package, package);
    match (known.removed, removed) {
        (Some(_), None) => (known.introduced, known.changed, known.removed) = (introduced, changed, None),
        (None, Some(_)) => {}
        (known_removed, removed) => {
            known.introduced = known.introduced.min(introduced);
            known.changed = known.changed.max(changed);
            known.removed = known_removed.max(removed);
        }
    }
    known.places.extend(places);
    known.places.sort_by(|one, other| (one.method, one).cmp(&(other.method, other)));
    known.places.dedup();
}

/// Takes over what the better record does not say.
fn fill(package: &mut Package, other: Package) {
    let Package {
        licences, supplier, author, description, homepage, download, vcs, cpes, hashes, files, depends, ..
    } = other;
    if package.licences == Licences::default() {
        package.licences = licences;
    }
    for (slot, value) in [
        (&mut package.supplier, supplier),
        (&mut package.author, author),
        (&mut package.description, description),
        (&mut package.homepage, homepage),
        (&mut package.download, download),
        (&mut package.vcs, vcs),
    ] {
        if slot.is_none() {
            *slot = value;
        }
    }
    package.cpes.extend(cpes);
    package.cpes.sort();
    package.cpes.dedup();
    package.hashes.extend(hashes);
    package.hashes.sort();
    package.hashes.dedup();
    package.files.extend(files);
    package.files.sort();
    package.files.dedup_by(|next, kept| next.path == kept.path);
    if package.depends.is_empty() {
        package.depends = depends;
    }
}

/// Adds what a file beside the record says.
fn complete(package: &mut Package, fragment: &Fragment) {
    if !fragment.files.is_empty() {
        // Sorted by path, an entry with a digest before one without: the one with more knowledge is kept.
        package.files.extend(fragment.files.iter().cloned());
        package.files.sort_by(|one, other| {
            (&one.path, one.digest.is_none(), !one.may_differ).cmp(&(
                &other.path,
                other.digest.is_none(),
                !other.may_differ,
            ))
        });
        package.files.dedup_by(|next, kept| {
            let same = next.path == kept.path;
            if same {
                kept.may_differ |= next.may_differ;
            }
            same
        });
    }
    let Licences { raw, declared, concluded, texts } = &fragment.licences;
    for one in raw {
        if !package.licences.raw.contains(one) {
            package.licences.raw.push(one.clone());
        }
    }
    if package.licences.declared.is_none() {
        package.licences.declared.clone_from(declared);
    }
    if package.licences.concluded.is_none() {
        package.licences.concluded.clone_from(concluded);
    }
    package.licences.texts.extend(texts.iter().map(|(id, text)| (id.clone(), text.clone())));
    package.hashes.extend(fragment.hashes.iter().cloned());
    package.hashes.sort();
    package.hashes.dedup();
    if package.download.is_none() {
        package.download.clone_from(&fragment.download);
    }
    if package.vcs.is_none() {
        package.vcs.clone_from(&fragment.vcs);
    }
    for (name, value) in &fragment.properties {
        package.properties.entry(name.clone()).or_insert_with(|| value.clone());
    }
}

/// A fragment and the file that says it.
type Said<'a> = (&'a Sighting, &'a Fragment);

/// A fragment about a name, and the architecture if it is about one only.
type Named<'a> = (Option<&'a str>, Said<'a>);

/// All fragments, by whom they are about.
struct Fragments<'a> {
    by_name: BTreeMap<(PackageKind, &'a str), Vec<Named<'a>>>,
    by_folder: BTreeMap<&'a str, Vec<Said<'a>>>,
}

impl<'a> Fragments<'a> {
    fn of(sightings: &'a [Sighting]) -> Self {
        let mut all = Self { by_name: BTreeMap::new(), by_folder: BTreeMap::new() };
        for sighting in sightings {
            for fragment in &sighting.fragments {
                match &fragment.owner {
                    Owner::Name { kind, name, arch } => {
                        all.by_name.entry((*kind, name)).or_default().push((arch.as_deref(), (sighting, fragment)));
                    }
                    Owner::Folder { path } => all.by_folder.entry(path).or_default().push((sighting, fragment)),
                }
            }
        }
        all
    }

    /// The fragments about a package whose last record is `sighting`: of each file the last version that was in sight
    /// together with the package.
    fn about(&self, package: &Package, sighting: &Sighting, introduced: u32) -> Vec<&'a Fragment> {
        let overlaps = |span: Span| {
            span.until.is_none_or(|until| until > introduced)
                && sighting.span.until.is_none_or(|until| span.from < until)
        };
        let mut latest: BTreeMap<(&str, &str), Vec<(u32, &'a Fragment)>> = BTreeMap::new();
        let named = self.by_name.get(&(package.kind, package.name.as_str())).into_iter().flatten();
        let named = named
            .filter(|(arch, _)| arch.is_none_or(|arch| package.arch.as_deref() == Some(arch)))
            .map(|(_, said)| *said);
        let beside = parent(&sighting.written);
        let beside = self.by_folder.get(beside).into_iter().flatten().copied();
        let beside = beside.filter(|_| package.inside.is_empty());
        for (from, fragment) in named.chain(beside).filter(|(from, _)| overlaps(from.span)) {
            latest.entry((&from.written, &from.cataloger)).or_default().push((from.span.from, fragment));
        }
        let of_last_layer = |mut all: Vec<(u32, &'a Fragment)>| {
            let last = all.iter().map(|(layer, _)| *layer).max();
            all.retain(|(layer, _)| Some(*layer) == last);
            all.into_iter().map(|(_, fragment)| fragment)
        };
        latest.into_values().flat_map(of_last_layer).collect()
    }
}
