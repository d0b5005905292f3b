//! `layers.waste`: bytes that are shipped and never seen.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{Hidden, How, ImageFacts, format_bytes};
use crate::yaml::YamlError;

use super::setting::{Percent, Size};
use super::words::{self, bytes, code};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "layers.waste",
    code: "IG0402",
    level: Level::Warn,
    summary: "too many shipped bytes are hidden by later layers",
    why: "A layer is never changed: a file that a later step deletes, overwrites or only gives another owner stays in the image \
          and is pulled with it. What was meant to be deleted can still be read, too.\n\nWaste is the bytes of all files in all \
          layers without those in the final file system. Package databases, which every install rewrites, do not count.",
    fix: "Do and undo in one `RUN`, set owner and mode while copying, and build in an earlier stage:\n\n```dockerfile\nCOPY \
          --chown=1000:1000 --chmod=0755 app /app\nRUN curl -o x.tgz $URL && tar -xf x.tgz && rm x.tgz\n```",
    flags: &[
        ("", "0644 0:0 a @100MB\n0644 0:0 b @50MB\nlayer RUN rm b\n0644 0:0 .wh.b"),
        ("", "0644 0:0 a @100MB\nlayer RUN chown 1000 a\n0644 1000:1000 a @100MB"),
        ("{max: 0%, floor: 0B}", "0644 0:0 a @1B\nlayer b\n0644 0:0 a @1B#2"),
        ("{max: 10%, floor: 1MB}", "0644 0:0 a @10MB\nlayer b\n0644 0:0 a @20MB"),
    ],
    passes: &[
        ("", "0644 0:0 a @100MB\n0644 0:0 b @50MB"),
        ("", "0644 0:0 a @1MB\nlayer RUN rm a\n0644 0:0 .wh.a"),
        ("", "0644 0:0 a @900MB\n0644 0:0 b @45MB\nlayer RUN rm b\n0644 0:0 .wh.b"),
        (
            "{floor: 1kB}",
            "0644 0:0 var/lib/dpkg/status @5MB\nlayer RUN apt-get install\n0644 0:0 var/lib/dpkg/status @6MB",
        ),
        ("{floor: 1kB, max: 50%}", "0644 0:0 a @10MB\nlayer b\nb => a\nlayer c\n0644 0:0 .wh.a\n0644 0:0 c @40MB"),
    ],
    build: |settings| {
        let waste: Waste = settings.read()?;
        if waste.max == Percent::new(100) {
            return Err(YamlError::new(
                settings.span("max"),
                "waste is never more than `100%`, so this would always hold",
            ));
        }
        Ok(Box::new(waste))
    },
    schema: |generator| generator.subschema_for::<Waste>(),
};

/// How much waste is accepted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Waste {
    /// Largest share of the shipped bytes; 5% when not given.
    #[schemars(extend("x-tighter" = "smaller"))]
    max: Percent,
    /// Waste up to this size is accepted whatever its share; 20MB when not given.
    #[schemars(extend("x-tighter" = "smaller"))]
    floor: Size,
}

impl Default for Waste {
    fn default() -> Self {
        Self { max: Percent::new(5), floor: Size(20_000_000) }
    }
}

/// Whether a path belongs to what every package installation writes anew.
fn is_package_database(path: &str) -> bool {
    const FOLDERS: &[&str] = &[
        "var/lib/dpkg/",
        "var/cache/debconf/",
        "var/log/apt/",
        "lib/apk/db/",
        "usr/lib/apk/db/",
        "var/lib/rpm/",
        "usr/lib/sysimage/rpm/",
        "var/lib/dnf/",
        "var/lib/pacman/local/",
    ];
    const FILES: &[&str] = &[
        "var/lib/apt/extended_states",
        "var/log/dpkg.log",
        "var/log/alternatives.log",
        "etc/ld.so.cache",
        "var/cache/ldconfig/aux-cache",
    ];
    matches!(path.as_bytes().first(), Some(b'v' | b'l' | b'u' | b'e'))
        && (FOLDERS.iter().any(|folder| path.starts_with(folder)) || FILES.contains(&path))
}

/// What one layer ships and another one hides.
#[derive(Default)]
struct Pair {
    size: u64,
    /// Place of the largest file among what is hidden.
    largest: Option<usize>,
    by_how: BTreeMap<How, u64>,
}

/// What each layer ships and each other one hides, the most first.
struct Pairs(Vec<((u32, u32), Pair)>);

