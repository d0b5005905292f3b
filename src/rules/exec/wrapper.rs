//! Programs that only prepare something and then start another one.

use super::shell::Word;

/// How a program finds the command that it starts.
pub(super) struct Wrapper {
    names: &'static [&'static str],
    /// Options that take the next word as their value.
    values: &'static [&'static str],
    /// Words between the options and the command.
    operands: usize,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    /// It looks after orphaned processes and hands on signals.
    Init,
    /// Assignments may stand before the command.
    Env,
    /// The operand is the user that the command runs as.
    User,
    /// These options name the user.
    UserOption(&'static [&'static str]),
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper { names: &["env"], values: &["-u", "--unset", "-C", "--chdir"], operands: 0, kind: Kind::Env },
    Wrapper { names: &["tini", "tini-static", "docker-init"], values: &["-p", "-e"], operands: 0, kind: Kind::Init },
    Wrapper { names: &["dumb-init"], values: &["-r", "--rewrite"], operands: 0, kind: Kind::Init },
    Wrapper { names: &["catatonit"], values: &[], operands: 0, kind: Kind::Init },
    Wrapper { names: &["gosu", "su-exec", "s6-setuidgid", "setuidgid"], values: &[], operands: 1, kind: Kind::User },
    Wrapper {
        names: &["setpriv"],
        values: &[
            "--reuid",
            "--regid",
            "--groups",
            "--inh-caps",
            "--ambient-caps",
            "--bounding-set",
            "--securebits",
            "--pdeathsig",
            "--selinux-label",
            "--apparmor-profile",
            "--seccomp-filter",
            "--ruid",
            "--euid",
            "--rgid",
            "--egid",
        ],
        operands: 0,
        kind: Kind::UserOption(&["--reuid", "--euid"]),
    },
    Wrapper {
        names: &["chpst"],
        values: &["-u", "-U", "-b", "-e", "-/", "-C", "-n", "-l", "-L", "-m", "-d", "-o", "-p", "-f", "-c", "-t", "-r"],
        operands: 0,
        kind: Kind::UserOption(&["-u"]),
    },
    Wrapper {
        names: &["sudo", "doas"],
        values: &["-u", "--user", "-g", "--group", "-C", "-D", "-h", "-p", "-R", "-T", "-U"],
        operands: 0,
        kind: Kind::UserOption(&["-u", "--user"]),
    },
    Wrapper { names: &["timeout"], values: &["-s", "--signal", "-k", "--kill-after"], operands: 1, kind: Kind::Plain },
    Wrapper { names: &["nice"], values: &["-n", "--adjustment"], operands: 0, kind: Kind::Plain },
    Wrapper { names: &["nohup", "setsid", "unbuffer", "with-contenv"], values: &[], operands: 0, kind: Kind::Plain },
    Wrapper {
        names: &["stdbuf"],
        values: &["-i", "-o", "-e", "--input", "--output", "--error"],
        operands: 0,
        kind: Kind::Plain,
    },
    Wrapper { names: &["ionice"], values: &["-c", "-n", "--class", "--classdata"], operands: 0, kind: Kind::Plain },
];

/// The command inside, and what changes for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inner {
    pub command: Vec<Word>,
    pub user: Option<Word>,
    pub assignments: Vec<Word>,
    pub chdir: Option<Word>,
}

/// The wrapper of this name.
pub(super) fn find(name: &str) -> Option<&'static Wrapper> {
    WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name))
}

