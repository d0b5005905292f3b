//! Compression that gives the same bytes however its result is read.

use std::io::{self, Read, Write as _};

use flate2::write::GzEncoder;

/// What most builders use for layers.
const LEVEL: u32 = 6;
/// Bytes handed to the compressor at once: always full pieces, because where pieces end may show in its output.
const PIECE: usize = 64 << 10;

/// Compresses what a reader gives, with neither name nor time in the header.
pub(super) struct Gzip<R> {
    input: R,
    piece: Vec<u8>,
    /// None behind the end.
    encoder: Option<GzEncoder<Vec<u8>>>,
    output: Vec<u8>,
    given: usize,
}

impl<R: Read> Gzip<R> {
    pub(super) fn new(input: R) -> Self {
        let encoder = GzEncoder::new(Vec::new(), flate2::Compression::new(LEVEL));
        Self { input, piece: vec![0; PIECE], encoder: Some(encoder), output: Vec::new(), given: 0 }
    }

    /// What was compressed.
    pub(super) fn into_input(self) -> R {
        self.input
    }

    /// Compresses the next piece; false at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let Some(mut encoder) = self.encoder.take() else { return Ok(false) };
        let count = fill(&mut self.input, &mut self.piece)?;
        encoder.write_all(self.piece.get(..count).unwrap_or_default())?;
        self.given = 0;
        if count < self.piece.len() {
            self.output = encoder.finish()?;
        } else {
            self.output = std::mem::take(encoder.get_mut());
            self.encoder = Some(encoder);
        }
        Ok(true)
    }
}

/// Reads until the buffer is full or nothing comes any more.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

impl<R: Read> Read for Gzip<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.output.get(self.given..).unwrap_or_default();
            if !left.is_empty() || into.is_empty() {
                let count = left.len().min(into.len());
                into[..count].copy_from_slice(&left[..count]);
                self.given += count;
                return Ok(count);
            }
            if !self.advance()? {
                return Ok(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives as many bytes at once as it likes.
    struct Dribble<'a>(&'a [u8], usize);

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.1 = self.1 * 7 % 9973 + 1;
            let count = self.1.min(into.len()).min(self.0.len());
            let (now, later) = self.0.split_at(count);
            into[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    #[test]
    fn pieces_read_and_written_never_show_in_the_bytes() {
        let content: Vec<u8> = (0_u32..400_000).flat_map(|at| (at.wrapping_mul(at) >> 7).to_le_bytes()).collect();
        let mut whole = Vec::new();
        Gzip::new(&content[..]).read_to_end(&mut whole).expect("compressed");
        for seed in [1, 500, 9000] {
            let (mut other, mut reader, mut piece) = (Vec::new(), Gzip::new(Dribble(&content, seed)), vec![0; seed]);
            loop {
                let count = reader.read(&mut piece).expect("compressed");
                if count == 0 {
                    break;
                }
                other.extend_from_slice(&piece[..count]);
            }
            assert!(other == whole, "seed {seed}");
        }
        let mut back = Vec::new();
        flate2::read::MultiGzDecoder::new(&whole[..]).read_to_end(&mut back).expect("gzip");
        assert!(back == content);
    }

    #[test]
    fn nothing_is_a_gzip_stream_too() {
        let mut bytes = Vec::new();
        Gzip::new(&b""[..]).read_to_end(&mut bytes).expect("compressed");
        assert!(flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut Vec::new()).is_ok());
    }
}
