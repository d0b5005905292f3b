//! Where credentials come from. The only place of this folder that reads the environment and files.
//!
//! The first of these that knows the registry wins:
//! 1. user name and password, or a registry token, given by the caller;
//! 2. `IMGGUARD_AUTH_<HOST>` = `user:password`, the host in upper case, everything but letters and digits as `_`;
//! 3. the file given by the caller, else `$REGISTRY_AUTH_FILE`;
//! 4. `DOCKER_AUTH_CONFIG`, the text of a config file;
//! 5. `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`;
//! 6. `$XDG_RUNTIME_DIR/containers/auth.json`, else `/run/containers/<uid>/auth.json`;
//! 7. `$XDG_CONFIG_HOME/containers/auth.json`, else `~/.config/containers/auth.json`;
//! 8. `~/.dockercfg`;
//! 9. `$DOCKER_CONFIG/.dockerconfigjson`, a mounted `kubernetes.io/dockerconfigjson` secret;
//! 10. what a registry's own platform offers: `GITHUB_TOKEN` for ghcr.io, and the helper programs of clouds for their hosts when
//!     they are on `PATH`.
//!
//! Sources 1 to 3 are explicit: what is wrong with them is an error. What is wrong with the others is a warning, and the
//! search goes on. Within one file the most specific key wins: `host/team/app`, `host/team`, `host`.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use serde::Deserialize;

use crate::oci::{FetchError, Reference};

use super::helper;
use super::secret::Secret;

/// Bytes of a credential file.
const MAX_FILE: u64 = 4 << 20;
/// The name by which Docker's own tools know Docker Hub.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What the process was started with: environment variables, the user's number, the time a helper program may take.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    user_id: Option<u32>,
    /// How long a credential helper may take.
    pub helper_timeout: Duration,
}

impl fmt::Debug for Environment {
    /// Shows names only: values may be secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Environment").field("variables", &self.variables.keys()).finish_non_exhaustive()
    }
}

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out.
    #[must_use]
    pub fn of_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Self { variables: variables.collect(), user_id: user_id(), helper_timeout: Duration::from_secs(20) }
    }

    /// An environment of exactly these variables.
    #[must_use]
    pub fn of_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { variables, user_id: None, helper_timeout: Duration::from_secs(20) }
    }

    /// A variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// All variables, for child processes.
    pub(super) fn variables(&self) -> &BTreeMap<String, String> {
        &self.variables
    }

    /// Whether a proxy is configured for requests that leave this machine.
    pub(super) fn names_a_proxy(&self) -> bool {
        ["http_proxy", "https_proxy", "all_proxy"]
            .iter()
            .any(|name| self.get(name).is_some() || self.get(&name.to_ascii_uppercase()).is_some())
    }

    fn home(&self) -> Option<PathBuf> {
        self.get("HOME").or_else(|| self.get("USERPROFILE")).map(PathBuf::from)
    }

    /// The user's runtime directory, where rootless daemons keep sockets and credentials.
    #[must_use]
    pub fn runtime_directory(&self) -> Option<PathBuf> {
        self.get("XDG_RUNTIME_DIR").map(PathBuf::from)
    }

    /// The user's home directory.
    #[must_use]
    pub fn home_directory(&self) -> Option<PathBuf> {
        self.home()
    }
}

#[cfg(unix)]
fn user_id() -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").ok().map(|metadata| metadata.uid())
}

#[cfg(not(unix))]
fn user_id() -> Option<u32> {
    None
}

/// Credentials given by the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// User name and password.
    Password {
        /// User name.
        username: String,
        /// Password.
        password: Secret,
    },
    /// A bearer token that the registry itself takes, without any exchange.
    RegistryToken(Secret),
    /// A refresh token for the token service (what `az acr login` stores).
    IdentityToken(Secret),
}

/// Credentials and where they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What proves the identity.
    pub login: Login,
    /// The source, for people: a file or variable and the key in it.
    pub origin: String,
    /// Whether the user asked for exactly these credentials.
    pub explicit: bool,
}

/// What the caller says about credentials.
#[derive(Debug, Clone, Default)]
pub(super) struct Wishes {
    pub login: Option<Login>,
    pub authfile: Option<PathBuf>,
}

/// One file of the search.
struct Source {
    path: PathBuf,
    explicit: bool,
    /// `~/.dockercfg` is the bare `auths` map.
    legacy: bool,
}

