//! `secrets.names`: no variable or build argument that is called like a secret has a value.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::history_text::{argument, arguments};
use super::setting::{NonEmpty, Wildcard};
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// Words that make a name that of a secret.
const SECRET: &[&str] =
    &["apikey", "auth", "credential", "credentials", "key", "passwd", "password", "pword", "secret", "token"];
/// Words that take it back, wherever they stand in the name.
const HARMLESS: &[&str] = &[
    "public",
    "file",
    "version",
    "sha1",
    "sha256",
    "sha512",
    "md5",
    "checksum",
    "digest",
    "fingerprint",
    "hash",
    "gpg",
];
/// Last words of a name that speak about a secret without being one: `KEY_NAME`, `TOKEN_TTL`.
const ABOUT: &[&str] = &[
    "algorithm",
    "audience",
    "backend",
    "class",
    "count",
    "dir",
    "directory",
    "enabled",
    "endpoint",
    "expires",
    "expiry",
    "field",
    "format",
    "header",
    "host",
    "issuer",
    "length",
    "limit",
    "lifetime",
    "method",
    "mode",
    "name",
    "path",
    "port",
    "prefix",
    "provider",
    "required",
    "scope",
    "server",
    "size",
    "suffix",
    "timeout",
    "ttl",
    "type",
    "uri",
    "url",
    "user",
    "username",
];
/// Values that switch something or say that there is none.
const SETTINGS: &[&str] = &[
    "0",
    "1",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "basic",
    "bearer",
    "oauth",
    "oauth2",
    "oidc",
    "ldap",
    "jwt",
    "enabled",
    "disabled",
    "required",
    "optional",
    "anonymous",
    "default",
];

pub(super) const RULE: Rule = Rule {
    id: "secrets.names",
    code: "IG0505",
    level: Level::Warn,
    summary: "a variable that is called like a secret has a value in the image",
    why: "The environment and the build arguments stand in the image's config in clear text: whoever can pull the image reads \
          them. Whether a value is a secret cannot always be told from its form, but a variable called `API_TOKEN` says itself what \
          it is for. Also a placeholder is in the way: every container that nobody configures starts with it.",
    fix: "Leave the variable out and set it where the container is started. A step of the build gets it as a mount, which leaves \
          no trace:\n\n```dockerfile\nRUN --mount=type=secret,id=api-token,env=API_TOKEN ./fetch.sh\n```\n\nA name that only looks like \
          one goes to `allow`.",
    flags: &[
        ("", "env API_TOKEN=a9f3k2m5x8q1"),
        ("", "env DB_PASSWORD=changeme"),
        ("", "layer RUN |2 VERSION=1 NPM_TOKEN=a9f3k2m5x8q1 /bin/sh -c npm ci"),
        ("", "step ARG SECRET=a9f3k2m5x8q1"),
        ("{segments: [pin]}", "env ADMIN_PIN=4711"),
        ("", "env apikey=a9f3k2m5x8q1"),
    ],
    passes: &[
        ("", "env GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D\nenv PYTHON_SHA256=2a9f3k"),
        ("", "env MONKEY=a9f3k2m5x8q1\nenv KEYBOARD=us\nenv TOKENIZERS_PARALLELISM=false"),
        ("", "env API_TOKEN=\nenv TOKEN_FILE=/run/secrets/token\nenv KEY_NAME=signing\nenv AUTH=none"),
        ("", "env PUBLIC_KEY=a9f3k2m5x8q1\nenv KEY_VERSION=7\nenv TOKEN_TTL=3600"),
        ("{allow: [API_TOKEN, 'DEMO_*']}", "env API_TOKEN=a9f3k2m5x8q1\nenv DEMO_KEY=x1"),
        ("{placeholders: allow}", "env DB_PASSWORD=changeme"),
        ("", "layer RUN apk add --no-cache libcrypto3=3.1.4 libssl3=3.1.4 && export TOKEN=abc"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Names>()?)),
    schema: |generator| generator.subschema_for::<Names>(),
};

/// What a placeholder means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Placeholders {
    /// It is told like any value.
    #[default]
    Report,
    /// It is accepted.
    Allow,
}

/// Which names count.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Names {
    /// Words between `_` that make a name that of a secret, in small letters; apikey, auth, credential, key, password, secret,
    /// token and their like when not given.
    segments: Option<NonEmpty<Wildcard>>,
    /// Names that are no secrets; `GPG_KEY` when not given.
    allow: Vec<Wildcard>,
    /// What a value such as `changeme` means; `report` when not given.
    placeholders: Placeholders,
}

impl Default for Names {
    fn default() -> Self {
        Self { segments: None, allow: vec![Wildcard::new("GPG_KEY")], placeholders: Placeholders::default() }
    }
}

