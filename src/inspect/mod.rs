//! The engine: one walk per layer, cache, overlay, attribution, until everything known stands in `ImageFacts`.

mod accounts;
mod assemble;
mod base;
mod cache;
mod collect;
mod config_secrets;
mod engine;
mod instruction;
mod overlay;
mod packages;
mod pipeline;
mod search;
mod stream;
#[cfg(test)]
mod tests;

pub use assemble::assemble;
pub use cache::{Analysers, Cache, Usage};
pub use engine::Engine;
pub use instruction::instruction;
pub use pipeline::{Progress, Silent};
pub use stream::StreamName;
