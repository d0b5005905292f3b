//! `packages.database-removed`: a package database was deleted while its packages stayed.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::package_facts::{outcome, packages};
use super::words::{code, layer};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "packages.database-removed",
    code: "IG1205",
    level: Level::Warn,
    summary: "a package database was deleted while the files of its packages stayed",
    why: "Without its database an image looks as if nothing were installed: scanners that read only the final file system \
          report no package and no vulnerability. The packages are there all the same.",
    fix: "Leave `/var/lib/dpkg`, `/lib/apk/db` and `/var/lib/rpm` in the image. They are small; deleting them saves nothing, as \
          the layer below still ships them. For an image without a package manager start from a base that has none.",
    flags: &[
        (
            "",
            "0755 0:0 usr/bin/a\npackage pkg:deb/a@1 in var/lib/dpkg/status owns usr/bin/a\n\
             layer RUN rm -rf /var/lib/dpkg\n0644 0:0 var/lib/.wh.dpkg",
        ),
        ("", "package pkg:apk/a@1 in lib/apk/db/installed\nlayer RUN rm -rf /lib/apk\n0644 0:0 lib/.wh.apk"),
    ],
    passes: &[
        ("", "0755 0:0 usr/bin/a\npackage pkg:deb/a@1 in var/lib/dpkg/status owns usr/bin/a"),
        (
            "",
            "0755 0:0 usr/bin/a\npackage pkg:deb/a@1 in var/lib/dpkg/status owns usr/bin/a\n\
             layer RUN everything goes\n0644 0:0 .wh.var\n0644 0:0 .wh.usr",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Removed>()?)),
    schema: |generator| generator.subschema_for::<Removed>(),
};

/// It has no settings.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Removed {}

impl Check for Removed {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) => return outcome,
        };
        let faults = packages
            .removed_databases
            .iter()
            .map(|database| Fault {
                subject: database.path.clone(),
                message: format!(
                    "{} deleted {}, but {} of its packages stayed",
                    layer(image, database.by),
                    code(format!("/{}", database.path)),
                    database.packages
                ),
                seat: Seat::Layer(database.by),
                fix: None,
            })
            .collect();
        outcome(image, faults, "every database is where it was")
    }
}
