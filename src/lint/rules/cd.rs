//! `dockerfile.cd`: cd in place of WORKDIR.

use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.cd",
    code: "IG9023",
    level: Level::Info,
    summary: "cd in place of WORKDIR",
    why: "Every step starts in WORKDIR again: a `cd` at the start of a step ends with it, and one that stands alone does nothing.",
    fix: "`WORKDIR /app`, which also makes the directory.",
    flags: &["FROM a\nRUN cd /app\n", "FROM a\nRUN cd /app && make\n"],
    passes: &[
        "FROM a\nWORKDIR /app\nRUN make\n",
        "FROM a\nRUN make && cd /tmp && rm x\n",
        "FROM a\nRUN (cd /x && y)\nRUN cd \"$DIR\" && make\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for run in &subject.runs {
        let Some(first) = run.commands.first().filter(|first| first.name() == "cd") else { continue };
        let Some(folder) = first.words.get(1).filter(|word| word.plain) else { continue };
        if run.instruction.arguments().starts_with('(') {
            continue;
        }
        let place = run.place_of(first);
        if run.commands.len() == 1 {
            notes.at(
                place,
                format!("`cd` to {} has no effect: the next step starts in WORKDIR again", code(&folder.text)),
            );
        } else {
            notes.at(place, format!("the step changes to {} first", code(&folder.text)));
        }
        notes.fix(format!("`WORKDIR {}`", folder.text.replace('`', "'")));
    }
}
