//! `dockerfile.workdir-relative`: relative WORKDIR.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.workdir-relative",
    code: "IG9024",
    level: Level::Warn,
    summary: "a relative WORKDIR on an unknown one",
    why: "A relative `WORKDIR` goes on from that of the base image, which may change with any update.",
    fix: "`WORKDIR /app`.",
    flags: &["FROM a\nWORKDIR app\n", "FROM a\nRUN x\nWORKDIR ./src\n"],
    passes: &[
        "FROM a\nWORKDIR /app\nWORKDIR src\n",
        "FROM a\nWORKDIR $HOME\n",
        "FROM a AS b\nWORKDIR /x\nFROM b\nWORKDIR y\n",
        "FROM scratch\nWORKDIR app\n",
        "FROM a\nWORKDIR C:\\\\app\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Workdir) {
        let Some(stage) = instruction.stage else { continue };
        let path = instruction.plain_words().join(" ");
        let is_absolute = |path: &str| path.starts_with(['/', '\\', '$', '%']) || path.as_bytes().get(1) == Some(&b':');
        if is_absolute(&path) {
            continue;
        }
        let chain = subject.file.chain(stage);
        let based = subject.all(Keyword::Workdir).any(|other| {
            let inside = other.stage.is_some_and(|stage| chain.contains(&stage));
            inside && other.line < instruction.line && is_absolute(&other.plain_words().join(" "))
        });
        let bottom = chain.last().and_then(|stage| subject.file.stages.get(*stage));
        let on_nothing = bottom.is_some_and(|stage| stage.base.text.eq_ignore_ascii_case("scratch"));
        if !based && !on_nothing {
            notes.instruction(instruction, format!("{} goes on from the base's WORKDIR", code(&path)));
            notes.fix(format!("`WORKDIR /{}`", path.trim_start_matches("./").replace('`', "'")));
        }
    }
}
