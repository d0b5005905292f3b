//! What an earlier image had already: with `check --baseline IMAGE` only what is new counts.

use std::collections::BTreeSet;

use crate::model::Platform;
use crate::rules::{Fault, Outcome, Seat};

use super::judge::verdict;
use super::{Policy, Report};

/// Takes the faults that the earlier image had as well out of the failures, and judges what is left; returns how many they were. `name`
/// is what people call the earlier image.
///
/// A fault is the same when the same rule says it of the same subject on the same platform. A measure of the whole image, such as its
/// size, is the same only with the same words: it may have grown. Nothing undecided becomes decided, and what is told about waivers stays.
pub fn leave_known(policy: &Policy, report: &mut Report, before: &Report, name: &str) -> usize {
    let mut total = 0;
    for (facts, image) in report.inspection.images.iter().zip(&mut report.images) {
        let known = known(before, &facts.platform);
        for result in &mut image.results {
            let Outcome::Fail(faults) = &mut result.outcome else { continue };
            if result.rule.group() == "waivers" {
                continue;
            }
            let all = faults.len();
            faults.retain(|fault| !known.contains(&identity(&result.rule.id, fault)));
            let left_out = all - faults.len();
            if left_out == 0 {
                continue;
            }
            total += left_out;
            let word = if left_out == 1 { "finding" } else { "findings" };
            let remark = format!("{left_out} {word} left out, which {name} had as well");
            if faults.is_empty() {
                result.outcome = Outcome::Pass(remark);
            } else {
                result.remarks.push(remark);
            }
        }
    }
    report.verdict = verdict(policy, report);
    total
}

/// What makes two faults the same.
fn identity(rule: &str, fault: &Fault) -> (String, String, Option<String>) {
    let measured = matches!(fault.seat, Seat::Image | Seat::Manifest | Seat::Reference);
    (rule.to_owned(), fault.subject.clone(), measured.then(|| fault.message.clone()))
}

fn known(before: &Report, platform: &Platform) -> BTreeSet<(String, String, Option<String>)> {
    let images = before.inspection.images.iter().zip(&before.images);
    let results = images.filter(|(facts, _)| facts.platform == *platform).flat_map(|(_, image)| &image.results);
    let mut known = BTreeSet::new();
    for result in results {
        if let Outcome::Fail(faults) = &result.outcome {
            known.extend(faults.iter().map(|fault| identity(&result.rule.id, fault)));
        }
        known.extend(result.waived.iter().map(|waived| identity(&result.rule.id, &waived.fault)));
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(subject: &str, message: &str, seat: Seat) -> Fault {
        Fault { subject: subject.to_owned(), message: message.to_owned(), seat, fix: None }
    }

    #[test]
    fn a_file_is_the_same_in_whatever_layer_and_a_measure_only_with_the_same_words() {
        let file = |layer| Seat::File { path: "app/.env".to_owned(), layer, line: None };
        let (old, new) = (fault("app/.env", "in layer 3", file(3)), fault("app/.env", "in layer 5", file(5)));
        assert_eq!(identity("files.leftovers", &old), identity("files.leftovers", &new));
        assert_ne!(identity("files.leftovers", &old), identity("files.empty", &new));
        let (old, new) = (fault("image", "1.9 GB", Seat::Image), fault("image", "2.3 GB", Seat::Image));
        assert_ne!(identity("size.total", &old), identity("size.total", &new));
        assert_eq!(identity("size.total", &old), identity("size.total", &old.clone()));
    }
}
