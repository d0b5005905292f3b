//! `dockerfile.apk-cache`: the index of apk.

use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.apk-cache",
    code: "IG9021",
    level: Level::Warn,
    summary: "the package index stays in the layer",
    why: "`apk add` keeps its index below `/var/cache/apk` unless it is told not to.",
    fix: "`apk add --no-cache …`.",
    flags: &["FROM a\nRUN apk add curl\n", "FROM a\nRUN apk update && apk add curl\n"],
    passes: &[
        "FROM a\nRUN apk add --no-cache curl\n",
        "FROM a\nRUN apk --no-cache add curl\n",
        "FROM a\nRUN apk add curl && rm -rf /var/cache/apk/*\n",
        "FROM a\nRUN --mount=type=cache,target=/var/cache/apk apk add curl\n",
        "FROM a AS b\nRUN apk add gcc\nFROM c\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    const CACHE: &str = "/var/cache/apk";
    for (run, command) in subject.commands().filter(|(run, _)| subject.is_shipped(run.instruction)) {
        let keeps = command.name() == "apk" && command.has("add") && !command.has("--no-cache");
        if keeps && !run.removes(CACHE) && !run.mounts(CACHE) {
            notes.at(run.place_of(command), "`apk add` keeps its index in the layer").fix("add `--no-cache`");
        }
    }
}
