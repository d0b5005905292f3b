//! How bad a thing is, apart from how sure we are of it.

use serde::{Deserialize, Serialize};

/// How much harm follows, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Helps an attacker little by itself.
    Low,
    /// Opens something of limited use: one service, read-only, soon expired.
    Medium,
    /// Opens an account, a repository or a service.
    High,
    /// Opens an organisation, its infrastructure or its money.
    Critical,
}
