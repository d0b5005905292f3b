//! Base images that a policy knows by their content.

use serde::Deserialize;

use super::{ImageRef, NonEmpty};
use crate::model::Digest;

/// A digest of a base image's manifest or index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestDigest(pub Digest);

super::text_setting!(
    ManifestDigest,
    expected: "a digest, such as `sha256:…`",
    parse: |text| text.parse().map(ManifestDigest).map_err(|error| format!("`{text}`: {error}")),
    pattern: "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
    about: "The digest of the base's manifest or index."
);

/// The digest of an uncompressed layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerId(pub Digest);

super::text_setting!(
    LayerId,
    expected: "a digest, such as `sha256:…`",
    parse: |text| text.parse().map(LayerId).map_err(|error| format!("`{text}`: {error}")),
    pattern: "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
    about: "An element of the base config's `rootfs.diff_ids`."
);

/// A base image that the policy knows. At least one of `digest` and `diff-ids` is given.
#[derive(Debug, Clone, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KnownBase {
    /// Its name.
    pub r#ref: ImageRef,
    /// Digest of its manifest or index: an annotation that names it is then believed.
    #[serde(default)]
    pub digest: Option<ManifestDigest>,
    /// Its layers, bottom first, as `rootfs.diff_ids` of its config lists them: an image that starts with them is
    /// proved to be built on it.
    #[serde(default)]
    pub diff_ids: Option<NonEmpty<LayerId>>,
}
