//! `dockerfile.apt-yes`: questions of apt-get.

use crate::companions::Joint;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.apt-yes",
    code: "IG9016",
    level: Level::Warn,
    summary: "apt-get asks a question that nobody answers",
    why: "A build has no keyboard: `apt-get install` without `-y` stops, or takes \"no\" for an answer.",
    fix: "`apt-get install -y --no-install-recommends …`.",
    flags: &[
        "FROM a\nRUN apt-get update && apt-get install curl\n",
        "FROM a\nRUN apt-get install --no-install-recommends curl\n",
    ],
    passes: &[
        "FROM a\nRUN apt-get install -y curl\n",
        "FROM a\nRUN apt-get -qq install curl\n",
        "FROM a\nRUN apt-get install -yq curl && apt-get install --assume-yes x\n",
        "FROM a\nRUN apt-get install $OPTIONS curl\n",
        "FROM a\nRUN yes | apt-get install curl\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for (run, command) in subject.commands() {
        let asks = ["install", "upgrade", "dist-upgrade", "remove", "purge", "build-dep"];
        if command.name() != "apt-get" || !asks.iter().any(|verb| command.has(verb)) || command.joint == Joint::Pipe {
            continue;
        }
        let answered = command.words.iter().any(|word| {
            let text = word.text.as_str();
            let short = text.starts_with('-') && !text.starts_with("--") && text.contains('y');
            short
                || matches!(text, "--yes" | "--assume-yes" | "-qq" | "--assume-no" | "--help")
                || text.to_ascii_lowercase().contains("assume-yes")
        });
        // Options may stand in a variable.
        let unknown = command.words.iter().any(|word| !word.plain && word.text.starts_with('$'));
        if !answered && !unknown {
            notes.at(run.place_of(command), "`apt-get` asks before it does this, and nobody answers");
            notes.fix("add `-y`");
        }
    }
}
