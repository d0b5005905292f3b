//! From a plan and its layers to the facts of an image.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::model::{
    Aside, Derived, Document, DocumentKind, Entry, File, FileHash, Gap, GapKind, Hidden, How, ImageFacts, Kind, Layer,
    LayerFacts, Note, NoteKind, Place, ScanLedger, Spot, Waste,
};
use crate::oci::{ImagePlan, LayerPlan};
use crate::secrets::Scanner;

use super::overlay::{Name, Origin, Overlaid, overlay};
use super::pairs::Reach;
use super::sightings::{self, Sighting};
use super::{accounts, base, config_secrets, documents, instruction, mask, packages as inventory, provenance, startup};

/// Makes the facts of an image from its plan and its layers, bottom first; a layer that could not be seen is a gap.
/// Packages are put together only when they are asked for.
#[must_use]
pub fn assemble(
    mut plan: ImagePlan,
    layers: Vec<Result<Arc<LayerFacts>, Gap>>,
    scanner: &Scanner,
    packages: bool,
) -> ImageFacts {
    let (mut gaps, mut notes) = (std::mem::take(&mut plan.gaps), std::mem::take(&mut plan.notes));
    let mut seen = search_documents(&mut plan, scanner, &mut gaps);
    let mut facts: Vec<Option<Arc<LayerFacts>>> = Vec::with_capacity(layers.len());
    for (index, layer) in layers.into_iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        match layer {
            Ok(layer) => {
                gaps.extend(layer.gaps.iter().map(|gap| Gap { layer: Some(index), ..gap.clone() }));
                notes.extend(layer.notes.iter().map(|note| Note { layer: Some(index), ..note.clone() }));
                facts.push(Some(layer));
            }
            Err(gap) => {
                gaps.push(Gap { layer: Some(index), ..gap });
                facts.push(None);
            }
        }
    }
    let mut overlaid = overlay(&facts);
    notes.append(&mut overlaid.notes);
    gaps.append(&mut overlaid.gaps);
    notes.extend(named_twice(&facts, &overlaid));
    let sums = Sums::of(&facts, &overlaid);
    let mut scanned = ScanLedger::default();
    facts.iter().flatten().for_each(|layer| scanned += &layer.scanned);
    let documents = documents(&facts, &overlaid);
    let startup = startup::put_together(&facts, &overlaid);
    seen.extend(secret_places(&facts, &overlaid));
    let layers = layer_table(&plan.layers, &facts, &sums, &plan.config.history);
    let found = packages.then(|| inventory::sightings(&facts, &overlaid));
    let (files, hidden) = take_entries(facts, &overlaid);

    let statements = provenance::statements(&plan.documents);
    let mut image = ImageFacts {
        subject: plan.subject,
        platform: plan.platform,
        index: plan.index,
        annotations: plan.annotations,
        config: plan.config,
        layers,
        files,
        hidden,
        waste: sums.waste,
        documents,
        accounts: None,
        groups: None,
        os_release: BTreeMap::new(),
        base: Vec::new(),
        inherited: None,
        build: provenance::build_facts(&statements),
        secrets: Vec::new(),
        packages: None,
        startup: Some(startup),
        scanned,
        gaps,
        notes,
        derived: Derived::default(),
    };
    image.accounts = read_document(&mut image, "etc/passwd").map(|bytes| accounts::parse_passwd(&bytes));
    image.groups = read_document(&mut image, "etc/group").map(|bytes| accounts::parse_group(&bytes));
    let release =
        read_document(&mut image, "etc/os-release").or_else(|| read_document(&mut image, "usr/lib/os-release"));
    image.os_release = release.map(|bytes| accounts::parse_os_release(&bytes)).unwrap_or_default();
    image.base = base::claims(&image);
    image.secrets = sightings::join(seen, scanner, Reach::Image);
    if let Some(found) = found {
        let (packages, gaps) = inventory::packages(&image, found);
        image.packages = Some(packages);
        image.gaps.extend(gaps);
    }
    provenance::attach(&mut image, &statements);
    mask::names(&mut image, scanner);
    image.gaps.sort();
    image.gaps.dedup();
    image.notes.sort();
    image.notes.dedup();
    image
}

