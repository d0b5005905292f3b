//! `custom`: rules that a policy brings along, written in CEL over the facts of the image.

use std::sync::Arc;

use serde::Deserialize;

use crate::cel::{Problem, Program, Stopped};
use crate::model::{GapKind, ImageFacts};
use crate::rules::setting::Words;
use crate::rules::{Check, Fault, Level, Outcome, Seat};
use crate::yaml::{Node, Span, YamlError, read};

use super::describe::flow;
use super::source::Sources;
use super::{Common, Configured, Descriptor, Setting};

/// The group that custom rules are in.
pub(super) const GROUP: &str = "custom";
/// Most characters of a rule's name.
const MAX_NAME: usize = 64;
/// Fields of `image` that are not known when files were not seen.
const OF_FILES: &[&str] =
    &["files", "hidden", "waste", "documents", "accounts", "groups", "os_release", "packages", "startup"];

/// Whether an expression may go through a long list once for each element of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Cost {
    High,
}

/// A rule as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    name: Words,
    #[serde(default)]
    level: Option<Level>,
    #[serde(default)]
    when: Option<Words>,
    #[serde(default)]
    expr: Option<Words>,
    #[serde(default)]
    message: Option<Words>,
    #[serde(default)]
    why: Option<Words>,
    #[serde(default)]
    fix: Option<Words>,
    #[serde(default)]
    cost: Option<Cost>,
}

/// A rule that has been read, before its expressions are.
pub(super) struct CustomDraft {
    written: Written,
    node: Node,
    pub(super) name_span: Span,
}

impl CustomDraft {
    /// Reads one element of `custom`.
    pub(super) fn read(node: &Node) -> Result<Self, YamlError> {
        let start = node.table().and_then(<[_]>::first).map_or(node.span, |first| first.key_span);
        let written: Written = read(node).map_err(|problem| match problem.message.as_str() {
            // A missing key is complained about at the element's first key, not under the whole block.
            message if message.ends_with("is missing") => {
                YamlError::new(start, format!("a custom rule without {}", message.trim_end_matches(" is missing")))
            }
            _ => problem,
        })?;
        let name_span = node.get("name").map_or(node.span, |member| member.value.span);
        let name = &written.name.0;
        let good = name.len() <= MAX_NAME
            && name.starts_with(|letter: char| letter.is_ascii_lowercase())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !good {
            let hint = "a name is of a-z, 0-9 and `-`, and begins with a letter";
            return Err(YamlError::new(name_span, format!("`{name}` is no name of a rule")).with_hint(hint));
        }
        if written.level != Some(Level::Off) {
            for (key, given) in [("expr", written.expr.is_some()), ("message", written.message.is_some())] {
                if !given {
                    let problem = YamlError::new(start, format!("a custom rule without `{key}`"));
                    return Err(problem.with_hint("`name`, `expr` (true is good) and `message` are mandatory"));
                }
            }
        }
        Ok(Self { written, node: node.clone(), name_span })
    }

    /// Its id, such as `custom.headless`.
    pub(super) fn id(&self) -> String {
        format!("{GROUP}.{}", self.written.name.0)
    }

