//! In-toto statements (in-toto/attestation, spec/v1/statement.md).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::model::{Algorithm, Digest, is_of_type};
use crate::oci::parse_strict;

use super::bundle::json_rejection;
use super::{Reason, Rejection, SIGNATURE_TYPE};

const TYPE: &str = "https://in-toto.io/Statement/v1";
const OLD_TYPE: &str = "https://in-toto.io/Statement/v0.1";
/// Subjects of one statement; a release may have many files.
const MAX_SUBJECTS: usize = 10_000;

/// A subject of a statement that was read: a name that binds nothing by itself, and digests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The name; often empty.
    pub name: String,
    /// The SHA-256 digest, when it has one that is well formed.
    pub sha256: Option<Digest>,
    /// Annotations that are texts.
    pub annotations: BTreeMap<String, String>,
}

/// A statement. It means something only inside a [`super::Verified`].
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    subjects: Vec<Subject>,
    predicate_type: String,
    predicate: Value,
}

fn refused(problem: &str) -> Rejection {
    Rejection::new(Reason::InvalidStatement, format!("the statement {problem}"))
}

impl Statement {
    /// Reads a statement; unknown fields are ignored, duplicate keys refused. For verified bytes and for files that are about
    /// to be signed.
    ///
    /// # Errors
    /// [`Reason::InvalidStatement`], [`Reason::InvalidJson`], [`Reason::InvalidDuplicateKey`].
    pub fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        let value = parse_strict(bytes).map_err(|error| json_rejection(&error))?;
        let object = value.as_object().ok_or_else(|| refused("is no object"))?;
        refuse_lookalikes(object)?;
        if !matches!(object.get("_type").and_then(Value::as_str), Some(TYPE | OLD_TYPE)) {
            return Err(refused("is not of a known version of in-toto"));
        }
        let subjects = object.get("subject").and_then(Value::as_array).ok_or_else(|| refused("has no subjects"))?;
        if subjects.is_empty() || subjects.len() > MAX_SUBJECTS {
            return Err(refused("has no subjects, or too many"));
        }
        let predicate_type = object.get("predicateType").and_then(Value::as_str).unwrap_or_default();
        if predicate_type.is_empty() {
            return Err(refused("has no predicate type"));
        }
        Ok(Self {
            subjects: subjects.iter().map(subject).collect::<Result<_, _>>()?,
            predicate_type: predicate_type.to_owned(),
            // `cosign sign` left it out once.
            predicate: object.get("predicate").cloned().unwrap_or_else(|| json!({})),
        })
    }

    /// The subjects in order.
    #[must_use]
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// The predicate type, exactly as signed.
    #[must_use]
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }

    /// The predicate; an empty object when there is none.
    #[must_use]
    pub fn predicate(&self) -> &Value {
        &self.predicate
    }

    /// Whether it is of this type.
    #[must_use]
    pub fn is_of_type(&self, wanted: &str) -> bool {
        is_of_type(&self.predicate_type, wanted)
    }

    /// Whether it says "signed", and nothing else.
    #[must_use]
    pub fn is_signature(&self) -> bool {
        self.predicate_type == SIGNATURE_TYPE
    }

    /// Finds the subject with this digest. Names play no part in it.
    ///
    /// # Errors
    /// [`Reason::InvalidSubject`].
    pub fn subject(&self, digest: &Digest) -> Result<&Subject, Rejection> {
        self.subjects.iter().find(|subject| subject.sha256.as_ref() == Some(digest)).ok_or_else(|| {
            Rejection::new(Reason::InvalidSubject, format!("none of the statement's subjects is {digest}"))
        })
    }
}

/// Other readers take keys whatever their case: a statement with two spellings of one key means two things.
fn refuse_lookalikes(object: &Map<String, Value>) -> Result<(), Rejection> {
    for name in ["_type", "subject", "predicateType", "predicate"] {
        if object.keys().any(|key| key != name && key.eq_ignore_ascii_case(name)) {
            return Err(Rejection::new(
                Reason::InvalidDuplicateKey,
                format!("the statement spells `{name}` in another way too"),
            ));
        }
    }
    Ok(())
}

fn subject(value: &Value) -> Result<Subject, Rejection> {
    let object = value.as_object().ok_or_else(|| refused("has a subject that is no object"))?;
    let digests =
        object.get("digest").and_then(Value::as_object).ok_or_else(|| refused("has a subject without digest"))?;
    let sha256 = match digests.get("sha256") {
        None => None,
        Some(hex) => {
            let text = format!("{}:{}", Algorithm::Sha256.name(), hex.as_str().unwrap_or_default());
            Some(text.parse().map_err(|_| refused("has a subject whose digest is malformed"))?)
        }
    };
    let texts = |map: &Map<String, Value>| -> BTreeMap<String, String> {
        map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    };
    Ok(Subject {
        name: object.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        sha256,
        annotations: object.get("annotations").and_then(Value::as_object).map(texts).unwrap_or_default(),
    })
}

/// A statement to be signed.
#[derive(Debug, Clone)]
pub struct StatementDraft {
    /// What it is about.
    pub subject: Digest,
    /// Name of the subject, such as its repository; none binds nothing but the digest.
    pub name: Option<String>,
    /// Annotations of the subject.
    pub annotations: BTreeMap<String, String>,
    predicate_type: String,
    /// JSON text, signed as it was written: a value that was read would lose digits of numbers and the order of keys.
    predicate: String,
}

