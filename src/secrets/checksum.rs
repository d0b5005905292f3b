//! Checksums that issuers put into their tokens.

use super::shape::Check;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Writes a number with `N` digits of the alphabet, most significant first.
fn digits<const N: usize>(mut number: u32, alphabet: &[u8]) -> [u8; N] {
    let base = u32::try_from(alphabet.len()).unwrap_or(u32::MAX);
    let mut text = [alphabet[0]; N];
    for digit in text.iter_mut().rev() {
        *digit = alphabet[(number % base) as usize];
        number /= base;
    }
    text
}

fn agrees(is: &[u8], should: &[u8]) -> Check {
    if is == should { Check::Agrees } else { Check::Fails }
}

/// Gives the 6 characters that end a GitHub or npm token: the CRC-32 of its body in base 62.
pub(super) fn base62_crc(body: &[u8]) -> [u8; 6] {
    digits(crc32fast::hash(body), BASE62)
}

/// Checks a token of the form `pre_`, body, 6 characters of CRC-32 over the body.
pub(super) fn after_prefix_base62(token: &[u8]) -> Check {
    let Some(prefix) = memchr::memchr(b'_', token) else { return Check::Fails };
    let Some((body, check)) = token[prefix + 1..].split_last_chunk::<6>() else { return Check::Fails };
    agrees(check, &base62_crc(body))
}

/// Gives the 7 characters that end a routable GitLab token: the CRC-32 of all text before them in base 36.
pub(super) fn base36_crc(before: &[u8]) -> [u8; 7] {
    digits(crc32fast::hash(before), BASE36)
}

/// Gives a number below 1296 as two base-36 digits.
pub(super) fn base36_pair(number: usize) -> [u8; 2] {
    digits(u32::try_from(number).unwrap_or(u32::MAX), BASE36)
}

/// Checks a routable GitLab token: the length of its payload, and its CRC-32.
pub(super) fn gitlab_routable(token: &[u8]) -> Check {
    let Some((before, check)) = token.split_last_chunk::<7>() else { return Check::Fails };
    let Some((head, length)) = before.split_last_chunk::<2>() else { return Check::Fails };
    let payload_end = memchr::memchr(b'.', head).unwrap_or(head.len());
    let payload_start = memchr::memchr(b'-', head).map_or(0, |dash| dash + 1);
    let counted = base36_pair(payload_end.saturating_sub(payload_start));
    if *length == counted { agrees(check, &base36_crc(before)) } else { Check::Fails }
}

/// Gives the 8 characters that end an Atlassian token: the CRC-32 of all text before them in upper-case hexadecimal.
pub(super) fn upper_hex_crc(before: &[u8]) -> [u8; 8] {
    digits(crc32fast::hash(before), b"0123456789ABCDEF")
}

/// Checks a token that ends in [`upper_hex_crc`].
pub(super) fn upper_hex_tail(token: &[u8]) -> Check {
    token.split_last_chunk::<8>().map_or(Check::Fails, |(before, check)| agrees(check, &upper_hex_crc(before)))
}

/// Gives the 8 characters that end a Grafana token: the CRC-32 of all text before the last `_`, bytes in little-endian
/// order.
pub(super) fn little_endian_hex_crc(before: &[u8]) -> [u8; 8] {
    digits(crc32fast::hash(before).swap_bytes(), b"0123456789abcdef")
}

/// Checks a Grafana service account token.
pub(super) fn grafana(token: &[u8]) -> Check {
    let Some((before, check)) = token.split_last_chunk::<8>() else { return Check::Fails };
    before.strip_suffix(b"_").map_or(Check::Fails, |body| agrees(check, &little_endian_hex_crc(body)))
}

/// Checks a Zuplo key: `zpka_`, a body, `_`, and the CRC-32 of the body in hexadecimal.
pub(super) fn zuplo(token: &[u8]) -> Check {
    let Some((before, check)) = token.split_last_chunk::<8>() else { return Check::Fails };
    let body = before.strip_prefix(b"zpka_").and_then(|body| body.strip_suffix(b"_"));
    body.map_or(Check::Fails, |body| agrees(check, &hex_crc(body)))
}

