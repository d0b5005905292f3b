//! `imgguard policy`, and how every command finds its policy.

mod bundle;
mod parents;
mod share;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::policy::{Policy, Trial, builtin, builtin_default, parse_from, preset_names, render, schema};

use super::connection::ConnectionArguments;
use super::terminal::Terminal;
use super::{Exit, Failure, check, image, output};
use parents::Sources;

pub(super) use parents::ParentArguments;

/// The files that are looked for, in this order; the first one that exists counts, alone.
const FILES: &[&str] = &["imgguard.yaml", ".imgguard.yaml", ".github/imgguard.yaml"];

#[derive(Debug, Args)]
pub(super) struct PolicyArguments {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Check a policy file without judging anything.
    Check {
        /// Policy file or built-in policy; what `check` would use unless given.
        #[arg(value_name = "FILE")]
        policy: Option<String>,
        #[command(flatten)]
        parents: Box<LookUp>,
    },
    /// Print the rules in force, each with the line that sets it.
    Show {
        /// Policy file or built-in policy; what `check` would use unless given.
        #[arg(value_name = "FILE")]
        policy: Option<String>,
        #[command(flatten)]
        parents: Box<LookUp>,
    },
    /// Print the JSON schema of policy files, for editors.
    Schema,
    /// Run the tests of a policy.
    Test {
        /// Policy file; what `check` would use unless given.
        #[arg(value_name = "FILE")]
        policy: Option<String>,
        #[command(flatten)]
        parents: Box<LookUp>,
    },
    /// Print what expressions of custom rules can name: the facts of an image and the functions.
    Facts,
    /// Put a policy into a registry as a bundle that other policies can extend, and sign it.
    Push(Box<share::PushArguments>),
    /// Fetch a bundle with its signatures into a layout folder, so that policies that extend it need no network.
    Pull(Box<share::PullArguments>),
}

/// How the parents of a policy are found, where no image is read.
#[derive(Debug, Args)]
struct LookUp {
    #[command(flatten)]
    parents: ParentArguments,
    #[command(flatten)]
    connection: ConnectionArguments,
}

impl LookUp {
    fn load(&self, asked: Option<&str>, terminal: &Terminal) -> Result<(Policy, Option<PathBuf>), Failure> {
        load(asked, &self.parents, Some(&self.connection), terminal)
    }
}

pub(super) fn run(arguments: &PolicyArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    match &arguments.command {
        PolicyCommand::Check { policy, parents } => {
            let (policy, _) = parents.load(policy.as_deref(), terminal)?;
            output::print(&format!(
                "{}: good, {} rules in force, {}\n",
                policy.source,
                policy.rules.len(),
                policy.digest
            ))?;
        }
        PolicyCommand::Show { policy, parents } => {
            let (policy, _) = parents.load(policy.as_deref(), terminal)?;
            output::print(&policy.describe())?;
        }
        PolicyCommand::Test { policy, parents } => {
            let (policy, path) = parents.load(policy.as_deref(), terminal)?;
            return test(&policy, path.as_deref());
        }
        PolicyCommand::Push(arguments) => return share::push(arguments, terminal),
        PolicyCommand::Pull(arguments) => return share::pull(arguments),
        PolicyCommand::Facts => output::print(&crate::cel::reference())?,
        PolicyCommand::Schema => {
            let text = serde_json::to_string_pretty(&schema()).map_err(|error| Failure::usage(error.to_string()))?;
            output::print(&format!("{text}\n"))?;
        }
    }
    Ok(Exit::Pass)
}

/// Runs the tests of a policy: exit 1 when one of them fails.
fn test(policy: &Policy, path: Option<&Path>) -> Result<Exit, Failure> {
    if policy.tests.is_empty() {
        return Err(Failure::usage(format!("`{}` has no tests", policy.source))
            .with_hint("write them under `tests:`: facts, and what the rules must say of them"));
    }
    let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
    let mut text = String::new();
    let (mut failed, mut seen) = (0_usize, BTreeSet::new());
    for trial in &policy.tests {
        let facts = match &trial.facts {
            Some(file) => image::read_facts(&folder.join(file))?,
            None => Trial::nothing().map_err(|error| Failure::usage(error.to_string()))?,
        };
        let place = format!("{}:{}", trial.origin.file, trial.origin.line);
        let tried = trial.run(policy, facts, super::now()).map_err(|why| Failure::usage(format!("{place}: {why}")))?;
        seen.extend(tried.failed);
        let word = if tried.complaints.is_empty() { "ok    " } else { "FAILED" };
        failed += usize::from(!tried.complaints.is_empty());
        let _ = writeln!(text, "{word} {}", trial.name);
        for complaint in tried.complaints {
            let _ = writeln!(text, "       {place}: {complaint}");
        }
    }
    let untested: Vec<&str> =
        policy.rules.iter().map(|one| one.rule.id.as_ref()).filter(|id| !seen.contains(*id)).collect();
    if !untested.is_empty() {
        let _ = writeln!(text, "no test has seen these rules fail: {}", untested.join(", "));
    }
    let _ = writeln!(text, "{} passed, {failed} failed", policy.tests.len() - failed);
    output::print(&text)?;
    Ok(if failed == 0 { Exit::Pass } else { Exit::Violations })
}

/// Finds, reads and checks the policy: what was asked for, else the first of the usual files, else the built-in one.
pub(super) fn load(
    asked: Option<&str>,
    parents: &ParentArguments,
    connection: Option<&ConnectionArguments>,
    terminal: &Terminal,
) -> Result<(Policy, Option<PathBuf>), Failure> {
    let found = match asked {
        Some(name) if name.starts_with('@') => {
            let unknown = || {
                Failure::usage(format!("there is no built-in policy `{name}`"))
                    .with_hint(format!("there are {}", preset_names().join(", ")))
            };
            let policy = builtin(name).ok_or_else(unknown)?.map_err(|errors| refused(&errors, 0, terminal))?;
            return Ok((policy, None));
        }
        Some(path) => Some(PathBuf::from(path)),
        None => usual_file(),
    };
    let Some(path) = found else { return Ok((builtin_default(), None)) };
    let text = read(&path).map_err(|error| Failure::file(&path, "read", &error))?;
    let mut sources = Sources::new(path.parent().unwrap_or(Path::new("")), parents, connection);
    let policy = parse_from(&text, &path.to_string_lossy(), &mut sources, Some(super::now()))
        .map_err(|errors| refused(&errors, sources.unreachable, terminal))?;
    Ok((policy, Some(path)))
}

/// The policy file that is used when none is asked for.
pub(super) fn usual_file() -> Option<PathBuf> {
    FILES.iter().map(PathBuf::from).find(|path| path.exists())
}

/// Shows what is wrong. When nothing is but that registries did not answer, a retry may help.
fn refused(errors: &crate::policy::PolicyErrors, unreachable: usize, terminal: &Terminal) -> Failure {
    Terminal::say(render(errors, terminal.color_stderr).trim_end());
    if unreachable > 0 && unreachable >= errors.errors().len() {
        return Failure {
            exit: Exit::Infrastructure,
            message: "a part of the policy could not be fetched; no image was opened".to_owned(),
            hint: Some("try again, or fetch it once with `imgguard policy pull`".to_owned()),
        };
    }
    Failure::usage("the policy is refused; no image was opened")
}

#[expect(clippy::disallowed_methods, reason = "the command line reads files")]
fn read(path: &Path) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

/// The file that annotations point at: the policy file, when it lies in the working folder.
pub(super) fn repository_file(policy: Option<&Path>) -> Option<String> {
    policy.and_then(check::relative)
}
