//! Answers to a registry's challenge: Basic, or a token from its token service (distribution's token specification).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;

use crate::oci::FetchError;

use super::answer;
use super::challenge::Challenge;
use super::credentials::{Credential, Login};
use super::host::Host;
use super::network;
use super::retry::{Attempts, Failure};
use super::secret::Secret;
use super::send::failed;

/// Bytes of a token service's answer.
const MAX_ANSWER: u64 = 1 << 20;
/// How long a token lasts when the service does not say (distribution's token specification).
const DEFAULT_LIFE: u64 = 60;
/// The longest life that is believed.
const MAX_LIFE: u64 = 24 * 60 * 60;

/// What goes into the `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Authorization {
    Basic { username: String, password: Secret },
    Bearer(Secret),
}

impl Authorization {
    /// The header's value; none when it holds bytes that no header can hold.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let text = match self {
            Self::Bearer(token) => format!("Bearer {}", token.expose()),
            Self::Basic { username, password } => {
                let pair = format!("{username}:{}", password.expose());
                format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
            }
        };
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// What is to be done with a repository: each has an authorization of its own, so that a refusal to write does not end reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Access {
    /// Reading.
    Pull,
    /// Reading and writing.
    Push,
    /// Deleting.
    Delete,
}

impl Access {
    /// The actions of its scope (distribution's token specification).
    fn actions(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
            Self::Delete => "delete",
        }
    }
}

/// Repositories beside its own that one token is asked for.
const MAX_SOURCES: usize = 4;

/// The authorization for one repository. Whoever renews it holds the lock, so that there is one renewal at a time.
#[derive(Default)]
pub(super) struct Slot {
    current: Option<Arc<Authorization>>,
    expires: Option<Instant>,
    /// Counts renewals: who was refused with an older number has only to look again.
    serial: u64,
    /// What the registry asked for last, to renew before the token ends.
    challenges: Vec<Challenge>,
    /// The refusal of these credentials: they are not offered again and again.
    refused: Option<String>,
    /// Other repositories of the same host that blobs are mounted from: a mount needs one token for both.
    sources: Vec<String>,
}

/// An authorization as it was at one moment.
pub(super) struct Snapshot {
    pub authorization: Option<Arc<Authorization>>,
    pub serial: u64,
}

impl Slot {
    fn snapshot(&self) -> Snapshot {
        Snapshot { authorization: self.current.clone(), serial: self.serial }
    }

    fn denied(&mut self, subject: &Subject<'_>, why: String) -> FetchError {
        self.refused = Some(why.clone());
        subject.denied(why)
    }
}

/// Whose authorization it is.
pub(super) struct Subject<'a> {
    pub host: &'a Host,
    /// Repository with host, for messages.
    pub name: &'a str,
    /// Repository without host.
    pub repository: &'a str,
    pub credential: Option<&'a Credential>,
    pub access: Access,
}

