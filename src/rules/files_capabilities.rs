//! `files.capabilities`: programs that get rights of root when they start.

use serde::Deserialize;

use crate::model::{Entry, File, ImageFacts};

use super::setting::{Capability, Globs};
use super::tree::{CAPABILITY, Tree};
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "files.capabilities",
    code: "IG0303",
    level: Level::Warn,
    summary: "a program gets capabilities when it starts",
    why: "A capability in a file's attributes is a piece of root's power that whoever starts the program gets: `cap_net_raw` reads \
          and forges packets, `cap_sys_admin` and `cap_dac_override` are as good as root. No listing shows it, and where the \
          container may not have the capability the program does not start at all (`operation not permitted`).",
    fix: "Take it away, or give it to the container that needs it. A server needs no capability for a port above 1023:\n\n```dockerfile\nRUN \
          setcap -r /usr/bin/ping\nEXPOSE 8080\n```\n\nand `docker run --cap-drop ALL --cap-add NET_BIND_SERVICE` where a low port \
          has to be.",
    flags: &[
        ("", "0755 0:0 usr/bin/ping\nxattr security.capability 0100000200200000000000000000000000000000"),
        ("{allow: [cap_net_raw]}", "0755 0:0 app\nxattr security.capability 0100000200042000000000000000000000000000"),
        ("", "0755 0:0 app\nxattr security.capability 01"),
        ("", "0755 0:0 app\nxattr security.capability 0100000300040000000000000000000000000000e8030000"),
    ],
    passes: &[
        ("", "0755 0:0 usr/bin/ping\nxattr user.note 01"),
        (
            "{except: [/usr/bin/ping]}",
            "0755 0:0 usr/bin/ping\nxattr security.capability 0100000200200000000000000000000000000000",
        ),
        (
            "{allow: [NET_BIND_SERVICE]}",
            "0755 0:0 app\nxattr security.capability 0100000200040000000000000000000000000000",
        ),
        (
            "",
            "0755 0:0 a\nxattr security.capability 0100000200200000000000000000000000000000\nlayer RUN setcap -r /a\n0755 0:0 a",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Capabilities>()?)),
    schema: |generator| generator.subschema_for::<Capabilities>(),
};

/// What is accepted.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Capabilities {
    /// Paths that may have capabilities.
    except: Globs,
    /// Capabilities that any file may have.
    allow: Vec<Capability>,
}

/// A file's capabilities (`linux/capability.h`, `struct vfs_cap_data` and `vfs_ns_cap_data`).
#[derive(Debug, PartialEq, Eq)]
struct Granted {
    permitted: u64,
    inheritable: u64,
    /// Whether they are in force from the start.
    effective: bool,
    /// The user that is root where they count; none for the machine's own.
    root: Option<u32>,
}

impl Granted {
    /// Reads the attribute's value in hexadecimal; none when the kernel would refuse it.
    fn read(hexadecimal: &str) -> Option<Self> {
        let word = |at: usize| {
            let digits = hexadecimal.get(at * 8..at * 8 + 8)?;
            u32::from_str_radix(digits, 16).ok().map(u32::swap_bytes)
        };
        let head = word(0)?;
        let (words, root) = match (head >> 24, hexadecimal.len()) {
            (1, 24) => (1, None),
            (2, 40) => (2, None),
            (3, 48) => (2, Some(word(5)?)),
            _ => return None,
        };
        let set = |first: usize| {
            let high = if words == 2 { word(first + 2)? } else { 0 };
            Some(u64::from(word(first)?) | u64::from(high) << 32)
        };
        Some(Self { permitted: set(1)?, inheritable: set(2)?, effective: head & 1 == 1, root })
    }

    fn all(&self) -> impl Iterator<Item = Capability> {
        let bits = self.permitted | self.inheritable;
        (0..64_u8).filter(move |bit| bits >> bit & 1 == 1).map(Capability)
    }

    /// As `getcap` writes it: `cap_net_raw=ep`, several joined by blanks.
    fn told(&self) -> String {
        let words = self.all().map(|capability| {
            let has = |set: u64| set >> capability.0 & 1 == 1;
            let flag = |is: bool, letter: &'static str| if is { letter } else { "" };
            let (permitted, inheritable) = (has(self.permitted), has(self.inheritable));
            format!(
                "{}={}{}{}",
                capability.name(),
                flag(self.effective, "e"),
                flag(inheritable, "i"),
                flag(permitted, "p")
            )
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

impl Capabilities {
    fn fault(&self, file: &File) -> Option<Fault> {
        let Entry { path, xattrs, .. } = &file.entry;
        if self.except.matches(path) {
            return None;
        }
        let (_, value) = xattrs.iter().find(|(name, _)| name.as_ref() == CAPABILITY)?;
        let name = code(format!("/{path}"));
        let message = match Granted::read(value) {
            Some(granted) => {
                if granted.all().all(|capability| self.allow.contains(&capability)) {
                    return None;
                }
                let root = granted.root.map_or_else(String::new, |root| format!(", where uid {root} is root"));
                format!("{name} gets {}{root}", code(granted.told()))
            }
            None => format!("{name} has capabilities that the kernel refuses: it does not start"),
        };
        Some(Fault {
            subject: path.to_string(),
            message,
            seat: Seat::File { path: path.to_string(), layer: file.changed, line: None },
            fix: Some(code(format!("RUN setcap -r /{path}"))),
        })
    }
}

impl Check for Capabilities {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let tree = Tree::of(image);
        let files = tree.capable.iter().filter_map(|at| image.files.get(*at));
        let faults = files.filter_map(|file| self.fault(file)).collect();
        Outcome::of_tree(image, faults, format!("{} seen", count(image.files.len(), "path")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn capabilities_are_told_as_getcap_tells_them() {
        let told = |value: &str| Granted::read(value).map(|granted| granted.told());
        assert_eq!(told("0100000200200000000000000000000000000000").as_deref(), Some("cap_net_raw=ep"));
        assert_eq!(told("0000000200040000000400000000000000000000").as_deref(), Some("cap_net_bind_service=ip"));
        assert_eq!(told("0000000200000000002000000000000000000000").as_deref(), Some("cap_net_raw=i"));
        assert_eq!(told("010000020000000000000000c000000000000000").as_deref(), Some("cap_perfmon=ep cap_bpf=ep"));
        assert_eq!(told("010000010004000000000000").as_deref(), Some("cap_net_bind_service=ep"));
        let with_root = Granted::read("0100000300040000000000000000000000000000e8030000").expect("version 3");
        assert_eq!(with_root.root, Some(1000));
        for wrong in
            ["", "01", "0100000900200000000000000000000000000000", "01000002002000", "zz000002002000000000000000"]
        {
            assert_eq!(Granted::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_unseen_layer_leaves_it_undecided() {
        let outcome = decide("files.capabilities", "", "0755 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
        assert!(complaint("files.capabilities", "{allow: [net]}").starts_with("1:10: `net` is no capability"));
    }
}
