//! Licence expressions as the formats want them.

use spdx::{Expression, LicenseItem, ParseMode};

/// Whether a text is an SPDX expression of listed identifiers and `LicenseRef-…`, in its listed spelling.
pub(super) fn is_expression(text: &str) -> bool {
    let mode = ParseMode { allow_deprecated: true, allow_unknown: false, ..ParseMode::STRICT };
    Expression::parse_mode(text, mode).is_ok()
}

/// The one listed identifier that an expression consists of.
pub(super) fn single_id(text: &str) -> Option<&str> {
    spdx::license_id(text).filter(|id| id.name == text).map(|_| text)
}

/// The `LicenseRef-…` identifiers of an expression.
pub(super) fn references(text: &str) -> Vec<String> {
    let Ok(expression) = Expression::parse_mode(text, ParseMode::LAX) else { return Vec::new() };
    let mut found: Vec<String> = expression
        .requirements()
        .filter_map(|required| match &required.req.license {
            LicenseItem::Other(other) => Some(other.to_string()),
            LicenseItem::Spdx { .. } => None,
        })
        .filter(|name| name.starts_with("LicenseRef-"))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// The expression with one identifier replaced wherever it stands alone.
pub(super) fn replace(text: &str, from: &str, to: &str) -> String {
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '+' | ':');
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
        let (head, tail) = rest.split_at(word);
        out.push_str(if head == from { to } else { head });
        let gap = tail.find(is_word).unwrap_or(tail.len());
        let (between, after) = tail.split_at(gap);
        out.push_str(between);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_other_text() {
        for good in [
            "MIT",
            "GPL-2.0-only WITH Classpath-exception-2.0 OR MIT",
            "LicenseRef-x AND (BSD-3-Clause OR ISC)",
            "GPL-2.0",
        ] {
            assert!(is_expression(good), "{good}");
        }
        for bad in ["", "NONE", "GPLv2+", "MIT and", "Expat", "MIT, BSD"] {
            assert!(!is_expression(bad), "{bad}");
        }
        assert_eq!(single_id("MIT"), Some("MIT"));
        assert_eq!(single_id("LicenseRef-a"), None);
        assert_eq!(single_id("MIT OR ISC"), None);
    }

    #[test]
    fn own_identifiers_are_found_and_replaced() {
        assert_eq!(references("LicenseRef-b OR (MIT AND LicenseRef-a)"), ["LicenseRef-a", "LicenseRef-b"]);
        assert_eq!(replace("LicenseRef-a OR LicenseRef-ab", "LicenseRef-a", "X"), "X OR LicenseRef-ab");
    }
}
