//! A key on a token, through the module that its name gives.

use std::fmt;
use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use sha2::Digest as _;
use zeroize::Zeroizing;

use super::{KeyUri, Pkcs11Error, ecdsa};
use crate::sign::{Curve, PublicKey};

/// A key on a token, logged in. Its public half was read once; the session ends with it.
pub struct TokenKey {
    session: Session,
    key: ObjectHandle,
    curve: Curve,
    public: PublicKey,
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenKey({})", self.public.digest())
    }
}

impl TokenKey {
    /// Finds the key. `module` is loaded when the name gives none; `pin` is asked once, with the label of the token, if that wants one.
    ///
    /// # Errors
    /// [`Pkcs11Error`], and what `pin` gives.
    pub fn open<E: From<Pkcs11Error>>(
        uri: &KeyUri,
        module: Option<PathBuf>,
        pin: impl FnOnce(&str) -> Result<Zeroizing<String>, E>,
    ) -> Result<Self, E> {
        let token = Token::find(uri, module)?;
        if token.info.login_required() {
            // Some ask for the PIN themselves, on a keypad of their own.
            let is_on_keypad = token.info.protected_authentication_path();
            let pin = if is_on_keypad { None } else { Some(pin(&token.label())?) };
            token.log_in(pin.as_deref().map(String::as_str))?;
        }
        let key = token.one(ObjectClass::PRIVATE_KEY, "private keys", uri.object.as_deref(), uri.id.as_deref())?;
        let traits =
            token.attributes(key, &[AttributeType::KeyType, AttributeType::AlwaysAuthenticate, AttributeType::Id])?;
        let (mut id, mut is_elliptic) = (None, false);
        for attribute in traits {
            match attribute {
                Attribute::KeyType(kind) => is_elliptic = kind == KeyType::EC,
                Attribute::AlwaysAuthenticate(true) => {
                    return Err(Pkcs11Error::Key("it wants the PIN anew for each signature").into());
                }
                Attribute::Id(bytes) if !bytes.is_empty() => id = Some(bytes),
                _ => {}
            }
        }
        if !is_elliptic {
            return Err(Pkcs11Error::Key("it is no ECDSA key").into());
        }
        // The two halves share their CKA_ID, or at least their label.
        let label = if id.is_some() { None } else { uri.object.as_deref() };
        let half = token.one(ObjectClass::PUBLIC_KEY, "public keys", label, id.as_deref())?;
        let (curve, public) = token.public(half)?;
        Ok(Self { session: token.session, key, curve, public })
    }

