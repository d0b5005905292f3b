//! Exit codes, and the one place where typed errors become them.

use std::process::ExitCode;

use crate::causes::with_causes;
use crate::keyless::KeylessError;
use crate::kms::KmsError;
use crate::oci::{FetchError, PlanError, ReferenceError};
use crate::pkcs11::{Pkcs11Error, UriError};
use crate::policy::Verdict;
use crate::sbom::{BuildError, WriteError};
use crate::source::SpecError;

/// How a run ended. The codes are the same for every output format and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for holds.
    Pass,
    /// At least one deny-level rule does not hold.
    Violations,
    /// Nothing was judged.
    Usage,
    /// Not everything was seen.
    Inconclusive,
    /// The source could not be reached; a retry may help.
    Infrastructure,
}

impl Exit {
    /// The code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Violations => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::Infrastructure => 4,
        }
    }

    /// Of several images the worst counts, in the order 2, 1, 4, 3, 0.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        let rank = |exit: Self| match exit {
            Self::Pass => 0,
            Self::Inconclusive => 1,
            Self::Infrastructure => 2,
            Self::Violations => 3,
            Self::Usage => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<&Verdict> for Exit {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Pass(_) => Self::Pass,
            Verdict::Violations => Self::Violations,
            Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

/// An error at the edge: what happened, with its causes, what to do next, and how the run ends.
#[derive(Debug)]
pub struct Failure {
    /// How the run ends.
    pub exit: Exit,
    /// What happened, as one sentence without a full stop, causes included.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl Failure {
    /// A failure of the caller's making.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, message: message.into(), hint: None }
    }

    /// A file that could not be read or written.
    #[must_use]
    pub fn file(path: &std::path::Path, doing: &str, error: &std::io::Error) -> Self {
        Self::usage(format!("`{}` could not be {doing}: {error}", path.display()))
    }

    /// The same failure with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        let (exit, hint) = match &error {
            FetchError::NotFound { .. } => (Exit::Usage, Some("check the name, the tag and the digest")),
            FetchError::Denied { .. } => {
                (Exit::Usage, Some("log in, or give --authfile or --username with --password-stdin"))
            }
            FetchError::Usage(_) => (Exit::Usage, None),
            FetchError::Unavailable { .. } => {
                (Exit::Infrastructure, Some("try again; nothing is known about the image"))
            }
            FetchError::Damaged { .. } => {
                (Exit::Inconclusive, Some("fetch or build the image anew; nothing is known about this one"))
            }
            FetchError::Refused { .. } => {
                (Exit::Usage, Some("see what the destination takes: imgguard registry probe"))
            }
            FetchError::Io { .. } => (Exit::Inconclusive, None),
        };
        Self { exit, message: with_causes(&error), hint: hint.map(str::to_owned) }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        let (exit, hint) = match error {
            PlanError::Fetch(error) => return error.into(),
            PlanError::Document { .. } | PlanError::Forged { .. } => {
                (Exit::Inconclusive, "fetch or build the image anew; nothing is known about this one")
            }
            PlanError::NoPlatform { .. } => (Exit::Usage, "give one of these with --platform, or --platform all"),
            PlanError::EmptyIndex(_) => (Exit::Usage, "push an image into it first"),
        };
        Self { exit, message: with_causes(&error), hint: Some(hint.to_owned()) }
    }
}

impl From<KeylessError> for Failure {
    fn from(error: KeylessError) -> Self {
        let (exit, hint) = match &error {
            KeylessError::Config(_) | KeylessError::Content(_) => (Exit::Usage, None),
            KeylessError::Token => (Exit::Usage, Some("fetch a fresh identity token")),
            KeylessError::Service(_) => (Exit::Infrastructure, Some("try again; nothing was signed")),
        };
        Self { exit, message: with_causes(&error), hint: hint.map(str::to_owned) }
    }
}

impl From<KmsError> for Failure {
    fn from(error: KmsError) -> Self {
        let (exit, hint) = match &error {
            KmsError::Name(_) => (Exit::Usage, None),
            KmsError::Program(..) => (Exit::Usage, Some("install the plugin of the key management service")),
            KmsError::Answer(..) | KmsError::Failed(..) | KmsError::Signature(_) => {
                (Exit::Infrastructure, Some("try again; nothing was signed"))
            }
        };
        Self { exit, message: with_causes(&error), hint: hint.map(str::to_owned) }
    }
}

impl From<Pkcs11Error> for Failure {
    fn from(error: Pkcs11Error) -> Self {
        let (exit, hint) = match &error {
            Pkcs11Error::Uri(UriError::PinValue) => (
                Exit::Usage,
                Some("name a file with pin-source, or set IMGGUARD_PKCS11_PIN; that PIN is known now: change it"),
            ),
            Pkcs11Error::Uri(_) => {
                (Exit::Usage, Some("write pkcs11:token=LABEL;object=LABEL?module-path=/PATH/OF/MODULE.so"))
            }
            Pkcs11Error::Absent => (
                Exit::Usage,
                Some("use the token through a plugin, --key NAME://REF, or build imgguard with the feature pkcs11"),
            ),
            Pkcs11Error::NoModule => {
                (Exit::Usage, Some("add ?module-path=/PATH/OF/MODULE.so to the name, or set IMGGUARD_PKCS11_MODULE"))
            }
            Pkcs11Error::Module(..) | Pkcs11Error::PinState(..) | Pkcs11Error::Key(_) => (Exit::Usage, None),
            Pkcs11Error::Tokens(_) => (Exit::Usage, Some("pkcs11-tool --list-slots shows the tokens of a module")),
            Pkcs11Error::Objects(..) => (Exit::Usage, Some("pkcs11-tool --list-objects shows what a token holds")),
            Pkcs11Error::Pin(_) => (Exit::Usage, Some("see to the right PIN before the next try")),
            Pkcs11Error::Failed(_) | Pkcs11Error::Signature => {
                (Exit::Infrastructure, Some("try again; nothing was signed"))
            }
        };
        Self { exit, message: with_causes(&error), hint: hint.map(str::to_owned) }
    }
}

impl From<ReferenceError> for Failure {
    fn from(error: ReferenceError) -> Self {
        Self::usage(error.to_string()).with_hint("write [host[:port]/]name[:tag][@digest], or a prefix such as oci:DIR")
    }
}

impl From<SpecError> for Failure {
    fn from(error: SpecError) -> Self {
        Self::usage(error.to_string())
    }
}

impl From<BuildError> for Failure {
    fn from(error: BuildError) -> Self {
        let (exit, hint) = match error {
            BuildError::NoPackages(_) => (Exit::Inconclusive, "inspect the image anew with this version"),
        };
        Self { exit, message: error.to_string(), hint: Some(hint.to_owned()) }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let hint = match error {
            WriteError::NoCommit => "run it in GitHub Actions, or set GITHUB_SHA and GITHUB_REF",
        };
        Self::usage(error.to_string()).with_hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::Exit;

    #[test]
    fn the_worst_of_several_images_counts() {
        let order = [Exit::Pass, Exit::Inconclusive, Exit::Infrastructure, Exit::Violations, Exit::Usage];
        for (at, worse) in order.iter().enumerate() {
            for better in &order[..=at] {
                assert_eq!(better.worst(*worse), *worse);
                assert_eq!(worse.worst(*better), *worse);
            }
        }
    }
}
