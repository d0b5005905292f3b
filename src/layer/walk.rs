//! The walk through an archive, pushed chunk by chunk: headers parsed, both digests computed, members handed on.
//!
//! Header fields are read by `tar::Header` (POSIX ustar, GNU and old formats); names, pax records and sparse files are put
//! together here, because bytes arrive in chunks and are hashed and searched where they lie.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use tar::Header;

use crate::model::{
    Digest, Document, Entry, FileHash, Gap, GapKind, Kind, Note, NoteKind, Part, PathProblem, encode_path,
    normalise_path,
};

use super::hash::{BLOCK, BlockHash, update_both};
use super::pax::Extended;
use super::{LayerError, Limits, SlackBytes, SlackKind, WantedContents};

/// Bytes of a tar block. Every chunk but the last has a multiple of this.
pub const TAR_BLOCK: usize = 512;

/// A piece of a file's content inside a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Index of the entry.
    pub entry: u32,
    /// Bytes of the file's content in the archive.
    pub size: u64,
    /// Where the piece lies in the chunk.
    pub range: Range<usize>,
    /// It starts the file.
    pub first: bool,
    /// It ends the file.
    pub last: bool,
    /// Where the path lies in [`Pieces::paths`]; only with `first`.
    pub path: Range<usize>,
}

/// All pieces of one chunk.
#[derive(Debug, Default)]
pub struct Pieces {
    /// The pieces in order.
    pub list: Vec<Piece>,
    /// The paths of files that start in this chunk, one behind the other.
    pub paths: String,
}

/// A text of a member that is not its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberText {
    /// Path of the member; empty for a global record.
    pub path: Box<str>,
    /// Which part.
    pub part: Part,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Shortest text that is kept: the shortest token of any provider is longer.
const MIN_TEXT: usize = 8;
/// Bytes of all [`MemberText`]s of one layer.
const MAX_TEXTS: usize = 16 << 20;

/// What a whole archive turned out to be.
#[derive(Debug)]
#[must_use]
pub struct Walked {
    /// Digest of the archive.
    pub diff_id: Digest,
    /// Bytes of the archive.
    pub size: u64,
    /// Members in order.
    pub entries: Vec<Entry>,
    /// Documents that were kept.
    pub documents: Vec<Document>,
    /// Package lists that were kept, see [`Walker::keeping`].
    pub records: Vec<Document>,
    /// Texts of members beside their content, each once: owners, attributes, pax records.
    pub texts: Vec<MemberText>,
    /// Bytes that belong to no member.
    pub slack: SlackBytes,
    /// What was odd.
    pub notes: Vec<Note>,
    /// What was not understood, although the bytes are whole.
    pub gaps: Vec<Gap>,
}

enum State {
    Header,
    /// Content of the entry with this index.
    File {
        left: u64,
        hash: Option<BlockHash>,
        document: Option<usize>,
        record: Option<usize>,
        started: bool,
    },
    /// Content of an extended header.
    Extended {
        flag: u8,
        left: u64,
        bytes: Vec<u8>,
    },
    /// More of the map of a GNU sparse file, then its content.
    SparseMap {
        left: u64,
    },
    /// Content that belongs to nothing.
    Skip {
        left: u64,
    },
    /// Behind the end marker.
    End,
}

/// Walks one archive.
pub struct Walker {
    limits: Limits,
    wants: fn(&str) -> bool,
    contents: Arc<WantedContents>,
    state: State,
    archive: BlockHash,
    offset: u64,
    extended: Extended,
    zero_block: bool,
    entries: Vec<Entry>,
    documents: Vec<Document>,
    kept: u64,
    notes: Vec<Note>,
    gaps: Vec<Gap>,
    records: Vec<Document>,
    is_record: fn(&str) -> bool,
    recorded: u64,
    texts: Vec<MemberText>,
    known_texts: BTreeSet<(Part, Vec<u8>)>,
    text_bytes: usize,
    last_owner: [u8; 64],
    slack: SlackBytes,
    absolute: u64,
}