/// Searches everything of the image that is no layer, and masks what the facts keep of it.
fn search_documents(plan: &mut ImagePlan, scanner: &Scanner, gaps: &mut Vec<Gap>) -> Vec<Sighting> {
    let mut seen = config_secrets::search(&mut plan.config, scanner);
    let place = |document, digest: &crate::model::Digest| {
        let digest = digest.clone();
        move |pointer| Place::Document { document, digest: digest.clone(), pointer }
    };
    let of_manifest = place(DocumentKind::Manifest, &plan.subject.digest);
    seen.extend(config_secrets::search_annotations(&mut plan.annotations, scanner, of_manifest));
    if let Some(index) = &mut plan.index {
        let of_index = place(DocumentKind::Index, &index.digest);
        seen.extend(config_secrets::search_annotations(&mut index.annotations, scanner, of_index));
    }
    for document in &plan.documents {
        let (found, gap) = documents::search(document, scanner);
        seen.extend(found);
        gaps.extend(gap);
    }
    seen
}

fn entry(facts: &[Option<Arc<LayerFacts>>], origin: Origin) -> Option<&Entry> {
    facts.get(origin.layer as usize)?.as_ref()?.entries.get(origin.entry as usize)
}

/// A note for each name that one layer ships twice; the first hundred are named.
fn named_twice(facts: &[Option<Arc<LayerFacts>>], overlaid: &Overlaid) -> Vec<Note> {
    let twice = overlaid.hidden.iter().filter(|out| out.how == How::Duplicate);
    twice
        .take(100)
        .filter_map(|out| {
            let path = Some(entry(facts, out.origin)?.path.to_string());
            let detail = "the archive names it more than once: the last one counts".to_owned();
            Some(Note { kind: NoteKind::DuplicateEntry, layer: Some(out.origin.layer), path, detail })
        })
        .collect()
}

/// Byte sums: hard links count once, directories and links not at all.
struct Sums {
    waste: Waste,
    hidden: Vec<u64>,
    hid: Vec<u64>,
}

impl Sums {
    fn of(facts: &[Option<Arc<LayerFacts>>], overlaid: &Overlaid) -> Self {
        let mut sums = Self { waste: Waste::default(), hidden: vec![0; facts.len()], hid: vec![0; facts.len()] };
        for layer in facts.iter().flatten() {
            sums.waste.shipped += layer.entries.iter().map(|entry| entry.size).sum::<u64>();
        }
        for out in &overlaid.hidden {
            let size = entry(facts, out.origin).map_or(0, |entry| entry.size);
            sums.hidden[out.origin.layer as usize] += size;
            sums.hid[out.by as usize] += size;
            match out.how {
                How::Deleted => sums.waste.deleted += size,
                How::Overwritten => sums.waste.overwritten += size,
                How::Rewritten => sums.waste.rewritten += size,
                How::Duplicate => sums.waste.duplicate += size,
            }
        }
        let out = sums.waste.deleted + sums.waste.overwritten + sums.waste.rewritten + sums.waste.duplicate;
        sums.waste.visible = sums.waste.shipped.saturating_sub(out);
        sums
    }
}

fn layer_table(
    plans: &[LayerPlan],
    facts: &[Option<Arc<LayerFacts>>],
    sums: &Sums,
    history: &[crate::model::History],
) -> Vec<Layer> {
    let of_layer = |index: usize| {
        let index = u32::try_from(index).ok();
        history.iter().enumerate().find(|(_, step)| step.layer.is_some() && step.layer == index)
    };
    plans
        .iter()
        .enumerate()
        .map(|(index, plan)| {
            let layer = facts.get(index).and_then(Option::as_ref);
            let step = of_layer(index);
            Layer {
                digest: plan.digest.clone(),
                diff_id: plan.diff_id.clone(),
                media_type: plan.media_type.clone(),
                size: plan.size,
                unpacked_size: layer.map(|layer| layer.unpacked_size),
                entries: layer.map_or(0, |layer| layer.entries.len() as u64),
                file_bytes: layer.map_or(0, |layer| layer.entries.iter().map(|entry| entry.size).sum()),
                hidden_bytes: sums.hidden.get(index).copied().unwrap_or_default(),
                hid_bytes: sums.hid.get(index).copied().unwrap_or_default(),
                history: step.and_then(|(at, _)| u32::try_from(at).ok()),
                instruction: step.map(|(_, step)| instruction(&step.created_by)),
                source: None,
            }
        })
        .collect()
}

