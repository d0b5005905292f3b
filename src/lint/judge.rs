//! A Dockerfile and all rules.

use std::collections::{BTreeMap, BTreeSet};

use crate::companions::{Dockerfile, ProblemKind};
use crate::rules::Level;
use crate::secrets::Scanner;

use super::rules::{secret_value, waiver};
use super::{Finding, LintReport, LintRule, Notes, RULES, Subject, Waived};

/// Judges a Dockerfile. `now` is the time in seconds since 1970, by which waivers end; `level` may change a rule's level.
#[must_use]
pub fn lint(file: &str, text: &str, scanner: &Scanner, now: i64, level: &dyn Fn(&LintRule) -> Level) -> LintReport {
    let dockerfile = Dockerfile::parse(file, text);
    let subject = Subject::new(&dockerfile, scanner);
    let mut findings: Vec<Finding> = Vec::new();
    for rule in RULES {
        let level = level(rule);
        if level == Level::Off {
            continue;
        }
        let mut notes = Notes::default();
        (rule.check)(&subject, &mut notes);
        findings.extend(notes.found.into_iter().map(|note| Finding {
            rule,
            level,
            line: note.line,
            column: note.column,
            message: note.message,
            fix: note.fix,
        }));
    }
    let mut waived = waive(&dockerfile, &mut findings, now, level(&waiver::RULE));
    findings.sort_by(|left, right| {
        let key = |one: &Finding| (one.line, one.column, one.rule.id);
        key(left).cmp(&key(right)).then_with(|| left.message.cmp(&right.message))
    });
    for finding in findings.iter_mut().chain(waived.iter_mut().map(|waived| &mut waived.finding)) {
        finding.message = masked(scanner, &finding.message);
        finding.fix = finding.fix.take().map(|fix| masked(scanner, &fix));
    }
    let lines = lines(&dockerfile, text, scanner, &findings);
    let bounds = dockerfile.problems.iter().filter(|problem| problem.kind == ProblemKind::Bound);
    let gaps = bounds.map(|problem| format!("{file}:{}: {}", problem.line, problem.message)).collect();
    LintReport { file: file.to_owned(), lines, findings, waived, gaps }
}

/// A text without the secrets in it.
fn masked(scanner: &Scanner, text: &str) -> String {
    let mut shown = text.to_owned();
    for hit in scanner.scan_text("", text).iter().rev() {
        shown.replace_range(hit.range.clone(), &hit.redacted);
    }
    shown
}

/// The lines that findings are about. What an instruction with a secret in it says is not shown: the secret may go over
/// several lines.
fn lines(file: &Dockerfile, text: &str, scanner: &Scanner, findings: &[Finding]) -> BTreeMap<usize, String> {
    let veiled: Vec<_> = findings
        .iter()
        .filter(|finding| finding.rule.id == secret_value::RULE.id)
        .filter_map(|finding| file.instructions.iter().find(|one| (one.line..=one.end_line).contains(&finding.line)))
        .map(|one| one.line..=one.end_line)
        .collect();
    let wanted: BTreeSet<usize> = findings.iter().map(|finding| finding.line).collect();
    let shown = text.split('\n').enumerate().map(|(at, line)| (at + 1, line.trim_end_matches('\r')));
    shown
        .filter(|(number, _)| wanted.contains(number) && !veiled.iter().any(|lines| lines.contains(number)))
        .map(|(number, line)| (number, masked(scanner, line)))
        .collect()
}

/// Takes out what waivers let pass, and says which waivers have ended or are for nothing.
fn waive(dockerfile: &Dockerfile, findings: &mut Vec<Finding>, now: i64, level: Level) -> Vec<Waived> {
    let mut waived = Vec::new();
    let mut notes = Notes::default();
    for waiver in &dockerfile.waivers {
        let place = (waiver.line, 1);
        let instruction = dockerfile.instructions.iter().find(|one| Some(one.line) == waiver.covers);
        let lines = instruction.map(|one| one.line..=one.end_line);
        let mut used = BTreeSet::new();
        let ended = now >= waiver.ends;
        findings.retain(|finding| {
            let covered = lines.as_ref().is_some_and(|lines| lines.contains(&finding.line));
            if !covered || !waiver.rules.iter().any(|rule| rule == finding.rule.id) {
                return true;
            }
            used.insert(finding.rule.id);
            if !ended {
                waived.push(Waived {
                    finding: finding.clone(),
                    reason: waiver.reason.clone(),
                    owner: waiver.owner.clone(),
                    until: waiver.until.clone(),
                });
            }
            ended
        });
        for rule in &waiver.rules {
            // Rules about images are waived for `check --with`.
            if !rule.starts_with("dockerfile.") {
                continue;
            }
            if super::find(rule).is_none() {
                let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
                notes.at(place, format!("the waiver names `{rule}`, and there is no such rule"));
                if let Some(hint) = crate::yaml::suggest(rule, &ids).filter(|hint| hint.starts_with("did")) {
                    notes.fix(hint);
                }
            } else if used.contains(rule.as_str()) && ended {
                let message =
                    format!("the waiver for `{rule}` ended on {}, so that the finding counts again", waiver.until);
                notes
                    .at(place, message)
                    .fix("fix the finding, or renew the waiver with a later day and a fresh reason");
            } else if !used.contains(rule.as_str()) {
                notes.at(place, format!("the waiver for `{rule}` lets nothing pass")).fix("take it away");
            }
        }
    }
    if level != Level::Off {
        findings.extend(notes.found.into_iter().map(|note| Finding {
            rule: &waiver::RULE,
            level,
            line: note.line,
            column: note.column,
            message: note.message,
            fix: note.fix,
        }));
    }
    waived
}
