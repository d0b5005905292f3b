//! `files.world-writable`: files and folders that every user of the container may change.

use serde::Deserialize;

use crate::model::{File, ImageFacts};

use super::setting::Globs;
use super::tree::Tree;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "files.world-writable",
    code: "IG0304",
    level: Level::Warn,
    summary: "everyone may write a file or folder",
    why: "Whoever gets into the container as any user can change what stands there: a script that root starts later, a library, \
          the application itself. `chmod -R 777` is mostly the answer to a wrong owner.",
    fix: "Give it to the user that needs it, while copying or in the same step:\n\n```dockerfile\nCOPY --chown=1000:1000 app /app\nRUN \
          install -d -o 1000 -g 1000 -m 0750 /app/data\n```\n\nA folder for everybody has the sticky bit (`chmod 1777`), as `/tmp` \
          has: then nobody deletes the files of others.",
    flags: &[
        ("", "0666 0:0 etc/app.conf"),
        ("", "0777 0:0 app/\n0777 0:0 app/main.py\n0644 0:0 app/x"),
        ("{sticky: forbid}", "1777 0:0 srv/drop/"),
        ("{except: [/tmp]}", "0777 0:0 tmp/\n0777 0:0 data/"),
        ("", "0777 0:0 x/\nlayer b\ngap layer 1 was not there"),
    ],
    passes: &[
        ("", "1777 0:0 tmp/\n0755 0:0 app/"),
        ("{except: [/tmp, /var/tmp]}", "0777 0:0 tmp/\n0777 0:0 var/tmp/"),
        ("", "bin/sh -> dash"),
        ("", "0666 0:0 a\nlayer RUN chmod o-w a\n0664 0:0 a"),
        ("", "char 0666 0:0 dev/null"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Writable>()?)),
    schema: |generator| generator.subschema_for::<Writable>(),
};

/// What a sticky folder means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Sticky {
    /// A folder with the sticky bit may be written by everybody.
    #[default]
    Allow,
    /// It may not.
    Forbid,
}

/// What may be written by everybody.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Writable {
    /// Paths that everybody may write.
    except: Globs,
    /// Whether folders with the sticky bit are accepted; `allow` when not given.
    sticky: Sticky,
}

/// A path, and how many more below it are like it: told as one.
struct Heap<'a> {
    top: &'a File,
    more: usize,
}

impl Heap<'_> {
    fn contains(&self, path: &str) -> bool {
        self.top.entry.is_directory()
            && path.strip_prefix(self.top.entry.path.as_ref()).is_some_and(|rest| rest.starts_with('/'))
    }

    fn into_fault(self) -> Fault {
        let entry = &self.top.entry;
        let path = format!("/{}", entry.path);
        let more = match self.more {
            0 => String::new(),
            more => format!(", as is the case for {} below it", count(more, "path")),
        };
        let recursive = if self.more > 0 { "-R " } else { "" };
        Fault {
            subject: entry.path.to_string(),
            message: format!("{} has mode `{:04o}`: everyone may write it{more}", code(&path), entry.mode),
            seat: Seat::File { path: entry.path.to_string(), layer: self.top.changed, line: None },
            fix: Some(code(format!("RUN chmod {recursive}o-w {path}"))),
        }
    }
}

impl Check for Writable {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let tree = Tree::of(image);
        let mut heaps: Vec<Heap<'_>> = Vec::new();
        for file in tree.world_writable.iter().filter_map(|at| image.files.get(*at)) {
            let entry = &file.entry;
            let sticky = entry.is_directory() && entry.mode & 0o1000 != 0 && self.sticky == Sticky::Allow;
            if sticky || self.except.matches(&entry.path) {
                continue;
            }
            match heaps.last_mut().filter(|heap| heap.contains(&entry.path)) {
                Some(heap) => heap.more += 1,
                None => heaps.push(Heap { top: file, more: 0 }),
            }
        }
        let faults = heaps.into_iter().map(Heap::into_fault).collect();
        Outcome::of_tree(image, faults, format!("{} seen", count(image.files.len(), "path")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn what_lies_in_a_writable_folder_is_told_with_it() {
        let image = "0777 0:0 app/\n0666 0:0 app/a\n0777 0:0 app/b/\n0666 0:0 app/b/c\n0644 0:0 app/d\n0666 0:0 apple";
        let Outcome::Fail(faults) = decide("files.world-writable", "", image) else { panic!("writable") };
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`/app` has mode `0777`: everyone may write it, as is the case for 3 paths below it",
                "`/apple` has mode `0666`: everyone may write it"
            ]
        );
    }

    #[test]
    fn an_unseen_layer_leaves_it_undecided() {
        let outcome = decide("files.world-writable", "", "0755 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
    }
}
