//! Compressed streams, decoded as they come by.

use bzip2::Decompress as Bzip2;
use flate2::{Decompress as Inflate, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as Zstd, InBuffer, Operation as _, OutBuffer};

/// Largest window of a zstd stream, as a power of two: what level 19 needs, and twice that.
const ZSTD_WINDOW: u32 = 24;

/// Bytes that begin every zstd frame.
const ZSTD_FIRST: usize = 5;

/// Bytes that a decoder gives at once.
const PIECE: usize = 32 * 1024;

/// The ways that streams are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    Deflate,
    Zlib,
    Zstd,
    Bzip2,
}

/// A decoder and its room.
pub(super) struct Decoder {
    inner: Inner,
    room: Vec<u8>,
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Decoder")
    }
}

enum Inner {
    Inflate(Inflate),
    /// And how many bytes it can use at once: one block, so that damage in the next one takes nothing with it.
    Zstd(Box<Zstd<'static>>, usize),
    Bzip2(Box<Bzip2>),
}

/// What became of some input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// All of it was used; the stream goes on.
    More,
    /// The stream ended after this many bytes.
    Ended(usize),
    /// The stream is damaged behind this many bytes.
    Damaged(usize),
    /// After this many bytes nobody wants more of it.
    Refused(usize),
}

impl Decoder {
    /// Begins a stream; none when the library cannot.
    pub fn new(compression: Compression) -> Option<Self> {
        let inner = match compression {
            Compression::Deflate => Inner::Inflate(Inflate::new(false)),
            Compression::Zlib => Inner::Inflate(Inflate::new(true)),
            Compression::Bzip2 => Inner::Bzip2(Box::new(Bzip2::new(false))),
            Compression::Zstd => {
                let mut zstd = Zstd::new().ok()?;
                zstd.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW)).ok()?;
                Inner::Zstd(Box::new(zstd), ZSTD_FIRST)
            }
        };
        Some(Self { inner, room: vec![0; PIECE] })
    }

    /// Decodes `input`; `take` is given what comes out and the number of bytes of `input` used so far, and says whether it
    /// wants more.
    pub fn feed(&mut self, input: &[u8], mut take: impl FnMut(&[u8], usize) -> bool) -> Step {
        let mut used = 0;
        loop {
            let Call { read, made, end } = self.inner.step(&input[used..], &mut self.room);
            used += read;
            if made > 0 && !take(&self.room[..made], used) {
                return Step::Refused(used);
            }
            match end {
                Some(Ok(())) => return Step::Ended(used),
                Some(Err(Damage)) => return Step::Damaged(used),
                None => {}
            }
            // A full room may hide more that needs no input.
            if used == input.len() && made < self.room.len() || read == 0 && made == 0 {
                return Step::More;
            }
        }
    }
}

/// What one call of a library did.
struct Call {
    read: usize,
    made: usize,
    end: Option<Result<(), Damage>>,
}

struct Damage;

impl Inner {
    fn step(&mut self, input: &[u8], room: &mut [u8]) -> Call {
        let size = |after: u64, before: u64| usize::try_from(after.saturating_sub(before)).unwrap_or_default();
        match self {
            Self::Inflate(inflate) => {
                let before = (inflate.total_in(), inflate.total_out());
                let status = inflate.decompress(input, room, FlushDecompress::None);
                Call {
                    read: size(inflate.total_in(), before.0).min(input.len()),
                    made: size(inflate.total_out(), before.1).min(room.len()),
                    end: match status {
                        Ok(Status::StreamEnd) => Some(Ok(())),
                        Ok(_) => None,
                        Err(_) => Some(Err(Damage)),
                    },
                }
            }
            Self::Bzip2(bzip2) => {
                let before = (bzip2.total_in(), bzip2.total_out());
                let status = bzip2.decompress(input, room);
                Call {
                    read: size(bzip2.total_in(), before.0).min(input.len()),
                    made: size(bzip2.total_out(), before.1).min(room.len()),
                    end: match status {
                        Ok(bzip2::Status::StreamEnd) => Some(Ok(())),
                        Ok(_) => None,
                        Err(_) => Some(Err(Damage)),
                    },
                }
            }
            Self::Zstd(zstd, wanted) => {
                let mut from = InBuffer::around(&input[..input.len().min(*wanted)]);
                let mut into = OutBuffer::around(room);
                let hint = zstd.run(&mut from, &mut into);
                let end = match hint {
                    Ok(0) => Some(Ok(())),
                    Ok(hint) => {
                        *wanted = hint;
                        None
                    }
                    Err(_) => Some(Err(Damage)),
                };
                Call { read: from.pos(), made: into.pos(), end }
            }
        }
    }
}
