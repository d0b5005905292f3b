//! supervisord: the programs of its configuration (main file and includes).

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{ImageFacts, parent};
use crate::rules::words::code;

use super::identity::{self, NoOne};
use super::report::{Finding, Report, Topic};
use super::resolver::{Resolver, Setting, Start, blame, tell};
use super::shell::{Word, split};
use super::subjects::{Subject, matching, reaches, seat};

/// Most programs that are looked at.
const MAX_PROGRAMS: usize = 1_000;
/// Most lines of one file.
const MAX_LINES: usize = 20_000;

/// A section: its name, its line, and its values.
#[derive(Debug, Default)]
struct Section {
    name: String,
    line: u32,
    values: BTreeMap<String, String>,
}

/// Every program that supervisord starts, and whether its command and its user are there.
pub(super) fn programs(resolver: &Resolver<'_>, main: &Report) -> Vec<Subject> {
    let image = resolver.image;
    let Some(reached) = reaches(main, &["supervisord"]) else { return Vec::new() };
    let mut subjects = Vec::new();
    for path in files(resolver) {
        if let Some(text) = image.startup.as_ref().and_then(|startup| startup.text(&path)).filter(|text| text.cut) {
            let why = format!("it is longer than the {} bytes that are kept of it", text.text.len());
            let report = Report { unknown: vec![why], ..Report::default() };
            subjects.push(Subject {
                id: path.clone(),
                name: code(format!("/{path}")),
                seat: seat(image, &path, None),
                report,
            });
        }
        for section in sections(text(image, &path)) {
            let kind = section.name.split(':').next().unwrap_or_default();
            if matches!(kind, "program" | "eventlistener" | "fcgi-program") && subjects.len() < MAX_PROGRAMS {
                subjects.push(program(resolver, &path, &section, reached));
            }
        }
    }
    subjects
}

fn text<'a>(image: &'a ImageFacts, path: &str) -> &'a str {
    let text = image.startup.as_ref().and_then(|startup| startup.text(path.trim_start_matches('/')));
    text.map_or("", crate::model::StartText::whole_lines)
}

/// The main file and what it includes, as resolved paths without the leading `/`.
fn files(resolver: &Resolver<'_>) -> Vec<String> {
    let image = resolver.image;
    let cwd = image.config.working_dir.trim_end_matches('/').to_owned();
    let given = given(image);
    let candidates = match given {
        Some(path) => vec![path],
        None => vec![
            format!("{cwd}/supervisord.conf"),
            format!("{cwd}/etc/supervisord.conf"),
            "/etc/supervisord.conf".to_owned(),
            "/etc/supervisor/supervisord.conf".to_owned(),
        ],
    };
    let base = if cwd.is_empty() { "/" } else { &cwd };
    let found = |path: &String| resolver.files.look(path, base, None).ok().map(|place| place.path);
    let Some(main) = candidates.iter().find_map(found) else { return Vec::new() };
    let mut files = vec![main.clone()];
    let mut known: BTreeSet<String> = files.iter().cloned().collect();
    for section in sections(text(image, &main)) {
        let Some(patterns) = section.values.get("files").filter(|_| section.name == "include") else { continue };
        let here = format!("/{}", parent(&main));
        for pattern in patterns.replace("%(here)s", &here).split_whitespace() {
            let places = matching(&resolver.files, pattern, &here);
            let resolved = places.iter().filter_map(|path| resolver.files.look(path, "/", None).ok());
            files.extend(resolved.map(|place| place.path).filter(|path| known.insert(path.clone())));
        }
    }
    files
}

/// The file behind `-c` of a supervisord that the config starts itself.
fn given(image: &ImageFacts) -> Option<String> {
    let lists = [&image.config.entrypoint, &image.config.cmd];
    let words: Vec<&str> = lists.into_iter().flatten().flatten().flat_map(|word| word.split_whitespace()).collect();
    words.iter().position(|word| word.ends_with("supervisord"))?;
    let at = words
        .iter()
        .position(|word| matches!(*word, "-c" | "--configuration") || word.starts_with("--configuration="))?;
    match words.get(at)?.split_once('=') {
        Some((_, path)) => Some(path.to_owned()),
        None => words.iter().skip(at + 1).find(|word| word.contains(".conf")).map(|word| (*word).to_owned()),
    }
}

