//! A reader of `SQLite` databases in memory: tables, rows, overflow pages, and the frames of a write-ahead log (`SQLite`,
//! "Database File Format"). It only walks tables from end to end; that is all that package databases need.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Deepest tree that a page count of 32 bits allows, with room.
const MAX_DEPTH: usize = 64;
/// Most bytes of one row.
const MAX_PAYLOAD: u64 = 512 << 20;
/// Most columns of a row.
const MAX_COLUMNS: usize = 2000;

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value; an `INTEGER PRIMARY KEY` is stored so.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number, which no package database has.
    Real,
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Blob(Cow<'a, [u8]>),
}

impl Value<'_> {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

/// A table, as `sqlite_schema` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its first page.
    pub root: u32,
}

/// Takes a row: its key and its values.
pub type Visit<'v> = &'v mut dyn FnMut(i64, &[Value<'_>]);

/// A database.
pub struct Database<'a> {
    file: &'a [u8],
    /// Newer pages out of a write-ahead log.
    newer: BTreeMap<u32, &'a [u8]>,
    page_size: usize,
    /// Bytes of a page without what extensions reserve.
    usable: usize,
    encoding: u32,
    pages: u32,
    /// Pages that were read: each is read once, so that neither loops nor shared pages cost more than the file is long.
    seen: Vec<bool>,
    gaps: Vec<String>,
}

/// Two bytes, most significant first.
fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_be_bytes(bytes.try_into().ok()?)))
}

/// Four bytes, most significant first.
fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// A number of one to nine bytes, and how many.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value: u64 = 0;
    for at in 0..8 {
        let byte = *bytes.get(at)?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Some((value, at + 1));
        }
    }
    Some((value << 8 | u64::from(*bytes.get(8)?), 9))
}

impl<'a> Database<'a> {
    /// Opens a database file.
    ///
    /// # Errors
    /// When the header is not that of a database.
    pub fn open(file: &'a [u8]) -> Result<Self, String> {
        Self::with(file, BTreeMap::new(), file.get(..100).ok_or("the database is shorter than its header")?)
    }

    /// Opens what a write-ahead log holds of a database: the pages up to the last commit. None without a commit.
    ///
    /// # Errors
    /// When it is no such log, or does not hold the first page.
    pub fn open_log(log: &'a [u8]) -> Result<Option<Self>, String> {
        let newer = log_pages(log)?;
        if newer.is_empty() {
            return Ok(None);
        }
        let first = newer.get(&1).copied().ok_or("the log does not hold the first page of the database")?;
        Self::with(&[], newer, first).map(Some)
    }

    fn with(file: &'a [u8], newer: BTreeMap<u32, &'a [u8]>, header: &[u8]) -> Result<Self, String> {
        if !header.starts_with(b"SQLite format 3\0") {
            return Err("the file is no SQLite database".to_owned());
        }
        let page_size = match u16_at(header, 16) {
            Some(1) => 65536,
            Some(size) if size.is_power_of_two() && size >= 512 => size,
            _ => return Err("the page size of the database is wrong".to_owned()),
        };
        let reserved = usize::from(header.get(20).copied().unwrap_or_default());
        let usable = page_size.saturating_sub(reserved);
        if usable < 480 {
            return Err("the pages of the database have no room".to_owned());
        }
        let last = newer.keys().next_back().copied().unwrap_or(0);
        let pages = u32::try_from(file.len().div_ceil(page_size)).unwrap_or(u32::MAX).max(last);
        let encoding = u32_at(header, 56).unwrap_or(1);
        let seen = vec![false; pages as usize + 1];
        Ok(Self { file, newer, page_size, usable, encoding, pages, seen, gaps: Vec::new() })
    }

    /// What could not be read.
    pub fn into_gaps(self) -> Vec<String> {
        self.gaps
    }

    fn gap(&mut self, page: u32, what: &str) {
        match self.gaps.len() {
            0..20 => self.gaps.push(format!("page {page}: {what}")),
            20 => self.gaps.push("more pages are damaged".to_owned()),
            _ => {}
        }
    }

