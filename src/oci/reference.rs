//! References to images in registries: `[host[:port]/]name[:tag][@digest]` (distribution's reference grammar).

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use crate::model::Digest;

/// The name under which Docker Hub is known everywhere in imgguard.
const DOCKER_HUB: &str = "docker.io";
/// Other hosts that are Docker Hub.
const DOCKER_HUB_ALIASES: &[&str] = &["index.docker.io", "registry-1.docker.io"];
/// Bytes of a repository, by the distribution specification's advice on host and name together.
const MAX_REPOSITORY: usize = 255;
/// Bytes of a whole reference: 255 for the host, 255 for the name, 128 for the tag, 135 for the digest, separators.
const MAX_TEXT: usize = 800;

/// A registry reference; the host is always explicit, Docker Hub's short names are expanded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// Host and port, such as `docker.io`, `127.0.0.1:5000`, `[::1]:5000`.
    pub registry: String,
    /// Repository, such as `library/python`.
    pub repository: String,
    /// Tag, as written; none when absent.
    pub tag: Option<String>,
    /// Digest, as written; none when absent.
    pub digest: Option<Digest>,
}

/// Why a text is not a reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an image reference: {why}")]
pub struct ReferenceError {
    /// The text, shortened and without control characters.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
}

impl Reference {
    /// The repository with its host, without tag and digest: `docker.io/library/python`.
    #[must_use]
    pub fn repository_name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// The tag that is asked for: the written one, `latest` when there is neither tag nor digest.
    #[must_use]
    pub fn effective_tag(&self) -> Option<&str> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag),
            (None, Some(_)) => None,
            (None, None) => Some("latest"),
        }
    }

    /// The short form that people write: `docker.io/library/python:3.12` is `python:3.12`.
    #[must_use]
    pub fn familiar(&self) -> String {
        let full = self.to_string();
        let Some(short) = full.strip_prefix("docker.io/") else { return full };
        short.strip_prefix("library/").filter(|name| !name.contains('/')).unwrap_or(short).to_owned()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        parse(text).map_err(|why| ReferenceError { text: printable(text), why })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(formatter, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(formatter, "@{digest}")?;
        }
        Ok(())
    }
}

fn printable(text: &str) -> String {
    // A URL may carry a password in front of its host: it must not be repeated.
    let text = match (text.find("://").map_or(0, |scheme| scheme + 3), text.rfind('@')) {
        (start, Some(at)) if start < at && text[at..].contains('/') => &format!("{}***{}", &text[..start], &text[at..]),
        _ => text,
    };
    let mut shown: String = text.chars().take(200).flat_map(char::escape_debug).collect();
    if text.chars().nth(200).is_some() {
        shown.push('…');
    }
    shown
}

fn parse(text: &str) -> Result<Reference, String> {
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.len() > MAX_TEXT {
        return Err(format!("it is longer than {MAX_TEXT} bytes"));
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return Err(format!("write it without `{}://`", scheme.escape_debug()));
    }
    if text.parse::<Digest>().is_ok() {
        return Err("a digest alone names no repository: write `repository@sha256:…`".to_owned());
    }
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => {
            let digest = digest.parse::<Digest>().map_err(|error| format!("behind `@` stands no digest: {error}"))?;
            (rest, Some(digest))
        }
        None => (text, None),
    };
    // A colon before the last slash belongs to the host's port, one behind it starts the tag.
    let tag_colon = match (rest.rfind(':'), rest.rfind('/')) {
        (Some(colon), Some(slash)) if colon < slash => None,
        (colon, _) => colon,
    };
    let (name, tag) = match tag_colon {
        Some(colon) => (&rest[..colon], Some(check_tag(&rest[colon + 1..])?)),
        None => (rest, None),
    };
    let (registry, repository) = split_host(name)?;
    let repository = match registry.as_str() {
        DOCKER_HUB if !repository.contains('/') => format!("library/{repository}"),
        _ => repository.to_owned(),
    };
    check_repository(&repository)?;
    Ok(Reference { registry, repository, tag, digest })
}

