//! SARIF 2.1.0 as code scanning on GitHub accepts it: one run per platform, results that have a place in the repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Context;
use super::findings::{self, Finding, Weight};
use super::sarif_types::{
    ArtifactLocation, AutomationDetails, CodeFlow, Configuration, Driver, Fingerprints, Help, Invocation, Location,
    Log, LogicalLocation, Notification, PhysicalLocation, Region, ReportingDescriptor, RuleProperties, Run,
    SarifResult, Text, ThreadFlow, ThreadFlowLocation, Tool,
};
use super::summary::{reference, repository};
use crate::model::{Digest, Gap};
use crate::policy::{Descriptor, Report, RuleResult, Verdict};
use crate::rules::Level;

/// GitHub's limits: runs in a file, results in a run, characters of a description, tags of a rule.
const MAX_RUNS: usize = 20;
const MAX_RESULTS: usize = 25_000;
const MAX_DESCRIPTION: usize = 1024;
/// Where results point when no file of the repository is known: GitHub refuses results without a place.
pub(super) const NO_FILE: &str = "Dockerfile";
pub(super) const SARIF_SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The rule under which parts of the image that could not be seen are told: without it a run that saw nothing would
/// close all alerts.
const UNSEEN_ID: &str = "IG0001";
const UNSEEN_NAME: &str = "image.seen";

/// Writes the reports as one SARIF log.
pub(super) fn render(reports: &[Report], context: &Context<'_>) -> String {
    let mut parts: Vec<Part<'_>> = Vec::new();
    for report in reports {
        if report.inspection.images.is_empty() {
            parts.push(Part { report, image: None });
        }
        parts.extend((0..report.inspection.images.len()).map(|at| Part { report, image: Some(at) }));
    }
    let own = if parts.len() > MAX_RUNS { MAX_RUNS - 1 } else { parts.len() };
    let (single, rest) = parts.split_at(own);
    let mut runs: Vec<Run> =
        single.iter().map(|part| run(std::slice::from_ref(part), part.category(), context)).collect();
    if !rest.is_empty() || runs.is_empty() {
        runs.push(run(rest, "imgguard/others/".to_owned(), context));
    }
    super::json::write(&Log { schema: SARIF_SCHEMA, version: "2.1.0", runs: distinct(runs) })
}

/// GitHub refuses a file in which a category occurs twice, as when one image is named twice.
fn distinct(mut runs: Vec<Run>) -> Vec<Run> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for run in &mut runs {
        let id = &mut run.automation_details.id;
        let number = seen.entry(id.clone()).or_default();
        *number += 1;
        if *number > 1 {
            *id = format!("{id}{number}/");
        }
    }
    runs
}

/// One platform of one report; no platform when no image was seen.
struct Part<'a> {
    report: &'a Report,
    image: Option<usize>,
}

impl<'a> Part<'a> {
    fn platform(&self) -> String {
        let image = self.image.and_then(|at| self.report.inspection.images.get(at));
        image.map_or_else(|| "none".to_owned(), |image| image.platform.to_string())
    }

    /// What GitHub compares runs by: everything up to the last slash.
    fn category(&self) -> String {
        format!("imgguard/{}/{}/", word(repository(self.report)), word(&self.platform()))
    }

    fn findings(&self) -> Vec<Finding<'a>> {
        let Some(at) = self.image else { return Vec::new() };
        let (Some(image), Some(judged)) = (self.report.inspection.images.get(at), self.report.images.get(at)) else {
            return Vec::new();
        };
        findings::of_image(at, image, judged)
    }

    /// The gaps of this platform; those of no platform go to the first one.
    fn gaps(&self) -> Vec<(&'a Gap, bool)> {
        let mine = |images: &[usize]| match self.image {
            None => true,
            Some(at) => images.contains(&at) || (images.is_empty() && at == 0),
        };
        findings::gaps(self.report)
            .into_iter()
            .filter(|seen| mine(&seen.images))
            .map(|seen| (seen.gap, seen.blocking))
            .collect()
    }

    fn results(&self) -> impl Iterator<Item = &'a RuleResult> {
        self.image.and_then(|at| self.report.images.get(at)).into_iter().flat_map(|image| &image.results)
    }
}

