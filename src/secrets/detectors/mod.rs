//! The table of detectors: one file per family of providers.

/// Makes the words by which values beside a provider's name are found. Names in brackets are too short to be looked for by
/// themselves: they count with what usually follows them.
macro_rules! around {
    ([$($short:literal)+] $($long:literal)*) => {
        &[
            $(
                concat!($short, "_token"),
                concat!($short, "_api"),
                concat!($short, "_key"),
                concat!($short, "_secret"),
                concat!($short, "_auth"),
                concat!($short, "_pass"),
                concat!($short, "_access"),
                concat!($short, "_login"),
                concat!($short, "_pat"),
                concat!($short, "_oauth"),
                concat!($short, "_admin"),
                concat!($short, "_write"),
                concat!($short, "-token"),
                concat!($short, "-api"),
                concat!($short, "-key"),
                concat!($short, "-secret"),
                concat!($short, "-access"),
                concat!($short, ".token"),
                concat!($short, ".api"),
                concat!($short, ".key"),
                concat!($short, ".secret"),
                concat!($short, ".login"),
                concat!($short, ".pass"),
                concat!($short, ".com"),
                concat!($short, ".internal"),
                concat!($short, "token"),
                concat!($short, "api"),
                concat!($short, "secret"),
                concat!($short, "access"),
                concat!($short, "auth"),
                concat!($short, "key"),
                concat!($short, "pass"),
                concat!($short, " api"),
                concat!($short, " auth"),
                concat!($short, " config"),
                concat!($short, " deploy"),
                concat!($short, " login"),
                concat!($short, " token"),
                concat!($short, ":\n "),
                concat!("\"", $short, "\":"),
                concat!("\"", $short, "\" {"),
                concat!("[", $short, "]\n"),
                concat!("//", $short, "."),
                concat!("//", $short, ":"),
            )+
            $($long,)*
        ]
    };
}

mod ai;
mod atlassian;
mod aws;
mod azure;
mod azure_strings;
mod chat;
mod ci;
mod cloud;
mod cloudflare;
mod clouds;
mod commands;
mod commerce;
mod connection;
mod context;
mod databases;
mod devtools;
mod files;
mod github;
mod gitlab;
mod google;
mod hashes;
mod hosting;
mod keyed;
mod keys;
mod keystores;
mod mail;
mod observability;
mod packages;
mod registries;
mod services;
mod slack;
mod social;
mod stores;
mod telephony;
mod wallets;
mod webhooks;

use super::shape::Token;
use super::window::Window;
use crate::model::{Grade, Nature, Severity};

/// What a detector looks for, how sure it is, and what to do about it.
#[derive(Debug, Clone, Copy)]
pub struct Detector {
    /// Frozen id, such as `github-token`.
    pub id: &'static str,
    /// What it finds, in words.
    pub what: &'static str,
    /// How to revoke or rotate it.
    pub rotate: &'static str,
    /// The grade when nothing speaks for more or for less.
    pub grade: Grade,
    /// How much harm follows when it is real.
    pub severity: Severity,
    /// What kind of thing it is.
    pub nature: Nature,
    /// Whether a few characters of the value may be shown; false for passwords.
    pub may_show: bool,
    /// The form of the value and where it is found.
    pub(crate) seek: Seek,
    /// Texts that it has to find at its grade or above. In braces: made-up characters, see `examples`.
    pub finds: &'static [&'static str],
    /// Texts in which it has to find nothing above `weak`.
    pub ignores: &'static [&'static str],
}

impl Detector {
    /// What most detectors have in common: a token whose form is specific enough by itself.
    pub(crate) const TOKEN: Self = Self {
        id: "",
        what: "",
        rotate: "",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Tokens(&[]),
        finds: &[],
        ignores: &[],
    };

    /// What values have in common that only the name beside them makes secrets.
    pub(crate) const NAMED: Self = Self { grade: Grade::Contextual, may_show: false, ..Self::TOKEN };

    /// What names of accounts and keys have in common, which open nothing by themselves.
    pub(crate) const IDENTIFIER: Self = Self { severity: Severity::Low, nature: Nature::Identifier, ..Self::TOKEN };
}

/// Identifiers and the secrets that belong to them: in one file, each proves the other.
pub(crate) const PAIRS: &[(&str, &str)] = &[
    ("alibaba-access-key-id", "alibaba-access-key-secret"),
    ("aws-access-key-id", "aws-secret-access-key"),
    ("aws-temporary-key-id", "aws-secret-access-key"),
    ("digitalocean-spaces-key-id", "digitalocean-spaces-secret"),
    ("exoscale-api-key-id", "exoscale-api-secret"),
    ("google-hmac-key-id", "google-hmac-secret"),
    ("scaleway-access-key", "scaleway-secret-key"),
    ("tencent-secret-id", "tencent-secret-key"),
    ("twilio-account-id", "twilio-auth-token"),
    ("twilio-api-key-id", "twilio-api-key-secret"),
];

