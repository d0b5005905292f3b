//! JSON, version 1. These types are the contract: they change only by optional additions; all else needs a `v2`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use super::findings::{self, kind_name};
use super::place::{Places, Role, Step};
use super::summary::Counts as Counted;
use crate::model;
use crate::policy;
use crate::rules;

/// The version of the report document.
pub const SCHEMA: &str = "imgguard.report/v1";

/// What one run of `imgguard check` found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document<'a> {
    /// Always `imgguard.report/v1`.
    schema: &'a str,
    /// Who made this document.
    tool: Tool<'a>,
    /// The worst verdict of all images; `inconclusive` when there is none.
    verdict: Verdict,
    /// The exit code of the run: 0 pass, 1 violations, 2 nothing judged, 3 inconclusive, 4 infrastructure.
    exit_code: u8,
    /// Time the run took, in milliseconds.
    elapsed_ms: Option<u64>,
    /// One element per image reference, in the order of the command line.
    subjects: Vec<Subject<'a>>,
}

/// The predicate of an attested report, `https://imgguard.dev/attestation/check/v1`.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Predicate<'a> {
    /// When the image was judged, RFC 3339 in UTC.
    checked_at: &'a str,
    /// The report about one reference; the attestation counts only when its `verdict` is `pass`.
    #[schemars(schema_with = "report_schema")]
    report: Document<'a>,
}

/// A program and its version.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct Tool<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    /// Every deny-level rule holds and everything was seen.
    Pass,
    /// Nothing bad was seen, but not everything was seen.
    Inconclusive,
    /// At least one deny-level rule does not hold.
    Violations,
}

/// One image reference.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Subject<'a> {
    /// The reference as the user wrote it; null when no image was seen.
    reference: Option<&'a str>,
    /// Repository without tag and digest; null when no image was seen.
    repository: Option<&'a str>,
    /// The tag it was resolved by.
    tag: Option<&'a str>,
    /// What the reference names: the digest of the index when there is one, else of the image.
    #[schemars(with = "Option<String>")]
    digest: Option<&'a model::Digest>,
    verdict: Verdict,
    /// What passed: the manifest digests of all platforms; empty unless the verdict is `pass`.
    #[schemars(with = "Vec<String>")]
    approved: &'a [model::Digest],
    policy: Policy<'a>,
    counts: Counts,
    /// One element per platform, in the order of the index.
    platforms: Vec<Image<'a>>,
    /// Everything that could not be seen, each once.
    gaps: Vec<Gap<'a>>,
}

/// The policy that judged.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Policy<'a> {
    name: &'a str,
    /// A path or the name of a preset.
    source: &'a str,
    /// SHA-256 over the effective policy text.
    #[schemars(with = "String")]
    digest: &'a model::Digest,
}

/// How many things were found; what is the same on several platforms counts once.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Counts {
    /// Faults of deny-level rules.
    errors: usize,
    /// Faults of warn-level rules.
    warnings: usize,
    /// Faults of info-level rules.
    infos: usize,
    /// Deny-level rules that could not be decided.
    undecided: usize,
    /// Rules of any level that could not be decided, `undecided` included.
    unknown: usize,
    /// Parts of the image that could not be seen.
    gaps: usize,
    /// Faults that waivers let pass.
    waived: usize,
}

/// One platform.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Image<'a> {
    /// `os/architecture[/variant]`.
    #[schemars(with = "String")]
    platform: &'a model::Platform,
    /// Digest of the manifest; of the config where the format has no manifest.
    #[schemars(with = "String")]
    digest: &'a model::Digest,
    /// Media type behind `digest`.
    media_type: &'a str,
    #[schemars(with = "String")]
    config_digest: &'a model::Digest,
    sizes: Sizes,
    /// Answers about the base image, best first.
    base: Vec<Base<'a>>,
    /// One element per rule in force, sorted by id.
    results: Vec<Answer<'a>>,
    /// What was odd, though seen completely.
    notes: Vec<Note<'a>>,
    /// Values that look like secrets and were found in files as packages recorded them: they count for nothing.
    suppressed: usize,
    /// Their places; only when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressed_secrets: Option<Vec<Suppressed<'a>>>,
}

/// A value that was suppressed by proof.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Suppressed<'a> {
    /// Id of the detector.
    detector: &'a str,
    /// First and last few characters and the length.
    redacted: &'a str,
    /// Keyed hash of the value.
    fingerprint: &'a str,
    /// Everywhere it lies, in words.
    places: Vec<String>,
}