    fn page(&self, number: u32) -> Option<&'a [u8]> {
        if let Some(page) = self.newer.get(&number) {
            return Some(page);
        }
        let start = (number.checked_sub(1)? as usize).checked_mul(self.page_size)?;
        let page = self.file.get(start..start.checked_add(self.page_size)?)?;
        Some(page)
    }

    /// Marks a page as read; false when it is none or was read before.
    fn first_time(&mut self, number: u32) -> bool {
        match self.seen.get_mut(number as usize) {
            Some(seen) if number > 0 && number <= self.pages => !std::mem::replace(seen, true),
            _ => false,
        }
    }

    /// All tables.
    pub fn tables(&mut self) -> Vec<Table> {
        let mut tables = Vec::new();
        self.rows(1, &mut |_, row| {
            if let [kind, name, _, root, ..] = row
                && kind.text() == Some("table")
                && let (Some(name), Some(root)) = (name.text(), root.integer())
                && let Ok(root) = u32::try_from(root)
            {
                tables.push(Table { name: name.to_owned(), root });
            }
        });
        tables
    }

    /// Walks a table from its first page.
    pub fn rows(&mut self, root: u32, visit: Visit<'_>) {
        let mut stack = vec![(root, 0)];
        while let Some((number, depth)) = stack.pop() {
            if !self.first_time(number) {
                self.gap(number, "the page is beyond the end or in use twice");
                continue;
            }
            let Some(page) = self.page(number) else {
                self.gap(number, "the page is missing");
                continue;
            };
            let at = if number == 1 { 100 } else { 0 };
            let cells = u16_at(page, at + 3).unwrap_or(0);
            match page.get(at) {
                Some(0x0d) => self.leaf(number, page, at + 8, cells, visit),
                Some(0x05) if depth < MAX_DEPTH => {
                    let mut children: Vec<u32> = (0..cells)
                        .filter_map(|cell| u16_at(page, at + 12 + cell * 2).and_then(|cell| u32_at(page, cell)))
                        .collect();
                    if children.len() < cells {
                        self.gap(number, "cells lie outside the page");
                    }
                    children.extend(u32_at(page, at + 8));
                    stack.extend(children.into_iter().rev().map(|child| (child, depth + 1)));
                }
                _ => self.gap(number, "the page is no part of a table"),
            }
        }
    }

    fn leaf(&mut self, number: u32, page: &'a [u8], at: usize, cells: usize, visit: Visit<'_>) {
        for cell in 0..cells {
            let Some(start) = u16_at(page, at + cell * 2) else {
                self.gap(number, "cells lie outside the page");
                return;
            };
            let row = self.cell(page, start).and_then(|(key, payload)| match &payload {
                Cow::Borrowed(payload) => self.record(payload).map(|row| visit(key, &row)),
                Cow::Owned(payload) => self.record(payload).map(|row| visit(key, &row)),
            });
            if row.is_none() {
                self.gap(number, &format!("row {} of {cells} is damaged", cell + 1));
            }
        }
    }

    /// The key and the payload of a leaf's cell, put together from its overflow pages.
    fn cell(&mut self, page: &'a [u8], start: usize) -> Option<(i64, Cow<'a, [u8]>)> {
        let cell = page.get(start..self.usable)?;
        let (length, used) = varint(cell)?;
        let (key, more) = varint(cell.get(used..)?)?;
        let body = cell.get(used + more..)?;
        if length > MAX_PAYLOAD {
            return None;
        }
        let length = usize::try_from(length).ok()?;
        let most = self.usable - 35;
        let key = key.cast_signed();
        if length <= most {
            return Some((key, Cow::Borrowed(body.get(..length)?)));
        }
        let least = (self.usable - 12) * 32 / 255 - 23;
        let fitting = least + (length - least) % (self.usable - 4);
        let local = if fitting <= most { fitting } else { least };
        let mut payload = body.get(..local)?.to_vec();
        let mut next = u32_at(body, local)?;
        while payload.len() < length {
            if !self.first_time(next) {
                return None;
            }
            let page = self.page(next)?;
            let wanted = (length - payload.len()).min(self.usable - 4);
            payload.extend_from_slice(page.get(4..4 + wanted)?);
            next = u32_at(page, 0)?;
        }
        Some((key, Cow::Owned(payload)))
    }

    /// The values of a record.
    fn record<'r>(&self, payload: &'r [u8]) -> Option<Vec<Value<'r>>> {
        let (header, used) = varint(payload)?;
        let header = usize::try_from(header).ok()?;
        let mut types = payload.get(used..header)?;
        let mut body = payload.get(header..)?;
        let mut values = Vec::new();
        while !types.is_empty() {
            let (kind, used) = varint(types)?;
            types = types.get(used..)?;
            let size = usize::try_from(match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind,
                5 => 6,
                6 | 7 => 8,
                12.. => (kind - 12) / 2,
                _ => return None,
            })
            .ok()?;
            let (bytes, rest) = body.split_at_checked(size)?;
            body = rest;
            values.push(match kind {
                0 => Value::Null,
                8 => Value::Integer(0),
                9 => Value::Integer(1),
                1..=6 => Value::Integer(signed(bytes)),
                7 => Value::Real,
                kind if kind % 2 == 0 => Value::Blob(Cow::Borrowed(bytes)),
                _ => Value::Text(self.decoded(bytes)),
            });
            if values.len() > MAX_COLUMNS {
                return None;
            }
        }
        Some(values)
    }

    fn decoded<'r>(&self, bytes: &'r [u8]) -> Cow<'r, str> {
        let wide = |number: fn([u8; 2]) -> u16| {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| number([pair[0], pair[1]])).collect();
            Cow::Owned(String::from_utf16_lossy(&units))
        };
        match self.encoding {
            2 => wide(u16::from_le_bytes),
            3 => wide(u16::from_be_bytes),
            _ => String::from_utf8_lossy(bytes),
        }
    }
}

