//! `layers.caches`: no layer ships caches and leftovers, whether they are still visible or not.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{Entry, ImageFacts, format_bytes};

use super::cache_kind::CacheKind;
use super::setting::{NonEmpty, Size};
use super::tree::{Tree, range_below};
use super::words::{self, bytes, code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "layers.caches",
    code: "IG0403",
    level: Level::Warn,
    summary: "a layer ships caches or leftovers",
    why: "Package lists, download caches, temporary files and logs of the build are of no use to the container, but everybody \
          who pulls the image pulls them. Deleting them in a later step only hides them: the bytes stay in their layer.",
    fix: "Delete them in the same `RUN` that makes them, or keep them out of the layer with a cache mount:\n\n```dockerfile\nRUN \
          apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\nRUN \
          --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt\n```",
    flags: &[
        ("", "0644 0:0 var/lib/apt/lists/deb.example_main_Packages @40MB"),
        ("", "0644 0:0 home/app/.cache/pip/http/a @2MB"),
        ("", "0644 0:0 var/cache/apk/x @2MB\nlayer RUN rm -rf /var/cache/apk\n0644 0:0 var/cache/.wh.apk"),
        ("", "0755 0:0 root/.npm/\n0644 0:0 root/.npm/_cacache/a @2MB\n0644 0:0 root/.npmrc"),
        ("{kinds: [yum]}", "0644 0:0 var/cache/dnf/a.solv @2MB\n0644 0:0 var/cache/zypp/b @1MB"),
        ("{kinds: [yarn]}", "0644 0:0 home/node/.cache/yarn/v6/a @2MB"),
        ("{kinds: [logs], floor: 1kB}", "0644 0:0 var/log/dpkg.log @2kB"),
        ("", "0644 0:0 tmp/x @2MB\nlayer b\ngap layer 1 was not there"),
    ],
    passes: &[
        ("", "0644 0:0 var/lib/dpkg/status @5MB"),
        ("", "0644 0:0 var/log/dpkg.log @100kB"),
        ("{kinds: [pip]}", "0644 0:0 var/lib/apt/lists/x @40MB"),
        ("{floor: 50MB}", "0644 0:0 tmp/x @50MB"),
        // Bytes decide, not words: `dist-clean` cleans as well, and a step without cleaning may leave nothing.
        ("", "layer RUN apt-get update && apt-get install -y curl && apt-get dist-clean\n0755 0:0 usr/bin/curl @5MB"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Caches>()?)),
    schema: |generator| generator.subschema_for::<Caches>(),
};

/// Which leftovers count, and from how much on.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Caches {
    /// The kinds that count; all when not given.
    kinds: Option<NonEmpty<CacheKind>>,
    /// Bytes of one kind in one layer that are not worth a word; 1MB when not given.
    #[schemars(extend("x-tighter" = "smaller"))]
    floor: Size,
}

impl Default for Caches {
    fn default() -> Self {
        Self { kinds: None, floor: Size(1_000_000) }
    }
}

/// What one layer ships of one kind.
struct Heap {
    /// The folder of the largest file.
    folder: String,
    largest: u64,
    files: usize,
    size: u64,
    /// Bytes of it that are no longer visible, and the layer that hid the last of them.
    hidden: u64,
    by: Option<u32>,
}

/// What every layer ships of every kind.
#[derive(Default)]
struct Heaps(BTreeMap<(u32, CacheKind), Heap>);

impl Heaps {
    fn of(image: &ImageFacts) -> Self {
        let mut heaps = Self::default();
        // Caches lie at few places: most files are never looked at.
        let mut places: Vec<usize> =
            CacheKind::PLACES.iter().flat_map(|(place, _)| range_below(image, place)).collect();
        let tree = Tree::of(image);
        for start in CacheKind::HOME_NAMES {
            for at in tree.named(start) {
                let path = image.files.get(at).map_or("", |file| &file.entry.path);
                let folder = path.find(&format!("/{start}")).and_then(|from| {
                    let end = path[from + 1..].find('/').map_or(path.len(), |length| from + 1 + length);
                    path.get(..end)
                });
                places.extend(folder.map_or(0..0, |folder| range_below(image, folder)));
            }
        }
        places.sort_unstable();
        places.dedup();
        for file in places.into_iter().filter_map(|at| image.files.get(at)) {
            heaps.add(&file.entry, file.changed, None);
        }
        for hidden in &image.hidden {
            heaps.add(&hidden.entry, hidden.layer, Some(hidden.by));
        }
        heaps
    }

