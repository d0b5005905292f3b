//! `user.path-usable`: the user can enter the folders of PATH, WORKDIR and HOME, and write TMPDIR.

use crate::model::ImageFacts;

use super::exec::{self, Access, DEFAULT_PATH, FileSystem, NoOne, Nowhere, Who};
use super::setting::NoSettings;
use super::words::code;
use super::{Check, Fault, Level, Outcome, Rule, Seat};

pub(super) const RULE: Rule = Rule {
    id: "user.path-usable",
    code: "IG0105",
    level: Level::Warn,
    summary: "the user cannot use a folder that the environment gives it",
    why: "A folder of PATH below another user's home, a WORKDIR that may not be entered, a TMPDIR that cannot be written: the \
          program works as root at build time and fails as the container's user. Permission bits of every folder on the way \
          are checked for the uid that the image starts as. A relative folder in PATH makes the working directory decide \
          which program runs.",
    fix: "Put programs where everyone may enter, and give the user its folders:\n\n```dockerfile\nCOPY --from=build \
          /root/.local /opt/app\nRUN mkdir -p /tmp/app && chown 1000:1000 /tmp/app\nENV PATH=/opt/app/bin:$PATH \
          TMPDIR=/tmp/app\n```",
    flags: &[
        (
            "",
            "user 1000\nenv PATH=/root/.local/bin:/bin\n0700 0:0 root/\n0755 0:0 root/.local/\n0755 0:0 root/.local/bin/",
        ),
        ("", "user 1000\nworkdir /srv\n0700 0:0 srv/"),
        ("", "user 1000\nenv TMPDIR=/tmp/app\n0755 0:0 tmp/app/"),
        ("", "env TMPDIR=/tmp/app"),
        ("", "env PATH=.:/bin"),
        ("", "user 1000\nenv HOME=/home/app"),
        ("", "env PATH=/opt/gone/bin:/bin"),
    ],
    passes: &[
        ("", ""),
        ("", "user 1000\nworkdir /app\nenv TMPDIR=/tmp/app\n0755 0:0 app/\n0700 1000:1000 tmp/app/"),
        ("", "env PATH=/root/.local/bin:/bin\n0700 0:0 root/\n0755 0:0 root/.local/bin/"),
        ("", "user 1000\nworkdir /new"),
    ],
    build: |settings| {
        settings.read::<NoSettings>()?;
        Ok(Box::new(Usable))
    },
    schema: |generator| generator.subschema_for::<NoSettings>(),
};

struct Usable;

struct Look<'a> {
    files: FileSystem<'a>,
    who: Who,
    faults: Vec<Fault>,
    unknown: Option<String>,
    notes: Vec<String>,
}

impl Check for Usable {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let who = match exec::of_image(image) {
            Ok(who) => who,
            Err(NoOne::Missing(_)) => return Outcome::Unknown("`user.exists` failed".to_owned()),
            Err(NoOne::Unseen(why)) => return Outcome::Unknown(why),
        };
        let mut look =
            Look { files: FileSystem::shipped(image), who, faults: Vec::new(), unknown: None, notes: Vec::new() };
        look.path(image);
        look.workdir(image);
        look.home(image);
        look.temporary(image);
        match look.unknown {
            _ if !look.faults.is_empty() => Outcome::Fail(look.faults),
            Some(why) => Outcome::Unknown(why),
            None => Outcome::Pass(look.notes.join("; ")),
        }
    }
}

