//! What a rule answers.

/// The answer of a rule. A rule gives one of four values; the fifth is the policy's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds. The text tells what was measured, such as `1.2 GB of 2 GB`; may be empty.
    Pass(String),
    /// It does not hold: at least one fault.
    Fail(Vec<Fault>),
    /// It could not be decided; the text says why.
    Unknown(String),
    /// There is nothing to judge; the text says why.
    NotApplicable(String),
    /// It does not hold, and waivers let every fault pass. No rule answers this: the policy makes it of a failure.
    Waived,
}

impl Outcome {
    /// Fail when there are faults; else unknown when a part of the tree was not seen; else pass.
    #[must_use]
    pub fn of_tree(image: &crate::model::ImageFacts, faults: Vec<Fault>, measured: impl Into<String>) -> Self {
        if !faults.is_empty() {
            Self::Fail(faults)
        } else if let Some(gap) = image.tree_gap() {
            Self::Unknown(gap.detail.clone())
        } else {
            Self::Pass(measured.into())
        }
    }

    /// Whether it is a failure.
    #[must_use]
    pub fn is_fail(&self) -> bool {
        matches!(self, Self::Fail(_))
    }
}

/// Where in the image a fault sits. The report adds layer digest and history line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seat {
    /// A field of the config: JSON pointer such as `/config/User`.
    Config(String),
    /// A path of the final file system, and the layer (from 0) that last changed it.
    File {
        /// The path.
        path: String,
        /// The layer.
        layer: u32,
        /// Line in the file, from 1.
        line: Option<u32>,
    },
    /// A layer (from 0).
    Layer(u32),
    /// A history entry (from 0).
    History(u32),
    /// A file that was given beside the image.
    Evidence {
        /// The file as the user named it.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
    },
    /// The manifest or index.
    Manifest,
    /// The reference: its tag or repository.
    Reference,
    /// The image as a whole.
    Image,
}

/// One thing that is wrong. The rule supplies words and place; the engine adds id, level, layer and instruction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// What it is about, stable over rebuilds: a path, port, variable name, label key or the like.
    pub subject: String,
    /// What is wrong: a lowercase fragment with values in backticks.
    pub message: String,
    /// Where it is.
    pub seat: Seat,
    /// How to fix it in this image, when more is known than the rule's general advice.
    pub fix: Option<String>,
}
