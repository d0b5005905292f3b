//! One policy file: its keys checked, its rules named, nothing merged yet.

use crate::rules::setting::{Day, KnownBase, NonEmpty, WantedPlatform};
use crate::rules::{Level, Rule};
use crate::yaml::{Member, Node, Scalar, Span, Value, YamlError, read, suggest};

use super::alias;
use super::custom::CustomDraft;
use super::parent::Parent;
use super::pipeline::Pipeline;
use super::structure::StructureDraft;
use super::trial::TrialDraft;
use super::waiver::WaiverDraft;
use super::{Common, Scope, Since};

/// The version of the file format.
const VERSION: i64 = 1;
/// Words for the levels, strictest first.
const LEVELS: &[&str] = &["deny", "warn", "info", "off"];
/// Keys of a file.
const KEYS: &[&str] = &[
    "version",
    "name",
    "extends",
    "bases",
    "evidence",
    "limits",
    "lock",
    "pipeline",
    "promote",
    "rules",
    "custom",
    "structure",
    "waivers",
    "tests",
];
/// Keys that every rule's table may have beside `level` and the rule's own settings.
pub(super) const COMMON_KEYS: &[&str] = &["since", "scope", "platforms"];
/// Most characters of a policy's name.
const MAX_NAME: usize = 200;

/// A checked file. What was wrong in it stands in `problems`; the rest is there all the same.
#[derive(Default)]
pub(super) struct Document {
    /// Its name for people.
    pub(super) name: Option<String>,
    /// What it builds on.
    pub(super) extends: Vec<(Parent, Span)>,
    /// Known base images, as tables for `base.allow`, and where the list is.
    pub(super) bases: Option<(Vec<Node>, Span)>,
    /// Files to compare the image with, relative to this file.
    pub(super) evidence: Vec<String>,
    /// Its rules, in the order of the text.
    pub(super) entries: Vec<Entry>,
    /// Ids of rules that are written wrongly here.
    pub(super) broken: Vec<&'static str>,
    /// Most days that a waiver may last.
    pub(super) waiver_days: Option<(u32, Span)>,
    /// Rules and groups of rules that no child may loosen.
    pub(super) locks: Vec<(String, Span)>,
    /// How the image is built and released.
    pub(super) pipeline: Option<Pipeline>,
    /// What promotions have to meet.
    pub(super) promote: Option<Node>,
    /// Rules that it brings along.
    pub(super) custom: Vec<CustomDraft>,
    /// Structure tests, and the files of such tests that are not read yet.
    pub(super) structure: Option<StructureDraft>,
    /// Its tests.
    pub(super) trials: Vec<TrialDraft>,
    /// Its exceptions.
    pub(super) waivers: Vec<WaiverDraft>,
    /// What is wrong.
    pub(super) problems: Vec<YamlError>,
}

/// What a file says of a rule.
pub(super) struct Entry {
    pub(super) rule: &'static Rule,
    /// Where the rule is named.
    pub(super) key_span: Span,
    /// The level, when it is written.
    pub(super) level: Option<(Level, Span)>,
    /// The settings without `level` and what every rule may be told.
    pub(super) settings: Vec<Member>,
    /// What every rule may be told: [`COMMON_KEYS`], as far as they are no settings of the rule itself.
    pub(super) common: Vec<Member>,
}

/// A known base image, as the list `bases` has it: known by the digest of its manifest, by its layers, or both.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WrittenBase {
    r#ref: String,
    digest: Option<crate::model::Digest>,
    diff_ids: Option<Vec<crate::model::Digest>>,
}

/// `limits`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Limits {
    waiver_days: std::num::NonZeroU32,
}

