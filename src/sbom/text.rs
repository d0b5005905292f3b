//! Text that not every format can hold: what is plain, and how the rest is written so that it comes back.

use std::borrow::Cow;

use crate::report::escape::{is_dangerous, visible};

/// Begins a value that is a JSON string, because it could not be written as it is.
const WRAPPED: &str = "json:";

/// Whether a text can stand on one line of any format as it is, and acts on no terminal.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(|letter| is_dangerous(letter) || matches!(letter, '\u{fffe}' | '\u{ffff}'))
        && text.trim() == text
        && !text.is_empty()
}

/// A text as a value for a format that holds only plain text; [`unwrap`] gives it back.
pub(super) fn wrap(text: &str) -> Cow<'_, str> {
    if is_plain(text) && !text.starts_with(WRAPPED) {
        return Cow::Borrowed(text);
    }
    let json = serde_json::to_string(text).expect("text serialises");
    let mut wrapped = String::with_capacity(json.len() + WRAPPED.len());
    wrapped.push_str(WRAPPED);
    for letter in json.chars() {
        if is_plain(letter.encode_utf8(&mut [0; 4])) || letter == ' ' {
            wrapped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                wrapped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Cow::Owned(wrapped)
}

/// The text that [`wrap`] was given.
pub(super) fn unwrap(text: &str) -> String {
    text.strip_prefix(WRAPPED).and_then(|json| serde_json::from_str(json).ok()).unwrap_or_else(|| text.to_owned())
}

/// A text that any format can hold, for people to read.
pub(super) fn readable(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let safe: String = visible(text)
        .chars()
        .map(|letter| if matches!(letter, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { letter })
        .collect();
    let trimmed = safe.trim();
    Cow::Owned(if trimmed.is_empty() { "-".to_owned() } else { trimmed.to_owned() })
}

/// At most `length` bytes of a text, cut between two characters.
pub(super) fn cut(text: &str, length: usize) -> &str {
    let mut end = text.len().min(length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Whether a text is an absolute IRI without characters that need an escape (RFC 3987).
pub(super) fn is_iri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_fits = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let mut bytes = rest.bytes();
    let mut fragments = 0;
    while let Some(byte) = bytes.next() {
        let fits = match byte {
            b'%' => {
                [bytes.next(), bytes.next()].iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            b'#' => {
                fragments += 1;
                fragments == 1
            }
            _ => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(&byte),
        };
        if !fits {
            return false;
        }
    }
    // An authority may hold a colon only before a port.
    let authority = rest.strip_prefix("//").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let authority_fits = authority.is_none_or(|authority| {
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (name, port) = host.split_once(':').unwrap_or((host, ""));
        (!name.is_empty() || scheme == "file") && port.bytes().all(|byte| byte.is_ascii_digit())
    });
    scheme_fits && authority_fits && !rest.is_empty()
}

/// Whether a text is a CPE 2.3 name in its formatted-string form (NIST IR 7695).
pub(super) fn is_cpe23(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("cpe:2.3:") else { return false };
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some(next) if next.is_ascii_punctuation() => part.push('x'),
                _ => return false,
            },
            ':' => parts.push(std::mem::take(&mut part)),
            letter if letter.is_ascii_alphanumeric() || "-._*?~".contains(letter) => part.push(letter),
            _ => return false,
        }
    }
    parts.push(part);
    let whole = |part: &String| match part.as_str() {
        "*" | "-" => true,
        part => {
            let inner = part.trim_start_matches('?').trim_end_matches('?');
            !part.is_empty() && !inner.contains(['*', '?', '~'])
        }
    };
    parts.len() == 11 && matches!(parts[0].as_str(), "a" | "o" | "h" | "*" | "-") && parts.iter().all(whole)
}

/// Whether a text looks like a mail address: one `@` between two words.
pub(super) fn is_mail(text: &str) -> bool {
    let word = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte))
    };
    text.split_once('@').is_some_and(|(user, host)| {
        word(user) && word(host) && host.contains(|letter: char| letter.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["https://example.org/a?b=c#d", "git+ssh://git@example.org:22/x", "file:///usr/x.jar", "urn:uuid:1"]
        {
            assert!(is_iri(good), "{good}");
        }
        for bad in ["", "x", "https://a b", "https://", "1a:b", "a:%zz", "a:b#c#d", "https://h:port/", "a:ü", "a:[x]"]
        {
            assert!(!is_iri(bad), "{bad}");
        }
    }

    #[test]
    fn cpe_names_are_told_from_other_text() {
        assert!(is_cpe23("cpe:2.3:a:f5:nginx:1.25.3:*:*:*:*:*:*:*"));
        assert!(is_cpe23(r"cpe:2.3:a:erlang:erlang\/otp:26.0:-:*:*:*:*:*:*"));
        for bad in
            ["cpe:/o:debian:debian_linux:12", "cpe:2.3:a:x", "cpe:2.3:z:f5:nginx:1:*:*:*:*:*:*:*", r"cpe:2.3:a:a\"]
        {
            assert!(!is_cpe23(bad), "{bad}");
        }
    }

    #[test]
    fn mail_addresses_are_told_from_other_text() {
        assert!(is_mail("a.b+c@example.org"));
        for bad in ["", "a", "a@", "@b", "a b@c", "a@b@c", "ä@b"] {
            assert!(!is_mail(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn wrapped_text_is_plain_and_comes_back(text in any::<String>()) {
            let wrapped = wrap(&text);
            prop_assert!(is_plain(&wrapped), "{wrapped:?}");
            prop_assert_eq!(unwrap(&wrapped), text);
        }

        #[test]
        fn readable_text_is_plain(text in any::<String>()) {
            prop_assert!(is_plain(&readable(&text)));
        }
    }
}
