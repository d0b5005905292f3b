//! `accounts.empty-password`: no account of any layer lets anyone in without a password.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "accounts.empty-password",
    code: "IG1601",
    level: Level::Deny,
    summary: "an account has an empty password",
    why: "An empty second field in `/etc/shadow` or `/etc/passwd` is a password that everybody knows: whoever can run `su` or \
          reach a login service becomes that user. Every layer counts: what a later layer repairs can be pulled without it.",
    fix: "Lock the account in the instruction that makes it:\n\n```dockerfile\nRUN useradd --uid 1000 app && passwd --lock \
          app\n```\n\nA locked account has `!` or `*` there.",
    flags: &[
        ("", "0640 0:42 etc/shadow \"root:::0:::::\\n\""),
        (
            "",
            "layer a\n0640 0:42 etc/shadow \"app::1:0:9:7:::\\n\"\nlayer b\n0640 0:42 etc/shadow \"app:!:1:0:9:7:::\\n\"",
        ),
        ("", "0644 0:0 etc/passwd \"root::0:0:root:/root:/bin/sh\\n\""),
    ],
    passes: &[
        ("", ""),
        ("", "0640 0:42 etc/shadow \"root:*:1:0:9:7:::\\napp:!:1:0:9:7:::\\n\""),
        ("", "0644 0:0 etc/passwd \"root:x:0:0:root:/root:/bin/sh\\n\""),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(EmptyPassword))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct EmptyPassword;

impl Check for EmptyPassword {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let Some(startup) = &image.startup else {
            return Outcome::Unknown("these facts were saved before passwords were looked at".to_owned());
        };
        let fault = |account: &crate::model::OpenAccount| Fault {
            subject: format!("/{} {}", account.path, account.name),
            message: format!("the account {} has an empty password in `/{}`", code(&account.name), account.path),
            seat: Seat::File { path: account.path.to_string(), layer: account.layer, line: Some(account.line) },
            fix: Some(format!("`RUN passwd --lock {}`", account.name.replace('`', "'"))),
        };
        Outcome::of_tree(image, startup.open_accounts.iter().map(fault).collect(), "")
    }
}
