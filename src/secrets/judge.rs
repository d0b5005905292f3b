//! Signs that a value is an example, a template or too regular to be random. They lower a grade, they never hide a value.

use super::shape::Class;
use super::vocabulary::{EXAMPLES_INSIDE, GENERIC_WHOLE, SAMPLE_WHOLE, holds};
use crate::model::Grade;

/// Gives the grade below.
pub(super) fn lowered(grade: Grade) -> Grade {
    match grade {
        Grade::Proven => Grade::Structured,
        Grade::Structured => Grade::Contextual,
        Grade::Contextual | Grade::Weak => Grade::Weak,
    }
}

/// Tells whether the value holds a word of examples.
pub(super) fn holds_example_word(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    holds(&EXAMPLES_INSIDE, &lower)
}

/// Tells whether a run of random characters of the class would hardly look like this one.
pub(super) fn is_too_regular(body: &[u8], class: Class) -> bool {
    let limit = match class.size() {
        ..=16 => 8,
        17..=40 => 7,
        _ => 6,
    };
    longest_sequence(body) >= limit
        || repeats(body)
        || least_entropy(class, body).is_some_and(|least| entropy(body) < least)
}

/// Gives the length of the longest run of equal or consecutive characters.
pub(super) fn longest_sequence(body: &[u8]) -> usize {
    let (mut longest, mut length, mut step) = (usize::from(!body.is_empty()), 1, None);
    for pair in body.windows(2) {
        let next = i16::from(pair[1]) - i16::from(pair[0]);
        let steady = next.abs() <= 1;
        length = match step {
            Some(step) if steady && step == next => length + 1,
            _ if steady => 2,
            _ => 1,
        };
        step = steady.then_some(next);
        longest = longest.max(length);
    }
    longest
}

/// Tells whether a pattern of at most 8 characters makes up the whole body.
fn repeats(body: &[u8]) -> bool {
    (1..=8).any(|period| body.len() >= 3 * period && body.iter().zip(&body[period..]).all(|(one, next)| one == next))
}

/// Gives the Shannon entropy in bits per character.
pub(super) fn entropy(body: &[u8]) -> f64 {
    let mut counts = [0u32; 256];
    for &byte in body {
        counts[usize::from(byte)] += 1;
    }
    let all = f64::from(u32::try_from(body.len()).unwrap_or(u32::MAX));
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / all).map(|part| -part * part.log2()).sum()
}

/// Gives the entropy that 999 of 1000 random strings of this class and length exceed; none where it tells nothing.
fn least_entropy(class: Class, body: &[u8]) -> Option<f64> {
    let length = body.len();
    // A class may be wider than what the issuer takes: 32 hexadecimal digits are no poor choice of base 62.
    let narrow = [Class::Hex, Class::UpperHex, Class::LowerAlnum, Class::UpperAlnum];
    let narrow = narrow.iter().find(|narrow| body.iter().all(|&byte| narrow.has(byte)));
    let known: &[(usize, f64)] = match narrow.map_or(class.size(), |narrow| narrow.size().min(class.size())) {
        ..=15 => return None,
        16 => &[(32, 3.13), (40, 3.27), (64, 3.55)],
        17..=32 => &[(16, 2.86), (52, 4.11)],
        33..=40 => &[(32, 3.77)],
        _ => &[(20, 3.48), (24, 3.74), (32, 4.09), (36, 4.20), (40, 4.32), (64, 4.82), (86, 5.02)],
    };
    known.iter().rev().find(|(from, _)| length >= *from).map(|(_, least)| *least)
}

/// Tells whether a password or user name is one that everybody uses as an example, also with digits and signs in place of
/// letters (`p4ssw0rd`), percent escapes, digits at its end, or `my` before it.
pub(super) fn is_generic(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let known = |text: &[u8]| GENERIC_WHOLE.contains(text);
    if known(&lower) || holds_example_word(&lower) || value.len() >= 4 && longest_sequence(value) == value.len() {
        return true;
    }
    let mut plain = Vec::with_capacity(lower.len());
    let mut rest = lower.as_slice();
    while let [byte, after @ ..] = rest {
        rest = match (byte, after) {
            (b'%', [one, other, after @ ..]) if one.is_ascii_hexdigit() && other.is_ascii_hexdigit() => after,
            _ => after,
        };
        plain.extend(match byte {
            b'0' => Some(b'o'),
            b'4' | b'@' => Some(b'a'),
            b'5' | b'$' => Some(b's'),
            b'3' => Some(b'e'),
            byte if byte.is_ascii_alphanumeric() => Some(*byte),
            _ => None,
        });
    }
    if is_made_of_sample_words(value) {
        return true;
    }
    // `123Abpassword`: little but the word.
    if ["password", "secret", "passwd"]
        .iter()
        .any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some() && lower.len() <= word.len() + 5)
    {
        return true;
    }
    let letters = lower.iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |last| last + 1);
    let stem = lower[..letters].strip_prefix(b"my").unwrap_or(&lower[..letters]);
    let plain_stem = plain.strip_prefix(b"my").unwrap_or(&plain);
    [&plain, plain_stem, stem, &lower[..letters]].iter().any(|text| known(text))
}

