//! The engine: one walk per layer, cache, overlay, attribution, until everything known stands in `ImageFacts`.

mod accounts;
mod asides;
mod assemble;
mod base;
mod base_proof;
mod cache;
mod collect;
mod config_secrets;
mod documents;
mod engine;
mod instruction;
mod mask;
mod overlay;
mod packages;
mod pairs;
mod pipeline;
mod program;
mod provenance;
mod search;
mod sightings;
mod startup;
mod stream;
mod supply;
#[cfg(test)]
mod tests;

pub use assemble::assemble;
pub use base_proof::{prove_base, record_base};
pub use cache::{Analysers, Cache, Usage};
pub use engine::{Engine, PackageWork};
pub use instruction::instruction;
pub use pipeline::{Progress, Silent};
pub use program::program_head;
pub use provenance::match_steps;
pub use sightings::secrets_of_files;
#[cfg(test)]
pub(crate) use startup::StartupCollector;
pub use stream::StreamName;
