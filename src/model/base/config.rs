//! The part of a base image's config that images built on it inherit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Healthcheck, ImageConfig};

/// The values that images built on a base inherit; whatever held a secret is masked before it comes here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BaseConfig {
    /// `config.User`; empty when unset.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// `config.Env`; the last value of a name counts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// `config.Entrypoint`; none when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// `config.Cmd`; none when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// `config.WorkingDir`; empty when unset.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    /// `config.ExposedPorts`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exposed_ports: Vec<String>,
    /// `config.Volumes`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<String>,
    /// `config.Labels`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `config.StopSignal`; empty when unset.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_signal: String,
    /// `config.Healthcheck`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Healthcheck>,
    /// `config.Shell`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shell: Option<Vec<String>>,
}

impl BaseConfig {
    /// What an image with this config hands down. `OnBuild` is not among it: builders run and drop it.
    #[must_use]
    pub fn of(config: &ImageConfig) -> Self {
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        Self {
            user: config.user.clone(),
            env: config.env.iter().cloned().collect(),
            entrypoint: config.entrypoint.clone(),
            cmd: config.cmd.clone(),
            working_dir: config.working_dir.clone(),
            exposed_ports: sorted(&config.exposed_ports),
            volumes: sorted(&config.volumes),
            labels: config.labels.clone(),
            stop_signal: config.stop_signal.clone(),
            healthcheck: config.healthcheck.clone(),
            shell: config.shell.clone(),
        }
    }

    /// JSON pointers (RFC 6901) of the values of `config` that are equal to the base's, sorted. Environment variables
    /// and labels go by their names: `/config/Env/PATH`.
    #[must_use]
    pub fn shared_with(&self, config: &ImageConfig) -> Vec<String> {
        let own = Self::of(config);
        let mut pointers = Vec::new();
        let mut put = |field: &str, key: Option<&str>| {
            let key = key.map_or_else(String::new, |key| format!("/{}", key.replace('~', "~0").replace('/', "~1")));
            pointers.push(format!("/config/{field}{key}"));
        };
        let texts = [
            ("User", &self.user, &own.user),
            ("WorkingDir", &self.working_dir, &own.working_dir),
            ("StopSignal", &self.stop_signal, &own.stop_signal),
        ];
        for (field, base, own) in texts {
            if !own.is_empty() && base == own {
                put(field, None);
            }
        }
        let lists = [
            ("Entrypoint", &self.entrypoint, &own.entrypoint),
            ("Cmd", &self.cmd, &own.cmd),
            ("Shell", &self.shell, &own.shell),
        ];
        for (field, base, own) in lists {
            if own.is_some() && base == own {
                put(field, None);
            }
        }
        if own.healthcheck.is_some() && self.healthcheck == own.healthcheck {
            put("Healthcheck", None);
        }
        for (field, base, own) in [("Env", &self.env, &own.env), ("Labels", &self.labels, &own.labels)] {
            for (name, value) in own {
                if base.get(name) == Some(value) {
                    put(field, Some(name));
                }
            }
        }
        let sets =
            [("ExposedPorts", &self.exposed_ports, &own.exposed_ports), ("Volumes", &self.volumes, &own.volumes)];
        for (field, base, own) in sets {
            for value in own.iter().filter(|value| base.contains(value)) {
                put(field, Some(value));
            }
        }
        pointers.sort();
        pointers.dedup();
        pointers
    }
}
