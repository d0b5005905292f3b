//! The names of keys on tokens (RFC 7512): parsed, never resolved here.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Bytes of a name.
const MAX_LENGTH: usize = 4 << 10;
/// Attributes of a name.
const MAX_ATTRIBUTES: usize = 32;

/// Why a name was refused. Values are never shown: one of them may be a PIN.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// It does not start with `pkcs11:`.
    #[error("it does not start with `pkcs11:`")]
    Scheme,
    /// It is too long, or has too many attributes.
    #[error("it is longer than {MAX_LENGTH} bytes, or has more than {MAX_ATTRIBUTES} attributes")]
    TooLong,
    /// A part is no `NAME=VALUE`.
    #[error("its attribute {0} is no NAME=VALUE")]
    Form(usize),
    /// An attribute that is not known here. To pass over it might pick another key.
    #[error("it has the attribute `{0}`, which is not known here")]
    Unknown(String),
    /// An attribute is there twice.
    #[error("it has the attribute `{0}` twice")]
    Twice(&'static str),
    /// A value is badly encoded, or of the wrong kind.
    #[error("its attribute `{0}` {1}")]
    Value(&'static str, &'static str),
    /// The PIN is in the name.
    #[error("it has the PIN in `pin-value`, where every other program on the machine can read it")]
    PinValue,
    /// It names no object.
    #[error("it names no key: give `object`, `id` or both")]
    NoObject,
}

/// Which key, on which token, through which module. Attributes that are not given fit everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyUri {
    /// `CKA_LABEL` of the key.
    pub object: Option<String>,
    /// `CKA_ID` of the key.
    pub id: Option<Vec<u8>>,
    /// The label of the token.
    pub token: Option<String>,
    /// The serial number of the token.
    pub serial: Option<String>,
    /// Who made the token.
    pub manufacturer: Option<String>,
    /// The model of the token.
    pub model: Option<String>,
    /// The number of the slot.
    pub slot_id: Option<u64>,
    /// The module, an absolute path.
    pub module_path: Option<PathBuf>,
    /// The file that holds the PIN.
    pub pin_source: Option<PathBuf>,
}

const PATH: &[&str] = &["object", "id", "token", "serial", "manufacturer", "model", "slot-id", "type"];
const QUERY: &[&str] = &["module-path", "pin-source"];

impl KeyUri {
    /// Reads a name.
    ///
    /// # Errors
    /// [`UriError`].
    pub fn parse(text: &str) -> Result<Self, UriError> {
        let rest = text.strip_prefix("pkcs11:").ok_or(UriError::Scheme)?;
        if rest.len() > MAX_LENGTH {
            return Err(UriError::TooLong);
        }
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut values = BTreeMap::new();
        let parts = path.split(';').map(|part| (part, PATH)).chain(query.split('&').map(|part| (part, QUERY)));
        for (count, (part, known)) in parts.filter(|(part, _)| !part.is_empty()).enumerate() {
            if count >= MAX_ATTRIBUTES {
                return Err(UriError::TooLong);
            }
            let (name, value) = part.split_once('=').ok_or(UriError::Form(count + 1))?;
            if name == "pin-value" {
                return Err(UriError::PinValue);
            }
            let Some(name) = known.iter().copied().find(|known| *known == name) else {
                return Err(UriError::Unknown(name.chars().take(40).flat_map(char::escape_debug).collect()));
            };
            if values.insert(name, decode(name, value)?).is_some() {
                return Err(UriError::Twice(name));
            }
        }
        Self::of(values)
    }

    fn of(mut values: BTreeMap<&'static str, Vec<u8>>) -> Result<Self, UriError> {
        let id = values.remove("id").filter(|id| !id.is_empty());
        let mut text = |name: &'static str| {
            let value = values.remove(name).map(String::from_utf8).transpose();
            value.map_err(|_| UriError::Value(name, "is not UTF-8"))
        };
        if text("type")?.is_some_and(|kind| kind != "private") {
            return Err(UriError::Value("type", "is not `private`"));
        }
        let digits = |text: String| {
            let fits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|_| fits).ok_or(UriError::Value("slot-id", "is no number"))
        };
        let absolute = |name: &'static str, value: Option<String>| match value.map(PathBuf::from) {
            Some(path) if !path.is_absolute() => Err(UriError::Value(name, "is not the absolute path of a file")),
            path => Ok(path),
        };
        let uri = Self {
            object: text("object")?.filter(|label| !label.is_empty()),
            id,
            token: text("token")?,
            serial: text("serial")?,
            manufacturer: text("manufacturer")?,
            model: text("model")?,
            slot_id: text("slot-id")?.map(digits).transpose()?,
            module_path: absolute("module-path", text("module-path")?)?,
            pin_source: absolute("pin-source", text("pin-source")?.map(without_scheme))?,
        };
        if uri.object.is_none() && uri.id.is_none() {
            return Err(UriError::NoObject);
        }
        Ok(uri)
    }
}

/// A file may be named as `file:/PATH` or `file:///PATH` too.
fn without_scheme(value: String) -> String {
    match value.strip_prefix("file:") {
        Some(path) => path.strip_prefix("//").unwrap_or(path).to_owned(),
        None => value,
    }
}