/// Sizes in bytes.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Sizes {
    /// Layers as stored, mostly compressed.
    stored: u64,
    /// Layers as uncompressed archives; null when one could not be read.
    unpacked: Option<u64>,
    /// Regular files in all layers.
    shipped: u64,
    /// Regular files of the final file system.
    visible: u64,
    /// Shipped and not visible.
    waste: u64,
}

/// One answer to "what is this image built on".
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Base<'a> {
    reference: &'a str,
    #[schemars(with = "Option<String>")]
    digest: Option<&'a model::Digest>,
    grade: model::BaseGrade,
    /// Layers of this image that belong to the base, when proved.
    layers: Option<u32>,
    /// What the answer rests on.
    by: &'a str,
}

/// What one rule said of one platform.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Answer<'a> {
    /// Such as `user.root`.
    rule: &'a str,
    /// Frozen code, such as `IG0201`.
    code: &'a str,
    level: rules::Level,
    outcome: Outcome,
    /// What was measured (pass), or why there is no answer (unknown, not-applicable); empty when there is nothing to say.
    detail: &'a str,
    /// At least one when the outcome is `fail`, else none.
    faults: Vec<Fault<'a>>,
    /// The faults that waivers let pass: some of them when the outcome is `fail`, all of them when it is `waived`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    waived: Vec<WaivedFault<'a>>,
    /// What the policy did to the answer: held back until a day, left out by `scope`.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schemars(default)]
    remarks: &'a [String],
    /// Where the policy says so.
    origin: Origin<'a>,
}

/// A fault that a waiver lets pass.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct WaivedFault<'a> {
    fault: Fault<'a>,
    /// Why it is accepted.
    reason: &'a str,
    /// Who answers for it.
    owner: &'a str,
    /// The last day of the waiver.
    until: &'a str,
    /// Where the waiver stands.
    origin: Origin<'a>,
}

/// The answer: four values of a rule, and `waived`, which is the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Pass,
    Fail,
    Unknown,
    NotApplicable,
    /// Every fault is let pass by a waiver.
    Waived,
}

/// A place in the policy.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Origin<'a> {
    /// Path of the file as given, or a preset's name.
    file: &'a str,
    /// From 1; null when the whole file is meant.
    line: Option<usize>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Fault<'a> {
    /// What it is about, stable over rebuilds.
    subject: &'a str,
    message: &'a str,
    /// How to fix it: Markdown.
    fix: &'a str,
    location: Location<'a>,
    /// Whether the base image brought it or the image itself; absent when no base is proved or it cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<Attribution>,
    /// The build steps that made it, first step first.
    steps: Vec<BuildStep<'a>>,
}

/// Whose a fault is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Attribution {
    /// The base image brought it.
    Base,
    /// The image itself brought it.
    Own,
}

/// Where in the image a fault sits.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "in", deny_unknown_fields)]
enum Location<'a> {
    /// A field of the config.
    Config {
        /// JSON pointer.
        pointer: &'a str,
    },
    /// A path in a layer.
    File {
        path: &'a str,
        /// Index of the layer that wrote it, from 0.
        layer: u32,
        /// Line, from 1.
        line: Option<u32>,
    },
    /// A layer.
    Layer {
        /// From 0.
        layer: u32,
    },
    /// An entry of the build history.
    History {
        /// From 0.
        index: u32,
    },
    /// A file that was given beside the image.
    Evidence {
        /// As the user named it.
        file: &'a str,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The manifest or the index.
    Manifest,
    /// The reference: its tag or repository.
    Reference,
    /// The image as a whole.
    Image,
}

/// A build step that has to do with a fault.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct BuildStep<'a> {
    role: StepRole,
    /// Index of the layer it made, from 0.
    layer: Option<u32>,
    /// Digest of that layer's blob.
    #[schemars(with = "Option<String>")]
    digest: Option<&'a model::Digest>,
    /// Digest of that layer's uncompressed archive.
    #[schemars(with = "Option<String>")]
    diff_id: Option<&'a model::Digest>,
    /// Index of its history entry, from 0.
    history: Option<u32>,
    instruction: Option<String>,
    /// The layer is proved to belong to the base image.
    base: bool,
    /// The lines of the Dockerfile that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<model::SourceLine>,
}

