//! From a blob to the archive inside, chunk by chunk: several gzip members, several zstd frames, and whatever lies behind.

use std::io::{self, BufRead, Read};

use crate::model::{Algorithm, Digest};
use crate::oci::{Compression, sniff};

use super::gzip::GzipMember;
use super::{LayerError, Limits, SlackBytes, SlackKind, Verified};

/// Bytes read from a source at once.
const READ: usize = 128 << 10;
/// Largest zstd window that is accepted: 2^27 bytes.
const ZSTD_WINDOW_LOG: u32 = 27;

/// What a layer's blob has to be.
#[derive(Debug, Clone, Default)]
pub struct Promise {
    /// Bytes of the blob; none when unknown.
    pub size: Option<u64>,
    /// Digest of the blob; none when the format names none.
    pub digest: Option<Digest>,
    /// Digest of the archive inside; none when unknown.
    pub diff_id: Option<Digest>,
    /// Compression by media type; none to go by the first bytes.
    pub compression: Option<Compression>,
    /// The algorithm of the blob's digest, as long as `digest` is not known.
    pub algorithm: Algorithm,
}

/// A buffered source that can show the next few bytes wherever the buffer ends.
struct Source<'a> {
    inner: Verified<Box<dyn Read + Send + 'a>>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<'a> Source<'a> {
    fn new(inner: Verified<Box<dyn Read + Send + 'a>>) -> Self {
        Self { inner, buffer: vec![0; READ].into_boxed_slice(), start: 0, end: 0 }
    }

    /// The next bytes without taking them: at least six unless the source ends before.
    fn peek(&mut self) -> io::Result<&[u8]> {
        const HEAD: usize = 6;
        if self.end - self.start < HEAD {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < HEAD {
                let count = retry(|| self.inner.read(&mut self.buffer[self.end..]))?;
                if count == 0 {
                    break;
                }
                self.end += count;
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }
}

impl Read for Source<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.start == self.end && into.len() >= READ {
            return self.inner.read(into);
        }
        let available = self.fill_buf()?;
        let count = available.len().min(into.len());
        into[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Source<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            self.end = self.inner.read(&mut self.buffer)?;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }
}

enum Decoder<'a> {
    Plain(Source<'a>),
    Gzip(Box<GzipMember<Source<'a>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Source<'a>>>),
    /// Between two members, and at the end.
    Between(Source<'a>),
}

/// Unpacks one layer.
pub struct Unpacker<'a> {
    decoder: Option<Decoder<'a>>,
    promise: Promise,
    compression: Compression,
    contradicted: bool,
    limits: Limits,
    unpacked: u64,
    members: u64,
    slack: SlackBytes,
    ended: bool,
}

/// A whole, verified blob.
#[derive(Debug)]
#[must_use]
pub struct Unpacked {
    /// Digest of the blob; none when it is the archive itself, whose digest is the walk's.
    pub digest: Option<Digest>,
    /// Bytes of the blob.
    pub size: u64,
    /// The compression found.
    pub compression: Compression,
    /// The media type says another compression.
    pub contradicted: bool,
    /// gzip members or zstd frames beyond the first.
    pub further_members: u64,
    /// What lies in headers and behind the last member.
    pub slack: SlackBytes,
}

impl<'a> Unpacker<'a> {
    /// Starts to read `raw`.
    ///
    /// # Errors
    /// [`LayerError`] when the first bytes cannot be read.
    pub fn new(raw: Box<dyn Read + Send + 'a>, promise: Promise, limits: Limits) -> Result<Self, LayerError> {
        let algorithm = promise.digest.as_ref().map_or(promise.algorithm, Digest::algorithm);
        let verified = Verified::new(raw, promise.size, algorithm);
        let mut source = Source::new(verified);
        let head = source.peek().map(|head| (sniff(head), head.is_empty()));
        let (found, empty) = head.map_err(|error| failure(&mut source, &error))?;
        // Runtimes go by the first bytes, whatever the media type says; so do we, and a note tells of a difference.
        let contradicted = !empty && promise.compression.is_some_and(|promised| promised != found);
        if found == Compression::None && algorithm == Algorithm::Sha256 {
            // The blob is the archive: its digest is the diffID, which is computed anyway.
            source.inner.leave_hashing();
        }
        let decoder = if found == Compression::None { Decoder::Plain(source) } else { Decoder::Between(source) };
        Ok(Self {
            decoder: Some(decoder),
            promise,
            compression: found,
            contradicted,
            limits,
            unpacked: 0,
            members: 0,
            slack: SlackBytes::default(),
            ended: false,
        })
    }

    /// Fills `chunk` (from its start) with the next bytes; fewer than its length only at the end.
    ///
    /// # Errors
    /// [`LayerError`]; afterwards only [`Self::abandon`] makes sense.
    pub fn fill(&mut self, chunk: &mut [u8]) -> Result<usize, LayerError> {
        let mut filled = 0;
        while filled < chunk.len() && !self.ended {
            let count = self.read(&mut chunk[filled..])?;
            filled += count;
            self.unpacked += count as u64;
        }
        let read = self.bytes_read();
        if self.unpacked > self.limits.unpacked {
            return Err(LayerError::Limit(format!("more than {} unpacked bytes", self.limits.unpacked)));
        }
        if self.unpacked > 1 << 30 && self.unpacked / self.limits.ratio > read {
            return Err(LayerError::Limit(format!(
                "more than {} unpacked bytes for each stored byte",
                self.limits.ratio
            )));
        }
        Ok(filled)
    }

