//! Blobs as blocking readers: a task fetches ahead, by a bounded number of bytes, and resumes what breaks.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use oci_client::client::BlobResponse;
use reqwest::StatusCode;
use reqwest::header::CONTENT_RANGE;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use crate::model::Digest;
use crate::oci::FetchError;

use super::oci;
use super::retry::Failure;
use super::runtime::{Runtime, vanished};
use super::send::{Ask, Repository, reasons};

/// Bytes that are fetched ahead of the reader.
const AHEAD: usize = 8 << 20;
/// The slowest transfer that is waited for, in bytes per second, after a minute's grace.
const SLOWEST: u64 = 4 << 10;
/// Progress after which a broken transfer gets all its attempts again, in bytes.
const PROGRESS: u64 = 1 << 20;

enum Event {
    Opened,
    Chunk(Bytes, OwnedSemaphorePermit),
    End,
    Failed(FetchError),
}

/// Where a task puts what it fetches. Putting waits while the reader is behind.
pub(crate) struct Feed {
    events: Sender<Event>,
    room: Arc<Semaphore>,
    opened: bool,
}

/// The reader has gone.
pub(crate) struct Gone;

impl Feed {
    /// Says that the transfer has started.
    pub(crate) fn open(&mut self) {
        if !self.opened {
            self.opened = true;
            let _ = self.events.send(Event::Opened);
        }
    }

    /// Hands bytes to the reader.
    ///
    /// # Errors
    /// [`Gone`].
    pub(crate) async fn put(&mut self, mut bytes: Bytes) -> Result<(), Gone> {
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(AHEAD));
            let permits = u32::try_from(part.len()).map_err(|_| Gone)?;
            let permit = Arc::clone(&self.room).acquire_many_owned(permits).await.map_err(|_| Gone)?;
            self.events.send(Event::Chunk(part, permit)).map_err(|_| Gone)?;
        }
        Ok(())
    }
}

/// A blob that is being fetched. Dropping it stops the transfer.
pub(crate) struct BlobReader {
    events: Receiver<Event>,
    chunk: Bytes,
    permit: Option<OwnedSemaphorePermit>,
    ended: bool,
    what: String,
    /// Closes when this is dropped.
    _stop: oneshot::Sender<()>,
    /// Drives the transfer as long as someone reads.
    _runtime: Arc<Runtime>,
}

impl BlobReader {
    /// Starts a transfer and waits until it has begun.
    ///
    /// # Errors
    /// What the transfer fails with before its first byte.
    pub(crate) fn start<F>(
        runtime: &Arc<Runtime>,
        what: String,
        work: impl FnOnce(Feed) -> F + Send + 'static,
    ) -> Result<Self, FetchError>
    where
        F: Future<Output = Result<(), FetchError>> + 'static,
    {
        let (sender, events) = channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let outcome = sender.clone();
        let feed = Feed { events: sender, room: Arc::new(Semaphore::new(AHEAD)), opened: false };
        runtime.spawn(move || async move {
            let event = tokio::select! {
                done = work(feed) => done.map_or_else(Event::Failed, |()| Event::End),
                _ = stopped => return,
            };
            let _ = outcome.send(event);
        });
        let mut reader = Self {
            events,
            chunk: Bytes::new(),
            permit: None,
            ended: false,
            what,
            _stop: stop,
            _runtime: Arc::clone(runtime),
        };
        match reader.events.recv() {
            Ok(Event::Opened) => {}
            Ok(Event::Chunk(chunk, permit)) => (reader.chunk, reader.permit) = (chunk, Some(permit)),
            Ok(Event::End) => reader.ended = true,
            Ok(Event::Failed(error)) => return Err(error),
            Err(_) => return Err(vanished()),
        }
        Ok(reader)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.chunk.is_empty() && !self.ended {
            self.permit = None;
            match self.events.recv() {
                Ok(Event::Opened) => {}
                Ok(Event::Chunk(chunk, permit)) => (self.chunk, self.permit) = (chunk, Some(permit)),
                Ok(Event::End) => self.ended = true,
                Ok(Event::Failed(error)) => return Err(io::Error::other(error)),
                // Also after a failure was reported: a reader that goes on must not see an end.
                Err(_) => {
                    let why = format!("{} ended without a result", self.what);
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, why));
                }
            }
        }
        let count = self.chunk.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.chunk.split_to(count));
        Ok(count)
    }
}

