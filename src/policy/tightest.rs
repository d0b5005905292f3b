//! The tightest policy that a known-good image passes: what `imgguard init` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::model::{ImageFacts, Inspection};
use crate::rules::{Circumstances, Level, Outcome};

use super::describe::word;
use super::{Policy, Verdict, judge, parse_at};

/// The preset that it starts from.
const PRESET: &str = "@strict";
/// How often rules are taken away before it is given up.
const ROUNDS: usize = 4;
/// Labels whose value tells the release: that they are there counts, not what they say.
const LABELS: &str = "org.opencontainers.image.";

/// A rule as it is written: its level and settings as YAML flow text.
struct Line {
    level: Level,
    settings: String,
    remark: Option<String>,
}

/// Writes the tightest policy that the image passes: the preset `@strict`, what can be read off the image (user, ports, size,
/// layers, platforms, labels), every rule that holds at level deny, and every rule that does not off, with the reason.
///
/// # Errors
/// The image was not seen completely, or no policy could be made: one sentence.
pub fn tightest(name: &str, inspection: &Inspection, circumstances: &Circumstances) -> Result<String, String> {
    let gaps = inspection.gaps.iter().chain(inspection.images.iter().flat_map(|image| &image.gaps));
    if let Some(gap) = gaps.chain(&circumstances.evidence.gaps).next() {
        return Err(format!("the image was not seen completely: {}", gap.detail));
    }
    if inspection.images.is_empty() {
        return Err("there is no image".to_owned());
    }
    let mut lines = derived(&inspection.images);
    for _ in 0..ROUNDS {
        let text = written(name, &lines);
        let policy = read(&text, circumstances.now)?;
        let report = judge(&policy, inspection.clone(), circumstances);
        let mut changed = false;
        for (at, configured) in policy.rules.iter().enumerate() {
            let outcomes = report.images.iter().filter_map(|image| image.results.get(at)).map(|result| &result.outcome);
            let outcomes: Vec<&Outcome> = outcomes.collect();
            let against = outcomes.iter().find_map(|outcome| told(outcome));
            let holds = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Pass(_)));
            let level = match (&against, configured.level) {
                (Some(_), _) => Level::Off,
                // What is told only is not made a law: the preset says why.
                (None, Level::Warn) if holds => Level::Deny,
                (None, level) => level,
            };
            if level != configured.level {
                let settings = lines.get(configured.rule.id.as_ref()).map(|line| line.settings.clone());
                let settings = settings.filter(|_| level != Level::Off).unwrap_or_default();
                lines.insert(configured.rule.id.to_string(), Line { level, settings, remark: against });
                changed = true;
            }
        }
        if !changed {
            return match report.verdict {
                Verdict::Pass(_) => Ok(text),
                Verdict::Violations | Verdict::Inconclusive => Err("no rule would be left".to_owned()),
            };
        }
    }
    Err("the rules do not settle".to_owned())
}

fn read(text: &str, now: Option<i64>) -> Result<Policy, String> {
    parse_at(text, "imgguard.yaml", &mut |_| Err("none".to_owned()), now).map_err(|errors| errors.to_string())
}

/// What speaks against a rule; none when it holds or does not apply.
fn told(outcome: &Outcome) -> Option<String> {
    let text = match outcome {
        Outcome::Fail(faults) => {
            let first = faults.first().map_or("it fails", |fault| &fault.message);
            let more = faults.len().saturating_sub(1);
            if more > 0 { format!("{first} (and {more} more)") } else { first.to_owned() }
        }
        Outcome::Unknown(why) => format!("could not be decided: {why}"),
        Outcome::Pass(_) | Outcome::NotApplicable(_) | Outcome::Waived => return None,
    };
    // It becomes a comment.
    let plain: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    Some(plain.chars().take(160).collect())
}

