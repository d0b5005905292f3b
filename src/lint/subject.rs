//! What rules look at: a Dockerfile with the shell commands of its steps.

use std::collections::BTreeMap;

use crate::companions::{Command, Dockerfile, Instruction, Keyword, Scope, commands, expand};
use crate::secrets::Scanner;

/// A Dockerfile, prepared.
pub struct Subject<'a> {
    /// The Dockerfile.
    pub file: &'a Dockerfile,
    /// Its `RUN` instructions with their commands.
    pub runs: Vec<Run<'a>>,
    /// For secrets in values.
    pub scanner: &'a Scanner,
    /// Arguments with variables written out, by line; only where all are known.
    expanded: BTreeMap<usize, Option<String>>,
    /// Stages whose layers are in the image: the last one and those it builds on.
    shipped: Vec<usize>,
}

/// A `RUN` and its commands.
pub struct Run<'a> {
    /// The instruction.
    pub instruction: &'a Instruction,
    /// Its simple commands, in order.
    pub commands: Vec<Command>,
    /// The line where the text of the commands begins, when it is a here-document.
    body: Option<(usize, &'a str)>,
}

impl Run<'_> {
    /// Line and column of a byte of the text that the commands were read from.
    #[must_use]
    pub fn place(&self, at: usize) -> (usize, usize) {
        match self.body {
            None => self.instruction.place(self.instruction.arguments_start() + at),
            Some((line, text)) => {
                let before = text.get(..at).unwrap_or_default();
                let start = before.rfind('\n').map_or(0, |at| at + 1);
                (line + before.matches('\n').count(), before[start..].chars().count() + 1)
            }
        }
    }

    /// Where a command begins.
    #[must_use]
    pub fn place_of(&self, command: &Command) -> (usize, usize) {
        let first = command.words.first().or_else(|| command.assignments.first());
        first.map_or((self.instruction.line, self.instruction.column), |word| self.place(word.start))
    }

    /// Whether a cache is mounted over this directory or below it, so that nothing of it stays in the layer.
    #[must_use]
    pub fn mounts(&self, folder: &str) -> bool {
        self.instruction.flags.iter().filter(|flag| flag.name == "mount").any(|flag| {
            let value = flag.value.as_deref().unwrap_or_default();
            let temporary = value.split(',').any(|part| matches!(part, "type=cache" | "type=tmpfs"));
            let target = value
                .split(',')
                .find_map(|part| ["target=", "dst=", "destination="].iter().find_map(|key| part.strip_prefix(key)));
            temporary && target.is_some_and(|target| folder.starts_with(target.trim_end_matches('/')))
        })
    }

    /// Whether one of the commands removes this directory, or what is in it.
    #[must_use]
    pub fn removes(&self, folder: &str) -> bool {
        let gone = |path: &str| {
            let path = path.trim_end_matches('*').trim_end_matches('/');
            !path.is_empty() && (folder == path || folder.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')))
        };
        self.commands.iter().any(|command| {
            matches!(command.name(), "rm" | "find") && command.words.iter().skip(1).any(|word| gone(&word.text))
        })
    }
}

impl<'a> Subject<'a> {
    /// Prepares a Dockerfile.
    #[must_use]
    pub fn new(file: &'a Dockerfile, scanner: &'a Scanner) -> Self {
        let runs = file.instructions.iter().filter(|one| one.keyword == Keyword::Run).map(run).collect();
        let mut expanded = BTreeMap::new();
        file.walk(|instruction, scope| {
            if instruction.keyword.expands() {
                let text = written_out(instruction, scope, file.escape);
                expanded.insert(instruction.line, text);
            }
        });
        let shipped = file.last_stage().map(|stage| file.chain(stage)).unwrap_or_default();
        Self { file, runs, scanner, expanded, shipped }
    }

    /// Whether what the instruction leaves behind is in the image.
    #[must_use]
    pub fn is_shipped(&self, instruction: &Instruction) -> bool {
        instruction.stage.is_some_and(|stage| self.shipped.contains(&stage))
    }

    /// The arguments of an instruction with its variables written out; none when one of them is not known.
    #[must_use]
    pub fn expanded(&self, instruction: &Instruction) -> Option<&str> {
        self.expanded.get(&instruction.line)?.as_deref()
    }

    /// The instructions of one kind.
    pub fn all(&self, keyword: Keyword) -> impl Iterator<Item = &'a Instruction> {
        self.file.instructions.iter().filter(move |one| one.keyword == keyword)
    }

    /// Every command of every `RUN`.
    pub fn commands(&self) -> impl Iterator<Item = (&Run<'a>, &Command)> {
        self.runs.iter().flat_map(|run| run.commands.iter().map(move |command| (run, command)))
    }

    /// The base of a stage as it is written, variables written out; none when it is a stage or not known.
    #[must_use]
    pub fn base_image(&self, stage: usize) -> Option<String> {
        let known = self.file.stages.get(stage)?;
        if known.base_stage.is_some() {
            return None;
        }
        let from = self.file.instructions.get(known.from)?;
        self.expanded(from)?.split_whitespace().next().map(str::to_owned)
    }
}

fn written_out(instruction: &Instruction, scope: &Scope, escape: char) -> Option<String> {
    expand(instruction.arguments(), escape, &|name| scope.lookup(name)).text
}

fn run(instruction: &Instruction) -> Run<'_> {
    // `RUN <<EOF`: the body is what the shell gets; behind a command it is only its input.
    let body = instruction.heredocs.first().filter(|_| instruction.arguments().starts_with("<<"));
    if let Some(body) = body {
        let words = instruction.words();
        let other =
            words.get(1).is_some_and(|word| !matches!(word.text.as_str(), "sh" | "bash" | "/bin/sh" | "/bin/bash"));
        let commands = if other { Vec::new() } else { commands(&body.body) };
        return Run { instruction, commands, body: Some((body.line, &body.body)) };
    }
    let text = match &instruction.json {
        None => instruction.arguments().to_owned(),
        // A list is a command by itself; its words have no places of their own.
        Some(list) => {
            list.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect::<Vec<_>>().join(" ")
        }
    };
    let mut found = commands(&text);
    if instruction.json.is_some() {
        for word in found.iter_mut().flat_map(|command| &mut command.words) {
            word.start = 0;
        }
    }
    Run { instruction, commands: found, body: None }
}
