//! `base.age`: the base image is not too old.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::recorded::{DAY, Recorded, days};
use super::setting::{Days, day_of};
use super::words::codes;
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "base.age",
    code: "IG0202",
    level: Level::Deny,
    summary: "the base image is too old",
    why: "An image is as old as its base, whenever it was built: fixes of the system's packages come with a new base only. The \
          age is that of the base's own `created`, as `imgguard bases update` recorded it, at the time of the check, so the \
          same image can pass today and fail next month.\n\nA base that is not recorded, or that says it was built in 1970 as \
          reproducible builds do, has no age: the answer is unknown.",
    fix: "Build again on a fresh base, and do not let the builder use its old copy:\n\n```sh\ndocker build --pull …\n```\n\nA \
          base that is not rebuilt any more has to be left.",
    flags: &[
        ("{max: 30d}", "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01\nnow 2026-02-01"),
        (
            "",
            "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01\nlayer COPY\n0644 0:0 app\nnow 2026-06-01",
        ),
    ],
    passes: &[
        ("{max: 30d}", "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2026-01-01\nnow 2026-01-31"),
        (
            "{max: 4w}",
            "layer ADD rootfs /\n0755 0:0 bin/sh\nknown debian:12 created 2025-01-01\nlayer RUN\n0755 0:0 usr/bin/python3\n\
             known python:3.12 created 2026-01-01\nlayer COPY\n0644 0:0 app\nnow 2026-01-20",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Age>()?)),
    schema: |generator| generator.subschema_for::<Age>(),
};

/// How old the base may be.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Age {
    /// Most days since the base was built; 30d when not given.
    max: Days,
}

impl Default for Age {
    fn default() -> Self {
        Self { max: Days(30) }
    }
}

impl Check for Age {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let recorded = match Recorded::of(image, circumstances) {
            Ok(recorded) => recorded,
            Err(outcome) => return outcome,
        };
        let names = codes(recorded.names(image));
        let Some(now) = circumstances.now else {
            return Outcome::Unknown("the time is not known".to_owned());
        };
        let Some(built) = recorded.built() else {
            return Outcome::Unknown(format!("{names} does not say when it was built"));
        };
        let day = day_of(built);
        if built > now.saturating_add(DAY) {
            return Outcome::Unknown(format!("{names} says that it was built on `{day}`, which is to come"));
        }
        let age = now.saturating_sub(built);
        if age <= self.max.seconds() {
            return Outcome::Pass(format!("{} of {}", days(age), self.max));
        }
        let newer = recorded
            .names(image)
            .into_iter()
            .filter_map(|name| recorded.lock.current(name, &image.platform)?.0.built())
            .filter(|other| *other > built)
            .max();
        Outcome::Fail(vec![Fault {
            subject: "base".to_owned(),
            message: format!(
                "the base {names} was built on `{day}`, {} ago, and the policy allows `{}`",
                days(age),
                self.max
            ),
            seat: Seat::Image,
            fix: newer.map(|newer| format!("build again on the base of `{}`, which is there already", day_of(newer))),
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    const BASE: &str = "layer ADD rootfs /\n0755 0:0 bin/sh";

    fn unknown(text: &str) -> String {
        match decide("base.age", "{max: 30d}", text) {
            Outcome::Unknown(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_age_counts_to_the_second() {
        let at = |now: &str| {
            decide("base.age", "{max: 1d}", &format!("{BASE}\nknown debian:12 created 2026-01-01\nnow {now}"))
        };
        assert_eq!(at("2026-01-02"), Outcome::Pass("1 day of 1d".to_owned()));
        let Outcome::Fail(faults) = at("2026-01-03") else { panic!("too old") };
        assert_eq!(
            faults[0].message,
            "the base `docker.io/library/debian:12` was built on `2026-01-01`, 2 days ago, and the policy allows `1d`"
        );
    }

    #[test]
    fn what_is_not_known_is_undecided() {
        assert!(unknown(BASE).starts_with("no list of recorded bases"));
        assert!(unknown(&format!("{BASE}\nknown debian:12 created 2026-01-01")).starts_with("the time"));
        let squashed = format!("{BASE}\nknown debian:12 moved created 2026-01-01\nnow 2026-01-02");
        assert!(unknown(&squashed).starts_with("no recorded base has the lowest layers"));
        let undated = format!("{BASE}\nknown debian:12 created 1970-01-01\nnow 2026-01-02");
        assert!(unknown(&undated).contains("does not say when it was built"));
        let future = format!("{BASE}\nknown debian:12 created 2026-03-01\nnow 2026-01-02");
        assert!(unknown(&future).contains("is to come"));
    }

    #[test]
    fn an_image_on_nothing_has_no_base_that_could_be_old() {
        assert!(matches!(decide("base.age", "", "0755 0:0 app"), Outcome::NotApplicable(_)));
    }

    #[test]
    fn the_fix_names_a_newer_build_that_is_recorded() {
        let text = format!(
            "{BASE}\nknown debian:12 created 2026-01-01 recorded 2026-01-02\nknown debian:12 moved created 2026-02-20 recorded 2026-02-21\nnow 2026-03-01"
        );
        let Outcome::Fail(faults) = decide("base.age", "", &text) else { panic!("too old") };
        assert_eq!(faults[0].fix.as_deref(), Some("build again on the base of `2026-02-20`, which is there already"));
    }

    #[test]
    fn settings_are_days() {
        assert!(complaint("base.age", "{max: 30}").starts_with("1:7: a number of days"));
    }
}