    /// Whether everything has been unpacked.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// Bytes of the blob read so far.
    pub fn bytes_read(&self) -> u64 {
        match &self.decoder {
            Some(Decoder::Plain(source) | Decoder::Between(source)) => source.inner.bytes_read(),
            Some(Decoder::Gzip(decoder)) => decoder.get_ref().inner.bytes_read(),
            Some(Decoder::Zstd(decoder)) => decoder.get_ref().inner.bytes_read(),
            None => 0,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let Some(decoder) = self.decoder.take() else {
            self.ended = true;
            return Ok(0);
        };
        let (decoder, count) = match decoder {
            Decoder::Plain(mut source) => {
                let count = retry(|| source.read(buffer)).map_err(|error| failure(&mut source, &error))?;
                self.ended = count == 0;
                (Decoder::Plain(source), count)
            }
            Decoder::Gzip(mut decoder) => match retry(|| decoder.read(buffer)) {
                Ok(0) => (Decoder::Between(decoder.into_inner()), 0),
                Ok(count) => (Decoder::Gzip(decoder), count),
                Err(error) => return Err(self.damaged(decoder.into_inner(), &error)),
            },
            Decoder::Zstd(mut decoder) => match retry(|| decoder.read(buffer)) {
                Ok(0) => (Decoder::Between(decoder.finish()), 0),
                Ok(count) => (Decoder::Zstd(decoder), count),
                Err(error) => return Err(self.damaged(decoder.finish(), &error)),
            },
            Decoder::Between(source) => (self.next_member(source)?, 0),
        };
        self.decoder = Some(decoder);
        Ok(count)
    }

    /// Starts the next gzip member or zstd frame, or finds the end.
    fn next_member(&mut self, mut source: Source<'a>) -> Result<Decoder<'a>, LayerError> {
        let head = source.peek().map(|head| (sniff(head), head.is_empty()));
        let (found, empty) = head.map_err(|error| failure(&mut source, &error))?;
        if empty {
            self.ended = true;
            return Ok(Decoder::Between(source));
        }
        if found != self.compression {
            let kept = keep_trailing(&mut source, &mut self.slack);
            kept.map_err(|error| failure(&mut source, &error))?;
            self.ended = true;
            return Ok(Decoder::Between(source));
        }
        self.members += 1;
        if self.compression == Compression::Gzip {
            return match GzipMember::new(source) {
                Ok(member) => {
                    self.slack.add(SlackKind::StreamHeader, "", self.unpacked, member.texts());
                    Ok(Decoder::Gzip(Box::new(member)))
                }
                Err((source, error)) => Err(self.damaged(source, &error)),
            };
        }
        let skipped = keep_skippable_frame(&mut source, self.unpacked, &mut self.slack);
        if skipped.map_err(|error| failure(&mut source, &error))? {
            return Ok(Decoder::Between(source));
        }
        let decoder = zstd::stream::read::Decoder::with_buffer(source).and_then(|mut decoder| {
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            Ok(decoder.single_frame())
        });
        decoder
            .map(|decoder| Decoder::Zstd(Box::new(decoder)))
            .map_err(|error| LayerError::Compression(error.to_string()))
    }

    /// A decoder failed: the reason may be the source, or bytes that are not what the digest promises.
    fn damaged(&mut self, mut source: Source<'a>, error: &io::Error) -> LayerError {
        if let Some(failure) = source.inner.take_failure() {
            return failure;
        }
        match source.inner.finish(self.promise.digest.as_ref()) {
            Err(forged) => forged,
            Ok(_) => LayerError::Compression(error.to_string()),
        }
    }

    /// Drains the blob and compares it with its promise.
    ///
    /// # Errors
    /// [`LayerError`] when the blob is not what was promised.
    pub fn finish(self) -> Result<Unpacked, LayerError> {
        let source = match self.decoder {
            Some(Decoder::Plain(source) | Decoder::Between(source)) => source,
            Some(Decoder::Gzip(decoder)) => decoder.into_inner(),
            Some(Decoder::Zstd(decoder)) => decoder.finish(),
            None => return Err(LayerError::Compression("it was not unpacked to its end".to_owned())),
        };
        let verified = source.inner;
        let size = verified.bytes_read();
        let digest = verified.finish(self.promise.digest.as_ref())?;
        Ok(Unpacked {
            digest,
            size,
            compression: self.compression,
            contradicted: self.contradicted,
            further_members: self.members.saturating_sub(1),
            slack: self.slack,
        })
    }

    /// What the archive inside has to be.
    pub fn promise(&self) -> &Promise {
        &self.promise
    }
}

fn retry(mut read: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match read() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn failure(source: &mut Source<'_>, error: &io::Error) -> LayerError {
    source.inner.take_failure().unwrap_or_else(|| LayerError::Compression(error.to_string()))
}

/// Reads to the end and keeps the bytes that are not zero.
fn keep_trailing(source: &mut Source<'_>, slack: &mut SlackBytes) -> io::Result<()> {
    let mut at = 0;
    loop {
        let bytes = source.peek()?;
        if bytes.is_empty() {
            return Ok(());
        }
        slack.add(SlackKind::BehindStream, "", at, bytes);
        let length = bytes.len();
        at += length as u64;
        source.consume(length);
    }
}

/// Takes a frame that every decoder skips (RFC 8878, 3.1.2) and keeps its content; false when the next frame is another.
fn keep_skippable_frame(source: &mut Source<'_>, at: u64, slack: &mut SlackBytes) -> io::Result<bool> {
    if !matches!(source.peek()?, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
        return Ok(false);
    }
    let mut head = [0; 8];
    source.read_exact(&mut head)?;
    let [_, _, _, _, length @ ..] = head;
    let mut left = u64::from(u32::from_le_bytes(length));
    while left > 0 {
        let bytes = source.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a zstd frame is cut"));
        }
        let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        slack.add(SlackKind::StreamHeader, "", at, &bytes[..take]);
        source.consume(take);
        left -= take as u64;
    }
    Ok(true)
}
