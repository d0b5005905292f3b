//! `dockerfile.json-form`: lists that are no JSON.

use crate::companions::ProblemKind;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.json-form",
    code: "IG9004",
    level: Level::Warn,
    summary: "looks like a JSON list and is none",
    why: "The builder takes arguments that are no JSON for shell text: `CMD ['app', 'x']` starts a shell that looks for a program `[app,`.",
    fix: "Use double quotes, commas between the words and none at the end: `CMD [\"app\", \"x\"]`.",
    flags: &["FROM a\nCMD ['app', 'x']\n", "FROM a\nENTRYPOINT [\"app\", \"x\",]\n", "FROM a\nRUN [\"a\" \"b\"]\n"],
    passes: &["FROM a\nCMD [\"app\", \"x\"]\n", "FROM a\nRUN [ \"$A\" = \"b\" ]\n", "FROM a\nRUN [ -f x ] && y\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for problem in subject.file.problems.iter().filter(|one| one.kind == ProblemKind::NotJson) {
        notes.at((problem.line, problem.column), problem.message.clone());
        if let Some(hint) = &problem.hint {
            notes.fix(hint.clone());
        }
    }
}
