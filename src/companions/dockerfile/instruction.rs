//! One instruction, and the stages they make.

use super::logical::Logical;
use super::words::{self, Word};
use super::{Heredoc, Keyword};

/// A flag such as `--from=build`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Its name without `--`.
    pub name: String,
    /// Its value; none when it has none.
    pub value: Option<String>,
    /// Byte in [`Instruction::text`] where it starts.
    pub start: usize,
}

/// A name with its value, as `ENV`, `LABEL` and `ARG` have them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The name.
    pub name: String,
    /// The value as written, quotes included; none for an `ARG` without a default.
    pub value: Option<String>,
    /// Byte in [`Instruction::text`] where the name starts.
    pub start: usize,
    /// Byte in [`Instruction::text`] where the value starts.
    pub value_start: usize,
}

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Which one.
    pub keyword: Keyword,
    /// The keyword as written.
    pub word: String,
    /// First line, from 1.
    pub line: usize,
    /// Column of the keyword, from 1.
    pub column: usize,
    /// Last line, here-documents included.
    pub end_line: usize,
    /// Flags.
    pub flags: Vec<Flag>,
    /// Where the arguments behind the flags start in the whole text.
    pub(super) arguments: usize,
    /// The whole text.
    pub(super) logical: Logical,
    /// The arguments as a JSON list, when they are one.
    pub json: Option<Vec<String>>,
    /// Here-documents.
    pub heredocs: Vec<Heredoc>,
    /// The stage it belongs to; none before the first `FROM`.
    pub stage: Option<usize>,
    /// The instruction behind `ONBUILD` or `HEALTHCHECK`.
    pub inner: Option<Box<Instruction>>,
    pub(super) escape: char,
}

impl Instruction {
    /// The whole text on one line, keyword included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.logical.text
    }

    /// The arguments behind the flags.
    #[must_use]
    pub fn arguments(&self) -> &str {
        self.logical.text.get(self.arguments..).unwrap_or_default().trim_end()
    }

    /// Byte of [`Self::text`] where the arguments start.
    #[must_use]
    pub fn arguments_start(&self) -> usize {
        self.arguments
    }

    /// Line and column of a byte of [`Self::text`].
    #[must_use]
    pub fn place(&self, at: usize) -> (usize, usize) {
        self.logical.place(at)
    }

    /// The arguments as words; of a JSON list its elements.
    #[must_use]
    pub fn words(&self) -> Vec<Word> {
        match &self.json {
            Some(list) => list.iter().map(|text| Word { text: text.clone(), start: self.arguments }).collect(),
            None => words::split(self.arguments(), self.arguments, self.escape),
        }
    }

    /// The arguments as words, without quotes and escapes.
    #[must_use]
    pub fn plain_words(&self) -> Vec<String> {
        match &self.json {
            Some(list) => list.clone(),
            None => self.words().iter().map(|word| word.plain(self.escape)).collect(),
        }
    }

    /// The flag of that name.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().find(|flag| flag.name == name)
    }

    /// The pairs of `ENV`, `LABEL` and `ARG`; whether the old form `ENV NAME value` is used.
    #[must_use]
    pub fn pairs(&self) -> (Vec<Pair>, bool) {
        let words = self.words();
        let pair = |word: &Word| {
            let (name, value) = match word.text.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.text.as_str(), None),
            };
            let value_start = word.start + name.len() + usize::from(value.is_some());
            Pair { name: words::unquote(name, self.escape), value, start: word.start, value_start }
        };
        let old = self.keyword != Keyword::Arg
            && words.first().is_some_and(|word| !word.text.contains('='))
            && self.json.is_none();
        if !old {
            return (words.iter().map(pair).collect(), false);
        }
        let Some(first) = words.first() else { return (Vec::new(), true) };
        let start = words.get(1).map_or(first.start + first.text.len(), |word| word.start);
        let value = self.logical.text.get(start..).unwrap_or_default().trim_end().to_owned();
        let value = Pair { name: first.text.clone(), value: Some(value), start: first.start, value_start: start };
        (vec![value], true)
    }

    /// The text that a shell gets: of `RUN`, `CMD`, `ENTRYPOINT` in shell form, here-documents included.
    #[must_use]
    pub fn shell_text(&self) -> Option<&str> {
        let is_command = matches!(self.keyword, Keyword::Run | Keyword::Cmd | Keyword::Entrypoint);
        (is_command && self.json.is_none()).then(|| self.arguments())
    }
}

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its name.
    pub name: Option<Word>,
    /// What it builds on, as written.
    pub base: Word,
    /// The earlier stage it builds on.
    pub base_stage: Option<usize>,
    /// Index of its `FROM` in the instructions.
    pub from: usize,
}
