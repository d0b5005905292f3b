//! One gzip member (RFC 1952): header, deflate stream, checksum and size.
//!
//! The deflate stream is the library's; the checksum is computed with the processor's carry-less multiplication, which is
//! what makes this worth its few lines.

use std::io::{self, BufRead, Read};

use flate2::bufread::DeflateDecoder;

/// Most bytes of one text field of a header.
const MAX_TEXT: usize = 64 << 10;

/// A member that is being unpacked.
pub(super) struct GzipMember<R> {
    inflate: DeflateDecoder<R>,
    checksum: crc32fast::Hasher,
    size: u32,
    ended: bool,
    texts: Vec<u8>,
}

impl<R: BufRead> GzipMember<R> {
    /// Reads the header.
    pub fn new(mut source: R) -> Result<Self, (R, io::Error)> {
        match header(&mut source) {
            Ok(texts) => Ok(Self {
                texts,
                inflate: DeflateDecoder::new(source),
                checksum: crc32fast::Hasher::new(),
                size: 0,
                ended: false,
            }),
            Err(error) => Err((source, error)),
        }
    }

    /// Extra field, name and comment of the header, one behind the other.
    pub fn texts(&self) -> &[u8] {
        &self.texts
    }

    pub fn get_ref(&self) -> &R {
        self.inflate.get_ref()
    }

    /// The source, behind the member's last byte once reading has ended.
    pub fn into_inner(self) -> R {
        self.inflate.into_inner()
    }

    fn end(&mut self) -> io::Result<()> {
        let mut trailer = [0; 8];
        self.inflate.get_mut().read_exact(&mut trailer)?;
        let (fields, _) = trailer.as_chunks::<4>();
        self.ended = true;
        let [checksum, size] = [fields[0], fields[1]].map(u32::from_le_bytes);
        if checksum != self.checksum.clone().finalize() || size != self.size {
            return Err(invalid("a gzip checksum or size is wrong"));
        }
        Ok(())
    }
}

impl<R: BufRead> Read for GzipMember<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let count = self.inflate.read(into)?;
        if count == 0 {
            self.end()?;
        }
        self.checksum.update(&into[..count]);
        // The size field counts modulo 2^32.
        self.size = self.size.wrapping_add(u32::try_from(count as u64 & 0xffff_ffff).unwrap_or_default());
        Ok(count)
    }
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

fn header(source: &mut impl BufRead) -> io::Result<Vec<u8>> {
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const CHECKSUM: u8 = 2;
    let mut fixed = [0; 10];
    source.read_exact(&mut fixed)?;
    let [magic, magic2, method, flags, ..] = fixed;
    if (magic, magic2, method) != (0x1f, 0x8b, 8) || flags & 0xe0 != 0 {
        return Err(invalid("a gzip header is malformed"));
    }
    let mut texts = Vec::new();
    if flags & EXTRA != 0 {
        let mut length = [0; 2];
        source.read_exact(&mut length)?;
        let length = u64::from(u16::from_le_bytes(length));
        source.by_ref().take(length).read_to_end(&mut texts)?;
        texts.push(b'\n');
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let mut bytes = Vec::new();
            source.by_ref().take(MAX_TEXT as u64).read_until(0, &mut bytes)?;
            if bytes.pop() != Some(0) {
                return Err(invalid("a gzip header's text does not end"));
            }
            texts.append(&mut bytes);
            texts.push(b'\n');
        }
    }
    if flags & CHECKSUM != 0 {
        source.read_exact(&mut [0; 2])?;
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut writer = flate2::GzBuilder::new()
            .filename("x")
            .comment("y")
            .extra("zz")
            .write(Vec::new(), flate2::Compression::fast());
        writer.write_all(bytes).expect("memory");
        writer.finish().expect("memory")
    }

    fn unpacked(bytes: &[u8]) -> io::Result<(Vec<u8>, usize)> {
        let mut member = GzipMember::new(bytes).map_err(|(_, error)| error)?;
        let mut out = Vec::new();
        member.read_to_end(&mut out)?;
        Ok((out, member.into_inner().len()))
    }

    #[test]
    fn a_member_is_unpacked_and_nothing_behind_it_is_taken() {
        let text = b"some text ".repeat(1000);
        let mut bytes = packed(&text);
        bytes.extend_from_slice(b"behind");
        assert_eq!(unpacked(&bytes).expect("good"), (text, 6));
    }

    #[test]
    fn every_flipped_bit_of_the_trailer_and_every_cut_is_an_error() {
        let bytes = packed(b"some text");
        for at in bytes.len() - 8..bytes.len() {
            let mut forged = bytes.clone();
            forged[at] ^= 1;
            assert!(unpacked(&forged).is_err(), "{at}");
        }
        for cut in 0..bytes.len() {
            assert!(unpacked(&bytes[..cut]).is_err(), "{cut}");
        }
    }
}
