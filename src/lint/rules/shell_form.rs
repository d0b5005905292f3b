//! `dockerfile.shell-form`: commands in shell form.

use crate::companions::{Keyword, commands};
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.shell-form",
    code: "IG9013",
    level: Level::Warn,
    summary: "a command in shell form",
    why: "The shell form starts `/bin/sh -c`, which becomes process 1 and does not hand on signals: a stop takes ten seconds and ends in a kill. With `ENTRYPOINT` it also ignores `CMD`.",
    fix: "Write a JSON list: `CMD [\"python\", \"app.py\"]`. Where a shell is needed, let it end with `exec`: `CMD [\"sh\", \"-c\", \"exec app $ARGS\"]`.",
    flags: &["FROM a\nCMD python app.py\n", "FROM a\nENTRYPOINT /app\n"],
    passes: &[
        "FROM a\nCMD [\"python\", \"app.py\"]\n",
        "FROM a\nHEALTHCHECK CMD curl x\n",
        "FROM a\nCMD exec app $X\n",
        "FROM a\nSHELL [\"/bin/bash\", \"-c\"]\nCMD app\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for keyword in [Keyword::Cmd, Keyword::Entrypoint] {
        for instruction in subject.all(keyword) {
            let Some(text) = instruction.shell_text().filter(|text| !text.is_empty()) else { continue };
            // A list that is wrong has its own rule; `exec` leaves no shell; a shell that was chosen is meant.
            let chosen = subject
                .all(Keyword::Shell)
                .any(|shell| shell.stage == instruction.stage && shell.line < instruction.line);
            if text.starts_with('[') || text.starts_with("exec ") || chosen {
                continue;
            }
            notes.instruction(instruction, format!("`{}` in shell form starts `/bin/sh -c`", keyword.word()));
            let all = commands(text);
            if let [only] = &all[..]
                && only.words.iter().all(|word| word.plain)
                && only.assignments.is_empty()
            {
                let words: Vec<String> = only.words.iter().map(|word| format!("{:?}", word.text)).collect();
                notes.fix(format!("`{} [{}]`", keyword.word(), words.join(", ").replace('`', "'")));
            }
        }
    }
}
