//! The engine: one walk per layer, cache, overlay, attribution, until everything known stands in `ImageFacts`.

mod accounts;
mod assemble;
mod base;
mod config_secrets;
mod instruction;
mod overlay;

pub use assemble::assemble;
pub use instruction::instruction;
