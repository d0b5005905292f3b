//! SARIF 2.1.0 of `secrets`: a rule per detector, a result per secret.

use std::collections::BTreeMap;

use super::{Context, SecretsReport, Standing, Target, Told};
use crate::model::{Place, SecretFact, Severity};
use crate::report::inspect_text::secret_place;
use crate::report::sarif::{NO_FILE, SARIF_SCHEMA, at, description, message, repository_path, word};
use crate::report::sarif_types::{
    AutomationDetails, Configuration, Driver, Fingerprints, Help, Invocation, Location, Log, LogicalLocation,
    Notification, ReportingDescriptor, RuleProperties, Run, SarifResult, Tool,
};

/// Results of one run; code scanning takes no more.
const MAX_RESULTS: usize = 25_000;

/// Writes the report as a SARIF log.
pub(super) fn render(report: &SecretsReport<'_>, context: &Context<'_>) -> String {
    let mut detectors: BTreeMap<&str, &SecretFact> = BTreeMap::new();
    for told in &report.told {
        detectors.entry(&told.secret.detector).or_insert(told.secret);
    }
    let index: BTreeMap<&str, usize> = detectors.keys().enumerate().map(|(at, id)| (*id, at)).collect();
    let results: Vec<SarifResult> =
        report.told.iter().take(MAX_RESULTS).map(|told| result(told, report, context, &index)).collect();
    let mut notifications: Vec<Notification> = report
        .gaps
        .iter()
        .map(|gap| Notification {
            level: "error",
            message: message(&crate::report::findings::placed(gap.layer, gap.path.as_deref(), &gap.detail)),
        })
        .collect();
    if report.told.len() > MAX_RESULTS {
        let text = format!("{} of {} results are left out", report.told.len() - MAX_RESULTS, report.told.len());
        notifications.push(Notification { level: "warning", message: message(&text) });
    }
    let rules = detectors.values().map(|secret| descriptor(secret, report)).collect();
    let run = Run {
        tool: Tool { driver: Driver { name: "imgguard", version: context.tool_version.to_owned(), rules } },
        automation_details: AutomationDetails { id: format!("imgguard/secrets/{}/", word(report.subject)) },
        invocations: vec![Invocation {
            execution_successful: report.gaps.is_empty(),
            exit_code: context.exit_code,
            tool_execution_notifications: notifications,
        }],
        column_kind: "unicodeCodePoints",
        results,
    };
    crate::report::json::write(&Log { schema: SARIF_SCHEMA, version: "2.1.0", runs: vec![run] })
}

fn descriptor(secret: &SecretFact, report: &SecretsReport<'_>) -> ReportingDescriptor {
    let rotate = report.remedies.get(secret.detector.as_str()).copied().unwrap_or("revoke it");
    let (problem_severity, security_severity) = match secret.severity {
        Severity::Low => ("recommendation", "2.0"),
        Severity::Medium => ("warning", "5.0"),
        Severity::High => ("error", "8.0"),
        Severity::Critical => ("error", "9.5"),
    };
    ReportingDescriptor {
        id: secret.detector.clone().into(),
        name: secret.detector.clone().into(),
        short_description: description(&secret.what),
        full_description: description(&secret.what),
        help: Help {
            text: format!("{}\n\nRotate: {rotate}", secret.what),
            markdown: format!("{}\n\n## How to rotate\n\n{rotate}\n", secret.what),
        },
        default_configuration: Configuration { level: "error" },
        properties: RuleProperties {
            tags: vec!["security".to_owned(), "secret".to_owned()],
            precision: "high",
            problem_severity,
            security_severity,
        },
    }
}

fn result(
    told: &Told<'_>,
    report: &SecretsReport<'_>,
    context: &Context<'_>,
    index: &BTreeMap<&str, usize>,
) -> SarifResult {
    let secret = told.secret;
    let mut text = format!("{} {}", secret.what, secret.redacted);
    for place in secret.places.iter().take(10) {
        text = format!("{text}\nWhere: {}", secret_place(place));
    }
    for half in &secret.halves {
        text = format!("{text}\nWith: {} {}", half.what, half.redacted);
    }
    let platform = told.image.map(|image| format!(" ({})", image.platform)).unwrap_or_default();
    let key = [secret.fingerprint.as_str(), &platform].join("\0");
    let mut locations = secret.places.iter().map(|place| location(place, report, context));
    SarifResult {
        rule_id: secret.detector.clone().into(),
        rule_index: index.get(secret.detector.as_str()).copied().unwrap_or_default(),
        level: match told.standing {
            Standing::Counts => "error",
            Standing::PackageSupplied => "warning",
            Standing::Incomplete | Standing::Accepted | Standing::Suppressed => "note",
        },
        message: message(&format!("{text}\nFingerprint: {}{platform}", secret.fingerprint)),
        locations: locations.next().into_iter().collect(),
        related_locations: locations.take(20).collect(),
        code_flows: Vec::new(),
        partial_fingerprints: Fingerprints {
            primary_location_line_hash: crate::model::Digest::of(key.as_bytes()).hex()[..32].to_owned(),
        },
    }
}

/// A file of a tree is a place in the repository; places of an image are named, and point at the Dockerfile.
fn location(place: &Place, report: &SecretsReport<'_>, context: &Context<'_>) -> Location {
    let plain = match (place, report.target) {
        (Place::Path { path, line, .. }, Target::Directory | Target::File) => {
            repository_path(path).map(|uri| at(uri, line.and_then(|line| usize::try_from(line).ok()).unwrap_or(1)))
        }
        _ => None,
    };
    let file = context.repository_file.unwrap_or(NO_FILE);
    let name = LogicalLocation { fully_qualified_name: format!("{}: {}", report.subject, secret_place(place)) };
    let place = plain.unwrap_or_else(|| at(repository_path(file).unwrap_or_else(|| NO_FILE.to_owned()), 1));
    Location { logical_locations: vec![name], ..place }
}
