//! The names of settings, variables and fields: which of them hold secrets.

use super::vocabulary::{
    ABOUT_WHOLE, HARMLESS_WHOLE, LAST, LAST_ENDS, OTHER_KEYS_WHOLE, PASSWORDS_INSIDE, SECRET_INSIDE, holds,
};

/// Longest name, in bytes; of a longer one the end counts.
pub(super) const MAX_NAME: usize = 64;

/// What a name says about the value beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Says {
    /// Nothing.
    Nothing,
    /// It may be one of many kinds of keys: the value has to look like a secret.
    Key,
    /// It is a password, which people choose.
    Password,
    /// It is a token or a key, which machines make.
    Token,
}

/// The words of a name, in capitals.
struct Words {
    letters: [u8; MAX_NAME],
    /// Start of each word in the letters.
    starts: [u8; 24],
    count: usize,
    end: usize,
}

impl Words {
    fn of(name: &[u8]) -> Self {
        let mut words = Self { letters: [0; MAX_NAME], starts: [0; 24], count: 0, end: 0 };
        let mut before = b'_';
        for &byte in &name[name.len().saturating_sub(MAX_NAME)..] {
            if byte.is_ascii_alphanumeric() {
                let begins =
                    !before.is_ascii_alphanumeric() || byte.is_ascii_uppercase() && before.is_ascii_lowercase();
                if begins && words.count < words.starts.len() {
                    words.starts[words.count] = u8::try_from(words.end).unwrap_or(u8::MAX);
                    words.count += 1;
                }
                words.letters[words.end] = byte.to_ascii_uppercase();
                words.end += 1;
            }
            before = byte;
        }
        words
    }

    fn all(&self) -> &[u8] {
        &self.letters[..self.end]
    }

    fn each(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        (0..self.count).map(|index| {
            let end = if index + 1 < self.count { usize::from(self.starts[index + 1]) } else { self.end };
            &self.letters[usize::from(self.starts[index])..end]
        })
    }
}

/// Tells what a name says about its value.
pub(super) fn says(name: &[u8]) -> Says {
    if matches!(name, b"PWD" | b"OLDPWD") {
        return Says::Nothing;
    }
    let words = Words::of(name);
    let mut from_last = words.each().rev();
    let Some(mut last) = from_last.next() else { return Says::Nothing };
    // `password1`, `token_2`: the number says which.
    let digits = last.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == last.len() {
        last = from_last.next().unwrap_or_default();
    } else if digits <= 2 && !ABOUT_WHOLE.contains(last) {
        last = &last[..last.len() - digits];
    }
    if ABOUT_WHOLE.contains(last) || words.each().any(|word| HARMLESS_WHOLE.contains(word)) {
        return Says::Nothing;
    }
    let all = words.all();
    if holds(&PASSWORDS_INSIDE, all) {
        return Says::Password;
    }
    if holds(&SECRET_INSIDE, all) {
        return Says::Token;
    }
    let ends = LAST_ENDS.iter().any(|end| last.ends_with(end.as_bytes()) && last.len() <= 12);
    if LAST.iter().any(|known| known.as_bytes() == last) || ends {
        return if last.ends_with(b"TOKEN") { Says::Token } else { Says::Password };
    }
    let keyed = last == b"KEY" && words.count > 1 || last.ends_with(b"KEY") && last.len() > 4;
    if (keyed || last == b"SALT")
        && !words.each().any(|word| OTHER_KEYS_WHOLE.contains(word))
        && !last.ends_with(b"MONKEY")
    {
        return Says::Key;
    }
    Says::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_secret_name(name: &[u8]) -> bool {
        says(name) > Says::Key
    }

    #[test]
    fn names_of_secrets_are_told_from_names_about_secrets() {
        for name in [
            "DB_PASSWORD",
            "PGPASSWORD",
            "dbPassword",
            "AWS_SECRET_ACCESS_KEY",
            "API_KEY",
            "apiKey",
            "GITHUB_TOKEN",
            "client-secret",
            "SMTP_PASS",
            "Pwd",
            "secret.key.base",
            "--password",
            "CLIENTSECRET",
            "dbpass",
            "authtoken",
            "password1",
            "TOKEN_2",
            "rootpw",
        ] {
            assert!(is_secret_name(name.as_bytes()), "{name}");
        }
        for name in [
            "GPG_KEY",
            "PYTHON_SHA256",
            "PWD",
            "OLDPWD",
            "PASSWORD_FILE",
            "API_KEY_ID",
            "JWT_PUBLIC_KEY",
            "TOKEN_VERSION",
            "KEY_NAME",
            "AUTH_MODE",
            "BYPASS",
            "TOKENIZER",
            "SECRET_NAME",
            "MAX_TOKENS",
            "KEYCLOAK",
            "",
            "tokenUrl",
            "nextPageToken",
            "csrf_token",
            "password_hash",
            "passwordField",
            "key",
            "primary_key",
            "STRIPE_KEY",
        ] {
            assert!(!is_secret_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn keys_of_any_kind_are_worth_a_look_and_keys_of_maps_are_not() {
        for name in ["STRIPE_KEY", "mapbox.key", "AUTH_SALT", "sendgridKey"] {
            assert!(says(name.as_bytes()) >= Says::Key, "{name}");
        }
        for name in ["key", "primary_key", "CACHE_KEY", "sortKey", "GPG_KEY", "SITE_KEY"] {
            assert_eq!(says(name.as_bytes()), Says::Nothing, "{name}");
        }
    }

    #[test]
    fn long_names_end_in_what_they_are() {
        let name = [&b"x_".repeat(60)[..], b"PASSWORD"].concat();
        assert_eq!(says(&name), Says::Password);
    }
}