/// Text as one part of a category: no blanks, no slashes beside those of the repository.
pub(super) fn word(text: &str) -> String {
    let keep = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let word: String = text.chars().map(|letter| if keep(letter) { letter } else { '-' }).collect();
    let word = word.trim_matches('-').to_owned();
    if word.is_empty() { "none".to_owned() } else { word }
}

fn run(parts: &[Part<'_>], id: String, context: &Context<'_>) -> Run {
    let rules = rules_in_force(parts);
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(at, rule)| (&*rule.id, at)).collect();
    let writer = ResultWriter { context, index: &index };
    let mut results: Vec<(Weight, SarifResult)> = Vec::new();
    let mut notifications = Vec::new();
    for part in parts {
        for finding in part.findings() {
            // What is waived is no alert.
            if !matches!(finding.weight, Weight::Open | Weight::Waived) {
                results.push((finding.weight, writer.finding(part, &finding)));
            }
        }
        for (gap, blocking) in part.gaps() {
            if blocking {
                results.push((Weight::Undecided, writer.gap(part, gap)));
            }
            let level = if blocking { "error" } else { "warning" };
            notifications.push(Notification { level, message: message(&gap_words(gap)) });
        }
    }
    results.sort_by_key(|(weight, _)| *weight);
    if results.len() > MAX_RESULTS {
        let text =
            format!("{} of {} results are left out, the worst are kept", results.len() - MAX_RESULTS, results.len());
        notifications.push(Notification { level: "warning", message: message(&text) });
        results.truncate(MAX_RESULTS);
    }
    let mut results: Vec<SarifResult> = results.into_iter().map(|(_, result)| result).collect();
    number(&mut results);
    let complete = !parts.is_empty()
        && parts.iter().all(|part| part.image.is_some() && !matches!(part.report.verdict, Verdict::Inconclusive));
    Run {
        tool: Tool { driver: Driver { name: "imgguard", version: context.tool_version.to_owned(), rules } },
        automation_details: AutomationDetails { id },
        invocations: vec![Invocation {
            execution_successful: complete,
            exit_code: context.exit_code,
            tool_execution_notifications: notifications,
        }],
        column_kind: "unicodeCodePoints",
        results,
    }
}

/// Two results with one fingerprint would be one alert, so the second gets `:2`.
fn number(results: &mut [SarifResult]) {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for result in results {
        let hash = &mut result.partial_fingerprints.primary_location_line_hash;
        let number = seen.entry(hash.clone()).or_default();
        *number += 1;
        *hash = format!("{hash}:{number}");
    }
}