/// The words of a name: between `_`, `-` and `.`, in small letters.
fn segments(name: &str) -> Vec<String> {
    name.split(['_', '-', '.']).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// Whether a value says itself that it is no secret: nothing, a switch, a path, a reference.
fn is_harmless(value: &str) -> bool {
    value.is_empty()
        || SETTINGS.iter().any(|word| value.eq_ignore_ascii_case(word))
        || value.starts_with('/')
        || value.starts_with("./")
        || value.starts_with('$')
        || (value.contains("://") && !value.contains('@'))
}

/// Whether a value is a small number: so many things, so many seconds.
fn is_small_number(value: &str) -> bool {
    value.len() <= 6 && value.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

/// Whether a value is one that people put where a secret will be.
fn is_placeholder(value: &str) -> bool {
    const WORDS: &[&str] = &[
        "changeme",
        "change-me",
        "change_me",
        "replace",
        "placeholder",
        "example",
        "dummy",
        "your-",
        "your_",
        "<",
        "todo",
        "xxx",
        "***",
        "sample",
        "secret",
        "password",
        "insecure",
        "test",
    ];
    let lower = value.to_ascii_lowercase();
    WORDS.iter().any(|word| lower.contains(word))
}

impl Names {
    fn is_secret(&self, name: &str) -> bool {
        if self.allow.iter().any(|pattern| pattern.matches(name)) {
            return false;
        }
        let words = segments(name);
        let last = words.last().map_or("", String::as_str);
        // An id is public, unless it is called the id of a secret.
        let id = last == "id" && !words.iter().any(|word| word == "secret");
        let is_secret = |word: &String| match &self.segments {
            Some(wanted) => wanted.iter().any(|pattern| pattern.matches(word)),
            None => SECRET.contains(&word.as_str()),
        };
        words.iter().any(is_secret)
            && !words.iter().any(|word| HARMLESS.contains(&word.as_str()))
            && !ABOUT.contains(&last)
            && !id
    }

    fn fault(&self, name: &str, value: &str, what: &str, seat: Seat) -> Option<Fault> {
        let value = value.trim();
        // With words of its own a policy may look for numbers: a PIN is one.
        let number = self.segments.is_none() && is_small_number(value);
        if number || is_harmless(value) || !self.is_secret(name) {
            return None;
        }
        let placeholder = is_placeholder(value);
        if placeholder && self.placeholders == Placeholders::Allow {
            return None;
        }
        let kind = if placeholder { "a value that looks like a placeholder" } else { "a value" };
        Some(Fault {
            subject: name.to_owned(),
            message: format!("{what} {} has {kind}, and everyone who pulls the image can read it", code(name)),
            seat,
            fix: None,
        })
    }
}

impl Check for Names {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let config = &image.config;
        let last = |index: usize, name: &str| !config.env.iter().skip(index + 1).any(|(later, _)| later == name);
        let env = config.env.iter().enumerate().filter(|(index, (name, _))| last(*index, name));
        let mut faults: Vec<Fault> = env
            .filter_map(|(index, (name, value))| {
                self.fault(name, value, "the variable", Seat::Config(format!("/config/Env/{index}")))
            })
            .collect();
        let mut seen = 0;
        for (index, step) in (0_u32..).zip(&config.history) {
            let mut pairs = arguments(&step.created_by);
            pairs.extend(argument(&step.created_by));
            seen += pairs.len();
            for (name, value) in pairs {
                let fault = self.fault(name, value, "the build argument", Seat::History(index));
                // Every step repeats the arguments of those before it.
                faults.extend(fault.filter(|fault| !faults.iter().any(|known| known.message == fault.message)));
            }
        }
        if faults.is_empty() {
            let variables = count(config.env.len(), "variable");
            Outcome::Pass(format!("{variables} and {} seen", count(seen, "build argument")))
        } else {
            Outcome::Fail(faults)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    fn is_secret(name: &str) -> bool {
        Names::default().is_secret(name)
    }

    #[test]
    fn names_are_read_word_by_word() {
        for name in
            ["TOKEN", "NPM_TOKEN", "aws_secret_access_key", "DB_PASSWD", "X_API_KEY", "VAULT_SECRET_ID", "APIKEY"]
        {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "MONKEY",
            "KEYS",
            "TOKENS",
            "PASSWORDLESS",
            "GPG_KEY",
            "GPG_KEYS",
            "PYTHON_GPG_KEY",
            "PUBLIC_KEY",
            "TOKEN_FILE",
            "KEY_VERSION",
            "AWS_ACCESS_KEY_ID",
            "KEY_NAME",
            "CC",
            "PATH",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn a_value_is_never_shown() {
        let value = ["a9f3", "k2m5", "x8q1"].concat();
        let image = format!("env API_TOKEN={value}\nlayer RUN |1 NPM_TOKEN={value} /bin/sh -c npm ci");
        let Outcome::Fail(faults) = decide("secrets.names", "", &image) else { panic!("two") };
        assert_eq!(faults.len(), 2);
        assert!(faults.iter().all(|fault| !fault.message.contains(&value)), "{faults:?}");
        assert_eq!(faults[1].seat, Seat::History(0));
    }

    #[test]
    fn a_placeholder_is_told_as_one_and_a_repeated_argument_once() {
        let image = "env SECRET_KEY=change-me-please\nlayer RUN |1 T_TOKEN=q1w2e3r4 /bin/sh -c a\nlayer RUN |1 T_TOKEN=q1w2e3r4 /bin/sh -c b";
        let Outcome::Fail(faults) = decide("secrets.names", "", image) else { panic!("two") };
        assert!(faults[0].message.contains("looks like a placeholder"), "{}", faults[0].message);
        assert_eq!(faults.len(), 2);
        assert!(complaint("secrets.names", "{segments: []}").starts_with("1:12: an empty list"));
    }
}