    /// Reads and checks its expressions; none when it is off.
    pub(super) fn finish(self, sources: &Sources, problems: &mut Vec<YamlError>) -> Option<Configured> {
        let id = self.id();
        let Self { written, node, .. } = self;
        let level = written.level.unwrap_or(Level::Deny);
        let costly = written.cost == Some(Cost::High);
        let mut compile = |key: &str, text: Option<&Words>| {
            let text = &text?.0;
            let place = node.get(key).map_or(node.span, |member| member.value.span);
            match Program::compile(text, costly) {
                Ok(program) => Some(Expression { program, text: text.clone() }),
                Err(wrong) => {
                    problems.extend(wrong.into_iter().map(|problem| placed(problem, text, place, sources)));
                    None
                }
            }
        };
        let when = compile("when", written.when.as_ref());
        let expr = compile("expr", written.expr.as_ref());
        let broken = written.when.is_some() != when.is_some();
        if level == Level::Off || broken {
            return None;
        }
        let (expr, message) = (expr?, written.message?.0);
        let needs_packages =
            expr.program.reads("packages") || when.as_ref().is_some_and(|when| when.program.reads("packages"));
        let why = written
            .why
            .map_or_else(|| format!("The policy asks for it: `{}`.", expr.text.replace('`', "'")), |why| why.0);
        let rule = Descriptor {
            id: id.clone().into(),
            code: id.into(),
            summary: message.clone().into(),
            why: why.into(),
            fix: written.fix.as_ref().map_or_else(String::new, |fix| fix.0.clone()).into(),
        };
        // The name stands first, whatever the order in the file.
        let members = node.table().unwrap_or_default().iter();
        let (name, others): (Vec<_>, Vec<_>) = members.partition(|member| member.key == "name");
        let settings = name.into_iter().chain(others).map(|member| Setting {
            key: member.key.clone(),
            value: flow(&member.value),
            origin: sources.origin(member.key_span),
        });
        Some(Configured {
            rule: Arc::new(rule),
            level,
            common: Common::default(),
            needs_packages,
            settings: settings.collect(),
            origin: sources.origin(node.span),
            check: Box::new(Custom { name: written.name.0, when, expr, message, fix: written.fix.map(|fix| fix.0) }),
        })
    }
}

struct Expression {
    program: Program,
    text: String,
}

impl Expression {
    fn decide(&self, image: &ImageFacts) -> Result<bool, String> {
        if self.program.reads("packages") && image.packages.is_none() {
            return Err("the packages of the image were not read".to_owned());
        }
        let files = OF_FILES.iter().any(|field| self.program.reads(field));
        let packages = self.program.reads("packages");
        let secrets = self.program.reads("secrets");
        let unseen = image.gaps.iter().find(|gap| match gap.kind {
            GapKind::Catalog => packages,
            GapKind::SecretScan => secrets,
            GapKind::Document => files,
            kind => kind.hides_files() && (files || secrets),
        });
        if let Some(gap) = unseen {
            return Err(gap.detail.clone());
        }
        self.program.decide(image).map_err(|Stopped { at, why, .. }| {
            let part = self.text.get(at).unwrap_or_default().replace('`', "'");
            format!("the expression stopped at `{part}`: {why}")
        })
    }
}

struct Custom {
    name: String,
    when: Option<Expression>,
    expr: Expression,
    message: String,
    fix: Option<String>,
}

impl Check for Custom {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        match self.when.as_ref().map(|when| when.decide(image)) {
            None | Some(Ok(true)) => {}
            Some(Ok(false)) => return Outcome::NotApplicable("`when` is false".to_owned()),
            Some(Err(why)) => return Outcome::Unknown(why),
        }
        match self.expr.decide(image) {
            Ok(true) => Outcome::Pass("`expr` is true".to_owned()),
            Ok(false) => Outcome::Fail(vec![Fault {
                subject: self.name.clone(),
                message: self.message.clone(),
                seat: Seat::Image,
                fix: self.fix.clone(),
            }]),
            Err(why) => Outcome::Unknown(why),
        }
    }
}

/// A complaint about an expression, at its place in the file.
fn placed(problem: Problem, text: &str, scalar: Span, sources: &Sources) -> YamlError {
    let mut span = scalar;
    if let Some((_, source, local)) = sources.locate(scalar) {
        let raw = source.text.get(local.start..local.end).unwrap_or_default();
        let (start, end) = (position(raw, text, problem.at.start), position(raw, text, problem.at.end));
        let end = end.max(start);
        let at = local.start + start;
        let before = source.text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        span = Span {
            start: scalar.start + start,
            end: scalar.start + end,
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        };
    }
    let mut placed = YamlError::new(span, problem.message);
    placed.hint = problem.hint;
    placed
}

