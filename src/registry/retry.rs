//! Which failures are worth another attempt, and when.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::oci::FetchError;

use super::host::Host;

/// Why one attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another attempt gives the same.
    Final(FetchError),
    /// Another attempt may help.
    Again {
        /// What happened.
        why: String,
        /// How long the server asks us to wait.
        after: Option<Duration>,
    },
    /// The authorization was refused and renewed: the same can be done again at once. Twice in a row it is this refusal.
    Renewed(FetchError),
}

impl Failure {
    pub(super) fn again(why: impl Into<String>) -> Self {
        Self::Again { why: why.into(), after: None }
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Final(error)
    }
}

/// The attempts at one thing.
pub(super) struct Attempts<'a> {
    host: &'a Host,
    what: String,
    left: u32,
    pause: Duration,
    longest: Duration,
    renewed: bool,
}

impl<'a> Attempts<'a> {
    pub(super) fn new(host: &'a Host, what: String) -> Self {
        let retries = &host.retries;
        let left = retries.attempts.max(1) - 1;
        Self { host, what, left, pause: retries.pause, longest: retries.longest_pause, renewed: false }
    }

    /// Starts counting anew after real progress; the host's budget is not refilled.
    pub(super) fn progressed(&mut self) {
        self.left = self.host.retries.attempts.max(1) - 1;
        self.pause = self.host.retries.pause;
        self.renewed = false;
    }

    /// The error of a failure that ends the attempts.
    pub(super) fn finish(&self, failure: Failure) -> FetchError {
        match failure {
            Failure::Final(error) | Failure::Renewed(error) => error,
            Failure::Again { why, .. } => FetchError::Unavailable { what: self.what.clone(), why },
        }
    }

    /// Waits until the next attempt may start.
    ///
    /// # Errors
    /// The failure itself when it is final, [`FetchError::Unavailable`] when no attempt is left.
    pub(super) async fn pause(&mut self, failure: Failure) -> Result<(), FetchError> {
        let (why, after) = match failure {
            Failure::Final(error) => return Err(error),
            Failure::Renewed(refusal) if self.renewed => return Err(refusal),
            Failure::Renewed(_) => {
                self.renewed = true;
                return Ok(());
            }
            Failure::Again { why, after } => (why, after),
        };
        self.renewed = false;
        let gone = |why: String| FetchError::Unavailable { what: self.what.clone(), why };
        if self.left == 0 || !self.host.take_retry() {
            return Err(gone(why));
        }
        let pause = match after {
            Some(after) if after > self.longest => {
                return Err(gone(format!("{why}; the server asks to wait {} s", after.as_secs())));
            }
            Some(after) => after.max(self.pause),
            None => self.pause,
        };
        tracing::info!("{} is tried again in {} ms: {why}", self.what, pause.as_millis());
        tokio::time::sleep(pause).await;
        self.left -= 1;
        self.pause = self.pause.saturating_mul(3);
        Ok(())
    }
}

/// How long `Retry-After` asks to wait: seconds, or a date (RFC 9110, section 10.2.3).
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let now = jiff::Timestamp::now();
    Some(Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, text.parse().expect("a header value"));
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(after("Wed, 21 Oct 2099 07:28:00 GMT").is_some_and(|wait| wait > Duration::from_secs(1000)));
        assert_eq!(after("soon"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
