use super::super::fake::{image, inspection, table};
use super::super::{Common, Counts, Descriptor, Origin};
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
        rule: Arc::new(Descriptor::from(&table()[0])),
        level,
        common: Common::default(),
        needs_packages: false,
        check: Box::new(Answers(answer)),
        origin: Origin { file: "imgguard.yaml".to_owned(), line: 3 },
        settings: Vec::new(),
    });
    Policy::of_rules("test", "imgguard.yaml", Digest::of(b"policy"), rules.collect())
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
    let counts = Counts { denied: 1, warned: 2, informed: 1, unknown: 2, passed: 1, not_applicable: 1, waived: 0 };
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

/// A policy read from text, of the real rules, at 2026-11-25, noon.
fn real(text: &str) -> Policy {
    crate::policy::parse_at(text, "imgguard.yaml", &mut |path| Err(format!("no {path}")), Some(NOW))
        .unwrap_or_else(|errors| panic!("{errors}"))
}

const NOW: i64 = 1_795_608_000;

fn judged_at(policy: &Policy, image: &str, now: i64) -> Report {
    let facts = crate::testkit::image::image(image);
    judge(
        policy,
        inspection(vec![facts]),
        &Circumstances { now: Some(now), baseline: Vec::new(), ..Circumstances::default() },
    )
}

fn outcomes(report: &Report) -> Vec<String> {
    let results = report.images.iter().flat_map(|image| &image.results);
    let told = results.map(|result| {
        let word = match &result.outcome {
            Outcome::Pass(_) => "pass".to_owned(),
            Outcome::Fail(faults) => format!("fail {}", faults.len()),
            Outcome::Unknown(_) => "unknown".to_owned(),
            Outcome::NotApplicable(_) => "n/a".to_owned(),
            Outcome::Waived => "waived".to_owned(),
        };
        format!("{} {word}, {} waived", result.rule.id, result.waived.len())
    });
    told.collect()
}

const SETUID: &str = "4755 0:0 usr/bin/su\n4755 0:0 usr/bin/sudo";

fn setuid(path: &str, until: &str, more: &str) -> String {
    format!(
        "version: 1\nrules: {{ files: {{ setuid: deny }} }}\nwaivers:\n  - {{ rule: files.setuid, match: {{ path: \"{path}\" }}, reason: r, owner: o, until: {until}{more} }}\n"
    )
}

#[test]
fn a_waiver_takes_the_faults_it_matches_and_leaves_the_others() {
    let report = judged_at(&real(&setuid("/usr/bin/su", "2027-06-30", "")), SETUID, NOW);
    assert_eq!(outcomes(&report), ["files.setuid fail 1, 1 waived"]);
    assert_eq!(report.verdict, Verdict::Violations);
    let report = judged_at(&real(&setuid("/usr/bin/*", "2027-06-30", "")), SETUID, NOW);
    assert_eq!(outcomes(&report), ["files.setuid waived, 2 waived"]);
    assert!(matches!(report.verdict, Verdict::Pass(_)));
    assert_eq!(report.counts().waived, 2);
    let waived = &report.images[0].results[0].waived[0];
    assert_eq!((waived.until.as_str(), waived.owner.as_str(), waived.origin.line), ("2027-06-30", "o", 4));
}

#[test]
fn a_waiver_that_is_over_counts_again_and_says_where_it_stands() {
    let policy = real(&setuid("/usr/bin/*", "2026-12-31", ""));
    let report = judged_at(&policy, SETUID, NOW + 51 * 86_400);
    assert_eq!(outcomes(&report), ["files.setuid fail 2, 0 waived", "waivers.expired fail 1, 0 waived"]);
    assert_eq!(report.verdict, Verdict::Violations);
    let notice = &report.images[0].results[1];
    let Outcome::Fail(faults) = &notice.outcome else { panic!("told") };
    assert_eq!(
        faults[0].message,
        "waiver for `files.setuid` at imgguard.yaml:4 expired 14 days ago (until `2026-12-31`, o)"
    );
    assert_eq!((notice.origin.line, notice.level), (4, Level::Deny));
    // Its last day belongs to it.
    let report = judged_at(&policy, SETUID, NOW + 36 * 86_400);
    assert_eq!(outcomes(&report), ["files.setuid waived, 2 waived", "waivers.ending fail 1, 0 waived"]);
    assert!(matches!(report.verdict, Verdict::Pass(_)));
}

#[test]
fn a_waiver_that_nothing_needs_is_told_unless_the_rule_is_undecided() {
    let policy = real(&setuid("/opt/**", "2027-06-30", ""));
    let report = judged_at(&policy, "0755 0:0 bin/sh", NOW);
    assert_eq!(outcomes(&report), ["files.setuid pass, 0 waived", "waivers.unused fail 1, 0 waived"]);
    assert!(matches!(report.verdict, Verdict::Pass(_)));
    let report = judged_at(&policy, "0755 0:0 bin/sh\nlayer b\ngap layer 1 was not there", NOW);
    assert_eq!(outcomes(&report), ["files.setuid unknown, 0 waived"]);
    let mut reports = [
        judged_at(&real(&setuid("/usr/bin/*", "2027-06-30", "")), SETUID, NOW),
        judged_at(&real(&setuid("/usr/bin/*", "2027-06-30", "")), "0755 0:0 bin/sh", NOW),
    ];
    settle(&mut reports);
    assert_eq!(outcomes(&reports[1]), ["files.setuid pass, 0 waived"], "another image of the run needed it");
}

