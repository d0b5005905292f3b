//! Patterns for packages: names such as `gcc-*`, or package URLs such as `pkg:deb/*/gcc@12*`.

use std::borrow::Cow;

use globset::{GlobBuilder, GlobMatcher};

use crate::model::{Package, PackageFact, Purl};

/// A pattern for a name. Most are names as they stand, or begin with `*`: those need no glob.
#[derive(Debug, Clone)]
enum NamePattern {
    Exact(String),
    Suffix(String),
    /// What stands before the first wildcard, and the whole pattern.
    Glob(String, GlobMatcher),
}

impl NamePattern {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Exact(text) => text == name,
            Self::Suffix(text) => name.ends_with(text.as_str()),
            // Hardly a name begins like the pattern: the glob is rarely asked.
            Self::Glob(start, glob) => name.starts_with(start.as_str()) && glob.is_match(name),
        }
    }
}

/// The texts that a choice `{a,b}` stands for; the text itself when it has none, several, or one inside another.
fn choices(text: &str) -> Vec<String> {
    let parts = text.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    match parts {
        Some((before, (inside, after)))
            if !inside.contains('{') && !after.contains(['{', '}']) && !text.contains('\\') =>
        {
            inside.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
        }
        _ => vec![text.to_owned()],
    }
}

/// The name in a package URL; none when it is no URL.
fn purl_name(purl: &str) -> Option<Cow<'_, str>> {
    if purl.contains('%') {
        return purl.parse::<Purl>().ok().map(|purl| Cow::Owned(purl.name));
    }
    let end = purl.find(['?', '#', '@']).unwrap_or(purl.len());
    purl[..end].rsplit_once('/').map(|(_, name)| Cow::Borrowed(name))
}

/// A pattern for packages. Without `pkg:` it is a pattern for names (with and without the namespace); with `pkg:` its type,
/// namespace, name and version are patterns each, and a part that is not written matches anything.
#[derive(Debug, Clone)]
pub struct PackagePattern {
    text: String,
    kind: Option<GlobMatcher>,
    namespace: Option<GlobMatcher>,
    names: Vec<NamePattern>,
    version: Option<GlobMatcher>,
}

impl PackagePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// In words, when it could never match.
    pub fn read(text: &str) -> Result<Self, String> {
        const SPECIAL: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];
        let names = |part: &str| -> Result<Vec<NamePattern>, String> {
            let special = |text: &str| text.contains(SPECIAL);
            let one = |choice: String| match choice.strip_prefix('*') {
                _ if !special(&choice) => Ok(NamePattern::Exact(choice)),
                Some(rest) if !special(rest) => Ok(NamePattern::Suffix(rest.to_owned())),
                _ => {
                    let start = choice.split(SPECIAL).next().unwrap_or_default();
                    compile(text, &choice).map(|glob| NamePattern::Glob(start.to_owned(), glob))
                }
            };
            choices(part).into_iter().map(one).collect()
        };
        let glob = |part: &str| compile(text, part);
        if text.trim().is_empty() || text.contains(char::is_whitespace) {
            return Err(format!(
                "`{text}` never matches a package: write a name such as `gcc-*` or `pkg:npm/left-pad@1.*`"
            ));
        }
        let Some(rest) = text.strip_prefix("pkg:") else {
            return Ok(Self { text: text.to_owned(), kind: None, namespace: None, names: names(text)?, version: None });
        };
        let (rest, version) = match rest.rfind('@').filter(|at| *at > rest.rfind('/').unwrap_or(0)) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        let (kind, rest) = rest.split_once('/').ok_or_else(|| {
            format!("`{text}` never matches a package: a package URL is `pkg:TYPE/NAME`, such as `pkg:deb/*/gcc`")
        })?;
        let (namespace, name) = match rest.rsplit_once('/') {
            Some((namespace, name)) => (Some(namespace.replace("%40", "@")), name),
            None => (None, rest),
        };
        if name.is_empty() || kind.is_empty() {
            return Err(format!("`{text}` never matches a package: it has an empty part"));
        }
        Ok(Self {
            text: text.to_owned(),
            kind: Some(glob(kind)?),
            namespace: namespace.as_deref().map(glob).transpose()?,
            names: names(name)?,
            version: version.map(glob).transpose()?,
        })
    }

    /// Whether the package is meant, by its own name.
    #[must_use]
    pub fn matches(&self, fact: &PackageFact) -> bool {
        let name = fact.package.name.as_str();
        let named = |name: &str| self.names.iter().any(|pattern| pattern.matches(name));
        let is_named = match (&self.kind, &fact.package.namespace) {
            (Some(_), _) => named(name) || purl_name(&fact.purl).is_some_and(|name| named(&name)),
            (None, Some(namespace)) => named(name) || named(&format!("{namespace}/{name}")),
            (None, None) => named(name),
        };
        is_named
            && self.is_of_family(fact)
            && self.version.as_ref().is_none_or(|glob| glob.is_match(&fact.package.version))
    }

    /// Whether type and namespace are those that are meant.
    fn is_of_family(&self, fact: &PackageFact) -> bool {
        let Package { kind, namespace, .. } = &fact.package;
        if self.kind.as_ref().is_some_and(|glob| !glob.is_match(kind.purl_type())) {
            return false;
        }
        let Some(glob) = &self.namespace else { return true };
        let purl: Option<Purl> = fact.purl.parse().ok();
        let written = purl.as_ref().and_then(|purl| purl.namespace.as_deref());
        glob.is_match(written.or(namespace.as_deref()).unwrap_or_default())
    }

    /// Whether the package is meant, by its own name or by one that it provides. A name that is provided has no version of
    /// its own, so that a pattern with a version means packages of that name only.
    #[must_use]
    pub fn is_provided_by(&self, fact: &PackageFact) -> bool {
        let provided = || fact.package.provides.iter().any(|name| self.names.iter().any(|one| one.matches(name)));
        self.matches(fact) || self.version.is_none() && provided() && self.is_of_family(fact)
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn compile(text: &str, part: &str) -> Result<GlobMatcher, String> {
    GlobBuilder::new(part)
        .backslash_escape(true)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| format!("`{text}` is no pattern for packages: {}", error.kind()))
}

