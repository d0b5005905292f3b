//! `-o FORMAT[=FILE]`, repeatable: what goes where.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Failure;

/// One `-o`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Output {
    pub format: String,
    /// None for stdout.
    pub file: Option<PathBuf>,
}

/// Reads all `-o` and checks that at most one of them goes to stdout.
pub(super) fn parse(texts: &[String], known: &[&str]) -> Result<Vec<Output>, Failure> {
    let mut outputs = Vec::new();
    for text in texts {
        let (format, file) = match text.split_once('=') {
            Some((_, "")) => return Err(Failure::usage(format!("`-o {text}` names no file"))),
            Some((format, file)) => (format, (file != "-").then(|| PathBuf::from(file))),
            None => (text.as_str(), None),
        };
        if !known.contains(&format) {
            let hint = crate::yaml::suggest(format, known).unwrap_or_default();
            return Err(Failure::usage(format!("there is no output format `{format}`")).with_hint(hint));
        }
        outputs.push(Output { format: format.to_owned(), file });
    }
    if outputs.is_empty() {
        outputs.push(Output { format: known[0].to_owned(), file: None });
    }
    if outputs.iter().filter(|output| output.file.is_none()).count() > 1 {
        return Err(Failure::usage("two outputs go to stdout").with_hint("write one of them to a file: -o FORMAT=FILE"));
    }
    Ok(outputs)
}

/// Writes a text to its place. A reader that has gone away is no error.
pub(super) fn write(output: &Output, text: &str) -> Result<(), Failure> {
    match &output.file {
        None => print(text),
        Some(path) => save(path, text),
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line writes files")]
pub(super) fn save(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::file(path, "written", &error))
}

/// Writes to stdout.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::usage(format!("stdout could not be written: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_told_apart() {
        let of =
            |texts: &[&str]| parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>(), &["text", "json"]);
        assert_eq!(of(&[]).expect("default")[0].format, "text");
        assert_eq!(of(&["json=a=b"]).expect("file")[0].file.as_deref(), Some(Path::new("a=b")));
        assert_eq!(of(&["jsno"]).expect_err("unknown").hint.as_deref(), Some("did you mean `json`?"));
        assert!(of(&["text", "json"]).is_err());
        assert!(of(&["text", "json=x"]).is_ok());
        assert!(of(&["json="]).is_err());
    }
}
