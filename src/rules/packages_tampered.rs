//! `packages.tampered`: files that are not as their packages installed them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{ImageFacts, PackageKind, TamperedFile, Tampering};

use super::package_facts::{outcome, packages, told};
use super::setting::Globs;
use super::words::{code, codes, count, layer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "packages.tampered",
    code: "IG1203",
    level: Level::Warn,
    summary: "files of a package are missing or were replaced",
    why: "A scanner believes the package database: it reports the version that was installed, not the bytes that are there. A \
          program that a later layer replaced is not what its package says, and updates of the package will not reach it.",
    fix: "Change a program by installing another version of its package. Put programs of your own into `/usr/local` or `/opt`. \
          Configuration files may differ and are not counted.",
    flags: &[
        (
            "",
            "0755 0:0 usr/bin/curl \"1\"\npackage pkg:deb/curl@1 in var/lib/dpkg/status owns usr/bin/curl\n\
             layer COPY curl\n0755 0:0 usr/bin/curl \"2\"",
        ),
        (
            "",
            "0755 0:0 usr/bin/curl \"1\"\npackage pkg:deb/curl@1 in var/lib/dpkg/status owns usr/bin/curl\n\
             layer RUN rm\n0644 0:0 usr/bin/.wh.curl",
        ),
    ],
    passes: &[
        ("", "0755 0:0 usr/bin/curl \"1\"\npackage pkg:deb/curl@1 in var/lib/dpkg/status owns usr/bin/curl"),
        (
            "",
            "0755 0:0 usr/bin/curl \"1\"\npackage pkg:deb/curl@1 in var/lib/dpkg/status owns usr/bin/curl\n\
             layer upgrade\n0755 0:0 usr/bin/curl \"2\"\npackage pkg:deb/curl@2 in var/lib/dpkg/status owns usr/bin/curl",
        ),
        (
            "{except: [/usr/bin/curl]}",
            "0755 0:0 usr/bin/curl \"1\"\npackage pkg:deb/curl@1 in var/lib/dpkg/status owns usr/bin/curl\n\
             layer RUN rm\n0644 0:0 usr/bin/.wh.curl",
        ),
        ("", "package pkg:deb/a@1 in var/lib/dpkg/status owns usr/share/doc/a/copyright"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Tampered>()?)),
    schema: |generator| generator.subschema_for::<Tampered>(),
};

/// What may differ.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Tampered {
    /// Paths that may be missing or differ.
    except: Globs,
    /// Whether packages of languages (Python, npm) count beside those of the system.
    languages: bool,
}

impl Check for Tampered {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) => return outcome,
        };
        let mut by_package: BTreeMap<&str, Vec<&TamperedFile>> = BTreeMap::new();
        for file in packages.tampered.iter().filter(|file| !self.except.matches(&file.path)) {
            by_package.entry(&file.package).or_default().push(file);
        }
        let counts = |kind: PackageKind| self.languages || kind.is_system();
        let faults = by_package
            .into_iter()
            .filter_map(|(id, files)| Some((packages.find(id)?, files)))
            .filter(|(fact, _)| counts(fact.package.kind))
            .filter_map(|(fact, files)| {
                let first = files.iter().find(|file| file.how != Tampering::Missing).or(files.first())?;
                let mut what = Vec::new();
                for (hows, words) in [
                    (&[Tampering::Overwritten, Tampering::Digest][..], "replaced"),
                    (&[Tampering::Missing][..], "missing"),
                ] {
                    let of: Vec<String> = files
                        .iter()
                        .filter(|file| hows.contains(&file.how))
                        .map(|file| format!("/{}", file.path))
                        .collect();
                    if !of.is_empty() {
                        what.push(format!("{words}: {}", codes(of)));
                    }
                }
                let by = first.layer.map_or_else(String::new, |by| format!("; {} did it", layer(image, by)));
                Some(Fault {
                    subject: fact.purl.clone(),
                    message: format!("files of {} are not as installed, {}{by}", told(fact), what.join("; ")),
                    seat: Seat::File {
                        path: first.path.clone(),
                        layer: first.layer.unwrap_or(fact.introduced),
                        line: None,
                    },
                    fix: Some(format!("reinstall {} in the build, or leave its files alone", code(&fact.package.name))),
                })
            })
            .collect();
        let owned: usize = packages.installed().map(|fact| fact.package.files.len()).sum();
        outcome(image, faults, format!("{} compared", count(owned, "file")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn the_layer_that_replaced_a_program_is_named() {
        let (_, image) = RULE.flags[0];
        let Outcome::Fail(faults) = decide("packages.tampered", "", image) else { panic!("replaced") };
        assert_eq!(
            faults[0].message,
            "files of `curl 1` (deb) are not as installed, replaced: `/usr/bin/curl`; layer 1 (`COPY curl`) did it"
        );
    }
}
