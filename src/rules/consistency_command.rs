//! `consistency.command`: what the deployment starts is in the image.

use crate::companions::Workload;
use crate::model::ImageFacts;

use super::exec::{Resolver, Topic};
use super::workloads::{Sources, compare, fault, resolved};
use super::{Check, Circumstances, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "consistency.command",
    code: "IG1906",
    level: Level::Warn,
    summary: "the deployment starts a program that is not in the image",
    why: "`command` and `entrypoint` of compose, `command` and `args` of Kubernetes replace what the image starts. When the \
          program is not in the image, the container stops at once with \"not found\", and only in that environment.",
    fix: "Take the override away, or name a program that the image has, such as `[\"python\", \"-m\", \"app\"]`.",
    flags: &[
        ("", "0755 0:0 usr/bin/app elf\n--- compose.yml\nservices:\n  app: {build: ., command: gunicorn app:app}"),
        (
            "",
            "entrypoint [\"/app\"]\n0755 0:0 app elf\n--- pod.yml\napiVersion: v1\nkind: Pod\nspec:\n  containers: [{image: app, command: [/bin/server]}]",
        ),
    ],
    passes: &[
        ("", "0755 0:0 usr/bin/app elf\n--- compose.yml\nservices:\n  app: {build: ., command: app --port 80}"),
        ("", "entrypoint [\"/app\"]\n0755 0:0 app elf\n--- compose.yml\nservices:\n  app: {build: ., command: serve}"),
        ("", "--- compose.yml\nservices:\n  app: {build: ., command: \"$PROGRAM x\"}"),
        ("", "--- compose.yml\nservices:\n  app: {build: ., entrypoint: /tools/run, volumes: [\"./tools:/tools\"]}"),
    ],
    build: |settings| Ok(Box::new(Command(settings.read::<Sources>()?))),
    schema: |generator| generator.subschema_for::<Sources>(),
};

struct Command(Sources);

impl Check for Command {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        self.decide_in(image, &Circumstances::default())
    }

    fn decide_in(&self, image: &ImageFacts, circumstances: &Circumstances) -> Outcome {
        let resolver = Resolver::new(image);
        compare(image, circumstances, &self.0.kinds, |workload| started(&resolver, workload))
    }
}

/// What an override starts: the entry point with its arguments, or the command where nothing stands before it.
fn started(resolver: &Resolver<'_>, workload: &Workload) -> Vec<Fault> {
    let own_entry = resolver.image.config.entrypoint.as_ref().is_some_and(|words| !words.is_empty());
    let (said, words) = match (&workload.command, &workload.arguments) {
        (Some(command), arguments) if !command.value.is_empty() => {
            let arguments = arguments.iter().flat_map(|said| &said.value);
            (command, command.value.iter().chain(arguments).cloned().collect::<Vec<_>>())
        }
        (Some(_), Some(arguments)) => (arguments, arguments.value.clone()),
        (None, Some(arguments)) if !own_entry => (arguments, arguments.value.clone()),
        _ => return Vec::new(),
    };
    let Some(subject) = resolved(resolver, workload, workload.name.clone(), &said.place, &words) else {
        return Vec::new();
    };
    let failures = subject.report.failures.iter().filter(|finding| finding.topic == Topic::Command);
    failures
        .map(|finding| {
            fault(
                format!("{}: {}", workload.name, finding.runs),
                finding.words(&workload.name),
                &said.place,
                "name a program that the image has, or take the override away",
            )
        })
        .collect()
}
