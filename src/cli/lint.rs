//! `imgguard lint`: rules over Dockerfiles alone.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::lint::{LintReport, LintRule, RULES, find, handbook, lint};
use crate::report::{Context, LINT_FORMATS};
use crate::rules::Level;
use crate::secrets::Scanner;

use super::terminal::Terminal;
use super::{Exit, Failure, output};

/// Most bytes of a Dockerfile.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(super) struct LintArguments {
    /// Dockerfiles; `-` for standard input.
    #[arg(required_unless_present = "rules", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Output format, repeatable: text, json, sarif, github; =FILE writes it there.
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    output: Vec<String>,
    /// Give a rule another level for this run, repeatable: deny, warn, info, off.
    #[arg(long, value_name = "RULE=LEVEL")]
    level: Vec<String>,
    /// The least level of a finding that is a violation.
    #[arg(long, value_name = "LEVEL", default_value = "deny")]
    fail_at: String,
    /// Tell the reason behind each finding.
    #[arg(long)]
    explain: bool,
    /// Print the reference of all rules as Markdown.
    #[arg(long, conflicts_with = "files")]
    rules: bool,
}

pub(super) fn run(arguments: &LintArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    if arguments.rules {
        output::print(&handbook())?;
        return Ok(Exit::Pass);
    }
    let known: Vec<&str> = LINT_FORMATS.iter().map(|format| format.name).collect();
    let outputs = output::parse(&arguments.output, &known)?;
    let levels = levels(&arguments.level)?;
    let fail_at = level(&arguments.fail_at)?;
    let scanner = Scanner::new();
    let of_rule = |rule: &LintRule| levels.get(rule.id).copied().unwrap_or(rule.level);
    let mut reports: Vec<LintReport> = Vec::new();
    for path in &arguments.files {
        let name = super::check::relative(path).unwrap_or_else(|| path.to_string_lossy().into_owned());
        reports.push(match read(path)? {
            Ok(text) => lint(&name, &text, &scanner, super::now(), &of_rule),
            Err(why) => LintReport {
                gaps: vec![format!("`{name}` was not read: {why}")],
                file: name,
                lines: BTreeMap::new(),
                findings: Vec::new(),
                waived: Vec::new(),
            },
        });
    }
    let exit = exit(&reports, fail_at);
    for output in &outputs {
        let to_terminal = output.file.is_none();
        let context = Context {
            color: to_terminal && terminal.color,
            width: terminal.width.filter(|_| to_terminal),
            tool_version: env!("CARGO_PKG_VERSION"),
            explain: arguments.explain,
            exit_code: exit.code(),
            ..Context::default()
        };
        if let Some(format) = LINT_FORMATS.iter().find(|format| format.name == output.format) {
            output::write(output, &(format.render)(&reports, &context))?;
        }
    }
    Ok(exit)
}

fn exit(reports: &[LintReport], fail_at: Level) -> Exit {
    let violated = reports.iter().flat_map(|report| &report.findings).any(|finding| finding.level >= fail_at);
    let unseen = reports.iter().any(|report| !report.gaps.is_empty());
    match (violated, unseen) {
        (true, _) => Exit::Violations,
        (false, true) => Exit::Inconclusive,
        (false, false) => Exit::Pass,
    }
}

fn level(text: &str) -> Result<Level, Failure> {
    Ok(match text {
        "deny" => Level::Deny,
        "warn" => Level::Warn,
        "info" => Level::Info,
        "off" => Level::Off,
        _ => {
            let failure = Failure::usage(format!("`{text}` is not a level"));
            return Err(failure.with_hint("levels are `deny`, `warn`, `info`, `off`"));
        }
    })
}

fn levels(texts: &[String]) -> Result<BTreeMap<&'static str, Level>, Failure> {
    let mut levels = BTreeMap::new();
    for text in texts {
        let (id, word) =
            text.split_once('=').ok_or_else(|| Failure::usage(format!("`--level {text}` names no level")))?;
        let rule = find(id).or_else(|| find(&format!("dockerfile.{id}"))).ok_or_else(|| {
            let names = RULES.iter().filter_map(|rule| rule.id.split_once('.'));
            let ids: Vec<&str> = names.map(|(_, name)| name).collect();
            let hint = crate::yaml::suggest(id, &ids).unwrap_or_default();
            Failure::usage(format!("there is no rule `{id}`")).with_hint(hint)
        })?;
        levels.insert(rule.id, level(word)?);
    }
    Ok(levels)
}

/// The text of a Dockerfile; an inner error tells why it is none.
#[expect(clippy::disallowed_methods, reason = "the command line reads the user's files")]
fn read(path: &Path) -> Result<Result<String, String>, Failure> {
    let failure = |error: std::io::Error| Failure::file(path, "read", &error);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failure)?;
    } else {
        std::fs::File::open(path).map_err(failure)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failure)?;
    }
    if bytes.len() as u64 > MAX_BYTES {
        return Ok(Err(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(String::from_utf8(bytes).map_err(|_| "it is no UTF-8 text".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_given_by_rule_and_decide_the_exit_code() {
        let given = levels(&["base-tag=deny".to_owned(), "dockerfile.sudo=off".to_owned()]).expect("good");
        assert_eq!(given["dockerfile.base-tag"], Level::Deny);
        assert_eq!(levels(&["bsae-tag=deny".to_owned()]).expect_err("unknown").exit, Exit::Usage);
        assert!(levels(&["base-tag".to_owned()]).is_err() && levels(&["base-tag=x".to_owned()]).is_err());
        let of = |text: &str, fail_at: Level| {
            exit(&[lint("Dockerfile", text, &Scanner::none(), 0, &|rule| rule.level)], fail_at)
        };
        assert_eq!(of("FROM a\nUSER 1\n", Level::Deny), Exit::Pass);
        assert_eq!(of("FROM a\nUSER 1\n", Level::Warn), Exit::Violations);
        assert_eq!(of("FROM a:1\nRNU x\n", Level::Deny), Exit::Violations);
    }
}
