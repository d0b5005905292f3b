//! `secrets.content`: no secret lies anywhere in the image.

use serde::Deserialize;

use crate::model::{GapKind, Grade, ImageFacts, Place, SecretFact};

use super::setting::{Fingerprint, NonEmpty, Words};
use super::words::{self, code, count, pointer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "secrets.content",
    code: "IG0501",
    level: Level::Deny,
    summary: "the image contains a secret",
    why: "Whoever can pull the image can read every layer of it, also files that a later step deleted or overwrote, and the \
          environment, labels and history in its config. A key in there has been published.",
    fix: "Revoke the secret first: it must count as known. Then keep it out of the build: give it to one `RUN` as a mount, and to \
          the container when it starts.\n\n```dockerfile\nRUN --mount=type=secret,id=token \
          TOKEN=$(cat /run/secrets/token) ./fetch.sh\n```\n\nDeleting it in a later step does not help. A value that is no secret \
          (a test key, an example) goes to `allow` with its fingerprint and a reason.",
    flags: &[
        ("", "0644 0:0 etc/app.conf\nsecret structured github-token in etc/app.conf layer 0 line 3"),
        ("", "0644 0:0 k\nlayer RUN rm k\n0644 0:0 .wh.k\nsecret proven private-key in k layer 0 hidden 1"),
        ("", "secret structured aws-key in env AWS_SECRET_ACCESS_KEY"),
        ("{min-confidence: weak}", "secret weak password in label note"),
        ("{min-confidence: medium}", "step RUN x\nsecret contextual password in history 0"),
        ("{in: [config]}", "secret proven token in config /config/Cmd/2"),
        ("", "secret proven token in env T\nlayer a\ngap layer 0 was not there"),
    ],
    passes: &[
        ("", "0644 0:0 etc/app.conf"),
        ("", "secret contextual password in env DATABASE_PASSWORD"),
        ("{min-confidence: high}", "secret contextual password in env DATABASE_PASSWORD"),
        ("{in: [env]}", "0644 0:0 k\nsecret proven private-key in k layer 0"),
        ("{in: [layers]}", "0644 0:0 k\nlayer b\n0644 0:0 .wh.k\nsecret proven private-key in k layer 0 hidden 1"),
        ("{in: [env, labels]}", "layer a\ngap layer 0 was not there"),
        (
            "{allow: [{fingerprint: 23a408ae5073a9373c3b0d4bb376f0eb, reason: a published test key}]}",
            "0644 0:0 k\nsecret proven private-key in k layer 0 value test",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Content>()?)),
    schema: |generator| generator.subschema_for::<Content>(),
};

/// Where secrets are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Where {
    /// Files of the final file system.
    Layers,
    /// Files that a later layer deleted or overwrote.
    DeletedFiles,
    /// Environment variables.
    Env,
    /// History entries, with the values of build arguments.
    History,
    /// Labels and annotations.
    Labels,
    /// Every other field of the config, such as the command.
    Config,
}

/// How sure it must be that a value is a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Confidence {
    /// Anything that looks like one, placeholders too.
    Weak,
    /// Its name or place makes it one.
    #[serde(alias = "medium")]
    Contextual,
    /// Its form is that of a known kind.
    #[default]
    #[serde(alias = "high")]
    Structured,
    /// The value verifies itself: a checksum agrees, or a key parses.
    Proven,
}

impl Confidence {
    fn grade(self) -> Grade {
        match self {
            Self::Weak => Grade::Weak,
            Self::Contextual => Grade::Contextual,
            Self::Structured => Grade::Structured,
            Self::Proven => Grade::Proven,
        }
    }
}

/// A value that is accepted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Allowed {
    /// Its fingerprint, as the report prints it.
    fingerprint: Fingerprint,
    /// Why it is no secret.
    #[expect(dead_code, reason = "read by people; it is mandatory")]
    reason: Words,
}

