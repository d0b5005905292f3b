//! `dockerfile.sudo`: sudo.

use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.sudo",
    code: "IG9025",
    level: Level::Warn,
    summary: "sudo in a build step",
    why: "Steps run as the user that `USER` names: `sudo` is not needed before it, and behind it an image that can become root by itself has no use for `USER`.",
    fix: "Do what needs root before `USER`, or change to `USER root` and back.",
    flags: &["FROM a\nRUN sudo apt-get update\n", "FROM a\nRUN a && sudo -E b\n"],
    passes: &["FROM a\nUSER root\nRUN x\nUSER 1000\n", "FROM a\nRUN apt-get install -y sudo\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for (run, command) in subject.commands().filter(|(_, command)| command.name() == "sudo") {
        notes.at(run.place_of(command), "a step calls `sudo`");
    }
}
