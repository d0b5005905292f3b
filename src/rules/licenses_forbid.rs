//! `licenses.forbid`: packages under licences that the policy forbids.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{ImageFacts, PackageFact};

use super::package_facts::{outcome, packages, seat, told};
use super::setting::{LicencePattern, NonEmpty, PackagePattern, forbidden_by};
use super::words::{code, codes, count};
use super::{Check, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "licenses.forbid",
    code: "IG1301",
    level: Level::Warn,
    summary: "a package is under a licence that the policy forbids",
    why: "Whoever passes an image on passes on every package in it, and has to keep the terms of all their licences. Some terms \
          do not go with some ways of giving software away.",
    fix: "Replace the package, or have the use approved and put it into `except` with its name. Where a package offers a choice \
          (`MIT OR GPL-2.0-only`), one permitted licence is enough.",
    flags: &[
        ("{ids: ['AGPL-*']}", "package pkg:npm/a@1?licence=AGPL-3.0-only in app/node_modules/a/package.json"),
        ("{ids: ['GPL-*']}", "package pkg:npm/a@1?licence=MIT%20AND%20GPL-2.0-only in app/node_modules/a/package.json"),
        ("{ids: ['GPL-*'], unknown: forbid}", "package pkg:npm/a@1 in app/node_modules/a/package.json"),
    ],
    passes: &[
        ("{ids: ['AGPL-*']}", "package pkg:npm/a@1?licence=MIT in app/node_modules/a/package.json"),
        ("{ids: ['GPL-*']}", "package pkg:npm/a@1?licence=MIT%20OR%20GPL-2.0-only in app/node_modules/a/package.json"),
        ("{ids: ['GPL-*'], unknown: warn}", "package pkg:npm/a@1 in app/node_modules/a/package.json"),
        ("{ids: ['GPL-*'], unknown: allow}", "package pkg:npm/a@1 in app/node_modules/a/package.json"),
        (
            "{ids: ['GPL-*'], except: [a]}",
            "package pkg:npm/a@1?licence=GPL-2.0-only in app/node_modules/a/package.json",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Forbidden>()?)),
    schema: |generator| generator.subschema_for::<Forbidden>(),
};

/// What a package means whose licence nobody knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Unknown {
    /// The rule cannot be decided.
    #[default]
    Undecided,
    /// It is told beside the answer, which does not change.
    Warn,
    /// It is allowed.
    Allow,
    /// It is forbidden.
    Forbid,
}

/// Which licences.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Forbidden {
    /// Licences that are forbidden.
    #[schemars(extend("x-tighter" = "more"))]
    ids: NonEmpty<LicencePattern>,
    /// Packages that are allowed under any licence.
    #[serde(default)]
    #[schemars(extend("x-tighter" = "fewer"))]
    except: Vec<PackagePattern>,
    /// What a package means whose licence is not known; `undecided` when not given.
    #[serde(default)]
    unknown: Unknown,
}

impl Forbidden {
    fn is_forbidden(&self, identifier: &str) -> bool {
        self.ids.iter().any(|pattern| pattern.matches(identifier))
    }

    /// `answers` keeps what was said of an expression: most packages share a few.
    fn fault<'image>(
        &self,
        fact: &'image PackageFact,
        answers: &mut BTreeMap<&'image str, Option<String>>,
    ) -> Option<Fault> {
        let licences = &fact.package.licences;
        let message = match licences.declared.as_deref().or(licences.concluded.as_deref()) {
            Some(expression) => {
                let answer = || forbidden_by(expression, &|identifier| self.is_forbidden(identifier));
                let licence = answers.entry(expression).or_insert_with(answer).clone()?;
                format!("{} is under {} (declared: {})", told(fact), code(licence), code(expression))
            }
            None if self.unknown == Unknown::Forbid => match licences.raw.as_slice() {
                [] => format!("the licence of {} is not known", told(fact)),
                raw => format!("the licence of {} is not understood: {}", told(fact), codes(raw)),
            },
            None => return None,
        };
        Some(Fault { subject: fact.purl.clone(), message, seat: seat(fact), fix: None })
    }
}

impl Check for Forbidden {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) => return outcome,
        };
        let counted: Vec<&PackageFact> =
            packages.installed().filter(|fact| !self.except.iter().any(|pattern| pattern.matches(fact))).collect();
        let mut answers = BTreeMap::new();
        let faults: Vec<Fault> = counted.iter().filter_map(|fact| self.fault(fact, &mut answers)).collect();
        let mut measured = format!("{} looked at", count(counted.len(), "package"));
        if faults.is_empty() && matches!(self.unknown, Unknown::Undecided | Unknown::Warn) {
            let unknown: Vec<String> = counted
                .iter()
                .filter(|fact| fact.package.licences.declared.is_none() && fact.package.licences.concluded.is_none())
                .map(|fact| fact.package.name.clone())
                .collect();
            if !unknown.is_empty() && self.unknown == Unknown::Undecided {
                return Outcome::Unknown(format!("the licence is not known of {}", codes(unknown)));
            }
            if !unknown.is_empty() {
                measured = format!("{measured}, the licence is not known of {}", codes(unknown).replace('`', ""));
            }
        }
        outcome(image, faults, measured)
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn an_unknown_licence_leaves_it_undecided() {
        let outcome = decide("licenses.forbid", "{ids: ['GPL-*']}", "package pkg:npm/a@1 in app/package.json");
        assert_eq!(outcome, Outcome::Unknown("the licence is not known of `a`".to_owned()));
        let told =
            decide("licenses.forbid", "{ids: ['GPL-*'], unknown: warn}", "package pkg:npm/a@1 in app/package.json");
        assert_eq!(told, Outcome::Pass("1 package looked at, the licence is not known of a".to_owned()));
        assert!(complaint("licenses.forbid", "{ids: ['GNU GPL']}").contains("never matches a licence"));
    }
}
