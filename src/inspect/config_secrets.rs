//! Secrets in the config: environment, labels, annotations, commands, history. Whatever is found is masked in the facts,
//! so that no later step can print it.

use std::collections::BTreeMap;

use crate::model::{Grade, ImageConfig, Place};
use crate::secrets::{Scanner, TextHit};

/// A secret of the config and its place.
pub(super) struct Seen {
    pub hit: TextHit,
    pub place: Place,
}

/// Searches and masks the config and the annotations.
pub(super) fn search(
    config: &mut ImageConfig,
    annotations: &mut BTreeMap<String, String>,
    scanner: &Scanner,
) -> Vec<Seen> {
    let mut search = Search { scanner, seen: Vec::new() };
    for (name, value) in &mut config.env {
        if value.is_empty() {
            // An entry without `=` is all name: it is masked before it becomes the name of a place.
            let before = search.seen.len();
            search.text("", name, || Place::Config { pointer: "/config/Env".to_owned() });
            if search.seen.len() > before {
                continue;
            }
        }
        search.text(name, value, || Place::Env { name: name.clone() });
    }
    for (name, value) in config.labels.iter_mut().chain(annotations.iter_mut()) {
        search.text(name, value, || Place::Label { name: name.clone() });
    }
    for (index, step) in config.history.iter_mut().enumerate() {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        search.text("", &mut step.created_by, || Place::History { index });
        search.text("", &mut step.comment, || Place::History { index });
    }
    search.list("/config/Entrypoint", config.entrypoint.as_deref_mut().unwrap_or_default());
    search.list("/config/Cmd", config.cmd.as_deref_mut().unwrap_or_default());
    search.list("/config/Shell", config.shell.as_deref_mut().unwrap_or_default());
    search.list("/config/OnBuild", &mut config.on_build);
    if let Some(check) = &mut config.healthcheck {
        search.list("/config/Healthcheck/Test", &mut check.test);
    }
    if let Some(author) = &mut config.author {
        search.text("author", author, || Place::Config { pointer: "/author".to_owned() });
    }
    search.seen
}

/// Searches and masks the annotations of an index.
pub(super) fn search_map(annotations: &mut BTreeMap<String, String>, scanner: &Scanner) -> Vec<Seen> {
    let mut search = Search { scanner, seen: Vec::new() };
    for (name, value) in annotations {
        search.text(name, value, || Place::Label { name: name.clone() });
    }
    search.seen
}

struct Search<'a> {
    scanner: &'a Scanner,
    seen: Vec<Seen>,
}

impl Search<'_> {
    fn list(&mut self, pointer: &str, texts: &mut [String]) {
        for (index, text) in texts.iter_mut().enumerate() {
            self.text("", text, || Place::Config { pointer: format!("{pointer}/{index}") });
        }
    }

    fn text(&mut self, key: &str, text: &mut String, place: impl Fn() -> Place) {
        let mut hits = self.scanner.scan_text(key, text);
        hits.sort_by_key(|hit| (hit.range.start, hit.range.end));
        // Masked from the back, so that ranges stay right; of overlapping hits the outermost wins.
        let mut from = text.len();
        for hit in hits.iter().rev() {
            let fits =
                hit.range.end <= from && text.is_char_boundary(hit.range.start) && text.is_char_boundary(hit.range.end);
            if hit.grade > Grade::Weak && fits {
                text.replace_range(hit.range.clone(), &hit.redacted);
                from = hit.range.start;
            }
        }
        self.seen.extend(hits.into_iter().map(|hit| Seen { hit, place: place() }));
    }
}
