//! `tests`: what a policy must say of given facts, run by `imgguard policy test`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::model::{ImageFacts, Inspection, SCHEMA};
use crate::rules::setting::{Day, NonEmpty, Words};
use crate::rules::{Circumstances, Outcome, RULES};
use crate::yaml::{Member, Node, Scalar, Span, Value, YamlError, read, suggest};

use super::{Origin, Policy, Report, Verdict, judge};

/// What a verdict may be expected to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedVerdict {
    /// Exit 0.
    Pass,
    /// Exit 1.
    Violations,
    /// Exit 3.
    Inconclusive,
}

/// What is expected.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Expect {
    verdict: Option<ExpectedVerdict>,
    fail: Option<NonEmpty<Words>>,
    pass: Option<NonEmpty<Words>>,
    unknown: Option<NonEmpty<Words>>,
    waived: Option<NonEmpty<Words>>,
    not_applicable: Option<NonEmpty<Words>>,
}

/// What a rule may be expected to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Fail,
    Pass,
    Unknown,
    Waived,
    NotApplicable,
}

impl Answer {
    fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Pass => "pass",
            Self::Unknown => "unknown",
            Self::Waived => "waived",
            Self::NotApplicable => "not-applicable",
        }
    }

    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Fail(_) => Self::Fail,
            Outcome::Pass(_) => Self::Pass,
            Outcome::Unknown(_) => Self::Unknown,
            Outcome::Waived => Self::Waived,
            Outcome::NotApplicable(_) => Self::NotApplicable,
        }
    }
}

/// A test as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    name: Words,
    #[serde(default)]
    facts: Option<Words>,
    #[serde(default)]
    now: Option<Day>,
    expect: Expect,
}

/// A test of a policy.
pub struct Trial {
    /// Its name.
    pub name: String,
    /// The facts document, relative to the directory of the first policy file; none for an image in which nothing is.
    pub facts: Option<String>,
    /// The time of the run, in seconds since 1970; none for the real one.
    pub now: Option<i64>,
    /// Where it stands.
    pub origin: Origin,
    /// Parts of the facts that are set, or taken away.
    changes: Vec<(String, Option<Json>)>,
    verdict: Option<ExpectedVerdict>,
    answers: Vec<(String, Answer)>,
}

/// A test that has been read.
pub(super) struct TrialDraft {
    written: Written,
    changes: Vec<(String, Option<Json>)>,
    span: Span,
}

impl TrialDraft {
    /// Reads one element of `tests`. `set` and `unset` are facts, not settings, so their values are free.
    pub(super) fn read(node: &Node) -> Result<Self, YamlError> {
        let mut changes = Vec::new();
        let mut plain = Vec::new();
        for member in node.table().unwrap_or_default() {
            match member.key.as_str() {
                "set" => changes.extend(set(member)?),
                "unset" => changes.extend(unset(member)?),
                _ => plain.push(member.clone()),
            }
        }
        let rest = Node { value: Value::Table(plain), span: node.span };
        let written: Written = read(&rest)?;
        let empty = matches!(
            &written.expect,
            Expect { verdict: None, fail: None, pass: None, unknown: None, waived: None, not_applicable: None }
        );
        if empty {
            let span = node.get("expect").map_or(node.span, |member| member.key_span);
            return Err(YamlError::new(span, "the test expects nothing")
                .with_hint("give `verdict`, or rules under `fail`, `pass`, `unknown`, `waived`, `not-applicable`"));
        }
        if let Some(member) = node.get("facts")
            && (member.value.text().is_some_and(|path| path.starts_with('/') || path.contains("://")))
        {
            return Err(YamlError::new(member.value.span, "no path relative to this file"));
        }
        let draft = Self { written, changes, span: node.span };
        Self::check_rules(node)?;
        Ok(draft)
    }

    /// Every rule that is expected to answer must exist; those of `custom` are looked for later.
    fn check_rules(node: &Node) -> Result<(), YamlError> {
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        for list in node.get("expect").and_then(|expect| expect.value.table()).unwrap_or_default() {
            for element in list.value.list().unwrap_or_default() {
                let id = element.text().unwrap_or_default();
                let own = ["custom.", "structure.", "waivers."].iter().any(|group| id.starts_with(group));
                if !own && !ids.contains(&id) {
                    let mut problem = YamlError::new(element.span, format!("there is no rule `{id}`"));
                    problem.hint = suggest(id, &ids).filter(|hint| hint.starts_with("did"));
                    return Err(problem);
                }
            }
        }
        Ok(())
    }

