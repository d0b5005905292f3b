//! Policy text becomes a checked [`Policy`]; [`judge`] applies it to facts.
//!
//! A policy file is closed and typed: unknown keys, duplicate keys, wrong types and impossible values are errors with
//! their place, and a policy with any error is no policy. It may extend presets and local files; these are applied
//! from left to right, each once, then the file itself.

mod alias;
mod attribution;
mod custom;
mod describe;
mod document;
mod error;
#[cfg(test)]
mod fake;
mod handbook;
mod inline;
mod judge;
mod known;
mod lock;
mod merge;
mod notices;
mod parent;
mod parse;
mod pipeline;
mod presets;
mod promote;
mod render;
mod schema;
mod source;
mod structure;
mod tightest;
mod trial;
mod types;
mod waiver;

pub use attribution::{Attribution, Attributor, instruction, setter, unescape_pointer};
pub use error::{PolicyError, PolicyErrors, Related};
pub use handbook::{handbook, rule_page};
pub use judge::{judge, settle};
pub use known::leave_known;
pub use parent::{BUNDLE_TYPE, Bundle, BundleSigner, ParentError, Parents, WantedBundle};
pub use parse::{parse, parse_at, parse_from};
pub use pipeline::{Pipeline, PipelineError, PipelineStep};
pub use presets::{builtin, builtin_default, preset_names};
pub use promote::{Approvals, Freeze, Gate, Stage};
pub use render::render;
pub use schema::{schema, schema_text};
pub use tightest::tightest;
pub use trial::{ExpectedVerdict, Trial, Tried};
pub use types::{
    Approved, Common, Configured, Counts, Descriptor, ImageReport, Origin, Policy, Report, RuleResult, Scope, Setting,
    Since, Verdict, Waived,
};
pub use waiver::{Match, Waiver};
