//! Examples as templates: `{class count}` stands for made-up characters, `{sum …}` for the checksum of what precedes it
//! in the word, so that no text in the repository looks like a working credential.
//!
//! A first line `# path` names the file that the example is in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::base58;
use super::checksum;
use super::engine::Scanner;
use super::file_scan::FileScan;
use crate::model::Hit;

/// A file made of a template.
pub(super) struct Example {
    pub path: String,
    /// The text, with the bytes of `{raw …}` as they are.
    pub bytes: Vec<u8>,
}

impl Example {
    pub fn of(template: &str) -> Self {
        let (path, body) = match template.strip_prefix("# ") {
            Some(rest) => rest.split_once('\n').expect("a path has a body"),
            None => ("opt/app/data", template),
        };
        let text = expand(body);
        // Raw bytes are characters below U+0100 in the text.
        let bytes = if body.contains("{raw ") {
            text.chars().map(|character| u8::try_from(u32::from(character)).expect("Latin-1")).collect()
        } else {
            text.into_bytes()
        };
        Self { path: path.to_owned(), bytes }
    }
}

/// Finds everything in an example.
pub(super) fn hits(scanner: &Scanner, example: &Example) -> Vec<Hit> {
    let mut hits = Vec::new();
    FileScan::new(&example.path, example.bytes.len() as u64).feed(scanner, &example.bytes, true, &mut hits);
    hits
}

/// Fills in the braces of a template. Characters come from a fixed sequence, so an example is the same in each run.
pub(super) fn expand(template: &str) -> String {
    let mut random = Sequence(0x1d87_2b41);
    let mut out = String::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        let close = rest[open..].find('}').expect("braces are closed") + open;
        let made = make(&rest[open + 1..close], &out, &mut random);
        out.push_str(&made);
        rest = &rest[close + 1..];
    }
    out + rest
}

struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits")
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_le_bytes()[0]).collect()
    }

    fn text(&mut self, alphabet: &str, count: usize) -> String {
        (0..count).map(|_| char::from(alphabet.as_bytes()[self.next() % alphabet.len()])).collect()
    }
}

fn make(word: &str, before: &str, random: &mut Sequence) -> String {
    const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
    const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const DIGITS: &str = "0123456789";
    let (kind, argument) = word.split_once(' ').unwrap_or((word, ""));
    let count = || argument.parse::<usize>().expect("a count");
    let token_start = before.rfind([' ', '\n', '"', '\'', '/', '`']).map_or(0, |at| at + 1);
    let token = &before[token_start..];
    // A name or a user before it is no part of the token; an `=` at its end is.
    let token = token.rsplit_once(':').map_or(token, |(_, token)| token);
    let token = token.split_once('=').filter(|(_, token)| !token.is_empty()).map_or(token, |(_, token)| token);
    let ascii = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("ASCII");
    match kind {
        "open" => "{".to_owned(),
        "close" => "}".to_owned(),
        "digit" => random.text(DIGITS, count()),
        "hex" => random.text("0123456789abcdef", count()),
        "HEX" => random.text("0123456789ABCDEF", count()),
        "uuid" => {
            let digits = random.text("0123456789abcdef", 30);
            let (tail, node) = digits[16..].split_at(2);
            format!(
                "{}-{}-4{}-a{}{tail}-{}",
                &digits[..8],
                &digits[8..12],
                &digits[12..15],
                &digits[15..16],
                &node[..12]
            )
        }
        "b32l" => random.text(&[LOWER, "234567"].concat(), count()),
        "b58" => random.text("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", count()),
        "letter" => random.text(&[LOWER, UPPER].concat(), count()),
        "an" => random.text(&[DIGITS, LOWER].concat(), count()),
        "AN" => random.text(&[DIGITS, UPPER].concat(), count()),
        "b32" => random.text(&[UPPER, "234567"].concat(), count()),
        "b62" => random.text(&[DIGITS, UPPER, LOWER].concat(), count()),
        "b64" => random.text(&[DIGITS, UPPER, LOWER, "+/"].concat(), count()),
        "b64u" => random.text(&[DIGITS, UPPER, LOWER, "_-"].concat(), count()),
        "bech32" => random.text("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", count()),
        "sum62" => ascii(&checksum::base62_crc(&token.as_bytes()[token.rfind('_').expect("a prefix") + 1..])),
        "sum36" => {
            let payload = token.split_once('-').expect("a prefix").1;
            let payload = payload.split('.').next().expect("one part");
            let length = ascii(&checksum::base36_pair(payload.len()));
            let sum = checksum::base36_crc(format!("{token}{length}").as_bytes());
            length + &ascii(&sum)
        }
        "sumHEX" => ascii(&checksum::upper_hex_crc(token.as_bytes())),
        "sumhex" => ascii(&checksum::little_endian_hex_crc(token.trim_end_matches('_').as_bytes())),
        "sumzuplo" => ascii(&checksum::hex_crc(
            token[token.find("zpka_").expect("a prefix") + 5..].trim_end_matches('_').as_bytes(),
        )),
        "sumb64" => ascii(&checksum::base64_crc(&token.as_bytes()[4..])),
        "sumbech32" => {
            let (human, data) = token.split_once("-1").expect("a separator");
            let human = format!("{human}-").to_ascii_lowercase();
            ascii(&checksum::bech32_checksum(human.as_bytes(), data.to_ascii_lowercase().as_bytes()))
                .to_ascii_uppercase()
        }
        "base64" => STANDARD.encode(expand(&nested(argument))),
        "base64url" => URL_SAFE_NO_PAD.encode(expand(&nested(argument))),
        "der" => lines(&STANDARD.encode(made_key(argument, random)), "\n"),
        "der1" => lines(&STANDARD.encode(made_key(argument, random)), "\\n"),
        "raw" => made_key(argument, random).iter().map(|&byte| char::from(byte)).collect(),
        "key64" => STANDARD.encode(made_key(argument, random)),
        "wif" => ascii(&base58::wif(&random.bytes(32))),
        "nats" => ascii(&checksum::nats_seed(argument.as_bytes(), &random.bytes(32))),
        "words" => mnemonic(count(), random),
        "wg" => STANDARD.encode(clamped(random.bytes(32))),
        "pem64" => STANDARD.encode(format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            lines(&STANDARD.encode(made_key(argument, random)), "\n")
        )),
        "shifted64" => STANDARD.encode(format!(
            "{}-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            &"  "[..argument.len()],
            lines(&STANDARD.encode(made_key("pkcs8", random)), "\n")
        )),
        _ if before.ends_with('$') => format!("{{{word}}}"),
        _ => panic!("unknown word in braces: {word}"),
    }
}