/// A [`PackagePattern`] that is written as a package URL.
#[derive(Debug, Clone)]
pub struct PurlPattern(pub PackagePattern);

super::text_setting!(
    PurlPattern,
    expected: "a package URL, such as `pkg:deb/debian/*-dev`",
    parse: |text| if text.starts_with("pkg:") {
        PackagePattern::read(text).map(PurlPattern)
    } else {
        Err(format!("`{text}` is no package URL: write `pkg:TYPE/NAME`, or put the name under `names`"))
    },
    pattern: r"^pkg:\S+$",
    about: "A package URL whose parts are patterns: `*`, `?`, `[a-z]` and `{a,b}` are wildcards."
);

super::text_setting!(
    PackagePattern,
    expected: "a pattern for packages, such as `gcc-*` or `pkg:npm/left-pad@1.*`",
    parse: PackagePattern::read,
    pattern: r"^\S+$",
    about: "A package name or package URL; `*`, `?`, `[a-z]` and `{a,b}` are wildcards."
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::image::image;

    fn meant(pattern: &str, purl: &str) -> bool {
        let image = image(&format!("package {purl} in a"));
        let packages = image.packages.expect("asked for");
        PackagePattern::read(pattern).expect(pattern).matches(&packages.list[0])
    }

    #[test]
    fn a_provided_name_counts_within_its_family() {
        let image = image("package pkg:deb/libpng16-16t64@1.6.48 in a provides libpng16-16");
        let fact = &image.packages.expect("asked for").list[0];
        let provided = |pattern: &str| PackagePattern::read(pattern).expect(pattern).is_provided_by(fact);
        assert!(provided("libpng16-16") && provided("pkg:deb/debian/libpng16-16") && provided("libpng16-16t64"));
        assert!(!provided("pkg:rpm/libpng16-16") && !provided("pkg:deb/libpng16-16@1.*") && !provided("libpng"));
    }

    #[test]
    fn names_and_package_urls_are_patterns() {
        for pattern in ["gcc-12", "gcc-*", "pkg:deb/gcc-12", "pkg:deb/debian/gcc-*", "pkg:*/gcc-12@12.*"] {
            assert!(meant(pattern, "pkg:deb/gcc-12@12.2.0-14"), "{pattern}");
        }
        for pattern in ["gcc", "pkg:rpm/gcc-12", "pkg:deb/ubuntu/gcc-12", "pkg:deb/gcc-12@13.*"] {
            assert!(!meant(pattern, "pkg:deb/gcc-12@12.2.0-14"), "{pattern}");
        }
        for pattern in ["@angular/core", "core", "pkg:npm/%40angular/core", "pkg:npm/@angular/*"] {
            assert!(meant(pattern, "pkg:npm/%40angular/core@17.1.0"), "{pattern}");
        }
        for pattern in
            ["{gcc,g++}-12", "*-12", "pkg:deb/debian/{gcc-12,make}", "pkg:deb/debian/*-12", "pkg:{deb,rpm}/gcc-12"]
        {
            assert!(meant(pattern, "pkg:deb/gcc-12@12.2.0-14"), "{pattern}");
        }
        for pattern in ["*-13", "{a,b}", "pkg:deb/debian/{gcc,make}", "{gcc-{11,13},x}"] {
            assert!(!meant(pattern, "pkg:deb/gcc-12@12.2.0-14"), "{pattern}");
        }
        assert!(meant("{gcc-{11,12},x}", "pkg:deb/gcc-12@12.2.0-14"), "a choice inside a choice");
        assert!(meant("pkg:deb/debian/*", "pkg:deb/libstdc%2B%2B6@14"), "a name that is written with percent signs");
        for pattern in ["", "a b", "pkg:deb", "pkg:deb/", "a["] {
            assert!(PackagePattern::read(pattern).is_err(), "{pattern}");
        }
    }
}
