//! Signing without a key: an identity token for a certificate, a log entry and a timestamp. An edge: it talks to the services of
//! a signing configuration, to nobody else, and follows no redirects.

use std::time::Duration;

use sigstore_sign::oidc::IdentityToken;
use sigstore_sign::trust_root::{SigningConfig, SigstoreInstance};
use sigstore_sign::tsa::TimestampClient;
use sigstore_sign::types::SignatureBytes;
use sigstore_sign::{Error as SignError, SigningContext, SigningServices, reqwest};

/// A log answers when its next checkpoint is there: that takes seconds.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(10);

/// Why nothing was signed. Tokens are never part of it.
#[derive(Debug, thiserror::Error)]
pub enum KeylessError {
    /// The signing configuration cannot be used.
    #[error("the signing configuration cannot be used: {0}")]
    Config(String),
    /// The identity token cannot be used.
    #[error("there is no identity token that can be used: it is missing, malformed, or has expired")]
    Token,
    /// What is to be signed cannot be signed.
    #[error("it cannot be signed: {0}")]
    Content(String),
    /// A service failed.
    #[error("a signing service failed: {0}")]
    Service(String),
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// A statement, as it is.
    Statement(&'a [u8]),
    /// A file.
    Bytes(&'a [u8]),
}

/// The services of a signing configuration.
#[derive(Debug, Clone)]
pub struct Services(SigningServices);

impl Services {
    /// Reads a signing configuration (0.2).
    ///
    /// # Errors
    /// [`KeylessError::Config`].
    pub fn read(bytes: &[u8]) -> Result<Self, KeylessError> {
        let text = std::str::from_utf8(bytes).map_err(|_| KeylessError::Config("it is no text".to_owned()))?;
        let config = SigningConfig::from_json(text).map_err(|error| KeylessError::Config(error.to_string()))?;
        let services =
            SigningServices::from_signing_config(&config).map_err(|error| KeylessError::Config(error.to_string()))?;
        Ok(Self(services))
    }

    /// The services of the public instance, or of its staging instance.
    ///
    /// # Errors
    /// [`KeylessError::Config`].
    pub fn embedded(staging: bool) -> Result<Self, KeylessError> {
        let instance = if staging { SigstoreInstance::Staging } else { SigstoreInstance::PublicGood };
        SigningServices::from_embedded(instance).map(Self).map_err(|error| KeylessError::Config(error.to_string()))
    }
}

fn client() -> Result<reqwest::Client, KeylessError> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .timeout(TIMEOUT)
        .user_agent(concat!("imgguard/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| KeylessError::Service(error.to_string()))
}

fn run<T>(work: impl Future<Output = Result<T, KeylessError>>) -> Result<T, KeylessError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| KeylessError::Service(error.to_string()))?.block_on(work)
}

/// Signs with the identity of a token and returns the bundle.
///
/// # Errors
/// [`KeylessError`].
pub fn sign(services: &Services, token: &str, content: Content<'_>) -> Result<Vec<u8>, KeylessError> {
    let secret = token.trim();
    let token = IdentityToken::from_jwt(secret).map_err(|_| KeylessError::Token)?;
    if token.is_expired() {
        return Err(KeylessError::Token);
    }
    let signer = SigningContext::new(services.0.clone()).with_http_client(client()?).signer(token);
    let bundle = run(async {
        let signed = match content {
            Content::Statement(statement) => signer.sign_raw_statement(statement).await,
            Content::Bytes(bytes) => signer.sign(bytes).await,
        };
        signed.map_err(|error| explain(&error, secret))
    })?;
    let text = bundle.to_json().map_err(|error| KeylessError::Content(error.to_string()))?;
    Ok(text.into_bytes())
}

/// The identity token that the surrounding pipeline offers: GitHub Actions, GitLab, Buildkite, `CircleCI`.
///
/// # Errors
/// [`KeylessError::Token`] when there is none, [`KeylessError::Service`] when it could not be fetched.
pub fn ambient_token() -> Result<zeroize::Zeroizing<String>, KeylessError> {
    let found = run(async {
        IdentityToken::detect_ambient()
            .await
            .map_err(|_| KeylessError::Service("the pipeline gave no identity token".to_owned()))
    })?;
    let token = found.ok_or(KeylessError::Token)?;
    Ok(zeroize::Zeroizing::new(token.expose_secret().to_owned()))
}

/// Has a signature timestamped (RFC 3161) by the authority at this full URL.
///
/// # Errors
/// [`KeylessError::Service`].
pub fn timestamp(url: &str, signature: &[u8]) -> Result<Vec<u8>, KeylessError> {
    let failed = |error: sigstore_sign::tsa::Error| KeylessError::Service(error.to_string());
    let authority = TimestampClient::builder(url).with_http_client(client()?).build().map_err(failed)?;
    let signature = SignatureBytes::from_bytes(signature);
    let token = run(async { authority.timestamp_signature(&signature).await.map_err(failed) })?;
    Ok(token.as_bytes().to_vec())
}

/// A service may repeat what it was sent: the token is taken out.
fn explain(error: &SignError, secret: &str) -> KeylessError {
    match error {
        SignError::Config(error) => KeylessError::Config(error.to_string()),
        SignError::InvalidStatement(error) => KeylessError::Content(error.to_string()),
        SignError::UnsupportedArtifact(what) => KeylessError::Content(what.clone()),
        other => KeylessError::Service(other.to_string().replace(secret, "***")),
    }
}

#[cfg(test)]
mod tests;