fn rules_in_force(parts: &[Part<'_>]) -> Vec<ReportingDescriptor> {
    let mut rules: BTreeMap<&str, (&Descriptor, Level)> = BTreeMap::new();
    for result in parts.iter().flat_map(Part::results) {
        let known = rules.entry(&result.rule.id).or_insert((&*result.rule, result.level));
        known.1 = known.1.max(result.level);
    }
    let mut descriptors: Vec<_> = rules.into_values().map(|(rule, level)| descriptor(rule, level)).collect();
    descriptors.push(unseen());
    descriptors
}

fn descriptor(rule: &Descriptor, level: Level) -> ReportingDescriptor {
    let (level, problem_severity, security_severity) = match level {
        Level::Deny => ("error", "error", "8.0"),
        Level::Warn => ("warning", "warning", "5.0"),
        Level::Info | Level::Off => ("note", "recommendation", "2.0"),
    };
    let group = rule.group();
    ReportingDescriptor {
        id: rule.code.clone(),
        name: rule.id.clone(),
        short_description: description(&rule.summary),
        full_description: description(&rule.why),
        help: Help {
            text: format!("{}\n\n{}", rule.why, rule.fix),
            markdown: format!("## Why\n\n{}\n\n## How to fix\n\n{}\n", rule.why, rule.fix),
        },
        default_configuration: Configuration { level },
        properties: RuleProperties {
            tags: vec!["security".to_owned(), "container".to_owned(), group.to_owned()],
            precision: "very-high",
            problem_severity,
            security_severity,
        },
    }
}

fn unseen() -> ReportingDescriptor {
    let why = "What could not be read cannot be judged, so the verdict is inconclusive, never a pass.";
    let fix = "Look at the reason, repair the image or its source, and check it again.";
    ReportingDescriptor {
        id: UNSEEN_ID.into(),
        name: UNSEEN_NAME.into(),
        short_description: description("a part of the image could not be seen"),
        full_description: description(why),
        help: Help {
            text: format!("{why}\n\n{fix}"),
            markdown: format!("## Why\n\n{why}\n\n## How to fix\n\n{fix}\n"),
        },
        default_configuration: Configuration { level: "warning" },
        properties: RuleProperties {
            tags: vec!["security".to_owned(), "container".to_owned(), "image".to_owned()],
            precision: "very-high",
            problem_severity: "warning",
            security_severity: "5.0",
        },
    }
}

pub(super) fn description(text: &str) -> Text {
    let text = text.trim();
    if text.chars().count() <= MAX_DESCRIPTION {
        return Text { text: text.to_owned() };
    }
    Text { text: text.chars().take(MAX_DESCRIPTION - 1).chain(['…']).collect() }
}

/// A message in which nothing is an embedded link (section 3.11.6): an image must not place links in a repository.
pub(super) fn message(text: &str) -> Text {
    Text { text: text.replace("](", "] (") }
}

fn gap_words(gap: &Gap) -> String {
    findings::placed(gap.layer, gap.path.as_deref(), &gap.detail)
}

struct ResultWriter<'a> {
    context: &'a Context<'a>,
    index: &'a BTreeMap<&'a str, usize>,
}

impl ResultWriter<'_> {
    fn finding(&self, part: &Part<'_>, finding: &Finding<'_>) -> SarifResult {
        let level = match finding.weight {
            Weight::Error => "error",
            Weight::Warning | Weight::Undecided => "warning",
            Weight::Open | Weight::Info | Weight::Waived => "note",
        };
        let mut text = match finding.weight {
            Weight::Undecided => format!("{} could not be decided: {}", finding.rule.id, finding.message),
            _ => finding.headline(),
        };
        _ = write!(text, "\nImage: {} ({})", reference(part.report), part.platform());
        if let Some(locator) = &finding.place.locator {
            _ = write!(text, "\nWhere: {locator}");
        }
        for step in &finding.place.steps {
            _ = write!(text, "\n{}", step_words(step));
        }
        if let Some(whose) = finding.attribution {
            _ = write!(text, "\nWhose: {}", whose.word());
        }
        for remark in finding.remarks {
            _ = write!(text, "\nNote: {remark}");
        }
        if finding.weight != Weight::Undecided {
            _ = write!(text, "\nFix: {}", finding.fix());
        }
        let name = finding.place.locator.as_deref().unwrap_or(finding.subject);
        let place = finding
            .place
            .in_repository()
            .and_then(|(file, line, column)| Some(at_column(repository_path(file)?, line, column)))
            .unwrap_or_else(|| self.place(&finding.origin.file, finding.origin.line));
        let policy = (self.context.repository_file != Some(finding.origin.file.as_str()) && finding.origin.line > 0)
            .then(|| repository_path(&finding.origin.file))
            .flatten()
            .map(|uri| Location { message: Some(message("set in the policy")), ..at(uri, finding.origin.line) });
        SarifResult {
            rule_id: finding.rule.code.clone(),
            rule_index: self.index.get(finding.rule.code.as_ref()).copied().unwrap_or_default(),
            level,
            message: message(&text),
            code_flows: flow(&place, finding),
            locations: vec![Location { logical_locations: logical(part, name), ..place }],
            related_locations: policy.into_iter().collect(),
            partial_fingerprints: fingerprint(part, &finding.rule.id, finding.subject),
        }
    }

    fn gap(&self, part: &Part<'_>, gap: &Gap) -> SarifResult {
        let text = format!("not seen: {}\nImage: {} ({})", gap_words(gap), reference(part.report), part.platform());
        let subject = format!("{} {}", findings::kind_name(&gap.kind), gap.path.as_deref().unwrap_or_default());
        SarifResult {
            rule_id: UNSEEN_ID.into(),
            rule_index: self.index.get(UNSEEN_ID).copied().unwrap_or_default(),
            level: "warning",
            message: message(&text),
            locations: vec![Location {
                logical_locations: logical(part, gap.path.as_deref().unwrap_or_default()),
                ..self.place(&part.report.policy_source, 0)
            }],
            related_locations: Vec::new(),
            code_flows: Vec::new(),
            partial_fingerprints: fingerprint(part, UNSEEN_NAME, &subject),
        }
    }

    /// The place in the repository: the given file, at the policy's line when it is the policy.
    fn place(&self, origin: &str, line: usize) -> Location {
        let file = self.context.repository_file.unwrap_or(NO_FILE);
        at(repository_path(file).unwrap_or_else(|| NO_FILE.to_owned()), if origin == file { line } else { 1 })
    }
}

