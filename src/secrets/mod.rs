//! The search for secrets: a table of detectors and an engine that is fed the bytes of each file in order.
//!
//! The seam: [`Scanner`] is built once and shared by all threads; each file of each layer gets a [`FileScan`], which sees
//! the file's bytes once, in chunks cut anywhere; where they are cut never changes the hits.

mod assignment;
mod base58;
mod checksum;
mod der;
mod detectors;
mod engine;
#[cfg(test)]
mod examples;
mod file_scan;
mod gate;
mod judge;
mod jwt;
mod key_material;
mod name;
mod named;
mod published;
mod query;
mod redact;
mod search;
mod setting;
mod shape;
mod text;
mod views;
mod vocabulary;
mod window;
mod words;

pub use detectors::Detector;
pub use engine::{MAX_HITS, Scanner};
pub use file_scan::FileScan;
pub use text::TextHit;

#[cfg(test)]
mod corpus_tests;
#[cfg(test)]
mod engine_tests;
