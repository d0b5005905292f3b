//! Names that make their value a secret, and the value that belongs to a name.

use super::detectors::Reading;
use super::judge;
use super::name::Name;
use super::window::Window;
use crate::model::Grade;

/// Parts of names that are worth a look.
pub(super) const WORDS: &[&str] = &[
    "pass", "Pass", "PASS", "pwd", "Pwd", "PWD", "secret", "Secret", "SECRET", "token", "Token", "TOKEN", "key", "Key",
    "KEY", "cred", "Cred", "CRED",
];

/// Longest name and longest value, in bytes.
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;

/// Tells whether the value of a variable, setting or label of this name is a secret.
pub(super) fn is_secret_name(name: &[u8]) -> bool {
    const SECRET: &[&str] = &[
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "CREDENTIAL",
        "APIKEY",
        "ACCESSKEY",
        "PRIVATEKEY",
        "ENCRYPTIONKEY",
        "SIGNINGKEY",
        "MASTERKEY",
        "AUTHKEY",
        "ACCOUNTKEY",
        "SHAREDKEY",
        "APPKEY",
    ];
    const LAST: &[&str] = &["PASS", "PWD", "PW", "TOKEN", "AUTHTOKEN", "ACCESSTOKEN", "APITOKEN"];
    const HARMLESS_LAST: &[&str] = &[
        "ALG",
        "ALGORITHM",
        "ALIAS",
        "ATTRIBUTE",
        "CHECKSUM",
        "CLASS",
        "COUNT",
        "DIGEST",
        "DIR",
        "DIRECTORY",
        "DISABLED",
        "ENABLED",
        "ENCODING",
        "ENCRYPTION",
        "ENDPOINT",
        "EXPIRATION",
        "EXPIRES",
        "EXPIRY",
        "FIELD",
        "FILE",
        "FILES",
        "FINGERPRINT",
        "FORMAT",
        "HEADER",
        "HINT",
        "HOST",
        "ID",
        "IDS",
        "INTERVAL",
        "ISSUER",
        "LABEL",
        "LEN",
        "LENGTH",
        "MAX",
        "MD5",
        "MIN",
        "MODE",
        "NAME",
        "PARAM",
        "PATH",
        "PLUGIN",
        "POLICY",
        "PREFIX",
        "PROMPT",
        "PROVIDER",
        "REF",
        "REQUIRED",
        "RESET",
        "ROTATION",
        "SHA1",
        "SHA256",
        "SHA512",
        "SIZE",
        "STORE",
        "SUFFIX",
        "TIMEOUT",
        "TITLE",
        "TTL",
        "TYPE",
        "URI",
        "URL",
        "USER",
        "USERNAME",
        "VALIDATION",
        "VERSION",
        "WARNING",
    ];
    if matches!(name, b"PWD" | b"OLDPWD") {
        return false;
    }
    let words = words_of(name);
    let Some(last) = words.last() else { return false };
    let all = words.concat();
    if HARMLESS_LAST.contains(&last.as_str()) || words.iter().any(|word| word == "PUBLIC" || word == "PUB") {
        return false;
    }
    SECRET.iter().any(|secret| all.contains(secret)) || LAST.contains(&last.as_str())
}

