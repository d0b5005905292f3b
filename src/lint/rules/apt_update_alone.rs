//! `dockerfile.apt-update-alone`: package lists in a step of their own.

use crate::companions::Command;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.apt-update-alone",
    code: "IG9020",
    level: Level::Warn,
    summary: "package lists are fetched in a step of their own",
    why: "The builder keeps the step: later builds install from lists that are weeks old, until a package is gone from the server.",
    fix: "Fetch and install in one step: `RUN apt-get update && apt-get install -y …`.",
    flags: &[
        "FROM a\nRUN apt-get update\nRUN apt-get install -y curl\n",
        "FROM a\nRUN apt-get update -y && echo done\n",
    ],
    passes: &[
        "FROM a\nRUN apt-get update && apt-get install -y curl\n",
        "FROM a\nRUN apt-get update && ./install.sh\n",
        "FROM a\nRUN apt-get update && apt-get upgrade -y\n",
    ],
    check,
};

fn is_apt_get(command: &Command, verb: &str) -> bool {
    command.name() == "apt-get" && command.has(verb)
}

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for run in &subject.runs {
        let is_update = |command: &&Command| is_apt_get(command, "update");
        let Some(update) = run.commands.iter().find(is_update) else { continue };
        // Anything but housekeeping may be what the lists are for.
        let idle = ["echo", "rm", "set", "true", "mkdir", "export", "sed", "date"];
        if run.commands.iter().all(|command| is_apt_get(command, "update") || idle.contains(&command.name())) {
            notes.at(run.place_of(update), "`apt-get update` stands alone in its step");
        }
    }
}
