//! Small files from services that are no registries: mirrors of trust roots, lists of attestations. An edge: bounded in bytes, time
//! and tries; no redirect is followed, and a credential goes to the host it was given for only.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue, LINK, RETRY_AFTER};

pub use reqwest::Url;

const CONNECT: Duration = Duration::from_secs(10);
const TIMEOUT: Duration = Duration::from_secs(60);
/// Tries of one request.
const TRIES: u32 = 3;
/// Pause before the first retry; the second waits twice as long.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest that a service may make us wait.
const LONGEST: Duration = Duration::from_secs(20);

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The address cannot be used.
    #[error("`{0}` is no address that can be used: {1}")]
    Address(String, &'static str),
    /// The service refuses (401, 403), or throttles by refusing.
    #[error("`{url}` refuses: status {status}")]
    Denied {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// Nothing answered, or nothing of use, after all tries.
    #[error("`{url}` does not answer: {why}")]
    Unavailable {
        /// What was asked for.
        url: String,
        /// What happened last.
        why: String,
    },
    /// The answer is longer than allowed.
    #[error("`{url}` answers with more than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The bytes that were allowed.
        limit: u64,
    },
    /// The answer is none that can be used, such as a redirect.
    #[error("`{url}` answers with status {status}, which is not followed")]
    Answer {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The body.
    pub body: Vec<u8>,
    /// The `Link` headers, joined by commas.
    pub link: String,
}

/// What a request says beside its address.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asking<'a> {
    /// The media type that is wanted.
    pub accept: Option<&'static str>,
    /// A bearer token. It is sent over HTTPS, or to this machine.
    pub token: Option<&'a str>,
    /// 403 is 404, as from object stores that may not list what they hold.
    pub hidden_is_missing: bool,
}

/// Fetches files.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: reqwest::Client,
}

/// Reads an address: HTTPS, or HTTP; no user and no password in it.
///
/// # Errors
/// [`Trouble::Address`].
pub fn address(text: &str) -> Result<Url, Trouble> {
    let wrong = |why| Trouble::Address(text.escape_debug().take(200).collect(), why);
    let url = Url::parse(text).map_err(|_| wrong("it is no URL"))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(wrong("it does not start with https:// or http://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Trouble::Address(url.host_str().unwrap_or_default().to_owned(), "it holds a password"));
    }
    Ok(url)
}

/// Whether what is sent stays secret on its way.
fn is_private(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let own = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    url.scheme() == "https" || own
}

/// Does the work of a task that waits for the network, in this thread.
///
/// # Errors
/// [`Trouble::Unavailable`] when the machine gives no runtime.
pub fn wait<T>(work: impl Future<Output = T>) -> Result<T, Trouble> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Trouble::Unavailable { url: String::new(), why: error.to_string() })?;
    Ok(runtime.block_on(work))
}