impl Pairs {
    fn of(image: &ImageFacts) -> Self {
        let mut pairs: BTreeMap<(u32, u32), Pair> = BTreeMap::new();
        let size = |at: usize| image.hidden.get(at).map_or(0, |hidden| hidden.entry.size);
        for (at, hidden) in image.hidden.iter().enumerate() {
            if hidden.entry.size == 0 || is_package_database(&hidden.entry.path) {
                continue;
            }
            let pair = pairs.entry((hidden.layer, hidden.by)).or_default();
            pair.size += hidden.entry.size;
            *pair.by_how.entry(hidden.how).or_default() += hidden.entry.size;
            if pair.largest.is_none_or(|largest| hidden.entry.size > size(largest)) {
                pair.largest = Some(at);
            }
        }
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by_key(|((layer, by), pair)| (std::cmp::Reverse(pair.size), *layer, *by));
        Self(pairs)
    }
}

fn fault(image: &ImageFacts, (layer, by): (u32, u32), pair: &Pair, total: &str) -> Fault {
    let how = pair.by_how.iter().max_by_key(|(_, size)| **size).map_or(How::Deleted, |(how, _)| *how);
    let (verb, fix) = match how {
        How::Deleted => ("deletes", "delete it in the same `RUN` that makes it, or make it in an earlier stage"),
        How::Overwritten => {
            ("overwrites", "write it once: put both steps into one `RUN`, or copy only the final version")
        }
        How::Rewritten => (
            "only gives another owner, mode or time",
            "set owner and mode where the file is made: `COPY --chown=1000:1000 --chmod=0755`, or `chown` in the same `RUN`",
        ),
        How::Duplicate => {
            ("ships again", "the layer's archive names the path twice: build the layer with another tool")
        }
    };
    let largest: Option<&Hidden> = pair.largest.and_then(|at| image.hidden.get(at));
    let path = largest.map_or("", |hidden| &hidden.entry.path);
    let hider = if by == layer { "the same layer".to_owned() } else { words::layer(image, by) };
    let most = largest.map_or(0, |hidden| hidden.entry.size);
    Fault {
        subject: path.to_owned(),
        message: format!(
            "{} ships {} that {hider} {verb}, most of all {} with {}; {total}",
            words::layer(image, layer),
            bytes(pair.size),
            code(format!("/{path}")),
            bytes(most),
        ),
        seat: Seat::Layer(layer),
        fix: Some(fix.to_owned()),
    }
}

impl Check for Waste {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        // An unseen layer changes both what is shipped and what is hidden.
        if let Some(gap) = image.tree_gap() {
            return Outcome::Unknown(gap.detail.clone());
        }
        let shipped = image.waste.shipped;
        let pairs = &image.derived.get(|| Pairs::of(image)).0;
        let waste: u64 = pairs.iter().map(|(_, pair)| pair.size).sum();
        let share = Percent::share(waste, shipped);
        if waste <= self.floor.0 || !self.max.is_exceeded(waste, shipped) {
            return Outcome::Pass(format!("{} of {} hidden ({share})", format_bytes(waste), format_bytes(shipped)));
        }
        let total = format!(
            "in all {} of {} are hidden, `{share}` where the policy accepts `{}`",
            bytes(waste),
            bytes(shipped),
            self.max
        );
        // The fewest pairs whose end would bring the waste back within the limit.
        let accepted = self.floor.0.max(self.max.of(shipped));
        let mut left = waste;
        let mut faults = Vec::new();
        for (layers, pair) in pairs {
            if left <= accepted {
                break;
            }
            left -= pair.size;
            faults.push(fault(image, *layers, pair, &total));
        }
        Outcome::Fail(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn the_layer_that_ships_and_the_one_that_hides_are_named() {
        let image = "layer RUN make\n0644 0:0 a @100MB\n0644 0:0 b @30MB\n0644 0:0 c @1MB\nlayer RUN rm b\n0644 0:0 .wh.b\n\
                     layer RUN rm c\n0644 0:0 .wh.c";
        let Outcome::Fail(faults) = decide("layers.waste", "", image) else { panic!("waste") };
        assert_eq!(faults.len(), 1, "the small one alone is within the limit");
        assert_eq!(
            faults[0].message,
            "layer 0 (`RUN make`) ships `30 MB` that layer 1 (`RUN rm b`) deletes, most of all `/b` with `30 MB`; in all \
             `31 MB` of `131 MB` are hidden, `23.67%` where the policy accepts `5%`"
        );
        assert_eq!((faults[0].seat.clone(), faults[0].subject.as_str()), (Seat::Layer(0), "b"));
    }

    #[test]
    fn an_unseen_layer_leaves_the_share_undecided() {
        let image = "0644 0:0 a @100MB\nlayer RUN rm a\n0644 0:0 .wh.a\nlayer c\ngap layer 2 was not there";
        assert_eq!(decide("layers.waste", "", image), Outcome::Unknown("was not there".to_owned()));
    }

    #[test]
    fn a_limit_that_always_holds_is_refused() {
        assert!(complaint("layers.waste", "{max: 100%}").starts_with("1:7: "));
        assert!(complaint("layers.waste", "{max: 5}").starts_with("1:7: a share with its sign"));
    }
}
