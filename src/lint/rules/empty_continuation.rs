//! `dockerfile.empty-continuation`: empty lines in continued instructions.

use crate::companions::ProblemKind;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.empty-continuation",
    code: "IG9003",
    level: Level::Warn,
    summary: "an empty line inside an instruction",
    why: "An empty line behind a `\\` is passed over today; the builder announces that it will be refused.",
    fix: "Take the line away, or write a `#` into it.",
    flags: &["FROM a\nRUN x \\\n\n  y\n", "FROM a\nENV A=1 \\\n   \n  B=2\n"],
    passes: &["FROM a\nRUN x \\\n#\n  y\n", "FROM a\n\nRUN x\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for problem in subject.file.problems.iter().filter(|one| one.kind == ProblemKind::EmptyContinuation) {
        notes.at((problem.line, problem.column), "an empty line inside an instruction: `\\` continues it");
    }
}
