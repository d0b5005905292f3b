//! Keys on tokens, by PKCS#11 modules: `pkcs11:token=…;object=…?module-path=…` (RFC 7512).
//!
//! An edge: it loads a module of others into the process. That needs a program that is linked dynamically, so it is only there with
//! the Cargo feature `pkcs11`. The names are read in every build.

#[cfg(any(test, feature = "pkcs11"))]
mod ecdsa;
#[cfg_attr(not(feature = "pkcs11"), path = "absent.rs")]
mod token;
mod uri;

pub use self::token::TokenKey;
pub use self::uri::{KeyUri, UriError};

/// Why a token did not sign. No text in it comes from a PIN.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs11Error {
    /// The name of the key cannot be read.
    #[error("the `pkcs11:` name of the key cannot be used: {0}")]
    Uri(#[from] UriError),
    /// This program was built without.
    #[error("this build of imgguard loads no PKCS#11 modules")]
    Absent,
    /// Nothing says which module to load.
    #[error("no PKCS#11 module is named")]
    NoModule,
    /// The module cannot be loaded.
    #[error("the PKCS#11 module `{0}` cannot be loaded: {1}")]
    Module(String, String),
    /// No token, or too many, fit.
    #[error("{0} tokens fit the name of the key, and one must")]
    Tokens(usize),
    /// No object, or too many, fit.
    #[error("{0} {1} on the token `{2}` fit the name of the key, and one must")]
    Objects(usize, &'static str, String),
    /// The PIN is wrong. It was tried once.
    #[error("the token `{0}` refused the PIN, and it is not tried again: tokens lock after a few wrong ones")]
    Pin(String),
    /// The PIN is locked, expired or not set.
    #[error("the PIN of the token `{0}` cannot be used: {1}")]
    PinState(String, &'static str),
    /// Such keys do not sign here.
    #[error("the key cannot be used: {0}")]
    Key(&'static str),
    /// The module reported something else.
    #[error("the PKCS#11 module failed: {0}")]
    Failed(String),
    /// What it signed does not verify with its own public key.
    #[error("the token gave a signature that does not verify with its public key")]
    Signature,
}

/// Whether a text names a key on a token. `pkcs11://…` names a plugin, as every `NAME://…` does.
#[must_use]
pub fn is_reference(text: &str) -> bool {
    text.strip_prefix("pkcs11:").is_some_and(|rest| !rest.starts_with("//"))
}
