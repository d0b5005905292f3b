//! What is odd about the waivers themselves: expired and still needed, not needed at all, soon over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::ImageFacts;
use crate::rules::{Fault, Level, Outcome, Seat};

use super::judge::DAY;
use super::{Descriptor, ImageReport, Origin, Policy, Report, RuleResult, Waiver};

/// Days before its end from which on a waiver is told to end soon.
const SOON: i64 = 14;

/// A waiver is over, and what it let pass is still there.
const EXPIRED: (&str, &str) = ("waivers.expired", "IG0002");
/// A waiver let nothing pass.
const UNUSED: (&str, &str) = ("waivers.unused", "IG0003");
/// A waiver ends soon.
const ENDING: (&str, &str) = ("waivers.ending", "IG0004");

/// What became of the waivers during a run.
pub(super) struct Notices<'a> {
    waivers: &'a [Waiver],
    now: Option<i64>,
    /// Waivers that let a fault pass, by place in the list.
    used: BTreeSet<usize>,
    /// Waivers that are over, with the highest level of a rule that needed them.
    needed: BTreeMap<usize, Level>,
}

impl<'a> Notices<'a> {
    pub(super) fn new(waivers: &'a [Waiver], now: Option<i64>) -> Self {
        Self { waivers, now, used: BTreeSet::new(), needed: BTreeMap::new() }
    }

    fn is_over(&self, waiver: &Waiver) -> bool {
        self.now.is_some_and(|now| waiver.until <= now)
    }

    /// The waiver in force that lets this fault pass; remembers which ones were needed.
    pub(super) fn waiver_for(
        &mut self,
        rule: &str,
        level: Level,
        fault: &Fault,
        image: &ImageFacts,
    ) -> Option<&'a Waiver> {
        let waivers = self.waivers;
        let fitting = waivers
            .iter()
            .enumerate()
            .filter(|(_, waiver)| waiver.rule == rule && waiver.is_for(image) && waiver.matches.fits(fault, image));
        let (over, in_force): (Vec<_>, Vec<_>) = fitting.partition(|(_, waiver)| self.is_over(waiver));
        self.used.extend(in_force.iter().map(|(at, _)| *at));
        // While another waiver holds, an expired one is not needed.
        if in_force.is_empty() {
            for (at, _) in over {
                let known = self.needed.entry(at).or_insert(level);
                *known = level.max(*known);
            }
        }
        in_force.first().map(|(_, waiver)| *waiver)
    }

    /// The results that tell of the waivers, in the order of the texts.
    pub(super) fn results(self, policy: &Policy, images: &[ImageReport]) -> Vec<RuleResult> {
        let undecided: BTreeSet<&str> = images
            .iter()
            .flat_map(|image| &image.results)
            .filter(|result| matches!(result.outcome, Outcome::Unknown(_)))
            .map(|result| result.rule.id.as_ref())
            .collect();
        let on: BTreeSet<&str> = policy.rules.iter().map(|configured| configured.rule.id.as_ref()).collect();
        let mut results = Vec::new();
        for (at, waiver) in self.waivers.iter().enumerate() {
            if let Some(level) = self.needed.get(&at) {
                let days = self.now.map_or(0, |now| waiver.days_over(now));
                results.push(expired(waiver, days, *level));
            } else if self.used.contains(&at) {
                let left = self.now.map_or(i64::MAX, |now| waiver.until.saturating_sub(now));
                if left <= SOON * DAY {
                    results.push(ending(waiver, left.div_euclid(DAY)));
                }
            } else if !undecided.contains(waiver.rule.as_str()) && !images.is_empty() {
                let why = if on.contains(waiver.rule.as_str()) {
                    "no finding matches it"
                } else {
                    "the policy does not judge this rule"
                };
                results.push(unused(waiver, why, self.is_over(waiver)));
            }
        }
        results
    }
}

fn descriptor(
    of: (&'static str, &'static str),
    summary: &'static str,
    why: &'static str,
    fix: &'static str,
) -> Descriptor {
    Descriptor { id: of.0.into(), code: of.1.into(), summary: summary.into(), why: why.into(), fix: fix.into() }
}

fn result(rule: Descriptor, level: Level, waiver: &Waiver, message: String, origin: &Origin) -> RuleResult {
    let subject = format!("{}:{} {}", waiver.origin.file, waiver.origin.line, waiver.rule);
    let fault = Fault { subject, message, seat: Seat::Image, fix: None };
    RuleResult::plain(Arc::new(rule), level, Outcome::Fail(vec![fault]), origin.clone())
}

fn told_of(waiver: &Waiver) -> String {
    format!("waiver for `{}` at {}:{}", waiver.rule, waiver.until_origin.file, waiver.until_origin.line)
}

fn expired(waiver: &Waiver, days: i64, level: Level) -> RuleResult {
    let rule = descriptor(
        EXPIRED,
        "a waiver is over, and what it let pass is still there",
        "An exception ends on its day: what it let pass counts again.",
        "Renew it with a later `until` and a fresh `reason`, or fix the finding.",
    );
    let ago = match days {
        0 => "today".to_owned(),
        1 => "1 day ago".to_owned(),
        days => format!("{days} days ago"),
    };
    let message = format!("{} expired {ago} (until `{}`, {})", told_of(waiver), waiver.last_day(), waiver.owner);
    result(rule, level, waiver, message, &waiver.until_origin)
}

fn unused(waiver: &Waiver, why: &str, over: bool) -> RuleResult {
    let rule = descriptor(
        UNUSED,
        "a waiver lets nothing pass",
        "An exception that nothing needs any more lets the next fault of its kind pass unseen.",
        "Take it out of `waivers`.",
    );
    let over = if over { ", and it is over" } else { "" };
    let message = format!("{} is not needed: {why}{over}", told_of(waiver));
    result(rule, Level::Warn, waiver, message, &waiver.origin)
}

fn ending(waiver: &Waiver, days: i64) -> RuleResult {
    let rule = descriptor(
        ENDING,
        "a waiver ends within 14 days",
        "After its last day the finding counts again.",
        "Fix the finding, or renew the waiver with a later `until` and a fresh `reason`.",
    );
    let when = match days {
        0 => "today".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    };
    let message = format!("{} ends {when} (until `{}`, {})", told_of(waiver), waiver.last_day(), waiver.owner);
    result(rule, Level::Info, waiver, message, &waiver.until_origin)
}

/// Drops the notices of unused waivers that another report of the same run needed.
pub(super) fn settle(reports: &mut [Report]) {
    let mut idle: BTreeMap<(String, usize), usize> = BTreeMap::new();
    let is_idle = |result: &RuleResult| result.rule.id == UNUSED.0;
    let judged = reports.iter().filter(|report| !report.images.is_empty()).count();
    for report in reports.iter() {
        let told = report.images.first().into_iter().flat_map(|image| &image.results).filter(|one| is_idle(one));
        for result in told {
            *idle.entry((result.origin.file.clone(), result.origin.line)).or_default() += 1;
        }
    }
    for image in reports.iter_mut().flat_map(|report| &mut report.images) {
        image.results.retain(|result| {
            !is_idle(result) || idle.get(&(result.origin.file.clone(), result.origin.line)) == Some(&judged)
        });
    }
}
