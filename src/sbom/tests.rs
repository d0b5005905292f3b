//! Every format against its official schema, back into the document, and against bad input.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::model::{Inspection, SCHEMA, Scope};
use crate::report::escape;

macro_rules! schema {
    ($path:literal) => {
        serde_json::from_str::<Value>(include_str!(concat!("../../testdata/schemas/", $path))).expect("JSON")
    };
}

fn validator(schema: &Value) -> jsonschema::Validator {
    let resource = jsonschema::Resource::from_contents;
    let base = "http://cyclonedx.org/schema/";
    jsonschema::options()
        .with_resource(
            format!("{base}spdx.SNAPSHOT.schema.json"),
            resource(schema!("cyclonedx/spdx.SNAPSHOT.schema.json")),
        )
        .with_resource(
            format!("{base}jsf-0.82.SNAPSHOT.schema.json"),
            resource(schema!("cyclonedx/jsf-0.82.SNAPSHOT.schema.json")),
        )
        .with_resource(
            format!("{base}cryptography-defs.SNAPSHOT.schema.json"),
            resource(schema!("cyclonedx/cryptography-defs.SNAPSHOT.schema.json")),
        )
        .build(schema)
        .expect("a schema")
}

fn written(document: &Document, name: &str) -> String {
    let job = Job {
        sha: "0".repeat(40),
        reference: "refs/heads/main".to_owned(),
        id: "1".to_owned(),
        correlator: "build".to_owned(),
        page: "https://code.example.org/acme/app".to_owned(),
    };
    let context = WriteContext { color: false, job: Some(job) };
    (format(name).expect("a format").write)(document, &context).expect("it can be written")
}

/// Documents of all shapes: an image, an index, nothing but a root, one that another program made.
fn documents() -> Vec<Document> {
    let image = sample::image();
    let options = sample::options();
    let inspection = Inspection { schema: SCHEMA.to_owned(), images: vec![image.clone()], gaps: Vec::new() };
    let plain = Options { tool_version: "0.1.0".to_owned(), ..Options::default() };
    let mut empty = image.clone();
    empty.packages = Some(crate::model::Packages::default());
    let mut foreign = sample::document();
    foreign.id = "https://example.org/documents/1".to_owned();
    foreign.tool = Some(Tool { name: "other-tool".to_owned(), version: None });
    foreign.created = "2024-01-01T00:00:00.5+02:00".to_owned();
    foreign.phase = Some(Phase::Discovery);
    foreign.creator = Some(Party {
        name: "N. Body (x)".to_owned(),
        url: Some("https://example.org".to_owned()),
        person: true,
        email: None,
    });
    let renamed: Vec<(String, String)> = foreign
        .components
        .iter()
        .map(|one| {
            (
                one.id.clone(),
                format!("{}pkg:{}?a=/b#c", if one.id.starts_with('h') { sample::NASTY } else { "" }, one.id),
            )
        })
        .collect();
    for (old, new) in &renamed {
        let rename = |id: &mut String| {
            if id == old {
                id.clone_from(new);
            }
        };
        foreign.root.iter_mut().for_each(rename);
        foreign.components.iter_mut().for_each(|one| rename(&mut one.id));
        foreign.relations.iter_mut().for_each(|one| {
            rename(&mut one.from);
            rename(&mut one.to);
        });
    }
    for (at, scope) in [Scope::Optional, Scope::Development, Scope::Build, Scope::Runtime].into_iter().enumerate() {
        let [from, to] = [at, at + 3].map(|at| foreign.components[at].id.clone());
        foreign.relations.push(Relation { from, kind: RelationKind::DependsOn(scope), to });
    }
    foreign.sort();
    vec![
        sample::document(),
        build_index(&inspection, &options).expect("an index"),
        build(&image, &plain).expect("packages"),
        build(&empty, &options).expect("packages"),
        foreign,
    ]
}

