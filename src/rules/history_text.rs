//! Steps of the build as the history tells them: keyword and words, without pretending to be a shell.
//!
//! Two forms are in use: `/bin/sh -c #(nop)  CMD […]` and `|1 A=b /bin/sh -c make` of the classic builder and of Buildah,
//! `CMD […]` and `RUN |1 A=b /bin/sh -c make # buildkit` of `BuildKit`.

use crate::model::ImageFacts;

use super::{Fault, Outcome, Seat};

/// Instructions of a Dockerfile that a history may name.
const KEYWORDS: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];
/// Words that end a simple command.
const BREAKS: &[&str] = &[
    "&&", "||", "|", ";", "&", "{", "}", "(", ")", "then", "do", "else", "elif", "if", "while", "!", "fi", "done", "in",
];
/// Programs that only start another one.
const STARTERS: &[&str] = &["exec", "env", "time", "nice", "command", "eatmydata"];

/// The keyword of a step and what stands behind it, for `RUN` the command itself; the keyword is empty when the text is
/// none of a known builder.
pub(super) fn step(created_by: &str) -> (&str, &str) {
    let text = created_by.trim();
    let text = text.strip_suffix("# buildkit").unwrap_or(text).trim_end();
    if let Some((before, rest)) = text.split_once("#(nop)")
        && before.trim_end().ends_with("-c")
    {
        return keyword(rest.trim_start());
    }
    match keyword(text) {
        ("RUN", body) => ("RUN", command(without_arguments(body).1)),
        ("", _) if text.starts_with('|') => ("RUN", command(without_arguments(text).1)),
        ("", _) if command(text).len() < text.len() => ("RUN", command(text)),
        known => known,
    }
}

fn keyword(text: &str) -> (&str, &str) {
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    match KEYWORDS.iter().find(|keyword| **keyword == first) {
        Some(keyword) => (keyword, rest.trim_start()),
        None => ("", text),
    }
}

/// What a shell in front is told to do: `/bin/bash -o pipefail -c make` is `make`.
fn command(text: &str) -> &str {
    let (shell, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if !(shell.starts_with('/') && shell.ends_with("sh")) {
        return text;
    }
    // A few options may stand before the one that brings the command.
    for _ in 0..6 {
        let (word, behind) = rest.trim_start().split_once(char::is_whitespace).unwrap_or((rest.trim_start(), ""));
        rest = behind;
        if word.starts_with('-') && !word.starts_with("--") && word.ends_with('c') {
            return rest.trim_start();
        }
    }
    text
}

/// The build arguments in front of a command, `|2 A=b C=d `, and the command.
fn without_arguments(text: &str) -> (&str, &str) {
    let Some(rest) = text.strip_prefix('|') else { return ("", text) };
    // The command begins with its shell.
    let shell = rest.match_indices(" /").find(|(at, _)| {
        let word = rest[at + 1..].split_whitespace().next().unwrap_or_default();
        word.ends_with("sh") && command(&rest[at + 1..]).len() < rest.len() - at - 1
    });
    match shell {
        Some((at, _)) => (&rest[..at], &rest[at + 1..]),
        None => (rest, ""),
    }
}

/// The build arguments that a `RUN` saw: name and value.
pub(super) fn arguments(created_by: &str) -> Vec<(&str, &str)> {
    let text = created_by.trim();
    let text = text.strip_prefix("RUN ").map_or(text, str::trim_start);
    let (head, _) = without_arguments(text);
    let Some((number, list)) = head.split_once(' ') else { return Vec::new() };
    let number: usize = number.parse().unwrap_or(0);
    // A value may hold blanks: an argument ends where the next one begins.
    let starts: Vec<usize> = std::iter::once(0)
        .chain(list.match_indices(' ').map(|(at, _)| at + 1))
        .filter(|at| list[*at..].split_once('=').is_some_and(|(name, _)| is_name(name)))
        .take(number)
        .collect();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([list.len()]);
    starts.iter().zip(ends).filter_map(|(start, end)| list.get(*start..end)?.split_once('=')).collect()
}

/// The build argument that an `ARG` declares with a value.
pub(super) fn argument(created_by: &str) -> Option<(&str, &str)> {
    match step(created_by) {
        ("ARG", rest) => rest.split_once('=').filter(|(name, _)| is_name(name)),
        _ => None,
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The simple commands of a `RUN`, each as its words, the program first: assignments and starters before it are left away.
pub(super) fn commands(text: &str) -> Vec<Vec<&str>> {
    let mut commands: Vec<Vec<&str>> = vec![Vec::new()];
    for line in text.lines() {
        for mut word in line.split_whitespace() {
            if word == "\\" {
                continue;
            }
            word = word.trim_start_matches(['(', '"', '\'', '`']).trim_end_matches(['"', '\'', '`', ')']);
            word = word.strip_prefix("$(").unwrap_or(word);
            let ends = word.ends_with([';', '&', '|']);
            let bare = word.trim_end_matches([';', '&', '|']);
            let is_break = BREAKS.contains(&word) || bare.is_empty();
            if let Some(current) = commands.last_mut().filter(|_| !is_break) {
                let assignment = || bare.split_once('=').is_some_and(|(name, _)| is_name(name));
                if !current.is_empty() || !(STARTERS.contains(&bare) || assignment()) {
                    current.push(bare);
                }
            }
            if is_break || ends {
                commands.push(Vec::new());
            }
        }
        // A line that is continued goes on; any other ends its command.
        if !line.trim_end().ends_with('\\') {
            commands.push(Vec::new());
        }
    }
    commands.retain(|words| !words.is_empty());
    commands
}

/// The program of a command by its name alone.
pub(super) fn program<'a>(words: &[&'a str]) -> &'a str {
    words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word))
}

