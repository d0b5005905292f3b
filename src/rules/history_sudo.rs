//! `history.sudo`: the build calls `sudo`.

use crate::model::ImageFacts;

use super::history_text::{judge_runs, program};
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "history.sudo",
    code: "IG1806",
    level: Level::Info,
    summary: "a step of the build calls `sudo`",
    why: "A step that needs root can be run as root; `sudo` in the build means that it is installed and that some user may use it, \
          mostly without a password. In the container that user is then root, whatever `USER` says.",
    fix: "Switch the user around the step instead, and do not install `sudo`:\n\n```dockerfile\nUSER root\nRUN apt-get update && apt-get \
          install -y curl\nUSER 1000\n```",
    flags: &[
        ("", "step RUN /bin/sh -c sudo apt-get update # buildkit"),
        ("", "step /bin/sh -c cd /app && sudo make install"),
    ],
    passes: &[
        ("", "step RUN apt-get install -y sudo"),
        ("", "step RUN rm -f /usr/bin/sudo && echo sudo"),
        ("", "step ENTRYPOINT [\"sudo\" \"x\"]"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Sudo))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Sudo;

impl Check for Sudo {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        judge_runs(image, |commands| {
            let words = commands.iter().find(|words| program(words) == "sudo")?;
            let what = words.iter().skip(1).find(|word| !word.starts_with('-')).copied().unwrap_or_default();
            Some(("sudo".to_owned(), format!("a step calls {}", code(format!("sudo {what}").trim_end()))))
        })
    }
}
