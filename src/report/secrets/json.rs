//! JSON of `secrets`, version 1. These types are the contract: they change only by optional additions; all else needs a `v2`.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Context, Ledger, SecretsReport, Standing, Target, Told};
use crate::model::{DocumentKind, Grade, Half, How, ImageFacts, Nature, Part, Place, Severity, Slack, json_schema};
use crate::report::findings::kind_name;
use crate::report::json::Tool;

/// The version of the document.
const SCHEMA: &str = "imgguard.secrets/v1";

/// What one run of `imgguard secrets` found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document<'a> {
    /// Always `imgguard.secrets/v1`.
    schema: &'a str,
    /// Who made this document.
    tool: Tool<'a>,
    /// What the user named.
    subject: &'a str,
    target: Target,
    /// The exit code of the run: 0 nothing found, 1 found, 3 not everything was seen.
    exit_code: u8,
    /// How sure a finding must be to be listed.
    min_confidence: Grade,
    /// The findings, worst first.
    findings: Vec<Finding<'a>>,
    counts: Counts,
    /// Fingerprints of the baseline that match nothing.
    unused_baseline: &'a [String],
    /// What could not be searched.
    gaps: Vec<Unseen<'a>>,
    ledger: &'a Ledger,
}

/// How many values were found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Counts {
    /// Listed findings.
    listed: usize,
    /// Those that count for the exit code.
    counted: usize,
    /// Less sure than asked for; not listed.
    below: usize,
    /// Suppressed by proof; listed when asked for.
    suppressed: usize,
    /// Accepted by the baseline; listed when asked for.
    accepted: usize,
}

/// One value, at all its places. Path, view, line and offset are those of the first place.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Finding<'a> {
    /// Id of the detector.
    detector: &'a str,
    /// What it is, in words.
    what: &'a str,
    standing: Standing,
    grade: Grade,
    severity: Severity,
    nature: Nature,
    /// The file; null when it is not in a file.
    path: Option<&'a str>,
    /// How the value was reached inside the file, such as `!/app.jar!/a.properties@base64`; empty when it stands there.
    view: &'a str,
    /// Line, from 1; null when the file is no text.
    line: Option<u32>,
    /// Byte offset, from 0; null when it is not in bytes.
    offset: Option<u64>,
    /// First and last few characters and the length.
    redacted: &'a str,
    /// Keyed hash of the value: 32 hexadecimal digits.
    fingerprint: &'a str,
    /// When the value itself says that it expires, in seconds since 1970.
    expires: Option<i64>,
    /// Whether that time has passed.
    expired: bool,
    /// How to revoke or rotate it.
    rotate: &'a str,
    /// `os/architecture[/variant]` of the image.
    platform: Option<String>,
    /// Everywhere it lies, sorted.
    places: Vec<PlaceDocument<'a>>,
    /// The other half or halves of a pair.
    halves: Vec<HalfDocument<'a>>,
}

/// The other half of a pair.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HalfDocument<'a> {
    detector: &'a str,
    what: &'a str,
    redacted: &'a str,
    fingerprint: &'a str,
    places: Vec<PlaceDocument<'a>>,
}

/// One place; what does not apply is left out.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct PlaceDocument<'a> {
    /// `file`, `env`, `label`, `history`, `config`, `document`, `member` or `slack`.
    r#in: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    view: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    /// Name of the variable, key of the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// JSON pointer into the config or the document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
    /// Index of the history entry, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<DocumentKind>,
    /// Digest of the document, or of the blob that still holds the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a Part>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slack: Option<Slack>,
    /// The step that brought it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    introduced: Option<Step<'a>>,
    /// The step that took it out of sight; the blob still holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<Step<'a>>,
    /// How.
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<How>,
    /// The package record with the same bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    supplied: Option<&'a str>,
}

/// A layer and the instruction that made it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Step<'a> {
    /// From 0.
    layer: u32,
    instruction: Option<&'a str>,
}

/// Something that could not be searched.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Unseen<'a> {
    /// What it is about, such as `layer-missing`.
    kind: String,
    layer: Option<u32>,
    path: Option<&'a str>,
    detail: &'a str,
}

fn step(image: Option<&ImageFacts>, layer: u32) -> Step<'_> {
    let known = usize::try_from(layer).ok().and_then(|at| image?.layers.get(at));
    Step { layer, instruction: known.and_then(|layer| layer.instruction.as_deref()) }
}

fn blob(image: Option<&ImageFacts>, layer: u32) -> Option<String> {
    let layer = image?.layers.get(usize::try_from(layer).ok()?)?;
    Some(layer.digest.as_ref().unwrap_or(&layer.diff_id).to_string())
}