    /// The test, with its place.
    pub(super) fn finish(self, origin: impl Fn(Span) -> Origin) -> Trial {
        let Written { name, facts, now, expect } = self.written;
        let Expect { verdict, fail, pass, unknown, waived, not_applicable } = expect;
        let lists = [
            (Answer::Fail, fail),
            (Answer::Pass, pass),
            (Answer::Unknown, unknown),
            (Answer::Waived, waived),
            (Answer::NotApplicable, not_applicable),
        ];
        let answers = lists.into_iter().flat_map(|(answer, rules)| {
            let rules: Vec<Words> = rules.map(Vec::from).unwrap_or_default();
            rules.into_iter().map(move |rule| (rule.0, answer))
        });
        Trial {
            name: name.0,
            facts: facts.map(|facts| facts.0),
            // The first second of the day.
            now: now.map(|day| day.0 - 86_400),
            origin: origin(self.span),
            changes: self.changes,
            verdict,
            answers: answers.collect(),
        }
    }
}

fn set(member: &Member) -> Result<Vec<(String, Option<Json>)>, YamlError> {
    let Some(members) = member.value.table() else {
        let problem = format!("a table of JSON pointers and values is wanted here, not {}", member.value.describe());
        return Err(YamlError::new(member.value.span, problem));
    };
    members.iter().map(|one| Ok((pointer(&one.key, one.key_span)?, Some(json_of(&one.value))))).collect()
}

fn unset(member: &Member) -> Result<Vec<(String, Option<Json>)>, YamlError> {
    let elements = member.value.list().unwrap_or_default();
    if elements.is_empty() {
        return Err(YamlError::new(member.value.span, "a list of JSON pointers is wanted here"));
    }
    elements.iter().map(|one| Ok((pointer(one.text().unwrap_or_default(), one.span)?, None))).collect()
}

/// A pointer into the facts of an image. Fields of the config may be written as in the image config: `/config/ExposedPorts`.
fn pointer(text: &str, span: Span) -> Result<String, YamlError> {
    if !text.starts_with('/') {
        let problem = YamlError::new(span, format!("`{text}` is no JSON pointer"));
        return Err(problem.with_hint("write it from the image on, such as `/config/user`"));
    }
    let mut parts = text.split('/').skip(1);
    let known = |part: &str| ["config", "subject"].contains(&part);
    let first = parts.next().unwrap_or_default();
    let mut pointer = format!("/{first}");
    // Keys of labels are written as they are.
    let mut free = !known(first);
    for part in parts {
        pointer.push('/');
        pointer.push_str(&if free { part.to_owned() } else { snake(part) });
        free |= part.eq_ignore_ascii_case("labels");
    }
    Ok(pointer)
}

/// `ExposedPorts` as `exposed_ports`.
fn snake(text: &str) -> String {
    let mut name = String::new();
    for letter in text.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Scalar(text, Scalar::Text) => json!(text),
        Value::Scalar(_, Scalar::Null) => Json::Null,
        Value::Scalar(_, Scalar::Bool(value)) => json!(value),
        Value::Scalar(_, Scalar::Integer(value)) => json!(value),
        Value::Scalar(_, Scalar::Float(value)) => json!(value),
        Value::List(elements) => elements.iter().map(json_of).collect(),
        Value::Table(members) => {
            Json::Object(members.iter().map(|member| (member.key.clone(), json_of(&member.value))).collect())
        }
    }
}

/// What came out of a test.
pub struct Tried {
    /// What is not as expected, one sentence each; empty when the test passes.
    pub complaints: Vec<String>,
    /// Rules that failed, or whose failure a waiver let pass.
    pub failed: BTreeSet<String>,
}

impl Trial {
    /// The facts that are judged when the test names none: an image in which nothing is.
    ///
    /// # Errors
    /// Never, as long as the facts can be written as below.
    pub fn nothing() -> Result<Inspection, serde_json::Error> {
        let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
        serde_json::from_value(json!({
            "schema": SCHEMA,
            "gaps": [],
            "images": [{
                "subject": {
                    "reference": "registry.example/test/image:1.0.0", "repository": "registry.example/test/image", "tag": "1.0.0",
                    "digest": digest, "config_digest": digest,
                    "media_type": "application/vnd.oci.image.manifest.v1+json",
                },
                "platform": "linux/amd64",
                "index": null, "annotations": {}, "config": { "os": "linux", "architecture": "amd64" }, "layers": [], "files": [], "hidden": [],
                "waste": { "shipped": 0, "visible": 0, "deleted": 0, "overwritten": 0, "rewritten": 0, "duplicate": 0 },
                "documents": [], "accounts": null, "groups": null, "os_release": {}, "base": [], "secrets": [],
                "gaps": [], "notes": [],
            }],
        }))
    }

