//! `dockerfile.user-missing`: a user for the image.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.user-missing",
    code: "IG9031",
    level: Level::Warn,
    summary: "the last stage names no user",
    why: "Without `USER` the image starts as the base's user, and nearly all bases are root. `check` decides it for the built image; here it shows early.",
    fix: "Make an account and name it at the end: `USER 1000`.",
    flags: &[
        "FROM python:3.12\nCMD [\"x\"]\n",
        "FROM a:1 AS b\nUSER 1000\nFROM python:3.12\n",
        "FROM scratch\nCOPY x /\n",
    ],
    passes: &[
        "FROM python:3.12\nUSER 1000\n",
        "FROM a:1 AS b\nUSER 1000\nFROM b\n",
        "FROM gcr.io/distroless/static:nonroot\n",
        "ARG BASE\nFROM $BASE\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    let Some(last) = subject.file.last_stage() else { return };
    let chain = subject.file.chain(last);
    if chain.iter().any(|stage| subject.file.of_stage(*stage).any(|one| one.keyword == Keyword::User)) {
        return;
    }
    // A base that a build argument names may have a user, and some bases say that they have.
    let Some(base) = chain.last().and_then(|stage| subject.base_image(*stage)) else { return };
    let Some(from) = subject.file.stages.get(last).and_then(|stage| subject.file.instructions.get(stage.from)) else {
        return;
    };
    if base.is_empty() || base.contains("nonroot") || base.contains("rootless") || base.contains("unprivileged") {
        return;
    }
    notes.instruction(from, format!("no `USER` follows: the image starts as the user of {}", code(&base)));
}
