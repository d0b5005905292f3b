//! `history.dist-upgrade`: the build upgraded the whole distribution.

use crate::model::ImageFacts;

use super::history_text::{judge_runs, program};
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Level, Outcome, Rule};

/// Programs, and the words with which they replace the whole system.
const UPGRADES: &[(&[&str], &[&str])] = &[
    (&["apt-get", "apt", "aptitude"], &["dist-upgrade", "full-upgrade"]),
    (&["zypper"], &["dist-upgrade", "dup"]),
    (&["dnf", "yum"], &["distro-sync", "system-upgrade"]),
    (&["do-release-upgrade"], &["do-release-upgrade"]),
];

pub(super) const RULE: Rule = Rule {
    id: "history.dist-upgrade",
    code: "IG1803",
    level: Level::Info,
    summary: "a step of the build upgrades the whole distribution",
    why: "Such an upgrade may remove packages and change the release: what comes out depends on the day, and it is no longer the \
          base that the Dockerfile names. All replaced files are shipped twice.",
    fix: "Build on a newer base, which has the fixes already, and build again when it changes; for fixes of today \
          a plain upgrade is enough:\n\n```dockerfile\nFROM debian:13-slim\nRUN apt-get update && apt-get upgrade -y && rm -rf \
          /var/lib/apt/lists/*\n```",
    flags: &[
        ("", "step RUN /bin/sh -c apt-get update && apt-get -y dist-upgrade # buildkit"),
        ("", "step /bin/sh -c apt full-upgrade -y"),
        ("", "step RUN zypper --non-interactive dup"),
    ],
    passes: &[
        ("", "step RUN apt-get update && apt-get upgrade -y"),
        ("", "step RUN apt-get dist-clean && echo dist-upgrade"),
        ("", "step CMD [\"apt-get\" \"dist-upgrade\"]"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(DistUpgrade))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct DistUpgrade;

impl Check for DistUpgrade {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        judge_runs(image, |commands| {
            commands.iter().find_map(|words| {
                let name = program(words);
                let (_, upgrades) = UPGRADES.iter().find(|(programs, _)| programs.contains(&name))?;
                let word = words.iter().find(|word| upgrades.contains(word))?;
                let call = if *word == name { name.to_owned() } else { format!("{name} {word}") };
                Some((name.to_owned(), format!("a step calls {}", code(call))))
            })
        })
    }
}
