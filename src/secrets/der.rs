//! DER (X.690) as far as private keys need it: PKCS#1 (RFC 8017), PKCS#8 (RFC 5208), SEC1 (RFC 5915).

/// A structure that may end before its lengths say so.
pub(super) struct Der<'a> {
    /// The structure and what follows it.
    pub bytes: &'a [u8],
    /// The end is missing, so that lengths may point behind it.
    pub cut: bool,
}

impl<'a> Der<'a> {
    /// Splits off an element: its tag, its content, what follows.
    fn element(&self, bytes: &'a [u8]) -> Option<(u8, &'a [u8], &'a [u8])> {
        let (&tag, rest) = bytes.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        match rest.split_at_checked(length) {
            Some((content, after)) => Some((tag, content, after)),
            None => self.cut.then_some((tag, rest, &[])),
        }
    }

    /// Tells whether nothing but whole elements with these tags follows.
    fn holds_only(&self, mut rest: &'a [u8], tags: &[u8]) -> bool {
        while !rest.is_empty() {
            match self.element(rest) {
                Some((tag, _, after)) if tags.contains(&tag) => rest = after,
                Some(_) => return false,
                None => return self.cut,
            }
        }
        true
    }

    /// Tells whether it is a private key that anybody can use.
    pub fn is_key(&self) -> bool {
        let read = || {
            let (0x30, content, _) = self.element(self.bytes)? else { return None };
            let (2, version, rest) = self.element(content)? else { return None };
            if !matches!(version, [0 | 1]) {
                return None;
            }
            let (tag, second, rest) = self.element(rest)?;
            match tag {
                // PKCS#1 and the form of DSA keys: further numbers.
                2 => (second.len() >= 32 && self.element(rest)?.0 == 2).then_some(()),
                // PKCS#8: an algorithm, then the key, then attributes and the public key (RFC 5958, section 2).
                0x30 => {
                    let (4, _, rest) = self.element(rest)? else { return None };
                    (self.element(second)?.0 == 6 && self.holds_only(rest, &[0xa0, 0x81, 0xa1])).then_some(())
                }
                // SEC1: the number itself.
                4 => (second.len() >= 16).then_some(()),
                _ => None,
            }
        };
        read().is_some()
    }

    /// Tells whether it is a private key in its envelope (RFC 5958, section 3).
    pub fn is_encrypted_key(&self) -> bool {
        let read = || {
            let (0x30, content, _) = self.element(self.bytes)? else { return None };
            let (0x30, algorithm, rest) = self.element(content)? else { return None };
            (self.element(algorithm)?.0 == 6 && self.element(rest)?.0 == 4).then_some(())
        };
        read().is_some()
    }

    /// Gives the number of bytes that the outermost element says it has, header included.
    pub fn length(&self) -> Option<usize> {
        let (_, content, _) = Der { bytes: self.bytes, cut: false }.element(self.bytes)?;
        Some(content.as_ptr() as usize - self.bytes.as_ptr() as usize + content.len())
    }

    /// Tells whether two keys' worth of zeros or counted bytes stand where a number should be.
    pub fn is_hollow(&self) -> bool {
        let body = self.bytes.get(16..).unwrap_or_default();
        let mut seen = [false; 256];
        for &byte in body {
            seen[usize::from(byte)] = true;
        }
        seen.iter().filter(|&&seen| seen).count() < body.len().min(24)
    }
}

/// What follows the version of a private key in DER, as far as its bytes are ASCII: enough to find keys by. With each: how
/// many bytes of the key stand before it, at least and at most.
pub(super) const MARKS: &[(&str, usize, usize)] = &[
    // PKCS#8, RSA: the end of the object identifier, NULL, the tag of the key.
    ("\r\u{1}\u{1}\u{1}\u{5}\0\u{4}", 16, 16),
    // PKCS#1: version 0 and the tag of the modulus.
    ("\u{2}\u{1}\0\u{2}", 4, 4),
    // SEC1: version 1 and numbers of 32, 48 and 66 bytes.
    ("\u{2}\u{1}\u{1}\u{4} ", 2, 3),
    ("\u{2}\u{1}\u{1}\u{4}0", 3, 3),
    ("\u{2}\u{1}\u{1}\u{4}B", 3, 3),
    // PKCS#8, Ed25519 and X25519 (RFC 8410).
    ("\u{6}\u{3}+ep\u{4}\"\u{4} ", 7, 7),
    ("\u{6}\u{3}+en\u{4}\"\u{4} ", 7, 7),
];

