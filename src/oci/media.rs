//! Media types of manifests and layers, and the first bytes of compressed streams.

/// The media types that imgguard knows by name.
pub mod media_types {
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image config.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
    /// OCI layer, as it is; compressed with the suffix `+gzip` or `+zstd`.
    pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
    /// Docker manifest list.
    pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    /// Docker image manifest, schema 2.
    pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
    /// Docker image config.
    pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
}

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, one or more members (RFC 1952).
    Gzip,
    /// Zstandard, one or more frames (RFC 8878).
    Zstd,
}

/// What a layer's media type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerType {
    /// Compression.
    pub compression: Compression,
    /// Deprecated non-distributable or foreign layer.
    pub foreign: bool,
}

const OCI_FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";

/// The layer type behind a media type; none when it is not known. Docker's suffixes `.gzip` and `.zstd` and OCI's
/// `+gzip` and `+zstd` count for both families, since builders mix them.
#[must_use]
pub fn layer_type(media_type: &str) -> Option<LayerType> {
    let families =
        [(media_types::OCI_LAYER, false), (OCI_FOREIGN, true), (DOCKER_LAYER, false), (DOCKER_FOREIGN, true)];
    families.into_iter().find_map(|(family, foreign)| {
        let compression = match media_type.strip_prefix(family)? {
            "" => Compression::None,
            "+gzip" | ".gzip" => Compression::Gzip,
            "+zstd" | ".zstd" => Compression::Zstd,
            _ => return None,
        };
        Some(LayerType { compression, foreign })
    })
}

/// Whether a config of this media type belongs to an image that can be run.
#[must_use]
pub fn is_image_config(media_type: &str) -> bool {
    matches!(media_type, media_types::OCI_CONFIG | media_types::DOCKER_CONFIG)
}

/// The compression that the first bytes of a stream show: give at least 6 bytes where there are as many.
#[must_use]
pub fn sniff(head: &[u8]) -> Compression {
    match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Compression::Zstd,
        _ => Compression::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layer_type_in_use_is_known() {
        let known = |compression, foreign| Some(LayerType { compression, foreign });
        for (media_type, expected) in [
            ("application/vnd.oci.image.layer.v1.tar", known(Compression::None, false)),
            ("application/vnd.oci.image.layer.v1.tar+gzip", known(Compression::Gzip, false)),
            ("application/vnd.oci.image.layer.v1.tar+zstd", known(Compression::Zstd, false)),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar", known(Compression::None, true)),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", known(Compression::Gzip, true)),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", known(Compression::Zstd, true)),
            ("application/vnd.docker.image.rootfs.diff.tar", known(Compression::None, false)),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", known(Compression::Gzip, false)),
            ("application/vnd.docker.image.rootfs.diff.tar.zstd", known(Compression::Zstd, false)),
            ("application/vnd.docker.image.rootfs.diff.tar+zstd", known(Compression::Zstd, false)),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar", known(Compression::None, true)),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", known(Compression::Gzip, true)),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.zstd", known(Compression::Zstd, true)),
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", None),
            ("application/vnd.oci.image.layer.v1.tar+xz", None),
            ("application/vnd.in-toto+json", None),
            ("", None),
        ] {
            assert_eq!(layer_type(media_type), expected, "{media_type}");
        }
    }

    #[test]
    fn compression_shows_in_the_first_bytes() {
        assert_eq!(sniff(b"\x1f\x8b\x08\0\0\0"), Compression::Gzip);
        assert_eq!(sniff(b"\x28\xb5\x2f\xfd\0\0"), Compression::Zstd);
        assert_eq!(sniff(b"\x5a\x2a\x4d\x18\0\0"), Compression::Zstd);
        assert_eq!(sniff(b"etc/pa"), Compression::None);
        assert_eq!(sniff(b""), Compression::None);
    }
}