fn split_host(name: &str) -> Result<(String, &str), String> {
    let is_host = |first: &str| first.contains(['.', ':']) || first.eq_ignore_ascii_case("localhost");
    match name.split_once('/') {
        Some((host, repository)) if is_host(host) => {
            check_host(host)?;
            let host = host.to_ascii_lowercase();
            let host = if DOCKER_HUB_ALIASES.contains(&host.as_str()) { DOCKER_HUB.to_owned() } else { host };
            Ok((host, repository))
        }
        None if name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) => {
            Err("64 hexadecimal digits are an image ID, which no registry knows: write `repository@sha256:…`"
                .to_owned())
        }
        None if name.starts_with('[') => Err("behind the host, `/` and a repository are missing".to_owned()),
        Some(_) | None => Ok((DOCKER_HUB.to_owned(), name)),
    }
}

fn check_host(host: &str) -> Result<(), String> {
    let wrong = || format!("`{}` is not a host name", host.escape_debug());
    let (name, port) = if let Some(inner) = host.strip_prefix('[') {
        let (address, port) = inner.split_once(']').ok_or_else(wrong)?;
        address.parse::<Ipv6Addr>().map_err(|_| format!("`[{}]` is not an IPv6 address", address.escape_debug()))?;
        let port = match port {
            "" => None,
            port => Some(port.strip_prefix(':').ok_or_else(wrong)?),
        };
        (None, port)
    } else {
        match host.split_once(':') {
            Some((name, port)) => (Some(name), Some(port)),
            None => (Some(host), None),
        }
    };
    let component = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if let Some(name) = name
        && !(name.len() <= 253 && name.split('.').all(component))
    {
        return Err(wrong());
    }
    match port {
        None => Ok(()),
        Some(port)
            if port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0) =>
        {
            Ok(())
        }
        Some(port) => Err(format!("`{}` is not a port", port.escape_debug())),
    }
}

