//! How long judging takes when everything is read: 150 rules, an image of 100,000 files and 10,000 packages.
//!
//! `cargo bench --bench judge` prints the time of whole judgements, nothing shared between them, and the rules that took longest.

mod made_up;

use std::time::Duration;

use imgguard::model::{Derived, Digest, ImageFacts, Inspection, SCHEMA};
use imgguard::policy::{Policy, builtin, judge, parse};
use imgguard::rules::{Circumstances, Outcome};
use made_up::{FILES, HIDDEN, PACKAGES, image, now, say};

const RULES: usize = 150;
const ROUNDS: usize = 15;
/// What a judgement may take.
const BUDGET: Duration = Duration::from_millis(50);

fn main() {
    let mut policy = policy();
    let ids: std::collections::BTreeSet<&str> =
        policy.rules.iter().map(|configured| configured.rule.id.as_ref()).collect();
    let mut inspection = Inspection { schema: SCHEMA.to_owned(), images: vec![image()], gaps: Vec::new() };
    let circumstances = Circumstances { now: Some(1_795_608_000), ..Circumstances::default() };
    say(&format!(
        "{} rules ({} different), {FILES} files, {HIDDEN} hidden, {PACKAGES} packages",
        policy.rules.len(),
        ids.len()
    ));

    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        inspection.images.iter_mut().for_each(|image| image.derived = Derived::default());
        let start = now();
        let report = judge(&policy, inspection, &circumstances);
        times.push(start.elapsed());
        inspection = report.inspection;
    }
    times.sort_unstable();
    let median = times[ROUNDS / 2];
    say(&format!(
        "judged in {median:.1?} (median of {ROUNDS}), fastest {:.1?}, slowest {:.1?}",
        times[0],
        times[ROUNDS - 1]
    ));
    say(&format!("{} the budget of {BUDGET:?}", if median < BUDGET { "within" } else { "ABOVE" }));

    custom(&inspection.images[0]);
    say("longest, the first time and again on the same facts:");
    let mut alone: Vec<(Duration, Duration, String)> = policy
        .rules
        .drain(..)
        .map(|configured| {
            let image = &mut inspection.images[0];
            image.derived = Derived::default();
            let once = || {
                let start = now();
                std::hint::black_box(configured.check.decide_in(image, &circumstances));
                start.elapsed()
            };
            (once(), once(), configured.rule.id.to_string())
        })
        .collect();
    alone.sort_unstable_by_key(|(first, again, id)| (std::cmp::Reverse(*first + *again), id.clone()));
    let total: Duration = alone.iter().map(|(_, again, _)| *again).sum();
    for (first, again, id) in alone.iter().take(25) {
        say(&format!("{first:>10.1?} {again:>10.1?}  {id}"));
    }
    say(&format!("all rules again: {total:.1?}"));
}

/// Rules that a policy brings along, each over all files: they have to come to an answer within the bound of steps.
fn custom(image: &ImageFacts) {
    let expressions = [
        "image.files.all(f, f.entry.mode < 4096)",
        "image.files.all(f, f.entry.kind != 'file' || f.entry.size < 1000000000)",
        "!image.files.exists(f, f.entry.path.endsWith('.pem') && f.entry.uid == 0)",
        "image.files.filter(f, f.entry.path.startsWith('usr/')).size() >= 0",
    ];
    say(&format!("custom rules over {} files, median of {ROUNDS}:", image.files.len()));
    for expression in expressions {
        let text = format!("version: 1\ncustom: [{{ name: bench, message: m, expr: \"{expression}\" }}]\n");
        let policy =
            parse(&text, "bench.yaml", &mut |_| Err(String::new())).unwrap_or_else(|errors| panic!("{errors}"));
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let start = now();
            let outcome = policy.rules[0].check.decide(image);
            times.push(start.elapsed());
            assert!(!matches!(outcome, Outcome::Unknown(_)), "{expression}: {outcome:?}");
        }
        times.sort_unstable();
        say(&format!("{:>10.1?}  {expression}", times[ROUNDS / 2]));
    }
}

/// Rules of shipped policies, again and again until there are enough.
fn policy() -> Policy {
    let sources = || {
        let examples = [
            include_str!("../policies/examples/complete.yaml"),
            include_str!("../policies/examples/strain-seer.yaml"),
            include_str!("../policies/examples/superinsight-a.yaml"),
            include_str!("../policies/examples/tearsheet-analyzer.yaml"),
        ];
        let examples = examples.into_iter().map(|text| {
            parse(text, "example.yaml", &mut |_| Err(String::new())).unwrap_or_else(|errors| panic!("{errors}"))
        });
        let presets = ["@strict", "@recommended"].into_iter().filter_map(|name| builtin(name)?.ok());
        examples.chain(presets).collect::<Vec<Policy>>()
    };
    let mut policy = Policy::of_rules("bench", "bench", Digest::of(b"bench"), Vec::new());
    while policy.rules.len() < RULES {
        policy.rules.extend(sources().into_iter().flat_map(|policy| policy.rules));
    }
    policy.rules.truncate(RULES);
    policy
}