impl Look<'_> {
    fn fault(&mut self, subject: &str, message: String, pointer: &str, fix: Option<String>) {
        let seat = Seat::Config(pointer.to_owned());
        self.faults.push(Fault { subject: subject.to_owned(), message, seat, fix });
    }

    fn path(&mut self, image: &ImageFacts) {
        let path = image.config.env_value("PATH").unwrap_or(DEFAULT_PATH);
        for folder in path.split(':').take(256) {
            let subject = format!("PATH {folder}");
            if !folder.starts_with('/') {
                let shown = if folder.is_empty() { "an empty folder".to_owned() } else { code(folder) };
                let message = format!("`PATH` has {shown}: what is found depends on the working directory");
                self.fault(&subject, message, "/config/Env", None);
                continue;
            }
            let place = self.files.look(folder, "/", Some(&self.who));
            let usual = DEFAULT_PATH.split(':').any(|usual| usual == folder.trim_end_matches('/'));
            let problem = match place {
                Ok(place) if !place.is_directory() => "is no directory".to_owned(),
                Ok(place) if !place.allows(&self.who, Access::Execute) => {
                    format!("may not be entered by {}", self.who.words())
                }
                Ok(place) => {
                    if !self.who.is_root() && place.allows(&self.who, Access::Write) {
                        self.notes.push(format!("{} of PATH can be written by {}", code(folder), self.who.words()));
                    }
                    continue;
                }
                Err(Nowhere::Missing(_)) if usual => continue,
                Err(Nowhere::Unknown(why)) => {
                    self.unknown.get_or_insert(why);
                    continue;
                }
                Err(nowhere) => format!("cannot be used: {}", nowhere.words(&self.who)),
            };
            self.fault(&subject, format!("{} of `PATH` {problem}", code(folder)), "/config/Env", None);
        }
    }

    fn workdir(&mut self, image: &ImageFacts) {
        let folder = image.config.working_dir.as_str();
        if folder.is_empty() {
            return;
        }
        let problem = match self.files.look(folder, "/", Some(&self.who)) {
            Ok(place) if !place.is_directory() => "is no directory".to_owned(),
            Ok(place) if !place.allows(&self.who, Access::Execute) => {
                format!("may not be entered by {}", self.who.words())
            }
            Ok(_) => return,
            Err(Nowhere::Missing(_)) => {
                self.notes.push(format!("the runtime makes the working directory {}", code(folder)));
                return;
            }
            Err(Nowhere::Unknown(why)) => {
                self.unknown.get_or_insert(why);
                return;
            }
            Err(nowhere) => format!("cannot be used: {}", nowhere.words(&self.who)),
        };
        let message = format!("the container does not start: `WORKDIR` {} {problem}", code(folder));
        self.fault("WORKDIR", message, "/config/WorkingDir", None);
    }

    fn home(&mut self, image: &ImageFacts) {
        let given = image.config.env_value("HOME").filter(|home| !home.is_empty());
        let home = given.map_or_else(|| exec::home(image, self.who.uid), str::to_owned);
        // Accounts of services say on purpose that they have none.
        let none = given.is_none()
            && (self.who.is_root()
                || ["/", "/nonexistent", "/dev/null", "/var/empty", "/run"].contains(&home.as_str()));
        if none {
            return;
        }
        let problem = match self.files.look(&home, "/", Some(&self.who)) {
            Ok(place) if place.is_directory() && place.allows(&self.who, Access::Execute) => return,
            Ok(place) if place.is_directory() => format!("may not be entered by {}", self.who.words()),
            Ok(_) => "is no directory".to_owned(),
            Err(Nowhere::Unknown(why)) => {
                self.unknown.get_or_insert(why);
                return;
            }
            Err(nowhere) => format!("cannot be used: {}", nowhere.words(&self.who)),
        };
        let pointer = if given.is_some() { "/config/Env" } else { "/config/User" };
        let fix = (!self.who.is_root()).then(|| {
            let ids = format!("{}:{}", self.who.uid, self.who.gid);
            format!("`RUN mkdir -p {0} && chown {ids} {0}`", home.replace('`', "'"))
        });
        self.fault("HOME", format!("the home folder {} {problem}", code(&home)), pointer, fix);
    }

    fn temporary(&mut self, image: &ImageFacts) {
        let given = image.config.env_value("TMPDIR").filter(|folder| !folder.is_empty());
        let folder = given.unwrap_or("/tmp");
        let problem = match self.files.look(folder, "/", Some(&self.who)) {
            Ok(place) if !place.is_directory() => "is no directory".to_owned(),
            Ok(place) if place.allows(&self.who, Access::Write) && place.allows(&self.who, Access::Execute) => return,
            Ok(_) => format!("cannot be written by {}", self.who.words()),
            Err(Nowhere::Unknown(why)) => {
                self.unknown.get_or_insert(why);
                return;
            }
            Err(_) if given.is_none() => return,
            Err(nowhere) => format!("cannot be used: {}", nowhere.words(&self.who)),
        };
        let name = if given.is_some() { "`TMPDIR`" } else { "the folder for temporary files" };
        let pointer = if given.is_some() { "/config/Env" } else { "/config/User" };
        let ids = format!("{}:{}", self.who.uid, self.who.gid);
        let fix = given.map(|folder| format!("`RUN mkdir -p {0} && chown {ids} {0}`", folder.replace('`', "'")));
        self.fault("TMPDIR", format!("{name} {} {problem}", code(folder)), pointer, fix);
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::decide;
    use super::*;

    #[test]
    fn a_missing_user_is_the_other_rules_finding() {
        let outcome = decide("user.path-usable", "", "user app\nenv TMPDIR=/gone");
        assert_eq!(outcome, Outcome::Unknown("`user.exists` failed".to_owned()));
    }

    #[test]
    fn a_folder_of_path_that_the_user_can_write_is_told() {
        let outcome = decide("user.path-usable", "", "user 1000\nenv PATH=/opt/bin\n0755 1000:0 opt/bin/");
        assert_eq!(outcome, Outcome::Pass("`/opt/bin` of PATH can be written by uid `1000`".to_owned()));
    }

    #[test]
    fn links_in_circles_are_found_and_end() {
        let outcome = decide("user.path-usable", "", "env PATH=/a/bin\na -> b\nb -> a");
        assert!(outcome.is_fail(), "{outcome:?}");
    }
}
