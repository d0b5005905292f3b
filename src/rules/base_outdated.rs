//! `base.outdated`: no newer build of the base is known.

use serde::Deserialize;

use crate::model::{ImageFacts, RecordedBase};

use super::recorded::{Recorded, days};
use super::setting::{Days, day_of};
use super::words::code;
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "base.outdated",
    code: "IG0203",
    level: Level::Deny,
    summary: "a newer build of the base image is there",
    why: "A tag such as `python:3.12-slim` is built again whenever one of its packages gets a fix. An image on an earlier build \
          lacks what came since, and nothing but a new build brings it.\n\nJudged by the list that `imgguard bases update` \
          keeps: it knows which build of a base this image has, and what the base's name pointed at when it was last looked \
          up. Of a base with several names of equal layers, the image's own annotation tells which one is meant; without one, \
          the base is outdated when all of them moved on. When the last look-up is older than `max-lock-age`, that no newer \
          build is known means nothing: the answer is unknown.",
    fix: "Build again on the newer base:\n\n```sh\ndocker build --pull …\n```\n\nA base pinned by digest needs the new digest first; \
          tools that open a change for that exist.",
    flags: &[
        (
            "",
            "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01 recorded 2026-01-02\nknown debian:12 moved created \
             2026-02-01 recorded 2026-02-02\nnow 2026-02-03",
        ),
        (
            "{grace: 7d}",
            "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01 recorded 2026-01-02\nknown debian:12 moved created \
             2026-02-01 recorded 2026-02-02\nnow 2026-02-20",
        ),
    ],
    passes: &[
        (
            "",
            "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01 recorded 2026-01-02\nnow 2026-01-03",
        ),
        (
            "{grace: 7d}",
            "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01 recorded 2026-01-02\nknown debian:12 moved created \
             2026-02-01 recorded 2026-02-02\nnow 2026-02-03",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Outdated>()?)),
    schema: |generator| generator.subschema_for::<Outdated>(),
};

/// What counts as outdated.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Outdated {
    /// Days that an image may stay on the old build after a newer one was first seen; 0d when not given.
    grace: Days,
    /// Days after which a look-up of the base's name proves nothing any more; 30d when not given.
    max_lock_age: Days,
}

impl Default for Outdated {
    fn default() -> Self {
        Self { grace: Days(0), max_lock_age: Days(30) }
    }
}

/// What is known of one name of the base.
enum State<'a> {
    /// It points at the build that the image has; looked up then.
    Current(i64),
    /// It points at another build.
    Moved(&'a RecordedBase),
    /// It was looked up for other platforms only.
    Unseen,
}

fn fault(name: &str, recorded: &Recorded<'_>, newer: &RecordedBase) -> Fault {
    let of_name = |base: &&&RecordedBase| base.reference == name;
    let mine = recorded.bases.iter().filter(of_name).filter_map(|base| base.built()).max();
    let behind = mine
        .zip(newer.built())
        .and_then(|(mine, newer)| newer.checked_sub(mine))
        .filter(|behind| *behind > 0)
        .map_or_else(String::new, |behind| format!(", {} behind", days(behind)));
    let built = |time: Option<i64>| time.map_or_else(String::new, |time| format!(" of `{}`", day_of(time)));
    Fault {
        subject: "base".to_owned(),
        message: format!(
            "the image has the build{} of {}{behind}: the name points at {}{} now",
            built(mine),
            code(name),
            code(newer.digest.short()),
            built(newer.built()),
        ),
        seat: Seat::Image,
        fix: Some(format!("build again on {}", code(format!("{name}@{}", newer.digest)))),
    }
}

