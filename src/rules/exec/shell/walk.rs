//! A walk along the commands of a shell text: what is reached for certain, what perhaps.
//!
//! Only a literal first word that is reached whatever happens can fail. Branches, loops, functions that are not called and
//! everything behind a branch that may end the script are reached perhaps.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::model::basename;
use crate::rules::words::code;

use super::builtin::{asks, brings_programs, is_builtin};
use super::tree::{Item, List, Node, Pipeline, Simple, parse};
use super::word::Word;
use crate::rules::exec::report::Report;
use crate::rules::exec::resolver::{Fate, Resolver, Setting, Start, assign, tell};

/// Longest text that is read, in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Deepest calls of functions.
const MAX_CALLS: u32 = 16;

/// Walks along a text. `path` is that of the script, none for a text of the config.
pub(in crate::rules::exec) fn walk(
    resolver: &Resolver<'_>,
    text: &str,
    path: Option<&str>,
    arguments: Option<Vec<Word>>,
    setting: &Setting,
    report: &mut Report,
) -> Fate {
    if text.len() > MAX_TEXT {
        tell(setting, report, format!("its shell text has {} bytes and was not read", text.len()));
        return Fate::Open;
    }
    let list = match parse(text) {
        Ok(list) => list,
        Err(error) => {
            let place = path.map_or_else(|| "the shell text".to_owned(), |path| code(format!("/{path}")));
            tell(setting, report, format!("{place} was not understood in line {}: {}", error.line, error.why));
            return Fate::Open;
        }
    };
    let mut walker = Walker {
        resolver,
        path,
        state: State {
            setting: Setting { start: Start::Shell, ..setting.clone() },
            arguments,
            functions: BTreeMap::new(),
            unclear: BTreeSet::new(),
            sourced: None,
        },
        report,
        calls: 0,
    };
    walker.list(&list, setting.certain).0
}

/// Whether the shell goes on behind a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Goes,
    /// It may have ended here, as it should.
    Perhaps,
    /// The function ends here.
    Returns,
    /// It ends here.
    Ends,
    /// It ends here with an error.
    Breaks,
}

type Step = (Fate, Flow);

/// What the shell knows.
#[derive(Clone)]
struct State {
    setting: Setting,
    /// `$@`; none when it is not known.
    arguments: Option<Vec<Word>>,
    functions: BTreeMap<String, Rc<Node>>,
    /// Names that are aliases, are asked for before they are used, or are written by the script itself.
    unclear: BTreeSet<String>,
    /// A file that was read into the shell and may have defined anything.
    sourced: Option<String>,
}

struct Walker<'w, 'a> {
    resolver: &'w Resolver<'a>,
    path: Option<&'w str>,
    state: State,
    report: &'w mut Report,
    calls: u32,
}

impl Walker<'_, '_> {
    fn list(&mut self, list: &List, mut certain: bool) -> Step {
        let mut fate = Fate::Succeeds;
        let mut ends = Flow::Goes;
        for item in list {
            let flow;
            (fate, flow) = self.item(item, certain);
            match flow {
                Flow::Goes => {}
                Flow::Perhaps => (certain, ends) = (false, Flow::Perhaps),
                Flow::Returns | Flow::Ends | Flow::Breaks => return (fate, flow),
            }
        }
        (fate, ends)
    }

    fn item(&mut self, item: &Item, certain: bool) -> Step {
        if !item.background {
            return self.chain(item, certain);
        }
        self.report.background.extend(first_word(item));
        let kept = self.state.clone();
        self.chain(item, certain);
        self.state = kept;
        (Fate::Succeeds, Flow::Goes)
    }

