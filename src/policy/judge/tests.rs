use super::super::fake::{image, inspection, table};
use super::super::{Counts, Origin};
use super::*;
use crate::model::{Digest, Gap, GapKind};
use crate::rules::{Check, Fault, Seat};

/// Answers by a function of the image.
struct Answers(fn(&ImageFacts) -> Outcome);

impl Check for Answers {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        (self.0)(image)
    }
}

/// A level, and what a rule at that level answers.
type Answer = (Level, fn(&ImageFacts) -> Outcome);

fn policy(rules: Vec<Answer>) -> Policy {
    let rules = rules.into_iter().map(|(level, answer)| Configured {
        rule: &table()[0],
        level,
        check: Box::new(Answers(answer)),
        origin: Origin { file: "imgguard.yaml".to_owned(), line: 3 },
        settings: Vec::new(),
    });
    Policy {
        name: "test".to_owned(),
        source: "imgguard.yaml".to_owned(),
        digest: Digest::of(b"policy"),
        rules: rules.collect(),
    }
}

fn pass(_: &ImageFacts) -> Outcome {
    Outcome::Pass(String::new())
}

fn fail(_: &ImageFacts) -> Outcome {
    let fault = Fault { subject: "x".to_owned(), message: "wrong".to_owned(), seat: Seat::Image, fix: None };
    Outcome::Fail(vec![fault])
}

fn unknown(_: &ImageFacts) -> Outcome {
    Outcome::Unknown("no evidence".to_owned())
}

fn not_applicable(_: &ImageFacts) -> Outcome {
    Outcome::NotApplicable("nothing to judge".to_owned())
}

fn panics(image: &ImageFacts) -> Outcome {
    panic!("the content of {}", image.subject.reference)
}

fn gap(detail: &str) -> Gap {
    Gap { kind: GapKind::LayerMissing, layer: Some(0), path: None, detail: detail.to_owned() }
}

fn judged(rules: Vec<Answer>, gaps: &[&str]) -> Report {
    let mut facts = image("a");
    facts.gaps = gaps.iter().map(|detail| gap(detail)).collect();
    judge_plainly(&policy(rules), inspection(vec![facts]))
}

fn judge_plainly(policy: &Policy, inspection: Inspection) -> Report {
    judge(policy, inspection, &Circumstances::default())
}

#[test]
fn every_deny_holds_and_everything_was_seen_is_a_pass_of_exactly_that_image() {
    let report = judged(vec![(Level::Deny, pass), (Level::Deny, not_applicable), (Level::Warn, fail)], &[]);
    let Verdict::Pass(approved) = &report.verdict else { panic!("{:?}", report.verdict) };
    assert_eq!(approved.digests(), [Digest::of(b"a")]);
    assert_eq!(approved.policy(), &Digest::of(b"policy"));
    assert!(report.inconclusive_because().is_empty());
}

#[test]
fn a_violation_beats_everything_unseen() {
    let report = judged(vec![(Level::Deny, unknown), (Level::Deny, fail)], &["layer 0 is missing"]);
    assert_eq!(report.verdict, Verdict::Violations);
    assert!(report.inconclusive_because().is_empty());
    assert_eq!(judged(vec![(Level::Deny, panics), (Level::Deny, fail)], &[]).verdict, Verdict::Violations);
}

#[test]
fn any_gap_is_inconclusive_even_when_every_rule_holds() {
    let report = judged(vec![(Level::Deny, pass)], &["layer 0 is missing"]);
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert_eq!(report.inconclusive_because(), ["layer 0 is missing"]);

    let mut whole = inspection(vec![image("a")]);
    whole.gaps.push(gap("a child of the index could not be read"));
    assert_eq!(judge_plainly(&policy(vec![(Level::Deny, pass)]), whole).verdict, Verdict::Inconclusive);
}

#[test]
fn undecided_weighs_at_deny_only() {
    let report = judged(vec![(Level::Deny, unknown)], &[]);
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert_eq!(report.inconclusive_because(), ["`base.allow` could not be decided: no evidence"]);
    for level in [Level::Warn, Level::Info] {
        let report = judged(vec![(Level::Deny, pass), (level, unknown)], &[]);
        assert!(matches!(report.verdict, Verdict::Pass(_)), "{level:?}");
        assert_eq!(report.counts().unknown, 1, "it is told");
    }
}