impl Walker {
    /// Starts a walk. `wants` says which regular files are kept whole.
    #[must_use]
    pub fn new(limits: Limits, wants: fn(&str) -> bool) -> Self {
        Self {
            limits,
            wants,
            contents: Arc::default(),
            state: State::Header,
            archive: BlockHash::new(),
            offset: 0,
            extended: Extended::default(),
            zero_block: false,
            entries: Vec::new(),
            documents: Vec::new(),
            kept: 0,
            notes: Vec::new(),
            gaps: Vec::new(),
            records: Vec::new(),
            is_record: |_| false,
            recorded: 0,
            texts: Vec::new(),
            known_texts: BTreeSet::new(),
            text_bytes: 0,
            last_owner: [0; 64],
            slack: SlackBytes::default(),
            absolute: 0,
        }
    }

    /// Keeps these files whole too.
    #[must_use]
    pub fn with_contents(mut self, contents: Arc<WantedContents>) -> Self {
        self.contents = contents;
        self
    }

    /// Keeps package lists too, within bounds; one that does not fit is not kept.
    #[must_use]
    pub fn keeping(mut self, is_record: fn(&str) -> bool) -> Self {
        self.is_record = is_record;
        self
    }

    /// Takes the next chunk: a multiple of 512 bytes.
    ///
    /// # Errors
    /// [`LayerError::Archive`] or [`LayerError::Limit`]; the walk is over then.
    pub fn push(&mut self, chunk: &[u8], pieces: &mut Pieces) -> Result<(), LayerError> {
        debug_assert!(chunk.len().is_multiple_of(TAR_BLOCK), "chunks are whole blocks");
        let mut at = 0;
        while at < chunk.len() {
            at += self.step(chunk, at, pieces)?;
        }
        self.offset += chunk.len() as u64;
        Ok(())
    }

