//! Credentials in the settings of package and image registries.

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
        id: "docker-config-auth",
        what: "registry password in a Docker config",
        rotate: "change the registry password or revoke the token, and keep the config out of the image",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: &["\"auth\""], text_only: true, read: docker_auth },
        finds: &[
            "# root/.docker/config.json\n{open}\"auths\": {open}\"r.example.org\": {open}\"auth\": \
             \"{base64 robot:(b62 20)}\"{close}{close}{close}",
            "{open}\"auths\":{open}\"r.example.org\":{open}\"auth\":\"{base64 robot:(b62 20)}\"{close}{close}{close}",
        ],
        ignores: &[
            "{open}\"auth\": \"{base64 robot:password}\"{close}",
            "{open}\"auth\": \"none\"{close}",
            "{open}\"auth\": {open}{close}{close}",
            "{open}\"auth\": \"{base64 (b62 30)}\"{close}",
        ],
    },
    Detector {
        id: "npmrc-auth",
        what: "registry credential in npm settings",
        rotate: "revoke the token at the registry, and pass it to the build as a secret mount",
        grade: Grade::Contextual,
        severity: Severity::High,
        nature: Nature::Secret,
        may_show: false,
        seek: Seek::Read { leads: &["_authToken", ":_password", ":_auth"], text_only: true, read: npmrc_auth },
        finds: &[
            "# root/.npmrc\n//r.example.org/:_authToken={hex 8}-{hex 4}-4{hex 3}-a{hex 3}-{hex 12}\n",
            "//r.example.org/:_auth={base64 robot:(b62 20)}\n",
            "//r.example.org/:_password=\"{base64 (b62 20)}\"\n",
        ],
        ignores: &[
            "//r.example.org/:_authToken=${NPM_TOKEN}",
            "//r.example.org/:_authToken=changeme",
            "the _authToken setting",
            "options[':_authToken'] = value",
        ],
    },
];

fn docker_auth(window: &Window<'_>) -> Option<Reading> {
    let start = assignment::value_after(window, b"\"auth\"".len())?;
    let text = &window.bytes[start..];
    let length = text.iter().take(2000).take_while(|&&byte| Class::Base64.has(byte) || byte == b'=').count();
    if length < 8 || text.get(length) != Some(&b'"') {
        return None;
    }
    let decoded = key_material::decode_base64(&text[..length])?;
    let (user, password) = decoded.split_at(memchr::memchr(b':', &decoded)?);
    let password = &password[1..];
    let printable = decoded.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if !printable || user.is_empty() || password.is_empty() || judge::is_reference(password) {
        return None;
    }
    let at_home = window.name == Name::DockerConfig || memchr::memmem::rfind(window.behind(), b"\"auths\"").is_some();
    let grade = match (judge::is_generic(password) || password.len() < 6, at_home) {
        (true, _) => Grade::Weak,
        (false, true) => Grade::Structured,
        (false, false) => Grade::Contextual,
    };
    Some(Reading::new(start, start + length, grade).known_as(password.to_vec()))
}

fn npmrc_auth(window: &Window<'_>) -> Option<Reading> {
    let ahead = window.ahead();
    let lead = ahead.iter().take_while(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':')).count();
    let name = ahead[..lead].strip_prefix(b":").unwrap_or(&ahead[..lead]);
    if !matches!(name, b"_authToken" | b"_auth" | b"_password") {
        return None;
    }
    let blank = ahead[lead..].iter().take_while(|&&byte| byte == b' ').count();
    if ahead.get(lead + blank) != Some(&b'=') {
        return None;
    }
    let from = window.at + lead + blank + 1;
    let from = from + window.bytes[from..].iter().take_while(|&&byte| byte == b' ').count();
    let (start, end) = assignment::value_at(window.bytes, from);
    let value = &window.bytes[start..end];
    if value.len() < 8
        || judge::is_reference(value)
        || !value.iter().all(|&byte| Class::Unreserved.has(byte) || Class::Base64.has(byte) || byte == b'=')
    {
        return None;
    }
    let grade = match (
        judge::is_generic(value) || value.iter().all(u8::is_ascii_alphabetic) && value.len() < 16,
        window.name,
    ) {
        (true, _) => Grade::Weak,
        (false, Name::Npmrc) => Grade::Structured,
        (false, _) => Grade::Contextual,
    };
    Some(Reading::new(start, end, grade))
}
