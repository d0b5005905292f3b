//! Several files, applied one after the other, become the rules that are on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::rules::setting::KnownBase;
use crate::rules::{Level, Rule, SettingsReader};
use crate::yaml::{Member, Node, Scalar, Span, Value, YamlError};

use super::custom::CustomDraft;
use super::describe::flow;
use super::document::{Document, Entry, common, is_locked_by, known_bases};
use super::lock::is_looser;
use super::promote::Gate;
use super::source::Sources;
use super::structure::Structure;
use super::waiver::{Waiver, WaiverDraft};
use super::{Common, Configured, Descriptor, Scope, Setting};

/// The rule that knows base images, and its key for the list of them.
const BASE_RULE: &str = "base.allow";
const KNOWN: &str = "known";

/// A rule while files are applied to it.
#[derive(Clone)]
struct Draft {
    rule: &'static Rule,
    level: Level,
    level_span: Option<Span>,
    settings: Vec<Member>,
    common: Vec<Member>,
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
    locks: Vec<(String, Span)>,
    waiver_days: Option<(u32, Span)>,
    custom: BTreeMap<String, CustomDraft>,
    waivers: Vec<WaiverDraft>,
    promote: Option<Node>,
    structure: Vec<Structure>,
    problems: Vec<YamlError>,
}

/// What all files say together.
pub(super) struct Merged {
    pub(super) rules: Vec<Configured>,
    /// Paths whose contents the rules look at.
    pub(super) contents: Vec<String>,
    /// Structure tests, for people.
    pub(super) structure: Vec<Setting>,
    pub(super) waivers: Vec<Waiver>,
    pub(super) bases: Vec<KnownBase>,
    pub(super) locks: Vec<String>,
    pub(super) waiver_days: Option<u32>,
    pub(super) promote: Option<Gate>,
    pub(super) problems: Vec<YamlError>,
}

impl Merge {
    /// Applies one file: parents first.
    ///
    /// A level alone changes the level and keeps the settings. A table replaces the settings key by key; a key set to
    /// `null` takes an inherited setting away. A table without a level keeps the level, but a rule that was off
    /// returns to its default level: settings are written to be applied.
    ///
    /// What an earlier file locks, this one may only tighten; what it locks itself is locked for later ones.
    pub(super) fn apply(&mut self, document: Document) {
        self.broken.extend(document.broken.iter().copied());
        if let Some((bases, span)) = document.bases {
            self.bases.extend(bases);
            self.bases_at = Some(span);
        }
        for entry in &document.entries {
            let lock = self.lock_of(entry.rule.id);
            let before = lock.and_then(|_| self.drafts.get(entry.rule.id).cloned());
            self.apply_entry(entry);
            if let (Some(lock), Some(after)) = (lock, self.drafts.get(entry.rule.id)) {
                self.problems.extend(loosened(before.as_ref(), after, entry, lock));
            }
        }
        if let Some((days, span)) = document.waiver_days {
            match self.waiver_days {
                Some((most, at)) if days > most => {
                    let problem = format!("`waiver-days` is {days}, but a parent allows {most} at most");
                    self.problems.push(YamlError::new(span, problem).with_related(at, "capped here"));
                }
                _ => self.waiver_days = Some((days, span)),
            }
        }
        for draft in document.custom {
            let id = draft.id();
            let lock = self.lock_of(&id);
            if let (Some(lock), true) = (lock, self.custom.contains_key(&id)) {
                let problem = YamlError::new(draft.name_span, format!("`{id}` is locked: it may not be replaced"));
                self.problems.push(problem.with_related(lock, "locked here"));
                continue;
            }
            self.custom.insert(id, draft);
        }
        self.waivers.extend(document.waivers);
        self.apply_promote(document.promote);
        self.locks.extend(document.locks);
    }

    /// Structure tests of a file join those of the files before it: none of them goes away.
    pub(super) fn apply_structure(&mut self, sections: Vec<Structure>) {
        self.structure.extend(sections);
    }

