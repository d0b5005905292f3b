//! `files.empty`: folders for data hold none yet.

use serde::Deserialize;

use crate::model::{File, ImageFacts};

use super::setting::{Globs, NonEmpty};
use super::tree::below;
use super::words::{bytes, code, codes, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// Files that only keep a folder in a source repository.
const KEEPERS: &[&str] = &[".gitkeep", ".keep", ".gitignore", ".placeholder"];

pub(super) const RULE: Rule = Rule {
    id: "files.empty",
    code: "IG0305",
    level: Level::Warn,
    summary: "a folder for data is not empty",
    why: "What lies in a volume's folder in the image is copied into every new volume, or hidden as soon as something is mounted \
          there: test data turns up in production, or needed files vanish. Both are found out late.",
    fix: "Make the folder and leave it empty; put initial data elsewhere and let the entry point copy it:\n\n```dockerfile\nRUN install -d \
          -o 1000 /app/data\nVOLUME /app/data\n```",
    flags: &[
        ("", "volume /data\n0644 0:0 data/test.db @2MB"),
        ("{paths: [/app/data, /app/logs]}", "0755 0:0 app/data/\n0644 0:0 app/logs/app.log \"x\""),
        ("", "volume /var/lib/db\nvar/lib/db -> ../../srv/db\n0644 0:0 srv/db/x \"x\""),
        ("", "volume /data\n0644 0:0 data/x \"x\"\nlayer b\ngap layer 1 was not there"),
    ],
    passes: &[
        ("", "volume /data\n0755 0:0 data/"),
        ("{paths: [/app/data]}", "0644 0:0 app/data/.gitkeep"),
        ("{paths: [/app/data]}", "0644 0:0 app/database"),
        ("", "volume /data\n0644 0:0 data/x \"x\"\nlayer RUN rm /data/x\n0644 0:0 data/.wh.x"),
        ("{paths: [/app/data], except: ['/app/data/schema.sql']}", "0644 0:0 app/data/schema.sql \"x\""),
    ],
    build: |settings| Ok(Box::new(settings.read::<Empty>()?)),
    schema: |generator| generator.subschema_for::<Empty>(),
};

/// Which folders.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Empty {
    /// Folders that must hold no data; the declared volumes when not given.
    paths: Option<NonEmpty<Folder>>,
    /// Paths that may be there all the same.
    except: Globs,
}

/// A folder by its path from the image root.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Folder(String);

impl<'de> Deserialize<'de> for Folder {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let good = text.len() > 1 && text.starts_with('/') && !text.contains(['*', '\0']);
        if good {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom(format!("`{text}` is not the path of a folder: write `/app/data`")))
        }
    }
}

impl schemars::JsonSchema for Folder {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Folder".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^/[^*]+$", "description": "Path of a folder." })
    }
}

impl Empty {
    fn fault(&self, image: &ImageFacts, folder: &str, kind: &str) -> Option<Fault> {
        let real = image.resolve(folder)?;
        if real.is_empty() {
            return None;
        }
        let counts = |file: &&File| {
            let name = file.entry.path.rsplit('/').next().unwrap_or_default();
            !file.entry.is_directory() && !KEEPERS.contains(&name) && !self.except.matches(&file.entry.path)
        };
        let held: Vec<&File> = below(image, &real).iter().filter(counts).collect();
        let largest = held.iter().max_by_key(|file| (file.entry.size, std::cmp::Reverse(&file.entry.path)))?;
        let size: u64 = held.iter().map(|file| file.entry.size).sum();
        Some(Fault {
            subject: folder.trim_matches('/').to_owned(),
            message: format!(
                "{kind} {} holds {} with {}, such as {}",
                code(folder),
                count(held.len(), "file"),
                bytes(size),
                code(format!("/{}", largest.entry.path))
            ),
            seat: Seat::File { path: largest.entry.path.to_string(), layer: largest.changed, line: None },
            fix: None,
        })
    }
}

impl Check for Empty {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let (folders, kind): (Vec<&str>, _) = match &self.paths {
            Some(paths) => (paths.iter().map(|folder| folder.0.as_str()).collect(), "the folder"),
            None => (image.config.volumes.iter().map(String::as_str).collect(), "the volume"),
        };
        if folders.is_empty() {
            return Outcome::NotApplicable("the image declares no volume".to_owned());
        }
        let faults = folders.iter().filter_map(|folder| self.fault(image, folder, kind)).collect();
        Outcome::of_tree(image, faults, format!("{} empty", codes(&folders).replace('`', "")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn the_largest_file_shows_the_place() {
        let image = "volume /data\n0644 0:0 data/a \"x\"\nlayer COPY\n0644 0:0 data/b @2MB";
        let Outcome::Fail(faults) = decide("files.empty", "", image) else { panic!("full") };
        assert_eq!(faults[0].message, "the volume `/data` holds 2 files with `2 MB`, such as `/data/b`");
        assert_eq!(faults[0].seat, Seat::File { path: "data/b".to_owned(), layer: 1, line: None });
    }

    #[test]
    fn without_volumes_there_is_nothing_to_judge() {
        assert!(matches!(decide("files.empty", "", "0644 0:0 data/x"), Outcome::NotApplicable(_)));
        let outcome = decide("files.empty", "{paths: [/data]}", "0644 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
        assert!(complaint("files.empty", "{paths: [data]}").contains("is not the path of a folder"));
        assert!(complaint("files.empty", "{paths: []}").starts_with("1:9: an empty list"));
    }
}