    /// Pipelines joined by `&&` and `||`.
    fn chain(&mut self, item: &Item, certain: bool) -> Step {
        if item.rest.is_empty() {
            return self.pipeline(&item.first, certain);
        }
        // What fails on the left of `||` counts only when the right does not make up for it.
        let (mut held, (mut fate, mut flow)) = self.apart(|walker| walker.pipeline(&item.first, certain));
        let mut asked = is_question(&item.first);
        for (and, pipeline) in &item.rest {
            if matches!(flow, Flow::Returns | Flow::Ends | Flow::Breaks) {
                break;
            }
            if *and {
                if fate == Fate::Fails {
                    continue;
                }
                let sure = certain && (!asked || fate == Fate::Succeeds) && flow == Flow::Goes;
                let (right, (next, next_flow)) = self.apart(|walker| walker.pipeline(pipeline, sure));
                held.append(right);
                fate = if sure { next } else { Fate::Open };
                flow = if sure { next_flow } else { after_branch(flow, next_flow) };
                asked = is_question(pipeline);
                continue;
            }
            if fate == Fate::Succeeds {
                continue;
            }
            let failed = fate == Fate::Fails;
            let (right, (next, next_flow)) = self.apart(|walker| walker.pipeline(pipeline, certain && failed));
            if failed {
                // The right is run in any case.
                let makes_up = next != Fate::Fails && next_flow != Flow::Breaks;
                held = match next {
                    Fate::Starts if makes_up => held.replaced(),
                    _ if makes_up => held.doubted(),
                    _ => held,
                };
                held.append(right);
                (fate, flow) = (next, next_flow);
            } else {
                held.append(right);
                fate = Fate::Open;
                flow = after_branch(flow, next_flow);
            }
            asked = false;
        }
        self.report.append(held);
        (fate, flow)
    }

    /// Does something with a report of its own.
    fn apart(&mut self, act: impl FnOnce(&mut Self) -> Step) -> (Report, Step) {
        let before = std::mem::take(self.report);
        let step = act(self);
        (std::mem::replace(self.report, before), step)
    }

    fn pipeline(&mut self, pipeline: &Pipeline, certain: bool) -> Step {
        let [only] = &pipeline.commands[..] else {
            let mut fate = Fate::Open;
            for command in &pipeline.commands {
                let kept = self.state.clone();
                fate = self.node(command, certain).0;
                self.state = kept;
            }
            return (if pipeline.negated { Fate::Open } else { fate }, Flow::Goes);
        };
        if !pipeline.negated {
            return self.node(only, certain);
        }
        let (report, (fate, flow)) = self.apart(|walker| walker.node(only, certain));
        self.report.append(report.doubted());
        let fate = match fate {
            Fate::Fails => Fate::Succeeds,
            Fate::Succeeds => Fate::Fails,
            open => open,
        };
        (fate, flow)
    }

    fn node(&mut self, node: &Node, certain: bool) -> Step {
        match node {
            Node::Simple(simple) => self.simple(simple, certain),
            Node::Group(list) => self.list(list, certain),
            Node::Subshell(list) => {
                let kept = self.state.clone();
                let (fate, flow) = self.list(list, certain);
                self.state = kept;
                let fate = if flow == Flow::Breaks { Fate::Fails } else { fate };
                (fate, Flow::Goes)
            }
            Node::If { branches, otherwise } => self.conditional(branches, otherwise.as_ref(), certain),
            Node::Loop { condition, body } => {
                let (report, (_, flow)) = self.apart(|walker| walker.list(condition, certain));
                self.report.append(report.doubted());
                let flow = if flow == Flow::Goes { self.branch(body) } else { flow };
                (Fate::Open, after_branch(Flow::Goes, flow))
            }
            Node::For { body } => {
                let flow = self.branch(body);
                (Fate::Open, after_branch(Flow::Goes, flow))
            }
            Node::Case { arms } => {
                let mut flow = Flow::Goes;
                for arm in arms {
                    flow = after_branch(flow, self.branch(arm));
                }
                (Fate::Open, flow)
            }
            Node::Function { name, body } => {
                if self.state.functions.insert(name.clone(), Rc::new((**body).clone())).is_some() || !certain {
                    self.state.unclear.insert(name.clone());
                }
                (Fate::Succeeds, Flow::Goes)
            }
            Node::Test => (Fate::Open, Flow::Goes),
        }
    }

    fn conditional(&mut self, branches: &[(List, List)], otherwise: Option<&List>, certain: bool) -> Step {
        let mut flow = Flow::Goes;
        let mut all_end = otherwise.is_some();
        for (index, (condition, body)) in branches.iter().enumerate() {
            let (report, _) = self.apart(|walker| walker.list(condition, certain && index == 0));
            self.report.append(report.doubted());
            let ends = self.branch(body);
            all_end &= matches!(ends, Flow::Returns | Flow::Ends | Flow::Breaks);
            flow = after_branch(flow, ends);
        }
        if let Some(body) = otherwise {
            let ends = self.branch(body);
            all_end &= matches!(ends, Flow::Returns | Flow::Ends | Flow::Breaks);
            flow = after_branch(flow, ends);
        }
        (Fate::Open, if all_end { Flow::Ends } else { flow })
    }

