//! `packages.unowned`: programs in system folders that no package owns.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::package_facts::{outcome, packages};
use super::setting::Globs;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "packages.unowned",
    code: "IG1204",
    level: Level::Warn,
    summary: "a program or library in a system folder belongs to no package",
    why: "Folders such as `/usr/bin` belong to the package manager. A program that was copied there is in no package list: no \
          scanner knows its version, no update reaches it.",
    fix: "Install it as a package, or put it into `/usr/local` or `/opt`, where people look for what no package manager knows.",
    flags: &[
        ("", "0755 0:0 usr/bin/a\n0755 0:0 usr/bin/b\npackage pkg:deb/a@1 in var/lib/dpkg/status owns usr/bin/a"),
        (
            "",
            "0755 0:0 usr/bin/a\n0644 0:0 usr/lib/libb.so.1\npackage pkg:deb/a@1 in var/lib/dpkg/status owns usr/bin/a",
        ),
    ],
    passes: &[
        ("", "0755 0:0 usr/bin/a\n0755 0:0 usr/local/bin/b\npackage pkg:deb/a@1 in var/lib/dpkg/status owns usr/bin/a"),
        ("", "0755 0:0 usr/bin/b"),
        (
            "{except: ['/usr/bin/b']}",
            "0755 0:0 usr/bin/a\n0755 0:0 usr/bin/b\npackage pkg:deb/a@1 in var/lib/dpkg/status owns usr/bin/a",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Unowned>()?)),
    schema: |generator| generator.subschema_for::<Unowned>(),
};

/// What may be there.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Unowned {
    /// Paths that may belong to no package.
    except: Globs,
}

impl Check for Unowned {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let packages = match packages(image) {
            Ok(packages) => packages,
            Err(outcome) => return outcome,
        };
        let faults = packages
            .unowned
            .iter()
            .filter(|path| !self.except.matches(path))
            .map(|path| Fault {
                subject: path.clone(),
                message: format!("{} belongs to no package", code(format!("/{path}"))),
                seat: Seat::File {
                    path: path.clone(),
                    layer: image.file(path).map_or(0, |file| file.changed),
                    line: None,
                },
                fix: None,
            })
            .collect();
        outcome(image, faults, format!("{} looked at", count(image.files.len(), "path")))
    }
}
