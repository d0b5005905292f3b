//! Values that their place makes a secret: tokens of no one vendor, URLs, assignments, password files.

use serde_json::Value;

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::assignment;
use crate::secrets::judge;
use crate::secrets::key_material;
use crate::secrets::name::Name;
use crate::secrets::shape::Class;
use crate::secrets::window::Window;

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        id: "kubernetes-service-account-token",
        what: "token of a Kubernetes service account",
        rotate: "delete the token's secret or the service account in the cluster",
        grade: Grade::Structured,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Read { leads: JWT, text_only: false, read: kubernetes_token },
        finds: &[
            "token: {base64url [\"alg\":\"RS256\",\"kid\":\"a\"]}.{base64url [\"iss\":\"kubernetes/serviceaccount\"]}.{b64u 342}",
        ],
        ignores: &["{base64url [\"alg\":\"HS256\"]}.{base64url [\"sub\":\"1\"]}.{b64u 43}"],
    },
    Detector {
        id: "jwt",
        what: "JSON Web Token",
        rotate: "end the session or revoke the token at its issuer; rotate the signing key if it cannot be revoked",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: true,
        seek: Seek::Read { leads: JWT, text_only: false, read: jwt },
        finds: &["Bearer {base64url [\"alg\":\"HS256\",\"typ\":\"JWT\"]}.{base64url [\"sub\":\"1\"]}.{b64u 43}"],
        ignores: &[
            "{base64url [\"alg\":\"none\"]}.{base64url [\"sub\":\"1\"]}.",
            "{base64url [\"alg\":\"HS256\"]}.{b64u 40}.{b64u 43}",
            "{base64url [\"typ\":\"JWT\"]}.{base64url [\"sub\":\"1\"]}.{b64u 43}",
            "eyJhbGciOi",
        ],
    },
    Detector {
        id: "url-password",
        what: "password in a URL",
        rotate: "change the password of the account, and keep it out of the URL",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Url(url_password),
        finds: &[
            "postgres://app:{b62 14}@db.internal:5432/app",
            "redis://:{b62 14}@cache.internal",
            "url = https://robot:{b62 20}@git.internal/x.git",
            "# root/.git-credentials\nhttps://robot:{b62 20}@git.internal\n",
            "# etc/pip.conf\n[global]\nindex-url = https://robot:{b62 20}@pypi.internal/simple\n",
        ],
        ignores: &[
            "https://user:password@host/path",
            "https://user:pass@example.com/",
            "postgres://postgres:postgres@localhost/db",
            "https://${USER}:${PASSWORD}@host/",
            "https://<user>:<password>@host/",
            "https://host:8080/path@1.2",
            "http://[::1]:80/@x",
            "git+ssh://git@host/x.git",
            "see https://example.org:user@example.com",
            "cvs://:pserver:anoncvs@host.internal/src",
        ],
    },
    Detector {
        id: "secret-assignment",
        what: "password, key or token by the name of its setting",
        rotate: "change the value where it is issued, and pass it at run time instead",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Assignment(assignment::read),
        finds: &[
            "# app/.env\nDB_PASSWORD={b62 16}\n",
            "# app/application.properties\nspring.datasource.password={b62 16}\n",
            "# root/.netrc\nmachine a.internal login robot password {b62 16}\n",
            "# root/.pypirc\n[pypi]\nusername = robot\npassword = {b62 16}\n",
            "# app/config.yaml\nauth:\n  client_secret: \"{b62 24}\"\n",
        ],
        ignores: &[
            "DB_PASSWORD={b62 16}",
            "# app/.env\nDB_PASSWORD=${DB_PASSWORD}\n",
            "# app/.env\nDB_PASSWORD=changeme\nDB_PASSWORD_FILE=/run/secrets/{b62 16}\n",
            "# app/messages.properties\nlogin.password=Enter your password\n",
            "# etc/login.defs.conf\nPASS_MAX_DAYS=99999\n",
            "# app/config.yaml\npublic_key: {b62 40}\n",
        ],
    },
];

/// Base64url of the ways a JOSE header (RFC 7515) begins: `{"alg":`, `{"typ":`, `{"kid":`, `{"x5t":`, `{"jku":`, `{"cty":`.
const JWT: &[&str] = &["eyJhbGci", "eyJ0eXAi", "eyJraWQi", "eyJ4NXQi", "eyJqa3Ui", "eyJjdHki"];

