//! `structure`: the tests of container-structure-test (its files of `schemaVersion: 2.0.0`, or the same written inline) as
//! rules of the policy. Nothing is ever run: what only a command could tell is unknown.

mod contents;
mod existence;
mod metadata;
mod read;

use std::sync::Arc;

use crate::model::ImageFacts;
use crate::rules::{Check, Fault, Level, Outcome, code_within};
use crate::yaml::{Node, Span};

use super::describe::flow;
use super::merge::level_word;
use super::source::Sources;
use super::{Common, Configured, Descriptor, Setting};

use contents::ContentTest;
use existence::ExistenceTest;
use metadata::MetadataTest;
pub(super) use read::StructureDraft;

/// The group of the rules.
pub(super) const GROUP: &str = "structure";
/// Most characters of a value that a message shows.
const SHOWN: usize = 100;

/// The levels of an element of the section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Levels {
    /// Of everything that can be decided.
    level: Level,
    /// Of tests that run commands.
    commands: Level,
    /// Of tests of licences.
    licenses: Level,
}

/// Tests of one file, or of one element of the section.
pub(super) struct Structure {
    levels: Levels,
    /// Where it stands, and all of it.
    span: Span,
    shown: String,
    existence: Vec<ExistenceTest>,
    contents: Vec<ContentTest>,
    metadata: Vec<MetadataTest>,
    /// Names of command tests.
    commands: Vec<String>,
    /// Number of licence tests.
    licenses: usize,
}

/// What one test says.
enum Said {
    Holds,
    Fails(Vec<Fault>),
    Open(String),
}

/// A rule that the section makes.
struct Kind {
    id: &'static str,
    code: &'static str,
    summary: &'static str,
    why: &'static str,
    fix: &'static str,
}

const EXISTENCE: Kind = Kind {
    id: "structure.existence",
    code: "IG2201",
    summary: "a structure test of a path fails",
    why: "The policy has tests of container-structure-test that say which paths must be there, or must not, and whose they are.",
    fix: "Put the file where the test wants it, with the owner and the mode that it names, such as `COPY --chmod=0755`, or change the \
          test.",
};
const CONTENTS: Kind = Kind {
    id: "structure.contents",
    code: "IG2202",
    summary: "a structure test of a file's content fails",
    why: "The policy has tests of container-structure-test that say what the content of a file must match, or must not.",
    fix: "Change the file in the `Dockerfile`, or the test.",
};
const METADATA: Kind = Kind {
    id: "structure.metadata",
    code: "IG2203",
    summary: "a structure test of the image's config fails",
    why: "The policy has tests of container-structure-test that say what the config of the image must hold: variables, labels, ports, \
          volumes, entry point, user.",
    fix: "Change `ENV`, `LABEL`, `EXPOSE`, `VOLUME`, `ENTRYPOINT`, `CMD`, `WORKDIR` or `USER` as the test wants, or change the test.",
};
const COMMANDS: Kind = Kind {
    id: "structure.commands",
    code: "IG2204",
    summary: "a structure test runs a command",
    why: "The policy has tests of container-structure-test that run commands in a container. imgguard never runs anything of an image, \
          so nobody can say whether they hold.",
    fix: "Say what the command should show with a rule that looks, such as `exec.resolve` or `packages.require`, run the tests elsewhere, \
          and lower the level here with `commands: info`.",
};
const LICENSES: Kind = Kind {
    id: "structure.licenses",
    code: "IG2205",
    summary: "a structure test asks for licences without naming any",
    why: "The licence tests of container-structure-test go by a list that is built into that program and stands nowhere in the file, so \
          nobody can say whether they hold.",
    fix: "Name the licences that you do not want with `licenses.forbid`, which judges every package, and lower the level here with \
          `licenses: info`.",
};

impl Structure {
    /// Paths whose contents its tests look at.
    pub(super) fn contents(&self) -> Vec<String> {
        let on = self.levels.level != Level::Off;
        self.contents.iter().filter(|_| on).map(|test| test.path.trim_matches('/').to_owned()).collect()
    }

    /// The element as `policy show` prints it, and where it stands.
    pub(super) fn setting(&self, sources: &Sources) -> Setting {
        let Levels { level, commands, licenses } = self.levels;
        let words = [level_word(level), level_word(commands), level_word(licenses)];
        Setting {
            key: GROUP.to_owned(),
            value: format!(
                "{{level: {}, commands: {}, licenses: {}, tests: {}}}",
                words[0], words[1], words[2], self.shown
            ),
            origin: sources.origin(self.span),
        }
    }

