//! Archives and compressed streams, known by their first bytes.

use super::ar::Ar;
use super::decoder::Compression;
use super::packed::Packed;
use super::tar::Tar;
use super::zip::Zip;
use super::{Seen, Shared};
use crate::model::SkipReason;

/// A container that is unpacked as its bytes come by.
#[derive(Debug)]
pub(super) enum Container {
    Packed(Packed),
    Zip(Zip),
    Tar(Tar),
    Ar(Ar),
    /// Not understood: noted once.
    Unknown {
        bytes: u64,
    },
}

impl Container {
    /// Tells what begins with these bytes; none when it is no container.
    pub fn of(head: &[u8], depth: u8) -> Option<Self> {
        match head {
            [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => Some(Self::Packed(Packed::gzip(depth))),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Packed::new(Compression::Zstd, depth).map(Self::Packed),
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => {
                Packed::new(Compression::Bzip2, depth).map(Self::Packed)
            }
            // The levels that git and others write.
            [0x78, 0x01 | 0x9c | 0xda, ..] => Packed::new(Compression::Zlib, depth).map(Self::Packed),
            [b'P', b'K', 3, 4, ..] => Some(Self::Zip(Zip::new(depth))),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] | [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => {
                Some(Self::Unknown { bytes: 0 })
            }
            _ if head.starts_with(b"!<arch>\ndebian-binary") => Some(Self::Ar(Ar::new(depth))),
            _ if head.get(257..262) == Some(b"ustar") => Some(Self::Tar(Tar::new(depth))),
            _ => None,
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, shared: &mut Shared<'_>, bytes: &[u8], last: bool, seen: &mut Vec<Seen>) {
        match self {
            Self::Packed(packed) => packed.feed(shared, bytes, last, seen),
            Self::Zip(zip) => zip.feed(shared, bytes, last, seen),
            Self::Tar(tar) => tar.feed(shared, bytes, last, seen),
            Self::Ar(ar) => ar.feed(shared, bytes, last, seen),
            Self::Unknown { bytes: all } => {
                *all += bytes.len() as u64;
                if last {
                    shared.skip(SkipReason::UnknownCompression, *all, "");
                }
            }
        }
    }
}
