//! One request to a registry: authorization, one renewal after a 401, redirects, the meaning of its answer.

use std::cell::Cell;
use std::error::Error as _;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RANGE,
};
use reqwest::{Method, Response, StatusCode, Url};

use crate::oci::{FetchError, Reference};

use super::Shared;
use super::answer;
use super::auth::{self, Access, Subject};
use super::credentials::Credential;
use super::host::Host;
use super::network::{self, Fenced};
use super::retry::{Attempts, Failure};

/// Redirects that are followed one after the other.
const MAX_REDIRECTS: usize = 5;

/// One repository of one registry, and who asks.
pub(super) struct Repository {
    pub host: Arc<Host>,
    /// Without host.
    pub path: String,
    /// With host, for messages.
    pub name: String,
    pub credential: Option<Arc<Credential>>,
    /// The right that its requests need.
    pub access: Access,
}

/// What a request carries.
pub(super) enum Payload {
    Nothing,
    Bytes(Bytes),
    /// Bytes that come once, and how many.
    Stream(Cell<Option<reqwest::Body>>, u64),
}

/// A request.
pub(super) struct Ask<'a> {
    pub method: Method,
    pub url: Url,
    pub accept: Option<&'static str>,
    /// The first byte that is wanted.
    pub from: u64,
    /// What is asked for, for messages.
    pub what: &'a str,
    pub payload: Payload,
    pub content_type: Option<&'a str>,
    pub content_range: Option<String>,
    /// What must hold for the request to count, as a header (RFC 9110, section 13.1).
    pub condition: Option<(HeaderName, String)>,
    /// Whether a refusal says nothing about the credentials.
    pub may_be_refused: bool,
}

impl<'a> Ask<'a> {
    pub(super) fn get(url: Url, what: &'a str) -> Self {
        Self::of(Method::GET, url, what)
    }

    pub(super) fn of(method: Method, url: Url, what: &'a str) -> Self {
        Self {
            method,
            url,
            accept: None,
            from: 0,
            what,
            payload: Payload::Nothing,
            content_type: None,
            content_range: None,
            condition: None,
            may_be_refused: false,
        }
    }

    fn reads(&self) -> bool {
        matches!(self.method, Method::GET | Method::HEAD)
    }

    fn is_done(&self, status: StatusCode) -> bool {
        if self.reads() { matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT) } else { status.is_success() }
    }
}

impl Repository {
    pub(super) async fn open(
        shared: Arc<Shared>,
        reference: &Reference,
        credential: Option<Arc<Credential>>,
        access: Access,
    ) -> Result<Self, FetchError> {
        let mut hosts = shared.hosts.lock().await;
        let host = if let Some(host) = hosts.get(&reference.registry) {
            Arc::clone(host)
        } else {
            let host = Arc::new(Host::open(&shared, reference).await?);
            hosts.insert(reference.registry.clone(), Arc::clone(&host));
            host
        };
        drop(hosts);
        Ok(Self { host, path: reference.repository.clone(), name: reference.repository_name(), credential, access })
    }

