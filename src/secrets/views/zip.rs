//! Zip archives (APPNOTE 6.3.10), read by their local headers as they come by: also jar, war, wheel, egg, nupkg.
//!
//! The directory at the end is not waited for. A member whose length is only told behind it ends where its deflate stream
//! ends; when it is stored or encrypted, the next header is looked for.

use super::decoder::{Compression, Decoder, Step};
use super::{Child, Seen, Shared};
use crate::model::{SkipReason, ViewKind, encode_path};
use crate::secrets::name::Name;

const HEADER: usize = 30;
/// Longest name of a member that is shown, in bytes.
const MAX_NAME: usize = 1024;

/// The state between two pieces.
#[derive(Debug)]
pub(super) struct Zip {
    depth: u8,
    state: State,
    /// Bytes seen before the current piece.
    position: u64,
}

#[derive(Debug)]
enum State {
    /// A local header, as far as it is known.
    Header(Vec<u8>),
    /// Bytes of a member.
    Member {
        child: Box<Child>,
        /// None when it is stored.
        decoder: Option<Decoder>,
        /// Stored bytes that are left; none when unknown.
        left: Option<u64>,
        /// Whether a descriptor follows.
        descriptor: bool,
    },
    /// That many bytes belong to nothing that is read.
    Skip(u64),
    /// The next header is looked for; the last bytes seen.
    Lost(Vec<u8>),
    Over,
}

impl Zip {
    pub fn new(depth: u8) -> Self {
        Self { depth, state: State::Header(Vec::new()), position: 0 }
    }

    pub fn feed(&mut self, shared: &mut Shared<'_>, bytes: &[u8], last: bool, seen: &mut Vec<Seen>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(shared, rest, seen);
            self.position += used as u64;
            rest = &rest[used..];
        }
        if last {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Member { child, .. } => {
                    shared.skip(SkipReason::Damaged, 0, &child.label);
                    child.end(shared, self.position, false, seen);
                }
                State::Header(header) if !header.is_empty() => shared.skip(SkipReason::Damaged, 0, ""),
                _ => {}
            }
        }
    }

    /// Takes some of the bytes; at least one, unless the state changes.
    fn step(&mut self, shared: &mut Shared<'_>, bytes: &[u8], seen: &mut Vec<Seen>) -> usize {
        match &mut self.state {
            State::Header(header) => {
                let before = header.len();
                let wanted = wanted(header).saturating_sub(before).max(1);
                header.extend_from_slice(&bytes[..bytes.len().min(wanted)]);
                let used = header.len() - before;
                if wanted_signature(header) && header.len() >= HEADER && header.len() >= wanted_in_full(header) {
                    let header = std::mem::take(header);
                    self.begin(shared, &header, used);
                } else if !wanted_signature(header) {
                    // The directory, or nothing of a zip archive.
                    let directory = header.starts_with(b"PK") && matches!(header.get(2), Some(1 | 5 | 6));
                    if !directory {
                        shared.skip(SkipReason::Damaged, 0, "");
                    }
                    self.state = State::Over;
                }
                used
            }
            State::Member { .. } => self.member(shared, bytes, seen),
            State::Skip(left) => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= used as u64;
                if *left == 0 {
                    self.state = State::Header(Vec::new());
                }
                used
            }
            State::Lost(tail) => {
                let before = tail.len();
                tail.extend_from_slice(bytes);
                let found = memchr::memmem::find_iter(tail, b"PK")
                    .find(|&at| matches!(tail.get(at + 2..at + 4), Some([3, 4] | [1, 2] | [5 | 6, 6])));
                if let Some(at) = found {
                    // Up to three of its bytes may have been taken already.
                    let head = tail[at..before.max(at)].to_vec();
                    let used = at.saturating_sub(before);
                    self.state = State::Header(head);
                    return used;
                }
                let keep = tail.len().saturating_sub(3);
                tail.drain(..keep);
                bytes.len()
            }
            State::Over => bytes.len(),
        }
    }

    /// Begins the member of a whole header, of which the last `used` bytes are in the current piece.
    fn begin(&mut self, shared: &mut Shared<'_>, header: &[u8], used: usize) {
        let Some(local) = Local::read(header) else {
            self.state = State::Over;
            return;
        };
        let Local { name, encrypted, descriptor, method, stored } = local;
        let label = format!("!/{}", encode_path(&name[..name.len().min(MAX_NAME)]));
        let known = stored.filter(|&size| !descriptor || size > 0);
        let past = |state: Option<u64>| match state {
            Some(0) => State::Header(Vec::new()),
            Some(size) => State::Skip(size),
            None => State::Lost(Vec::new()),
        };
        let compression = match method {
            _ if encrypted => None,
            0 => Some(None),
            8 => Some(Some(Compression::Deflate)),
            12 => Some(Some(Compression::Bzip2)),
            93 => Some(Some(Compression::Zstd)),
            _ => None,
        };
        let reason = if encrypted { SkipReason::Encrypted } else { SkipReason::UnknownCompression };
        let Some(compression) = compression else {
            shared.skip(reason, stored.unwrap_or_default(), &label);
            self.state = past(known);
            return;
        };
        if known == Some(0) {
            self.state = past(known);
            return;
        }
        if compression.is_none() && known.is_none() {
            shared.skip(SkipReason::Damaged, 0, &label);
            self.state = past(None);
            return;
        }
        let decoder = compression.and_then(Decoder::new);
        let start = (self.position + used as u64).saturating_sub(header.len() as u64);
        let path = String::from_utf8_lossy(name);
        let child = Child::unpacked(shared, ViewKind::Zip, label, Name::of(&path), self.depth, start);
        self.state = match child {
            Some(child) => State::Member { child: Box::new(child), decoder, left: known, descriptor },
            None => past(known),
        };
    }

    fn member(&mut self, shared: &mut Shared<'_>, bytes: &[u8], seen: &mut Vec<Seen>) -> usize {
        let State::Member { mut child, mut decoder, left, descriptor } =
            std::mem::replace(&mut self.state, State::Over)
        else {
            return bytes.len();
        };
        let limit = left.map_or(bytes.len(), |left| usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()));
        let (input, start, position) = (&bytes[..limit], child.start, self.position);
        let step = match &mut decoder {
            None => {
                if child.unpack(shared, input, position + limit as u64 - start) {
                    Step::More
                } else {
                    Step::Refused(limit)
                }
            }
            Some(decoder) => {
                decoder.feed(input, |piece, used| child.unpack(shared, piece, position + used as u64 - start))
            }
        };
        let used = match step {
            Step::Ended(used) | Step::Damaged(used) | Step::Refused(used) => used,
            Step::More => limit,
        };
        let left = left.map(|left| left - used as u64);
        let whole = left == Some(0);
        match step {
            Step::More if !whole => {
                self.state = State::Member { child, decoder, left, descriptor };
                return used;
            }
            Step::More if decoder.is_none() => {}
            Step::Ended(_) | Step::Refused(_) => {}
            Step::More | Step::Damaged(_) => shared.skip(SkipReason::Damaged, 0, &child.label),
        }
        child.end(shared, position + used as u64, false, seen);
        self.state = match left {
            Some(0) if !descriptor => State::Header(Vec::new()),
            Some(left) if left > 0 => State::Skip(left),
            _ => State::Lost(Vec::new()),
        };
        used
    }
}

