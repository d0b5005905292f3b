//! Where evidence is kept: asked for, listed, fetched, written. An edge: registries and layout folders.

mod closure;
mod collect;
mod store;
#[cfg(test)]
mod tests;

pub use closure::closure;
pub use collect::collect;
pub use store::{Store, attach_bundle, read_blob};
