//! What a detector may look at: the bytes around one place of a file.

use super::name::Name;

/// Bytes before the place that a detector can see.
pub(super) const BEHIND: usize = 512;

/// Bytes from the place on that a detector can see.
pub(super) const AHEAD: usize = 7 * 1024;

/// The bytes around a place: [`BEHIND`] before it and [`AHEAD`] from it on, fewer only at the ends of the file.
///
/// Because it is the same however the file was cut into chunks, so are the hits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// The bytes.
    pub bytes: &'a [u8],
    /// Index of the place in `bytes`.
    pub at: usize,
    /// What the file's name says about it.
    pub name: Name,
}

impl<'a> Window<'a> {
    /// Cuts the window around `at` out of a longer piece of a file.
    pub fn cut(bytes: &'a [u8], at: usize, name: Name) -> Self {
        let start = at.saturating_sub(BEHIND);
        let end = bytes.len().min(at + AHEAD);
        Self { bytes: &bytes[start..end], at: at - start, name }
    }

    /// Makes a window of a short text.
    #[cfg(test)]
    pub fn of_text(bytes: &'a [u8], at: usize) -> Self {
        Self::cut(bytes, at, Name::Other)
    }

    /// Gives the bytes from the place on.
    pub fn ahead(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Gives the bytes before the place.
    pub fn behind(&self) -> &'a [u8] {
        &self.bytes[..self.at]
    }

    /// Tells whether a word can begin at `start`: no letter, digit or `_` stands before it, or what stands there is the
    /// end of an escape sequence (`\n`, `\x3d`, `\u003d`, `%3D`, a terminal colour).
    pub fn begins_word(&self, start: usize) -> bool {
        let before = &self.bytes[..start];
        let Some(&last) = before.last() else { return true };
        if !last.is_ascii_alphanumeric() && last != b'_' {
            return true;
        }
        // A constant of compiled Python (marshal: short ASCII strings) or Java (JVMS 4.4.7): its kind and its length.
        let constant = match before {
            [.., 1, high, low] => usize::from(*high) << 8 | usize::from(*low) >= 16,
            _ => false,
        } || matches!(before, [.., b'z' | b'Z' | 0xda | 0xfa, length] if *length >= 16);
        if constant && self.bytes.get(start..start + 16).is_some_and(|value| value.iter().all(u8::is_ascii_graphic)) {
            return true;
        }
        let hex_tail = |digits: usize, mark: &[u8]| {
            before.len() >= digits + mark.len()
                && before[before.len() - digits..].iter().all(u8::is_ascii_hexdigit)
                && before[..before.len() - digits].ends_with(mark)
        };
        let escape =
            matches!(last, b'n' | b'r' | b't' | b'b' | b'f' | b'v' | b'0') && before[..start - 1].ends_with(b"\\");
        let colour = last == b'm'
            && before[..start - 1]
                .iter()
                .rev()
                .take(12)
                .find(|byte| !byte.is_ascii_digit() && **byte != b';')
                .is_some_and(|&byte| byte == b'[');
        escape || colour || hex_tail(2, b"%") || hex_tail(2, b"\\x") || hex_tail(4, b"\\u")
    }
}