    fn add(&mut self, entry: &Entry, layer: u32, by: Option<u32>) {
        if entry.size == 0 {
            return;
        }
        let Some((kind, length)) = CacheKind::of(&entry.path) else { return };
        let new = || Heap { folder: String::new(), largest: 0, files: 0, size: 0, hidden: 0, by };
        let heap = self.0.entry((layer, kind)).or_insert_with(new);
        heap.files += 1;
        heap.size += entry.size;
        if entry.size > heap.largest {
            heap.largest = entry.size;
            entry.path[..length].clone_into(&mut heap.folder);
        }
        if by.is_some() {
            heap.hidden += entry.size;
            heap.by = heap.by.max(by);
        }
    }
}

impl Check for Caches {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let all = image.derived.get(|| Heaps::of(image));
        let kinds = self.kinds.as_deref().unwrap_or(&CacheKind::ALL);
        let counted = || all.0.iter().filter(|((_, kind), _)| kinds.contains(kind));
        let small = counted().filter(|(_, heap)| heap.size <= self.floor.0);
        let below: u64 = small.map(|(_, heap)| heap.size).sum();
        let faults: Vec<Fault> = counted()
            .filter(|(_, heap)| heap.size > self.floor.0)
            .map(|((layer, kind), heap)| {
                let layer = *layer;
                let hidden = match heap.by {
                    Some(by) if heap.hidden == heap.size => {
                        format!("; {} hides it, but it is still shipped", words::layer(image, by))
                    }
                    Some(by) => format!(
                        "; {} hides {} of it, but they are still shipped",
                        words::layer(image, by),
                        bytes(heap.hidden)
                    ),
                    None => String::new(),
                };
                Fault {
                    subject: heap.folder.clone(),
                    message: format!(
                        "{} ships {} of {} in {} ({}){hidden}",
                        words::layer(image, layer),
                        bytes(heap.size),
                        kind.what(),
                        code(format!("/{}", heap.folder)),
                        count(heap.files, "file"),
                    ),
                    seat: Seat::Layer(layer),
                    fix: Some(kind.fix().to_owned()),
                }
            })
            .collect();
        Outcome::of_tree(image, faults, format!("{} of caches, none above {}", format_bytes(below), self.floor))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn every_layer_answers_for_what_it_ships() {
        let image = "layer RUN apt-get update\n0644 0:0 var/lib/apt/lists/a @40MB\nlayer RUN apt-get update\n\
                     0644 0:0 var/lib/apt/lists/b @30MB\nlayer RUN rm\n0644 0:0 var/lib/apt/lists/.wh.a";
        let Outcome::Fail(faults) = decide("layers.caches", "", image) else { panic!("shipped") };
        assert_eq!(
            faults[0].message,
            "layer 0 (`RUN apt-get update`) ships `40 MB` of package lists of apt in `/var/lib/apt/lists` (1 file); \
             layer 2 (`RUN rm`) hides it, but it is still shipped"
        );
        assert_eq!(faults[1].seat, Seat::Layer(1));
        assert_eq!(faults.len(), 2);
    }

    #[test]
    fn an_unseen_layer_leaves_it_undecided() {
        let outcome = decide("layers.caches", "", "0644 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
    }

    #[test]
    fn kinds_are_known_words() {
        assert!(complaint("layers.caches", "{kinds: []}").starts_with("1:9: an empty list"));
        assert!(complaint("layers.caches", "{kinds: [apt]}").starts_with("1:10: unknown value `apt`"));
    }
}
