//! What an answer means: its status, its error document, its body within bounds.

use futures_util::StreamExt as _;
use reqwest::{Response, StatusCode};
use serde::Deserialize;

use crate::oci::FetchError;

use super::retry::{Failure, retry_after};

/// Bytes of an error document that are looked at.
pub(super) const MAX_ERROR: usize = 64 << 10;

/// Whether a status says that the same request may succeed later.
pub(super) fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 499) || status.is_server_error()
}

/// What a status other than 200 and 206 means. Only 404 means that there is no such thing.
pub(super) async fn failure(response: Response, what: &str, refusal: &str) -> Failure {
    let status = response.status();
    let after = retry_after(response.headers());
    let said = error_document(response).await;
    let told = |text: &str| if said.is_empty() { text.to_owned() } else { format!("{text}: {said}") };
    let what = what.to_owned();
    match status.as_u16() {
        404 | 410 => Failure::Final(FetchError::NotFound { what }),
        401 => Failure::Final(FetchError::Denied { what, why: told(refusal) }),
        403 => Failure::Final(FetchError::Denied { what, why: told("the registry forbids it") }),
        416 => {
            Failure::Final(FetchError::Damaged { what, why: "the registry has fewer bytes than promised".to_owned() })
        }
        _ if may_pass(status) => Failure::Again { why: told(&format!("the registry answered {status}")), after },
        _ => Failure::Final(FetchError::Damaged { what, why: told(&format!("the registry answered {status}")) }),
    }
}

/// What it means that something was not written. A plain refusal is final: the registry does not want it.
pub(super) async fn refused_write(response: Response, what: &str, refusal: &str) -> Failure {
    let status = response.status();
    if matches!(status.as_u16(), 401 | 403 | 404 | 410) || may_pass(status) {
        return failure(response, what, refusal).await;
    }
    let said = error_document(response).await;
    let answered = format!("it answered {status}");
    let why = if said.is_empty() { answered } else { format!("{answered}: {said}") };
    Failure::Final(FetchError::Refused { what: what.to_owned(), why })
}

#[derive(Deserialize)]
struct ErrorDocument {
    errors: Vec<ErrorItem>,
}

#[derive(Deserialize)]
struct ErrorItem {
    code: String,
    message: Option<String>,
}

/// The first error of a registry's error document (distribution-spec, "Error Codes"), fit to be printed; empty when there is
/// none.
async fn error_document(response: Response) -> String {
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(Ok(chunk)) = stream.next().await {
        if bytes.len() + chunk.len() > MAX_ERROR {
            return String::new();
        }
        bytes.extend_from_slice(&chunk);
    }
    let Ok(document) = serde_json::from_slice::<ErrorDocument>(&bytes) else { return String::new() };
    let Some(first) = document.errors.first() else { return String::new() };
    let text = match &first.message {
        Some(message) if !message.is_empty() => format!("{} ({message})", first.code),
        _ => first.code.clone(),
    };
    text.chars().take(200).flat_map(char::escape_debug).collect()
}

/// Reads a body whole.
///
/// # Errors
/// [`FetchError::Damaged`] when it is longer than `limit`, or shorter than its `Content-Length`; a broken connection is worth
/// another attempt.
pub(super) async fn body(response: Response, limit: u64, what: &str) -> Result<Vec<u8>, Failure> {
    let too_long = || FetchError::Damaged { what: what.to_owned(), why: format!("it is longer than {limit} bytes") };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_long().into());
    }
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|error| Failure::again(format!("the connection broke: {}", super::send::reasons(&error))))?;
        if (bytes.len() + chunk.len()) as u64 > limit {
            return Err(too_long().into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
