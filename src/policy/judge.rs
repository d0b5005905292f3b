//! Facts and policy in, verdict out: pure.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::model::{ImageFacts, Inspection};

use super::{Approved, Configured, ImageReport, Policy, Report, RuleResult, Verdict};
use crate::rules::{Circumstances, Level, Outcome};

/// The answer of a rule that panicked. The panic's own text stays out: it may quote the image's content.
pub(super) const RULE_PANICKED: &str = "internal error: the rule stopped unexpectedly; please report this";

/// Judges an inspection. A violation beats everything unseen; a gap or an undecided deny-level rule beats a pass.
///
/// A rule that panics is undecided, and as nothing is known about the cause the verdict is then inconclusive whatever
/// the rule's level.
#[must_use]
pub fn judge(policy: &Policy, inspection: Inspection, circumstances: &Circumstances) -> Report {
    let together: Vec<Option<Outcome>> =
        policy.rules.iter().map(|configured| decide_together(configured, &inspection.images, circumstances)).collect();
    let images: Vec<ImageReport> =
        inspection.images.iter().map(|image| judge_image(policy, &together, image, circumstances)).collect();
    let mut gaps: Vec<_> =
        inspection.gaps.iter().chain(inspection.images.iter().flat_map(|image| &image.gaps)).cloned().collect();
    gaps.sort();
    gaps.dedup();
    let results = || images.iter().flat_map(|image| &image.results);
    let violated = results().any(|result| result.level == Level::Deny && result.outcome.is_fail());
    let undecided = results().any(|result| match &result.outcome {
        Outcome::Unknown(why) => result.level == Level::Deny || why == RULE_PANICKED,
        Outcome::Pass(_) | Outcome::Fail(_) | Outcome::NotApplicable(_) => false,
    });
    let verdict = if violated {
        Verdict::Violations
    } else if undecided || !gaps.is_empty() || images.is_empty() {
        Verdict::Inconclusive
    } else {
        let digests = inspection.images.iter().map(|image| image.subject.digest.clone()).collect();
        Verdict::Pass(Approved { digests, policy: policy.digest.clone() })
    };
    Report {
        images,
        gaps,
        policy: policy.name.clone(),
        policy_source: policy.source.clone(),
        policy_digest: policy.digest.clone(),
        verdict,
        inspection,
    }
}

/// `together` holds the answers of the rules that judge all images at once.
fn judge_image(
    policy: &Policy,
    together: &[Option<Outcome>],
    image: &ImageFacts,
    circumstances: &Circumstances,
) -> ImageReport {
    let results = policy.rules.iter().zip(together).map(|(configured, together)| RuleResult {
        rule: configured.rule,
        level: configured.level,
        outcome: together.clone().unwrap_or_else(|| decide(configured, image, circumstances)),
        origin: configured.origin.clone(),
    });
    ImageReport { results: results.collect() }
}

fn decide(configured: &Configured, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
    // A check is a pure function of facts that it cannot change: nothing half-done can be seen after a panic.
    catch_unwind(AssertUnwindSafe(|| configured.check.decide_in(image, circumstances)))
        .unwrap_or_else(|_| Outcome::Unknown(RULE_PANICKED.to_owned()))
}

fn decide_together(configured: &Configured, images: &[ImageFacts], circumstances: &Circumstances) -> Option<Outcome> {
    catch_unwind(AssertUnwindSafe(|| configured.check.decide_together(images, circumstances)))
        .unwrap_or_else(|_| Some(Outcome::Unknown(RULE_PANICKED.to_owned())))
}

#[cfg(test)]
mod tests;
