//! JSON of `inspect`: the facts themselves, the same document that `check facts:FILE` reads.

use crate::model::{BASES_SCHEMA, BaseLock, Inspection, SCHEMA, json_schema};

/// Writes the facts as one JSON document.
#[must_use]
pub fn inspect_json(inspection: &Inspection) -> String {
    super::json::write(inspection)
}

/// The JSON schema of the document.
pub(super) fn schema() -> String {
    json_schema::<Inspection>(SCHEMA, "imgguard facts")
}

/// The JSON schema of a list of recorded bases.
pub(super) fn bases_schema() -> String {
    json_schema::<BaseLock>(BASES_SCHEMA, "imgguard bases")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn facts_follow_the_published_schema_and_come_back_the_same() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        for report in [sample::denied(), sample::incomplete(), sample::without_images(), sample::hostile()] {
            let text = inspect_json(&report.inspection);
            let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
            let back: Inspection = serde_json::from_str(&text).expect("facts");
            assert_eq!(back, report.inspection);
        }
    }

    #[test]
    fn the_schema_refuses_what_is_no_digest_list() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).expect("JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema");
        assert!(!validator.is_valid(&serde_json::json!({ "schema": SCHEMA, "images": 1, "gaps": [] })));
    }
}
