//! `dockerfile.add-local`: ADD for plain files.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.add-local",
    code: "IG9014",
    level: Level::Warn,
    summary: "ADD for plain files",
    why: "`ADD` also unpacks archives and fetches addresses; for files of the build context `COPY` says what is meant and does nothing else.",
    fix: "`COPY src dst`.",
    flags: &["FROM a\nADD app.py /app/\n", "FROM a\nADD . /app\n"],
    passes: &[
        "FROM a\nCOPY app.py /app/\n",
        "FROM a\nADD rootfs.tar.gz /\n",
        "FROM a\nADD --checksum=sha256:1 https://x/y /y\n",
        "FROM a\nADD https://github.com/a/b.git#v1 /b\n",
        "FROM a\nADD $FILE /x\n",
    ],
    check,
};

/// Ends of names that `ADD` unpacks.
const ARCHIVES: &[&str] =
    &[".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".gz", ".xz", ".bz2"];

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Add).filter(|one| one.heredocs.is_empty()) {
        let words = instruction.plain_words();
        let Some((_, sources)) = words.split_last() else { continue };
        let special = |source: &String| {
            let lower = source.to_ascii_lowercase();
            lower.contains("://")
                || lower.starts_with("git@")
                || lower.contains('$')
                || ARCHIVES.iter().any(|end| lower.ends_with(end))
        };
        if !sources.is_empty() && !sources.iter().any(special) {
            notes.instruction(instruction, format!("`ADD` copies {}, which `COPY` does", code(&sources[0])));
            notes.fix(format!("`COPY {}`", words.join(" ").replace('`', "'")));
        }
    }
}