/// Gives the CRC-32 of a text in lower-case hexadecimal, most significant digit first.
pub(super) fn hex_crc(body: &[u8]) -> [u8; 8] {
    digits(crc32fast::hash(body), b"0123456789abcdef")
}

/// Checks a seed of a NATS key: base32 of a prefix, 32 bytes and a CRC-16 (XMODEM), least significant byte first.
pub(super) fn nats(seed: &[u8]) -> Check {
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::with_capacity(36));
    for &byte in seed {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return Check::Fails,
        };
        bits = (bits << 5 | u32::from(value)) & 0xffff;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    let Some((body, check)) = bytes.split_last_chunk::<2>() else { return Check::Fails };
    agrees(check, &xmodem(body).to_le_bytes())
}

fn xmodem(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, &byte| {
        (0..8).fold(sum ^ u16::from(byte) << 8, |sum, _| if sum & 0x8000 == 0 { sum << 1 } else { sum << 1 ^ 0x1021 })
    })
}

/// Writes a seed of a NATS key of the kind, such as `U` for a user.
#[cfg(test)]
pub(super) fn nats_seed(kind: &[u8], key: &[u8]) -> Vec<u8> {
    const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let kind = BASE32.iter().position(|known| known == &kind[0]).expect("a letter");
    let prefix = u8::try_from(kind << 3).expect("5 bits");
    let mut bytes = vec![18 << 3 | prefix >> 5, (prefix & 31) << 3];
    bytes.extend(key);
    bytes.extend(xmodem(&bytes).to_le_bytes());
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    bits.chunks(5)
        .map(|chunk| {
            BASE32[(0..5).fold(0, |value, bit| value << 1 | usize::from(chunk.get(bit).copied().unwrap_or(0)))]
        })
        .collect()
}

/// Gives the 6 characters that end a Confluent Cloud secret: the CRC-32 of its body, bytes in little-endian order, in base
/// 64 without padding.
pub(super) fn base64_crc(body: &[u8]) -> [u8; 6] {
    const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    // Four bytes are 32 bits; the last of the six digits holds two of them and four zeros.
    let bits = u64::from(crc32fast::hash(body).swap_bytes()) << 4;
    std::array::from_fn(|index| BASE64[(bits >> (6 * (5 - index)) & 63) as usize])
}

/// Checks a Confluent Cloud secret: `cflt`, 54 characters, [`base64_crc`].
pub(super) fn confluent(token: &[u8]) -> Check {
    let Some((before, check)) = token.split_last_chunk::<6>() else { return Check::Fails };
    before.strip_prefix(b"cflt").map_or(Check::Fails, |body| agrees(check, &base64_crc(body)))
}

/// Checks the account number inside an AWS access key id: at most twelve decimal digits. Ids whose body begins with `I`
/// or `J` are older than that encoding.
pub(super) fn aws_access_key_id(id: &[u8]) -> Check {
    let Some(body) = id.get(4..20) else { return Check::Fails };
    if matches!(body[0], b'I' | b'J') {
        return Check::Silent;
    }
    // 10 characters hold the first 50 bits; the account is in bits 1 to 41.
    let mut bits = 0u64;
    for &byte in &body[..10] {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return Check::Fails,
        };
        bits = bits << 5 | u64::from(value);
    }
    let account = (bits >> 2 & 0x7fff_ffff_ffff) >> 7;
    if account <= 999_999_999_999 { Check::Silent } else { Check::Fails }
}

/// Gives the 6 characters that end a Bech32 string (BIP 173), in lower case.
#[cfg(test)]
pub(super) fn bech32_checksum(human: &[u8], data: &[u8]) -> [u8; 6] {
    let mut values: Vec<u8> = bech32_values(human, data).unwrap_or_default();
    values.extend([0; 6]);
    let sum = polymod(&values) ^ 1;
    std::array::from_fn(|index| BECH32[(sum >> (5 * (5 - index)) & 31) as usize])
}