impl StatementDraft {
    /// The statement that means "signed".
    #[must_use]
    pub fn signature(subject: Digest, name: Option<String>, annotations: BTreeMap<String, String>) -> Self {
        Self { subject, name, annotations, predicate_type: SIGNATURE_TYPE.to_owned(), predicate: "{}".to_owned() }
    }

    /// A statement of any other type about an image.
    ///
    /// # Errors
    /// [`Reason::InvalidJson`], [`Reason::InvalidDuplicateKey`] when the predicate is no strict JSON;
    /// [`Reason::InvalidPredicate`] for the type that means "signed".
    pub fn attestation(
        subject: Digest,
        name: Option<String>,
        predicate_type: &str,
        predicate: &str,
    ) -> Result<Self, Rejection> {
        if predicate_type == SIGNATURE_TYPE {
            return Err(Rejection::new(Reason::InvalidPredicate, "a statement of this type is a signature"));
        }
        parse_strict(predicate.as_bytes()).map_err(|error| json_rejection(&error))?;
        Ok(Self {
            subject,
            name,
            annotations: BTreeMap::new(),
            predicate_type: predicate_type.to_owned(),
            predicate: predicate.trim().to_owned(),
        })
    }

    /// The bytes to be signed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut subject = Map::new();
        if let Some(name) = &self.name {
            subject.insert("name".to_owned(), name.as_str().into());
        }
        subject.insert("digest".to_owned(), json!({ self.subject.algorithm().name(): self.subject.hex() }));
        if !self.annotations.is_empty() {
            subject.insert("annotations".to_owned(), json!(self.annotations));
        }
        format!(
            r#"{{"_type":"{TYPE}","subject":[{}],"predicateType":{},"predicate":{}}}"#,
            Value::Object(subject),
            Value::from(self.predicate_type.as_str()),
            self.predicate
        )
        .into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reason(text: &str) -> Reason {
        Statement::read(text.as_bytes()).err().map_or(Reason::Verified, |rejection| rejection.reason)
    }

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_signature_says_its_digest_and_nothing_else() {
        let digest = Digest::of(b"");
        let draft = StatementDraft::signature(digest.clone(), None, BTreeMap::new());
        let statement = Statement::read(&draft.to_bytes()).expect("read back");
        assert!(statement.is_signature());
        let subject = statement.subject(&digest).expect("the subject");
        assert_eq!((subject.name.as_str(), subject.annotations.len()), ("", 0));
        let bound = StatementDraft {
            name: Some("registry.example/app".to_owned()),
            annotations: [("version".to_owned(), "1.4.2".to_owned())].into(),
            ..draft
        };
        let statement = Statement::read(&bound.to_bytes()).expect("read back");
        let subject = statement.subject(&digest).expect("the subject");
        assert_eq!(subject.name, "registry.example/app");
        assert_eq!(subject.annotations["version"], "1.4.2");
        let error = statement.subject(&Digest::of(b"other")).expect_err("another digest");
        assert_eq!(error.reason, Reason::InvalidSubject);
    }

    #[test]
    fn statements_of_both_versions_and_without_predicate_are_read() {
        for version in ["v1", "v0.1"] {
            let text = format!(
                r#"{{"_type":"https://in-toto.io/Statement/{version}","predicateType":"{SIGNATURE_TYPE}",
                "subject":[{{"name":"a","digest":{{"sha512":"00"}}}},{{"digest":{{"sha256":"{HEX}"}}}}],"more":1}}"#
            );
            let statement = Statement::read(text.as_bytes()).expect("read");
            assert_eq!(statement.predicate(), &json!({}));
            assert!(statement.subject(&Digest::of(b"")).is_ok(), "all subjects are searched");
        }
    }

    #[test]
    fn each_malformed_statement_has_its_reason() {
        let good = format!(
            r#"{{"_type":"{TYPE}","subject":[{{"digest":{{"sha256":"{HEX}"}}}}],"predicateType":"https://x.example/y"}}"#
        );
        assert_eq!(reason(&good), Reason::Verified);
        assert_eq!(reason(&good.replace("Statement/v1", "Statement/v2")), Reason::InvalidStatement);
        assert_eq!(reason(&good.replace(r#""predicateType":"#, r#""other":"#)), Reason::InvalidStatement);
        assert_eq!(reason(&good.replace(r#"{"digest""#, r#"{"digests""#)), Reason::InvalidStatement);
        assert_eq!(reason(&good.replace(HEX, &HEX.to_uppercase())), Reason::InvalidStatement);
        assert_eq!(reason(&good.replace(r#""subject":[{"#, r#""subject":[],"s":[{"#)), Reason::InvalidStatement);
        assert_eq!(reason(&good.replace(r#"{"_type""#, r#"{"subject":[],"_type""#)), Reason::InvalidDuplicateKey);
        assert_eq!(reason(&good.replace(r#"{"_type""#, r#"{"Subject":[],"_type""#)), Reason::InvalidDuplicateKey);
        assert_eq!(reason("[]"), Reason::InvalidStatement);
        assert_eq!(reason("{"), Reason::InvalidJson);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Statement::read(&bytes);
        }
    }
}
