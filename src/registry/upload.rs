//! Uploads of blobs (OCI distribution-spec, "Pushing a blob"): whole, in chunks, mounted, resumed.
//!
//! The caller's thread reads and hashes; the task on the runtime's thread sends. The task orders the bytes that it wants next, so
//! that it alone decides what happens after a failure, and at most about 1 MiB lies between the two.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::poll_fn;
use reqwest::header::{HeaderMap, LOCATION, RANGE};
use reqwest::{Method, Response, StatusCode, Url};
use tokio::sync::mpsc as pieces;
use tokio::time::Instant;

use crate::model::{Algorithm, Digest};
use crate::oci::FetchError;

use super::answer;
use super::retry::Failure;
use super::send::{Ask, Payload, Repository};

/// Pieces that wait for the network.
const AHEAD: usize = 4;
/// What registries that refuse long requests take.
const SMALL_CHUNK: u64 = 4 << 20;
/// Bytes of one request when an upload is resumed.
const LARGE_CHUNK: u64 = 64 << 20;
/// Progress after which a broken upload gets all its attempts again, in bytes.
const PROGRESS: u64 = 1 << 20;
/// How much longer than between two pieces an answer to all bytes may take: registries move and hash them then.
const COMMIT: u32 = 10;

/// A blob that is to be in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobToPush {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Another repository of the same registry that holds it.
    pub mount_from: Option<String>,
}

/// How a blob came into a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// The registry took it from another of its repositories.
    Mounted,
    /// Its bytes were sent.
    Sent,
    /// It was there after all.
    Found,
}

/// A piece of the blob; an error when its source failed, which the reading side remembers.
pub(super) type Piece = Result<Bytes, ()>;

/// What the task wants of the thread that reads.
pub(super) enum Order {
    /// The bytes from `from` to `until`.
    Read { from: u64, until: u64, to: pieces::Sender<Piece> },
    /// Nothing more.
    Done(Result<Uploaded, FetchError>),
}

/// The task's end.
pub(super) struct Orders {
    pub sender: mpsc::Sender<Order>,
    /// Set when the source failed: another attempt cannot help.
    pub source_failed: Arc<AtomicBool>,
}

/// The bytes of one request on their way. Dropping it stops whoever reads, even when the connection has not noticed.
struct Intake {
    receiver: Arc<Mutex<pieces::Receiver<Piece>>>,
    pulse: Arc<Pulse>,
}

/// When something last moved.
struct Pulse {
    start: Instant,
    /// Milliseconds after the start; the largest number while the source is waited for.
    beat: AtomicU64,
    left: AtomicU64,
}

impl Pulse {
    fn beat(&self) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(0);
        self.beat.store(since, Ordering::Relaxed);
    }

    /// Ends when nothing has moved for longer than `patience`.
    async fn stopped(&self, patience: Duration) {
        loop {
            tokio::time::sleep((patience / 4).clamp(Duration::from_millis(5), Duration::from_secs(5))).await;
            let beat = self.beat.load(Ordering::Relaxed);
            if beat == u64::MAX {
                continue;
            }
            let still = self.start.elapsed().saturating_sub(Duration::from_millis(beat));
            let patience = if self.left.load(Ordering::Relaxed) == 0 { patience * COMMIT } else { patience };
            if still > patience {
                return;
            }
        }
    }
}

