//! What a tag says: a full version, a part of one, `latest`, or something else.

use semver::Version;

/// Most characters of a tag (OCI distribution-spec, "Pulling manifests").
const MAX_TAG: usize = 128;

/// Why a tag cannot be used, or a version is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// The registry would refuse it.
    #[error(
        "`{0}` is no tag: a tag has at most 128 letters, digits, `_`, `.` and `-`, and begins with a letter, a digit or `_`"
    )]
    Form(String),
    /// Such names are taken.
    #[error("`{0}` is reserved: registries keep signatures and other evidence under tags of that form")]
    Reserved(String),
    /// No semantic version.
    #[error("`{0}` is no full semantic version such as `1.4.2` or `2.0.0-rc.1`: {1}")]
    Version(String, String),
    /// A version that ends like a variant.
    #[error(
        "the version `{0}` ends with `{1}`, which is declared as a variant: give the version and the variant apart"
    )]
    Ambiguous(String, String),
    /// A name of a channel that would be taken for something else.
    #[error("`{0}` cannot be a channel: it reads as a version or as `latest`")]
    Channel(String),
    /// A suffix that is none.
    #[error(
        "`{0}` is no variant: it is written with its sign, such as `-alpine`, and made of letters, digits, `.` and `-`"
    )]
    Variant(String),
}

/// Checks the form of a tag (OCI distribution-spec) and that it is not kept for evidence.
///
/// # Errors
/// [`TagError::Form`], [`TagError::Reserved`].
pub fn check_tag(tag: &str) -> Result<(), TagError> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = tag.bytes().next().is_some_and(word);
    if !first || tag.len() > MAX_TAG || !tag.bytes().all(|byte| word(byte) || byte == b'.' || byte == b'-') {
        return Err(TagError::Form(tag.to_owned()));
    }
    if is_reserved(tag) { Err(TagError::Reserved(tag.to_owned())) } else { Ok(()) }
}

/// Whether it begins like the fallback tag of the referrers of a digest.
pub(super) fn is_reserved(tag: &str) -> bool {
    [("sha256-", 64), ("sha384-", 96), ("sha512-", 64)].iter().any(|(algorithm, digits)| {
        tag.strip_prefix(algorithm)
            .and_then(|rest| rest.as_bytes().get(..*digits))
            .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    })
}

/// A version as a tag: `+`, which no tag may hold, becomes `_`, which no version holds.
#[must_use]
pub fn version_tag(version: &Version) -> String {
    version.to_string().replace('+', "_")
}

/// The version that a tag names, with or without a `v` before it.
///
/// # Errors
/// [`TagError::Version`].
pub fn version_of_tag(tag: &str) -> Result<Version, TagError> {
    let text = tag.strip_prefix('v').unwrap_or(tag).replacen('_', "+", 1);
    Version::parse(&text).map_err(|error| TagError::Version(tag.to_owned(), error.to_string()))
}

/// What a tag says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A full version.
    Exact(Version),
    /// `MAJOR.MINOR`
    Minor(u64, u64),
    /// `MAJOR`
    Major(u64),
    /// `latest`
    Latest,
    /// Something else.
    Other,
}

/// How the tags of a repository are to be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scheme {
    /// Suffixes of variants with their sign, such as `-alpine`; longest first.
    variants: Vec<String>,
}

impl Scheme {
    /// With these suffixes.
    ///
    /// # Errors
    /// [`TagError::Variant`] when one is no suffix.
    pub fn new(variants: impl IntoIterator<Item = String>) -> Result<Self, TagError> {
        let mut variants: Vec<String> = variants.into_iter().collect();
        for variant in &variants {
            let rest = variant.strip_prefix('-').unwrap_or_default();
            let good = rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-');
            if rest.is_empty() || !good {
                return Err(TagError::Variant(variant.clone()));
            }
        }
        variants.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
        variants.dedup();
        Ok(Self { variants })
    }

    /// The declared suffixes, longest first.
    #[must_use]
    pub fn variants(&self) -> &[String] {
        &self.variants
    }

