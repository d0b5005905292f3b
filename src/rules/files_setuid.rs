//! `files.setuid`: files that run with their owner's rights.

use serde::Deserialize;

use crate::model::ImageFacts;

use super::setting::Globs;
use super::tree::Tree;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "files.setuid",
    code: "IG0301",
    level: Level::Warn,
    summary: "a file has the set-user-ID or set-group-ID bit",
    why: "A process started from such a file gets the rights of the file's owner or group, mostly root, whoever starts it. In \
          a container that runs as an ordinary user, each of them is a way back to root. Services need none of them.",
    fix: "Take the bits away after the last package was installed:\n\n```dockerfile\nRUN find / -xdev -type f -perm /6000 -exec \
          chmod a-s {} +\n```\n\nand start the container with `--security-opt no-new-privileges`.",
    flags: &[
        ("", "4755 0:0 usr/bin/su"),
        ("", "2755 0:42 usr/sbin/unix_chkpwd"),
        ("{except: [/usr/bin/su]}", "4755 0:0 usr/bin/su\n4755 0:0 usr/bin/passwd"),
        ("", "0755 0:0 x\nlayer RUN chmod u+s x\n4755 0:0 x"),
        ("", "4755 0:0 x\nlayer b\ngap layer 1 was not there"),
    ],
    passes: &[
        ("", "0755 0:0 usr/bin/su"),
        ("", "2775 0:8 var/mail/"),
        ("", "1777 0:0 tmp/"),
        ("{except: ['/usr/bin/{su,passwd}']}", "4755 0:0 usr/bin/su"),
        ("", "4755 0:0 x\nlayer RUN chmod u-s x\n0755 0:0 x"),
        ("", "4755 0:0 x\nlayer RUN rm x\n0644 0:0 .wh.x"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Setuid>()?)),
    schema: |generator| generator.subschema_for::<Setuid>(),
};

/// Which files may keep the bits.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Setuid {
    /// Paths that may keep the bits.
    #[schemars(extend("x-tighter" = "fewer"))]
    except: Globs,
}

impl Check for Setuid {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let tree = Tree::of(image);
        let faults: Vec<Fault> = tree
            .set_id
            .iter()
            .filter_map(|at| image.files.get(*at))
            .filter(|file| !self.except.matches(&file.entry.path))
            .map(|file| {
                let entry = &file.entry;
                let gets = match entry.mode & 0o6000 {
                    0o4000 => format!("user {}", entry.uid),
                    0o2000 => format!("group {}", entry.gid),
                    _ => format!("user {} and group {}", entry.uid, entry.gid),
                };
                let path = format!("/{}", entry.path);
                Fault {
                    subject: entry.path.to_string(),
                    message: format!("{} has mode `{:04o}`: it runs as {gets}", code(&path), entry.mode),
                    seat: Seat::File { path: entry.path.to_string(), layer: file.changed, line: None },
                    fix: Some(code(format!("RUN chmod a-s {path}"))),
                }
            })
            .collect();
        Outcome::of_tree(image, faults, format!("{} seen", count(image.files.len(), "path")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn an_unseen_layer_leaves_it_undecided() {
        let outcome = decide("files.setuid", "", "0755 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
    }

    #[test]
    fn the_layer_that_set_the_bit_is_named() {
        let Outcome::Fail(faults) = decide("files.setuid", "", "0755 0:0 x\nlayer RUN chmod 6755 x\n6755 0:7 x") else {
            panic!("set")
        };
        assert_eq!(faults[0].message, "`/x` has mode `6755`: it runs as user 0 and group 7");
        assert_eq!(faults[0].seat, Seat::File { path: "x".to_owned(), layer: 1, line: None });
        assert!(complaint("files.setuid", "{except: [usr/, a]}").starts_with("1:11: `usr/` never matches a path"));
    }
}