/// The documents of the final tree, under their resolved paths.
fn documents(facts: &[Option<Arc<LayerFacts>>], overlaid: &Overlaid) -> Vec<Document> {
    let mut wanted: BTreeMap<Origin, &Document> = BTreeMap::new();
    for (layer, facts) in facts.iter().enumerate() {
        let Some(facts) = facts else { continue };
        let mut named: HashMap<&str, &Document> =
            facts.documents.iter().map(|document| (&*document.path, document)).collect();
        // The last member of that name is the one that counts; a document is kept per name.
        for (at, entry) in facts.entries.iter().enumerate().rev() {
            if named.is_empty() {
                break;
            }
            if entry.kind == Kind::File
                && let Some(document) = named.remove(&*entry.path)
            {
                let origin = Origin {
                    layer: u32::try_from(layer).unwrap_or(u32::MAX),
                    entry: u32::try_from(at).unwrap_or(u32::MAX),
                };
                wanted.insert(origin, document);
            }
        }
    }
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<Document> = overlaid
        .placed
        .iter()
        .enumerate()
        .filter_map(|(index, placed)| {
            let index = u32::try_from(index).unwrap_or(u32::MAX);
            let content = overlaid.names.get(&index).map(|name| name.content).or(placed.origin)?;
            let document = wanted.get(&content)?;
            let path = overlaid.paths.get(&index).map_or_else(
                || entry(facts, placed.origin?).map(|entry| entry.path.clone()),
                |path| Some(path.clone()),
            )?;
            Some(Document { path, ..(*document).clone() })
        })
        .collect();
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found
}

/// The content of a document, links followed; a file that exists but was not kept is a gap.
fn read_document(image: &mut ImageFacts, path: &str) -> Option<Vec<u8>> {
    let resolved = image.resolve(path)?;
    let found = image.documents.binary_search_by(|document| document.path.as_ref().cmp(&resolved));
    let problem = match found.map(|at| &image.documents[at]) {
        Ok(document) if !document.truncated => return Some(document.bytes.clone()),
        Ok(_) => "is too large to be read",
        Err(_) => "is no file that could be kept",
    };
    image.gaps.push(Gap {
        kind: GapKind::Document,
        layer: None,
        path: Some(resolved),
        detail: format!("`/{path}` {problem}"),
    });
    None
}

/// All hits of all layers, each with the layer that hides it and with the package that supplies it.
fn secret_places(facts: &[Option<Arc<LayerFacts>>], overlaid: &Overlaid) -> Vec<Sighting> {
    let layers =
        || facts.iter().enumerate().filter_map(|(index, facts)| Some((u32::try_from(index).ok()?, facts.as_ref()?)));
    if layers().all(|(_, facts)| facts.hits.is_empty() && facts.asides.is_empty()) {
        return Vec::new();
    }
    let mut hidden: BTreeMap<(u32, &str), (u32, How)> = BTreeMap::new();
    for out in &overlaid.hidden {
        if let Some(entry) = entry(facts, out.origin)
            && out.how != How::Duplicate
        {
            hidden.insert((out.origin.layer, &entry.path), (out.by, out.how));
        }
    }
    let supply = Supply::of(facts);
    let mut sightings = Vec::new();
    for (layer, facts) in layers() {
        for hit in &facts.hits {
            let hidden = hidden.get(&(layer, hit.path.as_ref()));
            let place = Place::File {
                layer,
                path: hit.path.to_string(),
                line: hit.line,
                offset: hit.offset,
                view: hit.view.to_string(),
                hidden_by: hidden.map(|(by, _)| *by),
                how: hidden.map(|(_, how)| *how),
                supplied: supply.of_file(layer, &hit.path).map(str::to_owned),
            };
            sightings.push(Sighting::of_hit(hit, place));
        }
        for Aside { spot, hit } in &facts.asides {
            let place = match spot {
                Spot::Member(part) => Place::Member { layer, path: hit.path.to_string(), part: part.clone() },
                Spot::Slack(slack) => {
                    let path = (!hit.path.is_empty()).then(|| hit.path.to_string());
                    Place::Slack { layer, slack: *slack, path, offset: hit.offset }
                }
            };
            sightings.push(Sighting::of_hit(hit, place));
        }
    }
    sightings
}

/// Which files have the bytes that a package recorded, in the layer of the record or in a later one.
struct Supply<'a> {
    by_layer: BTreeMap<(u32, &'a str), &'a str>,
    by_content: BTreeMap<(&'a str, FileHash), (u32, &'a str)>,
    contents: Vec<Contents<'a>>,
}

/// The hashes of the members of a layer that somebody asks for: by name, none when the archive names it twice.
type Contents<'a> = HashMap<&'a str, Option<FileHash>>;

impl<'a> Supply<'a> {
    fn of(facts: &'a [Option<Arc<LayerFacts>>]) -> Self {
        let mut supply = Self { by_layer: BTreeMap::new(), by_content: BTreeMap::new(), contents: Vec::new() };
        if facts.iter().flatten().all(|layer| layer.supplied.is_empty()) {
            return supply;
        }
        supply.contents = facts.iter().map(|layer| layer.as_deref().map(contents).unwrap_or_default()).collect();
        for (layer, of_layer) in facts.iter().enumerate() {
            let (Ok(number), Some(of_layer)) = (u32::try_from(layer), of_layer) else { continue };
            for supplied in &of_layer.supplied {
                supply.by_layer.insert((number, &supplied.path), &supplied.by);
                if let Some(Some(hash)) = supply.contents[layer].get(&*supplied.path) {
                    supply.by_content.entry((&supplied.path, *hash)).or_insert((number, &supplied.by));
                }
            }
        }
        supply
    }

