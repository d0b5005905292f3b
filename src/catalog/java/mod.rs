//! Java: archives with their nested archives, and runtimes.

mod archive;
mod file_name;
mod identity;
mod manifest;
mod pom;
mod runtime;

pub(super) use archive::CATALOGER as ARCHIVE;
pub(super) use runtime::CATALOGER as RUNTIME;