    /// Takes the variant off a text; the second part is the suffix, or empty.
    #[must_use]
    pub fn split<'a>(&self, text: &'a str) -> (&'a str, &str) {
        let found =
            self.variants.iter().find_map(|variant| Some((text.strip_suffix(variant.as_str())?, variant.as_str())));
        found.filter(|(rest, _)| !rest.is_empty()).unwrap_or((text, ""))
    }

    /// Reads a tag: what it says, and its variant (empty for none).
    #[must_use]
    pub fn read<'a>(&'a self, tag: &'a str) -> (Named, &'a str) {
        // The variant alone is its `latest`: `alpine`.
        if let Some(variant) = self.variants.iter().find(|variant| variant.strip_prefix('-') == Some(tag)) {
            return (Named::Latest, variant);
        }
        let (stem, variant) = self.split(tag);
        if stem == "latest" {
            return (Named::Latest, variant);
        }
        if let Ok(version) = version_of_tag(stem) {
            return (Named::Exact(version), variant);
        }
        let number = |text: &str| {
            let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse::<u64>().ok()).flatten().filter(|_| text == "0" || !text.starts_with('0'))
        };
        let digits = stem.strip_prefix('v').unwrap_or(stem);
        let named = match digits.split_once('.') {
            Some((major, minor)) => number(major).zip(number(minor)).map(|(major, minor)| Named::Minor(major, minor)),
            // A bare number of six digits and more is a date or the number of a build.
            None => number(digits).filter(|_| digits.len() < 6).map(Named::Major),
        };
        (named.unwrap_or(Named::Other), variant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheme() -> Scheme {
        Scheme::new(["-alpine".to_owned(), "-alpine3.20".to_owned(), "-debug".to_owned()]).expect("suffixes")
    }

    #[test]
    fn tags_are_read_with_their_variants() {
        let exact = |text: &str| Named::Exact(Version::parse(text).expect("a version"));
        for (tag, named, variant) in [
            ("1.4.2", exact("1.4.2"), ""),
            ("v1.4.2", exact("1.4.2"), ""),
            ("1.4.2-alpine", exact("1.4.2"), "-alpine"),
            ("1.4.2-rc.1-alpine3.20", exact("1.4.2-rc.1"), "-alpine3.20"),
            ("1.4.2-rc.1", exact("1.4.2-rc.1"), ""),
            ("1.4.2_build.7", exact("1.4.2+build.7"), ""),
            ("1.4", Named::Minor(1, 4), ""),
            ("v1.4-debug", Named::Minor(1, 4), "-debug"),
            ("1", Named::Major(1), ""),
            ("0", Named::Major(0), ""),
            ("latest", Named::Latest, ""),
            ("latest-alpine", Named::Latest, "-alpine"),
            ("alpine", Named::Latest, "-alpine"),
            ("01", Named::Other, ""),
            ("1.04", Named::Other, ""),
            ("20261125", Named::Other, ""),
            ("main", Named::Other, ""),
            ("1.4.2.1", Named::Other, ""),
            ("", Named::Other, ""),
        ] {
            assert_eq!(scheme().read(tag), (named, variant), "{tag}");
        }
    }

    #[test]
    fn versions_are_written_as_tags_and_read_again() {
        for text in ["1.0.0", "1.0.0-rc.1", "1.0.0+build.5", "1.0.0-rc.1+a-b"] {
            let version = Version::parse(text).expect("a version");
            let tag = version_tag(&version);
            assert_eq!(check_tag(&tag), Ok(()), "{tag}");
            assert_eq!(version_of_tag(&tag), Ok(version));
        }
    }

    #[test]
    fn tags_that_a_registry_refuses_or_keeps_for_evidence_are_refused() {
        for tag in ["", ".1", "-x", "a b", "a/b", "a+b", "ä", &"x".repeat(129)] {
            assert_eq!(check_tag(tag), Err(TagError::Form(tag.to_owned())), "{tag}");
        }
        let fallback = format!("sha256-{}", "a".repeat(64));
        for tag in [fallback.clone(), format!("{fallback}.sig")] {
            assert_eq!(check_tag(&tag), Err(TagError::Reserved(tag.clone())));
        }
        assert_eq!(check_tag("sha256-short"), Ok(()));
        assert_eq!(check_tag(&"x".repeat(128)), Ok(()));
    }

    #[test]
    fn a_variant_has_its_sign() {
        for text in ["alpine", "-", "-a b", ""] {
            assert_eq!(Scheme::new([text.to_owned()]), Err(TagError::Variant(text.to_owned())));
        }
    }
}