/// A number of up to eight bytes with its sign.
fn signed(bytes: &[u8]) -> i64 {
    let start: i64 = if bytes.first().is_some_and(|first| *first >= 0x80) { -1 } else { 0 };
    bytes.iter().fold(start, |value, byte| value << 8 | i64::from(*byte))
}

/// The newest version of each page in a write-ahead log, up to its last commit with right salts and checksums.
fn log_pages(log: &[u8]) -> Result<BTreeMap<u32, &[u8]>, String> {
    let header = log.get(..32).ok_or("the write-ahead log is shorter than its header")?;
    let big = match u32_at(header, 0) {
        Some(0x377f_0682) => false,
        Some(0x377f_0683) => true,
        _ => return Err("the file is no write-ahead log of SQLite".to_owned()),
    };
    let page_size = u32_at(header, 8).unwrap_or(0) as usize;
    if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
        return Err("the page size of the write-ahead log is wrong".to_owned());
    }
    let mut sums = sum((0, 0), &header[..24], big);
    if u32_at(header, 24) != Some(sums.0) || u32_at(header, 28) != Some(sums.1) {
        return Err("the checksum of the write-ahead log's header is wrong".to_owned());
    }
    let mut committed = BTreeMap::new();
    let mut open = BTreeMap::new();
    for frame in log[32..].chunks_exact(24 + page_size) {
        let (head, page) = frame.split_at(24);
        sums = sum(sum(sums, &head[..8], big), page, big);
        let sums_fit = u32_at(head, 16) == Some(sums.0) && u32_at(head, 20) == Some(sums.1);
        if head[8..16] != header[16..24] || !sums_fit {
            break;
        }
        open.insert(u32_at(head, 0).unwrap_or(0), page);
        if u32_at(head, 4).is_some_and(|size| size > 0) {
            committed.append(&mut open);
        }
    }
    Ok(committed)
}

