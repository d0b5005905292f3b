//! `META-INF/MANIFEST.MF` (JAR file specification, "manifest").

use std::collections::BTreeMap;

use crate::catalog::field;

/// Most fields of the main section.
const FIELDS: usize = 2000;

/// The main section: names in lower case.
pub(super) fn main_section(bytes: &[u8]) -> BTreeMap<String, String> {
    let mut fields: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for line in lines(bytes) {
        if line.is_empty() {
            if fields.is_empty() {
                continue;
            }
            break;
        }
        // A value goes on behind exactly one blank. Bytes are joined before they are decoded: a character may be cut in two.
        if let Some(more) = line.strip_prefix(b" ") {
            if let Some((_, value)) = fields.last_mut() {
                value.extend(more);
            }
        } else if let Some(colon) = memchr::memchr(b':', line) {
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            fields.push((name.to_ascii_lowercase(), value.strip_prefix(b" ").unwrap_or(value).to_vec()));
            if fields.len() > FIELDS {
                break;
            }
        }
    }
    let text = |bytes: &[u8]| field::text(bytes).trim().to_owned();
    let mut section = BTreeMap::new();
    for (name, value) in fields {
        section.entry(text(&name)).or_insert_with(|| text(&value));
    }
    section
}

/// Lines end with CR, LF or both.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        let skip = if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = rest.get(end + skip..).unwrap_or_default();
        Some(line)
    })
}

/// The first of these fields that says something; placeholders of build tools say nothing.
pub(super) fn first(section: &BTreeMap<String, String>, names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| section.get(*name)).find_map(|value| {
        field::line(value).filter(|value| !value.contains("${") && value != "%" && !value.starts_with('%'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_behind_one_blank_and_only_the_main_section_counts() {
        let section = main_section(
            b"Manifest-Version: 1.0\r\nImplementation-Title: a\xc3\r\n \xa9b\r\n  c\rX: 1\n\nName: y\nX: 2\n",
        );
        assert_eq!(section["implementation-title"], "aéb c");
        assert_eq!(section["x"], "1");
        assert!(!section.contains_key("name"));
        assert_eq!(first(&section, &["none", "x"]).as_deref(), Some("1"));
    }
}