/// One place that was looked at for credentials, and what was there: never the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The place.
    pub place: String,
    /// What was there.
    pub found: Found,
}

/// What a place holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// It is not there or not set.
    Absent,
    /// It is there, and knows nothing about the repository.
    NoMatch,
    /// It holds the credentials that are used.
    Match,
}

impl Login {
    /// What kind of credentials they are, in words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Password { .. } => "user name and password",
            Self::RegistryToken(_) => "registry token",
            Self::IdentityToken(_) => "identity token",
        }
    }
}

/// Finds the credentials for a repository; none means that nothing knows its registry.
///
/// # Errors
/// [`FetchError::Usage`] when an explicit source cannot be read or does not hold what it should.
pub(super) fn find(
    reference: &Reference,
    wishes: &Wishes,
    environment: &Environment,
) -> Result<Option<Credential>, FetchError> {
    search(reference, wishes, environment, &mut |_| {})
}

/// The same; `told` hears of every place in the order of the search.
///
/// # Errors
/// As [`find`].
pub(super) fn search(
    reference: &Reference,
    wishes: &Wishes,
    environment: &Environment,
    told: &mut dyn FnMut(Look),
) -> Result<Option<Credential>, FetchError> {
    let mut tell = |place: &str, found: Found| told(Look { place: place.to_owned(), found });
    if let Some(login) = &wishes.login {
        let origin = "the command line".to_owned();
        tell(&origin, Found::Match);
        return Ok(Some(Credential { login: login.clone(), origin, explicit: true }));
    }
    tell("the command line", Found::Absent);
    let variable = variable_for(&reference.registry);
    if let Some(value) = environment.get(&variable) {
        let (username, password) = value
            .split_once(':')
            .filter(|(username, _)| !username.is_empty())
            .ok_or_else(|| FetchError::Usage(format!("`{variable}` does not hold `user:password`")))?;
        let login = Login::Password { username: username.to_owned(), password: Secret::new(password) };
        tell(&format!("`{variable}`"), Found::Match);
        return Ok(Some(Credential { login, origin: format!("`{variable}`"), explicit: true }));
    }
    tell(&format!("`{variable}`"), Found::Absent);
    let explicit_file = wishes.authfile.clone().or_else(|| environment.get("REGISTRY_AUTH_FILE").map(PathBuf::from));
    match explicit_file {
        None => tell("`--authfile` and `REGISTRY_AUTH_FILE`", Found::Absent),
        Some(path) => {
            let source = Source { path, explicit: true, legacy: false };
            if let Some(found) = search_file(&source, reference, environment, told)? {
                return Ok(Some(found));
            }
        }
    }
    let origin = "`DOCKER_AUTH_CONFIG`";
    let mut tell = |place: &str, found: Found| told(Look { place: place.to_owned(), found });
    match environment.get("DOCKER_AUTH_CONFIG") {
        None => tell(origin, Found::Absent),
        Some(text) => {
            let found = match ConfigFile::parse(text.as_bytes(), false) {
                Ok(file) => file.search(reference, origin, false, environment)?,
                Err(problem) => {
                    tracing::warn!("{origin} is ignored: {problem}");
                    None
                }
            };
            tell(origin, if found.is_some() { Found::Match } else { Found::NoMatch });
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    for source in default_files(environment) {
        if let Some(found) = search_file(&source, reference, environment, told)? {
            return Ok(Some(found));
        }
    }
    Ok(of_platform(reference, environment, told))
}

/// What the platform of a registry offers, for its own hosts only.
fn of_platform(reference: &Reference, environment: &Environment, told: &mut dyn FnMut(Look)) -> Option<Credential> {
    let host = reference.registry.as_str();
    if host == "ghcr.io" {
        let place = "`GITHUB_TOKEN`".to_owned();
        let Some(token) = environment.get("GITHUB_TOKEN") else {
            told(Look { place, found: Found::Absent });
            return None;
        };
        told(Look { place: place.clone(), found: Found::Match });
        let username = environment.get("GITHUB_ACTOR").unwrap_or("x-access-token").to_owned();
        let login = Login::Password { username, password: Secret::new(token) };
        return Some(Credential { login, origin: place, explicit: false });
    }
    let is_ecr = host == "public.ecr.aws" || (host.contains(".dkr.ecr.") && host.contains(".amazonaws.com"));
    let is_google = host == "gcr.io" || host.ends_with(".gcr.io") || host.ends_with("-docker.pkg.dev");
    let helper = match () {
        () if is_ecr => "ecr-login",
        () if is_google => "gcr",
        () if host.ends_with(".azurecr.io") => "acr-env",
        () => return None,
    };
    let place = format!("helper `docker-credential-{helper}` of the cloud");
    if !helper::is_there(helper, environment) {
        told(Look { place, found: Found::Absent });
        return None;
    }
    // Without an explicit wish a helper that fails is a warning, no error.
    let found = ask(helper, &[host], "the cloud's own helper", false, environment).ok().flatten();
    told(Look { place, found: if found.is_some() { Found::Match } else { Found::NoMatch } });
    found
}

fn variable_for(registry: &str) -> String {
    let host: String = registry
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_uppercase() } else { '_' })
        .collect();
    format!("IMGGUARD_AUTH_{host}")
}

