//! Facts and policy in, verdict out: pure.

use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::model::{BaseClaim, BaseGrade, ImageFacts, Inspection};
use crate::parallel::in_parallel;
use crate::rules::setting::{KnownBase, day_of};
use crate::rules::{Circumstances, Fault, Level, Outcome};

use super::attribution::{Attribution, Attributor};
use super::notices::Notices;
use super::{Approved, Configured, ImageReport, Policy, Report, RuleResult, Scope, Since, Verdict, Waived};

/// The answer of a rule that panicked. The panic's own text stays out: it may quote the image's content.
pub(super) const RULE_PANICKED: &str = "internal error: the rule stopped unexpectedly; please report this";
/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// Judges an inspection. A violation beats everything unseen; a gap or an undecided deny-level rule beats a pass.
///
/// A rule that panics is undecided, and as nothing is known about the cause the verdict is then inconclusive whatever
/// the rule's level. Waivers take faults out of a failure before the verdict; what is odd about the waivers themselves is
/// told by results of their own, under `waivers.expired`, `waivers.unused` and `waivers.ending`.
#[must_use]
pub fn judge(policy: &Policy, mut inspection: Inspection, circumstances: &Circumstances) -> Report {
    let together: Vec<Option<Outcome>> =
        policy.rules.iter().map(|configured| decide_together(configured, &inspection.images, circumstances)).collect();
    let mut notices = Notices::new(&policy.waivers, circumstances.now);
    let mut images: Vec<ImageReport> = Vec::with_capacity(inspection.images.len());
    for image in &mut inspection.images {
        let proofs = proofs(&policy.bases, image);
        let results = judge_image(policy, &together, image, &proofs, circumstances, &mut notices);
        images.push(ImageReport { results });
        // Rules have their own way to the list of bases: what the list proves joins the facts for the reports only.
        image.base.splice(0..0, proofs);
    }
    let told = notices.results(policy, &images);
    for image in &mut images {
        image.results.extend(told.iter().map(RuleResult::again));
    }
    let mut gaps: Vec<_> =
        inspection.gaps.iter().chain(inspection.images.iter().flat_map(|image| &image.gaps)).cloned().collect();
    gaps.extend(circumstances.evidence.gaps.iter().cloned());
    gaps.sort();
    gaps.dedup();
    let mut report = Report {
        images,
        gaps,
        policy: policy.name.clone(),
        policy_source: policy.source.clone(),
        policy_digest: policy.digest.clone(),
        verdict: Verdict::Inconclusive,
        inspection,
    };
    report.verdict = verdict(policy, &report);
    report
}

pub(super) fn verdict(policy: &Policy, report: &Report) -> Verdict {
    let results = || report.images.iter().flat_map(|image| &image.results);
    let violated = results().any(RuleResult::violates);
    let undecided = results().any(|result| match &result.outcome {
        Outcome::Unknown(why) => result.level == Level::Deny || why == RULE_PANICKED,
        Outcome::Pass(_) | Outcome::Fail(_) | Outcome::NotApplicable(_) | Outcome::Waived => false,
    });
    if violated {
        Verdict::Violations
    } else if undecided || !report.gaps.is_empty() || report.images.is_empty() {
        Verdict::Inconclusive
    } else {
        let digests = report.inspection.images.iter().map(|image| image.subject.digest.clone()).collect();
        Verdict::Pass(Approved { digests, policy: policy.digest.clone() })
    }
}

/// Bases of the policy's list whose layers are the lowest layers of the image, the longest first.
fn proofs(bases: &[KnownBase], image: &ImageFacts) -> Vec<BaseClaim> {
    let own = &image.config.diff_ids;
    let mut proofs: Vec<BaseClaim> = Vec::new();
    for base in bases {
        let Some(ids) = base.diff_ids.as_deref() else { continue };
        if ids.len() <= own.len() && ids.iter().zip(own).all(|(known, own)| known.0 == *own) {
            proofs.push(BaseClaim {
                reference: base.r#ref.0.to_string(),
                digest: base.digest.as_ref().map(|digest| digest.0.clone()),
                grade: BaseGrade::Proved,
                layers: u32::try_from(ids.len()).ok(),
                by: "its layers are the lowest layers of this image".to_owned(),
            });
        }
    }
    proofs.sort_by(|one, other| (other.layers, &one.reference).cmp(&(one.layers, &other.reference)));
    proofs
}