/// The literals of [`MARKS`].
pub(super) const LEADS: &[&str] = &[
    "\r\u{1}\u{1}\u{1}\u{5}\0\u{4}",
    "\u{2}\u{1}\0\u{2}",
    "\u{2}\u{1}\u{1}\u{4} ",
    "\u{2}\u{1}\u{1}\u{4}0",
    "\u{2}\u{1}\u{1}\u{4}B",
    "\u{6}\u{3}+ep\u{4}\"\u{4} ",
    "\u{6}\u{3}+en\u{4}\"\u{4} ",
];

/// Gives the bounds of the private key around the mark at `at`, if its structure is whole.
pub(super) fn key_around(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (mark, least, most) = MARKS.iter().find(|(mark, ..)| bytes[at..].starts_with(mark.as_bytes()))?;
    let start = (*least..=*most).filter_map(|before| at.checked_sub(before)).find(|&start| bytes[start] == 0x30)?;
    let der = Der { bytes: &bytes[start..], cut: false };
    let length = der.length()?;
    let whole = Der { bytes: &bytes[start..start + length], cut: false };
    // Behind the number of SEC1 stand its curve or its public key, or nothing at all.
    let named = !mark.starts_with("\u{2}\u{1}\u{1}") || {
        let number = usize::from(*mark.as_bytes().last()?);
        let end = at + mark.len() + number;
        end == start + length || matches!(bytes.get(end), Some(0xa0 | 0xa1))
    };
    (named && length >= 37 && whole.is_key() && !whole.is_hollow()).then_some((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::super::examples::der;
    use super::*;

    #[test]
    fn leads_and_marks_are_the_same() {
        assert!(MARKS.iter().map(|(mark, ..)| *mark).eq(LEADS.iter().copied()));
    }

    #[test]
    fn keys_are_found_around_their_marks() {
        for kind in ["rsa", "pkcs8", "ec", "ed25519"] {
            let key = der(kind);
            let bytes = [b"\x01\x02noise", &key[..], b"more"].concat();
            let found: Vec<(usize, usize)> = (0..bytes.len())
                .filter(|&at| LEADS.iter().any(|lead| bytes[at..].starts_with(lead.as_bytes())))
                .filter_map(|at| key_around(&bytes, at))
                .collect();
            assert!(found.contains(&(7, 7 + key.len())), "{kind}: {found:?}");
        }
    }

    #[test]
    fn the_template_of_a_key_inside_a_program_is_none() {
        // A library writes the beginning of its keys from a constant; what the linker puts behind it is text.
        let template = b"\x30\x53\x02\x01\x01\x30\x05\x06\x03+ep\x04\x22\x04\x20\xa1\x23\x03\x21\x00";
        let text = b"/usr/src/some/where/in/a/library/src/private_key.rs/usr/src/another/file/of/it.rs";
        let bytes = [&template[..], text].concat();
        assert_eq!(key_around(&bytes, 7), None);
    }

    #[test]
    fn zeros_are_no_key() {
        let mut key = der("ec");
        key[8..].fill(0);
        assert_eq!(key_around(&key, 2), None);
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, cut: bool) {
            let der = Der { bytes: &bytes, cut };
            let _ = (der.is_key(), der.is_encrypted_key(), der.length(), der.is_hollow());
            let text = [&bytes[..], b"\x02\x01\x01\x04 ", &bytes].concat();
            let _ = key_around(&text, bytes.len());
        }
    }
}
