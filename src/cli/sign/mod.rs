//! `imgguard sign`, `attest`, `verify`, `key`, `trust` and the hidden `conformance`.

pub(super) mod attaching;
pub(super) mod attest;
pub(super) mod conformance;
mod files;
pub(super) mod gate;
mod grounds;
mod image;
mod judging;
pub(super) mod key;
mod password;
pub(super) mod referrers;
pub(super) mod released;
mod report;
pub(super) mod signing;
pub(super) mod supply;
mod token;
pub(super) mod trust;
pub(super) mod verify;
