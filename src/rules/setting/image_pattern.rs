//! Names of images and patterns for them, with Docker's short names.

use globset::{GlobBuilder, GlobMatcher};

use super::TagPattern;
use crate::model::Digest;

/// The name of an image with Docker's short names written out: `python` is `docker.io/library/python`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageName {
    /// Registry and repository, such as `docker.io/library/python`; `scratch` for the empty base.
    pub repository: String,
    /// The tag, when there is one.
    pub tag: Option<String>,
    /// The digest, when there is one, as written.
    pub digest: Option<String>,
}

impl ImageName {
    /// Takes a name or a pattern apart; none when a part is empty.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        let name_from = rest.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match rest[name_from..].split_once(':') {
            Some((name, tag)) => (&rest[..name_from + name.len()], Some(tag)),
            None => (rest, None),
        };
        let empty = repository.split('/').any(str::is_empty) || tag == Some("") || digest == Some("");
        (!empty).then(|| Self {
            repository: expand(repository),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        })
    }
}

impl std::fmt::Display for ImageName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

/// Writes the registry and `library/` out, as Docker does (distribution, reference/normalize.go).
fn expand(repository: &str) -> String {
    const HUB: &str = "docker.io";
    if repository == "scratch" {
        return repository.to_owned();
    }
    let (host, path) = match repository.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (first, rest),
        _ => (HUB, repository),
    };
    let host = if matches!(host, "index.docker.io" | "registry-1.docker.io") { HUB } else { host };
    if host == HUB && !path.contains('/') { format!("{host}/library/{path}") } else { format!("{host}/{path}") }
}

/// The name of exactly one image: no wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRef(pub ImageName);

super::text_setting!(
    ImageRef,
    expected: "the name of an image, such as `python:3.12-slim`",
    parse: |text| {
        if text.contains(['*', '?', '[', '{']) {
            return Err(format!("`{text}` is a pattern: the name of one image is wanted here"));
        }
        checked(text).map(ImageRef)
    },
    pattern: r"^[^*?\[{\s]+$",
    about: "The name of an image, such as python:3.12-slim."
);

/// A pattern for images: `library/python:3.11-slim*`, `registry.example/base/**`, `scratch`.
///
/// `*` stays within one part of the repository, `**` spans parts. Without a tag every tag matches.
#[derive(Debug, Clone)]
pub struct ImagePattern {
    text: String,
    repository: GlobMatcher,
    tag: Option<TagPattern>,
    digest: Option<Digest>,
}

impl ImagePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// In words, when no image could ever match it.
    pub fn read(text: &str) -> Result<Self, String> {
        let name = checked(text)?;
        if text.starts_with("**/") {
            return Err(format!("`{text}` names no registry: write it out, such as `docker.io/{text}`"));
        }
        let repository = GlobBuilder::new(&name.repository)
            .literal_separator(true)
            .build()
            .map_err(|error| format!("`{text}` is not a pattern for images: {}", error.kind()))?
            .compile_matcher();
        let tag = name.tag.as_deref().map(TagPattern::read).transpose()?;
        let digest = match name.digest {
            None => None,
            Some(digest) => Some(digest.parse().map_err(|error| format!("`{text}`: {error}"))?),
        };
        Ok(Self { text: text.to_owned(), repository, tag, digest })
    }

    /// Whether the image of that name is meant; `digest` is its digest, where it is known beside the name.
    #[must_use]
    pub fn matches(&self, image: &ImageName, digest: Option<&Digest>) -> bool {
        let tag = match (&self.tag, image.tag.as_deref()) {
            (None, _) => true,
            (Some(pattern), Some(tag)) => pattern.matches(tag),
            (Some(_), None) => false,
        };
        let digest = self.digest.as_ref().is_none_or(|wanted| {
            digest == Some(wanted) || image.digest.as_deref().is_some_and(|written| written == wanted.to_string())
        });
        tag && digest && self.repository.is_match(&image.repository)
    }

    /// The name of the one image that it means, tag or digest included; none when it has a wildcard or means every tag.
    #[must_use]
    pub fn exact(&self) -> Option<String> {
        let name = ImageName::read(&self.text).filter(|_| !self.text.contains(['*', '?', '[', '{']))?;
        (name.tag.is_some() || name.digest.is_some() || name.repository == "scratch").then(|| name.to_string())
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A name or pattern that an image could have.
fn checked(text: &str) -> Result<ImageName, String> {
    let bad = |why: &str| format!("`{text}` is not the name of an image: {why}");
    if text.contains("://") {
        return Err(bad("leave out what stands before and with `://`"));
    }
    let name = ImageName::read(text).ok_or_else(|| bad("a part of it is empty"))?;
    if text.bytes().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control()) {
        return Err(bad("it contains a blank"));
    }
    if name.repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(bad("a repository is written in lower case"));
    }
    if name.repository == "scratch" && (name.tag.is_some() || name.digest.is_some()) {
        return Err(bad("`scratch` has neither tag nor digest"));
    }
    Ok(name)
}

