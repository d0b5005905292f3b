//! What one layer did to the file system below it.

use std::collections::BTreeMap;

use crate::model::{Entry, How, ImageFacts};

/// What happened to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    /// The sign that stands before the path.
    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Added => "+",
            Self::Changed => "~",
            Self::Removed => "-",
        }
    }
}

/// One path that a layer added, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference<'a> {
    pub(super) change: Change,
    /// What the layer wrote; what was there, for a removed path.
    pub(super) entry: &'a Entry,
    /// The later layer that hides what this one wrote.
    pub(super) hidden_by: Option<u32>,
}

/// What the layer did, sorted by path. Directories stand only where nothing in them is listed.
pub(super) fn of_layer(image: &ImageFacts, layer: u32) -> Vec<Difference<'_>> {
    let mut differences: BTreeMap<&str, Difference<'_>> = BTreeMap::new();
    let mut replaced: BTreeMap<&str, &Entry> = BTreeMap::new();
    for hidden in image.hidden.iter().filter(|hidden| hidden.by == layer && hidden.layer != layer) {
        let path = hidden.entry.path.as_ref();
        match hidden.how {
            How::Overwritten | How::Rewritten | How::Duplicate => _ = replaced.insert(path, &hidden.entry),
            How::Deleted => {
                let removed = Difference { change: Change::Removed, entry: &hidden.entry, hidden_by: None };
                differences.insert(path, removed);
            }
        }
    }
    let written = |path: &str| if replaced.contains_key(path) { Change::Changed } else { Change::Added };
    let outlived = image.hidden.iter().filter(|hidden| hidden.layer == layer && hidden.how != How::Duplicate);
    for hidden in outlived.filter(|hidden| hidden.by != layer) {
        let path = hidden.entry.path.as_ref();
        let change = written(path);
        differences.insert(path, Difference { change, entry: &hidden.entry, hidden_by: Some(hidden.by) });
    }
    for file in image.files.iter().filter(|file| file.changed == layer) {
        let change = if file.added == layer { Change::Added } else { Change::Changed };
        if file.entry.is_directory() && change == Change::Changed {
            continue; // its time stamp changes with every file in it
        }
        differences.insert(&file.entry.path, Difference { change, entry: &file.entry, hidden_by: None });
    }
    let paths: Vec<&str> = differences.keys().copied().collect();
    let mut listed: Vec<_> = differences.into_values().collect();
    listed.retain(|one| {
        let inside = format!("{}/", one.entry.path);
        let next = paths.partition_point(|path| *path < inside.as_str());
        !one.entry.is_directory() || !paths.get(next).is_some_and(|path| path.starts_with(&inside))
    });
    listed
}

/// Changes of one kind below one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Directory {
    pub(super) change: Change,
    /// At most two names deep.
    pub(super) path: String,
    pub(super) files: usize,
    pub(super) bytes: u64,
}

/// The same by directory, the most bytes first.
pub(super) fn by_directory(differences: &[Difference<'_>]) -> Vec<Directory> {
    let mut sums: BTreeMap<(String, Change), (usize, u64)> = BTreeMap::new();
    for one in differences {
        let parts: Vec<&str> = one.entry.path.split('/').collect();
        let path = match parts.as_slice() {
            [] | [_] => one.entry.path.to_string(),
            [first, _] => format!("{first}/"),
            [first, second, ..] => format!("{first}/{second}/"),
        };
        let sum = sums.entry((path, one.change)).or_default();
        sum.0 += 1;
        sum.1 = sum.1.saturating_add(one.entry.size);
    }
    let mut sums: Vec<_> =
        sums.into_iter().map(|((path, change), (files, bytes))| Directory { change, path, files, bytes }).collect();
    sums.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| (&a.path, a.change).cmp(&(&b.path, b.change))));
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn told(layer: u32) -> Vec<String> {
        let image = sample::image("linux/amd64");
        let told = |one: &Difference<'_>| {
            let later = one.hidden_by.map(|by| format!(" until {by}")).unwrap_or_default();
            format!("{}{}{later}", one.change.sign(), one.entry.path)
        };
        of_layer(&image, layer).iter().map(told).collect()
    }

    #[test]
    fn a_layer_adds_changes_and_removes() {
        assert_eq!(told(0), ["+etc/passwd until 1", "+lib", "+usr/bin/su"]);
        assert_eq!(
            told(1),
            ["~etc/passwd", "+usr/bin/sudo", "+var/lib/apt/lists/mirror.example_main_Packages until 3"]
        );
        assert_eq!(told(2), ["+app/.env until 3", "+app/main.py", "+app/model.bin", "+opt/agent/helper"]);
        assert_eq!(told(3), ["-app/.env", "-var/lib/apt/lists/mirror.example_main_Packages"]);
        assert!(told(4).is_empty());
    }

    #[test]
    fn directories_are_sums_with_the_largest_first() {
        let image = sample::image("linux/amd64");
        let sums = by_directory(&of_layer(&image, 2));
        let told: Vec<_> = sums.iter().map(|sum| format!("{} {} {}", sum.path, sum.files, sum.bytes)).collect();
        assert_eq!(told, ["app/ 3 48018324", "opt/agent/ 1 2400000"]);
    }
}
