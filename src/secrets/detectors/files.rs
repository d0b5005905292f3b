//! Files that are made to hold credentials, and settings of frameworks.

use super::keyed::{KEYED, graded};
use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::assignment;
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::name::Name;
use crate::secrets::shape::Class;
use crate::secrets::window::Window;

/// A password, of which nothing is shown.
const PASSWORD: Detector = Detector { may_show: false, ..KEYED };

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "pgpass-password",
        what: "password of a PostgreSQL password file",
        rotate: "change the password of the database user, and mount the file at run time",
        grade: Grade::Structured,
        seek: Seek::Read {
            leads: &[":5432:", ":5433:", ":6432:", ":*:", ":6543:", ":26257:", ":5439:"],
            text_only: true,
            read: pgpass,
        },
        finds: &["# root/.pgpass\ndb.internal:5432:app:app:{b62 14}\n", "# home/a/.pgpass\n*:*:*:postgres:{b62 12}\n"],
        ignores: &["# root/.pgpass\nhost:5432:db:user:password\n", "127.0.0.1:5432:x:y:{b62 12}"],
        ..PASSWORD
    },
    Detector {
        id: "kubernetes-secret",
        what: "value of a Kubernetes Secret manifest",
        rotate: "change the value where it is issued, and apply the manifest from outside the image",
        grade: Grade::Structured,
        seek: Seek::Read {
            leads: &["\ndata:", "\nstringData:", "\"data\":", "\"stringData\":"],
            text_only: true,
            read: kubernetes_secret,
        },
        finds: &[
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\ntype: Opaque\ndata:\n  username: {base64 (an 12)}\n",
            "apiVersion: v1\ndata:\n  value: {base64 (b62 20)}\nkind: Secret\nmetadata:\n  name: a\n",
            "kind: Secret\nmetadata: {open}name: b{close}\nstringData:\n  conn: \"{b62 24}\"\n",
            "kind: Secret\nstringData:\n  config.ini: |\n    {b62 24}\n",
            "{open}\"kind\": \"Secret\", \"data\": {open}\"v\": \"{base64 (b62 20)}\"{close}{close}",
        ],
        ignores: &[
            "kind: ConfigMap\ndata:\n  value: {base64 (b62 20)}\n",
            "kind: SealedSecret\nspec:\n  encryptedData:\n    a: {b64 200}\n",
            "kind: Secret\ndata:\n  password: {base64 changeme}\n",
            "kind: Secret\ndata:\n  password: {open}{open} .Values.password {close}{close}\n",
        ],
        ..PASSWORD
    },
    Detector {
        id: "laravel-app-key",
        what: "application key of Laravel",
        rotate: "make a new key with `php artisan key:generate`; what it encrypted has to be encrypted again",
        grade: Grade::Structured,
        seek: Seek::Read { leads: &["base64:"], text_only: true, read: laravel },
        finds: &["APP_KEY=base64:{b64 43}=\n", "'key' => env('APP_KEY', 'base64:{b64 43}='),"],
        ignores: &["APP_KEY=base64:", "base64:{b64 43}", "APP_KEY=base64:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="],
        ..PASSWORD
    },
    Detector {
        id: "django-secret-key",
        what: "secret key of Django",
        rotate: "set a new SECRET_KEY from the environment; sessions and signed values end",
        seek: Seek::Read { leads: &["SECRET_KEY"], text_only: true, read: django },
        finds: &["SECRET_KEY = 'django-insecure-{b62 50}'", "SECRET_KEY = \"{b62 40}$x(#{b62 6}\""],
        ignores: &["SECRET_KEY = os.environ['SECRET_KEY']", "SECRET_KEY = 'change-me'", "AWS_SECRET_KEY = '{b62 12}'"],
        ..PASSWORD
    },
    Detector {
        id: "rails-master-key",
        what: "master key of Rails credentials",
        rotate: "make a new key and encrypt the credentials again with `rails credentials:edit`",
        severity: Severity::Critical,
        seek: Seek::Read { leads: &["RAILS_MASTER_KEY", "rails_master_key"], text_only: true, read: rails },
        finds: &["RAILS_MASTER_KEY={hex 32}", "ENV RAILS_MASTER_KEY {hex 32}", "rails_master_key: \"{hex 32}\""],
        ignores: &["RAILS_MASTER_KEY=$(cat config/master.key)", "RAILS_MASTER_KEY={hex 12}"],
        ..PASSWORD
    },
    Detector {
        id: "symfony-app-secret",
        what: "application secret of Symfony",
        rotate: "set a new APP_SECRET; sessions and signed URLs end",
        severity: Severity::Medium,
        seek: Seek::Read { leads: &["APP_SECRET", "kernel.secret"], text_only: true, read: rails },
        finds: &["APP_SECRET={hex 32}\n", "kernel.secret: '{hex 40}'"],
        ignores: &["APP_SECRET=%env(APP_SECRET)%", "APP_SECRET=ThisTokenIsNotSoSecretChangeIt"],
        ..PASSWORD
    },
    Detector {
        id: "wordpress-salt",
        what: "authentication key or salt of WordPress",
        rotate: "replace all keys and salts in wp-config.php; everybody is logged out",
        severity: Severity::Medium,
        seek: Seek::Read {
            leads: &["AUTH_KEY", "LOGGED_IN_KEY", "NONCE_KEY", "AUTH_SALT", "LOGGED_IN_SALT", "NONCE_SALT"],
            text_only: true,
            read: wordpress,
        },
        finds: &[
            "define( 'AUTH_KEY',         '{b62 20}|#{b62 20}>!{b62 20}q' );",
            "define('NONCE_SALT', '{b62 30} +{b62 31}-');",
        ],
        ignores: &["define( 'AUTH_KEY', 'put your unique phrase here' );", "define('AUTH_KEY', getenv('AUTH_KEY'));"],
        ..PASSWORD
    },
    Detector {
        id: "jenkins-credential",
        what: "secret encrypted for Jenkins; the files in its secrets folder open it",
        rotate: "change the secret if the Jenkins home is in the image as well",
        severity: Severity::Medium,
        nature: Nature::Encrypted,
        seek: Seek::Read { leads: &[">{AQAA"], text_only: true, read: jenkins },
        finds: &[
            "<password>{open}AQAAABAAAAAQ{b64 60}={close}</password>",
            "<secret>{open}AQAAABAAAAAg{b64 80}==%{close}</secret>",
        ],
        ignores: &["<a>{open}AQAA{close}</a>", ">{open}AQAAB"],
        ..PASSWORD
    },
    Detector {
        id: "maven-encrypted-password",
        what: "password encrypted for Maven; the master password opens it",
        rotate: "change the password if settings-security.xml is in the image as well",
        severity: Severity::Medium,
        nature: Nature::Encrypted,
        seek: Seek::Read { leads: &["<password>{", "<master>{", "<passphrase>{"], text_only: true, read: maven },
        finds: &[
            "<server><password>{open}{b64 44}{close}</password></server>",
            "<settingsSecurity><master>{open}{b64 60}={close}</master></settingsSecurity>",
        ],
        ignores: &[
            "<password>{open}{open}password{close}{close}</password>",
            "<password>{open}env.X{close}</password>",
        ],
        ..PASSWORD
    },
];

