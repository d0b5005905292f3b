//! Values with no mark of their own, known by their provider's name beside them: `LINODE_TOKEN=` and 64 hexadecimal
//! digits, a `token:` inside a section called `linode`, a `Bearer` header of a request to `api.linode.com`.

use super::detectors::Reading;
use super::judge;
use super::shape::{Check, Part, Token};
use super::window::Window;
use crate::model::Grade;

/// Longest name, in bytes, and how far from the provider's name its secrets may stand.
const MAX_NAME: usize = 64;
const REACH: usize = 240;

/// Words of names whose values are secrets; also as the ends of longer words.
const SECRET: &[&str] =
    &["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASS", "PWD", "AUTH", "AUTHORIZATION", "CREDENTIAL", "PAT"];

/// Words that end names of something about a secret, and words that no such name holds.
const HARMLESS: &[&str] = &[
    "ALGORITHM",
    "CHECKSUM",
    "COMMIT",
    "COUNT",
    "DIGEST",
    "DIR",
    "EMAIL",
    "ENDPOINT",
    "ETAG",
    "EXPIRY",
    "FILE",
    "FINGERPRINT",
    "FORMAT",
    "HASH",
    "HOST",
    "ID",
    "IDS",
    "INTEGRITY",
    "LENGTH",
    "MD5",
    "MODE",
    "NAME",
    "PATH",
    "PREFIX",
    "PUB",
    "PUBLIC",
    "PUBLISHABLE",
    "REF",
    "REGION",
    "REV",
    "REVISION",
    "SHA",
    "SHA1",
    "SHA256",
    "SHA512",
    "SITE",
    "SIZE",
    "TYPE",
    "URI",
    "URL",
    "USER",
    "USERNAME",
    "UUID",
    "VERSION",
];

/// What the value looks like, and how strictly its name has to speak of a secret.
#[derive(Clone, Copy)]
pub(super) struct Named {
    forms: &'static [&'static [Part]],
    words: &'static [&'static str],
    check: Option<fn(&[u8]) -> Check>,
    grade: Grade,
    nearby: bool,
}