impl Wrapper {
    /// The command inside; an error when the words do not tell.
    pub fn inner(&self, words: &[Word]) -> Result<Inner, &'static str> {
        let mut inner = Inner { command: Vec::new(), user: None, assignments: Vec::new(), chdir: None };
        let mut rest: Vec<Word> = words.iter().skip(1).cloned().collect();
        rest.reverse();
        while let Some(word) = rest.pop() {
            let Some(text) = word.literal() else {
                if word.text.starts_with('-') || rest.is_empty() || self.operands == 0 {
                    return Err("what it starts is only known when it runs");
                }
                rest.push(word);
                break;
            };
            if text == "--" {
                break;
            }
            if !text.starts_with('-') || (text == "-" && self.kind != Kind::Env) {
                rest.push(word);
                break;
            }
            if self.kind == Kind::Env
                && let Some(list) = text.strip_prefix("-S").or_else(|| text.strip_prefix("--split-string="))
            {
                let list = if list.is_empty() {
                    rest.pop().map(|word| word.text).unwrap_or_default()
                } else {
                    list.to_owned()
                };
                let words = super::shell::split(&list).filter(|_| !list.contains('$'));
                let words = words.ok_or("the arguments of `env -S` are not understood")?;
                rest.extend(words.iter().rev().map(|word| Word::plain(word)));
                continue;
            }
            let (option, value) = match text.split_once('=') {
                Some((option, value)) => (option, Some(Word { text: value.to_owned(), ..word.clone() })),
                None if self.values.contains(&text) => (text, rest.pop()),
                None => (text, None),
            };
            if let Kind::UserOption(options) = self.kind
                && options.contains(&option)
            {
                inner.user = value;
            } else if self.kind == Kind::Env && matches!(option, "-C" | "--chdir") {
                inner.chdir = value;
            }
        }
        for _ in 0..self.operands {
            let operand = rest.pop();
            if self.kind == Kind::User {
                inner.user = operand;
            }
        }
        let assigns = matches!(self.kind, Kind::Env | Kind::UserOption(_));
        while let Some(word) = rest.pop_if(|word| assigns && is_assignment(word)) {
            inner.assignments.push(word);
        }
        rest.reverse();
        inner.command = rest;
        Ok(inner)
    }
}

fn is_assignment(word: &Word) -> bool {
    word.text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// What `sh`, `bash` and the like are to run.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shell {
    /// A text, and its arguments.
    Text { text: Word, arguments: Vec<Word>, login: bool },
    /// A file, and its arguments.
    File { path: Word, arguments: Vec<Word> },
    /// What comes in, or nothing.
    Input,
}

/// Whether a program of this name is a shell whose text is read.
pub(super) fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "dash" | "ash" | "ksh" | "mksh" | "zsh")
}

/// Reads the words of a shell.
pub(super) fn shell(words: &[Word]) -> Shell {
    let mut rest = words.iter().skip(1);
    let (mut command, mut login) = (false, false);
    let operand = loop {
        let Some(word) = rest.next() else { return Shell::Input };
        match word.text.as_str() {
            "--" | "-" => match rest.next() {
                Some(word) => break word,
                None => return Shell::Input,
            },
            "--login" => login = true,
            "--rcfile" | "--init-file" => {
                rest.next();
            }
            option if option.starts_with("--") => {}
            option if option.len() > 1 && (option.starts_with('-') || option.starts_with('+')) && word.literal => {
                command |= option.contains('c') && option.starts_with('-');
                login |= option.contains('l');
                if option.ends_with('o') || option.ends_with('O') {
                    rest.next();
                } else if option.contains('s') && !command {
                    return Shell::Input;
                }
            }
            _ => break word,
        }
    };
    let operand = operand.clone();
    let mut arguments: Vec<Word> = rest.cloned().collect();
    if command {
        // The first one is the name that the text knows itself by.
        if !arguments.is_empty() {
            arguments.remove(0);
        }
        Shell::Text { text: operand, arguments, login }
    } else {
        Shell::File { path: operand, arguments }
    }
}

/// What `su` and `runuser` are to run: the user, and the shell's text.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Su {
    pub user: Option<Word>,
    pub text: Option<Word>,
    /// `runuser -u`: a command instead of a text.
    pub command: Vec<Word>,
    pub login: bool,
}