#[test]
fn a_waiver_is_for_its_images_and_platforms() {
    let other = real(&setuid("/usr/bin/*", "2027-06-30", ", image: [\"registry.example/else/**\"]"));
    assert_eq!(outcomes(&judged_at(&other, SETUID, NOW))[0], "files.setuid fail 2, 0 waived");
    let other = real(&setuid("/usr/bin/*", "2027-06-30", ", platforms: [linux/s390x]"));
    assert_eq!(outcomes(&judged_at(&other, SETUID, NOW))[0], "files.setuid fail 2, 0 waived");
}

#[test]
fn content_and_ports_and_labels_are_matched_by_what_they_are() {
    let policy = |rule: &str, settings: &str, given: &str| {
        let (group, name) = rule.split_once('.').expect("an id");
        real(&format!(
            "version: 1\nrules: {{ {group}: {{ {name}: {{ level: deny{settings} }} }} }}\nwaivers:\n  - {{ rule: {rule}, match: {{ {given} }}, reason: r, owner: o, until: 2027-06-30 }}\n"
        ))
    };
    let of = |policy: &Policy, image: &str| outcomes(&judged_at(policy, image, NOW))[0].clone();
    let with_content = |hash: u8| {
        let given = format!("path: /usr/bin/su, sha256: \"{}\"", format!("{hash:02x}").repeat(32));
        let mut facts = crate::testkit::image::image("4755 0:0 usr/bin/su");
        let su = facts.files.iter_mut().find(|file| &*file.entry.path == "usr/bin/su").expect("the file");
        su.entry.sha256 = Some(crate::model::FileHash([7; 32]));
        let circumstances = Circumstances { now: Some(NOW), baseline: Vec::new(), ..Circumstances::default() };
        outcomes(&judge(&policy("files.setuid", "", &given), inspection(vec![facts]), &circumstances))[0].clone()
    };
    assert_eq!(with_content(7), "files.setuid waived, 1 waived");
    assert_eq!(with_content(8), "files.setuid fail 1, 0 waived");
    let ports = |port: &str| policy("ports.forbid", ", ports: [22/tcp, 23/tcp]", &format!("port: {port}"));
    assert_eq!(of(&ports("22/tcp"), "port 22/tcp\nport 23/tcp"), "ports.forbid fail 1, 1 waived");
    let env = policy("env.forbid-values", ", values: { DEBUG: \"1\" }", "env: DEBUG");
    assert_eq!(of(&env, "env DEBUG=1"), "env.forbid-values waived, 1 waived");
}

#[test]
fn since_holds_a_deny_back_and_says_how_long() {
    let policy = real("version: 1\nrules: { files: { setuid: { level: deny, since: 2026-12-07 } } }\n");
    let report = judged_at(&policy, SETUID, NOW);
    let result = &report.images[0].results[0];
    assert_eq!(result.level, Level::Warn);
    assert_eq!(result.remarks, ["denies in 12 days (since 2026-12-07)"]);
    assert!(matches!(report.verdict, Verdict::Pass(_)));
    let report = judged_at(&policy, SETUID, NOW + 12 * 86_400);
    assert_eq!((report.images[0].results[0].level, &report.verdict), (Level::Deny, &Verdict::Violations));
    let timeless = judge(
        &policy,
        inspection(vec![crate::testkit::image::image(SETUID)]),
        &Circumstances { now: None, baseline: Vec::new(), ..Circumstances::default() },
    );
    assert_eq!(timeless.verdict, Verdict::Violations, "without a clock nothing is held back");
}

#[test]
fn scope_leaves_out_what_the_base_is_proved_to_have_brought() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let text = |scope: &str| {
        format!(
            "version: 1\nbases: [{{ ref: \"debian:12\", diff-ids: [\"{digest}\"] }}]\nrules:\n  base: {{ allow: {{ level: info, refs: [debian] }} }}\n  files: {{ setuid: {{ level: deny, scope: {scope} }} }}\n"
        )
    };
    let image = format!("layer a\ndiff-id {digest}\n4755 0:0 usr/bin/su\nlayer b\n4755 0:0 opt/x");
    let report = judged_at(&real(&text("own")), &image, NOW);
    let result = &report.images[0].results[1];
    let Outcome::Fail(faults) = &result.outcome else { panic!("opt/x is own") };
    assert_eq!((faults.len(), faults[0].subject.as_str()), (1, "opt/x"));
    assert_eq!(result.remarks, ["1 finding of the base image left out (scope: own)"]);
    let only_base = format!("layer a\ndiff-id {digest}\n4755 0:0 usr/bin/su");
    let report = judged_at(&real(&text("own")), &only_base, NOW);
    let remark = "1 finding of the base image left out (scope: own)".to_owned();
    assert_eq!(report.images[0].results[1].outcome, Outcome::Pass(remark));
    let unproved = "layer a\n4755 0:0 usr/bin/su";
    assert!(judged_at(&real(&text("own")), unproved, NOW).images[0].results[1].outcome.is_fail());
    assert_eq!(report.inspection.images[0].base[0].reference, "docker.io/library/debian:12");
}

#[test]
fn a_rule_for_other_platforms_has_nothing_to_judge() {
    let policy = real("version: 1\nrules: { files: { setuid: { level: deny, platforms: [linux/s390x] } } }\n");
    let report = judged_at(&policy, SETUID, NOW);
    let why = "the policy judges it on linux/s390x only".to_owned();
    assert_eq!(report.images[0].results[0].outcome, Outcome::NotApplicable(why));
}
