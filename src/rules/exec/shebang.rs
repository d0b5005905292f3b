//! The first line of a script, as the kernel reads it (`execve(2)`, "Interpreter scripts").

use crate::model::basename;

use super::shell::split;

/// Bytes that the kernel looks at behind `#!`.
const MOST: usize = 254;

/// What a first line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shebang {
    /// This interpreter, and the command that it looks up in turn, such as that of `env`.
    Runs { interpreter: String, looks_up: Vec<String> },
    /// Nothing that the kernel can start; a fragment.
    Broken(String),
    /// It cannot be told.
    Unclear(String),
}

/// Reads what stands behind `#!`.
pub(super) fn read(line: &str) -> Shebang {
    if line.contains('\r') {
        let shown = line.trim_end_matches('\r');
        return Shebang::Broken(format!(
            "whose first line ends with a carriage return: the file has Windows line ends, and there is no `{}\\r`",
            shown.trim().replace(['`', '\r'], "'")
        ));
    }
    let text = line.trim_matches([' ', '\t']);
    let (interpreter, argument) = match text.split_once([' ', '\t']) {
        Some((interpreter, argument)) => (interpreter, argument.trim_matches([' ', '\t'])),
        None => (text, ""),
    };
    if interpreter.is_empty() {
        return Shebang::Broken("whose first line names no interpreter".to_owned());
    }
    if line.len() >= MOST && argument.is_empty() {
        return Shebang::Unclear("its first line is longer than the kernel reads".to_owned());
    }
    let looks_up = match basename(interpreter) {
        "env" => match env(argument) {
            Some(words) => words,
            None => return Shebang::Unclear("the arguments of `env` in its first line are not understood".to_owned()),
        },
        "with-contenv" => argument.split_whitespace().map(str::to_owned).take(1).collect(),
        _ => Vec::new(),
    };
    Shebang::Runs { interpreter: interpreter.to_owned(), looks_up }
}

/// The command that `env` looks up, when the kernel hands it everything behind its name as one argument.
fn env(argument: &str) -> Option<Vec<String>> {
    let split_string = ["-S", "--split-string=", "-vS"].iter().find_map(|option| argument.strip_prefix(option));
    let words = match split_string {
        Some(rest) if rest.contains('$') => return None,
        Some(rest) => split(rest)?,
        None => vec![argument.to_owned()],
    };
    let mut words = words.into_iter().peekable();
    while let Some(word) = words.peek() {
        match word.as_str() {
            "-i" | "-" | "--ignore-environment" | "-0" | "-v" => {}
            "-u" | "--unset" | "-C" | "--chdir" => {
                words.next();
            }
            option if option.starts_with("--") && option.contains('=') => {}
            option if option.starts_with('-') && option.len() > 1 => return None,
            assignment if assignment.contains('=') && split_string.is_some() => {}
            _ => break,
        }
        words.next();
    }
    let found: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    (!found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(line: &str) -> Option<(String, Vec<String>)> {
        match read(line) {
            Shebang::Runs { interpreter, looks_up } => Some((interpreter, looks_up)),
            Shebang::Broken(_) | Shebang::Unclear(_) => None,
        }
    }

    #[test]
    fn the_kernel_takes_one_path_and_one_argument() {
        let is = |line: &str, interpreter: &str, looks_up: &[&str]| {
            let wanted = (interpreter.to_owned(), looks_up.iter().map(|word| (*word).to_owned()).collect());
            assert_eq!(runs(line), Some(wanted), "{line}");
        };
        is("/bin/sh", "/bin/sh", &[]);
        is(" /bin/sh -e ", "/bin/sh", &[]);
        is("/usr/bin/env python3", "/usr/bin/env", &["python3"]);
        is("/usr/bin/env python3 -u", "/usr/bin/env", &["python3 -u"]);
        is("/usr/bin/env -S python3 -u", "/usr/bin/env", &["python3", "-u"]);
        is("/usr/bin/env -S A=b 'my python' -u", "/usr/bin/env", &["my python", "-u"]);
        is("/usr/bin/with-contenv bash", "/usr/bin/with-contenv", &["bash"]);
    }

    #[test]
    fn windows_line_ends_and_empty_lines_are_broken() {
        for line in ["/bin/sh\r", "/usr/bin/env python\r", "/bin/sh -e\r", "\r", "", "  "] {
            assert!(matches!(read(line), Shebang::Broken(_)), "{line:?}");
        }
        assert!(matches!(read(&"x".repeat(254)), Shebang::Unclear(_)));
        assert!(matches!(read("/usr/bin/env -S ${X} a"), Shebang::Unclear(_)));
    }
}
