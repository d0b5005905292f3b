//! Hashes of passwords: they open nothing by themselves, but short passwords are guessed from them.

use super::keyed::TOKEN;
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::shape::Class;
use crate::secrets::window::Window;

const HASH: Detector = Detector { severity: Severity::Medium, may_show: false, ..TOKEN };

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "password-hash",
        what: "password hash of an account that can log in",
        rotate: "lock the account or set no password in the image",
        severity: Severity::High,
        seek: Seek::Shadow(shadow_hash),
        finds: &[
            "# etc/shadow\nroot:$6${b62 8}${b62 86}:19000:0:99999:7:::\n",
            "# etc/shadow\napp:$y$j9T${b62 22}${b62 43}:1::::::\n",
        ],
        ignores: &[
            "# etc/shadow\nroot:!$6${b62 8}${b62 86}:1::::::\n",
            "# etc/shadow\nroot:*:19000:0:99999:7:::\n",
            "notes:$6$salt$hash",
        ],
        ..HASH
    },
    Detector {
        id: "bcrypt-hash",
        what: "bcrypt hash of a password",
        rotate: "change the password, and keep the hash out of the image",
        seek: Seek::Read { leads: &["$2a$", "$2b$", "$2y$"], text_only: true, read: bcrypt },
        finds: &[
            "# etc/nginx/.htpasswd\nadmin:$2y$05${b62 53}\n",
            "password_hash: \"$2b$12${b62 53}\"",
            "INSERT INTO users VALUES ('a', '$2a$10${b62 53}');",
        ],
        ignores: &["$2a$10$", "$2y$10$.........................................................", "$2b$12${b62 20}"],
        ..HASH
    },
    Detector {
        id: "crypt-hash",
        what: "hash of a password in the form of crypt(3)",
        rotate: "change the password, and keep the hash out of the image",
        seek: Seek::Read {
            leads: &["$6$", "$5$", "$1$", "$y$", "$7$", "$gy$", "$apr1$"],
            text_only: true,
            read: crypt,
        },
        finds: &[
            "root_password: $6${b62 8}${b62 86}",
            "user:$apr1${b62 8}${b62 22}\n",
            "rootpw --iscrypted $5$rounds=5000${b62 8}${b62 43}",
            "chpasswd -e <<< 'root:$y$j9T${b62 22}${b62 43}'",
        ],
        ignores: &["$6$salt$hash", "awk '{open}print $1$2{close}'", "$1$$6$"],
        ..HASH
    },
    Detector {
        id: "argon2-hash",
        what: "Argon2 hash of a password",
        rotate: "change the password, and keep the hash out of the image",
        seek: Seek::Read { leads: &["$argon2"], text_only: true, read: argon2 },
        finds: &[
            "ADMIN_TOKEN='$argon2id$v=19$m=65540,t=3,p=4${b64 43}${b64 43}'",
            "hash: $argon2i$v=19$m=4096,t=3,p=1${b64 22}${b64 43}",
        ],
        ignores: &["$argon2id$v=19$m=65536,t=3,p=4$", "$argon2id$v=19$m=16,t=2,p=1$c2FsdA$..."],
        ..HASH
    },
    Detector {
        id: "ldap-password-hash",
        what: "salted hash of a password, as in an LDAP directory",
        rotate: "change the password, and keep the hash out of the image",
        seek: Seek::Read { leads: &["SSHA}", "SSHA256}", "SSHA512}", "SMD5}"], text_only: true, read: ldap },
        finds: &["userPassword: {open}SSHA{close}{b64 32}\n", "olcRootPW: {open}SSHA512{close}{b64 96}"],
        ignores: &["{open}SSHA{close}", "userPassword: {open}SSHA{close}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"],
        ..HASH
    },
    Detector {
        id: "django-password-hash",
        what: "PBKDF2 hash of a password, as Django and others store it",
        rotate: "change the password, and keep the hash out of the image",
        seek: Seek::Read {
            leads: &[
                "pbkdf2_sha256$",
                "pbkdf2_sha1$",
                "pbkdf2:sha256:",
                "pbkdf2-sha512$",
                "$pbkdf2-sha256$",
                "$pbkdf2-sha512$",
            ],
            text_only: true,
            read: pbkdf2,
        },
        finds: &["\"password\": \"pbkdf2_sha256$600000${b62 22}${b64 43}=\"", "pbkdf2:sha256:260000${b62 16}${hex 64}"],
        ignores: &["pbkdf2_sha256$", "pbkdf2:sha256:260000$salt$"],
        ..HASH
    },
    Detector {
        id: "kerberos-ticket-hash",
        what: "ticket of a Kerberos account, in the form that is guessed offline",
        rotate: "change the password of the account",
        seek: Seek::Read { leads: &["$krb5tgs$", "$krb5asrep$", "$krb5pa$"], text_only: true, read: kerberos },
        finds: &[
            "$krb5tgs$23$*svc$CORP.LAN$http/web*${hex 32}${hex 400}",
            "$krb5asrep$23$user@CORP.LAN:{hex 32}${hex 300}",
        ],
        ignores: &["$krb5tgs$23$*user", "$krb5asrep$"],
        ..HASH
    },
    Detector {
        id: "ntlm-hash",
        what: "NTLM hash of a Windows password: it logs in as it is",
        rotate: "change the password of the account",
        severity: Severity::High,
        seek: Seek::Read { leads: &["aad3b435b51404eeaad3b435b51404ee:"], text_only: true, read: ntlm },
        finds: &[
            "Administrator:500:aad3b435b51404eeaad3b435b51404ee:{hex 32}:::",
            "-hashes aad3b435b51404eeaad3b435b51404ee:{hex 32}",
        ],
        ignores: &[
            "aad3b435b51404eeaad3b435b51404ee:",
            "aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c0:::",
        ],
        ..HASH
    },
];

