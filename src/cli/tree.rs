//! The search through files that are no part of an image: a tree, one file, or standard input.

use std::io::{self, Read};
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::model::{Gap, GapKind, Hit, encode_path};
use crate::report::{Ledger, Skipped};
use crate::secrets::{FileScan, Scanner};

/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// Hits of all files together.
const MAX_HITS: usize = 1_000_000;
/// Gaps and skipped things that are named.
const MAX_NAMED: usize = 10_000;

/// What was found.
#[derive(Default)]
pub(super) struct Searched {
    /// Hits in the order of the files.
    pub hits: Vec<Hit>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
    /// What was read.
    pub ledger: Ledger,
}

impl Searched {
    fn gap(&mut self, path: &str, detail: String) {
        if self.gaps.len() < MAX_NAMED {
            self.gaps.push(Gap { kind: GapKind::SecretScan, layer: None, path: Some(path.to_owned()), detail });
        }
    }

    fn skip(&mut self, path: String, why: &str) {
        self.ledger.skipped += 1;
        if self.ledger.skipped_paths.len() < MAX_NAMED {
            self.ledger.skipped_paths.push(Skipped { path, why: why.to_owned() });
        }
    }

    fn add(&mut self, one: OfFile) {
        self.ledger.files += 1;
        self.ledger.scanned_bytes += one.bytes;
        if let Some(detail) = one.problem {
            self.gap(&one.path, detail);
        }
        let room = MAX_HITS.saturating_sub(self.hits.len());
        if one.hits.len() > room {
            self.gap(&one.path, format!("there are more than {MAX_HITS} places that look like secrets"));
        }
        self.hits.extend(one.hits.into_iter().take(room));
    }
}

/// What one file gave.
struct OfFile {
    path: String,
    hits: Vec<Hit>,
    bytes: u64,
    problem: Option<String>,
}

/// Searches a tree. Links are not followed and what is no file is named; the order is that of the names.
pub(super) fn search_tree(root: &Path, scanner: &Scanner, threads: NonZeroUsize) -> Searched {
    let mut searched = Searched::default();
    let mut files: Vec<(PathBuf, String)> = Vec::new();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, name)) = folders.pop() {
        let entries = match std::fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(error) => {
                searched.gap(&name, format!("the folder could not be read: {error}"));
                continue;
            }
        };
        for entry in entries {
            let base = encode_path(entry.file_name().as_encoded_bytes());
            let path = if name.is_empty() { base } else { format!("{name}/{base}") };
            match entry.file_type() {
                Ok(kind) if kind.is_file() => files.push((entry.path(), path)),
                Ok(kind) if kind.is_dir() => folders.push((entry.path(), path)),
                Ok(kind) if kind.is_symlink() => searched.skip(path, "a symbolic link"),
                Ok(_) => searched.skip(path, "a device, a socket or a pipe"),
                Err(error) => searched.gap(&path, format!("it could not be looked at: {error}")),
            }
        }
    }
    files.sort_by(|one, other| one.1.cmp(&other.1));
    searched.ledger.skipped_paths.sort();
    searched.gaps.sort();
    search_files(&files, scanner, threads, &mut searched);
    searched
}

/// Searches files on several threads; the result does not depend on how many.
fn search_files(files: &[(PathBuf, String)], scanner: &Scanner, threads: NonZeroUsize, searched: &mut Searched) {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, OfFile)>> = Mutex::new(Vec::new());
    let totals: Mutex<(u64, u64)> = Mutex::new((0, 0));
    let work = || {
        let mut buffer = Vec::new();
        let (mut count, mut bytes) = (0, 0);
        let mut own = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((file, path)) = files.get(at) else { break };
            let one = search_file(file, path, scanner, &mut buffer);
            // Most files have nothing to tell: only their sums are kept.
            if one.hits.is_empty() && one.problem.is_none() {
                count += 1;
                bytes += one.bytes;
            } else {
                own.push((at, one));
            }
        }
        if let Ok(mut totals) = totals.lock() {
            totals.0 += count;
            totals.1 += bytes;
        }
        if let Ok(mut done) = done.lock() {
            done.append(&mut own);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.get().min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(at, _)| *at);
    for (_, one) in done {
        searched.add(one);
    }
    let (count, bytes) = totals.into_inner().unwrap_or_default();
    searched.ledger.files += count;
    searched.ledger.scanned_bytes += bytes;
}