/// How a build step has to do with a fault.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum StepRole {
    /// It wrote what is visible, or it is the layer in question.
    Wrote,
    /// It wrote what a later layer hides.
    Shipped,
    /// It removed what another layer ships.
    Deleted,
    /// It wrote other content over what another layer ships.
    Overwrote,
    /// It wrote the same content with other attributes.
    Rewrote,
    /// It ships the same path twice.
    Duplicated,
    /// It set a field of the config.
    SetBy,
}

/// Something that could not be seen.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Gap<'a> {
    /// What it is about, such as `layer-missing`.
    kind: String,
    layer: Option<u32>,
    path: Option<&'a str>,
    detail: &'a str,
    /// It makes the verdict inconclusive.
    blocking: bool,
    /// Empty when it belongs to no single platform.
    #[schemars(with = "Vec<String>")]
    platforms: Vec<&'a model::Platform>,
}

/// Something odd.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Note<'a> {
    /// What it is about, such as `duplicate-entry`.
    kind: String,
    layer: Option<u32>,
    path: Option<&'a str>,
    detail: &'a str,
}

impl From<&policy::Verdict> for Verdict {
    fn from(verdict: &policy::Verdict) -> Self {
        match verdict {
            policy::Verdict::Pass(_) => Self::Pass,
            policy::Verdict::Violations => Self::Violations,
            policy::Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

impl<'a> From<&'a policy::Report> for Subject<'a> {
    fn from(report: &'a policy::Report) -> Self {
        let policy::Report { inspection, images, gaps: _, policy, policy_source, policy_digest, verdict } = report;
        let first = inspection.images.first();
        let gaps = findings::gaps(report);
        let Counted { errors, warnings, infos, undecided, unknown, waived } = Counted::of(&findings::of_report(report));
        Self {
            reference: first.map(|image| image.subject.reference.as_str()),
            repository: first.map(|image| image.subject.repository.as_str()),
            tag: first.and_then(|image| image.subject.tag.as_deref()),
            digest: super::summary::digest(report),
            verdict: verdict.into(),
            approved: match verdict {
                policy::Verdict::Pass(approved) => approved.digests(),
                policy::Verdict::Violations | policy::Verdict::Inconclusive => &[],
            },
            policy: Policy { name: policy, source: policy_source, digest: policy_digest },
            counts: Counts { errors, warnings, infos, undecided, unknown, gaps: gaps.len(), waived },
            platforms: inspection.images.iter().zip(images).map(|(facts, judged)| image(facts, judged)).collect(),
            gaps: gaps
                .iter()
                .map(|seen| {
                    let model::Gap { kind, layer, path, detail } = seen.gap;
                    Gap {
                        kind: kind_name(kind),
                        layer: *layer,
                        path: path.as_deref(),
                        detail,
                        blocking: seen.blocking,
                        platforms: findings::platforms(report, &seen.images),
                    }
                })
                .collect(),
        }
    }
}

fn suppressed(facts: &model::ImageFacts) -> impl Iterator<Item = &model::SecretFact> {
    facts.secrets.iter().filter(|secret| secret.class() == model::Class::Suppressed)
}

/// Lists what was suppressed in each image.
fn list_suppressed<'a>(reports: &'a [policy::Report], subjects: &mut [Subject<'a>]) {
    for (report, subject) in reports.iter().zip(subjects) {
        for (facts, image) in report.inspection.images.iter().zip(&mut subject.platforms) {
            let list = suppressed(facts).map(|secret| Suppressed {
                detector: &secret.detector,
                redacted: &secret.redacted,
                fingerprint: &secret.fingerprint,
                places: secret.places.iter().map(super::inspect_text::secret_place).collect(),
            });
            image.suppressed_secrets = Some(list.collect());
        }
    }
}

fn image<'a>(facts: &'a model::ImageFacts, judged: &'a policy::ImageReport) -> Image<'a> {
    let policy::ImageReport { results } = judged;
    let places = Places::new(facts);
    Image {
        platform: &facts.platform,
        digest: &facts.subject.digest,
        media_type: &facts.subject.media_type,
        config_digest: &facts.subject.config_digest,
        sizes: Sizes {
            stored: facts.compressed_size(),
            unpacked: facts.uncompressed_size(),
            shipped: facts.waste.shipped,
            visible: facts.waste.visible,
            waste: facts.waste.total(),
        },
        base: facts
            .base
            .iter()
            .map(|claim| {
                let model::BaseClaim { reference, digest, grade, layers, by } = claim;
                Base { reference, digest: digest.as_ref(), grade: *grade, layers: *layers, by }
            })
            .collect(),
        results: results.iter().map(|result| answer(facts, &places, result)).collect(),
        notes: facts
            .notes
            .iter()
            .map(|note| {
                let model::Note { kind, layer, path, detail } = note;
                Note { kind: kind_name(kind), layer: *layer, path: path.as_deref(), detail }
            })
            .collect(),
        suppressed: suppressed(facts).count(),
        suppressed_secrets: None,
    }
}

fn answer<'a>(facts: &'a model::ImageFacts, places: &Places<'_>, result: &'a policy::RuleResult) -> Answer<'a> {
    let policy::RuleResult { rule, level, outcome, origin, waived, remarks } = result;
    let (word, detail, faults) = match outcome {
        rules::Outcome::Pass(measured) => (Outcome::Pass, measured.as_str(), Vec::new()),
        rules::Outcome::Fail(faults) => {
            (Outcome::Fail, "", faults.iter().map(|one| fault(facts, places, rule, one)).collect())
        }
        rules::Outcome::Unknown(why) => (Outcome::Unknown, why.as_str(), Vec::new()),
        rules::Outcome::NotApplicable(why) => (Outcome::NotApplicable, why.as_str(), Vec::new()),
        rules::Outcome::Waived => (Outcome::Waived, "", Vec::new()),
    };
    let waived = waived.iter().map(|one| {
        let policy::Waived { fault: of, reason, owner, until, origin: at } = one;
        WaivedFault { fault: fault(facts, places, rule, of), reason, owner, until, origin: origin_of(at) }
    });
    Answer {
        rule: &rule.id,
        code: &rule.code,
        level: *level,
        outcome: word,
        detail,
        faults,
        waived: waived.collect(),
        remarks,
        origin: origin_of(origin),
    }
}

