//! `history.update-alone`: package lists are fetched in a step that installs nothing.

use crate::model::ImageFacts;

use super::history_text::{judge_runs, program};
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Level, Outcome, Rule};

/// Programs, the words with which they fetch lists, and those with which they use them.
const MANAGERS: &[(&[&str], &[&str], &[&str])] = &[
    (
        &["apt-get", "apt", "aptitude"],
        &["update"],
        &["install", "upgrade", "dist-upgrade", "full-upgrade", "build-dep", "source", "download", "satisfy"],
    ),
    (&["apk"], &["update"], &["add", "upgrade", "fetch"]),
    (&["zypper"], &["refresh", "ref"], &["install", "in", "update", "up", "patch", "dist-upgrade", "dup"]),
    (&["dnf", "yum", "microdnf"], &["makecache"], &["install", "update", "upgrade", "groupinstall"]),
];

pub(super) const RULE: Rule = Rule {
    id: "history.update-alone",
    code: "IG1802",
    level: Level::Info,
    summary: "a step of the build fetches package lists and installs nothing",
    why: "The builder keeps the step's result in its cache: the next build installs from lists of weeks ago, gets old versions, or \
          fails because they are gone from the server. The lists stay in a layer of their own, too.",
    fix: "Fetch and install in one step, and delete the lists there:\n\n```dockerfile\nRUN apt-get update && apt-get install -y \
          --no-install-recommends curl && rm -rf /var/lib/apt/lists/*\n```",
    flags: &[
        ("", "step RUN /bin/sh -c apt-get update # buildkit"),
        ("", "step /bin/sh -c apt-get -qq update && apt-get clean\nstep /bin/sh -c apt-get install -y curl"),
        ("", "step RUN apk update"),
    ],
    passes: &[
        ("", "step RUN apt-get update && apt-get install -y curl"),
        (
            "",
            "step RUN set -ex; apt-get update; apt-get install -y --no-install-recommends curl; rm -rf /var/lib/apt/lists/*",
        ),
        ("", "step RUN apk add --no-cache curl\nstep RUN npm update && yum update -y"),
        ("", "step RUN <<EOF (apt-get update...)"),
        ("", "step RUN echo apt-get update"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(UpdateAlone))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct UpdateAlone;

impl Check for UpdateAlone {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        judge_runs(image, |commands| {
            // Of a here-document the history may hold only the first lines.
            if commands.iter().flatten().any(|word| word.starts_with("<<")) {
                return None;
            }
            MANAGERS.iter().find_map(|(programs, fetch, install)| {
                let calls = || commands.iter().filter(|words| programs.contains(&program(words)));
                let has = |wanted: &[&str]| calls().any(|words| words.iter().skip(1).any(|word| wanted.contains(word)));
                let first = program(calls().next()?);
                let alone = has(fetch) && !has(install);
                let call = format!("{first} {}", fetch.first()?);
                alone.then(|| (first.to_owned(), format!("a step calls {} and installs nothing", code(call))))
            })
        })
    }
}
