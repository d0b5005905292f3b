//! Values beside names: where the value of a name stands, in any common notation, and how much the pair tells.

use super::detectors::Reading;
use super::judge;
use super::name::Name;
use super::setting::{self, MAX_NAME, Says};
use super::shape::Class;
use super::window::Window;
use super::words;
use crate::model::Grade;

/// Parts of names that are worth a look.
pub(super) const WORDS: &[&str] = &[
    "pass", "Pass", "PASS", "pwd", "Pwd", "PWD", "secret", "Secret", "SECRET", "token", "Token", "TOKEN", "key", "Key",
    "KEY", "cred", "Cred", "CRED", "bindpw", "rootpw", "_PSK", "_psk", "SALT", "salt",
];

/// Longest value, in bytes.
const MAX_VALUE: usize = 512;

/// Tells whether the value of a variable, setting or label of this name may be a secret.
pub(super) fn is_secret_name(name: &[u8]) -> bool {
    setting::says(name) != Says::Nothing
}

/// Grades the value of a name; none if the name is not of a secret, or the value only stands for one.
pub(super) fn grade_of_value(name: &[u8], value: &[u8], place: Name) -> Option<Grade> {
    graded(setting::says(name), name, value, place, true)
}

/// What a value is made of.
struct Made {
    letters: bool,
    digits: bool,
    /// Signs that names, paths and host names do not have.
    signs: bool,
    /// Capitals and small letters.
    mixed: bool,
}

impl Made {
    fn of(value: &[u8]) -> Self {
        let any = |of: fn(&u8) -> bool| value.iter().any(of);
        Self {
            letters: any(u8::is_ascii_alphabetic),
            digits: any(u8::is_ascii_digit),
            signs: any(|byte| byte.is_ascii_punctuation() && !b"-_./:,@".contains(byte)),
            mixed: any(u8::is_ascii_uppercase) && any(u8::is_ascii_lowercase),
        }
    }
}

/// Tells whether the value is its name, perhaps with something around it.
fn tells_its_name(name: &[u8], value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(name)
        || name.len() >= 6
            && value.len() < name.len() + 8
            && value.windows(name.len()).any(|part| part.eq_ignore_ascii_case(name))
}

/// Tells whether it is a password as rules for passwords ask for: all kinds of characters, words or not.
fn is_by_the_rules(says: Says, made: &Made) -> bool {
    says == Says::Password && made.signs && made.digits && made.mixed
}

fn graded(says: Says, name: &[u8], value: &[u8], place: Name, quoted: bool) -> Option<Grade> {
    if says == Says::Nothing || value.len() < 3 || judge::is_reference(value) {
        return None;
    }
    let strong = place == Name::Config || place.holds_credentials();
    let made = Made::of(value);
    if !strong && !made.letters {
        return None;
    }
    let made_up = judge::is_envelope(value)
        || judge::is_generic(value)
        || tells_its_name(name, value)
        || judge::longest_sequence(value) >= 8
        || !strong
            && (says != Says::Password && judge::holds_key_word(value)
                || judge::is_public_form(value)
                || words::is_wordy(value) && !is_by_the_rules(says, &made));
    if made_up {
        return Some(Grade::Weak);
    }
    // Machines hardly ever make twenty letters without a digit; programs are full of names of two words.
    let least = if says == Says::Token { 20 } else { 12 };
    let varied = made.letters && (made.digits || made.signs) || made.mixed && value.len() >= least;
    let enough = match says {
        Says::Key => looks_made_by_a_machine(value, &made),
        _ if strong => value.len() >= 6,
        Says::Password if place == Name::Settings => value.len() >= 6 && varied || value.len() >= 9,
        _ if place == Name::Settings || quoted => value.len() >= 8 && varied,
        _ => value.len() >= 8 && made.letters && made.digits && !is_identifier(value),
    };
    // In settings a name and a value that nobody would write as a sample are as telling as a form of its own.
    let telling = matches!(place, Name::Config | Name::Settings)
        && says != Says::Key
        && value.len() >= 8
        && made.letters
        && (made.digits || made.signs && made.mixed)
        && !words::is_partly_wordy(value);
    Some(match (enough, place.holds_credentials() || telling) {
        (false, _) => Grade::Weak,
        (true, true) => Grade::Structured,
        (true, false) => Grade::Contextual,
    })
}

