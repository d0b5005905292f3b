//! ZIP archives in memory (APPNOTE 6.3.10): the central directory is the truth; every offset, count and length is checked.

use std::borrow::Cow;
use std::io::Read as _;

use super::field;

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const END_64: u32 = 0x0606_4b50;
const LOCATOR_64: u32 = 0x0706_4b50;
/// Bytes of an end record without its comment.
const END_SIZE: usize = 22;
/// Most members of one archive.
const MEMBERS: usize = 500_000;

/// Why an archive or a member could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ZipError {
    #[error("the archive has no central directory")]
    NoDirectory,
    #[error("the central directory is damaged at entry {0}")]
    Directory(usize),
    #[error("`{0}` overlaps another entry")]
    Overlap(String),
    #[error("`{0}` is encrypted")]
    Encrypted(String),
    #[error("`{0}` is packed with method {1}, which is not read")]
    Method(String, u16),
    #[error("`{0}` is not where the central directory says")]
    Place(String),
    #[error("`{0}` is damaged")]
    Damaged(String),
    #[error("`{0}` is larger than the limit of {1} bytes")]
    Limit(String, u64),
}

/// A member, as the central directory describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    name: &'a [u8],
    method: u16,
    encrypted: bool,
    overlaps: bool,
    crc: u32,
    packed: u64,
    /// Bytes when unpacked.
    pub size: u64,
    offset: u64,
}

impl Member<'_> {
    /// The name; bytes that are no UTF-8 become `U+FFFD`.
    pub fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.name)
    }

    fn shown(&self) -> String {
        field::line(&self.name()).unwrap_or_default()
    }
}

/// An open archive.
pub(super) struct Zip<'a> {
    bytes: &'a [u8],
    /// The members, in the order of the central directory.
    pub members: Vec<Member<'a>>,
    /// What is strange about the archive.
    pub gaps: Vec<String>,
}

