//! The JSON schema of a policy file, for editors: made from the schemas of the rules' settings.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::rules::{RULES, Rule};

use super::presets::preset_names;

/// Where definitions lie in a schema.
const DEFINITIONS: &str = "#/$defs/";

/// The JSON schema (draft 2020-12) of a policy file.
///
/// It accepts whatever the parser accepts and refuses unknown keys, groups and rules; what depends on several keys or
/// files, the parser checks alone.
#[must_use]
pub fn schema() -> Value {
    schema_of(RULES)
}

/// [`schema`] as text: what `imgguard policy schema` prints and `policies/schema.json` holds.
#[must_use]
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// [`schema`] for another table of rules.
pub(super) fn schema_of(table: &[Rule]) -> Value {
    let mut generator = generator();
    let mut groups: Map<String, Value> = Map::new();
    for rule in table {
        let written = (rule.schema)(&mut generator).to_value();
        let settings = resolve(&written, generator.definitions()).clone();
        let (group, name) = rule.id.split_once('.').unwrap_or((rule.id, ""));
        let group = groups.entry(group).or_insert_with(
            || json!({ "type": "object", "additionalProperties": false, "minProperties": 1, "properties": {} }),
        );
        group["properties"][name] = json!({
            "description": format!("{} {}", rule.code, rule.summary),
            "anyOf": [{ "$ref": "#/$defs/level" }, table_of(&properties(&settings, generator.definitions()))],
        });
    }
    if let Some(group) = groups.get_mut(super::alias::GROUP) {
        for name in super::alias::NAMES {
            group["properties"][name] = json!({
                "description": format!("One level for all rules of the group, for {name} files."),
                "$ref": "#/$defs/level",
            });
        }
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "imgguard policy",
        "type": "object",
        "required": ["version"],
        "additionalProperties": false,
        "properties": {
            "version": { "description": "Version of the file format.", "const": 1 },
            "name": { "description": "Name of the policy, for people.", "type": "string", "minLength": 1, "maxLength": 200 },
            "extends": {
                "description": "Presets, local files and bundles, applied from left to right before this file.",
                "type": "array", "minItems": 1, "uniqueItems": true,
                "items": { "anyOf": [{ "enum": preset_names() }, { "type": "string", "pattern": "^\\.{1,2}/" }, pinned(), bundle()] },
            },
            "bases": {
                "description": "Known base images: the layers that prove an image to be built on them.",
                "type": "array", "minItems": 1, "items": base(),
            },
            "limits": {
                "description": "What waivers may do, here and in every policy that extends this one.",
                "type": "object", "additionalProperties": false, "minProperties": 1,
                "properties": {
                    "waiver-days": { "description": "Most days that a waiver may last.", "type": "integer", "minimum": 1 },
                },
            },
            "lock": {
                "description": "Rules (`user.root`) and groups (`secrets`) that policies which extend this one may only tighten and never waive.",
                "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^[a-z-]+([.][a-z*-]+)?$" },
            },
            "pipeline": pipeline(),
            "structure": structure(),
            "waivers": {
                "description": "Exceptions: which findings of a rule are let pass, why, who answers for it, and until when.",
                "type": "array", "items": waiver(),
            },
            "custom": {
                "description": "Rules of this policy's own, in CEL over the facts of the image.",
                "type": "array", "minItems": 1, "items": custom(),
            },
            "tests": {
                "description": "What this policy must say of given facts; run by `imgguard policy test`.",
                "type": "array", "minItems": 1, "items": trial(),
            },
            "evidence": {
                "description": "Dockerfiles, compose files and Kubernetes manifests, or directories of them, to compare images with.",
                "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^[^/]" },
            },
            "promote": promote(),
            "rules": {
                "description": "Group, rule, then a level or a table of `level` and settings.",
                "type": "object", "additionalProperties": false, "properties": groups,
            },
        },
        "$defs": {
            "level": {
                "description": "deny: a failure is a violation; warn and info: told; off: not judged.",
                "enum": ["deny", "warn", "info", "off"],
            },
        },
    });
    for (name, definition) in common() {
        schema["$defs"][name] = definition;
    }
    let definitions = used(&schema, generator.definitions());
    for (name, definition) in definitions {
        schema["$defs"][name] = definition;
    }
    schema.sort_all_objects();
    schema
}