/// Tells whether a value is long and random enough to be a key whatever its name is.
fn looks_made_by_a_machine(value: &[u8], made: &Made) -> bool {
    let body = value.strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value);
    let in_one_alphabet = [Class::Base64, Class::Base64Url, Class::DottedBase64Url]
        .iter()
        .any(|class| body.iter().all(|&byte| class.has(byte)));
    let uuid = value.len() == 36 && memchr::memchr_iter(b'-', value).count() == 4;
    let random = made.letters && made.digits || made.mixed && value.len() >= 20;
    // Twenty different characters of hexadecimal or more of a larger alphabet.
    in_one_alphabet
        && !uuid
        && random
        && value.len() >= 16
        && judge::entropy(body) >= 2.8
        && !words::is_partly_wordy(value)
}

/// Tells whether an unquoted value is rather the name of a variable: few changes between letters and digits.
fn is_identifier(value: &[u8]) -> bool {
    let changes = value.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let name = value.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    name && changes < 3
        || value.iter().any(|byte| matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b',' | b':'))
}

/// Tells whether name and value are all of their line.
fn is_line(bytes: &[u8], name_start: usize, end: usize) -> bool {
    let line = memchr::memrchr(b'\n', &bytes[..name_start]).map_or(0, |newline| newline + 1);
    let before = bytes[line..name_start].trim_ascii();
    matches!(before, b"" | b"-" | b"export" | b"set" | b"setx" | b"*" | b"+" | b"ENV" | b"ARG" | b"\"")
        && bytes.get(end).is_none_or(|byte| matches!(byte, b'\n' | b'\r'))
}

/// Tells whether the place lies in a comment or in a string of source code: an odd number of quotes of some kind stands
/// before it on its line, or the mark of a comment.
fn is_prose(bytes: &[u8], at: usize) -> bool {
    let line = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
    let before = &bytes[line..at];
    let open = |quote: u8| memchr::memchr_iter(quote, before).count() % 2 == 1;
    let text = before.trim_ascii_start();
    text.starts_with(b"*")
        || [&b"#"[..], b"//", b"--", b"/*", b"<!--"].iter().any(|mark| memchr::memmem::find(before, mark).is_some())
        || open(b'"')
        || open(b'\'')
        || open(b'`')
}

/// Tells whether the name is a segment of a name of a resource, such as `secretsmanager:region:account:secret:name`.
fn is_part_of_a_resource_name(bytes: &[u8], name_start: usize, name_end: usize) -> bool {
    let before = &bytes[..name_start];
    before.ends_with(b":")
        && bytes.get(name_end) == Some(&b':')
        && before.len() >= 2
        && before[before.len() - 2].is_ascii_alphanumeric()
}

/// Tells whether it is the number of a request, by which a service knows that it was asked twice: a UUID that is called a token.
fn is_request_id(name: &[u8], value: &[u8]) -> bool {
    const OF_REQUESTS: &[&str] =
        &["client", "request", "change", "lifecycle", "action", "sync", "idempotency", "creation", "caller"];
    let uuid = value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    let lower = name.to_ascii_lowercase();
    uuid && lower.ends_with(b"token")
        && OF_REQUESTS.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}

