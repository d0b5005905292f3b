//! Shell text, read far enough to know which commands it surely runs.

mod builtin;
mod tree;
mod walk;
mod word;

pub(super) use walk::walk;
pub(in crate::rules) use word::Word;
pub(super) use word::split;

#[cfg(test)]
mod tests;
