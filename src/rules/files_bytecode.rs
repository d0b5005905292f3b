//! `files.bytecode`: Python modules come compiled.

use hashbrown::HashSet;
use serde::Deserialize;

use crate::model::ImageFacts;
use crate::yaml::YamlError;

use super::setting::{Globs, Percent};
use super::tree::Tree;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "files.bytecode",
    code: "IG0306",
    level: Level::Info,
    summary: "Python modules are not compiled",
    why: "A module without bytecode is compiled anew in every container that imports it, since the result cannot be kept where \
          the user may not write or the root is read-only. A large application starts seconds later for it. The standard library \
          does not count: official Python images leave its bytecode away.",
    fix: "Compile once, in the build, after the last module was copied:\n\n```dockerfile\nRUN python -m compileall -q \
          /usr/local/lib/python3.13/site-packages /app\n```\n\npip does so unless it is called with `--no-compile`, Poetry with \
          `poetry install --compile`, uv with `uv sync --compile-bytecode`. `PYTHONDONTWRITEBYTECODE=1` in the build prevents it.",
    flags: &[
        ("", "0644 0:0 app/a.py \"x\"\n0644 0:0 app/b.py \"x\""),
        (
            "{min: 60%}",
            "0644 0:0 app/a.py \"x\"\n0644 0:0 app/b.py \"x\"\n0644 0:0 app/__pycache__/a.cpython-313.pyc \"x\"",
        ),
        ("", "0644 0:0 usr/lib/python3/dist-packages/x/a.py \"x\""),
    ],
    passes: &[
        ("", "0644 0:0 app/a.py \"x\"\n0644 0:0 app/__pycache__/a.cpython-313.pyc \"x\""),
        ("", "0644 0:0 app/a.py \"x\"\n0644 0:0 app/__pycache__/a.cpython-312.opt-1.pyc \"x\""),
        (
            "{min: 50%}",
            "0644 0:0 app/a.py \"x\"\n0644 0:0 app/b.py \"x\"\n0644 0:0 app/__pycache__/a.cpython-313.pyc \"x\"",
        ),
        ("", "0644 0:0 usr/local/lib/python3.13/json/a.py \"x\"\n0644 0:0 app/a.py \"x\"\n0644 0:0 app/a.pyc \"x\""),
        ("{except: ['/opt/**']}", "0644 0:0 opt/a.py \"x\"\n0644 0:0 app/a.py \"x\"\n0644 0:0 app/a.pyc \"x\""),
    ],
    build: |settings| {
        let bytecode: Bytecode = settings.read()?;
        if bytecode.min == Percent::new(0) {
            return Err(YamlError::new(
                settings.span("min"),
                "every share is at least `0%`, so this would always hold",
            ));
        }
        Ok(Box::new(bytecode))
    },
    schema: |generator| generator.subschema_for::<Bytecode>(),
};

/// How much has to be compiled.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Bytecode {
    /// Smallest share of the modules that have bytecode; 90% when not given.
    min: Percent,
    /// Paths of modules that do not count.
    except: Globs,
}

impl Default for Bytecode {
    fn default() -> Self {
        Self { min: Percent::new(90), except: Globs::default() }
    }
}

/// Whether a path belongs to Python's standard library: `lib/python3.13/…`, but not its `site-packages`.
fn is_standard_library(path: &str) -> bool {
    let Some((_, rest)) = path.split_once("lib/python3.") else { return false };
    let rest = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let rest = rest.strip_prefix('t').unwrap_or(rest);
    let library = rest.strip_prefix('/');
    library.is_some_and(|rest| !rest.starts_with("site-packages/") && !rest.starts_with("dist-packages/"))
}

/// The module that a file with bytecode belongs to: its folder, empty or with a `/` at the end, and its name (PEP 3147).
fn source_of(path: &str) -> Option<(&str, &str)> {
    let stem = path.strip_suffix(".pyc")?;
    let (folder, name) = split(stem);
    match folder.strip_suffix("__pycache__/") {
        Some(folder) if folder.is_empty() || folder.ends_with('/') => Some((folder, name.split_once('.')?.0)),
        _ => Some((folder, name)),
    }
}