fn origin_of(origin: &policy::Origin) -> Origin<'_> {
    let policy::Origin { file, line } = origin;
    Origin { file, line: (*line > 0).then_some(*line) }
}

fn fault<'a>(
    facts: &'a model::ImageFacts,
    places: &Places<'_>,
    rule: &'a policy::Descriptor,
    fault: &'a rules::Fault,
) -> Fault<'a> {
    let rules::Fault { subject, message, seat, fix } = fault;
    let location = match seat {
        rules::Seat::Config(pointer) => Location::Config { pointer },
        rules::Seat::File { path, layer, line } => Location::File { path, layer: *layer, line: *line },
        rules::Seat::Layer(layer) => Location::Layer { layer: *layer },
        rules::Seat::History(index) => Location::History { index: *index },
        rules::Seat::Evidence { file, line, column } => Location::Evidence { file, line: *line, column: *column },
        rules::Seat::Manifest => Location::Manifest,
        rules::Seat::Reference => Location::Reference,
        rules::Seat::Image => Location::Image,
    };
    let steps = places.of(seat).steps.into_iter().map(|step| build_step(facts, step)).collect();
    let attribution = places.attribution(seat).map(|whose| match whose {
        policy::Attribution::Base => Attribution::Base,
        policy::Attribution::Own => Attribution::Own,
    });
    Fault { subject, message, fix: fix.as_deref().unwrap_or(&rule.fix), location, attribution, steps }
}

fn build_step(facts: &model::ImageFacts, step: Step) -> BuildStep<'_> {
    let Step { role, layer, history, instruction, base, source } = step;
    let of = layer.and_then(|index| facts.layers.get(usize::try_from(index).ok()?));
    BuildStep {
        role: match role {
            Role::Wrote => StepRole::Wrote,
            Role::Shipped => StepRole::Shipped,
            Role::Hid(model::How::Deleted) => StepRole::Deleted,
            Role::Hid(model::How::Overwritten) => StepRole::Overwrote,
            Role::Hid(model::How::Rewritten) => StepRole::Rewrote,
            Role::Hid(model::How::Duplicate) => StepRole::Duplicated,
            Role::SetBy => StepRole::SetBy,
        },
        layer,
        digest: of.and_then(|layer| layer.digest.as_ref()),
        diff_id: of.map(|layer| &layer.diff_id),
        history,
        instruction,
        base,
        source,
    }
}

