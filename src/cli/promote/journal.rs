//! `--journal`: what was done, appended to a file, one JSON object per line.

use std::io::Write as _;
use std::path::PathBuf;

use super::super::Failure;

/// A file that only grows; none writes nothing.
pub(in crate::cli) struct Journal(Option<PathBuf>);

impl Journal {
    pub fn new(path: Option<PathBuf>) -> Self {
        Self(path)
    }

    /// Appends a line, and waits until it is on the disk.
    pub fn append(&self, event: &serde_json::Value) -> Result<(), Failure> {
        let Some(path) = &self.0 else { return Ok(()) };
        let failed = |error: std::io::Error| Failure::file(path, "written", &error);
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        file.write_all(format!("{event}\n").as_bytes()).and_then(|()| file.sync_data()).map_err(failed)
    }
}
