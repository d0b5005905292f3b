//! `dockerfile.dnf-cache`: metadata of dnf and yum.

use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.dnf-cache",
    code: "IG9036",
    level: Level::Warn,
    summary: "package metadata stays in the layer",
    why: "dnf, yum and microdnf keep metadata and packages below `/var/cache`; what a later step removes is still shipped.",
    fix: "End the step with `&& dnf clean all`, or mount a cache: `RUN --mount=type=cache,target=/var/cache/dnf …`.",
    flags: &["FROM a\nRUN dnf install -y curl\n", "FROM a\nRUN yum -y install curl\n"],
    passes: &[
        "FROM a\nRUN dnf install -y curl && dnf clean all\n",
        "FROM a\nRUN yum -y install curl && rm -rf /var/cache/yum\n",
        "FROM a\nRUN --mount=type=cache,target=/var/cache/dnf dnf install -y curl\n",
        "FROM a AS b\nRUN dnf install -y gcc\nFROM c\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for run in subject.runs.iter().filter(|run| subject.is_shipped(run.instruction)) {
        for command in &run.commands {
            let name = command.name();
            if !matches!(name, "dnf" | "yum" | "microdnf")
                || !["install", "update", "upgrade"].iter().any(|verb| command.has(verb))
            {
                continue;
            }
            let cache = format!("/var/cache/{}", if name == "microdnf" { "yum" } else { name });
            let cleaned = run
                .commands
                .iter()
                .any(|other| matches!(other.name(), "dnf" | "yum" | "microdnf") && other.has("clean"));
            if !cleaned && !run.removes(&cache) && !run.mounts(&cache) {
                notes.at(run.place_of(command), format!("`{name}` keeps its metadata in the layer"));
                notes.fix(format!("add `&& {name} clean all`"));
                break;
            }
        }
    }
}
