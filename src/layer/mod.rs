//! Verify, unpack, walk: the bytes of one layer, read exactly once, and only a whole layer counts.
