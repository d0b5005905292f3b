//! `packages.forbid`: packages that have no business in the final image.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::model::{ImageFacts, PackageFact};

use super::package_facts::{outcome, packages, seat, told};
use super::setting::{NonEmpty, PackagePattern, PurlPattern};
use super::words::{code, count, layer};
use super::{Check, Fault, Level, Outcome, Rule};

/// What counts without settings: compilers and build tools, headers, debuggers, ways to become somebody else.
const USUAL: &[&str] = &[
    "gcc",
    "gcc-[0-9]",
    "gcc-[0-9][0-9]",
    "g++",
    "g++-[0-9]*",
    "clang",
    "clang-[0-9][0-9]",
    "make",
    "cmake",
    "build-essential",
    "build-base",
    "gdb",
    "strace",
    "ltrace",
    "sudo",
    "telnet",
    "telnetd",
    "openssh-server",
    "pkg:{deb,rpm,apk}/*-{dev,devel}",
];

static USUAL_PATTERNS: LazyLock<Vec<PackagePattern>> =
    LazyLock::new(|| USUAL.iter().filter_map(|text| PackagePattern::read(text).ok()).collect());

pub(super) const RULE: Rule = Rule {
    id: "packages.forbid",
    code: "IG1201",
    level: Level::Warn,
    summary: "a package is installed that the policy forbids",
    why: "Every package of the final image is code that somebody who gets in can use, and code that needs updates. Compilers, \
          headers, debuggers and `sudo` are needed to build or to look for errors, never to serve.",
    fix: "Build in one stage and copy the result into another that starts from a small base:\n\n```dockerfile\nFROM debian:12 AS \
          build\nRUN apt-get install -y gcc && make\nFROM debian:12-slim\nCOPY --from=build /out /usr/local\n```\n\nRemoving a \
          package in a later step leaves its bytes in the image; in the same `RUN` it does not.",
    flags: &[
        ("", "package pkg:deb/gcc-12@12.2.0 in var/lib/dpkg/status"),
        ("", "package pkg:apk/openssl-dev@3 in lib/apk/db/installed"),
        (
            "{names: ['pkg:npm/left-pad@1.*']}",
            "package pkg:npm/left-pad@1.3.0 in app/node_modules/left-pad/package.json",
        ),
        (
            "{purls: ['pkg:deb/debian/{gcc,g++,make,build-essential}', 'pkg:deb/debian/*-dev', pkg:pypi/pytest]}",
            "package pkg:deb/libssl-dev@3 in var/lib/dpkg/status",
        ),
        (
            "{names: [curl], purls: [pkg:pypi/pytest]}",
            "package pkg:pypi/pytest@8 in usr/lib/python3/dist-packages/pytest.egg-info",
        ),
        (
            "{names: [curl], scope: own}",
            "layer FROM\n0644 0:0 a\nlayer RUN b\npackage pkg:deb/curl@1 in var/lib/dpkg/status",
        ),
    ],
    passes: &[
        (
            "",
            "package pkg:deb/libgcc-s1@12 in var/lib/dpkg/status\npackage pkg:deb/gcc-12-base@12 in var/lib/dpkg/status",
        ),
        (
            "",
            "package pkg:deb/gcc@12 in var/lib/dpkg/status\nlayer RUN purge\npackage pkg:deb/libc6@2 in var/lib/dpkg/status",
        ),
        (
            "{purls: ['pkg:deb/debian/{gcc,g++,make,build-essential}', 'pkg:deb/debian/*-dev']}",
            "package pkg:deb/gcc-14-base@14 in var/lib/dpkg/status\npackage pkg:npm/make@1 in app/node_modules/make/package.json",
        ),
        ("{names: [gcc], except: ['gcc']}", "package pkg:deb/gcc@12 in var/lib/dpkg/status"),
        ("", "package pkg:npm/gcc@1 in app/package-lock.json declared"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Forbidden>()?)),
    schema: |generator| generator.subschema_for::<Forbidden>(),
};

/// Whose packages count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Whose {
    /// All packages.
    #[default]
    All,
    /// Packages that came with a layer above the proved base image.
    Own,
}

/// Which packages.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Forbidden {
    /// Which packages are forbidden, by name or package URL; compilers, build tools, headers, debuggers and `sudo` when neither
    /// this nor `purls` is given.
    #[schemars(extend("x-tighter" = "more"))]
    names: Option<NonEmpty<PackagePattern>>,
    /// Further forbidden packages, by package URL.
    purls: Option<NonEmpty<PurlPattern>>,
    /// Packages that are allowed all the same.
    #[schemars(extend("x-tighter" = "fewer"))]
    except: Vec<PackagePattern>,
    /// Whose packages count; `all` when not given.
    scope: Whose,
}

impl Check for Forbidden {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) => return outcome,
        };
        let names: Vec<&PackagePattern> = match (&self.names, &self.purls) {
            (None, None) => USUAL_PATTERNS.iter().collect(),
            (names, purls) => {
                let purls = purls.iter().flat_map(|purls| purls.iter()).map(|purl| &purl.0);
                names.iter().flat_map(|names| names.iter()).chain(purls).collect()
            }
        };
        let base = image.base.iter().filter_map(|claim| claim.layers).max().unwrap_or(0);
        let counts = |fact: &&PackageFact| self.scope == Whose::All || fact.introduced >= base;
        let faults = packages
            .installed()
            .filter(counts)
            .filter(|fact| !self.except.iter().any(|pattern| pattern.matches(fact)))
            .filter_map(|fact| {
                let pattern = names.iter().find(|pattern| pattern.matches(fact))?;
                Some(Fault {
                    subject: fact.purl.clone(),
                    message: format!(
                        "the package {} is forbidden by {}; {} brought it",
                        told(fact),
                        code(pattern.text()),
                        layer(image, fact.introduced)
                    ),
                    seat: seat(fact),
                    fix: None,
                })
            })
            .collect();
        outcome(image, faults, format!("{} looked at", count(packages.installed().count(), "package")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn packages_that_were_not_read_are_undecided() {
        let outcome = decide("packages.forbid", "", "package pkg:deb/a@1 in x\ngap catalog `/x`: half a record");
        assert_eq!(outcome, Outcome::Unknown("`/x`: half a record".to_owned()));
        assert!(complaint("packages.forbid", "{names: ['pkg:deb']}").contains("never matches a package"));
    }

    #[test]
    fn the_usual_patterns_are_patterns() {
        assert_eq!(USUAL_PATTERNS.len(), USUAL.len());
    }
}
