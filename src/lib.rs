//! imgguard reads a built container image layer by layer and judges it by policy.
//!
//! The data flows from left to right: a source gives bytes, [`layer`] verifies and walks them, [`inspect`] makes
//! [`model::ImageFacts`] of them, [`rules`] and [`policy`] judge the facts, [`report`] tells.

pub mod build;
pub mod catalog;
mod causes;
pub mod cel;
pub mod cli;
pub mod companions;
pub mod evidence;
pub mod fetch;
pub mod github;
pub mod inspect;
pub mod keyless;
pub mod kms;
pub mod layer;
pub mod lint;
pub mod model;
pub mod oci;
mod parallel;
pub mod pkcs11;
pub mod policy;
pub mod promote;
pub mod registry;
pub mod release;
pub mod report;
pub mod rules;
pub mod sbom;
pub mod secrets;
pub mod sign;
pub mod source;
#[cfg(test)]
pub mod testkit;
pub mod tuf;
pub mod yaml;
