//! `runtime.eol`: operating systems and language runtimes that get no more security updates.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::model::{ImageFacts, PackageFact, PackageKind};

use super::package_facts::{outcome, packages, seat, told};
use super::setting::Period;
use super::words::{code, count};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "runtime.eol",
    code: "IG1401",
    level: Level::Warn,
    summary: "the operating system or a language runtime gets no more security updates",
    why: "After the end of its life nobody mends what is found in it: the image is open to every flaw that becomes known from \
          then on, and a scanner that compares with the vendor's list of fixes stays silent.",
    fix: "Build on a release that is maintained: `FROM debian:13-slim`, `FROM python:3.13-slim`. The dates are those of \
          `policies/tables/runtime-eol.yaml`; a runtime that the distribution packages counts with its distribution.",
    flags: &[
        (
            "",
            "0644 0:0 etc/os-release \"ID=debian\\nVERSION_ID=\\\"10\\\"\\n\"\npackage pkg:deb/a@1 in var/lib/dpkg/status",
        ),
        ("", "package pkg:generic/node@16.20.2 in usr/local/bin/node"),
        ("", "package pkg:golang/stdlib@1.20.1 in usr/bin/x"),
        ("{extended: ignore}", "0644 0:0 etc/os-release \"ID=debian\\nVERSION_ID=12\\n\""),
    ],
    passes: &[
        ("", "0644 0:0 etc/os-release \"ID=debian\\nVERSION_ID=12\\n\""),
        ("", "package pkg:generic/python@3.13.1 in usr/local/bin/python3.13"),
        ("{runtimes: false}", "package pkg:generic/node@16.20.2 in usr/local/bin/node"),
        ("{except: [node]}", "package pkg:generic/node@16.20.2 in usr/local/bin/node"),
    ],
    build: |settings| Ok(Box::new(settings.read::<EndOfLife>()?)),
    schema: |generator| generator.subschema_for::<EndOfLife>(),
};

type Cycles = BTreeMap<String, BTreeMap<String, Day>>;

/// The table of dates.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    as_of: Day,
    systems: Cycles,
    extended: Cycles,
    runtimes: Cycles,
}

/// A day, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Day(Date);

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

static TABLE: LazyLock<Option<Table>> = LazyLock::new(|| {
    let node = crate::yaml::parse(include_str!("../../policies/tables/runtime-eol.yaml")).ok()?;
    crate::yaml::read(&node).ok()
});

/// Whether long-term support by a community counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Extended {
    /// It counts.
    #[default]
    Accept,
    /// It does not.
    Ignore,
}

/// What counts.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct EndOfLife {
    /// Complain this many days before the end; 0 when not given.
    within_days: u16,
    /// Tell beside the answer what ends within this time from now on; nothing when not given.
    warn_before: Option<Period>,
    /// Whether long-term support by a community counts (Debian LTS); `accept` when not given.
    extended: Extended,
    /// Whether language runtimes count beside the operating system.
    runtimes: bool,
    /// Systems and runtimes that may be past their end, such as `debian` or `node`.
    except: Vec<String>,
}

impl Default for EndOfLife {
    fn default() -> Self {
        Self { within_days: 0, warn_before: None, extended: Extended::Accept, runtimes: true, except: Vec::new() }
    }
}

/// The runtime that a package is, as the table calls it.
fn runtime(fact: &PackageFact) -> Option<&'static str> {
    let name = fact.package.name.as_str();
    match (fact.package.kind, name) {
        (PackageKind::Generic, "node" | "python" | "php" | "ruby" | "java") => {
            ["node", "python", "php", "ruby", "java"].into_iter().find(|known| *known == name)
        }
        (PackageKind::Generic, "openjdk" | "jdk" | "jre") => Some("java"),
        (PackageKind::Generic | PackageKind::Golang, "go" | "stdlib") => Some("go"),
        (PackageKind::Nuget | PackageKind::Generic, _)
            if name == "dotnet" || name.starts_with("Microsoft.NETCore.App") =>
        {
            Some("dotnet")
        }
        _ => None,
    }
}

