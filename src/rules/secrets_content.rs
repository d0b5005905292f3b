//! `secrets.content`: no secret lies anywhere in the image.

use serde::Deserialize;

use crate::model::{BaseGrade, Class, DocumentKind, GapKind, Grade, ImageFacts, Place, SecretFact};

use super::setting::{Day, Fingerprint, NonEmpty, Words};
use super::words::count;
use super::{Check, Circumstances, Fault, Level, Outcome, Rule, secret_places};

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
        (
            "{in: [bundles]}",
            "0644 0:0 app/.next/static/chunks/a.js\nsecret structured token in app/.next/static/chunks/a.js layer 0",
        ),
        ("{in: [config]}", "secret proven token in config /config/Cmd/2"),
        ("", "secret proven token in env T\nlayer a\ngap layer 0 was not there"),
        ("{scope: own}", "0644 0:0 k\nsecret proven private-key in k layer 0"),
    ],
    passes: &[
        ("", "0644 0:0 etc/app.conf"),
        ("", "secret contextual password in env DATABASE_PASSWORD"),
        ("{min-confidence: high}", "secret contextual password in env DATABASE_PASSWORD"),
        ("{in: [bundles]}", "0644 0:0 app/main.js\nsecret structured token in app/main.js layer 0"),
        ("{in: [env]}", "0644 0:0 k\nsecret proven private-key in k layer 0"),
        ("{in: [layers]}", "0644 0:0 k\nlayer b\n0644 0:0 .wh.k\nsecret proven private-key in k layer 0 hidden 1"),
        (
            "{live-only-in: final}",
            "0644 0:0 k\nlayer b\n0644 0:0 .wh.k\nsecret proven private-key in k layer 0 hidden 1",
        ),
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
    /// Scripts and source maps that a web application serves, such as `.next/static/**/*.js`; `layers` includes them.
    Bundles,
    /// Environment variables.
    Env,
    /// History entries, with the values of build arguments.
    History,
    /// Labels and annotations.
    Labels,
    /// Every other field of the config, such as the command.
    Config,
    /// Provenance and other statements beside the image in its index.
    Attestations,
    /// Names, owners and attributes of files, and bytes of a layer that no runtime unpacks.
    Metadata,
}

/// How sure it must be that a value is a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(transform = with_aliases)]
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

/// The schema knows the further words as well.
fn with_aliases(schema: &mut schemars::Schema) {
    let aliases = [("medium", "The same as `contextual`."), ("high", "The same as `structured`.")];
    if let Some(words) = schema.get_mut("oneOf").and_then(serde_json::Value::as_array_mut) {
        words.extend(
            aliases.map(|(word, about)| serde_json::json!({ "const": word, "description": about, "type": "string" })),
        );
    }
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
    /// Who answers for it.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people")]
    owner: Option<Words>,
    /// The last day on which it is accepted, such as `2027-01-31`; from then on it counts again.
    #[serde(default)]
    until: Option<Day>,
}

/// Whose layers count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Scope {
    /// Those above the base image, as far as the base is proved.
    Own,
    /// All.
    #[default]
    All,
}

/// Which versions of a file count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Live {
    /// Those in the final file system.
    Final,
    /// Those that a later layer deleted or overwrote too.
    #[default]
    Any,
}

/// What becomes of a value that says itself that it has expired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Expired {
    /// It does not count.
    Ignore,
    /// It counts, and the message says that it has expired.
    #[default]
    Report,
}

/// Where to look, and what counts.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Content {
    /// Where to look; everywhere when not given.
    r#in: Option<NonEmpty<Where>>,
    /// How sure it must be; `structured` when not given. `high` is `structured`, `medium` is `contextual`.
    min_confidence: Confidence,
    /// Whose layers count: `own` leaves out those of a proved base image. `all` when not given.
    scope: Scope,
    /// Which versions of files count: `final` leaves out what a later layer deleted or overwrote, although everyone can
    /// still fetch it. `any` when not given.
    live_only_in: Live,
    /// What becomes of tokens, certificates and signed addresses that have expired; `report` when not given.
    expired: Expired,
    /// Values that are no secrets.
    #[schemars(extend("x-tighter" = "fewer"))]
    allow: Vec<Allowed>,
    /// What is surer than this is told by another rule.
    #[serde(skip)]
    most: Option<Grade>,
}