/// Where to look, and what counts.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Content {
    /// Where to look; everywhere when not given.
    r#in: Option<NonEmpty<Where>>,
    /// How sure it must be; `structured` when not given. `high` is `structured`, `medium` is `contextual`.
    min_confidence: Confidence,
    /// Values that are no secrets.
    allow: Vec<Allowed>,
}

impl Content {
    fn looks_in(&self, one: Where) -> bool {
        self.r#in.as_ref().is_none_or(|places| places.contains(&one))
    }

    fn counts(&self, place: &Place) -> bool {
        self.looks_in(match place {
            Place::File { hidden_by: None, .. } => Where::Layers,
            Place::File { hidden_by: Some(_), .. } => Where::DeletedFiles,
            Place::Env { .. } => Where::Env,
            Place::Label { .. } => Where::Labels,
            Place::History { .. } => Where::History,
            Place::Config { .. } => Where::Config,
        })
    }

    /// What was not searched although it should have been.
    fn gap(&self, image: &ImageFacts) -> Option<String> {
        let files = self.looks_in(Where::Layers) || self.looks_in(Where::DeletedFiles);
        let gap = image.gaps.iter().find(|gap| gap.kind.hides_files() || gap.kind == GapKind::SecretScan);
        gap.filter(|_| files).map(|gap| gap.detail.clone())
    }

    fn fault(&self, image: &ImageFacts, secret: &SecretFact) -> Option<Fault> {
        let mut places: Vec<&Place> = secret.places.iter().filter(|place| self.counts(place)).collect();
        // A file in sight first: it is the easiest to look up.
        places.sort_by_key(|place| matches!(place, Place::File { hidden_by: Some(_), .. }));
        let (first, others) = places.split_first()?;
        let more = match others.len() {
            0 => String::new(),
            number => format!(", and at {}", count(number, "more place")),
        };
        let subject = subject(first);
        Some(Fault {
            subject: format!("{subject} ({})", secret.fingerprint),
            message: format!(
                "{} {} {}{more}; fingerprint {}",
                secret.what,
                code(&secret.redacted),
                told(image, first),
                code(&secret.fingerprint)
            ),
            seat: seat(image, first),
            fix: Some(fix(image, first)),
        })
    }
}

fn subject(place: &Place) -> String {
    match place {
        Place::File { path, .. } => path.clone(),
        Place::Env { name } | Place::Label { name } => name.clone(),
        Place::History { .. } => "history".to_owned(),
        Place::Config { pointer } => pointer.clone(),
    }
}

fn told(image: &ImageFacts, place: &Place) -> String {
    match place {
        Place::File { layer, path, line, hidden_by, .. } => {
            let line = line.map_or_else(String::new, |line| format!(", line {line}"));
            let file = code(format!("/{path}"));
            match hidden_by {
                None => format!("in {file}{line}"),
                Some(by) => format!(
                    "in {file}{line} of layer {layer}; {} hides the file, but it is still shipped",
                    words::layer(image, *by)
                ),
            }
        }
        Place::Env { name } => format!("in the environment variable {}", code(name)),
        Place::Label { name } if image.config.labels.contains_key(name) => format!("in the label {}", code(name)),
        Place::Label { name } => format!("in the annotation {}", code(name)),
        Place::History { index } => format!("in history entry {index}"),
        Place::Config { pointer } => format!("in {} of the config", code(pointer)),
    }
}

fn seat(image: &ImageFacts, place: &Place) -> Seat {
    match place {
        Place::File { layer, path, line, .. } => Seat::File { path: path.clone(), layer: *layer, line: *line },
        Place::Env { name } => match image.config.env.iter().rposition(|(key, _)| key == name) {
            Some(index) => Seat::Config(format!("/config/Env/{index}")),
            None => Seat::Config("/config/Env".to_owned()),
        },
        Place::Label { name } if image.config.labels.contains_key(name) => {
            Seat::Config(format!("/config/Labels/{}", pointer(name)))
        }
        Place::Label { .. } => Seat::Manifest,
        Place::History { index } => Seat::History(*index),
        Place::Config { pointer } => Seat::Config(pointer.clone()),
    }
}

