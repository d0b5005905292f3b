//! Shell text, only as far as its words tell: which simple commands it names and how they are joined.
//!
//! This is no shell. What depends on expansion stays in a word as it is written, marked as not plain; what stands in
//! command substitutions is not looked into.

/// How a command is joined to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// It is the first one, or on a line of its own, or behind `;` or `&`.
    Start,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellWord {
    /// The word without quotes.
    pub text: String,
    /// Whether the shell leaves it as it is: no variable, no substitution, no pattern in it.
    pub plain: bool,
    /// Byte in the text where it starts.
    pub start: usize,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Assignments in front of it.
    pub assignments: Vec<ShellWord>,
    /// Its words; the first one is its name.
    pub words: Vec<ShellWord>,
    /// How it is joined to the one before.
    pub joint: Joint,
}

impl Command {
    /// The name of the program, without its folder; empty when it is not plain.
    #[must_use]
    pub fn name(&self) -> &str {
        let first = self.words.first().filter(|word| word.plain);
        first.map_or("", |word| word.text.rsplit('/').next().unwrap_or_default())
    }

    /// Whether one of the words behind the name is this one.
    #[must_use]
    pub fn has(&self, word: &str) -> bool {
        self.words.iter().skip(1).any(|one| one.text == word)
    }
}

/// Most commands of one text.
const MAX_COMMANDS: usize = 5_000;
/// Words that begin or end a compound command and are no commands themselves.
const RESERVED: &[&str] = &["if", "then", "else", "elif", "do", "while", "until", "!", "{", "("];

/// The words of a text that no shell looks at again, as compose splits commands.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    commands(text)
        .into_iter()
        .flat_map(|command| command.assignments.into_iter().chain(command.words).map(|word| word.text))
        .collect()
}

/// The simple commands of a text, in order.
#[must_use]
pub fn commands(text: &str) -> Vec<Command> {
    let mut lexer = Lexer { text, at: 0, found: Vec::new(), current: empty(Joint::Start) };
    lexer.run();
    lexer.found
}

