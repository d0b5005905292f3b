//! A reader that counts and hashes what passes through it, and that remembers why it failed.

use std::io::{self, Read};

use crate::model::{Algorithm, Digest, Hasher};
use crate::oci::FetchError;

use super::LayerError;

/// Reads at most one byte more than promised, hashes everything.
pub struct Verified<R> {
    inner: R,
    hasher: Option<Hasher>,
    promised: Option<u64>,
    read: u64,
    failure: Option<io::Error>,
}

impl<R: Read> Verified<R> {
    /// Wraps `inner`, which promises `size` bytes if known, and hashes with `algorithm`.
    pub fn new(inner: R, size: Option<u64>, algorithm: Algorithm) -> Self {
        Self { inner, hasher: Some(Hasher::new(algorithm)), promised: size, read: 0, failure: None }
    }

    /// Stops hashing: someone else hashes the same bytes.
    pub fn leave_hashing(&mut self) {
        self.hasher = None;
    }

    /// Bytes that have passed.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// The source's own failure, if reading failed there and not further up.
    pub fn take_failure(&mut self) -> Option<LayerError> {
        self.failure.take().map(|error| {
            let kind = error.kind();
            match error.into_inner().map(|inner| inner.downcast::<FetchError>()) {
                Some(Ok(fetch)) => LayerError::Fetch(*fetch),
                Some(Err(other)) => LayerError::Fetch(FetchError::Io {
                    what: "its blob".to_owned(),
                    source: io::Error::new(kind, other),
                }),
                None => LayerError::Fetch(FetchError::Io { what: "its blob".to_owned(), source: kind.into() }),
            }
        })
    }

    /// Reads to the end and compares size and digest with what was promised. The digest is none when it was left to others.
    ///
    /// # Errors
    /// [`LayerError::Fetch`], [`LayerError::Size`], [`LayerError::Digest`].
    pub fn finish(mut self, promised: Option<&Digest>) -> Result<Option<Digest>, LayerError> {
        let mut rest = vec![0; 64 << 10];
        loop {
            match self.read(&mut rest) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure.get_or_insert(error);
                    break;
                }
            }
        }
        if let Some(failure) = self.take_failure() {
            return Err(failure);
        }
        if let Some(size) = self.promised
            && size != self.read
        {
            let problem = if self.read < size { "ends before" } else { "goes on behind" };
            return Err(LayerError::Size { problem, promised: size });
        }
        let found = self.hasher.map(Hasher::finish);
        match (promised, found) {
            (Some(promised), Some(found)) if *promised != found => {
                Err(LayerError::Digest { promised: promised.clone(), found })
            }
            (_, found) => Ok(found),
        }
    }
}

impl<R: Read> Read for Verified<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut room = buffer.len();
        if let Some(size) = self.promised {
            // One byte more than promised shows that there is more; nothing further is ever read.
            let left = (size + 1).saturating_sub(self.read);
            room = room.min(usize::try_from(left).unwrap_or(usize::MAX));
        }
        if room == 0 {
            return Ok(0);
        }
        match self.inner.read(&mut buffer[..room]) {
            Ok(count) => {
                if let Some(hasher) = &mut self.hasher {
                    hasher.update(&buffer[..count]);
                }
                self.read += count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let shown = io::Error::new(error.kind(), "the source failed");
                self.failure = Some(error);
                Err(shown)
            }
        }
    }
}
