//! Where a fault sits, in full: path or pointer, the layer that shipped it, the layer that hid it, the instructions.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::model::{How, ImageFacts, Place as SecretPlace, SourceLine};
use crate::policy::{Attribution, Attributor, instruction, setter, unescape_pointer};
use crate::rules::Seat;

/// How a build step relates to a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// It wrote what is visible in the final file system, or it is the layer in question.
    Wrote,
    /// It wrote something that a later layer hides.
    Shipped,
    /// It hid what another layer shipped.
    Hid(How),
    /// It set a field of the config.
    SetBy,
}

impl Role {
    /// The word that stands before the step.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Wrote => "in",
            Self::Shipped => "shipped",
            Self::Hid(How::Deleted) => "deleted",
            Self::Hid(How::Overwritten) => "overwritten",
            Self::Hid(How::Rewritten) => "rewritten",
            Self::Hid(How::Duplicate) => "repeated",
            Self::SetBy => "set by",
        }
    }
}

/// A build step that has to do with a fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Step {
    /// How it has to do with it.
    pub(super) role: Role,
    /// Index of the layer it made, from 0.
    pub(super) layer: Option<u32>,
    /// Index of its history entry, from 0.
    pub(super) history: Option<u32>,
    /// The instruction, cleaned for people.
    pub(super) instruction: Option<String>,
    /// Whether the layer is proved to belong to the base image.
    pub(super) base: bool,
    /// The lines of the Dockerfile that it comes from.
    pub(super) source: Option<SourceLine>,
}

/// Where a fault sits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Place {
    /// Path with line, or pointer into the config, for people; none when the place is a layer or the image itself.
    pub(super) locator: Option<String>,
    /// The steps that made it, first step first.
    pub(super) steps: Vec<Step>,
    /// The file beside the image that it is in, with line and column.
    pub(super) beside: Option<(String, usize, usize)>,
}

impl Place {
    /// The file of the repository that is to blame, with line and column: a file beside the image, else the line of the
    /// Dockerfile that made the first step.
    pub(super) fn in_repository(&self) -> Option<(&str, usize, usize)> {
        if let Some((file, line, column)) = &self.beside {
            return Some((file, *line, *column));
        }
        let source = self.steps.first().filter(|step| !step.base)?.source.as_ref()?;
        Some((&source.file, usize::try_from(source.line).ok()?, 1))
    }
}

/// Answers "where" for one image.
pub(super) struct Places<'a> {
    image: &'a ImageFacts,
    /// History entries that hold a secret: their text is not shown, masked or not.
    veiled: BTreeSet<u32>,
    attributor: Attributor<'a>,
}

impl<'a> Places<'a> {
    /// Prepares the answers.
    pub(super) fn new(image: &'a ImageFacts) -> Self {
        let veiled = image.secrets.iter().flat_map(|secret| &secret.places).filter_map(|place| match place {
            SecretPlace::History { index } => Some(*index),
            _ => None,
        });
        Self { image, veiled: veiled.collect(), attributor: Attributor::new(image) }
    }

    /// Whose it is.
    pub(super) fn attribution(&self, seat: &Seat) -> Option<Attribution> {
        self.attributor.of(seat)
    }

    /// Where this is.
    pub(super) fn of(&self, seat: &Seat) -> Place {
        match seat {
            Seat::Config(pointer) => {
                let steps = self.set_by(pointer).into_iter().collect();
                Place { locator: Some(dotted(pointer)), steps, beside: None }
            }
            Seat::File { path, layer, line } => {
                let line = line.map(|line| format!(":{line}")).unwrap_or_default();
                let mut steps = vec![self.layer(Role::Wrote, *layer)];
                if let Some((by, how)) = self.hidden(path, *layer) {
                    steps[0].role = Role::Shipped;
                    steps.push(self.layer(Role::Hid(how), by));
                }
                Place { locator: Some(format!("/{}{line}", path.trim_start_matches('/'))), steps, beside: None }
            }
            Seat::Layer(layer) => Place { steps: vec![self.layer(Role::Wrote, *layer)], ..Place::default() },
            Seat::History(index) => {
                let steps = vec![self.history(Role::Wrote, *index)];
                Place { locator: Some(format!("history[{index}]")), steps, beside: None }
            }
            Seat::Evidence { file, line, column } => Place {
                locator: Some(format!("{file}:{line}:{column}")),
                steps: Vec::new(),
                beside: Some((file.clone(), *line, *column)),
            },
            Seat::Manifest => Place { locator: Some("manifest".to_owned()), ..Place::default() },
            Seat::Reference => Place { locator: Some("reference".to_owned()), ..Place::default() },
            Seat::Image => Place::default(),
        }
    }