/// Searches one file.
#[expect(clippy::disallowed_methods, reason = "the command line reads files")]
fn search_file(file: &Path, path: &str, scanner: &Scanner, buffer: &mut Vec<u8>) -> OfFile {
    match std::fs::File::open(file) {
        Ok(mut open) => search_bytes(&mut open, path, scanner, buffer),
        Err(error) => OfFile {
            path: path.to_owned(),
            hits: Vec::new(),
            bytes: 0,
            problem: Some(format!("it could not be opened: {error}")),
        },
    }
}

/// Searches one file that the user named.
pub(super) fn search_one(file: &Path, scanner: &Scanner) -> Searched {
    let mut searched = Searched::default();
    searched.add(search_file(file, &encode_path(file.as_os_str().as_encoded_bytes()), scanner, &mut Vec::new()));
    searched
}

/// Searches standard input.
pub(super) fn search_stdin(scanner: &Scanner) -> Searched {
    let mut searched = Searched::default();
    searched.add(search_bytes(&mut io::stdin().lock(), "-", scanner, &mut Vec::new()));
    searched
}

/// Searches bytes to their end. A search that panics is a gap of this file and says nothing of others.
fn search_bytes(from: &mut dyn Read, path: &str, scanner: &Scanner, buffer: &mut Vec<u8>) -> OfFile {
    let mut one = OfFile { path: path.to_owned(), hits: Vec::new(), bytes: 0, problem: None };
    let done = catch_unwind(AssertUnwindSafe(|| {
        let mut scan = FileScan::new(path, 0);
        loop {
            buffer.clear();
            if let Err(error) = (&mut *from).take(CHUNK as u64).read_to_end(buffer) {
                one.problem = Some(format!("it could not be read to its end: {error}"));
                buffer.clear();
            }
            one.bytes += buffer.len() as u64;
            let last = buffer.len() < CHUNK;
            scan.feed(scanner, buffer, last, &mut one.hits);
            if last {
                break;
            }
        }
        if scan.truncated() {
            return Some("it has more places that look like secrets than are listed".to_owned());
        }
        let (reason, way) = scan.cuts().next()?;
        Some(format!("`{path}{way}` was not searched to its end: {}", reason.words()))
    }));
    match done {
        Ok(None) => {}
        Ok(problem) => one.problem = one.problem.or(problem),
        Err(_) => one.problem = Some("the search through it failed on an internal error".to_owned()),
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(number: usize) -> String {
        format!("{}_live_kR7vQ2mZx8Lw3Np5Tb9Y{number:04}", "sk")
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the test makes files")]
    fn a_tree_is_searched_in_the_order_of_its_names_whatever_the_threads() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..40 {
            let sub = folder.path().join(format!("d{}", number % 7));
            std::fs::create_dir_all(&sub).expect("a folder");
            std::fs::write(sub.join(format!("f{number}")), format!("key = {}\n", token(number))).expect("a file");
        }
        std::fs::write(folder.path().join("empty"), "").expect("a file");
        std::os::unix::fs::symlink("empty", folder.path().join("link")).expect("a link");
        let scanner = Scanner::new();
        let one = search_tree(folder.path(), &scanner, NonZeroUsize::MIN);
        assert_eq!(one.hits.len(), 40);
        assert!(one.hits.is_sorted_by(|left, right| left.path < right.path));
        assert_eq!(one.gaps, []);
        assert_eq!((one.ledger.files, one.ledger.skipped), (41, 1));
        assert_eq!(one.ledger.skipped_paths, [Skipped { path: "link".to_owned(), why: "a symbolic link".to_owned() }]);
        let many = search_tree(folder.path(), &scanner, NonZeroUsize::new(5).expect("five"));
        assert_eq!((one.hits, one.ledger), (many.hits, many.ledger));
    }

    #[test]
    fn what_cannot_be_read_is_a_gap() {
        let scanner = Scanner::new();
        let gone = search_one(Path::new("/nonexistent/file"), &scanner);
        assert_eq!(gone.gaps.len(), 1);
        let gone = search_tree(Path::new("/nonexistent"), &scanner, NonZeroUsize::MIN);
        assert_eq!(gone.gaps.len(), 1);
    }

    #[test]
    fn a_file_of_whole_chunks_ends_where_it_ends() {
        let scanner = Scanner::new();
        for length in [CHUNK - 30, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK] {
            let mut bytes = vec![b'\n'; length];
            let token = token(1);
            bytes.extend_from_slice(token.as_bytes());
            let one = search_bytes(&mut &bytes[..], "x", &scanner, &mut Vec::new());
            assert_eq!(one.bytes, bytes.len() as u64);
            assert_eq!(one.hits.iter().map(|hit| hit.offset).collect::<Vec<_>>(), [length as u64]);
        }
    }
}