/// Reads the last field of `host:port:database:user:password`.
fn pgpass(window: &Window<'_>) -> Option<Reading> {
    if window.name != Name::Credentials {
        return None;
    }
    let line = memchr::memrchr(b'\n', window.behind()).map_or(0, |newline| newline + 1);
    if window.bytes[line..window.at].contains(&b':') || window.bytes.get(line) == Some(&b'#') {
        return None;
    }
    let end = window.at + memchr::memchr(b'\n', window.ahead()).unwrap_or(window.ahead().len());
    let text = window.bytes[line..end].trim_ascii_end();
    let mut colons = memchr::memchr_iter(b':', text);
    let last = colons.nth(3)? + 1;
    let password = &text[last..];
    if password.len() < 3 {
        return None;
    }
    let grade = if judge::is_generic(password) { Grade::Weak } else { Grade::Structured };
    Some(Reading::new(line + last, line + text.len(), grade))
}

/// Reads the first value that is no placeholder of the data of a Secret, whose kind may stand before or after it.
fn kubernetes_secret(window: &Window<'_>) -> Option<Reading> {
    let bytes = window.bytes;
    let before = memchr::memmem::rfind(window.behind(), b"\n---").map_or(window.behind(), |at| &window.behind()[at..]);
    let end = memchr::memmem::find(window.ahead(), b"\n---").map_or(bytes.len(), |at| window.at + at);
    let after = &bytes[window.at..end];
    let is_secret = |text: &[u8]| {
        [
            "kind: Secret\n",
            "kind: Secret\r",
            "kind: \"Secret\"",
            "kind: 'Secret'",
            "\"kind\": \"Secret\"",
            "\"kind\":\"Secret\"",
        ]
        .iter()
        .any(|kind| memchr::memmem::find(text, kind.as_bytes()).is_some())
            || text.ends_with(b"kind: Secret")
    };
    if !is_secret(before) && !is_secret(after) {
        return None;
    }
    let head = window.ahead().iter().position(|&byte| byte == b':')? + 1;
    let plain = memchr::memmem::find(&window.ahead()[..head], b"stringData").is_some();
    let json = window.ahead().starts_with(b"\"");
    let mut at = window.at + head;
    let mut first = None;
    for _ in 0..40 {
        let (key, value) = if json { json_member(&bytes[..end], at)? } else { yaml_member(&bytes[..end], at)? };
        let _ = key;
        let (start, stop) = if matches!(bytes.get(value), Some(b'|' | b'>')) {
            block_line(&bytes[..end], value)
        } else {
            assignment::value_at(&bytes[..end], value)
        };
        if let Some(grade) = secret_value(&bytes[start..stop], plain) {
            let reading = Reading::new(start, stop, grade);
            if grade > Grade::Weak {
                return Some(reading);
            }
            first = first.or(Some(reading));
        }
        if stop <= at {
            break;
        }
        at = stop;
        if json && bytes[at..end].iter().take(3).any(|&byte| byte == b'}') {
            break;
        }
    }
    first
}

