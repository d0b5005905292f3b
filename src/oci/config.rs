//! The image config (OCI image-spec, config.md, and Docker's further fields).

use serde_json::Value;

use crate::model::{Healthcheck, History, ImageConfig, Note, NoteKind};

use super::OciError;
use super::manifest::{Fields, field};
use super::parse_strict;

/// Reads a config. History is paired with layers where the counts agree; otherwise a note says that they do not.
///
/// # Errors
/// [`OciError`] when it is not strict JSON, a field has the wrong type, or a diffID is malformed.
pub fn parse_config(bytes: &[u8]) -> Result<(ImageConfig, Vec<Note>), OciError> {
    let value = parse_strict(bytes)?;
    let image = Fields::new(&value, "")?;
    let empty = Value::Object(serde_json::Map::new());
    let config = Fields::new(image.get("config").unwrap_or(&empty), "/config")?;
    let word = |fields: &Fields<'_>, key: &str| fields.text(key).map(Option::unwrap_or_default);
    let mut read = ImageConfig {
        os: word(&image, "os")?,
        architecture: word(&image, "architecture")?,
        variant: word(&image, "variant")?,
        created: image.text("created")?,
        author: image.text("author")?,
        user: word(&config, "User")?,
        env: environment(&config)?,
        entrypoint: config.text_list("Entrypoint")?,
        cmd: config.text_list("Cmd")?,
        working_dir: word(&config, "WorkingDir")?,
        exposed_ports: keys(&config, "ExposedPorts")?,
        volumes: keys(&config, "Volumes")?,
        labels: config.texts("Labels")?,
        stop_signal: word(&config, "StopSignal")?,
        healthcheck: config.get("Healthcheck").map(healthcheck).transpose()?,
        shell: config.text_list("Shell")?,
        on_build: config.text_list("OnBuild")?.unwrap_or_default(),
        diff_ids: diff_ids(&image)?,
        history: history(&image)?,
    };
    let notes = pair_history(&mut read);
    Ok((read, notes))
}

fn environment(config: &Fields<'_>) -> Result<Vec<(String, String)>, OciError> {
    let entries = config.text_list("Env")?.unwrap_or_default();
    Ok(entries
        .into_iter()
        .map(|entry| match entry.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (entry, String::new()),
        })
        .collect())
}

/// The keys of what the specification calls a set: an object with empty objects.
fn keys(config: &Fields<'_>, key: &str) -> Result<Vec<String>, OciError> {
    match config.get(key) {
        None => Ok(Vec::new()),
        Some(Value::Object(map)) => Ok(map.keys().cloned().collect()),
        Some(_) => Err(field(&config.at(key), "is no object")),
    }
}

fn healthcheck(value: &Value) -> Result<Healthcheck, OciError> {
    let fields = Fields::new(value, "/config/Healthcheck")?;
    let number = |key: &str| match fields.get(key) {
        None => Ok(0),
        Some(value) => value.as_i64().ok_or_else(|| field(&fields.at(key), "is no whole number")),
    };
    Ok(Healthcheck {
        test: fields.text_list("Test")?.unwrap_or_default(),
        interval: number("Interval")?,
        timeout: number("Timeout")?,
        start_period: number("StartPeriod")?,
        retries: number("Retries")?,
    })
}

fn diff_ids(image: &Fields<'_>) -> Result<Vec<crate::model::Digest>, OciError> {
    let Some(rootfs) = image.get("rootfs") else { return Err(field("/rootfs", "is missing")) };
    let rootfs = Fields::new(rootfs, "/rootfs")?;
    let ids = rootfs.text_list("diff_ids")?.unwrap_or_default();
    ids.iter()
        .enumerate()
        .map(|(at, id)| {
            id.parse()
                .map_err(|error: crate::model::DigestError| field(&format!("/rootfs/diff_ids/{at}"), error.to_string()))
        })
        .collect()
}

fn history(image: &Fields<'_>) -> Result<Vec<History>, OciError> {
    let Some(value) = image.get("history") else { return Ok(Vec::new()) };
    let list = value.as_array().ok_or_else(|| field("/history", "is no list"))?;
    list.iter()
        .enumerate()
        .map(|(at, step)| {
            let step = Fields::new(step, &format!("/history/{at}"))?;
            let empty_layer = match step.get("empty_layer") {
                None => false,
                Some(value) => value.as_bool().ok_or_else(|| field(&step.at("empty_layer"), "is no boolean"))?,
            };
            Ok(History {
                created_by: step.text("created_by")?.unwrap_or_default(),
                created: step.text("created")?,
                comment: step.text("comment")?.unwrap_or_default(),
                empty_layer,
                layer: None,
            })
        })
        .collect()
}

/// Steps that made a layer pair with layers in order; if the counts differ, nothing is guessed.
fn pair_history(config: &mut ImageConfig) -> Vec<Note> {
    let steps = config.history.iter().filter(|step| !step.empty_layer).count();
    let layers = config.diff_ids.len();
    if steps != layers {
        let detail = match config.history.len() {
            0 => "the config has no history: no layer can be traced to an instruction".to_owned(),
            _ => format!(
                "the history has {steps} steps that made a layer, the image has {layers} layers: none is traced"
            ),
        };
        return vec![Note { kind: NoteKind::History, layer: None, path: None, detail }];
    }
    for (layer, step) in (0..).zip(config.history.iter_mut().filter(|step| !step.empty_layer)) {
        step.layer = Some(layer);
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn what_builders_leave_out_or_null_is_absent() {
        let json = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{"Env":null,"Cmd":null,"Labels":null,"ExposedPorts":{{"80/tcp":{{}}}}}},"rootfs":{{"type":"layers","diff_ids":["{ID}"]}},"history":[{{"created_by":"A","empty_layer":true}},{{"created_by":"B"}}]}}"#
        );
        let (config, notes) = parse_config(json.as_bytes()).expect("good");
        assert!(notes.is_empty());
        assert_eq!(config.user, "");
        assert_eq!(config.cmd, None);
        assert_eq!(config.exposed_ports, ["80/tcp"]);
        assert_eq!(config.history[1].layer, Some(0));
        let (config, _) =
            parse_config(format!(r#"{{"rootfs":{{"diff_ids":["{ID}"]}}}}"#).as_bytes()).expect("no config");
        assert!(config.env.is_empty());
    }

    #[test]
    fn history_that_does_not_fit_is_not_guessed() {
        let json =
            format!(r#"{{"config":{{"Env":["A=b=c","D"]}},"rootfs":{{"diff_ids":["{ID}"]}},"history":[{{}},{{}}]}}"#);
        let (config, notes) = parse_config(json.as_bytes()).expect("good");
        assert_eq!(notes.len(), 1);
        assert!(config.history.iter().all(|step| step.layer.is_none()));
        assert_eq!(config.env, [("A".to_owned(), "b=c".to_owned()), ("D".to_owned(), String::new())]);
    }

    #[test]
    fn wrong_types_are_errors_with_their_place() {
        for (json, place) in [
            (r#"{"config":{"User":1000},"rootfs":{"diff_ids":[]}}"#, "/config/User"),
            (r#"{"config":{"Env":[1]},"rootfs":{"diff_ids":[]}}"#, "/config/Env"),
            (r#"{"rootfs":{"diff_ids":["x"]}}"#, "/rootfs/diff_ids/0"),
            (r#"{"config":{}}"#, "/rootfs"),
        ] {
            let error = parse_config(json.as_bytes()).expect_err("wrong").to_string();
            assert!(error.contains(&format!("`{place}`")), "{error}");
        }
    }
}
