//! `dockerfile.legacy-pair`: pairs without =.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.legacy-pair",
    code: "IG9033",
    level: Level::Warn,
    summary: "a name and its value without `=`",
    why: "`ENV NAME value` takes the rest of the line for one value, so a second pair becomes part of the first. The builder warns about it.",
    fix: "`ENV NAME=value OTHER=value`.",
    flags: &["FROM a\nENV NAME value\n", "FROM a\nLABEL version 1.0\n"],
    passes: &["FROM a\nENV NAME=value B=c\n", "FROM a\nENV NAME=\"a b\"\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Env).chain(subject.all(Keyword::Label)) {
        let (pairs, old) = instruction.pairs();
        let Some(pair) = pairs.first().filter(|_| old && instruction.words().len() > 1) else { continue };
        let word = instruction.keyword.word();
        notes.instruction(instruction, format!("`{word}` sets {} without `=`", code(&pair.name)));
        notes.fix(format!("`{word} {}=…`", pair.name.replace('`', "'")));
    }
}