fn step_words(step: &super::place::Step) -> String {
    let source = step.source.as_ref().map(|source| format!(" ({source})")).unwrap_or_default();
    let layer = step.layer.map(|layer| format!(" layer {layer}")).unwrap_or_default();
    let base = if step.base { " (base)" } else { "" };
    format!("{}{layer}{base}: {}{source}", step.role.word(), step.instruction.as_deref().unwrap_or("?"))
}

/// The life of a file that a later layer hides.
fn flow(place: &Location, finding: &Finding<'_>) -> Vec<CodeFlow> {
    let steps = &finding.place.steps;
    if steps.len() < 2 {
        return Vec::new();
    }
    let locations = steps.iter().map(|step| ThreadFlowLocation {
        location: Location { message: Some(message(&step_words(step))), ..place.clone() },
    });
    vec![CodeFlow { thread_flows: vec![ThreadFlow { locations: locations.collect() }] }]
}

fn logical(part: &Part<'_>, name: &str) -> Vec<LogicalLocation> {
    let image = reference(part.report);
    let name = if name.is_empty() { image.to_owned() } else { format!("{image}: {name}") };
    vec![LogicalLocation { fully_qualified_name: name }]
}

/// The same for every build of an image: no digest, no tag, no layer.
fn fingerprint(part: &Part<'_>, rule: &str, subject: &str) -> Fingerprints {
    let key = [rule, repository(part.report), &part.platform(), subject].join("\0");
    Fingerprints { primary_location_line_hash: Digest::of(key.as_bytes()).hex()[..32].to_owned() }
}

pub(super) fn at(uri: String, line: usize) -> Location {
    at_column(uri, line, 1)
}

pub(super) fn at_column(uri: String, line: usize, column: usize) -> Location {
    let (line, column) = (line.max(1), column.max(1));
    let region =
        Region { start_line: line, start_column: column, end_line: line, end_column: column.saturating_add(1) };
    let physical_location = PhysicalLocation { artifact_location: ArtifactLocation { uri }, region };
    Location { physical_location, logical_locations: Vec::new(), message: None }
}