fn wanted_signature(header: &[u8]) -> bool {
    b"PK\x03\x04".starts_with(&header[..header.len().min(4)])
}

/// The next number of bytes at which something about the header is known.
fn wanted(header: &[u8]) -> usize {
    match header.len() {
        0..4 => 4,
        4..HEADER => HEADER,
        _ => wanted_in_full(header),
    }
}

fn wanted_in_full(header: &[u8]) -> usize {
    HEADER + usize::from(short(header, 26)) + usize::from(short(header, 28))
}

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]))
}

fn long(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).map_or(0, |four| u32::from_le_bytes(*four))
}

/// A local file header.
struct Local<'a> {
    name: &'a [u8],
    encrypted: bool,
    descriptor: bool,
    method: u16,
    /// Stored bytes; none when they are not told here.
    stored: Option<u64>,
}

impl<'a> Local<'a> {
    fn read(header: &'a [u8]) -> Option<Self> {
        let flags = short(header, 6);
        let name_end = HEADER + usize::from(short(header, 26));
        let name = header.get(HEADER..name_end)?;
        let extra = header.get(name_end..)?;
        let (packed, unpacked) = (long(header, 18), long(header, 22));
        let stored = if packed == u32::MAX { zip64(extra, unpacked == u32::MAX) } else { Some(u64::from(packed)) };
        Some(Self { name, encrypted: flags & 1 != 0, descriptor: flags & 8 != 0, method: short(header, 8), stored })
    }
}

/// Gives the stored size out of the extra field for large members.
fn zip64(mut extra: &[u8], after_unpacked: bool) -> Option<u64> {
    while extra.len() >= 4 {
        let (id, size) = (short(extra, 0), usize::from(short(extra, 2)));
        let field = extra.get(4..4 + size)?;
        if id == 1 {
            let at = if after_unpacked { 8 } else { 0 };
            return field.get(at..)?.first_chunk::<8>().map(|eight| u64::from_le_bytes(*eight));
        }
        extra = &extra[4 + size..];
    }
    None
}
