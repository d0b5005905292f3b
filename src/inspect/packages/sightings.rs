//! Records with the span of layers in which they are in sight.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::catalog;
use crate::model::{CatalogRecord, Fragment, Gap, GapKind, How, Kind, LayerFacts, Package};

use super::super::overlay::{Origin, Overlaid};

/// The layers in which a version of a file is in sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::inspect) struct Span {
    /// The layer (from 0) that ships it.
    pub from: u32,
    /// The layer that hides it; none when it is in the final file system.
    pub until: Option<u32>,
    /// It was deleted, not replaced.
    pub deleted: bool,
}

/// A record, where it lies, and when it is in sight.
#[derive(Debug)]
pub(in crate::inspect) struct Sighting {
    /// Path in the final file system; in the layer for what is hidden.
    pub path: String,
    /// Path in the layer.
    pub written: String,
    pub cataloger: String,
    pub span: Span,
    pub packages: Vec<Package>,
    pub fragments: Vec<Fragment>,
    pub gaps: Vec<String>,
}

/// All records of all layers, bottom layer first, in the order of the archives.
#[derive(Debug, Default)]
pub(in crate::inspect) struct Sightings {
    pub records: Vec<Sighting>,
    pub gaps: Vec<Gap>,
}

/// Finds out when each record of each layer is in sight.
pub(in crate::inspect) fn sightings(layers: &[Option<Arc<LayerFacts>>], overlaid: &Overlaid) -> Sightings {
    let mut found = Sightings::default();
    let mut all: Vec<(Origin, CatalogRecord)> = Vec::new();
    for (layer, facts) in (0u32..).zip(layers) {
        let Some(facts) = facts else { continue };
        match catalog::decode(&facts.catalog) {
            Ok(records) => all.extend(with_origins(layer, facts, records)),
            Err(error) => found.gaps.push(Gap {
                kind: GapKind::Catalog,
                layer: Some(layer),
                path: None,
                detail: error.to_string(),
            }),
        }
    }
    let wanted: BTreeSet<Origin> = all.iter().map(|(origin, _)| *origin).collect();
    let hidden: BTreeMap<Origin, (u32, How)> = overlaid
        .hidden
        .iter()
        .filter(|out| wanted.contains(&out.origin))
        .map(|out| (out.origin, (out.by, out.how)))
        .collect();
    let moved: BTreeMap<Origin, &str> = overlaid
        .paths
        .iter()
        .filter_map(|(index, path)| Some((overlaid.placed.get(*index as usize)?.origin?, path.as_ref())))
        .collect();
    for (origin, record) in all {
        let out = hidden.get(&origin);
        if matches!(out, Some((_, How::Duplicate))) {
            continue;
        }
        let CatalogRecord { path: written, cataloger, packages, fragments, gaps } = record;
        found.records.push(Sighting {
            path: moved.get(&origin).map_or_else(|| written.clone(), |path| (*path).to_owned()),
            written,
            cataloger,
            span: Span {
                from: origin.layer,
                until: out.map(|(by, _)| *by),
                deleted: matches!(out, Some((_, How::Deleted))),
            },
            packages,
            fragments,
            gaps,
        });
    }
    found
}

/// The member that each record is about: the last of that name, as for the overlay.
fn with_origins(layer: u32, facts: &LayerFacts, records: Vec<CatalogRecord>) -> Vec<(Origin, CatalogRecord)> {
    let mut last: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        last.insert((&record.path, &record.cataloger), at);
    }
    let mut keep = vec![false; records.len()];
    for at in last.values() {
        keep[*at] = true;
    }
    let mut entries: BTreeMap<&str, u32> = records.iter().map(|record| (record.path.as_str(), u32::MAX)).collect();
    for (at, entry) in (0u32..).zip(&facts.entries) {
        if entry.kind == Kind::File
            && let Some(slot) = entries.get_mut(entry.path.as_ref())
        {
            *slot = at;
        }
    }
    let origins: Vec<u32> =
        records.iter().map(|record| entries.get(record.path.as_str()).copied().unwrap_or(u32::MAX)).collect();
    records
        .into_iter()
        .zip(origins)
        .zip(keep)
        .filter(|((_, entry), keep)| *keep && *entry != u32::MAX)
        .map(|((record, entry), _)| (Origin { layer, entry }, record))
        .collect()
}
