//! `env.forbid-values`: no environment variable has one of these values.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use crate::model::ImageFacts;

use super::setting::Values;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "env.forbid-values",
    code: "IG0901",
    level: Level::Deny,
    summary: "an environment variable has a forbidden value",
    why: "What `ENV` sets holds in every container of the image unless somebody overrides it. A debug switch, a development \
          mode or a disabled certificate check that was handy in the build goes into production with the image.",
    fix: "Set the value that production needs, or leave the variable out and set it where the container is started. For one \
          command only, set it in that command:\n\n```dockerfile\nRUN DEBUG=1 ./build.sh\nENV APP_ENV=production\n```",
    flags: &[
        ("{values: {DEBUG: '1'}}", "env DEBUG=1"),
        ("{values: {FLASK_ENV: [development, testing]}}", "env FLASK_ENV=testing"),
        ("{values: {DEBUG: '1'}}", "env DEBUG=0\nenv DEBUG=1"),
        ("{values: {NODE_ENV: ''}}", "env NODE_ENV="),
    ],
    passes: &[
        ("{values: {DEBUG: '1'}}", ""),
        ("{values: {DEBUG: '1'}}", "env DEBUG=0"),
        ("{values: {DEBUG: '1'}}", "env debug=1\nenv DEBUG=11"),
        ("{values: {DEBUG: '1'}}", "env DEBUG=1\nenv DEBUG=0"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Forbid>()?)),
    schema: |generator| generator.subschema_for::<Forbid>(),
};

/// The values that are not wanted.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Forbid {
    /// Name of a variable, and the value or values that it must not have.
    #[serde(deserialize_with = "some_names")]
    #[schemars(extend("minProperties" = 1))]
    #[schemars(extend("x-tighter" = "more"))]
    values: BTreeMap<String, Values>,
}

fn some_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Values>, D::Error> {
    let values = BTreeMap::<String, Values>::deserialize(deserializer)?;
    match values.keys().find(|name| name.is_empty() || name.contains('=')) {
        Some(name) => Err(de::Error::custom(format!("`{name}` is not the name of a variable"))),
        None if values.is_empty() => Err(de::Error::custom("an empty table forbids nothing: name a variable")),
        None => Ok(values),
    }
}

impl Check for Forbid {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let faults: Vec<Fault> = self
            .values
            .iter()
            .filter_map(|(name, forbidden)| {
                let value = image.config.env_value(name)?;
                forbidden.contains(value).then_some((name, value))
            })
            .map(|(name, value)| {
                let index = image.config.env.iter().rposition(|(key, _)| key == name).unwrap_or_default();
                Fault {
                    subject: name.clone(),
                    message: format!("the image sets {}, which the policy forbids", code(format!("{name}={value}"))),
                    seat: Seat::Config(format!("/config/Env/{index}")),
                    fix: Some(format!(
                        "change or remove {} in the Dockerfile; if the base image sets it, override it with another value",
                        code(format!("ENV {name}"))
                    )),
                }
            })
            .collect();
        if faults.is_empty() {
            Outcome::Pass(format!("{} checked", count(self.values.len(), "variable")))
        } else {
            Outcome::Fail(faults)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::complaint;

    #[test]
    fn values_are_text_and_something_is_forbidden() {
        let wrong = complaint("env.forbid-values", "{values: {DEBUG: 1}}");
        assert_eq!(wrong, "1:18: a value in quotes, or a list of such is wanted here, not the number `1`");
        assert!(complaint("env.forbid-values", "{values: {A: [x, true]}}").starts_with("1:18: "));
        assert!(complaint("env.forbid-values", "{values: {A: []}}").starts_with("1:14: an empty list"));
        assert!(complaint("env.forbid-values", "{values: {}}").starts_with("1:10: an empty table"));
        assert!(complaint("env.forbid-values", "{}").contains("`values` is missing"));
        assert!(complaint("env.forbid-values", "{values: {A=b: x}}").contains("is not the name of a variable"));
    }
}