    /// The step that made a layer.
    pub(super) fn layer(&self, role: Role, index: u32) -> Step {
        let layer = usize::try_from(index).ok().and_then(|at| self.image.layers.get(at));
        let history = layer.and_then(|layer| layer.history);
        let instruction = layer.and_then(|layer| layer.instruction.clone());
        let instruction = instruction.map(|text| self.veil(history, text));
        let source = layer.and_then(|layer| layer.source.clone());
        Step { role, layer: Some(index), history, instruction, base: index < self.attributor.base_layers(), source }
    }

    fn history(&self, role: Role, index: u32) -> Step {
        let entry = usize::try_from(index).ok().and_then(|at| self.image.config.history.get(at));
        if let Some(layer) = entry.and_then(|entry| entry.layer) {
            return Step { history: Some(index), ..self.layer(role, layer) };
        }
        let instruction = entry.map(|entry| self.veil(Some(index), instruction(&entry.created_by)));
        let source = entry.and_then(|entry| entry.source.clone());
        Step { role, layer: None, history: Some(index), instruction, base: false, source }
    }

    fn veil(&self, history: Option<u32>, text: String) -> String {
        if history.is_some_and(|index| self.veiled.contains(&index)) {
            let keyword: String = text.chars().take_while(char::is_ascii_uppercase).collect();
            return format!("{keyword} … (holds a secret)").trim_start().to_owned();
        }
        text
    }

    /// The layer that hid this version of the path, and how.
    pub(super) fn hidden(&self, path: &str, layer: u32) -> Option<(u32, How)> {
        let hidden = &self.image.hidden;
        let path = path.trim_matches('/');
        let from = hidden.partition_point(|one| (one.layer, one.entry.path.as_ref()) < (layer, path));
        let versions = hidden[from..].iter().take_while(|one| one.layer == layer && one.entry.path.as_ref() == path);
        // Of several versions in one archive, the last one lived longest.
        versions.max_by_key(|one| one.by).map(|one| (one.by, one.how))
    }

    /// The last step whose instruction sets the field. Evidence, not truth: history is free text.
    fn set_by(&self, pointer: &str) -> Option<Step> {
        setter(&self.image.config, pointer).map(|index| self.history(Role::SetBy, index))
    }
}

/// A JSON pointer as people write it: `/config/Healthcheck/Test/1` is `config.Healthcheck.Test[1]`.
fn dotted(pointer: &str) -> String {
    let mut text = String::with_capacity(pointer.len());
    for part in pointer.split('/').filter(|part| !part.is_empty()) {
        let part = unescape_pointer(part);
        if !text.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) {
            _ = write!(text, "[{part}]");
        } else if text.is_empty() || part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            text.push_str(if text.is_empty() { "" } else { "." });
            text.push_str(&part);
        } else {
            _ = write!(text, "[\"{part}\"]");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn pointers_read_like_paths() {
        assert_eq!(dotted("/config/Healthcheck/Test/1"), "config.Healthcheck.Test[1]");
        assert_eq!(dotted("/config/Labels/org.x~1y"), "config.Labels[\"org.x/y\"]");
        assert_eq!(dotted("/config/User"), "config.User");
    }

    #[test]
    fn a_deleted_file_names_both_layers() {
        let image = sample::image("linux/amd64");
        let place = Places::new(&image).of(&Seat::File { path: "app/.env".to_owned(), layer: 2, line: Some(3) });
        assert_eq!(place.locator.as_deref(), Some("/app/.env:3"));
        let steps: Vec<_> = place.steps.iter().map(|step| (step.role, step.layer)).collect();
        assert_eq!(steps, [(Role::Shipped, Some(2)), (Role::Hid(How::Deleted), Some(3))]);
    }

    #[test]
    fn a_config_field_names_the_last_instruction_that_set_it() {
        let image = sample::image("linux/amd64");
        let set_by = |pointer: &str| {
            let place = Places::new(&image).of(&Seat::Config(pointer.to_owned()));
            place.steps.first().and_then(|step| step.instruction.clone())
        };
        assert_eq!(set_by("/config/User").as_deref(), Some("USER root"));
        assert_eq!(set_by("/config/Env/1").as_deref(), Some("ENV DEBUG=1"));
        assert_eq!(set_by("/config/Labels/none"), None);
        assert_eq!(set_by("/rootfs"), None);
    }

    #[test]
    fn an_instruction_that_holds_a_secret_is_not_shown() {
        let mut image = sample::image("linux/amd64");
        image.secrets.push(sample::secret(crate::model::Place::History { index: 4 }));
        let step = Places::new(&image).layer(Role::Wrote, 3);
        assert_eq!(step.instruction.as_deref(), Some("RUN … (holds a secret)"));
    }
}
