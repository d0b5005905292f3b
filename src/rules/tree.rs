//! The final file system, looked through once for all rules that want a few of its many files.

use std::sync::Arc;

use crate::model::{Entry, File, ImageFacts, Kind};

use super::setting::Globs;

/// Places of files in [`ImageFacts::files`], by what is remarkable about them.
#[derive(Default)]
pub(super) struct Tree {
    /// Files with the set-user-ID or set-group-ID bit.
    pub(super) set_id: Vec<usize>,
    /// Files with capabilities.
    pub(super) capable: Vec<usize>,
    /// Files and directories that everyone may write.
    pub(super) world_writable: Vec<usize>,
    /// Character and block devices.
    pub(super) devices: Vec<usize>,
    /// Sources and bytecode of Python.
    pub(super) python: Vec<usize>,
    /// Names in the tree, sorted by their first two bytes: those bytes, and the first file of that name or below it.
    names: Vec<(u16, u32)>,
}

/// The extended attribute that holds a file's capabilities.
pub(super) const CAPABILITY: &str = "security.capability";

impl Tree {
    /// The tree of an image, made when the first rule asks.
    pub(super) fn of(image: &ImageFacts) -> Arc<Self> {
        image.derived.get(|| Self::new(&image.files))
    }

    fn new(files: &[File]) -> Self {
        let mut tree = Self::default();
        let mut before: &str = "";
        for (at, File { entry, .. }) in files.iter().enumerate() {
            tree.note(at, entry);
            if let Ok(at) = u32::try_from(at) {
                let path: &str = &entry.path;
                new_names(before, path, |name| tree.names.push((key(name), at)));
                before = path;
            }
        }
        tree.names.sort_unstable();
        tree
    }

    fn note(&mut self, at: usize, entry: &Entry) {
        let is_file = entry.is_file();
        if entry.mode & 0o6000 != 0 && is_file {
            self.set_id.push(at);
        }
        if entry.mode & 0o002 != 0 && (is_file || entry.is_directory()) {
            self.world_writable.push(at);
        }
        if !entry.xattrs.is_empty() && entry.xattrs.iter().any(|(name, _)| name.as_ref() == CAPABILITY) {
            self.capable.push(at);
        }
        if matches!(entry.kind, Kind::CharDevice | Kind::BlockDevice) {
            self.devices.push(at);
        }
        let path = entry.path.as_bytes();
        if is_file && (path.ends_with(b".py") || path.ends_with(b".pyc")) {
            self.python.push(at);
        }
    }

    /// The first file of each name that may begin with `start`, or below a folder of such a name.
    pub(super) fn named(&self, start: &str) -> impl Iterator<Item = usize> {
        let (low, high) = match *start.as_bytes() {
            [] => (0, u16::MAX),
            [one] => (u16::from_be_bytes([one, 0]), u16::from_be_bytes([one, u8::MAX])),
            [one, two, ..] => (u16::from_be_bytes([one, two]), u16::from_be_bytes([one, two])),
        };
        let from = self.names.partition_point(|(key, _)| *key < low);
        let rest = self.names.get(from..).unwrap_or_default();
        rest.iter().take_while(move |(key, _)| *key <= high).filter_map(|(_, at)| usize::try_from(*at).ok())
    }
}

/// Places of the files that one of the globs matches, in order, most files of the image never looked at.
pub(super) fn matched(image: &ImageFacts, globs: &Globs) -> Vec<usize> {
    let tree = Tree::of(image);
    let mut places: Vec<usize> = Vec::new();
    for need in globs.needs() {
        let range = range_below(image, &need.folder);
        if need.name.is_empty() {
            places.extend(range);
            continue;
        }
        for first in tree.named(&need.name).filter(|at| range.contains(at)) {
            places.push(first);
            if need.below {
                let Some(top) = image.files.get(first).and_then(|file| folder_named(&file.entry.path, &need.name))
                else {
                    continue;
                };
                places.extend(range_below(image, top));
            }
        }
    }
    places.sort_unstable();
    places.dedup();
    places.retain(|at| image.files.get(*at).is_some_and(|file| globs.matches(&file.entry.path)));
    places
}

/// The topmost part of a path whose last name begins with `start`.
fn folder_named<'path>(path: &'path str, start: &str) -> Option<&'path str> {
    let mut from = 0;
    for name in path.split('/') {
        if name.starts_with(start) {
            return path.get(..from + name.len());
        }
        from += name.len() + 1;
    }
    None
}

fn key(name: &str) -> u16 {
    match *name.as_bytes() {
        [] => 0,
        [one] => u16::from_be_bytes([one, 0]),
        [one, two, ..] => u16::from_be_bytes([one, two]),
    }
}

