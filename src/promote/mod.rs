//! Promotion: an image that was judged goes on to the next repository, with its evidence, by a plan that can be reviewed.
//!
//! A [`plan::Plan`] says what will be written; [`drift`] tells what has changed since; [`gate`] judges what the policy asks for beside
//! its rules; [`apply`] writes content, then statements, then tags; [`record`] is what stays in the registry, and [`history`]
//! reads it back. All of it depends on the traits of [`crate::registry`], on a clock that is passed in, and on nothing else.

pub mod apply;
pub mod drift;
pub mod evidence;
pub mod gate;
pub mod history;
pub mod many;
pub mod plan;
pub mod plans;
pub mod record;
pub mod refusal;
pub mod rollback;
mod summary;
pub mod tell;
#[cfg(test)]
mod tests;

pub use plan::schemas;
