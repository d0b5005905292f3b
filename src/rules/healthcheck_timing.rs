//! `healthcheck.timing`: the times of the health check fit together and to the service.

use serde::Deserialize;

use crate::model::{Healthcheck, ImageFacts};
use crate::yaml::YamlError;

use super::probe::command;
use super::setting::{CountRange, Period, PeriodRange};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// What runtimes take where the image says nothing (Docker's `HEALTHCHECK`).
const INTERVAL: Period = Period::seconds(30);
const TIMEOUT: Period = Period::seconds(30);
const RETRIES: u64 = 3;

pub(super) const RULE: Rule = Rule {
    id: "healthcheck.timing",
    code: "IG0704",
    level: Level::Warn,
    summary: "the times of the health check are not as wanted",
    why: "A container counts as broken after `retries` failures in a row, one `interval` apart. Too seldom, and nobody notices for \
          minutes; too often, and the checks are a load of their own; a timeout as long as the interval lets one hang cover the next. \
          Without a start period a service that needs long to start is restarted before it ever ran.",
    fix: "Set all four:\n\n```dockerfile\nHEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \\\n    CMD [\"/app/health\"]\n```",
    flags: &[
        ("{timeout: <interval}", "healthcheck CMD a\ntiming interval=30s timeout=30s"),
        ("{start-period: '>=20s'}", "healthcheck CMD a\ntiming start-period=5s"),
        ("{interval: 10s..60s}", "healthcheck CMD a\ntiming interval=5m"),
        ("{retries: 1..5}", "healthcheck CMD a\ntiming retries=10"),
        ("", "healthcheck CMD a\ntiming interval=10s timeout=60s"),
        ("{timeout: <interval}", "healthcheck CMD a"),
    ],
    passes: &[
        (
            "{interval: 10s..60s, timeout: <interval, retries: 1..5, start-period: '>=20s'}",
            "healthcheck CMD a\ntiming interval=30s timeout=10s start-period=20s retries=3",
        ),
        ("", "healthcheck CMD a"),
        ("{interval: 10s..60s, retries: 1..5}", "healthcheck CMD a"),
    ],
    build: |settings| {
        let timing: Timing = settings.read()?;
        if timing.interval.names_interval() {
            return Err(YamlError::new(settings.span("interval"), "the interval cannot be compared with itself"));
        }
        Ok(Box::new(timing))
    },
    schema: |generator| generator.subschema_for::<Timing>(),
};

/// Which times are accepted. What the image does not set counts as the runtime's default: 30s, 30s, 0s and 3.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Timing {
    /// Time between two checks; 5s..10m when not given.
    interval: PeriodRange,
    /// Time after which a check has failed; `<=interval` when not given.
    timeout: PeriodRange,
    /// Failures in a row until the container is unhealthy; 1..10 when not given.
    retries: CountRange,
    /// Time to start in which failures do not count; any when not given.
    start_period: Option<PeriodRange>,
}

impl Default for Timing {
    fn default() -> Self {
        let times = |text: &str| PeriodRange::read(text).expect("a test reads the defaults");
        Self {
            interval: times("5s..10m"),
            timeout: times("<=interval"),
            retries: CountRange::read("1..10").expect("a test reads the defaults"),
            start_period: None,
        }
    }
}

/// A time of the config, where zero stands for the default.
fn period(nanoseconds: i64, default: Period) -> Period {
    match u64::try_from(nanoseconds) {
        Ok(nanoseconds) if nanoseconds > 0 => Period { nanoseconds },
        _ => default,
    }
}

impl Timing {
    fn problems(&self, check: &Healthcheck) -> Vec<String> {
        let interval = period(check.interval, INTERVAL);
        let told = |name: &str, given: i64, found: Period, range: &PeriodRange| {
            let default = if given == 0 { " (the default)" } else { "" };
            let wanted = if range.names_interval() { format!("{range} of {interval}") } else { range.to_string() };
            (!range.contains(found, interval))
                .then(|| format!("the {name} is {}{default}, wanted is {}", code(found.to_string()), code(wanted)))
        };
        let timeout = period(check.timeout, TIMEOUT);
        let start = period(check.start_period, Period::default());
        let retries = u64::try_from(check.retries).ok().filter(|retries| *retries > 0).unwrap_or(RETRIES);
        let mut problems = Vec::new();
        problems.extend(told("interval", check.interval, interval, &self.interval));
        problems.extend(told("timeout", check.timeout, timeout, &self.timeout));
        problems.extend(
            self.start_period.as_ref().and_then(|range| told("start period", check.start_period, start, range)),
        );
        if !self.retries.contains(retries) {
            problems.push(format!(
                "it is tried {} times, wanted is {}",
                code(retries.to_string()),
                code(self.retries.to_string())
            ));
        }
        problems
    }
}

impl Check for Timing {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let Some(check) = image.config.healthcheck.as_ref().filter(|check| command(check).is_some()) else {
            return Outcome::NotApplicable("the image has no health check".to_owned());
        };
        let faults: Vec<Fault> = self
            .problems(check)
            .into_iter()
            .map(|message| Fault {
                subject: "HEALTHCHECK".to_owned(),
                message,
                seat: Seat::Config("/config/Healthcheck".to_owned()),
                fix: None,
            })
            .collect();
        if faults.is_empty() {
            Outcome::Pass(format!("every {}", period(check.interval, INTERVAL)))
        } else {
            Outcome::Fail(faults)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn every_time_that_is_not_as_wanted_is_told() {
        let settings = "{interval: 10s..60s, timeout: <interval, start-period: '>=20s'}";
        let image = "healthcheck CMD a\ntiming interval=30s timeout=30s start-period=5s retries=3";
        let Outcome::Fail(faults) = decide("healthcheck.timing", settings, image) else { panic!("two") };
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            ["the timeout is `30s`, wanted is `<interval of 30s`", "the start period is `5s`, wanted is `>=20s`"]
        );
    }

    #[test]
    fn zero_is_the_default_and_a_missing_check_is_nothing_to_judge() {
        let Outcome::Fail(faults) = decide("healthcheck.timing", "{start-period: '>=20s'}", "healthcheck CMD a") else {
            panic!("no start period")
        };
        assert_eq!(faults[0].message, "the start period is `0s` (the default), wanted is `>=20s`");
        assert!(matches!(decide("healthcheck.timing", "", "healthcheck NONE"), Outcome::NotApplicable(_)));
        assert!(complaint("healthcheck.timing", "{interval: <interval}").starts_with("1:12: the interval"));
        assert!(complaint("healthcheck.timing", "{retries: 5}").contains("a range of counts"));
        let negative = decide("healthcheck.timing", "", "healthcheck CMD a\ntiming retries=-1");
        assert!(matches!(negative, Outcome::Pass(_)), "{negative:?}");
    }
}
