//! `--annotation KEY=VALUE`, repeatable.

use std::collections::BTreeMap;

use super::Failure;

/// Reads the pairs; the last of a name counts.
pub(super) fn annotations(texts: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let pair = |text: &String| {
        let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
        Some((key.to_owned(), value.to_owned()))
    };
    texts
        .iter()
        .map(|text| pair(text).ok_or_else(|| Failure::usage(format!("`{text}` is no annotation: write KEY=VALUE"))))
        .collect()
}
