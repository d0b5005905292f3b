//! Output formats: one file each, own types per format.
