//! Files of evidence, sorted by what they are.

use crate::model::{Gap, GapKind};
use crate::yaml::{Node, YamlError, parse_foreign};

use super::{Dockerfile, Workload, WorkloadKind, compose, kubernetes};

/// Most bytes of one file.
const MAX_BYTES: usize = 1 << 20;

/// What a file of evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// A Dockerfile.
    Dockerfile,
    /// A compose file.
    Compose,
    /// Kubernetes manifests.
    Kubernetes,
    /// YAML that is neither.
    Other,
    /// It could not be read; a gap says why.
    Unread,
}

/// Everything that was given beside an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The files, in the order they were given.
    pub files: Vec<(String, FileKind)>,
    /// Dockerfiles.
    pub dockerfiles: Vec<Dockerfile>,
    /// Containers that compose files and manifests want to run.
    pub workloads: Vec<Workload>,
    /// What did not parse.
    pub gaps: Vec<Gap>,
}

impl Evidence {
    /// Whether nothing was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.gaps.is_empty()
    }

    /// The containers of one kind of file.
    pub fn of_kind(&self, kind: WorkloadKind) -> impl Iterator<Item = &Workload> {
        self.workloads.iter().filter(move |workload| workload.kind == kind)
    }

    /// Adds something that could not be read.
    pub fn unread(&mut self, file: &str, why: &str) {
        self.files.push((file.to_owned(), FileKind::Unread));
        self.gap(format!("the evidence `{file}` was not read: {why}"));
    }

    /// Adds a file. `named` tells that somebody named this very file, so that it must be evidence.
    pub fn add(&mut self, file: &str, bytes: &[u8], named: bool) {
        if bytes.len() > MAX_BYTES {
            return self.unread(file, &format!("it has more than {MAX_BYTES} bytes"));
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return self.unread(file, "it is no UTF-8 text");
        };
        let kind = if is_yaml_name(file) {
            self.yaml(file, text, named)
        } else if is_dockerfile_name(file) || has_from(text) {
            self.dockerfile(file, text)
        } else {
            return self.unread(file, "it is no Dockerfile, no compose file and no Kubernetes manifest");
        };
        self.files.push((file.to_owned(), kind));
    }

    fn gap(&mut self, detail: String) {
        self.gaps.push(Gap { kind: GapKind::Evidence, layer: None, path: None, detail });
    }

    fn problem(&mut self, file: &str, problem: &YamlError) {
        let (line, column) = (problem.span.line.max(1), problem.span.column.max(1));
        self.gap(format!("{file}:{line}:{column}: {problem}"));
    }

    fn dockerfile(&mut self, file: &str, text: &str) -> FileKind {
        let read = Dockerfile::parse(file, text);
        for problem in read.problems.iter().filter(|problem| problem.is_fatal()) {
            self.gap(format!("{file}:{}:{}: {}", problem.line, problem.column, problem.message));
        }
        for problem in &read.waiver_problems {
            self.gap(format!("{file}:{}:1: {}", problem.line, problem.message));
        }
        self.dockerfiles.push(read);
        FileKind::Dockerfile
    }

    fn yaml(&mut self, file: &str, text: &str, named: bool) -> FileKind {
        let documents = match parse_foreign(text) {
            Ok(documents) => documents,
            Err(problem) => {
                self.problem(file, &problem);
                return FileKind::Unread;
            }
        };
        let mut kind = FileKind::Other;
        for document in &documents {
            let (found, problems, which) = if compose::is_compose(document) {
                let (found, problems) = compose::read(document, file);
                (found, problems, FileKind::Compose)
            } else if kubernetes::is_manifest(document) {
                let (found, problems) = kubernetes::read(document, file);
                (found, problems, FileKind::Kubernetes)
            } else {
                if named {
                    self.stranger(file, document);
                }
                continue;
            };
            kind = which;
            self.workloads.extend(found);
            for problem in &problems {
                self.problem(file, problem);
            }
        }
        if documents.is_empty() && named {
            self.gap(format!("{file}:1:1: it holds no document"));
        }
        kind
    }

    /// A document of a file that was named as evidence and is none.
    fn stranger(&mut self, file: &str, document: &Node) {
        let what = match kubernetes::kind_of(document) {
            Some(_) => "it names a `kind` and no `apiVersion`",
            None => "it is no compose file (`services`) and no Kubernetes manifest (`apiVersion`, `kind`)",
        };
        self.problem(file, &YamlError::new(document.span, what));
    }
}