/// A bundle, pinned by its digest.
fn pinned() -> Value {
    json!({
        "description": "A policy bundle in a registry, pinned by the digest of its manifest.",
        "type": "string",
        "pattern": "^oci://[^@]+@(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$",
    })
}

/// A bundle with its signer.
fn bundle() -> Value {
    let text = |about: &str| json!({ "description": about, "type": "string", "minLength": 1 });
    json!({
        "type": "object", "additionalProperties": false, "required": ["from"],
        "properties": {
            "from": pinned(),
            "key": text("File of the public key that must have signed it, relative to this file."),
            "identity": text("The identity that must have signed it, exact."),
            "identity-pattern": text("A regular expression that its identity must match from end to end."),
            "issuer": text("The issuer of the identity, exact."),
            "issuer-pattern": text("A regular expression that the issuer must match from end to end."),
            "kind": { "description": "What kind of identity.", "enum": ["email", "uri"] },
            "claims": { "description": "Further claims of the certificate.", "type": "object", "additionalProperties": { "type": "string" } },
            "notation-ca": text("File with the certificates of authorities (Notary Project), relative to this file."),
            "subject": text("Whom of those authorities to believe; `*` for everybody."),
            "scheme": { "description": "Who says when it was signed.", "enum": ["x509", "signing-authority"] },
            "until": text("The last moment at which it may have been signed."),
            "signature": { "description": "`none`: no signature is asked for, the digest alone counts.", "const": "none" },
        },
    })
}

/// The section `structure`.
fn structure() -> Value {
    let level = || json!({ "$ref": "#/$defs/level" });
    let file = json!({ "description": "A file of container-structure-test, relative to this file.", "type": "string", "pattern": "^[^/]" });
    let tests = json!({
        "description": "Tests as container-structure-test has them.",
        "type": "object", "required": ["schemaVersion"],
    });
    let element = json!({
        "type": "object", "additionalProperties": false,
        "oneOf": [{ "required": ["file"] }, { "required": ["tests"] }],
        "properties": {
            "level": level(), "commands": level(), "licenses": level(), "file": file, "tests": tests,
        },
    });
    json!({
        "description": "Tests of container-structure-test (schemaVersion 2.0.0); nothing is ever run.",
        "anyOf": [
            { "type": "array", "minItems": 1, "items": { "anyOf": [file, tests, element] } },
            tests,
            element,
        ],
    })
}

/// A base image in the list `bases`.
fn base() -> Value {
    let digest = json!({ "type": "string", "pattern": "^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$" });
    json!({
        "type": "object", "additionalProperties": false, "required": ["ref"],
        "anyOf": [{ "required": ["digest"] }, { "required": ["diff-ids"] }],
        "properties": {
            "ref": { "description": "Canonical name.", "type": "string", "minLength": 1 },
            "digest": { "description": "Digest of the manifest or index.", "allOf": [digest] },
            "diff-ids": {
                "description": "Digests of the uncompressed layers, bottom first.",
                "type": "array", "minItems": 1, "items": digest,
            },
        },
    })
}

