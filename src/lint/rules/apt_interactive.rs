//! `dockerfile.apt-interactive`: apt in scripts.

use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.apt-interactive",
    code: "IG9019",
    level: Level::Warn,
    summary: "apt is for people, apt-get for scripts",
    why: "`apt` may change what it prints and how it is called from one version to the next; it says so itself.",
    fix: "`apt-get` and `apt-cache` take the same arguments.",
    flags: &["FROM a\nRUN apt update && apt install -y curl\n", "FROM a\nRUN apt -y upgrade\n"],
    passes: &["FROM a\nRUN apt-get update\n", "FROM a\nRUN echo apt\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    let mut told = 0;
    for (run, command) in subject.commands().filter(|(_, command)| command.name() == "apt") {
        // Once per step says enough.
        if told != run.instruction.line {
            notes.at(run.place_of(command), "`apt` is made for people").fix("write `apt-get`");
            told = run.instruction.line;
        }
    }
}