#[test]
fn every_json_document_follows_its_official_schema() {
    for (name, schema) in [
        ("cyclonedx-json", schema!("cyclonedx/bom-1.7.SNAPSHOT.schema.json")),
        ("cyclonedx-1.6-json", schema!("cyclonedx/bom-1.6.SNAPSHOT.schema.json")),
        ("spdx-json", schema!("spdx/spdx-2.3.schema.json")),
        ("spdx-3-json", schema!("spdx/spdx-3.0.1.schema.json")),
    ] {
        let validator = validator(&schema);
        for document in documents() {
            let value: Value = serde_json::from_str(&written(&document, name)).expect("JSON");
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .take(5)
                .map(|error| format!("{}: {}", error.instance_path(), text::cut(&error.to_string(), 600)))
                .collect();
            assert!(errors.is_empty(), "{name} of {}: {errors:#?}", document.name);
        }
        assert!(
            !validator.is_valid(&serde_json::json!({"bomFormat": "CycloneDX", "spdxVersion": 1})),
            "{name} proves nothing"
        );
    }
}

#[test]
fn every_format_gives_back_the_whole_document() {
    for document in documents() {
        for format in FORMATS.iter().filter(|format| format.readable) {
            let text = written(&document, format.name);
            let back = read(text.as_bytes()).unwrap_or_else(|error| panic!("{}: {error}", format.name));
            same(&back.document, &document, format.name);
            assert_eq!(back.unknown, Vec::<String>::new(), "{}", format.name);
        }
    }
}

#[test]
fn a_document_survives_a_walk_through_all_formats() {
    let document = sample::document();
    let mut current = document.clone();
    for format in FORMATS.iter().filter(|format| format.readable) {
        current = read(written(&current, format.name).as_bytes()).expect("readable").document;
    }
    same(&current, &document, "all");
    assert_eq!(compare(&document, &current), []);
}

