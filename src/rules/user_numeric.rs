//! `user.numeric`: the user is written as a number.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::user::{self, Resolved};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "user.numeric",
    code: "IG0104",
    level: Level::Warn,
    summary: "`USER` is a name; Kubernetes can only check numbers",
    why: "Under `runAsNonRoot` the kubelet must know that the user is not root. It cannot read the image's `/etc/passwd`, so \
          it refuses a container whose image names its user (`image has non-numeric user`).",
    fix: "Write the number of the account:\n\n```dockerfile\nRUN useradd --uid 1000 --create-home app\nUSER 1000\n```",
    flags: &[("", "user app"), ("", "user node:1000\n0644 0:0 etc/passwd \"node:x:1000:1000::/:\"")],
    passes: &[("", "user 1000"), ("", "user 1000:app")],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Numeric))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Numeric;

impl Check for Numeric {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let name = user::name(image);
        if name.is_empty() {
            return Outcome::NotApplicable("there is no `USER`".to_owned());
        }
        if name.parse::<u32>().is_ok() {
            return Outcome::Pass(code(name));
        }
        let fix = match user::resolve(image) {
            Resolved::Uid(uid) => Some(format!("{} is uid {uid}: `USER {uid}`", code(name))),
            Resolved::Missing(_) | Resolved::Unseen(_) => None,
        };
        Outcome::Fail(vec![Fault {
            subject: "USER".to_owned(),
            message: format!("`USER` is the name {}: `runAsNonRoot` cannot be checked against it", code(name)),
            seat: Seat::Config("/config/User".to_owned()),
            fix,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn the_fix_names_the_number() {
        let image = "user app\n0644 0:0 etc/passwd \"app:x:1234:1::/:\"";
        let Outcome::Fail(faults) = decide("user.numeric", "", image) else { panic!("a name") };
        assert_eq!(faults[0].fix.as_deref(), Some("`app` is uid 1234: `USER 1234`"));
        assert!(matches!(decide("user.numeric", "", ""), Outcome::NotApplicable(_)));
    }
}