super::text_setting!(
    ImagePattern,
    expected: "a pattern for images, such as `python:3.12-slim*`",
    parse: ImagePattern::read,
    pattern: r"^\S+$",
    about: "An image, with `*` and `**` as wildcards; short names are Docker Hub's; without a tag every tag is meant."
);

#[cfg(test)]
mod tests {
    use super::super::tests::read;
    use super::*;

    fn matches(pattern: &str, image: &str) -> bool {
        let pattern = ImagePattern::read(pattern).expect(pattern);
        pattern.matches(&ImageName::read(image).expect(image), None)
    }

    #[test]
    fn short_names_are_those_of_docker_hub() {
        for (short, long) in [
            ("python", "docker.io/library/python"),
            ("library/python:3.11", "docker.io/library/python:3.11"),
            ("docker.io/python", "docker.io/library/python"),
            ("index.docker.io/acme/app", "docker.io/acme/app"),
            ("acme/app:1", "docker.io/acme/app:1"),
            ("localhost/app", "localhost/app"),
            ("127.0.0.1:5000/app:2", "127.0.0.1:5000/app:2"),
            ("registry.example/app", "registry.example/app"),
            ("scratch", "scratch"),
        ] {
            assert_eq!(ImageName::read(short).expect(short).to_string(), long);
        }
        for bad in ["", "a//b", "a:", "/a", "a/", "a@"] {
            assert_eq!(ImageName::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn patterns_stay_within_their_registry() {
        assert!(matches("python:3.11-slim*", "docker.io/library/python:3.11-slim-trixie"));
        assert!(matches("library/python:3.11-slim*", "python:3.11-slim"));
        assert!(!matches("python:3.11-slim*", "evil.example/library/python:3.11-slim"));
        assert!(!matches("python:3.11-slim*", "python"));
        assert!(matches("python", "python:anything"));
        assert!(!matches("python", "acme/python"));
        assert!(matches("gcr.io/distroless/*", "gcr.io/distroless/base-debian12:nonroot"));
        assert!(!matches("gcr.io/distroless/*", "gcr.io/distroless/a/b"));
        assert!(matches("registry.example/**", "registry.example/a/b:1"));
        assert!(matches("scratch", "scratch"));
        assert!(!matches("scratch", "acme/scratch"));
    }

    #[test]
    fn a_digest_in_a_pattern_must_agree() {
        let digest = Digest::of(b"base");
        let pattern = ImagePattern::read(&format!("python:3.12@{digest}")).expect("good");
        let image = ImageName::read("python:3.12").expect("good");
        assert!(pattern.matches(&image, Some(&digest)));
        assert!(!pattern.matches(&image, Some(&Digest::of(b"other"))));
        assert!(!pattern.matches(&image, None));
    }

    #[test]
    fn what_never_matches_is_refused() {
        for bad in ["''", "https://docker.io/python", "Python", "'**/python'", "python@sha256:1", "scratch:1", "'a b'"]
        {
            assert!(read::<ImagePattern>(bad).is_err(), "{bad}");
        }
        assert!(read::<ImageRef>("'python:*'").is_err_and(|error| error.contains("is a pattern")));
    }
}
