//! Tests of the config: `metadataTest`.

use regex::Regex;

use crate::model::{Grade, ImageFacts, Place};
use crate::rules::{Fault, Seat};

use super::{Said, Test, shown};

/// What a value must be.
pub(super) enum Wanted {
    Text(String),
    Pattern(Regex),
}

impl Wanted {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Text(text) => text == value,
            Self::Pattern(pattern) => pattern.is_match(value),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Text(text) => format!("is not {}", shown(text)),
            Self::Pattern(pattern) => format!("does not match {}", shown(pattern.as_str())),
        }
    }
}

/// The tests of one file.
#[derive(Default)]
pub(super) struct MetadataTest {
    pub(super) env: Vec<(String, Wanted)>,
    pub(super) unbound_env: Vec<String>,
    pub(super) labels: Vec<(String, Wanted)>,
    pub(super) exposed_ports: Vec<String>,
    pub(super) unexposed_ports: Vec<String>,
    pub(super) volumes: Vec<String>,
    pub(super) unmounted_volumes: Vec<String>,
    pub(super) entrypoint: Option<Vec<String>>,
    pub(super) cmd: Option<Vec<String>>,
    pub(super) workdir: Option<String>,
    pub(super) user: Option<String>,
}

/// Findings and what is open, while a config is looked at.
struct Asking<'a> {
    image: &'a ImageFacts,
    faults: Vec<Fault>,
    open: Option<String>,
}

impl Asking<'_> {
    fn wrong(&mut self, subject: &str, pointer: &str, message: String) {
        let seat = Seat::Config(pointer.to_owned());
        self.faults.push(Fault { subject: subject.to_owned(), message, seat, fix: None });
    }

    /// Whether a part of the config was masked, since it holds what looks like a secret: what it says is not known.
    fn is_masked(&mut self, what: &str, at: impl Fn(&Place) -> bool) -> bool {
        let secrets = self.image.secrets.iter().filter(|secret| secret.grade > Grade::Weak);
        let masked = secrets.flat_map(|secret| &secret.places).any(at);
        if masked {
            self.open = Some(format!("{what} holds what looks like a secret, which is not kept"));
        }
        masked
    }

    fn env(&mut self, name: &str, wanted: &Wanted) {
        let pointer = "/config/Env";
        let told = shown(name);
        match self.image.config.env_value(name) {
            None => self.wrong(name, pointer, format!("the variable {told} is not set")),
            Some(value) if !wanted.fits(value) => {
                let masked = |place: &Place| matches!(place, Place::Env { name: known } if known == name);
                if !self.is_masked(&format!("the variable {told}"), masked) {
                    self.wrong(name, pointer, format!("the variable {told} {}", wanted.told()));
                }
            }
            Some(_) => {}
        }
    }

    fn label(&mut self, key: &str, wanted: &Wanted) {
        let pointer = "/config/Labels";
        let told = shown(key);
        match self.image.config.labels.get(key) {
            None => self.wrong(key, pointer, format!("the label {told} is not set")),
            Some(value) if !wanted.fits(value) => {
                let masked = |place: &Place| matches!(place, Place::Label { name } if name == key);
                if !self.is_masked(&format!("the label {told}"), masked) {
                    self.wrong(key, pointer, format!("the label {told} {}", wanted.told()));
                }
            }
            Some(_) => {}
        }
    }

    fn words(&mut self, field: &str, found: Option<&[String]>, wanted: Option<&[String]>) {
        let Some(wanted) = wanted else { return };
        let found = found.unwrap_or_default();
        let pointer = format!("/config/{field}");
        let masked = |place: &Place| matches!(place, Place::Config { pointer: at } if at.starts_with(&pointer));
        if found != wanted && !self.is_masked(&format!("`{field}`"), masked) {
            let words = |list: &[String]| shown(&serde_json::Value::from(list.to_vec()).to_string());
            self.wrong(field, &pointer, format!("`{field}` is {}, not {}", words(found), words(wanted)));
        }
    }
}

/// Whether a port of the config is the one that a test names: without a protocol the number alone counts.
fn is_port(declared: &str, wanted: &str) -> bool {
    declared == wanted || (!wanted.contains('/') && declared.split('/').next() == Some(wanted))
}

impl Test for MetadataTest {
    fn ask(&self, image: &ImageFacts) -> Said {
        let config = &image.config;
        let mut asking = Asking { image, faults: Vec::new(), open: None };
        for (name, wanted) in &self.env {
            asking.env(name, wanted);
        }
        for name in self.unbound_env.iter().filter(|name| config.env_value(name).is_some()) {
            asking.wrong(name, "/config/Env", format!("the variable {} is set, and should not be", shown(name)));
        }
        for (key, wanted) in &self.labels {
            asking.label(key, wanted);
        }
        let exposed = |wanted: &str| config.exposed_ports.iter().any(|declared| is_port(declared, wanted));
        for port in self.exposed_ports.iter().filter(|port| !exposed(port)) {
            asking.wrong(port, "/config/ExposedPorts", format!("the port {} is not exposed", shown(port)));
        }
        for port in self.unexposed_ports.iter().filter(|port| exposed(port)) {
            let what = format!("the port {} is exposed, and should not be", shown(port));
            asking.wrong(port, "/config/ExposedPorts", what);
        }
        for volume in self.volumes.iter().filter(|volume| !config.volumes.contains(volume)) {
            asking.wrong(volume, "/config/Volumes", format!("the volume {} is not declared", shown(volume)));
        }
        for volume in self.unmounted_volumes.iter().filter(|volume| config.volumes.contains(volume)) {
            let what = format!("the volume {} is declared, and should not be", shown(volume));
            asking.wrong(volume, "/config/Volumes", what);
        }
        asking.words("Entrypoint", config.entrypoint.as_deref(), self.entrypoint.as_deref());
        asking.words("Cmd", config.cmd.as_deref(), self.cmd.as_deref());
        for (field, found, wanted) in
            [("WorkingDir", &config.working_dir, &self.workdir), ("User", &config.user, &self.user)]
        {
            if let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) {
                let what = format!("`{field}` is {}, not {}", shown(found), shown(wanted));
                asking.wrong(field, &format!("/config/{field}"), what);
            }
        }
        match (asking.faults, asking.open) {
            (faults, _) if !faults.is_empty() => Said::Fails(faults),
            (_, Some(why)) => Said::Open(why),
            _ => Said::Holds,
        }
    }
}