/// What only its name or its place makes a secret, wherever it lies.
pub(super) fn suspected(settings: Suspected) -> impl Check {
    let Suspected { r#in, scope, allow } = settings;
    let confidence = Confidence::Contextual;
    Content { r#in, scope, allow, min_confidence: confidence, most: Some(confidence.grade()), ..Content::default() }
}

/// Where to look.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Suspected {
    /// Where to look; everywhere when not given.
    r#in: Option<NonEmpty<Where>>,
    /// Whose layers count: `own` leaves out those of a proved base image. `all` when not given.
    scope: Scope,
    /// Values that are no secrets.
    allow: Vec<Allowed>,
}

impl Content {
    fn looks_in(&self, one: Where) -> bool {
        self.r#in.as_ref().is_none_or(|places| places.contains(&one))
    }

    fn counts(&self, place: &Place, base_layers: u32) -> bool {
        let is_own = self.scope == Scope::All || place.layer().is_none_or(|layer| layer >= base_layers);
        let hidden = matches!(place, Place::File { hidden_by: Some(_), .. });
        is_own
            && (self.live_only_in == Live::Any || !hidden)
            && (self.looks_in(Where::Bundles) && is_bundle(place)
                || self.looks_in(match place {
                    Place::File { hidden_by: Some(_), .. } => Where::DeletedFiles,
                    Place::File { .. } | Place::Path { .. } => Where::Layers,
                    Place::Env { .. } => Where::Env,
                    Place::Document { document: DocumentKind::Attestation, .. } => Where::Attestations,
                    Place::Label { .. } | Place::Document { .. } => Where::Labels,
                    Place::History { .. } => Where::History,
                    Place::Config { .. } => Where::Config,
                    Place::Member { .. } | Place::Slack { .. } => Where::Metadata,
                }))
    }

    /// What was not searched although it should have been.
    fn gap(&self, image: &ImageFacts) -> Option<String> {
        let wanted = [Where::Layers, Where::DeletedFiles, Where::Bundles, Where::Metadata, Where::Attestations];
        let gap = image.gaps.iter().find(|gap| gap.kind.hides_files() || gap.kind == GapKind::SecretScan);
        gap.filter(|_| wanted.iter().any(|place| self.looks_in(*place))).map(|gap| gap.detail.clone())
    }

    fn allows(&self, secret: &SecretFact, circumstances: &Circumstances) -> bool {
        self.allow.iter().any(|one| {
            one.fingerprint.0 == secret.fingerprint && !one.until.is_some_and(|day| circumstances.is_past(day.0))
        })
    }

    fn is_over(&self, secret: &SecretFact, circumstances: &Circumstances) -> bool {
        self.expired == Expired::Ignore && secret.expires.is_some_and(|time| circumstances.is_past(time))
    }

    fn fault(&self, image: &ImageFacts, secret: &SecretFact, circumstances: &Circumstances) -> Option<Fault> {
        let proved = image.base.iter().find(|claim| claim.grade == BaseGrade::Proved);
        let base_layers = proved.and_then(|claim| claim.layers).unwrap_or(0);
        let mut places: Vec<&Place> = secret.places.iter().filter(|place| self.counts(place, base_layers)).collect();
        // A file of this image in sight first: it is the easiest to look up.
        places
            .sort_by_key(|place| (place.supplied().is_some(), matches!(place, Place::File { hidden_by: Some(_), .. })));
        secret_places::fault(image, secret, &places, circumstances.now)
    }
}

/// Whether a place is in a script or source map of a web application, in the final file system.
fn is_bundle(place: &Place) -> bool {
    let Place::File { path, hidden_by: None, .. } = place else { return false };
    let served = ["static", "dist", "build", "public", "assets", "bundles", "_next"];
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let script = [".js", ".mjs", ".cjs", ".map", ".css", ".html"].into_iter().any(|ending| name.ends_with(ending));
    script && folders.split('/').any(|folder| served.contains(&folder))
}

impl Check for Content {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let mut counts = Counts::default();
        let mut faults = Vec::new();
        for secret in &image.secrets {
            let counter = if secret.grade < self.min_confidence.grade() {
                &mut counts.below
            } else if secret.class() == Class::Suppressed {
                &mut counts.suppressed
            } else if secret.class() != Class::Own || self.most.is_some_and(|most| secret.grade > most) {
                // Rules of their own tell of these.
                continue;
            } else if self.allows(secret, circumstances) {
                &mut counts.allowed
            } else if circumstances.accepts(&secret.fingerprint) {
                &mut counts.accepted
            } else if self.is_over(secret, circumstances) {
                &mut counts.expired
            } else {
                faults.extend(self.fault(image, secret, circumstances));
                continue;
            };
            *counter += 1;
        }
        if !faults.is_empty() {
            return Outcome::Fail(faults);
        }
        if let Some(why) = self.gap(image) {
            return Outcome::Unknown(why);
        }
        Outcome::Pass(format!("{} searched{}", count(image.layers.len(), "layer"), counts.told()))
    }
}

