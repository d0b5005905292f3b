//! The types of signed statements (in-toto predicate types) that have a short name.

/// The statement that means "signed": what cosign 3 writes for `cosign sign`.
pub const SIGNATURE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";

/// The report of `imgguard check`, attested.
pub const CHECK_TYPE: &str = "https://imgguard.dev/attestation/check/v1";

/// The facts of `imgguard inspect`, attested.
pub const FACTS_TYPE: &str = "https://imgguard.dev/attestation/facts/v1";

/// A predicate type with its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predicate {
    /// Names on the command line, the first one in output.
    pub names: &'static [&'static str],
    /// The URI in statements.
    pub uri: &'static str,
    /// Versioned URIs that begin with this one are the same.
    pub versioned: bool,
}

/// All of them.
pub const PREDICATES: &[Predicate] = &[
    Predicate { names: &["slsaprovenance1", "slsa"], uri: "https://slsa.dev/provenance/v1", versioned: false },
    Predicate {
        names: &["slsaprovenance", "slsaprovenance02"],
        uri: "https://slsa.dev/provenance/v0.2",
        versioned: false,
    },
    Predicate { names: &["spdx", "spdxjson"], uri: "https://spdx.dev/Document", versioned: true },
    Predicate { names: &["cyclonedx"], uri: "https://cyclonedx.org/bom", versioned: true },
    Predicate { names: &["vuln"], uri: "https://cosign.sigstore.dev/attestation/vuln/v1", versioned: false },
    Predicate { names: &["openvex"], uri: "https://openvex.dev/ns", versioned: true },
    Predicate { names: &["vsa"], uri: "https://slsa.dev/verification_summary/v1", versioned: false },
    Predicate { names: &["link"], uri: "https://in-toto.io/Link/v1", versioned: false },
    Predicate { names: &["vulns"], uri: "https://in-toto.io/attestation/vulns/v0.2", versioned: false },
    Predicate { names: &["test-result"], uri: "https://in-toto.io/attestation/test-result/v0.1", versioned: false },
    Predicate { names: &["release"], uri: "https://in-toto.io/attestation/release/v0.1", versioned: false },
    Predicate { names: &["scai"], uri: "https://in-toto.io/attestation/scai/v0.3", versioned: false },
    Predicate { names: &["svr"], uri: "https://in-toto.io/attestation/svr/v0.2", versioned: false },
    Predicate { names: &["custom"], uri: "https://cosign.sigstore.dev/attestation/v1", versioned: false },
    Predicate { names: &["check"], uri: CHECK_TYPE, versioned: false },
    Predicate { names: &["facts"], uri: FACTS_TYPE, versioned: false },
];

/// The URI behind a short name; a text with a scheme is taken as it is; none for anything else.
#[must_use]
pub fn predicate_type(text: &str) -> Option<&str> {
    if let Some(known) = PREDICATES.iter().find(|predicate| predicate.names.contains(&text)) {
        return Some(known.uri);
    }
    let (scheme, rest) = text.split_once(':')?;
    let fits = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        && !rest.is_empty()
        && text.len() <= 512
        && !text.contains(|letter: char| letter.is_whitespace() || letter.is_control());
    fits.then_some(text)
}

/// Whether a statement of the type `found` is what `wanted` asks for: equal, or a version of a type that carries versions.
#[must_use]
pub fn is_of_type(found: &str, wanted: &str) -> bool {
    if found == wanted {
        return true;
    }
    PREDICATES.iter().any(|predicate| {
        predicate.versioned
            && predicate.uri == wanted
            && found.strip_prefix(wanted).is_some_and(|version| {
                let version = version.strip_prefix('/').unwrap_or_default().trim_start_matches('v');
                !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_and_types_are_unique_and_a_type_names_itself() {
        let names: Vec<&str> = PREDICATES.iter().flat_map(|predicate| predicate.names).copied().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for predicate in PREDICATES {
            assert_eq!(predicate_type(predicate.uri), Some(predicate.uri));
            assert_eq!(predicate_type(predicate.names[0]), Some(predicate.uri));
        }
        assert_eq!(predicate_type("urn:example:x"), Some("urn:example:x"));
        for wrong in ["", "slsa2", "https:", "1x:y", "a b:c", "https://x y"] {
            assert_eq!(predicate_type(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn only_versioned_types_match_their_versions() {
        assert!(is_of_type("https://openvex.dev/ns/v0.2.0", "https://openvex.dev/ns"));
        assert!(is_of_type("https://spdx.dev/Document/v2.3", "https://spdx.dev/Document"));
        assert!(!is_of_type("https://openvex.dev/ns/evil", "https://openvex.dev/ns"));
        assert!(!is_of_type("https://openvex.dev/nsx", "https://openvex.dev/ns"));
        assert!(!is_of_type("https://slsa.dev/provenance/v1/1", "https://slsa.dev/provenance/v1"));
        assert!(!is_of_type("https://SLSA.dev/provenance/v1", "https://slsa.dev/provenance/v1"));
    }
}