impl Named {
    /// Describes values of any of the forms.
    pub const fn new(forms: &'static [&'static [Part]]) -> Self {
        Self { forms, words: SECRET, check: None, grade: Grade::Contextual, nearby: true }
    }

    /// Asks for one of these words in the name of the value.
    pub const fn named(mut self, words: &'static [&'static str]) -> Self {
        self.words = words;
        self
    }

    /// Adds a check: a value that does not agree is none.
    pub const fn checked_by(mut self, check: fn(&[u8]) -> Check) -> Self {
        self.check = Some(check);
        self
    }

    /// Says that the word beside the value is as good as a form: the other half of a pair.
    pub const fn of_grade(mut self, grade: Grade) -> Self {
        self.grade = grade;
        self
    }

    /// Takes only values whose own name holds the provider's, because too much else has the same form.
    pub const fn in_name(mut self) -> Self {
        self.nearby = false;
        self
    }

    /// Reads the value that the provider's name at the window's place belongs to.
    pub fn read(&self, window: &Window<'_>) -> Option<Reading> {
        let behind = window.behind().iter().rev().take(MAX_NAME).take_while(|&&byte| in_name(byte)).count();
        let end = window.at + window.ahead().iter().take(MAX_NAME).take_while(|&&byte| in_name(byte)).count();
        let start = window.at - behind;
        if let Some(reading) = self.value_of(window, start, end) {
            return Some(reading);
        }
        if !self.nearby {
            return None;
        }
        let ahead = &window.bytes[end..window.bytes.len().min(end + REACH)];
        let ahead = end + memchr::memmem::find(ahead, b"\n\n").unwrap_or(ahead.len());
        let from = start.saturating_sub(REACH);
        let from = memchr::memmem::rfind(&window.bytes[from..start], b"\n\n").map_or(from, |blank| from + blank);
        self.names(window, end, ahead).next().or_else(|| self.names(window, from, start).last())
    }

    /// Reads the password of a URL whose host holds the provider's name at the window's place.
    pub fn before_host(&self, window: &Window<'_>) -> Option<Reading> {
        let behind = window.behind();
        let host = behind.iter().rev().take(MAX_NAME).take_while(|&&byte| in_name(byte)).count();
        let at = window.at.checked_sub(host + 1).filter(|&at| window.bytes.get(at) == Some(&b'@'))?;
        let length = behind[..at].iter().rev().take(200).take_while(|byte| !matches!(byte, b':' | b'/')).count();
        self.at(window, at - length)
    }

    /// Gives the values of all names between two places.
    fn names(&self, window: &Window<'_>, from: usize, to: usize) -> impl Iterator<Item = Reading> {
        let mut at = from;
        std::iter::from_fn(move || {
            while at < to {
                let start = at + window.bytes[at..to].iter().position(|&byte| in_name(byte))?;
                let end = start + window.bytes[start..to].iter().take_while(|&&byte| in_name(byte)).count();
                at = end;
                if let Some(reading) = self.value_of(window, start, end) {
                    return Some(reading);
                }
            }
            None
        })
    }

    /// Reads the value of the name, if it names a secret and the value has one of the forms.
    fn value_of(&self, window: &Window<'_>, start: usize, end: usize) -> Option<Reading> {
        let value = value_start(window.bytes, end)?;
        let reading = self.at(window, value)?;
        self.names_a_secret(&window.bytes[start..end]).then_some(reading)
    }

    /// Reads a value at a place.
    pub fn at(&self, window: &Window<'_>, at: usize) -> Option<Reading> {
        let place = Window { bytes: window.bytes, at, name: window.name };
        self.forms.iter().find_map(|form| {
            let matched = Token::new(&[], form).matches(&place, 0)?;
            let value = &window.bytes[at..matched.end];
            let next = window.bytes.get(matched.end..).unwrap_or_default();
            let goes_on = match next {
                [b'=' | b'-' | b'_' | b'/' | b'+' | b'~', ..] => true,
                [b'.', after, ..] => after.is_ascii_alphanumeric(),
                _ => false,
            };
            if !matched.bounded || goes_on || self.check.is_some_and(|check| check(value) == Check::Fails) {
                return None;
            }
            let regular =
                matched.body.is_some_and(|(from, to, class)| judge::is_too_regular(&window.bytes[from..to], class));
            let weak = regular || judge::holds_example_word(value);
            Some(Reading::new(at, matched.end, if weak { Grade::Weak } else { self.grade }))
        })
    }

    fn names_a_secret(&self, name: &[u8]) -> bool {
        let words = words_of(name);
        let bare =
            |word: &str| word.trim_end_matches(|end: char| end.is_ascii_digit()).trim_end_matches('S').to_owned();
        let Some(last) = words.last() else { return false };
        !HARMLESS.contains(&last.as_str())
            && !words
                .iter()
                .any(|word| matches!(word.as_str(), "PUBLIC" | "PUB" | "PUBLISHABLE" | "CHECKSUM" | "SHA256"))
            && words.iter().any(|word| {
                let word = bare(word);
                if word == "AUTHORIZATION" {
                    return true;
                }
                self.words.iter().any(|known| word.ends_with(bare(known).as_str()))
            })
    }
}

