//! Verification summaries beside an image: whether the last word of the verifier is one's own already.

use serde_json::Value;

use crate::sign::{VSA_TYPE, VsaDraft};

use super::history::Statement;

fn text<'a>(predicate: &'a Value, pointer: &str) -> &'a str {
    predicate.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Whether one of the statements says what the draft says, and none of them the contrary later. A summary that was overtaken is
/// written again: whoever goes by the last one would go by the other one.
pub(super) fn is_last_word<'a>(believed: impl Iterator<Item = &'a Statement>, draft: &VsaDraft) -> bool {
    let (mut same, mut contrary): (Option<i64>, Option<i64>) = (None, None);
    for statement in believed.filter(|statement| statement.predicate_type == VSA_TYPE) {
        let predicate = &statement.predicate;
        if text(predicate, "/resourceUri") != draft.resource || text(predicate, "/verifier/id") != draft.verifier {
            continue;
        }
        let time = text(predicate, "/timeVerified").parse::<jiff::Timestamp>();
        let time = time.map_or(i64::MIN, jiff::Timestamp::as_second);
        let passed = text(predicate, "/verificationResult") == "PASSED";
        let policy = text(predicate, &format!("/policy/digest/{}", draft.policy.1.algorithm().name()));
        if passed != draft.passed {
            contrary = contrary.max(Some(time));
        } else if policy == draft.policy.1.hex() {
            same = same.max(Some(time));
        }
    }
    same.is_some() && same >= contrary
}