impl Document {
    /// Checks a file's tree against the table of rules.
    pub(super) fn read(node: &Node, table: &'static [Rule]) -> Self {
        let mut document = Self::default();
        let Some(members) = node.table() else {
            document.wrong(wants(node, "a table with `version` and `rules`"));
            return document;
        };
        if let Some(member) = node.get("version") {
            document.version(&member.value);
        } else {
            let start = Span { end: node.span.start, ..node.span };
            document.wrong(YamlError::new(start, "`version` is missing").with_hint("write `version: 1` at the top"));
        }
        for Member { key, key_span, value } in members {
            match key.as_str() {
                "version" => {}
                "name" => document.name(value),
                "extends" => document.extends(value),
                "bases" => document.bases(value),
                "evidence" => document.evidence(value),
                "rules" => document.rules(value, table),
                "limits" => document.limits(value),
                "lock" => document.lock(value, table),
                "pipeline" => match read::<Pipeline>(value) {
                    Ok(pipeline) => document.pipeline = Some(pipeline),
                    Err(problem) => document.wrong(problem),
                },
                "promote" if value.table().is_some() => document.promote = Some(value.clone()),
                "promote" => document.wrong(wants(value, "a table of conditions")),
                "custom" => document.custom(value),
                "waivers" => document.waivers(value, table),
                "tests" => document.trials(value),
                "structure" => {
                    let (section, problems) = StructureDraft::read(value, *key_span);
                    document.problems.extend(problems);
                    document.structure = section;
                }
                key => document.wrong(unknown(*key_span, "key", key, KEYS)),
            }
        }
        document
    }

    fn wrong(&mut self, problem: YamlError) {
        self.problems.push(problem);
    }

    fn version(&mut self, value: &Node) {
        match &value.value {
            Value::Scalar(_, Scalar::Integer(VERSION)) => {}
            Value::Scalar(_, Scalar::Integer(other)) => {
                let problem = YamlError::new(value.span, format!("version {other} of the policy format is not known"));
                self.wrong(problem.with_hint(format!("this imgguard reads version {VERSION}")));
            }
            _ => self.wrong(wants(value, "the number 1")),
        }
    }

    fn name(&mut self, value: &Node) {
        match value.text() {
            Some(name) if name.trim().is_empty() => self.wrong(YamlError::new(value.span, "the name is empty")),
            Some(name) if name.chars().any(char::is_control) => {
                self.wrong(YamlError::new(value.span, "the name holds a control character"));
            }
            Some(name) if name.chars().count() > MAX_NAME => {
                self.wrong(YamlError::new(value.span, format!("the name has more than {MAX_NAME} characters")));
            }
            Some(name) => self.name = Some(name.to_owned()),
            None => self.wrong(quoted_text(value)),
        }
    }

    fn extends(&mut self, value: &Node) {
        let Some(elements) = self.filled_list(value, "a list of presets, files and bundles") else { return };
        for element in elements {
            let parent = match (element.text(), element.table()) {
                (Some(text), _) => Parent::read(text, element.span),
                (None, Some(_)) => Parent::read_table(element),
                (None, None) => Err(quoted_text(element)),
            };
            match parent {
                Ok(parent) if self.extends.iter().any(|(known, _)| known.name() == parent.name()) => {
                    let name = element.text().map_or_else(|| parent.name(), str::to_owned);
                    self.wrong(YamlError::new(element.span, format!("`{name}` is given twice")));
                }
                Ok(parent) => self.extends.push((parent, element.span)),
                Err(problem) => self.wrong(problem),
            }
        }
    }

