//! Passwords of key files, and the rule about their last line break.

use std::fmt;

use zeroize::Zeroizing;

/// A password: wiped from memory when dropped, never shown.
#[derive(Clone)]
pub struct Password(Zeroizing<Vec<u8>>);

/// How a key file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlocked {
    /// With the password as it was given.
    AsGiven,
    /// Only when a line break at its end was added.
    WithLineBreak,
    /// Only when the line break at its end was left out.
    WithoutLineBreak,
}

impl Password {
    /// Takes the bytes as they are: nothing is stripped.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes, for key derivation only.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The password itself, then the other spelling of its end: `echo pw | cosign …` and `COSIGN_PASSWORD=pw` make keys with
    /// different passwords.
    pub(super) fn spellings(&self) -> [(Self, Unlocked); 2] {
        let other = if let Some(bare) = self.0.strip_suffix(b"\n") {
            (Self::new(bare), Unlocked::WithoutLineBreak)
        } else {
            let mut longer = Zeroizing::new(Vec::with_capacity(self.0.len() + 1));
            longer.extend_from_slice(&self.0);
            longer.push(b'\n');
            (Self(longer), Unlocked::WithLineBreak)
        };
        [(self.clone(), Unlocked::AsGiven), other]
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}