    /// Changes the facts as the test says, judges them and compares.
    ///
    /// # Errors
    /// The changed facts are no facts any more: one sentence.
    pub fn run(&self, policy: &Policy, mut facts: Inspection, now: i64) -> Result<Tried, String> {
        for image in &mut facts.images {
            *image = self.changed(image)?;
        }
        let circumstances = Circumstances { now: Some(self.now.unwrap_or(now)), ..Circumstances::default() };
        Ok(self.compare(&judge(policy, facts, &circumstances)))
    }

    fn changed(&self, image: &ImageFacts) -> Result<ImageFacts, String> {
        if self.changes.is_empty() {
            return Ok(image.clone());
        }
        let mut facts = serde_json::to_value(image).map_err(|error| error.to_string())?;
        for (pointer, value) in &self.changes {
            change(&mut facts, pointer, value.clone())?;
        }
        serde_json::from_value(facts).map_err(|error| format!("what `set` makes are no facts: {error}"))
    }

    fn compare(&self, report: &Report) -> Tried {
        let mut seen: BTreeMap<&str, Vec<Answer>> = BTreeMap::new();
        let mut failed = BTreeSet::new();
        for result in report.images.iter().flat_map(|image| &image.results) {
            seen.entry(&result.rule.id).or_default().push(Answer::of(&result.outcome));
            if result.outcome.is_fail() || !result.waived.is_empty() {
                failed.insert(result.rule.id.to_string());
            }
        }
        let mut complaints = Vec::new();
        for (rule, wanted) in &self.answers {
            let all = seen.get(rule.as_str()).map(Vec::as_slice).unwrap_or_default();
            // A failure on one platform is a failure; every other answer must be that of all platforms.
            let fits = match wanted {
                Answer::Fail => all.contains(wanted),
                _ => !all.is_empty() && all.iter().all(|answer| answer == wanted),
            };
            if !fits {
                let mut answers: Vec<&str> = all.iter().map(|answer| answer.word()).collect();
                answers.dedup();
                let found = if answers.is_empty() {
                    "is not judged".to_owned()
                } else {
                    format!("is {}", answers.join(" and "))
                };
                complaints.push(format!("`{rule}` should be {}, and {found}", wanted.word()));
            }
        }
        let verdict = match report.verdict {
            Verdict::Pass(_) => ExpectedVerdict::Pass,
            Verdict::Violations => ExpectedVerdict::Violations,
            Verdict::Inconclusive => ExpectedVerdict::Inconclusive,
        };
        if let Some(wanted) = self.verdict.filter(|wanted| *wanted != verdict) {
            let because: Vec<String> = match verdict {
                ExpectedVerdict::Violations => failed.iter().map(|rule| format!("`{rule}` fails")).collect(),
                _ => report.inconclusive_because(),
            };
            let because = if because.is_empty() { String::new() } else { format!(": {}", because.join(", ")) };
            let (wanted, verdict) = (word(wanted), word(verdict));
            complaints.push(format!("the verdict should be {wanted}, and is {verdict}{because}"));
        }
        Tried { complaints, failed }
    }
}

fn word(verdict: ExpectedVerdict) -> &'static str {
    match verdict {
        ExpectedVerdict::Pass => "pass",
        ExpectedVerdict::Violations => "violations",
        ExpectedVerdict::Inconclusive => "inconclusive",
    }
}

