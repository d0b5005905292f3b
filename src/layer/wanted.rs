//! Files whose contents somebody asked for by their paths in the image.

use std::collections::BTreeSet;

/// Paths whose contents are wanted. An image may reach a path through linked folders, so a file of the same name in a folder
/// of the same name is kept too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedContents {
    paths: BTreeSet<String>,
    tails: BTreeSet<String>,
}

/// The last two parts of a path.
fn tail(path: &str) -> Option<&str> {
    let (folder, _) = path.rsplit_once('/')?;
    Some(folder.rfind('/').map_or(path, |at| path.get(at + 1..).unwrap_or(path)))
}

impl WantedContents {
    /// Paths from the image root.
    #[must_use]
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let paths: BTreeSet<String> = paths.into_iter().map(|path| path.trim_matches('/').to_owned()).collect();
        let tails = paths.iter().filter_map(|path| tail(path)).map(str::to_owned).collect();
        Self { paths, tails }
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The paths, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Whether the content of the file at a path of a layer is wanted.
    #[must_use]
    pub fn wants(&self, path: &str) -> bool {
        !self.is_empty() && (self.paths.contains(path) || tail(path).is_some_and(|tail| self.tails.contains(tail)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_wanted_through_linked_folders_too() {
        let wanted = WantedContents::new(["/lib/app/app.conf", "/top"]);
        assert!(wanted.wants("lib/app/app.conf") && wanted.wants("usr/lib/app/app.conf") && wanted.wants("top"));
        assert!(!wanted.wants("etc/app.conf") && !wanted.wants("usr/top") && !wanted.wants("app/app.conf2"));
        assert!(!WantedContents::default().wants("top"));
    }
}
