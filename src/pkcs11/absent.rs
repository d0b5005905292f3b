//! What stands in the place of tokens in a build without the feature `pkcs11`.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{KeyUri, Pkcs11Error};
use crate::sign::PublicKey;

/// A key on a token; there is none in this build.
#[derive(Debug)]
pub enum TokenKey {}

impl TokenKey {
    /// Refuses.
    ///
    /// # Errors
    /// [`Pkcs11Error::Absent`].
    pub fn open<E: From<Pkcs11Error>>(
        _: &KeyUri,
        _: Option<PathBuf>,
        _: impl FnOnce(&str) -> Result<Zeroizing<String>, E>,
    ) -> Result<Self, E> {
        Err(Pkcs11Error::Absent.into())
    }

    /// Refuses.
    ///
    /// # Errors
    /// [`Pkcs11Error::Absent`].
    pub fn public_only(_: &KeyUri, _: Option<PathBuf>) -> Result<Option<PublicKey>, Pkcs11Error> {
        Err(Pkcs11Error::Absent)
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        match *self {}
    }

    /// Signs.
    ///
    /// # Errors
    /// None: there is no such key.
    pub fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        match *self {}
    }
}