/// Sets or takes away what a pointer names; objects on the way that are null are made.
fn change(facts: &mut Json, pointer: &str, value: Option<Json>) -> Result<(), String> {
    let missing = || format!("`{pointer}` leads nowhere in the facts");
    let parts: Vec<String> = pointer.split('/').skip(1).map(super::unescape_pointer).collect();
    let Some((last, way)) = parts.split_last() else { return Err(missing()) };
    let mut at = facts;
    for (depth, part) in way.iter().enumerate() {
        if at.is_null() {
            *at = json!({});
        }
        at = match at {
            // Only what may be left out is made: a misspelt part of the facts themselves is an error.
            Json::Object(map) => {
                if depth == 0 && !map.contains_key(part) {
                    return Err(missing());
                }
                map.entry(part.clone()).or_insert(Json::Null)
            }
            Json::Array(list) => part.parse().ok().and_then(|place: usize| list.get_mut(place)).ok_or_else(missing)?,
            _ => return Err(missing()),
        };
    }
    if at.is_null() {
        *at = json!({});
    }
    match (at, value) {
        (Json::Object(map), Some(value)) => {
            map.insert(last.clone(), value);
        }
        (Json::Object(map), None) => {
            map.remove(last).ok_or_else(missing)?;
        }
        (Json::Array(list), Some(value)) if last == "-" => list.push(value),
        (Json::Array(list), value) => {
            let place = last.parse::<usize>().ok().filter(|place| *place < list.len()).ok_or_else(missing)?;
            match value {
                Some(value) => list[place] = value,
                None => {
                    list.remove(place);
                }
            }
        }
        _ => return Err(missing()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{fake, parse};
    use crate::testkit::image::image;

    fn policy(tests: &str) -> Result<Policy, String> {
        let text = format!(
            "version: 1\nrules: {{ user: {{ root: deny, numeric: warn }}, ports: {{ exactly: {{ ports: [80/tcp], level: deny }} }} }}\ntests:\n{tests}"
        );
        parse(&text, "imgguard.yaml", &mut |_| Err("none".to_owned())).map_err(|errors| errors.to_string())
    }

    fn complaints(test: &str, facts: Inspection) -> Vec<String> {
        let policy = policy(test).unwrap_or_else(|errors| panic!("{errors}"));
        policy.tests[0].run(&policy, facts, 0).unwrap_or_else(refused).complaints
    }

    fn refused(why: String) -> Tried {
        Tried { complaints: vec![why], failed: BTreeSet::new() }
    }

    #[test]
    fn what_is_expected_and_comes_is_good() {
        let good = "  - { name: a, expect: { verdict: pass, pass: [user.root, ports.exactly] } }\n";
        assert_eq!(complaints(good, fake::inspection(vec![image("user 1000\nport 80/tcp")])), [""; 0]);
        let bad = "  - { name: a, expect: { verdict: pass, pass: [user.root], fail: [ports.exactly], unknown: [user.uid] } }\n";
        let told = complaints(bad, fake::inspection(vec![image("user 0\nport 80/tcp")]));
        assert_eq!(
            told,
            [
                "`ports.exactly` should be fail, and is pass",
                "`user.root` should be pass, and is fail",
                "`user.uid` should be unknown, and is not judged",
                "the verdict should be pass, and is violations: `user.root` fails",
            ]
        );
    }

    #[test]
    fn facts_are_changed_before_they_are_judged() {
        let empty = || Trial::nothing().expect("facts");
        let test = "  - name: a\n    set: { /config/User: '1000', /config/ExposedPorts: [80/tcp] }\n    expect: { pass: [user.root, ports.exactly] }\n";
        assert_eq!(complaints(test, empty()), [""; 0]);
        let unset = "  - { name: a, unset: [/config/user, /config/exposed_ports/0], expect: { fail: [user.root, ports.exactly] } }\n";
        assert_eq!(complaints(unset, fake::inspection(vec![image("user 1000\nport 80/tcp")])), [""; 0]);
        let deep = "  - { name: a, set: { /config/Healthcheck/Test: [CMD, x] }, expect: { fail: [user.root] } }\n";
        assert_eq!(complaints(deep, empty()), [""; 0]);
        let wrong = "  - { name: a, set: { /confg/user: a }, expect: { verdict: pass } }\n";
        assert_eq!(complaints(wrong, empty()), ["`/confg/user` leads nowhere in the facts"]);
        let kind = "  - { name: a, set: { /config/user: [1] }, expect: { verdict: pass } }\n";
        assert!(complaints(kind, empty())[0].starts_with("what `set` makes are no facts"));
    }

    #[test]
    fn a_test_that_says_nothing_or_too_much_is_refused_at_its_place() {
        let error = |test: &str| policy(test).err().unwrap_or_else(|| panic!("accepted: {test}"));
        assert!(error("  - { name: a, expect: {} }\n").starts_with("imgguard.yaml:4:16: the test expects nothing"));
        assert!(
            error("  - { name: a, expect: { fail: [user.rot] } }\n")
                .starts_with("imgguard.yaml:4:33: there is no rule `user.rot`")
        );
        assert!(error("  - { name: a, set: { user: a }, expect: { verdict: pass } }\n").contains("no JSON pointer"));
        assert!(error("  - { name: a, now: soon, expect: { verdict: pass } }\n").contains("is no day"));
        assert!(error("  - { name: a, expects: { verdict: pass } }\n").contains("expects"));
        assert!(error("  - { name: a, facts: /etc/x, expect: { verdict: pass } }\n").contains("relative"));
    }
}
