//! Secrets in the config: environment, labels, annotations, commands, history. Whatever is found is masked in the facts,
//! so that no later step can print it.

use std::collections::BTreeMap;

use crate::model::{ImageConfig, Place};
use crate::secrets::Scanner;

use super::mask;
use super::sightings::Sighting;

/// Searches and masks the config.
pub(super) fn search(config: &mut ImageConfig, scanner: &Scanner) -> Vec<Sighting> {
    let mut search = Search { scanner, seen: Vec::new() };
    for (name, value) in &mut config.env {
        // A name is masked before it becomes that of a place; an entry without `=` is all name.
        let before = search.seen.len();
        search.text("", name, || Place::Config { pointer: "/config/Env".to_owned() });
        if value.is_empty() && search.seen.len() > before {
            continue;
        }
        search.text(name, value, || Place::Env { name: name.clone() });
    }
    search.map(&mut config.labels, |name| Place::Label { name });
    for (index, step) in config.history.iter_mut().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        search.text("", &mut step.created_by, || Place::History { index });
        search.text("", &mut step.comment, || Place::History { index });
    }
    search.list("/config/Entrypoint", config.entrypoint.as_deref_mut().unwrap_or_default());
    search.list("/config/Cmd", config.cmd.as_deref_mut().unwrap_or_default());
    search.list("/config/Shell", config.shell.as_deref_mut().unwrap_or_default());
    search.list("/config/OnBuild", &mut config.on_build);
    search.list("/config/ExposedPorts", &mut config.exposed_ports);
    search.list("/config/Volumes", &mut config.volumes);
    if let Some(check) = &mut config.healthcheck {
        search.list("/config/Healthcheck/Test", &mut check.test);
    }
    search.field("/config/User", &mut config.user);
    search.field("/config/WorkingDir", &mut config.working_dir);
    search.field("/config/StopSignal", &mut config.stop_signal);
    if let Some(author) = &mut config.author {
        search.field("/author", author);
    }
    search.seen
}

/// Searches and masks annotations; `place` makes a place of a JSON pointer.
pub(super) fn search_annotations(
    annotations: &mut BTreeMap<String, String>,
    scanner: &Scanner,
    place: impl Fn(String) -> Place,
) -> Vec<Sighting> {
    let mut search = Search { scanner, seen: Vec::new() };
    search.map(annotations, |name| {
        let key: String = name.chars().take(80).collect();
        place(format!("/annotations/{}", key.replace('~', "~0").replace('/', "~1")))
    });
    search.seen
}

struct Search<'a> {
    scanner: &'a Scanner,
    seen: Vec<Sighting>,
}

impl Search<'_> {
    /// Keys are searched too, and masked.
    fn map(&mut self, texts: &mut BTreeMap<String, String>, place: impl Fn(String) -> Place) {
        let mut renamed = Vec::new();
        for (name, value) in texts.iter_mut() {
            let shown = mask::masked(self.scanner, name).into_owned();
            self.text(name, value, || place(shown.clone()));
            if shown != *name {
                self.text("", &mut name.clone(), || place(shown.clone()));
                renamed.push((name.clone(), shown));
            }
        }
        for (name, shown) in renamed {
            if let Some(value) = texts.remove(&name) {
                texts.insert(shown, value);
            }
        }
    }

    fn list(&mut self, pointer: &str, texts: &mut [String]) {
        for (index, text) in texts.iter_mut().enumerate() {
            self.text("", text, || Place::Config { pointer: format!("{pointer}/{index}") });
        }
    }

    fn field(&mut self, pointer: &str, text: &mut String) {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        self.text(key, text, || Place::Config { pointer: pointer.to_owned() });
    }

    fn text(&mut self, key: &str, text: &mut String, place: impl Fn() -> Place) {
        let mut hits = self.scanner.scan_text(key, text);
        mask::cover(text, &mut hits);
        self.seen.extend(hits.into_iter().map(|hit| Sighting::of_text(hit, place())));
    }
}