impl Fetcher {
    /// A fetcher that follows the usual proxy variables.
    ///
    /// # Errors
    /// [`Trouble::Unavailable`] when TLS cannot be set up.
    pub fn new() -> Result<Self, Trouble> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .user_agent(concat!("imgguard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Trouble::Unavailable { url: String::new(), why: error.to_string() })?;
        Ok(Self { client })
    }

    /// Fetches a file of at most `limit` bytes; none when there is none (404). Throttling and failures of the service are tried again.
    ///
    /// # Errors
    /// [`Trouble`]. An error is never "none".
    pub async fn get(&self, url: &Url, limit: u64, asking: Asking<'_>) -> Result<Option<Answer>, Trouble> {
        let mut headers = HeaderMap::new();
        if let Some(accept) = asking.accept {
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
        }
        if let Some(token) = asking.token {
            if !is_private(url) {
                return Err(Trouble::Address(url.to_string(), "a token is not sent over HTTP"));
            }
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| Trouble::Address(url.to_string(), "the token for it holds unusual characters"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut pause = PAUSE;
        let mut why = String::new();
        for tried in 1..=TRIES {
            match self.once(url, limit, &headers, asking.hidden_is_missing).await? {
                Ok(answer) => return Ok(answer),
                Err((said, wanted)) => {
                    why = said;
                    if tried == TRIES || wanted.is_some_and(|wanted| wanted > LONGEST) {
                        break;
                    }
                    tokio::time::sleep(wanted.unwrap_or(pause)).await;
                    pause *= 2;
                }
            }
        }
        Err(Trouble::Unavailable { url: url.to_string(), why })
    }

    /// One try; the inner error is worth another one.
    async fn once(
        &self,
        url: &Url,
        limit: u64,
        headers: &HeaderMap,
        hidden_is_missing: bool,
    ) -> Result<Result<Option<Answer>, (String, Option<Duration>)>, Trouble> {
        let sent = self.client.get(url.clone()).headers(headers.clone()).send().await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) => return Ok(Err((error.without_url().to_string(), None))),
        };
        let status = response.status();
        let name = || url.to_string();
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        // Throttling comes as 403 too, with nothing left of the budget.
        let throttled = status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::FORBIDDEN
                && (header("retry-after").is_some() || header("x-ratelimit-remaining") == Some("0"));
        match status {
            _ if throttled || status.is_server_error() => {
                let wanted = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let wanted = wanted.and_then(|text| text.parse::<u64>().ok()).map(Duration::from_secs);
                return Ok(Err((format!("status {}", status.as_u16()), wanted)));
            }
            StatusCode::NOT_FOUND => return Ok(Ok(None)),
            StatusCode::FORBIDDEN if hidden_is_missing => return Ok(Ok(None)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(Trouble::Denied { url: name(), status: status.as_u16() });
            }
            StatusCode::OK => {}
            _ => return Err(Trouble::Answer { url: name(), status: status.as_u16() }),
        }
        let links: Vec<&str> =
            response.headers().get_all(LINK).iter().filter_map(|value| value.to_str().ok()).collect();
        let link = links.join(", ");
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(Trouble::TooLong { url: name(), limit });
        }
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if (body.len() as u64).saturating_add(chunk.len() as u64) > limit => {
                    return Err(Trouble::TooLong { url: name(), limit });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok(Ok(Some(Answer { body, link }))),
                Err(error) => return Ok(Err((error.without_url().to_string(), None))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::registry::{Action, FakeRegistry};

    fn answer(status: u16, headers: &[(&'static str, String)], body: &[u8]) -> Action {
        Action::Answer { status, headers: headers.to_vec(), body: body.to_vec() }
    }

    fn get(server: &FakeRegistry, path: &str, limit: u64, asking: Asking<'_>) -> Result<Option<Answer>, Trouble> {
        let url = address(&format!("http://{}{path}", server.host())).expect("an address");
        wait(async { Fetcher::new().expect("a fetcher").get(&url, limit, asking).await }).expect("a runtime")
    }

    #[test]
    fn throttling_is_waited_for_and_then_told_and_is_never_nothing() {
        let server = FakeRegistry::start();
        server.fault("/once", 0, 1, answer(429, &[("retry-after", "0".to_owned())], b""));
        server.fault("/once", 0, 9, answer(200, &[], b"here"));
        assert_eq!(get(&server, "/once", 10, Asking::default()).expect("fetched").expect("there").body, b"here");
        for (path, status, headers) in [
            ("/busy", 429, vec![("retry-after", "0".to_owned())]),
            ("/spent", 403, vec![("x-ratelimit-remaining", "0".to_owned())]),
            ("/down", 503, vec![]),
            ("/later", 429, vec![("retry-after", "86400".to_owned())]),
        ] {
            server.fault(path, 0, 99, answer(status, &headers, b""));
            let error = get(&server, path, 10, Asking::default()).expect_err(path);
            assert!(matches!(error, Trouble::Unavailable { .. }), "{path}: {error}");
        }
        server.fault("/gone", 0, 9, answer(404, &[], b""));
        assert!(get(&server, "/gone", 10, Asking::default()).expect("an answer").is_none());
    }

    #[test]
    fn refusals_redirects_and_long_answers_are_errors() {
        let (server, stranger) = (FakeRegistry::start(), FakeRegistry::start());
        server.fault("/no", 0, 9, answer(403, &[], b""));
        assert!(matches!(get(&server, "/no", 10, Asking::default()), Err(Trouble::Denied { status: 403, .. })));
        let hidden = Asking { hidden_is_missing: true, ..Asking::default() };
        assert!(get(&server, "/no", 10, hidden).expect("an answer").is_none());
        server.fault("/away", 0, 9, answer(302, &[("location", format!("http://{}/", stranger.host()))], b""));
        assert!(matches!(get(&server, "/away", 10, Asking::default()), Err(Trouble::Answer { status: 302, .. })));
        assert_eq!(stranger.requests().len(), 0, "nobody else was asked");
        server.fault("/long", 0, 9, answer(200, &[], &[b'x'; 11]));
        assert!(matches!(get(&server, "/long", 10, Asking::default()), Err(Trouble::TooLong { .. })));
        assert!(get(&server, "/long", 11, Asking::default()).is_ok());
        server.fault("/endless", 0, 9, Action::Endless(200));
        assert!(matches!(get(&server, "/endless", 10, Asking::default()), Err(Trouble::TooLong { .. })));
    }

    #[test]
    fn a_token_goes_nowhere_without_protection_and_into_no_message() {
        let away = address("http://service.example/x").expect("an address");
        let secret = Asking { token: Some("hush-hush"), ..Asking::default() };
        let fetcher = Fetcher::new().expect("a fetcher");
        let error = wait(fetcher.get(&away, 10, secret)).expect("a runtime").expect_err("refused");
        assert!(matches!(error, Trouble::Address(..)) && !format!("{error:?}").contains("hush"), "{error:?}");
        let server = FakeRegistry::start();
        server.fault("/list", 0, 9, answer(403, &[], b"hush-hush"));
        let error = get(&server, "/list", 10, secret).expect_err("refused");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        for wrong in ["", "file:///etc/passwd", "ftp://host/", "https://", "https://me:pw@host/"] {
            let error = address(wrong).expect_err(wrong);
            assert!(!error.to_string().contains("pw"), "{error}");
        }
    }
}