impl Check for Outdated {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let recorded = match Recorded::of(image, circumstances) {
            Ok(recorded) => recorded,
            Err(outcome) => return outcome,
        };
        let state = |name: &str| match recorded.lock.current(name, &image.platform) {
            None => State::Unseen,
            // Builds with equal layers differ in nothing that a new build of the image would bring.
            Some((base, checked)) if recorded.bases.iter().any(|mine| mine.diff_ids == base.diff_ids) => {
                State::Current(checked)
            }
            Some((base, _)) => State::Moved(base),
        };
        let states: Vec<(&str, State<'_>)> =
            recorded.names(image).into_iter().map(|name| (name, state(name))).collect();
        let current = states.iter().filter_map(|(name, state)| match state {
            State::Current(checked) => Some((*checked, *name)),
            State::Moved(_) | State::Unseen => None,
        });
        if let Some((checked, name)) = current.max() {
            let Some(now) = circumstances.now else {
                return Outcome::Unknown("the time is not known".to_owned());
            };
            let age = now.saturating_sub(checked);
            if age > self.max_lock_age.seconds() {
                return Outcome::Unknown(format!(
                    "{} was last looked up {} ago: run `imgguard bases update`",
                    code(name),
                    days(age)
                ));
            }
            return Outcome::Pass(format!("{name} points at this build, as of {}", day_of(checked)));
        }
        if let Some((name, _)) = states.iter().find(|(_, state)| matches!(state, State::Unseen)) {
            return Outcome::Unknown(format!("{} was not looked up for {} last time", code(name), image.platform));
        }
        let mut faults = Vec::new();
        for (name, state) in &states {
            let State::Moved(newer) = state else { continue };
            let since = crate::model::seconds_of(&newer.recorded).unwrap_or(0);
            if self.grace.0 > 0
                && circumstances.now.is_some_and(|now| now.saturating_sub(since) <= self.grace.seconds())
            {
                return Outcome::Pass(format!(
                    "a newer build was first seen on {}, within {}",
                    day_of(since),
                    self.grace
                ));
            }
            faults.push(fault(name, &recorded, newer));
        }
        Outcome::Fail(faults)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    const BASE: &str = "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01 recorded 2026-01-02";
    const MOVED: &str = "known debian:12 moved created 2026-01-25 recorded 2026-02-02";

    #[test]
    fn the_message_tells_how_far_behind() {
        let Outcome::Fail(faults) = decide("base.outdated", "", &format!("{BASE}\n{MOVED}\nnow 2026-02-03")) else {
            panic!("moved")
        };
        let message = &faults[0].message;
        let start = "the image has the build of `2026-01-01` of `docker.io/library/debian:12`, 24 days behind: the name points at";
        assert!(message.starts_with(start) && message.ends_with("of `2026-01-25` now"), "{message}");
        assert!(faults[0].fix.as_ref().is_some_and(|fix| fix.contains("debian:12@sha256:")));
    }

    #[test]
    fn an_old_look_up_proves_nothing_but_what_moved_moved() {
        let old = decide("base.outdated", "{max-lock-age: 7d}", &format!("{BASE}\nnow 2026-02-02"));
        assert!(matches!(&old, Outcome::Unknown(why) if why.contains("was last looked up 31 days ago")), "{old:?}");
        assert!(decide("base.outdated", "{max-lock-age: 7d}", &format!("{BASE}\n{MOVED}\nnow 2027-02-02")).is_fail());
    }

    #[test]
    fn a_name_that_still_points_here_speaks_for_the_others_unless_the_image_names_one() {
        let text = format!("{BASE}\nknown debian:12.1 created 2026-01-01 recorded 2026-01-02\n{MOVED}\nnow 2026-01-20");
        assert!(matches!(decide("base.outdated", "", &text), Outcome::Pass(_)));
        let named = format!("annotation org.opencontainers.image.base.name=debian:12\n{text}");
        assert!(decide("base.outdated", "", &named).is_fail());
    }

    #[test]
    fn a_name_that_went_back_is_current_again() {
        let back = "known debian:12 created 2026-01-01 recorded 2026-02-10";
        let outcome = decide("base.outdated", "", &format!("{BASE}\n{MOVED}\n{back}\nnow 2026-02-11"));
        assert!(matches!(outcome, Outcome::Pass(_)), "{outcome:?}");
    }

    #[test]
    fn without_a_list_without_proof_and_on_nothing_there_is_no_answer() {
        assert!(matches!(decide("base.outdated", "", "layer a\n0755 0:0 bin/sh"), Outcome::Unknown(_)));
        let squashed = "layer all\n0755 0:0 bin/sh\nknown debian:12 moved\nnow 2026-02-03";
        assert!(matches!(decide("base.outdated", "", squashed), Outcome::Unknown(_)));
        assert!(matches!(decide("base.outdated", "", "0755 0:0 app"), Outcome::NotApplicable(_)));
    }
}