/// Writes a template inside a template: round brackets stand for braces, square ones for braces that are meant.
fn nested(argument: &str) -> String {
    argument.replace('(', "{").replace(')', "}").replace('[', "{open}").replace(']', "{close}")
}

fn lines(text: &str, newline: &str) -> String {
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    lines.join(newline)
}

/// Makes something of the form of a private key; see [`made_key`].
pub(super) fn der(kind: &str) -> Vec<u8> {
    made_key(kind, &mut Sequence(0x2f11_9d03))
}

fn clamped(mut key: Vec<u8>) -> Vec<u8> {
    key[0] &= 0xf8;
    key[31] = key[31] & 0x7f | 0x40;
    key
}

/// Makes words of BIP-39 that end in the right checksum.
fn mnemonic(count: usize, random: &mut Sequence) -> String {
    bip39::Mnemonic::from_entropy(&random.bytes(count / 3 * 4)).expect("a length").words().collect::<Vec<_>>().join(" ")
}

/// Makes something of the form of a private key; its numbers are random and no key.
fn made_key(kind: &str, random: &mut Sequence) -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).expect("short").to_be_bytes();
        let mut out = vec![tag];
        match content.len() {
            0..128 => out.push(length[1]),
            128..256 => out.extend([0x81, length[1]]),
            _ => out.extend([0x82, length[0], length[1]]),
        }
        out.extend(content);
        out
    };
    let sequence = |parts: &[Vec<u8>]| element(0x30, &parts.concat());
    let number = |random: &mut Sequence, size: usize| element(2, &[vec![0x41], random.bytes(size - 1)].concat());
    let oid = [element(6, &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]), element(5, &[])].concat();
    match kind {
        "rsa" => sequence(&[
            element(2, &[0]),
            number(random, 128),
            element(2, &[1, 0, 1]),
            number(random, 128),
            number(random, 64),
            number(random, 64),
        ]),
        "pkcs8" => sequence(&[element(2, &[0]), sequence(&[oid]), element(4, &made_key("rsa", random))]),
        "encrypted" => sequence(&[sequence(&[oid]), element(4, &random.bytes(300))]),
        "ec" => sequence(&[
            element(2, &[1]),
            element(4, &random.bytes(32)),
            element(0xa0, &element(6, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7])),
        ]),
        "openssh" => {
            let field = |bytes: &[u8]| [&u32::try_from(bytes.len()).expect("short").to_be_bytes()[..], bytes].concat();
            [
                b"openssh-key-v1\0".to_vec(),
                field(b"none"),
                field(b"none"),
                field(b""),
                vec![0, 0, 0, 1],
                field(&random.bytes(51)),
                field(&random.bytes(136)),
            ]
            .concat()
        }
        "ed25519" => sequence(&[
            element(2, &[0]),
            sequence(&[element(6, &[0x2b, 0x65, 0x70])]),
            element(4, &element(4, &random.bytes(32))),
        ]),
        "pgp" | "pgp-encrypted" => {
            let numbers = [&[4, 1, 2, 3, 4, 1, 4, 0][..], &random.bytes(128), &[0, 17, 1, 0, 1]].concat();
            let secret = if kind == "pgp" { vec![0] } else { vec![254, 9, 3, 8] };
            let body = [numbers, secret, random.bytes(300)].concat();
            [&[0x95][..], &u16::try_from(body.len()).expect("short").to_be_bytes(), &body].concat()
        }
        "p12" => {
            let bag = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 2];
            [element(6, &bag), element(0xa0, &made_key("encrypted", random))].concat()
        }
        "jks" => {
            let protector = [0x2b, 6, 1, 4, 1, 0x2a, 2, 0x11, 1, 1];
            sequence(&[sequence(&[element(6, &protector), element(5, &[])]), element(4, &random.bytes(300))])
        }
        "noise" => random.bytes(300),
        _ => panic!("unknown kind of key: {kind}"),
    }
}