fn empty(joint: Joint) -> Command {
    Command { assignments: Vec::new(), words: Vec::new(), joint }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    found: Vec<Command>,
    current: Command,
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn end(&mut self, joint: Joint) {
        let done = std::mem::replace(&mut self.current, empty(joint));
        if done.words.is_empty() && done.assignments.is_empty() {
            // `&&` at the end of a line: the joint counts for what follows.
            if joint == Joint::Start && self.found.len() < MAX_COMMANDS {
                self.current.joint = done.joint;
            }
        } else if self.found.len() < MAX_COMMANDS {
            self.found.push(done);
        }
    }

    fn run(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\n' | b'(' | b')' => {
                    self.at += 1;
                    self.end(Joint::Start);
                }
                b'&' if self.peek(1) == Some(b'&') => {
                    self.at += 2;
                    self.end(Joint::And);
                }
                b'&' if self.peek(1) == Some(b'>') => self.redirection(),
                b';' | b'&' => {
                    self.at += 1;
                    self.end(Joint::Start);
                    self.current.joint = Joint::Start;
                }
                b'|' if self.peek(1) == Some(b'|') => {
                    self.at += 2;
                    self.end(Joint::Or);
                }
                b'|' => {
                    self.at += if self.peek(1) == Some(b'&') { 2 } else { 1 };
                    self.end(Joint::Pipe);
                }
                b'#' => {
                    let rest = &self.text[self.at..];
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                b'<' | b'>' => self.redirection(),
                _ => self.word(),
            }
        }
        self.end(Joint::Start);
    }

    /// Passes over a redirection and its word.
    fn redirection(&mut self) {
        while let Some(b'<' | b'>' | b'&' | b'-') = self.peek(0) {
            self.at += 1;
        }
        while let Some(b' ' | b'\t') = self.peek(0) {
            self.at += 1;
        }
        if !matches!(self.peek(0), None | Some(b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>')) {
            let _ = self.read();
        }
    }

    fn word(&mut self) {
        let word = self.read();
        // A number in front of `<` or `>` belongs to the redirection.
        let number = !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit());
        if number && matches!(self.peek(0), Some(b'<' | b'>')) {
            return self.redirection();
        }
        if self.current.words.is_empty() {
            if RESERVED.contains(&word.text.as_str()) && word.plain {
                return;
            }
            let name = word.text.split_once('=').map(|(name, _)| name);
            if name.is_some_and(is_name) {
                self.current.assignments.push(word);
                return;
            }
        }
        self.current.words.push(word);
    }

    /// Reads one word.
    fn read(&mut self) -> ShellWord {
        let start = self.at;
        let mut word = ShellWord { text: String::new(), plain: true, start };
        while let Some(letter) = self.text[self.at..].chars().next() {
            match letter {
                ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
                '\\' => {
                    self.at += 1;
                    if let Some(escaped) = self.text[self.at..].chars().next() {
                        word.text.push(escaped);
                        self.at += escaped.len_utf8();
                    }
                }
                '\'' => {
                    let rest = &self.text[self.at + 1..];
                    let end = rest.find('\'').unwrap_or(rest.len());
                    word.text.push_str(&rest[..end]);
                    self.at = (self.at + 1 + end + 1).min(self.text.len());
                }
                '"' => self.double_quoted(&mut word),
                '$' | '`' => {
                    word.plain = false;
                    self.substitution(&mut word);
                }
                letter => {
                    if matches!(letter, '*' | '?' | '[' | '~') {
                        word.plain = false;
                    }
                    word.text.push(letter);
                    self.at += letter.len_utf8();
                }
            }
        }
        if self.at == start {
            // Never stand still.
            self.at += self.text[self.at..].chars().next().map_or(1, char::len_utf8);
        }
        word
    }

    fn double_quoted(&mut self, word: &mut ShellWord) {
        self.at += 1;
        while let Some(letter) = self.text[self.at..].chars().next() {
            match letter {
                '"' => {
                    self.at += 1;
                    return;
                }
                '\\' => {
                    self.at += 1;
                    if let Some(escaped) = self.text[self.at..].chars().next() {
                        if !matches!(escaped, '"' | '\\' | '$' | '`' | '\n') {
                            word.text.push('\\');
                        }
                        word.text.push(escaped);
                        self.at += escaped.len_utf8();
                    }
                }
                '$' | '`' => {
                    word.plain = false;
                    self.substitution(word);
                }
                letter => {
                    word.text.push(letter);
                    self.at += letter.len_utf8();
                }
            }
        }
    }

    /// Passes over `$(…)`, `${…}`, `` `…` `` or a `$`; its text stays in the word.
    fn substitution(&mut self, word: &mut ShellWord) {
        let rest = &self.text[self.at..];
        let length = if let Some(inner) = rest.strip_prefix('`') {
            inner.find('`').map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("$(") || rest.starts_with("${") {
            let (open, close) = if rest.starts_with("$(") { ('(', ')') } else { ('{', '}') };
            let mut depth = 0_usize;
            let mut length = rest.len();
            for (at, letter) in rest.char_indices().skip(1) {
                if letter == open {
                    depth += 1;
                } else if letter == close {
                    depth -= 1;
                    if depth == 0 {
                        length = at + 1;
                        break;
                    }
                }
            }
            length
        } else {
            1
        };
        word.text.push_str(&rest[..length]);
        self.at += length;
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let word = |word: &ShellWord| if word.plain { word.text.clone() } else { format!("<{}>", word.text) };
        let one = |command: &Command| {
            let words: Vec<String> = command.assignments.iter().chain(&command.words).map(word).collect();
            format!("{:?} {}", command.joint, words.join(" "))
        };
        commands(text).iter().map(one).collect()
    }

    #[test]
    fn commands_are_told_apart_by_what_joins_them() {
        assert_eq!(
            told("set -e; A=1 apt-get update && apt-get -y install 'a b' \"c$D\" || exit 1 | tee x &\nrm -rf /x/*"),
            [
                "Start set -e",
                "Start A=1 apt-get update",
                "And apt-get -y install a b <c$D>",
                "Or exit 1",
                "Pipe tee x",
                "Start rm -rf </x/*>",
            ]
        );
        assert_eq!(told("a &&\n b"), ["Start a", "And b"]);
        assert_eq!(told("if ! [ -f x ]; then b; fi"), ["Start <[> -f x ]", "Start b", "Start fi"]);
        assert_eq!(told("a 2>&1 >/dev/null <in # note; x\nb"), ["Start a", "Start b"]);
        assert_eq!(
            told("( a ) ; `b` $(c; d) \"$(e \")\" )\""),
            ["Start a", "Start <`b`> <$(c; d)> <$(e \")>", "Start "].map(str::to_owned).to_vec()
        );
    }

    #[test]
    fn a_name_has_no_folder() {
        assert_eq!(commands("/usr/bin/curl -x")[0].name(), "curl");
        assert_eq!(commands("$X a")[0].name(), "");
        assert!(commands("a -y b")[0].has("-y"));
        assert_eq!(words("serve --name 'a b' X=1"), ["serve", "--name", "a b", "X=1"]);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ \t\nab;&|()<>'\"`$\\\\{}#*?é=1]{0,60}") {
            for command in commands(&text) {
                for word in command.words {
                    proptest::prop_assert!(text.is_char_boundary(word.start));
                }
            }
        }
    }
}
