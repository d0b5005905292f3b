//! The final file system of an image as the kernel walks it: links followed inside the root, permissions of every folder.

use crate::model::{Entry, File, Gap, ImageFacts, Kind};

use super::identity::Who;
use crate::rules::words::code;

/// Most symbolic links that are followed for one path, as in the kernel.
const MAX_HOPS: u32 = 40;
/// Longest path, as in the kernel.
const MAX_PATH: usize = 4_096;

/// What a process does with a file, as a permission bit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rules) enum Access {
    Read = 4,
    Write = 2,
    Execute = 1,
}

/// Where a path leads.
#[derive(Debug, Clone)]
pub(in crate::rules) struct Place<'a> {
    /// The path without links, from the root, without a leading `/`; empty for the root.
    pub path: String,
    /// What is there; none for the root of most images, which no layer describes.
    pub file: Option<&'a File>,
}

impl Place<'_> {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.file.is_none_or(|file| file.entry.is_directory())
    }

    /// Whether `who` may do this with it.
    pub fn allows(&self, who: &Who, access: Access) -> bool {
        self.file.map_or(access != Access::Write || who.is_root(), |file| allows(&file.entry, who, access))
    }
}

/// Why a path leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::rules) enum Nowhere {
    /// This part of it does not exist.
    Missing(String),
    /// This part of it is no directory.
    NoDirectory(String),
    /// Links lead in circles, or the path is longer than any path.
    Loop,
    /// This directory may not be entered.
    Denied(String),
    /// It cannot be told; why.
    Unknown(String),
}

impl Nowhere {
    /// As words behind a path.
    pub fn words(&self, who: &Who) -> String {
        match self {
            Self::Missing(at) => format!("{} does not exist", code(at)),
            Self::NoDirectory(at) => format!("{} is no directory", code(at)),
            Self::Loop => "its symbolic links lead nowhere".to_owned(),
            Self::Denied(at) => format!("{} may not enter {}", who.words(), code(at)),
            Self::Unknown(why) => why.clone(),
        }
    }
}

/// Whether `who` may do this with a file of these attributes. Root may do everything, but starts only what has an execute bit.
pub(in crate::rules) fn allows(entry: &Entry, who: &Who, access: Access) -> bool {
    let bit = access as u16;
    if who.is_root() {
        return access != Access::Execute || entry.is_directory() || entry.mode & 0o111 != 0;
    }
    let granted = if who.uid == entry.uid {
        entry.mode >> 6
    } else if who.is_in(entry.gid) {
        entry.mode >> 3
    } else {
        entry.mode
    };
    granted & bit != 0
}

/// A view of an image's files. Making one costs nothing: every look-up is a binary search.
#[derive(Clone)]
pub(in crate::rules) struct FileSystem<'a> {
    pub image: &'a ImageFacts,
    /// Folders that are mounted over, without the leading `/`.
    volumes: Vec<String>,
}

impl<'a> FileSystem<'a> {
    /// As the image ships it.
    pub fn shipped(image: &'a ImageFacts) -> Self {
        Self { image, volumes: Vec::new() }
    }

    /// As a container sees it: what lies below a volume is not known.
    pub fn mounted(image: &'a ImageFacts) -> Self {
        let clean = |path: &String| path.trim_matches('/').to_owned();
        Self { image, volumes: image.config.volumes.iter().map(clean).filter(|path| !path.is_empty()).collect() }
    }