/// Where in a scalar as written the byte of its value stands: quotes, escapes, indentation and the header of a block are
/// written and no part of the value.
fn position(raw: &str, text: &str, wanted: usize) -> usize {
    let header = match raw.as_bytes().first() {
        Some(b'"' | b'\'') => 1,
        Some(b'|' | b'>') => raw.find('\n').map_or(0, |at| at + 1),
        _ => 0,
    };
    let mut at = header;
    for letter in text.get(..wanted).unwrap_or(text).chars() {
        let rest = raw.get(at..).unwrap_or_default();
        let same = |one: char| if letter.is_whitespace() { one.is_whitespace() } else { one == letter };
        let Some((skipped, found)) = rest.char_indices().find(|(_, one)| same(*one)) else { break };
        at += skipped + found.len_utf8();
    }
    // What is between the last letter and the wanted one is skipped too, but not behind the end.
    let next = text.get(wanted..).and_then(|rest| rest.chars().next());
    let rest = raw.get(at..).unwrap_or_default();
    let skipped = next.filter(|next| !next.is_whitespace()).and_then(|next| rest.find(next));
    at + skipped.filter(|skipped| rest.get(..*skipped).is_some_and(|gap| gap.chars().all(is_between))).unwrap_or(0)
}

/// What may stand between two letters of a value and belong to neither.
fn is_between(letter: char) -> bool {
    letter.is_whitespace() || letter == '\\'
}

#[cfg(test)]
mod tests {
    use crate::policy::{Policy, Verdict, fake, judge, parse};
    use crate::rules::{Circumstances, Outcome};
    use crate::testkit::image::image;

    fn policy(text: &str) -> Result<Policy, String> {
        parse(text, "imgguard.yaml", &mut |path| match path {
            "parent.yaml" => {
                Ok("version: 1\ncustom: [{name: a, expr: 'true', message: m}]\nlock: [custom]\n".to_owned())
            }
            _ => Err("no such file".to_owned()),
        })
        .map_err(|errors| errors.to_string())
    }

    fn refused(custom: &str) -> String {
        policy(&format!("version: 1\ncustom:\n{custom}")).err().unwrap_or_else(|| panic!("accepted: {custom}"))
    }

    fn outcome(custom: &str, facts: &str) -> Outcome {
        let policy = policy(&format!("version: 1\ncustom:\n{custom}")).unwrap_or_else(|errors| panic!("{errors}"));
        let report = judge(&policy, fake::inspection(vec![image(facts)]), &Circumstances::default());
        report.images[0].results[0].outcome.clone()
    }

    const HEADLESS: &str = "  - name: headless\n    when: \"'HEADLESS' in image.env\"\n    expr: \"image.env['HEADLESS'] == 'true'\"\n    message: \"must run headless\"\n    fix: \"ENV HEADLESS=true\"\n    level: warn\n";

    #[test]
    fn a_rule_of_the_policy_is_judged_like_any_other() {
        let Outcome::Fail(faults) = outcome(HEADLESS, "env HEADLESS=no") else { panic!("not failed") };
        assert_eq!(
            (faults[0].message.as_str(), faults[0].fix.as_deref()),
            ("must run headless", Some("ENV HEADLESS=true"))
        );
        assert!(matches!(outcome(HEADLESS, "env HEADLESS=true"), Outcome::Pass(_)));
        assert!(matches!(outcome(HEADLESS, ""), Outcome::NotApplicable(_)));
    }

    #[test]
    fn an_expression_that_stops_is_never_a_pass() {
        let rule = "  - { name: a, expr: \"image.config.labels['x'] != 'y'\", message: m }\n";
        let text = format!("version: 1\ncustom:\n{rule}");
        let report = judge(&policy(&text).expect("good"), fake::inspection(vec![image("")]), &Circumstances::default());
        assert_eq!(report.verdict, Verdict::Inconclusive);
        let Outcome::Unknown(why) = &report.images[0].results[0].outcome else { panic!("decided") };
        assert_eq!(why, "the expression stopped at `'x'`: there is no such key: ask with `in` first");
        let files = "  - { name: a, expr: \"image.files.all(f, f.entry.mode < 512)\", message: m }\n";
        assert!(matches!(outcome(files, "layer a\n0644 0:0 a\ngap layer 0 damaged"), Outcome::Unknown(_)));
        let slow = "  - { name: a, cost: high, message: m, expr: \"!image.files.exists(a, image.files.exists(b, a.entry.path + 'x' == b.entry.path))\" }\n";
        let many = (0..2_000).map(|at| format!("0644 0:0 f{at}")).collect::<Vec<_>>().join("\n");
        assert!(matches!(outcome(slow, &many), Outcome::Unknown(why) if why.contains("more than 5000000 steps")));
    }