    /// Commands that are reached perhaps: whatever they change is then not known.
    fn branch(&mut self, list: &List) -> Flow {
        let before = self.state.clone();
        let (_, flow) = self.list(list, false);
        let after = &mut self.state;
        if after.setting.path != before.setting.path {
            let why = "PATH is set in a branch".to_owned();
            after.setting.path_unclear.get_or_insert(why);
        }
        if after.setting.cwd != before.setting.cwd {
            after.setting.cwd = None;
        }
        let texts = |words: &Option<Vec<Word>>| {
            words.as_ref().map(|words| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>())
        };
        if texts(&after.arguments) != texts(&before.arguments) {
            after.arguments = None;
        }
        flow
    }

    fn place(&self, line: u32) -> Option<String> {
        self.path.map(|path| format!("{} line {line}", code(format!("/{path}"))))
    }

    fn simple(&mut self, simple: &Simple, certain: bool) -> Step {
        if !self.resolver.step() {
            tell(&self.state.setting, self.report, "more commands than are followed".to_owned());
            return (Fate::Open, Flow::Perhaps);
        }
        for target in &simple.writes {
            self.state.unclear.insert(target.text.clone());
        }
        let Some(first) = simple.words.first() else {
            simple.assignments.iter().for_each(|word| assign(word, &mut self.state.setting));
            return (Fate::Open, Flow::Goes);
        };
        let line = first.line;
        let words: Vec<Word> = self.with_arguments(&simple.words);
        let mut setting = Setting { certain, ..self.state.setting.clone() };
        setting.via.extend(self.place(line));
        setting.at = self.path.map(|path| (path.to_owned(), line)).or(setting.at);
        simple.assignments.iter().for_each(|word| assign(word, &mut setting));
        let Some(name) = words.first().and_then(Word::literal).map(str::to_owned) else {
            if let Some(first) = words.first() {
                tell(&setting, self.report, format!("{} is only known when it runs", code(&first.text)));
            }
            return (Fate::Open, Flow::Goes);
        };
        if let Some(body) = self.state.functions.get(&name).cloned() {
            return self.call(
                &body,
                words.get(1..).unwrap_or_default(),
                certain && !self.state.unclear.contains(&name),
            );
        }
        if is_builtin(&name) {
            return self.builtin(&name, &words, &setting);
        }
        self.program(&name, &words, &setting)
    }

    fn program(&mut self, name: &str, words: &[Word], setting: &Setting) -> Step {
        let mut own = Report::default();
        let fate = self.resolver.run(words, setting, &mut own);
        let reason = match &self.state.sourced {
            _ if self.state.unclear.contains(name) => Some("the script itself asks for it or makes it".to_owned()),
            Some(file) if !name.contains('/') => Some(format!("{} may define it", code(file))),
            _ => None,
        };
        if let (Some(reason), Fate::Fails) = (reason, fate) {
            tell(setting, self.report, format!("{} is not in the image, but {reason}", code(name)));
            return (Fate::Open, Flow::Goes);
        }
        self.report.append(own);
        let base = basename(name);
        if matches!(base, "which" | "whereis") {
            self.state.unclear.extend(words.iter().skip(1).map(|word| word.text.clone()));
        }
        if brings_programs(base) && fate != Fate::Fails {
            self.state.setting.changed.get_or_insert(base.to_owned());
        }
        (fate, Flow::Goes)
    }

    /// The words, with `"$@"` filled in where it is known.
    fn with_arguments(&self, words: &[Word]) -> Vec<Word> {
        let mut filled = Vec::with_capacity(words.len());
        for word in words {
            match &self.state.arguments {
                Some(arguments) if word.is_arguments() => filled.extend(arguments.iter().cloned()),
                _ => filled.push(word.clone()),
            }
        }
        filled
    }

    fn call(&mut self, body: &Node, arguments: &[Word], certain: bool) -> Step {
        if self.calls >= MAX_CALLS {
            return (Fate::Open, Flow::Perhaps);
        }
        self.calls += 1;
        let kept = self.state.arguments.replace(arguments.to_vec());
        let (fate, flow) = self.node(body, certain);
        self.state.arguments = kept;
        self.calls -= 1;
        // A function that returned, or may have, does not end its caller.
        let returned = flow == Flow::Returns || (flow == Flow::Perhaps && !may_end_shell(body));
        (fate, if returned { Flow::Goes } else { flow })
    }

