//! Policy text to a checked [`Policy`]: this file reads it and its parents, `document` checks each, `merge` joins them.

use std::collections::BTreeSet;

use crate::model::Digest;
use crate::rules::{RULES, Rule};
use crate::yaml::{Span, YamlError, parse_all, suggest};

use super::document::Document;
use super::merge::{Merge, Merged};
use super::presets::PRESETS;
use super::source::Sources;
use super::{Policy, PolicyErrors};

/// Deepest chain of `extends`.
const MAX_DEPTH: usize = 8;
/// Most files and presets that one policy may be made of.
const MAX_FILES: usize = 64;
/// Most bytes of one file.
const MAX_BYTES: usize = 1 << 20;

/// A built-in policy: its name with `@`, and its text.
pub(super) type Preset = (&'static str, &'static str);

/// Reads a policy file and everything it extends, and checks it completely.
///
/// `file` is what people call the text. `load` gives the text behind a local path of `extends`; the path it gets is
/// relative to the directory of `file`, also when it was written in a file of another directory.
///
/// # Errors
/// Everything that is wrong, each with its place. A policy with any error is no policy.
pub fn parse(
    text: &str,
    file: &str,
    load: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Policy, PolicyErrors> {
    parse_at(text, file, load, None)
}

/// [`parse`] at a time, in seconds since 1970: the length of waivers is measured from it.
///
/// # Errors
/// As [`parse`].
pub fn parse_at(
    text: &str,
    file: &str,
    load: &mut dyn FnMut(&str) -> Result<String, String>,
    now: Option<i64>,
) -> Result<Policy, PolicyErrors> {
    parse_with(RULES, PRESETS, text, file, load, now)
}

/// [`parse`] with another table of rules and other presets.
pub(super) fn parse_with(
    table: &'static [Rule],
    presets: &[Preset],
    text: &str,
    file: &str,
    load: &mut dyn FnMut(&str) -> Result<String, String>,
    now: Option<i64>,
) -> Result<Policy, PolicyErrors> {
    let mut reader = Reader {
        table,
        presets,
        load,
        directory: file.rsplit_once('/').map_or("", |(directory, _)| directory),
        sources: Sources::default(),
        files: BTreeSet::new(),
        stack: Vec::new(),
        applied: Vec::new(),
        problems: Vec::new(),
        incomplete: false,
    };
    let key = file.rsplit_once('/').map_or(file, |(_, name)| name).to_owned();
    reader.open(key, file.to_owned(), text.to_owned());
    reader.finish(file, now)
}

/// A file or preset that has been read.
struct Applied {
    document: Document,
    digest: Digest,
}

struct Reader<'a> {
    table: &'static [Rule],
    presets: &'a [Preset],
    load: &'a mut dyn FnMut(&str) -> Result<String, String>,
    /// Directory of the first file, for the names of the others.
    directory: &'a str,
    sources: Sources,
    /// All files seen, by path relative to the first file's directory, or preset name.
    files: BTreeSet<String>,
    /// The files that are being read, outermost first.
    stack: Vec<String>,
    /// In the order they apply: parents first.
    applied: Vec<Applied>,
    problems: Vec<YamlError>,
    /// Whether a text is missing or is no YAML, so that what it would have said is not known.
    incomplete: bool,
}

