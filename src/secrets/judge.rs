//! Signs that a value is an example, a template or too regular to be random. They lower a grade, they never hide a value.

use super::shape::Class;
use crate::model::Grade;

/// Words in published examples, in lower case; each so long that chance does not make it.
const WORDS: &[&str] = &[
    "changeit",
    "changeme",
    "dummytoken",
    "example",
    "foobar",
    "insert",
    "notreal",
    "placeholder",
    "redacted",
    "replace",
    "sample",
    "testtest",
    "yourkey",
    "yoursecret",
    "yourtoken",
    "your_",
    "your-",
    "xxxxxx",
];

/// Passwords and user names that documentation and defaults use, in lower case.
const GENERIC: &[&str] = &[
    "abc",
    "abc123",
    "admin",
    "admin123",
    "adminpassword",
    "bar",
    "baz",
    "default",
    "demo",
    "dummy",
    "fake",
    "foo",
    "guest",
    "hunter2",
    "letmein",
    "login",
    "mypass",
    "mypassword",
    "mysecret",
    "mytoken",
    "none",
    "null",
    "pass",
    "passw0rd",
    "passwd",
    "password",
    "password1",
    "password123",
    "passphrase",
    "postgres",
    "pw",
    "pwd",
    "qwerty",
    "root",
    "s3cr3t",
    "s3cret",
    "secret",
    "secretkey",
    "secretpassword",
    "somepassword",
    "supersecret",
    "test",
    "test123",
    "testing",
    "testpass",
    "testpassword",
    "thepassword",
    "token",
    "toor",
    "undefined",
    "user",
    "username",
    "userpass",
    "userpassword",
    "12345",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890",
];

/// Gives the grade below.
pub(super) fn lowered(grade: Grade) -> Grade {
    match grade {
        Grade::Proven => Grade::Structured,
        Grade::Structured => Grade::Contextual,
        Grade::Contextual | Grade::Weak => Grade::Weak,
    }
}

/// Tells whether the value holds a word of examples.
pub(super) fn holds_example_word(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    WORDS.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}

/// Tells whether a run of random characters of the class would hardly look like this one.
pub(super) fn is_too_regular(body: &[u8], class: Class) -> bool {
    let limit = match class.size() {
        ..=16 => 8,
        17..=40 => 7,
        _ => 6,
    };
    longest_sequence(body) >= limit
        || repeats(body)
        || least_entropy(class, body).is_some_and(|least| entropy(body) < least)
}

/// Gives the length of the longest run of equal or consecutive characters.
pub(super) fn longest_sequence(body: &[u8]) -> usize {
    let (mut longest, mut length, mut step) = (usize::from(!body.is_empty()), 1, None);
    for pair in body.windows(2) {
        let next = i16::from(pair[1]) - i16::from(pair[0]);
        let steady = next.abs() <= 1;
        length = match step {
            Some(step) if steady && step == next => length + 1,
            _ if steady => 2,
            _ => 1,
        };
        step = steady.then_some(next);
        longest = longest.max(length);
    }
    longest
}

/// Tells whether a pattern of at most 8 characters makes up the whole body.
fn repeats(body: &[u8]) -> bool {
    (1..=8).any(|period| body.len() >= 3 * period && body.iter().zip(&body[period..]).all(|(one, next)| one == next))
}

/// Gives the Shannon entropy in bits per character.
pub(super) fn entropy(body: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in body {
        counts[usize::from(byte)] += 1;
    }
    let all = f64::from(u32::try_from(body.len()).unwrap_or(u32::MAX));
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / all).map(|part| -part * part.log2()).sum()
}

/// Gives the entropy that 999 of 1000 random strings of this class and length exceed; none where it tells nothing.
fn least_entropy(class: Class, body: &[u8]) -> Option<f64> {
    let length = body.len();
    // A class may be wider than what the issuer takes: 32 hexadecimal digits are no poor choice of base 62.
    let narrow = [Class::Hex, Class::UpperHex, Class::LowerAlnum, Class::UpperAlnum];
    let narrow = narrow.iter().find(|narrow| body.iter().all(|&byte| narrow.has(byte)));
    let known: &[(usize, f64)] = match narrow.map_or(class.size(), |narrow| narrow.size().min(class.size())) {
        ..=15 => return None,
        16 => &[(32, 3.13), (40, 3.27), (64, 3.55)],
        17..=32 => &[(16, 2.86), (52, 4.11)],
        33..=40 => &[(32, 3.77)],
        _ => &[(20, 3.48), (24, 3.74), (32, 4.09), (36, 4.20), (40, 4.32), (64, 4.82), (86, 5.02)],
    };
    known.iter().rev().find(|(from, _)| length >= *from).map(|(_, least)| *least)
}

