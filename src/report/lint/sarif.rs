//! SARIF 2.1.0 of `lint`: a result per finding, at its line.

use std::collections::BTreeMap;

use super::Context;
use crate::lint::{Finding, LintReport, LintRule};
use crate::report::sarif::{NO_FILE, SARIF_SCHEMA, at_column, description, message, repository_path};
use crate::report::sarif_types::{
    AutomationDetails, Configuration, Driver, Fingerprints, Help, Invocation, Log, Notification, ReportingDescriptor,
    RuleProperties, Run, SarifResult, Tool,
};
use crate::rules::Level;

/// Results of one run; code scanning takes no more.
const MAX_RESULTS: usize = 25_000;

/// Writes the reports as a SARIF log.
pub(super) fn render(reports: &[LintReport], context: &Context<'_>) -> String {
    let mut rules: BTreeMap<&str, (&LintRule, Level)> = BTreeMap::new();
    for finding in reports.iter().flat_map(|report| &report.findings) {
        rules.entry(finding.rule.id).or_insert((finding.rule, finding.level));
    }
    let index: BTreeMap<&str, usize> = rules.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let results = reports.iter().flat_map(|report| report.findings.iter().map(move |finding| (report, finding)));
    let results: Vec<SarifResult> =
        results.take(MAX_RESULTS).map(|(report, finding)| result(report, finding, &index, &mut seen)).collect();
    let gaps = reports.iter().flat_map(|report| &report.gaps);
    let notifications: Vec<Notification> =
        gaps.map(|gap| Notification { level: "error", message: message(gap) }).collect();
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "imgguard",
                version: context.tool_version.to_owned(),
                rules: rules.into_values().map(|(rule, level)| descriptor(rule, level)).collect(),
            },
        },
        automation_details: AutomationDetails { id: "imgguard/lint/".to_owned() },
        invocations: vec![Invocation {
            execution_successful: notifications.is_empty(),
            exit_code: context.exit_code,
            tool_execution_notifications: notifications,
        }],
        column_kind: "unicodeCodePoints",
        results,
    };
    crate::report::json::write(&Log { schema: SARIF_SCHEMA, version: "2.1.0", runs: vec![run] })
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Deny => "error",
        Level::Warn => "warning",
        Level::Info | Level::Off => "note",
    }
}

fn descriptor(rule: &LintRule, level: Level) -> ReportingDescriptor {
    let (problem_severity, security_severity) = match level {
        Level::Deny => ("error", "8.0"),
        Level::Warn => ("warning", "5.0"),
        Level::Info | Level::Off => ("recommendation", "2.0"),
    };
    ReportingDescriptor {
        id: rule.code.into(),
        name: rule.id.into(),
        short_description: description(rule.summary),
        full_description: description(rule.why),
        help: Help {
            text: format!("{}\n\n{}", rule.why, rule.fix),
            markdown: format!("## Why\n\n{}\n\n## How to fix\n\n{}\n", rule.why, rule.fix),
        },
        default_configuration: Configuration { level: level_word(level) },
        properties: RuleProperties {
            tags: vec!["container".to_owned(), "dockerfile".to_owned()],
            precision: "high",
            problem_severity,
            security_severity,
        },
    }
}

fn result(
    report: &LintReport,
    finding: &Finding,
    index: &BTreeMap<&str, usize>,
    seen: &mut BTreeMap<String, usize>,
) -> SarifResult {
    // Lines move with every edit: the same words about the same file are the same finding, and are counted.
    let key = [finding.rule.id, &report.file, &finding.message].join("\0");
    let hash = crate::model::Digest::of(key.as_bytes()).hex()[..32].to_owned();
    let number = seen.entry(hash.clone()).or_default();
    *number += 1;
    let uri = repository_path(&report.file).unwrap_or_else(|| NO_FILE.to_owned());
    let fix = finding.fix.as_deref().unwrap_or(finding.rule.fix);
    SarifResult {
        rule_id: finding.rule.code.into(),
        rule_index: index.get(finding.rule.id).copied().unwrap_or_default(),
        level: level_word(finding.level),
        message: message(&format!("{}\nFix: {fix}", finding.message)),
        locations: vec![at_column(uri, finding.line, finding.column)],
        related_locations: Vec::new(),
        code_flows: Vec::new(),
        partial_fingerprints: Fingerprints { primary_location_line_hash: format!("{hash}:{number}") },
    }
}
