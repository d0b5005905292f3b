//! The image config (OCI image-spec, config.md, and Docker's further fields).

use serde_json::Value;

use crate::model::{Digest, DigestError, Healthcheck, History, ImageConfig, Note, NoteKind};

use super::fields::Object;
use super::{OciError, parse_strict};

/// Layers of one image; runtimes stop far below.
const MAX_LAYERS: usize = 1_000;
/// Steps of one build.
const MAX_HISTORY: usize = 10_000;
/// Elements of any other list.
const MAX_LIST: usize = 10_000;

/// Reads a config. History is paired with layers where the counts agree; otherwise a note says that they do not.
///
/// # Errors
/// [`OciError`] when it is not strict JSON, a field has the wrong type, or a diffID is malformed.
pub fn parse_config(bytes: &[u8]) -> Result<(ImageConfig, Vec<Note>), OciError> {
    let value = parse_strict(bytes)?;
    let root = Object::new("", &value)?;
    let mut notes = Vec::new();
    let mut config = ImageConfig {
        os: root.text_or_empty("os")?,
        architecture: root.text_or_empty("architecture")?,
        variant: root.text_or_empty("variant")?,
        created: root.text("created")?,
        author: root.text("author")?.filter(|author| !author.is_empty()),
        diff_ids: diff_ids(&root)?,
        history: history(&root)?,
        ..ImageConfig::default()
    };
    if let Some(container) = root.object("config")? {
        read_container(&container, &mut config, &mut notes)?;
    }
    notes.extend(pair(&mut config));
    Ok((config, notes))
}

fn read_container(object: &Object<'_>, config: &mut ImageConfig, notes: &mut Vec<Note>) -> Result<(), OciError> {
    config.user = object.text_or_empty("User")?;
    config.env = environment(&object.texts("Env", MAX_LIST)?.unwrap_or_default(), notes);
    config.entrypoint = object.command("Entrypoint", MAX_LIST)?;
    config.cmd = object.command("Cmd", MAX_LIST)?;
    config.working_dir = object.text_or_empty("WorkingDir")?;
    config.exposed_ports = object.keys("ExposedPorts")?;
    config.volumes = object.keys("Volumes")?;
    config.labels = object.text_map("Labels")?;
    config.stop_signal = object.text_or_empty("StopSignal")?;
    config.healthcheck = object.object("Healthcheck")?.as_ref().map(healthcheck).transpose()?;
    config.shell = object.command("Shell", MAX_LIST)?;
    config.on_build = object.texts("OnBuild", MAX_LIST)?.unwrap_or_default();
    Ok(())
}

/// Splits `NAME=value`. An entry without `=` is kept as a name without a value.
fn environment(entries: &[String], notes: &mut Vec<Note>) -> Vec<(String, String)> {
    let mut variables = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        if let Some((name, value)) = entry.split_once('=') {
            variables.push((name.to_owned(), value.to_owned()));
        } else {
            // The entry itself is not shown: it may be a value that lost its name.
            notes.push(note(NoteKind::Source, format!("entry {at} of the config's Env has no `=`")));
            variables.push((entry.clone(), String::new()));
        }
    }
    variables
}

fn healthcheck(object: &Object<'_>) -> Result<Healthcheck, OciError> {
    Ok(Healthcheck {
        test: object.command("Test", MAX_LIST)?.unwrap_or_default(),
        interval: object.integer("Interval")?.unwrap_or_default(),
        timeout: object.integer("Timeout")?.unwrap_or_default(),
        start_period: object.integer("StartPeriod")?.unwrap_or_default(),
        retries: object.integer("Retries")?.unwrap_or_default(),
    })
}

fn diff_ids(root: &Object<'_>) -> Result<Vec<Digest>, OciError> {
    let Some(rootfs) = root.object("rootfs")? else { return Ok(Vec::new()) };
    let kind = rootfs.text_or_empty("type")?;
    if !matches!(kind.as_str(), "" | "layers") {
        return Err(rootfs.error("type", "is not `layers`"));
    }
    let texts = rootfs.texts("diff_ids", MAX_LAYERS)?.unwrap_or_default();
    let digest = |(at, text): (usize, &String)| {
        let problem = |error: DigestError| rootfs.error("diff_ids", format!("has a wrong element {at}: {error}"));
        text.parse().map_err(problem)
    };
    texts.iter().enumerate().map(digest).collect()
}