/// A path as its folder, with the `/`, and its last name.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

/// Modules beside the standard library, with their place among the files, and whether there is bytecode.
struct Modules(Vec<(usize, bool)>);

impl Modules {
    fn of(image: &ImageFacts) -> Self {
        let tree = Tree::of(image);
        let paths = || tree.python.iter().filter_map(|at| Some((*at, image.files.get(*at)?)));
        let compiled: HashSet<(&str, &str)> = paths().filter_map(|(_, file)| source_of(&file.entry.path)).collect();
        // An empty module has nothing to compile.
        let modules = paths().filter(|(_, file)| file.entry.size > 0).filter_map(|(at, file)| {
            let stem = file.entry.path.strip_suffix(".py").filter(|path| !is_standard_library(path))?;
            Some((at, compiled.contains(&split(stem))))
        });
        Self(modules.collect())
    }
}

impl Check for Bytecode {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let modules = image.derived.get(|| Modules::of(image));
        let known = modules.0.iter().filter_map(|(at, compiled)| Some((image.files.get(*at)?, compiled)));
        let (mut all, mut there, mut without) = (0_u64, 0_u64, None);
        for (file, compiled) in known.filter(|(file, _)| !self.except.matches(&file.entry.path)) {
            all += 1;
            if *compiled {
                there += 1;
            } else {
                without = without.or(Some(file));
            }
        }
        if let Some(gap) = image.tree_gap() {
            return Outcome::Unknown(gap.detail.clone());
        }
        let Some(first) = without else {
            return match all {
                0 => Outcome::NotApplicable("the image has no Python module beside the standard library".to_owned()),
                all => Outcome::Pass(format!("all {all} modules compiled")),
            };
        };
        let share = Percent::floor(there, all);
        if share >= self.min {
            return Outcome::Pass(format!("{there} of {all} modules compiled ({share})"));
        }
        Outcome::Fail(vec![Fault {
            subject: "bytecode".to_owned(),
            message: format!(
                "{there} of {} have bytecode, `{share}` where the policy wants `{}`; {} has none",
                count(usize::try_from(all).unwrap_or(usize::MAX), "module"),
                self.min,
                code(format!("/{}", first.entry.path))
            ),
            seat: Seat::File { path: first.entry.path.to_string(), layer: first.changed, line: None },
            fix: None,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::{complaint, decide};
    use super::*;

    #[test]
    fn bytecode_is_matched_with_its_module() {
        assert_eq!(source_of("app/__pycache__/a.cpython-313.pyc"), Some(("app/", "a")));
        assert_eq!(source_of("__pycache__/a.cpython-313.opt-2.pyc"), Some(("", "a")));
        assert_eq!(source_of("app/a.pyc"), Some(("app/", "a")));
        assert_eq!(source_of("app/my__pycache__/a.pyc"), Some(("app/my__pycache__/", "a")));
        assert_eq!(source_of("app/__pycache__/a.pyc"), None);
    }

    #[test]
    fn the_standard_library_is_known_by_its_folder() {
        assert!(is_standard_library("usr/local/lib/python3.13/json/decoder.py"));
        assert!(is_standard_library("usr/lib/python3.14t/os.py"));
        assert!(!is_standard_library("usr/local/lib/python3.13/site-packages/x.py"));
        assert!(!is_standard_library("usr/lib/python3/dist-packages/x.py"));
        assert!(!is_standard_library("app/python3.py"));
    }

    #[test]
    fn without_modules_there_is_nothing_to_judge_and_a_gap_is_no_answer() {
        assert!(matches!(decide("files.bytecode", "", "0644 0:0 a"), Outcome::NotApplicable(_)));
        let outcome = decide("files.bytecode", "", "0644 0:0 a.py \"x\"\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
        assert!(complaint("files.bytecode", "{min: 0%}").starts_with("1:7: "));
    }
}
