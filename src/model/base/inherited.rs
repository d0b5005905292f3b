//! Base or own: whose a layer, a build step or a config value is.

use serde::{Deserialize, Serialize};

use super::RecordedBase;
use crate::model::ImageConfig;

/// Whose a part of an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attribution {
    /// The base image has the same.
    Base,
    /// The image itself brought or changed it.
    Own,
}

/// What an image has from the base that is proved to be below it. Everything else is the image's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Inherited {
    /// Canonical name of the recorded base that was compared.
    pub reference: String,
    /// The lowest layers, that many, are the base's.
    pub layers: u32,
    /// Indices of the history entries that are the base's, from 0, sorted.
    pub history: Vec<u32>,
    /// JSON pointers of the config values that are equal to the base's, sorted; environment variables and labels go by
    /// name, as in `/config/Env/PATH`.
    pub config: Vec<String>,
}

impl Inherited {
    /// Compares an image with a recorded base whose layers are its lowest.
    #[must_use]
    pub fn of(base: &RecordedBase, config: &ImageConfig) -> Self {
        let layers = u32::try_from(base.diff_ids.len()).unwrap_or(u32::MAX);
        let mut history = Vec::new();
        let mut recorded = base.history.iter();
        // Builders append: the base's entries come first, so the first difference ends them. Entries of its layers are
        // the base's even if the builder wrote them anew.
        let mut equal = true;
        for (index, step) in (0_u32..).zip(&config.history) {
            equal = equal && recorded.next().is_some_and(|known| *known == RecordedBase::fingerprint(step));
            if equal || step.layer.is_some_and(|layer| layer < layers) {
                history.push(index);
            }
        }
        Self { reference: base.reference.clone(), layers, history, config: base.config.shared_with(config) }
    }

    /// How much of it is shared, for choosing between bases with equal layers.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.history.len() + self.config.len()
    }

    /// Whose a layer (from 0) is.
    #[must_use]
    pub fn of_layer(&self, layer: u32) -> Attribution {
        if layer < self.layers { Attribution::Base } else { Attribution::Own }
    }

    /// Whose a history entry (from 0) is.
    #[must_use]
    pub fn of_history(&self, index: u32) -> Attribution {
        if self.history.binary_search(&index).is_ok() { Attribution::Base } else { Attribution::Own }
    }

    /// Whose the value behind a JSON pointer into the config is. What lies below a value goes with it; an environment
    /// variable may be named by its index, too.
    #[must_use]
    pub fn of_config(&self, config: &ImageConfig, pointer: &str) -> Attribution {
        let mut named = None;
        if let Some(at) = pointer.strip_prefix("/config/Env/").and_then(|index| index.parse::<usize>().ok())
            && let Some((name, _)) = config.env.get(at)
        {
            named = Some(format!("/config/Env/{}", name.replace('~', "~0").replace('/', "~1")));
        }
        let pointer = named.as_deref().unwrap_or(pointer);
        let is_at = |known: &String| {
            pointer.strip_prefix(known.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if self.config.iter().any(is_at) { Attribution::Base } else { Attribution::Own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, History};

    fn step(text: &str, layer: Option<u32>) -> History {
        History { created_by: text.to_owned(), empty_layer: layer.is_none(), layer, ..History::default() }
    }

    fn config() -> ImageConfig {
        ImageConfig {
            user: "app".to_owned(),
            env: vec![("PATH".to_owned(), "/bin".to_owned()), ("A/B".to_owned(), "1".to_owned())],
            cmd: Some(vec!["sh".to_owned()]),
            exposed_ports: vec!["80/tcp".to_owned()],
            diff_ids: vec![Digest::of(b"base")],
            history: vec![step("ADD rootfs /", Some(0)), step("CMD [\"sh\"]", None)],
            ..ImageConfig::default()
        }
    }

    fn base() -> RecordedBase {
        RecordedBase::new(
            "docker.io/library/debian:12",
            (&Digest::of(b"index"), &Digest::of(b"manifest")),
            &crate::model::Platform::new("linux", "amd64", ""),
            &config(),
            0,
        )
    }

    #[test]
    fn equal_values_are_the_bases_and_changed_ones_are_own() {
        let mut child = config();
        child.user = "root".to_owned();
        child.env[1].1 = "2".to_owned();
        child.env.push(("NEW".to_owned(), "/bin".to_owned()));
        child.exposed_ports.push("8080/tcp".to_owned());
        let found = Inherited::of(&base(), &child);
        let of = |pointer: &str| found.of_config(&child, pointer);
        for pointer in
            ["/config/Env/0", "/config/Env/PATH", "/config/Cmd", "/config/Cmd/0", "/config/ExposedPorts/80~1tcp"]
        {
            assert_eq!(of(pointer), Attribution::Base, "{pointer}");
        }
        for pointer in [
            "/config/User",
            "/config/Env/1",
            "/config/Env/A~1B",
            "/config/Env/NEW",
            "/config/Env/PATHS",
            "/config/ExposedPorts/8080~1tcp",
        ] {
            assert_eq!(of(pointer), Attribution::Own, "{pointer}");
        }
    }

    #[test]
    fn the_last_value_of_a_variable_counts() {
        let mut child = config();
        child.env.push(("PATH".to_owned(), "/own".to_owned()));
        let found = Inherited::of(&base(), &child);
        assert_eq!(found.of_config(&child, "/config/Env/PATH"), Attribution::Own);
    }

    #[test]
    fn steps_are_the_bases_until_the_first_difference() {
        let mut child = config();
        child.history.push(step("COPY . /app", Some(1)));
        child.history.push(step("CMD [\"sh\"]", None));
        let found = Inherited::of(&base(), &child);
        assert_eq!(found.history, [0, 1]);
        assert_eq!((found.of_layer(0), found.of_layer(1)), (Attribution::Base, Attribution::Own));
        assert_eq!((found.of_history(1), found.of_history(3)), (Attribution::Base, Attribution::Own));
        child.history[0].created_by = "written anew".to_owned();
        let found = Inherited::of(&base(), &child);
        assert_eq!(found.history, [0], "its layer is the base's, the step behind it cannot be told");
    }
}
