//! Images as text, built layers, a fault-injecting registry: for tests only.

pub mod image;
pub mod registry;
