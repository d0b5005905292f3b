//! Policy text to a checked [`Policy`]: this file reads it and its parents, `document` checks each, `merge` joins them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::model::Digest;
use crate::rules::{RULES, Rule};
use crate::yaml::{Span, YamlError, parse_all, suggest};

use super::document::Document;
use super::merge::{Merge, Merged};
use super::parent::{Bundle, BundleSigner, Files, Parent, ParentError, Parents, Signer, WantedBundle};
use super::presets::PRESETS;
use super::source::Sources;
use super::structure::{Structure, StructureDraft};
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
    parse_from(text, file, &mut Files(load), now)
}

/// [`parse_at`] with parents that may be bundles in registries too.
///
/// # Errors
/// As [`parse`].
pub fn parse_from(text: &str, file: &str, parents: &mut dyn Parents, now: Option<i64>) -> Result<Policy, PolicyErrors> {
    parse_with(RULES, PRESETS, text, file, parents, now)
}

/// [`parse`] with another table of rules and other presets.
pub(super) fn parse_with(
    table: &'static [Rule],
    presets: &[Preset],
    text: &str,
    file: &str,
    parents: &mut dyn Parents,
    now: Option<i64>,
) -> Result<Policy, PolicyErrors> {
    let mut reader = Reader {
        table,
        presets,
        parents,
        directory: file.rsplit_once('/').map_or("", |(directory, _)| directory),
        sources: Sources::default(),
        files: BTreeSet::new(),
        bundles: BTreeMap::new(),
        stack: Vec::new(),
        applied: Vec::new(),
        problems: Vec::new(),
        incomplete: false,
    };
    let key = Key::file(file.rsplit_once('/').map_or(file, |(_, name)| name));
    reader.open(key, file.to_owned(), text.to_owned());
    reader.finish(file, now)
}

/// A file or preset that has been read.
struct Applied {
    document: Document,
    structure: Vec<Structure>,
    digest: Digest,
}

/// What names a file uniquely: a preset's name, or a path in a bundle or relative to the directory of the first file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    bundle: Option<Digest>,
    path: String,
}

impl Key {
    fn file(path: &str) -> Self {
        Self { bundle: None, path: path.to_owned() }
    }

    fn directory(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(directory, _)| directory)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bundle {
            None => formatter.write_str(&self.path),
            Some(digest) => write!(formatter, "{}#{}", digest.short(), self.path),
        }
    }
}

/// A bundle that was read, and what people call it.
struct Opened {
    bundle: Bundle,
    name: String,
}

struct Reader<'a> {
    table: &'static [Rule],
    presets: &'a [Preset],
    parents: &'a mut dyn Parents,
    /// Directory of the first file, for the names of the others.
    directory: &'a str,
    sources: Sources,
    /// All files seen.
    files: BTreeSet<Key>,
    /// All bundles read.
    bundles: BTreeMap<Digest, Opened>,
    /// The files that are being read, outermost first.
    stack: Vec<Key>,
    /// In the order they apply: parents first.
    applied: Vec<Applied>,
    problems: Vec<YamlError>,
    /// Whether a text is missing or is no YAML, so that what it would have said is not known.
    incomplete: bool,
}

