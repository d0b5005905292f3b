//! Shell tokens as a tree of commands (POSIX.1-2024, Shell Command Language, 2.10).

use super::word::{Lexer, ShellError, Token, Word};

/// Deepest nesting of commands.
const MAX_DEPTH: u32 = 60;
/// Most tokens of one text.
const MAX_TOKENS: u32 = 300_000;

/// Commands one behind the other.
pub(super) type List = Vec<Item>;

/// A chain of pipelines, and whether the shell waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub first: Pipeline,
    /// `true` for `&&`, `false` for `||`.
    pub rest: Vec<(bool, Pipeline)>,
    pub background: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub negated: bool,
    pub commands: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Simple(Simple),
    Group(List),
    Subshell(List),
    If {
        branches: Vec<(List, List)>,
        otherwise: Option<List>,
    },
    Loop {
        condition: List,
        body: List,
    },
    For {
        body: List,
    },
    Case {
        arms: Vec<List>,
    },
    Function {
        name: String,
        body: Box<Node>,
    },
    /// `[[ … ]]` and `(( … ))`.
    Test,
}

/// A command with its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub assignments: Vec<Word>,
    pub words: Vec<Word>,
    /// Files that its output is written to.
    pub writes: Vec<Word>,
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<List, ShellError> {
    let mut parser = Parser { lexer: Lexer::new(text), peeked: false, ahead: None, tokens: 0 };
    let list = parser.list(&[], 0)?;
    match parser.peek()? {
        None => Ok(list),
        Some(_) => Err(parser.error("a word or operator stands where no command can")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// `ahead` was read, and is not taken yet.
    peeked: bool,
    ahead: Option<Token>,
    tokens: u32,
}

type Parsed<T> = Result<T, ShellError>;

impl Parser<'_> {
    fn error(&self, why: &'static str) -> ShellError {
        ShellError { line: self.lexer.line, why }
    }

    fn peek(&mut self) -> Parsed<Option<&Token>> {
        if !self.peeked {
            self.tokens += 1;
            if self.tokens > MAX_TOKENS {
                return Err(self.error("it is too long"));
            }
            self.ahead = self.lexer.next()?;
            self.peeked = true;
        }
        Ok(self.ahead.as_ref())
    }

    fn take(&mut self) -> Parsed<Option<Token>> {
        self.peek()?;
        self.peeked = false;
        Ok(self.ahead.take())
    }

    /// The keyword that comes next, if any.
    fn keyword(&mut self) -> Parsed<Option<String>> {
        Ok(match self.peek()? {
            Some(Token::Word(word)) if word.literal && !word.quoted => Some(word.text.clone()),
            _ => None,
        })
    }

    fn is_operator(&mut self, operator: &str) -> Parsed<bool> {
        Ok(matches!(self.peek()?, Some(Token::Operator(found)) if *found == operator))
    }

    fn skip_newlines(&mut self) -> Parsed<()> {
        while matches!(self.peek()?, Some(Token::Newline)) {
            self.take()?;
        }
        Ok(())
    }

    fn expect_keyword(&mut self, wanted: &str, why: &'static str) -> Parsed<()> {
        if self.keyword()?.as_deref() != Some(wanted) {
            return Err(self.error(why));
        }
        self.take()?;
        Ok(())
    }

    /// Commands up to one of these keywords, a closing operator, or the end; what ends it is not taken.
    fn list(&mut self, ends: &[&str], depth: u32) -> Parsed<List> {
        if depth > MAX_DEPTH {
            return Err(self.error("it is nested too deeply"));
        }
        let mut list = List::new();
        loop {
            match self.peek()? {
                None | Some(Token::Operator(")" | ";;" | ";&" | ";;&")) => return Ok(list),
                Some(Token::Newline | Token::Operator(";")) => {
                    self.take()?;
                    continue;
                }
                Some(_) => {}
            }
            if let Some(keyword) = self.keyword()?
                && ends.contains(&keyword.as_str())
            {
                return Ok(list);
            }
            let first = self.pipeline(depth)?;
            let mut rest = Vec::new();
            loop {
                let and = self.is_operator("&&")?;
                if !and && !self.is_operator("||")? {
                    break;
                }
                self.take()?;
                self.skip_newlines()?;
                rest.push((and, self.pipeline(depth)?));
            }
            let background = self.is_operator("&")?;
            if background || self.is_operator(";")? {
                self.take()?;
            }
            list.push(Item { first, rest, background });
        }
    }

    fn pipeline(&mut self, depth: u32) -> Parsed<Pipeline> {
        let mut negated = false;
        while let Some(word) = self.keyword()? {
            match word.as_str() {
                "!" => negated = !negated,
                "time" => {}
                _ => break,
            }
            self.take()?;
        }
        let mut commands = vec![self.command(depth + 1)?];
        while self.is_operator("|")? || self.is_operator("|&")? {
            self.take()?;
            self.skip_newlines()?;
            commands.push(self.command(depth + 1)?);
        }
        Ok(Pipeline { negated, commands })
    }

    fn command(&mut self, depth: u32) -> Parsed<Node> {
        if depth > MAX_DEPTH {
            return Err(self.error("it is nested too deeply"));
        }
        let node = match self.peek()? {
            Some(Token::Operator("(")) => {
                self.take()?;
                let list = self.list(&[], depth + 1)?;
                self.close(")")?;
                Node::Subshell(list)
            }
            Some(Token::Operator("((")) => {
                self.take()?;
                self.lexer.skip_parentheses(0)?;
                self.close(")")?;
                Node::Test
            }
            _ => match self.keyword()?.as_deref() {
                Some("{") => {
                    self.take()?;
                    let list = self.list(&["}"], depth + 1)?;
                    self.expect_keyword("}", "a `{` is not closed")?;
                    Node::Group(list)
                }
                Some("if") => self.conditional(depth)?,
                Some("while" | "until") => {
                    self.take()?;
                    let condition = self.list(&["do"], depth + 1)?;
                    Node::Loop { condition, body: self.body(depth)? }
                }
                Some("for" | "select") => self.each(depth)?,
                Some("case") => self.case(depth)?,
                Some("[[") => self.test()?,
                Some("function") => {
                    self.take()?;
                    let Some(Token::Word(name)) = self.take()? else {
                        return Err(self.error("a function has no name"));
                    };
                    if self.is_operator("(")? {
                        self.take()?;
                        self.close(")")?;
                    }
                    self.skip_newlines()?;
                    Node::Function { name: name.text, body: Box::new(self.command(depth + 1)?) }
                }
                Some("then" | "else" | "elif" | "fi" | "do" | "done" | "esac" | "in" | "}") => {
                    return Err(self.error("a keyword stands where no command ends"));
                }
                _ => return self.simple(depth),
            },
        };
        self.redirections(&mut Simple::default())?;
        Ok(node)
    }

    fn close(&mut self, operator: &str) -> Parsed<()> {
        if !self.is_operator(operator)? {
            return Err(self.error("a parenthesis is not closed"));
        }
        self.take()?;
        Ok(())
    }

    fn body(&mut self, depth: u32) -> Parsed<List> {
        self.expect_keyword("do", "a loop has no `do`")?;
        let body = self.list(&["done"], depth + 1)?;
        self.expect_keyword("done", "a loop has no `done`")?;
        Ok(body)
    }

    fn conditional(&mut self, depth: u32) -> Parsed<Node> {
        self.take()?;
        let mut branches = Vec::new();
        let mut otherwise = None;
        loop {
            let condition = self.list(&["then"], depth + 1)?;
            self.expect_keyword("then", "an `if` has no `then`")?;
            branches.push((condition, self.list(&["elif", "else", "fi"], depth + 1)?));
            match self.keyword()?.as_deref() {
                Some("elif") => {
                    self.take()?;
                }
                Some("else") => {
                    self.take()?;
                    otherwise = Some(self.list(&["fi"], depth + 1)?);
                    self.expect_keyword("fi", "an `if` has no `fi`")?;
                    break;
                }
                _ => {
                    self.expect_keyword("fi", "an `if` has no `fi`")?;
                    break;
                }
            }
        }
        Ok(Node::If { branches, otherwise })
    }

    fn each(&mut self, depth: u32) -> Parsed<Node> {
        self.take()?;
        if self.is_operator("((")? {
            self.take()?;
            self.lexer.skip_parentheses(0)?;
            self.close(")")?;
        }
        // The name, `in` and the words: everything up to the `do` that begins a command.
        let mut fresh = false;
        loop {
            match self.peek()? {
                None => return Err(self.error("a loop has no `do`")),
                Some(Token::Newline | Token::Operator(";")) => fresh = true,
                Some(Token::Word(word)) if word.text == "do" && !word.quoted && fresh => break,
                Some(_) => fresh = false,
            }
            self.take()?;
        }
        Ok(Node::For { body: self.body(depth)? })
    }

    fn case(&mut self, depth: u32) -> Parsed<Node> {
        self.take()?;
        self.take()?;
        self.skip_newlines()?;
        self.expect_keyword("in", "a `case` has no `in`")?;
        let mut arms = Vec::new();
        loop {
            self.skip_newlines()?;
            if self.keyword()?.as_deref() == Some("esac") {
                self.take()?;
                return Ok(Node::Case { arms });
            }
            loop {
                match self.take()? {
                    None => return Err(self.error("a `case` has no `esac`")),
                    Some(Token::Operator(")")) => break,
                    Some(_) => {}
                }
            }
            arms.push(self.list(&["esac"], depth + 1)?);
            if matches!(self.peek()?, Some(Token::Operator(";;" | ";&" | ";;&"))) {
                self.take()?;
            }
        }
    }

    fn test(&mut self) -> Parsed<Node> {
        loop {
            match self.take()? {
                None => return Err(self.error("a `[[` is not closed")),
                Some(Token::Word(word)) if word.text == "]]" && !word.quoted => return Ok(Node::Test),
                Some(_) => {}
            }
        }
    }

    /// Takes redirections; true when there was one.
    fn redirections(&mut self, simple: &mut Simple) -> Parsed<()> {
        loop {
            let operator = match self.peek()? {
                Some(Token::Operator(operator))
                    if operator.starts_with(['<', '>']) || matches!(*operator, "&>" | "&>>") =>
                {
                    *operator
                }
                _ => return Ok(()),
            };
            self.take()?;
            let Some(Token::Word(target)) = self.take()? else { return Err(self.error("a redirection has no target")) };
            match operator {
                "<<" | "<<-" => self.lexer.expect_document(&target, operator == "<<-"),
                ">" | ">>" | ">|" | "&>" | "&>>" => simple.writes.push(target),
                _ => {}
            }
        }
    }

    fn simple(&mut self, depth: u32) -> Parsed<Node> {
        let mut simple = Simple::default();
        loop {
            self.redirections(&mut simple)?;
            match self.peek()? {
                Some(Token::Word(_)) => {
                    let Some(Token::Word(word)) = self.take()? else { continue };
                    if simple.words.is_empty() && word.assigns.is_some() {
                        simple.assignments.push(word);
                        continue;
                    }
                    simple.words.push(word);
                }
                Some(Token::Operator("(")) if simple.words.len() == 1 && simple.assignments.is_empty() => {
                    self.take()?;
                    self.close(")")?;
                    self.skip_newlines()?;
                    let name = simple.words.pop().map(|word| word.text).unwrap_or_default();
                    return Ok(Node::Function { name, body: Box::new(self.command(depth + 1)?) });
                }
                Some(Token::Operator("(" | "((")) => return Err(self.error("a parenthesis stands behind a command")),
                _ => break,
            }
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && simple.writes.is_empty() {
            return Err(self.error("a command is missing"));
        }
        Ok(Node::Simple(simple))
    }
}
