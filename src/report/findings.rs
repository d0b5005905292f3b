//! What is to be told, in order: the failed and undecided rules, each thing once for all platforms it is true of.

use std::collections::BTreeMap;

use crate::model::{Gap, ImageFacts, Platform};
use crate::policy::{Attribution, Descriptor, ImageReport, Origin, Report, RuleResult, Waived};
use crate::rules::{Fault, Level, Outcome};

use super::place::{Place, Places};

/// What a finding means for the verdict, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// A deny-level rule does not hold.
    Error,
    /// A deny-level rule could not be decided.
    Undecided,
    /// A warn-level rule does not hold.
    Warning,
    /// A rule below deny could not be decided.
    Open,
    /// An info-level rule does not hold.
    Info,
    /// A waiver lets it pass.
    Waived,
}

/// One thing to tell.
#[derive(Clone)]
pub(super) struct Finding<'a> {
    pub(super) weight: Weight,
    pub(super) rule: &'a Descriptor,
    pub(super) level: Level,
    pub(super) origin: &'a Origin,
    /// What the fault is about; empty when undecided.
    pub(super) subject: &'a str,
    /// What is wrong, or why it could not be decided.
    pub(super) message: &'a str,
    /// How to fix it in this image, when the rule knew.
    pub(super) own_fix: Option<&'a str>,
    pub(super) place: Place,
    /// Whether the base image brought it or the image itself; none when no base is proved or it cannot be told.
    pub(super) attribution: Option<Attribution>,
    /// What the policy did to the answer of the rule.
    pub(super) remarks: &'a [String],
    /// The waiver that lets it pass.
    pub(super) waiver: Option<&'a Waived>,
    /// The platforms it is true of, as indices into the images of the report.
    pub(super) images: Vec<usize>,
}

impl Finding<'_> {
    /// How to fix it: what the rule knew about this image, else its general advice.
    pub(super) fn fix(&self) -> &str {
        self.own_fix.unwrap_or(&self.rule.fix)
    }

    /// The name of the thing it is about, unless the message says it already.
    pub(super) fn name(&self) -> Option<&str> {
        let name = self.place.locator.as_deref().unwrap_or(self.subject);
        let told = |name: &str| self.message.contains(name.trim_start_matches('/'));
        let named = told(name) || (self.subject.len() > 1 && told(self.subject));
        Some(name).filter(|name| !name.is_empty() && !named)
    }

    /// The message as one line that stands alone: with the name of the thing it is about.
    pub(super) fn headline(&self) -> String {
        match self.name() {
            Some(name) => format!("{name}: {}", self.message),
            None => self.message.to_owned(),
        }
    }
}

fn weight(level: Level, outcome: &Outcome) -> Option<Weight> {
    match (outcome, level) {
        (Outcome::Fail(_), Level::Deny) => Some(Weight::Error),
        (Outcome::Fail(_), Level::Warn) => Some(Weight::Warning),
        (Outcome::Fail(_), Level::Info) => Some(Weight::Info),
        (Outcome::Unknown(_), Level::Deny) => Some(Weight::Undecided),
        (Outcome::Unknown(_), Level::Warn | Level::Info) => Some(Weight::Open),
        (_, Level::Off) | (Outcome::Pass(_) | Outcome::NotApplicable(_) | Outcome::Waived, _) => None,
    }
}

fn of_result<'a>(places: &Places<'_>, image: usize, result: &'a RuleResult) -> Vec<Finding<'a>> {
    let RuleResult { rule, level, outcome, origin, waived, remarks } = result;
    let blank = |weight, subject, message| Finding {
        weight,
        rule,
        level: *level,
        origin,
        subject,
        message,
        own_fix: None,
        place: Place::default(),
        attribution: None,
        remarks,
        waiver: None,
        images: vec![image],
    };
    let of_fault = |weight, fault: &'a Fault| Finding {
        own_fix: fault.fix.as_deref(),
        place: places.of(&fault.seat),
        attribution: places.attribution(&fault.seat),
        ..blank(weight, fault.subject.as_str(), fault.message.as_str())
    };
    let mut findings = Vec::new();
    if let Some(weight) = weight(*level, outcome) {
        match outcome {
            Outcome::Fail(faults) => findings.extend(faults.iter().map(|fault| of_fault(weight, fault))),
            Outcome::Unknown(reason) => findings.push(blank(weight, "", reason.as_str())),
            Outcome::Pass(_) | Outcome::NotApplicable(_) | Outcome::Waived => {}
        }
    }
    findings.extend(waived.iter().map(|one| Finding { waiver: Some(one), ..of_fault(Weight::Waived, &one.fault) }));
    findings
}

