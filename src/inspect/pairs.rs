//! Pairs: a key id here and its key there, an encrypted key here and its passphrase there. Together they open what neither
//! opens alone, so they are one finding, one grade surer than the better half.

use std::collections::BTreeSet;

use crate::model::{Grade, Half, Nature, Place, SecretFact, parent};

/// How far the halves of a pair may lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Anywhere in one image.
    Image,
    /// In one file: files of a tree belong to different owners.
    File,
}

/// Where a half lies, as far as that tells what belongs together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Home<'a> {
    Settings,
    File(&'a str),
    Document(&'a crate::model::Digest),
    Layer(u32),
}

fn home(place: &Place) -> Home<'_> {
    match place {
        Place::Env { .. } | Place::Label { .. } | Place::History { .. } | Place::Config { .. } => Home::Settings,
        Place::File { path, .. } | Place::Path { path, .. } | Place::Member { path, .. } => Home::File(path),
        Place::Document { digest, .. } => Home::Document(digest),
        Place::Slack { layer, .. } => Home::Layer(*layer),
    }
}

fn homes(fact: &SecretFact) -> BTreeSet<Home<'_>> {
    fact.places.iter().map(home).collect()
}

fn meet(one: &SecretFact, other: &SecretFact) -> bool {
    !homes(one).is_disjoint(&homes(other))
}

fn raised(grade: Grade) -> Grade {
    match grade {
        Grade::Weak => Grade::Contextual,
        Grade::Contextual => Grade::Structured,
        Grade::Structured | Grade::Proven => Grade::Proven,
    }
}

/// The provider that an id begins with: `aws` of `aws-access-key-id`.
fn provider(detector: &str) -> &str {
    detector.split('-').next().unwrap_or(detector)
}

/// Whether a detector's find is completed by an identifier of its provider.
fn wants_identifier(detector: &str) -> bool {
    ["secret", "auth", "password", "private"].iter().any(|word| detector.split('-').any(|part| part == *word))
}

fn half(fact: &SecretFact) -> Half {
    let SecretFact { detector, what, redacted, fingerprint, places, .. } = fact;
    Half {
        detector: detector.clone(),
        what: what.clone(),
        redacted: redacted.clone(),
        fingerprint: fingerprint.clone(),
        places: places.clone(),
    }
}

/// Joins pairs. An identifier that found its secret is told with it and no longer alone; a passphrase stays a finding
/// of its own, because it opens more than one thing. What looks like an example stays one, even beside another example.
pub(super) fn join(mut facts: Vec<SecretFact>, reach: Reach) -> Vec<SecretFact> {
    let mut spent: BTreeSet<String> = BTreeSet::new();
    let mut found: Vec<(usize, Vec<Half>)> = Vec::new();
    for (at, fact) in facts.iter().enumerate().filter(|(_, fact)| fact.grade > Grade::Weak) {
        let halves = match fact.nature {
            Nature::Secret if wants_identifier(&fact.detector) => identifiers_of(fact, &facts, reach),
            Nature::Encrypted => passphrases_of(fact, &facts, reach),
            Nature::Secret | Nature::Identifier => Vec::new(),
        };
        if halves.is_empty() {
            continue;
        }
        if fact.nature == Nature::Secret {
            spent.extend(halves.iter().map(|half| half.fingerprint.clone()));
        }
        found.push((at, halves.into_iter().map(half).collect()));
    }
    for (at, halves) in found {
        if let Some(fact) = facts.get_mut(at) {
            fact.grade = raised(fact.grade);
            fact.halves = halves;
        }
    }
    facts.retain(|fact| !spent.contains(&fact.fingerprint));
    facts
}

/// The identifiers of the same provider that lie beside the secret; else the only one of the image.
fn identifiers_of<'a>(secret: &SecretFact, facts: &'a [SecretFact], reach: Reach) -> Vec<&'a SecretFact> {
    let fits = |fact: &&SecretFact| {
        fact.nature == Nature::Identifier
            && fact.grade > Grade::Weak
            && provider(&fact.detector) == provider(&secret.detector)
    };
    let all: Vec<&SecretFact> = facts.iter().filter(fits).collect();
    let near: Vec<&SecretFact> = all.iter().copied().filter(|fact| meet(secret, fact)).collect();
    match (&all[..], reach) {
        _ if !near.is_empty() => near,
        ([_], Reach::Image) => all,
        _ => Vec::new(),
    }
}

