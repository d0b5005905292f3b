//! `imgguard explain`: why a rule is there and how to satisfy it; with an image, what it says of it and why.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::oci::Selector;
use crate::policy::{Configured, Descriptor, Policy, Report, judge, parse, rule_page};
use crate::report::{Context, format};
use crate::rules::{Circumstances, Outcome, RULES, Rule, find};

use super::image::{Reader, selector};
use super::terminal::Terminal;
use super::{Exit, Failure, SourceArguments, bases, evidence, output, policy};

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The rule: its id or code, such as user.root or IG0101, or a custom rule of the policy.
    #[arg(value_name = "RULE")]
    rule: String,
    /// An image: tell what the rule says of it, and why.
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
    /// Policy file or built-in policy, as for `check`.
    #[arg(short, long, value_name = "FILE")]
    policy: Option<String>,
    #[command(flatten)]
    parents: policy::ParentArguments,
    /// Dockerfile, compose file, Kubernetes manifest or directory beside the image; repeatable.
    #[arg(long, value_name = "FILE|DIR")]
    with: Vec<PathBuf>,
    /// This platform only, such as linux/arm64; every platform of an index unless given.
    #[arg(long, value_name = "OS/ARCH|all")]
    platform: Option<String>,
    #[command(flatten)]
    source: SourceArguments,
}

pub(super) fn run(arguments: &ExplainArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    let known =
        find(&arguments.rule).or_else(|| RULES.iter().find(|rule| rule.code.eq_ignore_ascii_case(&arguments.rule)));
    if let (Some(rule), None) = (known, &arguments.image) {
        output::print(&rule_page(rule))?;
        return Ok(Exit::Pass);
    }
    let (mut policy, file) =
        policy::load(arguments.policy.as_deref(), &arguments.parents, Some(&arguments.source.connection), terminal)?;
    let id = known.map_or(arguments.rule.as_str(), |rule| rule.id);
    policy.rules.retain(|configured| configured.rule.id == id);
    let mut by_default = false;
    if policy.rules.is_empty() {
        policy = alone(known.ok_or_else(|| unknown(&arguments.rule))?)?;
        by_default = true;
    }
    let Some(configured) = policy.rules.first() else { return Err(unknown(&arguments.rule)) };
    let mut text = page(configured, by_default);
    if let Some(image) = &arguments.image {
        let report = judged(arguments, image, &policy, file.as_deref(), terminal)?;
        text.push_str(&seen(&report));
    }
    output::print(&text)?;
    Ok(Exit::Pass)
}

fn unknown(rule: &str) -> Failure {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let hint = crate::yaml::suggest(rule, &ids).unwrap_or_default();
    Failure::usage(format!("there is no rule `{rule}`, and the policy has none of that name")).with_hint(hint)
}

/// A policy of that rule alone, as it is without settings.
fn alone(rule: &Rule) -> Result<Policy, Failure> {
    let (group, name) = rule.id.split_once('.').unwrap_or((rule.id, ""));
    let text = format!("version: 1\nname: {}\nrules: {{ {group}: {{ {name}: {{}} }} }}\n", rule.id);
    parse(&text, rule.id, &mut |_| Err("there is no file".to_owned())).map_err(|_| {
        Failure::usage(format!("the policy does not judge `{}`, and the rule needs settings", rule.id))
            .with_hint(format!("`imgguard explain {}` tells them", rule.id))
    })
}

fn page(configured: &Configured, by_default: bool) -> String {
    let Descriptor { id, code, summary, why, fix } = &*configured.rule;
    let code = if code == id { String::new() } else { format!(" ({code})") };
    let mut text = format!("{id}{code}: {summary}\n\nwhy   {}\n", indented(why));
    if !fix.trim().is_empty() {
        let _ = writeln!(text, "fix   {}", indented(fix));
    }
    let level = match configured.level {
        crate::rules::Level::Deny => "deny",
        crate::rules::Level::Warn => "warn",
        crate::rules::Level::Info => "info",
        crate::rules::Level::Off => "off",
    };
    if by_default {
        let _ = writeln!(text, "\nThe policy does not judge it; by default its level is {level}.");
    } else {
        let _ = writeln!(text, "\nlevel {level}, {}:{}", configured.origin.file, configured.origin.line);
        for setting in configured.settings.iter().filter(|setting| setting.key != "level") {
            let _ = writeln!(
                text,
                "      {}: {}  ({}:{})",
                setting.key, setting.value, setting.origin.file, setting.origin.line
            );
        }
    }
    text
}

fn indented(text: &str) -> String {
    text.trim().replace('\n', "\n      ")
}

fn judged(
    arguments: &ExplainArguments,
    image: &str,
    policy: &Policy,
    file: Option<&std::path::Path>,
    terminal: &Terminal,
) -> Result<Report, Failure> {
    let selector = selector(arguments.platform.as_deref(), Selector::All)?;
    let bases = bases::find(None, file)?.map(Arc::new);
    let evidence = evidence::read(&arguments.with, policy, file)?;
    let reader = Reader::new(&arguments.source, terminal)?.for_policy(policy);
    let mut inspection = reader.inspect(image, &selector)?;
    bases::prove(&mut inspection, bases.as_deref());
    evidence::place_steps(&mut inspection, &evidence);
    let circumstances = Circumstances { now: Some(super::now()), bases, evidence, ..Circumstances::default() };
    Ok(judge(policy, inspection, &circumstances))
}

/// What the rule says of each platform, then its findings as `check` shows them.
fn seen(report: &Report) -> String {
    let mut text = String::new();
    for (image, judged) in report.inspection.images.iter().zip(&report.images) {
        let Some(result) = judged.results.first() else { continue };
        let (word, why) = match &result.outcome {
            Outcome::Pass(measured) => ("pass", measured.clone()),
            Outcome::Fail(faults) => ("fail", format!("{} findings", faults.len()).replace("1 findings", "1 finding")),
            Outcome::Unknown(why) => ("unknown", why.clone()),
            Outcome::NotApplicable(why) => ("n/a", why.clone()),
            Outcome::Waived => ("waived", format!("{} findings", result.waived.len())),
        };
        let _ = writeln!(text, "\n{}  {}  {word}: {why}", image.subject.reference.escape_debug(), image.platform);
        for remark in &result.remarks {
            let _ = writeln!(text, "      {remark}");
        }
    }
    let some = report
        .images
        .iter()
        .flat_map(|image| &image.results)
        .any(|one| one.outcome.is_fail() || !one.waived.is_empty());
    if let Some(shown) = format("text").filter(|_| some) {
        let context = Context {
            color: false,
            width: None,
            tool_version: env!("CARGO_PKG_VERSION"),
            repository_file: None,
            elapsed: None,
            explain: false,
            show_suppressed: false,
            verbose: true,
            exit_code: Exit::from(&report.verdict).code(),
        };
        text.push('\n');
        text.push_str(&(shown.render)(std::slice::from_ref(report), &context));
    }
    text
}