fn fix(image: &ImageFacts, place: &Place) -> String {
    match place {
        Place::File { layer, .. } => format!(
            "revoke it; then keep the file out of {}: `.dockerignore` for what is copied, `RUN --mount=type=secret` for what \
             the build needs",
            words::layer(image, *layer)
        ),
        Place::Env { name } => {
            let set = code(format!("ENV {name}"));
            format!("revoke it; then remove {set} and set the variable where the container is started")
        }
        Place::Label { .. } => "revoke it; then remove it from the label or annotation".to_owned(),
        Place::History { .. } => {
            "revoke it; then give it to the build with `RUN --mount=type=secret` instead of `ARG` or the command line"
                .to_owned()
        }
        Place::Config { .. } => {
            "revoke it; then take it out of the instruction and read it from a mounted file or the environment"
                .to_owned()
        }
    }
}

impl Check for Content {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let allowed = |secret: &SecretFact| self.allow.iter().any(|one| one.fingerprint.0 == secret.fingerprint);
        let counted = || image.secrets.iter().filter(|secret| secret.grade >= self.min_confidence.grade());
        let faults: Vec<Fault> =
            counted().filter(|secret| !allowed(secret)).filter_map(|secret| self.fault(image, secret)).collect();
        if !faults.is_empty() {
            return Outcome::Fail(faults);
        }
        if let Some(why) = self.gap(image) {
            return Outcome::Unknown(why);
        }
        let searched = format!("{} searched", count(image.layers.len(), "layer"));
        Outcome::Pass(match counted().filter(|secret| allowed(secret)).count() {
            0 => searched,
            number => format!("{searched}, {} allowed by fingerprint", count(number, "value")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn what_was_not_searched_is_undecided() {
        for gap in ["gap layer 0 was not there", "gap secret-scan a file of 9 GB was not searched"] {
            let outcome = decide("secrets.content", "", &format!("layer a\n{gap}"));
            assert!(matches!(&outcome, Outcome::Unknown(why) if why.contains("was not")), "{outcome:?}");
        }
    }

    #[test]
    fn one_value_is_one_fault_at_its_most_visible_place() {
        let image = "0644 0:0 a\n0644 0:0 z\nlayer RUN rm a\n0644 0:0 .wh.a\nsecret proven token in a layer 0 hidden 1 value t\n\
                     secret proven token in z layer 0 line 7 value t";
        let Outcome::Fail(faults) = decide("secrets.content", "", image) else { panic!("found") };
        let [fault] = &faults[..] else { panic!("{faults:?}") };
        assert_eq!(fault.seat, Seat::File { path: "z".to_owned(), layer: 0, line: Some(7) });
        assert!(
            fault.message.starts_with("token `abcd…wxyz (40)` in `/z`, line 7, and at 1 more place; fingerprint `")
        );
        let Outcome::Fail(faults) = decide("secrets.content", "{in: [deleted-files]}", image) else { panic!("found") };
        assert!(faults[0].message.contains("layer 1 (`RUN rm a`) hides the file, but it is still shipped"));
    }

    #[test]
    fn exceptions_need_a_whole_fingerprint_and_a_reason() {
        let print = "0123456789abcdef0123456789abcdef";
        let without = complaint("secrets.content", &format!("{{allow: [{{fingerprint: {print}}}]}}"));
        assert!(without.contains("`reason` is missing"), "{without}");
        let empty = complaint("secrets.content", &format!("{{allow: [{{fingerprint: {print}, reason: ' '}}]}}"));
        assert!(empty.contains("must not be empty"), "{empty}");
        assert!(
            complaint("secrets.content", "{allow: [{fingerprint: abc, reason: x}]}").contains("is not a fingerprint")
        );
        assert!(complaint("secrets.content", "{in: []}").starts_with("1:6: an empty list"));
        assert!(complaint("secrets.content", "{in: [bundles]}").starts_with("1:7: unknown value `bundles`"));
        assert!(complaint("secrets.content", "{min-confidence: sure}").starts_with("1:18: unknown value `sure`"));
    }
}
