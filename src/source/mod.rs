//! Image sources, the edge where images come from: one file each.
