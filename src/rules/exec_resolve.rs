//! `exec.resolve`: every command that the image starts is there and can be started.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::{Head, ImageFacts};

use super::exec::{self, FileSystem, Resolver, Setting, Subject, Topic};
use super::words::{code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "exec.resolve",
    code: "IG1501",
    level: Level::Deny,
    summary: "a command of the image does not start",
    why: "A container whose command is not in the image, may not be executed, is for another processor, or lacks its \
          interpreter or a library ends before its first instruction. Nothing tells so before it is started: the build \
          succeeds. Resolved are `ENTRYPOINT` and `CMD`, what the scripts behind them surely run, programs of \
          supervisord, jobs of cron, services of s6 and runit, and the first lines of scripts on PATH; nothing is run. What \
          a shell could change stays undecided: see `docs/exec.md`.",
    fix: "Install the program in the last stage, or name the one that is there; give scripts `#!/bin/sh`, line feeds only and \
          an execute bit:\n\n```dockerfile\nRUN apt-get update && apt-get install -y --no-install-recommends redis-server && \
          rm -rf /var/lib/apt/lists/*\nCOPY --chmod=0755 entrypoint.sh /entrypoint.sh\n```",
    flags: &[
        ("", "cmd [\"redis-server\"]"),
        ("", ""),
        ("", "cmd [\"/app\"]\n0644 0:0 app elf"),
        ("", "cmd [\"/app\"]\n0755 0:0 app elf arm64"),
        ("", "cmd [\"/app\"]\n0755 0:0 app elf interp /lib64/ld-linux-x86-64.so.2"),
        ("", "cmd [\"/run.sh\"]\n0755 0:0 bin/sh elf\n0755 0:0 run.sh \"#!/bin/sh\\r\\ntrue\\r\\n\""),
        ("", "cmd [\"/run.sh\"]\n0755 0:0 bin/sh elf\n0755 0:0 run.sh \"#!/bin/sh\\nset -e\\nexec gunicorn app\\n\""),
        ("", "cmd [\"/bin/true\"]\n0755 0:0 bin/true elf\n0755 0:0 usr/local/bin/pip \"#!/build/.venv/bin/python\\n\""),
        (
            "",
            "cmd [\"supervisord\"]\n0755 0:0 usr/bin/supervisord elf\n0644 0:0 etc/supervisord.conf \
             \"[program:cache]\\ncommand=redis-server\\n\"",
        ),
    ],
    passes: &[
        ("", "cmd [\"/app\"]\n0755 0:0 app elf"),
        (
            "",
            "cmd [\"run\"]\n0755 0:0 bin/sh elf\n0755 0:0 usr/bin/run \"#!/bin/sh\\nexec sleep 1\\n\"\nbin/sleep -> sh",
        ),
        (
            "",
            "cmd [\"/app\"]\n0755 0:0 app elf interp /lib/ld-musl-x86_64.so.1 needs libz.so.1\n0755 0:0 \
             lib/ld-musl-x86_64.so.1 elf\n0644 0:0 usr/lib/libz.so.1 elf",
        ),
        (
            "{shebangs: false}",
            "cmd [\"/bin/true\"]\n0755 0:0 bin/true elf\n0755 0:0 usr/local/bin/pip \"#!/build/.venv/bin/python\\n\"",
        ),
    ],
    build: |settings| Ok(Box::new(settings.read::<Resolve>()?)),
    schema: |generator| generator.subschema_for::<Resolve>(),
};

/// Most scripts of PATH that are looked at.
const MAX_SCRIPTS: usize = 20_000;

/// What is resolved beside the commands.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Resolve {
    /// First lines of the scripts in PATH's folders, those of the distribution aside; `true` when not given.
    shebangs: bool,
}

impl Default for Resolve {
    fn default() -> Self {
        Self { shebangs: true }
    }
}

