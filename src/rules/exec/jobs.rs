//! Jobs of cron (`crontab(5)`) and services of s6 and runit.

use crate::model::{ImageFacts, basename, parent};
use crate::rules::words::code;

use super::identity::{self, NoOne, Who};
use super::report::{Finding, Report, Topic};
use super::resolver::{Resolver, Setting, Start, blame};
use super::shell::{Word, split};
use super::subjects::{Subject, matching, reaches, seat};

/// Most lines of one table.
const MAX_LINES: usize = 5_000;
/// Most jobs that are looked at.
const MAX_JOBS: usize = 1_000;

/// The jobs of an image whose command starts a cron daemon.
pub(super) fn cron(resolver: &Resolver<'_>, main: &Report) -> Vec<Subject> {
    let image = resolver.image;
    // An image that only contains cron runs none of its jobs.
    if reaches(main, &["cron", "crond", "supercronic"]) != Some(true) {
        return Vec::new();
    }
    let texts = image.startup.iter().flat_map(|startup| &startup.texts);
    let mut subjects = Vec::new();
    for text in texts {
        let Some(owner) = table(&text.path) else { continue };
        let mut shell = "/bin/sh".to_owned();
        let mut path = None;
        for (line, number) in text.whole_lines().lines().take(MAX_LINES).zip(1..) {
            if let Some((name, value)) = variable(line) {
                match name {
                    "SHELL" => value.clone_into(&mut shell),
                    "PATH" => path = Some(value.to_owned()),
                    _ => {}
                }
                continue;
            }
            let Some((user, command)) = job(line, owner) else { continue };
            if subjects.len() >= MAX_JOBS {
                return subjects;
            }
            let mut setting = Setting { start: Start::Shell, ..Setting::of_image(image) };
            setting.path = path.clone().unwrap_or_else(|| format!("/usr/bin:/bin:{}", setting.path));
            let mut report = Report::default();
            switch(image, user, &command, &mut setting, &mut report);
            setting.cwd = None;
            let words = [Word::plain(&shell), Word::plain("-c"), Word::plain(&command)];
            resolver.run(&words, &setting, &mut report);
            let id = format!("{}: {command}", text.path);
            let seat = seat(image, &text.path, Some(number));
            subjects.push(Subject { id, name: format!("a job of {}", code(format!("/{}", text.path))), seat, report });
        }
    }
    subjects
}

fn switch(image: &ImageFacts, user: &str, command: &str, setting: &mut Setting, report: &mut Report) {
    match identity::of(image, user) {
        Ok(who) => setting.who = Some(who),
        Err(NoOne::Unseen(_)) => setting.who = None,
        Err(NoOne::Missing(why)) => {
            setting.who = None;
            let why = format!("which is to run as the user {}: {why}", code(user));
            blame(
                setting,
                report,
                Finding { topic: Topic::User, runs: command.to_owned(), why, via: Vec::new(), at: None },
            );
        }
    }
}

/// Whose jobs a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner<'p> {
    /// Each line says so.
    Line,
    User(&'p str),
}

/// Whose jobs the file holds; none when it is no table.
fn table(path: &str) -> Option<Owner<'_>> {
    let folder = parent(path);
    match folder {
        "etc/cron.d" => Some(Owner::Line),
        "etc/crontabs" | "var/spool/cron/crontabs" | "var/spool/cron" => Some(Owner::User(basename(path))),
        _ => (path == "etc/crontab").then_some(Owner::Line),
    }
}

fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then(|| (name, value.trim().trim_matches(['"', '\''])))
}

/// The user and the command of a line.
fn job<'l>(line: &'l str, owner: Owner<'l>) -> Option<(&'l str, String)> {
    let mut rest = line.trim();
    if rest.starts_with('#') || rest.is_empty() {
        return None;
    }
    let mut field = || {
        let at = rest.find([' ', '\t'])?;
        let (field, behind) = rest.split_at(at);
        rest = behind.trim_start();
        Some(field)
    };
    let first = field()?;
    if !first.starts_with('@') {
        for _ in 0..4 {
            field()?;
        }
    }
    let user = match owner {
        Owner::User(owner) => owner,
        Owner::Line => field()?,
    };
    // A `%` ends the command: what follows is its input.
    let mut command = String::new();
    let mut letters = rest.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '%' => break,
            '\\' if letters.peek() == Some(&'%') => command.extend(letters.next()),
            letter => command.push(letter),
        }
    }
    (!command.trim().is_empty()).then_some((user, command))
}

/// The services of an image whose command starts s6 or runit.
pub(super) fn services(resolver: &Resolver<'_>, main: &Report) -> Vec<Subject> {
    let image = resolver.image;
    if reaches(main, &["init", "s6-svscan", "runsvdir", "runit", "runsvdir-start"]) != Some(true) {
        return Vec::new();
    }
    let patterns = [
        "/etc/cont-init.d/*",
        "/etc/services.d/*/run",
        "/etc/s6-overlay/s6-rc.d/*/run",
        "/etc/s6-overlay/s6-rc.d/*/up",
        "/etc/service/*/run",
    ];
    let mut subjects = Vec::new();
    for path in patterns.iter().flat_map(|pattern| matching(&resolver.files, pattern, "/")).take(MAX_JOBS) {
        let Ok(place) = resolver.files.look(&path, "/", None) else { continue };
        if place.is_directory() {
            continue;
        }
        // These programs start as root and with s6's own folder first.
        let setting = Setting::of_image(image);
        let setting = Setting { path: format!("/command:{}", setting.path), who: Some(Who::root()), ..setting };
        let words = if basename(&path) == "up" { oneshot(image, &place.path) } else { vec![Word::plain(&path)] };
        if words.is_empty() {
            continue;
        }
        let mut report = Report::default();
        resolver.run(&words, &setting, &mut report);
        let seat = seat(image, &place.path, None);
        subjects.push(Subject { id: path.clone(), name: format!("the service {}", code(&path)), seat, report });
    }
    subjects
}

/// The command of a one-shot service: a line of execline, of which only plain words are read.
fn oneshot(image: &ImageFacts, path: &str) -> Vec<Word> {
    let text =
        image.startup.as_ref().and_then(|startup| startup.text(path)).map_or("", crate::model::StartText::whole_lines);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or_default();
    if line.contains(['{', '$', '\\']) {
        return Vec::new();
    }
    split(line).unwrap_or_default().iter().map(|word| Word::plain(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tables_name_user_and_command() {
        assert_eq!(
            job("17 * * * * root cd / && run-parts x", Owner::Line),
            Some(("root", "cd / && run-parts x".to_owned()))
        );
        assert_eq!(job("@daily  run \\% a % b", Owner::User("app")), Some(("app", "run % a ".to_owned())));
        assert_eq!(job("# 1 * * * * root x", Owner::Line), None);
        assert_eq!(job("* * * root", Owner::Line), None);
        assert_eq!(variable("PATH = \"/a:/b\""), Some(("PATH", "/a:/b")));
        assert_eq!(variable("0 1 * * * a=b"), None);
    }
}