/// Takes the percent encoding off.
fn decode(name: &'static str, value: &str) -> Result<Vec<u8>, UriError> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    let digit = |byte: Option<u8>| {
        byte.and_then(|byte| char::from(byte).to_digit(16)).and_then(|digit| u8::try_from(digit).ok())
    };
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => match (digit(bytes.next()), digit(bytes.next())) {
                (Some(high), Some(low)) => (high << 4) | low,
                _ => return Err(UriError::Value(name, "has a `%` without two hexadecimal digits")),
            },
            0..=0x20 | 0x7f => {
                return Err(UriError::Value(name, "has a blank or control character that is not encoded"));
            }
            byte => byte,
        });
    }
    if name != "id" && decoded.contains(&0) {
        return Err(UriError::Value(name, "has a zero byte"));
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_read_with_all_that_it_says() {
        let text = "pkcs11:token=Release%20HSM;serial=2fb4;manufacturer=Acme;model=v2;slot-id=17;object=sign%3bme;id=%00%ff;type=private\
                    ?module-path=/usr/lib/softhsm/libsofthsm2.so&pin-source=file:/run/pin";
        let wanted = KeyUri {
            object: Some("sign;me".to_owned()),
            id: Some(vec![0, 0xff]),
            token: Some("Release HSM".to_owned()),
            serial: Some("2fb4".to_owned()),
            manufacturer: Some("Acme".to_owned()),
            model: Some("v2".to_owned()),
            slot_id: Some(17),
            module_path: Some("/usr/lib/softhsm/libsofthsm2.so".into()),
            pin_source: Some("/run/pin".into()),
        };
        assert_eq!(KeyUri::parse(text), Ok(wanted));
        let read = |text| KeyUri::parse(text).expect("a name");
        assert_eq!(read("pkcs11:object=a").module_path, None);
        assert_eq!(read("pkcs11:object=a?pin-source=file:///run/pin").pin_source, Some("/run/pin".into()));
        assert_eq!(read("pkcs11:object=a?pin-source=/run/pin").pin_source, Some("/run/pin".into()));
        // RFC 7512 lets `&` stand in the path and `/`, `|` in the query.
        assert_eq!(read("pkcs11:object=a&b").object.as_deref(), Some("a&b"));
    }

    #[test]
    fn a_pin_in_the_name_is_refused_and_not_shown() {
        let error = KeyUri::parse("pkcs11:object=a?pin-value=271828").expect_err("a PIN");
        assert_eq!(error, UriError::PinValue);
        assert!(!error.to_string().contains("271828"), "{error}");
        assert_eq!(KeyUri::parse("pkcs11:object=a;pin-value=271828"), Err(UriError::PinValue));
    }

    #[test]
    fn names_that_are_wrong_are_refused_with_their_reason() {
        let many = format!("pkcs11:{}", "object=a;".repeat(2));
        let long = format!("pkcs11:object={}", "a".repeat(MAX_LENGTH));
        for (text, wanted) in [
            ("release.key", UriError::Scheme),
            ("pkcs11:", UriError::NoObject),
            ("pkcs11:token=a", UriError::NoObject),
            ("pkcs11:object=;id=", UriError::NoObject),
            ("pkcs11:token=a;object", UriError::Form(2)),
            ("pkcs11:objekt=a", UriError::Unknown("objekt".to_owned())),
            ("pkcs11:object=a;module-path=/m", UriError::Unknown("module-path".to_owned())),
            ("pkcs11:object=a?token=b", UriError::Unknown("token".to_owned())),
            ("pkcs11:object=a;x-vendor=b", UriError::Unknown("x-vendor".to_owned())),
            (&many, UriError::Twice("object")),
            (&long, UriError::TooLong),
            ("pkcs11:object=%f", UriError::Value("object", "has a `%` without two hexadecimal digits")),
            ("pkcs11:object=%+1", UriError::Value("object", "has a `%` without two hexadecimal digits")),
            ("pkcs11:object=%00", UriError::Value("object", "has a zero byte")),
            ("pkcs11:object=%ff", UriError::Value("object", "is not UTF-8")),
            ("pkcs11:object=a b", UriError::Value("object", "has a blank or control character that is not encoded")),
            ("pkcs11:object=a;slot-id=+1", UriError::Value("slot-id", "is no number")),
            ("pkcs11:object=a;slot-id=99999999999999999999", UriError::Value("slot-id", "is no number")),
            ("pkcs11:object=a;type=cert", UriError::Value("type", "is not `private`")),
            ("pkcs11:object=a?module-path=m.so", UriError::Value("module-path", "is not the absolute path of a file")),
            ("pkcs11:object=a?pin-source=|/bin/x", UriError::Value("pin-source", "is not the absolute path of a file")),
        ] {
            assert_eq!(KeyUri::parse(text), Err(wanted), "{text}");
        }
        let crowd: String = (0..=MAX_ATTRIBUTES).map(|_| "type=private;").collect();
        assert_eq!(KeyUri::parse(&format!("pkcs11:{crowd}")), Err(UriError::Twice("type")));
    }

    #[test]
    fn a_key_on_a_token_and_a_plugin_of_that_name_are_told_apart() {
        use super::super::is_reference;
        assert!(is_reference("pkcs11:object=a") && is_reference("pkcs11:"));
        assert!(!is_reference("pkcs11://release") && !is_reference("pkcs11.key") && !is_reference("./pkcs11:a"));
    }

    proptest! {
        #[test]
        fn no_name_makes_the_parser_fail_otherwise(rest in "[ -~\u{e9}]{0,60}") {
            let _ = KeyUri::parse(&format!("pkcs11:{rest}"));
        }

        #[test]
        fn every_byte_of_an_id_survives_its_encoding(id in proptest::collection::vec(any::<u8>(), 1..40)) {
            let encoded = id.iter().fold(String::new(), |text, byte| text + &format!("%{byte:02x}"));
            prop_assert_eq!(KeyUri::parse(&format!("pkcs11:id={encoded}")).map(|uri| uri.id), Ok(Some(id)));
        }
    }
}
