//! `files.whole-rootfs`: no layer brings a second copy of a whole system.

use std::collections::BTreeMap;

use crate::model::{Entry, ImageFacts};

use super::setting::NoSettings;
use super::words::{self, bytes, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// Parts of a system, each with the places where one of them shows it; no application brings them all.
const PARTS: &[&[&str]] = &[
    &["etc/passwd"],
    &["etc/group"],
    &["etc/os-release", "usr/lib/os-release"],
    &["bin/sh", "usr/bin/sh", "bin/busybox"],
    &["etc/shadow", "etc/login.defs", "etc/fstab"],
    &[
        "var/lib/dpkg/status",
        "lib/apk/db/installed",
        "usr/lib/apk/db/installed",
        "var/lib/rpm/rpmdb.sqlite",
        "usr/lib/sysimage/rpm/rpmdb.sqlite",
    ],
    &["usr/bin/env", "bin/ls", "usr/bin/ls", "bin/cat", "usr/bin/cat"],
];
/// So many parts are a system.
const ENOUGH: usize = 6;

pub(super) const RULE: Rule = Rule {
    id: "files.whole-rootfs",
    code: "IG0307",
    level: Level::Warn,
    summary: "a layer brings a whole system on top of another",
    why: "`COPY --from=build / /` takes along everything that the build stage has: its compilers, its caches, its secrets, and a \
          second copy of the system that is already there. The image is twice as large, and nobody can say which base it has.",
    fix: "Copy what is needed, by its path; to start anew with a whole tree, start from nothing:\n\n```dockerfile\nCOPY --from=build \
          /usr/local /usr/local\n# or\nFROM scratch\nCOPY --from=build / /\n```",
    flags: &[
        (
            "",
            "layer ADD rootfs.tar /\n0644 0:0 etc/passwd\n0644 0:0 etc/group\n0644 0:0 etc/os-release\n0755 0:0 bin/sh\n0600 0:0 etc/shadow\n\
             0644 0:0 var/lib/dpkg/status\n0755 0:0 usr/bin/env\nlayer COPY --from=build / /\n0644 0:0 etc/passwd \"x\"\n0644 0:0 etc/group \"x\"\n\
             0644 0:0 etc/os-release \"x\"\n0755 0:0 bin/sh \"x\"\n0600 0:0 etc/shadow \"x\"\n0644 0:0 var/lib/dpkg/status \"x\"\n0755 0:0 usr/bin/env \"x\"",
        ),
        (
            "",
            "layer ADD rootfs.tar /\n0644 0:0 etc/passwd\n0644 0:0 etc/group\n0644 0:0 etc/os-release\n0755 0:0 bin/busybox\n\
             0644 0:0 lib/apk/db/installed\n0755 0:0 bin/ls\nlayer COPY --from=build / /\n0644 0:0 etc/passwd\n0644 0:0 etc/group\n\
             0644 0:0 usr/lib/os-release\n0755 0:0 usr/bin/sh\n0644 0:0 var/lib/dpkg/status\n0755 0:0 usr/bin/ls\nlayer RUN rm /usr/bin/ls\n\
             0644 0:0 usr/bin/.wh.ls",
        ),
    ],
    passes: &[
        (
            "",
            "layer COPY --from=build / /\n0644 0:0 etc/passwd\n0644 0:0 etc/group\n0644 0:0 etc/os-release\n0755 0:0 bin/sh\n0600 0:0 etc/shadow\n\
             0644 0:0 var/lib/dpkg/status\n0755 0:0 usr/bin/env",
        ),
        (
            "",
            "layer ADD rootfs.tar /\n0644 0:0 etc/passwd\n0644 0:0 etc/group\n0644 0:0 etc/os-release\n0755 0:0 bin/sh\n0600 0:0 etc/shadow\n\
             0644 0:0 var/lib/dpkg/status\n0755 0:0 usr/bin/env\nlayer RUN apt-get install sudo && useradd app\n0644 0:0 etc/passwd \"x\"\n\
             0644 0:0 etc/group \"x\"\n0600 0:0 etc/shadow \"x\"\n0644 0:0 var/lib/dpkg/status \"x\"\n0755 0:0 bin/sh \"x\"\n\
             0644 0:0 etc/os-release \"x\"\n0755 0:0 usr/bin/env \"x\"",
        ),
        ("", ""),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(WholeRootfs))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct WholeRootfs;

/// Which parts each layer ships, visible or not.
fn parts(image: &ImageFacts) -> BTreeMap<u32, [bool; PARTS.len()]> {
    let mut shipped: BTreeMap<u32, [bool; PARTS.len()]> = BTreeMap::new();
    let mut add = |entry: &Entry, layer: u32| {
        // Almost all paths are longer or lie elsewhere.
        if entry.path.len() > 36 || entry.is_directory() {
            return;
        }
        let path: &str = &entry.path;
        if let Some(at) = PARTS.iter().position(|places| places.contains(&path)) {
            shipped.entry(layer).or_default()[at] = true;
        }
    };
    for path in PARTS.iter().copied().flatten() {
        if let Some(file) = image.file(path) {
            add(&file.entry, file.changed);
        }
    }
    for hidden in &image.hidden {
        add(&hidden.entry, hidden.layer);
    }
    shipped
}

impl Check for WholeRootfs {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let shipped = parts(image);
        let mut systems = shipped.iter().filter(|(_, parts)| parts.iter().filter(|there| **there).count() >= ENOUGH);
        let first = systems.next();
        // An upgrade of every package touches as much, and is no second system.
        let ran = |layer: u32| {
            let made = usize::try_from(layer).ok().and_then(|at| image.layers.get(at)?.instruction.as_deref());
            made.is_some_and(|instruction| instruction.starts_with("RUN "))
        };
        let faults = systems
            .filter(|(layer, _)| !ran(**layer))
            .map(|(layer, _)| {
                let files = image.files.iter().filter(|file| file.changed == *layer && !file.entry.is_directory());
                let (number, size) = files.fold((0, 0), |(number, size), file| (number + 1, size + file.entry.size));
                let below = first.map_or(0, |(layer, _)| *layer);
                Fault {
                    subject: format!("layer {layer}"),
                    message: format!(
                        "{} brings a whole system ({} with {}) on top of that of {}",
                        words::layer(image, *layer),
                        count(number, "file"),
                        bytes(size),
                        words::layer(image, below)
                    ),
                    seat: Seat::Layer(*layer),
                    fix: None,
                }
            })
            .collect();
        Outcome::of_tree(image, faults, format!("{} seen", count(image.layers.len(), "layer")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn an_unseen_layer_may_be_the_second_system() {
        let outcome = decide("files.whole-rootfs", "", "0755 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
    }
}
