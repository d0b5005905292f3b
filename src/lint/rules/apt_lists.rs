//! `dockerfile.apt-lists`: package lists.

use crate::companions::Command;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.apt-lists",
    code: "IG9018",
    level: Level::Warn,
    summary: "package lists stay in the layer",
    why: "What a later step removes is still shipped: lists of packages must go in the step that fetches them. They are some 20 MB, and stale on the next day.",
    fix: "End the step with `&& rm -rf /var/lib/apt/lists/*`, or mount a cache: `RUN --mount=type=cache,target=/var/lib/apt …`.",
    flags: &[
        "FROM a\nRUN apt-get update && apt-get install -y --no-install-recommends curl\n",
        "FROM a\nRUN apt-get update\nRUN rm -rf /var/lib/apt/lists/*\n",
    ],
    passes: &[
        "FROM a\nRUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*\n",
        "FROM a\nRUN apt-get update && apt-get dist-clean\n",
        "FROM a\nRUN --mount=type=cache,target=/var/lib/apt,sharing=locked apt-get update && apt-get install -y x\n",
        "FROM a AS b\nRUN apt-get update\nFROM c\n",
    ],
    check,
};

fn is_apt_get(command: &Command, verb: &str) -> bool {
    command.name() == "apt-get" && command.has(verb)
}

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    const LISTS: &str = "/var/lib/apt/lists";
    for run in subject.runs.iter().filter(|run| subject.is_shipped(run.instruction)) {
        let update =
            run.commands.iter().find(|command| matches!(command.name(), "apt-get" | "apt") && command.has("update"));
        let Some(update) = update else { continue };
        let cleaned =
            run.commands.iter().any(|command| is_apt_get(command, "dist-clean") || is_apt_get(command, "distclean"));
        if !cleaned && !run.removes(LISTS) && !run.mounts(LISTS) {
            notes.at(run.place_of(update), "the package lists of `apt-get update` stay in the layer");
        }
    }
}
