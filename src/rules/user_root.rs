//! `user.root`: the image must not start as uid 0.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::user::{self, Resolved};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "user.root",
    code: "IG0101",
    level: Level::Deny,
    summary: "the image runs as root",
    why: "Without a `USER`, and with any user whose id is 0, the process in the container is root. Whoever takes it over \
          owns every file of the image and of its mounts, and is one kernel or runtime flaw away from being root on the \
          host.\n\nThe id decides, not the spelling: `0`, `0:1000` and any account that `/etc/passwd` gives the id 0 are \
          root.",
    fix: "Make an account, give it what it must write, and switch to it at the end of the last stage:\n\n```dockerfile\nRUN \
          useradd --uid 1000 --create-home app\nCOPY --chown=1000:1000 . /app\nUSER 1000\n```\n\nWrite the number: \
          Kubernetes cannot check a name under `runAsNonRoot`.",
    flags: &[
        ("", "0644 0:0 etc/passwd \"root:x:0:0:root:/root:/bin/sh\""),
        ("", "user 0"),
        ("", "user 0:1000"),
        ("", "user root:root\n0644 0:0 etc/passwd \"root:x:0:0:root:/root:/bin/sh\""),
        ("", "user admin\n0644 0:0 etc/passwd \"root:x:0:0::/root:/bin/sh\\nadmin:x:0:0::/:/bin/sh\""),
        ("", "user root"),
        ("", "user 0\nlayer a\ngap layer 0 was not there"),
    ],
    passes: &[
        ("", "user 1000"),
        ("", "user 65532:0"),
        ("", "user node\n0644 0:0 etc/passwd \"node:x:1000:1000::/home/node:/bin/sh\""),
        ("", "user 1000\nlayer a\ngap layer 0 was not there"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Root))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Root;

impl Check for Root {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let written = &image.config.user;
        let fault = |message: String| {
            Outcome::Fail(vec![Fault {
                subject: "USER".to_owned(),
                message,
                seat: Seat::Config("/config/User".to_owned()),
                fix: Some(user::advice(image, None, None)),
            }])
        };
        match user::resolve(image) {
            Resolved::Uid(0) if written.is_empty() => fault("there is no `USER`, so the image runs as root".to_owned()),
            Resolved::Uid(0) => fault(format!("`USER` is {}, which is uid `0`: root", code(written))),
            Resolved::Uid(uid) => Outcome::Pass(format!("runs as uid {uid}")),
            // Nothing but an account file that makes another user of this name could turn it.
            Resolved::Missing(_) | Resolved::Unseen(_) if user::name(image) == "root" => {
                fault(format!("`USER` is {}: root", code(written)))
            }
            Resolved::Missing(why) => Outcome::Unknown(format!("`user.exists` does not hold: {why}")),
            Resolved::Unseen(why) => Outcome::Unknown(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn a_name_that_cannot_be_resolved_is_undecided() {
        let missing = decide("user.root", "", "user app\n0644 0:0 etc/passwd \"root:x:0:0::/:\"");
        assert_eq!(
            missing,
            Outcome::Unknown("`user.exists` does not hold: `/etc/passwd` of the image has no account `app`".to_owned())
        );
        let unseen = decide("user.root", "", "user app\nlayer a\ngap layer 0 was not there");
        assert_eq!(unseen, Outcome::Unknown("was not there".to_owned()));
    }

    #[test]
    fn the_fix_names_an_account_of_the_image() {
        let image = "0644 0:0 etc/passwd \"root:x:0:0::/root:/bin/sh\\nnode:x:1000:1000::/home/node:/bin/sh\"";
        let Outcome::Fail(faults) = decide("user.root", "", image) else { panic!("root") };
        assert_eq!(
            faults[0].fix.as_deref(),
            Some("the image has the user `node` (1000): end the Dockerfile with `USER 1000`")
        );
    }
}
