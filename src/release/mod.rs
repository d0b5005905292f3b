//! Releases: which tags an image gets. Pure: what a registry holds comes in, what is to be written goes out.

pub mod tags;
