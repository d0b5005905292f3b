//! What can be wrong with a list of recorded bases.

/// Why a list of recorded bases is not used, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct LockProblem {
    /// Line and column, or the element.
    pub place: String,
    /// What is wrong, without a full stop.
    pub why: String,
}

impl LockProblem {
    pub(super) fn new(place: impl Into<String>, why: impl Into<String>) -> Self {
        Self { place: place.into(), why: why.into() }
    }
}