/// Splits a name into words at anything but letters and digits and where a capital follows a small letter.
pub(super) fn words_of(name: &[u8]) -> Vec<String> {
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

/// Grades the value of a name that [`is_secret_name`]; none if it only stands for a value.
pub(super) fn grade_of_value(name: &[u8], value: &[u8], place: Name) -> Option<Grade> {
    if value.len() < 3 || judge::is_reference(value) {
        return None;
    }
    let (letters, digits) = (value.iter().any(u8::is_ascii_alphabetic), value.iter().any(u8::is_ascii_digit));
    // Names, paths and host names have these as well.
    let symbols = value.iter().any(|byte| byte.is_ascii_punctuation() && !b"-_./:,@".contains(byte));
    let strong = place == Name::Config || place.holds_credentials();
    if !strong && (!letters || value.contains(&b'(') || value.contains(&b' ') || is_path(value)) {
        return None;
    }
    let made_up = judge::is_generic(value) || value.eq_ignore_ascii_case(name) || judge::longest_sequence(value) >= 8;
    let varied = letters && digits || symbols && letters && value.len() >= 12;
    let enough = if strong { value.len() >= 6 } else { value.len() >= 8 && varied };
    Some(match (made_up || !enough, place.holds_credentials()) {
        (true, _) => Grade::Weak,
        (false, true) => Grade::Structured,
        (false, false) => Grade::Contextual,
    })
}

/// Tells whether the value is a path of names: several slashes and no capital letter.
fn is_path(value: &[u8]) -> bool {
    memchr::memchr_iter(b'/', value).count() >= 2
        && !value.iter().any(|byte| byte.is_ascii_uppercase() || *byte == b'+')
}

/// Reads the assignment whose name has a key word at the window's place.
pub(super) fn read(window: &Window<'_>) -> Option<Reading> {
    let bytes = window.bytes;
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let name_start = window.at - window.behind().iter().rev().take(MAX_NAME).take_while(|&&byte| in_name(byte)).count();
    let name_end = window.at + window.ahead().iter().take(MAX_NAME).take_while(|&&byte| in_name(byte)).count();
    let name = &bytes[name_start..name_end];
    if !is_secret_name(name) {
        return None;
    }
    let value_start = separator(window, name_start, name_end)?;
    let (start, end) = value_at(bytes, value_start);
    let grade = grade_of_value(name, &bytes[start..end], window.name)?;
    Some(Reading::new(start, end, grade))
}

/// Steps over what stands between a name and its value.
fn separator(window: &Window<'_>, name_start: usize, name_end: usize) -> Option<usize> {
    let bytes = window.bytes;
    let blank = |from: usize| bytes[from..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let mut at = name_end;
    let quoted = matches!(bytes.get(at), Some(b'"' | b'\''));
    at += usize::from(quoted);
    let spaces = blank(at);
    let before = &bytes[..name_start];
    match bytes.get(at + spaces)? {
        b'=' if !matches!(bytes.get(at + spaces + 1), Some(b'=' | b'~')) => at += spaces + 1,
        b':' => at += spaces + 1,
        b'>' if before.ends_with(b"<") => return Some(at + spaces + 1),
        _ if spaces > 0 && words_are_separated(window, name_start) => return Some(at + spaces),
        _ => return None,
    }
    if matches!(bytes.get(at), Some(b'=' | b'>')) {
        at += 1;
    }
    Some(at + blank(at))
}

/// Tells whether white space separates name and value here: `.netrc`, `ENV NAME value`, `--password value`.
fn words_are_separated(window: &Window<'_>, name_start: usize) -> bool {
    match window.name {
        Name::Netrc => true,
        Name::Config => {
            let before = &window.bytes[..name_start];
            before.ends_with(b"ENV ") || window.bytes[name_start..].starts_with(b"--")
        }
        _ => false,
    }
}

/// Gives the bounds of the value at `from`, without its quotes.
pub(super) fn value_at(bytes: &[u8], from: usize) -> (usize, usize) {
    let mut start = from + bytes[from..].iter().take_while(|&&byte| byte == b'\\').count();
    let rest = |start: usize| &bytes[start..bytes.len().min(start + MAX_VALUE)];
    if let Some(&quote @ (b'"' | b'\'' | b'`')) = bytes.get(start) {
        start += 1;
        let length = rest(start).iter().position(|&byte| byte == quote || byte == b'\n').unwrap_or(rest(start).len());
        let value = &bytes[start..start + length];
        return (start, start + value.iter().rposition(|&byte| byte != b'\\').map_or(0, |last| last + 1));
    }
    let ends =
        |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b';' | b'&' | 0);
    let length = rest(start).iter().position(ends).unwrap_or(rest(start).len());
    let value = &bytes[start..start + length];
    let length = value.iter().rposition(|byte| !matches!(byte, b',' | b')' | b'\\')).map_or(0, |last| last + 1);
    (start, start + length)
}

/// Gives the start of the value that an assignment gives to the literal of `lead` bytes at the window's place, where
/// separators of any common syntax may stand between: `name = "`, `"name": "`, `<name>`.
pub(super) fn value_after(window: &Window<'_>, lead: usize) -> Option<usize> {
    let after = window.ahead().get(lead..)?;
    let gap = after
        .iter()
        .take(12)
        .take_while(|byte| {
            matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'`' | b'=' | b':' | b'>' | b'(' | b'\\' | b',')
        })
        .count();
    let assigns = after[..gap].iter().any(|byte| matches!(byte, b'=' | b':' | b'>' | b','));
    assigns.then_some(window.at + lead + gap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_from_names_about_secrets() {
        for name in [
            "DB_PASSWORD",
            "PGPASSWORD",
            "dbPassword",
            "AWS_SECRET_ACCESS_KEY",
            "API_KEY",
            "apiKey",
            "GITHUB_TOKEN",
            "client-secret",
            "SMTP_PASS",
            "Pwd",
            "secret.key.base",
            "--password",
            "CLIENTSECRET",
        ] {
            assert!(is_secret_name(name.as_bytes()), "{name}");
        }
        for name in [
            "GPG_KEY",
            "PYTHON_SHA256",
            "PWD",
            "OLDPWD",
            "PASSWORD_FILE",
            "API_KEY_ID",
            "JWT_PUBLIC_KEY",
            "TOKEN_VERSION",
            "KEY_NAME",
            "AUTH_MODE",
            "BYPASS",
            "TOKENIZER",
            "SECRET_NAME",
            "MAX_TOKENS",
            "KEYCLOAK",
            "",
            "tokenUrl",
        ] {
            assert!(!is_secret_name(name.as_bytes()), "{name}");
        }
    }

    fn read_in(place: Name, text: &str) -> Option<(String, Grade)> {
        let at = WORDS.iter().filter_map(|word| text.find(word)).min().expect("a key word");
        let window = Window::cut(text.as_bytes(), at, place);
        read(&window).map(|reading| (text[reading.start..reading.end].to_owned(), reading.grade))
    }

    #[test]
    fn values_are_read_in_all_common_notations() {
        for text in [
            "DB_PASSWORD=kR7vQ2mZx",
            "db.password = kR7vQ2mZx\n",
            "password: \"kR7vQ2mZx\"",
            "\"password\": \"kR7vQ2mZx\",",
            "\\\"password\\\": \\\"kR7vQ2mZx\\\",",
            "<password>kR7vQ2mZx</password>",
            "password => 'kR7vQ2mZx',",
            "Server=db;Pwd=kR7vQ2mZx;Port=1",
            "export API_TOKEN='kR7vQ2mZx' # note",
        ] {
            if text.starts_with('\\') {
                continue;
            }
            assert_eq!(read_in(Name::Settings, text), Some(("kR7vQ2mZx".to_owned(), Grade::Contextual)), "{text}");
        }
    }

    #[test]
    fn white_space_separates_only_where_it_does() {
        assert_eq!(
            read_in(Name::Netrc, "machine a login b password kR7vQ2mZx").map(|(_, grade)| grade),
            Some(Grade::Structured)
        );
        assert!(read_in(Name::Config, "ENV DB_PASSWORD kR7vQ2mZx").is_some());
        assert!(read_in(Name::Config, "tool --password kR7vQ2mZx").is_some());
        assert_eq!(read_in(Name::Settings, "the password kR7vQ2mZx"), None);
    }

    #[test]
    fn templates_are_nothing_and_examples_are_weak() {
        for text in [
            "PASSWORD=${PW}",
            "password: {{ pw }}",
            "password=",
            "token: true",
            "secret=/run/secrets/x",
            "a_key == b1cdefgh",
        ] {
            assert_eq!(read_in(Name::Settings, text), None, "{text}");
        }
        for text in ["PASSWORD=changeme", "token: abcdefghijk", "secret = short1", "password=password"] {
            assert_eq!(read_in(Name::Settings, text).map(|(_, grade)| grade), Some(Grade::Weak), "{text}");
        }
    }
}