    fn bases(&mut self, value: &Node) {
        let Some(elements) = self.filled_list(value, "a list of known base images") else { return };
        let before = self.problems.len();
        for element in elements {
            match read::<WrittenBase>(element) {
                Ok(WrittenBase { digest: None, diff_ids: None, .. }) => {
                    let problem = YamlError::new(element.span, "neither `digest` nor `diff-ids` is given");
                    self.wrong(problem.with_hint("give `diff-ids`, the layers that prove the base, bottom first"));
                }
                Ok(WrittenBase { r#ref, diff_ids, .. })
                    if r#ref.is_empty() || diff_ids.as_ref().is_some_and(Vec::is_empty) =>
                {
                    let key = if r#ref.is_empty() { "ref" } else { "diff-ids" };
                    let span = element.get(key).map_or(element.span, |member| member.value.span);
                    self.wrong(YamlError::new(span, format!("`{key}` is empty")));
                }
                Ok(_) => {}
                Err(problem) => self.wrong(problem),
            }
        }
        // A wrong list is not handed to the rule, which would complain about the same once more.
        if self.problems.len() == before {
            self.bases = Some((elements.to_vec(), value.span));
        }
    }

    fn evidence(&mut self, value: &Node) {
        let Some(elements) = self.filled_list(value, "a list of files and directories") else { return };
        for element in elements {
            match element.text() {
                Some(text) if text.is_empty() || text.starts_with('/') || text.contains("://") => {
                    let problem = YamlError::new(element.span, format!("`{text}` is no path relative to this file"));
                    self.wrong(problem.with_hint("write it from the directory of this file on, such as `k8s/`"));
                }
                Some(text) => self.evidence.push(text.to_owned()),
                None => self.wrong(quoted_text(element)),
            }
        }
    }

    fn custom(&mut self, value: &Node) {
        let Some(elements) = self.filled_list(value, "a list of custom rules") else { return };
        for element in elements {
            if element.table().is_none() {
                self.wrong(wants(element, "a table with `name`, `expr` and `message`"));
                continue;
            }
            match CustomDraft::read(element) {
                Ok(draft) if self.custom.iter().any(|known| known.id() == draft.id()) => {
                    self.wrong(YamlError::new(draft.name_span, format!("`{}` stands here twice", draft.id())));
                }
                Ok(draft) => self.custom.push(draft),
                Err(problem) => self.wrong(problem),
            }
        }
    }

    fn trials(&mut self, value: &Node) {
        let Some(elements) = self.filled_list(value, "a list of tests") else { return };
        for element in elements {
            if element.table().is_none() {
                self.wrong(wants(element, "a table with `name` and `expect`"));
                continue;
            }
            match TrialDraft::read(element) {
                Ok(draft) => self.trials.push(draft),
                Err(problem) => self.wrong(problem),
            }
        }
    }

    fn limits(&mut self, value: &Node) {
        match read::<Limits>(value) {
            Ok(limits) => {
                let span = value.get("waiver-days").map_or(value.span, |member| member.value.span);
                self.waiver_days = Some((limits.waiver_days.get(), span));
            }
            Err(problem) => self.wrong(problem),
        }
    }

    fn lock(&mut self, value: &Node, table: &'static [Rule]) {
        let Some(elements) = self.filled_list(value, "a list of rules and groups") else { return };
        for element in elements {
            let Some(text) = element.text() else {
                self.wrong(quoted_text(element));
                continue;
            };
            let name = text.strip_suffix(".*").unwrap_or(text);
            let known = name == "promote"
                || OWN_GROUPS.contains(&name.split('.').next().unwrap_or_default())
                || table.iter().any(|rule| is_locked_by(rule.id, name));
            if known {
                self.locks.push((name.to_owned(), element.span));
            } else {
                let mut names: Vec<&str> = table.iter().map(|rule| rule.id).collect();
                names.extend(table.iter().filter_map(|rule| rule.id.split('.').next()));
                names.dedup();
                let mut problem = YamlError::new(element.span, format!("there is no rule and no group `{text}`"));
                problem.hint = suggest(name, &names).filter(|hint| hint.starts_with("did"));
                self.wrong(problem);
            }
        }
    }

    fn waivers(&mut self, value: &Node, table: &'static [Rule]) {
        let Some(elements) = value.list() else {
            return self.wrong(wants(value, "a list of waivers"));
        };
        for element in elements {
            if element.table().is_none() {
                self.wrong(wants(element, "a table with `rule`, `match`, `reason`, `owner` and `until`"));
                continue;
            }
            match WaiverDraft::read(element) {
                Ok(draft) => {
                    let id = draft.rule();
                    let own = OWN_GROUPS.contains(&id.split('.').next().unwrap_or_default());
                    if !own && !table.iter().any(|rule| rule.id == id) {
                        let ids: Vec<&str> = table.iter().map(|rule| rule.id).collect();
                        let mut problem = YamlError::new(draft.rule_span, format!("there is no rule `{id}`"));
                        problem.hint = suggest(id, &ids).filter(|hint| hint.starts_with("did"));
                        self.wrong(problem);
                    } else {
                        self.waivers.push(draft);
                    }
                }
                Err(problem) => self.wrong(problem),
            }
        }
    }

    fn filled_list<'node>(&mut self, value: &'node Node, what: &str) -> Option<&'node [Node]> {
        match value.list() {
            Some([]) => self.wrong(YamlError::new(value.span, "the list is empty").with_hint(format!("give {what}"))),
            Some(elements) => return Some(elements),
            None => self.wrong(wants(value, what)),
        }
        None
    }

