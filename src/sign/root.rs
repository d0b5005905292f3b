//! Trust roots: authorities, logs and timestamp services that are believed, and when.

use sigstore_verify::trust_root::{
    SIGSTORE_GITHUB_TRUSTED_ROOT, SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT, TrustedRoot,
};

use crate::model::Digest;
use crate::oci::parse_strict;

use super::bundle::printable;

/// Bytes of a trust root.
const MAX_ROOT: usize = 4 << 20;
/// When the embedded roots were taken: seconds since 1970.
const EMBEDDED_AT: i64 = 1_792_713_600;
/// Seconds after which an embedded root deserves a warning.
const OLD: i64 = 90 * 86_400;

/// Where a trust root comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootKind {
    /// The public instance of Sigstore, embedded.
    Production,
    /// Its staging instance, embedded.
    Staging,
    /// GitHub's instance for private repositories, embedded: it has no log and no certificate log.
    GitHub,
    /// A file of the user.
    File,
}

impl RootKind {
    /// The name in files and output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::GitHub => "github",
            Self::File => "file",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Production, Self::Staging, Self::GitHub, Self::File].into_iter().find(|kind| kind.name() == name)
    }
}

/// Authorities, logs and timestamp services that are believed.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    inner: TrustedRoot,
    kind: RootKind,
    taken_at: Option<i64>,
    digest: Digest,
}

impl TrustRoot {
    /// One of the embedded roots.
    ///
    /// # Errors
    /// What is wrong; it does not happen with the roots of this version.
    pub fn embedded(kind: RootKind) -> Result<Self, String> {
        let text = Self::text(kind);
        Self::read_as(text.as_bytes(), kind, Some(EMBEDDED_AT))
    }

    /// The bytes of an embedded root.
    #[must_use]
    pub fn embedded_bytes(kind: RootKind) -> &'static [u8] {
        Self::text(kind).as_bytes()
    }

    /// Reads a trusted root (`application/vnd.dev.sigstore.trustedroot`, 0.1 and 0.2).
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        Self::read_as(bytes, RootKind::File, None)
    }

    fn text(kind: RootKind) -> &'static str {
        match kind {
            RootKind::Staging => SIGSTORE_STAGING_TRUSTED_ROOT,
            RootKind::GitHub => SIGSTORE_GITHUB_TRUSTED_ROOT,
            RootKind::Production | RootKind::File => SIGSTORE_PRODUCTION_TRUSTED_ROOT,
        }
    }

    /// Reads a trusted root of a known instance, which was taken from there at a time (seconds since 1970), when that is known.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read_as(bytes: &[u8], kind: RootKind, taken_at: Option<i64>) -> Result<Self, String> {
        if bytes.len() > MAX_ROOT {
            return Err(format!("it is longer than {MAX_ROOT} bytes"));
        }
        let value = parse_strict(bytes).map_err(|error| error.to_string())?;
        let media_type = value.get("mediaType").and_then(serde_json::Value::as_str).unwrap_or_default();
        let known = media_type.starts_with("application/vnd.dev.sigstore.trustedroot+json;version=0.")
            || media_type.starts_with("application/vnd.dev.sigstore.trustedroot.v0.");
        if !known {
            return Err(format!("its media type is `{}`, not that of a trusted root", printable(media_type)));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is no text".to_owned())?;
        let inner = TrustedRoot::from_json(text).map_err(|error| printable(&error.to_string()))?;
        Ok(Self { inner, kind, taken_at, digest: Digest::of(bytes) })
    }

    /// Where it comes from.
    #[must_use]
    pub fn kind(&self) -> RootKind {
        self.kind
    }

    /// The digest of its bytes.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Seconds since an embedded or installed root was taken; none for files.
    #[must_use]
    pub fn age(&self, now: i64) -> Option<i64> {
        self.taken_at.map(|taken_at| now.saturating_sub(taken_at).max(0))
    }

    /// Whether an embedded or installed root is so old that keys may have been changed since.
    #[must_use]
    pub fn is_old(&self, now: i64) -> bool {
        self.age(now).is_some_and(|age| age > OLD)
    }

    pub(super) fn inner(&self) -> &TrustedRoot {
        &self.inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_roots_are_read_and_grow_old() {
        for kind in [RootKind::Production, RootKind::Staging, RootKind::GitHub] {
            let root = TrustRoot::embedded(kind).expect("embedded");
            assert_eq!(root.kind(), kind);
            assert!(!root.is_old(EMBEDDED_AT) && root.is_old(EMBEDDED_AT + OLD + 1));
        }
        let text = SIGSTORE_PRODUCTION_TRUSTED_ROOT;
        assert_eq!(TrustRoot::read(text.as_bytes()).expect("read").age(0), None);
        for wrong in ["{}", "[]", "{", &text.replace("trustedroot", "trustedboot")] {
            assert!(TrustRoot::read(wrong.as_bytes()).is_err());
        }
    }
}