impl<'a> PlaceDocument<'a> {
    fn of(place: &'a Place, image: Option<&'a ImageFacts>) -> Self {
        match place {
            Place::File { layer, path, line, offset, view, hidden_by, how, supplied } => Self {
                r#in: "file",
                path: Some(path),
                view: Some(view),
                line: *line,
                offset: Some(*offset),
                digest: blob(image, *layer),
                introduced: Some(step(image, *layer)),
                hidden: hidden_by.map(|by| step(image, by)),
                how: *how,
                supplied: supplied.as_deref(),
                ..Self::default()
            },
            Place::Path { path, line, offset, view } => Self {
                r#in: "file",
                path: Some(path),
                view: Some(view),
                line: *line,
                offset: Some(*offset),
                ..Self::default()
            },
            Place::Env { name } => Self { r#in: "env", name: Some(name), ..Self::default() },
            Place::Label { name } => Self { r#in: "label", name: Some(name), ..Self::default() },
            Place::History { index } => Self { r#in: "history", history: Some(*index), ..Self::default() },
            Place::Config { pointer } => Self { r#in: "config", pointer: Some(pointer), ..Self::default() },
            Place::Document { document, digest, pointer } => Self {
                r#in: "document",
                document: Some(*document),
                digest: Some(digest.to_string()),
                pointer: Some(pointer),
                ..Self::default()
            },
            Place::Member { layer, path, part } => Self {
                r#in: "member",
                path: Some(path),
                part: Some(part),
                digest: blob(image, *layer),
                introduced: Some(step(image, *layer)),
                ..Self::default()
            },
            Place::Slack { layer, slack, path, offset } => Self {
                r#in: "slack",
                path: path.as_deref(),
                slack: Some(*slack),
                offset: Some(*offset),
                digest: blob(image, *layer),
                introduced: Some(step(image, *layer)),
                ..Self::default()
            },
        }
    }
}

fn finding<'a>(told: &Told<'a>, report: &SecretsReport<'a>) -> Finding<'a> {
    let Told { secret, image, standing } = *told;
    let places: Vec<_> = secret.places.iter().map(|place| PlaceDocument::of(place, image)).collect();
    let first = places.first();
    let half = |half: &'a Half| HalfDocument {
        detector: &half.detector,
        what: &half.what,
        redacted: &half.redacted,
        fingerprint: &half.fingerprint,
        places: half.places.iter().map(|place| PlaceDocument::of(place, image)).collect(),
    };
    Finding {
        detector: &secret.detector,
        what: &secret.what,
        standing,
        grade: secret.grade,
        severity: secret.severity,
        nature: secret.nature,
        path: first.and_then(|place| place.path),
        view: first.and_then(|place| place.view).unwrap_or_default(),
        line: first.and_then(|place| place.line),
        offset: first.and_then(|place| place.offset),
        redacted: &secret.redacted,
        fingerprint: &secret.fingerprint,
        expires: secret.expires,
        expired: matches!((secret.expires, report.now), (Some(time), Some(now)) if time <= now),
        rotate: report.remedies.get(secret.detector.as_str()).copied().unwrap_or_default(),
        platform: image.map(|image| image.platform.to_string()),
        places,
        halves: secret.halves.iter().map(half).collect(),
    }
}

/// Writes the report as one JSON document.
pub(super) fn render(report: &SecretsReport<'_>, context: &Context<'_>) -> String {
    let gaps = report.gaps.iter().map(|gap| Unseen {
        kind: kind_name(&gap.kind),
        layer: gap.layer,
        path: gap.path.as_deref(),
        detail: &gap.detail,
    });
    let counted = report.told.iter().filter(|told| told.standing == Standing::Counts).count();
    crate::report::json::write(&Document {
        schema: SCHEMA,
        tool: Tool { name: "imgguard", version: context.tool_version },
        subject: report.subject,
        target: report.target,
        exit_code: context.exit_code,
        min_confidence: report.min_confidence,
        findings: report.told.iter().map(|told| finding(told, report)).collect(),
        counts: Counts {
            listed: report.told.len(),
            counted,
            below: report.below,
            suppressed: report.suppressed,
            accepted: report.accepted,
        },
        unused_baseline: &report.unused,
        gaps: gaps.collect(),
        ledger: report.ledger,
    })
}

/// The JSON schema of the document.
pub(in crate::report) fn schema() -> String {
    json_schema::<Document<'_>>(SCHEMA, "imgguard secrets")
}
