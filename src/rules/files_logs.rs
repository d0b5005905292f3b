//! `files.logs`: services log to standard output, not into files.

use serde::Deserialize;

use crate::model::{File, ImageFacts, StartText};

use super::setting::Globs;
use super::tree::below;
use super::words::{bytes, code, count};
use super::{Check, Fault, Level, Outcome, Rule, Seat};

/// What package managers, system setup and logins write; it does not grow in a container.
const SYSTEM: &[&str] = &[
    "var/log/alternatives.log",
    "var/log/bootstrap.log",
    "var/log/btmp",
    "var/log/btmp.1",
    "var/log/dnf.librepo.log",
    "var/log/dnf.log",
    "var/log/dnf.rpm.log",
    "var/log/dnf5.log",
    "var/log/dpkg.log",
    "var/log/faillog",
    "var/log/fontconfig.log",
    "var/log/hawkey.log",
    "var/log/lastlog",
    "var/log/pacman.log",
    "var/log/tallylog",
    "var/log/wtmp",
    "var/log/yum.log",
    "var/log/zypper.log",
];
/// Folders of the same kind.
const SYSTEM_FOLDERS: &[&str] =
    &["var/log/apt/", "var/log/anaconda/", "var/log/installer/", "var/log/zypp/", "var/log/journal/"];
/// Values of a supervisor's log setting that are no file (supervisord, "[program:x] Section Settings").
const NO_FILE: &[&str] = &["none", "auto", "syslog", "/dev/stdout", "/dev/stderr", "/dev/null"];

pub(super) const RULE: Rule = Rule {
    id: "files.logs",
    code: "IG0310",
    level: Level::Warn,
    summary: "a service logs into a file inside the container",
    why: "Nobody sees what is written into a file inside a container: `docker logs` and the cluster's collector read standard \
          output. The file grows until the disk of the node is full, and it is gone with the container that crashed.",
    fix: "Log to standard output; where a program only knows files, make the file a link:\n\n```dockerfile\nRUN ln -sf /dev/stdout \
          /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log\n```\n\nUnder supervisord: \
          `stdout_logfile=/dev/stdout` and `stdout_logfile_maxbytes=0`.",
    flags: &[
        ("", "0644 0:0 var/log/nginx/access.log"),
        ("", "0644 0:0 var/log/app/today \"started\""),
        (
            "",
            "0644 0:0 etc/supervisor/conf.d/app.conf \"[program:web]\\ncommand=/app\\nstdout_logfile=/var/log/supervisor/web.log\\n\"",
        ),
        ("", "0644 0:0 etc/supervisord.conf \"[supervisord]\\nlogfile = /var/log/supervisord.log ; main\\n\""),
    ],
    passes: &[
        ("", "var/log/nginx/access.log -> /dev/stdout\nvar/log/nginx/error.log -> /dev/stderr"),
        ("", "0644 0:0 var/log/dpkg.log @1MB\n0644 0:0 var/log/apt/term.log @1MB\n0664 0:43 var/log/lastlog @290kB"),
        ("", "0755 0:0 var/log/app/\n0644 0:0 var/log/app/.keep"),
        (
            "",
            "0644 0:0 etc/supervisor/conf.d/app.conf \"[program:web]\\nstdout_logfile=/dev/stdout\\nstderr_logfile=/dev/fd/2\\n; stdout_logfile=/x\\n\"",
        ),
        ("{except: ['/var/log/nginx/**']}", "0644 0:0 var/log/nginx/access.log"),
    ],
    build: |settings| Ok(Box::new(settings.read::<Logs>()?)),
    schema: |generator| generator.subschema_for::<Logs>(),
};

/// What is accepted.
#[derive(Default, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Logs {
    /// Paths that may be logged into.
    except: Globs,
}

fn is_log(file: &File) -> bool {
    let path: &str = &file.entry.path;
    let system = SYSTEM.contains(&path) || SYSTEM_FOLDERS.iter().any(|folder| path.starts_with(folder));
    file.entry.is_file()
        && !system
        && (file.entry.size > 0 || path.rsplit_once('.').is_some_and(|(_, ending)| ending == "log"))
}

