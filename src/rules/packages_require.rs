//! `packages.require`: packages that have to be there.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::package_facts::{outcome, packages};
use super::setting::{NonEmpty, PackagePattern};
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
            "{names: [curl]}",
            "package pkg:deb/curl@1 in var/lib/dpkg/status\nlayer b\npackage pkg:deb/x@1 in var/lib/dpkg/status",
        ),
    ],
    passes: &[
        ("{names: [ca-certificates]}", "package pkg:deb/ca-certificates@2023 in var/lib/dpkg/status"),
        ("{names: ['pkg:deb/openssl@3.*', 'libc*']}", "package pkg:deb/openssl@3.0 in a\npackage pkg:deb/libc6@2 in a"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Required>()?)),
    schema: |generator| generator.subschema_for::<Required>(),
};

/// Which packages.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Required {
    /// One package for each pattern has to be installed; names that a package provides count.
    names: NonEmpty<PackagePattern>,
}

impl Check for Required {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) => return outcome,
        };
        let missing: Vec<&PackagePattern> = self
            .names
            .iter()
            .filter(|pattern| !packages.installed().any(|fact| pattern.is_provided_by(fact)))
            .collect();
        let measured = format!("{} there", count(self.names.iter().count(), "package"));
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
    }
}