    /// Reads the public key without a PIN; none when the token shows none.
    ///
    /// # Errors
    /// [`Pkcs11Error`].
    pub fn public_only(uri: &KeyUri, module: Option<PathBuf>) -> Result<Option<PublicKey>, Pkcs11Error> {
        let token = Token::find(uri, module)?;
        match token.one(ObjectClass::PUBLIC_KEY, "public keys", uri.object.as_deref(), uri.id.as_deref()) {
            Ok(half) => Ok(Some(token.public(half)?.1)),
            Err(Pkcs11Error::Objects(0, ..)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Has the digest of a message signed, and verifies the signature.
    ///
    /// # Errors
    /// [`Pkcs11Error`].
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Pkcs11Error> {
        let digest = match self.curve {
            Curve::P384 => sha2::Sha384::digest(message).to_vec(),
            Curve::P256 | Curve::P521 => sha2::Sha256::digest(message).to_vec(),
        };
        let raw = self.session.sign(&Mechanism::Ecdsa, self.key, &digest).map_err(|error| failed(&error))?;
        let signature = ecdsa::signature(self.curve, &raw).ok_or(Pkcs11Error::Signature)?;
        self.public.verify(message, &signature).map_err(|_| Pkcs11Error::Signature)?;
        Ok(signature)
    }
}

fn failed(error: &Error) -> Pkcs11Error {
    Pkcs11Error::Failed(error.to_string().chars().take(500).flat_map(char::escape_debug).collect())
}

/// The one token that fits a name, with a session that only reads.
struct Token {
    session: Session,
    info: TokenInfo,
}

impl Token {
    fn find(uri: &KeyUri, module: Option<PathBuf>) -> Result<Self, Pkcs11Error> {
        let path = uri.module_path.clone().or(module).ok_or(Pkcs11Error::NoModule)?;
        let unusable = |error: Error| {
            Pkcs11Error::Module(
                path.display().to_string().escape_debug().to_string(),
                error.to_string().chars().take(500).flat_map(char::escape_debug).collect(),
            )
        };
        let module = Pkcs11::new(&path).map_err(unusable)?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(unusable(error)),
        }
        let mut fitting: Vec<(Slot, TokenInfo)> = Vec::new();
        for slot in module.get_slots_with_token().map_err(|error| failed(&error))? {
            // A token that was pulled out meanwhile, or is not one that can be read, is not the one that was named.
            if let Ok(info) = module.get_token_info(slot)
                && info.token_initialized()
                && fits(uri, slot, &info)
            {
                fitting.push((slot, info));
            }
        }
        let count = fitting.len();
        let (Some((slot, info)), 1) = (fitting.pop(), count) else { return Err(Pkcs11Error::Tokens(count)) };
        let session = module.open_ro_session(slot).map_err(|error| failed(&error))?;
        Ok(Self { session, info })
    }

    /// Its label, to be shown.
    fn label(&self) -> String {
        self.info.label().escape_debug().to_string()
    }

    /// Logs in, once.
    fn log_in(&self, pin: Option<&str>) -> Result<(), Pkcs11Error> {
        if self.info.user_pin_locked() {
            return Err(Pkcs11Error::PinState(self.label(), "it is locked"));
        }
        let pin = pin.map(|pin| AuthPin::new(pin.into()));
        match self.session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                Err(Pkcs11Error::Pin(self.label()))
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(Pkcs11Error::PinState(self.label(), "it is locked")),
            Err(Error::Pkcs11(RvError::PinExpired, _)) => Err(Pkcs11Error::PinState(self.label(), "it has expired")),
            Err(Error::Pkcs11(RvError::UserPinNotInitialized, _)) => {
                Err(Pkcs11Error::PinState(self.label(), "it was never set"))
            }
            Err(error) => Err(failed(&error)),
        }
    }

    /// The one object of a class with this label and this identifier.
    fn one(
        &self,
        class: ObjectClass,
        what: &'static str,
        label: Option<&str>,
        id: Option<&[u8]>,
    ) -> Result<ObjectHandle, Pkcs11Error> {
        let mut template = vec![Attribute::Class(class), Attribute::Token(true)];
        template.extend(label.map(|label| Attribute::Label(label.as_bytes().to_vec())));
        template.extend(id.map(|id| Attribute::Id(id.to_vec())));
        let found = self.session.find_objects(&template).map_err(|error| failed(&error))?;
        match found.as_slice() {
            [only] => Ok(*only),
            several => Err(Pkcs11Error::Objects(several.len(), what, self.label())),
        }
    }

    fn attributes(&self, object: ObjectHandle, wanted: &[AttributeType]) -> Result<Vec<Attribute>, Pkcs11Error> {
        self.session.get_attributes(object, wanted).map_err(|error| failed(&error))
    }

    fn public(&self, half: ObjectHandle) -> Result<(Curve, PublicKey), Pkcs11Error> {
        let wanted = [AttributeType::KeyType, AttributeType::EcParams, AttributeType::EcPoint];
        let (mut is_elliptic, mut parameters, mut point) = (false, Vec::new(), Vec::new());
        for attribute in self.attributes(half, &wanted)? {
            match attribute {
                Attribute::KeyType(kind) => is_elliptic = kind == KeyType::EC,
                Attribute::EcParams(bytes) => parameters = bytes,
                Attribute::EcPoint(bytes) => point = bytes,
                _ => {}
            }
        }
        if !is_elliptic {
            return Err(Pkcs11Error::Key("it is no ECDSA key"));
        }
        let curve = ecdsa::curve(&parameters).ok_or(Pkcs11Error::Key("it is not on the curve P-256 or P-384"))?;
        let unreadable = Pkcs11Error::Key("its public half is of a form that is not known");
        let Some(spki) = ecdsa::spki(curve, &point) else { return Err(unreadable) };
        let public = PublicKey::from_spki(spki).map_err(|_| unreadable)?;
        Ok((curve, public))
    }
}

/// Whether a token is one that is meant.
fn fits(uri: &KeyUri, slot: Slot, info: &TokenInfo) -> bool {
    let same = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
    same(&uri.token, info.label())
        && same(&uri.serial, info.serial_number())
        && same(&uri.manufacturer, info.manufacturer_id())
        && same(&uri.model, info.model())
        && uri.slot_id.is_none_or(|wanted| wanted == slot.id())
}
