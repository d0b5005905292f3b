//! `files.forbid`: paths that must not be in the final file system.

use serde::Deserialize;

use crate::model::{File, ImageFacts};
use crate::yaml::YamlError;

use super::setting::Globs;
use super::tree::matched;
use super::words::{bytes, code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// What is forbidden when the policy names nothing: what `COPY . .` takes along and nobody wants to publish.
const LEFTOVERS: &[&str] = &[
    // Settings and keys of the person or the machine that built the image.
    "**/.env",
    "**/.env.*",
    "**/.aws/credentials",
    "**/.docker/config.json",
    "**/.git-credentials",
    "**/.kube/config",
    "**/.netrc",
    "**/.pypirc",
    "**/id_{rsa,dsa,ecdsa,ed25519}",
    // The build context rather than the application.
    "**/.git/**",
    "**/.hg/**",
    "**/.svn/**",
    "**/.venv/**",
    "**/.idea/**",
    "**/.vscode/**",
    "**/Dockerfile",
    "**/docker-compose*.{yml,yaml}",
    "**/compose.{yml,yaml}",
];
/// What is accepted then: examples without values, and what packages bring along.
const NO_LEFTOVERS: &[&str] =
    &["**/.env.{dist,example,sample,template}", "**/node_modules/**", "**/{site,dist}-packages/**", "usr/share/doc/**"];

pub(super) const RULE: Rule = Rule {
    id: "files.forbid",
    code: "IG0302",
    level: Level::Deny,
    summary: "a forbidden file is in the image",
    why: "`COPY . .` takes along whatever lies in the build context: `.env` files, the whole history in `.git`, virtual \
          environments, tests, keys. It makes the image larger and tells whoever pulls it more than it should.",
    fix: "Keep it out of the build context with a `.dockerignore`, or copy only what is needed:\n\n```text\n# \
          .dockerignore\n.git\n**/.env*\n**/.venv\n```\n\nA later `RUN rm` does not help: the file stays in its layer.",
    flags: &[
        ("{globs: ['**/.env*']}", "0644 0:0 app/.env \"A=b\""),
        ("{globs: ['**/.env*']}", "0644 0:0 .env.local"),
        ("{globs: ['**/.git/**']}", "0755 0:0 app/.git/\n0644 0:0 app/.git/HEAD"),
        ("{globs: ['**/id_{rsa,ed25519}'], except: [/opt/**]}", "0600 0:0 root/.ssh/id_rsa"),
        ("{globs: [/app/tests/**]}", "0644 0:0 app/tests/x\nlayer b\ngap layer 1 was not there"),
        ("{globs: [/a]}", "a -> b"),
        ("", "0644 0:0 app/.env \"A=b\""),
        ("", "0644 0:0 srv/Dockerfile \"FROM x\"\n0644 0:0 srv/.git/HEAD \"x\""),
    ],
    passes: &[
        ("{globs: ['**/.env*']}", "0644 0:0 app/env"),
        ("{globs: ['**/.env*'], except: ['**/.env.example']}", "0644 0:0 app/.env.example"),
        ("{globs: ['**/.git/**']}", "0755 0:0 app/.git/\n0644 0:0 app/.gitignore"),
        ("{globs: [/app/tests/**]}", "0644 0:0 usr/app/tests/x"),
        ("", "0644 0:0 app/.env\n0644 0:0 app/.env.example \"A=\"\n0644 0:0 app/Dockerfile.md \"x\""),
        ("", "0644 0:0 app/node_modules/x/Dockerfile \"FROM x\"\n0644 0:0 app/settings.py \"x\""),
        ("{globs: ['**/.env']}", "0644 0:0 app/.env\nlayer RUN rm app/.env\n0644 0:0 app/.wh..env"),
    ],
    build: |settings| {
        let written: Written = settings.read()?;
        if written.globs.as_ref().is_some_and(Globs::is_empty) {
            let problem = "an empty list matches nothing: name at least one, or turn the rule `off`";
            return Err(YamlError::new(settings.span("globs"), problem));
        }
        let usual = written.globs.is_none();
        let built_in = |texts: &[&str]| {
            let problem = |why| YamlError::new(settings.span(""), why);
            Globs::of(texts.iter().map(|text| (*text).to_owned())).map_err(problem)
        };
        let forbid = Forbid {
            globs: written.globs.map_or_else(|| built_in(LEFTOVERS), Ok)?,
            except: written.except,
            spared: if usual { built_in(NO_LEFTOVERS)? } else { Globs::default() },
            usual,
        };
        if let Some(same) = forbid.globs.texts().iter().find(|glob| forbid.except.texts().contains(glob)) {
            let problem = format!("`{same}` is forbidden and excepted: it would never be found");
            return Err(YamlError::new(settings.span("except"), problem));
        }
        Ok(Box::new(forbid))
    },
    schema: |generator| generator.subschema_for::<Written>(),
};

/// Which paths are not wanted.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    /// Globs on paths from the image root; `.env` and keys, `.git` and its like, Dockerfiles and compose files that hold
    /// something when not given.
    #[schemars(extend("minItems" = 1))]
    #[schemars(extend("x-tighter" = "more"))]
    globs: Option<Globs>,
    /// Paths that may be there all the same.
    #[schemars(extend("x-tighter" = "fewer"))]
    except: Globs,
}