fn history(root: &Object<'_>) -> Result<Vec<History>, OciError> {
    let entries = root.array("history", MAX_HISTORY)?.unwrap_or_default();
    let entry = |(pointer, value): &(String, &Value)| {
        let step = Object::new(pointer, value)?;
        Ok(History {
            created_by: step.text_or_empty("created_by")?,
            created: step.text("created")?,
            comment: step.text_or_empty("comment")?,
            empty_layer: step.flag("empty_layer")?,
            layer: None,
            source: None,
        })
    };
    entries.iter().map(entry).collect()
}

/// Gives each step that made a layer its layer, in order. With other counts nobody can tell which step made which.
fn pair(config: &mut ImageConfig) -> Option<Note> {
    let layers = config.diff_ids.len();
    let steps = config.history.iter().filter(|step| !step.empty_layer).count();
    if steps != layers {
        let detail = format!("the history has {steps} steps that make a layer, and the image has {layers} layers");
        return Some(note(NoteKind::History, detail));
    }
    for (step, layer) in config.history.iter_mut().filter(|step| !step.empty_layer).zip(0..) {
        step.layer = Some(layer);
    }
    None
}

fn note(kind: NoteKind, detail: String) -> Note {
    Note { kind, layer: None, path: None, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> Result<(ImageConfig, Vec<Note>), OciError> {
        parse_config(&serde_json::to_vec(value).expect("serialises"))
    }

    fn good(value: &Value) -> (ImageConfig, Vec<Note>) {
        read(value).expect("a config")
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn every_field_is_read() {
        let (a, b) = (Digest::of(b"a"), Digest::of(b"b"));
        let (config, notes) = good(&json!({
            "architecture": "arm64", "os": "linux", "variant": "v8", "created": "2026-01-02T03:04:05Z", "author": "me",
            "docker_version": "27", "config": {
                "Hostname": "", "User": "1000:1000", "Env": ["PATH=/bin:/sbin", "A=b=c", "EMPTY="],
                "Entrypoint": ["/app"], "Cmd": ["--x"], "WorkingDir": "/srv",
                "ExposedPorts": { "8501/tcp": {}, "53/udp": {} }, "Volumes": { "/data": {} },
                "Labels": { "k": "v" }, "StopSignal": "SIGTERM", "Shell": ["/bin/bash", "-c"], "OnBuild": ["RUN x"],
                "Healthcheck": { "Test": ["CMD", "x"], "Interval": 30_000_000_000_u64, "Timeout": 5, "StartPeriod": 7, "Retries": 3 },
            },
            "rootfs": { "type": "layers", "diff_ids": [a.to_string(), b.to_string()] },
            "history": [
                { "created_by": "ADD rootfs", "created": "2026-01-01T00:00:00Z" },
                { "created_by": "ENV A=b", "empty_layer": true, "comment": "buildkit" },
                { "created_by": "RUN x", "empty_layer": false },
            ],
        }));
        assert_eq!(notes, []);
        let step = |created_by: &str, layer: Option<u32>| History {
            created_by: created_by.to_owned(),
            layer,
            empty_layer: layer.is_none(),
            ..History::default()
        };
        let expected = ImageConfig {
            os: "linux".to_owned(),
            architecture: "arm64".to_owned(),
            variant: "v8".to_owned(),
            created: Some("2026-01-02T03:04:05Z".to_owned()),
            author: Some("me".to_owned()),
            user: "1000:1000".to_owned(),
            env: [("PATH", "/bin:/sbin"), ("A", "b=c"), ("EMPTY", "")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .to_vec(),
            entrypoint: Some(texts(&["/app"])),
            cmd: Some(texts(&["--x"])),
            working_dir: "/srv".to_owned(),
            exposed_ports: texts(&["53/udp", "8501/tcp"]),
            volumes: texts(&["/data"]),
            labels: [("k".to_owned(), "v".to_owned())].into(),
            stop_signal: "SIGTERM".to_owned(),
            healthcheck: Some(Healthcheck {
                test: texts(&["CMD", "x"]),
                interval: 30_000_000_000,
                timeout: 5,
                start_period: 7,
                retries: 3,
            }),
            shell: Some(texts(&["/bin/bash", "-c"])),
            on_build: texts(&["RUN x"]),
            diff_ids: vec![a, b],
            history: vec![
                History { created: Some("2026-01-01T00:00:00Z".to_owned()), ..step("ADD rootfs", Some(0)) },
                History { comment: "buildkit".to_owned(), ..step("ENV A=b", None) },
                step("RUN x", Some(1)),
            ],
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn nulls_and_absent_fields_are_empty() {
        let (config, notes) = good(&json!({
            "os": "linux", "architecture": "amd64", "author": null, "created": null, "history": null,
            "config": {
                "User": null, "Env": null, "Entrypoint": null, "Cmd": null, "ExposedPorts": null, "Volumes": null,
                "Labels": null, "OnBuild": null, "Healthcheck": null, "Shell": null, "WorkingDir": null,
            },
            "rootfs": { "type": "layers", "diff_ids": null },
        }));
        assert_eq!(notes, []);
        let bare = ImageConfig { os: "linux".to_owned(), architecture: "amd64".to_owned(), ..ImageConfig::default() };
        assert_eq!(config, bare);
        assert_eq!(good(&json!({ "os": "linux", "architecture": "amd64", "config": null })).0, bare);
    }

    #[test]
    fn history_that_does_not_pair_up_is_a_note_and_no_guess() {
        let (config, notes) = good(&json!({
            "rootfs": { "diff_ids": [Digest::of(b"a").to_string(), Digest::of(b"b").to_string()] },
            "history": [{ "created_by": "x" }],
        }));
        assert_eq!(config.history[0].layer, None);
        assert_eq!(notes.len(), 1);
        assert_eq!(notes[0].kind, NoteKind::History);
        assert_eq!(notes[0].detail, "the history has 1 steps that make a layer, and the image has 2 layers");
    }

    #[test]
    fn an_env_entry_without_a_value_is_kept_and_not_shown() {
        let (config, notes) = good(&json!({ "config": { "Env": ["A=1", "hunter2hunter2"] } }));
        assert_eq!(config.env[1], ("hunter2hunter2".to_owned(), String::new()));
        assert_eq!(notes[0].detail, "entry 1 of the config's Env has no `=`");
    }

    #[test]
    fn a_command_may_be_one_string() {
        let (config, _) = good(&json!({ "config": { "Cmd": "sh", "Entrypoint": [] } }));
        assert_eq!((config.cmd, config.entrypoint), (Some(texts(&["sh"])), Some(Vec::new())));
    }

    #[test]
    fn wrong_types_are_refused_with_their_place() {
        for (value, problem) in [
            (json!({ "config": { "User": 0 } }), "`/config/User` is not a string"),
            (
                json!({ "config": { "User": "1000", "USER": "0" } }),
                "`/config/User` is given twice, as `USER` and as `User`",
            ),
            (json!({ "config": [] }), "`/config` is not an object"),
            (json!({ "config": { "Labels": { "a": [] } } }), "`/config/Labels/a` is not a string"),
            (
                json!({ "rootfs": { "diff_ids": ["x"] } }),
                "`/rootfs/diff_ids` has a wrong element 0: digest lacks its algorithm, as in `sha256:…`",
            ),
            (json!({ "rootfs": { "type": "layers+base" } }), "`/rootfs/type` is not `layers`"),
            (json!({ "history": [{ "empty_layer": "no" }] }), "`/history/0/empty_layer` is neither true nor false"),
            (json!({ "history": [null] }), "`/history/0` is not an object"),
        ] {
            assert_eq!(read(&value).expect_err("refused").to_string(), problem);
        }
    }
}
