//! JSON of `lint`, version 1. These types are the contract: they change only by optional additions; all else needs a `v2`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use crate::lint::{self, LintReport};
use crate::report::json::Tool;
use crate::rules::Level;

/// The version of the document.
const SCHEMA: &str = "imgguard.lint/v1";

/// What one run of `imgguard lint` found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document<'a> {
    /// Always `imgguard.lint/v1`.
    schema: &'a str,
    /// Who made this document.
    tool: Tool<'a>,
    /// The exit code of the run: 0 pass, 1 violations, 3 not everything was seen.
    exit_code: u8,
    /// One element per file, in the order of the command line.
    files: Vec<Linted<'a>>,
}

/// A Dockerfile.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Linted<'a> {
    /// As the user named it.
    file: &'a str,
    /// In the order of the text.
    findings: Vec<Finding<'a>>,
    /// What waivers let pass.
    waived: Vec<Waived<'a>>,
    /// Why a part of it was not read.
    gaps: &'a [String],
}

/// A finding.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Finding<'a> {
    rule: &'a str,
    code: &'a str,
    level: Level,
    /// From 1.
    line: usize,
    /// In characters, from 1.
    column: usize,
    message: &'a str,
    /// How to fix it: Markdown.
    fix: &'a str,
}

/// A finding that a waiver lets pass.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Waived<'a> {
    finding: Finding<'a>,
    reason: &'a str,
    owner: &'a str,
    /// The last day on which it holds.
    until: &'a str,
}

fn finding(finding: &lint::Finding) -> Finding<'_> {
    let lint::Finding { rule, level, line, column, message, fix } = finding;
    let fix = fix.as_deref().unwrap_or(rule.fix);
    Finding { rule: rule.id, code: rule.code, level: *level, line: *line, column: *column, message, fix }
}

/// Writes the reports as one JSON document.
pub(super) fn render(reports: &[LintReport], context: &Context<'_>) -> String {
    let files = reports.iter().map(|report| Linted {
        file: &report.file,
        findings: report.findings.iter().map(finding).collect(),
        waived: report
            .waived
            .iter()
            .map(|waived| Waived {
                finding: finding(&waived.finding),
                reason: &waived.reason,
                owner: &waived.owner,
                until: &waived.until,
            })
            .collect(),
        gaps: &report.gaps,
    });
    crate::report::json::write(&Document {
        schema: SCHEMA,
        tool: Tool { name: "imgguard", version: context.tool_version },
        exit_code: context.exit_code,
        files: files.collect(),
    })
}

/// JSON schema of the document.
pub(in crate::report) fn schema() -> String {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator()
        .into_root_schema_for::<Document<'_>>();
    schema.insert("$id".to_owned(), SCHEMA.into());
    schema.insert("title".to_owned(), "imgguard lint".into());
    crate::report::json::write(&schema)
}