/// Tells whether a value that a machine should have made says what it is for: `refreshtoken123`.
pub(super) fn holds_key_word(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    ["password", "secret", "token", "passwd"].iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
}

/// Tells whether every part of it is a word of samples or a short number.
fn is_made_of_sample_words(value: &[u8]) -> bool {
    let (mut words, mut all) = (0, true);
    for part in super::words::parts(value) {
        if part[0].is_ascii_digit() {
            all &= part.len() <= 4 || longest_sequence(part) == part.len();
            continue;
        }
        let mut lower = [0; 24];
        let Some(lower) = lower.get_mut(..part.len()) else { return false };
        lower.copy_from_slice(part);
        lower.make_ascii_lowercase();
        all &= SAMPLE_WHOLE.contains(&*lower);
        words += 1;
    }
    all && words > 0
}

/// Tells whether the text stands for a value instead of being one: a variable, a template, a file, a flag, nothing.
pub(super) fn is_reference(value: &[u8]) -> bool {
    const SPECIAL: &[&str] = &[
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "none",
        "null",
        "nil",
        "undefined",
        "required",
        "string",
        "str",
        "optional",
        "boolean",
        "bool",
        "bytes",
        "object",
        "any",
        "nullptr",
        "void",
        "self",
        "this",
        "prompt",
        "generated",
        "auto",
        "unset",
        "empty",
        "todo",
        "tbd",
        "n/a",
    ];
    const LEADS: &[&str] = &[
        "./",
        "../",
        "!",
        "file:",
        "file(",
        "env:",
        "env.",
        "vault:",
        "vault(",
        "op://",
        "ssm:",
        "arn:",
        "ref+",
        "sm://",
        "awssm:",
        "gcpsm:",
        "azurekv:",
        "keyring:",
        "kms:",
        "secret:",
        "secrets.",
        "vars.",
        "var.",
        "local.",
        "data.",
        "each.",
        "module.",
        "self.",
        "this.",
        "args.",
        "config.",
        "settings.",
        "options.",
        "opts.",
        "params.",
        "request.",
        "req.",
        "props.",
        "os.environ",
        "os.getenv",
        "process.env",
        "System.getenv",
        "Environment.",
        "getenv",
        "ENV[",
        "ENV.",
        "env(",
        "lookup(",
        "keyVault",
        "@Microsoft.KeyVault",
        "projects/",
        "secretsmanager:",
        "steps.",
        "inputs.",
        "github.",
        "needs.",
        "matrix.",
        "Values.",
        "ctx.",
        "function(",
        "function ",
        "async ",
        "await ",
        "lambda ",
        "new ",
        "typeof ",
        "require(",
    ];
    const INSIDE: &[&str] =
        &["${", "$(", "{{", "%(", "%s", "%d", "%v", "***", "...", "#{", "<%", "…", "$[", "%{", "\u{2022}"];
    let Some(&first) = value.first() else { return true };
    let holds = |text: &str| memchr::memmem::find(value, text.as_bytes()).is_some();
    let encloses = |open: u8, close: u8| first == open && value.last() == Some(&close);
    matches!(first, b'/' | b'~' | b'{' | b'[' | b'(' | b'&' | b'|')
        || first == b'$' && is_variable(&value[1..])
        || value.iter().all(|&byte| !byte.is_ascii_alphanumeric() && byte < 0x80)
        || LEADS.iter().any(|lead| value.starts_with(lead.as_bytes()))
        || encloses(b'<', b'>')
        || encloses(b'@', b'@')
        || encloses(b'%', b'%')
        || value.starts_with(b"__") && value.ends_with(b"__")
        // What stands between two strings that are joined.
        || encloses(b'+', b'+')
        || memchr::memmem::find(value, b".$").is_some_and(|at| value[..at].iter().all(u8::is_ascii_lowercase))
        || INSIDE.iter().any(|text| holds(text))
        || SPECIAL.iter().any(|word| value.eq_ignore_ascii_case(word.as_bytes()))
}