impl<'a> Zip<'a> {
    /// Reads the central directory.
    ///
    /// # Errors
    /// [`ZipError::NoDirectory`]: it is no archive, or its end is missing.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ZipError> {
        let Directory { start, count, shift } = directory(bytes).ok_or(ZipError::NoDirectory)?;
        let mut zip = Self { bytes, members: Vec::new(), gaps: Vec::new() };
        let mut at = start;
        for index in 0..count {
            if zip.members.len() >= MEMBERS {
                zip.gaps.push(format!("only the first {MEMBERS} of {count} entries were looked at"));
                break;
            }
            let Some((member, next)) = central(bytes, at, shift) else {
                zip.gaps.push(ZipError::Directory(index).to_string());
                break;
            };
            zip.members.push(member);
            at = next;
        }
        zip.mark_overlaps();
        zip.report_duplicates();
        Ok(zip)
    }

    /// Several names for the same packed bytes are how a small file becomes a huge one.
    fn mark_overlaps(&mut self) {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|&index| (self.members[index].offset, index));
        let mut end = 0;
        for index in order {
            let member = &mut self.members[index];
            member.overlaps = member.offset < end;
            // An empty member has a header all the same.
            end = end.max(member.offset.saturating_add(30 + member.name.len() as u64).saturating_add(member.packed));
        }
        let many = self.members.iter().filter(|member| member.overlaps).count();
        if let Some(first) = self.members.iter().find(|member| member.overlaps) {
            let others = if many > 1 { format!(", and {} more", many - 1) } else { String::new() };
            self.gaps.push(format!("{}{others}", ZipError::Overlap(first.shown())));
        }
    }

    fn report_duplicates(&mut self) {
        let mut names: Vec<&[u8]> =
            self.members.iter().map(|member| member.name).filter(|name| !name.ends_with(b"/")).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            let name = field::line(&String::from_utf8_lossy(pair[0])).unwrap_or_default();
            self.gaps.push(format!("the name `{name}` is in the archive twice"));
        }
    }

    /// Unpacks a member of at most `limit` bytes.
    ///
    /// # Errors
    /// [`ZipError`] says why it cannot be read.
    pub fn read(&self, member: &Member<'_>, limit: u64) -> Result<Cow<'a, [u8]>, ZipError> {
        if member.overlaps {
            return Err(ZipError::Overlap(member.shown()));
        }
        if member.encrypted {
            return Err(ZipError::Encrypted(member.shown()));
        }
        if member.size > limit {
            return Err(ZipError::Limit(member.shown(), limit));
        }
        let packed = self.packed(member).ok_or_else(|| ZipError::Place(member.shown()))?;
        let damaged = || ZipError::Damaged(member.shown());
        let plain = match member.method {
            0 => Cow::Borrowed(packed),
            8 => {
                let mut plain = Vec::with_capacity(usize::try_from(member.size.min(1 << 20)).unwrap_or(0));
                let inflated = flate2::read::DeflateDecoder::new(packed).take(limit + 1).read_to_end(&mut plain);
                if plain.len() as u64 > limit {
                    return Err(ZipError::Limit(member.shown(), limit));
                }
                inflated.map_err(|_| damaged())?;
                Cow::Owned(plain)
            }
            method => return Err(ZipError::Method(member.shown(), method)),
        };
        let whole = plain.len() as u64 == member.size && crc32fast::hash(&plain) == member.crc;
        if whole { Ok(plain) } else { Err(damaged()) }
    }

    fn packed(&self, member: &Member<'_>) -> Option<&'a [u8]> {
        let at = usize::try_from(member.offset).ok()?;
        if u32_at(self.bytes, at)? != LOCAL {
            return None;
        }
        let name = usize::from(u16_at(self.bytes, at.checked_add(26)?)?);
        let extra = usize::from(u16_at(self.bytes, at.checked_add(28)?)?);
        let start = at.checked_add(30 + name + extra)?;
        let end = start.checked_add(usize::try_from(member.packed).ok()?)?;
        self.bytes.get(start..end)
    }
}

struct Directory {
    start: usize,
    count: usize,
    /// Bytes in front of the archive, by which all offsets are off.
    shift: u64,
}

/// Finds the central directory from the end record, the last one whose comment fits.
fn directory(bytes: &[u8]) -> Option<Directory> {
    let lowest = bytes.len().saturating_sub(END_SIZE + usize::from(u16::MAX));
    let window = bytes.get(lowest..bytes.len().saturating_sub(END_SIZE - 4))?;
    memchr::memmem::rfind_iter(window, &END.to_le_bytes()).take(64).find_map(|found| {
        let end = lowest + found;
        let comment = usize::from(u16_at(bytes, end + 20)?);
        if end + END_SIZE + comment > bytes.len() {
            return None;
        }
        let count = usize::from(u16_at(bytes, end + 10)?);
        let size = u64::from(u32_at(bytes, end + 12)?);
        let offset = u64::from(u32_at(bytes, end + 16)?);
        let wide = end.checked_sub(20).filter(|&at| u32_at(bytes, at) == Some(LOCATOR_64));
        if let Some(wide) = wide.and_then(|locator| directory_64(bytes, locator)) {
            return Some(wide);
        }
        placed(bytes, end, size, offset, count)
    })
}

fn directory_64(bytes: &[u8], locator: usize) -> Option<Directory> {
    let said = usize::try_from(u64_at(bytes, locator + 8)?).ok();
    let is_record = |at: &usize| u32_at(bytes, *at) == Some(END_64);
    // With bytes in front of the archive the record is where the locator is, not where it says.
    let record = said.filter(is_record).or_else(|| locator.checked_sub(56).filter(is_record))?;
    let count = usize::try_from(u64_at(bytes, record.checked_add(32)?)?).unwrap_or(usize::MAX);
    let size = u64_at(bytes, record.checked_add(40)?)?;
    let offset = u64_at(bytes, record.checked_add(48)?)?;
    placed(bytes, record, size, offset, count)
}

/// The directory ends where its end record begins; if that does not fit, it is where the record says.
fn placed(bytes: &[u8], end: usize, size: u64, offset: u64, count: usize) -> Option<Directory> {
    let is_start = |at: usize| count == 0 || u32_at(bytes, at) == Some(CENTRAL);
    let before = usize::try_from(size).ok().and_then(|size| end.checked_sub(size));
    let shifted =
        before.filter(|&start| is_start(start)).and_then(|start| Some((start, (start as u64).checked_sub(offset)?)));
    if let Some((start, shift)) = shifted {
        return Some(Directory { start, count, shift });
    }
    let start = usize::try_from(offset).ok().filter(|&start| start < end && is_start(start))?;
    Some(Directory { start, count, shift: 0 })
}

/// One entry of the central directory, and where the next begins.
fn central(bytes: &[u8], at: usize, shift: u64) -> Option<(Member<'_>, usize)> {
    if u32_at(bytes, at)? != CENTRAL {
        return None;
    }
    let flags = u16_at(bytes, at + 8)?;
    let name_end = (at + 46).checked_add(usize::from(u16_at(bytes, at + 28)?))?;
    let extra_end = name_end.checked_add(usize::from(u16_at(bytes, at + 30)?))?;
    let next = extra_end.checked_add(usize::from(u16_at(bytes, at + 32)?))?;
    let mut member = Member {
        name: bytes.get(at + 46..name_end)?,
        method: u16_at(bytes, at + 10)?,
        // Bit 0: encrypted; bit 13: the directory itself is.
        encrypted: flags & 0x2001 != 0,
        overlaps: false,
        crc: u32_at(bytes, at + 16)?,
        packed: u32_at(bytes, at + 20)?.into(),
        size: u32_at(bytes, at + 24)?.into(),
        offset: u32_at(bytes, at + 42)?.into(),
    };
    wide_fields(bytes.get(name_end..extra_end)?, &mut member);
    member.offset = member.offset.checked_add(shift)?;
    (next <= bytes.len()).then_some((member, next))
}

/// ZIP64: fields that are all ones are in extra field 1, in this order.
fn wide_fields(mut extra: &[u8], member: &mut Member<'_>) {
    while let (Some(id), Some(length)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let Some(mut content) = extra.get(4..4 + usize::from(length)) else { return };
        if id == 1 {
            for value in [&mut member.size, &mut member.packed, &mut member.offset] {
                if *value == u64::from(u32::MAX) {
                    let Some(wide) = u64_at(content, 0) else { return };
                    *value = wide;
                    content = &content[8..];
                }
            }
            return;
        }
        extra = &extra[4 + usize::from(length)..];
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().copied().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
pub(super) mod tests;
