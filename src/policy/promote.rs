//! The section `promote`: what has to hold before an image may go on to the next repository.

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::sign::trust_policy::{TrustPolicy, age};
use crate::yaml::{Member, Node, Span, YamlError, read, suggest};

use super::Setting;

/// Windows in which nothing is promoted.
const MAX_WINDOWS: usize = 100;

/// What a promotion has to meet beside the rules.
#[derive(Debug, Clone)]
pub struct Gate {
    /// What summaries name as their verifier; none for imgguard's own name.
    pub verifier: Option<String>,
    /// Seconds for which the verdict in a plan is fresh enough; none for ever.
    pub verdict_max_age: Option<i64>,
    /// Who may sign, and which signatures and attestations must be there.
    pub trust: TrustPolicy,
    /// The stage that must have been passed before.
    pub stage: Option<Stage>,
    /// When nothing is promoted.
    pub freeze: Vec<Freeze>,
    /// Whose approval of the plan is needed.
    pub approvals: Option<Approvals>,
    /// Whether what is refused gets a summary that says so, beside the image at its source.
    pub attest_refusals: bool,
    /// The section as it was written, key by key.
    pub settings: Vec<Setting>,
}

/// An earlier stage: a promotion record or a verification summary about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its repository; the source of the promotion when none is named.
    pub resource: Option<String>,
    /// Signers whose word counts.
    pub by: Vec<String>,
    /// What a summary must name as its verifier, if anything.
    pub verifier: Option<String>,
    /// Seconds that the image must have stood there.
    pub soak: Option<i64>,
}

/// Approvals of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approvals {
    /// How many different signers.
    pub needed: usize,
    /// Of these.
    pub of: Vec<String>,
}

/// A window in which nothing is promoted. Times are those of clocks in its zone.
#[derive(Debug, Clone)]
pub struct Freeze {
    /// Its name, for people.
    pub name: Option<String>,
    zone: TimeZone,
    span: Window,
}

#[derive(Debug, Clone)]
enum Window {
    /// From a moment to another one, which is outside.
    Once(DateTime, DateTime),
    /// From a time of these days on until a time of the same day, or of the next one when that is not later.
    Weekly(Vec<Weekday>, Time, Time),
}

