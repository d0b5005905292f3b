//! `paths.workdir-system`: the working folder is one of the application's own.

use crate::model::ImageFacts;

use super::setting::NoSettings;
use super::system_path::{self, clean};
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "paths.workdir-system",
    code: "IG1702",
    level: Level::Warn,
    summary: "the working folder is a part of the system",
    why: "Commands with relative paths run in the working folder: in `/proc`, `/dev` or `/bin` they read and change the system, and \
          `COPY . .` puts the application between its programs. A path that is not absolute stops the container, or means another \
          folder for each runtime.",
    fix: "Work in a folder of the application's own:\n\n```dockerfile\nWORKDIR /app\n```",
    flags: &[
        ("", "workdir /proc/1"),
        ("", "workdir /usr/bin"),
        ("", "workdir app"),
        ("", "workdir /app/../dev"),
        ("", "workdir /etc/"),
    ],
    passes: &[
        ("", "workdir /app"),
        ("", "workdir /usr/src/app"),
        ("", ""),
        ("", "workdir /"),
        ("", "workdir /etc/nginx"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(WorkdirSystem))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

/// Folders in which nothing of an application's own may lie; an application may have a folder below some of them.
const WHOLE: &[&str] =
    &["bin", "etc", "lib", "lib64", "sbin", "usr", "usr/bin", "usr/lib", "usr/sbin", "usr/local/bin", "usr/local/sbin"];

struct WorkdirSystem;

impl Check for WorkdirSystem {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let folder = &image.config.working_dir;
        let message = if folder.is_empty() {
            return Outcome::Pass("no `WORKDIR`, so /".to_owned());
        } else if folder.starts_with('/') {
            let path = clean(folder);
            let Some(part) = system_path::part(&path, WHOLE) else { return Outcome::Pass(folder.clone()) };
            format!("the working folder {} belongs to the system: {}", code(folder), code(format!("/{part}")))
        } else {
            format!("the working folder {} is not absolute", code(folder))
        };
        Outcome::Fail(vec![Fault {
            subject: "WORKDIR".to_owned(),
            message,
            seat: Seat::Config("/config/WorkingDir".to_owned()),
            fix: None,
        }])
    }
}
