use serde_json::Value;

use super::*;
use crate::model::{Nature, Place, Severity};
use crate::report::{escape, sample};
use crate::rules::Accepted;

fn secret(detector: &str, grade: Grade, place: Place) -> SecretFact {
    SecretFact {
        detector: detector.to_owned(),
        what: detector.replace('-', " "),
        grade,
        nature: Nature::Secret,
        severity: Severity::High,
        expires: Some(100),
        redacted: "ghp_…x3 (40)".to_owned(),
        fingerprint: crate::model::Digest::of(format!("{detector}{place:?}").as_bytes()).hex()[..32].to_owned(),
        places: vec![place],
        halves: Vec::new(),
    }
}

fn path(path: &str) -> Place {
    Place::Path { path: path.to_owned(), line: Some(3), offset: 40, view: "!/x.jar@base64".to_owned() }
}

fn secrets() -> Vec<SecretFact> {
    let supplied = Place::File {
        layer: 0,
        path: "usr/lib/x".to_owned(),
        line: None,
        offset: 7,
        view: String::new(),
        hidden_by: None,
        how: None,
        supplied: Some("dpkg libx".to_owned()),
    };
    vec![
        secret("github-token", Grade::Proven, path("b/\u{202e}evil\n##[x]")),
        secret("github-token", Grade::Structured, supplied.clone()),
        secret("private-key", Grade::Proven, supplied),
        secret("secret-assignment", Grade::Contextual, Place::Env { name: "A".to_owned() }),
        SecretFact {
            nature: Nature::Identifier,
            ..secret("aws-access-key-id", Grade::Structured, Place::History { index: 1 })
        },
    ]
}

fn rendered(show: bool, circumstances: &Circumstances) -> Vec<String> {
    let (secrets, ledger) = (secrets(), Ledger { files: 2, scanned_bytes: 99, ..Ledger::default() });
    let image = sample::image("linux/amd64");
    let all = secrets.iter().map(|secret| (Some(&image), secret));
    let report =
        SecretsReport::new("some/tree", Target::Directory, all, Grade::Structured, show, circumstances, &ledger);
    SECRETS_FORMATS.iter().map(|format| (format.render)(&report, &sample::context())).collect()
}

#[test]
fn documents_follow_their_schemas() {
    let own: Value = serde_json::from_str(&schema()).expect("JSON");
    let sarif: Value = serde_json::from_str(include_str!("../../../testdata/schemas/sarif-2.1.0.json")).expect("JSON");
    for show in [false, true] {
        let texts = rendered(show, &Circumstances::default());
        for (text, schema) in [(&texts[1], &own), (&texts[2], &sarif)] {
            let document: Value = serde_json::from_str(text).expect("JSON");
            let validator = jsonschema::validator_for(schema).expect("a schema");
            let errors: Vec<_> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:#?}");
        }
    }
}

#[test]
fn what_counts_stands_first_and_what_does_not_is_counted() {
    let circumstances = Circumstances { now: Some(200), ..Circumstances::default() };
    let document: Value = serde_json::from_str(&rendered(false, &circumstances)[1]).expect("JSON");
    let standings: Vec<&str> =
        document["findings"].as_array().expect("a list").iter().filter_map(|one| one["standing"].as_str()).collect();
    assert_eq!(standings, ["counts", "package-supplied", "incomplete"]);
    assert_eq!(document["counts"]["below"], 1);
    assert_eq!(document["counts"]["suppressed"], 1);
    let first = &document["findings"][0];
    assert_eq!((&first["line"], &first["offset"], &first["expired"]), (&3.into(), &40.into(), &true.into()));
    assert_eq!(first["view"], "!/x.jar@base64");
    let shown: Value = serde_json::from_str(&rendered(true, &circumstances)[1]).expect("JSON");
    assert_eq!(shown["counts"]["listed"], 4);
}

#[test]
fn a_baseline_accepts_until_its_day_and_names_what_matches_nothing() {
    let known = secrets()[0].fingerprint.clone();
    let entry = |fingerprint: &str, until| Accepted { fingerprint: fingerprint.to_owned(), until };
    let accepted = |until| Circumstances {
        now: Some(200),
        baseline: vec![entry(&known, until), entry("ff", None)],
        ..Circumstances::default()
    };
    let document: Value = serde_json::from_str(&rendered(false, &accepted(Some(201)))[1]).expect("JSON");
    assert_eq!(document["counts"]["accepted"], 1);
    assert_eq!(document["counts"]["counted"], 0);
    assert_eq!(document["unused-baseline"], serde_json::json!(["ff"]));
    let document: Value = serde_json::from_str(&rendered(false, &accepted(Some(200)))[1]).expect("JSON");
    assert_eq!(document["counts"]["counted"], 1);
}

#[test]
fn no_format_lets_a_file_name_control_the_terminal() {
    for text in rendered(true, &Circumstances::default()) {
        assert!(text.ends_with('\n'));
        assert!(text.chars().all(|letter| letter == '\n' || !escape::is_dangerous(letter)), "{text}");
        assert!(!text.contains("##[x]"), "{text}");
    }
}