/// Reads the second field of a line of `shadow(5)` around the `:$` at the window's place.
fn shadow_hash(window: &Window<'_>) -> Option<Reading> {
    let line = window.behind().iter().rev().take_while(|&&byte| byte != b'\n').count();
    let user = &window.behind()[window.at - line..];
    if user.is_empty() || user.contains(&b':') {
        return None;
    }
    let start = window.at + 1;
    let hash = &window.bytes[start..window.bytes.len().min(start + 300)];
    let hash = &hash[..hash.iter().position(|byte| matches!(byte, b':' | b'\n')).unwrap_or(hash.len())];
    let fields = hash.split(|&byte| byte == b'$').count();
    (hash.len() >= 20 && fields >= 4 && hash.iter().all(u8::is_ascii_graphic))
        .then(|| Reading::new(start, start + hash.len(), Grade::Structured))
}

/// The 64 characters of crypt(3).
fn in_crypt(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')
}

fn run(text: &[u8], of: fn(u8) -> bool) -> usize {
    text.iter().take(200).take_while(|&&byte| of(byte)).count()
}

/// A hash has all kinds of characters in no order; what documentation shows has not.
fn grade(hash: &[u8]) -> Grade {
    super::keyed::graded(hash, super::keyed::class_of(hash), Grade::Structured)
}

fn bcrypt(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let body = ahead.get(7..)?;
    let cost = ahead[4].is_ascii_digit() && ahead[5].is_ascii_digit() && ahead[6] == b'$';
    (cost && run(body, in_crypt) == 53).then(|| Reading::new(window.at, window.at + 60, grade(&body[..53])))
}

/// Reads the parts between dollars: parameters, salt and hash; the kind tells how long the last is.
fn crypt(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let kind = memchr::memchr(b'$', &ahead[1..])? + 2;
    let lengths: &[usize] = match &ahead[..kind] {
        b"$6$" => &[86],
        b"$5$" | b"$y$" | b"$7$" | b"$gy$" => &[43],
        b"$1$" | b"$apr1$" => &[22],
        _ => return None,
    };
    let mut at = kind;
    for _ in 0..4 {
        let part = run(&ahead[at..], |byte| in_crypt(byte) || byte == b'=');
        if ahead.get(at + part) == Some(&b'$') {
            at += part + 1;
            continue;
        }
        let salted = at > kind + 1;
        return (salted && lengths.contains(&part))
            .then(|| Reading::new(window.at, window.at + at + part, grade(&ahead[at..at + part])));
    }
    None
}

fn argon2(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let length = run(ahead, |byte| Class::Base64.has(byte) || matches!(byte, b'$' | b'=' | b','));
    let text = &ahead[..length];
    let text = text.strip_suffix(b",").unwrap_or(text);
    let parts: Vec<&[u8]> = text.split(|&byte| byte == b'$').collect();
    let [_, _, _, parameters, salt, hash] = parts[..] else { return None };
    (parameters.starts_with(b"m=") && salt.len() >= 11 && hash.len() >= 21)
        .then(|| Reading::new(window.at, window.at + text.len(), grade(hash)))
}

fn ldap(window: &Window<'_>) -> Option<Reading> {
    let close = memchr::memchr(b'}', &window.ahead()[..window.ahead().len().min(10)])?;
    let body = &window.ahead()[close + 1..];
    let length = run(body, |byte| Class::Base64.has(byte) || byte == b'=');
    (window.behind().ends_with(b"{") && (24..=140).contains(&length))
        .then(|| Reading::new(window.at - 1, window.at + close + 1 + length, grade(&body[..length])))
}

fn pbkdf2(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let length = run(ahead, |byte| Class::Base64.has(byte) || matches!(byte, b'$' | b'=' | b':' | b'_' | b'-' | b'.'));
    let text = &ahead[..length];
    let parts: Vec<&[u8]> = text.split(|&byte| byte == b'$').collect();
    let (&hash, &salt) = (parts.last()?, parts.get(parts.len().checked_sub(2)?)?);
    (hash.len() >= 27 && salt.len() >= 8 && parts.len() >= 3)
        .then(|| Reading::new(window.at, window.at + length, grade(hash)))
}

fn kerberos(window: &Window<'_>) -> Option<Reading> {
    let ahead = &window.ahead()[..window.ahead().len().min(4000)];
    let end = ahead.iter().position(u8::is_ascii_whitespace).unwrap_or(ahead.len());
    let hash = ahead[..end].rsplit(|&byte| byte == b'$').next()?;
    let digits = hash.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    (digits >= 100).then(|| Reading::new(window.at, window.at + end - hash.len() + digits, Grade::Structured))
}

/// Reads the second hash behind the empty first one.
fn ntlm(window: &Window<'_>) -> Option<Reading> {
    const OF_NOTHING: &[u8] = b"31d6cfe0d16ae931b73c59d7e0c089c0";
    let start = window.at + 33;
    let hash = window.bytes.get(start..start + 32).filter(|hash| hash.iter().all(u8::is_ascii_hexdigit))?;
    let grade =
        if hash == OF_NOTHING { Grade::Weak } else { super::keyed::graded(hash, Class::Hex, Grade::Structured) };
    Some(Reading::new(start, start + 32, grade))
}