/// A path as a relative URI; none when it lies outside the repository or is no path (`@recommended`, `oci://…`).
pub(super) fn repository_path(path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with(['/', '@']) || path.contains("://") || drive {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part => parts.push(part),
        }
    }
    let mut uri = String::new();
    for byte in parts.join("/").bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            _ = write!(uri, "%{byte:02X}");
        }
    }
    (!uri.is_empty()).then_some(uri)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    fn log(reports: &[Report]) -> Value {
        serde_json::from_str(&render(reports, &sample::context())).expect("JSON")
    }

    #[test]
    fn logs_follow_the_schema_of_the_standard() {
        let schema: Value =
            serde_json::from_str(include_str!("../../testdata/schemas/sarif-2.1.0.json")).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        let reports =
            [sample::denied(), sample::passed(), sample::incomplete(), sample::without_images(), sample::hostile()];
        for log in [log(&reports), log(&[])] {
            let errors: Vec<_> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
        assert!(!validator.is_valid(&serde_json::json!({ "version": "2.1.0" })), "the schema demands something");
    }

    #[test]
    fn a_result_is_what_github_reads() {
        let log = log(&[sample::denied()]);
        insta::assert_snapshot!(serde_json::to_string_pretty(&log["runs"][0]["results"][0]).expect("JSON"), @r#"
        {
          "codeFlows": [
            {
              "threadFlows": [
                {
                  "locations": [
                    {
                      "location": {
                        "message": {
                          "text": "shipped layer 2: COPY . /app"
                        },
                        "physicalLocation": {
                          "artifactLocation": {
                            "uri": "imgguard.yaml"
                          },
                          "region": {
                            "endColumn": 2,
                            "endLine": 35,
                            "startColumn": 1,
                            "startLine": 35
                          }
                        }
                      }
                    },
                    {
                      "location": {
                        "message": {
                          "text": "deleted layer 3: RUN rm -rf /app/.env /var/lib/apt/lists/*"
                        },
                        "physicalLocation": {
                          "artifactLocation": {
                            "uri": "imgguard.yaml"
                          },
                          "region": {
                            "endColumn": 2,
                            "endLine": 35,
                            "startColumn": 1,
                            "startLine": 35
                          }
                        }
                      }
                    }
                  ]
                }
              ]
            }
          ],
          "level": "error",
          "locations": [
            {
              "logicalLocations": [
                {
                  "fullyQualifiedName": "registry.example/acme/app:1.4.2: /app/.env:3"
                }
              ],
              "physicalLocation": {
                "artifactLocation": {
                  "uri": "imgguard.yaml"
                },
                "region": {
                  "endColumn": 2,
                  "endLine": 35,
                  "startColumn": 1,
                  "startLine": 35
                }
              }
            }
          ],
          "message": {
            "text": "GitHub token `ghp_…x3 (40)` in `/app/.env`\nImage: registry.example/acme/app:1.4.2 (linux/amd64)\nWhere: /app/.env:3\nshipped layer 2: COPY . /app\ndeleted layer 3: RUN rm -rf /app/.env /var/lib/apt/lists/*\nWhose: own\nFix: Rotate it, then keep it out of the build: `RUN --mount=type=secret`."
          },
          "partialFingerprints": {
            "primaryLocationLineHash": "7511f214845b256bba5195d386b56a82:1"
          },
          "ruleId": "IG0401",
          "ruleIndex": 4
        }
        "#);
        insta::assert_snapshot!(serde_json::to_string_pretty(&log["runs"][0]["invocations"]).expect("JSON"), @r###"
        [
          {
            "executionSuccessful": true,
            "exitCode": 1,
            "toolExecutionNotifications": []
          }
        ]
        "###);
    }

    #[test]
    fn every_rule_in_force_is_described() {
        let log = log(&[sample::denied()]);
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().expect("a list");
        let names: Vec<_> = rules.iter().filter_map(|rule| rule["name"].as_str()).collect();
        insta::assert_snapshot!(names.join(" "), @r#"base.age files.setuid healthcheck.exec layers.count secrets.content size.total user.root image.seen"#);
        insta::assert_snapshot!(serde_json::to_string_pretty(&rules[0]).expect("JSON"), @r###"
        {
          "defaultConfiguration": {
            "level": "error"
          },
          "fullDescription": {
            "text": "Fixes arrive with a rebuild of the base."
          },
          "help": {
            "markdown": "## Why\n\nFixes arrive with a rebuild of the base.\n\n## How to fix\n\nBuild again on a newer base.\n",
            "text": "Fixes arrive with a rebuild of the base.\n\nBuild again on a newer base."
          },
          "id": "IG0502",
          "name": "base.age",
          "properties": {
            "precision": "very-high",
            "problem.severity": "error",
            "security-severity": "8.0",
            "tags": [
              "security",
              "container",
              "base"
            ]
          },
          "shortDescription": {
            "text": "the base image is too old"
          }
        }
        "###);
    }

    #[test]
    fn only_what_fails_or_is_undecided_at_deny_is_a_result() {
        let log = log(&[sample::denied()]);
        let results = log["runs"][0]["results"].as_array().expect("a list");
        let told: Vec<_> = results.iter().map(|result| format!("{} {}", result["ruleId"], result["level"])).collect();
        insta::assert_snapshot!(told.join("\n").replace('"', ""), @r#"
        IG0401 error
        IG0201 error
        IG0502 warning
        IG0301 warning
        IG0301 warning
        IG0301 warning
        IG0602 note
        "#);
        for result in results {
            let at = result["ruleIndex"].as_u64().and_then(|at| usize::try_from(at).ok()).expect("an index");
            assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][at]["id"], result["ruleId"]);
        }
    }

    #[test]
    fn each_platform_is_a_run_of_its_own_category() {
        let log = log(&[sample::denied(), sample::passed(), sample::passed()]);
        let runs = log["runs"].as_array().expect("a list");
        let ids: Vec<_> = runs.iter().filter_map(|run| run["automationDetails"]["id"].as_str()).collect();
        insta::assert_snapshot!(ids.join("\n"), @r#"
        imgguard/registry.example-acme-app/linux-amd64/
        imgguard/registry.example-acme-app/linux-arm64/
        imgguard/registry.example-acme-tool/linux-amd64/
        imgguard/registry.example-acme-tool/linux-amd64/2/
        "#);
    }

    #[test]
    fn fingerprints_survive_a_rebuild() {
        let before = log(&[sample::denied()]);
        let mut rebuilt = sample::denied();
        for image in &mut rebuilt.inspection.images {
            image.subject.digest = sample::digest("rebuilt");
            image.subject.tag = Some("1.4.3".to_owned());
            image.subject.reference = "registry.example/acme/app:1.4.3".to_owned();
            for layer in &mut image.layers {
                layer.digest = Some(sample::digest("rebuilt layer"));
            }
        }
        let after = log(&[rebuilt]);
        let prints = |log: &Value| -> Vec<Value> {
            let results = log["runs"][0]["results"].as_array().expect("a list");
            results.iter().map(|result| result["partialFingerprints"].clone()).collect()
        };
        assert_eq!(prints(&before), prints(&after));
        let mut unique = prints(&before);
        unique.sort_by_key(Value::to_string);
        unique.dedup();
        assert_eq!(unique.len(), prints(&before).len(), "two results share a fingerprint");
    }

    #[test]
    fn limits_are_kept_and_what_is_left_out_is_told() {
        let log = log(&[sample::many(MAX_RESULTS + 7)]);
        assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(MAX_RESULTS));
        let told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
        assert!(told.contains("7 of 25007 results are left out"), "{told}");
        let many: Vec<Report> = (0..23).map(|_| sample::denied()).collect();
        let log = tests::log(&many);
        let runs = log["runs"].as_array().expect("a list");
        assert_eq!(runs.len(), MAX_RUNS);
        let results: usize = runs.iter().filter_map(|run| run["results"].as_array().map(Vec::len)).sum();
        assert_eq!(results, 23 * (7 + 8), "no platform is dropped");
    }

    #[test]
    fn what_could_not_be_seen_is_a_result_too() {
        let log = log(&[sample::without_images()]);
        assert_eq!(log["runs"][0]["results"][0]["ruleId"], UNSEEN_ID);
        assert_eq!(log["runs"][0]["invocations"][0]["executionSuccessful"], false);
    }

    #[test]
    fn places_are_relative_to_the_repository() {
        assert_eq!(repository_path("./ci/my policy.yaml").as_deref(), Some("ci/my%20policy.yaml"));
        assert_eq!(repository_path("a/../Dockerfile").as_deref(), Some("Dockerfile"));
        for outside in ["/etc/policy.yaml", "../x", "@recommended", "oci://x/y", "C:\\x", ""] {
            assert_eq!(repository_path(outside), None, "{outside}");
        }
    }

    #[test]
    fn messages_carry_no_links() {
        assert_eq!(message("see [x](https://evil.example)").text, "see [x] (https://evil.example)");
    }
}
