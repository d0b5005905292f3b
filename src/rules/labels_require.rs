//! `labels.require`: labels that the image must have, and what they must say.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use crate::model::{ImageFacts, Place};
use crate::yaml::YamlError;

use super::label_format::{Format, without_v};
use super::setting::Words;
use super::words::{code, count, pointer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

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
    ],
    build: |settings| {
        let labels: Labels = settings.read()?;
        for (name, demand) in &labels.labels {
            let Some(Demand { format: Some(format), equals: Some(equals) }) = demand else { continue };
            if equals.0 != "tag" && !format.holds(&equals.0) {
                let problem = format!("label `{name}` can never be `{}` and {} at once", equals.0, format.wanted());
                return Err(YamlError::new(settings.span("labels"), problem));
            }
        }
        Ok(Box::new(labels))
    },
    schema: |generator| generator.subschema_for::<Labels>(),
};

/// The labels that are wanted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Labels {
    /// Key of a label, and what its value must be; nothing when any value will do.
    #[serde(deserialize_with = "some_labels")]
    #[schemars(extend("minProperties" = 1))]
    labels: BTreeMap<String, Option<Demand>>,
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

impl Labels {
    fn judge(image: &ImageFacts, name: &str, demand: Option<&Demand>) -> Answer {
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

impl Check for Labels {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let mut faults = Vec::new();
        let mut undecided = None;
        for (name, demand) in &self.labels {
            match Self::judge(image, name, demand.as_ref()) {
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
    use super::super::table::tests::{complaint, decide};
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
        assert!(complaint("labels.require", "{labels: {v: {max-age: 7d}}}").starts_with("1:15: unknown key `max-age`"));
    }
}