/// What was found and does not count.
#[derive(Default)]
struct Counts {
    below: usize,
    suppressed: usize,
    allowed: usize,
    accepted: usize,
    expired: usize,
}

impl Counts {
    fn told(&self) -> String {
        let Self { below, suppressed, allowed, accepted, expired } = self;
        let mut told = String::new();
        for (number, why) in [
            (allowed, "allowed by fingerprint"),
            (accepted, "in the baseline"),
            (expired, "expired"),
            (suppressed, "supplied by packages"),
            (below, "below the confidence that counts"),
        ] {
            if *number > 0 {
                told = format!("{told}, {} {why}", count(*number, "value"));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide, decide_in};
    use super::super::{Accepted, Seat};
    use super::*;

    /// 2026-11-25, noon.
    const NOW: i64 = 1_795_608_000;

    fn at(now: i64, settings: &str, image: &str) -> Outcome {
        decide_in("secrets.content", settings, image, &Circumstances { now: Some(now), ..Circumstances::default() })
    }

    #[test]
    fn an_exception_ends_after_its_last_day() {
        let image = "secret proven token in env T value test";
        let print = crate::model::Digest::of(b"token test").hex()[..32].to_owned();
        let allow = |until: &str| {
            format!("{{allow: [{{fingerprint: '{print}', reason: a test key, owner: me, until: {until}}}]}}")
        };
        assert!(matches!(at(NOW, &allow("2026-11-25"), image), Outcome::Pass(_)));
        assert!(at(NOW, &allow("2026-11-24"), image).is_fail());
        assert!(complaint("secrets.content", &allow("tomorrow")).contains("is no day"));
        let accepted = |until| Circumstances {
            now: Some(NOW),
            baseline: vec![Accepted { fingerprint: print.clone(), until }],
            ..Circumstances::default()
        };
        assert!(matches!(decide_in("secrets.content", "", image, &accepted(None)), Outcome::Pass(_)));
        assert!(decide_in("secrets.content", "", image, &accepted(Some(NOW))).is_fail());
    }

    #[test]
    fn what_has_expired_is_said_or_left_out_as_the_policy_says() {
        let image = format!("secret proven token in env T expires {}", NOW - 86_400);
        let Outcome::Fail(faults) = at(NOW, "", &image) else { panic!("it counts") };
        assert!(faults[0].message.contains("; it expired on 2026-11-24; severity"), "{}", faults[0].message);
        let outcome = at(NOW, "{expired: ignore}", &image);
        assert!(matches!(&outcome, Outcome::Pass(told) if told.contains("1 value expired")), "{outcome:?}");
        assert!(at(NOW - 90_000, "{expired: ignore}", &image).is_fail());
    }

    #[test]
    fn halves_and_what_packages_supply_do_not_count_here() {
        let outcome = decide(
            "secrets.content",
            "",
            "0644 0:0 u\nsecret structured token in u layer 0 by libx\nsecret proven private-key in u layer 0 by libx\n\
             secret structured aws-access-key-id in env A nature identifier\nsecret weak token in env B",
        );
        let told = "1 layer searched, 1 value supplied by packages, 1 value below the confidence that counts";
        assert_eq!(outcome, Outcome::Pass(told.to_owned()));
    }

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
            fault.message.starts_with(
                "token `abcd…wxyz (40)` in `/z`, line 7, and at 1 more place; severity high, fingerprint `"
            )
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
        assert!(complaint("secrets.content", "{in: [images]}").starts_with("1:7: unknown value `images`"));
        assert!(complaint("secrets.content", "{min-confidence: sure}").starts_with("1:18: unknown value `sure`"));
    }
}