/// How a detector finds its values.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seek {
    /// Tokens of a typed form; the first that matches at a place counts.
    Tokens(&'static [Token]),
    /// Own code, called where one of the literals begins; in programs a printable literal counts only among 15 printable
    /// bytes in a row.
    Read {
        /// Literals, each at least 3 bytes.
        leads: &'static [&'static str],
        /// Whether to look into text only.
        text_only: bool,
        /// Looks at the window around the literal.
        read: fn(&Window<'_>) -> Option<Reading>,
    },
    /// Own code, called where one of the literals begins and with it 23 or more of the characters `A-Z a-z 0-9 _ + - . /`:
    /// cheaper, so that a short literal of a long token belongs here.
    InRun {
        /// Literals, each at least 3 bytes.
        leads: &'static [&'static str],
        /// Looks at the window around the literal.
        read: fn(&Window<'_>) -> Option<Reading>,
    },
    /// Own code, called in text where one of the words begins, in upper, lower or mixed case.
    Words {
        /// Words or other literals, each at least 7 bytes.
        words: &'static [&'static str],
        /// Looks at the window around the word.
        read: fn(&Window<'_>) -> Option<Reading>,
    },
    /// Own code, called at each `://` of a text.
    Url(fn(&Window<'_>) -> Option<Reading>),
    /// Own code, called at each key word of a file that holds assignments.
    Assignment(fn(&Window<'_>) -> Option<Reading>),
    /// Own code, called at each `:$` of a password file.
    Shadow(fn(&Window<'_>) -> Option<Reading>),
}

/// What a detector's own code found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Start of the value in the window.
    pub start: usize,
    /// End of the value in the window.
    pub end: usize,
    /// How sure.
    pub grade: Grade,
    /// The value as it identifies the secret, where that differs from the bytes: decoded, unescaped.
    pub canonical: Option<Vec<u8>>,
    /// When the value itself says that it expires, in seconds since 1970.
    pub expires: Option<i64>,
}

impl Reading {
    /// Makes a reading whose bytes are the value.
    pub(crate) fn new(start: usize, end: usize, grade: Grade) -> Self {
        Self { start, end, grade, canonical: None, expires: None }
    }

    /// Says what the value is once decoded or unescaped: that is its identity.
    pub(crate) fn known_as(self, canonical: Vec<u8>) -> Self {
        Self { canonical: Some(canonical), ..self }
    }
}

/// All families, in the order of precedence: where two detectors see the same bytes with the same grade, the first counts.
const FAMILIES: &[&[Detector]] = &[
    aws::DETECTORS,
    google::DETECTORS,
    azure_strings::DETECTORS,
    azure::DETECTORS,
    clouds::DETECTORS,
    hosting::DETECTORS,
    databases::DETECTORS,
    cloudflare::DETECTORS,
    cloud::DETECTORS,
    github::DETECTORS,
    gitlab::DETECTORS,
    atlassian::DETECTORS,
    ci::DETECTORS,
    registries::DETECTORS,
    packages::DETECTORS,
    devtools::DETECTORS,
    slack::DETECTORS,
    chat::DETECTORS,
    webhooks::DETECTORS,
    mail::DETECTORS,
    telephony::DETECTORS,
    commerce::DETECTORS,
    ai::DETECTORS,
    observability::DETECTORS,
    services::DETECTORS,
    social::DETECTORS,
    stores::DETECTORS,
    keys::DETECTORS,
    keystores::DETECTORS,
    wallets::DETECTORS,
    hashes::DETECTORS,
    files::DETECTORS,
    connection::DETECTORS,
    commands::DETECTORS,
    context::DETECTORS,
];

/// Gives all detectors, in the order of precedence.
pub(crate) fn all() -> impl Iterator<Item = &'static Detector> {
    FAMILIES.iter().flat_map(|family| family.iter())
}

#[cfg(test)]
mod notation_tests;

#[cfg(test)]
mod tests {
    use super::super::engine::Scanner;
    use super::super::examples::{self, Example};
    use super::*;

    #[test]
    fn ids_are_unique_and_every_detector_says_what_to_do() {
        let mut ids: Vec<&str> = all().map(|detector| detector.id).collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
        assert!(count >= 40, "{count}");
        for detector in all() {
            assert!(detector.id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            assert!(!detector.what.is_empty() && !detector.rotate.is_empty(), "{}", detector.id);
            assert!(!detector.finds.is_empty() && !detector.ignores.is_empty(), "{}: no examples", detector.id);
        }
    }

    #[test]
    fn pairs_are_of_detectors_that_there_are() {
        for id in PAIRS.iter().flat_map(|(id, secret)| [id, secret]) {
            assert!(all().any(|detector| detector.id == *id), "{id}");
        }
    }

    #[test]
    fn every_lead_is_long_enough_for_the_gate() {
        for detector in all() {
            let leads: Vec<&str> = match detector.seek {
                Seek::Tokens(tokens) => tokens.iter().flat_map(|token| token.leads.iter().copied()).collect(),
                Seek::Read { leads, .. } | Seek::InRun { leads, .. } => leads.to_vec(),
                Seek::Words { words, .. } => {
                    assert!(words.iter().all(|word| word.len() >= 7), "{}", detector.id);
                    words.to_vec()
                }
                Seek::Url(_) | Seek::Assignment(_) | Seek::Shadow(_) => continue,
            };
            assert!(!leads.is_empty() && leads.iter().all(|lead| lead.len() >= 3), "{}", detector.id);
        }
    }

    #[test]
    fn every_example_behaves() {
        let scanner = Scanner::new();
        let mut wrong = Vec::new();
        for detector in all() {
            for text in detector.finds {
                let example = Example::of(text);
                let hits = examples::hits(&scanner, &example);
                if !hits.iter().any(|hit| &*hit.detector == detector.id && hit.grade >= detector.grade) {
                    wrong.push(format!("{} missed `{text}`: {hits:?}", detector.id));
                }
            }
            for text in detector.ignores {
                let hits = examples::hits(&scanner, &Example::of(text));
                if hits.iter().any(|hit| &*hit.detector == detector.id && hit.grade > Grade::Weak) {
                    wrong.push(format!("{} flagged `{text}`: {hits:?}", detector.id));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