impl Check for Resolve {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        if image.platform.os == "windows" {
            return Outcome::Unknown("commands of Windows images are not resolved".to_owned());
        }
        let started = exec::started(image);
        let subjects = &started.0;
        let mut faults: Vec<Fault> = subjects.iter().flat_map(|subject| faults(image, subject)).collect();
        if self.shebangs {
            faults.extend(broken_scripts(&Resolver::new(image)));
        }
        if subjects.is_empty() {
            faults.push(Fault {
                subject: "CMD".to_owned(),
                message: "the image has neither `ENTRYPOINT` nor `CMD`: a container does not start without a command"
                    .to_owned(),
                seat: Seat::Config("/config/Cmd".to_owned()),
                fix: None,
            });
        }
        faults.dedup();
        if !faults.is_empty() {
            return Outcome::Fail(faults);
        }
        let unknown = subjects.iter().find_map(|subject| Some((subject, undecided(subject)?)));
        if let Some((subject, why)) = unknown {
            return Outcome::Unknown(format!("{}: {why}", subject.name));
        }
        Outcome::Pass(told(subjects))
    }
}

/// The faults of one subject.
fn faults(image: &ImageFacts, subject: &Subject) -> Vec<Fault> {
    let failures = subject.report.failures.iter().filter(|finding| finding.topic == Topic::Command);
    failures
        .map(|finding| Fault {
            subject: format!("{}: {}", subject.id, finding.runs),
            message: finding.words(&subject.name),
            seat: finding.seat(image, &subject.seat),
            fix: None,
        })
        .collect()
}

/// What of the command itself cannot be told.
fn undecided(subject: &Subject) -> Option<String> {
    if let Some(why) = subject.report.unknown.first() {
        return Some(why.clone());
    }
    // A branch in the config's own text; in a script of the image it is only told.
    let doubt = subject.report.doubts.iter().find(|finding| finding.via.is_empty());
    doubt.map(|finding| format!("only if it is reached, it {}", finding.words("").trim()))
}

/// What was resolved, and what would not start if it were reached.
fn told(subjects: &[Subject]) -> String {
    let mut text = Vec::new();
    if let Some(path) = subjects.first().and_then(|main| main.report.resolved.first()) {
        let programs = subjects.iter().map(|subject| subject.report.resolved.len()).sum();
        text.push(format!("{} and what it starts: {} found", code(path), count(programs, "command")));
    }
    let doubts: Vec<String> = subjects
        .iter()
        .flat_map(|subject| subject.report.doubts.iter().map(|finding| finding.words(&subject.name)))
        .collect();
    if let Some(first) = doubts.first() {
        let more = doubts.len() - 1;
        let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
        text.push(format!("in a branch, {first}{more}"));
    }
    if let Some(open) = subjects.iter().find_map(|subject| subject.report.open.first()) {
        text.push(open.clone());
    }
    text.join("; ")
}

