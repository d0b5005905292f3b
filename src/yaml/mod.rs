//! YAML as a tree in which every key and value knows its place in the text: closed, typed, nothing coerced.
//!
//! Aliases, anchors, merge keys, tags, duplicate keys and several documents are errors.

mod node;
mod parse;
mod typed;

pub use node::{Member, Node, Scalar, Span, Value};
pub use parse::{parse, parse_all};
pub use typed::{YamlError, read, suggest};
