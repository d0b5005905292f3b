//! Image sources, the edge where images come from: one file each.

pub mod daemon;
pub mod registry;
