//! The `imgguard` program.

fn main() {}
