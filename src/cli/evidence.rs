//! `--with FILE|DIR` and the policy's `evidence`: what is read beside the image.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::companions::{Evidence, is_evidence_name};
use crate::inspect::match_steps;
use crate::model::Inspection;
use crate::policy::Policy;

use super::Failure;
use super::terminal::Terminal;

/// Most bytes that are read of one file: one more than what is evidence, so that the rest is noticed.
const MAX_BYTES: u64 = (1 << 20) + 1;
/// Deepest folder, most entries that are looked at and most files that are read below one directory.
const MAX_DEPTH: usize = 8;
const MAX_ENTRIES: usize = 20_000;
const MAX_FILES: usize = 1_000;

/// Reads the files that `--with` names, and those that the policy names and that exist.
///
/// # Errors
/// A file that `--with` names does not exist or cannot be read.
pub(super) fn read(with: &[PathBuf], policy: &Policy, policy_file: Option<&Path>) -> Result<Evidence, Failure> {
    let mut reader = Reader { evidence: Evidence::default(), seen: BTreeSet::new(), entries: 0, files: 0 };
    for path in with {
        reader.named(path).map_err(|error| Failure::file(path, "read", &error))?;
    }
    let folder = policy_file.and_then(Path::parent).unwrap_or(Path::new(""));
    for relative in &policy.evidence {
        let path = folder.join(relative);
        match reader.named(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Terminal::say(&format!("note: the policy's evidence `{}` does not exist", path.display()));
            }
            Err(error) => reader.evidence.unread(&shown(&path), &error.to_string()),
            Ok(()) => {}
        }
    }
    Ok(reader.evidence)
}

/// Gives the steps of all images the lines of the Dockerfiles that were given.
pub(super) fn place_steps(inspection: &mut Inspection, evidence: &Evidence) {
    for image in &mut inspection.images {
        for dockerfile in &evidence.dockerfiles {
            match_steps(image, dockerfile);
        }
    }
}

/// Adds the waivers in comments of the Dockerfiles to the policy's.
///
/// # Errors
/// One of them is refused by the policy.
pub(super) fn adopt_waivers(policy: &mut Policy, evidence: &Evidence) -> Result<(), Failure> {
    policy.adopt_waivers(&evidence.dockerfiles, super::now()).map_err(|problems| {
        let (last, others) = problems.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
        for problem in others {
            Terminal::say(&format!("error: {problem}"));
        }
        Failure::usage(last.to_owned()).with_hint("waivers in a Dockerfile count as those of the policy do")
    })
}

struct Reader {
    evidence: Evidence,
    seen: BTreeSet<PathBuf>,
    entries: usize,
    files: usize,
}

impl Reader {
    fn named(&mut self, path: &Path) -> std::io::Result<()> {
        if std::fs::metadata(path)?.is_dir() {
            // Each directory that is named has its own bounds.
            (self.entries, self.files) = (0, 0);
            self.folder(path, 0)
        } else {
            self.file(path, true)
        }
    }

    fn folder(&mut self, path: &Path, depth: usize) -> std::io::Result<()> {
        if depth > MAX_DEPTH {
            self.evidence.unread(&shown(path), &format!("it lies deeper than {MAX_DEPTH} directories"));
            return Ok(());
        }
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path)? {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                self.evidence.unread(&shown(path), &format!("there are more than {MAX_ENTRIES} files below it"));
                return Ok(());
            }
            entries.push(entry?);
        }
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let kind = entry.file_type()?;
            // Links to directories are not followed, and what tools keep for themselves is no evidence.
            if kind.is_dir() {
                if !name.starts_with('.') && name != "node_modules" {
                    self.folder(&entry.path(), depth + 1)?;
                }
            } else if is_evidence_name(&name) && std::fs::metadata(entry.path()).is_ok_and(|data| data.is_file()) {
                self.files += 1;
                if self.files > MAX_FILES {
                    self.evidence.unread(&shown(path), &format!("there are more than {MAX_FILES} files of evidence"));
                    return Ok(());
                }
                self.file(&entry.path(), false)?;
            }
        }
        Ok(())
    }

    #[expect(clippy::disallowed_methods, reason = "the command line reads the user's files")]
    fn file(&mut self, path: &Path, named: bool) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(MAX_BYTES).read_to_end(&mut bytes)?;
        if self.seen.insert(path.components().collect()) {
            self.evidence.add(&shown(path), &bytes, named);
        }
        Ok(())
    }
}

/// A path as people and reports see it: without `./`.
fn shown(path: &Path) -> String {
    super::check::relative(path).unwrap_or_else(|| path.to_string_lossy().into_owned())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the tests write the files that are read")]
mod tests {
    use super::*;
    use crate::companions::FileKind::{self, Compose, Dockerfile, Kubernetes, Other, Unread};
    use crate::policy::builtin_default;

    #[test]
    fn a_directory_is_searched_for_known_names() {
        let folder = tempfile::tempdir().expect("a directory");
        for (name, text) in [
            ("Dockerfile", "FROM scratch\n"),
            ("compose.yaml", "services: {a: {image: b}}\n"),
            ("k8s/pod.yml", "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: b}]}\n"),
            ("k8s/values.yaml", "a: 1\n"),
            ("k8s/broken.yaml", "a: [\n"),
            (".git/x.yaml", "a: [\n"),
            ("node_modules/x/y.yml", "a: [\n"),
            ("main.py", "x\n"),
        ] {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, text).expect("written");
        }
        let evidence = read(&[folder.path().to_owned()], &builtin_default(), None).expect("read");
        let kinds: Vec<FileKind> = evidence.files.iter().map(|(_, kind)| *kind).collect();
        assert_eq!(kinds, [Dockerfile, Compose, Unread, Kubernetes, Other]);
        assert_eq!(evidence.gaps.len(), 1);
        assert!(evidence.gaps[0].detail.contains("broken.yaml:2:1: not YAML"), "{:?}", evidence.gaps);
    }

    #[test]
    fn a_file_that_is_named_must_exist_and_one_of_the_policy_need_not() {
        let missing = read(&[PathBuf::from("no/such/file.yml")], &builtin_default(), None).expect_err("missing");
        assert_eq!(missing.exit, crate::cli::Exit::Usage);
        let policy = Policy { evidence: vec!["no/such/file.yml".to_owned()], ..builtin_default() };
        assert!(read(&[], &policy, None).expect("a note").is_empty());
    }
}