impl Reader<'_> {
    fn open(&mut self, key: Key, name: String, text: String) {
        let digest = Digest::of(text.as_bytes());
        let (node, problems) = match too_large(&text) {
            Some(problem) => (None, vec![problem]),
            None => parse_all(&text),
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
        // What a bundle compares images with lies beside the policy that uses it.
        let directory = if key.bundle.is_some() { "" } else { key.directory() };
        for path in &mut document.evidence {
            *path = joined(directory, path);
        }
        self.files.insert(key.clone());
        self.stack.push(key);
        let before: Vec<Key> = self.files.iter().cloned().collect();
        for (parent, span) in std::mem::take(&mut document.extends) {
            if let Err(problem) = self.extend(&parent, span, &before) {
                self.problems.push(problem);
                self.incomplete = true;
            }
        }
        let structure = document.structure.take().map(|section| self.structure(section)).unwrap_or_default();
        self.stack.pop();
        self.applied.push(Applied { document, structure, digest });
    }

    /// Reads a parent. A parent that was applied earlier keeps its first place: applied again, it would undo what
    /// stands between. Named behind a parent of the same list (whose files are not among `before`) that has brought it
    /// along, it is refused, since one could expect it to count last.
    fn extend(&mut self, parent: &Parent, span: Span, before: &[Key]) -> Result<(), YamlError> {
        let (name, key, preset) = match parent {
            Parent::Named(name) => {
                let (key, preset) = self.resolve(name, span)?;
                (name.clone(), key, preset)
            }
            Parent::Bundle { repository, digest, signer } => {
                self.has_room(span)?;
                let key = self.bundle(repository, digest, signer, span)?;
                (format!("oci://{repository}@{digest}"), key, None)
            }
        };
        if self.stack.contains(&key) {
            let chain: Vec<_> = self.stack.iter().chain([&key]).map(|file| format!("`{file}`")).collect();
            return Err(YamlError::new(span, format!("the policy extends itself: {}", chain.join(" extends "))));
        }
        if self.files.contains(&key) {
            if before.contains(&key) {
                return Ok(());
            }
            let problem = YamlError::new(span, format!("`{name}` is already part of what stands before it"));
            return Err(problem.with_hint("take it away, or put it first"));
        }
        self.has_room(span)?;
        if let Some(text) = preset {
            let name = key.path.clone();
            self.open(key, name, text.to_owned());
            return Ok(());
        }
        let (file, text) = self.text(&key).map_err(|why| unread(&name, span, why))?;
        self.open(key, file, text);
        Ok(())
    }

    fn has_room(&self, span: Span) -> Result<(), YamlError> {
        if self.stack.len() > MAX_DEPTH {
            return Err(YamlError::new(span, format!("`extends` goes deeper than {MAX_DEPTH} files")));
        }
        if self.files.len() >= MAX_FILES {
            return Err(YamlError::new(span, format!("the policy is made of more than {MAX_FILES} files")));
        }
        Ok(())
    }

    /// Reads a bundle, once, and gives the key of the file that is meant.
    fn bundle(&mut self, repository: &str, digest: &Digest, signer: &Signer, span: Span) -> Result<Key, YamlError> {
        let signer = match signer {
            Signer::Spec(spec) => BundleSigner::Known(spec.clone()),
            Signer::Unsaid => BundleSigner::Unsaid,
            Signer::Nobody => BundleSigner::Nobody,
            Signer::InFile(spec, file, at) => {
                let path = self.beside(file, *at)?;
                let (name, text) = self.text(&path).map_err(|why| unread(file, *at, why))?;
                BundleSigner::InFile(spec.clone(), text, name)
            }
        };
        let wanted = WantedBundle { repository: repository.to_owned(), digest: digest.clone(), signer };
        // Each entry may name another signer: every one of them is asked.
        let bundle = self.parents.bundle(&wanted).map_err(|why| unread(&wanted.to_string(), span, why))?;
        let key = Key { bundle: Some(digest.clone()), path: bundle.entry.clone() };
        self.bundles.entry(digest.clone()).or_insert(Opened { bundle, name: wanted.to_string() });
        Ok(key)
    }

    /// The name and the text of a file.
    fn text(&mut self, key: &Key) -> Result<(String, String), ParentError> {
        let Some(digest) = &key.bundle else {
            let text = self.parents.file(&key.path)?;
            let directory = self.directory;
            let name = if directory.is_empty() { key.path.clone() } else { format!("{directory}/{}", key.path) };
            return Ok((name, text));
        };
        let missing = || ParentError::from("it is not in the bundle".to_owned());
        let opened = self.bundles.get(digest).ok_or_else(missing)?;
        let text = opened.bundle.files.get(&key.path).ok_or_else(missing)?;
        let is_entry = key.path == opened.bundle.entry;
        let name = if is_entry { opened.name.clone() } else { format!("{}#{}", opened.name, key.path) };
        Ok((name, text.clone()))
    }

    /// The file that a path in the file that is being read means.
    fn beside(&self, path: &str, span: Span) -> Result<Key, YamlError> {
        let child = self.stack.last();
        let directory = child.map_or("", Key::directory);
        match join(directory, path).filter(|_| !path.starts_with('/')) {
            Some(path) => Ok(Key { bundle: child.and_then(|child| child.bundle.clone()), path }),
            None => Err(YamlError::new(span, format!("`{path}` does not name a file"))),
        }
    }

    /// Reads the files of structure tests.
    fn structure(&mut self, draft: StructureDraft) -> Vec<Structure> {
        let (mut sections, files) = draft.split();
        for (path, span, levels) in files {
            let read = self.beside(&path, span).and_then(|key| {
                let (name, text) = self.text(&key).map_err(|why| unread(&path, span, why))?;
                match too_large(&text) {
                    None => Ok((name, text)),
                    Some(problem) => Err(YamlError::new(span, format!("`{path}` has {}", problem.message))),
                }
            });
            match read {
                Ok((name, text)) => {
                    let base = self.sources.add(name, text.clone());
                    let (section, problems) = Structure::read_file(&text, base, levels);
                    self.incomplete |= !problems.is_empty();
                    self.problems.extend(problems);
                    sections.extend(section);
                }
                Err(problem) => {
                    self.problems.push(problem);
                    self.incomplete = true;
                }
            }
        }
        sections
    }

    /// What names a parent uniquely: a preset's name, or a path relative to the first file's directory.
    fn resolve(&self, parent: &str, span: Span) -> Result<(Key, Option<&'static str>), YamlError> {
        let names: Vec<&str> = self.presets.iter().map(|(name, _)| *name).collect();
        if parent.starts_with('@') {
            if let Some((name, text)) = self.presets.iter().find(|(name, _)| *name == parent) {
                return Ok((Key::file(name), Some(text)));
            }
            let mut problem = YamlError::new(span, format!("there is no preset `{parent}`"));
            problem.hint = suggest(parent, &names);
            return Err(problem);
        }
        if parent.contains("://") {
            return Err(YamlError::new(span, format!("policies cannot be read from `{parent}`"))
                .with_hint("a bundle in a registry is written `oci://REPOSITORY@sha256:…`"));
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
        Ok((self.beside(parent, span)?, None))
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
        for (at, Applied { mut document, structure, .. }) in applied.into_iter().enumerate() {
            // Tests are about the whole policy: those of a parent may not hold for its child.
            let trials = std::mem::take(&mut document.trials);
            if at + 1 == last {
                tests.extend(trials.into_iter().map(|draft| draft.finish(|span| sources.origin(span))));
            }
            merge.apply(document);
            merge.apply_structure(structure);
        }
        let Merged { rules, contents, structure, waivers, bases, locks, waiver_days, promote, problems: wrong } =
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
            contents,
            structure,
        })
    }
}

/// Complains about a text that is too long.
fn too_large(text: &str) -> Option<YamlError> {
    let start = Span { line: 1, column: 1, ..Span::default() };
    (text.len() > MAX_BYTES).then(|| YamlError::new(start, format!("more than {MAX_BYTES} bytes of policy")))
}

fn unread(name: &str, span: Span, why: ParentError) -> YamlError {
    let mut problem = YamlError::new(span, format!("`{name}` could not be read: {}", why.message));
    problem.hint = why.hint;
    problem
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