/// The day of the longest known cycle that the version belongs to: `3.11.4` is of `3.11`, `17.0.9` of `17`.
fn end_of(cycles: Option<&BTreeMap<String, Day>>, version: &str) -> Option<(String, Day)> {
    let version = version.trim_start_matches(['v', 'V']);
    let cycles = cycles?;
    // Java up to 8 called itself 1.8.
    let version = if version.starts_with("1.8.") && cycles.contains_key("8") { "8" } else { version };
    let belongs = |cycle: &str| {
        version.strip_prefix(cycle).is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    cycles
        .iter()
        .filter(|(cycle, _)| belongs(cycle))
        .max_by_key(|(cycle, _)| cycle.len())
        .map(|(cycle, day)| (cycle.clone(), *day))
}

impl EndOfLife {
    fn is_over(&self, day: Day, today: Date) -> bool {
        let mark = today.saturating_add(jiff::Span::new().days(i64::from(self.within_days)));
        mark > day.0
    }

    fn system(&self, image: &ImageFacts, table: &Table, today: Date) -> Option<Fault> {
        let id = image.os_release.get("ID")?;
        let version = image.os_release.get("VERSION_ID")?;
        if self.except.contains(id) {
            return None;
        }
        let (cycle, mut day) = end_of(table.systems.get(id), version)?;
        if self.extended == Extended::Accept
            && let Some(later) = table.extended.get(id).and_then(|cycles| cycles.get(&cycle))
        {
            day = day.max(*later);
        }
        self.is_over(day, today).then(|| Fault {
            subject: format!("{id} {cycle}"),
            message: format!("{} gets no security updates after {}", code(format!("{id} {version}")), day.0),
            seat: ["etc/os-release", "usr/lib/os-release"].into_iter().find_map(|path| image.file(path)).map_or(
                Seat::Image,
                |file| Seat::File { path: file.entry.path.to_string(), layer: file.changed, line: None },
            ),
            fix: None,
        })
    }

    fn runtime(&self, fact: &PackageFact, table: &Table, today: Date) -> Option<Fault> {
        let name = runtime(fact).filter(|name| !self.except.iter().any(|one| one == name))?;
        let (cycle, day) = end_of(table.runtimes.get(name), &fact.package.version)?;
        let place =
            fact.places.first().map_or_else(String::new, |place| format!(" in {}", code(format!("/{}", place.path))));
        self.is_over(day, today).then(|| Fault {
            subject: format!("{name} {cycle}"),
            message: format!("{}{place} gets no security updates after {}", told(fact), day.0),
            seat: seat(fact),
            fix: None,
        })
    }
}

impl Check for EndOfLife {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let Some(table) = TABLE.as_ref() else {
            return Outcome::Unknown("the table of dates cannot be read".to_owned());
        };
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) if self.runtimes => return outcome,
            Err(_) => &crate::model::Packages::default(),
        };
        // Without a clock the day of the table counts: what had ended by then has ended.
        let now = circumstances.now.and_then(|now| jiff::Timestamp::from_second(now).ok());
        let today = now.map_or(table.as_of.0, |now| now.to_zoned(TimeZone::UTC).date());
        let ended = |day: Date| {
            let mut faults: Vec<Fault> = self.system(image, table, day).into_iter().collect();
            if self.runtimes {
                // What the distribution packages counts with the distribution.
                let own = packages.installed().filter(|fact| fact.part_of.is_none());
                faults.extend(own.filter_map(|fact| self.runtime(fact, table, day)));
            }
            faults
        };
        let faults = ended(today);
        let mut measured = format!("{} looked at, on {today}", count(packages.installed().count(), "package"));
        if let Some(before) = self.warn_before {
            let mark = today.saturating_add(jiff::Span::new().days(before.as_seconds() / 86_400));
            let mut soon: Vec<String> = ended(mark).into_iter().map(|fault| fault.subject).collect();
            soon.retain(|subject| !faults.iter().any(|fault| fault.subject == *subject));
            soon.sort_unstable();
            soon.dedup();
            if !soon.is_empty() {
                measured = format!("{measured}; ends within {before}: {}", soon.join(", "));
            }
        }
        outcome(image, faults, measured)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::image::image;

    #[test]
    fn the_table_can_be_read() {
        let table = TABLE.as_ref().expect("readable");
        assert!(table.systems.len() >= 8 && table.runtimes.len() >= 7);
        assert!(table.extended.keys().all(|system| table.systems.contains_key(system)));
    }

    #[test]
    fn versions_belong_to_their_cycle() {
        let table = TABLE.as_ref().expect("readable");
        let of = |name: &str, version: &str| end_of(table.runtimes.get(name), version).map(|(cycle, _)| cycle);
        assert_eq!(of("python", "3.11.4").as_deref(), Some("3.11"));
        assert_eq!(of("python", "3.1.4"), None);
        assert_eq!(of("java", "17.0.9+9").as_deref(), Some("17"));
        assert_eq!(of("java", "1.8.0_392").as_deref(), Some("8"));
        assert_eq!(of("node", "v18.1.0").as_deref(), Some("18"));
        assert_eq!(of("python", ""), None);
    }

    #[test]
    fn what_ends_soon_is_told_beside_the_answer() {
        let rule = EndOfLife { warn_before: Some(Period::seconds(90 * 86_400)), ..EndOfLife::default() };
        let image = image("package pkg:generic/node@22.1.0 in usr/local/bin/node");
        // 2027-03-01; Node.js 22 ends on 2027-04-30.
        let outcome = rule.decide_in(&image, &Circumstances { now: Some(1_803_859_200), ..Circumstances::default() });
        let Outcome::Pass(text) = outcome else { panic!("{outcome:?}") };
        assert!(text.ends_with("; ends within 90d: node 22"), "{text}");
    }

    #[test]
    fn the_day_of_the_run_counts() {
        let rule = EndOfLife { runtimes: true, ..EndOfLife::default() };
        let image = image("package pkg:generic/python@3.14.0 in usr/local/bin/python3.14");
        let on =
            |now: i64| rule.decide_in(&image, &Circumstances { now: Some(now), ..Circumstances::default() }).is_fail();
        assert!(!on(1_700_000_000));
        assert!(on(2_000_000_000), "2033");
    }
}
