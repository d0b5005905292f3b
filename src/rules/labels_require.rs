//! `labels.require`: labels that the image must have, and what they must say.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use crate::model::{ImageFacts, Place};
use crate::yaml::YamlError;

use super::label_format::{Format, without_v};
use super::setting::{Period, Wildcard, Words, day_of};
use super::words::{code, count, pointer};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "labels.require",
    code: "IG0801",
    level: Level::Deny,
    summary: "a required label is missing or says something else",
    why: "Labels travel with the image: months later they are the only way to get from a running container back to its \
          version, its commit and its owner. A label that is empty, malformed or left over from the last release leads to \
          the wrong place.",
    fix: "Set the labels in the build, from what the build knows:\n\n```dockerfile\nARG VERSION\nARG GIT_SHA\nLABEL \
          org.opencontainers.image.version=\"$VERSION\" \\\n      org.opencontainers.image.revision=\"$GIT_SHA\" \\\n      \
          org.opencontainers.image.source=\"https://git.example/acme/app\"\n```\n\nAn annotation of the manifest is not a \
          label: `docker build --label` sets labels, `--annotation` does not.",
    flags: &[
        ("{labels: {owner: ~}}", ""),
        ("{labels: {owner: {format: non-empty}}}", "label owner= "),
        (
            "{labels: {org.opencontainers.image.version: {format: semver, equals: tag}}}",
            "tag 1.4.3\nlabel org.opencontainers.image.version=1.4.2",
        ),
        (
            "{labels: {org.opencontainers.image.version: {format: semver}}}",
            "label org.opencontainers.image.version=1.4",
        ),
        ("{labels: {team: {equals: data}}}", "label team=web"),
        ("{labels: {owner: ~}}", "annotation owner=me"),
        ("{labels: {owner: ~}, others: forbid}", "label owner=me\nlabel debug=1"),
        ("{labels: {at: {max-age: 7d}}}", "label at=yesterday"),
    ],
    passes: &[
        ("{labels: {owner: ~}}", "label owner="),
        (
            "{labels: {org.opencontainers.image.version: {format: semver, equals: tag}}}",
            "tag v1.4.2\nlabel org.opencontainers.image.version=1.4.2",
        ),
        ("{labels: {team: {equals: data}}}", "label team=data"),
        (
            "{labels: {rev: {format: git-sha}, url: {format: url}, at: {format: rfc3339}, by: {format: email}, lic: {format: spdx}}}",
            "label rev=0123456789abcdef0123456789abcdef01234567\nlabel url=https://git.example/a\nlabel at=2027-01-15T09:30:00Z\n\
             label by=team@acme.example\nlabel lic=MIT OR Apache-2.0",
        ),
        (
            "{labels: {owner: ~}, others: forbid, except: ['org.*']}",
            "label owner=me\nlabel org.opencontainers.image.version=1",
        ),
        ("{labels: {at: {format: rfc3339, max-age: 7d}}}", "label at=2027-01-15T09:30:00Z"),
    ],
    build: |settings| {
        let labels: Wanted = settings.read()?;
        for (name, demand) in &labels.labels {
            let Some(Demand { format: Some(format), equals: Some(equals), .. }) = demand else { continue };
            if equals.0 != "tag" && !format.holds(&equals.0) {
                let problem = format!("label `{name}` can never be `{}` and {} at once", equals.0, format.wanted());
                return Err(YamlError::new(settings.span("labels"), problem));
            }
        }
        let aged =
            |demand: &Demand| demand.max_age.is_some() && demand.format.is_some_and(|form| form != Format::Rfc3339);
        if let Some((name, _)) = labels.labels.iter().find(|(_, demand)| demand.as_ref().is_some_and(aged)) {
            let problem = format!("the label `{name}` can only have an age when it is a time: write `format: rfc3339`");
            return Err(YamlError::new(settings.span("labels"), problem));
        }
        if labels.others == Others::Allow && !labels.except.is_empty() {
            let problem = "`except` says which other labels are accepted, but all are: write `others: forbid`";
            return Err(YamlError::new(settings.span("except"), problem));
        }
        Ok(Box::new(labels))
    },
    schema: |generator| generator.subschema_for::<Wanted>(),
};

/// The labels that are wanted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Wanted {
    /// Key of a label, and what its value must be; nothing when any value will do.
    #[serde(deserialize_with = "some_labels")]
    #[schemars(extend("minProperties" = 1))]
    #[schemars(extend("x-tighter" = "more"))]
    labels: BTreeMap<String, Option<Demand>>,
    /// Whether there may be other labels; `allow` when not given. Those of the base image count too.
    #[serde(default)]
    others: Others,
    /// Keys of other labels that are accepted all the same.
    #[serde(default)]
    except: Vec<Wildcard>,
}

