//! From YAML to tests: closed and typed as the rest of the policy.

use regex::{Regex, RegexBuilder, bytes};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::rules::Level;
use crate::yaml::{Member, Node, Scalar, Span, Value, YamlError, parse_foreign, read};

use super::super::document::{quoted_text, wants};
use super::contents::ContentTest;
use super::existence::{Executor, ExistenceTest};
use super::metadata::{MetadataTest, Wanted};
use super::{Levels, Structure, printed};

/// The version of the format.
const VERSION: &str = "2.0.0";
/// Most tests of one kind in one file.
const MAX_TESTS: usize = 1_000;
/// Most regular expressions in one file.
const MAX_PATTERNS: usize = 2_000;
/// Most bytes of one regular expression.
const MAX_PATTERN: usize = 4 << 10;
/// Most bytes of memory of one that is compiled.
const MAX_COMPILED: usize = 1 << 20;
/// Levels of groups in one.
const MAX_NEST: u32 = 64;

/// The section of one policy file.
pub(in crate::policy) struct StructureDraft {
    sections: Vec<Structure>,
    /// Files that are still to be read: path, place, levels.
    files: Vec<(String, Span, Levels)>,
}

/// An element that is a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawElement {
    #[serde(default)]
    level: Option<Level>,
    #[serde(default)]
    commands: Option<Level>,
    #[serde(default)]
    licenses: Option<Level>,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    tests: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawDocument {
    schema_version: String,
    #[serde(default)]
    #[expect(dead_code, reason = "read for its complaints: only commands have a use for them")]
    global_env_vars: Vec<RawPair>,
    #[serde(default)]
    command_tests: Vec<RawCommand>,
    #[serde(default)]
    file_existence_tests: Vec<RawExistence>,
    #[serde(default)]
    file_content_tests: Vec<RawContent>,
    #[serde(default)]
    metadata_test: Option<RawMetadata>,
    #[serde(default)]
    license_tests: Vec<RawLicence>,
    #[serde(default)]
    #[expect(dead_code, reason = "read for its complaints: nothing is run")]
    container_run_options: Option<RawRunOptions>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawPair {
    key: String,
    #[serde(default)]
    value: String,
    #[serde(default)]
    is_regex: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read for its complaints: nothing is run")]
struct RawCommand {
    name: String,
    #[serde(default)]
    setup: Vec<Vec<String>>,
    #[serde(default)]
    teardown: Vec<Vec<String>>,
    command: String,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env_vars: Vec<RawPair>,
    #[serde(default)]
    expected_output: Vec<String>,
    #[serde(default)]
    excluded_output: Vec<String>,
    #[serde(default)]
    expected_error: Vec<String>,
    #[serde(default)]
    excluded_error: Vec<String>,
    #[serde(default)]
    exit_code: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawExistence {
    name: String,
    path: String,
    #[serde(default = "yes")]
    should_exist: bool,
    #[serde(default)]
    permissions: Option<String>,
    #[serde(default)]
    uid: Option<u32>,
    #[serde(default)]
    gid: Option<u32>,
    #[serde(default)]
    is_executable_by: Option<Executor>,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawContent {
    name: String,
    path: String,
    #[serde(default)]
    expected_contents: Vec<String>,
    #[serde(default)]
    excluded_contents: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct RawMetadata {
    #[serde(default, alias = "env")]
    env_vars: Vec<RawPair>,
    #[serde(default)]
    unbound_env_vars: Vec<RawPair>,
    #[serde(default)]
    labels: Vec<RawPair>,
    #[serde(default)]
    exposed_ports: Vec<String>,
    #[serde(default)]
    unexposed_ports: Vec<String>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    unmounted_volumes: Vec<String>,
    #[serde(default)]
    entrypoint: Option<Vec<String>>,
    #[serde(default)]
    cmd: Option<Vec<String>>,
    #[serde(default)]
    workdir: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read for its complaints: the list they go by is not in the file")]
struct RawLicence {
    debian: bool,
    #[serde(default)]
    files: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read for its complaints: nothing is run")]
struct RawRunOptions {
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    privileged: bool,
    #[serde(default)]
    allocate_tty: bool,
    #[serde(default)]
    env_file: Option<String>,
    #[serde(default)]
    env_vars: Vec<String>,
    #[serde(default)]
    capabilities: Vec<String>,
    #[serde(default)]
    bind_mounts: Vec<String>,
}

impl StructureDraft {
    /// Reads the section: a list of files and tables, or one table.
    pub(in crate::policy) fn read(value: &Node, key_span: Span) -> (Option<Self>, Vec<YamlError>) {
        let elements = match (value.list(), value.table()) {
            (Some(elements), _) if !elements.is_empty() => elements,
            (None, Some(_)) => std::slice::from_ref(value),
            _ => {
                let problem =
                    wants(value, "a list of files and tests").with_hint("write `structure: [./structure.yaml]`");
                return (None, vec![problem]);
            }
        };
        let mut draft = Self { sections: Vec::new(), files: Vec::new() };
        let mut problems = Vec::new();
        for element in elements {
            if let Err(problem) = draft.element(element, key_span) {
                problems.push(problem);
            }
        }
        (Some(draft), problems)
    }

    fn element(&mut self, element: &Node, key_span: Span) -> Result<(), YamlError> {
        let levels = Levels { level: Level::Deny, commands: Level::Deny, licenses: Level::Deny };
        if let Some(path) = element.text() {
            self.files.push((path.to_owned(), element.span, levels));
            return Ok(());
        }
        if element.table().is_none() {
            return Err(quoted_text(element));
        }
        if element.get("schemaVersion").is_some() {
            self.sections.push(document(element, element.span, levels)?);
            return Ok(());
        }
        let raw: RawElement = read(element)?;
        let level = raw.level.unwrap_or(Level::Deny);
        let levels = Levels { level, commands: raw.commands.unwrap_or(level), licenses: raw.licenses.unwrap_or(level) };
        match (raw.file, element.get("tests"), raw.tests) {
            (Some(path), None, _) => {
                let span = element.get("file").map_or(key_span, |member| member.value.span);
                self.files.push((path, span, levels));
            }
            (None, Some(tests), _) => {
                self.sections.push(document(&tests.value, tests.key_span, levels)?);
            }
            _ => {
                return Err(YamlError::new(element.span, "either `file` or `tests` is wanted here").with_hint(
                    "write `{ file: ./structure.yaml, level: warn }`, or the tests with their `schemaVersion`",
                ));
            }
        }
        Ok(())
    }

    /// The tests that stand in the policy, and the files that are still to be read.
    pub(in crate::policy) fn split(self) -> (Vec<Structure>, Vec<(String, Span, Levels)>) {
        (self.sections, self.files)
    }
}

impl Structure {
    /// Reads a file of tests, whose spans are shifted by `base`.
    pub(in crate::policy) fn read_file(text: &str, base: usize, levels: Levels) -> (Option<Self>, Vec<YamlError>) {
        let start = Span { line: 1, column: 1, ..Span::default() };
        let section = parse_foreign(text).and_then(|documents| match documents.as_slice() {
            [only] => document(only, only.span, levels),
            _ => Err(YamlError::new(start, "one document with structure tests is wanted in the file")),
        });
        match section {
            Ok(mut section) => {
                section.span = section.span.shifted(base);
                (Some(section), Vec::new())
            }
            Err(problem) => (None, vec![problem.shifted(base)]),
        }
    }
}

/// What is wrong with lists is told at their places.
struct Reader<'a> {
    node: &'a Node,
    patterns: usize,
}

/// Keys whose values are text, however they are written: programs that read this format take `8080` for the text `8080`.
const TEXTS: &[&str] = &[
    "key",
    "value",
    "exposedPorts",
    "unexposedPorts",
    "volumes",
    "unmountedVolumes",
    "entrypoint",
    "cmd",
    "user",
    "workdir",
    "args",
    "setup",
    "teardown",
    "expectedOutput",
    "excludedOutput",
    "expectedError",
    "excludedError",
    "permissions",
    "expectedContents",
    "excludedContents",
    "name",
    "path",
    "command",
    "schemaVersion",
];

/// The same tree, in which numbers and booleans are text wherever text is wanted.
fn with_texts(node: &Node, is_text: bool) -> Node {
    let value = match &node.value {
        Value::Scalar(text, kind) if is_text && *kind != Scalar::Null => Value::Scalar(text.clone(), Scalar::Text),
        Value::Scalar(text, kind) => Value::Scalar(text.clone(), kind.clone()),
        Value::List(elements) => Value::List(elements.iter().map(|element| with_texts(element, is_text)).collect()),
        Value::Table(members) => {
            let member = |member: &Member| Member {
                value: with_texts(&member.value, TEXTS.contains(&member.key.as_str())),
                ..member.clone()
            };
            Value::Table(members.iter().map(member).collect())
        }
    };
    Node { value, span: node.span }
}

fn document(node: &Node, span: Span, levels: Levels) -> Result<Structure, YamlError> {
    let node = &with_texts(node, false);
    if node.table().is_none() {
        return Err(wants(node, "a table with `schemaVersion` and tests"));
    }
    let raw: RawDocument = read(node)?;
    let mut reader = Reader { node, patterns: 0 };
    if raw.schema_version != VERSION {
        let message = format!("version `{}` of structure tests is not known", raw.schema_version.escape_debug());
        return Err(YamlError::new(reader.at(&["schemaVersion"]), message).with_hint("write `schemaVersion: 2.0.0`"));
    }
    for (key, number) in [
        ("commandTests", raw.command_tests.len()),
        ("fileExistenceTests", raw.file_existence_tests.len()),
        ("fileContentTests", raw.file_content_tests.len()),
        ("licenseTests", raw.license_tests.len()),
    ] {
        if number > MAX_TESTS {
            return Err(YamlError::new(reader.at(&[key]), format!("more than {MAX_TESTS} tests")));
        }
    }
    let mut existence = Vec::new();
    for (at, test) in raw.file_existence_tests.into_iter().enumerate() {
        existence.push(reader.existence(at, test)?);
    }
    let mut contents = Vec::new();
    for (at, test) in raw.file_content_tests.into_iter().enumerate() {
        contents.push(reader.content(at, test)?);
    }
    let metadata = raw.metadata_test.map(|test| reader.metadata(test)).transpose()?;
    let is_empty = existence.is_empty() && contents.is_empty() && metadata.is_none();
    if is_empty && raw.command_tests.is_empty() && raw.license_tests.is_empty() {
        return Err(YamlError::new(reader.at(&["schemaVersion"]), "there are no tests"));
    }
    Ok(Structure {
        levels,
        span,
        shown: printed(node),
        existence,
        contents,
        metadata: metadata.into_iter().collect(),
        commands: raw.command_tests.into_iter().map(|test| test.name).collect(),
        licenses: raw.license_tests.len(),
    })
}

impl Reader<'_> {
    /// The place of a value, as deep as the path leads.
    fn at(&self, path: &[&str]) -> Span {
        let mut node = self.node;
        for step in path {
            let next = match step.parse::<usize>() {
                Ok(index) => node.list().and_then(|list| list.get(index)),
                Err(_) => node.get(step).map(|member| &member.value),
            };
            let Some(next) = next else { break };
            node = next;
        }
        node.span
    }

    fn existence(&self, at: usize, test: RawExistence) -> Result<ExistenceTest, YamlError> {
        let index = at.to_string();
        let place = |key: &str| self.at(&["fileExistenceTests", &index, key]);
        path(&test.path, place("path"))?;
        if let Some(text) = &test.permissions
            && !is_permissions(text)
        {
            let message = format!("`{}` are no permissions", text.escape_debug());
            return Err(YamlError::new(place("permissions"), message)
                .with_hint("write them as `ls -l` shows them: `-rwxr-xr-x`"));
        }
        let asked = [
            ("permissions", test.permissions.is_some()),
            ("uid", test.uid.is_some()),
            ("gid", test.gid.is_some()),
            ("isExecutableBy", test.is_executable_by.is_some()),
        ];
        if let Some((key, _)) = asked.iter().find(|(_, asked)| *asked && !test.should_exist) {
            let message = format!("`{key}` of a path that should not exist is never looked at");
            return Err(YamlError::new(place(key), message));
        }
        Ok(ExistenceTest {
            name: test.name,
            path: test.path,
            should_exist: test.should_exist,
            permissions: test.permissions,
            uid: test.uid,
            gid: test.gid,
            executable_by: test.is_executable_by,
        })
    }

    fn content(&mut self, at: usize, test: RawContent) -> Result<ContentTest, YamlError> {
        let index = at.to_string();
        path(&test.path, self.at(&["fileContentTests", &index, "path"]))?;
        let mut compile = |key: &str, patterns: &[String]| {
            let mut compiled = Vec::new();
            for (number, pattern) in patterns.iter().enumerate() {
                let span = self.at(&["fileContentTests", &index, key, &number.to_string()]);
                self.count(pattern, span)?;
                let built = bytes::RegexBuilder::new(pattern)
                    .size_limit(MAX_COMPILED)
                    .dfa_size_limit(MAX_COMPILED)
                    .nest_limit(MAX_NEST)
                    .build();
                compiled.push(built.map_err(|error| no_pattern(&error, span))?);
            }
            Ok::<_, YamlError>(compiled)
        };
        let expected = compile("expectedContents", &test.expected_contents)?;
        let excluded = compile("excludedContents", &test.excluded_contents)?;
        if expected.is_empty() && excluded.is_empty() {
            let span = self.at(&["fileContentTests", &index, "name"]);
            return Err(YamlError::new(span, "the test asks for nothing")
                .with_hint("give `expectedContents` or `excludedContents`"));
        }
        Ok(ContentTest { name: test.name, path: test.path, expected, excluded })
    }

    fn metadata(&mut self, raw: RawMetadata) -> Result<MetadataTest, YamlError> {
        let key = if self.node.get("metadataTest").is_some_and(|test| test.value.get("env").is_some()) {
            "env"
        } else {
            "envVars"
        };
        Ok(MetadataTest {
            env: self.pairs(key, raw.env_vars)?,
            unbound_env: raw.unbound_env_vars.into_iter().map(|pair| pair.key).collect(),
            labels: self.pairs("labels", raw.labels)?,
            exposed_ports: raw.exposed_ports,
            unexposed_ports: raw.unexposed_ports,
            volumes: raw.volumes,
            unmounted_volumes: raw.unmounted_volumes,
            entrypoint: raw.entrypoint,
            cmd: raw.cmd,
            workdir: raw.workdir,
            user: raw.user,
        })
    }

    fn pairs(&mut self, key: &str, pairs: Vec<RawPair>) -> Result<Vec<(String, Wanted)>, YamlError> {
        let mut wanted = Vec::new();
        for (at, pair) in pairs.into_iter().enumerate() {
            let value = if pair.is_regex {
                let span = self.at(&["metadataTest", key, &at.to_string(), "value"]);
                self.count(&pair.value, span)?;
                Wanted::Pattern(pattern(&pair.value, span)?)
            } else {
                Wanted::Text(pair.value)
            };
            wanted.push((pair.key, value));
        }
        Ok(wanted)
    }

    fn count(&mut self, pattern: &str, span: Span) -> Result<(), YamlError> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            return Err(YamlError::new(span, format!("more than {MAX_PATTERNS} regular expressions")));
        }
        if pattern.len() > MAX_PATTERN {
            return Err(YamlError::new(span, format!("a regular expression of more than {MAX_PATTERN} bytes")));
        }
        Ok(())
    }
}

fn pattern(text: &str, span: Span) -> Result<Regex, YamlError> {
    let built =
        RegexBuilder::new(text).size_limit(MAX_COMPILED).dfa_size_limit(MAX_COMPILED).nest_limit(MAX_NEST).build();
    built.map_err(|error| no_pattern(&error, span))
}

fn no_pattern(error: &regex::Error, span: Span) -> YamlError {
    let why = match error {
        regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
        // The last line says what is wrong; those before it draw the place.
        other => {
            let text = other.to_string();
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
    };
    YamlError::new(span, format!("no regular expression: {why}"))
}

fn path(path: &str, span: Span) -> Result<(), YamlError> {
    let good = !path.is_empty() && !path.contains('\0');
    if good { Ok(()) } else { Err(YamlError::new(span, "the path is empty or no path")) }
}

/// Whether a text may be permissions, in the form of `ls` or of Go programs.
fn is_permissions(text: &str) -> bool {
    let length = text.chars().count();
    (10..=16).contains(&length) && text.chars().all(|letter| "-rwxsStTdlLDcbpugS".contains(letter))
}
