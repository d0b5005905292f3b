//! `imgguard sign`, `attest`, `verify`, `key` and the hidden `conformance`.

pub(super) mod attest;
pub(super) mod conformance;
mod files;
mod image;
pub(super) mod key;
mod password;
mod report;
pub(super) mod signing;
pub(super) mod supply;
pub(super) mod verify;
