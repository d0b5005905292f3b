//! A container as compose files and Kubernetes manifests describe it: the same words for both.

use super::{Place, Said};

/// What kind of file speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// A compose file.
    Compose,
    /// A Kubernetes manifest.
    Kubernetes,
}

/// A container that a file of evidence wants to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// What kind of file says so.
    pub kind: WorkloadKind,
    /// Its name for people, such as ``service `web` ``.
    pub name: String,
    /// Where it begins.
    pub place: Place,
    /// The image reference; none when there is none or it depends on an unknown variable.
    pub image: Option<Said<String>>,
    /// Whether the file builds the image itself (`build:`).
    pub build: bool,
    /// Ports inside the container that are named.
    pub ports: Vec<ContainerPort>,
    /// Health checks and probes.
    pub probes: Vec<Probe>,
    /// Where the image's health check is switched off.
    pub health_off: Option<Place>,
    /// `user:` or `runAsUser`, as written.
    pub user: Option<Said<String>>,
    /// `runAsNonRoot`.
    pub run_as_non_root: Option<Said<bool>>,
    /// `read_only`, `readOnlyRootFilesystem`.
    pub read_only: Option<Said<bool>>,
    /// What is mounted.
    pub mounts: Vec<Mount>,
    /// Environment variables with a value that the file tells.
    pub env: Vec<Variable>,
    /// What replaces the entry point (`entrypoint:`, `command` of Kubernetes).
    pub command: Option<Said<Vec<String>>>,
    /// What replaces the command (`command:`, `args` of Kubernetes).
    pub arguments: Option<Said<Vec<String>>>,
}

impl Workload {
    /// A container of which nothing is said yet.
    #[must_use]
    pub fn new(kind: WorkloadKind, name: String, place: Place) -> Self {
        Self {
            kind,
            name,
            place,
            image: None,
            build: false,
            ports: Vec::new(),
            probes: Vec::new(),
            health_off: None,
            user: None,
            run_as_non_root: None,
            read_only: None,
            mounts: Vec::new(),
            env: Vec::new(),
            command: None,
            arguments: None,
        }
    }

    /// The port that a probe means.
    #[must_use]
    pub fn port(&self, name: &PortName) -> Option<u16> {
        match name {
            PortName::Number(number) => Some(*number),
            PortName::Name(name) => {
                let known = |port: &&ContainerPort| port.name.as_deref() == Some(name);
                self.ports.iter().find(known).map(|port| port.first)
            }
        }
    }

    /// Whether something is mounted at the path or above it.
    #[must_use]
    pub fn covers(&self, path: &str) -> Option<&Mount> {
        self.mounts.iter().find(|mount| is_below(path, &mount.path))
    }
}

/// Whether `path` is `folder` or lies below it.
pub(super) fn is_below(path: &str, folder: &str) -> bool {
    let (path, folder) = (path.trim_matches('/'), folder.trim_matches('/'));
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A port inside the container, or a range of ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPort {
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: String,
    /// The name of it (Kubernetes).
    pub name: Option<String>,
    /// Where.
    pub place: Place,
}

/// A port by number or by the name that the container gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortName {
    /// A number.
    Number(u16),
    /// A name.
    Name(String),
}

/// A question about the container's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What the file calls it: `healthcheck`, `livenessProbe`, …
    pub what: &'static str,
    /// What is done.
    pub action: Action,
    /// Where.
    pub place: Place,
}

/// What a probe does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Asks over HTTP.
    Http {
        /// The port.
        port: PortName,
        /// The path.
        path: String,
    },
    /// Opens a connection (TCP, or gRPC's health service).
    Tcp(PortName),
    /// Runs a command.
    Exec(Vec<String>),
    /// Runs a text in a shell.
    Shell(String),
}

/// What kind of file system is mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MountKind {
    /// Memory or scratch space: empty at first (`tmpfs`, `emptyDir`).
    Temporary,
    /// A volume that gets the image's files when it is new (compose).
    Volume,
    /// A claim (Kubernetes): what the image has there is hidden.
    Claim,
    /// A part of the host.
    Bind,
    /// Configuration and secrets.
    Projected,
}

/// Something that is mounted into the container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Where in the container.
    pub path: String,
    /// What.
    pub kind: MountKind,
    /// Whether the container may write to it.
    pub writable: bool,
    /// Where it is said.
    pub place: Place,
}

/// An environment variable with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// Where.
    pub place: Place,
}
