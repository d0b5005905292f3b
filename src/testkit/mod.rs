//! Images as text, built layers, a fault-injecting registry: for tests only.

pub mod image;
mod known;
pub mod layout;
pub mod registry;
pub mod schemas;