/// What other labels mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Others {
    /// They are accepted.
    #[default]
    Allow,
    /// They are not.
    Forbid,
}

/// What a label must say.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Demand {
    /// The form of the value.
    #[serde(default)]
    format: Option<Format>,
    /// `tag` for the tag of the image (a `v` before either version is ignored), else exactly this text.
    #[serde(default)]
    equals: Option<Words>,
    /// The value is a time by RFC 3339 that is no longer ago than this.
    #[serde(default)]
    max_age: Option<Period>,
}

fn some_labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Option<Demand>>, D::Error> {
    let labels = BTreeMap::<String, Option<Demand>>::deserialize(deserializer)?;
    if labels.is_empty() {
        return Err(de::Error::custom("an empty table requires nothing: name a label"));
    }
    Ok(labels)
}

/// What one label amounts to.
enum Answer {
    Good,
    Bad(String),
    Undecided(String),
}

impl Wanted {
    fn judge(image: &ImageFacts, name: &str, demand: Option<&Demand>, now: Option<i64>) -> Answer {
        let Some(value) = image.config.labels.get(name) else {
            let annotation = image.annotations.contains_key(name)
                || image.index.as_ref().is_some_and(|index| index.annotations.contains_key(name));
            let hint = if annotation { "; it is an annotation of the manifest, which is not a label" } else { "" };
            return Answer::Bad(format!("the label {} is missing{hint}", code(name)));
        };
        let shown = if is_secret(image, name) { "a value that looks like a secret".to_owned() } else { code(value) };
        let Some(demand) = demand else { return Answer::Good };
        if let Some(format) = demand.format.filter(|format| !format.holds(value)) {
            return Answer::Bad(format!("the label {} is {shown}, wanted is {}", code(name), format.wanted()));
        }
        if let Some(most) = demand.max_age {
            match age(value, most, now) {
                Ok(()) => {}
                Err(why) => return Answer::Bad(format!("the label {} is {shown}, {why}", code(name))),
            }
        }
        match (&demand.equals, &image.subject.tag) {
            (Some(Words(wanted)), None) if wanted == "tag" => Answer::Undecided(format!(
                "the image is named without a tag, which the label {} must equal",
                code(name)
            )),
            (Some(Words(wanted)), Some(tag)) if wanted == "tag" => {
                if without_v(tag) == without_v(value) {
                    Answer::Good
                } else {
                    Answer::Bad(format!("the label {} is {shown}, but the tag is {}", code(name), code(tag)))
                }
            }
            (Some(Words(wanted)), _) if wanted != value => {
                Answer::Bad(format!("the label {} is {shown}, the policy wants {}", code(name), code(wanted)))
            }
            _ => Answer::Good,
        }
    }
}

/// Whether a time is no longer ago than accepted; without a clock nothing is too old.
fn age(value: &str, most: Period, now: Option<i64>) -> Result<(), String> {
    let Ok(time) = value.parse::<jiff::Timestamp>() else {
        return Err(format!("wanted is {}", Format::Rfc3339.wanted()));
    };
    let time = time.as_second();
    match now {
        Some(now) if now.saturating_sub(time) > most.as_seconds() => {
            Err(format!("which is more than {} ago on {}", code(most.to_string()), code(day_of(now))))
        }
        _ => Ok(()),
    }
}

fn is_secret(image: &ImageFacts, label: &str) -> bool {
    let here = |place: &Place| matches!(place, Place::Label { name } if name == label);
    image.secrets.iter().any(|secret| secret.places.iter().any(here))
}

fn fix(image: &ImageFacts, name: &str, demand: Option<&Demand>) -> String {
    let equals = demand.and_then(|demand| demand.equals.as_ref()).map(|equals| equals.0.as_str());
    let value = match (equals, &image.subject.tag) {
        (Some("tag"), Some(tag)) => format!("\"{}\"", without_v(tag)),
        (Some("tag"), None) => Format::Semver.sample().to_owned(),
        (Some(text), _) => format!("\"{text}\""),
        (None, _) => demand.and_then(|demand| demand.format).unwrap_or(Format::NonEmpty).sample().to_owned(),
    };
    format!("add {} to the last stage of the Dockerfile", code(format!("LABEL {name}={value}")))
}

