//! One registry host: how it is reached, its connections, its retry budget, its tokens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use reqwest::Url;
use tokio::sync::{Mutex, OnceCell};

use crate::oci::{FetchError, Reference};

use super::auth::{Access, Slot};
use super::network::{self, FencedResolver, Reach};
use super::{Options, Retries, Shared, Timeouts, oci};

/// What a request calls itself.
pub(super) const USER_AGENT: &str = concat!("imgguard/", env!("CARGO_PKG_VERSION"));

type Slots = BTreeMap<(String, Access), Arc<Mutex<Slot>>>;

/// One registry host.
pub(super) struct Host {
    /// The address of its API, without path.
    pub base: Url,
    /// Whether it is asked in plain http.
    pub plain_http: bool,
    /// The nearest that it may send us to.
    pub reach: Reach,
    pub retries: Retries,
    pub timeouts: Timeouts,
    /// For the host itself.
    pub direct: reqwest::Client,
    /// For the token service and redirects, made when needed.
    foreign: OnceCell<reqwest::Client>,
    /// The same two without a bound on the time until an answer starts, which for an upload is the time of all its bytes.
    unhurried: OnceCell<reqwest::Client>,
    foreign_unhurried: OnceCell<reqwest::Client>,
    certificates: Vec<Vec<u8>>,
    retries_left: AtomicU32,
    /// By repository and access.
    slots: Mutex<Slots>,
    /// The most bytes that one request may carry, learnt from refusals; none known when 0.
    pub chunk_cap: AtomicU64,
    /// Held while an index behind a fallback tag is changed.
    pub fallback_lock: Mutex<()>,
    /// The transport for blobs, made when needed; none where it cannot be used.
    oci: OnceCell<Option<oci_client::Client>>,
    /// Whether that transport would bypass a proxy.
    behind_proxy: bool,
    /// Set when the registry turned out to answer blobs with redirects, which that transport must not follow.
    pub oci_refused: AtomicBool,
}

impl Host {
    /// Gets to know a registry.
    ///
    /// # Errors
    /// [`FetchError`].
    pub(super) async fn open(shared: &Shared, reference: &Reference) -> Result<Self, FetchError> {
        let options = &shared.options;
        let name = if reference.registry == "docker.io" { "registry-1.docker.io" } else { &reference.registry };
        let https = address("https", name)?;
        let loopback = https.host_str().is_some_and(network::is_loopback_host);
        let plain_http = options.plain_http
            || (loopback && shared.certificates.is_empty() && !answers_tls(name, options, &https).await?);
        let base = if plain_http { address("http", name)? } else { https };
        // Behind a proxy, names are resolved there; without one, the registry's own addresses set the fence.
        let behind_proxy = !loopback && options.environment.names_a_proxy();
        let reach = if behind_proxy { Reach::Public } else { network::reach_of_host(&base).await };
        let direct = direct(&options.timeouts, loopback, plain_http, &shared.certificates)?;
        let direct = direct.read_timeout(options.timeouts.read).build().map_err(unusable)?;
        Ok(Self {
            base,
            plain_http,
            reach,
            retries: options.retries.clone(),
            timeouts: options.timeouts.clone(),
            direct,
            foreign: OnceCell::new(),
            unhurried: OnceCell::new(),
            foreign_unhurried: OnceCell::new(),
            chunk_cap: AtomicU64::new(0),
            fallback_lock: Mutex::default(),
            certificates: shared.certificates.clone(),
            retries_left: AtomicU32::new(options.retries.per_host),
            slots: Mutex::default(),
            oci: OnceCell::new(),
            behind_proxy,
            oci_refused: AtomicBool::new(false),
        })
    }

    /// Whether an address belongs to this registry itself.
    pub(super) fn is_own(&self, url: &Url) -> bool {
        url.scheme() == self.base.scheme()
            && url.host_str() == self.base.host_str()
            && url.port_or_known_default() == self.base.port_or_known_default()
    }

    /// The client for addresses that the registry names: it connects to nothing nearer than the registry. An unhurried one
    /// is for uploads.
    ///
    /// # Errors
    /// [`FetchError::Usage`] when TLS cannot be set up.
    pub(super) async fn foreign(&self, unhurried: bool) -> Result<&reqwest::Client, FetchError> {
        let cell = if unhurried { &self.foreign_unhurried } else { &self.foreign };
        cell.get_or_try_init(async || {
            let resolver = Arc::new(FencedResolver { nearest: self.reach });
            let builder = builder(&self.timeouts, self.reach == Reach::Loopback)
                .dns_resolver(resolver)
                .tls_certs_merge(certificates(&self.certificates)?);
            let builder = if unhurried { builder } else { builder.read_timeout(self.timeouts.read) };
            builder.build().map_err(unusable)
        })
        .await
    }

