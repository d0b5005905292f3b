//! `packages.require`: packages that have to be there.

use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::package_facts::{outcome, packages};
use super::setting::{NonEmpty, PackagePattern, PurlPattern};
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "packages.require",
    code: "IG1202",
    level: Level::Deny,
    summary: "a package is missing that the policy requires",
    why: "Some packages are there because everything else relies on them without saying so: certificates, time zones, a \
          monitoring agent, a patched library. When one is missing, the image works until it does not.",
    fix: "Install the package in the stage that becomes the image: `RUN apt-get install -y --no-install-recommends \
          ca-certificates`.",
    flags: &[
        ("{names: [ca-certificates]}", "package pkg:deb/libc6@2 in var/lib/dpkg/status"),
        ("{names: ['pkg:deb/openssl@3.*']}", "package pkg:deb/openssl@1.1 in var/lib/dpkg/status"),
        (
            "{purls: ['pkg:pypi/streamlit', 'pkg:pypi/pandas']}",
            "package pkg:pypi/pandas@2 in usr/lib/python3/dist-packages/pandas.egg-info",
        ),
        (
            "{names: [curl]}",
            "package pkg:deb/curl@1 in var/lib/dpkg/status\nlayer b\npackage pkg:deb/x@1 in var/lib/dpkg/status",
        ),
    ],
    passes: &[
        ("{names: [ca-certificates]}", "package pkg:deb/ca-certificates@2023 in var/lib/dpkg/status"),
        (
            "{names: [libpng16-16], purls: ['pkg:deb/debian/libpng16-16']}",
            "package pkg:deb/libpng16-16t64@1.6 in var/lib/dpkg/status provides libpng16-16",
        ),
        ("{names: ['pkg:deb/openssl@3.*', 'libc*']}", "package pkg:deb/openssl@3.0 in a\npackage pkg:deb/libc6@2 in a"),
    ],
    build: |settings| {
        let required: Required = settings.read()?;
        if required.names.is_none() && required.purls.is_none() {
            let error = YamlError::new(settings.span(""), "no package is wanted, so this would always hold");
            return Err(error.with_hint("write `names: [ca-certificates]` or `purls: [\"pkg:pypi/streamlit\"]`"));
        }
        Ok(Box::new(required))
    },
    schema: |generator| generator.subschema_for::<Required>(),
};

/// Which packages.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Required {
    /// One package for each pattern has to be installed; names that a package provides count.
    names: Option<NonEmpty<PackagePattern>>,
    /// The same, by package URL.
    purls: Option<NonEmpty<PurlPattern>>,
}

impl Required {
    fn patterns(&self) -> impl Iterator<Item = &PackagePattern> {
        let purls = self.purls.iter().flat_map(|purls| purls.iter()).map(|purl| &purl.0);
        self.names.iter().flat_map(|names| names.iter()).chain(purls)
    }
}

impl Check for Required {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) => return outcome,
        };
        let missing: Vec<&PackagePattern> =
            self.patterns().filter(|pattern| !packages.installed().any(|fact| pattern.is_provided_by(fact))).collect();
        let measured = format!("{} there", count(self.patterns().count(), "package"));
        // What was not seen may hold the missing one: then nothing is decided.
        let seen = outcome(image, Vec::new(), measured);
        if missing.is_empty() {
            return Outcome::Pass(match seen {
                Outcome::Pass(measured) => measured,
                _ => String::new(),
            });
        }
        if matches!(seen, Outcome::Unknown(_)) {
            return seen;
        }
        Outcome::Fail(
            missing
                .into_iter()
                .map(|pattern| Fault {
                    subject: pattern.text().to_owned(),
                    message: format!("no installed package is {}", code(pattern.text())),
                    seat: Seat::Image,
                    fix: None,
                })
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn what_was_not_seen_may_hold_the_missing_package() {
        let outcome = decide("packages.require", "{names: [a]}", "layer a\nlayer b\ngap layer 1 was not there");
        assert!(matches!(outcome, Outcome::Unknown(_)), "{outcome:?}");
        assert!(complaint("packages.require", "{names: []}").contains("1:"));
        assert!(complaint("packages.require", "{}").contains("no package is wanted"));
        assert!(complaint("packages.require", "{purls: [curl]}").contains("is no package URL"));
    }
}