fn same(back: &Document, document: &Document, format: &str) {
    for (left, right) in back.components.iter().zip(&document.components) {
        assert_eq!(left, right, "{format}");
    }
    let head = |document: &Document| Document { components: Vec::new(), relations: Vec::new(), ..document.clone() };
    assert_eq!(head(back), head(document), "{format}");
    let missing: Vec<_> = document.relations.iter().filter(|one| !back.relations.contains(one)).collect();
    let extra: Vec<_> = back.relations.iter().filter(|one| !document.relations.contains(one)).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{format}: missing {missing:#?}, extra {extra:#?}");
    assert_eq!(back, document, "{format}");
}

#[test]
fn every_format_is_the_same_in_every_run_and_ends_its_last_line_once() {
    for format in FORMATS {
        let text = written(&sample::document(), format.name);
        assert_eq!(text, written(&sample::document(), format.name), "{}", format.name);
        assert!(text.ends_with('\n') && !text.ends_with("\n\n") && !text.contains('\r'), "{}", format.name);
    }
}

#[test]
fn no_format_lets_an_image_control_the_terminal() {
    for format in FORMATS {
        let text = written(&sample::document(), format.name);
        // Licence texts of tag-value documents hold what the text holds, apart from control characters.
        let bad = text.chars().find(|letter| *letter != '\n' && escape::is_dangerous(*letter));
        assert_eq!(bad, None, "{}", format.name);
    }
}

#[test]
fn what_was_not_asked_for_is_not_listed() {
    let plain = Options { tool_version: "0.1.0".to_owned(), ..Options::default() };
    let document = build(&sample::image(), &plain).expect("packages");
    let names: Vec<&str> = packages(&document).map(|one| one.name.as_str()).collect();
    for absent in ["gcc", "rand", "libc"] {
        assert!(!names.contains(&absent), "{absent}");
    }
    assert!(names.contains(&"@angular/core") && names.contains(&"org.slf4j:slf4j-api"));
    assert_eq!(Options::of(&document), Options { created: Options::of(&document).created, ..plain });
    assert_eq!(document.created, "2026-01-02T02:04:05Z");
    assert_ne!(document.id, sample::document().id);
}

#[test]
fn a_version_that_no_record_names_is_the_time_of_the_file() {
    let document = sample::document();
    let component = document.component("no-version-1").expect("listed");
    let dated = component.version.is_some();
    assert_eq!(component.property("imgguard:version-is").is_some(), dated);
}

#[test]
fn two_texts_behind_one_licence_identifier_stay_apart() {
    let document = sample::document();
    let of = |id: &str| document.component(id).and_then(|one| one.declared_licence.clone()).expect("a licence");
    let (rpm, jar) = (of("openssl-libs-77"), of("slf4j-api-8"));
    let references = [licence::references(&rpm), licence::references(&jar)].concat();
    assert_eq!(references.len(), 2);
    assert_ne!(references[0], references[1]);
    for reference in references {
        assert!(document.licence_texts.contains_key(&reference), "{reference}");
    }
}

#[test]
fn a_gap_is_named_and_makes_the_contents_incomplete() {
    let document = sample::document();
    assert_eq!(document.unknowns, ["layer 1: var/lib/dpkg/status: line 7: a record has no name"]);
    assert_eq!(document.root_component().and_then(|root| root.contents), Some(Completeness::Incomplete));
    for format in FORMATS.iter().filter(|format| !matches!(format.name, "csv" | "github")) {
        assert!(written(&document, format.name).contains("a record has no name"), "{}", format.name);
    }
}

#[test]
fn an_instruction_that_holds_a_secret_is_left_out() {
    let mut image = sample::image();
    let index = image.layers[1].history.expect("a history entry");
    image.secrets[0].places.push(crate::model::Place::History { index });
    let text = written(&build(&image, &sample::options()).expect("packages"), "cyclonedx-json");
    assert!(!text.contains("apt-get install") && text.contains("it holds a secret"));
}

#[test]
fn facts_without_packages_are_refused() {
    let mut image = sample::image();
    image.packages = None;
    let error = build(&image, &sample::options()).expect_err("no packages");
    assert_eq!(error.to_string(), "the facts of linux/amd64 say nothing of packages");
}

#[test]
fn a_changed_document_is_told_field_by_field() {
    let document = sample::document();
    let mut changed = document.clone();
    changed.components.retain(|one| one.id != "libc6-91aa");
    let at = changed.components.iter().position(|one| one.id == "libssl3-5f1c").expect("listed");
    changed.components[at].version = Some("9".to_owned());
    changed.components.push(Component { id: "new".to_owned(), name: "new".to_owned(), ..Component::default() });
    let lines: Vec<(Option<String>, String)> =
        compare(&document, &changed).into_iter().map(|one| (one.component, one.field)).collect();
    let component = |name: &str, field: &str| (Some(name.to_owned()), field.to_owned());
    assert_eq!(
        lines,
        [
            component("libc6 2.36-9+deb12u4", "component"),
            component("libssl3 3.0.11-1~deb12u2", "version"),
            component("new", "component"),
        ]
    );
}

#[test]
fn a_document_of_another_program_is_compared_by_package_urls() {
    let document = sample::document();
    let mut other = document.clone();
    other.tool = Some(Tool { name: "other".to_owned(), version: None });
    other.components.iter_mut().for_each(|one| {
        one.declared_licence = None;
        one.purl = one.purl.as_deref().and_then(|purl| purl.split('?').next()).map(str::to_owned);
    });
    assert_eq!(compare(&document, &other), []);
    other.components.retain(|one| one.name != "nginx");
    let differences = compare(&document, &other);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].image.as_deref(), Some("pkg:generic/nginx@1.25.3"));
}

#[test]
fn a_score_names_what_is_missing() {
    let text = written(&sample::document(), "cyclonedx-json");
    let back = read(text.as_bytes()).expect("readable");
    for yardstick in YARDSTICKS {
        let score = score(&back, yardstick);
        let document_fields = score.fields.iter().filter(|field| field.of_document);
        for field in document_fields {
            assert_eq!(field.missing, 0, "{} {}", yardstick.name, field.id);
        }
        assert!(!score.is_complete() && score.components.iter().any(|one| one.id == "nginx-4"), "{}", yardstick.name);
    }
    let old = Read { format: "SPDX 2.3".to_owned(), ..back };
    let bsi = score(&old, &YARDSTICKS[2]);
    assert_eq!(bsi.fields[0].missing, 1, "SPDX 2.3 is no format that BSI admits");
    let text = score_text(std::slice::from_ref(&bsi));
    assert!(text.contains("MISSING") && text.contains("nginx 1.25.3 lacks component-creator"), "{text}");
    let json: Value = serde_json::from_str(&score_json(&[bsi])).expect("JSON");
    assert_eq!(json["scores"][0]["yardstick"], "bsi");
}