#[test]
fn a_failure_at_warn_or_info_is_no_violation() {
    assert!(matches!(judged(vec![(Level::Warn, fail), (Level::Info, fail)], &[]).verdict, Verdict::Pass(_)));
}

#[test]
fn nothing_to_judge_is_no_pass() {
    let report = judge_plainly(&policy(vec![(Level::Deny, pass)]), inspection(Vec::new()));
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert_eq!(report.inconclusive_because(), ["there is no image to judge"]);
}

#[test]
fn one_bad_platform_spoils_the_whole() {
    fn second_fails(image: &ImageFacts) -> Outcome {
        if image.subject.digest == Digest::of(b"b") { fail(image) } else { pass(image) }
    }
    let report = judge_plainly(&policy(vec![(Level::Deny, second_fails)]), inspection(vec![image("a"), image("b")]));
    assert_eq!(report.verdict, Verdict::Violations);
    assert_eq!(report.images.len(), 2);
    assert_eq!(report.counts(), Counts { passed: 1, denied: 1, ..Counts::default() });
}

#[test]
fn a_rule_that_panics_is_undecided_at_any_level_and_its_words_stay_inside() {
    for level in [Level::Deny, Level::Warn, Level::Info] {
        let report = judged(vec![(level, panics), (Level::Deny, pass)], &[]);
        assert_eq!(report.verdict, Verdict::Inconclusive, "{level:?}");
        assert_eq!(report.images[0].results[0].outcome, Outcome::Unknown(RULE_PANICKED.to_owned()));
        assert!(matches!(report.images[0].results[1].outcome, Outcome::Pass(_)), "the others are judged all the same");
        let because = report.inconclusive_because();
        assert!(because.len() == 1 && !because[0].contains("content of"), "{because:?}");
    }
}

#[test]
fn gaps_are_listed_once_and_sorted() {
    let mut first = image("a");
    first.gaps = vec![gap("z"), gap("a")];
    let mut second = image("b");
    second.gaps = vec![gap("a")];
    let report = judge_plainly(&policy(vec![(Level::Deny, pass)]), inspection(vec![first, second]));
    assert_eq!(report.gaps, [gap("a"), gap("z")]);
}

#[test]
fn every_answer_is_counted_in_its_place() {
    let rules: Vec<Answer> = vec![
        (Level::Deny, fail),
        (Level::Warn, fail),
        (Level::Warn, fail),
        (Level::Info, fail),
        (Level::Info, unknown),
        (Level::Deny, unknown),
        (Level::Warn, pass),
        (Level::Deny, not_applicable),
    ];
    let counts = Counts { denied: 1, warned: 2, informed: 1, unknown: 2, passed: 1, not_applicable: 1 };
    assert_eq!(judged(rules, &[]).counts(), counts);
}

/// Answers for all images at once.
struct Together(fn(&[ImageFacts]) -> Outcome);

impl Check for Together {
    fn decide(&self, _: &ImageFacts) -> Outcome {
        panic!("the images are judged together")
    }

    fn decide_together(&self, images: &[ImageFacts], _: &Circumstances) -> Option<Outcome> {
        Some((self.0)(images))
    }
}

#[test]
fn an_answer_for_all_images_counts_for_each_and_is_made_once() {
    let judged = |answer: fn(&[ImageFacts]) -> Outcome| {
        let mut policy = policy(vec![(Level::Deny, pass)]);
        policy.rules[0].check = Box::new(Together(answer));
        judge_plainly(&policy, inspection(vec![image("a"), image("b")]))
    };
    let report = judged(|images| if images.len() == 2 { fail(&images[0]) } else { pass(&images[0]) });
    assert_eq!(report.verdict, Verdict::Violations);
    assert!(report.images.iter().all(|image| image.results[0].outcome.is_fail()));
    let report = judged(|_| panic!("the content of an image"));
    assert_eq!(report.verdict, Verdict::Inconclusive);
    assert!(report.images.iter().all(|image| matches!(image.results[0].outcome, Outcome::Unknown(_))));
}
