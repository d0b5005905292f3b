//! What is copied and released as a whole: which tags an image gets, the closure of an image, plans, and those who carry them out.
//!
//! Plans are data: made from what was seen, printed by a dry run, obeyed by the executor. Everything here depends on the traits of
//! [`crate::registry`] only, never on a connection.

pub mod closure;
pub mod copy;
pub mod index;
mod json;
pub mod plan;
pub mod publish;
pub mod tags;
mod tree_text;

pub use json::{copy_json, schemas, tree_json};
pub use tree_text::tree_text;
