//! Between the forms of PKCS#11 and those of everybody else: points and parameters to `SubjectPublicKeyInfo` (RFC 5480), signatures of two
//! numbers to DER (RFC 3279).

use crate::sign::Curve;

const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// Everything in front of the point.
const SPKI_P256: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const SPKI_P384: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00,
];
const OCTETS: u8 = 0x04;
const UNCOMPRESSED: u8 = 0x04;

/// Which curve `CKA_EC_PARAMS` names, when keys on it sign here.
pub(super) fn curve(parameters: &[u8]) -> Option<Curve> {
    match parameters {
        P256 => Some(Curve::P256),
        P384 => Some(Curve::P384),
        _ => None,
    }
}

/// Bytes of one number.
fn width(curve: Curve) -> Option<usize> {
    match curve {
        Curve::P256 => Some(32),
        Curve::P384 => Some(48),
        Curve::P521 => None,
    }
}

/// The public key of `CKA_EC_POINT`: an uncompressed point in a DER octet string, or without one as older modules give it.
pub(super) fn spki(curve: Curve, point: &[u8]) -> Option<Vec<u8>> {
    let length = width(curve)? * 2 + 1;
    let bare = match point {
        [OCTETS, stated, bare @ ..] if usize::from(*stated) == length && bare.len() == length => bare,
        bare if bare.len() == length => bare,
        _ => return None,
    };
    let prefix = if curve == Curve::P256 { SPKI_P256 } else { SPKI_P384 };
    (bare.first() == Some(&UNCOMPRESSED)).then(|| [prefix, bare].concat())
}

/// The DER form of a signature that is two numbers of the same width.
pub(super) fn signature(curve: Curve, raw: &[u8]) -> Option<Vec<u8>> {
    let width = width(curve)?;
    if raw.len() != width * 2 {
        return None;
    }
    let (r, s) = raw.split_at(width);
    let content = [integer(r)?, integer(s)?].concat();
    // Two numbers of P-384 are 102 bytes at most: the length fits one byte.
    Some([&[0x30, u8::try_from(content.len()).ok()?], content.as_slice()].concat())
}

fn integer(digits: &[u8]) -> Option<Vec<u8>> {
    let start = digits.iter().position(|digit| *digit != 0)?;
    let digits = digits.get(start..)?;
    // The first bit is the sign.
    let zero: &[u8] = if digits.first()? & 0x80 == 0 { &[] } else { &[0] };
    Some([&[0x02, u8::try_from(digits.len() + zero.len()).ok()?], zero, digits].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{PublicKey, SigningKey};

    /// The two numbers of a DER signature, as a token would give them.
    fn raw(der: &[u8], width: usize) -> Vec<u8> {
        let mut numbers = Vec::new();
        let mut rest = &der[2..];
        while let [2, length, behind @ ..] = rest {
            let (number, after) = behind.split_at(usize::from(*length));
            let number: Vec<u8> = number.iter().copied().skip_while(|digit| *digit == 0).collect();
            numbers.extend(std::iter::repeat_n(0, width - number.len()).chain(number));
            rest = after;
        }
        numbers
    }

    #[test]
    fn points_and_signatures_of_both_curves_come_back_as_they_were() {
        for (which, width) in [(Curve::P256, 32), (Curve::P384, 48)] {
            // Short numbers come up within a few hundred signatures.
            let key = SigningKey::generate(which).expect("a key");
            let whole = key.public().spki();
            let bare = &whole[whole.len() - (2 * width + 1)..];
            let wrapped = [&[4, u8::try_from(bare.len()).expect("short")], bare].concat();
            for point in [bare, &wrapped] {
                let made = spki(which, point).expect("a point");
                assert_eq!(made, whole);
                assert_eq!(PublicKey::from_spki(made).as_ref(), Ok(key.public()));
            }
            for message in 0..300_u32 {
                let der = key.sign(&message.to_be_bytes()).expect("a signature");
                assert_eq!(signature(which, &raw(&der, width)), Some(der));
            }
        }
    }

    #[test]
    fn what_is_no_point_and_no_signature_is_refused() {
        assert_eq!(curve(P256), Some(Curve::P256));
        assert_eq!(curve(P384), Some(Curve::P384));
        for wrong in [&[][..], &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a], &P256[..9]] {
            assert_eq!(curve(wrong), None);
        }
        for wrong in [vec![], vec![4; 64], vec![2; 65], [vec![4, 66], vec![4; 65]].concat(), vec![4; 97]] {
            assert_eq!(spki(Curve::P256, &wrong), None, "{wrong:?}");
        }
        for wrong in [vec![], vec![1; 63], vec![1; 65], vec![0; 64], [vec![0; 32], vec![1; 32]].concat()] {
            assert_eq!(signature(Curve::P256, &wrong), None, "{wrong:?}");
        }
    }
}
