//! Dockerfiles (Docker, "Dockerfile reference"): every instruction with its place; nothing is run, nothing is guessed.

mod expand;
mod heredoc;
mod instruction;
mod keyword;
mod logical;
mod parse;
mod scope;
mod words;

use super::waiver::{Waiver, WaiverProblem};

pub use expand::{Expansion, Lookup, expand};
pub use heredoc::Heredoc;
pub use instruction::{Flag, Instruction, Pair, Stage};
pub use keyword::Keyword;
pub use scope::Scope;
pub use words::Word;

/// What is wrong with the text of a Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// A build would stop.
    Syntax,
    /// There is no such instruction.
    UnknownInstruction,
    /// An empty line inside a continued instruction: future versions of the syntax refuse it.
    EmptyContinuation,
    /// It looks like a JSON list and is none, so that a shell gets it.
    NotJson,
    /// A bound was reached: the rest was not read.
    Bound,
}

/// Something that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub kind: ProblemKind,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// A lowercase fragment.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Problem {
    /// Whether the file does not say what it is meant to say.
    #[must_use]
    pub fn is_fatal(&self) -> bool {
        matches!(self.kind, ProblemKind::Syntax | ProblemKind::UnknownInstruction | ProblemKind::Bound)
    }
}

/// A Dockerfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dockerfile {
    /// The file as the user named it.
    pub file: String,
    /// The escape character, `\` or `` ` ``.
    pub escape: char,
    /// The `# syntax=` directive.
    pub syntax: Option<String>,
    /// All instructions, in order.
    pub instructions: Vec<Instruction>,
    /// The stages, in order.
    pub stages: Vec<Stage>,
    /// Waivers in comments.
    pub waivers: Vec<Waiver>,
    /// Waivers that are written wrongly.
    pub waiver_problems: Vec<WaiverProblem>,
    /// What is wrong, in the order of the text.
    pub problems: Vec<Problem>,
}

impl Dockerfile {
    /// The instructions of a stage, `FROM` included.
    pub fn of_stage(&self, stage: usize) -> impl Iterator<Item = &Instruction> {
        self.instructions.iter().filter(move |instruction| instruction.stage == Some(stage))
    }

    /// The stage that is built when none is named: the last one.
    #[must_use]
    pub fn last_stage(&self) -> Option<usize> {
        self.stages.len().checked_sub(1)
    }

    /// A stage and the stages it is built on, itself first. Ends where the base is an image.
    #[must_use]
    pub fn chain(&self, stage: usize) -> Vec<usize> {
        let mut chain = vec![stage];
        let mut at = stage;
        // A stage only builds on earlier ones, so this ends.
        while let Some(base) = self.stages.get(at).and_then(|stage| stage.base_stage).filter(|base| *base < at) {
            chain.push(base);
            at = base;
        }
        chain
    }

    /// The stage that a name or number in `COPY --from` or `FROM` means, among those before `before`.
    #[must_use]
    pub fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        let stages = self.stages.get(..before.min(self.stages.len()))?;
        let by_name = |stage: &Stage| stage.name.as_ref().is_some_and(|known| known.text.eq_ignore_ascii_case(name));
        stages.iter().rposition(by_name)
    }
}

#[cfg(test)]
mod tests;