/// Lets `look` judge every `RUN` of the history: a subject and what is wrong, or nothing.
pub(super) fn judge_runs(image: &ImageFacts, look: impl Fn(&[Vec<&str>]) -> Option<(String, String)>) -> Outcome {
    let mut runs = 0;
    let mut faults = Vec::new();
    for (index, entry) in (0_u32..).zip(&image.config.history) {
        let ("RUN", text) = step(&entry.created_by) else { continue };
        runs += 1;
        if let Some((subject, message)) = look(&commands(text)) {
            faults.push(Fault { subject, message, seat: Seat::History(index), fix: None });
        }
    }
    if image.config.history.is_empty() {
        return Outcome::NotApplicable("the image has no history".to_owned());
    }
    if faults.is_empty() { Outcome::Pass(super::words::count(runs, "step")) } else { Outcome::Fail(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builders_form_is_a_keyword_and_its_words() {
        for (text, wanted) in [
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", ("CMD", "[\"bash\"]")),
            ("/bin/sh -c #(nop) ADD file:8d33 in / ", ("ADD", "file:8d33 in /")),
            ("/bin/bash -o pipefail -c #(nop) USER app", ("USER", "app")),
            ("RUN |1 A=b c /bin/sh -c make all # buildkit", ("RUN", "make all")),
            ("RUN /bin/bash -o pipefail -c curl x | tar -x # buildkit", ("RUN", "curl x | tar -x")),
            ("|0 /bin/sh -c true", ("RUN", "true")),
            ("/bin/sh -c set -eux; make", ("RUN", "set -eux; make")),
            ("RUN apt-get update # buildkit", ("RUN", "apt-get update")),
            ("MAINTAINER A B", ("MAINTAINER", "A B")),
            ("bazel build //x", ("", "bazel build //x")),
            ("RUN <<EOF (apt-get update...)", ("RUN", "<<EOF (apt-get update...)")),
            ("", ("", "")),
            ("|", ("RUN", "")),
            ("/bin/sh", ("", "/bin/sh")),
        ] {
            assert_eq!(step(text), wanted, "{text}");
        }
    }

    #[test]
    fn build_arguments_keep_the_blanks_of_their_values() {
        let text = "RUN |3 A=b c D= E_1=x=y /bin/sh -c echo F=g # buildkit";
        assert_eq!(arguments(text), [("A", "b c"), ("D", ""), ("E_1", "x=y")]);
        assert_eq!(arguments("|1 A=b C=d /bin/sh -c x"), [("A", "b C=d")]);
        assert_eq!(arguments("RUN A=b make"), []);
        assert_eq!(arguments("|x A=b"), []);
        assert_eq!(argument("/bin/sh -c #(nop)  ARG T=x"), Some(("T", "x")));
        assert_eq!(argument("ARG T"), None);
    }

    #[test]
    fn commands_are_split_at_words() {
        assert_eq!(
            commands("set -ex; DEBIAN_FRONTEND=noninteractive apt-get update && \\\n  (curl -k x | tar -x) || exit 1"),
            [
                vec!["set", "-ex"],
                vec!["apt-get", "update"],
                vec!["curl", "-k", "x"],
                vec!["tar", "-x"],
                vec!["exit", "1"]
            ]
        );
        assert_eq!(
            commands("<<EOF\napt-get update\nmake\nEOF"),
            [vec!["<<EOF"], vec!["apt-get", "update"], vec!["make"], vec!["EOF"]]
        );
        assert_eq!(program(&["/usr/bin/curl", "-k"]), "curl");
        assert_eq!(commands(" ; && "), Vec::<Vec<&str>>::new());
    }
}
