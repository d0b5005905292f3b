//! `user.uid`: the image runs as the wanted user id.

use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::setting::Words;
use super::user::{self, Resolved};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "user.uid",
    code: "IG0103",
    level: Level::Deny,
    summary: "the image runs as another user than the policy wants",
    why: "Volumes, quotas and admission policies are made for one user id. An image that starts as another one cannot write \
          its data, or writes files that nothing else may read. A name is resolved in the image's own `/etc/passwd`.",
    fix: "Give the account the wanted id and switch to it by number:\n\n```dockerfile\nRUN useradd --uid 1000 --create-home \
          app\nUSER 1000\n```",
    flags: &[
        ("{equals: 1000}", "user 1001"),
        ("{equals: 1000}", ""),
        ("{equals: 1000, name: app}", "user 1000\n0644 0:0 etc/passwd \"other:x:1000:1000::/:\""),
        ("{name: app}", "user 1000"),
        ("{min: 10000}", "user app\n0644 0:0 etc/passwd \"app:x:1000:1000::/:\""),
    ],
    passes: &[
        ("{equals: 1000}", "user 1000"),
        ("{equals: 1000, name: app}", "user app\n0644 0:0 etc/passwd \"app:x:1000:1000::/:\""),
        (
            "{equals: 1000, name: app}",
            "user 1000:0\n0644 0:0 etc/passwd \"node:x:1000:1000::/:\\napp:x:1000:1000::/:\"",
        ),
        ("{min: 1000}", "user 1000"),
        ("{equals: 1000}", "user 1000\nlayer a\ngap layer 0 was not there"),
    ],
    build: |settings| {
        let wanted: Wanted = settings.read()?;
        match wanted {
            Wanted { equals: None, name: None, min: None } => {
                let error = YamlError::new(settings.span(""), "no user is wanted, so this would always hold");
                Err(error.with_hint("write `equals: 1000`, `name: app` or `min: 1000`"))
            }
            Wanted { min: Some(0), .. } => {
                Err(YamlError::new(settings.span("min"), "every user id is at least `0`, so this would always hold"))
            }
            Wanted { equals: Some(equals), min: Some(min), .. } if equals < min => {
                let problem = format!("`equals: {equals}` and `min: {min}` contradict each other: no id is both");
                Err(YamlError::new(settings.span("equals"), problem))
            }
            wanted => Ok(Box::new(wanted)),
        }
    },
    schema: |generator| generator.subschema_for::<Wanted>(),
};

/// Which user the image must run as. At least one of the settings is given.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Wanted {
    /// Exactly this user id.
    equals: Option<u32>,
    /// The id belongs to the account of this name.
    name: Option<Words>,
    /// This user id or a larger one.
    min: Option<u32>,
}

impl Check for Wanted {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let uid = match user::resolve(image) {
            Resolved::Uid(uid) => uid,
            Resolved::Missing(why) => return Outcome::Unknown(format!("`user.exists` does not hold: {why}")),
            Resolved::Unseen(why) => return Outcome::Unknown(why),
        };
        let name = self.name.as_ref().map(|name| name.0.as_str());
        let written = match image.config.user.as_str() {
            "" => "there is no `USER`, so the image".to_owned(),
            user => format!("`USER` is {}: the image", code(user)),
        };
        let fault = |problem: String| {
            let wanted = self.equals.or_else(|| name.is_none().then_some(self.min).flatten());
            Outcome::Fail(vec![Fault {
                subject: "USER".to_owned(),
                message: format!("{written} runs as uid `{uid}`, {problem}"),
                seat: Seat::Config("/config/User".to_owned()),
                fix: Some(user::advice(image, wanted, name)),
            }])
        };
        if let Some(wanted) = self.equals.filter(|wanted| *wanted != uid) {
            return fault(format!("the policy wants `{wanted}`"));
        }
        if let Some(min) = self.min.filter(|min| uid < *min) {
            return fault(format!("the policy wants `{min}` or above"));
        }
        let Some(name) = name else { return Outcome::Pass(format!("uid {uid}")) };
        match user::known_accounts(image) {
            Err(why) => Outcome::Unknown(why),
            Ok(accounts) => match accounts.iter().find(|account| account.name == name) {
                Some(account) if account.uid == uid => Outcome::Pass(format!("uid {uid}, {}", code(name))),
                Some(account) => fault(format!("but the wanted account {} is uid `{}`", code(name), account.uid)),
                None => fault(format!("and the image has no account {}", code(name))),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn contradictions_are_refused_where_they_stand() {
        assert_eq!(complaint("user.uid", "{}"), "1:1: no user is wanted, so this would always hold");
        assert!(complaint("user.uid", "{min: 1000, equals: 5}").starts_with("1:21: `equals: 5` and `min: 1000`"));
        assert!(complaint("user.uid", "{min: 0}").starts_with("1:7: "));
        assert!(complaint("user.uid", "{equals: '1000'}").starts_with("1:10: "));
        assert!(complaint("user.uid", "{equals: -1}").starts_with("1:10: "));
        assert!(complaint("user.uid", "{uid: 1}").starts_with("1:2: unknown key `uid`"));
    }

    #[test]
    fn an_unseen_account_file_leaves_names_undecided_and_numbers_decided() {
        let image = "user 1000\nlayer a\ngap layer 0 was not there";
        assert_eq!(decide("user.uid", "{name: app}", image), Outcome::Unknown("was not there".to_owned()));
        assert!(decide("user.uid", "{equals: 7, name: app}", image).is_fail());
        let named = "user app\nlayer a\ngap layer 0 was not there";
        assert_eq!(decide("user.uid", "{equals: 1000}", named), Outcome::Unknown("was not there".to_owned()));
        assert!(matches!(decide("user.uid", "{equals: 1000}", "user app"), Outcome::Unknown(_)));
    }
}
