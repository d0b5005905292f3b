//! Foreign text as fields of a package: one line, bounded, without control characters and without credentials.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::model::{Checksum, ChecksumAlgorithm, Licences};

use super::{Dialect, Join, licences, licences_of};

/// Most bytes of one field.
const FIELD: usize = 2048;
/// Most bytes of a licence that is written as text.
const LICENCE: usize = 64 << 10;
/// Most parts of a path.
const DEPTH: usize = 256;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The text of a file; bytes that are no UTF-8 become `U+FFFD`, a byte order mark is dropped.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes))
}

/// The first bytes of a text, cut between characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// One line without control characters; none when nothing is left.
pub(super) fn line(text: &str) -> Option<String> {
    let text = cut(text.trim(), FIELD);
    let line: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let line = line.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The first sentence-like line of a longer text.
pub(super) fn summary(text: &str) -> Option<String> {
    text.lines().find_map(line).map(|line| cut(&line, 300).to_owned())
}

/// `Name <mail>`, or whichever of the two there is.
pub(super) fn person(name: Option<&str>, mail: Option<&str>) -> Option<String> {
    match (name.and_then(line), mail.and_then(line)) {
        (Some(name), Some(mail)) if name.contains(&mail) => Some(name),
        (Some(name), Some(mail)) => Some(format!("{name} <{mail}>")),
        (name, mail) => name.or(mail),
    }
}

/// A location without the credentials that people leave in it: no user and password, no query that names a token.
pub(super) fn url(text: &str) -> Option<String> {
    let text = line(text)?;
    let (before, query) = text.split_once('?').unwrap_or((&text, ""));
    let lower = query.to_ascii_lowercase();
    let secret =
        ["token", "sig", "key", "auth", "password", "secret", "credential"].iter().any(|word| lower.contains(word));
    let fragment = query.find('#').or_else(|| text.find('#').map(|_| 0)).map_or("", |at| query.get(at..).unwrap_or(""));
    let kept = if query.is_empty() {
        before.to_owned()
    } else if secret {
        format!("{before}{fragment}")
    } else {
        format!("{before}?{query}")
    };
    let Some((scheme, rest)) = kept.split_once("://") else { return Some(kept) };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let host = match host.rsplit_once('@') {
        // The user of an ssh address is no secret, and without it the address is another one.
        Some((user, host)) if scheme.contains("ssh") => {
            format!("{}@{host}", user.split_once(':').map_or(user, |(user, _)| user))
        }
        Some((_, host)) => host.to_owned(),
        None => host.to_owned(),
    };
    // Conda channels carry a token as a part of the path.
    let path = match path.strip_prefix("/t/").and_then(|rest| rest.split_once('/')) {
        Some((_, rest)) => format!("/{rest}"),
        None => path.to_owned(),
    };
    Some(format!("{scheme}://{host}{path}"))
}

/// Whether a location is one of the web, and no local path.
pub(super) fn is_web(url: &str) -> bool {
    ["https://", "http://", "ftp://"].iter().any(|scheme| url.starts_with(scheme))
}

/// Puts a relative path behind a folder; `..` goes up, an absolute path begins at the root. None when it leaves the root or
/// has too many parts.
pub(super) fn joined(folder: &str, relative: &str) -> Option<Box<str>> {
    if relative.is_empty() || relative.len() > 4096 || relative.chars().any(char::is_control) {
        return None;
    }
    let start = if relative.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = start.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && parts.len() <= DEPTH).then(|| parts.join("/").into_boxed_str())
}

