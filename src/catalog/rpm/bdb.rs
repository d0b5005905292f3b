//! Hash databases of Berkeley DB, as rpm used them until 4.15: all hash pages are read in file order, without its bucket
//! arithmetic (Berkeley DB, `dbinc/db_page.h`).

/// Where the first item's offset stands on a page.
const ITEMS: usize = 26;
/// Page types.
const HASH_UNSORTED: u8 = 2;
const HASH: u8 = 13;
const OVERFLOW: u8 = 7;
/// Item types.
const INLINE: u8 = 1;
const OFF_PAGE: u8 = 3;

/// An opened database.
struct Database<'a> {
    bytes: &'a [u8],
    big: bool,
    page_size: usize,
    /// Overflow pages that belong to a value already: each is followed once, so loops end.
    seen: Vec<bool>,
}

/// Gives every value but the counter to `visit`, with the number of its page.
///
/// # Errors
/// When the file is no such database, or is encrypted.
pub(super) fn read(bytes: &[u8], gaps: &mut Vec<String>, visit: super::Visit<'_>) -> Result<(), String> {
    let mut database = Database::open(bytes)?;
    let pages = u32::try_from(bytes.len() / database.page_size).unwrap_or(u32::MAX);
    if !bytes.len().is_multiple_of(database.page_size) {
        gaps.push("the last page of the database is cut off".to_owned());
    }
    if database.word(bytes, 32).is_some_and(|last| last >= pages) {
        gaps.push("pages at the end of the database are missing".to_owned());
    }
    for number in 1..pages {
        let Some(page) = database.page(number) else { continue };
        if !matches!(page.get(25), Some(&(HASH | HASH_UNSORTED))) {
            continue;
        }
        let entries = database.half(page, 20).unwrap_or(0);
        for pair in 0..entries / 2 {
            let value = database.item(page, pair * 2).and_then(|key| {
                // The value of key 0 counts packages.
                let counter = key.first() == Some(&INLINE) && key.get(1..5) == Some(&[0; 4]);
                if counter { Ok(None) } else { database.value(page, pair * 2 + 1).map(Some) }
            });
            match value {
                Ok(None) => {}
                Ok(Some(value)) => visit(&value, format!("page {number}"), gaps),
                Err(error) => gaps.push(format!("page {number}: {error}")),
            }
            if gaps.len() > 100 {
                gaps.push("more pages are damaged".to_owned());
                return Ok(());
            }
        }
    }
    Ok(())
}

impl<'a> Database<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, String> {
        let big = match bytes.get(12..16) {
            Some([0x61, 0x15, 0x06, 0x00]) => false,
            Some([0x00, 0x06, 0x15, 0x61]) => true,
            _ => return Err("the file is no hash database of Berkeley DB".to_owned()),
        };
        let mut database = Self { bytes, big, page_size: 512, seen: Vec::new() };
        let version = database.word(bytes, 16).unwrap_or_default();
        if !(8..=10).contains(&version) {
            return Err(format!("version {version} of Berkeley DB's hash format is not known"));
        }
        if bytes.get(24) != Some(&0) {
            return Err("the database is encrypted".to_owned());
        }
        let size = database.word(bytes, 20).unwrap_or_default() as usize;
        if !size.is_power_of_two() || !(512..=65536).contains(&size) {
            return Err("the page size of the database is wrong".to_owned());
        }
        database.page_size = size;
        database.seen = vec![false; bytes.len() / size];
        Ok(database)
    }

    fn word(&self, bytes: &[u8], at: usize) -> Option<u32> {
        let raw = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if self.big { u32::from_be_bytes(raw) } else { u32::from_le_bytes(raw) })
    }

    fn half(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let raw = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(usize::from(if self.big { u16::from_be_bytes(raw) } else { u16::from_le_bytes(raw) }))
    }

    fn page(&self, number: u32) -> Option<&'a [u8]> {
        let start = (number as usize).checked_mul(self.page_size)?;
        self.bytes.get(start..start.checked_add(self.page_size)?)
    }

    /// The bytes of an item with its type; items lie from the end of the page to its front.
    fn item(&self, page: &'a [u8], at: usize) -> Result<&'a [u8], &'static str> {
        let start = self.half(page, ITEMS + at * 2).ok_or("an item lies outside the page")?;
        let end = match at.checked_sub(1) {
            None => page.len(),
            Some(before) => self.half(page, ITEMS + before * 2).ok_or("an item lies outside the page")?,
        };
        page.get(start..end).filter(|item| !item.is_empty()).ok_or("an item lies outside the page")
    }

    fn value(&mut self, page: &'a [u8], at: usize) -> Result<Vec<u8>, &'static str> {
        let item = self.item(page, at)?;
        match item.first() {
            Some(&INLINE) => Ok(item[1..].to_vec()),
            Some(&OFF_PAGE) => {
                let first = self.word(item, 4).ok_or("an item is cut off")?;
                let length = self.word(item, 8).ok_or("an item is cut off")? as usize;
                self.overflow(first, length)
            }
            _ => Err("an item has a type that is not known"),
        }
    }

    fn overflow(&mut self, first: u32, length: usize) -> Result<Vec<u8>, &'static str> {
        if length > self.bytes.len() {
            return Err("a value is longer than the file");
        }
        let mut value = Vec::with_capacity(length);
        let mut next = first;
        while next != 0 && value.len() < length {
            match self.seen.get_mut(next as usize) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err("the pages of a value lie beyond the file or lead to themselves"),
            }
            let page = self.page(next).ok_or("the pages of a value lie beyond the file")?;
            if page.get(25) != Some(&OVERFLOW) {
                return Err("the pages of a value are of another kind");
            }
            let used = self.half(page, 22).unwrap_or_default();
            value.extend_from_slice(page.get(ITEMS..ITEMS + used).ok_or("a page holds more than fits")?);
            next = self.word(page, 16).unwrap_or_default();
        }
        value.truncate(length);
        if value.len() == length { Ok(value) } else { Err("a value is cut off") }
    }
}