    fn builtin(&mut self, name: &str, words: &[Word], setting: &Setting) -> Step {
        let rest = words.get(1..).unwrap_or_default();
        let literal = |at: usize| rest.get(at).and_then(Word::literal);
        let state = &mut self.state;
        match name {
            ":" | "true" | "echo" | "printf" => return (Fate::Succeeds, Flow::Goes),
            "false" => return (Fate::Fails, Flow::Goes),
            "exit" | "return" | "logout" => {
                let error =
                    literal(0).is_some_and(|status| status != "0") || rest.first().is_some_and(|word| !word.literal);
                let fate = if error { Fate::Fails } else { Fate::Open };
                let ends = if error { Flow::Breaks } else { Flow::Ends };
                return (fate, if name == "return" { Flow::Returns } else { ends });
            }
            "exec" => return self.exec(rest, setting),
            "command" | "builtin" => return self.command(rest, setting),
            "type" | "hash" => state.unclear.extend(rest.iter().map(|word| word.text.clone())),
            "[" | "test" => {
                state.unclear.extend(rest.iter().filter(|word| word.text.contains('/')).map(|word| word.text.clone()));
            }
            "alias" => {
                let names = rest.iter().filter_map(|word| word.text.split_once('=')).map(|(name, _)| name.to_owned());
                state.unclear.extend(names);
            }
            "cd" | "chdir" | "pushd" | "popd" => {
                let folder = rest.iter().rev().find(|word| !word.text.starts_with('-')).and_then(Word::literal);
                state.setting.cwd = match (folder, &state.setting.cwd) {
                    (Some(folder), _) if folder.starts_with('/') => Some(folder.to_owned()),
                    (Some(folder), Some(cwd)) => Some(format!("{cwd}/{folder}")),
                    _ => None,
                };
            }
            "export" | "readonly" | "declare" | "typeset" | "local" => {
                for word in rest {
                    assign(word, &mut state.setting);
                }
            }
            "set" => {
                let begin = rest.iter().position(|word| !word.text.starts_with(['-', '+']) || word.text == "--");
                match begin.and_then(|at| Some((at, rest.get(at)?))) {
                    None => {}
                    Some((at, word)) if word.text == "--" => {
                        let words = rest.get(at + 1..).unwrap_or_default();
                        state.arguments = words.iter().all(|word| word.literal).then(|| words.to_vec());
                    }
                    // The name behind `-o` is no argument.
                    Some((at, _)) if at > 0 && rest.get(at - 1).is_some_and(|word| word.text.ends_with('o')) => {}
                    Some(_) => state.arguments = None,
                }
            }
            "shift" => match (&mut state.arguments, literal(0).unwrap_or("1").parse::<usize>()) {
                (Some(words), Ok(count)) if setting.certain => {
                    words.drain(..count.min(words.len()));
                }
                _ => state.arguments = None,
            },
            "eval" => {
                state.sourced = Some("eval".to_owned());
                state.setting.path_unclear = Some("`eval` may set PATH".to_owned());
            }
            "." | "source" => return self.source(rest, setting),
            _ => {}
        }
        (Fate::Open, Flow::Goes)
    }

    fn exec(&mut self, rest: &[Word], setting: &Setting) -> Step {
        let options = rest.iter().take_while(|word| word.literal && word.text.starts_with('-')).count();
        let names = rest.iter().take(options).filter(|word| word.text.ends_with('a')).count();
        let command = rest.get(options + names..).unwrap_or_default();
        let Some(first) = command.first() else { return (Fate::Open, Flow::Goes) };
        if let Some(name) = first.literal().map(str::to_owned) {
            let (fate, _) = self.program(&name, command, setting);
            return (fate, if fate == Fate::Fails { Flow::Breaks } else { Flow::Ends });
        }
        tell(setting, self.report, format!("{} is only known when it runs", code(&first.text)));
        (Fate::Open, Flow::Ends)
    }

