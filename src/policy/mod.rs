//! Policy text becomes a checked [`Policy`]; [`judge`] applies it to facts.

mod judge;
mod types;

pub use judge::judge;
pub use types::{Approved, Configured, ImageReport, Origin, Policy, Report, RuleResult, Verdict};
