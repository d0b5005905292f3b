//! Credentials in commands, headers and statements: what scripts, histories and Dockerfiles hold.

use super::keyed::KEYED;
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Severity};
use crate::secrets::assignment;
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::shape::Class;
use crate::secrets::window::Window;
use crate::secrets::words;

/// A password, of which nothing is shown.
const PASSWORD: Detector = Detector { may_show: false, ..KEYED };

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "http-basic-authorization",
        what: "user and password of an HTTP Authorization header",
        rotate: "change the password of the account",
        seek: Seek::Read { leads: &["Basic ", "basic "], text_only: true, read: basic },
        finds: &[
            "Authorization: Basic {base64 robot:(b62 16)}",
            "headers = {open}'Authorization': 'Basic {base64 svc-ci:(b62 12)}'{close}",
            "curl -H \"authorization: basic {base64 ab:(b62 10)}\"",
        ],
        ignores: &[
            "Authorization: Basic {base64 user:password}",
            "Authorization: Basic <credentials>",
            "Basic authentication is described below",
            "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ],
        ..PASSWORD
    },
    Detector {
        id: "http-bearer-token",
        what: "bearer token of an HTTP Authorization header",
        rotate: "revoke the token where it was issued",
        seek: Seek::Read {
            leads: &["Bearer ", "bearer ", "Token ", "token ", "ApiKey ", "GenieKey "],
            text_only: true,
            read: bearer,
        },
        finds: &[
            "Authorization: Bearer {b62 32}",
            "-H 'Authorization: token {hex 40}'",
            "headers['Authorization'] = \"Bearer {b62 40}\"",
            "Authorization: ApiKey {b62 40}",
        ],
        ignores: &[
            "Authorization: Bearer <token>",
            "Authorization: Bearer ${TOKEN}",
            "The Bearer authenticationSchemeProvider2",
            "Authorization: Bearer YOUR_ACCESS_TOKEN",
            "token {hex 40}",
        ],
        ..KEYED
    },
    Detector {
        id: "curl-user-password",
        what: "user and password on the command line of curl",
        rotate: "change the password of the account",
        seek: Seek::Read {
            leads: &["-u ", "-u\"", "-u'", "--user ", "--user=", "--proxy-user ", "-U "],
            text_only: true,
            read: curl_user,
        },
        finds: &[
            "curl -u robot:{b62 12} https://repo.internal/x",
            "curl --user 'svc:{b62 16}' -T a b",
            "curl -sSf -u \"ci:{b62 20}\" https://x",
        ],
        ignores: &[
            "curl -u user:password https://x",
            "curl -u $USER:$PASS https://x",
            "useradd -u 1000:1000 app",
            "docker run -u 1000:1000 x",
            "curl -u admin:admin https://x",
        ],
        ..PASSWORD
    },
    Detector {
        id: "command-line-password",
        what: "password on the command line of a program",
        rotate: "change the password, and pass it in a file or a secret mount",
        seek: Seek::Read {
            leads: &[
                "sshpass -p",
                "mysql",
                "docker login",
                "podman login",
                "helm registry login",
                "skopeo login",
                "wget ",
                "mongo",
                "psql",
                "redis-cli",
                "ldapsearch",
                "htpasswd -",
                "sqlcmd",
                "smbclient",
                "az login",
                "lftp",
                "ansible-vault",
                "keytool",
                "openssl ",
            ],
            text_only: true,
            read: command,
        },
        finds: &[
            "sshpass -p {b62 12} ssh root@10.0.0.5",
            "sshpass -p'{b62 10}' scp a b",
            "mysql -uroot -p{b62 14} app < dump.sql",
            "docker login -u robot -p {b62 20} registry.internal",
            "redis-cli -h cache -a {b62 16} ping",
            "htpasswd -bc /etc/nginx/.htpasswd admin {b62 12}",
            "ldapsearch -x -D cn=admin -w {b62 12} -b dc=corp",
            "keytool -import -storepass {b62 10} -alias a",
            "sqlcmd -S sql1 -U sa -P {b62 14} -i a.sql",
            "openssl rsa -in k.pem -passin pass:{b62 12}",
        ],
        ignores: &[
            "sshpass -p $PASS ssh x",
            "mysql -uroot -p app < dump.sql",
            "docker login -u robot --password-stdin",
            "mysql -p\"$MYSQL_ROOT_PASSWORD\"",
            "wget -p https://x",
            "sshpass -p password ssh x",
        ],
        ..PASSWORD
    },
    Detector {
        id: "sql-password",
        what: "password in an SQL statement",
        rotate: "change the password of the database user",
        seek: Seek::Read {
            leads: &[
                "IDENTIFIED BY",
                "identified by",
                "PASSWORD '",
                "password '",
                "PASSWORD = N'",
                "PASSWORD(",
                "PASSWORD = '",
                "PASSWORD=N'",
            ],
            text_only: true,
            read: sql,
        },
        finds: &[
            "CREATE USER 'app'@'%' IDENTIFIED BY '{b62 14}';",
            "ALTER ROLE app WITH LOGIN PASSWORD '{b62 12}';",
            "CREATE LOGIN app WITH PASSWORD = N'{b62 14}'",
        ],
        ignores: &[
            "CREATE USER app IDENTIFIED BY 'password';",
            "IDENTIFIED BY '${DB_PASSWORD}'",
            "ALTER ROLE app WITH PASSWORD 'changeme'",
        ],
        ..PASSWORD
    },
    Detector {
        id: "account-password",
        what: "password that a script gives to an account of the system",
        rotate: "change the password of the account, or lock it",
        seek: Seek::Read { leads: &["chpasswd", "passwd --stdin", "net user "], text_only: true, read: account },
        finds: &[
            "RUN echo 'root:{b62 12}' | chpasswd",
            "echo \"app:{b62 10}\" | sudo chpasswd",
            "chpasswd <<< \"root:{b62 12}\"",
            "echo {b62 12} | passwd --stdin root",
        ],
        ignores: &[
            "echo \"root:$ROOT_PASSWORD\" | chpasswd",
            "echo 'root:root' | chpasswd",
            "chpasswd < /run/secrets/accounts",
        ],
        ..PASSWORD
    },
    Detector {
        id: "server-password",
        what: "password in the settings of a server, behind a blank",
        rotate: "change the password on the server and at its clients",
        severity: Severity::Medium,
        seek: Seek::Read {
            leads: &[
                "requirepass ",
                "masterauth ",
                "rootpw ",
                "bindpw ",
                "auth-pass ",
                "auth_pass ",
                "olcRootPW: ",
                "snmp-server community ",
                "bind_pw ",
            ],
            text_only: true,
            read: server,
        },
        finds: &["requirepass {b62 20}\n", "rootpw {b62 12}\n", "bindpw {b62 12}\n", "    auth_pass {b62 8}\n"],
        ignores: &["\n# requirepass foobared", "requirepass ${REDIS_PASSWORD}", "rootpw --lock", "rootpw secret"],
        ..PASSWORD
    },
];