    #[test]
    fn what_is_wrong_is_shown_at_its_place_in_the_file() {
        let wrong = "  - name: a\n    message: m\n    expr: \"image.confg.user == '1000'\"\n";
        assert_eq!(refused(wrong), "imgguard.yaml:5:18: unknown field `confg`");
        let folded = "  - name: a\n    message: m\n    expr: >-\n      image.config.user\n        == 'its' &&\n      image.confg.user == ''\n";
        assert!(refused(folded).starts_with("imgguard.yaml:8:13: unknown field `confg`"), "{}", refused(folded));
        let quoted = "  - { name: a, message: m, expr: 'image.env[''A''] == ''b'' && image.confg == 1' }\n";
        assert!(refused(quoted).starts_with("imgguard.yaml:3:70: unknown field `confg`"), "{}", refused(quoted));
        let escaped = "  - { name: a, message: m, expr: \"image.env[\\\"A\\\"] == 'b' && image.confg == 1\" }\n";
        assert!(refused(escaped).starts_with("imgguard.yaml:3:68: unknown field `confg`"), "{}", refused(escaped));
        let quadratic = "  - { name: a, message: m, expr: 'image.files.all(a, image.files.exists(b, a == b))' }\n";
        assert!(
            refused(quadratic).starts_with("imgguard.yaml:3:54: a long list is gone through once"),
            "{}",
            refused(quadratic)
        );
    }

    #[test]
    fn a_rule_needs_a_name_an_expression_and_a_message() {
        assert!(refused("  - { expr: 'true', message: m }\n").contains("3:7: a custom rule without `name`"));
        assert!(refused("  - { name: a, message: m }\n").contains("without `expr`"));
        assert!(refused("  - { name: a, expr: 'true' }\n").contains("without `message`"));
        assert!(refused("  - { name: A b, expr: 'true', message: m }\n").contains("is no name of a rule"));
        assert!(refused("  - { name: a, expr: 'true', message: m, levl: deny }\n").contains("levl"));
        assert!(refused("  - { name: a, expr: '1', message: m }\n").contains("a boolean is wanted"));
        assert!(
            refused("  - { name: a, expr: 'true', message: m }\n  - { name: a, expr: 'true', message: m }\n")
                .contains("twice")
        );
    }

    #[test]
    fn a_later_file_replaces_a_rule_unless_it_is_locked() {
        let text =
            "version: 1\nextends: [./parent.yaml]\ncustom: [{name: a, level: off}]\nrules: {user: {root: deny}}\n";
        let error = policy(text).err().expect("locked");
        assert_eq!(error, "imgguard.yaml:3:17: `custom.a` is locked: it may not be replaced");
        let more = "version: 1\nextends: [./parent.yaml]\ncustom: [{name: b, expr: 'true', message: m}]\n";
        assert_eq!(policy(more).expect("another one").rules.len(), 2);
    }

    #[test]
    fn a_policy_that_is_shown_reads_back() {
        let text = format!("version: 1\nrules: {{ user: {{ root: deny }} }}\ncustom:\n{HEADLESS}");
        let first = policy(&text).expect("good");
        let shown = first.describe();
        let again = policy(&shown).unwrap_or_else(|errors| panic!("{errors}\n{shown}"));
        let ids = |policy: &Policy| policy.rules.iter().map(|rule| rule.rule.id.to_string()).collect::<Vec<_>>();
        assert_eq!(ids(&again), ids(&first));
        assert_eq!(ids(&first), ["custom.headless", "user.root"]);
    }
}