/// Tells whether what follows a dollar is the name of a variable. Passwords begin with a dollar as well.
fn is_variable(rest: &[u8]) -> bool {
    let name = rest.iter().all(|byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'>' | b'[' | b']' | b'\'' | b':')
    });
    let first = rest.first().copied().unwrap_or(b' ');
    !(first.is_ascii_alphanumeric() || first == b'_')
        || first.is_ascii_digit() && rest.len() < 3
        || name
            && (rest.iter().any(|byte| matches!(byte, b'_' | b'.' | b'>' | b'[' | b':'))
                || !rest.iter().any(u8::is_ascii_digit)
                || rest.len() < 8)
}

/// Tells whether the value is in an envelope whose key is elsewhere.
pub(super) fn is_envelope(value: &[u8]) -> bool {
    const LEADS: &[&str] = &[
        "ENC[",
        "ENC(",
        "vault:v1:",
        "vault:v2:",
        "{AES}",
        "{cipher}",
        "$ANSIBLE_VAULT",
        "AgB",
        "AQICAH",
        "enc:",
        "encrypted:",
        "{noop}",
        "CiQA",
    ];
    LEADS.iter().any(|lead| value.starts_with(lead.as_bytes())) && value.len() >= 8
}

/// Tells whether it ends like the name of a file.
fn has_extension(value: &[u8]) -> bool {
    const EXTENSIONS: &[&str] = &[
        "json",
        "yaml",
        "yml",
        "xml",
        "html",
        "toml",
        "conf",
        "txt",
        "key",
        "pem",
        "crt",
        "cer",
        "pub",
        "jks",
        "p12",
        "pfx",
        "java",
        "class",
        "js",
        "ts",
        "py",
        "rb",
        "go",
        "rs",
        "php",
        "png",
        "svg",
        "jpg",
        "gif",
        "css",
        "sh",
        "sql",
        "log",
        "csv",
        "env",
        "ini",
        "cfg",
        "properties",
        "com",
        "org",
        "net",
        "io",
        "local",
        "internal",
        "keystore",
        "gpg",
        "asc",
        "tf",
        "md",
    ];
    let end = memchr::memrchr(b'.', value).map_or(&value[..0], |dot| &value[dot + 1..]);
    EXTENSIONS.iter().any(|extension| extension.as_bytes() == end)
}