impl Freeze {
    /// When the window ends, in seconds since 1970, if it holds at `now`.
    #[must_use]
    pub fn ends(&self, now: i64) -> Option<i64> {
        let second = |moment: DateTime| self.zone.to_timestamp(moment).ok().map(jiff::Timestamp::as_second);
        let inside = |from: DateTime, until: DateTime| {
            let (from, until) = (second(from)?, second(until)?);
            (from <= now && now < until).then_some(until)
        };
        match &self.span {
            Window::Once(from, until) => inside(*from, *until),
            Window::Weekly(days, from, until) => {
                let today = jiff::Timestamp::from_second(now).ok()?.to_zoned(self.zone.clone()).date();
                let yesterday = today.yesterday().ok();
                yesterday.into_iter().chain([today]).filter(|day| days.contains(&day.weekday())).find_map(|day| {
                    let last = if until > from { day } else { day.tomorrow().ok()? };
                    inside(day.to_datetime(*from), last.to_datetime(*until))
                })
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(dead_code, reason = "read for its complaints: lists are read part by part, with their places")]
struct Raw {
    verifier: Option<String>,
    verdict: Option<RawVerdict>,
    signers: Option<IgnoredAny>,
    require: Option<IgnoredAny>,
    stage: Option<RawStage>,
    freeze: Option<IgnoredAny>,
    approvals: Option<RawApprovals>,
    attest_refusals: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawVerdict {
    max_age: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStage {
    resource: Option<String>,
    by: Vec<String>,
    verifier: Option<String>,
    soak: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawApprovals {
    at_least: usize,
    of: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawFreeze {
    name: Option<String>,
    days: Option<Vec<String>>,
    from: String,
    until: String,
    zone: Option<String>,
}

impl Gate {
    /// Reads the section.
    pub(super) fn read(node: &Node, settings: Vec<Setting>) -> Result<Self, YamlError> {
        let raw: Raw = read(node)?;
        let list = |key: &str, what: &str| match node.get(key) {
            None => Ok([].as_slice()),
            Some(member) => member.value.list().ok_or_else(|| {
                YamlError::new(member.value.span, format!("{what} is wanted here, not {}", member.value.describe()))
            }),
        };
        let signers: &[Member] = match node.get("signers") {
            None => &[],
            Some(member) => member.value.table().ok_or_else(|| {
                let message = format!("a table of signers is wanted here, not {}", member.value.describe());
                YamlError::new(member.value.span, message)
            })?,
        };
        let trust = TrustPolicy::of(signers, list("require", "a list of requirements")?)?;
        let names: Vec<&str> = trust.signers.keys().map(String::as_str).collect();
        let verdict_max_age = match &raw.verdict {
            Some(verdict) => Some(seconds(&verdict.max_age, at(node, &["verdict", "max-age"]))?),
            None => None,
        };
        let stage = raw.stage.map(|stage| read_stage(node, stage, &names)).transpose()?;
        let windows = list("freeze", "a list of windows")?;
        if windows.len() > MAX_WINDOWS {
            return Err(YamlError::new(at(node, &["freeze"]), format!("there are more than {MAX_WINDOWS} windows")));
        }
        let freeze = windows.iter().map(read_freeze).collect::<Result<_, _>>()?;
        let approvals = match raw.approvals {
            Some(RawApprovals { at_least, of }) => {
                known(node, &["approvals", "of"], &of, &names)?;
                if at_least == 0 || at_least > of.len() {
                    let span = at(node, &["approvals", "at-least"]);
                    return Err(YamlError::new(span, "as many signers as are needed must be named"));
                }
                Some(Approvals { needed: at_least, of })
            }
            None => None,
        };
        let attest_refusals = raw.attest_refusals.unwrap_or(false);
        Ok(Self { verifier: raw.verifier, verdict_max_age, trust, stage, freeze, approvals, attest_refusals, settings })
    }
}

/// Where a key of a key is, or the nearest place that is known.
fn at(node: &Node, path: &[&str]) -> Span {
    let mut place = node;
    for key in path {
        match place.get(key) {
            Some(member) => place = &member.value,
            None => break,
        }
    }
    place.span
}

fn seconds(text: &str, span: Span) -> Result<i64, YamlError> {
    age(text).ok_or_else(|| YamlError::new(span, "write a whole number and d, h, m or s, such as 24h"))
}

fn known(node: &Node, path: &[&str], given: &[String], names: &[&str]) -> Result<(), YamlError> {
    let span = at(node, path);
    if given.is_empty() {
        return Err(YamlError::new(span, "the list is empty").with_hint("name signers of `signers`"));
    }
    for (place, name) in given.iter().enumerate() {
        if !names.contains(&name.as_str()) {
            let problem = YamlError::new(span, format!("there is no signer `{}`", name.escape_debug()));
            return Err(problem.with_hint(suggest(name, names).unwrap_or_default()));
        }
        if given.iter().take(place).any(|other| other == name) {
            return Err(YamlError::new(span, format!("`{name}` is named twice")));
        }
    }
    Ok(())
}

fn read_stage(node: &Node, raw: RawStage, names: &[&str]) -> Result<Stage, YamlError> {
    known(node, &["stage", "by"], &raw.by, names)?;
    let soak = raw.soak.as_deref().map(|text| seconds(text, at(node, &["stage", "soak"]))).transpose()?;
    Ok(Stage { resource: raw.resource, by: raw.by, verifier: raw.verifier, soak })
}

const DAYS: &[(&str, Weekday)] = &[
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

fn read_freeze(node: &Node) -> Result<Freeze, YamlError> {
    let raw: RawFreeze = read(node)?;
    let zone = match raw.zone.as_deref() {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name).map_err(|_| {
            let problem = format!("there is no time zone `{}`", name.escape_debug());
            YamlError::new(at(node, &["zone"]), problem).with_hint("write a name such as Europe/Berlin or UTC")
        })?,
    };
    let (from_at, until_at) = (at(node, &["from"]), at(node, &["until"]));
    let time = |text: &str, span: Span| {
        Time::strptime("%H:%M", text)
            .map_err(|_| YamlError::new(span, "a time of the day is wanted here").with_hint("write it as 22:00"))
    };
    let span = if raw.from.contains('-') {
        if raw.days.is_some() {
            return Err(YamlError::new(at(node, &["days"]), "`days` belongs to windows that come back every week"));
        }
        let from = moment(&raw.from, false).ok_or_else(|| no_moment(from_at))?;
        let until = moment(&raw.until, true).ok_or_else(|| no_moment(until_at))?;
        if until <= from {
            return Err(YamlError::new(until_at, "the window ends before it starts"));
        }
        Window::Once(from, until)
    } else {
        let days = match &raw.days {
            None => DAYS.iter().map(|(_, day)| *day).collect(),
            Some(names) => names
                .iter()
                .map(|name| {
                    let found = DAYS.iter().find(|(known, _)| known == name).map(|(_, day)| *day);
                    found.ok_or_else(|| {
                        let problem = format!("`{}` is not a day", name.escape_debug());
                        let hint = "days are mon, tue, wed, thu, fri, sat, sun";
                        YamlError::new(at(node, &["days"]), problem).with_hint(hint)
                    })
                })
                .collect::<Result<Vec<_>, _>>()?,
        };
        if days.is_empty() {
            return Err(YamlError::new(at(node, &["days"]), "the list is empty"));
        }
        Window::Weekly(days, time(&raw.from, from_at)?, time(&raw.until, until_at)?)
    };
    Ok(Freeze { name: raw.name, zone, span })
}

/// A moment by the clocks of a zone; a date alone is its first moment, or with `end` the first one after it.
fn moment(text: &str, end: bool) -> Option<DateTime> {
    if !text.contains('T') {
        let date = text.parse::<Date>().ok()?;
        return Some(if end { date.tomorrow().ok()? } else { date }.to_datetime(Time::midnight()));
    }
    let has_offset = text.ends_with('Z') || text.split('T').nth(1).is_some_and(|time| time.contains(['+', '-', '[']));
    if has_offset { None } else { text.parse().ok() }
}

fn no_moment(span: Span) -> YamlError {
    let hint = "write 2026-12-24 or 2026-12-24T16:00, by the clocks of `zone`";
    YamlError::new(span, "a date or a moment is wanted here").with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::parse;

    const GOOD: &str = "verifier: https://gate.example
verdict: { max-age: 24h }
signers:
  ci: { key: ci.pub }
  alice: { key: alice.pub }
  bob: { key: bob.pub }
require:
  - { type: sign, any: [ci] }
stage: { resource: registry.example/staging/app, by: [ci], soak: 12h }
freeze:
  - { name: weekend, days: [fri], from: \"16:00\", until: \"08:00\", zone: Europe/Berlin }
  - { name: turn of the year, from: 2026-12-24, until: 2027-01-02, zone: America/New_York }
approvals: { at-least: 2, of: [alice, bob] }
attest-refusals: true
";

    fn gate(text: &str) -> Result<Gate, YamlError> {
        Gate::read(&parse(text)?, Vec::new())
    }

    fn at(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("a time").as_second()
    }

    #[test]
    fn the_section_is_read_with_everything_in_it() {
        let gate = gate(GOOD).expect("read");
        assert_eq!(gate.verdict_max_age, Some(86_400));
        assert_eq!(gate.stage.and_then(|stage| stage.soak), Some(43_200));
        assert_eq!(gate.approvals.map(|approvals| approvals.needed), Some(2));
        assert_eq!((gate.trust.requirements.len(), gate.freeze.len()), (1, 2));
        assert!(gate.attest_refusals);
        assert!(Gate::read(&parse("verdict: { max-age: 1d }").expect("YAML"), Vec::new()).is_ok());
    }

    #[test]
    fn a_window_across_midnight_goes_by_the_clocks_of_its_zone() {
        let weekly = &gate(GOOD).expect("read").freeze[0];
        // Friday in November: Berlin is an hour ahead of UTC. The window ends on Saturday at 08:00.
        for (time, inside) in [
            ("2026-11-27T14:59:59Z", false),
            ("2026-11-27T15:00:00Z", true),
            ("2026-11-27T23:30:00Z", true),
            ("2026-11-28T06:59:59Z", true),
            ("2026-11-28T07:00:00Z", false),
            ("2026-11-28T15:30:00Z", false),
            // In summer it is two hours.
            ("2026-07-03T13:59:59Z", false),
            ("2026-07-03T14:00:00Z", true),
            ("2026-07-04T05:59:59Z", true),
            ("2026-07-04T06:00:00Z", false),
        ] {
            assert_eq!(weekly.ends(at(time)).is_some(), inside, "{time}");
        }
        assert_eq!(weekly.ends(at("2026-11-27T15:00:00Z")), Some(at("2026-11-28T07:00:00Z")));
        // The night in which clocks go back has an hour more.
        let night = gate(&GOOD.replace("[fri]", "[sat]").replace("\"08:00\"", "\"03:30\"")).expect("read");
        assert_eq!(night.freeze[0].ends(at("2026-10-25T02:15:00Z")), Some(at("2026-10-25T02:30:00Z")));
    }

    #[test]
    fn a_period_holds_its_last_day_and_every_day_is_a_day() {
        let good = gate(GOOD).expect("read");
        let period = &good.freeze[1];
        for (time, inside) in [
            ("2026-12-24T04:59:59Z", false),
            ("2026-12-24T05:00:00Z", true),
            ("2027-01-03T04:59:59Z", true),
            ("2027-01-03T05:00:00Z", false),
        ] {
            assert_eq!(period.ends(at(time)).is_some(), inside, "{time}");
        }
        let daily = gate("freeze: [{ from: \"22:00\", until: \"06:00\" }]").expect("read");
        assert_eq!(daily.freeze[0].ends(at("2026-11-25T05:00:00Z")), Some(at("2026-11-25T06:00:00Z")));
        assert_eq!(daily.freeze[0].ends(at("2026-11-25T12:00:00Z")), None);
    }

    #[test]
    fn each_mistake_has_its_place() {
        for (from, to, line, words) in [
            ("max-age: 24h", "max-age: soon", 2, "whole number"),
            ("any: [ci]", "any: [cd]", 8, "no signer"),
            ("by: [ci]", "by: [cy]", 9, "no signer"),
            ("soak: 12h", "soak: 12", 9, ""),
            ("[fri]", "[friday]", 11, "not a day"),
            ("\"16:00\"", "4pm", 11, "time of the day"),
            ("Europe/Berlin", "Europe/Bonn", 11, "no time zone"),
            ("until: 2027-01-02", "until: 2026-01-02", 12, "ends before"),
            ("until: 2027-01-02", "until: 2027-01-02T00:00Z", 12, "a moment"),
            ("at-least: 2", "at-least: 3", 13, "must be named"),
            ("of: [alice, bob]", "of: [alice, alice]", 13, "twice"),
            ("approvals:", "aprovals:", 13, "unknown key"),
            ("refusals: true", "refusals: often", 14, "`true` or `false`"),
        ] {
            let text = GOOD.replacen(from, to, 1);
            assert_ne!(text, GOOD, "{from}");
            match gate(&text) {
                Err(error) => {
                    assert!(error.message.contains(words), "{to}: {}", error.message);
                    assert_eq!(error.span.line, line, "{to}: {}", error.message);
                }
                Ok(_) => assert!(words.is_empty(), "{to} is accepted"),
            }
        }
    }
}
