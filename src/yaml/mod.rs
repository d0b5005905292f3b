//! YAML as a tree in which every key and value knows its place in the text: closed, typed, nothing coerced.
//!
//! Aliases, anchors, merge keys, tags, duplicate keys and several documents are errors in our own files; [`parse_foreign`]
//! reads files of others, which have all of that.

mod foreign;
mod node;
mod parse;
mod typed;

pub use foreign::parse_foreign;
pub use node::{Member, Node, Scalar, Span, Value};
pub use parse::{parse, parse_all};
pub use typed::{YamlError, read, suggest};