/// Tells whether the value has the form of something that is no secret: an address, a path, a version, a date, a type, the
/// digest of a file, a public key, a sentence.
pub(super) fn is_public_form(value: &[u8]) -> bool {
    let holds = |text: &str| memchr::memmem::find(value, text.as_bytes()).is_some();
    let starts = |leads: &[&str]| leads.iter().any(|lead| value.starts_with(lead.as_bytes()));
    let (mut letters, mut digits, mut upper, mut spaces, mut dots, mut slashes) =
        (0usize, 0usize, 0usize, 0usize, 0usize, 0usize);
    for byte in value {
        letters += usize::from(byte.is_ascii_alphabetic());
        digits += usize::from(byte.is_ascii_digit());
        upper += usize::from(byte.is_ascii_uppercase());
        spaces += usize::from(matches!(byte, b' ' | b'\t'));
        dots += usize::from(*byte == b'.');
        slashes += usize::from(*byte == b'/');
    }
    let dotted = value.iter().all(|&byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b':'));
    let version = digits > 0
        && dots > 0
        && letters <= 6
        && dotted
        && value.iter().find(|byte| **byte != b'v').is_some_and(u8::is_ascii_digit);
    let date = digits >= 6
        && letters <= 2
        && value
            .iter()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'T' | b'Z' | b'.' | b'+' | b' ' | b'/'));
    let named = dotted
        && dots > 0
        && value.split(|&byte| byte == b'.').all(|part| {
            part.is_empty() || part[0].is_ascii_alphabetic() && (super::words::is_wordy(part) || part.len() < 4)
        });
    let named = named || has_extension(value) && dotted;
    let path = slashes >= 2 && upper == 0 && !value.contains(&b'+') || starts(&["C:\\", "c:\\", "D:\\", "..", "\\\\"]);
    let address = memchr::memchr(b'@', value).is_some_and(|at| {
        let domain = &value[at + 1..];
        let end = memchr::memrchr(b'.', domain).map_or(&domain[..0], |dot| &domain[dot + 1..]);
        (2..=6).contains(&end.len())
            && end.iter().all(u8::is_ascii_alphabetic)
            && domain.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    });
    let code = holds("()")
        || holds("->")
        || holds("::")
        || holds("=>")
        || holds("&&")
        || holds("||")
        || holds("==")
        || holds("</")
        || holds("\\d")
        || holds("[a-z")
        || holds("[A-Z")
        || holds("[0-9")
        || holds("(?")
        || holds("[^")
        || holds("].");
    holds("://")
        || starts(&[
            "sha1:",
            "sha1-",
            "sha256:",
            "sha256-",
            "sha384-",
            "sha512-",
            "sha512:",
            "md5:",
            "ssh-rsa ",
            "ssh-ed25519 ",
            "ecdsa-sha2",
            "AAAAB3Nza",
            "AAAAC3Nza",
            "AAAAE2Vj",
            "data:",
            "urn:",
            "-----BEGIN",
            "MIIB",
            "MIID",
            "MIIC",
            "MIIF",
            "MIIE",
            "sha256=",
            "#",
            "age1",
            "0x0",
            // Keys that are made for pages that everybody can read.
            "pk.eyJ",
            "pk_test_",
            "pk_live_",
        ])
        || version
        || date
        || named
        || path
        || address
        || code
        || spaces >= 2
        || spaces == 1 && super::words::is_wordy(value)
        || value.iter().any(u8::is_ascii_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_strings_are_noticed() {
        assert!(is_too_regular(b"0123456789abcdef0123456789abcdef", Class::Hex));
        assert!(is_too_regular(b"aaaaaaaabbbbbbbbccccccccdddddddd", Class::Hex));
        assert!(is_too_regular(b"k3Jk3Jk3Jk3Jk3Jk3Jk3Jk3J", Class::Base62));
        assert!(!is_too_regular(b"9f86d081884c7d659a2feaa0c55ad015", Class::Hex));
        assert!(!is_too_regular(b"kR7vQ2mZx9LpW4tB8nHs", Class::Base62));
    }

    #[test]
    fn sequences_count_in_both_directions() {
        assert_eq!(longest_sequence(b"x4321x"), 4);
        assert_eq!(longest_sequence(b"xaaab"), 3);
        assert_eq!(longest_sequence(b"acegi"), 1);
        assert_eq!(longest_sequence(b""), 0);
    }

    #[test]
    fn references_are_no_values() {
        for text in [
            "${TOKEN}",
            "$TOKEN",
            "{{ token }}",
            "<token>",
            "/run/secrets/db",
            "file:token",
            "true",
            "",
            "****",
            "@pw@",
            "process.env.TOKEN",
            "secrets.DEPLOY_TOKEN",
            "var.password",
            "$db_password",
            "#{password}",
        ] {
            assert!(is_reference(text.as_bytes()), "{text}");
        }
        for text in ["kR7vQ2mZ", "no-way-7", "true-blue-2", "$kR7vQ2mZ9"] {
            assert!(!is_reference(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn forms_of_what_is_public_are_told_from_secrets() {
        for text in [
            "https://login.internal/token2",
            "ops1@corp.lan",
            "1.24.3",
            "v2.0.0-rc1",
            "2024-05-01T10:00:00Z",
            "com.acme.auth.Handler2",
            "etc/app/key1.pem",
            "sha256:9f86d081884c",
            "Enter the password of user 1",
            "get_token2()",
            "a->token1",
            "config.yaml",
        ] {
            assert!(is_public_form(text.as_bytes()), "{text}");
        }
        for text in ["kR7vQ2mZx", "Wq#4tz!9pL", "9f86d081884c7d65", "kR7vQ2mZ.x9LpW4tB", "aB3/dE5+fG7=", "p@ssW9rX2"] {
            assert!(!is_public_form(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn generic_passwords_are_known_in_any_case() {
        for text in [
            "Password",
            "changeme",
            "CHANGEME!",
            "mysecret",
            "MYTOKEN1",
            "p4ssw0rd",
            "p@ssword",
            "pa%2Fssword",
            "12345678",
            "aaaa",
            "your_password",
            "my-super-secret-token",
            "fake-api-key-12345",
            "dummyPassword1",
            "test_secret_key_2",
        ] {
            assert!(is_generic(text.as_bytes()), "{text}");
        }
        for text in ["kR7vQ2mZ", "Winter2024!", "blueHorse77"] {
            assert!(!is_generic(text.as_bytes()), "{text}");
        }
    }
}