fn default_files(environment: &Environment) -> Vec<Source> {
    let home = environment.home();
    let under_home = |rest: &str| home.as_ref().map(|home| home.join(rest));
    let docker = environment.get("DOCKER_CONFIG").map(PathBuf::from);
    let runtime = match (environment.runtime_directory(), environment.user_id) {
        (Some(directory), _) => Some(directory.join("containers/auth.json")),
        (None, Some(user)) => Some(PathBuf::from(format!("/run/containers/{user}/auth.json"))),
        (None, None) => None,
    };
    let config = environment.get("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| under_home(".config"));
    [
        (
            docker
                .as_ref()
                .map(|directory| directory.join("config.json"))
                .or_else(|| under_home(".docker/config.json")),
            false,
        ),
        (runtime, false),
        (config.map(|directory| directory.join("containers/auth.json")), false),
        (under_home(".dockercfg"), true),
        (docker.map(|directory| directory.join(".dockerconfigjson")), false),
    ]
    .into_iter()
    .filter_map(|(path, legacy)| Some(Source { path: path?, explicit: false, legacy }))
    .collect()
}

fn search_file(
    source: &Source,
    reference: &Reference,
    environment: &Environment,
    told: &mut dyn FnMut(Look),
) -> Result<Option<Credential>, FetchError> {
    let origin = format!("`{}`", source.path.display());
    let problem = match read_bounded(&source.path) {
        Ok(bytes) => match ConfigFile::parse(&bytes, source.legacy) {
            Ok(file) => {
                let found = file.search(reference, &origin, source.explicit, environment)?;
                let place = found.as_ref().map_or(origin, |found| found.origin.clone());
                told(Look { place, found: if found.is_some() { Found::Match } else { Found::NoMatch } });
                return Ok(found);
            }
            Err(problem) => problem,
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !source.explicit => {
            told(Look { place: origin, found: Found::Absent });
            return Ok(None);
        }
        Err(error) => error.to_string(),
    };
    if source.explicit {
        return Err(FetchError::Usage(format!("the credential file {origin} cannot be used: {problem}")));
    }
    tracing::warn!("the credential file {origin} is ignored: {problem}");
    told(Look { place: origin, found: Found::NoMatch });
    Ok(None)
}

#[expect(clippy::disallowed_methods, reason = "the edge reads the user's credential files")]
fn read_bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other("it is larger than 4 MiB"));
    }
    Ok(bytes)
}

/// A Docker config file or a containers auth file.
#[derive(Deserialize, Default)]
#[serde(default)]
struct ConfigFile {
    auths: BTreeMap<String, AuthEntry>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct AuthEntry {
    auth: Option<String>,
    username: Option<String>,
    password: Option<String>,
    identitytoken: Option<String>,
    registrytoken: Option<String>,
}

impl ConfigFile {
    fn parse(bytes: &[u8], legacy: bool) -> Result<Self, String> {
        // serde's message may quote a value, which may be a secret: only the place is told.
        let place = |error: serde_json::Error| {
            format!("it is no credential file (line {}, column {})", error.line(), error.column())
        };
        if legacy {
            let auths = serde_json::from_slice(bytes).map_err(place)?;
            return Ok(Self { auths, ..Self::default() });
        }
        serde_json::from_slice(bytes).map_err(place)
    }