/// Reads the words of `su`.
pub(super) fn su(words: &[Word]) -> Su {
    let mut found = Su::default();
    let mut rest = words.iter().skip(1);
    while let Some(word) = rest.next() {
        match word.text.as_str() {
            "-" | "-l" | "--login" => found.login = true,
            "-c" | "--command" | "--session-command" => found.text = rest.next().cloned(),
            "-u" | "--user" => {
                found.user = rest.next().cloned();
                found.command = rest.cloned().skip_while(|word| word.text == "--").collect();
                return found;
            }
            "-s" | "--shell" | "-g" | "--group" | "-G" | "--supp-group" | "-w" => {
                rest.next();
            }
            "-lc" => {
                found.login = true;
                found.text = rest.next().cloned();
            }
            option if option.starts_with("--command=") => {
                found.text = Some(Word { text: option["--command=".len()..].to_owned(), ..word.clone() });
            }
            option if option.starts_with('-') => {}
            _ if found.user.is_none() => found.user = Some(word.clone()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Word> {
        super::super::shell::split(text).expect("closed quotes").iter().map(|word| Word::plain(word)).collect()
    }

    fn inner(text: &str) -> String {
        let words = words(text);
        let wrapper = find(&words[0].text).expect("a wrapper");
        let inner = wrapper.inner(&words).expect("clear");
        let command: Vec<_> = inner.command.iter().map(|word| word.text.as_str()).collect();
        let user = inner.user.map_or_else(String::new, |user| format!(" as {}", user.text));
        format!("{}{user}", command.join(" "))
    }

    #[test]
    fn the_command_inside_is_found_behind_options_and_operands() {
        for (text, expected) in [
            ("env A=b -", "-"),
            ("env -i A=b curl -f x", "curl -f x"),
            ("env -u A -C /srv B=c run", "run"),
            ("env -S 'A=b run -x' more", "run -x more"),
            ("tini -s -e 143 -- run -x", "run -x"),
            ("tini -g run", "run"),
            ("dumb-init --rewrite 15:2 --rewrite=1:2 run", "run"),
            ("gosu postgres:x run -u", "run -u as postgres:x"),
            ("su-exec 1000 run", "run as 1000"),
            ("setpriv --reuid=app --regid app --clear-groups run", "run as app"),
            ("timeout -k 5 10 run -s", "run -s"),
            ("timeout --signal=KILL 10s run", "run"),
            ("nice -n 5 run", "run"),
            ("nice -5 run", "run"),
            ("nohup run", "run"),
            ("sudo -u app A=b run", "run as app"),
            ("env", ""),
        ] {
            assert_eq!(inner(text), expected, "{text}");
        }
    }

    #[test]
    fn shells_take_a_text_or_a_file() {
        let read = |text: &str| match shell(&words(text)) {
            Shell::Text { text, arguments, login } => format!("text {} {} {login}", text.text, arguments.len()),
            Shell::File { path, arguments } => format!("file {} {}", path.text, arguments.len()),
            Shell::Input => "input".to_owned(),
        };
        assert_eq!(read("sh -c 'a b' name x"), "text a b 1 false");
        assert_eq!(read("bash -lc a"), "text a 0 true");
        assert_eq!(read("bash -eo pipefail -c a"), "text a 0 false");
        assert_eq!(read("sh -e /x.sh a b"), "file /x.sh 2");
        assert_eq!(read("sh"), "input");
        assert_eq!(read("sh -s x"), "input");
    }

    #[test]
    fn su_takes_its_options_in_any_order() {
        let read = su(&words("su - postgres -s /bin/sh -c 'initdb -D x'"));
        assert_eq!(read.user.map(|user| user.text).as_deref(), Some("postgres"));
        assert_eq!(read.text.map(|text| text.text).as_deref(), Some("initdb -D x"));
        assert!(read.login);
        let read = su(&words("runuser -u app -- run x"));
        assert_eq!(read.command.len(), 2);
    }
}