/// The section `pipeline`.
fn pipeline() -> Value {
    let text = |about: &str| json!({ "description": about, "type": "string", "minLength": 1 });
    let list =
        |about: &str| json!({ "description": about, "type": "array", "items": { "type": "string", "minLength": 1 } });
    let table =
        |about: &str| json!({ "description": about, "type": "object", "additionalProperties": { "type": "string" } });
    let section = |about: &str, properties: Value| json!({ "description": about, "type": "object", "additionalProperties": false, "properties": properties });
    let mut release = section(
        "Where the image is released.",
        json!({
            "to": text("The repository: host/name."),
            "latest": text("What latest follows: highest, a line such as 1 or 1.4, or off."),
            "variant": text("The variant of this image, such as -alpine."),
            "channels": list("Further tags that follow the highest version before a release."),
            "annotations": table("Annotations of the index."),
        }),
    );
    release["required"] = json!(["to"]);
    section(
        "How `imgguard run` builds and releases the image.",
        json!({
            "image": text("An image that exists already; the one that `build` makes unless given."),
            "build": section("How it is built.", json!({
                "context": text("Folder whose files the build may use."),
                "file": text("The Dockerfile."),
                "to": text("The OCI layout that gets the image: oci:DIR[:TAG]."),
                "platforms": list("Platforms, such as linux/arm64."),
                "target": text("The stage to stop at."),
                "args": table("Build arguments."),
                "builder": { "description": "The builder.", "enum": ["auto", "buildx", "buildah", "podman"] },
                "options": list("Further options for the builder."),
            })),
            "sbom": section("Which bills of materials are made.", json!({
                "files": table("Formats that are written to files, as FORMAT: FILE; {platform} in the name."),
                "attest": list("Formats that are attested beside the released image."),
            })),
            "sign": section("Who signs.", json!({
                "key": text("A key file, the key of a service as NAME://REF, or the key on a token as pkcs11:…."),
                "identity-token": text("The file of an identity token, or ambient."),
                "signing-config": text("The services for an identity token."),
                "public-log": { "description": "Agree that identity and digest are written into the public log.", "type": "boolean" },
            })),
            "release": release,
        }),
    )
}