#[test]
fn documents_of_other_programs_are_read() {
    let old = r#"{"bomFormat":"CycloneDX","specVersion":"1.4","metadata":{"tools":[{"vendor":"v","name":"t","version":"1"}]},
        "components":[{"type":"library","name":"a","group":"g","version":"1","licenses":[{"license":{"id":"MIT"}},{"license":{"name":"x y"}}],
        "components":[{"type":"platform","name":"b"}],"swid":{"tagId":"t","name":"n"}}]}"#;
    let found = read(old.as_bytes()).expect("readable");
    assert_eq!(found.format, "CycloneDX 1.4");
    assert_eq!(found.unknown, ["components[].swid"]);
    assert_eq!(found.document.tool, Some(Tool { name: "t".to_owned(), version: Some("1".to_owned()) }));
    let names: Vec<&str> = found.document.components.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["b", "g/a"]);
    assert_eq!(found.document.components[1].declared_licence.as_deref(), Some("MIT AND x y"));
    let tags = "SPDXVersion: SPDX-2.2\nSPDXID: SPDXRef-DOCUMENT\nCreator: Person: N (n@example.org)\nPackageName: p\nSPDXID: SPDXRef-p\n\
        PackageCopyrightText: <text>a\nb</text>\nFileName: ./x\nSPDXID: SPDXRef-f\nRelationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-p\n";
    let found = read(tags.as_bytes()).expect("readable");
    assert_eq!(found.document.root.as_deref(), Some("p"));
    assert_eq!(found.document.components[0].copyright.as_deref(), Some("a\nb"));
    assert_eq!(found.unknown, ["FileName", "SPDXID"]);
}

#[test]
fn what_cannot_be_read_is_told() {
    for (text, wanted) in [
        ("", "it is no bill of materials"),
        ("hello", "it is no bill of materials"),
        ("{}", "it is no bill of materials"),
        ("{\"a\"", "it is no JSON"),
        ("{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.1\"}", "`CycloneDX 1.1` is not read"),
        ("{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",\"components\":3}", "it does not have the form"),
        ("{\"spdxVersion\":\"SPDX-1.2\"}", "`SPDX-1.2` is not read"),
        ("<a", "it is no XML"),
        ("SPDXVersion: SPDX-2.3\nPackageName: <text>x", "line 2: the text does not end"),
        ("SPDXVersion: SPDX-2.3\nx", "line 2: a tag and a colon"),
    ] {
        let error = read(text.as_bytes()).expect_err(text).to_string();
        assert!(error.starts_with(wanted), "{text}: {error}");
    }
    assert_eq!(read(b"\xff").expect_err("no text"), ReadError::Encoding);
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert!(matches!(read(format!("{{\"a\":{deep}}}").as_bytes()), Err(ReadError::Json(_))));
}

#[test]
fn a_field_that_no_format_tells_apart_is_carried() {
    // The table of carried fields and the fields of a component are the same: nothing can be forgotten.
    let fields = carry::COMPONENT_FIELDS.len() + 1;
    let shown = format!("{:#?}", Component::default());
    let members = shown
        .lines()
        .filter(|line| line.starts_with("    ") && !line.starts_with("     "))
        .filter(|line| line.contains(':'));
    assert_eq!(members.count(), fields, "{shown}");
    assert_eq!(carry::DOCUMENT_FIELDS.len() + 4, 12);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[ -~]{0,12}", Just(String::new()), Just(sample::NASTY.to_owned()), "json:.{0,4}"]
}

fn set_text() -> impl Strategy<Value = String> {
    any_text().prop_filter("an empty field is no field", |text| !text.is_empty())
}