    /// A key of a later file takes the place of the same key of an earlier one; a locked section stays as it is.
    fn apply_promote(&mut self, node: Option<Node>) {
        let Some(Node { value: Value::Table(members), span }) = node else { return };
        if let (Some(lock), Some(member)) = (self.lock_of("promote"), members.first()) {
            let problem = YamlError::new(member.key_span, "`promote` is locked").with_related(lock, "locked here");
            self.problems.push(problem);
            return;
        }
        let mut all = match self.promote.take() {
            Some(Node { value: Value::Table(all), .. }) => all,
            _ => Vec::new(),
        };
        all.retain(|old| members.iter().all(|member| member.key != old.key));
        all.extend(members);
        self.promote = Some(Node { value: Value::Table(all), span });
    }

    fn finish_promote(&mut self, sources: &Sources) -> Option<Gate> {
        let node = self.promote.take()?;
        let settings = node.table().unwrap_or_default().iter().map(|member| Setting {
            key: member.key.clone(),
            value: flow(&member.value),
            origin: sources.origin(member.key_span),
        });
        match Gate::read(&node, settings.collect()) {
            Ok(gate) => Some(gate),
            Err(mut problem) => {
                if problem.span == Span::default() {
                    problem.span = node.span;
                }
                self.problems.push(problem);
                None
            }
        }
    }

    /// Where a rule is locked, if it is.
    fn lock_of(&self, id: &str) -> Option<Span> {
        self.locks.iter().find(|(name, _)| is_locked_by(id, name)).map(|(_, span)| *span)
    }

