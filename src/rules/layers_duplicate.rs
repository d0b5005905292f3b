//! `layers.duplicate`: the same content is shipped once.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use serde::Deserialize;

use crate::model::{Entry, FileHash, ImageFacts, Kind, format_bytes};
use crate::yaml::YamlError;

use super::setting::{Percent, Size};
use super::words::{self, bytes, code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// Smaller files do not count: many small files are alike, and together they are little.
const SMALLEST: u64 = 4096;
/// Most groups that are told.
const TOLD: usize = 5;

pub(super) const RULE: Rule = Rule {
    id: "layers.duplicate",
    code: "IG0405",
    level: Level::Warn,
    summary: "the image ships the same content several times",
    why: "A file that is copied inside the image, or that a later layer writes again unchanged (`chown`, `touch`, a second `COPY`), \
          is pulled and stored once for each time. Virtual environments, models and bundles make it gigabytes.",
    fix: "Link instead of copying, and set owner and mode while the file is made:\n\n```dockerfile\nRUN ln /opt/model.bin \
          /app/model.bin\nCOPY --chown=1000:1000 model.bin /opt/\n```\n\nWhat a stage needs twice is copied twice: copy the folder \
          above both.",
    flags: &[
        ("", "0644 0:0 a/model.bin @100MB#1\n0644 0:0 b/model.bin @100MB#1"),
        ("", "0644 0:0 a @100MB#1\nlayer RUN chown -R app /\n0644 1000:1000 a @100MB#1"),
        ("{floor: 0B, max: 0%}", "0644 0:0 a @5kB#1\n0644 0:0 b @5kB#1"),
        ("", "0644 0:0 a @100MB#1\nlayer COPY\n0644 0:0 b @100MB#1\nlayer RUN rm b\n0644 0:0 .wh.b"),
    ],
    passes: &[
        ("", "0644 0:0 a @100MB#1\n0644 0:0 b @100MB#2"),
        ("", "0644 0:0 a @100MB#1\nb => a"),
        ("", "0644 0:0 a @10MB#1\n0644 0:0 b @10MB#1\n0644 0:0 c @1MB"),
        ("{floor: 1kB}", "0644 0:0 a @4kB#1\n0644 0:0 b @4kB#1"),
        ("{max: 60%}", "0644 0:0 a @100MB#1\n0644 0:0 b @100MB#1"),
    ],
    build: |settings| {
        let limit: Limit = settings.read()?;
        if limit.max == Percent::new(100) {
            let problem = "less than `100%` of an image is shipped again, so this would always hold";
            return Err(YamlError::new(settings.span("max"), problem));
        }
        Ok(Box::new(limit))
    },
    schema: |generator| generator.subschema_for::<Limit>(),
};

/// How much is accepted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Limit {
    /// Largest share of the shipped bytes; 5% when not given.
    max: Percent,
    /// Bytes shipped again that are accepted whatever their share; 20MB when not given.
    floor: Size,
}

impl Default for Limit {
    fn default() -> Self {
        Self { max: Percent::new(5), floor: Size(20_000_000) }
    }
}

/// Where a version of a file is shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shipped {
    /// Index into the final file system.
    Visible(usize),
    /// Index into what is hidden.
    Hidden(usize),
}

impl Shipped {
    fn entry(self, image: &ImageFacts) -> Option<(&Entry, u32)> {
        match self {
            Self::Visible(at) => image.files.get(at).map(|file| (&file.entry, file.changed)),
            Self::Hidden(at) => image.hidden.get(at).map(|hidden| (&hidden.entry, hidden.layer)),
        }
    }
}

/// Files of the same content.
struct Group {
    size: u64,
    copies: Vec<Shipped>,
}

impl Group {
    /// Bytes that one copy would have saved.
    fn again(&self) -> u64 {
        let more = u64::try_from(self.copies.len().saturating_sub(1)).unwrap_or(u64::MAX);
        self.size.saturating_mul(more)
    }
}

/// All groups of more than one file, the most expensive first.
struct Groups(Vec<Group>);

