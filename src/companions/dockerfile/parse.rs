//! Text to instructions.

use crate::companions::waiver;

use super::heredoc::{self, Heredoc};
use super::logical::{Logical, continued};
use super::words::{self, Word};
use super::{Dockerfile, Flag, Instruction, Keyword, Problem, ProblemKind, Stage};

/// Most instructions of one file.
const MAX_INSTRUCTIONS: usize = 3_000;
/// Most problems that are kept.
const MAX_PROBLEMS: usize = 1_000;

impl Dockerfile {
    /// Reads a Dockerfile. There is always one; what is wrong stands in its `problems`.
    #[must_use]
    pub fn parse(file: &str, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = Reader {
            lines: text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect(),
            at: 0,
            out: Self { file: file.to_owned(), escape: '\\', ..Self::default() },
            comments: Vec::new(),
        };
        reader.directives();
        reader.instructions();
        reader.finish()
    }
}

struct Reader<'text> {
    lines: Vec<&'text str>,
    /// Index of the next line.
    at: usize,
    out: Dockerfile,
    /// Comments and their lines, for waivers.
    comments: Vec<(usize, &'text str)>,
}

impl Reader<'_> {
    fn problem(&mut self, kind: ProblemKind, (line, column): (usize, usize), message: impl Into<String>) {
        if self.out.problems.len() < MAX_PROBLEMS {
            self.out.problems.push(Problem { kind, line, column, message: message.into(), hint: None });
        }
    }

    fn hint(&mut self, hint: impl Into<String>) {
        if let Some(problem) = self.out.problems.last_mut() {
            problem.hint = Some(hint.into());
        }
    }

    /// `# syntax=`, `# escape=`, `# check=` at the top, before anything else.
    fn directives(&mut self) {
        let mut seen: Vec<String> = Vec::new();
        while let Some(line) = self.lines.get(self.at) {
            let Some((key, value)) = line.trim_start().strip_prefix('#').and_then(|rest| rest.split_once('=')) else {
                return;
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if !matches!(key.as_str(), "syntax" | "escape" | "check") {
                return;
            }
            let place = (self.at + 1, 1);
            if seen.contains(&key) {
                self.problem(ProblemKind::Syntax, place, format!("the directive `{key}` is given twice"));
            }
            match (key.as_str(), value) {
                ("syntax", value) => self.out.syntax = Some(value.to_owned()),
                ("escape", "\\") => self.out.escape = '\\',
                ("escape", "`") => self.out.escape = '`',
                ("escape", _) => {
                    self.problem(ProblemKind::Syntax, place, "the escape character is `\\` or a backtick");
                }
                _ => {}
            }
            seen.push(key);
            self.at += 1;
        }
    }

    fn instructions(&mut self) {
        while let Some(line) = self.lines.get(self.at).copied() {
            let start = line.trim_start();
            if start.is_empty() {
                self.at += 1;
            } else if start.starts_with('#') {
                self.comments.push((self.at + 1, start));
                self.at += 1;
            } else if self.out.instructions.len() >= MAX_INSTRUCTIONS {
                let message = format!("more than {MAX_INSTRUCTIONS} instructions: the rest was not read");
                return self.problem(ProblemKind::Bound, (self.at + 1, 1), message);
            } else {
                self.instruction();
            }
        }
    }

    /// Joins the lines of one instruction.
    fn logical(&mut self) -> Logical {
        let mut logical = Logical::default();
        let mut first = true;
        let mut empty_at = None;
        while let Some(line) = self.lines.get(self.at).copied() {
            let number = self.at + 1;
            let trimmed = line.trim_start();
            if !first && trimmed.starts_with('#') {
                self.comments.push((number, trimmed));
                self.at += 1;
                continue;
            }
            if !first && trimmed.is_empty() {
                empty_at.get_or_insert(number);
                self.at += 1;
                continue;
            }
            let skipped = if first { line.len() - trimmed.len() } else { 0 };
            let column = line[..skipped].chars().count() + 1;
            let (text, goes_on) = continued(&line[skipped..], self.out.escape);
            if let Some(empty) = empty_at.take() {
                self.problem(ProblemKind::EmptyContinuation, (empty, 1), "an empty line inside an instruction");
                self.hint("take the line away, or write a `#` into it");
            }
            logical.push(text, number, column);
            self.at += 1;
            first = false;
            if !goes_on {
                break;
            }
        }
        logical
    }

    fn instruction(&mut self) {
        let line = self.at + 1;
        let logical = self.logical();
        let mut instruction = self.build(logical, 0, line);
        if instruction.keyword.has_heredocs() && instruction.json.is_none() {
            let words = words::split(instruction.arguments(), instruction.arguments, self.out.escape);
            instruction.heredocs = heredoc::announced(&words, self.out.escape);
            self.bodies(&mut instruction);
        }
        instruction.end_line = self.at.max(line);
        self.enter(&mut instruction);
        self.demand(&instruction);
        self.out.instructions.push(instruction);
    }

    /// Takes a text apart into keyword, flags and arguments.
    fn build(&mut self, logical: Logical, from: usize, line: usize) -> Instruction {
        let text = logical.text.get(from..).unwrap_or_default();
        let start = from + (text.len() - text.trim_start().len());
        let rest = logical.text.get(start..).unwrap_or_default();
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let word = rest[..length].to_owned();
        let keyword = Keyword::read(&word);
        let (_, column) = logical.place(start);
        let mut arguments = start + length;
        let mut flags = Vec::new();
        loop {
            let rest = logical.text.get(arguments..).unwrap_or_default();
            arguments += rest.len() - rest.trim_start().len();
            let rest = rest.trim_start();
            if !keyword.has_flags() || !rest.starts_with("--") {
                break;
            }
            let Some(word) = words::split(rest, arguments, self.out.escape).into_iter().next() else { break };
            arguments += word.text.len();
            let body = word.plain(self.out.escape);
            let body = body.trim_start_matches("--");
            let (name, value) = body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value)));
            flags.push(Flag { name: name.to_owned(), value: value.map(str::to_owned), start: word.start });
        }
        let mut instruction = Instruction {
            keyword,
            word,
            line,
            column,
            end_line: line,
            flags,
            arguments,
            logical,
            json: None,
            heredocs: Vec::new(),
            stage: None,
            inner: None,
            escape: self.out.escape,
        };
        if keyword.may_be_json() {
            self.json(&mut instruction);
        }
        let nested = match keyword {
            Keyword::Onbuild => true,
            Keyword::Healthcheck => !instruction.arguments().eq_ignore_ascii_case("none"),
            _ => false,
        };
        if nested && from == 0 && !instruction.arguments().is_empty() {
            let inner = self.build(instruction.logical.clone(), instruction.arguments, line);
            instruction.inner = Some(Box::new(inner));
        }
        instruction
    }

    fn json(&mut self, instruction: &mut Instruction) {
        let text = instruction.arguments().trim();
        if !text.starts_with('[') {
            return;
        }
        if let Ok(list) = serde_json::from_str::<Vec<String>>(text) {
            instruction.json = Some(list);
            return;
        }
        // `[ -f x ]` is a test of the shell; a list has quotes at once, or commas.
        let inner = text[1..].trim_start();
        let glued = !text[1..].starts_with(char::is_whitespace);
        let quoted = inner.starts_with(['"', '\'', '\u{201c}', '\u{2018}']);
        if text.ends_with(']') && quoted && (glued || text.contains(',')) {
            let place = instruction.place(instruction.arguments);
            let message =
                format!("the arguments of `{}` look like a JSON list and are none", instruction.keyword.word());
            self.problem(ProblemKind::NotJson, place, message);
            self.hint("JSON wants double quotes, commas between the words and no comma at the end");
        }
    }

    fn bodies(&mut self, instruction: &mut Instruction) {
        let mut heredocs = std::mem::take(&mut instruction.heredocs);
        for Heredoc { name, strips_tabs, body, line, .. } in &mut heredocs {
            *line = self.at + 1;
            loop {
                let Some(text) = self.lines.get(self.at).copied() else {
                    let place = (instruction.line, instruction.column);
                    self.problem(ProblemKind::Syntax, place, format!("the here-document `{name}` has no end"));
                    break;
                };
                self.at += 1;
                let text = if *strips_tabs { text.trim_start_matches('\t') } else { text };
                if text == name {
                    break;
                }
                body.push_str(text);
                body.push('\n');
            }
        }
        instruction.heredocs = heredocs;
    }

    /// Gives the instruction its stage; a `FROM` begins one.
    fn enter(&mut self, instruction: &mut Instruction) {
        if instruction.keyword == Keyword::From {
            let words = instruction.words();
            let is_as = words.get(1).is_some_and(|word| word.text.eq_ignore_ascii_case("as"));
            let base = words.first().cloned().unwrap_or(Word { text: String::new(), start: instruction.arguments });
            let count = self.out.stages.len();
            let base_stage = self.out.stage_named(&base.text, count);
            let name = words.get(2).filter(|_| is_as).cloned();
            let from = self.out.instructions.len();
            self.out.stages.push(Stage { name, base, base_stage, from });
        }
        instruction.stage = self.out.last_stage();
        if let Some(inner) = &mut instruction.inner {
            inner.stage = instruction.stage;
        }
    }

    /// What a build would refuse.
    fn demand(&mut self, instruction: &Instruction) {
        let place = (instruction.line, instruction.column);
        let words = instruction.words();
        let word = instruction.keyword.word();
        match instruction.keyword {
            Keyword::Unknown => {
                let shown: String = instruction.word.chars().take(60).collect();
                self.problem(ProblemKind::UnknownInstruction, place, format!("there is no instruction `{shown}`"));
                let upper = instruction.word.to_ascii_uppercase();
                let near = |word: &&&str| strsim::damerau_levenshtein(word, &upper) <= 1 + word.len() / 6;
                if let Some(word) = Keyword::all().iter().find(near).filter(|_| upper.len() < 20) {
                    self.hint(format!("did you mean `{word}`?"));
                }
            }
            keyword if keyword != Keyword::Arg && instruction.stage.is_none() => {
                self.problem(ProblemKind::Syntax, place, format!("`{word}` stands before the first `FROM`"));
                self.hint("only `ARG` may");
            }
            Keyword::From if words.len() != 1 && !(words.len() == 3 && words[1].text.eq_ignore_ascii_case("as")) => {
                self.problem(ProblemKind::Syntax, place, "`FROM` is written `FROM image` or `FROM image AS name`");
            }
            Keyword::Copy | Keyword::Add if words.len() < 2 => {
                self.problem(ProblemKind::Syntax, place, format!("`{word}` needs a source and a destination"));
            }
            Keyword::Shell if instruction.json.is_none() => {
                self.problem(ProblemKind::Syntax, place, "`SHELL` needs a JSON list, such as `[\"/bin/sh\", \"-c\"]`");
            }
            Keyword::Healthcheck => {
                let kind = instruction.inner.as_ref().map(|inner| inner.keyword);
                if !matches!(kind, None | Some(Keyword::Cmd)) || words.is_empty() {
                    self.problem(ProblemKind::Syntax, place, "`HEALTHCHECK` is followed by `CMD` or `NONE`");
                }
            }
            Keyword::Onbuild => {
                let kind = instruction.inner.as_ref().map(|inner| inner.keyword);
                if matches!(
                    kind,
                    None | Some(Keyword::Unknown | Keyword::Onbuild | Keyword::From | Keyword::Maintainer)
                ) {
                    self.problem(ProblemKind::Syntax, place, "`ONBUILD` needs an instruction that may stand there");
                }
            }
            Keyword::Env | Keyword::Label => {
                let (pairs, old) = instruction.pairs();
                let bare = pairs.iter().find(|pair| pair.value.is_none() || pair.name.is_empty());
                if words.is_empty() || (old && words.len() < 2) {
                    self.problem(ProblemKind::Syntax, place, format!("`{word}` needs a name and a value"));
                } else if let Some(pair) = bare {
                    let place = instruction.place(pair.start);
                    self.problem(ProblemKind::Syntax, place, format!("`{word}` needs `name=value`"));
                }
            }
            Keyword::User
            | Keyword::Workdir
            | Keyword::Stopsignal
            | Keyword::Expose
            | Keyword::Volume
            | Keyword::Arg
                if words.is_empty() =>
            {
                self.problem(ProblemKind::Syntax, place, format!("`{word}` needs an argument"));
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Dockerfile {
        if self.out.stages.is_empty() {
            self.problem(ProblemKind::Syntax, (1, 1), "there is no `FROM`");
        }
        let lines: Vec<usize> = self.out.instructions.iter().map(|instruction| instruction.line).collect();
        for (line, comment) in &self.comments {
            match waiver::read(comment, *line) {
                None => {}
                Some(Ok(mut waiver)) => {
                    // The instruction below it, or the one it stands in.
                    let next = lines.iter().find(|start| *start > line).copied();
                    let around = self.out.instructions.iter().find(|one| one.line < *line && *line <= one.end_line);
                    waiver.covers = around.map(|one| one.line).or(next);
                    self.out.waivers.push(waiver);
                }
                Some(Err(problem)) => self.out.waiver_problems.push(problem),
            }
        }
        self.out.problems.sort_by_key(|problem| (problem.line, problem.column));
        self.out
    }
}