    /// Where a path leads; relative ones from `base`. Folders on the way are checked for `who` when given.
    pub fn look(&self, path: &str, base: &str, who: Option<&Who>) -> Result<Place<'a>, Nowhere> {
        let mut pending: Vec<&str> = path.split('/').rev().collect();
        if !path.starts_with('/') {
            pending.extend(base.split('/').rev());
        }
        let mut at = Place { path: String::new(), file: self.image.file("") };
        let mut hops = 0;
        let mut steps = 0_usize;
        while let Some(part) = pending.pop() {
            if part.is_empty() || part == "." {
                continue;
            }
            steps += 1;
            if steps > 2 * MAX_PATH {
                return Err(Nowhere::Loop);
            }
            if !at.is_directory() {
                return Err(Nowhere::NoDirectory(format!("/{}", at.path)));
            }
            if who.is_some_and(|who| !at.allows(who, Access::Execute)) {
                return Err(Nowhere::Denied(format!("/{}", at.path)));
            }
            if part == ".." {
                at.path.truncate(at.path.rfind('/').unwrap_or(0));
                at.file = self.image.file(&at.path);
                continue;
            }
            let folder = at.path.len();
            if folder > 0 {
                at.path.push('/');
            }
            at.path.push_str(part);
            if at.path.len() > MAX_PATH {
                return Err(Nowhere::Loop);
            }
            self.outside(&at.path)?;
            let Some(file) = self.image.file(&at.path) else {
                return Err(match self.image.tree_gap() {
                    Some(gap) => Nowhere::Unknown(gap.detail.clone()),
                    None => Nowhere::Missing(format!("/{}", at.path)),
                });
            };
            if let Some(gap) = self.gap_above(file) {
                return Err(Nowhere::Unknown(gap.detail.clone()));
            }
            if file.entry.kind == Kind::Symlink {
                hops += 1;
                if hops > MAX_HOPS {
                    return Err(Nowhere::Loop);
                }
                let target = file.entry.link.as_deref().unwrap_or_default();
                at.path.truncate(if target.starts_with('/') { 0 } else { folder });
                at.file = self.image.file(&at.path);
                pending.extend(target.split('/').rev());
                continue;
            }
            at.file = Some(file);
        }
        Ok(at)
    }

    /// What is mounted when a container starts is not the image's.
    fn outside(&self, path: &str) -> Result<(), Nowhere> {
        if matches!(path, "proc" | "sys" | "dev") {
            return Err(Nowhere::Unknown(format!("`/{path}` is made when the container starts")));
        }
        match self.volumes.iter().find(|volume| *volume == path) {
            Some(volume) => Err(Nowhere::Unknown(format!("{} is a volume", code(format!("/{volume}"))))),
            None => Ok(()),
        }
    }

    /// A layer that was not seen and lies above the file may have replaced it.
    fn gap_above(&self, file: &File) -> Option<&'a Gap> {
        let above = |layer: Option<u32>| layer.is_none_or(|layer| layer >= file.changed);
        self.image.gaps.iter().find(|gap| gap.kind.hides_files() && above(gap.layer))
    }

    /// Files of the final file system, without folders and links.
    pub fn count(&self) -> usize {
        self.image.files.iter().filter(|file| file.entry.is_file()).count()
    }

    /// Where else a file of this name is or was: the sentence behind "no match".
    pub fn nearest(&self, name: &str) -> Option<String> {
        let is = |entry: &Entry| {
            !entry.is_directory() && entry.path.ends_with(name) && crate::model::basename(&entry.path) == name
        };
        let starts = |entry: &Entry| entry.kind == Kind::Symlink || entry.mode & 0o111 != 0 || name.contains(".so");
        if let Some(file) = self.image.files.iter().find(|file| is(&file.entry) && starts(&file.entry)) {
            return Some(format!("only as {}", code(format!("/{}", file.entry.path))));
        }
        if let Some(hidden) = self.image.hidden.iter().rev().find(|hidden| is(&hidden.entry)) {
            let path = code(format!("/{}", hidden.entry.path));
            return Some(format!("{path} is present in layer {} and gone in layer {}", hidden.layer, hidden.by));
        }
        let file = self.image.files.iter().find(|file| is(&file.entry))?;
        Some(format!("only as {}, which has no execute bit", code(format!("/{}", file.entry.path))))
    }
}
