//! Text for people: a block per finding with the line it is about.

use super::Context;
use crate::lint::{Finding, LintReport};
use crate::report::sheet::{BOLD, DIM, ERROR, INFO, PLAIN, Sheet, UNKNOWN, WARNING};
use crate::report::summary::count;
use crate::rules::Level;

/// Most characters of a line that are shown where lines are not cut.
const SHOWN: usize = 160;

/// Writes the reports for people.
pub(super) fn render(reports: &[LintReport], context: &Context<'_>) -> String {
    let mut sheet = Sheet::new(context.color, context.width);
    for report in reports {
        for finding in &report.findings {
            block(&mut sheet, report, finding, context);
        }
        for gap in &report.gaps {
            sheet.gap();
            sheet.put(UNKNOWN, "gap").put(BOLD, ": ").put(BOLD, gap).end();
        }
    }
    closing(&mut sheet, reports);
    sheet.finish()
}

fn block(sheet: &mut Sheet, report: &LintReport, finding: &Finding, context: &Context<'_>) {
    let style = match finding.level {
        Level::Deny => ERROR,
        Level::Warn => WARNING,
        Level::Info | Level::Off => INFO,
    };
    sheet.gap();
    sheet.put(style, &format!("{}[{}]", super::word(finding.level), finding.rule.id)).put(BOLD, ": ");
    sheet.put(BOLD, &finding.message).end();
    sheet.put(DIM, "  --> ").plain(&format!("{}:{}:{}", report.file, finding.line, finding.column)).end();
    if let Some(line) = report.lines.get(&finding.line) {
        let number = finding.line.to_string();
        let indent = " ".repeat(number.len() + 1);
        let cut: String = line.chars().take(SHOWN).map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
        sheet.put(DIM, &format!(" {number} | ")).fit(PLAIN, &cut);
        sheet.end();
        if finding.column <= cut.chars().count() {
            sheet.put(DIM, &format!(" {indent}| ")).plain(&" ".repeat(finding.column - 1)).put(style, "^").end();
        }
    }
    if context.explain {
        sheet.put(DIM, "   = ").put(BOLD, "why:").tab(11, 1);
        sheet.prose("", PLAIN, finding.rule.why);
    }
    sheet.put(DIM, "   = ").put(BOLD, "help:").tab(11, 1);
    sheet.prose("", PLAIN, finding.fix.as_deref().unwrap_or(finding.rule.fix));
}

fn closing(sheet: &mut Sheet, reports: &[LintReport]) {
    let levels = |level: Level| reports.iter().flat_map(|one| &one.findings).filter(|one| one.level == level).count();
    let waived: usize = reports.iter().map(|report| report.waived.len()).sum();
    let mut parts = vec![count(levels(Level::Deny), "error"), count(levels(Level::Warn), "warning")];
    parts.push(format!("{} info", levels(Level::Info)));
    parts.push(format!("{waived} waived"));
    let files = if let [only] = reports { only.file.clone() } else { count(reports.len(), "file") };
    sheet.gap();
    sheet.put(BOLD, &files).plain("  ").plain(&parts.join(", ")).end();
}