/// Hands a whole answer to a feed: for sources that cannot be resumed.
///
/// # Errors
/// [`FetchError::Unavailable`] when the connection breaks.
pub(crate) async fn stream_to(response: reqwest::Response, feed: &mut Feed, what: &str) -> Result<(), FetchError> {
    feed.open();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| FetchError::Unavailable {
            what: what.to_owned(),
            why: format!("the transfer broke off: {}", reasons(&error)),
        })?;
        if feed.put(chunk).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The rest of a blob, on its way.
struct Coming {
    stream: BoxStream<'static, Result<Bytes, String>>,
    /// Bytes at its start that were delivered before.
    skip: u64,
    /// Bytes that it announced.
    length: Option<u64>,
}

/// How far a transfer has come.
struct Progress {
    offset: u64,
    /// Time spent waiting for the network.
    waited: Duration,
}

impl Repository {
    /// Fetches a blob into `feed`, at most `size` + 1 bytes of it.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn pump(&self, digest: &Digest, size: u64, feed: &mut Feed) -> Result<(), FetchError> {
        let what = format!("blob {digest} of `{}`", self.name);
        let mut attempts = self.attempts(&what);
        let mut progress = Progress { offset: 0, waited: Duration::ZERO };
        let mut counted = 0;
        // After its first failure a blob is left to our own requests, which can resume and hear `Retry-After`.
        let mut coming = self.by_oci_client(digest).await;
        loop {
            match self.pass(digest, size, &what, &mut progress, coming.take(), feed).await {
                Ok(()) => return Ok(()),
                Err(failure) => {
                    if progress.offset - counted >= PROGRESS {
                        attempts.progressed();
                        counted = progress.offset;
                    }
                    attempts.pause(failure).await?;
                }
            }
        }
    }

    /// One connection's worth of a blob.
    async fn pass(
        &self,
        digest: &Digest,
        size: u64,
        what: &str,
        progress: &mut Progress,
        coming: Option<Coming>,
        feed: &mut Feed,
    ) -> Result<(), Failure> {
        let mut coming = match coming {
            Some(coming) => coming,
            None => self.by_own_request(digest, progress.offset, what).await?,
        };
        feed.open();
        loop {
            let asked = Instant::now();
            let next = coming.stream.next().await;
            progress.waited += asked.elapsed();
            let mut chunk = match next {
                Some(Ok(chunk)) => chunk,
                // All bytes are there; how the connection ends does not matter, the digest does.
                _ if progress.offset >= size => return Ok(()),
                Some(Err(why)) => return Err(Failure::again(format!("the connection broke: {why}"))),
                None => return Err(ended_early(what, size, progress.offset, coming.length.is_some())),
            };
            let repeated = coming.skip.min(chunk.len() as u64);
            coming.skip -= repeated;
            let _ = chunk.split_to(usize::try_from(repeated).unwrap_or(usize::MAX).min(chunk.len()));
            // One byte more than promised is enough to show that there is more.
            let wanted = (size - progress.offset).saturating_add(1);
            chunk.truncate(usize::try_from(wanted).unwrap_or(usize::MAX));
            progress.offset += chunk.len() as u64;
            if feed.put(chunk).await.is_err() || progress.offset > size {
                return Ok(());
            }
            let grace = Duration::from_secs(60 + progress.offset / SLOWEST);
            if progress.waited > grace {
                return Err(
                    FetchError::Unavailable { what: what.to_owned(), why: "it comes too slowly".to_owned() }.into()
                );
            }
        }
    }

    /// The blob from its start by `oci-client`; none when our own request has to do it.
    async fn by_oci_client(&self, digest: &Digest) -> Option<Coming> {
        let client = self.host.oci().await?;
        let authorization = self.subject().current().await.ok()?.authorization;
        match oci::fetch(client, &self.host.base, &self.path, digest, authorization.as_deref()).await {
            Ok(BlobResponse::Full(stream) | BlobResponse::Partial(stream)) => Some(Coming {
                length: stream.content_length,
                stream: stream.stream.map(|chunk| chunk.map_err(|error| io_reasons(&error))).boxed(),
                skip: 0,
            }),
            Err(why) => {
                tracing::debug!("blob {digest} is asked for again: {why}");
                None
            }
        }
    }

    async fn by_own_request(&self, digest: &Digest, offset: u64, what: &str) -> Result<Coming, Failure> {
        let ask = Ask { from: offset, ..Ask::get(self.url(&format!("blobs/{digest}"))?, what) };
        let response = tokio::time::timeout(self.host.timeouts.small, self.attempt(&ask))
            .await
            .map_err(|_| Failure::again("the registry took too long"))??;
        if !self.host.is_own(response.url()) {
            self.host.oci_refused.store(true, Ordering::Relaxed);
        }
        let skip = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let start = response.headers().get(CONTENT_RANGE).and_then(|value| range_start(value.to_str().ok()?));
                let overlap = start.and_then(|start| offset.checked_sub(start));
                overlap.ok_or_else(|| FetchError::Damaged {
                    what: what.to_owned(),
                    why: "the registry sent another part than was asked for".to_owned(),
                })?
            }
            // The whole blob again.
            _ => offset,
        };
        let length = response.content_length();
        let stream = response.bytes_stream().map(|chunk| chunk.map_err(|error| reasons(&error))).boxed();
        Ok(Coming { stream, skip, length })
    }
}