fn base_name(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

fn is_yaml_name(file: &str) -> bool {
    let name = base_name(file).to_ascii_lowercase();
    [".yml", ".yaml", ".json"].iter().any(|end| name.ends_with(end))
}

/// `Dockerfile`, `Dockerfile.dev`, `dev.Dockerfile`, `Containerfile`.
fn is_dockerfile_name(file: &str) -> bool {
    let name = base_name(file).to_ascii_lowercase();
    ["dockerfile", "containerfile"]
        .iter()
        .any(|word| name == *word || name.starts_with(&format!("{word}.")) || name.ends_with(&format!(".{word}")))
}

fn has_from(text: &str) -> bool {
    let first = |line: &str| line.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("from"));
    text.lines().any(first)
}

/// Whether a file in a directory of evidence is looked at, by its name alone.
#[must_use]
pub fn is_evidence_name(name: &str) -> bool {
    let ends = |end: &str| name.to_ascii_lowercase().ends_with(end);
    // Files that tell a builder what to leave out have the same beginning.
    (is_dockerfile_name(name) && !ends(".dockerignore")) || ends(".yml") || ends(".yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(file: &str, text: &str) -> Evidence {
        let mut evidence = Evidence::default();
        evidence.add(file, text.as_bytes(), true);
        evidence
    }

    #[test]
    fn files_are_told_apart() {
        let kind = |file: &str, text: &str| one(file, text).files[0].1;
        assert_eq!(kind("Dockerfile", "FROM a"), FileKind::Dockerfile);
        assert_eq!(kind("build/app.Dockerfile", "FROM a"), FileKind::Dockerfile);
        assert_eq!(kind("image", "# x\nfrom a\n"), FileKind::Dockerfile);
        assert_eq!(kind("compose.yaml", "services: {a: {image: b}}"), FileKind::Compose);
        assert_eq!(kind("k8s.yml", "apiVersion: v1\nkind: Pod\nspec: {containers: []}"), FileKind::Kubernetes);
        assert_eq!(kind("values.yaml", "a: 1"), FileKind::Other);
        assert_eq!(kind("x.bin", "abc"), FileKind::Unread);
        for name in ["Dockerfile", "Dockerfile.dev", "compose.yml", "a.yaml", "Containerfile"] {
            assert!(is_evidence_name(name), "{name}");
        }
        for name in ["Dockerfile.dockerignore", "main.py", "dockerfiles"] {
            assert!(!is_evidence_name(name), "{name}");
        }
    }

    #[test]
    fn what_does_not_parse_is_a_gap_with_its_place() {
        let gap =
            |file: &str, text: &str| one(file, text).gaps.first().map(|gap| gap.detail.clone()).unwrap_or_default();
        assert!(gap("compose.yml", "services:\n  a: [\n").starts_with("compose.yml:3:1: not YAML"));
        assert_eq!(gap("compose.yml", "services: {a: {ports: [x]}}"), "compose.yml:1:24: `x` is no port");
        assert_eq!(gap("Dockerfile", "FROM a\n RNU x"), "Dockerfile:2:2: there is no instruction `RNU`");
        assert!(gap("values.yaml", "\na: 1").starts_with("values.yaml:2:1: it is no compose file"));
        assert!(gap("compose.yml", "services: {{ .Values.x }}").starts_with("compose.yml:1:"));
        assert!(gap("x", "y").contains("no Dockerfile"));
        let mut evidence = Evidence::default();
        evidence.add("a.yaml", b"\xff", true);
        evidence.add("b.yaml", &vec![b' '; MAX_BYTES + 1], true);
        evidence.add("c.yaml", b"a: 1", false);
        assert_eq!(evidence.gaps.len(), 2, "{:?}", evidence.gaps);
    }
}
