//! Annotations of GitHub Actions for `lint`: the worst first, within the ten that a step may show of each kind.

use super::Context;
use crate::lint::{Finding, LintReport};
use crate::report::escape::{command_message, command_property, visible};
use crate::rules::Level;

/// Annotations of one kind that GitHub shows per step.
const SHOWN: usize = 10;

/// Writes the reports as annotations.
pub(super) fn render(reports: &[LintReport], _: &Context<'_>) -> String {
    let mut text = String::new();
    let gaps = reports.iter().flat_map(|report| &report.gaps);
    for gap in gaps.take(SHOWN) {
        text.push_str(&format!("::error title=not seen::{}\n", safe(gap)));
    }
    for (level, word) in [(Level::Deny, "error"), (Level::Warn, "warning"), (Level::Info, "notice")] {
        let of_level: Vec<(&LintReport, &Finding)> = reports
            .iter()
            .flat_map(|report| report.findings.iter().map(move |finding| (report, finding)))
            .filter(|(_, finding)| finding.level == level)
            .collect();
        let shown = if of_level.len() > SHOWN { SHOWN - 1 } else { of_level.len() };
        for (report, finding) in &of_level[..shown] {
            let fix = finding.fix.as_deref().unwrap_or(finding.rule.fix);
            text.push_str(&format!(
                "::{word} file={},line={},col={},title={}::{}%0Afix: {}\n",
                command_property(&visible(&report.file)),
                finding.line,
                finding.column,
                command_property(finding.rule.id),
                safe(&finding.message),
                safe(fix),
            ));
        }
        if shown < of_level.len() {
            text.push_str(&format!("::{word} title=imgguard::and {} more\n", of_level.len() - shown));
        }
    }
    text
}

fn safe(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(|line| visible(line).replace("##[", "#\\x23[")).collect();
    command_message(&lines.join("\n")).replace("##vso[", "#\\x23vso[")
}
