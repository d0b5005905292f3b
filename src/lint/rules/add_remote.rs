//! `dockerfile.add-remote`: downloads without checksum.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.add-remote",
    code: "IG9015",
    level: Level::Warn,
    summary: "a download without a checksum",
    why: "What an address answers today it need not answer tomorrow. Without a checksum, whoever controls the server controls the image.",
    fix: "`ADD --checksum=sha256:… https://… /path`.",
    flags: &["FROM a\nADD https://example.org/app.tgz /app.tgz\n", "FROM a\nADD http://example.org/x /x\n"],
    passes: &[
        "FROM a\nADD --checksum=sha256:0123 https://example.org/app.tgz /app.tgz\n",
        "FROM a\nADD https://example.org/a/b.git#v1.0 /b\n",
        "FROM a\nADD x.tar /\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Add).filter(|one| one.flag("checksum").is_none()) {
        let words = instruction.plain_words();
        let Some((_, sources)) = words.split_last() else { continue };
        let remote = sources.iter().find(|source| {
            let is_git = source.split(['#', '?']).next().is_some_and(|path| path.rsplit('.').next() == Some("git"));
            (source.starts_with("https://") || source.starts_with("http://")) && !is_git
        });
        if let Some(source) = remote {
            // Whatever stands before `@` may be a password.
            let shown = source.rsplit('@').next().unwrap_or_default();
            let host = shown.trim_start_matches("https://").trim_start_matches("http://");
            notes.instruction(instruction, format!("{} is fetched without a checksum", code(host)));
        }
    }
}
