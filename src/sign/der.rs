//! The little DER that keys need: to put a key of an older form into PKCS#8 (RFC 5208), and to see what a PKCS#8 key is.

use zeroize::Zeroizing;

use super::{Curve, KeyAlgorithm};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
/// Explicit tag 0: the parameters of an elliptic-curve key (RFC 5915).
const PARAMETERS: u8 = 0xa0;

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// Splits the first element off: its tag, its content and what follows. Definite lengths of up to four bytes, the shortest form.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 || rest.len() < count {
            return None;
        }
        let (digits, rest) = rest.split_at(count);
        let length = digits.iter().fold(0_usize, |length, digit| (length << 8) | usize::from(*digit));
        if digits.first() == Some(&0) || length < 0x80 {
            return None;
        }
        (length, rest)
    };
    (rest.len() >= length).then(|| {
        let (content, rest) = rest.split_at(length);
        (tag, content, rest)
    })
}

fn only(bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    let (tag, content, rest) = element(bytes)?;
    (tag == wanted && rest.is_empty()).then_some(content)
}

fn push(into: &mut Vec<u8>, tag: u8, content: &[u8]) {
    into.push(tag);
    let length = content.len();
    let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
    if length < 0x80 {
        into.extend(digits.last().copied().or(Some(0)));
    } else {
        into.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
        into.extend(digits);
    }
    into.extend_from_slice(content);
}

fn pkcs8(algorithm: &[u8], parameters: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut identifier = Vec::new();
    push(&mut identifier, OBJECT, algorithm);
    identifier.extend_from_slice(parameters);
    // Room for everything at once: a buffer that grows leaves copies of the key behind.
    let mut content = Zeroizing::new(Vec::with_capacity(key.len() + 64));
    push(&mut content, INTEGER, &[0]);
    push(&mut content, SEQUENCE, &identifier);
    push(&mut content, OCTETS, key);
    let mut whole = Zeroizing::new(Vec::with_capacity(content.len() + 8));
    push(&mut whole, SEQUENCE, &content);
    whole
}

/// Puts a PKCS#1 RSA key (RFC 8017) into PKCS#8.
pub(super) fn rsa_to_pkcs8(key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    only(key, SEQUENCE)?;
    Some(pkcs8(RSA, &[0x05, 0x00], key))
}

/// Puts a SEC1 elliptic-curve key (RFC 5915) into PKCS#8. The curve must be named in it.
pub(super) fn ec_to_pkcs8(key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let content = only(key, SEQUENCE)?;
    let (tag, version, rest) = element(content)?;
    if tag != INTEGER || version != [1] {
        return None;
    }
    let (tag, _, mut rest) = element(rest)?;
    if tag != OCTETS {
        return None;
    }
    while !rest.is_empty() {
        let (tag, content, behind) = element(rest)?;
        if tag == PARAMETERS {
            only(content, OBJECT)?;
            return Some(pkcs8(EC, content, key));
        }
        rest = behind;
    }
    None
}

/// What a PKCS#8 key is; none when it is not one or of an algorithm that is not known.
pub(super) fn algorithm_of_pkcs8(key: &[u8]) -> Option<KeyAlgorithm> {
    let content = only(key, SEQUENCE)?;
    let (tag, version, rest) = element(content)?;
    if tag != INTEGER || !matches!(version, [0 | 1]) {
        return None;
    }
    let (tag, identifier, _) = element(rest)?;
    (tag == SEQUENCE).then_some(())?;
    algorithm(identifier)
}

/// What a public key (`SubjectPublicKeyInfo`, RFC 5280) is.
pub(super) fn algorithm_of_spki(key: &[u8]) -> Option<KeyAlgorithm> {
    let content = only(key, SEQUENCE)?;
    let (tag, identifier, _) = element(content)?;
    (tag == SEQUENCE).then_some(())?;
    algorithm(identifier)
}

/// The bits of the modulus of an RSA public key.
pub(super) fn rsa_bits(spki: &[u8]) -> Option<usize> {
    let (_, _, rest) = element(only(spki, SEQUENCE)?)?;
    let (unused, key) = only(rest, BITS)?.split_first()?;
    (*unused == 0).then_some(())?;
    let (tag, modulus, _) = element(only(key, SEQUENCE)?)?;
    (tag == INTEGER).then_some(())?;
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let first = modulus.first()?;
    modulus.len().checked_mul(8)?.checked_sub(usize::try_from(first.leading_zeros()).ok()?)
}

fn algorithm(identifier: &[u8]) -> Option<KeyAlgorithm> {
    let (tag, object, parameters) = element(identifier)?;
    (tag == OBJECT).then_some(())?;
    match object {
        EC => match only(parameters, OBJECT)? {
            P256 => Some(KeyAlgorithm::Ecdsa(Curve::P256)),
            P384 => Some(KeyAlgorithm::Ecdsa(Curve::P384)),
            P521 => Some(KeyAlgorithm::Ecdsa(Curve::P521)),
            _ => None,
        },
        RSA => Some(KeyAlgorithm::Rsa),
        ED25519 => Some(KeyAlgorithm::Ed25519),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_take_their_shortest_form_and_are_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536] {
            let mut bytes = Vec::new();
            push(&mut bytes, OCTETS, &vec![7; length]);
            let (tag, content, rest) = element(&bytes).expect("an element");
            assert_eq!((tag, content.len(), rest.len()), (OCTETS, length, 0));
        }
        for wrong in
            [&[][..], &[4], &[4, 1], &[4, 0x80], &[4, 0x81, 5, 0], &[4, 0x82, 0, 200], &[4, 0x85, 0, 0, 0, 0, 1]]
        {
            assert_eq!(element(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = (ec_to_pkcs8(&bytes), rsa_to_pkcs8(&bytes), algorithm_of_pkcs8(&bytes), algorithm_of_spki(&bytes));
            let _ = rsa_bits(&bytes);
        }
    }
}
