//! `user.owns`: the user can read or write the paths that the policy names.

use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::exec::{self, Access, FileSystem, NoOne, Nowhere, Who};
use super::setting::NonEmpty;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "user.owns",
    code: "IG0106",
    level: Level::Deny,
    summary: "the user cannot read or write a path that it needs",
    why: "Data, logs and caches are written by the user that the image starts as. A folder made by root at build time, or one \
          that is not there at all, shows only when the program runs: with `permission denied`. Owner, group and mode of the \
          path and of every folder above it decide.",
    fix: "Make the folders in the Dockerfile and hand them over:\n\n```dockerfile\nRUN mkdir -p /app/data && chown 1000:1000 \
          /app/data\nUSER 1000\n```",
    flags: &[
        ("{paths: [/app/data], access: write}", "user 1000\n0755 0:0 app/data/"),
        ("{paths: [/app/data], access: write}", "user 1000"),
        ("{paths: [/app/key], access: read}", "user 1000\n0600 0:0 app/key"),
        ("{paths: [/srv/data/x], access: read}", "user 1000\n0700 0:0 srv/data/\n0644 0:0 srv/data/x"),
    ],
    passes: &[
        ("{paths: [/app/data], access: write}", "user 1000\n0755 1000:0 app/data/"),
        ("{paths: [/app/data], access: write}", "user 4242\n0775 0:0 app/data/"),
        ("{paths: [/app/key], access: read}", "user 1000:50\n0640 0:50 app/key"),
        ("{paths: [/etc/x], access: write}", "0400 0:0 etc/x"),
    ],
    build: |settings| {
        let owns: Owns = settings.read()?;
        match owns.paths.iter().find(|path| !path.starts_with('/')) {
            Some(path) => {
                let problem = format!("{} is no absolute path", code(path));
                Err(YamlError::new(settings.span("paths"), problem)
                    .with_hint("write it from the image root: `/app/data`"))
            }
            None => Ok(Box::new(owns)),
        }
    },
    schema: |generator| generator.subschema_for::<Owns>(),
};

/// What the user must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Wanted {
    /// Read files; read and enter folders.
    Read,
    /// Also change files; also make and remove files in folders.
    Write,
}

/// What the user must be able to do with which paths.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Owns {
    /// Absolute paths of the final file system.
    paths: NonEmpty<String>,
    /// `read` or `write`; `write` when not given.
    #[serde(default = "write")]
    access: Wanted,
}

fn write() -> Wanted {
    Wanted::Write
}

impl Check for Owns {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let who = match exec::of_image(image) {
            Ok(who) => who,
            Err(NoOne::Missing(_)) => return Outcome::Unknown("`user.exists` failed".to_owned()),
            Err(NoOne::Unseen(why)) => return Outcome::Unknown(why),
        };
        let files = FileSystem::shipped(image);
        let (mut faults, mut unknown) = (Vec::new(), None);
        for path in self.paths.iter() {
            match self.problem(&files, path, &who) {
                Ok(None) => {}
                Ok(Some(problem)) => {
                    let layer = image.file(path).map(|file| file.changed);
                    let file = path.trim_matches('/').to_owned();
                    let seat = layer.map_or(Seat::Image, |layer| Seat::File { path: file, layer, line: None });
                    let ids = format!("{}:{}", who.uid, who.gid);
                    let fix = format!("`RUN mkdir -p {0} && chown {ids} {0}`", path.replace('`', "'"));
                    faults.push(Fault { subject: path.clone(), message: problem, seat, fix: Some(fix) });
                }
                Err(why) => unknown = Some(why),
            }
        }
        match unknown {
            _ if !faults.is_empty() => Outcome::Fail(faults),
            Some(why) => Outcome::Unknown(why),
            None => Outcome::Pass(format!("{} of {}", count(self.paths.iter().count(), "path"), who.words())),
        }
    }
}

impl Owns {
    /// What is wrong with a path; an error says why it cannot be told.
    fn problem(&self, files: &FileSystem<'_>, path: &str, who: &Who) -> Result<Option<String>, String> {
        let place = match files.look(path, "/", Some(who)) {
            Ok(place) => place,
            Err(Nowhere::Unknown(why)) => return Err(why),
            Err(Nowhere::Missing(_)) => return Ok(Some(format!("{} does not exist", code(path)))),
            Err(nowhere) => return Ok(Some(format!("{} cannot be used: {}", code(path), nowhere.words(who)))),
        };
        let mut wanted = vec![Access::Read];
        if self.access == Wanted::Write {
            wanted.push(Access::Write);
        }
        if place.is_directory() {
            wanted.push(Access::Execute);
        }
        if wanted.iter().all(|access| place.allows(who, *access)) {
            return Ok(None);
        }
        let verb = if self.access == Wanted::Write { "write" } else { "read" };
        let has = place.file.map_or_else(String::new, |file| {
            format!(": mode `{:04o}`, owner `{}:{}`", file.entry.mode, file.entry.uid, file.entry.gid)
        });
        Ok(Some(format!("{} cannot {verb} {}{has}", who.words(), code(path))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::complaint;

    #[test]
    fn paths_are_absolute_and_there_is_at_least_one() {
        assert_eq!(complaint("user.owns", "{paths: [app]}"), "1:9: `app` is no absolute path");
        assert!(complaint("user.owns", "{paths: []}").contains("an empty list"));
    }
}