/// A signed token whose header and claims parse (RFC 7519).
struct Jwt {
    end: usize,
    signed: bool,
    claims: Value,
}

fn read_jwt(window: &Window<'_>) -> Option<Jwt> {
    if window.behind().last().is_some_and(|&byte| Class::DottedBase64Url.has(byte)) && !window.begins_word(window.at) {
        return None;
    }
    let text = window.ahead();
    let part = |from: usize| {
        let end = from + Class::Base64Url.run(&text[from..], usize::MAX);
        (end, text.get(end) == Some(&b'.'))
    };
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(&key_material::decode_base64url(bytes)?).ok();
    let (header_end, true) = part(0) else { return None };
    let header = json(&text[..header_end])?;
    let algorithm = header.get("alg")?.as_str()?;
    let (claims_end, true) = part(header_end + 1) else { return None };
    let claims = json(&text[header_end + 1..claims_end]).filter(Value::is_object)?;
    let (end, _) = part(claims_end + 1);
    let signed = !algorithm.eq_ignore_ascii_case("none") && end - claims_end > 20;
    Some(Jwt { end: window.at + end, signed, claims })
}

fn jwt(window: &Window<'_>) -> Option<Reading> {
    let token = read_jwt(window)?;
    Some(Reading::new(window.at, token.end, if token.signed { Grade::Contextual } else { Grade::Weak }))
}

fn kubernetes_token(window: &Window<'_>) -> Option<Reading> {
    let token = read_jwt(window)?;
    let issuer = token.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let bound = token.claims.get("kubernetes.io").is_some();
    (token.signed && (issuer == "kubernetes/serviceaccount" || bound))
        .then(|| Reading::new(window.at, token.end, Grade::Structured))
}

/// Reads `scheme://user:password@host` (RFC 3986, section 3.2.1) around the `://` at the window's place.
fn url_password(window: &Window<'_>) -> Option<Reading> {
    const HOSTS: &[&[u8]] =
        &[b"host", b"hostname", b"server", b"domain", b"localhost", b"127.0.0.1", b"0.0.0.0", b"proxy"];
    let scheme = window.behind().iter().rev().take(20);
    let scheme = scheme.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
    let start = window.at + b"://".len();
    let rest = &window.bytes[start..window.bytes.len().min(start + 300)];
    let ends = |byte: &u8| {
        byte.is_ascii_whitespace()
            || byte.is_ascii_control()
            || matches!(byte, b'/' | b'?' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`' | b'|')
    };
    let authority = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
    let at = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', &authority[..at])?;
    let (user, password, host) = (&authority[..colon], &authority[colon + 1..at], &authority[at + 1..]);
    let template = |text: &[u8]| {
        judge::is_reference(text) || text.iter().any(|byte| matches!(byte, b'{' | b'}' | b'[' | b'(' | b',' | b'*'))
    };
    let host_begins = host.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'[' | b'_'));
    let takes_no_user = window.behind().ends_with(b"redis") || window.behind().ends_with(b"rediss");
    if scheme < 2
        || !host_begins
        || user.is_empty() && !takes_no_user
        || template(password)
        || !user.is_empty() && template(user)
    {
        return None;
    }
    let host = &host[..host.iter().position(|&byte| byte == b':').unwrap_or(host.len())];
    let name = host.rsplit(|&byte| byte == b'.').nth(1).unwrap_or_default();
    let made_up = judge::is_generic(password)
        || password == user
        || password.len() < 5
        || name.eq_ignore_ascii_case(b"example")
        || host.ends_with(b".example")
        || host.ends_with(b".test")
        || window.name != Name::Config && !window.name.holds_credentials() && is_a_word(password)
        || HOSTS.contains(&host) && password.len() < 10 && !password.iter().any(u8::is_ascii_digit);
    let grade = match (made_up, window.name.holds_credentials()) {
        (true, _) => Grade::Weak,
        (false, true) => Grade::Structured,
        (false, false) => Grade::Contextual,
    };
    Some(Reading::new(start + colon + 1, start + at, grade))
}

/// Tells whether it is a short run of letters, as documentation uses for a password.
fn is_a_word(password: &[u8]) -> bool {
    password.len() < 12 && password.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'_'))
}
