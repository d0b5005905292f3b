//! `dockerfile.waiver`: waivers.

use crate::lint::{LintRule, Notes, Subject};
use crate::rules::Level;

pub(in crate::lint) const RULE: LintRule = LintRule {
    id: "dockerfile.waiver",
    code: "IG9034",
    level: Level::Deny,
    summary: "a waiver is written wrongly, has ended or is for nothing",
    why: "A waiver names its rule, its last day, its owner and its reason; one that lacks any of them lets nothing pass. One that has ended must be renewed or fixed, one for nothing hides the next mistake.",
    fix: "`# imgguard: waive[dockerfile.base-tag] until=2027-01-31 owner=@team reason=\"why\"`, on the line above the instruction.",
    flags: &[
        "# imgguard: waive[dockerfile.base-tag]\nFROM a\n",
        "# imgguard: waive[dockerfile.base-tga] until=2999-01-01 owner=@a reason=b\nFROM a:1\n",
    ],
    passes: &[
        "# imgguard: waive[dockerfile.base-tag] until=2999-01-01 owner=@a reason=b\nFROM a\n",
        "# imgguard: waive[ports.exactly] until=2999-01-01 owner=@a reason=b\nFROM a:1\n",
    ],
    check,
};

fn check(subject: &Subject<'_>, notes: &mut Notes) {
    // What has ended or is for nothing is told when all findings are known.
    for problem in &subject.file.waiver_problems {
        notes.at((problem.line, 1), problem.message.clone());
    }
}
