//! Verification summaries, version 1 (SLSA, `verification_summary`): written by a gate, believed after seven checks. The signature,
//! the subject and the exact predicate type are checked where every statement is; the other four here.

use serde_json::{Value, json};

use crate::model::Digest;

use super::{Reason, Rejection};

/// The predicate type.
pub const VSA_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// Field of a summary of imgguard that says why something failed: short texts. Fields of one's own are named by URIs.
const REASONS: &str = "https://imgguard.dev/reasons";
/// Reasons that are written and told at most.
const MAX_REASONS: usize = 20;
/// Letters of a reason.
const MAX_REASON: usize = 300;
/// No level is claimed.
const UNEVALUATED: &str = "SLSA_BUILD_LEVEL_UNEVALUATED";

/// What is expected of a summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VsaWishes {
    /// `verifier.id`: it means something only together with the signer that the caller pairs it with.
    pub verifier: String,
    /// `resourceUri`.
    pub resource: String,
    /// Levels that must have been verified; a level implies the lower ones of its track.
    pub levels: Vec<String>,
}

fn text<'a>(predicate: &'a Value, pointer: &str) -> &'a str {
    predicate.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

impl VsaWishes {
    /// Checks the predicate of a verified summary.
    ///
    /// # Errors
    /// [`Reason::VsaVerifier`], [`Reason::VsaResource`], [`Reason::VsaResult`], [`Reason::VsaLevels`].
    pub fn check(&self, predicate: &Value) -> Result<(), Rejection> {
        let differs = |reason, what: &str, found: &str, wanted: &str| {
            Err(Rejection::new(reason, format!("the summary's {what} is `{}`, not `{wanted}`", found.escape_debug())))
        };
        let verifier = text(predicate, "/verifier/id");
        if verifier != self.verifier {
            return differs(Reason::VsaVerifier, "verifier", verifier, &self.verifier);
        }
        let resource = text(predicate, "/resourceUri");
        if resource != self.resource {
            return differs(Reason::VsaResource, "resource", resource, &self.resource);
        }
        let result = text(predicate, "/verificationResult");
        if result != "PASSED" {
            return Err(not_passed(predicate, result));
        }
        let verified: Vec<&str> = predicate
            .get("verifiedLevels")
            .and_then(Value::as_array)
            .map(|levels| levels.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        for wanted in &self.levels {
            if !verified.iter().any(|level| implies(level, wanted)) {
                let detail = format!("the summary does not say that `{wanted}` was verified");
                return Err(Rejection::new(Reason::VsaLevels, detail));
            }
        }
        Ok(())
    }
}

/// What a summary says that did not pass, with the reasons that it gives.
fn not_passed(predicate: &Value, result: &str) -> Rejection {
    let mut detail = format!("the summary's result is `{}`, not `PASSED`", result.escape_debug());
    let reasons = predicate.get(REASONS).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let told: Vec<String> = reasons.iter().take(MAX_REASONS).filter_map(Value::as_str).map(short).collect();
    if !told.is_empty() {
        detail.push_str(": ");
        detail.push_str(&told.join("; ").escape_debug().to_string());
    }
    Rejection::new(Reason::VsaResult, detail)
}

fn short(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}

/// Whether a verified level is the wanted one, or a higher one of the same track.
fn implies(verified: &str, wanted: &str) -> bool {
    if verified == wanted {
        return true;
    }
    let split = |level: &str| {
        let (track, number) = level.strip_prefix("SLSA_")?.rsplit_once("_LEVEL_")?;
        Some((track.to_owned(), number.parse::<u32>().ok()?))
    };
    matches!((split(verified), split(wanted)), (Some((track, has)), Some((other, wants))) if track == other && has > wants)
}

/// A summary to be written.
#[derive(Debug, Clone)]
pub struct VsaDraft {
    /// Who verified: a URI.
    pub verifier: String,
    /// Its version.
    pub version: String,
    /// When, RFC 3339.
    pub time: String,
    /// What was verified: a URI or a repository.
    pub resource: String,
    /// The policy: its URI and its digest.
    pub policy: (String, Digest),
    /// All attestations that were used: URI and digest.
    pub inputs: Vec<(String, Digest)>,
    /// Whether it passed.
    pub passed: bool,
    /// Levels; one for each track. None claims nothing.
    pub levels: Vec<String>,
    /// Why it did not pass, in short: at most 20 reasons are written.
    pub reasons: Vec<String>,
}

impl VsaDraft {
    /// The predicate as JSON.
    ///
    /// # Errors
    /// [`Reason::VsaLevels`] for levels of one's own that look like those of SLSA, and for two levels of one track.
    pub fn to_predicate(&self) -> Result<String, Rejection> {
        let mut tracks = std::collections::BTreeSet::new();
        for level in &self.levels {
            let Some(rest) = level.strip_prefix("SLSA_") else { continue };
            let track = rest.rsplit_once("_LEVEL_").map(|(track, _)| track);
            if !track.is_some_and(|track| matches!(track, "BUILD" | "SOURCE") && tracks.insert(track)) {
                let detail = format!("`{level}` is no level of SLSA, or the second one of its track");
                return Err(Rejection::new(Reason::VsaLevels, detail));
            }
        }
        let digests = |digest: &Digest| json!({ digest.algorithm().name(): digest.hex() });
        let inputs: Vec<Value> =
            self.inputs.iter().map(|(uri, digest)| json!({ "uri": uri, "digest": digests(digest) })).collect();
        let levels = if self.levels.is_empty() { vec![UNEVALUATED.to_owned()] } else { self.levels.clone() };
        let mut predicate = json!({
            "verifier": { "id": self.verifier, "version": { "imgguard": self.version } },
            "timeVerified": self.time,
            "resourceUri": self.resource,
            "policy": { "uri": self.policy.0, "digest": digests(&self.policy.1) },
            "verificationResult": if self.passed { "PASSED" } else { "FAILED" },
            "verifiedLevels": levels,
            "slsaVersion": "1.0",
        });
        if !inputs.is_empty() {
            predicate["inputAttestations"] = inputs.into();
        }
        if !self.passed && !self.reasons.is_empty() {
            let reasons: Vec<String> = self.reasons.iter().take(MAX_REASONS).map(|reason| short(reason)).collect();
            predicate[REASONS] = reasons.into();
        }
        Ok(predicate.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft() -> VsaDraft {
        VsaDraft {
            verifier: "https://gate.example".to_owned(),
            version: "0.1.0".to_owned(),
            time: "2026-11-25T00:00:00Z".to_owned(),
            resource: "registry.example/acme/app".to_owned(),
            policy: ("policy.yaml".to_owned(), Digest::of(b"policy")),
            inputs: vec![("registry.example/acme/app@sha256:1".to_owned(), Digest::of(b"input"))],
            passed: true,
            levels: vec!["SLSA_BUILD_LEVEL_3".to_owned(), "ACME_REVIEWED".to_owned()],
            reasons: Vec::new(),
        }
    }

    fn wishes(levels: &[&str]) -> VsaWishes {
        VsaWishes {
            verifier: "https://gate.example".to_owned(),
            resource: "registry.example/acme/app".to_owned(),
            levels: levels.iter().map(|level| (*level).to_owned()).collect(),
        }
    }

    fn reason(draft: &VsaDraft, wishes: &VsaWishes) -> Reason {
        let predicate: Value = serde_json::from_str(&draft.to_predicate().expect("written")).expect("JSON");
        wishes.check(&predicate).err().map_or(Reason::Verified, |rejection| rejection.reason)
    }

    #[test]
    fn each_check_has_its_reason() {
        assert_eq!(reason(&draft(), &wishes(&["SLSA_BUILD_LEVEL_2", "ACME_REVIEWED"])), Reason::Verified);
        assert_eq!(reason(&draft(), &wishes(&["SLSA_BUILD_LEVEL_4"])), Reason::VsaLevels);
        assert_eq!(reason(&draft(), &wishes(&["SLSA_SOURCE_LEVEL_1"])), Reason::VsaLevels);
        assert_eq!(reason(&draft(), &wishes(&["ACME_REVIEWED_TWICE"])), Reason::VsaLevels);
        assert_eq!(reason(&VsaDraft { passed: false, ..draft() }, &wishes(&[])), Reason::VsaResult);
        assert_eq!(reason(&VsaDraft { resource: "other".to_owned(), ..draft() }, &wishes(&[])), Reason::VsaResource);
        assert_eq!(reason(&VsaDraft { verifier: "other".to_owned(), ..draft() }, &wishes(&[])), Reason::VsaVerifier);
        assert_eq!(wishes(&[]).check(&json!({})).expect_err("empty").reason, Reason::VsaVerifier);
        let none = VsaDraft { levels: Vec::new(), ..draft() };
        assert_eq!(reason(&none, &wishes(&["SLSA_BUILD_LEVEL_1"])), Reason::VsaLevels, "no claim is no level");
    }

    #[test]
    fn a_failure_is_told_with_its_reasons_and_in_bounds() {
        let detail = |reasons: Vec<String>| {
            let draft = VsaDraft { passed: false, reasons, ..draft() };
            let predicate: Value = serde_json::from_str(&draft.to_predicate().expect("written")).expect("JSON");
            wishes(&[]).check(&predicate).expect_err("it failed").detail
        };
        assert_eq!(detail(Vec::new()), "the summary's result is `FAILED`, not `PASSED`");
        let told = detail(vec!["user.root (linux/amd64)".to_owned(), "x\u{1b}[31m\n".to_owned()]);
        assert!(told.ends_with("`PASSED`: user.root (linux/amd64); x\\u{1b}[31m\\n"), "{told}");
        assert!(detail(vec!["a".repeat(1 << 20); 1_000]).len() < 10_000);
        let passed = VsaDraft { reasons: vec!["left over".to_owned()], ..draft() };
        assert!(!passed.to_predicate().expect("written").contains("left over"));
        let foreign = json!({ "verifier": { "id": "https://gate.example" }, "resourceUri": "registry.example/acme/app",
            "verificationResult": "FAILED", "https://imgguard.dev/reasons": [1, { "a": [] }, null] });
        assert!(wishes(&[]).check(&foreign).expect_err("it failed").detail.ends_with("not `PASSED`"));
    }

    #[test]
    fn levels_that_only_look_like_those_of_slsa_are_not_written() {
        for wrong in [vec!["SLSA_BEST"], vec!["SLSA_ACME_LEVEL_3"], vec!["SLSA_BUILD_LEVEL_1", "SLSA_BUILD_LEVEL_2"]] {
            let levels = wrong.into_iter().map(str::to_owned).collect();
            assert!(VsaDraft { levels, ..draft() }.to_predicate().is_err());
        }
    }
}