    fn apply_entry(&mut self, entry: &Entry) {
        let Entry { rule, key_span, level, settings, common } = entry;
        let draft = self.drafts.entry(rule.id).or_insert_with(|| Draft {
            rule,
            level: Level::Off,
            level_span: None,
            settings: Vec::new(),
            common: Vec::new(),
            set_at: *key_span,
        });
        for member in common {
            draft.common.retain(|old| old.key != member.key);
            draft.common.push(member.clone());
        }
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
    ///
    /// `now` (seconds since 1970) is what the length of waivers is measured from; without it no waiver is too long.
    pub(super) fn finish(mut self, sources: &Sources, now: Option<i64>) -> Merged {
        let bases = known_bases(&self.bases);
        self.hand_over_bases();
        self.check_waivers(now);
        let promote = self.finish_promote(sources);
        let mut rules = Vec::new();
        for (id, draft) in self.drafts {
            if self.broken.contains(id) || (draft.level == Level::Off && draft.settings.is_empty()) {
                continue;
            }
            let node = Node { value: Value::Table(draft.settings), span: draft.set_at };
            match (draft.rule.build)(&mut SettingsReader::new(&node)) {
                Ok(check) if draft.level != Level::Off => rules.push(Configured {
                    rule: Arc::new(Descriptor::from(draft.rule)),
                    level: draft.level,
                    common: common(&draft.common).unwrap_or_default(),
                    needs_packages: draft.rule.reads_packages(),
                    check,
                    origin: sources.origin(draft.set_at),
                    settings: written(draft.level, draft.level_span, &draft.common, &node, sources),
                }),
                Ok(_) => {}
                Err(problem) => self.problems.push(placed(problem, id, draft.set_at)),
            }
        }
        for draft in self.custom.into_values() {
            rules.extend(draft.finish(sources, &mut self.problems));
        }
        let mut contents: Vec<String> = self.structure.iter().flat_map(Structure::contents).collect();
        contents.sort();
        contents.dedup();
        let structure = self.structure.iter().map(|section| section.setting(sources)).collect();
        rules.extend(Structure::rules(self.structure, sources));
        rules.sort_by(|one, other| one.rule.id.cmp(&other.rule.id));
        let waivers = self.waivers.into_iter().map(|draft| draft.finish(|span| sources.origin(span)));
        Merged {
            rules,
            contents,
            structure,
            waivers: waivers.collect(),
            bases,
            locks: self.locks.into_iter().map(|(name, _)| name).collect(),
            waiver_days: self.waiver_days.map(|(days, _)| days),
            promote,
            problems: self.problems,
        }
    }

    fn check_waivers(&mut self, now: Option<i64>) {
        for draft in &self.waivers {
            let id = draft.rule();
            if let Some((_, at)) = self.locks.iter().find(|(name, _)| is_locked_by(id, name)) {
                let problem = YamlError::new(draft.rule_span, format!("`{id}` is locked: it cannot be waived"));
                self.problems.push(problem.with_related(*at, "locked here"));
            }
            let longest = self.waiver_days.zip(now).filter(|((days, _), now)| draft.is_longer_than(*days, *now));
            if let Some(((days, at), _)) = longest {
                let problem = format!("the waiver lasts longer than the {days} days that the policy allows");
                self.problems.push(YamlError::new(draft.until_span, problem).with_related(at, "capped here"));
            }
        }
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

/// What a file loosens in a rule that is locked: each part with the place of both.
fn loosened(before: Option<&Draft>, after: &Draft, entry: &Entry, lock: Span) -> Vec<YamlError> {
    let id = after.rule.id;
    let mut problems = Vec::new();
    let mut refuse = |span: Span, what: String| {
        let problem = YamlError::new(span, format!("`{id}` is locked: {what}")).with_related(lock, "locked here");
        problems.push(problem.with_hint("a locked rule may only be made tighter"));
    };
    let (before_level, nothing) = (before.map_or(Level::Off, |draft| draft.level), Vec::new());
    if after.level < before_level {
        let span = entry.level.map_or(entry.key_span, |(_, span)| span);
        let (from, to) = (level_word(before_level), level_word(after.level));
        refuse(span, format!("the level may not fall from `{from}` to `{to}`"));
    }
    let (old, new) = (before.map_or(&nothing, |draft| &draft.settings), &after.settings);
    for setting in &entry.settings {
        let find = |list: &[Member]| list.iter().find(|one| one.key == setting.key).map(|one| one.value.clone());
        let (was, is) = (find(old), find(new));
        // What was never judged cannot be loosened.
        if before_level != Level::Off && is_looser(after.rule, &setting.key, was.as_ref(), is.as_ref()) {
            let told = |node: Option<Node>| node.map_or("its default".to_owned(), |node| format!("`{}`", flow(&node)));
            refuse(setting.value.span, format!("`{}` may not change from {} to {}", setting.key, told(was), told(is)));
        }
    }
    if before_level == Level::Off {
        return problems;
    }
    let read = |members: &[Member]| common(members).unwrap_or_default();
    let (was, is) = (before.map(|draft| read(&draft.common)).unwrap_or_default(), read(&after.common));
    let span_of = |key: &str| {
        entry.common.iter().find(|member| member.key == key).map_or(entry.key_span, |member| member.value.span)
    };
    let Common { since, scope, platforms } = &is;
    let later = |one: &super::Since| was.since.is_none_or(|before| one.start > before.start);
    if since.as_ref().is_some_and(later) && after.level == Level::Deny {
        refuse(span_of("since"), "`since` may not hold it back".to_owned());
    }
    if *scope != was.scope && *scope != Scope::All {
        refuse(span_of("scope"), "`scope` may not leave findings out".to_owned());
    }
    let fewer = was.platforms.is_empty() || was.platforms.iter().any(|platform| !platforms.contains(platform));
    if !platforms.is_empty() && fewer && *platforms != was.platforms {
        refuse(span_of("platforms"), "`platforms` may not leave platforms out".to_owned());
    }
    problems
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

fn written(level: Level, level_span: Option<Span>, common: &[Member], node: &Node, sources: &Sources) -> Vec<Setting> {
    let level = level_span.map(|span| Setting {
        key: "level".to_owned(),
        value: level_word(level).to_owned(),
        origin: sources.origin(span),
    });
    let kept = common.iter().filter(|member| !matches!(member.value.value, Value::Scalar(_, Scalar::Null)));
    let settings = kept.chain(node.table().unwrap_or_default()).map(|member| Setting {
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