/// The folder of a path, and its last part.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// Whether a path is this name, or ends with it behind a `/`.
pub(super) fn is_named(path: &str, name: &str) -> bool {
    path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// Whether a path ends with a dot and this extension, in this case of letters.
pub(super) fn has_extension(path: &str, extension: &str) -> bool {
    path.strip_suffix(extension).is_some_and(|stem| stem.ends_with('.'))
}

/// Whether a text ends so, in any case of letters.
pub(super) fn ends_with(text: &str, end: &str) -> bool {
    text.len() >= end.len() && text.as_bytes()[text.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
}

/// The algorithm of a name such as `sha256`, `SHA-256` or `sha2-256`.
pub(super) fn algorithm(name: &str) -> Option<ChecksumAlgorithm> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    Some(match plain.as_str() {
        "md5" => ChecksumAlgorithm::Md5,
        "sha1" => ChecksumAlgorithm::Sha1,
        "sha256" => ChecksumAlgorithm::Sha256,
        "sha384" => ChecksumAlgorithm::Sha384,
        "sha512" => ChecksumAlgorithm::Sha512,
        _ => return None,
    })
}

fn digits(algorithm: ChecksumAlgorithm) -> usize {
    match algorithm {
        ChecksumAlgorithm::Md5 => 32,
        ChecksumAlgorithm::Sha1 => 40,
        ChecksumAlgorithm::Sha256 => 64,
        ChecksumAlgorithm::Sha384 => 96,
        ChecksumAlgorithm::Sha512 => 128,
    }
}

/// A checksum in hexadecimal digits; none when it has the wrong length or other characters.
pub(super) fn hex_checksum(algorithm: ChecksumAlgorithm, value: &str) -> Option<Checksum> {
    let value = value.trim().to_ascii_lowercase();
    let right = value.len() == digits(algorithm) && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    right.then_some(Checksum { algorithm, value })
}

/// A checksum in Base64, of either alphabet, with or without padding.
pub(super) fn base64_checksum(algorithm: ChecksumAlgorithm, value: &str) -> Option<Checksum> {
    let value = value.trim();
    if value.len() > 128 {
        return None;
    }
    let bytes = BASE64.decode(value).or_else(|_| BASE64_URL.decode(value)).ok()?;
    hex_checksum(algorithm, &hex(&bytes))
}

/// Subresource integrity: `sha512-…` in Base64, several separated by blanks.
pub(super) fn integrity(text: &str) -> Vec<Checksum> {
    let mut all: Vec<Checksum> = cut(text, 4096)
        .split_whitespace()
        .filter_map(|part| {
            let (name, value) = part.split_once('-')?;
            base64_checksum(algorithm(name)?, value.split('?').next().unwrap_or(value))
        })
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

/// How the members of a list of licences belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Several {
    /// One of them is enough.
    Any,
    /// The format does not say.
    Unsaid,
}

/// The licences of a list. Where the format does not say how they belong together, nothing is declared but what all of them
/// agree on.
pub(super) fn licence_list<'a>(
    dialect: Dialect,
    names: impl IntoIterator<Item = &'a str>,
    several: Several,
) -> Licences {
    let names = names.into_iter().filter(|name| !name.trim().is_empty()).take(64).map(|name| cut(name, LICENCE));
    if several == Several::Any {
        return licences_of(dialect, Join::Any, names);
    }
    let mut parts: Vec<Licences> = names.map(|name| licences(dialect, name)).collect();
    let mut raw: Vec<String> = Vec::new();
    for text in parts.iter_mut().flat_map(|part| part.raw.drain(..)) {
        if !raw.contains(&text) {
            raw.push(text);
        }
    }
    parts.retain(|part| part.declared.is_some());
    parts.dedup_by(|one, other| one.declared == other.declared);
    let mut all = if parts.len() == 1 { parts.pop().unwrap_or_default() } else { Licences::default() };
    all.raw = raw;
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_lose_their_credentials() {
        for (given, kept) in [
            ("https://user:word@host.example/a.git", "https://host.example/a.git"),
            ("git+https://abc@host.example/a#v1", "git+https://host.example/a#v1"),
            ("git+ssh://git:word@host.example/a", "git+ssh://git@host.example/a"),
            ("git@host.example:a/b", "git@host.example:a/b"),
            ("https://host.example/a?x=1", "https://host.example/a?x=1"),
            ("https://host.example/a?access_token=1", "https://host.example/a"),
            ("https://host.example/t/abc/main/x.conda", "https://host.example/main/x.conda"),
            ("https://host.example", "https://host.example"),
        ] {
            assert_eq!(url(given).as_deref(), Some(kept));
        }
    }

    #[test]
    fn paths_are_joined_and_never_leave_the_root() {
        assert_eq!(joined("usr/lib/x", "../../bin/pip").as_deref(), Some("usr/bin/pip"));
        assert_eq!(joined("usr", "/etc/x").as_deref(), Some("etc/x"));
        assert_eq!(joined("usr", "a/./b//c").as_deref(), Some("usr/a/b/c"));
        assert_eq!(joined("usr", "../../etc"), None);
        assert_eq!(joined("usr", "a\nb"), None);
    }

    #[test]
    fn checksums_have_the_length_of_their_algorithm() {
        assert_eq!(
            hex_checksum(ChecksumAlgorithm::Md5, "D41D8CD98F00B204E9800998ECF8427E").map(|sum| sum.value).as_deref(),
            Some("d41d8cd98f00b204e9800998ecf8427e")
        );
        assert_eq!(hex_checksum(ChecksumAlgorithm::Sha1, "d41d8cd98f00b204e9800998ecf8427e"), None);
        let sums = integrity("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= sha9-x sha512-AAAA");
        assert_eq!(sums.len(), 1);
        assert_eq!(sums[0].value, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    }

    #[test]
    fn a_field_is_one_line_without_control_characters() {
        assert_eq!(line(" a\u{1b}[31m\nb ").as_deref(), Some("a [31m b"));
        assert_eq!(line("\u{1b}\n"), None);
        assert!(line(&"é".repeat(5000)).is_some_and(|line| line.len() <= FIELD));
    }
}
