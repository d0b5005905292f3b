//! Whose finding it is: the base image's or the image's own.
//!
//! The one place that decides it. It is said only where a base is proved: layers that the base brought are its own, and
//! so are the history entries of those layers. A config value counts as the base's when the last instruction that sets
//! it stands among those entries; between the base's last layer and the first layer above it the history does not tell
//! whose an instruction is, and nothing is said.

use crate::model::{BaseClaim, BaseGrade, History, ImageConfig, ImageFacts};
use crate::rules::Seat;

/// Whose a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribution {
    /// The base image brought it.
    Base,
    /// The image itself brought it.
    Own,
}

impl Attribution {
    /// The word for people and documents.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Own => "own",
        }
    }
}

/// Decides it for one image.
pub struct Attributor<'a> {
    image: &'a ImageFacts,
    /// Layers of the longest proved base; none when no base is proved.
    base_layers: Option<u32>,
    /// History entries from here on may be the image's own.
    base_history: u32,
    /// History entries from here on are the image's own.
    own_history: u32,
}

impl<'a> Attributor<'a> {
    /// Looks up the proved base in the facts.
    #[must_use]
    pub fn new(image: &'a ImageFacts) -> Self {
        Self::with(image, &[])
    }

    /// Looks up the proved base in the facts and among further answers.
    #[must_use]
    pub fn with(image: &'a ImageFacts, more: &[BaseClaim]) -> Self {
        let proved = image.base.iter().chain(more).filter(|claim| claim.grade == BaseGrade::Proved);
        let base_layers = proved.filter_map(|claim| claim.layers).max();
        let layers = base_layers.unwrap_or(0);
        let history = || (0_u32..).zip(&image.config.history);
        let of_base = |entry: &History| entry.layer.is_some_and(|layer| layer < layers);
        let of_own = |entry: &History| entry.layer.is_some_and(|layer| layer >= layers);
        let base_history = history().filter(|(_, entry)| of_base(entry)).map(|(at, _)| at + 1).max().unwrap_or(0);
        let end = u32::try_from(image.config.history.len()).unwrap_or(u32::MAX);
        let first_own = history().find(|(_, entry)| of_own(entry)).map_or(end, |(at, _)| at);
        let own_history = if layers == 0 { 0 } else { first_own.max(base_history) };
        Self { image, base_layers, base_history, own_history }
    }

    /// Layers of this image that are proved to belong to a base.
    #[must_use]
    pub fn base_layers(&self) -> u32 {
        self.base_layers.unwrap_or(0)
    }

    /// Whose what sits there is; none when no base is proved, or when it cannot be told.
    #[must_use]
    pub fn of(&self, seat: &Seat) -> Option<Attribution> {
        let base_layers = self.base_layers?;
        let by_layer = |layer: u32| if layer < base_layers { Attribution::Base } else { Attribution::Own };
        match seat {
            Seat::File { layer, .. } | Seat::Layer(layer) => Some(by_layer(*layer)),
            Seat::History(index) => self.of_history(*index),
            Seat::Config(pointer) => match setter(&self.image.config, pointer) {
                Some(index) => self.of_history(index),
                None if base_layers == 0 => Some(Attribution::Own),
                None => None,
            },
            Seat::Manifest | Seat::Reference | Seat::Image | Seat::Evidence { .. } => Some(Attribution::Own),
        }
    }

    fn of_history(&self, index: u32) -> Option<Attribution> {
        if index >= self.own_history {
            Some(Attribution::Own)
        } else if index < self.base_history {
            Some(Attribution::Base)
        } else {
            None
        }
    }
}

/// The last history entry (from 0) whose instruction sets the field of the config. Evidence, not truth: history is free
/// text.
#[must_use]
pub fn setter(config: &ImageConfig, pointer: &str) -> Option<u32> {
    let mut parts = pointer.trim_start_matches('/').split('/').skip_while(|part| *part == "config");
    let (field, key) = (parts.next()?, parts.next().map(unescape_pointer));
    let env_name = |key: &str| key.parse::<usize>().ok().and_then(|at| config.env.get(at)).map(|(name, _)| name);
    let (keyword, needle) = match field {
        "User" => ("USER", None),
        "WorkingDir" => ("WORKDIR", None),
        "Entrypoint" => ("ENTRYPOINT", None),
        "Cmd" => ("CMD", None),
        "Healthcheck" => ("HEALTHCHECK", None),
        "StopSignal" => ("STOPSIGNAL", None),
        "Shell" => ("SHELL", None),
        "OnBuild" => ("ONBUILD", None),
        "ExposedPorts" => ("EXPOSE", key.map(|port| port.split('/').next().unwrap_or_default().to_owned())),
        "Volumes" => ("VOLUME", key),
        "Labels" => ("LABEL", key),
        "Env" => ("ENV", Some(key.map(|key| env_name(&key).cloned().unwrap_or(key))?)),
        _ => return None,
    };
    let index = config.history.iter().rposition(|entry| {
        let text = instruction(&entry.created_by);
        let rest = text.strip_prefix(keyword).filter(|rest| rest.is_empty() || rest.starts_with(' '));
        rest.is_some_and(|rest| needle.as_ref().is_none_or(|needle| rest.contains(needle.as_str())))
    })?;
    u32::try_from(index).ok()
}

