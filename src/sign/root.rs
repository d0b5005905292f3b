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

/// Authorities, logs and timestamp services that are believed.
#[derive(Debug, Clone)]
pub struct TrustRoot {
    inner: TrustedRoot,
    kind: RootKind,
    digest: Digest,
}

impl TrustRoot {
    /// One of the embedded roots.
    ///
    /// # Errors
    /// What is wrong; it does not happen with the roots of this version.
    pub fn embedded(kind: RootKind) -> Result<Self, String> {
        let text = match kind {
            RootKind::Staging => SIGSTORE_STAGING_TRUSTED_ROOT,
            RootKind::GitHub => SIGSTORE_GITHUB_TRUSTED_ROOT,
            RootKind::Production | RootKind::File => SIGSTORE_PRODUCTION_TRUSTED_ROOT,
        };
        Self::parse(text.as_bytes(), kind)
    }

    /// Reads a trusted root (`application/vnd.dev.sigstore.trustedroot`, 0.1 and 0.2).
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        Self::parse(bytes, RootKind::File)
    }

    fn parse(bytes: &[u8], kind: RootKind) -> Result<Self, String> {
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
        Ok(Self { inner, kind, digest: Digest::of(bytes) })
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

    /// Seconds since an embedded root was taken; none for files.
    #[must_use]
    pub fn age(&self, now: i64) -> Option<i64> {
        (self.kind != RootKind::File).then(|| now.saturating_sub(EMBEDDED_AT).max(0))
    }

    /// Whether an embedded root is so old that keys may have been changed since.
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
