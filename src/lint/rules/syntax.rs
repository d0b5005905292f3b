//! `dockerfile.syntax`: what a builder refuses.

use crate::companions::{Keyword, ProblemKind};
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.syntax",
    code: "IG9001",
    level: Level::Deny,
    summary: "a build would stop here",
    why: "The file does not say what it is meant to say: a builder refuses it, or reads something else.",
    fix: "Write the instruction as the Dockerfile reference has it, such as `FROM image AS name`.",
    flags: &["RUN x\n", "FROM a\nCOPY x\n", "FROM a\nRUN <<EOF\nx\n", "FROM a b c d\n", "FROM a\nCOPY --form=b x y\n"],
    passes: &[
        "FROM a\nCOPY x y\n",
        "ARG V=1\nFROM a:$V\nRUN <<EOF\nx\nEOF\n",
        "FROM a\nCOPY --from=b --chown=1:1 --link x y\nRUN --mount=type=cache,target=/x y\n",
    ],
    check,
};

/// Flags of the instructions, as of version 1 of the syntax and its labs.
const FLAGS: &[(Keyword, &[&str])] = &[
    (Keyword::From, &["platform"]),
    (Keyword::Copy, &["from", "chown", "chmod", "link", "parents", "exclude"]),
    (Keyword::Add, &["chown", "chmod", "link", "keep-git-dir", "checksum", "exclude", "unpack"]),
    (Keyword::Run, &["mount", "network", "security", "device"]),
    (Keyword::Healthcheck, &["interval", "timeout", "start-period", "start-interval", "retries"]),
];

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for problem in subject.file.problems.iter().filter(|one| one.kind == ProblemKind::Syntax) {
        notes.at((problem.line, problem.column), problem.message.clone());
        if let Some(hint) = &problem.hint {
            notes.fix(hint.clone());
        }
    }
    for instruction in &subject.file.instructions {
        let Some((_, known)) = FLAGS.iter().find(|(keyword, _)| *keyword == instruction.keyword) else { continue };
        for flag in instruction.flags.iter().filter(|flag| !known.contains(&flag.name.as_str())) {
            let word = instruction.keyword.word();
            notes.at(
                instruction.place(flag.start),
                format!("`{word}` has no flag {}", code(&format!("--{}", flag.name))),
            );
            if let Some(hint) = crate::yaml::suggest(&flag.name, known) {
                notes.fix(hint);
            }
        }
    }
}