/// Tells whether a password or user name is one that everybody uses as an example, also with digits and signs in place of
/// letters (`p4ssw0rd`), percent escapes, digits at its end, or `my` before it.
pub(super) fn is_generic(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let known = |text: &[u8]| GENERIC.iter().any(|word| word.as_bytes() == text);
    if known(&lower) || holds_example_word(&lower) || value.len() >= 4 && longest_sequence(value) == value.len() {
        return true;
    }
    let mut plain = Vec::with_capacity(lower.len());
    let mut rest = lower.as_slice();
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'%', [one, other, after @ ..]) if one.is_ascii_hexdigit() && other.is_ascii_hexdigit() => after,
            _ => after,
        };
        plain.extend(match byte {
            b'0' => Some(b'o'),
            b'4' | b'@' => Some(b'a'),
            b'5' | b'$' => Some(b's'),
            b'3' => Some(b'e'),
            byte if byte.is_ascii_alphanumeric() => Some(*byte),
            _ => None,
        });
    }
    let letters = lower.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    let stem = lower[..letters].strip_prefix(b"my").unwrap_or(&lower[..letters]);
    let plain_stem = plain.strip_prefix(b"my").unwrap_or(&plain);
    [&plain, plain_stem, stem, &lower[..letters]].iter().any(|text| known(text))
}

/// Tells whether the text stands for a value instead of being one: a variable, a template, a file, a flag, nothing.
pub(super) fn is_reference(value: &[u8]) -> bool {
    const SPECIAL: &[&str] =
        &["true", "false", "yes", "no", "on", "off", "none", "null", "nil", "undefined", "required"];
    let Some(&first) = value.first() else { return true };
    let holds = |text: &str| memchr::memmem::find(value, text.as_bytes()).is_some();
    let encloses = |open: u8, close: u8| first == open && value.last() == Some(&close);
    matches!(first, b'$' | b'/' | b'~' | b'{' | b'[' | b'(' | b'&' | b'|')
        || value.iter().all(|&byte| !byte.is_ascii_alphanumeric() && byte < 0x80)
        || value.starts_with(b"./")
        || value.starts_with(b"!")
        || value.starts_with(b"file:")
        || value.starts_with(b"ENC[")
        || encloses(b'<', b'>')
        || encloses(b'@', b'@')
        || encloses(b'%', b'%')
        || holds("${")
        || holds("$(")
        || holds("{{")
        || holds("%(")
        || holds("%s")
        || holds("***")
        || holds("...")
        || SPECIAL.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_strings_are_noticed() {
        assert!(is_too_regular(b"0123456789abcdef0123456789abcdef", Class::Hex));
        assert!(is_too_regular(b"aaaaaaaabbbbbbbbccccccccdddddddd", Class::Hex));
        assert!(is_too_regular(b"k3Jk3Jk3Jk3Jk3Jk3Jk3Jk3J", Class::Base62));
        assert!(!is_too_regular(b"9f86d081884c7d659a2feaa0c55ad015", Class::Hex));
        assert!(!is_too_regular(b"kR7vQ2mZx9LpW4tB8nHs", Class::Base62));
    }

    #[test]
    fn sequences_count_in_both_directions() {
        assert_eq!(longest_sequence(b"x4321x"), 4);
        assert_eq!(longest_sequence(b"xaaab"), 3);
        assert_eq!(longest_sequence(b"acegi"), 1);
        assert_eq!(longest_sequence(b""), 0);
    }

    #[test]
    fn references_are_no_values() {
        for text in [
            "${TOKEN}",
            "$TOKEN",
            "{{ token }}",
            "<token>",
            "/run/secrets/db",
            "file:token",
            "true",
            "",
            "****",
            "@pw@",
        ] {
            assert!(is_reference(text.as_bytes()), "{text}");
        }
        for text in ["kR7vQ2mZ", "no-way-7", "true-blue-2"] {
            assert!(!is_reference(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn generic_passwords_are_known_in_any_case() {
        for text in [
            "Password",
            "changeme",
            "CHANGEME!",
            "mysecret",
            "MYTOKEN1",
            "p4ssw0rd",
            "p@ssword",
            "pa%2Fssword",
            "12345678",
            "aaaa",
            "your_password",
        ] {
            assert!(is_generic(text.as_bytes()), "{text}");
        }
        assert!(!is_generic(b"kR7vQ2mZ"));
    }
}
