//! The readable parts of a JSON Web Token (RFC 7519).

use serde_json::Value;

use super::key_material;
use super::shape::Class;

/// A token whose header and claims parse.
pub(super) struct Jwt {
    /// The header; it has an `alg`.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// Length of the whole token, in bytes.
    pub length: usize,
}

/// Reads the token at the start of the text; none if it is not signed.
pub(super) fn parse(text: &[u8]) -> Option<Jwt> {
    let end = |from: usize| from + Class::Base64Url.run(&text[from..], usize::MAX);
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(&key_material::decode_base64url(bytes)?).ok();
    let header_end = end(0);
    let claims_start = header_end + usize::from(text.get(header_end) == Some(&b'.'));
    let claims_end = end(claims_start);
    let signature = claims_end + usize::from(text.get(claims_end) == Some(&b'.'));
    let length = end(signature);
    if claims_start == header_end || signature == claims_end || length - signature < 20 {
        return None;
    }
    let header = json(&text[..header_end]).filter(|header| header.get("alg").is_some_and(Value::is_string))?;
    let claims = json(&text[claims_start..claims_end]).filter(Value::is_object)?;
    Some(Jwt { header, claims, length })
}

impl Jwt {
    /// When it expires, in seconds since 1970.
    pub fn expires(&self) -> Option<i64> {
        self.claims.get("exp").and_then(Value::as_i64)
    }
}