    /// The rules that all elements together make. No file takes a test of another one away, and of several levels the
    /// strictest counts.
    pub(super) fn rules(sections: Vec<Self>, sources: &Sources) -> Vec<Configured> {
        let mut rules = Rules { made: Vec::new(), sources };
        let (mut existence, mut contents, mut metadata) = (Vec::new(), Vec::new(), Vec::new());
        let (mut commands, mut licenses) = (Vec::new(), 0);
        let mut at: [Option<(Level, Span)>; 5] = [None; 5];
        for section in sections {
            let Levels { level, commands: of_commands, licenses: of_licenses } = section.levels;
            let counts = [
                (level, section.existence.len()),
                (level, section.contents.len()),
                (level, section.metadata.len()),
                (of_commands, section.commands.len()),
                (of_licenses, section.licenses),
            ];
            for (slot, (level, number)) in at.iter_mut().zip(counts) {
                if number > 0 && level > slot.map_or(Level::Off, |(level, _)| level) {
                    *slot = Some((level, section.span));
                }
            }
            if level != Level::Off {
                existence.extend(section.existence);
                contents.extend(section.contents);
                metadata.extend(section.metadata);
            }
            if of_commands != Level::Off {
                commands.extend(section.commands);
            }
            if of_licenses != Level::Off {
                licenses += section.licenses;
            }
        }
        rules.add(&EXISTENCE, at[0], Box::new(Tests(existence)));
        rules.add(&CONTENTS, at[1], Box::new(Tests(contents)));
        rules.add(&METADATA, at[2], Box::new(Tests(metadata)));
        rules.add(&COMMANDS, at[3], Box::new(Undecided(commands_are_not_run(&commands))));
        let why = format!("{licenses} licence tests go by a list that the file does not name: see `licenses.forbid`");
        rules.add(&LICENSES, at[4], Box::new(Undecided(why)));
        rules.made
    }
}

fn commands_are_not_run(names: &[String]) -> String {
    let named: Vec<String> = names.iter().take(3).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(named.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("nothing of an image is ever run, and these tests run commands: {}{more}", named.join(", "))
}

struct Rules<'a> {
    made: Vec<Configured>,
    sources: &'a Sources,
}

impl Rules<'_> {
    fn add(&mut self, kind: &Kind, at: Option<(Level, Span)>, check: Box<dyn Check>) {
        let Some((level, span)) = at else { return };
        let rule = Descriptor {
            id: kind.id.into(),
            code: kind.code.into(),
            summary: kind.summary.into(),
            why: kind.why.into(),
            fix: kind.fix.into(),
        };
        self.made.push(Configured {
            rule: Arc::new(rule),
            level,
            common: Common::default(),
            needs_packages: false,
            check,
            origin: self.sources.origin(span),
            settings: Vec::new(),
        });
    }
}

/// A test that can be decided.
trait Test: Send + Sync {
    fn ask(&self, image: &ImageFacts) -> Said;
}

struct Tests<T>(Vec<T>);

impl<T: Test> Check for Tests<T> {
    fn decide(&self, image: &ImageFacts) -> Outcome {
        let mut faults = Vec::new();
        let mut open = Vec::new();
        for test in &self.0 {
            match test.ask(image) {
                Said::Holds => {}
                Said::Fails(more) => faults.extend(more),
                Said::Open(why) => open.push(why),
            }
        }
        if !faults.is_empty() {
            return Outcome::Fail(faults);
        }
        match open.first() {
            None => Outcome::Pass(format!("{} structure tests", self.0.len())),
            Some(first) if open.len() == 1 => Outcome::Unknown(first.clone()),
            Some(first) => Outcome::Unknown(format!("{first}; and {} more tests", open.len() - 1)),
        }
    }
}

struct Undecided(String);

impl Check for Undecided {
    fn decide(&self, _: &ImageFacts) -> Outcome {
        Outcome::Unknown(self.0.clone())
    }
}

/// A value in backticks.
fn shown(text: &str) -> String {
    code_within(text, SHOWN)
}

/// A node as `policy show` prints it.
fn printed(node: &Node) -> String {
    flow(node)
}

#[cfg(test)]
mod tests;
