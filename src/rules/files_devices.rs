//! `files.devices`: device nodes in the image.

use serde::Deserialize;

use crate::model::{File, ImageFacts, Kind};

use super::setting::Globs;
use super::tree::Tree;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// What the runtime puts there anyway (OCI runtime-spec, config-linux.md, "Default Devices"), and their usual company.
const USUAL: &[&str] = &[
    "dev/null",
    "dev/zero",
    "dev/full",
    "dev/random",
    "dev/urandom",
    "dev/tty",
    "dev/console",
    "dev/ptmx",
    "dev/pts/ptmx",
    "dev/fuse",
    "dev/net/tun",
];

pub(super) const RULE: Rule = Rule {
    id: "files.devices",
    code: "IG0311",
    level: Level::Warn,
    summary: "the image brings a device node",
    why: "The runtime makes the devices that a container may use. A node that the image brings along does nothing in an \
          ordinary container, fails to unpack without root, and in a privileged one it is a disk or the memory of the machine, \
          open to whoever the mode allows.",
    fix: "Remove it in the step that makes it, and give the device to the container that needs it: `docker run --device \
          /dev/sda1`.\n\n```dockerfile\nRUN find / -xdev -type b -delete\n```",
    flags: &[
        ("", "block 0660 0:6 dev/sda"),
        ("", "char 0666 0:0 srv/null"),
        ("{except: [/dev/sda]}", "block 0660 0:6 dev/sda\nblock 0660 0:6 dev/sdb"),
    ],
    passes: &[
        ("", "char 0666 0:0 dev/null\nchar 0600 0:0 dev/console"),
        ("", "0644 0:0 dev/sda"),
        ("{except: ['/dev/*']}", "block 0660 0:6 dev/sda"),
        ("", "fifo 0644 0:0 run/initctl"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Devices>()?)),
    schema: |generator| generator.subschema_for::<Devices>(),
};

/// What may be there.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Devices {
    /// Paths of devices that may be there; `/dev/null` and its like always may.
    except: Globs,
}

impl Check for Devices {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let tree = Tree::of(image);
        let faults = tree
            .devices
            .iter()
            .filter_map(|at| image.files.get(*at))
            .filter(|File { entry, .. }| !USUAL.contains(&entry.path.as_ref()) && !self.except.matches(&entry.path))
            .map(|File { entry, changed, .. }| Fault {
                subject: entry.path.to_string(),
                message: format!(
                    "{} is a {} device with mode `{:04o}`",
                    code(format!("/{}", entry.path)),
                    if entry.kind == Kind::BlockDevice { "block" } else { "character" },
                    entry.mode
                ),
                seat: Seat::File { path: entry.path.to_string(), layer: *changed, line: None },
                fix: None,
            })
            .collect();
        Outcome::of_tree(image, faults, format!("{} seen", count(image.files.len(), "path")))
    }
}
