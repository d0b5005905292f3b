//! `secrets.suspected`: values that only their name or their place makes secrets.

use super::secrets_content::{Suspected, suspected};
use super::{Level, Rule};

pub(super) const RULE: Rule = Rule {
    id: "secrets.suspected",
    code: "IG0506",
    level: Level::Warn,
    summary: "the image contains a value that is called a secret",
    why: "Passwords have no form of their own: what tells them is the name beside them, `DB_PASSWORD=…`, or the place where they \
          lie. Most such values are real, some are samples in documentation. They are told apart from tokens and keys, whose form \
          proves what they are (`secrets.content`), so that they can have a level of their own. A policy whose \
          `secrets.content` counts from `min-confidence: contextual` on tells them there and switches this rule off.",
    fix: "Look at the value. If it is real, change it, and give it to the container when it starts: `docker run --env-file …`, or \
          the secrets of the orchestrator. If it is a sample, `allow` it with its fingerprint and a reason, or keep the file \
          out of the image with `.dockerignore`.",
    flags: &[
        ("", "secret contextual password in env DATABASE_PASSWORD"),
        ("", "0644 0:0 a\nsecret contextual password in a layer 0 line 3"),
        ("{in: [env]}", "secret contextual password in env P"),
    ],
    passes: &[
        ("", "secret structured token in env T"),
        ("", "secret weak password in env P"),
        ("{in: [env]}", "0644 0:0 a\nsecret contextual password in a layer 0"),
    ],
    build: |settings| Ok(Box::new(suspected(settings.read::<Suspected>()?))),
    schema: |generator| generator.subschema_for::<Suspected>(),
};