    /// The client for uploads to the host itself.
    ///
    /// # Errors
    /// [`FetchError::Usage`] when TLS cannot be set up.
    pub(super) async fn unhurried(&self) -> Result<&reqwest::Client, FetchError> {
        self.unhurried
            .get_or_try_init(async || {
                let loopback = self.base.host_str().is_some_and(network::is_loopback_host);
                direct(&self.timeouts, loopback, self.plain_http, &self.certificates)?.build().map_err(unusable)
            })
            .await
    }

    /// The transport for blobs; none where it cannot be used.
    pub(super) async fn oci(&self) -> Option<&oci_client::Client> {
        if self.behind_proxy || self.oci_refused.load(Ordering::Relaxed) {
            return None;
        }
        let make = async || oci::client(&self.base, self.plain_http, &self.certificates, &self.timeouts);
        self.oci.get_or_init(make).await.as_ref()
    }

    /// Takes one repetition out of the host's budget.
    pub(super) fn take_retry(&self) -> bool {
        self.retries_left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Where the authorization for a repository is kept.
    pub(super) async fn slot(&self, repository: &str, access: Access) -> Arc<Mutex<Slot>> {
        Arc::clone(self.slots.lock().await.entry((repository.to_owned(), access)).or_default())
    }
}

/// Host and port as they stand in an address.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn address(scheme: &str, name: &str) -> Result<Url, FetchError> {
    Url::parse(&format!("{scheme}://{name}/"))
        .map_err(|error| FetchError::Usage(format!("`{name}` is no host that can be asked: {error}")))
}

fn builder(timeouts: &Timeouts, loopback: bool) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .user_agent(USER_AGENT)
        // Redirects are followed by hand: each target is checked, and none sees credentials.
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .connect_timeout(timeouts.connect);
    // A proxy elsewhere cannot reach this machine's loopback.
    if loopback { builder.no_proxy() } else { builder }
}

fn direct(
    timeouts: &Timeouts,
    loopback: bool,
    plain_http: bool,
    der: &[Vec<u8>],
) -> Result<reqwest::ClientBuilder, FetchError> {
    let builder = builder(timeouts, loopback);
    if plain_http {
        // Plain http needs no certificates, not even where the system has none.
        return Ok(builder.tls_certs_only([]));
    }
    Ok(builder.tls_certs_merge(certificates(der)?))
}

fn certificates(der: &[Vec<u8>]) -> Result<Vec<reqwest::Certificate>, FetchError> {
    der.iter().map(|der| reqwest::Certificate::from_der(der)).collect::<Result<_, _>>().map_err(unusable)
}

#[expect(clippy::needless_pass_by_value, reason = "a function for map_err")]
fn unusable(error: reqwest::Error) -> FetchError {
    FetchError::Usage(format!("TLS cannot be set up: {}", super::send::reasons(&error)))
}

/// Whether a loopback port speaks TLS: plain http is tried first, and believed unless its answer is what TLS servers
/// give to it (an error, or 400).
async fn answers_tls(name: &str, options: &Options, https: &Url) -> Result<bool, FetchError> {
    let patience = options.timeouts.connect.min(Duration::from_secs(5));
    let client = builder(&options.timeouts, true)
        .read_timeout(options.timeouts.read)
        .timeout(patience)
        .tls_certs_only([])
        .build()
        .map_err(unusable)?;
    let ping = |base: &Url| base.join("v2/").map(|url| client.get(url).send()).ok();
    let Some(plain) = ping(&address("http", name)?) else { return Ok(false) };
    match plain.await {
        Ok(response) if response.status() != reqwest::StatusCode::BAD_REQUEST => return Ok(false),
        // Nobody there: the real request will say so.
        Err(error) if error.is_connect() || error.is_timeout() => return Ok(false),
        Ok(_) | Err(_) => {}
    }
    let Some(tls) = ping(https) else { return Ok(false) };
    // No certificate is trusted here, so the sign of TLS is a complaint about the certificate.
    Ok(match tls.await {
        Ok(_) => true,
        Err(error) => super::send::reasons(&error).contains("certificate"),
    })
}
