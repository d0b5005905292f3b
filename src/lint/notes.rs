//! What a rule writes down.

use crate::companions::Instruction;

/// The findings of one rule: places, words, advice.
#[derive(Debug, Default)]
pub struct Notes {
    pub(super) found: Vec<Note>,
}

#[derive(Debug)]
pub(super) struct Note {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) message: String,
    pub(super) fix: Option<String>,
}

/// Most findings of one rule in one file.
const MOST: usize = 1_000;

impl Notes {
    /// Something wrong at a line and column.
    pub fn at(&mut self, (line, column): (usize, usize), message: impl Into<String>) -> &mut Self {
        if self.found.len() < MOST {
            self.found.push(Note { line, column, message: message.into(), fix: None });
        }
        self
    }

    /// Something wrong with an instruction as a whole.
    pub fn instruction(&mut self, instruction: &Instruction, message: impl Into<String>) -> &mut Self {
        self.at((instruction.line, instruction.column), message)
    }

    /// How to fix what was said last.
    pub fn fix(&mut self, fix: impl Into<String>) {
        if let Some(last) = self.found.last_mut() {
            last.fix = Some(fix.into());
        }
    }
}

/// A value in backticks, on one line, shortened when it is long.
pub(super) fn code(value: &str) -> String {
    crate::rules::code_within(value, 80)
}