fn bech32_values(human: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut values: Vec<u8> = human.iter().map(|byte| byte.to_ascii_lowercase() >> 5).collect();
    values.push(0);
    values.extend(human.iter().map(|byte| byte.to_ascii_lowercase() & 31));
    for byte in data {
        let value = BECH32.iter().position(|known| *known == byte.to_ascii_lowercase())?;
        values.push(u8::try_from(value).ok()?);
    }
    Some(values)
}

fn polymod(values: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    values.iter().fold(1, |sum, &value| {
        let top = sum >> 25;
        let next = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1).fold(next, |sum, (_, word)| sum ^ word)
    })
}

/// Checks the Bech32 checksum of an age identity.
pub(super) fn age_identity(identity: &[u8]) -> Check {
    let Some(separator) = memchr::memrchr(b'1', identity) else { return Check::Fails };
    match bech32_values(&identity[..separator], &identity[separator + 1..]) {
        Some(values) if polymod(&values) == 1 => Check::Agrees,
        _ => Check::Fails,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_vectors_agree() {
        assert_eq!(&base62_crc(b"imgguardSelfTestBody0123456789"), b"0JcLkx");
        assert_eq!(&base36_crc(b"glpat-imgguardTestPayload00000000.0r"), b"1fhd8to");
        assert_eq!(&base36_crc(b"glpat-imgguardTestPayload00000000.01.0r"), b"1lfedp5");
        assert_eq!(&upper_hex_crc(b"ATBBimgguardTestVector000001"), b"4CAAF847");
        assert_eq!(&base64_crc(b"imgguardimgguardimgguardimgguardimgguardimgguardVector"), b"schqFQ");
        assert_eq!(&little_endian_hex_crc(b"glsa_imgguardTestVector00000000000001"), b"4d73a63a");
        assert_eq!(&hex_crc(b"imgguardTestVector00000000000001"), b"641dc08b");
    }

    #[test]
    fn routable_tokens_are_checked_with_and_without_a_version() {
        for token in ["glpat-imgguardTestPayload00000000.0r1fhd8to", "glpat-imgguardTestPayload00000000.01.0r1lfedp5"] {
            assert_eq!(gitlab_routable(token.as_bytes()), Check::Agrees, "{token}");
            assert_eq!(gitlab_routable(token.replace(".0", ".1").as_bytes()), Check::Fails, "{token}");
        }
    }

    #[test]
    fn an_age_identity_of_counted_bytes_ends_as_known() {
        let bits: Vec<u8> = (0..32u8).flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
        let data: Vec<u8> = bits
            .chunks(5)
            .map(|chunk| (0..5).fold(0u8, |value, bit| value << 1 | chunk.get(bit).copied().unwrap_or(0)))
            .map(|value| BECH32[usize::from(value)])
            .collect();
        assert_eq!(&bech32_checksum(b"age-secret-key-", &data), b"wrydwg");
        let whole = [&b"AGE-SECRET-KEY-1"[..], &data.to_ascii_uppercase(), b"WRYDWG"].concat();
        assert_eq!(age_identity(&whole), Check::Agrees);
        assert_eq!(age_identity(&whole[..whole.len() - 1]), Check::Fails);
    }

    #[test]
    fn an_account_has_at_most_twelve_digits() {
        let check = |body: &str| aws_access_key_id(format!("AKIA{body}").as_bytes());
        assert_eq!(check("RZPUZDIKAUAQEAYE"), Check::Silent, "account 123456789012");
        assert_eq!(check("R777777777777777"), Check::Silent);
        assert_eq!(check("7777777777777777"), Check::Fails, "account 1099511627775");
        assert_eq!(check("I777777777777777"), Check::Silent, "older than the encoding");
        assert_eq!(check("R7777777"), Check::Fails, "too short");
    }
}