/// Writes the reports as one JSON document.
pub(super) fn render(reports: &[policy::Report], context: &Context<'_>) -> String {
    write(&document(reports, context))
}

/// The report about one reference as the predicate of a statement; `checked_at` is RFC 3339.
#[must_use]
pub fn check_predicate(report: &policy::Report, context: &Context<'_>, checked_at: &str) -> String {
    write(&Predicate { checked_at, report: document(std::slice::from_ref(report), context) })
}

fn document<'a>(reports: &'a [policy::Report], context: &'a Context<'_>) -> Document<'a> {
    let verdict = reports.iter().map(|report| Verdict::from(&report.verdict)).max();
    let mut subjects: Vec<Subject<'_>> = reports.iter().map(Subject::from).collect();
    if context.show_suppressed {
        list_suppressed(reports, &mut subjects);
    }
    Document {
        schema: SCHEMA,
        tool: Tool { name: "imgguard", version: context.tool_version },
        verdict: verdict.unwrap_or(Verdict::Inconclusive),
        exit_code: context.exit_code,
        elapsed_ms: context.elapsed.and_then(|elapsed| u64::try_from(elapsed.as_millis()).ok()),
        subjects,
    }
}

/// A value as indented JSON with a final newline, safe to print.
pub(super) fn write(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value).expect("all keys are text and no value can fail to serialise");
    super::escape::json(&text) + "\n"
}

/// The JSON schema of the document.
pub(super) fn schema() -> String {
    model::json_schema::<Document<'static>>(SCHEMA, "imgguard report")
}

/// The schema of the report stands in a file of its own.
fn report_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "$ref": "report-v1.json" })
}

