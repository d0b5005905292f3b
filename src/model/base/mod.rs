//! Base images: what is recorded of them, and what an image has from its own.

mod config;
mod inherited;
mod lock;
mod problem;

pub use config::BaseConfig;
pub use inherited::{Attribution, Inherited};
pub use lock::{BASES_SCHEMA, BaseLock, Lookup, RecordedBase, seconds_of};
pub use problem::LockProblem;
