//! Platforms that a policy asks for.

use crate::model::Platform;

/// A platform as a policy names it; the variant may be left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WantedPlatform(pub Platform);

impl std::fmt::Display for WantedPlatform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(formatter)
    }
}

super::text_setting!(
    WantedPlatform,
    expected: "a platform, such as `linux/arm64`",
    parse: |text| text.parse().map(WantedPlatform).map_err(|error: crate::model::PlatformError| error.to_string()),
    pattern: r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$",
    about: "os/architecture[/variant], such as linux/arm64."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    #[test]
    fn names_are_normalised_and_checked() {
        assert_eq!(read::<WantedPlatform>("linux/aarch64").map(|wanted| wanted.to_string()), Ok("linux/arm64".into()));
        assert!(read::<WantedPlatform>("amd64").is_err_and(|error| error.contains("os/architecture")));
    }
}
