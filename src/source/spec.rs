//! What a user writes for an image: a prefix and a path, or a registry reference.

/// A reference with its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageSpec {
    /// `oci:DIR[:TAG|@DIGEST]`: an OCI layout directory.
    Layout {
        /// The folder.
        path: String,
        /// Tag, or `@` and a digest.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]` or `docker-archive:FILE[:TAG]`: what it is shows inside.
    Archive {
        /// The file.
        path: String,
        /// Tag or full name.
        tag: Option<String>,
    },
    /// `docker-daemon:REF`.
    Docker(String),
    /// `podman:REF`.
    Podman(String),
    /// `facts:FILE`: what `inspect -o json` printed.
    Facts(String),
    /// `-`: an archive from standard input.
    Stdin,
    /// A registry reference, not looked at yet.
    Registry(String),
}

/// Why a text names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// Nothing behind the prefix.
    #[error("`{0}` names nothing: write a path or a reference behind the prefix")]
    Empty(String),
    /// No such path.
    #[error("`{0}` does not exist")]
    NoPath(String),
    /// The prefix belongs to another tool.
    #[error("`{0}` is not a prefix of imgguard: write the reference without it")]
    Foreign(&'static str),
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A folder.
    Folder,
    /// A file.
    File,
}

impl ImageSpec {
    /// Reads what the user wrote. `look` tells what stands at a path of the file system. Of paths with colons the longest
    /// that exists counts.
    ///
    /// # Errors
    /// [`SpecError`].
    pub fn parse(text: &str, look: &dyn Fn(&str) -> Option<Found>) -> Result<Self, SpecError> {
        if text == "-" {
            return Ok(Self::Stdin);
        }
        let after = |prefix: &str| match text.strip_prefix(prefix) {
            Some("") => Some(Err(SpecError::Empty(text.to_owned()))),
            Some(rest) => Some(Ok(rest)),
            None => None,
        };
        for (prefix, of) in
            [("docker-daemon:", Self::Docker as fn(String) -> Self), ("podman:", Self::Podman), ("facts:", Self::Facts)]
        {
            if let Some(rest) = after(prefix) {
                return rest.map(|rest| of(rest.to_owned()));
            }
        }
        if let Some(rest) = after("oci:") {
            let (path, tag) = split(rest?, look)?;
            return Ok(Self::Layout { path, tag });
        }
        for prefix in ["oci-archive:", "docker-archive:"] {
            if let Some(rest) = after(prefix) {
                let (path, tag) = split(rest?, look)?;
                return Ok(Self::Archive { path, tag });
            }
        }
        if let Some(rest) = text.strip_prefix("docker://") {
            return Ok(Self::Registry(rest.to_owned()));
        }
        for prefix in ["containers-storage:", "dir:", "containerd:"] {
            if text.starts_with(prefix) {
                return Err(SpecError::Foreign(prefix));
            }
        }
        match look(text) {
            Some(Found::Folder) if look(&format!("{text}/index.json")).is_some() => {
                Ok(Self::Layout { path: text.to_owned(), tag: None })
            }
            Some(Found::File) => Ok(Self::Archive { path: text.to_owned(), tag: None }),
            _ => Ok(Self::Registry(text.to_owned())),
        }
    }
}

/// Path and tag: the longest part before a `:` or `@` that exists is the path.
fn split(rest: &str, look: &dyn Fn(&str) -> Option<Found>) -> Result<(String, Option<String>), SpecError> {
    if look(rest).is_some() {
        return Ok((rest.to_owned(), None));
    }
    for (at, letter) in rest.char_indices().rev() {
        let (path, tag) = (&rest[..at], &rest[at + letter.len_utf8()..]);
        if matches!(letter, ':' | '@') && !tag.is_empty() && !path.is_empty() && look(path).is_some() {
            let tag = if letter == '@' { format!("@{tag}") } else { tag.to_owned() };
            return Ok((path.to_owned(), Some(tag)));
        }
    }
    Err(SpecError::NoPath(rest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ImageSpec, SpecError> {
        ImageSpec::parse(text, &|path| match path {
            "layout" | "a:b" => Some(Found::Folder),
            "layout/index.json" | "image.tar" => Some(Found::File),
            _ => None,
        })
    }

    #[test]
    fn prefixes_paths_and_references_are_told_apart() {
        let layout =
            |path: &str, tag: Option<&str>| ImageSpec::Layout { path: path.to_owned(), tag: tag.map(str::to_owned) };
        assert_eq!(parse("oci:layout:1.0"), Ok(layout("layout", Some("1.0"))));
        assert_eq!(parse("oci:layout@sha256:00"), Ok(layout("layout", Some("@sha256:00"))));
        assert_eq!(parse("oci:a:b"), Ok(layout("a:b", None)));
        assert_eq!(parse("layout"), Ok(layout("layout", None)));
        let named = ImageSpec::Archive { path: "image.tar".to_owned(), tag: Some("localhost/app:1.0".to_owned()) };
        assert_eq!(parse("docker-archive:image.tar:localhost/app:1.0"), Ok(named));
        assert_eq!(parse("app:1.0"), Ok(ImageSpec::Registry("app:1.0".to_owned())));
        assert_eq!(parse("-"), Ok(ImageSpec::Stdin));
        assert_eq!(parse("oci:missing:1.0"), Err(SpecError::NoPath("missing:1.0".to_owned())));
        assert_eq!(parse("oci:"), Err(SpecError::Empty("oci:".to_owned())));
        assert_eq!(parse("dir:x"), Err(SpecError::Foreign("dir:")));
    }
}
