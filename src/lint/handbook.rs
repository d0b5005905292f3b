//! The reference of all rules about Dockerfiles as Markdown: `docs/lint.md`.

use std::fmt::Write as _;

use crate::rules::Level;

use super::{LintRule, RULES};

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Deny => "deny",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Off => "off",
    }
}

/// Writes the reference of all rules.
#[must_use]
pub fn handbook() -> String {
    let mut text = String::from(
        "# Linting Dockerfiles\n\n\
         Printed by `imgguard lint --rules`.\n\n\
         `imgguard lint FILE… [-o text|json|sarif|github]` reads Dockerfiles only: no image, no registry, no shell. The built \
         image is the truth, and `check` judges it; here are the mistakes that only the text shows. Every finding has its \
         line and column, and advice for this file; nothing is changed.\n\n\
         | exit | meaning |\n|---|---|\n\
         | 0 | no finding at level `deny` |\n\
         | 1 | at least one finding at level `deny`, or at the level that `--fail-at` names |\n\
         | 2 | a file could not be read |\n\
         | 3 | a file is larger than what is read: 1 MiB, 3,000 instructions |\n\n\
         `--level RULE=LEVEL`, repeatable, changes the level of a rule for a run (`deny`, `warn`, `info`, `off`). A finding \
         is waived on the line above its instruction, until a day, by somebody, for a reason; a waiver that has ended or is \
         for nothing is a finding itself:\n\n\
         ```dockerfile\n\
         # imgguard: waive[dockerfile.base-tag] until=2027-01-31 owner=@team reason=\"the mirror has one tag\"\n\
         FROM mirror.example/python:latest\n\
         ```\n\n\
         There are no rules about pinned package versions (`apt-get install curl=7.88.1-10`): distributions remove old \
         versions from their servers, so such pins break builds within weeks, or keep what has been fixed since. What was \
         installed is told by `imgguard sbom`, and rules of `check` judge it.\n\n\
         Rules about what a step leaves behind (`apt-lists`, `apk-cache`, `pip-cache`, `dnf-cache`, `apt-recommends`) look \
         only at the stage that is built last and the stages it builds on: what other stages hold is not shipped.\n\n\
         | rule | code | level | a finding says |\n|---|---|---|---|\n",
    );
    for rule in RULES {
        let anchor: String = rule.id.chars().filter(|letter| *letter != '.').collect();
        let (id, code, level, summary) = (rule.id, rule.code, level_word(rule.level), rule.summary);
        let _ = writeln!(text, "| [`{id}`](#{anchor}) | {code} | {level} | {summary} |");
    }
    for rule in RULES {
        text.push('\n');
        text.push_str(&rule_page(rule));
    }
    text
}

/// Writes the reference of one rule.
#[must_use]
pub fn rule_page(rule: &LintRule) -> String {
    let mut text = format!("## `{}`\n\n", rule.id);
    let _ = writeln!(
        text,
        "{}, {} unless `--level` says otherwise: {}.\n",
        rule.code,
        level_word(rule.level),
        rule.summary
    );
    let _ = writeln!(text, "### Why\n\n{}\n\n### Fix\n\n{}\n", rule.why, rule.fix);
    for (title, examples) in [("Flagged", rule.flags), ("Passed", rule.passes)] {
        let _ = writeln!(text, "### {title}\n");
        for example in examples {
            // Examples of secrets are made up when they are tested.
            let example: String = example
                .split('@')
                .enumerate()
                .map(|(at, part)| match part {
                    "STRIPE" | "PASSWORD" if at % 2 == 1 => "…".to_owned(),
                    part if at == 0 => part.to_owned(),
                    part => format!("@{part}"),
                })
                .collect();
            let example = example.replace("…@", "…");
            let _ = write!(text, "```dockerfile\n{}\n```\n\n", example.trim_end());
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
