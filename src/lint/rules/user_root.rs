//! `dockerfile.user-root`: root as the last user.

use crate::companions::Keyword;
use crate::lint::notes::code;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.user-root",
    code: "IG9030",
    level: Level::Warn,
    summary: "the last USER is root",
    why: "The image starts as root, whatever stood before. `check` decides it for the built image; here it shows early.",
    fix: "End the last stage with a user of its own: `USER 1000`.",
    flags: &["FROM a\nUSER app\nUSER root\n", "FROM a\nUSER 0:0\n"],
    passes: &[
        "FROM a\nUSER root\nRUN x\nUSER 1000\n",
        "FROM a AS b\nUSER root\nFROM c\nUSER 1\n",
        "FROM a\nUSER $APP\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    let Some(last) = subject.file.last_stage() else { return };
    let chain = subject.file.chain(last);
    let user =
        chain.iter().find_map(|stage| subject.file.of_stage(*stage).filter(|one| one.keyword == Keyword::User).last());
    let Some(user) = user else { return };
    let text = subject.expanded(user).unwrap_or_default();
    let name = text.split(':').next().unwrap_or_default().trim();
    if name == "root" || (!name.is_empty() && name.bytes().all(|byte| byte == b'0')) {
        notes.instruction(user, format!("the image starts as {}", code(name)));
    }
}
