//! `imgguard policy`, and how every command finds its policy.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::policy::{Policy, builtin, builtin_default, parse_at, preset_names, render, schema};

use super::terminal::Terminal;
use super::{Exit, Failure, check, output};

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
    },
    /// Print the rules in force, each with the line that sets it.
    Show {
        /// Policy file or built-in policy; what `check` would use unless given.
        #[arg(value_name = "FILE")]
        policy: Option<String>,
    },
    /// Print the JSON schema of policy files, for editors.
    Schema,
}

pub(super) fn run(arguments: &PolicyArguments, terminal: &Terminal) -> Result<Exit, Failure> {
    match &arguments.command {
        PolicyCommand::Check { policy } => {
            let (policy, _) = load(policy.as_deref(), terminal)?;
            output::print(&format!(
                "{}: good, {} rules in force, {}\n",
                policy.source,
                policy.rules.len(),
                policy.digest
            ))?;
        }
        PolicyCommand::Show { policy } => {
            let (policy, _) = load(policy.as_deref(), terminal)?;
            output::print(&policy.describe())?;
        }
        PolicyCommand::Schema => {
            let text = serde_json::to_string_pretty(&schema()).map_err(|error| Failure::usage(error.to_string()))?;
            output::print(&format!("{text}\n"))?;
        }
    }
    Ok(Exit::Pass)
}

/// Finds, reads and checks the policy: what was asked for, else the first of the usual files, else the built-in one.
pub(super) fn load(asked: Option<&str>, terminal: &Terminal) -> Result<(Policy, Option<PathBuf>), Failure> {
    let found = match asked {
        Some(name) if name.starts_with('@') => {
            let unknown = || {
                Failure::usage(format!("there is no built-in policy `{name}`"))
                    .with_hint(format!("there are {}", preset_names().join(", ")))
            };
            let policy = builtin(name).ok_or_else(unknown)?.map_err(|errors| refused(&errors, terminal))?;
            return Ok((policy, None));
        }
        Some(path) => Some(PathBuf::from(path)),
        None => usual_file(),
    };
    let Some(path) = found else { return Ok((builtin_default(), None)) };
    let text = read(&path).map_err(|error| Failure::file(&path, "read", &error))?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut parent = |relative: &str| read(&folder.join(relative)).map_err(|error| error.to_string());
    let now = Some(super::now());
    let policy =
        parse_at(&text, &path.to_string_lossy(), &mut parent, now).map_err(|errors| refused(&errors, terminal))?;
    Ok((policy, Some(path)))
}

/// The policy file that is used when none is asked for.
pub(super) fn usual_file() -> Option<PathBuf> {
    FILES.iter().map(PathBuf::from).find(|path| path.exists())
}

fn refused(errors: &crate::policy::PolicyErrors, terminal: &Terminal) -> Failure {
    Terminal::say(render(errors, terminal.color_stderr).trim_end());
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