/// Lines of a supervisor's configuration that name a log file: line number, key and path.
fn supervised(text: &str) -> impl Iterator<Item = (u32, &str, &str)> {
    (1..).zip(text.lines()).filter_map(|(number, line)| {
        let (key, value) = line.split_once('=')?;
        let key = key.trim();
        // A comment begins with `;` at the start of a line or after a blank.
        let value = value.split_once(" ;").map_or(value, |(value, _)| value).trim();
        let is_key = matches!(key, "logfile" | "stdout_logfile" | "stderr_logfile");
        let no_file = NO_FILE.iter().any(|word| value.eq_ignore_ascii_case(word));
        let pipe = value.starts_with("/dev/fd/") || value.starts_with("/proc/");
        (is_key && !no_file && !pipe && !value.is_empty()).then_some((number, key, value))
    })
}

/// Whether a text is configuration of supervisord.
fn is_supervisor(path: &str) -> bool {
    let named = |name: &str| path == name || path.ends_with(&format!("/{name}"));
    path.starts_with("etc/supervisor/") || path.starts_with("etc/supervisord.d/") || named("supervisord.conf")
}

impl Logs {
    fn of_supervisor(&self, image: &ImageFacts, start: &StartText) -> Vec<Fault> {
        let path: &str = &start.path;
        let layer = image.file(path).map_or(0, |file| file.changed);
        let lines = supervised(&start.text).filter(|(_, _, log)| !self.except.matches(log.trim_start_matches('/')));
        let faults = lines.map(|(line, key, log)| Fault {
            subject: log.trim_start_matches('/').to_owned(),
            message: format!("{} sends {} into the file {}", code(format!("/{path}")), code(key), code(log)),
            seat: Seat::File { path: path.to_owned(), layer, line: Some(line) },
            fix: Some(format!(
                "write {} and {}",
                code(format!("{key}=/dev/stdout")),
                code(format!("{key}_maxbytes=0"))
            )),
        });
        faults.collect()
    }
}

impl Check for Logs {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let files =
            below(image, "var/log").iter().filter(|file| is_log(file) && !self.except.matches(&file.entry.path));
        let mut faults: Vec<Fault> = files
            .map(|File { entry, changed, .. }| Fault {
                subject: entry.path.to_string(),
                message: match entry.size {
                    0 => format!("{} is an empty file for a log, not a link", code(format!("/{}", entry.path))),
                    size => format!("{} is a log of {}", code(format!("/{}", entry.path)), bytes(size)),
                },
                seat: Seat::File { path: entry.path.to_string(), layer: *changed, line: None },
                fix: Some(code(format!("RUN ln -sf /dev/stdout /{}", entry.path))),
            })
            .collect();
        let texts = image.startup.iter().flat_map(|startup| &startup.texts);
        let supervisors = texts.filter(|start| is_supervisor(&start.path));
        faults.extend(supervisors.flat_map(|start| self.of_supervisor(image, start)));
        Outcome::of_tree(image, faults, format!("{} seen", count(image.files.len(), "path")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn a_supervised_log_is_told_with_its_line() {
        let image =
            "0644 0:0 app/supervisord.conf \"[program:db]\\nuser=db\\nstderr_logfile=/var/log/db.err ; errors\\n\"";
        let Outcome::Fail(faults) = decide("files.logs", "", image) else { panic!("a file") };
        assert_eq!(faults[0].message, "`/app/supervisord.conf` sends `stderr_logfile` into the file `/var/log/db.err`");
        let seat = Seat::File { path: "app/supervisord.conf".to_owned(), layer: 0, line: Some(3) };
        assert_eq!(faults[0].seat, seat);
    }

    #[test]
    fn an_unseen_layer_leaves_it_undecided() {
        let outcome = decide("files.logs", "", "0755 0:0 x\nlayer b\ngap layer 1 was not there");
        assert_eq!(outcome, Outcome::Unknown("was not there".to_owned()));
    }
}