fn secret_value(value: &[u8], plain: bool) -> Option<Grade> {
    if value.len() < 4 || judge::is_reference(value) {
        return None;
    }
    let decoded = if plain {
        value.to_vec()
    } else {
        key_material::decode_base64(
            value.trim_ascii_end().strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value),
        )?
    };
    if decoded.len() < 4 || judge::is_reference(&decoded) {
        return None;
    }
    let weak = judge::is_generic(&decoded)
        || decoded.len() < 6
        || decoded.iter().all(u8::is_ascii_alphabetic) && decoded.len() < 12;
    Some(if weak { Grade::Weak } else { Grade::Structured })
}

/// Gives where the next key of an indented block ends and its value begins; none at the end of the block.
fn yaml_member(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let line = from + memchr::memchr(b'\n', bytes.get(from..)?)? + 1;
    let indent = bytes[line..].iter().take_while(|&&byte| byte == b' ').count();
    if indent == 0 {
        return None;
    }
    let end = line + memchr::memchr(b'\n', &bytes[line..]).unwrap_or(bytes.len() - line);
    let colon = line + memchr::memmem::find(&bytes[line..end], b": ")?;
    let value = colon + 1 + bytes[colon + 1..end].iter().take_while(|&&byte| byte == b' ').count();
    Some((colon, value))
}

