//! `dockerfile.maintainer`: MAINTAINER.

use crate::companions::Keyword;
use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.maintainer",
    code: "IG9011",
    level: Level::Warn,
    summary: "MAINTAINER is no longer in use",
    why: "`MAINTAINER` sets a field that nothing shows; labels are read by registries and tools.",
    fix: "`LABEL org.opencontainers.image.authors=\"name@example.org\"`.",
    flags: &["FROM a\nMAINTAINER me\n", "FROM a\nmaintainer you@example.org\n"],
    passes: &["FROM a\nLABEL org.opencontainers.image.authors=me\n", "FROM a\n"],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    for instruction in subject.all(Keyword::Maintainer) {
        notes.instruction(instruction, "`MAINTAINER` is no longer in use");
        let name = instruction.arguments().replace(['"', '`'], "'");
        notes.fix(format!("`LABEL org.opencontainers.image.authors=\"{name}\"`"));
    }
}
