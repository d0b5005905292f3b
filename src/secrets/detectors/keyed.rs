//! Where entries of the table start from, and the readers that many of them share.

use super::{Detector, Reading};
use crate::model::Grade;
use crate::secrets::judge;
use crate::secrets::shape::{Class, Part};
use crate::secrets::window::Window;

/// A secret that its form shows: what most entries say about themselves.
pub(super) const TOKEN: Detector = Detector::TOKEN;

/// A secret that only the name beside it shows.
pub(super) const KEYED: Detector = Detector { grade: Grade::Contextual, ..TOKEN };

/// The 36 characters of a UUID in lower case (RFC 9562, section 4).
pub(super) const UUID: &[Part] = &[
    Part::exactly(Class::Hex, 8),
    Part::Text("-"),
    Part::exactly(Class::Hex, 4),
    Part::Text("-"),
    Part::exactly(Class::Hex, 4),
    Part::Text("-"),
    Part::exactly(Class::Hex, 4),
    Part::Text("-"),
    Part::exactly(Class::Hex, 12),
];

/// Tells whether the text begins with a UUID in any case.
pub(super) fn begins_with_uuid(text: &[u8]) -> bool {
    text.get(..36).is_some_and(|uuid| {
        uuid.iter().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    })
}

/// Bytes behind a provider's name in which its key is looked for.
const REACH: usize = 160;

/// Words that say that a key is meant, in lower case.
const KEY_WORDS: &[&str] = &["key", "token", "secret", "pass", "auth", "cred", "bearer", "api", "pat"];

/// The form of a value that only its name makes a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    /// What the value begins with; often nothing.
    pub lead: &'static str,
    /// What follows.
    pub class: Class,
    /// Least number of bytes that follow.
    pub min: usize,
    /// Greatest number of bytes that follow.
    pub max: usize,
}

impl Form {
    /// Describes a value of one length.
    pub const fn exactly(class: Class, length: usize) -> Self {
        Self { lead: "", class, min: length, max: length }
    }

    /// Puts a lead before it.
    pub const fn led_by(self, lead: &'static str) -> Self {
        Self { lead, ..self }
    }
}

/// Reads the first value of the form behind the provider's name at the window's place, where a word such as `key` says
/// what it is and a separator stands directly before it.
pub(super) fn keyed(window: &Window<'_>, form: Form) -> Option<Reading> {
    let (start, end) = value_near(window, form, KEY_WORDS)?;
    let body = &window.bytes[start + form.lead.len()..end];
    Some(Reading::new(start, end, graded(body, form.class, Grade::Contextual)))
}

/// Gives the bounds of the first value of the form behind the window's place, if one of the words stands before it.
pub(super) fn value_near(window: &Window<'_>, form: Form, words: &[&str]) -> Option<(usize, usize)> {
    let bytes = window.bytes;
    let line =
        memchr::memrchr(b'\n', window.behind()).map_or(0, |newline| newline + 1).max(window.at.saturating_sub(60));
    let reach = bytes.len().min(window.at + REACH);
    let mut at = window.at;
    while at < reach {
        let length = form.class.run(&bytes[at..], form.max + form.lead.len() + 1);
        if length == 0 {
            at += 1;
            continue;
        }
        let whole = length >= form.lead.len() + form.min && length <= form.lead.len() + form.max;
        let bounded = bytes.get(at + length).is_none_or(|&next| !is_of_token(next));
        if whole && bounded && bytes[at..].starts_with(form.lead.as_bytes()) && follows_separator(&bytes[..at]) {
            let before = bytes[line..at].to_ascii_lowercase();
            let named = words.iter().any(|word| memchr::memmem::find(&before, word.as_bytes()).is_some());
            return named.then_some((at, at + length));
        }
        at += bytes[at..reach].iter().take_while(|&&byte| form.class.has(byte)).count().max(1);
    }
    None
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b'+')
}

fn follows_separator(before: &[u8]) -> bool {
    let quoted = before.iter().rev().take_while(|byte| matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b' ')).count();
    let rest = &before[..before.len() - quoted];
    matches!(rest.last(), Some(b'=' | b':' | b'>' | b'(' | b',')) || rest.len() < before.len() && words_before(rest)
}

/// `Bearer`, `Basic`, `Token` and `--flag` end in a space, not in a sign.
fn words_before(rest: &[u8]) -> bool {
    let word = rest.iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')).count();
    let word = &rest[rest.len() - word..];
    word.starts_with(b"-")
        || [&b"bearer"[..], b"token", b"splunk", b"ssws", b"genie"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Gives the narrowest class that all bytes are in, of those that hashes and keys are written in.
pub(super) fn class_of(body: &[u8]) -> Class {
    let all = |class: Class| body.iter().all(|&byte| class.has(byte));
    [Class::Hex, Class::UpperHex, Class::LowerAlnum, Class::UpperAlnum, Class::Base62]
        .into_iter()
        .find(|&class| all(class))
        .unwrap_or(Class::Base64)
}

/// Lowers the grade to weak where the random part is not random.
pub(super) fn graded(body: &[u8], class: Class, grade: Grade) -> Grade {
    if judge::is_too_regular(body, class) || judge::holds_example_word(body) { Grade::Weak } else { grade }
}

/// Tells whether one of the words, in lower case, stands in the 100 bytes before or the 60 bytes behind the place.
pub(super) fn is_near(window: &Window<'_>, words: &[&str]) -> bool {
    let from = window.at.saturating_sub(100);
    let near = window.bytes[from..window.bytes.len().min(window.at + 60)].to_ascii_lowercase();
    words.iter().any(|word| memchr::memmem::find(&near, word.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::super::super::examples::expand;
    use super::*;

    fn value(text: &str) -> Option<(String, Grade)> {
        let text = expand(text);
        let at = text.find("acme").expect("a name");
        let reading = keyed(&Window::of_text(text.as_bytes(), at), Form::exactly(Class::Hex, 32))?;
        Some((text[reading.start..reading.end].to_owned(), reading.grade))
    }

    #[test]
    fn a_value_near_a_name_needs_a_word_and_a_separator() {
        for text in [
            "acme_api_key={hex 32}",
            "new acme(\\{open} token: '{hex 32}' {close})",
            "acme:\n  secret: \"{hex 32}\"",
            "acme -H 'auth: Bearer {hex 32}'",
        ] {
            assert_eq!(
                value(&text.replace('\\', "")).map(|(value, grade)| (value.len(), grade)),
                Some((32, Grade::Contextual)),
                "{text}"
            );
        }
        for text in
            ["acme {hex 32}", "acme = {hex 32}", "acme_key={hex 40}", "acme_key=x{hex 32}", "acme_key=dir/{hex 32}"]
        {
            assert_eq!(value(text), None, "{text}");
        }
        assert_eq!(value("acme_key=0123456789abcdef0123456789abcdef").map(|(_, grade)| grade), Some(Grade::Weak));
    }
}
