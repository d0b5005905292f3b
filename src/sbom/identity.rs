//! Ids and times that are the same in every run.

use std::fmt::Write as _;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// A document's id: a name-based UUID (RFC 9562, version 5) over everything that decides what it says.
pub(super) fn document_id(parts: &[&str]) -> String {
    let space = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"imgguard bill of materials");
    // Each part is preceded by its length, so that no two lists give one name.
    let name = parts.iter().fold(String::new(), |mut name, part| {
        let _ = writeln!(name, "{}:{part}", part.len());
        name
    });
    format!("urn:uuid:{}", Uuid::new_v5(&space, name.as_bytes()).hyphenated())
}

/// A text as an id of letters, digits, `.` and `-`; what had to be changed is told apart by a short hash.
pub(super) fn safe_id(text: &str) -> String {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    if !text.is_empty() && text.bytes().all(fits) && text.len() <= 200 {
        return text.to_owned();
    }
    let head: String = text.bytes().take(80).map(|byte| if fits(byte) { char::from(byte) } else { '-' }).collect();
    format!("{head}-{}", short_hash(text))
}

/// The first 12 hexadecimal digits of a SHA-256.
pub(super) fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(6).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A time as every format accepts it: UTC, whole seconds; none when the text is no RFC 3339 time.
pub(super) fn utc_seconds(text: &str) -> Option<String> {
    text.parse::<Timestamp>().ok().map(|time| format_time(time.as_second()))
}

/// Seconds since 1970 as `2024-01-31T12:00:00Z`; 1970 for what no calendar holds.
pub(super) fn format_time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_every_part_and_on_nothing_else() {
        let id = document_id(&["sha256:00", "linux/amd64", "0.1.0"]);
        assert_eq!(id, document_id(&["sha256:00", "linux/amd64", "0.1.0"]));
        assert_ne!(id, document_id(&["sha256:00", "linux/arm64", "0.1.0"]));
        assert_ne!(document_id(&["a", "b"]), document_id(&["a\n1:b"]));
        assert!(id.starts_with("urn:uuid:") && id.as_bytes()[23] == b'5', "{id}");
    }

    #[test]
    fn times_are_brought_to_whole_seconds_of_utc() {
        assert_eq!(utc_seconds("2024-01-31T14:00:00.75+02:00").as_deref(), Some("2024-01-31T12:00:00Z"));
        assert_eq!(utc_seconds("yesterday"), None);
        assert_eq!(format_time(i64::MAX), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn odd_names_become_ids_that_stay_apart() {
        assert_eq!(safe_id("libc6-1.2"), "libc6-1.2");
        assert_ne!(safe_id("a/b"), safe_id("a b"));
        assert!(safe_id("").starts_with('-'));
    }
}
