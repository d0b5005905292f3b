//! `history.chpasswd`: the build set a password.

use crate::model::ImageFacts;

use super::history_text::{judge_runs, program};
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "history.chpasswd",
    code: "IG1805",
    level: Level::Info,
    summary: "a step of the build sets the password of an account",
    why: "The same password is in every container of the image, its hash can be read by everyone who pulls it, and where it stands \
          in the command the history shows it in clear text. Accounts in a container need none: nobody logs in.",
    fix: "Make the account without a password, and start the container as its user:\n\n```dockerfile\nRUN useradd --uid 1000 --no-log-init \
          --shell /usr/sbin/nologin app\nUSER 1000\n```",
    flags: &[
        ("", "step RUN /bin/sh -c echo root:x | chpasswd # buildkit"),
        ("", "step /bin/sh -c useradd app && passwd --stdin app"),
        ("", "step RUN usermod -p x app"),
    ],
    passes: &[
        ("", "step RUN useradd --uid 1000 app && passwd -l root"),
        ("", "step RUN apt-get install -y passwd && echo chpasswd"),
        ("", "step RUN usermod -aG docker app && passwd --delete app"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Chpasswd))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Chpasswd;

/// Whether a command gives an account a password; to lock or to delete one gives none.
fn sets_password(words: &[&str]) -> bool {
    let has = |options: &[&str]| words.iter().skip(1).any(|word| options.contains(word));
    match program(words) {
        "chpasswd" => true,
        "passwd" => {
            !has(&["-l", "--lock", "-d", "--delete", "-u", "--unlock", "-S", "--status", "-e", "--expire", "-dl"])
        }
        "useradd" | "usermod" => has(&["-p", "--password"]) || words.iter().any(|word| word.starts_with("--password=")),
        _ => false,
    }
}

impl Check for Chpasswd {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        // What stands around it may be the password: only the program is named.
        judge_runs(image, |commands| {
            let words = commands.iter().find(|words| sets_password(words))?;
            let name = program(words);
            Some((name.to_owned(), format!("a step sets a password with {}", code(name))))
        })
    }
}
