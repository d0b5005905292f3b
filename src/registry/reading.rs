//! The reading side of an upload: bytes from a source that can be opened again, hashed as they go by.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;

use bytes::Bytes;
use tokio::sync::mpsc::Sender;

use crate::model::Hasher;
use crate::oci::FetchError;

use super::runtime::vanished;
use super::upload::{BlobToPush, Order, Piece, Uploaded};

/// Bytes handed over at once.
const PIECE: u64 = 256 << 10;

/// Opens a blob from its start; called again when an upload has to be repeated.
pub type Opener<'a> = dyn FnMut() -> Result<Box<dyn Read + Send + 'a>, FetchError> + 'a;

/// Serves the orders of an upload until it is done.
///
/// # Errors
/// [`FetchError`] of the upload or of the source; [`FetchError::Damaged`] when the source does not hold the promised bytes. The last
/// bytes are handed over only after all of them were compared with the digest.
pub(super) fn serve(
    orders: &Receiver<Order>,
    source_failed: &AtomicBool,
    blob: &BlobToPush,
    open: &mut Opener<'_>,
) -> Result<Uploaded, FetchError> {
    let mut source = Source { blob, open, current: None };
    let mut problem = None;
    loop {
        match orders.recv() {
            Ok(Order::Read { from, until, to }) => {
                if problem.is_some() {
                    continue;
                }
                if let Err(error) = source.read(from, until, &to) {
                    problem = Some(error);
                    source_failed.store(true, Ordering::Relaxed);
                    let _ = to.blocking_send(Err(()));
                }
            }
            Ok(Order::Done(Ok(uploaded))) => return Ok(uploaded),
            Ok(Order::Done(Err(error))) => return Err(problem.unwrap_or(error)),
            Err(_) => return Err(problem.unwrap_or_else(vanished)),
        }
    }
}

struct Source<'s, 'a> {
    blob: &'s BlobToPush,
    open: &'s mut Opener<'a>,
    current: Option<Open<'a>>,
}

struct Open<'a> {
    reader: Box<dyn Read + Send + 'a>,
    hasher: Hasher,
    at: u64,
}

impl Source<'_, '_> {
    fn read(&mut self, from: u64, until: u64, to: &Sender<Piece>) -> Result<(), FetchError> {
        if self.current.as_ref().is_some_and(|open| open.at > from) {
            self.current = None;
        }
        let mut open = match self.current.take() {
            Some(open) => open,
            None => Open { reader: (self.open)()?, hasher: self.blob.digest.hasher(), at: 0 },
        };
        while open.at < until {
            let skips = open.at < from;
            let end = if skips { from } else { until };
            let piece = open.piece((end - open.at).min(PIECE), self.blob)?;
            if open.at == self.blob.size {
                open.check_end(self.blob)?;
            }
            // Who has stopped listening says why by the next order.
            if !skips && to.blocking_send(Ok(piece)).is_err() {
                break;
            }
        }
        self.current = Some(open);
        Ok(())
    }
}

impl Open<'_> {
    /// The next bytes, as many as asked for.
    fn piece(&mut self, length: u64, blob: &BlobToPush) -> Result<Bytes, FetchError> {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        self.reader.by_ref().take(length).read_to_end(&mut bytes).map_err(|error| broken(error, blob))?;
        self.at += bytes.len() as u64;
        if (bytes.len() as u64) < length {
            return Err(damaged(blob, format!("it ended after {} of {} bytes", self.at, blob.size)));
        }
        self.hasher.update(&bytes);
        Ok(bytes.into())
    }

    fn check_end(&mut self, blob: &BlobToPush) -> Result<(), FetchError> {
        let mut more = Vec::new();
        self.reader.by_ref().take(1).read_to_end(&mut more).map_err(|error| broken(error, blob))?;
        if !more.is_empty() {
            return Err(damaged(blob, format!("it has more than {} bytes", blob.size)));
        }
        let found = self.hasher.clone().finish();
        if found != blob.digest {
            return Err(damaged(blob, format!("its digest is {found}")));
        }
        Ok(())
    }
}

fn damaged(blob: &BlobToPush, why: String) -> FetchError {
    FetchError::Damaged { what: format!("blob {}", blob.digest), why }
}

fn broken(error: std::io::Error, blob: &BlobToPush) -> FetchError {
    let what = format!("blob {}", blob.digest);
    match error.downcast::<FetchError>() {
        Ok(inner) => inner,
        Err(source) => FetchError::Io { what, source },
    }
}
