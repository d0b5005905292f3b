//! The search for secrets: a table of detectors and an engine that is fed the bytes of each file in order.
//!
//! The seam: [`Scanner`] is built once and shared by all threads; each file of each layer gets a [`FileScan`], which sees
//! the file's bytes once, in chunks cut anywhere; where they are cut never changes the hits.

mod engine;

pub use engine::{FileScan, Scanner, TextHit};