/// Tells whether an unquoted value has more disorder than the name of a variable has.
fn reads_as_text(value: &[u8]) -> bool {
    let made = Made::of(value);
    let changes = value.windows(2).filter(|pair| pair[0].is_ascii_digit() != pair[1].is_ascii_digit()).count();
    let code = value.iter().any(|byte| matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>' | b','));
    !code && made.letters && made.digits && (changes >= 2 || made.mixed && value.len() >= 10 || made.signs)
}

/// Reads the assignment whose name has a key word at the window's place.
pub(super) fn read(window: &Window<'_>) -> Option<Reading> {
    let bytes = window.bytes;
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let name_start = window.at - window.behind().iter().rev().take(MAX_NAME).take_while(|&&byte| in_name(byte)).count();
    let name_end = window.at + window.ahead().iter().take(MAX_NAME).take_while(|&&byte| in_name(byte)).count();
    let place = Notation { window, name_start, name_end }.value()?;
    let mut name = &bytes[name_start..name_end];
    if bytes.get(name_end) == Some(&b'(') {
        // `credentials.with_project("…")` is about a project.
        name = name.rsplit(|&byte| byte == b'.').next().unwrap_or(name);
    }
    let says = setting::says(name);
    if says == Says::Nothing {
        return None;
    }
    if is_part_of_a_resource_name(bytes, name_start, name_end) {
        return None;
    }
    let (start, end) = value_at(bytes, place.start);
    let quoted = place.in_text
        || start > place.start
        || bytes.get(start.wrapping_sub(1)).is_some_and(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    let after = bytes[end..].iter().find(|byte| **byte != b' ');
    if !quoted && (after == Some(&b'=') || bytes[start..end].starts_with(b"0x")) {
        return None;
    }
    let value = &bytes[start..end];
    let code = window.name == Name::Code;
    let quoted = quoted || !code && is_line(bytes, name_start, end) && reads_as_text(value);
    let grade = graded(says, name, value, window.name, quoted)?;
    let names_something = code && !quoted && !is_prose(bytes, name_start) || is_request_id(name, value);
    let grade = if names_something { Grade::Weak } else { grade };
    Some(Reading::new(start, end, grade))
}

/// Where a value begins.
struct Begin {
    start: usize,
    /// It is in a string or in an element, so that it cannot be code.
    in_text: bool,
}

/// A name, and the ways in which a value can stand beside it.
struct Notation<'w, 'a> {
    window: &'w Window<'a>,
    name_start: usize,
    name_end: usize,
}

impl Notation<'_, '_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.window.bytes.get(at).copied()
    }

    fn rest(&self, at: usize) -> &[u8] {
        self.window.bytes.get(at..).unwrap_or_default()
    }

    fn blanks(&self, at: usize) -> usize {
        self.rest(at).iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
    }

    /// Gives the length of a quote and the backslashes before it.
    fn quote(&self, at: usize) -> usize {
        let slashes = self.rest(at).iter().take(4).take_while(|&&byte| byte == b'\\').count();
        if matches!(self.byte(at + slashes), Some(b'"' | b'\'' | b'`')) { slashes + 1 } else { 0 }
    }

    fn value(&self) -> Option<Begin> {
        let before = &self.window.bytes[..self.name_start];
        let closing = self.quote(self.name_end);
        let quoted = closing > 0 && before.last().is_some_and(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        let mut at = self.name_end + closing;
        // `config["password"]`, `char password[32]`, `password?: string`
        at += usize::from(self.byte(at) == Some(b']'));
        if self.byte(at) == Some(b'[') {
            at += memchr::memchr(b']', &self.rest(at)[..self.rest(at).len().min(12)])? + 1;
        }
        at += usize::from(self.byte(at) == Some(b'?'));
        let spaces = self.blanks(at);
        let sign = at + spaces;
        let text = |start: usize| Some(Begin { start: start + self.blanks(start), in_text: true });
        match self.byte(sign)? {
            b'=' if matches!(self.byte(sign + 1), Some(b'=' | b'~')) => None,
            b'=' => self.behind_sign(sign + 1 + usize::from(self.byte(sign + 1) == Some(b'>')), quoted),
            b':' if self.byte(sign + 1) == Some(b':') => None,
            b':' if matches!(self.byte(sign + 1), Some(b'-' | b'=')) && before.ends_with(b"${") => text(sign + 2),
            b':' => {
                let after = sign + 1 + usize::from(matches!(self.byte(sign + 1), Some(b'=')));
                self.behind_type(after).or_else(|| self.behind_sign(after, quoted))
            }
            b'|' if self.rest(sign).starts_with(b"||=") => self.literal(sign + 3),
            b'-' | b'|' if self.rest(sign).starts_with(b"->") || self.rest(sign).starts_with(b"||") => {
                self.literal(sign + 2)
            }
            b'>' if quoted || before.ends_with(b"<") || before.ends_with(b":") => self.behind_tag(sign + 1),
            b',' if quoted => self.paired(sign, quoted).or_else(|| {
                // The second argument, or the second of a pair; not the next of a list.
                let outside = before[..before.len() - 1].trim_ascii_end();
                (outside.last() == Some(&b'(')).then(|| self.literal(sign + 1)).flatten()
            }),
            b',' if self.byte(sign + 1) == Some(b' ') => None,
            b')' if quoted => self.default_behind(sign + 1),
            b'(' => self.literal(sign + 1),
            b'\r' | b'\n' | b'}' | b',' => self.paired(sign, quoted),
            _ if quoted && spaces > 0 => self.paired(sign, quoted),
            _ if spaces > 0 && self.words_are_separated() => Some(Begin { start: sign, in_text: false }),
            _ if spaces > 0 => self.behind_type(sign),
            _ => None,
        }
    }

    /// A value behind `=` or `:`.
    fn behind_sign(&self, from: usize, name_quoted: bool) -> Option<Begin> {
        let at = from + self.blanks(from);
        // `"password=" + value`: the quote ends the string that the name is in.
        if !name_quoted
            && matches!(self.byte(at), Some(b'"' | b'\''))
            && at == from
            && self.inside_string(self.byte(at)?)
        {
            return None;
        }
        let in_text = !name_quoted
            && self.window.bytes[..self.name_start]
                .last()
                .is_some_and(|byte| matches!(byte, b';' | b'?' | b'&' | b'"' | b'\''));
        if matches!(self.byte(at), Some(b'|' | b'>')) {
            return self.block(at);
        }
        if self.rest(at).starts_with(b"<![CDATA[") {
            return Some(Begin { start: at + 9, in_text: true });
        }
        let at = self.behind_wrapper(at);
        if self.byte(at) == Some(b'\\') && self.quote(at) == 0 {
            return None;
        }
        Some(Begin { start: at, in_text })
    }

    /// The first line of a block scalar of YAML.
    fn block(&self, at: usize) -> Option<Begin> {
        let head = self
            .rest(at)
            .iter()
            .take(4)
            .take_while(|byte| matches!(byte, b'|' | b'>' | b'+' | b'-' | b'0'..=b'9'))
            .count();
        let line = self.rest(at + head);
        let newline =
            line.strip_prefix(b"\r\n").or_else(|| line.strip_prefix(b"\n")).map(|rest| line.len() - rest.len())?;
        let start = at + head + newline;
        let indent = self.blanks(start);
        (indent > 0).then_some(Begin { start: start + indent, in_text: true })
    }

    /// A string behind a type: `password: str = "…"`, `var token string = "…"`.
    fn behind_type(&self, from: usize) -> Option<Begin> {
        let at = from + self.blanks(from);
        let in_type = |byte: u8| {
            byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'_' | b'&' | b'\'' | b'<' | b'>' | b'[' | b']' | b'|' | b'.' | b' ' | b'?' | b'*' | b':'
                )
        };
        let length = self.rest(at).iter().take(40).take_while(|&&byte| in_type(byte)).count();
        let sign = at + length;
        let assigns = self.byte(sign) == Some(b'=') && self.byte(sign + 1) != Some(b'=');
        if !assigns || !self.byte(at)?.is_ascii_alphabetic() && !matches!(self.byte(at), Some(b'&' | b'*' | b'[')) {
            return None;
        }
        self.literal(sign + 1)
    }

    /// A string literal, perhaps behind the letters of a kind of literal or a function that makes a string of it.
    fn literal(&self, from: usize) -> Option<Begin> {
        let at = self.behind_wrapper(from + self.blanks(from));
        (self.quote(at) > 0).then_some(Begin { start: at, in_text: true })
    }

    /// Steps over `b`, `@`, `Some(`, `SecretStr(` before a literal.
    fn behind_wrapper(&self, at: usize) -> usize {
        const WRAPPERS: &[&str] = &[
            "SecretStr(",
            "SecureString(",
            "Secret(",
            "Some(",
            "String(",
            "new String(",
            "str(",
            "bytes(",
            "[]byte(",
            "Buffer.from(",
            "String::from(",
            "b64decode(",
            "base64.b64decode(",
            "string(",
            "QString(",
            "text(",
            "SecretString(",
            "SecretString::from(",
            "to_string(",
            "N",
            "ConvertTo-SecureString ",
            "ConvertTo-SecureString -String ",
            "pulumi.secret(",
            "pulumi.String(",
            "aws.String(",
            "@",
            "u8",
            "L",
        ];
        let rest = self.rest(at);
        let letters = rest
            .iter()
            .take(2)
            .take_while(|byte| {
                matches!(byte, b'b' | b'r' | b'u' | b'B' | b'R' | b'U' | b'f' | b'F' | b'L' | b'@' | b'$')
            })
            .count();
        if letters > 0 && matches!(rest.get(letters), Some(b'"' | b'\'')) {
            return at + letters;
        }
        let wrapper =
            WRAPPERS.iter().find(|wrapper| rest.starts_with(wrapper.as_bytes()) && self.quote(at + wrapper.len()) > 0);
        at + wrapper.map_or(0, |wrapper| wrapper.len())
    }

    /// The text of an element, with or without CDATA.
    fn behind_tag(&self, from: usize) -> Option<Begin> {
        let at = from + self.rest(from).iter().take(80).take_while(|byte| byte.is_ascii_whitespace()).count();
        let at = if self.rest(at).starts_with(b"<![CDATA[") { at + 9 } else { at };
        let text = &self.rest(at)[..self.rest(at).len().min(MAX_VALUE)];
        // `vector<Key> x` is no element.
        let closed = memchr::memchr(b'<', text).is_none_or(|end| matches!(text.get(end + 1), Some(b'/' | b'!') | None));
        (self.byte(at) != Some(b'<') && closed).then_some(Begin { start: at, in_text: true })
    }

    /// `getenv("TOKEN") or "…"`, `?? '…'`, `|| "…"`
    fn default_behind(&self, from: usize) -> Option<Begin> {
        let at = from + self.blanks(from);
        let operator =
            ["or ", "|| ", "?? ", "?: "].iter().find(|operator| self.rest(at).starts_with(operator.as_bytes()))?;
        self.literal(at + operator.len())
    }

    /// A name and a value that each have their own key: `name: X` and `value: …`, `key="X" value="…"`.
    fn paired(&self, at: usize, quoted: bool) -> Option<Begin> {
        let before = &self.window.bytes[..self.name_start];
        let before = before.strip_suffix(b"\"").or_else(|| before.strip_suffix(b"'")).unwrap_or(before);
        let trimmed = before.len() - before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\\')).count();
        // `variable "password" { default = "…" }` has no sign before the name.
        let signed = matches!(before[..trimmed].last(), Some(b':' | b'='));
        if !signed && !before[..trimmed].ends_with(b"variable") {
            return None;
        }
        let head = &before[..trimmed - usize::from(signed)];
        let sign = head.iter().rposition(|byte| !matches!(byte, b' ' | b'"' | b'\'' | b'\\'))?;
        let named = [&b"name"[..], b"Name", b"key", b"Key", b"NAME", b"variable", b"ParameterKey"]
            .iter()
            .any(|word| before[..=sign].ends_with(word));
        if !named {
            return None;
        }
        let near = &self.rest(at)[..self.rest(at).len().min(100)];
        let value = ["value", "Value", "VALUE", "default"]
            .iter()
            .filter_map(|word| memchr::memmem::find(near, word.as_bytes()))
            .min()?;
        // Only separators, and keys that say nothing, stand between.
        if near[..value].iter().any(|byte| matches!(byte, b'<' | b'=' | b'('))
            || !quoted && !near[..value].iter().all(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b'"'))
        {
            return None;
        }
        let mut end = at + value;
        end += self.rest(end).iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        end += self.quote(end);
        end += self.blanks(end);
        matches!(self.byte(end), Some(b':' | b'='))
            .then(|| self.behind_sign(end + 1, true))
            .flatten()
            .map(|begin| Begin { in_text: true, ..begin })
    }

    /// Tells whether an odd number of these quotes stands before the name on its line.
    fn inside_string(&self, quote: u8) -> bool {
        let before = &self.window.bytes[..self.name_start];
        let line = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        memchr::memchr_iter(quote, &before[line..]).count() % 2 == 1
    }

    /// Tells whether white space separates name and value here: `.netrc`, `ENV NAME value`, `--password value`.
    fn words_are_separated(&self) -> bool {
        let before = &self.window.bytes[..self.name_start];
        let option = self.window.bytes[self.name_start..].starts_with(b"--");
        match self.window.name {
            Name::Netrc => true,
            Name::Config => option || before.ends_with(b"ENV "),
            _ => option || before.ends_with(b"ENV ") && (before.len() == 4 || before[before.len() - 5] == b'\n'),
        }
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
    let length =
        value.iter().rposition(|byte| !matches!(byte, b',' | b')' | b'\\' | b'}' | b']')).map_or(0, |last| last + 1);
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

    fn read_in(place: Name, text: &str) -> Option<(String, Grade)> {
        let mut places: Vec<usize> = WORDS.iter().flat_map(|word| text.match_indices(word)).map(|(at, _)| at).collect();
        places.sort_unstable();
        assert!(!places.is_empty(), "a key word");
        let mut readings = places.iter().filter_map(|&at| read(&Window::cut(text.as_bytes(), at, place)));
        readings.next().map(|reading| (text[reading.start..reading.end].to_owned(), reading.grade))
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
            "<password><![CDATA[kR7vQ2mZx]]></password>",
            "password => 'kR7vQ2mZx',",
            "Server=db;Pwd=kR7vQ2mZx;Port=1",
            "export API_TOKEN='kR7vQ2mZx' # note",
            "password: str = \"kR7vQ2mZx\"",
            "const token string = \"kR7vQ2mZx\"",
            "let token: &str = \"kR7vQ2mZx\";",
            "char password[] = \"kR7vQ2mZx\";",
            "config['password'] = 'kR7vQ2mZx'",
            "define('DB_PASSWORD', 'kR7vQ2mZx');",
            "setPassword(\"kR7vQ2mZx\")",
            "os.getenv(\"API_TOKEN\", \"kR7vQ2mZx\")",
            "os.getenv(\"API_TOKEN\") or 'kR7vQ2mZx'",
            "<add key=\"ApiToken\" value=\"kR7vQ2mZx\" />",
            "<property name=\"password\" value=\"kR7vQ2mZx\"/>",
            "<entry key=\"db.password\">kR7vQ2mZx</entry>",
            "{\"name\": \"DB_PASSWORD\", \"value\": \"kR7vQ2mZx\"}",
            "- name: DB_PASSWORD\n  value: kR7vQ2mZx\n",
            "password: |-\n    kR7vQ2mZx\n",
            "password = SecretStr(\"kR7vQ2mZx\")",
            "password := `kR7vQ2mZx`",
            "${DB_PASSWORD:-kR7vQ2mZx}",
            "pass = b'kR7vQ2mZx'",
            "variable \"db_password\" { default = \"kR7vQ2mZx\" }",
        ] {
            for (place, grade) in [(Name::Settings, Grade::Structured), (Name::Other, Grade::Contextual)] {
                assert_eq!(read_in(place, text), Some(("kR7vQ2mZx".to_owned(), grade)), "{text}");
            }
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
    fn code_is_no_value() {
        for text in [
            "password = get_password()",
            "token: str",
            "token = self.token2",
            "\"password=\" + value1x",
            "if password == \"kR7vQ2mZx\":",
            "password = user_password1",
            "token = tokens[12]",
            "String password = request.getParameter(name1);",
            "password: &str,",
            "key: K2,",
            "type PassphraseBlob = Buffer|Uint8Array|Blob|string;",
            "sessionKeys?: SessionKeysAbpV1_0_x;",
            "clientSecret?: Schema$GoogleCloudConnectorsV1Secret;",
            "r.push(this.algorithm+\" Credential=\"+e.accessKeyId+\"/\"+a1)",
            "end: { token: \"keyword.$S2\", next: 1 }",
            "DH.prototype.computeSecret=function(e){e=new i1(e)}",
            "const storageKey = 'peekViewLayout';",
            "\"LifecycleActionToken\": \"bcd2f1b8-9a78-44d3-8a7a-4dd07d7cf635\"",
            "SecretId: arn:aws:secretsmanager:us-east-1:012345678901:secret:user/ALL.SOURCE_12-0123456",
        ] {
            let found = read_in(Name::Code, text).filter(|(_, grade)| *grade > Grade::Weak);
            assert_eq!(found, None, "{text}");
        }
    }

    #[test]
    fn comments_and_strings_of_code_are_text() {
        for text in ["# old db password: kR7vQ2mZx8p", "// token = kR7vQ2mZx8p", "run(\"psql --password=kR7vQ2mZx8p\")"]
        {
            let grade = read_in(Name::Code, text).map(|(_, grade)| grade);
            assert_eq!(grade, Some(Grade::Contextual), "{text}");
        }
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
        for text in [
            "PASSWORD=changeme",
            "token: abcdefghijk",
            "secret = short1",
            "password=password",
            "api_key: your-api-key-here",
            "token: docs/tokens/v1/readme",
        ] {
            assert_eq!(read_in(Name::Settings, text).map(|(_, grade)| grade), Some(Grade::Weak), "{text}");
        }
    }
}
