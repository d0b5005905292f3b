//! Media types of manifests and layers, and the first bytes of compressed streams.

/// The media types that imgguard knows by name.
pub mod media_types {
    /// OCI image index.
    pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
    /// OCI image manifest.
    pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    /// OCI image config.
    pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
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

/// The layer type behind a media type; none when it is not known.
#[must_use]
pub fn layer_type(media_type: &str) -> Option<LayerType> {
    use Compression as C;
    let (compression, foreign) = match media_type {
        "application/vnd.oci.image.layer.v1.tar" => (C::None, false),
        "application/vnd.oci.image.layer.v1.tar+gzip" => (C::Gzip, false),
        "application/vnd.oci.image.layer.v1.tar+zstd" => (C::Zstd, false),
        "application/vnd.oci.image.layer.nondistributable.v1.tar" => (C::None, true),
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" => (C::Gzip, true),
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd" => (C::Zstd, true),
        "application/vnd.docker.image.rootfs.diff.tar" => (C::None, false),
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => (C::Gzip, false),
        "application/vnd.docker.image.rootfs.diff.tar.zstd" => (C::Zstd, false),
        "application/vnd.docker.image.rootfs.foreign.diff.tar" => (C::None, true),
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => (C::Gzip, true),
        _ => return None,
    };
    Some(LayerType { compression, foreign })
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
    fn types_and_first_bytes_agree() {
        let gzip = layer_type("application/vnd.docker.image.rootfs.diff.tar.gzip").expect("known");
        assert_eq!((gzip.compression, gzip.foreign), (Compression::Gzip, false));
        assert!(layer_type("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip").expect("known").foreign);
        assert_eq!(layer_type("application/vnd.oci.image.layer.v1.tar+br"), None);
        assert_eq!(sniff(&[0x1f, 0x8b, 8]), Compression::Gzip);
        assert_eq!(sniff(&[0x51, 0x2a, 0x4d, 0x18]), Compression::Zstd);
        assert_eq!(sniff(b""), Compression::None);
    }
}
