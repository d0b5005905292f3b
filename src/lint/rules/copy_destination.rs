//! `dockerfile.copy-destination`: destinations of several files.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.copy-destination",
    code: "IG9032",
    level: Level::Warn,
    summary: "several files are copied to one that is no directory",
    why: "With several sources the destination must be a directory; the builder knows it by the `/` at its end and refuses anything else.",
    fix: "End the destination with `/`: `COPY a b /app/`.",
    flags: &["FROM a\nCOPY a b /app\n", "FROM a\nADD a.tar b.tar /dst\n"],
    passes: &[
        "FROM a\nCOPY a b /app/\n",
        "FROM a\nCOPY a b .\n",
        "FROM a\nCOPY a /app\n",
        "FROM a\nCOPY a b $DST\n",
        "FROM a\nCOPY [\"a\", \"b\", \"/app/\"]\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Copy).chain(subject.all(Keyword::Add)) {
        let words = instruction.plain_words();
        let Some((to, from)) = words.split_last() else { continue };
        if from.len() > 1 && !to.ends_with(['/', '\\']) && !to.contains('$') && to != "." && to != ".." {
            let (word, shown) = (instruction.keyword.word(), code(to));
            notes.instruction(instruction, format!("`{word}` has {} sources and the destination {shown}", from.len()));
            notes.fix(format!("write `{}/`", to.replace('`', "'")));
        }
    }
}
