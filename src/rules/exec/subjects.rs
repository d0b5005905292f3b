//! What starts commands: the image's own command, its health check, and the services and jobs of its tables.

use std::sync::Arc;

use crate::model::ImageFacts;
use crate::rules::Seat;
use crate::rules::words::code;

use super::filesystem::FileSystem;
use super::report::Report;
use super::resolver::{Resolver, Setting};
use super::shell::Word;
use super::{jobs, supervisor};

/// Most files that one pattern of a table stands for.
const MAX_MATCHES: usize = 1_000;

/// Something that starts a command, and what came of it.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Subject {
    /// Stable over rebuilds: `CMD`, `program:redis`.
    pub id: String,
    /// The subject of a sentence.
    pub name: String,
    pub seat: Seat,
    pub report: Report,
}

/// The command that a container of the image starts with; none when there is none.
pub(in crate::rules) fn main(resolver: &Resolver<'_>) -> Option<Subject> {
    let image = resolver.image;
    let entrypoint = image.config.entrypoint.as_deref().unwrap_or_default();
    let command = image.config.cmd.as_deref().unwrap_or_default();
    let words: Vec<Word> = entrypoint.iter().chain(command).map(|word| Word::plain(word)).collect();
    if words.is_empty() {
        return None;
    }
    let (id, pointer) =
        if entrypoint.is_empty() { ("CMD", "/config/Cmd") } else { ("ENTRYPOINT", "/config/Entrypoint") };
    let mut report = Report::default();
    resolver.run(&words, &Setting::of_image(image), &mut report);
    Some(Subject { id: id.to_owned(), name: code(id), seat: Seat::Config(pointer.to_owned()), report })
}

/// The health check; none when there is none or it is switched off.
fn health(resolver: &Resolver<'_>) -> Option<Subject> {
    let image = resolver.image;
    let test = &image.config.healthcheck.as_ref()?.test;
    let (kind, rest) = test.split_first()?;
    let words: Vec<Word> = match (kind.as_str(), rest) {
        ("CMD", [_, ..]) => rest.iter().map(|word| Word::plain(word)).collect(),
        ("CMD-SHELL", [_, ..]) => {
            let default = ["/bin/sh".to_owned(), "-c".to_owned()];
            let shell = image.config.shell.as_deref().filter(|shell| !shell.is_empty()).unwrap_or(&default);
            shell.iter().chain(rest).map(|word| Word::plain(word)).collect()
        }
        _ => return None,
    };
    let mut report = Report::default();
    resolver.run(&words, &Setting::of_image(image), &mut report);
    let seat = Seat::Config("/config/Healthcheck/Test".to_owned());
    Some(Subject { id: "HEALTHCHECK".to_owned(), name: code("HEALTHCHECK"), seat, report })
}

/// Everything that starts commands, worked out once for all rules that ask.
#[derive(Debug)]
pub(in crate::rules) struct Started(pub Vec<Subject>);

/// The health check; worked out once for all rules that ask.
#[derive(Debug)]
pub(in crate::rules) struct Checked(pub Option<Subject>);

/// The health check, with nothing when there is none or it is switched off.
pub(in crate::rules) fn checked(image: &ImageFacts) -> Arc<Checked> {
    image.derived.get(|| Checked(health(&Resolver::new(image))))
}

/// The image's command first, then what its services and jobs start; nothing when it has no command.
pub(in crate::rules) fn started(image: &ImageFacts) -> Arc<Started> {
    image.derived.get(|| Started(all(&Resolver::new(image))))
}

/// A command that a file beside the image starts in it; `change` tells under which other conditions.
pub(in crate::rules) fn given(
    resolver: &Resolver<'_>,
    name: String,
    seat: Seat,
    words: &[String],
    change: impl FnOnce(&mut Setting),
) -> Subject {
    let mut setting = Setting::of_image(resolver.image);
    change(&mut setting);
    let words: Vec<Word> = words.iter().map(|word| Word::plain(word)).collect();
    let mut report = Report::default();
    resolver.run(&words, &setting, &mut report);
    Subject { id: name.clone(), name, seat, report }
}

/// The image's command and everything that its services and jobs start, health checks aside.
pub(super) fn all(resolver: &Resolver<'_>) -> Vec<Subject> {
    let Some(main) = main(resolver) else { return Vec::new() };
    let mut subjects = supervisor::programs(resolver, &main.report);
    subjects.extend(jobs::cron(resolver, &main.report));
    subjects.extend(jobs::services(resolver, &main.report));
    subjects.insert(0, main);
    subjects
}

/// Whether the main command starts one of these programs: for certain, perhaps, or not.
pub(super) fn reaches(main: &Report, names: &[&str]) -> Option<bool> {
    if main.names.iter().any(|name| names.contains(&name.as_str())) {
        return Some(true);
    }
    let open =
        !main.unknown.is_empty() || !main.open.is_empty() || !main.doubts.is_empty() || !main.failures.is_empty();
    open.then_some(false)
}

/// The place of a line of a file.
pub(super) fn seat(image: &ImageFacts, path: &str, line: Option<u32>) -> Seat {
    let layer = image.file(path).map_or(0, |file| file.changed);
    Seat::File { path: path.to_owned(), layer, line }
}

/// The absolute paths that a pattern stands for, sorted; `*`, `?` and nothing else are special.
pub(super) fn matching(files: &FileSystem<'_>, pattern: &str, base: &str) -> Vec<String> {
    let absolute = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{base}/{pattern}") };
    let mut found = vec![String::new()];
    for part in absolute.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if !part.contains(['*', '?']) {
            for path in &mut found {
                *path = format!("{path}/{part}");
            }
            continue;
        }
        let mut next = Vec::new();
        for path in &found {
            for name in children(files, path) {
                if is_like(name.as_bytes(), part.as_bytes()) && next.len() < MAX_MATCHES {
                    next.push(format!("{path}/{name}"));
                }
            }
        }
        found = next;
    }
    found.retain(|path| files.look(path, "/", None).is_ok());
    found
}

/// Names in a folder, without those that begin with a dot.
pub(super) fn children<'a>(files: &FileSystem<'a>, folder: &str) -> Vec<&'a str> {
    let Ok(place) = files.look(folder, "/", None) else { return Vec::new() };
    let prefix = if place.path.is_empty() { String::new() } else { format!("{}/", place.path) };
    let all = &files.image.files;
    let start = all.partition_point(|file| *file.entry.path < *prefix);
    let below = all.iter().skip(start).map_while(|file| file.entry.path.strip_prefix(prefix.as_str()));
    below.filter(|name| !name.is_empty() && !name.contains('/') && !name.starts_with('.')).collect()
}

/// Whether a name is like a pattern.
fn is_like(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut to) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match (pattern.get(to), name.get(at)) {
            (Some(b'*'), _) => {
                star = Some((to, at));
                to += 1;
            }
            (Some(wanted), Some(found)) if *wanted == b'?' || wanted == found => {
                at += 1;
                to += 1;
            }
            _ => match &mut star {
                Some((back, from)) => {
                    *from += 1;
                    at = *from;
                    to = *back + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(to..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names() {
        for (name, pattern, expected) in [
            ("a.conf", "*.conf", true),
            ("a.conf", "*", true),
            ("a.conf", "?.c*f", true),
            ("a.conf", "*.ini", false),
            ("", "*", true),
            ("aaab", "*ab", true),
        ] {
            assert_eq!(is_like(name.as_bytes(), pattern.as_bytes()), expected, "{name} {pattern}");
        }
    }
}
