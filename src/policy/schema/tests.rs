use super::super::fake::table;
use super::super::presets::PRESETS;
use super::super::{builtin, builtin_default, parse};
use super::*;
use crate::rules::Level::{Deny, Info, Warn};
use crate::yaml;

fn json(text: &str) -> Value {
    let node = yaml::parse(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    yaml::read(&node).expect("every tree is JSON")
}

/// What the schema says against a policy.
fn complaints(schema: &Value, policy: &str) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    validator.iter_errors(&json(policy)).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn the_schema_accepts_what_the_parser_accepts() {
    let schema = schema_of(table());
    let digest = format!("sha256:{}", "0".repeat(64));
    for text in [
        "version: 1\nextends: [\"@strict\", ./a.yaml, ../b.yaml]\n",
        "version: 1\nname: x\nrules: { user: { root: deny, exists: { level: off } } }\n",
        "version: 1\nrules: { size: { total: { below: 1GB } } }\n",
        "version: 1\nrules: { size: { total: { level: warn, basis: uncompressed, below: 1GB, warn-at: null } } }\n",
        &format!("version: 1\nbases: [{{ ref: a, diff-ids: [\"{digest}\"] }}]\nrules: {{ base: {{ allow: deny }} }}\n"),
        &format!("version: 1\nbases: [{{ ref: a, digest: \"{digest}\" }}]\n"),
        "version: 1\nlock: [user, user.root]\nlimits: { waiver-days: 30 }\nrules: { user: { root: { since: 2027-01-01, scope: own, platforms: [linux/amd64] } } }\n",
        "version: 1\nwaivers: [{ rule: user.root, match: { path: [a, b], purl: x }, reason: a, owner: b, until: 2027-01-15, image: [c] }]\n",
    ] {
        assert_eq!(complaints(&schema, text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn the_schema_refuses_what_an_editor_should_underline() {
    let schema = schema_of(table());
    for text in [
        "rules: {}\n",
        "version: 2\n",
        "version: \"1\"\n",
        "version: 1\nruels: {}\n",
        "version: 1\nextends: []\n",
        "version: 1\nextends: [\"@strikt\"]\n",
        "version: 1\nrules: { usr: { root: deny } }\n",
        "version: 1\nrules: { user: { rot: deny } }\n",
        "version: 1\nrules: { user: { root: denny } }\n",
        "version: 1\nrules: { user: { root: { levle: deny } } }\n",
        "version: 1\nrules: { size: { total: { below: 2 } } }\n",
        "version: 1\nrules: { size: { total: { basis: packed } } }\n",
        "version: 1\nbases: [{ ref: a }]\n",
        "version: 1\nlimits: { waiver-days: 0 }\n",
        "version: 1\nrules: { user: { root: { since: soon } } }\n",
        "version: 1\nwaivers: [{ rule: user.root, match: {}, reason: a, owner: b, until: 2027-01-15 }]\n",
        "version: 1\nwaivers: [{ rule: user.root, match: { subject: a }, owner: b, until: 2027-01-15 }]\n",
    ] {
        assert!(!complaints(&schema, text).is_empty(), "accepted: {text}");
    }
}

#[test]
fn the_schema_is_a_valid_schema_without_dangling_references() {
    for schema in [schema(), schema_of(table())] {
        jsonschema::meta::validate(&schema).expect("draft 2020-12");
        let mut open = vec![&schema];
        while let Some(value) = open.pop() {
            if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("a reference inside the schema");
                assert!(schema.pointer(pointer).is_some(), "{reference}");
            }
            open.extend(value.as_object().into_iter().flat_map(Map::values));
            open.extend(value.as_array().into_iter().flatten());
        }
    }
}

#[test]
fn every_shipped_policy_is_good_for_the_parser_and_the_schema() {
    for (name, text) in PRESETS {
        match builtin(name).expect("listed") {
            Ok(policy) => assert_eq!(Some(policy.name.as_str()), name.strip_prefix('@')),
            Err(errors) => panic!("{}", super::super::render(&errors, false)),
        }
        assert_eq!(complaints(&schema(), text), Vec::<String>::new(), "{name}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the examples of the repository, also those that are new")]
fn every_example_is_good_for_the_parser_and_the_schema() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/examples");
    let mut names: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    names.sort();
    assert!(names.iter().any(|path| path.ends_with("complete.yaml")), "docs/policy-example.md speaks of it");
    for path in names {
        let text = std::fs::read_to_string(&path).expect("readable");
        let name = path.to_string_lossy();
        if let Err(errors) = parse(&text, &name, &mut |other| Err(format!("no file {other}"))) {
            panic!("{}", super::super::render(&errors, false));
        }
        assert_eq!(complaints(&schema(), &text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_complete_policy_means_what_its_text_says() {
    let text = include_str!("../../../policies/examples/complete.yaml");
    let policy = parse(text, "complete.yaml", &mut |_| Err(String::new())).unwrap_or_else(|errors| panic!("{errors}"));
    let level = |id: &str| policy.rules.iter().find(|configured| configured.rule.id == id).map(|found| found.level);
    for id in [
        "platforms.parity",
        "files.capabilities",
        "healthcheck.shape",
        "packages.forbid",
        "licenses.forbid",
        "runtime.eol",
    ] {
        assert_eq!(level(id), Some(Deny), "{id}");
    }
    for id in ["secrets.names", "healthcheck.timing", "files.empty", "env.require"] {
        assert_eq!(level(id), Some(Warn), "{id}");
    }
    assert_eq!(level("files.bytecode"), Some(Info));
}

#[test]
fn the_default_policy_is_small_not_root_without_secrets_and_on_an_allowed_base() {
    let policy = builtin_default();
    let levels: Vec<_> =
        policy.rules.iter().map(|configured| (configured.rule.id.as_ref(), configured.level)).collect();
    assert_eq!(
        levels,
        [
            ("base.allow", Deny),
            ("secrets.content", Deny),
            ("secrets.incomplete", Info),
            ("secrets.package-supplied", Warn),
            ("size.total", Deny),
            ("user.exists", Warn),
            ("user.root", Deny),
            ("user.uid", Deny),
        ]
    );
}

#[test]
fn a_stronger_preset_judges_whatever_a_weaker_one_judges() {
    let ids = |name| -> BTreeSet<String> {
        let policy = builtin(name).expect("listed").unwrap_or_else(|errors| panic!("{errors}"));
        policy.rules.iter().map(|configured| configured.rule.id.to_string()).collect()
    };
    assert!(ids("@minimal").is_subset(&ids("@default")));
    assert!(ids("@default").is_subset(&ids("@recommended")));
    assert!(ids("@recommended").is_subset(&ids("@strict")));
    let missing: Vec<_> = RULES.iter().map(|rule| rule.id).filter(|id| !ids("@strict").contains(*id)).collect();
    assert_eq!(
        missing,
        [
            "env.require",
            "healthcheck.shape",
            "licenses.forbid",
            "packages.require",
            "ports.exactly",
            "size.growth",
            "size.own",
            "supply.attestations",
            "supply.provenance",
            "supply.sbom-matches",
            "supply.signature",
            "tags.immutable",
            "user.owns"
        ],
        "only the application's own policy knows its ports, its health, its licences, its signers and what it needs"
    );
}

#[test]
fn the_schema_in_policies_is_what_the_program_prints() {
    assert!(
        include_str!("../../../policies/schema.json") == schema_text(),
        "run `imgguard policy schema > policies/schema.json`"
    );
}
