//! Paths inside an image: relative to the image root, `/`-separated, as text without loss.
//!
//! A tar name is bytes. Text that is UTF-8 stays as it is; a byte that is not becomes `\xHH`, and a backslash that
//! would read as such an escape becomes `\x5c`. So different names never become the same text.

use std::fmt::Write as _;

/// What was odd about a name in an archive, although it could be placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathProblem {
    /// The name climbs with `..`; such an entry is not placed anywhere.
    Climbs,
    /// The name is empty after cleaning.
    Empty,
}

fn is_escape(rest: &[u8]) -> bool {
    matches!(rest, [b'\\', b'x', high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// Raw name bytes as text, reversibly.
#[must_use]
pub fn encode_path(raw: &[u8]) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while !rest.is_empty() {
        let (valid, broken) = match std::str::from_utf8(rest) {
            Ok(valid) => (valid, 0),
            Err(error) => {
                let upto = error.valid_up_to();
                let valid = std::str::from_utf8(&rest[..upto]).unwrap_or_default();
                (valid, error.error_len().unwrap_or(rest.len() - upto))
            }
        };
        for (at, letter) in valid.char_indices() {
            if letter == '\\' && is_escape(&rest[at..]) {
                text.push_str("\\x5c");
            } else {
                text.push(letter);
            }
        }
        for byte in &rest[valid.len()..valid.len() + broken] {
            let _ = write!(text, "\\x{byte:02x}");
        }
        rest = &rest[valid.len() + broken..];
    }
    text
}

/// The bytes that [`encode_path`] made this text from.
#[must_use]
pub fn decode_path(text: &str) -> Vec<u8> {
    let raw = text.as_bytes();
    let mut bytes = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let escaped = is_escape(&raw[at..]).then(|| u8::from_str_radix(&text[at + 2..at + 4], 16).ok()).flatten();
        if let Some(byte) = escaped {
            bytes.push(byte);
            at += 4;
        } else {
            bytes.push(raw[at]);
            at += 1;
        }
    }
    bytes
}

/// Cleans a name from an archive: leading `/` and `./` dropped, `//` and `.` collapsed, trailing `/` dropped.
///
/// # Errors
/// [`PathProblem::Climbs`] when a part is `..`, [`PathProblem::Empty`] when nothing is left (the root itself).
pub fn normalise_path(raw: &[u8]) -> Result<String, PathProblem> {
    let clean = raw.first().is_some_and(|first| *first != b'/' && *first != b'.')
        && !raw.windows(2).any(|pair| pair == b"//" || pair == b"/.");
    if clean {
        let end = raw.len() - usize::from(raw.last() == Some(&b'/'));
        return Ok(encode_path(&raw[..end]));
    }
    let mut bytes = Vec::with_capacity(raw.len());
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => return Err(PathProblem::Climbs),
            part => {
                if !bytes.is_empty() {
                    bytes.push(b'/');
                }
                bytes.extend_from_slice(part);
            }
        }
    }
    if bytes.is_empty() { Err(PathProblem::Empty) } else { Ok(encode_path(&bytes)) }
}

/// The part behind the last `/`.
#[must_use]
pub fn basename(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// The part before the last `/`; empty for a name directly below the root.
#[must_use]
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_name_is_lost(raw in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode_path(&encode_path(&raw)), raw);
        }

        #[test]
        fn escapes_are_escaped(raw in "[\\\\x0-9a-f]{0,20}") {
            prop_assert_eq!(decode_path(&encode_path(raw.as_bytes())), raw.as_bytes());
        }
    }

    #[test]
    fn names_are_cleaned() {
        assert_eq!(normalise_path(b"./etc//passwd"), Ok("etc/passwd".to_owned()));
        assert_eq!(normalise_path(b"/etc/./x/"), Ok("etc/x".to_owned()));
        assert_eq!(normalise_path(b"etc/"), Ok("etc".to_owned()));
        assert_eq!(normalise_path(b".hidden/a"), Ok(".hidden/a".to_owned()));
        assert_eq!(normalise_path(b"a/../b"), Err(PathProblem::Climbs));
        assert_eq!(normalise_path(b"a/.."), Err(PathProblem::Climbs));
        assert_eq!(normalise_path(b"./"), Err(PathProblem::Empty));
        assert_eq!(normalise_path(b"caf\xe9"), Ok("caf\\xe9".to_owned()));
    }
}
