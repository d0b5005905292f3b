//! The image config, as far as imgguard judges it (OCI image-spec, config.md; Docker's `Healthcheck`, `Shell`, `OnBuild`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, SourceLine};

/// A health check; durations are nanoseconds, 0 means the runtime's default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Healthcheck {
    /// `["NONE"]`, `["CMD", …]`, `["CMD-SHELL", "…"]`, or empty to inherit.
    pub test: Vec<String>,
    /// Time between two checks, in nanoseconds.
    pub interval: i64,
    /// Time before a check counts as failed, in nanoseconds.
    pub timeout: i64,
    /// Time in which failures do not count, in nanoseconds.
    pub start_period: i64,
    /// Failures in a row before the container is unhealthy.
    pub retries: i64,
}

/// One step of the build, as the builder recorded it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct History {
    /// The instruction, in the builder's own form.
    pub created_by: String,
    /// RFC 3339 time as written.
    pub created: Option<String>,
    /// Free text.
    pub comment: String,
    /// The instruction made no layer.
    pub empty_layer: bool,
    /// Index of the layer it made, from 0; unset when it made none or history and layers do not pair up.
    pub layer: Option<u32>,
    /// The lines of the Dockerfile that it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceLine>,
}

/// What a container of this image starts with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct ImageConfig {
    /// `os` as written.
    pub os: String,
    /// `architecture` as written.
    pub architecture: String,
    /// `variant` as written.
    pub variant: String,
    /// `created` as written.
    pub created: Option<String>,
    /// `author` as written.
    pub author: Option<String>,
    /// `config.User` as written; empty when unset.
    pub user: String,
    /// `config.Env` in order: name and value.
    pub env: Vec<(String, String)>,
    /// `config.Entrypoint`; none when unset.
    pub entrypoint: Option<Vec<String>>,
    /// `config.Cmd`; none when unset.
    pub cmd: Option<Vec<String>>,
    /// `config.WorkingDir`; empty when unset.
    pub working_dir: String,
    /// `config.ExposedPorts`, such as `8501/tcp`, as written.
    pub exposed_ports: Vec<String>,
    /// `config.Volumes`.
    pub volumes: Vec<String>,
    /// `config.Labels`.
    pub labels: BTreeMap<String, String>,
    /// `config.StopSignal`; empty when unset.
    pub stop_signal: String,
    /// `config.Healthcheck`, whatever the media type.
    pub healthcheck: Option<Healthcheck>,
    /// `config.Shell`.
    pub shell: Option<Vec<String>>,
    /// `config.OnBuild`.
    pub on_build: Vec<String>,
    /// `rootfs.diff_ids`, bottom first.
    pub diff_ids: Vec<Digest>,
    /// `history`, first step first.
    pub history: Vec<History>,
}

impl ImageConfig {
    /// The value of an environment variable; the last one of that name counts.
    #[must_use]
    pub fn env_value(&self, name: &str) -> Option<&str> {
        self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