    /// Takes the last chunk, of any length, and ends the walk.
    ///
    /// # Errors
    /// [`LayerError::Archive`] when the archive ends in the middle of something.
    pub fn finish(mut self, chunk: &[u8], pieces: &mut Pieces) -> Result<Walked, LayerError> {
        let whole = chunk.len() - chunk.len() % TAR_BLOCK;
        self.push(&chunk[..whole], pieces)?;
        let tail = &chunk[whole..];
        // An archive may lack the padding of its last member, never its content.
        let content = match &mut self.state {
            State::File { left, hash, .. } if *left <= tail.len() as u64 && *left > 0 => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX);
                let blocks = take - take % BLOCK;
                let digest = hash.take().map(|mut hash| {
                    hash.update(&tail[..blocks]);
                    FileHash(hash.finish(&tail[blocks..take]))
                });
                Some((take, digest))
            }
            _ => None,
        };
        if let Some((take, digest)) = content {
            self.padding(&tail[take..], self.offset + take as u64);
            self.piece(whole..whole + take, true, pieces);
            self.keep(&tail[..take]);
            self.end_file(digest);
        } else {
            match &self.state {
                State::End => self.slack.add(SlackKind::BehindArchive, "", self.offset, tail),
                State::Header if tail.iter().all(|byte| *byte == 0) => {}
                _ => return Err(self.damaged(0, "it ends in the middle of a member")),
            }
        }
        let size = self.offset + tail.len() as u64;
        let blocks = tail.len() - tail.len() % BLOCK;
        self.archive.update(&tail[..blocks]);
        let diff_id = Digest::from_sha256(&self.archive.clone().finish(&tail[blocks..]));
        self.note_what_lay_about();
        Ok(Walked {
            diff_id,
            size,
            entries: self.entries,
            documents: self.documents,
            records: self.records,
            texts: self.texts,
            slack: self.slack,
            notes: self.notes,
            gaps: self.gaps,
        })
    }

    fn note_what_lay_about(&mut self) {
        if self.text_bytes > MAX_TEXTS {
            let detail = format!(
                "owners, attributes and records of its members have more than {MAX_TEXTS} bytes: the rest was not searched"
            );
            self.gaps.push(Gap { kind: GapKind::SecretScan, layer: None, path: None, detail });
        }
        if self.absolute > 0 {
            let detail = format!(
                "{} names start with `/` or `./` twice or more: they were placed below the image root",
                self.absolute
            );
            self.notes.push(Note { kind: NoteKind::AbsoluteName, layer: None, path: None, detail });
        }
    }

    fn damaged(&self, at: usize, why: impl Into<String>) -> LayerError {
        LayerError::Archive { at: self.offset + at as u64, why: why.into() }
    }

    /// Deals with the bytes from `at` on and returns how many.
    fn step(&mut self, chunk: &[u8], at: usize, pieces: &mut Pieces) -> Result<usize, LayerError> {
        let rest = &chunk[at..];
        match &mut self.state {
            State::Header => {
                let Some(block) = rest.first_chunk::<TAR_BLOCK>() else {
                    return Err(self.damaged(at, "a header is cut"));
                };
                self.archive.update(block);
                self.header(block, at)?;
                Ok(TAR_BLOCK)
            }
            State::File { left, .. } => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                self.content(&rest[..padded(take)], take, at, pieces);
                Ok(padded(take))
            }
            State::Extended { left, bytes, flag } => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                self.archive.update(&rest[..padded(take)]);
                bytes.extend_from_slice(&rest[..take]);
                *left -= take as u64;
                self.slack.add(
                    SlackKind::Padding,
                    "",
                    self.offset + (at + take) as u64,
                    rest.get(take..padded(take)).unwrap_or_default(),
                );
                if *left == 0 {
                    let (flag, bytes) = (*flag, std::mem::take(bytes));
                    self.state = State::Header;
                    self.end_extended(flag, bytes, at)?;
                }
                Ok(padded(take))
            }
            State::SparseMap { left } => {
                let more = rest.get(504).is_some_and(|extended| *extended != 0);
                let left = *left;
                self.archive.update(&rest[..TAR_BLOCK]);
                self.state = match (more, left) {
                    (true, _) => State::SparseMap { left },
                    (false, 0) => State::Header,
                    (false, _) => State::File { left, hash: None, document: None, record: None, started: false },
                };
                Ok(TAR_BLOCK)
            }
            State::Skip { left } => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= take as u64;
                if *left == 0 {
                    self.state = State::Header;
                }
                self.archive.update(&rest[..padded(take)]);
                Ok(padded(take))
            }
            State::End => {
                self.archive.update(rest);
                self.slack.add(SlackKind::BehindArchive, "", self.offset + at as u64, rest);
                Ok(rest.len())
            }
        }
    }

    /// File content: `bytes` are whole blocks of which the first `take` are content.
    fn content(&mut self, bytes: &[u8], take: usize, at: usize, pieces: &mut Pieces) {
        let State::File { left, hash, .. } = &mut self.state else { return };
        *left -= take as u64;
        let last = *left == 0;
        let blocks = take - take % BLOCK;
        let digest = if let Some(file) = hash {
            update_both(&mut self.archive, file, &bytes[..blocks]);
            self.archive.update(&bytes[blocks..]);
            last.then(|| FileHash(file.clone().finish(&bytes[blocks..take])))
        } else {
            self.archive.update(bytes);
            None
        };
        self.padding(&bytes[take..], self.offset + (at + take) as u64);
        self.piece(at..at + take, last, pieces);
        self.keep(&bytes[..take]);
        if last {
            self.end_file(digest);
            self.state = State::Header;
        }
    }

    fn piece(&mut self, range: Range<usize>, last: bool, pieces: &mut Pieces) {
        let State::File { started, .. } = &mut self.state else { return };
        let first = !std::mem::replace(started, true);
        let Some(entry) = self.entries.last() else { return };
        let from = pieces.paths.len();
        if first {
            pieces.paths.push_str(&entry.path);
        }
        let path = from..pieces.paths.len();
        let index = u32::try_from(self.entries.len() - 1).unwrap_or(u32::MAX);
        pieces.list.push(Piece { entry: index, size: entry.size, range, first, last, path });
    }

    /// Adds content to the document that is being kept, if any.
    fn keep(&mut self, bytes: &[u8]) {
        if let State::File { document, record, .. } = self.state {
            if let Some(kept) = document.and_then(|at| self.documents.get_mut(at)) {
                kept.bytes.extend_from_slice(bytes);
            }
            if let Some(kept) = record.and_then(|at| self.records.get_mut(at)) {
                kept.bytes.extend_from_slice(bytes);
            }
        }
    }

    /// What stands between the end of a file and the next block.
    fn padding(&mut self, bytes: &[u8], at: u64) {
        if bytes.iter().any(|byte| *byte != 0) {
            let path = self.entries.last().map(|entry| entry.path.clone()).unwrap_or_default();
            self.slack.add(SlackKind::Padding, &path, at, bytes);
        }
    }

    /// Keeps a text of a member, unless another member has the same.
    fn text(&mut self, path: &str, part: Part, bytes: Vec<u8>) {
        if bytes.len() < MIN_TEXT || self.text_bytes > MAX_TEXTS {
            return;
        }
        if self.known_texts.insert((part.clone(), bytes.clone())) {
            self.text_bytes += bytes.len();
            self.texts.push(MemberText { path: path.into(), part, bytes });
        }
    }

    /// The names of owner and group, and what stands behind the end of a text in a header.
    fn header_texts(&mut self, header: &Header, path: &str, at: usize) {
        let block = header.as_bytes();
        let old = header.as_old();
        let mut fields: Vec<&[u8]> = vec![&old.name, &old.linkname];
        if let Some(ustar) = header.as_ustar() {
            fields.extend([&ustar.uname[..], &ustar.gname[..], &ustar.prefix[..]]);
        } else if header.as_gnu().is_some() {
            fields.extend([&block[265..297], &block[297..329]]);
        }
        for field in fields {
            let end = memchr::memchr(0, field).unwrap_or(field.len());
            self.slack.add(SlackKind::Padding, path, self.offset + at as u64, &field[end..]);
        }
        if block[265..329] != self.last_owner {
            self.last_owner.copy_from_slice(&block[265..329]);
            for name in [&block[265..297], &block[297..329]] {
                let end = memchr::memchr(0, name).unwrap_or(name.len());
                self.text(path, Part::Owner, name[..end].to_vec());
            }
        }
    }

    fn start_record(&mut self, entry: &Entry) -> Option<usize> {
        if entry.size > self.limits.record || self.recorded + entry.size > self.limits.records {
            return None;
        }
        self.recorded += entry.size;
        self.records.push(Document { path: entry.path.clone(), bytes: Vec::new(), truncated: false });
        Some(self.records.len() - 1)
    }

    fn end_file(&mut self, digest: Option<FileHash>) {
        if let Some(entry) = self.entries.last_mut() {
            entry.sha256 = digest;
        }
    }

    fn header(&mut self, block: &[u8; TAR_BLOCK], at: usize) -> Result<(), LayerError> {
        if block.iter().all(|byte| *byte == 0) {
            if self.zero_block {
                self.state = State::End;
            }
            self.zero_block = true;
            return Ok(());
        }
        if self.zero_block {
            return Err(self.damaged(at, "a member follows a block of zeros"));
        }
        let header = Header::from_byte_slice(block);
        if !checksum_agrees(header, block) {
            return Err(self.damaged(at, "a header's checksum is wrong"));
        }
        let field = |name: &str| format!("a header's {name} is no number");
        let flag = block[156];
        let size = match self.extended.size.filter(|_| !matches!(flag, b'x' | b'g' | b'L' | b'K')) {
            Some(size) => size,
            None if is_blank(&header.as_old().size) => 0,
            None => header.entry_size().map_err(|_| self.damaged(at, field("size")))?,
        };
        match flag {
            b'x' | b'g' | b'L' | b'K' => {
                if size > self.limits.header as u64 {
                    return Err(LayerError::Limit(format!("an extended header of {size} bytes")));
                }
                self.state = State::Extended { flag, left: size, bytes: Vec::new() };
                if size == 0 {
                    self.state = State::Header;
                    self.end_extended(flag, Vec::new(), at)?;
                }
                Ok(())
            }
            _ => self.member(header, flag, size, at),
        }
    }

    fn end_extended(&mut self, flag: u8, mut bytes: Vec<u8>, at: usize) -> Result<(), LayerError> {
        match flag {
            b'x' => self.extended.add_records(&bytes).map_err(|why| self.damaged(at, why)),
            // Global records (`g`) count for nothing, as image tools skip them, but they are shipped.
            b'g' => {
                self.text("", Part::Record("global".to_owned()), bytes);
                Ok(())
            }
            _ => {
                let end = memchr::memchr(0, &bytes).unwrap_or(bytes.len());
                self.slack.add(SlackKind::Padding, "", self.offset + at as u64, &bytes[end..]);
                bytes.truncate(end);
                if flag == b'L' {
                    self.extended.path = Some(bytes);
                } else {
                    self.extended.link = Some(bytes);
                }
                Ok(())
            }
        }
    }

    fn member(&mut self, header: &Header, flag: u8, size: u64, at: usize) -> Result<(), LayerError> {
        if self.entries.len() >= self.limits.entries {
            return Err(LayerError::Limit(format!("more than {} members", self.limits.entries)));
        }
        let mut extended = std::mem::take(&mut self.extended);
        let texts = std::mem::take(&mut extended.texts);
        let raw_path = extended
            .sparse_name
            .clone()
            .or_else(|| extended.path.clone())
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let kind = match flag {
            b'0' | 0 | b'7' | b'S' if raw_path.ends_with(b"/") && size == 0 => Some(Kind::Directory),
            b'0' | 0 | b'7' | b'S' => Some(Kind::File),
            b'1' => Some(Kind::Hardlink),
            b'2' => Some(Kind::Symlink),
            b'3' => Some(Kind::CharDevice),
            b'4' => Some(Kind::BlockDevice),
            b'5' => Some(Kind::Directory),
            b'6' => Some(Kind::Fifo),
            _ => None,
        };
        let content = if kind.is_none_or(|kind| kind == Kind::File) { size } else { 0 };
        let path = match (normalise_path(&raw_path), kind) {
            (Ok(path), Some(_)) => Some(path),
            (Ok(path), None) => {
                let detail = format!("a member of type 0x{flag:02x}, which no file system knows: it was not placed");
                self.gap(path, detail);
                None
            }
            (Err(PathProblem::Climbs), _) => {
                let detail = "a name that climbs with `..`: runtimes disagree about it, it was not placed".to_owned();
                self.gap(encode_path(&raw_path), detail);
                None
            }
            // The root itself: nothing that is judged.
            (Err(PathProblem::Empty), _) => None,
        };
        let named = path.as_deref().unwrap_or_default();
        self.header_texts(header, named, at);
        for (part, bytes) in texts {
            self.text(named, part, bytes);
        }
        let (Some(path), Some(kind)) = (path, kind) else {
            self.state = if content > 0 { State::Skip { left: content } } else { State::Header };
            return Ok(());
        };
        if raw_path.starts_with(b"/") {
            self.absolute += 1;
        }
        let sparse = flag == b'S' || (extended.sparse && kind == Kind::File);
        let logical = if flag == b'S' { header.size().ok() } else { extended.sparse_size.filter(|_| sparse) };
        if sparse {
            let detail = format!("a sparse file: {content} bytes are stored for it, its content is not hashed");
            self.notes.push(Note { kind: NoteKind::SparseFile, layer: None, path: Some(path.clone()), detail });
        }
        let entry = self.describe(header, extended, kind, path, logical.unwrap_or(content), at)?;
        let wanted = kind == Kind::File && !sparse && ((self.wants)(&entry.path) || self.contents.wants(&entry.path));
        let document = wanted.then(|| self.start_document(&entry)).flatten();
        let is_record = kind == Kind::File && !sparse && (self.is_record)(&entry.path);
        let record = is_record.then(|| self.start_record(&entry)).flatten();
        self.entries.push(entry);
        if kind != Kind::File {
            self.state = State::Header;
            return Ok(());
        }
        let more_map = flag == b'S' && header.as_gnu().is_some_and(tar::GnuHeader::is_extended);
        self.state = if more_map {
            State::SparseMap { left: content }
        } else {
            State::File { left: content, hash: (!sparse).then(BlockHash::new), document, record, started: false }
        };
        if content == 0 && !more_map {
            let digest = (!sparse).then(|| FileHash(BlockHash::new().finish(&[])));
            self.end_file(digest);
            self.state = State::Header;
        }
        Ok(())
    }

    /// A member that was not placed. Only the first hundred of a layer are named.
    fn gap(&mut self, path: String, detail: String) {
        if self.gaps.len() < 100 {
            self.gaps.push(Gap { kind: GapKind::LayerDamaged, layer: None, path: Some(path), detail });
        }
    }

    fn start_document(&mut self, entry: &Entry) -> Option<usize> {
        let fits = entry.size <= self.limits.document && self.kept + entry.size <= self.limits.documents;
        self.kept += if fits { entry.size } else { 0 };
        self.documents.retain(|document| document.path != entry.path);
        self.documents.push(Document { path: entry.path.clone(), bytes: Vec::new(), truncated: !fits });
        fits.then_some(self.documents.len() - 1)
    }

    fn describe(
        &self,
        header: &Header,
        extended: Extended,
        kind: Kind,
        path: String,
        size: u64,
        at: usize,
    ) -> Result<Entry, LayerError> {
        let field = |name: &str| self.damaged(at, format!("a header's {name} is no number"));
        let id = |from_pax: Option<u64>, raw: &[u8], header: std::io::Result<u64>, name: &str| {
            let value = match from_pax {
                Some(value) => value,
                None if is_blank(raw) => 0,
                None => header.map_err(|_| field(name))?,
            };
            u32::try_from(value).map_err(|_| field(name))
        };
        let link = match kind {
            Kind::Symlink | Kind::Hardlink => {
                let raw = extended
                    .link
                    .or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned))
                    .unwrap_or_default();
                let text =
                    if kind == Kind::Hardlink { normalise_path(&raw).unwrap_or_default() } else { encode_path(&raw) };
                Some(text.into_boxed_str())
            }
            _ => None,
        };
        let mode = if is_blank(&header.as_old().mode) { 0 } else { header.mode().map_err(|_| field("mode"))? };
        let mtime = match extended.mtime {
            Some(mtime) => mtime,
            None => header_time(header).ok_or_else(|| field("time"))?,
        };
        Ok(Entry {
            path: path.into_boxed_str(),
            kind,
            mode: u16::try_from(mode & 0o7777).unwrap_or_default(),
            uid: id(extended.uid, &header.as_old().uid, header.uid(), "owner")?,
            gid: id(extended.gid, &header.as_old().gid, header.gid(), "group")?,
            size,
            mtime,
            sha256: None,
            link,
            xattrs: extended.xattrs.into_boxed_slice(),
        })
    }
}

