//! Package URLs (package-url specification 1.0): how a package is named everywhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The parts of a package URL, not percent-encoded.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Purl {
    /// The type, lower case.
    pub kind: String,
    /// The namespace; parts separated by `/`.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// Qualifiers; empty values are dropped when written.
    pub qualifiers: BTreeMap<String, String>,
    /// The path inside the package.
    pub subpath: Option<String>,
}

/// Why a text is no package URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PurlError {
    /// It does not begin with `pkg:`.
    #[error("a package URL begins with `pkg:`")]
    Scheme,
    /// The type is missing or has other characters than letters, digits, `.` and `-`.
    #[error("the type of a package URL has letters, digits, `.` and `-`")]
    Type,
    /// The name is missing.
    #[error("a package URL has a name")]
    Name,
    /// A percent escape is broken or is no UTF-8.
    #[error("a percent escape is broken")]
    Escape,
}

impl std::fmt::Display for Purl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "pkg:{}/", self.kind)?;
        for part in self.namespace.iter().flat_map(|namespace| namespace.split('/')).filter(|part| !part.is_empty()) {
            write!(formatter, "{}/", encoded(part))?;
        }
        formatter.write_str(&encoded(&self.name))?;
        if let Some(version) = self.version.as_deref().filter(|version| !version.is_empty()) {
            write!(formatter, "@{}", encoded(version))?;
        }
        let mut separator = '?';
        for (key, value) in self.qualifiers.iter().filter(|(_, value)| !value.is_empty()) {
            write!(formatter, "{separator}{key}={}", encoded(value))?;
            separator = '&';
        }
        if let Some(subpath) = &self.subpath {
            let parts: Vec<String> =
                subpath.split('/').filter(|part| !matches!(*part, "" | "." | "..")).map(encoded).collect();
            if !parts.is_empty() {
                write!(formatter, "#{}", parts.join("/"))?;
            }
        }
        Ok(())
    }
}

impl std::str::FromStr for Purl {
    type Err = PurlError;

    fn from_str(text: &str) -> Result<Self, PurlError> {
        let rest = text.strip_prefix("pkg:").ok_or(PurlError::Scheme)?.trim_start_matches('/');
        let (rest, subpath) = match rest.split_once('#') {
            Some((rest, subpath)) => (rest, Some(decoded(subpath.trim_matches('/'))?)),
            None => (rest, None),
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut qualifiers = BTreeMap::new();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            if !value.is_empty() {
                qualifiers.insert(key.to_ascii_lowercase(), decoded(value)?);
            }
        }
        let (kind, rest) = rest.split_once('/').ok_or(PurlError::Type)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        if kind.is_empty() || !kind.bytes().all(allowed) {
            return Err(PurlError::Type);
        }
        let rest = rest.trim_matches('/');
        // A version follows the last `@` behind the last `/`: scopes are written `%40`.
        let cut = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (rest, version) = match rest[cut..].rfind('@') {
            Some(at) if at > 0 => (&rest[..cut + at], Some(decoded(&rest[cut + at + 1..])?)),
            _ => (rest, None),
        };
        let (namespace, name) = match rest.rsplit_once('/') {
            Some((namespace, name)) => (Some(decoded(namespace)?), decoded(name)?),
            None => (None, decoded(rest)?),
        };
        if name.is_empty() {
            return Err(PurlError::Name);
        }
        Ok(Self { kind: kind.to_ascii_lowercase(), namespace, name, version, qualifiers, subpath })
    }
}

/// Percent-encodes everything but letters, digits, `.`, `-`, `_`, `~` and `:`.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn decoded(text: &str) -> Result<String, PurlError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(PurlError::Escape);
        let value = digit()? * 16 + digit()?;
        out.push(u8::try_from(value).map_err(|_| PurlError::Escape)?);
    }
    String::from_utf8(out).map_err(|_| PurlError::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purl_is_written_and_read_back() {
        for text in [
            "pkg:deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&distro=debian-12&upstream=openssl",
            "pkg:deb/debian/x@1:2.4%2Bdfsg-1",
            "pkg:npm/%40angular/core@17.1.0",
            "pkg:golang/github.com/a/b@v1.2.3#sub/dir",
            "pkg:oci/app@sha256:00?repository_url=registry.example%2Fteam%2Fapp",
            "pkg:generic/name",
        ] {
            let purl: Purl = text.parse().expect(text);
            assert_eq!(purl.to_string(), text);
        }
    }

    #[test]
    fn other_spellings_are_understood() {
        let purl: Purl = "pkg://NPM/%40a/b@1%3A2?x=&y=1".parse().expect("a purl");
        assert_eq!(purl.to_string(), "pkg:npm/%40a/b@1:2?y=1");
    }

    #[test]
    fn what_is_no_purl_is_refused() {
        for (text, error) in [
            ("npm/a", PurlError::Scheme),
            ("pkg:npm", PurlError::Type),
            ("pkg:n_m/a", PurlError::Type),
            ("pkg:npm/", PurlError::Name),
            ("pkg:npm/a%2", PurlError::Escape),
            ("pkg:npm/a%ff", PurlError::Escape),
        ] {
            assert_eq!(text.parse::<Purl>(), Err(error), "{text}");
        }
    }
}
