//! `exec.init`: several processes in one container have an init that looks after them.

use crate::model::ImageFacts;

use super::exec::{self, Subject};
use super::setting::NoSettings;
use super::words::{codes, count};
use super::{Check, Fault, Level, Outcome, Rule};

pub(super) const RULE: Rule = Rule {
    id: "exec.init",
    code: "IG1503",
    level: Level::Info,
    summary: "several processes share one container, and nothing looks after them",
    why: "The first process of a container gets the signals and has to collect ended children. A shell script that starts \
          programs in the background does neither: on stop they are killed, when one dies nobody notices. A supervisor hides \
          the death of a service from the platform: the container counts as running.",
    fix: "One service per container where possible; else an init such as `tini`:\n\n```dockerfile\nENTRYPOINT [\"/usr/bin/tini\", \
          \"--\", \"/entrypoint.sh\"]\n```",
    flags: &[
        ("", "cmd [\"/bin/sh\",\"-c\",\"redis-server & exec gunicorn app\"]\n0755 0:0 bin/sh elf"),
        (
            "",
            "cmd [\"supervisord\"]\n0755 0:0 bin/supervisord elf\n0644 0:0 etc/supervisord.conf \
             \"[program:a]\\ncommand=/a\\n[program:b]\\ncommand=/b\\n\"",
        ),
    ],
    passes: &[
        ("", "cmd [\"/app\"]\n0755 0:0 app elf"),
        (
            "",
            "entrypoint [\"tini\",\"--\"]\ncmd [\"/bin/sh\",\"-c\",\"a & b\"]\n0755 0:0 bin/sh elf\n0755 0:0 usr/bin/tini elf",
        ),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Init))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Init;

impl Check for Init {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        if image.platform.os == "windows" {
            return Outcome::Unknown("commands of Windows images are not resolved".to_owned());
        }
        let started = exec::started(image);
        let Some((main, services)) = started.0.split_first() else {
            return Outcome::NotApplicable("there is no command".to_owned());
        };
        if let Some(init) = main.report.inits.first() {
            return Outcome::Pass(format!("`{init}` looks after the processes"));
        }
        let mut faults = Vec::new();
        let programs: Vec<&Subject> = services.iter().filter(|subject| subject.id.starts_with("program:")).collect();
        if programs.len() > 1 {
            let names = codes(programs.iter().map(|subject| subject.id.trim_start_matches("program:")));
            faults.push(Fault {
                subject: "supervisord".to_owned(),
                message: format!("supervisord runs {} in one container: {names}", count(programs.len(), "service")),
                seat: programs.first().map_or(main.seat.clone(), |program| program.seat.clone()),
                fix: None,
            });
        }
        let mut background = main.report.background.clone();
        background.sort();
        background.dedup();
        if !background.is_empty() {
            let names = codes(&background);
            faults.push(Fault {
                subject: main.id.clone(),
                message: format!("{} starts {names} in the background, and nothing looks after it", main.name),
                seat: main.seat.clone(),
                fix: None,
            });
        }
        if !faults.is_empty() {
            return Outcome::Fail(faults);
        }
        match main.report.unknown.first() {
            Some(why) => Outcome::Unknown(why.clone()),
            None => Outcome::Pass(String::new()),
        }
    }
}