/// Grades a password that stands where only passwords do.
fn password_grade(value: &[u8]) -> Option<Grade> {
    if value.len() < 3 || judge::is_reference(value) {
        return None;
    }
    let poor =
        value.len() < 6 || judge::is_generic(value) || words::is_wordy(value) || judge::longest_sequence(value) >= 8;
    Some(if poor { Grade::Weak } else { Grade::Contextual })
}

/// Reads base64 of `user:password`.
fn basic(window: &Window<'_>) -> Option<Reading> {
    let start = window.at + b"Basic ".len();
    let text = window.bytes.get(start..)?;
    let body = Class::Base64.run(text, 400);
    let padding = text[body..].iter().take(2).take_while(|&&byte| byte == b'=').count();
    let decoded = key_material::decode_base64(&text[..body])?;
    let colon = memchr::memchr(b':', &decoded)?;
    let (user, password) = (&decoded[..colon], &decoded[colon + 1..]);
    if body < 8 || password.is_empty() || !decoded.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    let grade = if password == user { Grade::Weak } else { password_grade(password)? };
    Some(Reading::new(start, start + body + padding, grade).known_as(password.to_vec()))
}

/// Reads a token behind the kind of an Authorization header.
fn bearer(window: &Window<'_>) -> Option<Reading> {
    let kind = memchr::memchr(b' ', window.ahead())? + 1;
    let start = window.at + kind;
    let text = window.bytes.get(start..)?;
    let length = text
        .iter()
        .take(600)
        .take_while(|&&byte| Class::Unreserved.has(byte) || matches!(byte, b'+' | b'/' | b'='))
        .count();
    let value = &text[..length];
    let from = window.at.saturating_sub(40);
    let before = window.bytes[from..window.at].to_ascii_lowercase();
    let in_header = memchr::memmem::find(&before, b"authorization").is_some()
        || memchr::memmem::find(&before, b"auth").is_some() && window.ahead().starts_with(b"Bearer");
    let made = length >= 16 && value.iter().any(u8::is_ascii_digit) && value.iter().any(u8::is_ascii_alphabetic);
    if !in_header || judge::is_reference(value) || text.get(length) == Some(&b'(') || length < 8 {
        return None;
    }
    let poor = !made
        || judge::is_generic(value)
        || words::is_wordy(value)
        || judge::is_public_form(value)
        || judge::is_too_regular(value, super::keyed::class_of(value));
    Some(Reading::new(start, start + length, if poor { Grade::Weak } else { Grade::Contextual }))
}

