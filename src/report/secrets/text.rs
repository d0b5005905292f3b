//! Text for people: a block per secret, then what was searched.

use std::collections::BTreeSet;

use super::{Context, SecretsReport, Standing, Told};
use crate::model::{Grade, Severity, format_bytes};
use crate::report::inspect_text::secret_place;
use crate::report::sheet::{BOLD, DIM, ERROR, INFO, OK, PLAIN, Sheet, UNKNOWN, WARNING};
use crate::report::summary::{count, grouped};

/// Places of one secret that are listed; the rest is counted.
const PLACES: usize = 5;
/// Secrets that are listed; the rest is counted.
const LISTED: usize = 1_000;

/// Writes the report for people.
pub(super) fn render(report: &SecretsReport<'_>, context: &Context<'_>) -> String {
    let mut sheet = Sheet::new(context.color, context.width);
    for told in report.told.iter().take(LISTED) {
        block(&mut sheet, told, report);
    }
    if report.told.len() > LISTED {
        let more = grouped(&(report.told.len() - LISTED));
        sheet.gap();
        sheet.put(DIM, &format!("and {more} more (see -o json)")).end();
    }
    for gap in &report.gaps {
        sheet.gap();
        let text = crate::report::findings::placed(gap.layer, gap.path.as_deref(), &gap.detail);
        sheet.put(UNKNOWN, "gap").put(BOLD, ": ").plain(&text).end();
    }
    sheet.gap();
    closing(&mut sheet, report, context);
    sheet.finish()
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Low => "low",
        Severity::Medium => "medium",
        Severity::High => "high",
        Severity::Critical => "critical",
    }
}

fn grade_word(grade: Grade) -> &'static str {
    match grade {
        Grade::Weak => "weak",
        Grade::Contextual => "contextual",
        Grade::Structured => "structured",
        Grade::Proven => "proven",
    }
}

fn block(sheet: &mut Sheet, told: &Told<'_>, report: &SecretsReport<'_>) {
    let secret = told.secret;
    sheet.gap();
    let (style, standing) = match told.standing {
        Standing::Counts => (ERROR, ""),
        Standing::PackageSupplied => (WARNING, ", supplied by a package"),
        Standing::Incomplete => (INFO, ", its other half is not here"),
        Standing::Accepted => (DIM, ", accepted by the baseline"),
        Standing::Suppressed => (DIM, ", suppressed: the file is as its package recorded it"),
    };
    sheet.put(style, &secret.detector).put(BOLD, ": ").put(BOLD, &secret.what).plain(" ").plain(&secret.redacted).end();
    let marks = format!("{} severity, {}{standing}", severity_word(secret.severity), grade_word(secret.grade));
    sheet.put(DIM, "   = ").plain(&marks).end();
    for place in secret.places.iter().take(PLACES) {
        sheet.put(DIM, "  --> ").plain(&secret_place(place)).end();
        if let (Some(image), Some(layer)) = (told.image, place.layer()) {
            let hidden = match place {
                crate::model::Place::File { hidden_by, .. } => *hidden_by,
                _ => None,
            };
            for (word, layer) in [("by", Some(layer)), ("hidden by", hidden)] {
                let Some(known) = layer.and_then(|at| image.layers.get(usize::try_from(at).ok()?)) else { continue };
                let instruction = known.instruction.as_deref().unwrap_or("?");
                let digest = known.digest.as_ref().unwrap_or(&known.diff_id).short();
                sheet.put(DIM, &format!("      {word} {digest}  ")).fit(PLAIN, instruction).end();
            }
        }
    }
    if secret.places.len() > PLACES {
        let more = grouped(&(secret.places.len() - PLACES));
        sheet.put(DIM, &format!("      and {more} more places")).end();
    }
    for half in &secret.halves {
        sheet.put(DIM, "   + ").plain(&half.what).plain(" ").plain(&half.redacted);
        if let Some(place) = half.places.first() {
            sheet.plain("  ").plain(&secret_place(place));
        }
        sheet.end();
    }
    if let Some(time) = secret.expires {
        let past = report.now.is_some_and(|now| time <= now);
        let word = if past { "expired on" } else { "expires on" };
        sheet.put(DIM, "   = ").plain(&format!("{word} {}", crate::rules::setting::day_of(time))).end();
    }
    let rotate = report.remedies.get(secret.detector.as_str()).copied().unwrap_or_default();
    if !rotate.is_empty() && told.standing == Standing::Counts {
        sheet.put(DIM, "   = ").put(BOLD, "rotate:").plain(" ").plain(rotate).end();
    }
    sheet.put(DIM, &format!("   = fingerprint {}", secret.fingerprint)).end();
}

fn closing(sheet: &mut Sheet, report: &SecretsReport<'_>, context: &Context<'_>) {
    let ledger = report.ledger;
    let mut words =
        vec![format!("{} ({}) searched", counted(ledger.files, "file"), format_bytes(ledger.scanned_bytes))];
    if ledger.skipped > 0 {
        let why: BTreeSet<&str> = ledger.skipped_paths.iter().map(|skipped| skipped.why.as_str()).collect();
        words.push(format!("{} without content ({})", grouped(&ledger.skipped), Vec::from_iter(why).join(", ")));
    }
    for (number, what) in [
        (report.below, "less sure than asked for"),
        (report.suppressed, "suppressed by proof"),
        (report.accepted, "accepted by the baseline"),
    ] {
        if number > 0 {
            words.push(format!("{} {what}", grouped(&number)));
        }
    }
    if context.verbose {
        for skipped in &ledger.skipped_paths {
            sheet.put(DIM, &format!("skipped {}: {}", skipped.path, skipped.why)).end();
        }
    }
    for print in &report.unused {
        sheet.put(DIM, &format!("the baseline's {print} matches nothing")).end();
    }
    sheet.put(DIM, &words.join(", ")).end();
    let number = report.told.iter().filter(|told| told.standing == Standing::Counts).count();
    let gaps = if report.gaps.is_empty() { String::new() } else { format!(", {}", count(report.gaps.len(), "gap")) };
    let style = match (number, report.gaps.len()) {
        (0, 0) => OK,
        (0, _) => UNKNOWN,
        _ => ERROR,
    };
    sheet.put(style, &format!("{}{gaps}", count(number, "secret"))).plain("  ").plain(report.subject).end();
}

fn counted(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(&number)) }
}