/// The time field: octal, or base-256 with a sign; blank is 0.
fn header_time(header: &Header) -> Option<i64> {
    let field = &header.as_old().mtime;
    if is_blank(field) {
        return Some(0);
    }
    if field[0] & 0x80 != 0 {
        let negative = field[0] & 0x40 != 0;
        let mut value: i128 = if negative { -1 } else { 0 };
        for (index, byte) in field.iter().enumerate() {
            let byte = if index == 0 && !negative { byte & 0x7f } else { *byte };
            value = (value << 8) | i128::from(byte);
        }
        return i64::try_from(value).ok();
    }
    header.mtime().ok().and_then(|time| i64::try_from(time).ok())
}

/// A number field that was left empty counts as 0, as for other readers of image layers.
fn is_blank(field: &[u8]) -> bool {
    field.iter().all(|byte| matches!(byte, 0 | b' '))
}

/// The checksum counts its own field as eight spaces; historic programs summed signed bytes.
fn checksum_agrees(header: &Header, block: &[u8; TAR_BLOCK]) -> bool {
    let Ok(stated) = header.cksum() else { return false };
    let plain = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    if plain(&block[..148]) + plain(&block[156..]) + 8 * 32 == stated {
        return true;
    }
    let signed = |bytes: &[u8]| bytes.iter().map(|byte| i64::from(byte.cast_signed())).sum::<i64>();
    signed(&block[..148]) + signed(&block[156..]) + 8 * 32 == i64::from(stated)
}