/// Gives the bounds of the word at `from`, without quotes.
fn word(bytes: &[u8], from: usize) -> (usize, usize) {
    let at = from + bytes.get(from..).unwrap_or_default().iter().take_while(|&&byte| byte == b' ').count();
    assignment::value_at(bytes, at.min(bytes.len()))
}

/// Reads `user:password` behind the option; numbers are user and group of another program.
fn curl_user(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let option = ahead.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'-').count();
    let from = window.at + option + usize::from(ahead.get(option) == Some(&b'='));
    let line = memchr::memrchr(b'\n', window.behind()).map_or(0, |newline| newline + 1);
    let before = &window.bytes[line..window.at];
    let of_curl = ["curl", "http ", "https ", "wget", "snmp"]
        .iter()
        .any(|name| memchr::memmem::find(before, name.as_bytes()).is_some())
        || before.iter().all(|byte| matches!(byte, b' ' | b'\t'));
    if !of_curl || !before.last().is_none_or(u8::is_ascii_whitespace) {
        return None;
    }
    let (start, end) = word(window.bytes, from);
    let value = &window.bytes[start..end];
    let colon = memchr::memchr(b':', value)?;
    let (user, password) = (&value[..colon], &value[colon + 1..]);
    if user.is_empty() && !password.is_empty() && password.len() < 12
        || value.iter().all(|byte| byte.is_ascii_digit() || *byte == b':')
        || judge::is_reference(user) && !user.is_empty()
        || password.contains(&b'/') && password.contains(&b':')
    {
        return None;
    }
    let grade = if password == user { Grade::Weak } else { password_grade(password)? };
    Some(Reading::new(start + colon + 1, end, grade))
}

/// Programs and the options that a password follows.
const OPTIONS: &[(&str, &[&str])] = &[
    ("sshpass -p", &["-p"]),
    ("mysql", &["-p", "--password="]),
    ("docker login", &["-p ", "--password ", "--password="]),
    ("podman login", &["-p ", "--password ", "--password="]),
    ("helm registry login", &["-p ", "--password ", "--password="]),
    ("skopeo login", &["-p ", "--password ", "--password="]),
    ("wget ", &["--password=", "--http-password=", "--ftp-password=", "--password ", "--http-passwd="]),
    ("mongo", &["-p ", "--password ", "--password="]),
    ("psql", &["password="]),
    ("redis-cli", &["-a ", "--pass "]),
    ("ldapsearch", &["-w "]),
    ("sqlcmd", &["-P "]),
    ("smbclient", &["%"]),
    ("az login", &["-p ", "--password "]),
    ("lftp", &["-u "]),
    ("ansible-vault", &["--vault-password "]),
    ("keytool", &["-storepass ", "-keypass ", "-srcstorepass ", "-deststorepass "]),
    ("openssl ", &["pass:"]),
];

fn command(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let line = memchr::memchr(b'\n', ahead).unwrap_or(ahead.len()).min(400);
    let ahead = &ahead[..line];
    if ahead.starts_with(b"htpasswd -") {
        return htpasswd(window, ahead);
    }
    let (program, options) = OPTIONS.iter().find(|(program, _)| ahead.starts_with(program.as_bytes()))?;
    let name = ahead.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')).count();
    // `mysqldump`, `mongosh`, but not `mysql.connector` or `mongodb://`.
    if !matches!(ahead.get(name), Some(b' ')) {
        return None;
    }
    let attached = *program == "mysql" || program.starts_with("sshpass");
    for option in *options {
        let from = if program.starts_with("sshpass") { 8 } else { name };
        for at in memchr::memmem::find_iter(&ahead[from..], option.as_bytes()).map(|at| from + at) {
            let begins = at == 0
                || matches!(ahead[at - 1], b' ' | b'"' | b'\'')
                || matches!(*option, "pass:" | "%" | "password=");
            let value = window.at + at + option.len();
            let glued = window.bytes.get(value).is_some_and(|byte| *byte != b' ');
            if !begins || attached && *option == "-p" && !glued && !program.starts_with("sshpass") {
                continue;
            }
            let (start, end) = word(window.bytes, value);
            let text = &window.bytes[start..end];
            if text.starts_with(b"-") {
                continue;
            }
            if let Some(grade) = password_grade(text) {
                return Some(Reading::new(start, end, grade));
            }
        }
    }
    None
}