    /// `command` and `builtin`: with `-v` a question, else a command without functions.
    fn command(&mut self, rest: &[Word], setting: &Setting) -> Step {
        let Some(first) = rest.first() else { return (Fate::Succeeds, Flow::Goes) };
        match first.text.as_str() {
            "-v" | "-V" | "-pv" => {
                self.state.unclear.extend(rest.iter().skip(1).map(|word| word.text.clone()));
                (Fate::Open, Flow::Goes)
            }
            "-p" | "--" => self.command(rest.get(1..).unwrap_or_default(), setting),
            name if is_builtin(name) && first.literal => self.builtin(name, rest, setting),
            name => self.program(name, rest, setting),
        }
    }

    /// Reads a file into this shell.
    fn source(&mut self, rest: &[Word], setting: &Setting) -> Step {
        let name = rest.first().map(|word| word.text.clone()).unwrap_or_default();
        let place = rest.first().and_then(Word::literal).filter(|name| name.contains('/')).and_then(|name| {
            let base = setting.cwd.as_deref().or(name.starts_with('/').then_some("/"))?;
            self.resolver.files.look(name, base, setting.who.as_ref()).ok().map(|place| place.path)
        });
        let image = self.resolver.image;
        let text = place.as_deref().and_then(|path| image.startup.as_ref()?.text(path)).filter(|text| !text.cut);
        let list = text.and_then(|text| parse(&text.text).ok());
        let (Some(list), true, Some(path)) = (list, self.calls < MAX_CALLS, place) else {
            self.state.sourced = Some(name);
            let why = "a file that it reads in may set PATH".to_owned();
            self.state.setting.path_unclear.get_or_insert(why);
            return (Fate::Open, Flow::Goes);
        };
        self.calls += 1;
        let via = setting.via.clone();
        let kept = std::mem::replace(&mut self.state.setting.via, via);
        let mut inner = Walker {
            resolver: self.resolver,
            path: Some(&path),
            state: self.state.clone(),
            report: &mut *self.report,
            calls: self.calls,
        };
        let step = inner.list(&list, setting.certain);
        self.state = inner.state;
        self.state.setting.via = kept;
        self.calls -= 1;
        step
    }
}

/// How the shell goes on behind commands that are reached perhaps: those that end it with an error are no way it should go.
fn after_branch(before: Flow, branch: Flow) -> Flow {
    match (before, branch) {
        (Flow::Perhaps, _) | (_, Flow::Perhaps | Flow::Returns | Flow::Ends) => Flow::Perhaps,
        _ => Flow::Goes,
    }
}

/// Whether something in a function ends the whole shell as it should.
fn may_end_shell(node: &Node) -> bool {
    let in_list = |list: &List| {
        list.iter()
            .flat_map(|item| std::iter::once(&item.first).chain(item.rest.iter().map(|(_, pipeline)| pipeline)))
            .any(|pipeline| pipeline.commands.iter().any(may_end_shell))
    };
    match node {
        Node::Simple(simple) => {
            let word = |at: usize| simple.words.get(at).map(|word| word.text.as_str());
            match word(0) {
                Some("exec") => simple.words.len() > 1,
                Some("exit") => word(1).is_none_or(|status| status == "0"),
                _ => false,
            }
        }
        Node::Group(list) | Node::For { body: list } => in_list(list),
        Node::If { branches, otherwise } => {
            branches.iter().any(|(condition, body)| in_list(condition) || in_list(body))
                || otherwise.as_ref().is_some_and(in_list)
        }
        Node::Loop { condition, body } => in_list(condition) || in_list(body),
        Node::Case { arms } => arms.iter().any(in_list),
        Node::Subshell(_) | Node::Function { .. } | Node::Test => false,
    }
}

/// Whether a pipeline only answers a question, so that what follows `&&` is a branch.
fn is_question(pipeline: &Pipeline) -> bool {
    pipeline.negated
        || match pipeline.commands.last() {
            Some(Node::Test) => true,
            Some(Node::Simple(simple)) => {
                simple.words.first().is_some_and(|word| asks(basename(&word.text)) || !word.literal)
            }
            Some(Node::Group(list) | Node::Subshell(list)) => {
                list.last().is_some_and(|item| item.rest.is_empty() && is_question(&item.first))
            }
            _ => false,
        }
}

/// The first word of a chain, for a message.
fn first_word(item: &Item) -> Option<String> {
    match item.first.commands.first()? {
        Node::Simple(simple) => simple.words.first().map(|word| word.text.clone()),
        _ => Some("( … )".to_owned()),
    }
}