/// The bytes that content of this length takes in the archive.
fn padded(length: usize) -> usize {
    length.next_multiple_of(TAR_BLOCK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::Digest as _;
    use std::io::Read as _;

    fn add(builder: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8]) {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o640);
        header.set_mtime(7);
        builder.append_data(&mut header, path, content).expect("memory");
    }

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in files {
            add(&mut builder, path, content);
        }
        builder.into_inner().expect("memory")
    }

    /// Files by path, with the content that was handed on.
    type Contents = Vec<(String, Vec<u8>)>;

    /// Walks in chunks of that many blocks.
    fn walk(bytes: &[u8], blocks: usize) -> Result<(Walked, Contents), LayerError> {
        let mut walker = Walker::new(Limits::default(), |path| path.ends_with("kept"));
        let chunks: Vec<&[u8]> = bytes.chunks(blocks * TAR_BLOCK).collect();
        let mut contents = Contents::new();
        let mut collect = |chunk: &[u8], pieces: &Pieces| {
            for piece in &pieces.list {
                if piece.first {
                    contents.push((pieces.paths[piece.path.clone()].to_owned(), Vec::new()));
                }
                contents.last_mut().expect("begun").1.extend_from_slice(&chunk[piece.range.clone()]);
            }
        };
        let (last, whole) = chunks.split_last().map_or((&[][..], &[][..]), |(last, whole)| (*last, whole));
        for chunk in whole {
            let mut pieces = Pieces::default();
            walker.push(chunk, &mut pieces)?;
            collect(chunk, &pieces);
        }
        let mut pieces = Pieces::default();
        let walked = walker.finish(last, &mut pieces)?;
        collect(last, &pieces);
        Ok((walked, contents))
    }

    fn why(bytes: &[u8]) -> String {
        walk(bytes, 4).expect_err("damaged on purpose").to_string()
    }

    proptest! {
        #[test]
        fn wherever_chunks_are_cut_the_walk_finds_what_the_tar_crate_finds(
            sizes in proptest::collection::vec((0usize..2000, 1usize..180), 0..8),
            blocks in 1usize..9,
        ) {
            let names: Vec<String> = sizes.iter().enumerate().map(|(at, (_, length))| format!("d{at}/{}", "n".repeat(*length))).collect();
            let contents: Vec<Vec<u8>> = sizes.iter().map(|(size, seed)| (0..*size).map(|at| (at * seed % 251).to_le_bytes()[0]).collect()).collect();
            let files: Vec<(&str, &[u8])> = names.iter().map(String::as_str).zip(contents.iter().map(Vec::as_slice)).collect();
            let bytes = archive(&files);
            let (walked, seen) = walk(&bytes, blocks).expect("whole");
            prop_assert_eq!(&walked.diff_id, &Digest::of(&bytes));
            prop_assert_eq!(walked.size, bytes.len() as u64);
            let mut other = tar::Archive::new(&bytes[..]);
            let mut count = 0;
            for (member, entry) in other.entries().expect("archive").zip(&walked.entries) {
                let mut member = member.expect("member");
                let mut content = Vec::new();
                member.read_to_end(&mut content).expect("content");
                prop_assert_eq!(entry.path.as_bytes(), &*member.path_bytes());
                prop_assert_eq!(entry.size, content.len() as u64);
                prop_assert_eq!(entry.sha256, Some(FileHash(sha2::Sha256::digest(&content).into())));
                prop_assert_eq!((entry.mode, entry.mtime), (0o640, 7));
                count += 1;
            }
            prop_assert_eq!(count, walked.entries.len());
            let wanted: Contents = names.into_iter().zip(contents).filter(|(_, content)| !content.is_empty()).collect();
            prop_assert_eq!(seen, wanted);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..4000), blocks in 1usize..4) {
            let _ = walk(&bytes, blocks);
        }

        #[test]
        fn a_flipped_byte_never_panics_and_never_keeps_the_diff_id(at in 0usize..4096, flip in 1u8..=255) {
            let mut bytes = archive(&[("a", b"hello"), ("etc/kept", b"x")]);
            let at = at % bytes.len();
            let honest = Digest::of(&bytes);
            bytes[at] ^= flip;
            if let Ok((walked, _)) = walk(&bytes, 2) {
                prop_assert_ne!(walked.diff_id, honest);
            }
        }
    }

    #[test]
    fn documents_are_kept_whole_and_the_last_of_a_name_counts() {
        let bytes = archive(&[("etc/kept", b"one"), ("other", &[b'x'; 3000]), ("etc/kept", &[b'y'; 1500])]);
        let (walked, _) = walk(&bytes, 1).expect("whole");
        assert_eq!(walked.documents.len(), 1);
        assert_eq!(walked.documents[0].bytes, [b'y'; 1500]);
    }

    #[test]
    fn bytes_behind_the_end_marker_are_hashed_and_kept() {
        let mut bytes = archive(&[("a", b"1")]);
        bytes.extend_from_slice(&[0; 512]);
        bytes.extend_from_slice(b"smuggled");
        let (walked, _) = walk(&bytes, 1).expect("whole");
        assert_eq!(walked.diff_id, Digest::of(&bytes));
        assert_eq!(walked.gaps, []);
        assert_eq!(walked.slack.pieces[0].bytes, b"smuggled");
    }

    #[test]
    fn an_archive_may_lack_its_end_marker_and_its_last_padding_but_no_content() {
        let bytes = archive(&[("a", b"1"), ("b", &[7; 600])]);
        let content = bytes.len() - 1024 - (1024 - 600);
        for length in [content, content + 3, bytes.len() - 1024, bytes.len() - 512] {
            let (walked, _) = walk(&bytes[..length], 1).expect("whole");
            assert_eq!(walked.entries.len(), 2, "{length}");
            assert_eq!(walked.entries[1].sha256, Some(FileHash(sha2::Sha256::digest([7; 600]).into())), "{length}");
        }
        assert!(why(&bytes[..content - 1]).contains("ends in the middle"));
        assert!(why(&bytes[..1300]).contains("ends in the middle"));
    }

    #[test]
    fn what_readers_disagree_about_is_an_error_or_a_gap() {
        let mut bytes = archive(&[("a", b"")]);
        bytes.truncate(512);
        bytes.extend_from_slice(&[0; 512]);
        bytes.extend_from_slice(&archive(&[("hidden", b"")]));
        assert!(why(&bytes).contains("a member follows a block of zeros"));
        let mut bytes = archive(&[("a", b"")]);
        bytes[0] = b'b';
        assert!(why(&bytes).contains("checksum"));
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..6].copy_from_slice(b"a/../b");
        header.set_size(0);
        header.set_cksum();
        builder.append(&header, &b""[..]).expect("memory");
        let (walked, _) = walk(&builder.into_inner().expect("memory"), 1).expect("whole");
        assert!(walked.entries.is_empty());
        assert!(walked.gaps[0].detail.contains("climbs"));
    }

    #[test]
    fn bounds_hold() {
        let bytes = archive(&[("a", b""), ("b", b""), ("c", b"")]);
        let mut walker = Walker::new(Limits { entries: 2, ..Limits::default() }, |_| false);
        assert!(matches!(walker.push(&bytes, &mut Pieces::default()), Err(LayerError::Limit(_))));
        let long = archive(&[(&"x/".repeat(4000), b"1")]);
        let mut walker = Walker::new(Limits { header: 4096, ..Limits::default() }, |_| false);
        assert!(matches!(walker.push(&long, &mut Pieces::default()), Err(LayerError::Limit(_))));
    }
}
