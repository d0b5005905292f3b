//! `dockerfile.apt-recommends`: recommended packages.

use crate::companions::Command;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.apt-recommends",
    code: "IG9017",
    level: Level::Info,
    summary: "recommended packages are installed too",
    why: "Without `--no-install-recommends` apt brings along what it thinks useful on a desktop: often more than what was asked for.",
    fix: "`apt-get install -y --no-install-recommends …`.",
    flags: &["FROM a\nRUN apt-get update && apt-get install -y curl\n", "FROM a\nRUN apt-get install -y \\\n  curl\n"],
    passes: &[
        "FROM a\nRUN apt-get install -y --no-install-recommends curl\n",
        "FROM a\nRUN apt-get -o APT::Install-Recommends=false install -y curl\n",
        "FROM a AS b\nRUN apt-get install -y gcc\nFROM c\n",
    ],
    check,
};

fn is_apt_get(command: &Command, verb: &str) -> bool {
    command.name() == "apt-get" && command.has(verb)
}

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for (run, command) in subject
        .commands()
        .filter(|(run, command)| subject.is_shipped(run.instruction) && is_apt_get(command, "install"))
    {
        let told = command.words.iter().any(|word| {
            let text = word.text.to_ascii_lowercase();
            text.contains("install-recommends") || (!word.plain && text.starts_with('$'))
        });
        if !told {
            notes.at(run.place_of(command), "`apt-get install` brings recommended packages along");
            notes.fix("add `--no-install-recommends`");
        }
    }
}