    fn search(
        &self,
        reference: &Reference,
        origin: &str,
        explicit: bool,
        environment: &Environment,
    ) -> Result<Option<Credential>, FetchError> {
        for wanted in keys_for(reference) {
            for (key, helper) in self.helpers.iter().filter(|(key, _)| normalised(key) == wanted) {
                let servers = if wanted == "docker.io" { vec![HUB_KEY, key] } else { vec![key.as_str()] };
                let asked = ask(helper, &servers, origin, explicit, environment)?;
                if asked.is_some() {
                    return Ok(asked);
                }
            }
            for (key, entry) in self.auths.iter().filter(|(key, _)| normalised(key) == wanted) {
                let origin = format!("{origin}, key `{key}`");
                match entry.login() {
                    Ok(Some(login)) => return Ok(Some(Credential { login, origin, explicit })),
                    Ok(None) => {}
                    Err(problem) if explicit => return Err(FetchError::Usage(format!("{origin}: {problem}"))),
                    Err(problem) => tracing::warn!("{origin} is ignored: {problem}"),
                }
            }
        }
        let Some(store) = self.store.as_deref().filter(|store| !store.is_empty()) else { return Ok(None) };
        let hub = reference.registry == "docker.io";
        let server = if hub { HUB_KEY } else { reference.registry.as_str() };
        ask(store, &[server], origin, explicit, environment)
    }
}

fn ask(
    helper: &str,
    servers: &[&str],
    origin: &str,
    explicit: bool,
    environment: &Environment,
) -> Result<Option<Credential>, FetchError> {
    for server in servers {
        match helper::ask(helper, server, environment) {
            Ok(Some(login)) => {
                let origin = format!("{origin}, helper `docker-credential-{helper}`");
                return Ok(Some(Credential { login, origin, explicit }));
            }
            Ok(None) => {}
            Err(problem) if explicit => {
                return Err(FetchError::Usage(format!("{origin}: `docker-credential-{helper}` failed: {problem}")));
            }
            Err(problem) => {
                tracing::warn!("{origin}: `docker-credential-{helper}` failed, going on without it: {problem}");
                return Ok(None);
            }
        }
    }
    Ok(None)
}

impl AuthEntry {
    fn login(&self) -> Result<Option<Login>, &'static str> {
        let filled = |field: &Option<String>| field.clone().filter(|value| !value.is_empty());
        if let Some(token) = filled(&self.registrytoken) {
            return Ok(Some(Login::RegistryToken(Secret::new(token))));
        }
        if let Some(token) = filled(&self.identitytoken) {
            return Ok(Some(Login::IdentityToken(Secret::new(token))));
        }
        if let Some(auth) = filled(&self.auth) {
            let engine = base64::engine::GeneralPurpose::new(
                &base64::alphabet::STANDARD,
                base64::engine::GeneralPurposeConfig::new()
                    .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
            );
            let bytes = engine.decode(auth.trim()).map_err(|_| "`auth` is not base64")?;
            let text = String::from_utf8(bytes).map_err(|_| "`auth` is not UTF-8 inside")?;
            // Old Docker versions padded the decoded text with NUL bytes.
            let (username, password) =
                text.trim_end_matches('\0').split_once(':').ok_or("`auth` does not hold `user:password`")?;
            return Ok(Some(login(username, password)));
        }
        match (filled(&self.username), filled(&self.password)) {
            (Some(username), Some(password)) => Ok(Some(login(&username, &password))),
            _ => Ok(None),
        }
    }
}

/// Docker's convention: the user name `<token>` marks an identity token.
pub(super) fn login(username: &str, password: &str) -> Login {
    if username == "<token>" {
        return Login::IdentityToken(Secret::new(password));
    }
    Login::Password { username: username.to_owned(), password: Secret::new(password) }
}

/// The keys under which a repository may be found, most specific first.
fn keys_for(reference: &Reference) -> Vec<String> {
    let full = reference.repository_name();
    let mut keys = vec![full.clone()];
    let mut rest = full.as_str();
    while let Some((shorter, _)) = rest.rsplit_once('/') {
        keys.push(shorter.to_owned());
        rest = shorter;
    }
    keys
}

/// `https://index.docker.io/v1/`, `ghcr.io/` and `docker.io` as they are meant: a host, perhaps with a namespace.
fn normalised(key: &str) -> String {
    let (bare, had_scheme) = match key.split_once("://") {
        Some((_, rest)) => (rest, true),
        None => (key, false),
    };
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let host = host.to_ascii_lowercase();
    let host = match host.as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    };
    let path = path.trim_end_matches('/');
    // A key with a scheme is a server address, whose path is an API version and no namespace.
    if had_scheme || path.is_empty() || path == "v1" || path == "v2" {
        host.to_owned()
    } else {
        format!("{host}/{path}")
    }
}

#[cfg(test)]
mod tests;