impl Reader<'_> {
    fn open(&mut self, key: String, name: String, text: String) {
        let digest = Digest::of(text.as_bytes());
        let too_large = text.len() > MAX_BYTES;
        let (node, problems) = if too_large {
            let start = Span { line: 1, column: 1, ..Span::default() };
            (None, vec![YamlError::new(start, format!("more than {MAX_BYTES} bytes of policy"))])
        } else {
            parse_all(&text)
        };
        let base = self.sources.add(name, text);
        self.incomplete |= !problems.is_empty();
        self.problems.extend(problems.into_iter().map(|problem| problem.shifted(base)));
        let Some(node) = node.map(|node| node.shifted(base)) else {
            self.files.insert(key);
            return;
        };
        let mut document = Document::read(&node, self.table);
        self.problems.append(&mut document.problems);
        let directory = key.rsplit_once('/').map_or("", |(directory, _)| directory);
        for path in &mut document.evidence {
            *path = joined(directory, path);
        }
        self.files.insert(key.clone());
        self.stack.push(key);
        let before: Vec<String> = self.files.iter().cloned().collect();
        for (parent, span) in std::mem::take(&mut document.extends) {
            if let Err(problem) = self.extend(&parent, span, &before) {
                self.problems.push(problem);
                self.incomplete = true;
            }
        }
        self.stack.pop();
        self.applied.push(Applied { document, digest });
    }

    /// Reads a parent. A parent that was applied earlier keeps its first place: applied again, it would undo what
    /// stands between. Named behind a parent of the same list (whose files are not among `before`) that has brought it
    /// along, it is refused, since one could expect it to count last.
    fn extend(&mut self, parent: &str, span: Span, before: &[String]) -> Result<(), YamlError> {
        let (key, preset) = self.resolve(parent, span)?;
        if self.stack.contains(&key) {
            let chain: Vec<_> = self.stack.iter().chain([&key]).map(|file| format!("`{file}`")).collect();
            return Err(YamlError::new(span, format!("the policy extends itself: {}", chain.join(" extends "))));
        }
        if self.files.contains(&key) {
            if before.contains(&key) {
                return Ok(());
            }
            let problem = YamlError::new(span, format!("`{parent}` is already part of what stands before it"));
            return Err(problem.with_hint("take it away, or put it first"));
        }
        if self.stack.len() > MAX_DEPTH {
            return Err(YamlError::new(span, format!("`extends` goes deeper than {MAX_DEPTH} files")));
        }
        if self.files.len() >= MAX_FILES {
            return Err(YamlError::new(span, format!("the policy is made of more than {MAX_FILES} files")));
        }
        if let Some(text) = preset {
            self.open(key.clone(), key, text.to_owned());
            return Ok(());
        }
        let text =
            (self.load)(&key).map_err(|why| YamlError::new(span, format!("`{parent}` could not be read: {why}")))?;
        let name = if self.directory.is_empty() { key.clone() } else { format!("{}/{key}", self.directory) };
        self.open(key, name, text);
        Ok(())
    }

    /// What names a parent uniquely: a preset's name, or a path relative to the first file's directory.
    fn resolve(&self, parent: &str, span: Span) -> Result<(String, Option<&'static str>), YamlError> {
        let names: Vec<&str> = self.presets.iter().map(|(name, _)| *name).collect();
        if parent.starts_with('@') {
            if let Some((name, text)) = self.presets.iter().find(|(name, _)| *name == parent) {
                return Ok(((*name).to_owned(), Some(text)));
            }
            let mut problem = YamlError::new(span, format!("there is no preset `{parent}`"));
            problem.hint = suggest(parent, &names);
            return Err(problem);
        }
        if parent.contains("://") {
            return Err(YamlError::new(span, "policies from a registry or a server are not supported by this version"));
        }
        if !parent.starts_with("./") && !parent.starts_with("../") {
            let preset = names.iter().find(|name| name.strip_prefix('@') == Some(parent));
            let hint = match preset {
                Some(name) => format!("did you mean `{name}`?"),
                None if parent.starts_with('/') => "a path is relative to the file it stands in".to_owned(),
                None => format!("a file is written `./{parent}`, a preset begins with `@`"),
            };
            return Err(YamlError::new(span, format!("`{parent}` is neither a preset nor a file")).with_hint(hint));
        }
        // The child may itself be a file of another directory; presets extend presets only.
        let child = self.stack.last().map_or("", String::as_str);
        let directory = child.rsplit_once('/').map_or("", |(directory, _)| directory);
        match join(directory, parent) {
            Some(path) => Ok((path, None)),
            None => Err(YamlError::new(span, format!("`{parent}` does not name a file"))),
        }
    }

    fn finish(self, file: &str, now: Option<i64>) -> Result<Policy, PolicyErrors> {
        let Self { sources, applied, mut problems, incomplete, .. } = self;
        let digest = match applied.as_slice() {
            [only] => only.digest.clone(),
            all => {
                let list: Vec<String> = all.iter().map(|one| one.digest.to_string()).collect();
                Digest::of(list.join("\n").as_bytes())
            }
        };
        let name = applied.last().and_then(|last| last.document.name.clone());
        let mut evidence: Vec<String> = Vec::new();
        for path in applied.iter().flat_map(|one| &one.document.evidence) {
            if !evidence.contains(path) {
                evidence.push(path.clone());
            }
        }
        let pipeline = applied.last().and_then(|last| last.document.pipeline.clone());
        let mut merge = Merge::default();
        let mut tests = Vec::new();
        let last = applied.len();
        for (at, Applied { mut document, .. }) in applied.into_iter().enumerate() {
            // Tests are about the whole policy: those of a parent may not hold for its child.
            let trials = std::mem::take(&mut document.trials);
            if at + 1 == last {
                tests.extend(trials.into_iter().map(|draft| draft.finish(|span| sources.origin(span))));
            }
            merge.apply(document);
        }
        let Merged { rules, waivers, bases, locks, waiver_days, promote, problems: wrong } =
            merge.finish(&sources, now);
        // What a missing text would have said is not known: complaints about the whole could be wrong.
        if !incomplete {
            problems.extend(wrong);
            if rules.is_empty() && problems.is_empty() {
                let start = Span { line: 1, column: 1, ..Span::default() };
                let problem = YamlError::new(start, "the policy switches no rule on, so it would pass every image");
                problems
                    .push(problem.with_hint("extend a preset, such as `extends: [\"@recommended\"]`, or list rules"));
            }
        }
        if !problems.is_empty() {
            return Err(PolicyErrors::new(problems, &sources));
        }
        let name = name.unwrap_or_else(|| file.to_owned());
        Ok(Policy {
            name,
            source: file.to_owned(),
            digest,
            rules,
            waivers,
            bases,
            evidence,
            locks,
            waiver_days,
            pipeline,
            promote,
            tests,
        })
    }
}

/// Joins a relative path to a directory; `.` where nothing is left.
fn joined(directory: &str, path: &str) -> String {
    let whole = format!("{directory}/{path}");
    let parts: Vec<&str> = whole.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Joins a relative path to a directory and resolves `.` and `..` in the text; none when no file name is left.
fn join(directory: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let named = !path.ends_with('/') && parts.last().is_some_and(|last| *last != "..");
    (named && !path.contains(char::is_control)).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests;