fn spread(hash: &FileHash) -> u64 {
    hash.0.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

impl Groups {
    fn of(image: &ImageFacts) -> Self {
        // A content's hash is as random as a table wants its keys: nothing has to be hashed again.
        let mut first: HashTable<(FileHash, Shipped)> = HashTable::new();
        let mut groups: BTreeMap<FileHash, Group> = BTreeMap::new();
        let mut add = |entry: &Entry, place: Shipped| {
            let Some(hash) = entry.sha256.filter(|_| entry.size >= SMALLEST && entry.kind == Kind::File) else {
                return;
            };
            let known = first.entry(spread(&hash), |(known, _)| *known == hash, |(known, _)| spread(known));
            match known {
                Slot::Vacant(slot) => {
                    slot.insert((hash, place));
                }
                Slot::Occupied(slot) => {
                    let new = || Group { size: entry.size, copies: vec![slot.get().1] };
                    groups.entry(hash).or_insert_with(new).copies.push(place);
                }
            }
        };
        for (at, file) in image.files.iter().enumerate() {
            add(&file.entry, Shipped::Visible(at));
        }
        for (at, hidden) in image.hidden.iter().enumerate() {
            add(&hidden.entry, Shipped::Hidden(at));
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by_key(|group| (Reverse(group.again()), group.copies.first().copied()));
        Self(groups)
    }
}

fn fault(image: &ImageFacts, group: &Group, total: &str) -> Option<Fault> {
    let mut copies: Vec<(&Entry, u32)> = group.copies.iter().filter_map(|copy| copy.entry(image)).collect();
    copies.sort_by(|(left, a), (right, b)| (a, &left.path).cmp(&(b, &right.path)));
    let (first, layer) = copies.first()?;
    let (last, again) = copies.last()?;
    let same_path = first.path == last.path;
    let other = if same_path { "the same path".to_owned() } else { code(format!("/{}", last.path)) };
    Some(Fault {
        subject: first.path.to_string(),
        message: format!(
            "{} of {} is shipped {} times, also as {other} in {}; {total}",
            code(format!("/{}", first.path)),
            bytes(group.size),
            group.copies.len(),
            words::layer(image, *again)
        ),
        seat: Seat::File { path: first.path.to_string(), layer: *layer, line: None },
        fix: same_path.then(|| {
            "set owner and mode where the file is made: `COPY --chown=1000:1000 --chmod=0755`, or `chown` in the same `RUN`".to_owned()
        }),
    })
}

impl Check for Limit {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        if let Some(gap) = image.tree_gap() {
            return Outcome::Unknown(gap.detail.clone());
        }
        let groups = image.derived.get(|| Groups::of(image));
        let again: u64 = groups.0.iter().map(Group::again).sum();
        let shipped = image.waste.shipped;
        let share = Percent::share(again, shipped);
        if again <= self.floor.0 || !self.max.is_exceeded(again, shipped) {
            let measured = format!("{} of {} shipped again ({share})", format_bytes(again), format_bytes(shipped));
            return Outcome::Pass(measured);
        }
        let total = format!(
            "in all {} of {} are shipped again, `{share}` where the policy accepts `{}` ({})",
            bytes(again),
            bytes(shipped),
            self.max,
            count(groups.0.len(), "group")
        );
        Outcome::Fail(groups.0.iter().take(TOLD).filter_map(|group| fault(image, group, &total)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn the_most_expensive_group_is_told_first() {
        let image = "0644 0:0 a @10MB#1\n0644 0:0 b @10MB#1\n0644 0:0 c @10MB#1\n0644 0:0 d @12MB#2\nlayer RUN cp\n0644 0:0 e @12MB#2";
        let Outcome::Fail(faults) = decide("layers.duplicate", "", image) else { panic!("twice") };
        let subjects: Vec<&str> = faults.iter().map(|fault| fault.subject.as_str()).collect();
        assert_eq!(subjects, ["a", "d"]);
        assert_eq!(
            faults[1].message,
            "`/d` of `12 MB` is shipped 2 times, also as `/e` in layer 1 (`RUN cp`); in all `32 MB` of `54 MB` are shipped \
             again, `59.26%` where the policy accepts `5%` (2 groups)"
        );
    }

    #[test]
    fn an_unseen_layer_leaves_it_undecided() {
        let outcome = decide("layers.duplicate", "", "0755 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
        assert!(complaint("layers.duplicate", "{max: 100%}").starts_with("1:7: "));
    }
}