    fn rules(&mut self, value: &Node, table: &'static [Rule]) {
        let Some(groups) = value.table() else {
            return self.wrong(wants(value, "a table of groups"));
        };
        for group in groups {
            let names: Vec<&str> = names_in(&group.key, table);
            if names.is_empty() {
                self.wrong(unknown_group(group, table));
                continue;
            }
            let Some(rules) = group.value.table() else {
                let hint = format!("rules of `{}` are {}", group.key, ticked(&names));
                self.wrong(wants(&group.value, "a table of rules").with_hint(hint));
                continue;
            };
            self.aliases(&group.key, rules, table);
            for rule in rules.iter().filter(|rule| !alias::is_alias(&group.key, &rule.key)) {
                if let Some(found) = find(table, &group.key, &rule.key) {
                    self.entry(found, rule);
                } else {
                    self.wrong(unknown_rule(&group.key, rule, &names, table));
                }
            }
        }
    }

    /// `consistency: { compose: warn }`: one level for all rules of the group; what is named beside it counts after it.
    fn aliases(&mut self, group: &str, members: &[Member], table: &'static [Rule]) {
        let mut found: Vec<(&Member, Level, Span)> = Vec::new();
        for member in members.iter().filter(|member| alias::is_alias(group, &member.key)) {
            if let Some((level, span)) = self.level(&member.value, "a level") {
                found.push((member, level, span));
            }
        }
        match alias::settle(&found) {
            Ok(None) => {}
            Ok(Some(alias)) => {
                let rules =
                    table.iter().filter(|rule| rule.id.split_once('.').is_some_and(|(known, _)| known == group));
                self.entries.extend(rules.map(|rule| Entry {
                    rule,
                    key_span: alias.key_span,
                    level: Some((alias.level, alias.span)),
                    settings: alias.settings.clone(),
                    common: Vec::new(),
                }));
            }
            Err(problem) => self.wrong(problem),
        }
    }

    fn entry(&mut self, rule: &'static Rule, member: &Member) {
        let before = self.problems.len();
        let mut entry =
            Entry { rule, key_span: member.key_span, level: None, settings: Vec::new(), common: Vec::new() };
        match &member.value.value {
            Value::Table(settings) => {
                let known = setting_names(rule);
                for setting in settings {
                    self.setting(&mut entry, setting, &known);
                }
            }
            Value::List(_) => self.wrong(wants(&member.value, "a level or a table of settings")),
            Value::Scalar(..) => entry.level = self.level(&member.value, "a level or a table of settings"),
        }
        if self.problems.len() > before {
            self.broken.push(rule.id);
        }
        self.entries.push(entry);
    }

    fn setting(&mut self, entry: &mut Entry, setting: &Member, known: &[String]) {
        let Member { key, key_span, value } = setting;
        let left_out = matches!(&value.value, Value::Scalar(text, Scalar::Null) if text.is_empty());
        if key == "level" {
            entry.level = self.level(value, "a level");
        } else if COMMON_KEYS.contains(&key.as_str()) && !known.contains(key) && !left_out {
            match common(std::slice::from_ref(setting)) {
                Ok(_) => entry.common.push(setting.clone()),
                Err(problem) => self.wrong(problem),
            }
        } else if left_out {
            self.wrong(YamlError::new(*key_span, format!("`{key}` has no value")));
        } else if !known.contains(key) && suggest(key, &["level"]).is_some_and(|hint| hint.starts_with("did")) {
            self.wrong(YamlError::new(*key_span, format!("unknown key `{key}`")).with_hint("did you mean `level`?"));
        } else {
            entry.settings.push(setting.clone());
        }
    }

    fn level(&mut self, value: &Node, wanted: &str) -> Option<(Level, Span)> {
        let hint = || format!("levels are {}", ticked(LEVELS));
        let Some(word) = value.text() else {
            let off = matches!(value.value, Value::Scalar(_, Scalar::Bool(false)));
            let hint = if off { "did you mean `off`?".to_owned() } else { hint() };
            self.wrong(wants(value, wanted).with_hint(hint));
            return None;
        };
        let level = match word {
            "deny" => Level::Deny,
            "warn" => Level::Warn,
            "info" => Level::Info,
            "off" => Level::Off,
            _ => {
                let hint = suggest(word, LEVELS).filter(|hint| hint.starts_with("did")).unwrap_or_else(hint);
                self.wrong(YamlError::new(value.span, format!("`{word}` is not a level")).with_hint(hint));
                return None;
            }
        };
        Some((level, value.span))
    }
}

/// Groups of rules that a policy brings along itself.
pub(super) const OWN_GROUPS: &[&str] = &["custom", "structure"];