    fn of_file(&self, layer: u32, path: &str) -> Option<&'a str> {
        if let Some(by) = self.by_layer.get(&(layer, path)) {
            return Some(by);
        }
        let hash = self.contents.get(layer as usize)?.get(path).copied().flatten()?;
        self.by_content.get(&(path, hash)).filter(|(since, _)| *since < layer).map(|(_, by)| *by)
    }
}

/// The hashes of the files with hits and of those that packages supplied, in one pass over the members.
fn contents(facts: &LayerFacts) -> Contents<'_> {
    let asked = facts.hits.iter().map(|hit| &*hit.path).chain(facts.supplied.iter().map(|supplied| &*supplied.path));
    let mut counted: HashMap<&str, (usize, Option<FileHash>)> = asked.map(|path| (path, (0, None))).collect();
    for entry in &facts.entries {
        if let Some((count, hash)) = counted.get_mut(&*entry.path) {
            *count += 1;
            *hash = entry.sha256;
        }
    }
    counted.into_iter().map(|(path, (count, hash))| (path, hash.filter(|_| count == 1))).collect()
}

fn hollow() -> Entry {
    Entry {
        path: "".into(),
        kind: Kind::Directory,
        mode: 0o755,
        uid: 0,
        gid: 0,
        size: 0,
        mtime: 0,
        sha256: None,
        link: None,
        xattrs: Box::default(),
    }
}

/// Moves the members out of the layers into the lists of the image; members of layers that are shared are copied.
fn take_entries(facts: Vec<Option<Arc<LayerFacts>>>, overlaid: &Overlaid) -> (Vec<File>, Vec<Hidden>) {
    let mut layers: Vec<Vec<Entry>> = facts
        .into_iter()
        .map(|layer| match layer.map(Arc::try_unwrap) {
            Some(Ok(layer)) => layer.entries,
            Some(Err(shared)) => shared.entries.clone(),
            None => Vec::new(),
        })
        .collect();
    let hidden = overlaid
        .hidden
        .iter()
        .map(|out| Hidden {
            entry: layers[out.origin.layer as usize][out.origin.entry as usize].clone(),
            layer: out.origin.layer,
            by: out.by,
            how: out.how,
        })
        .collect::<Vec<_>>();
    // Names of one file take their attributes from the member with the content, before that is moved away.
    let shared: BTreeMap<u32, Entry> = overlaid
        .names
        .iter()
        .map(|(index, name)| (*index, layers[name.content.layer as usize][name.content.entry as usize].clone()))
        .collect();
    let path_of = |index: u32, layers: &[Vec<Entry>]| -> Box<str> {
        match (overlaid.paths.get(&index), overlaid.placed[index as usize].origin) {
            (Some(path), _) => path.clone(),
            (None, Some(origin)) => layers[origin.layer as usize][origin.entry as usize].path.clone(),
            (None, None) => "".into(),
        }
    };
    let links: BTreeMap<u32, Box<str>> = overlaid
        .names
        .iter()
        .filter_map(|(index, Name { same_as, .. })| Some((*index, path_of((*same_as)?, &layers))))
        .collect();
    let mut files: Vec<File> = Vec::with_capacity(overlaid.placed.len());
    for (index, placed) in overlaid.placed.iter().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let mut entry = match (shared.get(&index), placed.origin) {
            (Some(content), _) => Entry { path: path_of(index, &layers), ..content.clone() },
            (None, Some(origin)) => {
                let entry = &mut layers[origin.layer as usize][origin.entry as usize];
                // A link that several names describe is copied; everything else has one place and is moved.
                if entry.kind == Kind::File || entry.kind == Kind::Directory {
                    std::mem::replace(entry, hollow())
                } else {
                    entry.clone()
                }
            }
            (None, None) => hollow(),
        };
        if let Some(path) = overlaid.paths.get(&index) {
            entry.path.clone_from(path);
        }
        if let Some(link) = links.get(&index) {
            entry.kind = Kind::Hardlink;
            entry.size = 0;
            entry.link = Some(link.clone());
        }
        files.push(File { entry, added: u32::from(placed.added), changed: u32::from(placed.changed) });
    }
    (files, hidden)
}