/// The same, complete.
struct Forbid {
    globs: Globs,
    except: Globs,
    /// Paths that the usual list does not mean.
    spared: Globs,
    /// Whether the list is the usual one: then an empty file is none of them.
    usual: bool,
}

impl Forbid {
    fn accepts(&self, file: &File) -> bool {
        let path: &str = &file.entry.path;
        self.except.matches(path)
            || self.usual && (file.entry.is_file() && file.entry.size == 0 || self.spared.matches(path))
    }
}

/// Paths that are told as one: everything that is forbidden below one directory, or one path.
struct Group<'a> {
    top: &'a str,
    is_directory: bool,
    glob: &'a str,
    layer: u32,
    /// Everything but directories.
    files: usize,
    size: u64,
}

impl Group<'_> {
    fn contains(&self, path: &str) -> bool {
        self.is_directory && path.strip_prefix(self.top).is_some_and(|rest| rest.starts_with('/'))
    }

    fn add(&mut self, file: &File) {
        if file.entry.is_directory() {
            return;
        }
        if self.files == 0 {
            self.layer = file.changed;
        }
        self.files += 1;
        self.size += file.entry.size;
    }

    fn into_fault(self) -> Fault {
        let top = code(format!("/{}", self.top));
        let glob = code(self.glob);
        let (subject, message) = if self.is_directory {
            let held = format!("{} with {}", count(self.files, "file"), bytes(self.size));
            (self.top, format!("{top} holds {held} that {glob} forbids"))
        } else if self.size > 0 {
            (self.top, format!("{top} ({}) is forbidden by {glob}", bytes(self.size)))
        } else {
            (self.top, format!("{top} is forbidden by {glob}"))
        };
        Fault {
            subject: subject.to_owned(),
            message,
            seat: Seat::File { path: subject.to_owned(), layer: self.layer, line: None },
            fix: None,
        }
    }
}

impl Check for Forbid {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let mut groups: Vec<Group<'_>> = Vec::new();
        for file in matched(image, &self.globs).into_iter().filter_map(|at| image.files.get(at)) {
            let path: &str = &file.entry.path;
            // Paths are sorted, so all paths below one directory follow each other.
            if let Some(group) = groups.last_mut().filter(|group| group.contains(path)) {
                if !self.accepts(file) {
                    group.add(file);
                }
                continue;
            }
            if self.accepts(file) {
                continue;
            }
            let root = self.globs.root_of(path);
            let mut group = Group {
                top: root.unwrap_or(path),
                is_directory: root.is_some(),
                glob: self.globs.which(path).unwrap_or_default(),
                layer: file.changed,
                files: 0,
                size: 0,
            };
            group.add(file);
            groups.push(group);
        }
        let faults = groups.into_iter().map(Group::into_fault).collect();
        Outcome::of_tree(image, faults, format!("{} seen", count(image.files.len(), "path")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn everything_below_a_forbidden_directory_is_one_fault() {
        let image = "0644 0:0 app/.git-x\n0644 0:0 app/.git/HEAD \"abc\"\n0644 0:0 app/.git/refs/.git/x \"abcd\"\n\
                     0644 0:0 app/.git/keep\n0644 0:0 srv/.git/HEAD";
        let settings = "{globs: ['**/.git/**'], except: ['**/keep']}";
        let Outcome::Fail(faults) = decide("files.forbid", settings, image) else { panic!("there") };
        let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "`/app/.git` holds 2 files with `7 B` that `**/.git/**` forbids",
                "`/srv/.git` holds 1 file with `0 B` that `**/.git/**` forbids"
            ]
        );
        assert_eq!(faults[0].subject, "app/.git");
    }

    #[test]
    fn an_unseen_layer_leaves_absence_undecided() {
        let outcome = decide("files.forbid", "{globs: [/x]}", "0644 0:0 y\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
    }

    #[test]
    fn settings_that_find_nothing_are_refused() {
        assert!(complaint("files.forbid", "{globs: []}").starts_with("1:9: an empty list"));
        assert!(
            complaint("files.forbid", "{globs: [/a], except: [/a]}")
                .starts_with("1:23: `/a` is forbidden and excepted")
        );
    }
}
