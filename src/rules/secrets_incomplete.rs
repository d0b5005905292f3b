//! `secrets.incomplete`: one half of a pair, without the other half in the image.

use crate::model::{Class, Grade, ImageFacts, Place};

use super::setting::NoSettings;
use super::{Check, Level, Outcome, Rule, secret_places};

pub(super) const RULE: Rule = Rule {
    id: "secrets.incomplete",
    code: "IG0504",
    level: Level::Info,
    summary: "the image holds one half of a secret",
    why: "A key id without its key, or an encrypted key without its passphrase, opens nothing by itself. It tells which account \
          to attack, and it is worth as much as the other half is well kept. When the image holds both halves, they are one \
          finding of `secrets.content`.",
    fix: "Give identifiers and encrypted keys to the container when it starts, together with the other half: \
          `docker run --env-file …`, a mounted file, or the secrets of the orchestrator.",
    flags: &[
        ("", "secret structured aws-access-key-id in env AWS_ACCESS_KEY_ID nature identifier"),
        ("", "0644 0:0 k\nsecret structured encrypted-private-key in k layer 0 nature encrypted"),
    ],
    passes: &[
        ("", "secret structured github-token in env T"),
        ("", "secret weak aws-access-key-id in env AWS_ACCESS_KEY_ID nature identifier"),
    ],
    build: |settings| {
        let NoSettings {} = settings.read::<NoSettings>()?;
        Ok(Box::new(Incomplete))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Incomplete;

impl Check for Incomplete {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let halves =
            image.secrets.iter().filter(|one| one.class() == Class::Incomplete && one.grade >= Grade::Structured);
        let faults: Vec<_> = halves
            .filter_map(|secret| {
                let places: Vec<&Place> = secret.places.iter().collect();
                let fault = secret_places::fault(image, secret, &places, None)?;
                Some(super::Fault { fix: None, ..fault })
            })
            .collect();
        Outcome::of_tree(image, faults, "")
    }
}
