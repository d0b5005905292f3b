//! Building images with the builder that is there: which commands, in which order, and what they leave behind.
//!
//! Everything here is a plan; the command line carries it out. A builder is asked for what keeps most of the image: Docker's format
//! where OCI's loses the health check, all layers of the Dockerfile, provenance where it states any, and times of the sources.

mod builder;
mod plan;

pub use builder::{BUILDERS, Builder};
pub use plan::{CommandLine, Part, Plan, Request, plan};
