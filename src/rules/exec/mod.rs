//! Whether commands of an image start, decided without running anything: how a container runtime, the kernel, the dynamic
//! loader and a shell would look for them in the final file system.

mod elf;
mod filesystem;
mod identity;
mod jobs;
mod loader;
mod report;
mod resolver;
mod shebang;
mod shell;
mod subjects;
mod supervisor;
mod wrapper;

pub(super) use elf::{Fit, architecture, fit};
pub(super) use filesystem::{Access, FileSystem, Nowhere};
pub(super) use identity::{NoOne, Who, home, of_image};
pub(super) use report::{Finding, Topic};
pub(super) use resolver::{DEFAULT_PATH, Resolver, Setting};
pub(super) use subjects::{Subject, checked, given, started};

#[cfg(test)]
mod tests;