fn sort(findings: &mut [Finding<'_>]) {
    findings.sort_by(|a, b| {
        let key = |one: &Finding<'_>| (one.weight, one.rule.id.clone());
        key(a).cmp(&key(b)).then_with(|| (a.subject, a.message, &a.place).cmp(&(b.subject, b.message, &b.place)))
    });
}

/// The findings of one platform, worst first, then by rule and subject.
pub(super) fn of_image<'a>(at: usize, image: &ImageFacts, judged: &'a ImageReport) -> Vec<Finding<'a>> {
    let places = Places::new(image);
    let mut findings: Vec<_> = judged.results.iter().flat_map(|result| of_result(&places, at, result)).collect();
    sort(&mut findings);
    findings
}

/// The findings of all platforms, worst first; what is the same on several platforms is one finding.
pub(super) fn of_report(report: &Report) -> Vec<Finding<'_>> {
    let mut merged: BTreeMap<_, Finding<'_>> = BTreeMap::new();
    for (at, (image, judged)) in report.inspection.images.iter().zip(&report.images).enumerate() {
        for finding in of_image(at, image, judged) {
            let key = (
                finding.weight,
                finding.rule.id.as_ref(),
                finding.subject,
                finding.message,
                finding.own_fix,
                finding.place.clone(),
            );
            let known = merged.entry(key).or_insert_with(|| Finding { images: Vec::new(), ..finding });
            if known.images.last() != Some(&at) {
                known.images.push(at);
            }
        }
    }
    let mut findings: Vec<_> = merged.into_values().collect();
    sort(&mut findings);
    findings
}

/// A gap with the platforms it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenGap<'a> {
    pub(super) gap: &'a Gap,
    /// Whether it makes the verdict inconclusive.
    pub(super) blocking: bool,
    /// Indices into the images of the report; empty when it belongs to no single platform.
    pub(super) images: Vec<usize>,
}

/// All gaps, each once: those that make the verdict inconclusive first.
pub(super) fn gaps(report: &Report) -> Vec<SeenGap<'_>> {
    let mut all: BTreeMap<(bool, &Gap), Vec<usize>> = BTreeMap::new();
    let blocking = |gap: &Gap| report.gaps.contains(gap);
    for gap in report.gaps.iter().chain(&report.inspection.gaps) {
        all.entry((!blocking(gap), gap)).or_default();
    }
    for (at, image) in report.inspection.images.iter().enumerate() {
        for gap in &image.gaps {
            let images = all.entry((!blocking(gap), gap)).or_default();
            if images.last() != Some(&at) {
                images.push(at);
            }
        }
    }
    all.into_iter().map(|((harmless, gap), images)| SeenGap { gap, blocking: !harmless, images }).collect()
}

/// What a gap or a note says, after its layer and path as far as the words do not name them.
pub(super) fn placed(layer: Option<u32>, path: Option<&str>, detail: &str) -> String {
    let layer = layer.map(|layer| format!("layer {layer}")).filter(|name| !detail.contains(name.as_str()));
    let path = path.map(|path| path.trim_start_matches('/')).filter(|path| !detail.contains(path));
    let words: Vec<String> = layer.into_iter().chain(path.map(|path| format!("/{path}"))).collect();
    if words.is_empty() { detail.to_owned() } else { format!("{}: {detail}", words.join(" ")) }
}

/// The platforms at these indices.
pub(super) fn platforms<'a>(report: &'a Report, images: &[usize]) -> Vec<&'a Platform> {
    images.iter().filter_map(|at| report.inspection.images.get(*at)).map(|image| &image.platform).collect()
}

/// The name that a kind of gap or note has in JSON.
pub(super) fn kind_name(kind: &impl serde::Serialize) -> String {
    match serde_json::to_value(kind) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_same_fault_on_two_platforms_is_told_once() {
        let report = sample::denied();
        let findings = of_report(&report);
        let user: Vec<_> = findings.iter().filter(|finding| finding.rule.id == "user.root").collect();
        assert_eq!(user.len(), 1);
        assert_eq!(user[0].images, [0, 1]);
        let one_platform = findings.iter().filter(|finding| finding.images.len() == 1).count();
        assert_eq!(one_platform, 1, "only arm64 has the file");
    }

    #[test]
    fn the_worst_comes_first() {
        let report = sample::denied();
        let weights: Vec<_> = of_report(&report).iter().map(|finding| finding.weight).collect();
        assert!(weights.is_sorted());
        assert_eq!(weights.first(), Some(&Weight::Error));
    }

    #[test]
    fn a_place_is_not_named_twice() {
        assert_eq!(placed(Some(1), Some("etc/x"), "is damaged"), "layer 1 /etc/x: is damaged");
        assert_eq!(placed(Some(1), None, "layer 1 was not seen"), "layer 1 was not seen");
        assert_eq!(placed(None, Some("etc/x"), "`/etc/x` is too large"), "`/etc/x` is too large");
    }

    #[test]
    fn gaps_know_their_platform_and_whether_they_count() {
        let report = sample::incomplete();
        let gaps = gaps(&report);
        assert!(gaps.iter().any(|gap| gap.blocking && gap.images == [0]));
    }
}
