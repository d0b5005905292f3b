//! The engine: one walk per layer, cache, overlay, attribution, until everything known stands in `ImageFacts`.

mod assemble;

pub use assemble::assemble;
