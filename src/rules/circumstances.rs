//! What a run brings along beside the facts and the policy: the time, what was accepted before, and recorded bases.

use std::sync::Arc;

use crate::model::BaseLock;

/// A secret that was accepted before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Accepted {
    /// Its fingerprint, as reports print it.
    pub fingerprint: String,
    /// When it counts again, in seconds since 1970; none for never.
    pub until: Option<i64>,
}

/// The circumstances of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The time, in seconds since 1970; none when nothing may depend on it, so that nothing expires.
    pub now: Option<i64>,
    /// The baseline.
    pub baseline: Vec<Accepted>,
    /// The base images recorded so far; none when there is no list.
    pub bases: Option<Arc<BaseLock>>,
}

impl Circumstances {
    /// Whether a time has passed.
    #[must_use]
    pub fn is_past(&self, time: i64) -> bool {
        self.now.is_some_and(|now| time <= now)
    }

    /// Whether the baseline accepts a secret.
    #[must_use]
    pub fn accepts(&self, fingerprint: &str) -> bool {
        let counts =
            |one: &Accepted| one.fingerprint == fingerprint && !one.until.is_some_and(|until| self.is_past(until));
        self.baseline.iter().any(counts)
    }
}