impl Wanted {
    /// Labels that nobody asked for.
    fn surplus(&self, image: &ImageFacts) -> Vec<Fault> {
        if self.others == Others::Allow {
            return Vec::new();
        }
        let accepted =
            |key: &String| self.labels.contains_key(key) || self.except.iter().any(|pattern| pattern.matches(key));
        let surplus = image.config.labels.keys().filter(|key| !accepted(key));
        surplus
            .map(|key| Fault {
                subject: key.clone(),
                message: format!("the label {} is not one that the policy names", code(key)),
                seat: Seat::Config(format!("/config/Labels/{}", pointer(key))),
                fix: Some(format!(
                    "remove {} from the Dockerfile, or name it in the policy",
                    code(format!("LABEL {key}"))
                )),
            })
            .collect()
    }
}

impl Check for Wanted {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let mut faults = self.surplus(image);
        let mut undecided = None;
        for (name, demand) in &self.labels {
            match Self::judge(image, name, demand.as_ref(), circumstances.now) {
                Answer::Good => {}
                Answer::Undecided(why) => undecided = undecided.or(Some(why)),
                Answer::Bad(message) => faults.push(Fault {
                    subject: name.clone(),
                    message,
                    seat: Seat::Config(if image.config.labels.contains_key(name) {
                        format!("/config/Labels/{}", pointer(name))
                    } else {
                        "/config/Labels".to_owned()
                    }),
                    fix: Some(fix(image, name, demand.as_ref())),
                }),
            }
        }
        match undecided {
            _ if !faults.is_empty() => Outcome::Fail(faults),
            Some(why) => Outcome::Unknown(why),
            None => Outcome::Pass(count(self.labels.len(), "label")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide, decide_in};
    use super::*;

    #[test]
    fn a_label_that_must_equal_the_tag_is_undecided_without_a_tag() {
        let outcome = decide("labels.require", "{labels: {v: {equals: tag}}}", "label v=1.4.2");
        assert!(matches!(outcome, Outcome::Unknown(why) if why.contains("without a tag")));
        let both = decide("labels.require", "{labels: {v: {equals: tag}, owner: ~}}", "label v=1.4.2");
        assert!(both.is_fail(), "a violation beats what is undecided");
    }

    #[test]
    fn a_value_that_is_a_secret_is_not_shown() {
        let image = "label owner=s3cr3t\nsecret structured token in label owner";
        let Outcome::Fail(faults) = decide("labels.require", "{labels: {owner: {format: email}}}", image) else {
            panic!("no address")
        };
        assert!(!faults[0].message.contains("s3cr3t"), "{}", faults[0].message);
    }

    #[test]
    fn what_can_never_hold_is_refused() {
        assert!(complaint("labels.require", "{labels: {}}").starts_with("1:10: an empty table"));
        assert!(complaint("labels.require", "{labels: {v: {format: semver, equals: x}}}").contains("can never be `x`"));
        assert!(
            complaint("labels.require", "{labels: {v: {format: sember}}}").starts_with("1:23: unknown value `sember`")
        );
        assert!(complaint("labels.require", "{labels: {v: {equals: 1.4}}}").starts_with("1:23: "));
        assert!(complaint("labels.require", "{labels: {v: {age: 7d}}}").starts_with("1:15: unknown key `age`"));
        assert!(complaint("labels.require", "{labels: {v: {max-age: 7}}}").starts_with("1:24: a length of time"));
        assert!(
            complaint("labels.require", "{labels: {v: {format: url, max-age: 7d}}}").contains("can only have an age")
        );
        assert!(complaint("labels.require", "{labels: {v: ~}, except: [a]}").contains("write `others: forbid`"));
    }

    #[test]
    fn a_time_grows_old_by_the_clock_of_the_run() {
        let answer = |now| {
            let circumstances = Circumstances { now, ..Circumstances::default() };
            let settings = "{labels: {at: {format: rfc3339, max-age: 7d}}}";
            decide_in("labels.require", settings, "label at=2027-01-15T09:30:00Z", &circumstances)
        };
        let built = 1_800_005_400;
        assert!(!answer(Some(built + 7 * 86_400)).is_fail());
        assert!(!answer(None).is_fail(), "without a clock nothing is too old");
        let Outcome::Fail(faults) = answer(Some(built + 7 * 86_400 + 1)) else { panic!("too old") };
        assert!(faults[0].message.ends_with("which is more than `7d` ago on `2027-01-22`"), "{}", faults[0].message);
    }
}