/// `SQLite`'s checksum over pairs of words.
fn sum((mut first, mut second): (u32, u32), bytes: &[u8], big: bool) -> (u32, u32) {
    for pair in bytes.chunks_exact(8) {
        let word = |at: usize| {
            let raw = [pair[at], pair[at + 1], pair[at + 2], pair[at + 3]];
            if big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) }
        };
        first = first.wrapping_add(word(0)).wrapping_add(second);
        second = second.wrapping_add(word(4)).wrapping_add(first);
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: &[u8] = include_bytes!("../../testdata/catalog/plain.sqlite");
    const WIDE: &[u8] = include_bytes!("../../testdata/catalog/wide.sqlite");
    const LOG: &[u8] = include_bytes!("../../testdata/catalog/log.sqlite-wal");

    fn rows(database: &mut Database<'_>, table: &str) -> Vec<(i64, String, usize)> {
        let root = database.tables().into_iter().find(|found| found.name == table).expect(table).root;
        let mut rows = Vec::new();
        database.rows(root, &mut |key, row| {
            let text = row[1].text().unwrap_or_default().to_owned();
            let Value::Blob(blob) = &row[2] else { panic!("no blob") };
            assert!(
                blob.iter()
                    .enumerate()
                    .all(|(at, byte)| i64::from(*byte) == (i64::try_from(at).expect("short") + key) % 251)
            );
            rows.push((key, text, blob.len()));
        });
        rows
    }

    /// What `scripts/make-catalog-testdata` puts in: 300 rows, every tenth with overflow pages, one with thousands of them.
    fn wanted() -> Vec<(i64, String, usize)> {
        let size = |key: i64| {
            if key == 150 {
                100_000
            } else if key % 10 == 0 {
                3000
            } else {
                20
            }
        };
        (1..=300).map(|key| (key, format!("näme {key}"), size(key))).collect()
    }

    #[test]
    fn a_tree_of_pages_with_overflow_is_read_whole() {
        let mut database = Database::open(PLAIN).expect("a database");
        assert_eq!(rows(&mut database, "t"), wanted());
        assert!(database.into_gaps().is_empty());
    }

    #[test]
    fn other_encodings_are_read() {
        let mut database = Database::open(WIDE).expect("a database");
        assert_eq!(rows(&mut database, "t"), wanted());
    }

    #[test]
    fn a_log_is_read_up_to_its_last_commit() {
        let mut database = Database::open_log(LOG).expect("a log").expect("a commit");
        assert_eq!(rows(&mut database, "t").len(), 20);
        // One bit in the last frame: the transaction that it ends does not count.
        let mut forged = LOG.to_vec();
        *forged.last_mut().expect("not empty") ^= 1;
        let mut database = Database::open_log(&forged).expect("a log").expect("a commit");
        assert_eq!(rows(&mut database, "t").len(), 10);
    }

    #[test]
    fn numbers_keep_their_sign() {
        assert_eq!([signed(&[0xff]), signed(&[0x80, 0]), signed(&[0x7f]), signed(&[])], [-1, -32768, 127, 0]);
        assert_eq!(varint(&[0x81, 0x00]), Some((128, 2)));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, 9)));
    }

    #[test]
    fn a_page_that_leads_to_itself_is_a_gap() {
        let mut looped = PLAIN.to_vec();
        // Let every child of every inner page be page 2.
        for page in looped.chunks_exact_mut(1024).skip(1) {
            if page[0] == 5 {
                page[8..12].copy_from_slice(&2_u32.to_be_bytes());
            }
        }
        let mut database = Database::open(&looped).expect("a database");
        let root = database.tables().first().expect("a table").root;
        database.rows(root, &mut |_, _| {});
        assert!(!database.into_gaps().is_empty());
    }

    fn walk(bytes: &[u8]) {
        for database in [Database::open(bytes).ok(), Database::open_log(bytes).ok().flatten()] {
            let Some(mut database) = database else { continue };
            for table in database.tables() {
                database.rows(table.root, &mut |_, _| {});
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn damaged_databases_never_panic(
            log: bool,
            hits in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..40),
            length in any::<usize>(),
        ) {
            let mut bytes = if log { LOG } else { PLAIN }.to_vec();
            for (at, byte) in hits {
                // Half of the damage goes where pages begin.
                let at = if byte % 2 == 0 { at % bytes.len() } else { at % bytes.len() / 512 * 512 + usize::from(byte % 16) };
                if let Some(place) = bytes.get_mut(at) {
                    *place = byte;
                }
            }
            if length % 3 == 0 {
                bytes.truncate(length % (bytes.len() + 1));
            }
            walk(&bytes);
        }

        #[test]
        fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut file = b"SQLite format 3\0\x02\x00\x01\x01\x00".to_vec();
            file.extend(bytes);
            walk(&file);
        }
    }
}
