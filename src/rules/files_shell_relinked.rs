//! `files.shell-relinked`: `/bin/sh` is what the base made it.

use crate::model::{Entry, ImageFacts, Kind};

use super::setting::NoSettings;
use super::words::{self, code};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// Where the shell lies; on most systems `/bin` is a link to `/usr/bin`.
const SHELLS: &[&str] = &["bin/sh", "usr/bin/sh"];

pub(super) const RULE: Rule = Rule {
    id: "files.shell-relinked",
    code: "IG0309",
    level: Level::Warn,
    summary: "`/bin/sh` leads to another shell than in the base",
    why: "`RUN ln -sf bash /bin/sh` changes the shell of every script in the image, also of those that packages bring and that \
          were tested with the old one. An update of the package that owns the link silently turns it back.",
    fix: "Leave `/bin/sh` alone and name the shell where it is wanted:\n\n```dockerfile\nSHELL [\"/bin/bash\", \"-o\", \"pipefail\", \
          \"-c\"]\n```\n\nA script names its own in the first line: `#!/bin/bash`.",
    flags: &[
        ("", "usr/bin/sh -> dash\nlayer RUN ln -sf bash /bin/sh\nusr/bin/sh -> bash"),
        (
            "",
            "bin/sh -> dash\nlayer RUN rm /bin/sh\n0644 0:0 bin/.wh.sh\nlayer RUN ln -s /bin/bash /bin/sh\nbin/sh -> /bin/bash",
        ),
    ],
    passes: &[
        ("", "usr/bin/sh -> dash"),
        ("", "bin/sh -> dash\nlayer RUN apt-get upgrade\nbin/sh -> dash"),
        ("", "bin/sh -> dash\nlayer b\nbin/sh -> /bin/dash"),
        ("", "0755 0:0 bin/sh \"a\"\nlayer RUN apk upgrade\n0755 0:0 bin/sh \"b\""),
        ("", "bin/sh -> dash\nlayer RUN rm /bin/sh\n0644 0:0 bin/.wh.sh"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(ShellRelinked))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct ShellRelinked;

/// The shell that a link leads to, by its name: `dash` and `/bin/dash` are the same.
fn shell(entry: &Entry) -> Option<&str> {
    let target = entry.link.as_deref().filter(|_| entry.kind == Kind::Symlink)?;
    target.rsplit('/').next()
}

impl Check for ShellRelinked {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let mut faults = Vec::new();
        for path in SHELLS {
            let Some(file) = image.file(path) else { continue };
            let Some(now) = shell(&file.entry) else { continue };
            let before = image.hidden.iter().filter(|hidden| hidden.entry.path.as_ref() == *path);
            let Some(first) = before.min_by_key(|hidden| hidden.layer) else { continue };
            let Some(then) = shell(&first.entry).filter(|then| *then != now) else { continue };
            faults.push(Fault {
                subject: (*path).to_owned(),
                message: format!(
                    "{} leads to {} since {}, before it was {}",
                    code(format!("/{path}")),
                    code(now),
                    words::layer(image, file.changed),
                    code(then)
                ),
                seat: Seat::File { path: (*path).to_owned(), layer: file.changed, line: None },
                fix: None,
            });
        }
        Outcome::of_tree(image, faults, String::new())
    }
}