/// What can be read off the images.
fn derived(images: &[ImageFacts]) -> BTreeMap<String, Line> {
    let mut lines = BTreeMap::new();
    let mut add = |rule: &str, settings: String| {
        lines.insert(rule.to_owned(), Line { level: Level::Deny, settings, remark: None });
    };
    let users: BTreeSet<Option<u32>> = images.iter().map(user).collect();
    if let (1, Some(Some(uid))) = (users.len(), users.first()) {
        add("user.uid", format!("equals: {uid}"));
    }
    let ports: BTreeSet<&str> =
        images.iter().flat_map(|image| &image.config.exposed_ports).map(String::as_str).collect();
    let ports: Vec<String> = ports.into_iter().map(port).collect();
    add("ports.exactly", format!("ports: [{}]", ports.join(", ")));
    let sizes: Option<Vec<u64>> = images.iter().map(ImageFacts::uncompressed_size).collect();
    if let Some(size) = sizes.and_then(|sizes| sizes.into_iter().max()) {
        add("size.total", format!("basis: uncompressed, below: {}B, warn-at: null", above(size)));
    }
    let layers = images.iter().map(|image| image.layers.len()).max().unwrap_or_default();
    add("layers.count", format!("max: {layers}"));
    let platforms: BTreeSet<String> = images.iter().map(|image| image.platform.to_string()).collect();
    if images.iter().any(|image| image.index.is_some()) {
        add("platforms.require", format!("exactly: [{}]", platforms.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let common = |image: &ImageFacts| -> BTreeSet<String> {
        let full = image.config.labels.iter().filter(|(_, value)| !value.trim().is_empty());
        full.map(|(key, _)| key.clone()).filter(|key| key.starts_with(LABELS)).collect()
    };
    let labels = images.iter().map(common).reduce(|one, other| &one & &other).unwrap_or_default();
    if !labels.is_empty() {
        let labels: Vec<String> = labels.iter().map(|key| format!("{}: {{format: non-empty}}", word(key))).collect();
        add("labels.require", format!("labels: {{{}}}", labels.join(", ")));
    }
    lines
}

/// The user's id, as far as it is a number or a name of the image.
fn user(image: &ImageFacts) -> Option<u32> {
    let name = image.config.user.split(':').next().unwrap_or_default();
    let account = || image.accounts.as_ref()?.iter().find(|account| account.name == name).map(|account| account.uid);
    name.parse().ok().or_else(account)
}

fn port(text: &str) -> String {
    let text = text.to_ascii_lowercase();
    if text.contains('/') { word(&text) } else { word(&format!("{text}/tcp")) }
}

/// A size above this one, with three digits that count: a rebuild moves some bytes.
fn above(size: u64) -> u64 {
    let step = 10_u64.saturating_pow(size.checked_ilog10().unwrap_or(0).saturating_sub(2));
    (size / step).saturating_add(1).saturating_mul(step)
}

fn written(name: &str, lines: &BTreeMap<String, Line>) -> String {
    let mut text = format!(
        "# Written by `imgguard init`: the image passes this policy. Make it tighter from here on, not looser.\nversion: 1\nname: {}\nextends: [\"{PRESET}\"]\nrules:\n",
        word(name)
    );
    let mut group = "";
    for (rule, line) in lines {
        let (own, name) = rule.split_once('.').unwrap_or((rule, ""));
        if own != group {
            let _ = writeln!(text, "  {own}:");
            group = own;
        }
        let level = super::merge::level_word(line.level);
        let value = if line.settings.is_empty() {
            level.to_owned()
        } else {
            format!("{{ level: {level}, {} }}", line.settings)
        };
        let remark = line.remark.as_ref().map_or_else(String::new, |remark| format!("  # {remark}"));
        let _ = writeln!(text, "    {name}: {value}{remark}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::fake;
    use crate::testkit::image::images;

    const GOOD: &str = "tag 1.4.2\nuser 1000\nport 8080/tcp\nlabel org.opencontainers.image.version=1.4.2\nlayer COPY app /app\n0755 0:0 app @10MB\n";

    fn made(text: &str) -> String {
        tightest("app", &fake::inspection(images(text)), &Circumstances::default())
            .unwrap_or_else(|why| panic!("{why}"))
    }

    fn verdict(policy: &str, text: &str) -> Verdict {
        let policy = read(policy, None).unwrap_or_else(|why| panic!("{why}"));
        judge(&policy, fake::inspection(images(text)), &Circumstances::default()).verdict
    }

    #[test]
    fn the_image_passes_it_and_a_slightly_worse_one_does_not() {
        let policy = made(GOOD);
        assert!(matches!(verdict(&policy, GOOD), Verdict::Pass(_)), "{policy}");
        for worse in [
            GOOD.replace("user 1000", "user 0"),
            GOOD.replace("user 1000", "user 1001"),
            GOOD.replace("port 8080/tcp", "port 8080/tcp\nport 5432/tcp"),
            GOOD.replace("@10MB", "@12MB"),
            format!("{GOOD}layer RUN x\n0644 0:0 y\n"),
            format!("{GOOD}4755 0:0 opt/tool\n"),
            GOOD.replace("label org.opencontainers.image.version=1.4.2\n", ""),
            format!("{GOOD}0644 0:0 app/.env \"A=b\"\n"),
        ] {
            assert_eq!(verdict(&policy, &worse), Verdict::Violations, "{worse}\n{policy}");
        }
    }

    #[test]
    fn what_does_not_hold_is_off_and_told_why() {
        let policy = made("layer a\n4755 0:0 opt/tool\n");
        let line = |name: &str| policy.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default();
        assert!(line("setuid: off  # ").contains("4755"), "{policy}");
        assert!(line("root: off  # ").len() > 15, "{policy}");
        assert_eq!(made(GOOD), made(GOOD), "the same image gives the same text");
    }

    #[test]
    fn an_image_that_was_not_seen_gives_no_policy() {
        let told = tightest(
            "a",
            &fake::inspection(images("layer a\n0644 0:0 b\ngap layer 0 damaged")),
            &Circumstances::default(),
        );
        assert!(told.is_err_and(|why| why.starts_with("the image was not seen completely")));
        assert!(tightest("a", &fake::inspection(Vec::new()), &Circumstances::default()).is_err());
        assert_eq!((above(0), above(999), above(1_000), above(123_456)), (1, 1_000, 1_010, 124_000));
    }
}
