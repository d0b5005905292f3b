//! `env.require`: environment variables that the image must set.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::setting::{NonEmpty, Values, Words};
use super::words::{code, codes, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "env.require",
    code: "IG0902",
    level: Level::Warn,
    summary: "an environment variable is missing or has another value",
    why: "An application reads its settings from the environment, and falls back to something when they are missing: another port, \
          development mode, a guessed encoding. What has to hold in every container belongs into the image.",
    fix: "Set it in the last stage; `ENV` of an earlier stage does not reach the image:\n\n```dockerfile\nENV \
          STREAMLIT_SERVER_PORT=8501 PYTHONUNBUFFERED=1\n```",
    flags: &[
        ("{names: [STREAMLIT_SERVER_PORT]}", ""),
        ("{names: [LANG]}", "env LANG="),
        ("{values: {NODE_ENV: production}}", "env NODE_ENV=development"),
        ("{values: {NODE_ENV: [production, staging]}}", ""),
        ("{names: [LANG]}", "env lang=C.UTF-8"),
    ],
    passes: &[
        ("{names: [STREAMLIT_SERVER_PORT]}", "env STREAMLIT_SERVER_PORT=8501"),
        ("{values: {NODE_ENV: [production, staging]}}", "env NODE_ENV=staging"),
        ("{names: [A], values: {B: ''}}", "env A=1\nenv B="),
        ("{values: {DEBUG: '0'}}", "env DEBUG=1\nenv DEBUG=0"),
    ],
    build: |settings| {
        let require: Require = settings.read()?;
        if require.names.is_none() && require.values.is_empty() {
            let problem = "no variable is wanted, so this would always hold";
            let error = YamlError::new(settings.span("values"), problem);
            return Err(error.with_hint("write `names: [PORT]` or `values: { NODE_ENV: production }`"));
        }
        let names = require.names.iter().flat_map(|names| names.iter()).map(|name| &name.0);
        if let Some(name) = names.chain(require.values.keys()).find(|name| name.is_empty() || name.contains('=')) {
            let problem = format!("`{name}` is not the name of a variable");
            return Err(YamlError::new(settings.span("names"), problem));
        }
        Ok(Box::new(require))
    },
    schema: |generator| generator.subschema_for::<Require>(),
};

/// The variables that are wanted.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Require {
    /// Names of variables that must be set to something.
    names: Option<NonEmpty<Words>>,
    /// Name of a variable, and the value or values of which it must have one.
    values: BTreeMap<String, Values>,
}

impl Check for Require {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let fault = |name: &str, message: String, fix: String| Fault {
            subject: name.to_owned(),
            message,
            seat: Seat::Config(match image.config.env.iter().rposition(|(key, _)| key == name) {
                Some(index) => format!("/config/Env/{index}"),
                None => "/config/Env".to_owned(),
            }),
            fix: Some(format!("set {} in the last stage of the Dockerfile", code(fix))),
        };
        let names = self.names.iter().flat_map(|names| names.iter()).map(|name| name.0.as_str());
        let unset = names.filter_map(|name| {
            let message = match image.config.env_value(name) {
                None => format!("{} is not set", code(name)),
                Some("") => format!("{} is set to nothing", code(name)),
                Some(_) => return None,
            };
            Some(fault(name, message, format!("ENV {name}=…")))
        });
        // The value that is there is not shown: it may be anything.
        let other = self.values.iter().filter_map(|(name, wanted)| {
            let wants = codes(wanted.list());
            let message = match image.config.env_value(name) {
                None => format!("{} is not set, the policy wants {wants}", code(name)),
                Some(value) if wanted.contains(value) => return None,
                Some(_) => format!("{} has another value than {wants}", code(name)),
            };
            let first = wanted.list().first().map_or("", String::as_str);
            Some(fault(name, message, format!("ENV {name}={first}")))
        });
        let faults: Vec<Fault> = unset.chain(other).collect();
        if faults.is_empty() {
            let number = self.names.as_ref().map_or(0, |names| names.iter().count()) + self.values.len();
            Outcome::Pass(format!("{} set", count(number, "variable")))
        } else {
            Outcome::Fail(faults)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::complaint;

    #[test]
    fn something_must_be_wanted() {
        assert!(complaint("env.require", "{}").contains("no variable is wanted"));
        assert!(complaint("env.require", "{names: []}").starts_with("1:9: an empty list"));
        assert!(complaint("env.require", "{names: ['A=b']}").contains("is not the name of a variable"));
        assert!(complaint("env.require", "{values: {A: 1}}").starts_with("1:14: "));
    }
}