    /// The address of something in this repository, such as `manifests/latest`.
    ///
    /// # Errors
    /// [`FetchError::Usage`] when the parts give no address.
    pub(super) fn url(&self, rest: &str) -> Result<Url, FetchError> {
        let path = format!("v2/{}/{rest}", self.path);
        self.host.base.join(&path).map_err(|error| FetchError::Usage(format!("`{path}` is no path: {error}")))
    }

    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            host: &self.host,
            name: &self.name,
            repository: &self.path,
            credential: self.credential.as_deref(),
            access: self.access,
        }
    }

    pub(super) fn attempts(&self, what: &str) -> Attempts<'_> {
        Attempts::new(&self.host, what.to_owned())
    }

    /// One attempt: an answer that is a success: status 200 or 206 when something is read, any 2xx when it is written.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn attempt(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        let response = self.exchange(ask).await?;
        if ask.is_done(response.status()) {
            return Ok(response);
        }
        Err(self.failure(response, ask).await)
    }

    /// What an answer means that is no success.
    pub(super) async fn failure(&self, response: Response, ask: &Ask<'_>) -> Failure {
        let refusal = self.subject().refusal();
        if ask.reads() {
            answer::failure(response, ask.what, &refusal).await
        } else {
            answer::refused_write(response, ask.what, &refusal).await
        }
    }

    /// One request without any authorization.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn anonymous(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        Ok(self.request(ask, None).await?.0)
    }

    /// One attempt, whatever the answer; a 401 is answered with a renewed authorization once.
    ///
    /// # Errors
    /// [`Failure`].
    pub(super) async fn exchange(&self, ask: &Ask<'_>) -> Result<Response, Failure> {
        let subject = self.subject();
        let mut renewed = false;
        loop {
            let snapshot = subject.current().await?;
            let header = snapshot.authorization.as_ref().and_then(|authorization| authorization.header());
            let (response, own) = self.request(ask, header).await?;
            if response.status() != StatusCode::UNAUTHORIZED || !own {
                return Ok(response);
            }
            if renewed && ask.may_be_refused {
                return Ok(response);
            }
            if renewed {
                subject.reject(snapshot.serial).await;
                return Err(self.failure(response, ask).await);
            }
            let challenges = auth::challenges(&response);
            drop(response);
            subject.renew(snapshot.serial, challenges).await?;
            renewed = true;
            if matches!(ask.payload, Payload::Stream(..)) {
                let refusal = FetchError::Denied { what: ask.what.to_owned(), why: subject.refusal() };
                return Err(Failure::Renewed(refusal));
            }
        }
    }

    /// Fetches something small whole, with all attempts; gives its headers and its body.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn small(
        &self,
        ask: &Ask<'_>,
        limit: u64,
    ) -> Result<(reqwest::header::HeaderMap, Vec<u8>), FetchError> {
        let mut attempts = self.attempts(ask.what);
        loop {
            let work = async {
                let response = self.attempt(ask).await?;
                let headers = response.headers().clone();
                // The length that an answer to HEAD tells is that of what was not sent.
                if ask.method == Method::HEAD {
                    return Ok((headers, Vec::new()));
                }
                Ok((headers, answer::body(response, limit, ask.what).await?))
            };
            let done = tokio::time::timeout(self.host.timeouts.small, work).await;
            match done.unwrap_or_else(|_| Err(Failure::again("the registry took too long"))) {
                Ok(done) => return Ok(done),
                Err(failure) => attempts.pause(failure).await?,
            }
        }
    }

    /// Sends a request and follows redirects. Says whether the answer is the registry's own.
    async fn request(&self, ask: &Ask<'_>, authorization: Option<HeaderValue>) -> Result<(Response, bool), Failure> {
        let mut url = ask.url.clone();
        // A registry may name an upload elsewhere.
        let mut own = self.host.is_own(&url);
        if !own {
            network::check_named_url(&url, self.host.plain_http, self.host.reach)
                .map_err(|why| damaged(ask.what, format!("the registry names another place: {why}")))?;
        }
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send(ask, &url, own, authorization.as_ref()).await?;
            let Some(next) = redirect_target(&response, &url).map_err(|why| damaged(ask.what, why))? else {
                return Ok((response, own));
            };
            let keeps_method = matches!(response.status().as_u16(), 307 | 308);
            if !ask.reads() && (!keeps_method || !self.host.is_own(&next) || matches!(ask.payload, Payload::Stream(..)))
            {
                return Err(damaged(ask.what, "the registry redirects what is written".to_owned()));
            }
            // Once away, never trusted with credentials again, even when it leads back.
            own = own && self.host.is_own(&next);
            if !own {
                // From plain http to plain http at most; never from https down.
                let plain = self.host.plain_http && url.scheme() == "http";
                network::check_named_url(&next, plain, self.host.reach)
                    .map_err(|why| damaged(ask.what, format!("the registry redirects: {why}")))?;
            }
            url = next;
        }
        Err(damaged(ask.what, format!("the registry redirects more than {MAX_REDIRECTS} times")))
    }

    async fn send(
        &self,
        ask: &Ask<'_>,
        url: &Url,
        own: bool,
        authorization: Option<&HeaderValue>,
    ) -> Result<Response, Failure> {
        let streams = matches!(ask.payload, Payload::Stream(..));
        let client = match (own, streams) {
            (true, false) => &self.host.direct,
            (true, true) => self.host.unhurried().await?,
            (false, _) => self.host.foreign(streams).await?,
        };
        let mut request = client.request(ask.method.clone(), url.clone());
        if let Some(accept) = ask.accept {
            request = request.header(ACCEPT, accept);
        }
        if ask.from > 0 {
            request = request.header(RANGE, format!("bytes={}-", ask.from));
        }
        if own && let Some(authorization) = authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(content_type) = ask.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(range) = &ask.content_range {
            request = request.header(CONTENT_RANGE, range);
        }
        if let Some((name, value)) = &ask.condition {
            request = request.header(name, value);
        }
        request = match &ask.payload {
            Payload::Nothing if ask.reads() => request,
            // Some servers want a length even where there is nothing.
            Payload::Nothing => request.header(CONTENT_LENGTH, 0),
            Payload::Bytes(bytes) => request.body(bytes.clone()),
            Payload::Stream(body, length) => {
                let body = body.take().ok_or_else(|| Failure::again("the bytes were sent before"))?;
                request.header(CONTENT_LENGTH, *length).body(body)
            }
        };
        request.send().await.map_err(|error| failed(&error, ask.what))
    }
}

fn redirect_target(response: &Response, from: &Url) -> Result<Option<Url>, String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let location = response.headers().get(LOCATION).ok_or("the registry redirects without an address")?;
    let next = location.to_str().ok().and_then(|location| from.join(location).ok());
    next.map(Some).ok_or_else(|| "the registry redirects to something that is no address".to_owned())
}

fn damaged(what: &str, why: String) -> Failure {
    Failure::Final(FetchError::Damaged { what: what.to_owned(), why })
}

/// What it means that no answer came.
pub(super) fn failed(error: &reqwest::Error, what: &str) -> Failure {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(fenced) = inner.downcast_ref::<Fenced>() {
            return damaged(what, fenced.to_string());
        }
        cause = inner.source();
    }
    let why = reasons(error);
    // A certificate does not become valid by asking again.
    if why.contains("certificate") {
        let why = format!("{why}; a private certificate authority must be given as a file");
        return Failure::Final(FetchError::Unavailable { what: what.to_owned(), why });
    }
    Failure::again(why)
}

/// The causes of an error, without its address: redirect addresses hold signatures.
pub(super) fn reasons(error: &reqwest::Error) -> String {
    let mut reasons: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !reasons.iter().any(|known| known.contains(&text)) {
            reasons.push(text);
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        return "no answer came in time".to_owned();
    }
    if reasons.is_empty() {
        return "the request failed".to_owned();
    }
    let text: String = reasons.join(": ").chars().take(300).collect();
    text.escape_debug().to_string().replace("\\\"", "\"").replace("\\'", "'")
}
