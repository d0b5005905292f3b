//! `oci-client` as the transport for blobs: what it is trusted with, and what keeps it inside that.
//!
//! It fetches the bytes of a blob, from the registry itself, with a token that we obtained. Three fences stand around it:
//! - it follows redirects to anywhere, so every host but the registry lies behind a proxy that does not exist;
//! - it obtains tokens by itself when it has none, so the token is put into its cache before every use;
//! - it reads the body of an error whole, so its answer must come within a bounded number of steps, each of which reads at
//!   most one buffer.
//!
//! Whatever it cannot do within these fences is no failure: our own request does it then.

use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use oci_client::RegistryOperation;
use oci_client::client::{BlobResponse, Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::token_cache::{RegistryToken, RegistryTokenType};
use reqwest::Url;
use serde::Deserialize;

use crate::model::Digest;

use super::Timeouts;
use super::auth::Authorization;
use super::host::{USER_AGENT, authority};

/// Steps until the head of an answer must be there. A TLS connection takes about a dozen; each step reads at most one
/// buffer of 400 kB.
const MAX_STEPS: u32 = 64;
/// A proxy that cannot exist: nothing can listen on port 0.
const NOWHERE: &str = "http://127.0.0.1:0";

/// Makes the transport for one registry; none when it cannot be set up, which costs nothing but its use.
pub(super) fn client(
    base: &Url,
    plain_http: bool,
    certificates: &[Vec<u8>],
    timeouts: &Timeouts,
) -> Option<oci_client::Client> {
    // A literal IPv6 address cannot be excepted from the proxy reliably.
    let host = base.host_str().filter(|host| !host.starts_with('['))?;
    let config = ClientConfig {
        protocol: if plain_http { ClientProtocol::Http } else { ClientProtocol::Https },
        extra_root_certificates: certificates
            .iter()
            .map(|der| Certificate { encoding: CertificateEncoding::Der, data: der.clone() })
            .collect(),
        read_timeout: Some(timeouts.read),
        connect_timeout: Some(timeouts.connect),
        user_agent: USER_AGENT,
        https_proxy: Some(NOWHERE.to_owned()),
        http_proxy: Some(NOWHERE.to_owned()),
        no_proxy: Some(host.to_owned()),
        // Our own clock decides when a token is too old.
        default_token_expiration_secs: 24 * 60 * 60,
        ..ClientConfig::default()
    };
    // `Client::new` would answer a bad configuration with another one.
    oci_client::Client::try_from(config).ok()
}

/// Starts to fetch a blob.
///
/// # Errors
/// A sentence fragment for the log, when our own request has to do it.
pub(super) async fn fetch(
    client: &oci_client::Client,
    base: &Url,
    repository: &str,
    digest: &Digest,
    authorization: Option<&Authorization>,
) -> Result<BlobResponse, String> {
    let host = authority(base);
    let digest = digest.to_string();
    let reference = oci_client::Reference::with_digest(host, repository.to_owned(), digest.clone());
    if let Some(authorization) = authorization {
        let token = token_for(authorization).ok_or("its token cache would drop this token")?;
        client.tokens.insert(&reference, RegistryOperation::Pull, token).await;
        // Without a stored credential, of whatever kind, the token is not looked up.
        client.store_auth_if_needed(reference.resolve_registry(), &RegistryAuth::Anonymous).await;
    }
    let answer = client.pull_blob_stream_partial(&reference, digest.as_str(), 0, None);
    match (Steps { work: Box::pin(answer), left: MAX_STEPS }).await {
        Some(Ok(response)) => Ok(response),
        // Its text repeats addresses and bodies of the server.
        Some(Err(_)) => Err("it got no blob".to_owned()),
        None => Err("its answer was too long in coming".to_owned()),
    }
}

/// A future that may be polled a bounded number of times.
struct Steps<F> {
    work: Pin<Box<F>>,
    left: u32,
}

impl<F: Future> Future for Steps<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        self.work.as_mut().poll(context).map(Some)
    }
}

/// The token in the form of the cache, unless the cache would drop it: it reads JSON Web Tokens, and drops those that it
/// cannot read or that its clock calls expired.
fn token_for(authorization: &Authorization) -> Option<RegistryTokenType> {
    match authorization {
        Authorization::Basic { username, password } => {
            Some(RegistryTokenType::Basic(username.clone(), password.expose().to_owned()))
        }
        Authorization::Bearer(token) => {
            let token = token.expose();
            keeps(token).then(|| RegistryTokenType::Bearer(RegistryToken::Token { token: token.to_owned() }))
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    exp: Option<u64>,
}

fn keeps(token: &str) -> bool {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts[..] else { return true };
    let Ok(payload) = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload) else { return false };
    let Ok(claims) = serde_json::from_slice::<Claims>(&payload) else { return false };
    let now = jiff::Timestamp::now().as_second();
    claims.exp.is_none_or(|expiry| i64::try_from(expiry).is_ok_and(|expiry| expiry > now + 30))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_the_cache_would_drop_are_not_given_to_it() {
        let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
        let jwt = |claims: &str| format!("{}.{}.x", encode("{}"), encode(claims));
        assert!(keeps("opaque"));
        assert!(keeps("v1.local.a.b"));
        assert!(keeps(&jwt("{}")));
        assert!(keeps(&jwt(r#"{"exp":99999999999}"#)));
        assert!(!keeps(&jwt(r#"{"exp":1}"#)));
        assert!(!keeps(&jwt("junk")));
        assert!(!keeps("a.!.c"));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_future_that_takes_too_many_steps_is_given_up() {
        let work = |steps: u32| async move {
            for _ in 0..steps {
                tokio::task::yield_now().await;
            }
            "done"
        };
        assert_eq!(Steps { work: Box::pin(work(3)), left: 4 }.await, Some("done"));
        assert_eq!(Steps { work: Box::pin(work(4)), left: 4 }.await, None);
    }
}
