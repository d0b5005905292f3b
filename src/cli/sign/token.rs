//! Keys on tokens: where their PIN and their module come from. The PIN is never in the arguments.

use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::pkcs11::{KeyUri, Pkcs11Error, TokenKey};
use crate::sign::PublicKey;

use super::super::Failure;
use super::files;

/// Opens a key on a token.
pub(super) fn open(text: &str) -> Result<TokenKey, Failure> {
    let uri = KeyUri::parse(text).map_err(Pkcs11Error::Uri)?;
    TokenKey::open(&uri, module(), |token| pin(&uri, token))
}

/// The public half of a key on a token: without a PIN where the token shows it.
pub(super) fn public(text: &str) -> Result<PublicKey, Failure> {
    let uri = KeyUri::parse(text).map_err(Pkcs11Error::Uri)?;
    if let Some(public) = TokenKey::public_only(&uri, module())? {
        return Ok(public);
    }
    Ok(TokenKey::open(&uri, module(), |token| pin(&uri, token))?.public().clone())
}

/// The module of names that give none.
#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn module() -> Option<PathBuf> {
    std::env::var_os("IMGGUARD_PKCS11_MODULE").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The file that the name gives, then the environment, then the terminal.
#[expect(clippy::disallowed_methods, reason = "the command line reads the environment")]
fn pin(uri: &KeyUri, token: &str) -> Result<Zeroizing<String>, Failure> {
    let given = match &uri.pin_source {
        Some(path) => Some(files::read(path)?),
        None => std::env::var_os("IMGGUARD_PKCS11_PIN").map(std::os::unix::ffi::OsStringExt::into_vec),
    };
    let Some(given) = given.map(Zeroizing::new) else {
        return rpassword::prompt_password(format!("PIN of the token `{token}`: ")).map(Zeroizing::new).map_err(
            |error| {
                Failure::usage(format!("the PIN of the token `{token}` cannot be asked for: {error}"))
                    .with_hint("set IMGGUARD_PKCS11_PIN, or name a file with pin-source")
            },
        );
    };
    // A wrong PIN costs a try: the line break of an editor is taken off, as no PIN ends with one.
    let text = std::str::from_utf8(&given)
        .map_err(|_| Failure::usage(format!("the PIN of the token `{token}` is not UTF-8")))?;
    let pin = text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    if pin.is_empty() {
        return Err(Failure::usage(format!("the PIN of the token `{token}` is empty")));
    }
    Ok(Zeroizing::new(pin.to_owned()))
}