fn any_party() -> impl Strategy<Value = Option<Party>> {
    proptest::option::of(
        (set_text(), proptest::option::of(set_text()), proptest::option::of(set_text()), any::<bool>())
            .prop_map(|(name, email, url, person)| Party { name, email, url, person }),
    )
}

prop_compose! {
    fn any_component()(
        // A component without a name is written as `-` where a format demands one.
        name in set_text(),
        texts in proptest::collection::vec(any_text(), 4),
        optional in proptest::collection::vec(proptest::option::of(set_text()), 9),
        supplier in any_party(),
        author in any_party(),
        presence in 0..4usize,
        states in (0..4usize, 0..4usize),
        deployable in proptest::option::of((set_text(), any::<bool>(), any::<bool>(), any::<bool>())),
        hash in "[0-9a-fA-F]{0,70}",
        layer in proptest::option::of(0u32..9),
    ) -> Component {
        let state = |at: usize| [None, Some(Completeness::Complete), Some(Completeness::Incomplete), Some(Completeness::Unknown)][at];
        let mut optional = optional.into_iter();
        let mut next = || optional.next().flatten();
        Component {
            name,
            version: next(), purl: next(), description: next(), copyright: next(), declared_licence: next(),
            concluded_licence: next(), homepage: next(), download: next(), vcs: next(),
            cpes: vec![texts[1].clone()],
            supplier,
            author,
            raw_licences: vec![texts[2].clone()],
            hashes: vec![Hash { algorithm: "SHA-256".to_owned(), value: hash }],
            presence: [Presence::Installed, Presence::Removed, Presence::Declared, Presence::Claimed][presence],
            contents: state(states.0),
            dependencies: state(states.1),
            evidence: vec![Evidence { path: texts[3].clone(), inside: texts[1].clone(), layer, ..Evidence::default() }],
            deployable: deployable.map(|(name, executable, archive, structured)| Deployable { name, executable, archive, structured }),
            properties: vec![Property::new(format!("x{}", texts[1]), texts[2].clone())],
            ..Component::default()
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_document_comes_back_from_every_format(
        components in proptest::collection::vec(any_component(), 1..4),
        relations in proptest::collection::vec((0..3usize, 0..3usize, 0..5usize), 0..4),
        name in set_text(),
    ) {
        let mut document = Document {
            id: "urn:uuid:0b5b2c3e-0000-5000-8000-000000000000".to_owned(),
            name,
            created: "2026-01-01T00:00:00Z".to_owned(),
            tool: Some(Tool { name: "imgguard".to_owned(), version: Some("0.1.0".to_owned()) }),
            root: Some("c0".to_owned()),
            components,
            ..Document::default()
        };
        for (at, component) in document.components.iter_mut().enumerate() {
            component.id = format!("c{at}");
        }
        let count = document.components.len();
        for (from, to, kind) in relations {
            let kinds = [Scope::Runtime, Scope::Optional, Scope::Development, Scope::Build].map(RelationKind::DependsOn);
            let kind = kinds.get(kind).copied().unwrap_or(RelationKind::Contains);
            document.relations.push(Relation { from: format!("c{}", from % count), kind, to: format!("c{}", to % count) });
        }
        document.sort();
        for format in FORMATS.iter().filter(|format| format.readable) {
            let text = written(&document, format.name);
            let back = read(text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{}: {error}\n{text}", format.name)))?;
            prop_assert_eq!(&back.document, &document, "{}\n{}", format.name, text);
        }
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in any::<String>(), head in 0..5usize) {
        let head = ["", "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.6\",", "<bom xmlns='http://cyclonedx.org/schema/bom/1.6'>",
            "SPDXVersion: SPDX-2.3\n", "{\"spdxVersion\":\"SPDX-2.3\","][head];
        let _ = read(format!("{head}{text}").as_bytes());
    }

    #[test]
    fn no_broken_document_makes_a_reader_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), which in any::<prop::sample::Index>()) {
        let readable: Vec<&Format> = FORMATS.iter().filter(|format| format.readable).collect();
        let mut bytes = written(&sample::document(), which.get(&readable).name).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes);
        let _ = read(&bytes[..at]);
    }
}