/// Scripts on PATH whose first line leads nowhere, one fault for all that share folder and cause.
fn broken_scripts(resolver: &Resolver<'_>) -> Vec<Fault> {
    let image = resolver.image;
    let setting = Setting::of_image(image);
    let Some(startup) = &image.startup else { return Vec::new() };
    let files = FileSystem::mounted(image);
    let mut causes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut looked = 0;
    for folder in setting.path.split(':').filter(|folder| folder.starts_with('/')).take(64) {
        let Ok(place) = files.look(folder, "/", setting.who.as_ref()) else { continue };
        // What a distribution ships there is the business of its packages.
        if matches!(place.path.as_str(), "bin" | "sbin" | "usr/bin" | "usr/sbin") {
            continue;
        }
        let prefix = format!("{}/", place.path);
        let start = startup.programs.partition_point(|program| *program.path < *prefix);
        let below = startup.programs.iter().skip(start).take_while(|program| program.path.starts_with(&prefix));
        for program in below {
            let name = program.path.get(prefix.len()..).unwrap_or_default();
            let Head::Script(_) = program.head else { continue };
            if name.contains('/') || looked >= MAX_SCRIPTS {
                continue;
            }
            looked += 1;
            let Ok(place) = files.look(&program.path, "/", None) else { continue };
            let starts = place.file.is_some_and(|file| file.entry.mode & 0o111 != 0);
            if let Some(why) = Some(()).filter(|()| starts).and_then(|()| resolver.broken_script(&place, &setting)) {
                causes.entry((folder.to_owned(), why)).or_default().push(format!("/{}", place.path));
            }
        }
    }
    let fault = |((folder, why), mut paths): ((String, String), Vec<String>)| {
        paths.dedup();
        let first = paths.first()?.clone();
        let others = if paths.len() > 1 { format!(" (and {} like it)", paths.len() - 1) } else { String::new() };
        let path = first.trim_start_matches('/').to_owned();
        let layer = image.file(&path).map_or(0, |file| file.changed);
        Some(Fault {
            subject: folder,
            message: format!("PATH holds the script {}{others}, {why}", code(&first)),
            seat: Seat::File { path, layer, line: Some(1) },
            fix: None,
        })
    };
    causes.into_iter().filter_map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn the_message_names_what_was_searched_and_what_is_near() {
        let message = |image: &str| match decide("exec.resolve", "", image) {
            Outcome::Fail(faults) => faults[0].message.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            message("env PATH=/usr/bin:/bin\ncmd [\"postgres\"]\n0755 0:0 usr/lib/postgresql/15/bin/postgres elf"),
            "`CMD` runs `postgres`, which is not in the image: searched `PATH=/usr/bin:/bin` (1 files), no match; only as \
             `/usr/lib/postgresql/15/bin/postgres`"
        );
        assert_eq!(
            message("cmd [\"curl\"]\nenv PATH=/bin\nlayer a\n0755 0:0 bin/curl elf\nlayer b\n0644 0:0 bin/.wh.curl"),
            "`CMD` runs `curl`, which is not in the image: searched `PATH=/bin` (0 files), no match; `/bin/curl` is present \
             in layer 0 and gone in layer 1"
        );
    }

    #[test]
    fn what_a_shell_may_change_is_undecided_in_the_config_and_told_in_scripts() {
        let shell = "0755 0:0 bin/sh elf\n";
        let config = |text: &str| decide("exec.resolve", "", &format!("{shell}cmd [\"/bin/sh\",\"-c\",\"{text}\"]"));
        for text in ["$SERVER start", "if [ -n x ]; then server; fi", "[ -x /srv ] && server", "command -v a && a"] {
            assert!(matches!(config(text), Outcome::Unknown(_)), "{text}: {:?}", config(text));
        }
        assert!(config("server").is_fail());
        let script = format!("{shell}cmd [\"/run\"]\n0755 0:0 run \"#!/bin/sh\\nif [ $A ]; then server; fi\\n$B\\n\"");
        let Outcome::Pass(told) = decide("exec.resolve", "", &script) else { panic!("a branch is no failure") };
        assert!(told.contains("in a branch") && told.contains("`server`"), "{told}");
    }

    #[test]
    fn a_command_of_a_script_is_found_at_its_line_and_in_the_layer_of_the_script() {
        let image = "layer a\n0755 0:0 bin/sh elf\nlayer b\n0755 0:0 run.sh \"#!/bin/sh\\ntrue\\nredis-server &\\n\"\ncmd [\"/run.sh\"]";
        let Outcome::Fail(faults) = decide("exec.resolve", "", image) else { panic!("redis-server is not there") };
        assert_eq!(faults[0].seat, Seat::File { path: "run.sh".to_owned(), layer: 1, line: Some(3) });
        assert!(
            faults[0].message.starts_with("`CMD` leads to `/run.sh` line 3, which runs `redis-server`, which is not")
        );
    }

    #[test]
    fn facts_without_programs_decide_nothing() {
        let mut image = crate::testkit::image::image("cmd [\"/app\"]\n0755 0:0 app elf");
        image.startup = None;
        assert!(matches!(Resolve::default().decide(&image), Outcome::Unknown(_)));
    }
}
