//! `exec.form`: the command is started directly, not by a shell that stays in between.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "exec.form",
    code: "IG1502",
    level: Level::Warn,
    summary: "a command in shell form: a shell stands between the runtime and the program",
    why: "`CMD run -x` becomes `/bin/sh -c \"run -x\"`. Signals then reach the shell, which does not hand them on: the program \
          is killed after the grace period instead of ending cleanly. An `ENTRYPOINT` in shell form also ignores `CMD` and \
          every argument of `docker run`.",
    fix: "Write the list form, or let the shell go with `exec`:\n\n```dockerfile\nCMD [\"gunicorn\", \"app:app\"]\n```",
    flags: &[
        ("", "cmd [\"/bin/sh\",\"-c\",\"gunicorn app:app\"]"),
        ("", "entrypoint [\"/bin/sh\",\"-c\",\"run\"]\ncmd [\"serve\"]"),
        (
            "",
            "shell [\"/bin/bash\",\"-o\",\"pipefail\",\"-c\"]\ncmd [\"/bin/bash\",\"-o\",\"pipefail\",\"-c\",\"run\"]",
        ),
    ],
    passes: &[
        ("", "cmd [\"gunicorn\",\"app:app\"]"),
        ("", "cmd [\"/bin/sh\",\"-c\",\"exec gunicorn app:app\"]"),
        ("", "cmd [\"/bin/sh\"]"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Form))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Form;

impl Check for Form {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let config = &image.config;
        let lists = [("ENTRYPOINT", "/config/Entrypoint", &config.entrypoint), ("CMD", "/config/Cmd", &config.cmd)];
        if lists.iter().all(|(_, _, list)| list.as_deref().unwrap_or_default().is_empty()) {
            return Outcome::NotApplicable("there is no command".to_owned());
        }
        let entrypoint = config.entrypoint.as_deref().unwrap_or_default();
        let mut faults = Vec::new();
        for (name, pointer, list) in lists {
            let Some(text) = shell_text(image, list.as_deref().unwrap_or_default()) else { continue };
            // Arguments of an entry point are no command, and a text that begins with `exec` replaces its shell.
            if (name == "CMD" && !entrypoint.is_empty()) || text.trim_start().starts_with("exec ") {
                continue;
            }
            let ignored = name == "ENTRYPOINT" && config.cmd.as_ref().is_some_and(|cmd| !cmd.is_empty());
            let ignored = if ignored { "; `CMD` is ignored" } else { "" };
            faults.push(Fault {
                subject: name.to_owned(),
                message: format!("`{name}` runs {} in a shell that keeps the signals to itself{ignored}", code(text)),
                seat: Seat::Config(pointer.to_owned()),
                fix: exec_form(name, text),
            });
        }
        if faults.is_empty() { Outcome::Pass(String::new()) } else { Outcome::Fail(faults) }
    }
}

/// The text behind `/bin/sh -c`, or behind the shell of the config.
fn shell_text<'a>(image: &'a ImageFacts, words: &'a [String]) -> Option<&'a str> {
    let (text, shell) = words.split_last()?;
    let usual = ["/bin/sh", "-c"];
    let own = image.config.shell.as_deref().is_some_and(|own| !own.is_empty() && own == shell);
    (own || shell == usual).then_some(text)
}

/// The list form of a text that needs no shell.
fn exec_form(name: &str, text: &str) -> Option<String> {
    let simple = |letter: char| letter.is_ascii_alphanumeric() || " -_./:=,@+".contains(letter);
    if !text.chars().all(simple) || text.contains("&&") {
        return None;
    }
    let words: Vec<String> = text.split_whitespace().map(|word| format!("\"{word}\"")).collect();
    let first = words.first().filter(|first| !first.contains('='))?;
    (!first.is_empty()).then(|| format!("`{name} [{}]`", words.join(", ")))
}
