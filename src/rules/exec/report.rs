//! What resolving a command came to.

use crate::model::ImageFacts;
use crate::rules::Seat;
use crate::rules::words::code;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rules) enum Topic {
    /// A command that does not start.
    Command,
    /// A user that something switches to and the image does not have.
    User,
}

/// A command that does not start, or would not if it were reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::rules) struct Finding {
    pub topic: Topic,
    /// The command as written.
    pub runs: String,
    /// Why: `which …` or `whose …`.
    pub why: String,
    /// The places of scripts on the way, outermost first.
    pub via: Vec<String>,
    /// Path and line of the script it stands in.
    pub at: Option<(String, u32)>,
}

impl Finding {
    /// Where it stands: in a script, else where the command of the subject stands.
    pub fn seat(&self, image: &ImageFacts, of_subject: &Seat) -> Seat {
        match &self.at {
            Some((path, line)) => super::subjects::seat(image, path, Some(*line)),
            None => of_subject.clone(),
        }
    }

    /// The sentence about it; `subject` is what starts the chain.
    pub fn words(&self, subject: &str) -> String {
        let via = match self.via.last() {
            Some(place) => format!("{subject} leads to {place}, which runs"),
            None => format!("{subject} runs"),
        };
        format!("{via} {}, {}", code(&self.runs), self.why)
    }
}

/// Everything that came up on the way through one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::rules) struct Report {
    /// What surely does not start.
    pub failures: Vec<Finding>,
    /// What does not start if it is reached.
    pub doubts: Vec<Finding>,
    /// What does not start, but something that does is run in its place.
    pub replaced: Vec<Finding>,
    /// What cannot be told, of the command itself.
    pub unknown: Vec<String>,
    /// What cannot be told, inside scripts.
    pub open: Vec<String>,
    /// Programs and scripts that do start, as absolute paths, in the order of their start.
    pub resolved: Vec<String>,
    /// The same programs by the last part of the names that they were started by.
    pub names: Vec<String>,
    /// Commands that a shell starts and does not wait for.
    pub background: Vec<String>,
    /// Programs that look after the processes of others: `tini`, `s6-svscan`, …
    pub inits: Vec<String>,
}

impl Report {
    /// Adds what another run found.
    pub fn append(&mut self, mut other: Self) {
        self.failures.append(&mut other.failures);
        self.doubts.append(&mut other.doubts);
        self.replaced.append(&mut other.replaced);
        self.unknown.append(&mut other.unknown);
        self.open.append(&mut other.open);
        self.resolved.append(&mut other.resolved);
        self.names.append(&mut other.names);
        self.background.append(&mut other.background);
        self.inits.append(&mut other.inits);
    }

    /// What does not start is made up for.
    pub fn replaced(mut self) -> Self {
        self.replaced.append(&mut self.failures);
        self
    }

    /// What is certain becomes what might be.
    pub fn doubted(mut self) -> Self {
        self.doubts.append(&mut self.failures);
        self
    }
}
