//! Facts and policy in, verdict out: pure.

use crate::model::Inspection;

use super::{Approved, ImageReport, Policy, Report, RuleResult, Verdict};
use crate::rules::{Level, Outcome};

/// Judges an inspection. A violation beats everything unseen; a gap or an undecided deny-level rule beats a pass.
#[must_use]
pub fn judge(policy: &Policy, inspection: Inspection) -> Report {
    let images: Vec<ImageReport> = inspection
        .images
        .iter()
        .map(|image| ImageReport {
            results: policy
                .rules
                .iter()
                .map(|configured| RuleResult {
                    rule: configured.rule,
                    level: configured.level,
                    outcome: configured.check.decide(image),
                    origin: configured.origin.clone(),
                })
                .collect(),
        })
        .collect();
    let mut gaps: Vec<_> =
        inspection.gaps.iter().chain(inspection.images.iter().flat_map(|image| &image.gaps)).cloned().collect();
    gaps.sort();
    gaps.dedup();
    let denied = || images.iter().flat_map(|image| &image.results).filter(|result| result.level == Level::Deny);
    let verdict = if denied().any(|result| result.outcome.is_fail()) {
        Verdict::Violations
    } else if !gaps.is_empty()
        || inspection.images.is_empty()
        || denied().any(|result| matches!(result.outcome, Outcome::Unknown(_)))
    {
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