/// Reads the last word of `htpasswd -b FILE USER PASSWORD` or `htpasswd -nb USER PASSWORD`.
fn htpasswd(window: &Window<'_>, line: &[u8]) -> Option<Reading> {
    let line = &line[..line.iter().position(|byte| matches!(byte, b'|' | b'>' | b';' | b'&')).unwrap_or(line.len())];
    let flags = &line[b"htpasswd ".len()..];
    if !flags.iter().take_while(|&&byte| byte != b' ').any(|&byte| byte == b'b') {
        return None;
    }
    let trimmed = line.trim_ascii_end();
    let from = memchr::memrchr(b' ', trimmed)? + 1;
    let (start, end) = word(window.bytes, window.at + from);
    Some(Reading::new(start, end, password_grade(&window.bytes[start..end])?))
}

/// Reads the string behind the words.
fn sql(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let near = &ahead[..ahead.len().min(48)];
    let quote = near.iter().position(|byte| matches!(byte, b'\'' | b'"'))?;
    let between = near[..quote]
        .strip_prefix(b"IDENTIFIED BY")
        .or_else(|| near[..quote].strip_prefix(b"identified by"))
        .unwrap_or_default();
    if !between.iter().all(|byte| matches!(byte, b' ' | b'\\' | b'=' | b'N') || byte.is_ascii_uppercase()) {
        return None;
    }
    let (start, end) = assignment::value_at(window.bytes, window.at + quote);
    let value = &window.bytes[start..end];
    if value.len() > 128 || value.contains(&b' ') {
        return None;
    }
    // Names end in blanks as well: `password 'x'` is prose unless a statement is near.
    let from = window.at.saturating_sub(120);
    let before = window.bytes[from..window.at].to_ascii_uppercase();
    let statement = ["GRANT ", "ALTER ", "CREATE ", "SET PASSWORD"]
        .iter()
        .any(|verb| memchr::memmem::find(&before, verb.as_bytes()).is_some());
    if !statement {
        return None;
    }
    Some(Reading::new(start, end, password_grade(value)?))
}

/// Reads `user:password` before `| chpasswd` or behind `chpasswd <<<`.
fn account(window: &Window<'_>) -> Option<Reading> {
    let bytes = window.bytes;
    let line = memchr::memrchr(b'\n', window.behind()).map_or(0, |newline| newline + 1);
    let before = &bytes[line..window.at];
    if window.ahead().starts_with(b"net user ") {
        return None;
    }
    let from = if let Some(here) = memchr::memmem::find(&window.ahead()[..window.ahead().len().min(24)], b"<<<") {
        window.at + here + 3
    } else {
        let echo = ["echo ", "printf "]
            .iter()
            .filter_map(|word| memchr::memmem::rfind(before, word.as_bytes()).map(|at| at + word.len()))
            .max()?;
        line + echo
    };
    let (start, end) = word(bytes, from);
    let value = &bytes[start..end];
    let value = value.strip_suffix(b"\\n").unwrap_or(value);
    let colon = memchr::memchr(b':', value).map_or(0, |colon| colon + 1);
    if colon == 0 && window.ahead().starts_with(b"chpasswd") || colon > 0 && value[..colon - 1] == value[colon..] {
        return None;
    }
    Some(Reading::new(start + colon, start + value.len(), password_grade(&value[colon..])?))
}

/// Reads the word behind the name at the start of a line.
fn server(window: &Window<'_>) -> Option<Reading> {
    let line = memchr::memrchr(b'\n', window.behind()).map_or(0, |newline| newline + 1);
    if !window.bytes[line..window.at].iter().all(|byte| matches!(byte, b' ' | b'\t')) {
        return None;
    }
    let name = memchr::memchr(b' ', window.ahead())?;
    let (start, end) = word(window.bytes, window.at + name);
    let value = &window.bytes[start..end];
    if value.starts_with(b"-") || value.starts_with(b"{") {
        return None;
    }
    Some(Reading::new(start, end, password_grade(value)?))
}