/// `together` holds the answers of the rules that judge all images at once.
fn judge_image(
    policy: &Policy,
    together: &[Option<Outcome>],
    image: &ImageFacts,
    proofs: &[BaseClaim],
    circumstances: &Circumstances,
    notices: &mut Notices<'_>,
) -> Vec<RuleResult> {
    let attributor = Attributor::with(image, proofs);
    let mut results = Vec::with_capacity(policy.rules.len());
    let decided = decide_all(policy, together, image, circumstances);
    for (configured, decided) in policy.rules.iter().zip(decided) {
        let (level, held) = held_back(configured, circumstances.now);
        let mut result =
            RuleResult::plain(Arc::clone(&configured.rule), level, Outcome::Waived, configured.origin.clone());
        if let Some(outcome) = decided {
            let outcome = in_scope(outcome, configured.common.scope, &attributor, &mut result.remarks);
            result.outcome = waive(outcome, configured, image, notices, &mut result.waived);
        } else {
            let names: Vec<String> = configured.common.platforms.iter().map(ToString::to_string).collect();
            result.outcome = Outcome::NotApplicable(format!("the policy judges it on {} only", names.join(", ")));
        }
        if result.outcome.is_fail() {
            result.remarks.extend(held);
        }
        results.push(result);
    }
    results
}

/// The answers of all rules, in their order; none where the policy leaves the platform out. No rule sees another's answer, so
/// they are asked on all processors.
fn decide_all(
    policy: &Policy,
    together: &[Option<Outcome>],
    image: &ImageFacts,
    circumstances: &Circumstances,
) -> Vec<Option<Outcome>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let asked = policy.rules.iter().zip(together).collect();
    let decided: Result<_, Infallible> = in_parallel(asked, threads, |(configured, together): (&Configured, _)| {
        let covered = configured.common.covers(&image.platform);
        Ok(covered.then(|| Option::clone(together).unwrap_or_else(|| decide(configured, image, circumstances))))
    });
    match decided {
        Ok(decided) => decided,
    }
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

/// The level that counts now, and what to say when `since` holds a deny back. Without a clock nothing is held back.
fn held_back(configured: &Configured, now: Option<i64>) -> (Level, Option<String>) {
    let Some(Since { start }) = configured.common.since.filter(|_| configured.level == Level::Deny) else {
        return (configured.level, None);
    };
    match now.filter(|now| *now < start) {
        None => (configured.level, None),
        Some(now) => {
            let days = (start - now + DAY - 1).div_euclid(DAY);
            let word = if days == 1 { "day" } else { "days" };
            (Level::Warn, Some(format!("denies in {days} {word} (since {})", day_of(start))))
        }
    }
}

/// Leaves out the findings that are not of the scope; what cannot be told stays.
fn in_scope(outcome: Outcome, scope: Scope, attributor: &Attributor<'_>, remarks: &mut Vec<String>) -> Outcome {
    let (Outcome::Fail(faults), Some(left_out)) = (&outcome, other_side(scope)) else { return outcome };
    let (others, kept): (Vec<Fault>, Vec<Fault>) =
        faults.iter().cloned().partition(|fault| attributor.of(&fault.seat) == Some(left_out));
    if others.is_empty() {
        return outcome;
    }
    let (number, word) = (others.len(), if others.len() == 1 { "finding" } else { "findings" });
    let whose = if left_out == Attribution::Base { "of the base image" } else { "of the image itself" };
    let scope = if left_out == Attribution::Base { "own" } else { "base" };
    let remark = format!("{number} {word} {whose} left out (scope: {scope})");
    if kept.is_empty() {
        return Outcome::Pass(remark);
    }
    remarks.push(remark);
    Outcome::Fail(kept)
}

fn other_side(scope: Scope) -> Option<Attribution> {
    match scope {
        Scope::Own => Some(Attribution::Base),
        Scope::Base => Some(Attribution::Own),
        Scope::All => None,
    }
}

/// Takes out the faults that a waiver in force lets pass.
fn waive(
    outcome: Outcome,
    configured: &Configured,
    image: &ImageFacts,
    notices: &mut Notices<'_>,
    waived: &mut Vec<Waived>,
) -> Outcome {
    let Outcome::Fail(faults) = outcome else { return outcome };
    let mut left = Vec::new();
    for fault in faults {
        match notices.waiver_for(&configured.rule.id, configured.level, &fault, image) {
            Some(waiver) => waived.push(Waived {
                fault,
                reason: waiver.reason.clone(),
                owner: waiver.owner.clone(),
                until: waiver.last_day(),
                origin: waiver.origin.clone(),
            }),
            None => left.push(fault),
        }
    }
    if left.is_empty() { Outcome::Waived } else { Outcome::Fail(left) }
}

/// Drops the notices of unused waivers that another image of the same run needed.
pub fn settle(reports: &mut [Report]) {
    super::notices::settle(reports);
}

#[cfg(test)]
mod tests;