/// The section `promote`.
fn promote() -> Value {
    let text = |about: &str| json!({ "description": about, "type": "string", "minLength": 1 });
    let names = |about: &str| json!({ "description": about, "type": "array", "minItems": 1, "uniqueItems": true, "items": { "type": "string" } });
    let age = |about: &str| json!({ "description": about, "type": "string", "pattern": "^[0-9]+[dhms]?$" });
    json!({
        "description": "What has to hold beside the rules before an image is promoted.",
        "type": "object", "additionalProperties": false, "minProperties": 1,
        "properties": {
            "verifier": text("What summaries name as their verifier: a URI."),
            "verdict": {
                "description": "How long a plan's verdict counts.",
                "type": "object", "additionalProperties": false, "required": ["max-age"],
                "properties": { "max-age": age("Its highest age when the plan is applied.") },
            },
            "signers": { "description": "Signers by name, as in a trust policy.", "type": "object", "minProperties": 1, "additionalProperties": { "type": "object" } },
            "require": { "description": "Signatures and attestations that must be there, as in a trust policy.", "type": "array", "minItems": 1, "items": { "type": "object" } },
            "stage": {
                "description": "An earlier stage that the image must have passed.",
                "type": "object", "additionalProperties": false, "required": ["by"],
                "properties": {
                    "resource": text("Its repository; the source of the promotion unless given."),
                    "by": names("Signers whose records and summaries count."),
                    "verifier": text("What a summary must name as its verifier."),
                    "soak": age("How long the image must have stood there."),
                },
            },
            "freeze": {
                "description": "Windows in which nothing is promoted.",
                "type": "array", "minItems": 1, "maxItems": 100,
                "items": {
                    "type": "object", "additionalProperties": false, "required": ["from", "until"],
                    "properties": {
                        "name": text("Its name, for people."),
                        "days": { "description": "Days on which it begins; every day unless given.", "type": "array", "minItems": 1, "items": { "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] } },
                        "from": text("22:00, or for a window that comes once 2026-12-24 or 2026-12-24T16:00."),
                        "until": text("06:00: of the next day when it is not later than `from`. A date is the last day."),
                        "zone": text("Time zone, such as Europe/Berlin; UTC unless given."),
                    },
                },
            },
            "approvals": {
                "description": "Who must have signed the plan.",
                "type": "object", "additionalProperties": false, "required": ["at-least", "of"],
                "properties": {
                    "at-least": { "description": "How many different signers.", "type": "integer", "minimum": 1 },
                    "of": names("Names of signers."),
                },
            },
            "attest-refusals": { "description": "Leave a summary that says FAILED beside an image that is refused, at its source.", "type": "boolean" },
        },
    })
}

/// An element of `custom`.
fn custom() -> Value {
    let text = |about: &str| json!({ "description": about, "type": "string", "pattern": "\\S" });
    json!({
        "type": "object", "additionalProperties": false, "required": ["name"],
        "anyOf": [{ "required": ["expr", "message"] }, { "properties": { "level": { "const": "off" } }, "required": ["level"] }],
        "properties": {
            "name": { "description": "The rule is called `custom.NAME`.", "type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$" },
            "level": { "$ref": "#/$defs/level" },
            "when": text("CEL: where it is false, the rule does not apply."),
            "expr": text("CEL: true is good."),
            "message": text("What a finding says."),
            "why": text("Why it matters."),
            "fix": text("How to fix it."),
            "cost": { "description": "Lets a long list be gone through once for each element of another.", "const": "high" },
        },
    })
}

/// An element of `tests`.
fn trial() -> Value {
    let rules =
        json!({ "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^[a-z]+[.][a-z0-9-]+$" } });
    json!({
        "type": "object", "additionalProperties": false, "required": ["name", "expect"],
        "properties": {
            "name": { "description": "Its name.", "type": "string", "pattern": "\\S" },
            "facts": {
                "description": "What `imgguard inspect -o json` printed, relative to this file; an image in which nothing is unless given.",
                "type": "string", "pattern": "^[^/]",
            },
            "now": day("The day of the run; today unless given."),
            "set": {
                "description": "Changes of the facts: JSON pointer from the image on, such as `/config/User`, and value.",
                "type": "object", "propertyNames": { "pattern": "^/" },
            },
            "unset": {
                "description": "What is taken out of the facts.",
                "type": "array", "minItems": 1, "items": { "type": "string", "pattern": "^/" },
            },
            "expect": {
                "type": "object", "additionalProperties": false, "minProperties": 1,
                "properties": {
                    "verdict": { "enum": ["pass", "violations", "inconclusive"] },
                    "fail": rules, "pass": rules, "unknown": rules, "waived": rules, "not-applicable": rules,
                },
            },
        },
    })
}

/// An element of `waivers`.
fn waiver() -> Value {
    let text = |about: &str| json!({ "description": about, "type": "string", "pattern": "\\S" });
    let globs = json!({ "type": "array", "minItems": 1, "items": { "type": "string" } });
    json!({
        "type": "object", "additionalProperties": false, "required": ["rule", "match", "reason", "owner", "until"],
        "properties": {
            "rule": text("Id of the rule."),
            "match": {
                "description": "Which findings: all given parts must fit.",
                "type": "object", "additionalProperties": false, "minProperties": 1,
                "properties": {
                    "path": { "description": "Path of the file: a glob or a list of globs.", "anyOf": [{ "type": "string" }, globs] },
                    "sha256": { "description": "Content of the file.", "type": "string", "pattern": "^[0-9a-f]{64}$" },
                    "purl": text("Package: a name or a package URL, with wildcards."),
                    "id": text("Id of a vulnerability, licence or product."),
                    "port": text("Port with its protocol."),
                    "env": text("Name of the environment variable."),
                    "label": text("Key of the label."),
                    "fingerprint": { "description": "Fingerprint of the secret.", "type": "string", "pattern": "^[0-9a-f]{32}$" },
                    "subject": text("The subject of the finding, as `-o json` prints it."),
                },
            },
            "reason": text("Why it is accepted."),
            "owner": text("Who answers for it."),
            "until": day("The last day on which it holds (UTC)."),
            "image": {
                "description": "Images it is for; all when not given.",
                "type": "array", "minItems": 1, "items": { "type": "string" },
            },
            "platforms": platforms("Platforms it is for; all when not given."),
        },
    })
}

fn day(about: &str) -> Value {
    json!({ "description": about, "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
}

fn platforms(about: &str) -> Value {
    json!({
        "description": about, "type": "array", "minItems": 1,
        "items": { "type": "string", "pattern": "^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$" },
    })
}

/// What every rule may be told beside its level.
fn common() -> Map<String, Value> {
    let scope = json!({
        "description": "Whose findings count: `own` leaves out what is proved to come from the base image.",
        "enum": ["own", "base", "all"],
    });
    let since = day("The day from which it denies (UTC); a warning until then.");
    let platforms = platforms("The platforms it is judged on; all when not given.");
    let all = [("since", since), ("scope", scope), ("platforms", platforms)];
    let or_null = |one: Value| json!({ "anyOf": [one, { "type": "null" }] });
    all.into_iter().map(|(name, one)| (name.to_owned(), or_null(one))).collect()
}

/// The table form of a rule: its settings, none of them mandatory since a parent may give it, and `level`.
fn table_of(properties: &Map<String, Value>) -> Value {
    let mut all = Map::new();
    all.insert("level".to_owned(), json!({ "$ref": "#/$defs/level" }));
    for (name, _) in common() {
        all.insert(name.clone(), json!({ "$ref": format!("{DEFINITIONS}{name}") }));
    }
    for (name, schema) in properties {
        let mut property = json!({ "anyOf": [schema, { "type": "null" }] });
        if let Some(description) = schema.get("description") {
            property["description"] = description.clone();
        }
        all.insert(name.clone(), property);
    }
    json!({ "type": "object", "additionalProperties": false, "minProperties": 1, "properties": all })
}

fn generator() -> schemars::SchemaGenerator {
    schemars::generate::SchemaSettings::draft2020_12().into_generator()
}

/// The settings of a rule: each name with its schema, the names that are mandatory, and the definitions they use.
pub(super) struct Settings {
    pub(super) properties: Map<String, Value>,
    pub(super) required: BTreeSet<String>,
    pub(super) definitions: Map<String, Value>,
}

impl Settings {
    /// Reads them from the rule's schema.
    pub(super) fn of(rule: &Rule) -> Self {
        let mut generator = generator();
        let mut written = (rule.schema)(&mut generator).to_value();
        let mut definitions = generator.take_definitions(true);
        written.sort_all_objects();
        definitions.sort_keys();
        definitions.values_mut().for_each(Value::sort_all_objects);
        let schema = resolve(&written, &definitions);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        let required = required.filter_map(Value::as_str).map(str::to_owned).collect();
        Self { properties: properties(schema, &definitions), required, definitions }
    }
}

/// The properties of an object, or of all its alternatives together.
fn properties(schema: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let mut all = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
    for word in ["oneOf", "anyOf", "allOf"] {
        for alternative in schema.get(word).and_then(Value::as_array).into_iter().flatten() {
            let part = resolve(alternative, definitions).get("properties").and_then(Value::as_object);
            for (name, property) in part.into_iter().flatten() {
                all.entry(name.clone()).or_insert_with(|| property.clone());
            }
        }
    }
    all
}

/// Follows references to definitions; a cycle ends after a few steps.
pub(super) fn resolve<'a>(mut schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    for _ in 0..8 {
        let name = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(DEFINITIONS));
        match name.and_then(|name| definitions.get(name)) {
            Some(definition) => schema = definition,
            None => break,
        }
    }
    schema
}

/// The definitions that a schema uses, directly or through others.
fn used(schema: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let mut found = Map::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                open.extend(members.values());
                let name = members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(DEFINITIONS));
                if let Some((name, definition)) = name.and_then(|name| definitions.get_key_value(name))
                    && !found.contains_key(name)
                {
                    found.insert(name.clone(), definition.clone());
                    open.push(definition);
                }
            }
            Value::Array(elements) => open.extend(elements),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests;
