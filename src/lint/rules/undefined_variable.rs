//! `dockerfile.undefined-variable`: variables that nobody sets.

use crate::companions::{Scope, expand};
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.undefined-variable",
    code: "IG9008",
    level: Level::Warn,
    summary: "a variable that nobody sets",
    why: "An `ARG` before the first `FROM` is empty inside the stages until it is declared there again. A misspelt variable is empty without a word: `COPY $SRC/ /app` then copies everything.",
    fix: "Declare it in the stage: `ARG VERSION`, or correct its name.",
    flags: &[
        "ARG VERSION=1\nFROM a\nLABEL version=$VERSION\n",
        "FROM a\nENV APP_HOME=/app\nWORKDIR $APP_HOEM\n",
        "FROM scratch\nCOPY $SRC /app\n",
        "FROM a\nENV B=$TARGETARCH\n",
    ],
    passes: &[
        "ARG VERSION=1\nFROM a:$VERSION\nARG VERSION\nLABEL version=$VERSION\n",
        "FROM a\nENV PATH=/x:$PATH\n",
        "FROM a\nRUN echo $X\n",
        "FROM a\nCOPY ${SRC:-.} /app\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    let escape = subject.file.escape;
    subject.file.walk(|instruction, scope| {
        if !instruction.keyword.expands() {
            return;
        }
        let arguments = instruction.arguments();
        for (name, at) in expand(arguments, escape, &|name| scope.lookup(name)).variables {
            if scope.declares(&name) {
                continue;
            }
            let place = instruction.place(instruction.arguments_start() + at);
            let near = || nearest(scope, &name);
            if scope.is_lost_global(&name) {
                notes.at(place, format!("`{name}` is not declared in this stage, and is empty here"));
                notes.fix(format!("write `ARG {name}` above it, in this stage"));
            } else if let Some(other) = near() {
                notes.at(place, format!("nobody sets `{name}`")).fix(format!("did you mean `{other}`?"));
            } else if !scope.on_image {
                // What an image sets is not known; without one, nobody else could.
                notes.at(place, format!("nobody sets `{name}`"));
            }
        }
    });
}

/// The variable that was probably meant: the letters of one of some length, with one or two of them wrong.
fn nearest(scope: &Scope, name: &str) -> Option<String> {
    let close = |known: &&str| {
        name.len() >= 5
            && known.len() == name.len()
            && strsim::damerau_levenshtein(known, name) == 1
            && !known.ends_with(|last: char| last.is_ascii_digit())
    };
    scope.names().find(close).map(str::to_owned)
}
