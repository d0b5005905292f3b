//! `history.add-instead-of-copy`: local files are added with `ADD`, which does more than copy.

use crate::model::{History, ImageFacts, Kind};

use super::history_text::step;
use super::setting::NoSettings;
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "history.add-instead-of-copy",
    code: "IG1801",
    level: Level::Info,
    summary: "`ADD` is used where `COPY` does the same",
    why: "`ADD` unpacks archives and fetches URLs: what comes out depends on what the source happens to be. A file that is \
          replaced by an archive of the same name is silently unpacked. `COPY` does one thing.",
    fix: "Write `COPY` for files and folders of the build context:\n\n```dockerfile\nCOPY app.py /app/\n```",
    flags: &[
        ("", "step ADD app.py /app/ # buildkit"),
        ("", "layer /bin/sh -c #(nop) ADD dir:8d33 in /app \n0644 0:0 app/x"),
        ("", "layer FROM\n0644 0:0 a\nlayer /bin/sh -c #(nop) ADD file:8d33 in /app/x \n0755 0:0 app/\n0644 0:0 app/x"),
    ],
    passes: &[
        ("", "step COPY app.py /app/ # buildkit"),
        ("", "layer ADD rootfs.tar.xz / # buildkit\n0644 0:0 etc/x"),
        ("", "step ADD https://host.example/a.tgz /tmp/ # buildkit"),
        ("", "layer FROM\n0644 0:0 a\nlayer /bin/sh -c #(nop) ADD file:8d33 in / \n0644 0:0 app/x\n0644 0:0 app/y"),
        (
            "",
            "step ADD --checksum=sha256:0a app.py /app/ # buildkit\nstep ADD git@host.example:a/b.git /src # buildkit",
        ),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(AddInsteadOfCopy))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct AddInsteadOfCopy;

/// Endings of archives that `ADD` unpacks.
pub(super) const ARCHIVES: &[&str] =
    &[".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst"];

/// What an `ADD` takes, as far as the history tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added<'a> {
    /// An archive, by its name.
    Archive(&'a str),
    /// A URL or a Git repository.
    Remote(&'a str),
    /// A file or folder of the build context.
    Local(&'a str),
    /// A file whose name the classic builder replaced by a checksum: it may be an archive.
    Unnamed(&'a str),
}

impl<'a> Added<'a> {
    /// Reads what stands behind `ADD`.
    pub(super) fn read(rest: &'a str) -> Vec<Self> {
        let words: Vec<&str> = rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
        let words: Vec<&str> = words.iter().map(|word| word.trim_matches(['[', ']', '"', ','])).collect();
        let ([sources @ .., "in", _] | [sources @ .., _]) = words.as_slice() else { return Vec::new() };
        // An option such as `--checksum` that only `ADD` has is a reason of its own.
        if rest.split_whitespace().any(|word| word.starts_with("--checksum=") || word.starts_with("--keep-git-dir")) {
            return Vec::new();
        }
        sources.iter().map(|source| Self::source(source)).collect()
    }

    fn source(source: &'a str) -> Self {
        let lower = source.to_ascii_lowercase();
        let path = lower.split(['#', '?']).next().unwrap_or_default();
        if source.contains("://") || source.starts_with("git@") || path.strip_suffix(".git").is_some() {
            Self::Remote(source)
        } else if source.starts_with("file:") || source.starts_with("multi:") {
            Self::Unnamed(source)
        } else if ARCHIVES.iter().any(|ending| path.ends_with(ending)) {
            Self::Archive(source)
        } else {
            Self::Local(source)
        }
    }
}

/// The steps of the history that begin with `ADD`: index, entry, what follows the word.
pub(super) fn add_steps(image: &ImageFacts) -> Vec<(u32, &History, &str)> {
    let steps = (0_u32..).zip(&image.config.history).map(|(index, entry)| (index, entry, step(&entry.created_by)));
    steps.filter(|(_, _, (word, _))| *word == "ADD").map(|(index, entry, (_, rest))| (index, entry, rest)).collect()
}

/// Files that a layer still shows.
pub(super) fn files_of(image: &ImageFacts, layer: u32) -> usize {
    image.files.iter().filter(|file| file.changed == layer && file.entry.kind == Kind::File).count()
}

impl Check for AddInsteadOfCopy {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let mut faults = Vec::new();
        let steps = add_steps(image);
        for &(index, entry, rest) in &steps {
            let local = Added::read(rest).into_iter().find_map(|source| match source {
                Added::Local(name) => Some(name),
                // One file came out, so no archive went in; the lowest layer is a system all the same.
                Added::Unnamed(name) => {
                    entry.layer.is_some_and(|layer| layer > 0 && files_of(image, layer) == 1).then_some(name)
                }
                Added::Archive(_) | Added::Remote(_) => None,
            });
            if let Some(name) = local {
                faults.push(Fault {
                    subject: name.to_owned(),
                    message: format!("{} takes {} from the build context", code("ADD"), code(name)),
                    seat: Seat::History(index),
                    fix: None,
                });
            }
        }
        if faults.is_empty() { Outcome::Pass(count(steps.len(), "ADD")) } else { Outcome::Fail(faults) }
    }
}
