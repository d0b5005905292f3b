//! Patterns for packages: names such as `gcc-*`, or package URLs such as `pkg:deb/*/gcc@12*`.

use globset::{GlobBuilder, GlobMatcher};

use crate::model::{Package, PackageFact, Purl};

/// A pattern for packages. Without `pkg:` it is a pattern for names (with and without the namespace); with `pkg:` its type,
/// namespace, name and version are patterns each, and a part that is not written matches anything.
#[derive(Debug, Clone)]
pub struct PackagePattern {
    text: String,
    kind: Option<GlobMatcher>,
    namespace: Option<GlobMatcher>,
    name: GlobMatcher,
    version: Option<GlobMatcher>,
}

impl PackagePattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// In words, when it could never match.
    pub fn read(text: &str) -> Result<Self, String> {
        let glob = |part: &str| {
            GlobBuilder::new(part)
                .backslash_escape(true)
                .build()
                .map(|glob| glob.compile_matcher())
                .map_err(|error| format!("`{text}` is no pattern for packages: {}", error.kind()))
        };
        if text.trim().is_empty() || text.contains(char::is_whitespace) {
            return Err(format!(
                "`{text}` never matches a package: write a name such as `gcc-*` or `pkg:npm/left-pad@1.*`"
            ));
        }
        let Some(rest) = text.strip_prefix("pkg:") else {
            return Ok(Self { text: text.to_owned(), kind: None, namespace: None, name: glob(text)?, version: None });
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
            name: glob(name)?,
            version: version.map(glob).transpose()?,
        })
    }

    /// Whether the package is meant, by its own name.
    #[must_use]
    pub fn matches(&self, fact: &PackageFact) -> bool {
        let Package { kind, name, version, .. } = &fact.package;
        let purl: Option<Purl> = fact.purl.parse().ok();
        let namespace = purl.as_ref().and_then(|purl| purl.namespace.as_deref()).or(fact.package.namespace.as_deref());
        let is = |pattern: &Option<GlobMatcher>, text: &str| pattern.as_ref().is_none_or(|glob| glob.is_match(text));
        let full = fact.package.namespace.as_ref().map(|namespace| format!("{namespace}/{name}"));
        let named = self.name.is_match(name)
            || self.kind.is_none() && full.is_some_and(|full| self.name.is_match(full))
            || self.kind.is_some() && purl.as_ref().is_some_and(|purl| self.name.is_match(&purl.name));
        named
            && is(&self.kind, kind.purl_type())
            && is(&self.namespace, namespace.unwrap_or_default())
            && is(&self.version, version)
    }

    /// Whether the package is meant, by its own name or by one that it provides.
    #[must_use]
    pub fn is_provided_by(&self, fact: &PackageFact) -> bool {
        self.matches(fact) || self.kind.is_none() && fact.package.provides.iter().any(|name| self.name.is_match(name))
    }

    /// The pattern as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

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
        for pattern in ["", "a b", "pkg:deb", "pkg:deb/", "a["] {
            assert!(PackagePattern::read(pattern).is_err(), "{pattern}");
        }
    }
}
