//! The policies that come with the program.

use super::parse::{Preset, parse};
use super::{Policy, PolicyErrors};

/// The built-in policies, weakest first.
pub(super) const PRESETS: &[Preset] = &[
    ("@minimal", include_str!("../../policies/minimal.yaml")),
    ("@default", include_str!("../../policies/default.yaml")),
    ("@recommended", include_str!("../../policies/recommended.yaml")),
    ("@strict", include_str!("../../policies/strict.yaml")),
];

/// Names of the built-in policies, weakest first.
#[must_use]
pub fn preset_names() -> Vec<&'static str> {
    PRESETS.iter().map(|(name, _)| *name).collect()
}

/// The built-in policy of that name, such as `@strict`; none when there is no such name.
///
/// # Errors
/// [`PolicyErrors`] when the shipped text is wrong, which a test rules out.
#[must_use]
pub fn builtin(name: &str) -> Option<Result<Policy, PolicyErrors>> {
    let (name, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
    Some(parse(text, name, &mut |path| Err(format!("a built-in policy extends no file (`{path}`)"))))
}

/// The policy that counts when the user names none: `@default`.
///
/// # Panics
/// When the shipped text is wrong, which a test rules out.
#[must_use]
pub fn builtin_default() -> Policy {
    builtin("@default").and_then(Result::ok).expect("a test parses every shipped policy")
}
