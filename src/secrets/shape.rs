//! The typed form of a token: literals and runs of a class, matched left to right without going back.

use super::window::Window;

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Class {
    /// `0-9`
    Digit = 1,
    /// `0-9a-f`
    Hex = 1 << 1,
    /// `0-9A-F`
    UpperHex = 1 << 2,
    /// `0-9a-z`
    LowerAlnum = 1 << 3,
    /// `0-9A-Z`
    UpperAlnum = 1 << 4,
    /// `A-Z2-7`
    Base32 = 1 << 5,
    /// `0-9A-Za-z`
    Base62 = 1 << 6,
    /// `A-Za-z0-9+/`
    Base64 = 1 << 7,
    /// `A-Za-z0-9_-`
    Base64Url = 1 << 8,
    /// `A-Za-z0-9_-` and `=`
    PaddedBase64Url = 1 << 9,
    /// `A-Za-z0-9_-` and `.`
    DottedBase64Url = 1 << 10,
    /// `A-Za-z0-9_-`, `.` and `~`
    Unreserved = 1 << 11,
    /// The 32 characters of Bech32 (BIP 173), in upper case.
    UpperBech32 = 1 << 12,
    /// `a-z2-7`
    LowerBase32 = 1 << 13,
    /// `0-9A-Fa-f`
    AnyHex = 1 << 14,
    /// `0-9A-Za-z` without `0`, `O`, `I` and `l`
    Base58 = 1 << 15,
    /// `A-Za-z`
    Letter = 1 << 16,
    /// `A-Za-z0-9+/` and what stands for its `+`, `/` and `=` in a URL or a string: `-`, `_`, `%`, `=`
    LooseBase64 = 1 << 17,
}

const CLASSES: [u32; 256] = classes();

const fn classes() -> [u32; 256] {
    const BECH32: &[u8] = b"QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        let (digit, lower, upper) = (byte.is_ascii_digit(), byte.is_ascii_lowercase(), byte.is_ascii_uppercase());
        let url = digit || lower || upper || byte == b'_' || byte == b'-';
        let mut bech32 = false;
        let mut index = 0;
        while index < BECH32.len() {
            bech32 |= BECH32[index] == byte;
            index += 1;
        }
        table[byte as usize] = digit as u32
            | ((digit || matches!(byte, b'a'..=b'f')) as u32 * Class::Hex as u32)
            | ((digit || matches!(byte, b'A'..=b'F')) as u32 * Class::UpperHex as u32)
            | ((digit || lower) as u32 * Class::LowerAlnum as u32)
            | ((digit || upper) as u32 * Class::UpperAlnum as u32)
            | ((upper || matches!(byte, b'2'..=b'7')) as u32 * Class::Base32 as u32)
            | ((digit || lower || upper) as u32 * Class::Base62 as u32)
            | ((digit || lower || upper || matches!(byte, b'+' | b'/')) as u32 * Class::Base64 as u32)
            | (url as u32 * Class::Base64Url as u32)
            | ((url || byte == b'=') as u32 * Class::PaddedBase64Url as u32)
            | ((url || byte == b'.') as u32 * Class::DottedBase64Url as u32)
            | ((url || matches!(byte, b'.' | b'~')) as u32 * Class::Unreserved as u32)
            | (bech32 as u32 * Class::UpperBech32 as u32)
            | ((lower || matches!(byte, b'2'..=b'7')) as u32 * Class::LowerBase32 as u32)
            | ((digit || matches!(byte, b'a'..=b'f' | b'A'..=b'F')) as u32 * Class::AnyHex as u32)
            | (((digit || lower || upper) && !matches!(byte, b'0' | b'O' | b'I' | b'l')) as u32 * Class::Base58 as u32)
            | ((lower || upper) as u32 * Class::Letter as u32)
            | ((url || matches!(byte, b'+' | b'/' | b'%' | b'=')) as u32 * Class::LooseBase64 as u32);
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}

impl Class {
    /// Tells whether the byte is in the class.
    #[must_use]
    pub const fn has(self, byte: u8) -> bool {
        CLASSES[byte as usize] & self as u32 != 0
    }

    /// Gives the number of bytes in the class.
    #[must_use]
    pub fn size(self) -> usize {
        CLASSES.iter().filter(|&&classes| classes & self as u32 != 0).count()
    }

    /// Counts the bytes of the class at the start of `bytes`, at most `max`.
    #[must_use]
    pub fn run(self, bytes: &[u8], max: usize) -> usize {
        bytes.iter().take(max).take_while(|&&byte| self.has(byte)).count()
    }
}

/// One part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Exactly this text.
    Text(&'static str),
    /// As many bytes of the class as there are, at least the first number, at most the second.
    Run(Class, u16, u16),
}

impl Part {
    /// Gives a run of one length.
    #[must_use]
    pub const fn exactly(class: Class, length: u16) -> Self {
        Self::Run(class, length, length)
    }
}

/// Gives a run of one length.
pub(super) const fn exactly(class: Class, length: u16) -> Part {
    Part::exactly(class, length)
}

/// The parts of a UUID (RFC 9562) in its usual spelling.
pub(super) const UUID: &[Part] = &[
    exactly(Class::AnyHex, 8),
    Part::Text("-"),
    exactly(Class::AnyHex, 4),
    Part::Text("-"),
    exactly(Class::AnyHex, 4),
    Part::Text("-"),
    exactly(Class::AnyHex, 4),
    Part::Text("-"),
    exactly(Class::AnyHex, 12),
];

/// What a check of the token's own bytes says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// The bytes verify themselves.
    Agrees,
    /// Nothing speaks for or against.
    Silent,
    /// A checksum or a fixed field is wrong.
    Fails,
}