fn json_member(bytes: &[u8], from: usize) -> Option<(usize, usize)> {
    let rest = bytes.get(from..)?;
    let key = memchr::memchr(b'"', &rest[..rest.len().min(200)])? + 1;
    let close = key + memchr::memchr(b'"', rest.get(key..)?)?;
    let colon = close + rest.get(close..)?.iter().take(4).position(|&byte| byte == b':')?;
    let value = colon + 1 + rest[colon + 1..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    Some((from + close, from + value))
}

/// Gives the bounds of the first line of a block scalar.
fn block_line(bytes: &[u8], at: usize) -> (usize, usize) {
    let Some(newline) = memchr::memchr(b'\n', &bytes[at..]) else { return (at, at) };
    let line = at + newline + 1;
    let indent = bytes[line..].iter().take_while(|&&byte| byte == b' ').count();
    let start = line + indent;
    (start, start + memchr::memchr(b'\n', &bytes[start..]).unwrap_or(bytes.len() - start))
}

fn laravel(window: &Window<'_>) -> Option<Reading> {
    let start = window.at;
    let text = &window.ahead()[b"base64:".len()..];
    let from = start.saturating_sub(40);
    let named = ["APP_KEY", "'key'", "app_key", "APP_PREVIOUS_KEYS"]
        .iter()
        .any(|name| memchr::memmem::find(&window.bytes[from..start], name.as_bytes()).is_some());
    if !named || Class::Base64.run(text, 50) != 43 || text.get(43) != Some(&b'=') {
        return None;
    }
    Some(Reading::new(start, start + 7 + 44, graded(&text[..43], Class::Base64, Grade::Structured)))
}

fn django(window: &Window<'_>) -> Option<Reading> {
    if !window.begins_word(window.at) {
        return None;
    }
    let start = assignment::value_after(window, b"SECRET_KEY".len())?;
    let quote = *window.bytes.get(start.checked_sub(1)?)?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    let text = &window.bytes[start..];
    let length = text.iter().take(200).position(|&byte| byte == quote || byte == b'\n')?;
    let value = &text[..length];
    let body = value.strip_prefix(b"django-insecure-").unwrap_or(value);
    if judge::is_reference(value)
        || length < 32
        || value.contains(&b' ')
        || crate::secrets::words::is_wordy(body)
        || judge::is_generic(value)
    {
        return None;
    }
    Some(Reading::new(start, start + length, Grade::Contextual))
}

/// Reads 32 or 40 digits behind the name.
fn rails(window: &Window<'_>) -> Option<Reading> {
    let name =
        window.ahead().iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')).count();
    let start = assignment::value_after(window, name)
        .or_else(|| window.behind().ends_with(b"ENV ").then_some(window.at + name + 1))?;
    let text = window.bytes.get(start..)?;
    let length = Class::Hex.run(text, 65);
    let bounded = text.get(length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    (matches!(length, 32 | 40 | 64) && bounded)
        .then(|| Reading::new(start, start + length, graded(&text[..length], Class::Hex, Grade::Contextual)))
}

/// Reads the long string behind the name.
fn wordpress(window: &Window<'_>) -> Option<Reading> {
    let name = window.ahead().iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
    let rest = &window.ahead()[name..];
    let gap = rest.iter().take(24).take_while(|byte| matches!(byte, b'\'' | b'"' | b',' | b' ' | b'=' | b':')).count();
    let quote = *rest.get(gap.checked_sub(1)?)?;
    let separated = rest[..gap].iter().any(|byte| matches!(byte, b',' | b'=' | b':'));
    if !matches!(quote, b'"' | b'\'') || !separated {
        return None;
    }
    let text = &rest[gap..];
    let length = text.iter().take(100).position(|&byte| byte == quote || byte == b'\n')?;
    let value = &text[..length];
    let start = window.at + name + gap;
    let random = (50..=80).contains(&length) && judge::entropy(value) > 4.0;
    random.then(|| Reading::new(start, start + length, Grade::Contextual))
}

fn maven(window: &Window<'_>) -> Option<Reading> {
    let open = memchr::memchr(b'{', window.ahead())? + 1;
    let body = &window.ahead()[open..];
    let length = body.iter().take(300).take_while(|&&byte| Class::Base64.has(byte) || byte == b'=').count();
    (length >= 24 && body.get(length) == Some(&b'}'))
        .then(|| Reading::new(window.at + open, window.at + open + length, Grade::Contextual))
}

fn jenkins(window: &Window<'_>) -> Option<Reading> {
    let body = &window.ahead()[2..];
    let length =
        body.iter().take(2000).take_while(|&&byte| Class::Base64.has(byte) || matches!(byte, b'=' | b'%')).count();
    (length >= 40 && body.get(length) == Some(&b'}'))
        .then(|| Reading::new(window.at + 2, window.at + 2 + length, Grade::Contextual))
}
