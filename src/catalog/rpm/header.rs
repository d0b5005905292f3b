//! RPM headers: an index of tags over a block of data (rpm, "Header format").

use std::collections::BTreeMap;

/// Largest header, in bytes, as rpm itself limits it.
const MAX_HEADER: usize = 256 << 20;

/// Tags that are read, by rpm's own names.
pub(super) mod tag {
    pub const NAME: u32 = 1000;
    pub const VERSION: u32 = 1001;
    pub const RELEASE: u32 = 1002;
    pub const EPOCH: u32 = 1003;
    pub const SUMMARY: u32 = 1004;
    pub const BUILDTIME: u32 = 1006;
    pub const INSTALLTIME: u32 = 1008;
    pub const SIZE: u32 = 1009;
    pub const VENDOR: u32 = 1011;
    pub const LICENSE: u32 = 1014;
    pub const PACKAGER: u32 = 1015;
    pub const URL: u32 = 1020;
    pub const ARCH: u32 = 1022;
    pub const OLDFILENAMES: u32 = 1027;
    pub const FILESTATES: u32 = 1029;
    pub const FILEMODES: u32 = 1030;
    pub const FILEDIGESTS: u32 = 1035;
    pub const FILEFLAGS: u32 = 1037;
    pub const SOURCERPM: u32 = 1044;
    pub const PROVIDENAME: u32 = 1047;
    pub const REQUIREFLAGS: u32 = 1048;
    pub const REQUIRENAME: u32 = 1049;
    pub const REQUIREVERSION: u32 = 1050;
    pub const DIRINDEXES: u32 = 1116;
    pub const BASENAMES: u32 = 1117;
    pub const DIRNAMES: u32 = 1118;
    pub const SIGMD5: u32 = 261;
    pub const SHA1HEADER: u32 = 269;
    pub const SHA256HEADER: u32 = 273;
    pub const FILEDIGESTALGO: u32 = 5011;
    pub const PAYLOADSHA256: u32 = 5092;
    pub const MODULARITYLABEL: u32 = 5096;
    pub const PAYLOADSHA512: u32 = 5121;
}

const INT16: u32 = 3;
const INT32: u32 = 4;
const STRING: u32 = 6;
const BINARY: u32 = 7;
const STRINGS: u32 = 8;
const I18N: u32 = 9;

/// Where a tag's data lies.
#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: u32,
    offset: usize,
    count: usize,
}

/// A header.
pub(super) struct Header<'a> {
    entries: BTreeMap<u32, Entry>,
    data: &'a [u8],
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

impl<'a> Header<'a> {
    /// Reads the index of a header without magic, as databases hold it.
    ///
    /// # Errors
    /// When the sizes do not fit the bytes.
    pub fn read(bytes: &'a [u8]) -> Result<Self, String> {
        let (Some(count), Some(length)) = (word(bytes, 0), word(bytes, 4)) else {
            return Err("the header is shorter than its sizes".to_owned());
        };
        let (count, length) = (count as usize, length as usize);
        if bytes.len() > MAX_HEADER {
            return Err(format!("the header has {} bytes", bytes.len()));
        }
        let start = count.checked_mul(16).and_then(|index| index.checked_add(8));
        let data = start.and_then(|start| bytes.get(start..start.checked_add(length)?));
        let (Some(start), Some(data)) = (start, data) else {
            return Err("the header is shorter than its sizes say".to_owned());
        };
        let mut entries = BTreeMap::new();
        for entry in bytes[8..start].chunks_exact(16) {
            let part = |at| word(entry, at).unwrap_or_default();
            let offset = usize::try_from(part(8).cast_signed()).ok();
            // Entries behind the region override those in it: the later one wins.
            if let Some(offset) = offset.filter(|offset| *offset <= data.len()) {
                entries.insert(part(0), Entry { kind: part(4), offset, count: part(12) as usize });
            }
        }
        Ok(Self { entries, data })
    }

    fn entry(&self, tag: u32, kinds: &[u32]) -> Option<(Entry, &'a [u8])> {
        let entry = *self.entries.get(&tag).filter(|entry| kinds.contains(&entry.kind))?;
        Some((entry, self.data.get(entry.offset..)?))
    }

    /// The strings of a tag, as bytes.
    pub fn strings(&self, tag: u32) -> Vec<&'a [u8]> {
        let Some((entry, data)) = self.entry(tag, &[STRING, STRINGS, I18N]) else { return Vec::new() };
        let count = if entry.kind == STRING { 1 } else { entry.count };
        // The last part of a split is no string: nothing ends it.
        let mut parts = data.split_inclusive(|byte| *byte == 0);
        let mut strings = Vec::new();
        while strings.len() < count
            && let Some(string) = parts.next().and_then(|part| part.strip_suffix(b"\0"))
        {
            strings.push(string);
        }
        strings
    }

    /// The first string of a tag, if it says anything.
    pub fn text(&self, tag: u32) -> Option<String> {
        let (_, data) = self.entry(tag, &[STRING, STRINGS, I18N])?;
        let end = data.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8_lossy(&data[..end]).trim().to_owned();
        (!text.is_empty() && text != "(none)").then_some(text)
    }

    /// The numbers of a tag.
    pub fn numbers(&self, tag: u32) -> Vec<u32> {
        let Some((entry, data)) = self.entry(tag, &[INT16, INT32]) else { return Vec::new() };
        let numbers: Vec<u32> = if entry.kind == INT16 {
            data.chunks_exact(2).take(entry.count).map(|raw| u32::from(u16::from_be_bytes([raw[0], raw[1]]))).collect()
        } else {
            data.chunks_exact(4).take(entry.count).filter_map(|raw| word(raw, 0)).collect()
        };
        numbers
    }

    /// The first number of a tag.
    pub fn number(&self, tag: u32) -> Option<u32> {
        self.numbers(tag).first().copied()
    }

    /// The raw bytes of a tag: binary data, or one byte per item.
    pub fn bytes(&self, tag: u32) -> &'a [u8] {
        const SINGLE: &[u32] = &[1, 2, BINARY];
        self.entry(tag, SINGLE).and_then(|(entry, data)| data.get(..entry.count)).unwrap_or_default()
    }
}