/// Tells the names in a path that the path before it in order does not lie below as well.
fn new_names<'path>(before: &str, path: &'path str, mut tell: impl FnMut(&'path str)) {
    let common = before.bytes().zip(path.bytes()).take_while(|(left, right)| left == right).count();
    // A name that ends or goes on differently is another name: back to where it begins.
    let whole = before.len() == common && path.as_bytes().get(common) == Some(&b'/');
    let from = match path.as_bytes()[..common].iter().rposition(|byte| *byte == b'/') {
        _ if whole => common + 1,
        Some(slash) => slash + 1,
        None => 0,
    };
    path.get(from..).unwrap_or_default().split('/').for_each(&mut tell);
}

/// Everything below a folder, the folder itself not included.
pub(super) fn below<'image>(image: &'image ImageFacts, folder: &str) -> &'image [File] {
    image.files.get(range_below(image, folder)).unwrap_or_default()
}

/// Where everything below a folder lies in [`ImageFacts::files`].
pub(super) fn range_below(image: &ImageFacts, folder: &str) -> std::ops::Range<usize> {
    let folder = folder.trim_matches('/');
    if folder.is_empty() {
        return 0..image.files.len();
    }
    // Paths are sorted by their bytes: those below come together, and `0` follows `/`.
    let place = |mark: char| {
        let border = format!("{folder}{mark}");
        image.files.partition_point(|file| file.entry.path.as_ref() < border.as_str())
    };
    place('/')..place('0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::image::image;

    #[test]
    fn what_lies_below_a_folder_is_found_between_its_neighbours() {
        let image = image("0644 0:0 a-b\n0755 0:0 a/\n0644 0:0 a/x\n0644 0:0 a/y/z\n0644 0:0 a0\n0644 0:0 ab/c");
        let paths = |folder: &str| -> Vec<String> {
            below(&image, folder).iter().map(|file| file.entry.path.to_string()).collect()
        };
        assert_eq!(paths("/a/"), ["a/x", "a/y", "a/y/z"]);
        assert_eq!(paths("none"), Vec::<String>::new());
        assert_eq!(paths("/").len(), image.files.len());
    }

    #[test]
    fn each_name_is_told_once_where_it_first_stands() {
        let names = |before: &str, path: &'static str| {
            let mut all = Vec::new();
            new_names(before, path, |name| all.push(name));
            all
        };
        assert_eq!(names("", "a/b/c"), ["a", "b", "c"]);
        assert_eq!(names("a/b/c", "a/b/d"), ["d"]);
        assert_eq!(names("a/b", "a/b/d"), ["d"]);
        assert_eq!(names("a/bc", "a/bd/e"), ["bd", "e"]);
        assert_eq!(names("a/b", "a/bc"), ["bc"]);
        assert_eq!(names("a", "é/x"), ["é", "x"]);
        assert_eq!(names("è", "é"), ["é"]);
    }

    #[test]
    fn globs_find_the_same_files_with_and_without_the_index() {
        let image = image(
            "0644 0:0 .env\n0644 0:0 app/.env.local\n0755 0:0 app/.git/\n0644 0:0 app/.git/HEAD\n0644 0:0 app/.git/refs/.git/x\n\
             0644 0:0 app/.gitx/y\n0644 0:0 app/src/Dockerfile.dev\n0644 0:0 app/tests/a/b\n0644 0:0 etc/ssl/a.pem\n0644 0:0 usr/a/x\n\
             0644 0:0 usr/b/y/.git/z\n0644 0:0 x\n0644 0:0 aa/b\n0644 0:0 é/.env",
        );
        for glob in [
            "**/.env*",
            "**/.git/**",
            "/app/**/Dockerfile*",
            "/app/tests/**",
            "usr/{a,b}/**",
            "**/*.pem",
            "**",
            "x",
            "**/.git*/*",
            "a?/b",
            "**/{a/b,c}",
            "*/.env*",
            "**/refs/**/x",
            "none/**",
            "**/q*",
        ] {
            let globs = Globs::of([glob.to_owned()]).expect(glob);
            let all = image.files.iter().enumerate().filter(|(_, file)| globs.matches(&file.entry.path));
            let plain: Vec<usize> = all.map(|(at, _)| at).collect();
            assert_eq!(matched(&image, &globs), plain, "{glob}");
        }
    }

    #[test]
    fn files_are_found_by_how_a_name_begins() {
        let image = image(
            "0644 0:0 app/.git/HEAD\n0644 0:0 app/.gitignore\n0644 0:0 app/x\n0644 0:0 srv/.git/HEAD\n0644 0:0 a",
        );
        let tree = Tree::of(&image);
        let found: Vec<&str> = tree.named(".git").map(|at| image.files[at].entry.path.as_ref()).collect();
        assert!(found.contains(&"app/.gitignore"), "{found:?}");
        assert_eq!(found.iter().filter(|path| path.starts_with("srv/.git")).count(), 1, "{found:?}");
        assert!(tree.named("a").count() >= 2 && tree.named("q").count() == 0);
    }
}