/// Splits a name into words at anything but letters and digits and where a capital follows a small letter.
fn words_of(name: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = b'_';
    for &byte in name.iter().rev().take(MAX_NAME).rev() {
        if byte.is_ascii_alphanumeric() {
            let begins = !before.is_ascii_alphanumeric() || byte.is_ascii_uppercase() && before.is_ascii_lowercase();
            if begins {
                words.push(String::new());
            }
            words.last_mut().into_iter().for_each(|word| word.push(char::from(byte.to_ascii_uppercase())));
        }
        before = byte;
    }
    words
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// Gives the start of the value that belongs to the name that ends at `end`, in any common notation: `name = "`,
/// `"name": "`, `<name>`, `get("name", "`, `--name `, `name: Bearer `, and name and value as two fields of an object.
fn value_start(bytes: &[u8], end: usize) -> Option<usize> {
    const SCHEMES: &[&[u8]] = &[b"bearer ", b"token ", b"basic ", b"apikey ", b"api-key ", b"key ", b"accesskey "];
    let run = |from: usize, most: usize, set: &[u8]| {
        bytes[from..].iter().take(most).take_while(|byte| set.contains(byte)).count()
    };
    let mut from = end;
    let field = end + run(end, 40, b" \t\r\n\"',\\");
    if bytes[field..].get(..5).is_some_and(|word| word.eq_ignore_ascii_case(b"value")) {
        from = field + 5;
    }
    let gap = run(from, 16, b" \t\"'`=:>(\\,])|?");
    let mut at = from + gap;
    let assigns = bytes[from..at].iter().any(|byte| matches!(byte, b'=' | b':' | b'>' | b','));
    let blank = gap > 0 && bytes[from..at].iter().all(|byte| matches!(byte, b' ' | b'\t'));
    if !assigns && !blank {
        return None;
    }
    for scheme in SCHEMES {
        if bytes[at..].get(..scheme.len()).is_some_and(|word| word.eq_ignore_ascii_case(scheme)) {
            at += scheme.len();
            break;
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::super::shape::{Class, exactly};
    use super::*;

    const HEX: Named = Named::new(&[&[exactly(Class::Hex, 32)]]);
    const VALUE: &str = "9f86d081884c7d659a2feaa0c55ad015";

    fn grade(keyed: &Named, text: &str) -> Option<Grade> {
        let text = text.replace('@', VALUE);
        let at = text.to_ascii_lowercase().find("acme").expect("the provider's name");
        let reading = keyed.read(&Window::of_text(text.as_bytes(), at))?;
        assert_eq!(&text[reading.start..reading.end], VALUE);
        Some(reading.grade)
    }

    #[test]
    fn a_value_is_read_from_every_notation() {
        for text in [
            "ACME_TOKEN=@",
            "export ACME_API_KEY='@'",
            "acmeApiKey: \"@\",",
            "{\"acme\": {\"region\": \"x\", \"token\": \"@\"}}",
            "acme:\n  user: a\n  api_key: @\n",
            "[acme]\nsecret = @\n",
            "<AcmeToken>@</AcmeToken>",
            "os.environ.get(\"ACME_TOKEN\", \"@\")",
            "config['acme_token'] = '@'",
            "tool --acme-token @ run",
            "- name: ACME_TOKEN\n  value: \"@\"\n",
            "{\"name\":\"ACME_TOKEN\",\"value\":\"@\"}",
            "curl -H 'Authorization: Bearer @' https://api.acme.example/v1",
            "https://api.acme.example/v1?token=@&x=1",
            "acme api token: @.",
            "ACME_TOKEN_1=@",
        ] {
            assert_eq!(grade(&HEX, text), Some(Grade::Contextual), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_nothing() {
        for text in [
            "acme = @",
            "ACME_TOKEN_SHA256=@",
            "ACME_KEY_ID=@",
            "acme_public_key: @",
            "acme-1.0.tar.gz: @",
            "acme\n\ntoken=@",
            "ACME_TOKEN=@0",
            "ACME_TOKEN=@-1",
            "ACME_TOKEN=sha@",
            "acme author: @",
            "ACME_TOKEN=${T}",
        ] {
            assert_eq!(grade(&HEX, text), None, "{text}");
        }
        assert_eq!(grade(&HEX.in_name(), "acme:\n  token: @\n"), None);
        assert_eq!(grade(&HEX.named(&["SECRET"]), "ACME_SITE_KEY=@"), None);
    }
}
