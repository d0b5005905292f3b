//! `dockerfile.repeated-instruction`: instructions without effect.

use crate::companions::Keyword;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.repeated-instruction",
    code: "IG9012",
    level: Level::Warn,
    summary: "only the last of several instructions counts",
    why: "Of several `CMD`, `ENTRYPOINT` or `HEALTHCHECK` in a stage only the last one has an effect.",
    fix: "Take the earlier ones away; `CMD` behind `ENTRYPOINT` holds its arguments.",
    flags: &["FROM a\nCMD [\"a\"]\nCMD [\"b\"]\n", "FROM a\nHEALTHCHECK CMD a\nHEALTHCHECK NONE\n"],
    passes: &["FROM a\nCMD [\"a\"]\nFROM b\nCMD [\"b\"]\n", "FROM a\nENTRYPOINT [\"a\"]\nCMD [\"b\"]\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for keyword in [Keyword::Cmd, Keyword::Entrypoint, Keyword::Healthcheck] {
        let all: Vec<_> = subject.all(keyword).collect();
        for pair in all.windows(2).filter(|pair| pair[0].stage == pair[1].stage) {
            let message = format!("this `{}` has no effect: line {} sets it again", keyword.word(), pair[1].line);
            notes.instruction(pair[0], message);
        }
    }
}
