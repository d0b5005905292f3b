//! A single compressed stream: gzip (RFC 1952), zlib (RFC 1950), zstd (RFC 8878), bzip2.

use super::decoder::{Compression, Decoder, Step};
use super::{Child, Seen, Shared};
use crate::model::{SkipReason, ViewKind};
use crate::secrets::name::Name;

/// Longest header of a gzip member that is read.
const MAX_HEADER: usize = 128 * 1024;
/// Checksum and length behind a gzip member.
const TRAILER: usize = 8;

/// The state between two pieces.
#[derive(Debug)]
pub(super) struct Packed {
    compression: Compression,
    gzip: bool,
    depth: u8,
    state: State,
    child: Option<Child>,
    /// Bytes of the stream seen before the current piece.
    position: u64,
    /// A whole stream was unpacked: what follows may be anything.
    proven: bool,
}

#[derive(Debug)]
enum State {
    /// The header of a gzip member, as far as it is known.
    Header(Vec<u8>),
    Body(Decoder),
    /// That many bytes of a trailer are left.
    Trailer(usize),
    Over,
}

impl Packed {
    pub fn gzip(depth: u8) -> Self {
        let state = State::Header(Vec::new());
        Self { compression: Compression::Deflate, gzip: true, depth, state, child: None, position: 0, proven: false }
    }

    /// Begins a stream without a header of its own; none when the decoder cannot be made.
    pub fn new(compression: Compression, depth: u8) -> Option<Self> {
        let state = State::Body(Decoder::new(compression)?);
        Some(Self { compression, gzip: false, depth, state, child: None, position: 0, proven: false })
    }

    fn label(&self) -> (&'static str, ViewKind) {
        match self.compression {
            Compression::Deflate => ("@gzip", ViewKind::Gzip),
            Compression::Zlib => ("@zlib", ViewKind::Gzip),
            Compression::Zstd => ("@zstd", ViewKind::Zstd),
            Compression::Bzip2 => ("@bzip2", ViewKind::Bzip2),
        }
    }

    pub fn feed(&mut self, shared: &mut Shared<'_>, bytes: &[u8], last: bool, seen: &mut Vec<Seen>) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = self.step(shared, rest);
            self.position += used as u64;
            rest = &rest[used..];
        }
        if last {
            if !matches!(self.state, State::Over) && !self.between() {
                self.damaged(shared);
            }
            if let Some(child) = self.child.take() {
                child.end(shared, self.position, false, seen);
            }
        }
    }

    /// Whether the stream may end here.
    fn between(&self) -> bool {
        match &self.state {
            State::Header(header) => header.is_empty() && self.proven,
            State::Body(_) => self.proven && !self.gzip,
            State::Trailer(_) => false,
            State::Over => true,
        }
    }

    /// Takes some of the bytes, at least one.
    fn step(&mut self, shared: &mut Shared<'_>, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Header(header) => {
                let before = header.len();
                header.extend_from_slice(&bytes[..bytes.len().min(MAX_HEADER)]);
                match gzip_header(header) {
                    Some(length) => {
                        self.state = Decoder::new(Compression::Deflate).map_or(State::Over, State::Body);
                        length - before
                    }
                    None if header.len() >= MAX_HEADER
                        || !b"\x1f\x8b\x08".starts_with(&header[..header.len().min(3)]) =>
                    {
                        // What stands behind the last member belongs to nobody; it was searched as it stands.
                        if !self.proven {
                            self.damaged(shared);
                        }
                        self.state = State::Over;
                        bytes.len()
                    }
                    None => bytes.len().min(MAX_HEADER),
                }
            }
            State::Body(_) => self.body(shared, bytes),
            State::Trailer(left) => {
                let used = bytes.len().min(*left);
                *left -= used;
                if *left == 0 {
                    self.state = State::Header(Vec::new());
                }
                used.max(1)
            }
            State::Over => bytes.len(),
        }
    }

    fn body(&mut self, shared: &mut Shared<'_>, bytes: &[u8]) -> usize {
        let ((label, kind), position) = (self.label(), self.position);
        let State::Body(decoder) = &mut self.state else { return bytes.len() };
        let (child, depth) = (&mut self.child, self.depth);
        let step = decoder.feed(bytes, |piece, used| {
            if child.is_none() {
                *child = Child::unpacked(shared, kind, label.to_owned(), Name::Other, depth, 0);
            }
            child.as_mut().is_some_and(|child| child.unpack(shared, piece, position + used as u64))
        });
        match step {
            Step::More => bytes.len(),
            Step::Ended(used) => {
                self.proven = true;
                self.state = if self.gzip {
                    State::Trailer(TRAILER)
                } else if self.compression == Compression::Zlib {
                    State::Over
                } else {
                    Decoder::new(self.compression).map_or(State::Over, State::Body)
                };
                used.max(1)
            }
            Step::Damaged(_) => {
                // Two bytes are no proof that it was zlib at all.
                if self.gzip || !self.proven && self.compression != Compression::Zlib {
                    self.damaged(shared);
                }
                self.state = State::Over;
                bytes.len()
            }
            Step::Refused(_) => {
                self.state = State::Over;
                bytes.len()
            }
        }
    }

    fn damaged(&self, shared: &mut Shared<'_>) {
        if self.compression != Compression::Zlib {
            shared.skip(SkipReason::Damaged, 0, self.label().0);
        }
    }
}

/// Gives the length of a gzip header; none as long as it is not whole.
fn gzip_header(bytes: &[u8]) -> Option<usize> {
    let [0x1f, 0x8b, 8, flags, ..] = *bytes else { return None };
    let mut length = 10;
    if flags & 4 != 0 {
        let size = bytes.get(length..length + 2)?;
        length += 2 + usize::from(u16::from_le_bytes([size[0], size[1]]));
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            length += memchr::memchr(0, bytes.get(length..)?)? + 1;
        }
    }
    if flags & 2 != 0 {
        length += 2;
    }
    (bytes.len() >= length).then_some(length)
}