impl Subject<'_> {
    async fn slot(&self) -> Arc<tokio::sync::Mutex<Slot>> {
        self.host.slot(self.repository, self.access).await
    }

    /// Asks that the authorization be good for reading another repository too.
    pub(super) async fn also_reads(&self, source: &str) {
        let slot = self.slot().await;
        let mut slot = slot.lock().await;
        if slot.sources.len() < MAX_SOURCES && !slot.sources.iter().any(|known| known == source) {
            slot.sources.push(source.to_owned());
            if matches!(slot.current.as_deref(), Some(Authorization::Bearer(_))) {
                // Renewed before the next request.
                slot.expires = Some(Instant::now());
            }
        }
    }

    fn denied(&self, why: String) -> FetchError {
        FetchError::Denied { what: format!("`{}`", self.name), why }
    }

    /// Who was refused, for messages.
    pub(super) fn refusal(&self) -> String {
        match self.credential {
            Some(credential) => format!("the registry rejected the credentials from {}", credential.origin),
            None => "the registry wants credentials, and none are known for it".to_owned(),
        }
    }

    /// The authorization to use now: renewed when it is about to end.
    ///
    /// # Errors
    /// [`FetchError`] when it had to be renewed and could not.
    pub(super) async fn current(&self) -> Result<Snapshot, FetchError> {
        let slot = self.slot().await;
        let mut slot = slot.lock().await;
        if let Some(why) = &slot.refused {
            return Err(self.denied(why.clone()));
        }
        let ended = slot.expires.is_some_and(|end| end <= Instant::now());
        if ended && !slot.challenges.is_empty() {
            self.exchange(&mut slot).await?;
        }
        Ok(slot.snapshot())
    }

    /// Obtains a new authorization after a 401 on the one with this number.
    ///
    /// # Errors
    /// [`FetchError::Denied`] when the credentials are refused or there are none that fit, [`FetchError::Unavailable`] when the
    /// token service does not answer.
    pub(super) async fn renew(&self, refused_serial: u64, challenges: Vec<Challenge>) -> Result<(), FetchError> {
        let slot = self.slot().await;
        let mut slot = slot.lock().await;
        if slot.serial != refused_serial {
            return Ok(());
        }
        if let Some(why) = &slot.refused {
            return Err(self.denied(why.clone()));
        }
        slot.challenges = challenges;
        self.exchange(&mut slot).await
    }

    /// Remembers that the authorization with this number was refused although it was new.
    pub(super) async fn reject(&self, refused_serial: u64) {
        let slot = self.slot().await;
        let mut slot = slot.lock().await;
        if slot.serial == refused_serial {
            slot.refused = Some(self.refusal());
        }
    }

    async fn exchange(&self, slot: &mut Slot) -> Result<(), FetchError> {
        let login = self.credential.map(|credential| &credential.login);
        let bearer = slot.challenges.iter().find_map(|challenge| match challenge {
            Challenge::Bearer { realm, service, scope } => Some((realm.clone(), service.clone(), scope.clone())),
            Challenge::Basic => None,
        });
        let basic = slot.challenges.contains(&Challenge::Basic);
        let used = slot.current.is_some();
        let (authorization, life) = match (login, bearer) {
            // These cannot be renewed: refused once, refused for good.
            (Some(Login::RegistryToken(token)), _) if !used => (Authorization::Bearer(token.clone()), None),
            (_, Some((realm, service, scope))) if !matches!(login, Some(Login::RegistryToken(_))) => {
                let mut asked = self.token(&realm, service.as_deref(), scope.as_deref(), &slot.sources, login).await;
                if matches!(asked, Err(FetchError::Denied { .. })) && !slot.sources.is_empty() {
                    // Without the right to read the source nothing can be mounted, but all can be written.
                    slot.sources.clear();
                    asked = self.token(&realm, service.as_deref(), scope.as_deref(), &[], login).await;
                }
                match asked {
                    Ok((token, life)) => (Authorization::Bearer(token), Some(life)),
                    Err(FetchError::Denied { why, .. }) => return Err(slot.denied(self, why)),
                    Err(error) => return Err(error),
                }
            }
            (Some(Login::Password { username, password }), None) if basic && !used => {
                (Authorization::Basic { username: username.clone(), password: password.clone() }, None)
            }
            (Some(Login::IdentityToken(_)), None) if basic => {
                let why = "the registry wants user name and password, and only an identity token is known for it";
                return Err(slot.denied(self, why.to_owned()));
            }
            (_, None) if !basic => {
                let why = "the registry asks for a kind of authentication that is not known";
                return Err(slot.denied(self, why.to_owned()));
            }
            _ => {
                let why = self.refusal();
                return Err(slot.denied(self, why));
            }
        };
        if authorization.header().is_none() {
            return Err(slot.denied(self, "the credentials hold bytes that cannot be sent".to_owned()));
        }
        slot.current = Some(Arc::new(authorization));
        // Renewed early: a request under way must not outlive its token.
        slot.expires = life.map(|life| Instant::now() + life - (life / 5).min(Duration::from_secs(30)));
        slot.serial += 1;
        Ok(())
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
        sources: &[String],
        login: Option<&Login>,
    ) -> Result<(Secret, Duration), FetchError> {
        let refused = |why: String| FetchError::Damaged { what: format!("the token service of `{}`", self.name), why };
        let mut url = Url::parse(realm).map_err(|error| refused(format!("its address is not one: {error}")))?;
        if !self.host.is_own(&url) {
            network::check_named_url(&url, self.host.plain_http, self.host.reach).map_err(refused)?;
        }
        let own_scope = format!("repository:{}:{}", self.repository, self.access.actions());
        let others: Vec<String> = sources.iter().map(|source| format!("repository:{source}:pull")).collect();
        let mut scopes: Vec<&str> = scope.into_iter().flat_map(str::split_whitespace).take(8).collect();
        if !scopes.contains(&own_scope.as_str()) {
            scopes.insert(0, &own_scope);
        }
        scopes.extend(others.iter().map(String::as_str));
        let mut parameters: Vec<(&str, &str)> = service.map(|service| ("service", service)).into_iter().collect();
        let form = if let Some(Login::IdentityToken(token)) = login {
            let scopes = scopes.join(" ");
            parameters.extend([("grant_type", "refresh_token"), ("client_id", "imgguard"), ("scope", &scopes)]);
            parameters.push(("refresh_token", token.expose()));
            Some(encode(&parameters))
        } else {
            parameters.extend(scopes.iter().map(|scope| ("scope", *scope)));
            url.query_pairs_mut().extend_pairs(&parameters);
            None
        };
        let basic = match login {
            Some(Login::Password { username, password }) => {
                Authorization::Basic { username: username.clone(), password: password.clone() }.header()
            }
            _ => None,
        };
        let what = format!("a token for `{}`", self.name);
        let mut attempts = Attempts::new(self.host, what);
        loop {
            match self.ask_for_token(&url, form.as_deref(), basic.as_ref()).await {
                Ok(token) => return Ok(token),
                Err(failure) => attempts.pause(failure).await?,
            }
        }
    }

    async fn ask_for_token(
        &self,
        url: &Url,
        form: Option<&str>,
        basic: Option<&HeaderValue>,
    ) -> Result<(Secret, Duration), Failure> {
        let client = if self.host.is_own(url) { &self.host.direct } else { self.host.foreign(false).await? };
        let mut request = match form {
            Some(form) => client
                .post(url.clone())
                .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(form.to_owned()),
            None => client.get(url.clone()),
        };
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let what = format!("the token service of `{}`", self.name);
        let work = async {
            let response = request.send().await.map_err(|error| failed(&error, &what))?;
            let status = response.status();
            if answer::may_pass(status) {
                let why = format!("its token service answered {status}");
                return Err(Failure::Again { why, after: super::retry::retry_after(response.headers()) });
            }
            // An identity token that is refused is `invalid_grant`, a 400 (RFC 6749, section 5.2).
            let refused = matches!(status.as_u16(), 401 | 403) || (status.as_u16() == 400 && self.credential.is_some());
            if refused {
                let why = match self.credential {
                    Some(credential) => {
                        format!("the token service rejected the credentials from {} ({status})", credential.origin)
                    }
                    None => format!("the token service refuses anonymous access ({status})"),
                };
                return Err(self.denied(why).into());
            }
            if !status.is_success() {
                return Err(FetchError::Damaged { what: what.clone(), why: format!("it answered {status}") }.into());
            }
            answer::body(response, MAX_ANSWER, &what).await
        };
        let body = tokio::time::timeout(self.host.timeouts.small, work)
            .await
            .map_err(|_| Failure::again("the token service took too long"))??;
        read_token(&body).map_err(|why| FetchError::Damaged { what, why: why.to_owned() }.into())
    }
}

fn encode(parameters: &[(&str, &str)]) -> String {
    // A query is encoded the way a form is.
    Url::parse_with_params("http://form.invalid/", parameters)
        .ok()
        .and_then(|url| url.query().map(str::to_owned))
        .unwrap_or_default()
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

fn read_token(body: &[u8]) -> Result<(Secret, Duration), &'static str> {
    let answer: TokenAnswer = serde_json::from_slice(body).map_err(|_| "its answer is not a token")?;
    let filled = |token: Option<String>| token.filter(|token| !token.is_empty());
    let token = filled(answer.token).or_else(|| filled(answer.access_token)).ok_or("its answer holds no token")?;
    let life = answer.expires_in.filter(|life| *life > 0).unwrap_or(DEFAULT_LIFE).min(MAX_LIFE);
    Ok((Secret::new(token), Duration::from_secs(life)))
}

/// The schemes that a 401 offers.
pub(super) fn challenges(response: &reqwest::Response) -> Vec<Challenge> {
    let headers = response.headers().get_all(reqwest::header::WWW_AUTHENTICATE);
    super::challenge::parse(headers.iter().take(16).filter_map(|value| value.to_str().ok()))
}