impl Intake {
    /// Orders bytes, and makes a request body of them.
    fn order(orders: &Orders, from: u64, until: u64) -> (Self, reqwest::Body) {
        let (to, receiver) = pieces::channel(AHEAD);
        // A reader that is gone shows as a body that ends early.
        let _ = orders.sender.send(Order::Read { from, until, to });
        let receiver = Arc::new(Mutex::new(receiver));
        let length = until.saturating_sub(from);
        let pulse = Arc::new(Pulse { start: Instant::now(), beat: AtomicU64::new(0), left: AtomicU64::new(length) });
        let (source, watched) = (Arc::clone(&receiver), Arc::clone(&pulse));
        let body = poll_fn(move |context| {
            let polled = source.lock().unwrap_or_else(PoisonError::into_inner).poll_recv(context);
            match polled {
                Poll::Pending => {
                    watched.beat.store(u64::MAX, Ordering::Relaxed);
                    Poll::Pending
                }
                Poll::Ready(Some(Ok(bytes))) => {
                    let left = watched.left.load(Ordering::Relaxed).saturating_sub(bytes.len() as u64);
                    watched.left.store(left, Ordering::Relaxed);
                    watched.beat();
                    Poll::Ready(Some(Ok(bytes)))
                }
                Poll::Ready(None) if watched.left.load(Ordering::Relaxed) == 0 => Poll::Ready(None),
                Poll::Ready(Some(Err(())) | None) => {
                    Poll::Ready(Some(Err(std::io::Error::other("the source of the blob ended"))))
                }
            }
        });
        (Self { receiver, pulse }, reqwest::Body::wrap_stream(body))
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

/// An upload session.
struct Session {
    url: Url,
    /// Bytes that the registry has.
    offset: u64,
    /// The fewest bytes of a chunk that is not the last (`OCI-Chunk-Min-Length`).
    least: u64,
}

enum Started {
    Mounted,
    Session(Session),
}

/// How one request with bytes went.
enum Taken {
    Yes(Response),
    /// Too many bytes for one request.
    TooLong,
}

/// What is known between attempts.
#[derive(Default)]
struct State {
    session: Option<Session>,
    /// Whether something was tried before.
    again: bool,
    /// Whether the session holds bytes of an earlier request.
    resumed: bool,
    /// The most bytes that the registry ever had.
    most: u64,
}

impl Repository {
    /// Whether the repository has a blob.
    ///
    /// # Errors
    /// [`FetchError`]; [`FetchError::Damaged`] when it is there with another size.
    pub(super) async fn has_blob(&self, digest: &Digest, size: u64) -> Result<bool, FetchError> {
        let what = format!("blob {digest} of `{}`", self.name);
        let ask = Ask::of(Method::HEAD, self.url(&format!("blobs/{digest}"))?, &what);
        let headers = match self.small(&ask, answer::MAX_ERROR as u64).await {
            Ok((headers, _)) => headers,
            Err(FetchError::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        let length: Option<u64> =
            headers.get(reqwest::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        match length {
            Some(length) if length != size && length != 0 => Err(FetchError::Damaged {
                what,
                why: format!("the registry has {length} bytes of it, and it should have {size}"),
            }),
            _ => Ok(true),
        }
    }

    /// Brings a blob into the repository.
    ///
    /// # Errors
    /// [`FetchError`]. When the source failed, the error says nothing: the reading side knows why.
    pub(super) async fn upload(&self, blob: &BlobToPush, orders: &Orders) -> Result<Uploaded, FetchError> {
        let what = format!("blob {} to `{}`", blob.digest, self.name);
        let mut attempts = self.attempts(&what);
        let mut state = State::default();
        let mut counted = 0;
        loop {
            let failure = match self.upload_pass(&what, blob, &mut state, orders).await {
                Ok(uploaded) => return Ok(uploaded),
                Err(failure) => failure,
            };
            if orders.source_failed.load(Ordering::Relaxed) {
                self.cancel(state.session.take()).await;
                return Err(FetchError::Unavailable { what, why: "its source failed".to_owned() });
            }
            if state.most >= counted + PROGRESS {
                attempts.progressed();
                counted = state.most;
            }
            state.again = true;
            if let Err(error) = attempts.pause(failure).await {
                self.cancel(state.session.take()).await;
                return Err(error);
            }
        }
    }

    async fn upload_pass(
        &self,
        what: &str,
        blob: &BlobToPush,
        state: &mut State,
        orders: &Orders,
    ) -> Result<Uploaded, Failure> {
        if state.again {
            // The answer may have been lost, not the blob.
            if self.has_blob(&blob.digest, blob.size).await? {
                self.cancel(state.session.take()).await;
                return Ok(Uploaded::Found);
            }
            state.session = self.resume(state.session.take(), blob.size).await;
            state.resumed = state.session.is_some();
        }
        loop {
            let session = match &mut state.session {
                Some(session) => session,
                None => match self.start_upload(what, blob, state.again).await? {
                    Started::Mounted => return Ok(Uploaded::Mounted),
                    Started::Session(session) => state.session.insert(session),
                },
            };
            let cap = self.host.chunk_cap.load(Ordering::Relaxed);
            let chunked = session.offset > 0 || (cap > 0 && blob.size > cap);
            let sent = if chunked {
                self.send_chunks(what, blob, session, cap, state.resumed, orders).await
            } else {
                let url = with_digest(&session.url, &blob.digest);
                let done = self.send_piece(Method::PUT, url, what, 0..blob.size, None, orders).await;
                done.map(|taken| match taken {
                    Taken::Yes(response) => Some(response),
                    Taken::TooLong => None,
                })
            };
            state.most = state.most.max(session.offset);
            match sent {
                Ok(Some(response)) => return self.accepted(&response, blob, what),
                Ok(None) if cap == 0 && blob.size > SMALL_CHUNK => {
                    self.host.chunk_cap.store(SMALL_CHUNK, Ordering::Relaxed);
                    self.cancel(state.session.take()).await;
                    state.resumed = false;
                }
                Ok(None) => {
                    let why = "it takes requests of less than 4 MiB only".to_owned();
                    return Err(FetchError::Refused { what: what.to_owned(), why }.into());
                }
                Err(SendFailure::Lost(why)) => {
                    state.session = None;
                    return Err(Failure::again(why));
                }
                Err(SendFailure::Other(failure)) => return Err(failure),
            }
        }
    }

    /// Opens an upload session, or mounts the blob.
    async fn start_upload(&self, what: &str, blob: &BlobToPush, again: bool) -> Result<Started, Failure> {
        let mut url = self.url("blobs/uploads/")?;
        if blob.digest.algorithm() != Algorithm::Sha256 {
            url.query_pairs_mut().append_pair("digest-algorithm", blob.digest.algorithm().name());
        }
        if let Some(source) = blob.mount_from.as_ref().filter(|_| !again) {
            self.subject().also_reads(source).await;
            let mut mount = url.clone();
            mount.query_pairs_mut().append_pair("mount", &blob.digest.to_string()).append_pair("from", source);
            let ask = Ask { may_be_refused: true, ..Ask::of(Method::POST, mount, what) };
            let response = self.quick(&ask).await?;
            match response.status() {
                // Believed only when the blob is there.
                StatusCode::CREATED if self.has_blob(&blob.digest, blob.size).await? => return Ok(Started::Mounted),
                StatusCode::ACCEPTED => return session_of(&response, what),
                status if answer::may_pass(status) => return Err(self.failure(response, &ask).await),
                status => tracing::debug!("{what} is not mounted from `{source}`: the registry answered {status}"),
            }
        }
        let ask = Ask::of(Method::POST, url, what);
        let response = self.quick(&ask).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.failure(response, &ask).await);
        }
        session_of(&response, what)
    }

    /// One exchange that takes no longer than small things do.
    pub(super) async fn quick(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        tokio::time::timeout(self.host.timeouts.small, self.exchange(ask))
            .await
            .map_err(|_| Failure::again("the registry took too long"))?
    }

    /// Asks how far a session has come; none when it cannot be gone on with.
    async fn resume(&self, session: Option<Session>, size: u64) -> Option<Session> {
        let session = session?;
        let ask = Ask::of(Method::GET, session.url.clone(), "an upload");
        let response = self.quick(&ask).await.ok()?;
        if response.status() != StatusCode::NO_CONTENT {
            return None;
        }
        let offset = received(response.headers())?;
        // An empty session cannot be told from one that holds a single byte.
        if offset == 0 || offset > size {
            self.cancel(Some(session)).await;
            return None;
        }
        let url = location(&response).unwrap_or(session.url);
        Some(Session { url, offset, least: session.least })
    }

    /// Gives a session up, so that the registry need not keep its bytes. That it cannot is no failure of the upload.
    async fn cancel(&self, session: Option<Session>) {
        let Some(session) = session else { return };
        let ask = Ask { may_be_refused: true, ..Ask::of(Method::DELETE, session.url, "an upload") };
        let _ = self.quick(&ask).await;
    }

    /// Sends the rest of the blob in chunks and closes the session; none when a chunk was too long.
    async fn send_chunks(
        &self,
        what: &str,
        blob: &BlobToPush,
        session: &mut Session,
        cap: u64,
        resumed: bool,
        orders: &Orders,
    ) -> Result<Option<Response>, SendFailure> {
        let chunk = if cap > 0 { cap } else { LARGE_CHUNK }.max(session.least).max(1);
        while session.offset < blob.size {
            let until = session.offset.saturating_add(chunk).min(blob.size);
            let range = session.offset..until;
            let content_range = format!("{}-{}", range.start, range.end - 1);
            let url = session.url.clone();
            let taken = self.send_piece(Method::PATCH, url, what, range, Some(content_range), orders).await?;
            let Taken::Yes(response) = taken else { return Ok(None) };
            if let Some(next) = location(&response) {
                session.url = next;
            }
            let has = received(response.headers()).unwrap_or(until);
            if has > until || has <= session.offset {
                return Err(SendFailure::Lost(format!("the registry has {has} bytes after {until} were sent")));
            }
            session.offset = has;
        }
        let ask = Ask::of(Method::PUT, with_digest(&session.url, &blob.digest), what);
        let closing = tokio::time::timeout(self.host.timeouts.small * COMMIT, self.exchange(&ask)).await;
        let response = closing.map_err(|_| SendFailure::Other(Failure::again("the registry took too long")))?;
        let response = response.map_err(SendFailure::Other)?;
        match response.status() {
            status if status.is_success() => Ok(Some(response)),
            // What was put together from two requests may not fit together.
            StatusCode::BAD_REQUEST if resumed => Err(SendFailure::Lost("the resumed upload was refused".to_owned())),
            StatusCode::NOT_FOUND => Err(SendFailure::Lost("the upload session is gone".to_owned())),
            _ => Err(SendFailure::Other(self.failure(response, &ask).await)),
        }
    }

    /// One request with bytes of the blob.
    async fn send_piece(
        &self,
        method: Method,
        url: Url,
        what: &str,
        range: std::ops::Range<u64>,
        content_range: Option<String>,
        orders: &Orders,
    ) -> Result<Taken, SendFailure> {
        let (intake, body) = Intake::order(orders, range.start, range.end);
        let long = range.end - range.start > SMALL_CHUNK;
        let ask = Ask {
            payload: Payload::Stream(std::cell::Cell::new(Some(body)), range.end - range.start),
            content_type: Some("application/octet-stream"),
            content_range,
            ..Ask::of(method, url, what)
        };
        let response = tokio::select! {
            response = self.exchange(&ask) => response.map_err(SendFailure::Other)?,
            () = intake.pulse.stopped(self.host.timeouts.read) => {
                return Err(SendFailure::Other(Failure::again("the upload does not move")));
            }
        };
        match response.status() {
            status if status.is_success() => Ok(Taken::Yes(response)),
            StatusCode::PAYLOAD_TOO_LARGE => Ok(Taken::TooLong),
            StatusCode::RANGE_NOT_SATISFIABLE if long => Ok(Taken::TooLong),
            StatusCode::RANGE_NOT_SATISFIABLE => {
                Err(SendFailure::Other(Failure::again("the registry has other bytes than were sent")))
            }
            StatusCode::NOT_FOUND => Err(SendFailure::Lost("the upload session is gone".to_owned())),
            _ => Err(SendFailure::Other(self.failure(response, &ask).await)),
        }
    }

    /// A success; `Location` may be missing, a digest that is told must be the blob's.
    fn accepted(&self, response: &Response, blob: &BlobToPush, what: &str) -> Result<Uploaded, Failure> {
        let told = super::manifest::claimed_digest(response.headers(), what)?;
        match told {
            Some(told) if told.algorithm() == blob.digest.algorithm() && told != blob.digest => {
                let why = format!("`{}` says that it has stored {told}", self.name);
                Err(FetchError::Damaged { what: what.to_owned(), why }.into())
            }
            _ => Ok(Uploaded::Sent),
        }
    }
}

enum SendFailure {
    /// The session is of no more use.
    Lost(String),
    Other(Failure),
}

fn session_of(response: &Response, what: &str) -> Result<Started, Failure> {
    let url = location(response).ok_or_else(|| FetchError::Damaged {
        what: what.to_owned(),
        why: "the registry started an upload without saying where".to_owned(),
    })?;
    let least =
        response.headers().get("oci-chunk-min-length").and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // A registry must not make us hold or repeat more than a fair share.
    let least = least.unwrap_or(0).min(1 << 30);
    Ok(Started::Session(Session { url, offset: 0, least }))
}

/// `Location`, which may be relative and differs from answer to answer.
pub(super) fn location(response: &Response) -> Option<Url> {
    let text = response.headers().get(LOCATION)?.to_str().ok()?;
    response.url().join(text).ok()
}

pub(super) fn with_digest(url: &Url, digest: &Digest) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut().append_pair("digest", &digest.to_string());
    url
}

/// The bytes that `Range: 0-<last>` tells. `0-0` is what registries say of an empty session too.
fn received(headers: &HeaderMap) -> Option<u64> {
    let text = headers.get(RANGE)?.to_str().ok()?.trim();
    let text = text.strip_prefix("bytes=").unwrap_or(text);
    let (first, last) = text.split_once('-')?;
    let last: u64 = last.trim().parse().ok()?;
    (first.trim() == "0").then(|| if last == 0 { 0 } else { last.saturating_add(1) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_session_is_read_in_the_ways_it_is_written() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, text.parse().expect("a header value"));
            received(&headers)
        };
        assert_eq!(read("0-9"), Some(10));
        assert_eq!(read("bytes=0-9"), Some(10));
        assert_eq!(read("0-0"), Some(0));
        for bad in ["", "5-9", "0", "0-x", "-9"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(received(&HeaderMap::new()), None);
    }
}