fn check_repository(repository: &str) -> Result<(), String> {
    if repository.is_empty() {
        return Err("the repository is missing".to_owned());
    }
    if repository.len() > MAX_REPOSITORY {
        return Err(format!("the repository is longer than {MAX_REPOSITORY} bytes"));
    }
    if repository.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("a repository is written in lower case".to_owned());
    }
    match repository.split('/').find(|component| !is_component(component)) {
        None => Ok(()),
        Some("") => Err("the repository has an empty component".to_owned()),
        Some(component) => Err(format!(
            "`{}` is not a repository component: write lower-case letters and digits, between them `.`, `_`, `__` or `-`",
            component.escape_debug()
        )),
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(component: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let separators = component.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    component.bytes().next().is_some_and(word)
        && component.bytes().next_back().is_some_and(word)
        && separators
            .filter(|separator| !separator.is_empty())
            .all(|separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

fn check_tag(tag: &str) -> Result<String, String> {
    if tag.is_empty() {
        return Err("the tag behind `:` is missing".to_owned());
    }
    if tag.contains('+') {
        return Err("a tag cannot hold `+`: build metadata is usually written with `_`, as in `1.0.0_1`".to_owned());
    }
    let first = tag.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let rest = tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if !first || !rest {
        return Err(format!("`{}` is not a tag: write letters, digits, `_`, `.` and `-`", tag.escape_debug()));
    }
    if tag.len() > 128 {
        return Err("the tag is longer than 128 bytes".to_owned());
    }
    Ok(tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn read(text: &str) -> Reference {
        text.parse().unwrap_or_else(|error: ReferenceError| panic!("{error}"))
    }

    fn why(text: &str) -> String {
        text.parse::<Reference>().expect_err(text).why
    }

    #[test]
    fn docker_hubs_short_names_are_expanded() {
        for (text, full) in [
            ("python", "docker.io/library/python"),
            ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
            ("team/app", "docker.io/team/app"),
            ("docker.io/python", "docker.io/library/python"),
            ("index.docker.io/library/python:3", "docker.io/library/python:3"),
            ("registry-1.docker.io/team/app", "docker.io/team/app"),
            ("localhost/app", "localhost/app"),
            ("localhost:5000/app:1", "localhost:5000/app:1"),
            ("GHCR.io/team/app", "ghcr.io/team/app"),
            ("127.0.0.1:5000/a/b/c:1.0.0", "127.0.0.1:5000/a/b/c:1.0.0"),
            ("[::1]:5000/x", "[::1]:5000/x"),
            ("[::1]/x:y", "[::1]/x:y"),
            ("example.com/a__b/c---d.e_f", "example.com/a__b/c---d.e_f"),
        ] {
            assert_eq!(read(text).to_string(), full);
            assert_eq!(read(full), read(text), "the full form reads back as the same reference");
        }
    }

    #[test]
    fn tag_and_digest_may_stand_together() {
        let reference = read(&format!("example.com:8443/team/app:1.2@sha256:{HEX}"));
        assert_eq!(reference.registry, "example.com:8443");
        assert_eq!(reference.repository, "team/app");
        assert_eq!(reference.tag.as_deref(), Some("1.2"));
        assert_eq!(reference.digest, Some(Digest::of(b"")));
        assert_eq!(reference.repository_name(), "example.com:8443/team/app");
    }

    #[test]
    fn no_tag_and_no_digest_means_latest() {
        assert_eq!(read("app").effective_tag(), Some("latest"));
        assert_eq!(read("app:1").effective_tag(), Some("1"));
        assert_eq!(read(&format!("app@sha256:{HEX}")).effective_tag(), None);
    }

    #[test]
    fn people_see_the_short_form() {
        for (text, short) in [
            ("docker.io/library/python:3", "python:3"),
            ("docker.io/team/app", "team/app"),
            ("docker.io/library/a/b", "library/a/b"),
            ("ghcr.io/library/app", "ghcr.io/library/app"),
        ] {
            assert_eq!(read(text).familiar(), short);
            assert_eq!(read(&read(text).familiar()), read(text), "{text}");
        }
    }

    #[test]
    fn traps_are_errors_with_a_hint() {
        assert!(why(&format!("sha256:{HEX}")).contains("repository@sha256"));
        assert!(why(HEX).contains("image ID"));
        assert!(why("FOO/bar").contains("lower case"));
        assert!(why("ghcr.io/Team/app").contains("lower case"));
        assert!(why("x:1.0.0+1").contains("1.0.0_1"));
        assert!(why("https://ghcr.io/x").contains("without `https://`"));
        assert!(why(&format!("x@md5:{HEX}")).contains("no digest"));
        assert!(why("x@").contains("no digest"));
    }

    #[test]
    fn everything_else_outside_the_grammar_is_refused() {
        let long = format!("example.com/{}", "a".repeat(256));
        let long_tag = format!("a:{}", "t".repeat(129));
        for bad in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            "a:",
            ":a",
            "a b",
            "a/../b",
            ".a",
            "a.",
            "a___b",
            "-a",
            "a:-x",
            "a:.x",
            "[::1]",
            "[::1]:5000",
            "[::g]/x",
            "[::1]x/y",
            "a.b:0/x",
            "a.b:65536/x",
            "a.b:+80/x",
            "a.b:/x",
            "a..b/x",
            "-a.b/x",
            "a_b.c/x",
            "a\u{0}b",
            "ä/b",
            "a:ä",
            "a:1@",
            "user:pw@host/x",
            "a\nb",
            "example.com/a__b/c-_d",
            &long,
            &long_tag,
        ] {
            assert!(bad.parse::<Reference>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn errors_repeat_neither_passwords_nor_control_characters() {
        for text in ["https://user:hunter2@host/x", "user:hunter2@host/x"] {
            let error = text.parse::<Reference>().expect_err("a password").to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let error = "a\u{1b}[31mb".parse::<Reference>().expect_err("control").to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_accepted_reads_back_the_same(text in "[a-z0-9:/@._\\[\\]-]{1,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                proptest::prop_assert_eq!(reference.to_string().parse::<Reference>().expect("reads back"), reference);
            }
        }
    }
}
