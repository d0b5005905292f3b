//! What stands beside an image: Dockerfiles, compose files and Kubernetes manifests, as typed values that know their
//! places. Pure: text in, values out.
//!
//! The built image is the truth; evidence gives places, cross-checks and reasons. What does not parse is a gap.

mod address;
mod compose;
mod dockerfile;
mod interpolate;
mod kubernetes;
mod place;
mod read;
mod shell;
mod trace;
mod waiver;
mod workload;

pub use address::{Address, addresses};
pub use dockerfile::{
    Dockerfile, Expansion, Flag, Heredoc, Instruction, Keyword, Lookup, Pair, Problem, ProblemKind, Scope, Stage, Word,
    expand,
};
pub use place::{Place, Said};
pub use read::{Evidence, FileKind, is_evidence_name};
pub use shell::{Command, Joint, ShellWord, commands, words};
pub use trace::{Traced, trace};
pub use waiver::{Waiver, WaiverProblem};
pub use workload::{Action, ContainerPort, Mount, MountKind, PortName, Probe, Variable, Workload, WorkloadKind};