/// A stream that ended by itself before all bytes were there. With a length announced and kept, the registry has no more;
/// without one it may have been cut.
fn ended_early(what: &str, size: u64, offset: u64, length_kept: bool) -> Failure {
    let why = format!("it ended after {offset} of {size} bytes");
    if length_kept {
        return FetchError::Damaged { what: what.to_owned(), why }.into();
    }
    Failure::again(why)
}

/// The first byte of `Content-Range: bytes 5-9/10` (RFC 9110, section 14.4).
fn range_start(text: &str) -> Option<u64> {
    text.trim().strip_prefix("bytes ")?.split_once('-')?.0.trim().parse().ok()
}

fn io_reasons(error: &io::Error) -> String {
    error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<reqwest::Error>())
        .map_or_else(|| "the stream failed".to_owned(), reasons)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[test]
    fn a_transfer_is_at_most_8_mib_ahead_of_its_reader() {
        let runtime = Arc::new(Runtime::start().expect("a thread"));
        let put = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&put);
        let mut reader = BlobReader::start(&runtime, "x".to_owned(), async move |mut feed: Feed| {
            while feed.put(Bytes::from(vec![7; 1 << 20])).await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        })
        .expect("a transfer");
        // The first piece is in the reader's hands and still counts.
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(put.load(Ordering::SeqCst), 8);
        let mut bytes = vec![0; 3 << 20];
        reader.read_exact(&mut bytes).expect("bytes");
        assert!(bytes.iter().all(|byte| *byte == 7));
        std::thread::sleep(Duration::from_millis(200));
        assert!((10..=11).contains(&put.load(Ordering::SeqCst)));
    }

    #[test]
    fn a_transfer_that_panics_is_an_error() {
        let runtime = Arc::new(Runtime::start().expect("a thread"));
        let mut reader = BlobReader::start(&runtime, "x".to_owned(), async move |mut feed: Feed| {
            let _ = feed.put(Bytes::from_static(b"abc")).await;
            panic!("a defect")
        })
        .expect("a transfer");
        assert!(reader.read_to_end(&mut Vec::new()).is_err());
        assert!(runtime.run(async || Ok(1)).is_ok(), "the thread lives on");
    }

    #[test]
    fn ranges_are_read_by_their_start() {
        assert_eq!(range_start("bytes 5-9/10"), Some(5));
        assert_eq!(range_start("bytes 5-9/*"), Some(5));
        for bad in ["", "bytes", "bytes */10", "items 5-9/10", "bytes -5/10"] {
            assert_eq!(range_start(bad), None, "{bad}");
        }
    }
}
