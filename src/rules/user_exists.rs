//! `user.exists`: the user and group that the image names can be resolved.

use crate::model::ImageFacts;

use super::exec::{self, Topic};
use super::setting::NoSettings;
use super::user::{self, Resolved};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "user.exists",
    code: "IG0102",
    level: Level::Deny,
    summary: "`USER` names a user or group that the image does not have",
    why: "The runtime looks a name up in the image's own `/etc/passwd` and `/etc/group`. A name that is not there stops the \
          container before its first instruction (`unable to find user`). It happens when the account was made in another \
          stage, or when the base stopped bringing it. What the image's command surely switches to (`su`, `gosu`, `user=` of \
          supervisord, jobs of cron) must be there as well: supervisord refuses to start at all when one user is unknown.",
    fix: "Make the account in the last stage, or write the number, which needs no account:\n\n```dockerfile\nRUN useradd \
          --uid 1000 --create-home app\nUSER 1000\n```",
    flags: &[
        ("", "user app\n0644 0:0 etc/passwd \"root:x:0:0:root:/root:/bin/sh\""),
        ("", "user app"),
        ("", "user 1000:staff\n0644 0:0 etc/group \"root:x:0:\""),
        ("", "user 99999999999"),
        ("", "user a:b:c"),
        (
            "",
            "cmd [\"supervisord\"]\n0755 0:0 usr/bin/supervisord elf\n0644 0:0 etc/supervisord.conf \
             \"[program:a]\\ncommand=/a\\nuser=app\\n\"",
        ),
        ("", "cmd [\"gosu\",\"app\",\"/a\"]\n0755 0:0 bin/gosu elf\n0755 0:0 a elf"),
    ],
    passes: &[
        ("", ""),
        ("", "user 1000"),
        ("", "user 1000:1000"),
        ("", "user app:staff\n0644 0:0 etc/passwd \"app:x:1000:1000::/:\"\n0644 0:0 etc/group \"staff:x:50:\""),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Exists))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Exists;

impl Check for Exists {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let user = user::resolve(image);
        let group = user::resolve_group(image);
        let mut faults = Vec::new();
        let mut unseen = None;
        let passed = match user {
            Resolved::Uid(uid) if image.config.user.is_empty() => format!("no `USER`, so uid {uid}"),
            Resolved::Uid(uid) => format!("{} is uid {uid}", code(&image.config.user)),
            Resolved::Missing(_) | Resolved::Unseen(_) => String::new(),
        };
        for problem in [Some(user), group.err()].into_iter().flatten() {
            match problem {
                Resolved::Uid(_) => {}
                Resolved::Missing(why) => faults.push(Fault {
                    subject: "USER".to_owned(),
                    message: format!("the container cannot start: {why}"),
                    seat: Seat::Config("/config/User".to_owned()),
                    fix: Some(user::advice(image, None, None)),
                }),
                Resolved::Unseen(why) => unseen = Some(why),
            }
        }
        faults.extend(switched(image));
        match unseen {
            _ if !faults.is_empty() => Outcome::Fail(faults),
            Some(why) => Outcome::Unknown(why),
            None => Outcome::Pass(passed),
        }
    }
}

/// Users that the image's command surely switches to and that do not exist.
fn switched(image: &ImageFacts) -> Vec<Fault> {
    if image.platform.os == "windows" {
        return Vec::new();
    }
    let of = |subject: &exec::Subject| {
        let findings = subject.report.failures.iter().filter(|finding| finding.topic == Topic::User);
        let fault = |finding: &exec::Finding| Fault {
            subject: format!("{}: {}", subject.id, finding.runs),
            message: finding.words(&subject.name),
            seat: finding.seat(image, &subject.seat),
            fix: None,
        };
        findings.map(fault).collect::<Vec<_>>()
    };
    let mut faults: Vec<Fault> = exec::started(image).0.iter().flat_map(of).collect();
    faults.dedup();
    faults
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn a_name_is_undecided_when_its_file_was_not_seen() {
        for user in ["app", "1000:staff"] {
            let outcome = decide("user.exists", "", &format!("user {user}\nlayer a\ngap layer 0 was not there"));
            assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()), "{user}");
        }
        assert!(decide("user.exists", "", "user x:y:z\nlayer a\ngap layer 0 was not there").is_fail());
    }
}
