//! `consistency.env`: the deployment does not set variables against what the image is made of.

use crate::companions::{Variable, Workload};
use crate::model::ImageFacts;

use super::setting::{Declared, Port, Protocol};
use super::words::{code, codes};
use super::workloads::{Sources, compare, fault};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "consistency.env",
    code: "IG1907",
    level: Level::Warn,
    summary: "the deployment sets a variable against what the image is made of",
    why: "Variables are there to be set, but three kinds contradict the image. The variable that holds the exposed port: the \
          service then listens where nobody looks. A variable that names a directory of the image: the new one is not there. \
          And a switch from production to development: what was tested is not what runs.",
    fix: "Take the variable out of the deployment, or change the image with it: `EXPOSE` and the health check with the port, \
          the directory with its variable.",
    flags: &[
        (
            "",
            "env STREAMLIT_SERVER_PORT=8501\nport 8501/tcp\n--- compose.yml\nservices:\n  app: {build: ., environment: {STREAMLIT_SERVER_PORT: 9000}}",
        ),
        (
            "",
            "env TMPDIR=/tmp/app\n0755 0:0 tmp/app/\n--- compose.yml\nservices:\n  app: {build: ., environment: [TMPDIR=/scratch]}",
        ),
        (
            "",
            "env NODE_ENV=production\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: app, env: [{name: NODE_ENV, value: development}]}]",
        ),
    ],
    passes: &[
        (
            "",
            "env STREAMLIT_SERVER_PORT=8501\nport 8501/tcp\n--- compose.yml\nservices:\n  app: {build: ., environment: {STREAMLIT_SERVER_PORT: 8501, LOG_LEVEL: debug}}",
        ),
        (
            "",
            "env TMPDIR=/tmp/app\n0755 0:0 tmp/app/\n--- compose.yml\nservices:\n  app: {build: ., environment: [TMPDIR=/scratch], tmpfs: /scratch}",
        ),
        ("", "env MODE=x\n--- compose.yml\nservices:\n  app: {build: ., environment: [NODE_ENV=development]}"),
    ],
    build: |settings| Ok(Box::new(Env(settings.read::<Sources>()?))),
    schema: |generator| generator.subschema_for::<Sources>(),
};

/// Variables that say what an image is run for.
const MODES: &[&str] = &[
    "NODE_ENV",
    "FLASK_ENV",
    "RAILS_ENV",
    "RACK_ENV",
    "APP_ENV",
    "ENVIRONMENT",
    "ASPNETCORE_ENVIRONMENT",
    "DOTNET_ENVIRONMENT",
    "DJANGO_ENV",
    "MIX_ENV",
    "GIN_MODE",
];
/// What they say in production.
const PRODUCTION: &[&str] = &["production", "prod", "release"];
/// What they say elsewhere.
const ELSEWHERE: &[&str] = &["development", "dev", "debug", "test", "testing", "local"];

struct Env(Sources);

impl Check for Env {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        compare(image, circumstances, &self.0.kinds, |workload| {
            workload.env.iter().filter_map(|variable| contradiction(image, workload, variable)).collect()
        })
    }
}

fn contradiction(image: &ImageFacts, workload: &Workload, variable: &Variable) -> Option<Fault> {
    let own = image.config.env_value(&variable.name)?;
    if own == variable.value {
        return None;
    }
    let (name, value) = (code(&variable.name), code(&variable.value));
    let what = port(image, own, &variable.value)
        .or_else(|| mode(&variable.name, own, &variable.value))
        .or_else(|| directory(image, workload, own, &variable.value))?;
    Some(fault(
        format!("{}: {}", workload.name, variable.name),
        format!("{} sets {name} to {value}, and {what}", workload.name),
        &variable.place,
        format!("take {name} away here, or change the image with it"),
    ))
}

/// The image's value is a port that it exposes, and the new one is a port that it does not.
fn port(image: &ImageFacts, own: &str, new: &str) -> Option<String> {
    let declared: Vec<Declared> = image.config.exposed_ports.iter().filter_map(|text| Declared::read(text)).collect();
    let exposes = |text: &str| {
        let number = text.parse::<u16>().ok().filter(|number| *number != 0)?;
        Some(declared.iter().any(|one| one.contains(Port { number, protocol: Protocol::Tcp })))
    };
    let moved = exposes(own) == Some(true) && exposes(new) == Some(false);
    moved.then(|| format!("the image exposes {}", codes(&image.config.exposed_ports)))
}

fn mode(name: &str, own: &str, new: &str) -> Option<String> {
    let is = |value: &str, list: &[&str]| list.iter().any(|one| value.eq_ignore_ascii_case(one));
    (MODES.contains(&name) && is(own, PRODUCTION) && is(new, ELSEWHERE))
        .then(|| format!("the image is made for {}", code(own)))
}

/// The image's value is a directory that it has, and the new one is a path that neither it nor a mount has.
fn directory(image: &ImageFacts, workload: &Workload, own: &str, new: &str) -> Option<String> {
    let is_path = |text: &str| text.starts_with('/') && !text.contains([':', ' ', '$']);
    if !is_path(own) || !is_path(new) || image.tree_gap().is_some() {
        return None;
    }
    let is_directory =
        image.resolve(own).and_then(|path| image.file(&path)).is_some_and(|file| file.entry.is_directory());
    let there = workload.covers(new).is_some() || image.resolve(new).is_some();
    (is_directory && !there).then(|| "the image has no such path".to_owned())
}