/// A kind of token.
#[derive(Debug, Clone, Copy)]
pub struct Token {
    /// Literals that it is found by; each at least 3 bytes.
    pub leads: &'static [&'static str],
    /// What stands directly before the lead, from left to right; runs have one length or take what is there.
    pub before: &'static [Part],
    /// What follows the lead.
    pub after: &'static [Part],
    /// Whether the lead is part of the value, or only names it (`AccountKey=`).
    pub lead_is_value: bool,
    /// Looks at the whole value.
    pub check: Option<fn(&[u8]) -> Check>,
}

impl Token {
    /// Describes a token that begins with one of the leads.
    #[must_use]
    pub const fn new(leads: &'static [&'static str], after: &'static [Part]) -> Self {
        Self { leads, before: &[], after, lead_is_value: true, check: None }
    }

    /// Adds what stands before the lead.
    #[must_use]
    pub const fn preceded_by(mut self, before: &'static [Part]) -> Self {
        self.before = before;
        self
    }

    /// Says that the lead only names the value.
    #[must_use]
    pub const fn named_by_lead(mut self) -> Self {
        self.lead_is_value = false;
        self
    }

    /// Adds a check of the value's own bytes.
    #[must_use]
    pub const fn checked_by(mut self, check: fn(&[u8]) -> Check) -> Self {
        self.check = Some(check);
        self
    }
}

/// A token found in a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matched {
    /// The value.
    pub start: usize,
    /// End of the value.
    pub end: usize,
    /// The longest run, which carries the randomness, and its class.
    pub body: Option<(usize, usize, Class)>,
    /// Nothing of a word stands directly before it.
    pub begins_word: bool,
    /// Nothing of a token follows.
    pub bounded: bool,
}

impl Token {
    /// Matches the token whose lead, of `lead` bytes, begins at the window's place.
    pub(super) fn matches(&self, window: &Window<'_>, lead: usize) -> Option<Matched> {
        let bytes = window.bytes;
        let mut body: Option<(usize, usize, Class)> = None;
        let mut keep = |start: usize, end: usize, class: Class| {
            if body.is_none_or(|(from, to, _)| to - from < end - start) {
                body = Some((start, end, class));
            }
        };
        let mut end = window.at + lead;
        let mut last = Class::Base62;
        for part in self.after {
            match *part {
                Part::Text(text) => {
                    if !bytes[end..].starts_with(text.as_bytes()) {
                        return None;
                    }
                    end += text.len();
                }
                Part::Run(class, min, max) => {
                    let length = class.run(&bytes[end..], usize::from(max));
                    if length < usize::from(min) {
                        return None;
                    }
                    keep(end, end + length, class);
                    end += length;
                    last = class;
                }
            }
        }
        let mut start = window.at;
        for part in self.before.iter().rev() {
            match *part {
                Part::Text(text) => {
                    start = bytes[..start].ends_with(text.as_bytes()).then(|| start - text.len())?;
                }
                Part::Run(class, min, max) => {
                    let length =
                        bytes[..start].iter().rev().take(usize::from(max)).take_while(|&&byte| class.has(byte)).count();
                    if length < usize::from(min) {
                        return None;
                    }
                    keep(start - length, start, class);
                    start -= length;
                }
            }
        }
        let begins_word = window.begins_word(start);
        let bounded = bytes.get(end).is_none_or(|&next| !last.has(next) && !Class::Base62.has(next) && next != b'_');
        if !self.lead_is_value {
            start = window.at + lead;
        }
        Some(Matched { start, end, body, begins_word, bounded })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token =
        Token::new(&["tok_"], &[Part::Run(Class::Digit, 2, 4), Part::Text("-"), Part::exactly(Class::Hex, 4)]);

    fn matched(text: &str) -> Option<Matched> {
        let at = text.find("tok_").expect("there is a lead");
        TOKEN.matches(&Window::of_text(text.as_bytes(), at), 4)
    }

    #[test]
    fn parts_follow_each_other_exactly() {
        let found = matched("a tok_123-00ff b").expect("whole");
        assert_eq!((found.start, found.end, found.bounded), (2, 14, true));
        assert_eq!(matched("tok_1-00ff"), None);
        assert_eq!(matched("tok_12345-00ff"), None);
        assert_eq!(matched("tok_123-00f"), None);
    }

    #[test]
    fn what_stands_before_is_noticed() {
        let begins = |text| matched(text).expect("whole").begins_word;
        assert!(!begins("xtok_123-00ff"));
        assert!(begins("\\ntok_123-00ff"), "after an escaped newline");
        assert!(begins("%3Dtok_123-00ff"), "after a percent escape");
        assert!(begins("\x1b[1;31mtok_123-00ff"), "after a colour");
    }

    #[test]
    fn what_follows_a_fixed_length_is_noticed() {
        assert!(!matched("tok_123-00ffa").expect("whole").bounded);
    }

    #[test]
    fn classes_hold_as_many_bytes_as_their_name_says() {
        for (class, size) in [
            (Class::Digit, 10),
            (Class::Hex, 16),
            (Class::UpperHex, 16),
            (Class::LowerAlnum, 36),
            (Class::Base32, 32),
            (Class::Base62, 62),
            (Class::Base64, 64),
            (Class::Base64Url, 64),
            (Class::UpperBech32, 32),
            (Class::LowerBase32, 32),
            (Class::AnyHex, 22),
            (Class::Base58, 58),
            (Class::Letter, 52),
            (Class::LooseBase64, 68),
        ] {
            assert_eq!(class.size(), size, "{class:?}");
        }
    }
}
