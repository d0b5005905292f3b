//! Values that their place makes a secret: tokens of no one vendor, URLs, assignments, password files.

use serde_json::Value;

use super::{Detector, Reading, Seek};
use crate::model::{Grade, Nature, Severity};
use crate::secrets::assignment;
use crate::secrets::key_material;
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
        id: "secret-assignment",
        what: "password, key or token by the name of its setting",
        rotate: "change the value where it is issued, and pass it at run time instead",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Assignment(assignment::read),
        finds: &[
            "DB_PASSWORD={b62 16}",
            "const apiKey = \"{b62 32}\";",
            "<property name=\"password\" value=\"{b62 14}\"/>",
            "spring.datasource.password: {b62 12}\n",
            "- name: DB_PASSWORD\n  value: {b62 16}\n",
            "setPassword('{b62 12}');",
            "# app/.env\nDB_PASSWORD={b62 16}\n",
            "# app/application.properties\nspring.datasource.password={b62 16}\n",
            "# root/.netrc\nmachine a.internal login robot password {b62 16}\n",
            "# root/.pypirc\n[pypi]\nusername = robot\npassword = {b62 16}\n",
            "# app/config.yaml\nauth:\n  client_secret: \"{b62 24}\"\n",
        ],
        ignores: &[
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
    /// `exp` (RFC 7519, section 4.1.4), in seconds since 1970.
    expires: Option<i64>,
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
    let expires = claims.get("exp").and_then(|exp| exp.as_i64().or_else(|| exp.as_f64().map(whole_seconds)));
    Some(Jwt { end: window.at + end, signed, claims, expires })
}

#[expect(clippy::cast_possible_truncation, reason = "seconds; a number out of range becomes the last one in range")]
fn whole_seconds(seconds: f64) -> i64 {
    seconds as i64
}

fn jwt(window: &Window<'_>) -> Option<Reading> {
    let token = read_jwt(window)?;
    let grade = if token.signed { Grade::Contextual } else { Grade::Weak };
    Some(Reading { expires: token.expires, ..Reading::new(window.at, token.end, grade) })
}

fn kubernetes_token(window: &Window<'_>) -> Option<Reading> {
    let token = read_jwt(window)?;
    let issuer = token.claims.get("iss").and_then(Value::as_str).unwrap_or_default();
    let bound = token.claims.get("kubernetes.io").is_some();
    (token.signed && (issuer == "kubernetes/serviceaccount" || bound))
        .then(|| Reading { expires: token.expires, ..Reading::new(window.at, token.end, Grade::Structured) })
}