/// The JSON schema of the predicate.
#[cfg(test)]
fn predicate_schema() -> String {
    model::json_schema::<Predicate<'static>>(model::CHECK_TYPE, "imgguard check, attested")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn parsed(reports: &[policy::Report]) -> serde_json::Value {
        serde_json::from_str(&render(reports, &sample::context())).expect("JSON")
    }

    #[test]
    fn the_predicate_of_an_attested_report_follows_its_published_schema() {
        crate::testkit::schemas::are_up_to_date(&[("check-attestation-v1.json", predicate_schema())]);
        let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for (report, verdict) in [(sample::denied(), "violations"), (sample::passed(), "pass")] {
            let text = check_predicate(&report, &sample::context(), "2026-01-01T00:00:00Z");
            let predicate: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let errors: Vec<_> = validator.iter_errors(&predicate["report"]).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
            assert_eq!(predicate["checked-at"], "2026-01-01T00:00:00Z");
            assert_eq!(predicate["report"]["verdict"], verdict);
            assert_eq!(predicate["report"]["subjects"].as_array().map(Vec::len), Some(1));
        }
    }

    #[test]
    fn documents_follow_the_published_schema() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let reports =
            [sample::denied(), sample::passed(), sample::incomplete(), sample::without_images(), sample::hostile()];
        let document = parsed(&reports);
        let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
        assert!(!validator.is_valid(&serde_json::json!({ "schema": SCHEMA })), "the schema demands something");
    }

    #[test]
    fn the_worst_verdict_counts_and_no_report_is_no_pass() {
        assert_eq!(parsed(&[sample::passed(), sample::incomplete()])["verdict"], "inconclusive");
        assert_eq!(parsed(&[sample::denied(), sample::incomplete()])["verdict"], "violations");
        assert_eq!(parsed(&[sample::passed()])["verdict"], "pass");
        assert_eq!(parsed(&[])["verdict"], "inconclusive");
    }

    #[test]
    fn texts_of_the_image_arrive_unchanged() {
        let report = sample::hostile();
        let document = parsed(std::slice::from_ref(&report));
        let reference = report.inspection.images[0].subject.reference.as_str();
        assert_eq!(document["subjects"][0]["reference"], reference);
    }

    #[test]
    fn a_deleted_secret_names_the_layer_that_shipped_it_and_the_one_that_deleted_it() {
        let document = parsed(&[sample::denied()]);
        let results = document["subjects"][0]["platforms"][1]["results"].as_array().expect("a list");
        let secrets = results.iter().find(|result| result["rule"] == "secrets.content").expect("judged");
        insta::assert_snapshot!(serde_json::to_string_pretty(secrets).expect("JSON"), @r#"
        {
          "code": "IG0401",
          "detail": "",
          "faults": [
            {
              "attribution": "own",
              "fix": "Rotate it, then keep it out of the build: `RUN --mount=type=secret`.",
              "location": {
                "in": "file",
                "layer": 2,
                "line": 3,
                "path": "app/.env"
              },
              "message": "GitHub token `ghp_…x3 (40)` in `/app/.env`",
              "steps": [
                {
                  "base": false,
                  "diff-id": "sha256:ac8ff8c0494e49249bc6c41ebc8964bab7e63aceb9a2e54479162f6b23d66e4f",
                  "digest": "sha256:12330dd63818f36a4e35a4aca7ff1da699063027231f4f4245e43aabc0f2c2e6",
                  "history": 3,
                  "instruction": "COPY . /app",
                  "layer": 2,
                  "role": "shipped"
                },
                {
                  "base": false,
                  "diff-id": "sha256:74e9f687eda9a03194174aa4d52ed5caf9b2e575b74d7f4c9fc192e777d4c1ef",
                  "digest": "sha256:0ae76d2a66658b3c8562d348f2c994cbb67f7c23f165b31ba9714303e7a74844",
                  "history": 4,
                  "instruction": "RUN rm -rf /app/.env /var/lib/apt/lists/*",
                  "layer": 3,
                  "role": "deleted"
                }
              ],
              "subject": "app/.env"
            }
          ],
          "level": "deny",
          "origin": {
            "file": "imgguard.yaml",
            "line": 35
          },
          "outcome": "fail",
          "rule": "secrets.content"
        }
        "#);
    }

    #[test]
    fn a_passing_document_is_short() {
        insta::assert_snapshot!(render(&[sample::passed()], &sample::context()), @r#"
        {
          "schema": "imgguard.report/v1",
          "tool": {
            "name": "imgguard",
            "version": "0.1.0"
          },
          "verdict": "pass",
          "exit-code": 1,
          "elapsed-ms": 1934,
          "subjects": [
            {
              "reference": "registry.example/acme/tool:2.0.0",
              "repository": "registry.example/acme/tool",
              "tag": "2.0.0",
              "digest": "sha256:1bc04b5291c26a46d918139138b992d2de976d6851d0893b0476b85bfbdfc6e6",
              "verdict": "pass",
              "approved": [
                "sha256:baf0239e48ff4c47ebac3ba02b5cf1506b69cd5a0c0d0c825a53ba65976fb942"
              ],
              "policy": {
                "name": "small",
                "source": "imgguard.yaml",
                "digest": "sha256:823412d1eacb67956220e532959f0104603057c88704863ca38e7cd188fda812"
              },
              "counts": {
                "errors": 0,
                "warnings": 0,
                "infos": 0,
                "undecided": 0,
                "unknown": 0,
                "gaps": 0,
                "waived": 0
              },
              "platforms": [
                {
                  "platform": "linux/amd64",
                  "digest": "sha256:baf0239e48ff4c47ebac3ba02b5cf1506b69cd5a0c0d0c825a53ba65976fb942",
                  "media-type": "application/vnd.oci.image.manifest.v1+json",
                  "config-digest": "sha256:658cae7ff4e642c92c3908a1b634d517762a9132cc57111462e150fe3b548b79",
                  "sizes": {
                    "stored": 147500310,
                    "unpacked": 368750775,
                    "shipped": 331878000,
                    "visible": 290876700,
                    "waste": 41001300
                  },
                  "base": [
                    {
                      "reference": "docker.io/library/debian:12-slim",
                      "digest": null,
                      "grade": "proved",
                      "layers": 1,
                      "by": "its 1 layer is the lowest layer of this image"
                    }
                  ],
                  "results": [
                    {
                      "rule": "size.total",
                      "code": "IG0101",
                      "level": "deny",
                      "outcome": "pass",
                      "detail": "412 MB of 2 GB",
                      "faults": [],
                      "origin": {
                        "file": "imgguard.yaml",
                        "line": 9
                      }
                    }
                  ],
                  "notes": [
                    {
                      "kind": "duplicate-entry",
                      "layer": 1,
                      "path": "etc/hosts",
                      "detail": "the archive names it twice; the last one counts"
                    }
                  ],
                  "suppressed": 0
                }
              ],
              "gaps": []
            }
          ]
        }
        "#);
    }
}
