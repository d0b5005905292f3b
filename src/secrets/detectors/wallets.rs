//! Keys of coins.

use super::keyed::{Form, KEYED, graded, value_near};
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::base58;
use crate::secrets::shape::Class;
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "bitcoin-private-key",
        what: "Bitcoin private key in the wallet import format",
        rotate: "move the coins to an address of a new key",
        grade: Grade::Proven,
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Read {
            leads: &[
                "wif",
                "WIF",
                "itcoin",
                "BITCOIN",
                "btc",
                "BTC",
                "rivkey",
                "PRIVKEY",
                "rivate_key",
                "PRIVATE_KEY",
                "rivateKey",
                "allet",
            ],
            text_only: true,
            read: wif,
        },
        finds: &[
            "BTC_PRIVATE_KEY={wif}",
            "wallet = {open} wif: '{wif}' {close}",
            "bitcoin-cli importprivkey \"{wif}\"",
        ],
        ignores: &["BTC_PRIVATE_KEY=K{b62 51}", "bitcoin address 1{b62 33}"],
        ..KEYED
    },
    Detector {
        id: "ethereum-private-key",
        what: "private key of an Ethereum account",
        rotate: "move the funds to an account of a new key",
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Read {
            leads: &[
                "rivate_key",
                "PRIVATE_KEY",
                "rivateKey",
                "rivate-key",
                "DEPLOYER_KEY",
                "deployer_key",
                "PRIV_KEY",
                "mainnet",
                "sepolia",
                "--private-key",
            ],
            text_only: true,
            read: ethereum,
        },
        finds: &[
            "PRIVATE_KEY=0x{hex 64}",
            "DEPLOYER_PRIVATE_KEY={hex 64}",
            "cast send --private-key 0x{hex 64} x",
            "\"privateKey\": \"0x{hex 64}\"",
        ],
        ignores: &[
            "PRIVATE_KEY=0x{hex 40}",
            "txhash: 0x{hex 64}",
            "PRIVATE_KEY=0x0000000000000000000000000000000000000000000000000000000000000001",
        ],
        ..KEYED
    },
    Detector {
        id: "bip39-mnemonic",
        what: "mnemonic of a wallet",
        rotate: "move everything to a wallet with a new mnemonic",
        grade: Grade::Proven,
        severity: Severity::Critical,
        may_show: false,
        seek: Seek::Read {
            leads: &[
                "nemonic",
                "NEMONIC",
                "seed phrase",
                "eed_phrase",
                "SEED_PHRASE",
                "eedPhrase",
                "eed words",
                "SEED=",
                "seed=",
                "seed:",
                "ecovery phrase",
                "recovery_phrase",
                "ecret phrase",
            ],
            text_only: true,
            read: mnemonic,
        },
        finds: &["MNEMONIC=\"{words 12}\"", "mnemonic: {words 24}\n", "const seedPhrase = '{words 12}';"],
        ignores: &[
            "the mnemonic is a list of words that a wallet can show to its owner",
            "mnemonic: abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
        ],
        ..KEYED
    },
];

/// Reads the first key behind the name whose checksum agrees.
fn wif(window: &Window<'_>) -> Option<Reading> {
    let bytes = window.bytes;
    let mut at = window.at;
    let reach = bytes.len().min(window.at + 100);
    while at < reach {
        let length = bytes[at..].iter().take(60).take_while(|&&byte| base58::has(byte)).count();
        if (51..=52).contains(&length)
            && matches!(bytes[at], b'5' | b'K' | b'L' | b'9' | b'c')
            && base58::is_wif(&bytes[at..at + length])
        {
            return Some(Reading::new(at, at + length, Grade::Proven));
        }
        at += length.max(1);
    }
    None
}

fn ethereum(window: &Window<'_>) -> Option<Reading> {
    let (start, end) = [
        Form { lead: "0x", class: Class::Base62, min: 64, max: 64 },
        Form::exactly(Class::Hex, 64),
        Form::exactly(Class::UpperHex, 64),
    ]
    .into_iter()
    .find_map(|form| value_near(window, form, &["key", "private", "account"]))?;
    let digits = &window.bytes[end - 64..end];
    let whole = digits.iter().all(u8::is_ascii_hexdigit);
    whole.then(|| Reading::new(start, end, graded(&digits.to_ascii_lowercase(), Class::Hex, Grade::Contextual)))
}

/// Reads 12 to 24 words of the English list whose checksum agrees (BIP-39).
fn mnemonic(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let name = ahead
        .iter()
        .take(24)
        .take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b' ' | b'-'))
        .count();
    let gap = ahead[name..].iter().take(16).take_while(|byte| !byte.is_ascii_lowercase()).count();
    let from =
        if ahead.get(name + gap).is_some_and(u8::is_ascii_lowercase) && gap > 0 { name + gap } else { return None };
    let length = ahead[from..].iter().take(260).take_while(|byte| byte.is_ascii_lowercase() || **byte == b' ').count();
    let text = std::str::from_utf8(&ahead[from..from + length]).ok()?.trim_end();
    let words: Vec<&str> = text.split(' ').collect();
    let count = [24, 21, 18, 15, 12].into_iter().find(|&count| {
        words.len() >= count && {
            let text = words[..count].join(" ");
            bip39::Mnemonic::parse_in_normalized(bip39::Language::English, &text).is_ok()
        }
    })?;
    let mut different = words[..count].to_vec();
    different.sort_unstable();
    different.dedup();
    let grade = if different.len() * 2 > count { Grade::Proven } else { Grade::Weak };
    let end = words[..count].iter().map(|word| word.len() + 1).sum::<usize>() - 1;
    Some(Reading::new(window.at + from, window.at + from + end, grade))
}
