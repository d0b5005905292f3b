//! What may be said about a value: a few of its characters, its length, and a keyed hash.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key of fingerprints. It keeps them apart from plain hashes of the same value made by others; it is no secret.
const KEY: &[u8; 64] = b"imgguard secret fingerprint, version 1; this key is not a secret";

/// Makes fingerprints.
#[derive(Clone)]
pub(super) struct Fingerprints {
    /// Under the key that everyone has: published values are known by it.
    common: Hmac<Sha256>,
    /// Under the user's key, if there is one.
    own: Option<Hmac<Sha256>>,
}

impl Fingerprints {
    pub fn new() -> Self {
        Self { common: Hmac::new(&(*KEY).into()), own: None }
    }

    /// Makes them with a key of the user's: whoever lacks it cannot try out guesses.
    pub fn keyed(key: &[u8]) -> Self {
        let own = Hmac::new_from_slice(key).ok();
        Self { own, ..Self::new() }
    }

    /// Names the user's key without telling it: 16 hexadecimal digits; none without one.
    pub fn key_id(&self) -> Option<String> {
        self.own.as_ref().map(|_| self.of(b"\0imgguard: name of the fingerprint key\0")[..16].to_owned())
    }

    /// Hashes a value: 32 hexadecimal digits.
    pub fn of(&self, value: &[u8]) -> Box<str> {
        Self::digest(self.own.as_ref().unwrap_or(&self.common), value)
    }

    /// The hash under the key that everyone has.
    pub fn common(&self, value: &[u8]) -> Box<str> {
        Self::digest(&self.common, value)
    }

    fn digest(hash: &Hmac<Sha256>, value: &[u8]) -> Box<str> {
        let mut hash = hash.clone();
        hash.update(value);
        let bytes = hash.finalize().into_bytes();
        let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('?');
        bytes.iter().take(16).flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
    }
}

/// Shows the first and last few characters, at most a third of the value in all, and its length in bytes.
///
/// `may_show` is false for passwords, of which only the length is told. Values shorter than 24 bytes keep their end.
pub(super) fn redacted(value: &[u8], may_show: bool) -> Box<str> {
    let budget = if may_show && value.iter().all(u8::is_ascii_graphic) { value.len() / 3 } else { 0 };
    let tail = if value.len() >= 24 { 2.min(budget) } else { 0 };
    let head = (budget - tail).min(8);
    let (first, last) = (&value[..head], &value[value.len() - tail..]);
    format!("{}…{} ({} characters)", String::from_utf8_lossy(first), String::from_utf8_lossy(last), value.len())
        .into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_more_than_a_third_is_shown() {
        for length in 0..200 {
            let value = vec![b'k'; length];
            let shown = redacted(&value, true).chars().filter(|&character| character == 'k').count();
            assert!(shown * 3 <= length, "{length}: {shown}");
        }
    }

    #[test]
    fn a_password_shows_only_its_length() {
        assert_eq!(&*redacted(b"kR7vQ2mZkR7vQ2mZkR7vQ2mZkR7vQ2mZ", false), "… (32 characters)");
        assert_eq!(&*redacted(b"tok_kR7vQ2mZkR7vQ2mZkR7vQ2mZkR7vQ2mZ", true), "tok_kR7v…mZ (36 characters)");
        assert_eq!(&*redacted(b"two\nlines that are long enough to show", true), "… (38 characters)");
    }

    #[test]
    fn a_fingerprint_is_the_keyed_hash_of_the_value() {
        let fingerprints = Fingerprints::new();
        assert_eq!(fingerprints.of(b"value").len(), 32);
        assert_eq!(fingerprints.of(b"value"), Fingerprints::new().of(b"value"));
        assert_ne!(fingerprints.of(b"value"), fingerprints.of(b"Value"));
        assert_eq!(fingerprints.key_id(), None);
    }

    #[test]
    fn a_key_of_ones_own_changes_every_fingerprint_but_not_what_is_published() {
        let (common, own) = (Fingerprints::new(), Fingerprints::keyed(b"sixteen bytes ok"));
        assert_ne!(common.of(b"value"), own.of(b"value"));
        assert_ne!(own.of(b"value"), Fingerprints::keyed(b"sixteen bytes no").of(b"value"));
        assert_eq!(common.of(b"value"), own.common(b"value"));
        assert_eq!(own.key_id().map(|id| id.len()), Some(16));
    }
}
