//! The engine.

use crate::model::{Grade, Hit};

/// All detectors, compiled. Cheap to share, costly to build: build one per process.
pub struct Scanner {}

/// A secret seen in a short text, such as the value of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextHit {
    /// Id of the detector.
    pub detector: &'static str,
    /// How sure.
    pub grade: Grade,
    /// First and last few characters and the length.
    pub redacted: String,
    /// Keyed hash of the value.
    pub fingerprint: String,
    /// Byte range of the value in the text: the caller masks it before the text is shown anywhere.
    pub range: std::ops::Range<usize>,
}

impl Scanner {
    /// Compiles all detectors.
    #[must_use]
    pub fn new() -> Self {
        Self {}
    }

    /// Names the set of detectors and the engine's behaviour: part of the key of cached layers.
    #[must_use]
    pub fn version(&self) -> u32 {
        1
    }

    /// What a detector finds, in words; none for an unknown id.
    #[must_use]
    pub fn what(&self, _detector: &str) -> Option<&'static str> {
        None
    }

    /// Searches a short text. `key` is the name that the text is the value of (variable, label), as context.
    #[must_use]
    pub fn scan_text(&self, _key: &str, _text: &str) -> Vec<TextHit> {
        Vec::new()
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

/// The search through one file.
#[derive(Debug, Default)]
pub struct FileScan {}

impl FileScan {
    /// Starts with a file's name and its size in bytes.
    #[must_use]
    pub fn new(_path: &str, _size: u64) -> Self {
        Self {}
    }

    /// Takes the next bytes. `last` is set with the last of them (which may be empty); hits are appended to `hits`
    /// in order of their offset, with `path` as given to [`FileScan::new`].
    pub fn feed(&mut self, _scanner: &Scanner, _bytes: &[u8], _last: bool, _hits: &mut Vec<Hit>) {}
}
