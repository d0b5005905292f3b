//! Trust roots by TUF (The Update Framework, specification 1.0): from any mirror, starting at a root of keys that is trusted already.
//! An edge: it fetches, and keeps what it verified in a folder, so that no mirror can go back behind it.
//!
//! The order of the client workflow, signatures and their thresholds, versions, expiry, lengths and hashes are the `sigstore-tuf`
//! crate's; addresses, bounds, the clock and what is kept are ours.

use std::path::Path;

use sigstore_tuf::transport::{FetchFuture, Repository};
use sigstore_tuf::{Error, FileStore, Updater, UpdaterConfig};

use crate::causes::with_causes;
use crate::fetch::{Asking, Fetcher, Trouble, Url, address, wait};

/// Bytes of a target, such as a trust root.
const MAX_TARGET: u64 = 4 << 20;
/// New roots of one update.
const MAX_ROTATIONS: u32 = 256;
/// The name of the trust root among the targets.
pub const TRUSTED_ROOT: &str = "trusted_root.json";

/// A public instance of Sigstore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instance {
    /// The public instance.
    Production,
    /// Its staging instance.
    Staging,
    /// GitHub's instance for private repositories.
    GitHub,
}

impl Instance {
    /// The name in output and in folders.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::GitHub => "github",
        }
    }

    /// Where its operator publishes.
    #[must_use]
    pub const fn url(self) -> &'static str {
        match self {
            Self::Production => "https://tuf-repo-cdn.sigstore.dev",
            Self::Staging => "https://tuf-repo-cdn.sigstage.dev",
            Self::GitHub => "https://tuf-repo.github.com",
        }
    }

    /// The root of keys that this version of imgguard starts from.
    #[must_use]
    pub const fn root(self) -> &'static [u8] {
        match self {
            Self::Production => include_bytes!("roots/production.json"),
            Self::Staging => include_bytes!("roots/staging.json"),
            Self::GitHub => include_bytes!("roots/github.json"),
        }
    }
}

/// Why nothing was updated.
#[derive(Debug, thiserror::Error)]
pub enum TufError {
    /// The mirror could not be read.
    #[error(transparent)]
    Fetch(#[from] Trouble),
    /// What the mirror says is refused.
    #[error("{detail} ({code})")]
    Refused {
        /// A stable code: `tuf.expired`, `tuf.rollback`, `tuf.signatures`, `tuf.content`, `tuf.format`, `tuf.target`.
        code: &'static str,
        /// What was found.
        detail: String,
    },
    /// The first root cannot be used.
    #[error("the first root cannot be used: {0}")]
    FirstRoot(String),
    /// What is kept could not be read or written.
    #[error("the state of updates could not be kept: {0}")]
    State(String),
}

/// What an update brought.
#[derive(Debug, Clone)]
pub struct Updated {
    /// The bytes of the target.
    pub target: Vec<u8>,
    /// The version of the root of keys.
    pub root_version: u64,
    /// The version of the timestamp: it grows with each publication.
    pub timestamp_version: u64,
    /// When the timestamp expires, seconds since 1970.
    pub expires: i64,
}

/// The files of a mirror.
struct Mirror {
    fetcher: Fetcher,
    base: Url,
}

impl Mirror {
    fn get<'a>(&'a self, folder: &'a str, name: &'a str, limit: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            // Names come from metadata that is verified, and still name nothing outside of the mirror.
            let strange = name.split('/').any(|part| part.is_empty() || part == "." || part == "..");
            if strange || name.contains(['\\', '?', '#', ':']) {
                return Err(Error::transport(format!("`{}` is no name of a file", name.escape_debug())));
            }
            let url = self
                .base
                .join(&format!("{folder}{name}"))
                .map_err(|error| Error::transport_with_source("no address", error))?;
            let asking = Asking { hidden_is_missing: true, ..Asking::default() };
            match self.fetcher.get(&url, limit, asking).await {
                Ok(answer) => Ok(answer.map(|answer| answer.body)),
                Err(trouble) => Err(Error::transport_with_source(trouble.to_string(), trouble)),
            }
        })
    }
}

impl Repository for Mirror {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.get("", name, max_length)
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        self.get("targets/", path, max_length)
    }
}

/// Updates from a mirror and fetches a target. `first_root` is trusted already, `state` a folder that keeps what was verified, `now`
/// in seconds since 1970.
///
/// # Errors
/// [`TufError`]. What failed is not kept; roots of keys that were verified before it are.
pub fn update(url: &str, first_root: &[u8], state: &Path, target: &str, now: i64) -> Result<Updated, TufError> {
    let base = address(&format!("{}/", url.trim_end_matches('/')))?;
    let clock = jiff::Timestamp::from_second(now)
        .map_err(|_| TufError::State("the clock of this machine is out of range".to_owned()))?;
    std::fs::create_dir_all(state).map_err(|error| TufError::State(error.to_string()))?;
    let mut config = UpdaterConfig::default();
    config.target_max_length = MAX_TARGET;
    config.max_root_rotations = MAX_ROTATIONS;
    let mirror = Mirror { fetcher: Fetcher::new()?, base };
    let mut updater = Updater::new(mirror, first_root)
        .map_err(|error| TufError::FirstRoot(plain(&error)))?
        .with_config(config)
        .with_store(FileStore::new(state));
    wait(async {
        updater.refresh(clock).await.map_err(refused)?;
        // The crate goes on when it cannot write; then nothing would stop a mirror from going back next time.
        if !state.join("timestamp.json").is_file() {
            return Err(TufError::State(format!("`{}` cannot be written to", state.display())));
        }
        let bytes = updater.get_target(target, clock).await.map_err(refused)?;
        let trusted = updater.trusted();
        let timestamp = trusted.timestamp().ok_or(TufError::State("there is no timestamp".to_owned()))?;
        Ok(Updated {
            target: bytes,
            root_version: trusted.root().version,
            timestamp_version: timestamp.version,
            expires: timestamp.expires.as_second(),
        })
    })?
}

/// One line, without control characters.
fn plain(error: &dyn std::error::Error) -> String {
    with_causes(error).chars().take(300).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn refused(error: Error) -> TufError {
    let detail = plain(&error);
    let code = match error {
        Error::Transport { source: Some(source), message } => {
            return match source.downcast::<Trouble>() {
                Ok(trouble) => TufError::Fetch(*trouble),
                Err(_) => TufError::Refused { code: "tuf.format", detail: message },
            };
        }
        Error::Io { .. } => return TufError::State(detail),
        Error::Expired { .. } => "tuf.expired",
        Error::Rollback { .. } | Error::BadRootVersion { .. } | Error::EqualVersion { .. } => "tuf.rollback",
        Error::ThresholdNotMet { .. }
        | Error::DuplicateSignature { .. }
        | Error::UnusableKey { .. }
        | Error::UnsupportedScheme { .. }
        | Error::Crypto(_) => "tuf.signatures",
        // Without a source it is a file that the metadata lists and the mirror does not have.
        Error::IntegrityMismatch(_) | Error::Transport { .. } => "tuf.content",
        Error::TargetNotFound(_) | Error::NotRefreshed => "tuf.target",
        _ => "tuf.format",
    };
    TufError::Refused { code, detail }
}

#[cfg(test)]
mod tests;
