//! `dockerfile.unknown-instruction`: a misspelt instruction.

use crate::companions::ProblemKind;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.unknown-instruction",
    code: "IG9002",
    level: Level::Deny,
    summary: "there is no such instruction",
    why: "A misspelt instruction stops the build; a line that was meant to go on from the one above it looks like one.",
    fix: "Write one of the instructions of the Dockerfile reference, such as `RUN`.",
    flags: &["FROM a\nRNU x\n", "FROM a\nRUN x\n  && y\n"],
    passes: &["FROM a\nrun x\n", "FROM a\nRUN x \\\n  && y\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for problem in subject.file.problems.iter().filter(|one| one.kind == ProblemKind::UnknownInstruction) {
        notes.at((problem.line, problem.column), problem.message.clone());
        let hint = "if the line above goes on here, it lacks a `\\` at its end";
        notes.fix(problem.hint.clone().unwrap_or_else(|| hint.to_owned()));
    }
}
