//! Several files, applied one after the other, become the rules that are on.

use std::collections::{BTreeMap, BTreeSet};

use crate::rules::{Level, Rule, SettingsReader};
use crate::yaml::{Member, Node, Scalar, Span, Value, YamlError};

use super::describe::flow;
use super::document::{Document, Entry};
use super::source::Sources;
use super::{Configured, Setting};

/// The rule that knows base images, and its key for the list of them.
const BASE_RULE: &str = "base.allow";
const KNOWN: &str = "known";

/// A rule while files are applied to it.
struct Draft {
    rule: &'static Rule,
    level: Level,
    level_span: Option<Span>,
    settings: Vec<Member>,
    /// Where the rule was last named.
    set_at: Span,
}

/// All rules while files are applied.
#[derive(Default)]
pub(super) struct Merge {
    drafts: BTreeMap<&'static str, Draft>,
    bases: Vec<Node>,
    bases_at: Option<Span>,
    broken: BTreeSet<&'static str>,
    problems: Vec<YamlError>,
}

impl Merge {
    /// Applies one file: parents first.
    ///
    /// A level alone changes the level and keeps the settings. A table replaces the settings key by key; a key set to
    /// `null` takes an inherited setting away. A table without a level keeps the level, but a rule that was off
    /// returns to its default level: settings are written to be applied.
    pub(super) fn apply(&mut self, document: &Document) {
        self.broken.extend(document.broken.iter().copied());
        if let Some((bases, span)) = &document.bases {
            self.bases.extend(bases.iter().cloned());
            self.bases_at = Some(*span);
        }
        for entry in &document.entries {
            self.apply_entry(entry);
        }
    }

    fn apply_entry(&mut self, entry: &Entry) {
        let Entry { rule, key_span, level, settings } = entry;
        let draft = self.drafts.entry(rule.id).or_insert_with(|| Draft {
            rule,
            level: Level::Off,
            level_span: None,
            settings: Vec::new(),
            set_at: *key_span,
        });
        draft.set_at = *key_span;
        if let Some((level, span)) = level {
            draft.level = *level;
            draft.level_span = Some(*span);
        } else if draft.level == Level::Off {
            draft.level = draft.rule.level;
            draft.level_span = None;
        }
        for setting in settings {
            let known = draft.settings.iter().position(|old| old.key == setting.key);
            let removes = matches!(setting.value.value, Value::Scalar(_, Scalar::Null));
            match (known, removes) {
                (Some(at), false) => draft.settings[at] = setting.clone(),
                (None, false) => draft.settings.push(setting.clone()),
                (Some(at), true) => {
                    draft.settings.remove(at);
                }
                (None, true) => {
                    let message = format!("there is no inherited `{}` to take away", setting.key);
                    self.problems.push(YamlError::new(setting.key_span, message));
                    self.broken.insert(draft.rule.id);
                }
            }
        }
    }

    /// Builds every rule, those that are off too, as far as they have settings: a mistake in them is a mistake.
    pub(super) fn finish(mut self, sources: &Sources) -> (Vec<Configured>, Vec<YamlError>) {
        self.hand_over_bases();
        let mut rules = Vec::new();
        for (id, draft) in self.drafts {
            if self.broken.contains(id) || (draft.level == Level::Off && draft.settings.is_empty()) {
                continue;
            }
            let node = Node { value: Value::Table(draft.settings), span: draft.set_at };
            match (draft.rule.build)(&mut SettingsReader::new(&node)) {
                Ok(check) if draft.level != Level::Off => rules.push(Configured {
                    rule: draft.rule,
                    level: draft.level,
                    check,
                    origin: sources.origin(draft.set_at),
                    settings: written(draft.level, draft.level_span, &node, sources),
                }),
                Ok(_) => {}
                Err(problem) => self.problems.push(placed(problem, id, draft.set_at)),
            }
        }
        (rules, self.problems)
    }

    fn hand_over_bases(&mut self) {
        let Some(span) = self.bases_at else { return };
        let Some(draft) = self.drafts.get_mut(BASE_RULE) else {
            let problem = YamlError::new(span, format!("`bases` is given, but no rule `{BASE_RULE}` reads it"));
            self.problems.push(problem.with_hint("configure `base: { allow: … }`, or take `bases` away"));
            return;
        };
        let bases = std::mem::take(&mut self.bases);
        match draft.settings.iter_mut().find(|setting| setting.key == KNOWN) {
            // A value of another type is left for the rule to complain about.
            Some(Member { value: Node { value: Value::List(known), .. }, .. }) => known.extend(bases),
            Some(_) => {}
            None => draft.settings.push(Member {
                key: KNOWN.to_owned(),
                key_span: span,
                value: Node { value: Value::List(bases), span },
            }),
        }
    }
}

/// A complaint of a rule, with a place and advice if it came without.
fn placed(mut problem: YamlError, id: &str, set_at: Span) -> YamlError {
    if problem.span == Span::default() {
        problem.span = set_at;
    }
    if problem.hint.is_none() {
        problem.hint = Some(format!("`imgguard rules {id}` tells its settings"));
    }
    problem.message = format!("{}: {}", id, problem.message);
    problem
}

fn written(level: Level, level_span: Option<Span>, node: &Node, sources: &Sources) -> Vec<Setting> {
    let level = level_span.map(|span| Setting {
        key: "level".to_owned(),
        value: level_word(level).to_owned(),
        origin: sources.origin(span),
    });
    let settings = node.table().unwrap_or_default().iter().map(|member| Setting {
        key: member.key.clone(),
        value: flow(&member.value),
        origin: sources.origin(member.key_span),
    });
    level.into_iter().chain(settings).collect()
}

/// The word for a level in a policy file.
pub(super) fn level_word(level: Level) -> &'static str {
    match level {
        Level::Deny => "deny",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Off => "off",
    }
}