/// Reads a configuration file, as Python's `RawConfigParser` with supervisor's inline comments.
fn sections(text: &str) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    let mut key = None;
    for (line, number) in text.lines().take(MAX_LINES).zip(1..) {
        let bare = line.find(" ;").map_or(line, |at| line.get(..at).unwrap_or(line)).trim_end();
        if bare.trim_start().starts_with([';', '#']) || bare.trim().is_empty() {
            continue;
        }
        if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            found.push(Section { name: name.trim().to_owned(), line: number, ..Section::default() });
            key = None;
            continue;
        }
        let Some(section) = found.last_mut() else { continue };
        if line.starts_with([' ', '\t']) {
            if let Some(value) = key.as_ref().and_then(|key| section.values.get_mut(key)) {
                value.push('\n');
                value.push_str(bare.trim());
            }
            continue;
        }
        if let Some((name, value)) = bare.split_once(['=', ':']) {
            let name = name.trim().to_ascii_lowercase();
            section.values.insert(name.clone(), value.trim().to_owned());
            key = Some(name);
        }
    }
    found
}

fn program(resolver: &Resolver<'_>, path: &str, section: &Section, reached: bool) -> Subject {
    let image = resolver.image;
    let get = |key: &str| section.values.get(key).map(String::as_str);
    let name = section.name.split(':').nth(1).unwrap_or_default();
    let starts = get("autostart").is_none_or(|value| !matches!(value, "false" | "0" | "no" | "off"));
    let mut setting = Setting { certain: reached && starts, start: Start::Kernel, ..Setting::of_image(image) };
    let mut report = Report::default();
    let command = expand(image, path, name, get("command").unwrap_or_default());
    let words = split(&command.replace('\n', " ")).unwrap_or_default();
    if let Some(folder) = get("directory") {
        setting.cwd = Some(folder.to_owned()).filter(|folder| folder.starts_with('/') && !folder.contains('%'));
    }
    let runs = words.first().cloned().unwrap_or_default();
    if let Some(user) = get("user").filter(|user| !user.is_empty()) {
        match identity::of(image, user) {
            Ok(who) => setting.who = Some(who),
            Err(NoOne::Unseen(why)) => tell(&setting, &mut report, format!("user {}: {why}", code(user))),
            Err(NoOne::Missing(why)) => {
                let why = format!(
                    "which is to run as the user {}: {why}; supervisord does then not start at all",
                    code(user)
                );
                let finding = Finding { topic: Topic::User, runs: runs.clone(), why, via: Vec::new(), at: None };
                setting.who = None;
                blame(&setting, &mut report, finding);
            }
        }
    }
    if words.is_empty() {
        tell(&setting, &mut report, format!("program {} has no command that can be read", code(name)));
    } else {
        let word = |text: &String| Word { literal: !text.contains("%("), ..Word::plain(text) };
        let words: Vec<Word> = words.iter().map(word).collect();
        resolver.run(&words, &setting, &mut report);
    }
    Subject {
        id: section.name.clone(),
        name: format!("supervisord's program {}", code(name)),
        seat: seat(image, path, Some(section.line)),
        report,
    }
}

/// Fills in what is known: `%(here)s`, `%(program_name)s`, variables of the config.
fn expand(image: &ImageFacts, path: &str, name: &str, command: &str) -> String {
    let here = format!("/{}", parent(path));
    let mut text = command.replace("%(here)s", &here).replace("%(program_name)s", name);
    for (name, value) in image.config.env.iter().take(1_000) {
        let from = format!("%(ENV_{name})s");
        if text.contains(&from) {
            text = text.replace(&from, value);
        }
    }
    text.replace("%%", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_have_values_comments_and_continued_lines() {
        let text = "; x\n[include]\nfiles = /a/*.conf ; more\n  /b/*.conf\n\n[program:a]\nCommand=run -x\nuser : app\n";
        let found = sections(text);
        assert_eq!(found[0].values["files"], "/a/*.conf\n/b/*.conf");
        assert_eq!(found[1].values["command"], "run -x");
        assert_eq!((found[1].values["user"].as_str(), found[1].line), ("app", 6));
    }
}