/// Whether a lock on a rule, a group, or a group with `.*` names that rule.
pub(super) fn is_locked_by(id: &str, lock: &str) -> bool {
    id == lock || id.strip_prefix(lock).is_some_and(|rest| rest.starts_with('.'))
}

/// Reads what every rule may be told; `null` takes an inherited value away.
pub(super) fn common(members: &[Member]) -> Result<Common, YamlError> {
    let mut common = Common::default();
    for Member { key, value, .. } in
        members.iter().filter(|one| !matches!(one.value.value, Value::Scalar(_, Scalar::Null)))
    {
        match key.as_str() {
            // The day counts from its first second on.
            "since" => {
                let start = read::<Day>(value)?.0 - 86_400;
                common.since = Some(Since { start });
            }
            "scope" => common.scope = read::<Scope>(value)?,
            _ => common.platforms = read::<NonEmpty<WantedPlatform>>(value)?.into(),
        }
    }
    Ok(common)
}

/// Reads the base images of the list `bases`; what is wrong in it has been said before.
pub(super) fn known_bases(nodes: &[Node]) -> Vec<KnownBase> {
    nodes.iter().filter_map(|node| read::<KnownBase>(node).ok()).collect()
}

/// Names of a rule's settings, as its schema lists them.
pub(super) fn setting_names(rule: &Rule) -> Vec<String> {
    super::schema::Settings::of(rule).properties.into_iter().map(|(name, _)| name).collect()
}

pub(super) fn wants(node: &Node, wanted: &str) -> YamlError {
    YamlError::new(node.span, format!("{wanted} is wanted here, not {}", node.describe()))
}

pub(super) fn quoted_text(node: &Node) -> YamlError {
    match &node.value {
        Value::Scalar(text, kind) if *kind != Scalar::Null => {
            wants(node, "text").with_hint(format!("put it in quotes: `\"{text}\"`"))
        }
        _ => wants(node, "text"),
    }
}

fn unknown(span: Span, what: &str, word: &str, known: &[&str]) -> YamlError {
    let mut problem = YamlError::new(span, format!("unknown {what} `{word}`"));
    problem.hint = suggest(word, known);
    problem
}

fn unknown_rule(group: &str, rule: &Member, names: &[&str], table: &'static [Rule]) -> YamlError {
    let ids: Vec<String> = names.iter().map(|name| format!("{group}.{name}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let near = suggest(&rule.key, names).filter(|hint| hint.starts_with("did"));
    let hint = near.or_else(|| elsewhere(&rule.key, table));
    YamlError::new(rule.key_span, format!("there is no rule `{group}.{}`", rule.key))
        .with_hint(hint.unwrap_or_else(|| format!("rules of `{group}` are {}", ticked(&ids))))
}

fn unknown_group(group: &Member, table: &'static [Rule]) -> YamlError {
    let mut groups: Vec<&str> =
        table.iter().filter_map(|rule| rule.id.split_once('.')).map(|(group, _)| group).collect();
    groups.dedup();
    if let Some((name, rule)) = group.key.split_once('.')
        && find(table, name, rule).is_some()
    {
        let problem = YamlError::new(group.key_span, format!("rule `{}` stands outside of its group", group.key));
        return problem.with_hint(format!("write `{name}: {{ {rule}: … }}`"));
    }
    let mut problem = unknown(group.key_span, "group", &group.key, &groups);
    if problem.hint.as_ref().is_none_or(|hint| !hint.starts_with("did"))
        && let Some(hint) = elsewhere(&group.key, table)
    {
        problem.hint = Some(hint);
    }
    problem
}

/// Where a rule of that name really is.
fn elsewhere(name: &str, table: &'static [Rule]) -> Option<String> {
    let rule = table.iter().find(|rule| rule.id.split_once('.').is_some_and(|(_, known)| known == name))?;
    Some(format!("did you mean `{}`?", rule.id))
}

fn names_in(group: &str, table: &'static [Rule]) -> Vec<&'static str> {
    table
        .iter()
        .filter_map(|rule| rule.id.split_once('.'))
        .filter(|(known, _)| *known == group)
        .map(|(_, name)| name)
        .collect()
}

fn find(table: &'static [Rule], group: &str, name: &str) -> Option<&'static Rule> {
    table.iter().find(|rule| rule.id.split_once('.') == Some((group, name)))
}

fn ticked(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
