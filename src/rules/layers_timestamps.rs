//! `layers.timestamps`: times in the image do not contradict each other, so that it can be built again the same.

use serde::Deserialize;

use crate::model::{File, ImageFacts};

use super::setting::{Period, day_of};
use super::words::{self, code, count};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "layers.timestamps",
    code: "IG0406",
    level: Level::Info,
    summary: "times of files, history and config contradict each other",
    why: "An image that is built again from the same source should have the same digest; then anyone can check where it comes from. \
          Files newer than the image itself show that its time was set and theirs were not, a time in the future a wrong clock. \
          `make` and caches that compare times go wrong with both.",
    fix: "Build with a fixed time, and let the builder give it to every file:\n\n```sh\nSOURCE_DATE_EPOCH=$(git log -1 --pretty=%ct) docker \
          buildx build --output type=image,name=registry.example/acme/app:1.4.2,rewrite-timestamp=true,push=true .\n```\n\nBuildah: \
          `buildah build --source-date-epoch … --rewrite-timestamp`; the last line of a Dockerfile needs no `RUN touch`.",
    flags: &[
        ("", "created 2026-01-01T00:00:00Z\n0644 0:0 a\nmtime 1800000000"),
        ("", "created 2026-01-01T00:00:00Z\nlayer RUN x\nat 2026-05-01T12:00:00Z"),
        (
            "{max-distinct: 1}",
            "created 2026-01-01T00:00:00Z\n0644 0:0 a\nmtime 1700000000\n0644 0:0 b\nmtime 1700000001",
        ),
    ],
    passes: &[
        ("", "created 2026-01-01T00:00:00Z\n0644 0:0 a\nmtime 1700000000\nlayer RUN x\nat 2026-01-01T00:00:00Z"),
        ("", "created 2026-01-01T00:00:00.5Z\n0644 0:0 a\nmtime 1767225600"),
        ("", "0644 0:0 a\nmtime 1700000000"),
        ("{tolerance: 60d}", "created 2026-01-01T00:00:00Z\nlayer RUN x\nat 2026-02-01T12:00:00Z"),
        ("{max-distinct: 2}", "0644 0:0 a\nmtime 1700000000\n0644 0:0 b\nmtime 1700000001"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Timestamps>()?)),
    schema: |generator| generator.subschema_for::<Timestamps>(),
};

/// Which times are accepted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Timestamps {
    /// How much later than the image's own time a file or step may be; 1m when not given.
    tolerance: Period,
    /// Largest number of different times of files; any number when not given. A build with fixed times has few.
    max_distinct: Option<u32>,
}

impl Default for Timestamps {
    fn default() -> Self {
        Self { tolerance: Period::seconds(60), max_distinct: None }
    }
}

/// What there is to say of the times of all files.
struct Times {
    /// Place of the newest file.
    newest: Option<usize>,
    distinct: usize,
}

impl Times {
    fn of(files: &[File]) -> Self {
        let newest = (0..files.len()).max_by_key(|at| (files[*at].entry.mtime, std::cmp::Reverse(*at)));
        let mut times: Vec<i64> = files.iter().map(|file| file.entry.mtime).collect();
        times.sort_unstable();
        times.dedup();
        Self { newest, distinct: times.len() }
    }
}

fn second(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}

impl Timestamps {
    /// Files later than a time.
    fn newer(&self, image: &ImageFacts, newest: &File, limit: i64, than: &str) -> Option<Fault> {
        let limit = limit.saturating_add(self.tolerance.as_seconds());
        if newest.entry.mtime <= limit {
            return None;
        }
        let number = image.files.iter().filter(|file| file.entry.mtime > limit).count();
        Some(Fault {
            subject: newest.entry.path.to_string(),
            message: format!(
                "{} later than {than}, most of all {} of {} in {}",
                if number == 1 { "1 path is".to_owned() } else { format!("{number} paths are") },
                code(format!("/{}", newest.entry.path)),
                code(day_of(newest.entry.mtime)),
                words::layer(image, newest.changed)
            ),
            seat: Seat::File { path: newest.entry.path.to_string(), layer: newest.changed, line: None },
            fix: None,
        })
    }

    /// The first step later than the image itself.
    fn later_step(&self, image: &ImageFacts, created: i64) -> Option<Fault> {
        let limit = created.saturating_add(self.tolerance.as_seconds());
        let mut steps = (0_u32..).zip(&image.config.history);
        let (index, time) = steps.find_map(|(index, step)| {
            let time = second(step.created.as_deref()?).filter(|time| *time > limit)?;
            Some((index, time))
        })?;
        Some(Fault {
            subject: "created".to_owned(),
            message: format!(
                "a step of the history is of {}, later than the image itself, which says {}",
                code(day_of(time)),
                code(day_of(created))
            ),
            seat: Seat::History(index),
            fix: None,
        })
    }
}

impl Check for Timestamps {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let times = image.derived.get(|| Times::of(&image.files));
        let created = image.config.created.as_deref().and_then(second);
        let newest = times.newest.and_then(|at| image.files.get(at));
        let mut faults = Vec::new();
        // A time of zero says that the builder gives none.
        if let Some(created) = created.filter(|created| *created > 0) {
            let than = format!("the image itself, which says {}", code(day_of(created)));
            faults.extend(newest.and_then(|newest| self.newer(image, newest, created, &than)));
            faults.extend(self.later_step(image, created));
        }
        if let (Some(now), Some(newest)) = (circumstances.now, newest)
            && faults.is_empty()
        {
            faults.extend(self.newer(image, newest, now, "now"));
        }
        if let Some(most) = self.max_distinct
            && times.distinct > usize::try_from(most).unwrap_or(usize::MAX)
        {
            faults.push(Fault {
                subject: "times".to_owned(),
                message: format!("the files have `{}` different times, the policy accepts `{most}`", times.distinct),
                seat: Seat::Image,
                fix: None,
            });
        }
        Outcome::of_tree(image, faults, count(times.distinct, "different time"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{decide, decide_in};
    use super::*;

    #[test]
    fn a_file_of_the_future_is_told_when_there_is_a_clock() {
        let image = "0644 0:0 a\nmtime 1900000000";
        assert!(matches!(decide("layers.timestamps", "", image), Outcome::Pass(_)));
        let now = |now| Circumstances { now: Some(now), ..Circumstances::default() };
        assert!(decide_in("layers.timestamps", "", image, &now(1_800_000_000)).is_fail());
        assert!(!decide_in("layers.timestamps", "", image, &now(1_900_000_000)).is_fail());
    }

    #[test]
    fn a_builder_without_times_is_not_blamed() {
        for created in ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday"] {
            let outcome = decide("layers.timestamps", "", &format!("created {created}\n0644 0:0 a\nmtime 1700000000"));
            assert!(matches!(outcome, Outcome::Pass(_)), "{created}: {outcome:?}");
        }
    }

    #[test]
    fn an_unseen_layer_leaves_it_undecided() {
        let outcome = decide("layers.timestamps", "", "0755 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
    }
}
