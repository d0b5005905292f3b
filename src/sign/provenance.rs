//! What a SLSA provenance says of its builder and its sources (SLSA provenance v0.2 and v1). Only the pair of signer and
//! builder means something: whoever asks names the signer too.

use serde_json::Value;

use super::{Reason, Rejection};

/// The builder that a provenance names.
#[must_use]
pub fn builder(predicate: &Value) -> Option<&str> {
    ["/runDetails/builder/id", "/builder/id"]
        .iter()
        .find_map(|pointer| predicate.pointer(pointer).and_then(Value::as_str))
}

/// What is expected of a provenance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProvenanceWishes {
    /// The builder's ID, exact.
    pub builder: Option<String>,
    /// The repository of the sources, as a URL without revision.
    pub source: Option<String>,
}

impl ProvenanceWishes {
    /// Checks the predicate of a verified provenance.
    ///
    /// # Errors
    /// [`Reason::UntrustedBuilder`], [`Reason::UntrustedSource`].
    pub fn check(&self, predicate: &Value) -> Result<(), Rejection> {
        if let Some(wanted) = &self.builder {
            let found = builder(predicate);
            if found != Some(wanted) {
                let found = found.unwrap_or_default().escape_debug();
                let detail = format!("the builder is `{found}`, not `{wanted}`");
                return Err(Rejection::new(Reason::UntrustedBuilder, detail));
            }
        }
        if let Some(wanted) = &self.source {
            let found = sources(predicate);
            if !found.iter().any(|source| *source == plain(wanted)) {
                let detail = format!("`{wanted}` is not what it was built from");
                return Err(Rejection::new(Reason::UntrustedSource, detail));
            }
        }
        Ok(())
    }
}

/// A URL of a repository without `git+`, revision and `.git`.
fn plain(url: &str) -> &str {
    let url = url.strip_prefix("git+").unwrap_or(url);
    let url = url.split(['#', '?']).next().unwrap_or_default();
    // An `@` in front of the path belongs to the host.
    let path = url.find("://").map_or(0, |at| at + 3);
    let slash = url.get(path..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| path + at);
    let end = url.get(slash..).and_then(|rest| rest.find('@')).map_or(url.len(), |at| slash + at);
    let url = url.get(..end).unwrap_or(url);
    url.strip_suffix(".git").unwrap_or(url).trim_end_matches('/')
}

/// The repositories that the build was told to use, by the fields that builders fill: URLs without revision.
#[must_use]
pub fn sources(predicate: &Value) -> Vec<&str> {
    [
        "/buildDefinition/externalParameters/workflow/repository",
        "/buildDefinition/externalParameters/source/repository",
        "/buildDefinition/externalParameters/source/uri",
        "/buildDefinition/externalParameters/source",
        "/buildDefinition/externalParameters/configSource/uri",
        "/invocation/configSource/uri",
    ]
    .iter()
    .filter_map(|pointer| predicate.pointer(pointer).and_then(Value::as_str))
    .map(plain)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reason(builder: Option<&str>, source: Option<&str>, predicate: &Value) -> Reason {
        let wishes = ProvenanceWishes { builder: builder.map(str::to_owned), source: source.map(str::to_owned) };
        wishes.check(predicate).err().map_or(Reason::Verified, |rejection| rejection.reason)
    }

    #[test]
    fn builder_and_source_of_both_versions_are_compared() {
        let new = json!({
            "buildDefinition": { "externalParameters": { "workflow": { "repository": "https://git.example/acme/app" } } },
            "runDetails": { "builder": { "id": "https://builder.example/v1" } },
        });
        let old = json!({
            "builder": { "id": "https://builder.example/v1" },
            "invocation": { "configSource": { "uri": "git+https://git.example/acme/app@refs/tags/v1" } },
        });
        let (builder, source) = ("https://builder.example/v1", "https://git.example/acme/app");
        for predicate in [&new, &old] {
            assert_eq!(reason(Some(builder), Some(source), predicate), Reason::Verified);
            assert_eq!(reason(Some("https://builder.example/v"), None, predicate), Reason::UntrustedBuilder);
            assert_eq!(reason(None, Some("https://git.example/acme/app2"), predicate), Reason::UntrustedSource);
        }
        assert_eq!(reason(Some(builder), None, &json!({})), Reason::UntrustedBuilder);
        assert_eq!(reason(None, Some(source), &json!({})), Reason::UntrustedSource);
    }

    #[test]
    fn a_revision_is_no_part_of_a_repository() {
        assert_eq!(plain("git+https://git.example/a/b.git@refs/heads/main#x"), "https://git.example/a/b");
        assert_eq!(plain("https://user@git.example/a/b"), "https://user@git.example/a/b");
        assert_eq!(plain("@"), "@");
    }
}
