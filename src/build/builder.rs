//! The builders that can be driven, best first.

/// A program that builds images from Dockerfiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Builder {
    /// `BuildKit` through `docker buildx`: all platforms at once, and provenance.
    Buildx,
    /// `buildah`: no daemon.
    Buildah,
    /// `podman build`.
    Podman,
}

/// All builders, in the order in which they are looked for.
pub const BUILDERS: &[Builder] = &[Builder::Buildx, Builder::Buildah, Builder::Podman];

impl Builder {
    /// Its name in options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Buildx => "buildx",
            Self::Buildah => "buildah",
            Self::Podman => "podman",
        }
    }

    /// The builder of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        BUILDERS.iter().copied().find(|builder| builder.name() == name)
    }

    /// The command that succeeds where the builder is there.
    #[must_use]
    pub fn question(self) -> &'static [&'static str] {
        match self {
            Self::Buildx => &["docker", "buildx", "version"],
            Self::Buildah => &["buildah", "--version"],
            Self::Podman => &["podman", "--version"],
        }
    }

    /// Whether it states how an image was built.
    #[must_use]
    pub fn states_provenance(self) -> bool {
        self == Self::Buildx
    }
}