/// One part of a JSON pointer, unescaped (RFC 6901).
#[must_use]
pub fn unescape_pointer(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// A history entry as an instruction: without the classic builder's `/bin/sh -c #(nop)`, the `# buildkit` of newer ones and
/// build arguments (`|1 NAME=value`), whose values are nobody's business.
#[must_use]
pub fn instruction(created_by: &str) -> String {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    if let Some(rest) = text.strip_prefix("/bin/sh -c #(nop)") {
        return rest.trim().to_owned();
    }
    let (bare, run) = text.strip_prefix("RUN ").map_or((text, false), |rest| (rest, true));
    let command = if bare.starts_with('|') { bare.find("/bin/sh -c ").map_or("…", |at| &bare[at..]) } else { bare };
    match command.strip_prefix("/bin/sh -c ") {
        Some(shell) => format!("RUN {}", shell.trim()),
        None if run => format!("RUN {command}"),
        None => command.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake::image;
    use super::*;

    #[test]
    fn instructions_lose_what_builders_wrap_around_them() {
        assert_eq!(instruction("/bin/sh -c #(nop)  CMD [\"sh\"]"), "CMD [\"sh\"]");
        assert_eq!(instruction("RUN /bin/sh -c apt-get update # buildkit"), "RUN apt-get update");
        assert_eq!(instruction("/bin/sh -c make"), "RUN make");
        assert_eq!(instruction("RUN |1 TOKEN=abc /bin/sh -c make # buildkit"), "RUN make");
        assert_eq!(instruction("|1 TOKEN=abc make"), "…");
        assert_eq!(instruction("COPY . /app # buildkit"), "COPY . /app");
    }

    fn facts(layers: Option<u32>) -> ImageFacts {
        let mut facts = image("a");
        let entry = |text: &str, layer| History { created_by: text.to_owned(), layer, ..History::default() };
        facts.config.history = vec![
            entry("ENV LANG=C", None),
            entry("ADD rootfs /", Some(0)),
            entry("CMD [\"bash\"]", None),
            entry("COPY . /app", Some(1)),
            entry("USER root", None),
        ];
        facts.config.env.push(("LANG".to_owned(), "C".to_owned()));
        facts.base.extend(layers.map(|layers| BaseClaim {
            reference: "docker.io/library/debian:12".to_owned(),
            digest: None,
            grade: BaseGrade::Proved,
            layers: Some(layers),
            by: "its layers".to_owned(),
        }));
        facts
    }

    #[test]
    fn whose_it_is_follows_from_the_proved_layers() {
        use Attribution::{Base, Own};
        let facts = facts(Some(1));
        let of = |seat: Seat| Attributor::new(&facts).of(&seat);
        let config = |pointer: &str| of(Seat::Config(pointer.to_owned()));
        assert_eq!((of(Seat::Layer(0)), of(Seat::Layer(1))), (Some(Base), Some(Own)));
        assert_eq!(of(Seat::File { path: "x".to_owned(), layer: 0, line: None }), Some(Base));
        assert_eq!((config("/config/Env/0"), config("/config/User")), (Some(Base), Some(Own)));
        assert_eq!(config("/config/Cmd"), None, "it may be the last step of the base or the first of the image");
        assert_eq!(config("/config/Labels/x"), None, "no instruction tells");
        assert_eq!((of(Seat::History(1)), of(Seat::History(3))), (Some(Base), Some(Own)));
        assert_eq!(of(Seat::Image), Some(Own));
    }

    #[test]
    fn without_a_proof_nothing_is_said_and_on_nothing_everything_is_own() {
        assert_eq!(Attributor::new(&facts(None)).of(&Seat::Layer(0)), None);
        let scratch = facts(Some(0));
        for seat in [Seat::Layer(0), Seat::History(0), Seat::Config("/config/Labels/x".to_owned())] {
            assert_eq!(Attributor::new(&scratch).of(&seat), Some(Attribution::Own));
        }
    }
}
