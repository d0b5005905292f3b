//! `dockerfile.pipefail`: pipes that hide failures.

use crate::companions::{Command, Joint, Keyword};
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.pipefail",
    code: "IG9026",
    level: Level::Warn,
    summary: "a failed download goes unnoticed",
    why: "A pipe is as good as its last command: when `curl` fails, `curl … | sh` still succeeds, with nothing done, and the builder keeps the layer.",
    fix: "Download to a file, check it, then run it. Or let the shell notice: `SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]`.",
    flags: &[
        "FROM a\nRUN curl -fsSL https://example.org/x | sh\n",
        "FROM a\nRUN wget -qO- https://example.org/x.tgz | tar xz\n",
    ],
    passes: &[
        "FROM a\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"]\nRUN curl -f x | sh\n",
        "FROM a\nRUN set -o pipefail && curl -f x | sh\n",
        "FROM a\nRUN set -euxo pipefail; curl -f x | sh\n",
        "FROM a\nRUN cat x | sh\n",
        "FROM a\nRUN curl -fo x y && sh x\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for run in &subject.runs {
        let instruction = run.instruction;
        let shell = subject
            .all(Keyword::Shell)
            .filter(|one| one.stage == instruction.stage && one.line < instruction.line)
            .last();
        let by_shell = shell.is_some_and(|shell| shell.arguments().contains("pipefail"));
        let by_set = |command: &Command| {
            matches!(command.name(), "set" | "bash") && command.words.iter().any(|word| word.text.contains("pipefail"))
        };
        // On Windows there is another shell.
        let other = shell.is_some_and(|shell| shell.arguments().to_ascii_lowercase().contains("powershell"));
        if by_shell || other || run.commands.iter().any(by_set) {
            continue;
        }
        for pair in run.commands.windows(2) {
            if matches!(pair[0].name(), "curl" | "wget") && pair[1].joint == Joint::Pipe {
                let message = format!(
                    "when `{}` fails, the pipe into {} succeeds all the same",
                    pair[0].name(),
                    code(pair[1].name())
                );
                notes.at(run.place_of(&pair[0]), message);
            }
        }
    }
}
