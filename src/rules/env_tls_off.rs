//! `env.tls-off`: no environment variable switches the check of certificates off.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::setting::Wildcard;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// Which values of a variable switch the check off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Anything, also nothing: the program only looks whether the variable is there.
    Set,
    /// Anything but nothing: a list of hosts without a check.
    Filled,
    /// `0`, `false`, `no`, `off`.
    False,
    /// `1`, `true`, `yes`, `on`.
    True,
}

/// Variables, with what they are read by.
const SWITCHES: &[(&str, When, &str)] = &[
    ("PYTHONHTTPSVERIFY", When::False, "Python"),
    ("NODE_TLS_REJECT_UNAUTHORIZED", When::False, "Node.js"),
    ("NPM_CONFIG_STRICT_SSL", When::False, "npm"),
    ("YARN_STRICT_SSL", When::False, "Yarn"),
    ("YARN_ENABLE_STRICT_SSL", When::False, "Yarn"),
    ("GIT_SSL_NO_VERIFY", When::Set, "Git"),
    ("PIP_TRUSTED_HOST", When::Filled, "pip"),
    ("UV_INSECURE_HOST", When::Filled, "uv"),
    ("GOINSECURE", When::Filled, "Go"),
    ("PERL_LWP_SSL_VERIFY_HOSTNAME", When::False, "Perl"),
    ("CONDA_SSL_VERIFY", When::False, "conda"),
    ("BUNDLE_SSL_VERIFY_MODE", When::False, "Bundler"),
    ("VAULT_SKIP_VERIFY", When::True, "Vault"),
    ("CONSUL_HTTP_SSL_VERIFY", When::False, "Consul"),
    ("NOMAD_SKIP_VERIFY", When::True, "Nomad"),
];

pub(super) const RULE: Rule = Rule {
    id: "env.tls-off",
    code: "IG0903",
    level: Level::Warn,
    summary: "an environment variable switches the check of certificates off",
    why: "With such a variable in the image every connection of that program accepts any certificate, in every container and for \
          good: whoever sits in between reads and changes what is fetched and sent. It is mostly left over from a build behind a \
          proxy.",
    fix: "Add the certificate of the proxy instead of switching the check off, and only in the build:\n\n```dockerfile\nCOPY proxy-ca.crt \
          /usr/local/share/ca-certificates/\nRUN update-ca-certificates\n```\n\n`REQUESTS_CA_BUNDLE`, `NODE_EXTRA_CA_CERTS` and \
          `GIT_SSL_CAINFO` name it to programs with a list of their own.",
    flags: &[
        ("", "env PYTHONHTTPSVERIFY=0"),
        ("", "env NODE_TLS_REJECT_UNAUTHORIZED=0"),
        ("", "env npm_config_strict_ssl=false"),
        ("", "env GIT_SSL_NO_VERIFY="),
        ("", "env PIP_TRUSTED_HOST=pypi.example"),
    ],
    passes: &[
        ("", "env PYTHONHTTPSVERIFY=1\nenv PATH=/usr/bin"),
        ("", "env NODE_TLS_REJECT_UNAUTHORIZED=0\nenv NODE_TLS_REJECT_UNAUTHORIZED=1"),
        ("", "env PIP_TRUSTED_HOST="),
        ("{except: [GOINSECURE]}", "env GOINSECURE=git.example"),
        ("", "env MY_PYTHONHTTPSVERIFY=0"),
    ],
    build: |settings| Ok(Box::new(settings.read::<TlsOff>()?)),
    schema: |generator| generator.subschema_for::<TlsOff>(),
};

/// What is accepted.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct TlsOff {
    /// Variables that may be set.
    except: Vec<Wildcard>,
}

impl When {
    fn holds(self, value: &str) -> bool {
        let is = |words: &[&str]| words.iter().any(|word| value.trim().eq_ignore_ascii_case(word));
        match self {
            Self::Set => true,
            Self::Filled => !value.trim().is_empty(),
            Self::False => is(&["0", "false", "no", "off"]),
            Self::True => is(&["1", "true", "yes", "on", "t"]),
        }
    }
}

impl Check for TlsOff {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let env = &image.config.env;
        let mut faults = Vec::new();
        for (index, (name, value)) in env.iter().enumerate() {
            // The last one of a name counts.
            if env.iter().skip(index + 1).any(|(later, _)| later == name) {
                continue;
            }
            // npm reads its variables in small letters too, other programs do not.
            let named = |known: &str| name == known || known.starts_with("NPM_") && name.eq_ignore_ascii_case(known);
            let Some((_, when, reader)) = SWITCHES.iter().find(|(known, _, _)| named(known)) else { continue };
            if !when.holds(value) || self.except.iter().any(|pattern| pattern.matches(name)) {
                continue;
            }
            faults.push(Fault {
                subject: name.clone(),
                message: match when {
                    When::Filled => format!("{} names hosts whose certificates {reader} does not check", code(name)),
                    _ => format!("{} makes {reader} accept any certificate", code(name)),
                },
                seat: Seat::Config(format!("/config/Env/{index}")),
                fix: Some(format!(
                    "remove {} from the Dockerfile; if the base image sets it, override it",
                    code(format!("ENV {name}"))
                )),
            });
        }
        if faults.is_empty() {
            Outcome::Pass(format!("{} seen", count(env.len(), "variable")))
        } else {
            Outcome::Fail(faults)
        }
    }
}