/// The passwords that may open an encrypted key: in its folder, or in a variable that is named for one.
fn passphrases_of<'a>(locked: &SecretFact, facts: &'a [SecretFact], reach: Reach) -> Vec<&'a SecretFact> {
    let folder = |place: &Place| place.path().map(|path| parent(path).to_owned());
    let folders: BTreeSet<String> = locked.places.iter().filter_map(folder).collect();
    let named_for_one = |place: &Place| match place {
        Place::Env { name } => {
            let name = name.to_ascii_uppercase();
            ["PASSPHRASE", "KEYSTORE", "KEY_PASS", "STORE_PASS", "P12", "PFX", "VAULT_PASS"]
                .iter()
                .any(|word| name.contains(word))
        }
        _ => false,
    };
    let opens = |fact: &&SecretFact| {
        let is_password = fact.nature == Nature::Secret
            && fact.grade > Grade::Weak
            && (fact.detector.contains("assignment") || fact.detector.contains("pass"));
        let near = match reach {
            Reach::File => meet(locked, fact),
            Reach::Image => fact
                .places
                .iter()
                .any(|place| folder(place).is_some_and(|folder| folders.contains(&folder)) || named_for_one(place)),
        };
        is_password && near
    };
    facts.iter().filter(opens).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Class, Severity};

    fn fact(detector: &str, nature: Nature, grade: Grade, place: Place) -> SecretFact {
        SecretFact {
            detector: detector.to_owned(),
            what: detector.to_owned(),
            grade,
            nature,
            severity: Severity::High,
            expires: None,
            redacted: String::new(),
            fingerprint: crate::model::Digest::of(format!("{detector}{place:?}").as_bytes()).hex()[..32].to_owned(),
            places: vec![place],
            halves: Vec::new(),
        }
    }

    fn file(path: &str) -> Place {
        Place::Path { path: path.to_owned(), line: None, offset: 0, view: String::new() }
    }

    fn env(name: &str) -> Place {
        Place::Env { name: name.to_owned() }
    }

    #[test]
    fn an_identifier_and_its_secret_are_one_finding_one_grade_surer() {
        let facts = || {
            vec![
                fact("twilio-account-sid", Nature::Identifier, Grade::Structured, env("SID")),
                fact("twilio-auth-token", Nature::Secret, Grade::Contextual, file("a/b")),
            ]
        };
        let joined = join(facts(), Reach::Image);
        let [pair] = &joined[..] else { panic!("{joined:?}") };
        assert_eq!((pair.grade, pair.halves.len()), (Grade::Structured, 1));
        assert_eq!(pair.halves[0].places, [env("SID")]);
        assert_eq!(pair.class(), Class::Own);
        let apart = join(facts(), Reach::File);
        assert_eq!(apart.len(), 2);
        assert_eq!(apart[0].class(), Class::Incomplete);
    }

    #[test]
    fn of_several_identifiers_only_those_beside_the_secret_count() {
        let id = |path| fact("aws-access-key-id", Nature::Identifier, Grade::Structured, file(path));
        let secret = fact("aws-secret-access-key", Nature::Secret, Grade::Contextual, file("a"));
        let joined = join(vec![id("a"), id("b"), secret.clone()], Reach::Image);
        assert_eq!(joined.len(), 2);
        assert_eq!(joined.iter().find(|fact| !fact.halves.is_empty()).expect("pair").halves[0].places, [file("a")]);
        let joined = join(vec![id("b"), id("c"), secret], Reach::Image);
        assert!(joined.iter().all(|fact| fact.halves.is_empty()), "which one is meant is not known");
    }

    #[test]
    fn examples_are_not_raised_and_other_providers_do_not_pair() {
        let id = fact("aws-access-key-id", Nature::Identifier, Grade::Structured, env("A"));
        let weak = fact("aws-secret-access-key", Nature::Secret, Grade::Weak, env("B"));
        assert!(join(vec![id.clone(), weak], Reach::Image).iter().all(|fact| fact.halves.is_empty()));
        let other = fact("twilio-auth-token", Nature::Secret, Grade::Structured, env("B"));
        assert!(join(vec![id, other], Reach::Image).iter().all(|fact| fact.halves.is_empty()));
    }

    #[test]
    fn an_encrypted_key_counts_once_its_passphrase_is_there() {
        let key = fact("encrypted-private-key", Nature::Encrypted, Grade::Structured, file("app/tls/key.pem"));
        assert_eq!(join(vec![key.clone()], Reach::Image)[0].class(), Class::Incomplete);
        for place in [file("app/tls/.env"), env("TLS_KEY_PASSPHRASE")] {
            let word = fact("secret-assignment", Nature::Secret, Grade::Contextual, place);
            let joined = join(vec![key.clone(), word], Reach::Image);
            assert_eq!(joined.len(), 2, "the passphrase stays a finding");
            let key = joined.iter().find(|fact| fact.nature == Nature::Encrypted).expect("the key");
            assert_eq!((key.class(), key.grade), (Class::Own, Grade::Proven));
        }
        let word = fact("secret-assignment", Nature::Secret, Grade::Contextual, file("srv/.env"));
        let joined = join(vec![key, word], Reach::Image);
        assert!(joined.iter().all(|fact| fact.halves.is_empty()), "it lies elsewhere");
    }
}
